/* SPDX-License-Identifier: MIT */
/*
 * What the processes lead to: the namespaces that each is in, and those that its
 * descriptors are of.
 *
 * Threat: a user's process in one namespace can hold another of the same user's, with
 * other ids: it got the descriptor through a socket, or had it before it entered.  So
 * the descriptors of all processes count, not only of those outside.
 *
 * There are thousands of processes, so small tables of descriptors are read in threads.
 * Threat: hundreds of processes share a large one.  So a large one is read once: kcmp(2)
 * orders the tables of the kernel.  Where it cannot (a filter, a kernel without it), the
 * table is read for each process that has it, within what the user may cost (limit.c).
 *
 * Threat: what a descriptor is of may be a file of a user's file system (FUSE), which
 * never answers.  So the file system is not asked: only which device it is, and which
 * inode, as far as the kernel knows.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

#define TABLE_SMALL 128 /* descriptors */
/* as such a process may be somebody's: to find that out costs as much as so many */
#define TABLE_SMALL_OF_ROOT 16

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

struct gathering {
	int proc;
	uint64_t nsfs; /* device of the namespaces' files; 0: not known */
	const struct subid_live *live;
	struct live_limits *limits;
	uint64_t own[LIVE_NAMES]; /* what the caller is in, as most processes are */
	struct live_links *links;
};

/* Device and inode of a file, without asking its file system.  0 or -errno. */
static int look_at(int dir, const char *name, int flags, struct statx *ret)
{
	return statx(dir, name, flags | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, ret) < 0
		   ? -errno
		   : 0;
}

static uint64_t device_of(const struct statx *file)
{
	return makedev(file->stx_dev_major, file->stx_dev_minor);
}

static uint64_t read_link(int dir, const char *name, bool *ret_is_user)
{
	char link[64];
	ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);

	if (n <= 0)
		return 0;
	link[n] = '\0';
	return proc_any_namespace(link, ret_is_user);
}

static void add_link(struct live_links *links, struct live_link link)
{
	if (array_grow(&links->list, links->n, sizeof(*links->list)) < 0) {
		links->error = -ENOMEM;
		return;
	}
	links->list[links->n++] = link;
}

/* Notes why something could not be looked at; what is gone holds nothing. */
static void note_failure(struct live_links *links, int r)
{
	if (proc_is_short(r))
		links->error = r;
	else if (!proc_vanished(r))
		links->hidden = true;
}

static void gather_namespaces(const struct gathering *gathering, int dir,
			      struct live_links *links)
{
	for (size_t i = 0; i < LIVE_NAMES; i++) {
		struct live_link link = { .name = names[i], .fd = -1 };

		link.inode = read_link(dir, names[i], &link.is_user);
		if (i == LIVE_MNT)
			links->mnt = link.inode;
		if (link.inode != 0 && link.inode != gathering->own[i])
			add_link(links, link);
	}
}

/* One that was opened by a mount of its file has a path for a link: whether it is a user
 * namespace is seen when it is opened. */
static void gather_descriptor(const struct gathering *gathering, int fds,
			      const char *name, struct live_links *links)
{
	struct live_link link = { .is_user = true };
	struct statx file;
	int r = look_at(fds, name, 0, &file);

	if (r < 0) {
		note_failure(links, r);
		return;
	}
	if (gathering->nsfs == 0 || device_of(&file) != gathering->nsfs)
		return;
	if (read_link(fds, name, &link.is_user) == 0)
		link.is_user = true;
	link.inode = file.stx_ino;
	link.fd = (int)strtol(name, NULL, 10);
	add_link(links, link);
}

/*
 * A table of descriptors.  *ret_n: how many there are.  false: there are more than most,
 * and the links are incomplete.
 */
static bool gather_descriptors(const struct gathering *gathering, int dir, size_t most,
			       struct live_limit *limit, struct live_links *links,
			       size_t *ret_n)
{
	_Alignas(struct dirent64) char buf[4096];
	auto_close int fds = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ssize_t size = 0;

	*ret_n = 0;
	if (fds < 0)
		note_failure(links, -errno);
	while (fds >= 0 && (size = getdents64(fds, buf, sizeof(buf))) > 0) {
		int64_t since = limit_now();
		size_t before = *ret_n;

		for (ssize_t at = 0; at < size;) {
			const struct dirent64 *entry = (const void *)(buf + at);

			at += entry->d_reclen;
			if (entry->d_name[0] == '.')
				continue;
			if (++*ret_n > most)
				return false;
			gather_descriptor(gathering, fds, entry->d_name, links);
		}
		limit_spend(limit, since, *ret_n - before);
		if (!limit_is_left(limit))
			return false;
	}
	if (size < 0)
		note_failure(links, -errno);
	return true;
}

