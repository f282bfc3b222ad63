/* SPDX-License-Identifier: MIT */
/*
 * The search for user namespaces that no process is in: behind the descriptors of every
 * process, behind bind mounts (mounts.c), and around namespaces of other kinds.  And a
 * summary of what could not be read, with the processes that keep it.
 *
 * Threat: a user's process in one namespace can hold another of the same user's, with
 * other ids: it got the descriptor through a socket, or had it before it entered.  So
 * the descriptors of all processes count, not only of those outside.
 *
 * There are thousands of processes, so their links are read in threads; what is new is
 * opened afterwards.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

/* A process can be in one of these without being in the user namespace that owns it. */
enum { LIVE_MNT, LIVE_NAMES = 7 };
static const char *const names[LIVE_NAMES] = {
	[LIVE_MNT] = "ns/mnt",
	"ns/net",
	"ns/uts",
	"ns/ipc",
	"ns/cgroup",
	"ns/pid_for_children",
	"ns/time_for_children",
};

/* A link of a process to a namespace. */
struct link {
	uint64_t inode;
	bool is_user;
	const char *name; /* below /proc/PID, of one that it is in; else NULL */
	int fd;
};

struct links {
	struct link *list;
	size_t n;
	uint64_t mnt; /* its mount namespace; 0: not known */
	bool hidden;  /* its descriptors may not be looked at */
	int error;
};

struct gathering {
	int proc;
	const struct subid_live *live;
	uint64_t own[LIVE_NAMES]; /* what the caller is in, as most processes are */
	struct links *links;
};

static uint64_t read_link(int dir, const char *name, bool *ret_is_user)
{
	char link[64];
	ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);

	if (n <= 0)
		return 0;
	link[n] = '\0';
	return proc_any_namespace(link, ret_is_user);
}

static void add_link(struct links *links, struct link link)
{
	if (array_grow(&links->list, links->n, sizeof(*links->list)) < 0) {
		links->error = -ENOMEM;
		return;
	}
	links->list[links->n++] = link;
}

static void gather_namespaces(const struct gathering *gathering, int dir,
			      struct links *links)
{
	for (size_t i = 0; i < LIVE_NAMES; i++) {
		struct link link = { .name = names[i], .fd = -1 };

		link.inode = read_link(dir, names[i], &link.is_user);
		if (i == LIVE_MNT)
			links->mnt = link.inode;
		if (link.inode != 0 && link.inode != gathering->own[i])
			add_link(links, link);
	}
}

