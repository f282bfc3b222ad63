/* SPDX-License-Identifier: MIT */
/*
 * Two questions to the snapshot of what runs: which ids are mapped, and by whom some
 * are used.
 */
#include "libsubid/live/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

#define STATUS_MAX (1 << 20) /* it lists up to 65536 groups */

/* How many could not be looked at, which may map anything. */
static size_t count_unread(const struct subid_live *live)
{
	struct subid_unseen unseen;

	subid_userns_unseen(-1, live, &unseen);
	return unseen.n + unseen.n_hidden;
}

/*
 * Does every id in a namespace of root's mean what it means outside, root's first, as in
 * those that systemd makes for services?  Such a one is no container and takes no ids.
 */
static bool is_transparent(const struct subid_live_userns *userns)
{
	bool maps_root = false;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		for (size_t i = 0; i < userns->maps[kind].n; i++) {
			const struct subid_map_line *line = &userns->maps[kind].lines[i];

			if (line->inside.start != line->outside.start)
				return false;
			maps_root |= line->outside.start == 0;
		}
	}
	return maps_root && userns->owner == 0;
}

/* Is a namespace but a rootless session of a user, with no other process in it? */
static bool is_session(int proc, const struct subid_live *live, size_t i, uint32_t user)
{
	const struct subid_live_userns *userns = &live->userns[i];

	for (size_t j = 0; j < userns->n; j++)
		if (!userns_is_of_session(proc, user,
					  live->processes[userns->first + j].pid))
			return false;
	return userns->n > 0;
}

static int unite_maps(int proc, const struct subid_live *live, enum subid_kind kind,
		      uint32_t user, struct subid_set *ret)
{
	int r = 0;

	for (size_t i = 1; r == 0 && i < live->n; i++) {
		const struct subid_live_map *map = &live->userns[i].maps[kind];

		if (is_transparent(&live->userns[i]) || is_session(proc, live, i, user))
			continue;
		for (size_t j = 0; r == 0 && j < map->n; j++)
			r = subid_set_add(ret, map->lines[j].outside);
	}
	subid_set_sort(ret);
	return r;
}

int subid_userns_taken(int proc, struct subid_set ret[SUBID_KINDS], size_t *ret_unread)
{
	return subid_userns_taken_beside(proc, USERNS_NOBODY, ret, ret_unread);
}

int subid_userns_taken_of(int proc, const struct subid_live *live, uint32_t user,
			  struct subid_set ret[SUBID_KINDS])
{
	auto_set struct subid_set uids = { .n = 0 }, gids = { .n = 0 };
	int r = unite_maps(proc, live, SUBID_UID, user, &uids);

	if (r == 0)
		r = unite_maps(proc, live, SUBID_GID, user, &gids);
	if (r == 0)
		r = subid_set_unite(&ret[SUBID_UID], &uids);
	if (r == 0)
		r = subid_set_unite(&ret[SUBID_GID], &gids);
	return r;
}

int subid_userns_taken_beside(int proc, uint32_t user, struct subid_set ret[SUBID_KINDS],
			      size_t *ret_unread)
{
	auto_live struct subid_live live = { .n = 0 };
	int r = subid_live_read(proc, SUBID_LIVE_THOROUGH, &live);

	if (r == 0)
		r = subid_userns_taken_of(proc, &live, user, ret);
	if (r == 0)
		*ret_unread = count_unread(&live);
	return r;
}

/* What uses the ids that are asked for, as it is found. */
struct search {
	int proc;
	uint32_t user; /* whose sessions are passed over; USERNS_NOBODY */
	const struct subid_set *wanted;
	struct subid_use *uses;
	size_t n;
	size_t unread;
};

/* The parent that a process which has ended waits for; 0 if it has not. */
static pid_t find_reaper(int proc, pid_t pid)
{
	char status[512];
	ssize_t n = proc_read(proc, pid, "status", status, sizeof(status) - 1);
	const char *parent;

	status[n < 0 ? 0 : n] = '\0';
	parent = strstr(status, "\nPPid:\t");
	if (strstr(status, "\nState:\tZ") == NULL || parent == NULL)
		return 0;
	return (pid_t)strtol(parent + strlen("\nPPid:\t"), NULL, 10);
}

int userns_add_use(int proc, struct subid_use use, struct subid_use **uses, size_t *n)
{
	if (array_grow(uses, *n, sizeof(**uses)) < 0)
		return -ENOMEM;
	proc_read_program(proc, use.pid, use.program);
	use.reaper = find_reaper(proc, use.pid);
	(*uses)[(*n)++] = use;
	return 0;
}

static int add_use(struct search *search, struct subid_use use)
{
	return userns_add_use(search->proc, use, &search->uses, &search->n);
}

