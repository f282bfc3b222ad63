/* SPDX-License-Identifier: MIT */
/*
 * Namespaces that no process is in: behind open descriptors, behind bind mounts, and
 * around namespaces of other kinds.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "live_private.h"

#define MOUNTINFO_MAX (16 << 20)
#define NSFS_TYPE     " - nsfs "

/*
 * In the child: enters the namespace and waits to be ended.  It is a copy of the caller
 * with nothing of its own, so it makes system calls alone.  Threat: who rules in that
 * namespace could trace it and read the caller's memory; a process that is not dumpable
 * can be traced by nobody without privilege over the caller's own namespace.
 */
static _Noreturn void enter_and_wait(int ns, int done)
{
	char r = prctl(PR_SET_DUMPABLE, 0) == 0 && setns(ns, CLONE_NEWUSER) == 0;

	if (write(done, &r, 1) == 1)
		for (;;)
			(void)pause();
	_exit(1);
}

/* A child without an exit signal: the host's SIGCHLD is not for it.  Its pid, or -errno.
 */
static pid_t start_inside(int ns)
{
	struct clone_args args = { .exit_signal = 0 };
	int ends[2];
	char entered = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		enter_and_wait(ns, ends[1]);
	if (pid < 0)
		pid = -errno;
	(void)close(ends[1]);
	if (pid > 0 && (read(ends[0], &entered, 1) != 1 || entered != 1)) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, __WALL);
		pid = -EPERM;
	}
	(void)close(ends[0]);
	return pid;
}

/* The maps of a namespace without a process, from one that is put there. */
static int read_maps_inside(int proc, struct subid_live_userns *userns, int ns)
{
	pid_t pid = start_inside(ns);
	int r = pid < 0 ? pid : 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		if (r == 0)
			r = proc_read_map(proc, pid, kind, &userns->maps[kind]);
		userns->maps[kind].error = r;
	}
	if (pid > 0) {
		userns->setgroups = proc_read_setgroups(proc, pid);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, __WALL);
	}
	return r == -ENOMEM ? r : 0;
}

int live_add_behind(int proc, struct subid_live *live, struct live_index *index, int ns,
		    enum subid_held held, pid_t holder)
{
	auto_close int owner = -1;
	int type = ioctl(ns, NS_GET_NSTYPE), r;
	struct stat st;
	size_t i;

	if (type != CLONE_NEWUSER) {
		/* whatever it is, the user namespace that owns it lives */
		owner = type < 0 ? -1 : ioctl(ns, NS_GET_USERNS);
		if (owner < 0)
			return 0;
		ns = owner;
		held = held == SUBID_HELD_BY_CHILD ? held : SUBID_HELD_BY_CHILD;
	}
	if (fstat(ns, &st) < 0 || live_find(live, index, st.st_ino) != SUBID_LIVE_NONE)
		return 0;
	r = live_add(live, index, st.st_ino, held, holder, &i);
	if (r == 0)
		r = read_maps_inside(proc, &live->userns[i], ns);
	return r == 0 ? live_relate(proc, live, index, i, ns) : r;
}

/* Is it a link to a namespace's file that may lead to an unknown user namespace? */
static bool may_lead(const struct subid_live *live, const struct live_index *index,
		     const char *link)
{
	static const char *const types[] = { "mnt",    "net", "uts", "ipc",
					     "cgroup", "pid", "time" };
	uint64_t inode = proc_namespace(link, "user");

	if (inode != 0)
		return live_find(live, index, inode) == SUBID_LIVE_NONE;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (proc_namespace(link, types[i]) != 0)
			return true;
	return false;
}

/* Follows a link in a directory of a process, if it is one to a namespace's file. */
static int follow(int proc, struct subid_live *live, struct live_index *index, int dir,
		  const char *name, pid_t pid)
{
	auto_close int ns = -1;
	struct statfs fs;
	char link[64];
	ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);

	if (n <= 0)
		return 0;
	link[n] = '\0';
	if (!may_lead(live, index, link))
		return 0;
	/* Threat: by now the descriptor may be a device or a fifo: not to hang on it. */
	ns = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (ns < 0 || fstatfs(ns, &fs) < 0 || fs.f_type != NSFS_MAGIC)
		return 0;
	return live_add_behind(proc, live, index, ns, SUBID_HELD_BY_DESCRIPTOR, pid);
}

/* The descriptors of a process.  What cannot be listed makes the snapshot partial. */
static int follow_descriptors(int proc, struct subid_live *live, struct live_index *index,
			      pid_t pid)
{
	auto_close int dir = -1;
	char path[32];
	_Alignas(struct dirent64) char buf[4096];
	ssize_t size;
	int r = 0;

	(void)snprintf(path, sizeof(path), "%d/fd", (int)pid);
	dir = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		live->partial |= errno == EACCES || errno == EPERM;
		return 0;
	}
	while (r == 0 && (size = getdents64(dir, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; r == 0 && at < size;) {
			const struct dirent64 *entry = (const void *)(buf + at);

			at += entry->d_reclen;
			if (entry->d_name[0] != '.')
				r = follow(proc, live, index, dir, entry->d_name, pid);
		}
	}
	return r;
}

