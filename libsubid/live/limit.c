/* SPDX-License-Identifier: MIT */
/*
 * What the search for hidden namespaces may cost, for each user.
 *
 * Threat: a user has thousands of processes, descriptors, mounts and namespaces, to make
 * root's audits slow, or to hide what others have behind them.  So each user has a limit
 * of time and of work, whoever else there is; what it leaves out is counted as that
 * user's.  Whose a process is: in the caller's user namespace its own, by its real uid,
 * since a user may start a program that runs as root, or keep others from looking at a
 * process, and then it seems to be root's; else the owner's of the outermost namespace.
 * Whose a mount namespace is: by the user namespace that owns it, whoever has entered it.
 *
 * root's is larger, since root hides nothing from itself, and what only root left out
 * would be everybody's.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

#define MS	   INT64_C(1000000)
#define ROOT_TIMES 10

static const struct {
	int64_t ns, work;
} most[] = {
	[SUBID_LIVE_THOROUGH] = { INT64_MAX / 2 / ROOT_TIMES,
				  INT64_MAX / 2 / ROOT_TIMES },
	[SUBID_LIVE_BOUNDED] = { 3000 * MS, 2000000 },
	[SUBID_LIVE_QUICK] = { 500 * MS, 200000 },
	[SUBID_LIVE_PROCESSES] = { 0, 0 },
};

uint32_t live_user_of(const struct subid_live *live, size_t userns)
{
	size_t parent = live->userns[userns].parent;

	while (parent != SUBID_LIVE_NONE && parent != 0) {
		userns = parent;
		parent = live->userns[userns].parent;
	}
	return live->userns[userns].owner;
}

uint32_t live_user_of_process(int proc, const struct subid_live *live,
			      const struct subid_live_process *process)
{
	uint32_t real;

	if (process->userns != 0)
		return live_user_of(live, process->userns);
	if (process->uid != 0 || proc < 0)
		return process->uid;
	return proc_read_real_uid(proc, process->pid, &real) == 0 ? real : process->uid;
}

int64_t limit_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int limit_of(struct live_limits *limits, uint32_t uid, size_t *ret)
{
	int64_t times = uid == 0 ? ROOT_TIMES : 1;
	uint64_t key = (uint64_t)uid + 1;
	size_t at = live_inodes_find(&limits->by_uid, key);
	int r;

	*ret = at;
	if (at != SUBID_LIVE_NONE)
		return 0;
	r = array_grow(&limits->list, limits->n, sizeof(*limits->list));
	if (r == 0)
		r = live_inodes_put(&limits->by_uid, key, limits->n);
	if (r < 0)
		return r;
	limits->list[limits->n] = (struct live_limit){
		.uid = uid,
		.ns = most[limits->depth].ns * times,
		.work = most[limits->depth].work * times,
	};
	*ret = limits->n++;
	return 0;
}

int limit_of_process(int proc, struct live_limits *limits,
		     const struct subid_live_process *process, struct live_links *links)
{
	uint32_t real;
	int r;

	if (process->userns != 0 || process->uid != 0 || links->is_payer_known)
		return 0;
	links->is_payer_known = true;
	r = proc_read_real_uid(proc, process->pid, &real);
	if (r < 0)
		return proc_is_short(r) ? r : 0;
	return limit_of(limits, real, &links->limit);
}

bool limit_is_left(const struct live_limit *limit)
{
	return limit->ns > 0 && limit->work > 0;
}

void limit_spend(struct live_limit *limit, int64_t since, size_t work)
{
	limit->ns -= limit_now() - since;
	limit->work -= (int64_t)work;
}

void limit_skip(struct live_limit *limit, pid_t pid)
{
	if (limit->n_skipped++ == 0)
		limit->skipped = pid;
}

int limit_report(const struct live_limits *limits, struct subid_live *live)
{
	for (size_t i = 0; i < limits->n; i++) {
		const struct live_limit *limit = &limits->list[i];
		int r;

		if (limit->n_skipped == 0)
			continue;
		r = array_grow(&live->unlooked, live->n_unlooked,
			       sizeof(*live->unlooked));
		if (r < 0)
			return r;
		live->unlooked[live->n_unlooked++] = (struct subid_unlooked){
			.uid = limit->uid,
			.pid = limit->skipped,
			.n = limit->n_skipped,
		};
		live->partial = true;
	}
	return 0;
}

void limits_free(struct live_limits *limits)
{
	free(limits->list);
	live_inodes_free(&limits->by_uid);
	*limits = (struct live_limits){ .n = 0 };
}