/* How many descriptors a process has; 0 where the kernel (before 6.2) does not say. */
static size_t count_descriptors(int dir)
{
	struct stat st;

	return fstatat(dir, "fd", &st, 0) < 0 || st.st_size < 0 ? 0 : (size_t)st.st_size;
}

static int open_process(int proc, pid_t pid)
{
	char name[16];
	int dir;

	(void)snprintf(name, sizeof(name), "%d", (int)pid);
	dir = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : dir;
}

static void gather_small(const struct gathering *gathering, int dir, bool of_root,
			 struct live_limit *limit, struct live_links *links)
{
	size_t most = of_root ? TABLE_SMALL_OF_ROOT : TABLE_SMALL, before = links->n, n;

	links->is_large = count_descriptors(dir) > most ||
			  !gather_descriptors(gathering, dir, most, limit, links, &n);
	if (links->is_large)
		links->n = before;
}

static void gather(void *data, size_t i)
{
	const struct gathering *gathering = data;
	const struct subid_live *live = gathering->live;
	struct live_links *links = &gathering->links[i];
	struct live_limit *limit = &gathering->limits->list[links->limit];
	size_t userns = live->processes[i].userns;
	bool whole = userns == 0 || !limit->is_crowd, is_user;
	int64_t since = limit_now();
	auto_close int dir = -1;

	if (!whole && i != live->userns[userns].first)
		return;
	if (!limit_is_left(limit)) {
		links->is_skipped = true;
		return;
	}
	dir = open_process(gathering->proc, live->processes[i].pid);
	if (dir < 0) {
		note_failure(links, dir);
		return;
	}
	if (whole) {
		gather_namespaces(gathering, dir, links);
		limit_spend(limit, since, LIVE_NAMES);
		gather_small(gathering, dir, userns == 0 && limit->uid == 0, limit,
			     links);
	} else {
		links->mnt = read_link(dir, names[LIVE_MNT], &is_user);
	}
}

/* The device of the namespaces' files; 0: there are none, as in a /proc made by hand. */
static int find_nsfs(int proc, uint64_t *ret)
{
	struct statx file;
	int r = look_at(proc, "self/ns/user", 0, &file);

	*ret = r < 0 ? 0 : device_of(&file);
	return proc_vanished(r) || r == -ENOTDIR ? 0 : r;
}

