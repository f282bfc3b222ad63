/* SPDX-License-Identifier: MIT */
/*
 * The search for user namespaces that no process is in: behind what the processes lead
 * to (links.c), behind bind mounts (mounts.c), and around namespaces of other kinds.
 *
 * Each is followed once, and what is followed for a process counts against the limit of
 * its user.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

/* Opening one, and entering it, takes as long as reading so many links. */
#define WORK_OF_NAMESPACE 50

struct chase {
	struct live_scan *scan;
	struct live_limits limits;
	struct live_links *links;  /* as live->processes */
	struct live_inodes others; /* namespaces of other kinds that were followed */
};

static bool is_followed(const struct chase *chase, uint64_t inode)
{
	return live_find(chase->scan, inode) != SUBID_LIVE_NONE ||
	       live_inodes_have(&chase->others, inode);
}

static int follow_link(struct chase *chase, pid_t pid, const struct live_link *link)
{
	auto_close int ns = links_open(chase->scan->proc, pid, link);
	int r;

	if (proc_is_short(ns))
		return ns;
	if (ns < 0) {
		chase->scan->live->partial |= !proc_vanished(ns);
		return 0;
	}
	r = live_add_behind(chase->scan, ns, SUBID_HELD_BY_DESCRIPTOR, pid);
	return r == 0 && live_find(chase->scan, link->inode) == SUBID_LIVE_NONE
		   ? live_inodes_put(&chase->others, link->inode, 0)
		   : r;
}

/* Those to user namespaces, or those to others. */
static int follow_links(struct chase *chase, size_t i, bool users)
{
	const struct subid_live_process process = chase->scan->live->processes[i];
	struct live_links *links = &chase->links[i];
	int r = 0;

	for (size_t k = 0; r == 0 && k < links->n; k++) {
		const struct live_link *link = &links->list[k];
		struct live_limit *limit;
		int64_t since;

		if (link->is_user != users || is_followed(chase, link->inode))
			continue;
		r = limit_of_process(chase->scan->proc, &chase->limits, &process, links);
		if (r < 0)
			return r;
		limit = &chase->limits.list[links->limit];
		if (!limit_is_left(limit)) {
			links->is_skipped = true;
			return 0;
		}
		since = limit_now();
		r = follow_link(chase, process.pid, link);
		limit_spend(limit, since, WORK_OF_NAMESPACE);
	}
	return r;
}

static int follow_own_links(struct chase *chase)
{
	struct live_links own;
	int r = links_own(chase->scan->proc, &own);

	for (size_t i = 0; r == 0 && i < own.n; i++)
		if (!own.list[i].is_user && !is_followed(chase, own.list[i].inode))
			r = follow_link(chase, PROC_SELF, &own.list[i]);
	free(own.list);
	return r;
}

/* --- mounts ------------------------------------------------------------------------- */

/* Whose a mount namespace is: the user's who owns it, else of the process that shows it.
 * Needs the descriptor of it. */
static int find_payer(struct chase *chase, int ns, size_t i, size_t *ret)
{
	struct live_scan *scan = chase->scan;
	const struct subid_live_process process = scan->live->processes[i];
	auto_close int owner = ns < 0 ? -1 : ioctl(ns, NS_GET_USERNS);
	size_t userns = SUBID_LIVE_NONE;
	struct stat st;
	int r = 0;

	if (ns >= 0 && owner < 0 && proc_is_short(-errno))
		return -errno;
	if (owner >= 0 && fstat(owner, &st) == 0) {
		r = live_add_behind(scan, owner, SUBID_HELD_BY_CHILD, process.pid);
		userns = live_find(scan, st.st_ino);
	}
	if (r < 0)
		return r;
	if (userns == SUBID_LIVE_NONE || userns == 0) {
		r = limit_of_process(scan->proc, &chase->limits, &process,
				     &chase->links[i]);
		*ret = chase->links[i].limit;
	}
	if (userns == SUBID_LIVE_NONE)
		return r;
	return limit_of(&chase->limits,
			userns == 0 ? 0 : live_user_of(scan->live, userns), ret);
}

#define ROOTS_MAX 64

static bool has_root(int proc, pid_t pid, struct statx *ret)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "%d/root", (int)pid);
	return statx(proc, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, ret) == 0;
}

/* The first process of the same mount namespace that is at the root as the child inside
 * is, for whom reads the report; else the process itself. */
static pid_t find_at_root(const struct chase *chase, size_t i, pid_t inside)
{
	const struct subid_live *live = chase->scan->live;
	struct statx root, its;
	size_t n = 0;

	if (!has_root(chase->scan->proc, inside, &root))
		return live->processes[i].pid;
	for (size_t k = i + 1; k < live->n_processes && n < ROOTS_MAX; k++) {
		if (chase->links[k].mnt != chase->links[i].mnt)
			continue;
		n++;
		if (has_root(chase->scan->proc, live->processes[k].pid, &its) &&
		    its.stx_ino == root.stx_ino &&
		    its.stx_dev_major == root.stx_dev_major &&
		    its.stx_dev_minor == root.stx_dev_minor)
			return live->processes[k].pid;
	}
	return live->processes[i].pid;
}

