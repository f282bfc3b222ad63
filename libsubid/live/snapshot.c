/* SPDX-License-Identifier: MIT */
/*
 * The snapshot: first the namespace and the ids of every process (live_sweep.c), then
 * each namespace once (live_learn.c), then those that no process is in (live_hidden.c).
 */
#include "libsubid/live/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

static size_t slot_of(const struct subid_live *live, const struct live_index *index,
		      uint64_t inode)
{
	size_t at = (size_t)((inode * 0x9e3779b97f4a7c15) >> 32) & index->mask;

	while (index->slots[at] != 0 && live->userns[index->slots[at] - 1].inode != inode)
		at = (at + 1) & index->mask;
	return at;
}

size_t live_find(const struct subid_live *live, const struct live_index *index,
		 uint64_t inode)
{
	/* not without slots, for errno is not 0 behind a failure:
	 * NOLINTNEXTLINE(*NullDereference) */
	uint32_t found = index->slots[slot_of(live, index, inode)];

	return found == 0 ? SUBID_LIVE_NONE : found - 1;
}

/* Twice the room, for namespaces and for the slots that find them. */
static int grow(struct subid_live *live, struct live_index *index)
{
	size_t room = live->n == 0 ? 64 : live->n * 2;
	struct subid_live_userns *grown =
	    reallocarray(live->userns, room, sizeof(*grown));
	uint32_t *slots;

	if (grown == NULL)
		return -ENOMEM;
	live->userns = grown;
	slots = calloc(room * 2, sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	free(index->slots);
	index->slots = slots;
	index->mask = room * 2 - 1;
	for (size_t i = 0; i < live->n; i++)
		slots[slot_of(live, index, live->userns[i].inode)] = (uint32_t)i + 1;
	return 0;
}

int live_add(struct subid_live *live, struct live_index *index, uint64_t inode,
	     enum subid_held held, pid_t holder, size_t *ret)
{
	/* full at 64 and each power of two beyond */
	if (live->n == 0 || (live->n >= 64 && (live->n & (live->n - 1)) == 0)) {
		int r = grow(live, index);

		if (r < 0)
			return r;
	}
	live->userns[live->n] = (struct subid_live_userns){
		.inode = inode,
		.parent = SUBID_LIVE_NONE,
		.owner = SUBID_ID_NONE,
		.held = held,
		.holder = holder,
	};
	index->slots[slot_of(live, index, inode)] = (uint32_t)live->n + 1;
	*ret = live->n++;
	return 0;
}

static bool is_equal(const struct subid_live_map *a, const struct subid_live_map *b)
{
	return a->n == b->n &&
	       (a->n == 0 || memcmp(a->lines, b->lines, a->n * sizeof(*a->lines)) == 0);
}

void live_map_free(struct subid_live_map *map)
{
	free(map->lines);
	*map = (struct subid_live_map){ .n = 0 };
}

/* The caller's own namespace, from which all others are told. */
static int add_own(int proc, struct subid_live *live, struct live_index *index,
		   uint64_t *ret_inode)
{
	char link[64];
	ssize_t n = readlinkat(proc, "self/ns/user", link, sizeof(link) - 1);
	uint64_t inode;
	size_t own;
	int r;

	if (n < 0)
		return -errno;
	link[n] = '\0';
	inode = proc_namespace(link, "user");
	if (inode == 0)
		return -EPROTO;
	r = live_add(live, index, inode, SUBID_HELD_BY_PROCESS, PROC_SELF, &own);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = proc_read_map(proc, PROC_SELF, kind, &live->userns[own].maps[kind]);
	*ret_inode = inode;
	return r;
}

/*
 * Does a map that cannot be the caller's have all ids that the caller's namespace has?
 * Only namespaces around the caller's do.  They take no ids from it: it is theirs.
 */
static int surrounds(const struct subid_live_map *own, const struct subid_live_map *map,
		     bool *ret)
{
	auto_set struct subid_set ids = { .n = 0 };

	for (size_t i = 0; i < map->n; i++) {
		int r = subid_set_add(&ids, map->lines[i].outside);

		if (r < 0)
			return r;
	}
	subid_set_sort(&ids);
	*ret = own->n > 0;
	for (size_t i = 0; *ret && i < own->n; i++)
		*ret = subid_set_contains(&ids, own->lines[i].inside);
	return 0;
}

/* Whose map does it look like: the caller's, or that of a namespace around it? */
static int is_as_own(const struct subid_live *live, enum subid_kind kind,
		     const struct subid_live_map *map, bool *ret)
{
	const struct subid_live_map *own = &live->userns[0].maps[kind];

	*ret = own->n > 0 && is_equal(own, map);
	return *ret ? 0 : surrounds(own, map, ret);
}

static size_t find_guessed(const struct subid_live *live,
			   const struct subid_live_map maps[SUBID_KINDS])
{
	for (size_t i = 1; i < live->n; i++)
		if ((live->userns[i].inode & SUBID_LIVE_GUESSED) != 0 &&
		    is_equal(&live->userns[i].maps[SUBID_UID], &maps[SUBID_UID]) &&
		    is_equal(&live->userns[i].maps[SUBID_GID], &maps[SUBID_GID]))
			return i;
	return SUBID_LIVE_NONE;
}

/* Takes over the maps, if it is the first with them. */
static int guess_by_maps(struct subid_live *live, struct live_index *index, pid_t pid,
			 struct subid_live_map maps[SUBID_KINDS], size_t *ret)
{
	bool as_own[SUBID_KINDS];
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		r = is_as_own(live, kind, &maps[kind], &as_own[kind]);
		if (r < 0)
			return r;
		if (as_own[kind])
			live_map_free(&maps[kind]);
	}
	if (as_own[SUBID_UID] && as_own[SUBID_GID]) {
		*ret = 0;
		return 0;
	}
	live->partial = true;
	*ret = find_guessed(live, maps);
	if (*ret != SUBID_LIVE_NONE)
		return 0;
	r = live_add(live, index, SUBID_LIVE_GUESSED | (uint64_t)pid,
		     SUBID_HELD_BY_PROCESS, pid, ret);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		live->userns[*ret].maps[kind] = maps[kind];
		maps[kind] = (struct subid_live_map){ .n = 0 };
	}
	return r;
}