static void gather_descriptors(int dir, struct links *links)
{
	_Alignas(struct dirent64) char buf[4096];
	auto_close int fds = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t size = 0;

	links->hidden |= fds < 0 && !proc_vanished(-errno);
	while (fds >= 0 && (size = getdents64(fds, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < size;) {
			const struct dirent64 *entry = (const void *)(buf + at);
			struct link link = { .name = NULL };

			at += entry->d_reclen;
			if (entry->d_name[0] == '.')
				continue;
			link.inode = read_link(fds, entry->d_name, &link.is_user);
			link.fd = (int)strtol(entry->d_name, NULL, 10);
			if (link.inode != 0)
				add_link(links, link);
		}
	}
	links->hidden |= size < 0 && !proc_vanished(-errno);
}

static void gather(void *data, size_t i)
{
	const struct gathering *gathering = data;
	struct links links = { .n = 0 };
	auto_close int dir = -1;
	const struct subid_live *live = gathering->live;
	size_t userns = live->processes[i].userns;
	bool whole = userns == 0 || !live->passed_over, is_user;
	char name[16];

	if (!whole && i != live->userns[userns].first)
		return;
	(void)snprintf(name, sizeof(name), "%d", (int)live->processes[i].pid);
	dir = openat(gathering->proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	if (whole) {
		gather_namespaces(gathering, dir, &links);
		gather_descriptors(dir, &links);
	} else {
		links.mnt = read_link(dir, names[LIVE_MNT], &is_user);
	}
	gathering->links[i] = links;
}

static struct links own_links(int proc)
{
	struct gathering gathering = { .proc = proc };
	struct links links = { .n = 0 };
	auto_close int dir = openat(proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir >= 0)
		gather_namespaces(&gathering, dir, &links);
	return links;
}

/*
 * The links of each process, into ret[i] as live->processes, whose lists the caller
 * frees, also on failure; without the namespaces that the caller is in, which are
 * own_links(). 0 or -ENOMEM.
 */
static int gather_links(int proc, const struct subid_live *live, struct links *ret)
{
	struct gathering gathering = { .proc = proc, .live = live, .links = ret };
	auto_close int dir = openat(proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool is_user;
	int r = 0;

	for (size_t i = 0; dir >= 0 && i < LIVE_NAMES; i++)
		gathering.own[i] = read_link(dir, names[i], &is_user);
	proc_in_threads(gather, &gathering, live->n_processes);
	for (size_t i = 0; i < live->n_processes && r == 0; i++)
		r = ret[i].error;
	return r;
}

/* Opens what a link of a process leads to.  A descriptor; -ESRCH: it is gone. */
static int open_link(int proc, pid_t pid, const struct link *link)
{
	auto_close int named = -1;
	char path[48];
	struct statfs fs;
	struct stat st;
	int ns;

	if (link->name == NULL)
		(void)snprintf(path, sizeof(path), "%d/fd/%d", (int)pid, link->fd);
	else if (pid == PROC_SELF)
		(void)snprintf(path, sizeof(path), "self/%s", link->name);
	else
		(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, link->name);
	/* Threat: by now the descriptor may be a device, which acts when it is opened, or
	 * a fifo, on which opening hangs: so first it is only named (O_PATH). */
	named = openat(proc, path, O_PATH | O_CLOEXEC);
	if (named < 0 || fstatfs(named, &fs) < 0 || fs.f_type != NSFS_MAGIC ||
	    fstat(named, &st) < 0 || st.st_ino != link->inode)
		return -ESRCH;
	(void)snprintf(path, sizeof(path), "self/fd/%d", named);
	ns = openat(proc, path, O_RDONLY | O_CLOEXEC);
	return ns < 0 ? -errno : ns;
}

/* Each namespace is followed once, whatever leads to it. */
struct chase {
	struct live_scan *scan;
	struct links *links;	   /* as live->processes */
	struct live_inodes others; /* namespaces of other kinds that were followed */
};

static int follow_link(struct chase *chase, pid_t pid, const struct link *link)
{
	auto_close int ns = -1;
	int r;

	if (link->is_user ? live_find(chase->scan, link->inode) != SUBID_LIVE_NONE
			  : live_inodes_have(&chase->others, link->inode))
		return 0;
	ns = open_link(chase->scan->proc, pid, link);
	if (ns < 0) {
		chase->scan->live->partial |= ns != -ESRCH;
		return 0;
	}
	r = live_add_behind(chase->scan, ns, SUBID_HELD_BY_DESCRIPTOR, pid);
	return r == 0 && !link->is_user ? live_inodes_put(&chase->others, link->inode, 0)
					: r;
}

static int follow_links(struct chase *chase, pid_t pid, const struct links *links,
			bool users)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < links->n; i++)
		if (links->list[i].is_user == users)
			r = follow_link(chase, pid, &links->list[i]);
	return r;
}

static int follow_own_links(struct chase *chase)
{
	struct links own = own_links(chase->scan->proc);
	int r = own.error != 0 ? own.error : follow_links(chase, PROC_SELF, &own, false);

	free(own.list);
	return r;
}

/*
 * Of each mount namespace what its first process sees; and what the next ones see, if
 * that is in a chroot, which hides mounts.
 */
static int follow_all_mounts(struct chase *chase, size_t n)
{
	auto_inodes struct live_inodes whole = { .n = 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		uint64_t mnt = chase->links[i].mnt;
		bool sees_all;

		if (mnt == 0 || live_inodes_have(&whole, mnt))
			continue;
		r = live_follow_mounts(chase->scan, chase->scan->live->processes[i].pid,
				       &sees_all);
		if (r == 0 && sees_all)
			r = live_inodes_put(&whole, mnt, 0);
	}
	return r;
}

/* Records what a mount that cannot be opened leads to, unless it is known. */
static int settle_mount(struct chase *chase, const struct subid_live_mount *mount,
			size_t *n)
{
	struct subid_live *live = chase->scan->live;
	size_t i;
	int r;

	if (mount->is_user ? live_find(chase->scan, mount->inode) != SUBID_LIVE_NONE
			   : live_inodes_have(&chase->others, mount->inode))
		return 0;
	live->partial = true;
	if (!mount->is_user) {
		r = live_inodes_put(&chase->others, mount->inode, 0);
		live->covered[(*n)++] = *mount;
		return r;
	}
	r = live_add(chase->scan, mount->inode, SUBID_HELD_BY_MOUNT, mount->pid, &i);
	if (r == 0)
		proc_free_maps(live->userns[i].maps, mount->error);
	return r;
}

/*
 * A mount that cannot be opened in one mount namespace often can be in another, or a
 * process is in the namespace: so these come last.  User namespaces that are left are
 * listed, with maps that are not known; the others stay in covered.
 */
static int settle_mounts(struct chase *chase)
{
	struct subid_live *live = chase->scan->live;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < live->n_covered; i++)
		if (live->covered[i].error == 0)
			r = live_inodes_put(&chase->others, live->covered[i].inode, 0);
	for (size_t i = 0; r == 0 && i < live->n_covered; i++)
		if (live->covered[i].error != 0)
			r = settle_mount(chase, &live->covered[i], &n);
	live->n_covered = n;
	return r;
}