/* The first of the wanted ids that a map has.  False if it has none. */
static bool map_uses(const struct subid_live_map *map, const struct subid_set *wanted,
		     struct id_range *ret)
{
	bool found = false;

	for (size_t i = 0; i < map->n; i++) {
		struct id_range common;

		if (!subid_set_meets(wanted, map->lines[i].outside, &common) ||
		    (found && common.start > ret->start))
			continue;
		*ret = common;
		found = true;
	}
	return found;
}

/* Does a namespace map some?  One use is enough to know. */
static bool userns_uses(const struct search *search,
			const struct subid_live_userns *userns, struct subid_use *ret)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct id_range ids;

		if (!map_uses(&userns->maps[kind], &search->wanted[kind], &ids))
			continue;
		*ret = (struct subid_use){
			.pid = userns->holder,
			.kind = kind,
			.ids = ids,
			.userns = userns->inode,
			.hidden = userns->n == 0,
		};
		return true;
	}
	return false;
}

/* The ids of one line of /proc/PID/status, "Uid:", "Gid:" or "Groups:". */
static bool line_uses(const char *status, const char *head,
		      const struct subid_set *wanted, struct id_range *ret)
{
	const char *at = strstr(status, head), *end;

	if (at == NULL)
		return false;
	at += strlen(head);
	end = at + strcspn(at, "\n");
	while (at < end) {
		size_t len;
		uint32_t id;

		at += strspn(at, " \t");
		len = strcspn(at, " \t\n");
		if (subid_id_parse(at, len, &id) == 0 &&
		    subid_set_meets(wanted, (struct id_range){ id, 1 }, ret))
			return true;
		at += len > 0 ? len : 1;
	}
	return false;
}

static int judge_process(struct search *search, pid_t pid)
{
	auto_free char *status = malloc(STATUS_MAX + 1);
	struct subid_use use = { .pid = pid };
	ssize_t size;

	if (status == NULL)
		return -ENOMEM;
	size = proc_read(search->proc, pid, "status", status, STATUS_MAX);
	if (size < 0)
		return (int)size;
	if (size == STATUS_MAX)
		return -EFBIG;
	status[size] = '\0';
	if (line_uses(status, "\nUid:", &search->wanted[SUBID_UID], &use.ids))
		return add_use(search, use);
	use.kind = SUBID_GID;
	if (line_uses(status, "\nGid:", &search->wanted[SUBID_GID], &use.ids) ||
	    line_uses(status, "\nGroups:", &search->wanted[SUBID_GID], &use.ids))
		return add_use(search, use);
	return 0;
}

/* Each process of a namespace that maps none of the ids; one that vanished has none. */
static int judge_processes(struct search *search, const struct subid_live *live,
			   const struct subid_live_userns *userns)
{
	for (size_t i = 0; i < userns->n; i++) {
		pid_t pid = live->processes[userns->first + i].pid;
		int r = 0;

		if (!userns_is_of_session(search->proc, search->user, pid))
			r = judge_process(search, pid);
		if (r == -ENOMEM)
			return r;
		search->unread += r < 0 && r != -ENOENT && r != -ESRCH;
	}
	return 0;
}

int subid_userns_uses(int proc, const struct subid_set wanted[SUBID_KINDS],
		      struct subid_use **ret, size_t *ret_n, size_t *ret_unread)
{
	return subid_userns_uses_beside(proc, USERNS_NOBODY, wanted, ret, ret_n,
					ret_unread);
}

int subid_userns_uses_of(int proc, const struct subid_live *live, uint32_t user,
			 const struct subid_set wanted[SUBID_KINDS],
			 struct subid_use **ret, size_t *ret_n, size_t *ret_unread)
{
	struct search search = { .proc = proc, .user = user, .wanted = wanted };
	int r = 0;

	for (size_t i = 0; r == 0 && i < live->n; i++) {
		struct subid_use use;

		if (i > 0 && !is_transparent(&live->userns[i]) &&
		    !is_session(proc, live, i, user) &&
		    userns_uses(&search, &live->userns[i], &use))
			r = add_use(&search, use);
		else
			r = judge_processes(&search, live, &live->userns[i]);
	}
	if (r < 0) {
		free(search.uses);
		return r;
	}
	*ret = search.uses;
	*ret_n = search.n;
	*ret_unread = search.unread;
	return 0;
}

int subid_userns_uses_beside(int proc, uint32_t user,
			     const struct subid_set wanted[SUBID_KINDS],
			     struct subid_use **ret, size_t *ret_n, size_t *ret_unread)
{
	auto_live struct subid_live live = { .n = 0 };
	int r = subid_live_read(proc, SUBID_LIVE_THOROUGH, &live);

	if (r == 0)
		r = subid_userns_uses_of(proc, &live, user, wanted, ret, ret_n,
					 ret_unread);
	if (r == 0)
		*ret_unread += count_unread(&live);
	return r;
}