/*
 * The namespace of a process whose link may not be read, as those of other users and
 * what a security module hides, often pid 1: it is told from the maps, which anybody
 * may read.  With the caller's it is taken for the caller's own; with others for one
 * that cannot be identified, the same for all processes with these maps.
 */
static int guess_namespace(int proc, struct subid_live *live, struct live_index *index,
			   pid_t pid, size_t *ret)
{
	struct subid_live_map maps[SUBID_KINDS] = { { .n = 0 }, { .n = 0 } };
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = proc_read_map(proc, pid, kind, &maps[kind]);
	if (r == 0)
		r = guess_by_maps(live, index, pid, maps, ret);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		live_map_free(&maps[kind]);
	return r;
}

/* The index of the namespace that a process is in; SUBID_LIVE_NONE if it is not known. */
static int find_namespace(int proc, struct subid_live *live, struct live_index *index,
			  const struct live_seen *seen, size_t *ret)
{
	int r = 0;

	*ret = SUBID_LIVE_NONE;
	if (seen->error == -EACCES || seen->error == -EPERM)
		r = guess_namespace(proc, live, index, seen->pid, ret);
	else if (seen->error < 0)
		r = seen->error;
	else
		*ret = live_find(live, index, seen->inode);
	if (r == 0 && *ret == SUBID_LIVE_NONE)
		r = live_add(live, index, seen->inode, SUBID_HELD_BY_PROCESS, seen->pid,
			     ret);
	if (r == 0 || r == -ENOMEM)
		return r;
	*ret = SUBID_LIVE_NONE;
	if (!proc_vanished(r)) {
		live->n_unread++;
		live->unread_error = r;
		live->unread_pid = seen->pid;
	}
	return 0;
}