static int chase_all(struct chase *chase, size_t n)
{
	const struct subid_live_process *processes = chase->scan->live->processes;
	int r = gather_links(chase->scan->proc, chase->scan->live, chase->links);

	for (size_t i = 0; i < n; i++)
		chase->scan->live->partial |= chase->links[i].hidden;
	for (size_t i = 0; r == 0 && i < n; i++)
		r = follow_links(chase, processes[i].pid, &chase->links[i], true);
	if (r == 0)
		r = follow_all_mounts(chase, n);
	if (r == 0)
		r = follow_own_links(chase);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = follow_links(chase, processes[i].pid, &chase->links[i], false);
	return r == 0 ? settle_mounts(chase) : r;
}

int live_find_hidden(struct live_scan *scan, enum subid_live_depth depth)
{
	struct chase chase = { .scan = scan };
	struct subid_live *live = scan->live;
	size_t n = live->n_processes;
	int r;

	live->passed_over =
	    depth == SUBID_LIVE_QUICK && n - live->userns[0].n > SUBID_LIVE_MANY;
	chase.links = calloc(n + 1, sizeof(*chase.links));
	if (chase.links == NULL)
		return -ENOMEM;
	r = chase_all(&chase, n);
	for (size_t i = 0; i < n; i++)
		free(chase.links[i].list);
	free(chase.links);
	live_inodes_free(&chase.others);
	return r;
}

static int error_of(const struct subid_live_userns *userns)
{
	return userns->maps[SUBID_UID].error != 0 ? userns->maps[SUBID_UID].error
						  : userns->maps[SUBID_GID].error;
}

/* Who created the outermost namespace around one: its processes act for that user. */
static uint32_t user_of(const struct subid_live *live, size_t userns)
{
	size_t parent = live->userns[userns].parent;

	while (parent != SUBID_LIVE_NONE && parent != 0) {
		userns = parent;
		parent = live->userns[userns].parent;
	}
	return live->userns[userns].owner;
}

static struct subid_hider hider_of(int proc, const struct subid_live *live, pid_t pid)
{
	struct subid_hider hider = { .pid = pid, .uid = SUBID_ID_NONE };

	if (proc >= 0 && pid > 0)
		proc_read_program(proc, pid, hider.program);
	for (size_t i = 0; i < live->n_processes; i++) {
		const struct subid_live_process *process = &live->processes[i];

		if (process->pid == pid)
			hider.uid = process->userns == 0 ? process->uid
							 : user_of(live, process->userns);
	}
	return hider;
}

static bool is_listed(const struct subid_hider *hiders, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (hiders[i].pid == pid)
			return true;
	return false;
}

size_t subid_live_hiders(int proc, const struct subid_live *live, struct subid_hider *ret,
			 size_t room)
{
	size_t n = 0;

	for (size_t i = 1; i < live->n && n < room; i++) {
		const struct subid_live_userns *userns = &live->userns[i];

		if (userns->n > 0 || error_of(userns) == 0 ||
		    is_listed(ret, n, userns->holder))
			continue;
		ret[n] = hider_of(proc, live, userns->holder);
		ret[n].userns = userns->inode;
		ret[n++].error = error_of(userns);
	}
	for (size_t i = 0; i < live->n_covered && n < room; i++) {
		if (is_listed(ret, n, live->covered[i].pid))
			continue;
		ret[n] = hider_of(proc, live, live->covered[i].pid);
		ret[n++].error = live->covered[i].error;
	}
	return n;
}

void subid_live_unreadable(int proc, const struct subid_live *live,
			   struct subid_unreadable *ret)
{
	struct subid_unreadable found = {
		.n = live->n_unread,
		.n_hidden = live->n_covered,
		.first.uid = SUBID_ID_NONE,
	};

	if (live->n_unread > 0) {
		found.first = hider_of(proc, live, live->unread_pid);
		found.first.error = live->unread_error;
	}
	for (size_t i = 1; i < live->n; i++) {
		const struct subid_live_userns *userns = &live->userns[i];

		if (error_of(userns) == 0)
			continue;
		if (userns->n > 0 && found.n == 0) {
			found.first = hider_of(proc, live, userns->holder);
			found.first.userns = userns->inode;
			found.first.error = error_of(userns);
		}
		found.n += userns->n > 0;
		found.n_hidden += userns->n == 0;
	}
	if (found.n == 0)
		(void)subid_live_hiders(proc, live, &found.first, 1);
	*ret = found;
}
