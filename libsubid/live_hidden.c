/* SPDX-License-Identifier: MIT */
/*
 * Namespaces that no process is in: behind open descriptors, behind bind mounts
 * (live_mounts.c), and around namespaces of other kinds.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "live_private.h"

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
		held = SUBID_HELD_BY_CHILD;
	}
	if (fstat(ns, &st) < 0 || live_find(live, index, st.st_ino) != SUBID_LIVE_NONE)
		return 0;
	r = live_add(live, index, st.st_ino, held, holder, &i);
	if (r == 0)
		r = live_read_inside(proc, &live->userns[i], ns);
	return r == 0 ? live_relate(proc, live, index, i, ns) : r;
}

bool live_may_lead(const struct subid_live *live, const struct live_index *index,
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
	auto_close int named = -1, ns = -1;
	struct statfs fs;
	char link[64], path[32];
	ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);

	if (n <= 0)
		return 0;
	link[n] = '\0';
	if (!live_may_lead(live, index, link))
		return 0;
	/* Threat: by now the descriptor may be a device, which opening would set going,
	 * or a fifo, on which it would hang: so first it is only named. */
	named = openat(dir, name, O_PATH | O_CLOEXEC);
	if (named < 0 || fstatfs(named, &fs) < 0 || fs.f_type != NSFS_MAGIC)
		return 0;
	(void)snprintf(path, sizeof(path), "self/fd/%d", named);
	ns = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (ns < 0) {
		live->partial = true;
		return 0;
	}
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

/* Which mounts a process sees. */
struct sight {
	pid_t pid;
	uint64_t mounts; /* inode of its mount namespace; 0: gone, or not to be seen */
};

struct sights {
	int proc;
	struct sight *all;
};

static void look_at_mounts(void *data, size_t i)
{
	const struct sights *sights = data;
	char path[32], link[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/ns/mnt", (int)sights->all[i].pid);
	n = readlinkat(sights->proc, path, link, sizeof(link) - 1);
	link[n < 0 ? 0 : n] = '\0';
	sights->all[i].mounts = proc_namespace(link, "mnt");
}

/* What the mounts of some processes lead to, once for all that share them. */
static int follow_all_mounts(int proc, struct subid_live *live, struct live_index *index,
			     const struct sight *sights, size_t n)
{
	struct mounts mounts = { .n = 0 };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		r = sights[i].mounts == 0 ? 0 : is_new_mount(&mounts, sights[i].mounts);
		if (r == 1)
			r = live_follow_mounts(proc, live, index, sights[i].pid);
	}
	free(mounts.inodes);
	return r < 0 ? r : 0;
}

int live_find_hidden(int proc, struct subid_live *live, struct live_index *index)
{
	/* of the caller's own namespace all, where what holds them from outside is */
	size_t n_own = live->userns[0].n, n = 0;
	auto_free struct sight *all = reallocarray(NULL, n_own + live->n, sizeof(*all));
	struct sights sights = { proc, all };
	int r;

	if (all == NULL)
		return -ENOMEM;
	for (; n < n_own; n++)
		all[n].pid = live->processes[live->userns[0].first + n].pid;
	for (size_t i = 1; i < live->n; i++)
		if (live->userns[i].n > 0)
			all[n++].pid = live->processes[live->userns[i].first].pid;
	live_run_loop(look_at_mounts, &sights, n);
	r = follow_all_mounts(proc, live, index, all, n);
	for (size_t i = 0; r == 0 && i < n_own; i++)
		r = follow_descriptors(proc, live, index, all[i].pid);
	return r;
}