/* Puts each process that was seen to its namespace, and these together. */
static int group_processes(int proc, const struct live_seen *seen, size_t n_seen,
			   struct subid_live *live, struct live_index *index)
{
	auto_free size_t *userns = reallocarray(NULL, n_seen + 1, sizeof(*userns));
	size_t at = 0;
	int r = 0;

	live->processes = reallocarray(NULL, n_seen + 1, sizeof(*live->processes));
	if (userns == NULL || live->processes == NULL)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < n_seen; i++) {
		r = find_namespace(proc, live, index, &seen[i], &userns[i]);
		if (r == 0 && userns[i] != SUBID_LIVE_NONE)
			live->userns[userns[i]].n++;
	}
	for (size_t i = 0; r == 0 && i < live->n; i++) {
		live->userns[i].first = at;
		at += live->userns[i].n;
		live->userns[i].n = 0;
	}
	for (size_t i = 0; r == 0 && i < n_seen; i++) {
		struct subid_live_userns *ns;

		if (userns[i] == SUBID_LIVE_NONE)
			continue;
		ns = &live->userns[userns[i]];
		live->processes[ns->first + ns->n++] = (struct subid_live_process){
			.pid = seen[i].pid,
			.uid = seen[i].uid,
			.gid = seen[i].gid,
			.userns = userns[i],
		};
	}
	live->n_processes = at;
	return r;
}

/* Leaves out the namespaces that are gone, and their processes. */
static int leave_out(struct subid_live *live)
{
	auto_free size_t *places = reallocarray(NULL, live->n + 1, sizeof(*places));
	size_t n = 0, n_processes = 0;

	if (places == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < live->n; i++)
		places[i] = live->userns[i].inode == 0 ? SUBID_LIVE_NONE : n++;
	for (size_t i = 0; i < live->n; i++) {
		struct subid_live_userns ns = live->userns[i];

		if (places[i] == SUBID_LIVE_NONE)
			continue;
		for (size_t j = 0; j < ns.n; j++) {
			live->processes[n_processes + j] = live->processes[ns.first + j];
			live->processes[n_processes + j].userns = places[i];
		}
		ns.first = n_processes;
		n_processes += ns.n;
		if (ns.parent != SUBID_LIVE_NONE)
			ns.parent = places[ns.parent];
		live->userns[places[i]] = ns;
	}
	live->n = n;
	live->n_processes = n_processes;
	return 0;
}

/* Frees with it what the sweep has seen. */
static int put_together(int proc, enum subid_live_depth depth, struct live_seen *seen,
			size_t n, struct subid_live *live, struct live_index *index)
{
	int r = group_processes(proc, seen, n, live, index);

	free(seen);
	if (r == 0)
		r = live_learn(proc, live, index);
	if (r == 0)
		r = live_find_hidden(proc, depth, live, index);
	return r == 0 ? leave_out(live) : r;
}

int subid_live_read(int proc, enum subid_live_depth depth, struct subid_live *ret)
{
	auto_live struct subid_live live = { .n = 0 };
	struct live_index index = { .mask = 0 };
	struct live_seen *seen;
	uint64_t own = 0;
	size_t n;
	int r = add_own(proc, &live, &index, &own);

	if (r == 0)
		r = live_sweep(proc, own, &seen, &n);
	if (r == 0)
		r = put_together(proc, depth, seen, n, &live, &index);
	free(index.slots);
	if (r < 0)
		return r;
	live.partial |= geteuid() != 0 || live.n_unread > 0;
	*ret = live;
	live = (struct subid_live){ .n = 0 };
	return 0;
}

void subid_live_free(struct subid_live *live)
{
	for (size_t i = 0; i < live->n; i++)
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			live_map_free(&live->userns[i].maps[kind]);
	free(live->userns);
	free(live->processes);
	free(live->covered);
	*live = (struct subid_live){ .n = 0 };
}
