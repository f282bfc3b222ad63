/* SPDX-License-Identifier: MIT */
/*
 * Namespaces that no process is in: behind open descriptors, behind bind mounts
 * (live_mounts.c), and around namespaces of other kinds.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

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

/* Opens what a link of a process leads to.  A descriptor; -ESRCH: it is gone. */
static int open_link(int proc, pid_t pid, const struct live_link *link)
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
	/* Threat: by now the descriptor may be a device, which opening would set going,
	 * or a fifo, on which it would hang: so first it is only named. */
	named = openat(proc, path, O_PATH | O_CLOEXEC);
	if (named < 0 || fstatfs(named, &fs) < 0 || fs.f_type != NSFS_MAGIC ||
	    fstat(named, &st) < 0 || st.st_ino != link->inode)
		return -ESRCH;
	(void)snprintf(path, sizeof(path), "self/fd/%d", named);
	ns = openat(proc, path, O_RDONLY | O_CLOEXEC);
	return ns < 0 ? -errno : ns;
}

/* What is told once of each namespace, whoever leads to it. */
struct chase {
	int proc;
	struct subid_live *live;
	struct live_index *index;
	struct live_links *links; /* as live->processes */
	struct live_met others;	  /* namespaces of other kinds that were followed */
};

static int follow_link(struct chase *chase, pid_t pid, const struct live_link *link)
{
	auto_close int ns = -1;
	int r;

	if (link->is_user
		? live_find(chase->live, chase->index, link->inode) != SUBID_LIVE_NONE
		: live_met_has(&chase->others, link->inode))
		return 0;
	ns = open_link(chase->proc, pid, link);
	if (ns < 0) {
		chase->live->partial |= ns != -ESRCH;
		return 0;
	}
	r = live_add_behind(chase->proc, chase->live, chase->index, ns,
			    SUBID_HELD_BY_DESCRIPTOR, pid);
	return r == 0 && !link->is_user ? live_met_add(&chase->others, link->inode) : r;
}

static int follow_links(struct chase *chase, pid_t pid, const struct live_links *links,
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
	struct live_links own = live_own_links(chase->proc);
	int r = own.error != 0 ? own.error : follow_links(chase, PROC_SELF, &own, false);

	free(own.list);
	return r;
}

/*
 * Of each mount namespace what its first process sees, and if that is in a chroot,
 * which hides mounts, the next ones do.
 */
static int follow_all_mounts(struct chase *chase, size_t n)
{
	auto_met struct live_met whole = { .n = 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		uint64_t mnt = chase->links[i].mnt;
		bool sees_all;

		if (mnt == 0 || live_met_has(&whole, mnt))
			continue;
		r = live_follow_mounts(chase->proc, chase->live, chase->index,
				       chase->live->processes[i].pid, &sees_all);
		if (r == 0 && sees_all)
			r = live_met_add(&whole, mnt);
	}
	return r;
}

/* What a mount that cannot be opened is of, if nothing else has led to it. */
static int settle_mount(struct chase *chase, const struct subid_live_mount *mount,
			size_t *n)
{
	struct subid_live *live = chase->live;
	size_t i;
	int r;

	if (mount->is_user
		? live_find(live, chase->index, mount->inode) != SUBID_LIVE_NONE
		: live_met_has(&chase->others, mount->inode))
		return 0;
	live->partial = true;
	if (!mount->is_user) {
		r = live_met_add(&chase->others, mount->inode);
		live->covered[(*n)++] = *mount;
		return r;
	}
	r = live_add(live, chase->index, mount->inode, SUBID_HELD_BY_MOUNT, mount->pid,
		     &i);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		live->userns[i].maps[kind].error = mount->error;
	return r;
}

/*
 * A mount that cannot be opened in one mount namespace often can in another, or a
 * process is in what it leads to: so these come last.  What is left of user namespaces
 * is listed, with maps that are not known; the others stay in covered.
 */
static int settle_mounts(struct chase *chase)
{
	struct subid_live *live = chase->live;
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < live->n_covered; i++)
		if (live->covered[i].error == 0)
			r = live_met_add(&chase->others, live->covered[i].inode);
	for (size_t i = 0; r == 0 && i < live->n_covered; i++)
		if (live->covered[i].error != 0)
			r = settle_mount(chase, &live->covered[i], &n);
	live->n_covered = n;
	return r;
}

static int chase_all(struct chase *chase, size_t n)
{
	const struct subid_live_process *processes = chase->live->processes;
	int r = live_gather_links(chase->proc, chase->live, chase->links);

	for (size_t i = 0; i < n; i++)
		chase->live->partial |= chase->links[i].hidden;
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

int live_find_hidden(int proc, enum subid_live_depth depth, struct subid_live *live,
		     struct live_index *index)
{
	struct chase chase = { .proc = proc, .live = live, .index = index };
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
	live_met_free(&chase.others);
	return r;
}