static int set_up(struct gathering *gathering)
{
	auto_close int dir =
	    openat(gathering->proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool is_user;

	if (dir < 0)
		return -errno;
	for (size_t i = 0; i < LIVE_NAMES; i++)
		gathering->own[i] = read_link(dir, names[i], &is_user);
	return find_nsfs(gathering->proc, &gathering->nsfs);
}

int links_own(int proc, struct live_links *ret)
{
	const struct gathering gathering = { .proc = proc };
	auto_close int dir = openat(proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	*ret = (struct live_links){ .n = 0 };
	if (dir < 0)
		return -errno;
	gather_namespaces(&gathering, dir, ret);
	return ret->error;
}

/* --- large tables ------------------------------------------------------------------- */

/* Tables that were read, each with a process that has it, in the kernel's order. */
struct tables {
	bool is_ordered; /* kcmp(2) does it */
	pid_t *list;
	size_t n;
};

/*
 * kcmp(2) takes pids of the caller's pid namespace; those of proc may be of another.  In
 * its own, a process has one pid there.
 */
static bool pids_are_own(int proc)
{
	char status[1024], own[32];
	ssize_t n = proc_read(proc, PROC_SELF, "status", status, sizeof(status) - 1);
	const char *at;

	status[n < 0 ? 0 : n] = '\0';
	at = strstr(status, "\nNSpid:");
	(void)snprintf(own, sizeof(own), "\nNSpid:\t%d\n", (int)getpid());
	return at != NULL && strncmp(at, own, strlen(own)) == 0;
}

/* 0: the same table; 1: a's is before b's; 2: after; -errno. */
static int compare(pid_t a, pid_t b)
{
	long r = syscall(SYS_kcmp, (long)a, (long)b, (long)KCMP_FILES, 0L, 0L);

	return r < 0 ? -errno : (int)r;
}

static void forget(struct tables *tables, size_t at)
{
	tables->n--;
	memmove(&tables->list[at], &tables->list[at + 1],
		(tables->n - at) * sizeof(*tables->list));
}

/*
 * Has the table of a process been read?  Else *ret is its place.  A process that has
 * ended meanwhile stands for its table no more.
 */
static bool is_read(struct tables *tables, pid_t pid, size_t *ret)
{
	size_t from = 0, to = tables->is_ordered ? tables->n : 0;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		int r = compare(pid, tables->list[middle]);

		if (r == 0)
			return true;
		if (r == -ESRCH && compare(pid, pid) == 0) {
			forget(tables, middle);
			to--;
		} else if (r == 1) {
			to = middle;
		} else if (r == 2) {
			from = middle + 1;
		} else {
			tables->is_ordered = r == -ESRCH;
			break;
		}
	}
	*ret = from;
	return false;
}

static int note_read(struct tables *tables, size_t at, pid_t pid)
{
	int r = array_grow(&tables->list, tables->n, sizeof(*tables->list));

	if (r < 0)
		return r;
	memmove(&tables->list[at + 1], &tables->list[at],
		(tables->n - at) * sizeof(*tables->list));
	tables->list[at] = pid;
	tables->n++;
	return 0;
}

static int gather_large(const struct gathering *gathering, struct tables *tables,
			size_t i)
{
	struct live_links *links = &gathering->links[i];
	pid_t pid = gathering->live->processes[i].pid;
	int r = limit_of_process(gathering->proc, gathering->limits,
				 &gathering->live->processes[i], links);
	struct live_limit *limit = &gathering->limits->list[links->limit];
	int64_t since = limit_now();
	auto_close int dir = -1;
	size_t at = 0, n;
	bool known;

	if (r < 0)
		return r;
	known = is_read(tables, pid, &at);
	limit_spend(limit, since, 1);
	if (known)
		return 0;
	if (!limit_is_left(limit)) {
		links->is_skipped = true;
		return 0;
	}
	dir = open_process(gathering->proc, pid);
	if (dir < 0) {
		note_failure(links, dir);
		return links->error;
	}
	links->is_skipped =
	    !gather_descriptors(gathering, dir, SIZE_MAX, limit, links, &n);
	if (links->is_skipped || links->error != 0 || !tables->is_ordered)
		return links->error;
	return note_read(tables, at, pid);
}

static int gather_all_large(const struct gathering *gathering)
{
	struct tables tables = { .is_ordered = pids_are_own(gathering->proc) };
	int r = 0;

	for (size_t i = 0; r == 0 && i < gathering->live->n_processes; i++)
		if (gathering->links[i].is_large)
			r = gather_large(gathering, &tables, i);
	free(tables.list);
	return r;
}

int links_gather(int proc, const struct subid_live *live, struct live_limits *limits,
		 struct live_links *links)
{
	struct gathering gathering = {
		.proc = proc,
		.live = live,
		.limits = limits,
		.links = links,
	};
	int r = set_up(&gathering);

	if (r < 0)
		return r;
	proc_in_threads(gather, &gathering, live->n_processes);
	for (size_t i = 0; r == 0 && i < live->n_processes; i++)
		r = links[i].error;
	return r == 0 ? gather_all_large(&gathering) : r;
}

/* --- opening ------------------------------------------------------------------------ */

static bool is_namespace(int fd, uint64_t nsfs, uint64_t inode)
{
	struct statx file;

	return look_at(fd, "", AT_EMPTY_PATH, &file) == 0 && device_of(&file) == nsfs &&
	       file.stx_ino == inode;
}

int links_open(int proc, pid_t pid, const struct live_link *link)
{
	auto_close int named = -1;
	uint64_t nsfs = 0;
	char path[48];
	int ns, r = find_nsfs(proc, &nsfs);

	if (r < 0)
		return r;
	if (link->name == NULL)
		(void)snprintf(path, sizeof(path), "%d/fd/%d", (int)pid, link->fd);
	else if (pid == PROC_SELF)
		(void)snprintf(path, sizeof(path), "self/%s", link->name);
	else
		(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, link->name);
	/* Threat: by now the descriptor may be a device, which acts when it is opened, or
	 * a fifo, on which opening hangs: so first it is only named (O_PATH). */
	named = openat(proc, path, O_PATH | O_CLOEXEC);
	if (named < 0)
		return -errno;
	if (nsfs == 0 || !is_namespace(named, nsfs, link->inode))
		return -ESRCH;
	(void)snprintf(path, sizeof(path), "self/fd/%d", named);
	ns = openat(proc, path, O_RDONLY | O_CLOEXEC);
	return ns < 0 ? -errno : ns;
}