/* What the first process of a mount namespace sees; and, when that is in a chroot, which
 * hides mounts, what is seen from the root.  *ret_whole: that was seen. */
static int follow_mounts(struct chase *chase, size_t i, bool *ret_whole)
{
	struct live_scan *scan = chase->scan;
	pid_t pid = scan->live->processes[i].pid;
	auto_close int ns = proc_open(scan->proc, pid, "ns/mnt", O_RDONLY);
	struct inside inside = { .pid = 0, .fd = -1 };
	struct live_limit *limit;
	bool done = true;
	size_t payer;
	int r = proc_is_short(ns) ? ns : find_payer(chase, ns, i, &payer);

	if (r < 0)
		return r;
	limit = &chase->limits.list[payer];
	r = live_follow_mounts(scan, pid, pid, limit, ret_whole, &done);
	if (r == 0 && done && !*ret_whole && ns >= 0) {
		r = inside_enter_mounts(ns, &inside);
		if (r == 0)
			r = live_follow_mounts(scan, inside.pid,
					       find_at_root(chase, i, inside.pid), limit,
					       ret_whole, &done);
		else if (!proc_is_short(r))
			r = 0;
		inside_leave(&inside);
	}
	if (!done)
		limit_skip(limit, pid);
	/* what it does not show now it shows nobody */
	*ret_whole |= !done;
	return r;
}

static int follow_all_mounts(struct chase *chase, size_t n)
{
	auto_inodes struct live_inodes whole = { .n = 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		uint64_t mnt = chase->links[i].mnt;
		bool sees_all;

		if (mnt == 0 || live_inodes_have(&whole, mnt))
			continue;
		r = follow_mounts(chase, i, &sees_all);
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

/* --- all of it ---------------------------------------------------------------------- */

/* Whose each process is, and who has a crowd of them. */
static int set_limits(struct chase *chase, size_t n)
{
	struct subid_live *live = chase->scan->live;
	auto_free size_t *crowds = NULL;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct subid_live_process *process = &live->processes[i];
		uint32_t uid = process->userns == 0 ? process->uid
						    : live_user_of(live, process->userns);

		r = limit_of(&chase->limits, uid, &chase->links[i].limit);
	}
	if (r < 0 || chase->limits.depth != SUBID_LIVE_QUICK)
		return r;
	crowds = calloc(chase->limits.n + 1, sizeof(*crowds));
	if (crowds == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		crowds[chase->links[i].limit] += live->processes[i].userns != 0;
	for (size_t i = 0; i < chase->limits.n; i++) {
		struct live_limit *limit = &chase->limits.list[i];

		limit->is_crowd = limit->uid == 0 && crowds[i] > SUBID_LIVE_MANY;
		live->passed_over |= limit->is_crowd;
	}
	return 0;
}

static void count_skipped(struct chase *chase, size_t n)
{
	struct subid_live *live = chase->scan->live;

	for (size_t i = 0; i < n; i++) {
		const struct live_links *links = &chase->links[i];

		live->partial |= links->hidden;
		if (links->is_skipped)
			limit_skip(&chase->limits.list[links->limit],
				   live->processes[i].pid);
	}
}

static int chase_all(struct chase *chase, size_t n)
{
	struct subid_live *live = chase->scan->live;
	int r = set_limits(chase, n);

	if (r == 0)
		r = links_gather(chase->scan->proc, live, &chase->limits, chase->links);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = follow_links(chase, i, true);
	if (r == 0)
		r = follow_all_mounts(chase, n);
	if (r == 0)
		r = follow_own_links(chase);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = follow_links(chase, i, false);
	if (r == 0)
		r = settle_mounts(chase);
	count_skipped(chase, n);
	return r == 0 ? limit_report(&chase->limits, live) : r;
}

int live_find_hidden(struct live_scan *scan, enum subid_live_depth depth)
{
	struct chase chase = { .scan = scan,
			       .limits = { .depth = depth, .uids = scan->uids } };
	size_t n = scan->live->n_processes;
	int r;

	if (depth == SUBID_LIVE_PROCESSES)
		return 0;
	chase.links = calloc(n + 1, sizeof(*chase.links));
	if (chase.links == NULL)
		return -ENOMEM;
	r = chase_all(&chase, n);
	for (size_t i = 0; i < n; i++)
		free(chase.links[i].list);
	free(chase.links);
	limits_free(&chase.limits);
	live_inodes_free(&chase.others);
	return r;
}