/* Undoes the octal escapes of mountinfo, in place. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from != '\0'; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
		    from[2] != '\0' && from[3] != '\0') {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 +
				     (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* Threat: the path lies in a container's mounts, which it may have laid so that it leads
 * elsewhere: no link is followed, and it must end at a namespace's file. */
static int open_mount(int proc, pid_t pid, const char *path)
{
	auto_close int root = -1;
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
	};
	struct statfs fs;
	char name[32];
	int fd;

	(void)snprintf(name, sizeof(name), "%d/root", (int)pid);
	root = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -1;
	fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	if (fd >= 0 && (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/*
 * A line of mountinfo: "36 35 98:0 ROOT PATH OPTIONS ... - nsfs nsfs rw", where ROOT is
 * "user:[INODE]" or the like.
 */
static int follow_mount(int proc, struct subid_live *live, struct live_index *index,
			char *line, pid_t pid)
{
	auto_close int ns = -1;
	char *root = line, *path, *end;

	for (int i = 0; i < 3 && root != NULL; i++) {
		root = strchr(root, ' ');
		if (root != NULL)
			root++;
	}
	path = root == NULL ? NULL : strchr(root, ' ');
	end = path == NULL ? NULL : strchr(path + 1, ' ');
	if (end == NULL)
		return 0;
	*path++ = '\0';
	*end = '\0';
	if (!may_lead(live, index, root))
		return 0;
	unescape(path);
	ns = open_mount(proc, pid, path);
	return ns < 0 ? 0
		      : live_add_behind(proc, live, index, ns, SUBID_HELD_BY_MOUNT, pid);
}

static int follow_mounts(int proc, struct subid_live *live, struct live_index *index,
			 pid_t pid)
{
	size_t room = 256 << 10;
	auto_free char *text = NULL;
	ssize_t size;
	int r = 0;

	do {
		free(text);
		text = malloc(room + 1);
		if (text == NULL)
			return -ENOMEM;
		size = proc_read(proc, pid, "mountinfo", text, room);
		room *= 2;
	} while (size == (ssize_t)room / 2 && room <= MOUNTINFO_MAX);
	if (size < 0) {
		live->partial |= size == -EACCES || size == -EPERM;
		return 0;
	}
	text[size] = '\0';
	for (char *line = text, *next; r == 0 && *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next == '\n')
			*next++ = '\0';
		if (strstr(line, NSFS_TYPE) != NULL)
			r = follow_mount(proc, live, index, line, pid);
	}
	return r;
}

/* Mount namespaces that were looked at, by inode. */
struct mounts {
	uint64_t *inodes;
	size_t n;
	size_t room;
};

static int compare_inodes(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Is a mount namespace met for the first time?  1 yes, 0 no, -ENOMEM. */
static int is_new_mount(struct mounts *mounts, uint64_t inode)
{
	size_t at;

	if (mounts->n > 0 && bsearch(&inode, mounts->inodes, mounts->n, sizeof(inode),
				     compare_inodes) != NULL)
		return 0;
	if (mounts->n == mounts->room) {
		size_t room = mounts->room * 2 + 64;
		uint64_t *grown = reallocarray(mounts->inodes, room, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		mounts->inodes = grown;
		mounts->room = room;
	}
	for (at = mounts->n; at > 0 && mounts->inodes[at - 1] > inode; at--)
		mounts->inodes[at] = mounts->inodes[at - 1];
	mounts->inodes[at] = inode;
	mounts->n++;
	return 1;
}

/* What a process's mounts lead to, once for all that share them. */
static int follow_new_mounts(int proc, struct subid_live *live, struct live_index *index,
			     struct mounts *mounts, pid_t pid)
{
	char path[32], link[64];
	ssize_t n;
	int r;

	(void)snprintf(path, sizeof(path), "%d/ns/mnt", (int)pid);
	n = readlinkat(proc, path, link, sizeof(link) - 1);
	if (n < 0)
		return 0;
	link[n] = '\0';
	r = is_new_mount(mounts, proc_namespace(link, "mnt"));
	return r == 1 ? follow_mounts(proc, live, index, pid) : r;
}

int live_find_hidden(int proc, struct subid_live *live, struct live_index *index)
{
	struct mounts mounts = { .n = 0 };
	size_t n = live->n;
	int r = 0;

	/* the caller's own namespace, where all that holds them from outside is */
	for (size_t i = 0; r == 0 && i < live->userns[0].n; i++) {
		pid_t pid = live->processes[live->userns[0].first + i].pid;

		r = follow_new_mounts(proc, live, index, &mounts, pid);
		if (r == 0)
			r = follow_descriptors(proc, live, index, pid);
	}
	for (size_t i = 1; r == 0 && i < n; i++)
		if (live->userns[i].n > 0)
			r = follow_new_mounts(proc, live, index, &mounts,
					      live->processes[live->userns[i].first].pid);
	free(mounts.inodes);
	return r;
}
