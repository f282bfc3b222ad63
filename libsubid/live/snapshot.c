/* SPDX-License-Identifier: MIT */
/*
 * The snapshot: first the namespace and the ids of every process, in as many threads as
 * there are processors, because that takes the most time; then each namespace once
 * (userns.c), then those that no process is in (hidden.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/live/live.h"
#include "libsubid/live/private.h"

/* processes of the host itself seldom have ids above */
#define ID_OF_HOST_MAX 65535

/* What is known of a process. */
struct seen {
	pid_t pid;
	uint64_t inode; /* of its namespace */
	uint32_t uid;
	uint32_t gid;
	int error; /* 0, or -errno */
};

/* All processes, as they are looked at. */
struct sweep {
	int proc;
	uint64_t own; /* the caller's namespace */
	struct seen *seen;
};

static void look_at_namespace(int proc, struct seen *seen)
{
	seen->inode = 0;
	seen->error = proc_read_namespace(proc, seen->pid, "user", &seen->inode);
}

static int look_at_ids(int proc, const char *path, struct seen *seen)
{
	struct stat st;

	if (fstatat(proc, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	seen->uid = st.st_uid;
	seen->gid = st.st_gid;
	return 0;
}

/*
 * Ids are read where no map says what they may be: in the caller's namespace, and where
 * the namespace is not known.  A container's process begins in the caller's namespace,
 * and enters its own before it takes an id there: so a process that has a subordinate id
 * outside is looked at a second time.
 */
static void look_at(void *data, size_t i)
{
	const struct sweep *sweep = data;
	struct seen *seen = &sweep->seen[i];
	char path[16];

	look_at_namespace(sweep->proc, seen);
	if (seen->error == 0 && seen->inode != sweep->own)
		return;
	(void)snprintf(path, sizeof(path), "%d", (int)seen->pid);
	if (look_at_ids(sweep->proc, path, seen) < 0) {
		seen->error = -ESRCH;
		return;
	}
	if (seen->error == 0 &&
	    (seen->uid > ID_OF_HOST_MAX || seen->gid > ID_OF_HOST_MAX))
		look_at_namespace(sweep->proc, seen);
}

/* 0, and the caller frees *ret; -errno. */
static int sweep_processes(int proc, uint64_t own, struct seen **ret, size_t *ret_n)
{
	struct sweep sweep = { .proc = proc, .own = own };
	auto_free pid_t *pids = NULL;
	size_t n = 0;
	int r = proc_list(proc, &pids, &n);

	if (r < 0)
		return r;
	sweep.seen = reallocarray(NULL, n + 1, sizeof(*sweep.seen));
	if (sweep.seen == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sweep.seen[i] = (struct seen){
			.pid = pids[i],
			.uid = SUBID_ID_NONE,
			.gid = SUBID_ID_NONE,
		};
	proc_in_threads(look_at, &sweep, n);
	*ret = sweep.seen;
	*ret_n = n;
	return 0;
}

static bool is_equal(const struct subid_live_map *a, const struct subid_live_map *b)
{
	return a->n == b->n &&
	       (a->n == 0 || memcmp(a->lines, b->lines, a->n * sizeof(*a->lines)) == 0);
}

/* The caller's own namespace comes first. */
static int add_own(struct live_scan *scan, uint64_t *ret_inode)
{
	uint64_t inode = 0;
	size_t own;
	int r = proc_read_namespace(scan->proc, PROC_SELF, "user", &inode);

	if (r == 0)
		r = live_add(scan, inode, SUBID_HELD_BY_PROCESS, PROC_SELF, &own);
	if (r == 0)
		r = proc_read_maps(scan->proc, PROC_SELF, scan->live->userns[own].maps);
	*ret_inode = inode;
	return r;
}

/*
 * Does a map that is not the caller's have all ids that the caller's namespace has?  Only
 * a namespace around the caller's does.  It uses none of the caller's ids: they are part
 * of its own.
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

/* Is it like the map of the caller's namespace, or of one around it? */
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

/* Moves the maps into the new namespace, if it is the first with them. */
static int guess_by_maps(struct live_scan *scan, pid_t pid,
			 struct subid_live_map maps[SUBID_KINDS], size_t *ret)
{
	struct subid_live *live = scan->live;
	bool as_own[SUBID_KINDS];
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		r = is_as_own(live, kind, &maps[kind], &as_own[kind]);
		if (r < 0)
			return r;
		if (as_own[kind])
			proc_free_map(&maps[kind]);
	}
	if (as_own[SUBID_UID] && as_own[SUBID_GID]) {
		*ret = 0;
		return 0;
	}
	live->partial = true;
	*ret = find_guessed(live, maps);
	if (*ret != SUBID_LIVE_NONE)
		return 0;
	r = live_add(scan, SUBID_LIVE_GUESSED | (uint64_t)pid, SUBID_HELD_BY_PROCESS, pid,
		     ret);
	if (r < 0)
		return r;
	memcpy(live->userns[*ret].maps, maps, sizeof(live->userns[*ret].maps));
	memset(maps, 0, sizeof(live->userns[*ret].maps));
	return 0;
}

/*
 * The namespace of a process whose link may not be read: another user's, or one that a
 * security module protects, often pid 1.  The maps, which anybody may read, tell: if they
 * are the caller's, it is the caller's namespace; else one that cannot be identified, the
 * same for all processes with these maps.
 */
static int guess_namespace(struct live_scan *scan, pid_t pid, size_t *ret)
{
	struct subid_live_map maps[SUBID_KINDS] = { { .n = 0 }, { .n = 0 } };
	int r = proc_read_maps(scan->proc, pid, maps);

	if (r == 0)
		r = guess_by_maps(scan, pid, maps, ret);
	proc_free_maps(maps, 0);
	return r;
}

/* The index of the namespace that a process is in; SUBID_LIVE_NONE if it is not known. */
static int find_namespace(struct live_scan *scan, const struct seen *seen, size_t *ret)
{
	struct subid_live *live = scan->live;
	int r = 0;

	*ret = SUBID_LIVE_NONE;
	if (seen->error == -EACCES || seen->error == -EPERM)
		r = guess_namespace(scan, seen->pid, ret);
	else if (seen->error < 0)
		r = seen->error;
	else
		*ret = live_find(scan, seen->inode);
	if (r == 0 && *ret == SUBID_LIVE_NONE)
		r = live_add(scan, seen->inode, SUBID_HELD_BY_PROCESS, seen->pid, ret);
	if (r == 0 || proc_is_short(r))
		return r;
	*ret = SUBID_LIVE_NONE;
	if (!proc_vanished(r)) {
		live->n_unread++;
		live->unread_error = r;
		live->unread_pid = seen->pid;
	}
	return 0;
}

/* Orders the processes by namespace. */
static int group_processes(struct live_scan *scan, const struct seen *seen, size_t n_seen)
{
	struct subid_live *live = scan->live;
	auto_free size_t *userns = reallocarray(NULL, n_seen + 1, sizeof(*userns));
	size_t at = 0;
	int r = 0;

	live->processes = reallocarray(NULL, n_seen + 1, sizeof(*live->processes));
	if (userns == NULL || live->processes == NULL)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < n_seen; i++) {
		r = find_namespace(scan, &seen[i], &userns[i]);
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

/* Removes the namespaces that are gone, and their processes. */
static int remove_gone(struct subid_live *live)
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

static int fill(struct live_scan *scan, enum subid_live_depth depth)
{
	auto_free struct seen *seen = NULL;
	uint64_t own = 0;
	size_t n = 0;
	int r = add_own(scan, &own);

	if (r == 0)
		r = sweep_processes(scan->proc, own, &seen, &n);
	if (r == 0)
		r = group_processes(scan, seen, n);
	if (r == 0)
		r = live_learn(scan);
	if (r == 0)
		r = live_find_hidden(scan, depth);
	return r == 0 ? remove_gone(scan->live) : r;
}

static int read_snapshot(int proc, enum subid_live_depth depth,
			 const struct subid_set *uids, struct subid_live *ret)
{
	auto_live struct subid_live live = { .n = 0 };
	struct live_scan scan = { .proc = proc, .live = &live, .uids = uids };
	int r = fill(&scan, depth);

	live_inodes_free(&scan.userns);
	if (r < 0)
		return r;
	live.partial |= geteuid() != 0 || live.n_unread > 0;
	*ret = live;
	live = (struct subid_live){ .n = 0 };
	return 0;
}

int subid_live_read(int proc, enum subid_live_depth depth, struct subid_live *ret)
{
	return read_snapshot(proc, depth, NULL, ret);
}

int subid_live_read_for(int proc, const struct subid_set *uids, struct subid_live *ret)
{
	return read_snapshot(proc, SUBID_LIVE_BOUNDED, uids, ret);
}

void subid_live_free(struct subid_live *live)
{
	for (size_t i = 0; i < live->n; i++)
		proc_free_maps(live->userns[i].maps, 0);
	free(live->userns);
	free(live->processes);
	free(live->covered);
	free(live->unlooked);
	*live = (struct subid_live){ .n = 0 };
}

/* --- what it could not read, and the processes that keep it --- */

int live_error_of(const struct subid_live_userns *userns)
{
	return userns->maps[SUBID_UID].error != 0 ? userns->maps[SUBID_UID].error
						  : userns->maps[SUBID_GID].error;
}

static struct subid_hider hider_of(int proc, const struct subid_live *live, pid_t pid)
{
	struct subid_hider hider = { .pid = pid, .uid = SUBID_ID_NONE };

	if (proc >= 0 && pid > 0)
		proc_read_program(proc, pid, hider.program);
	for (size_t i = 0; i < live->n_processes; i++) {
		const struct subid_live_process *process = &live->processes[i];

		if (process->pid == pid)
			hider.uid = live_user_of_process(proc, live, process);
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

		if (userns->n > 0 || live_error_of(userns) == 0 ||
		    is_listed(ret, n, userns->holder))
			continue;
		ret[n] = hider_of(proc, live, userns->holder);
		ret[n].userns = userns->inode;
		ret[n++].error = live_error_of(userns);
	}
	for (size_t i = 0; i < live->n_covered && n < room; i++) {
		if (is_listed(ret, n, live->covered[i].pid))
			continue;
		ret[n] = hider_of(proc, live, live->covered[i].pid);
		ret[n++].error = live->covered[i].error;
	}
	for (size_t i = 0; i < live->n_unlooked && n < room; i++) {
		ret[n] = hider_of(proc, live, live->unlooked[i].pid);
		ret[n].uid = live->unlooked[i].uid;
		ret[n++].error = -ETIME;
	}
	return n;
}

void subid_live_unreadable(int proc, const struct subid_live *live,
			   struct subid_unreadable *ret)
{
	struct subid_unreadable found = {
		.n = live->n_unread,
		.n_hidden = live->n_covered + live->n_unlooked,
		.first.uid = SUBID_ID_NONE,
	};

	if (live->n_unread > 0) {
		found.first = hider_of(proc, live, live->unread_pid);
		found.first.error = live->unread_error;
	}
	for (size_t i = 1; i < live->n; i++) {
		const struct subid_live_userns *userns = &live->userns[i];

		if (live_error_of(userns) == 0)
			continue;
		if (userns->n > 0 && found.n == 0) {
			found.first = hider_of(proc, live, userns->holder);
			found.first.userns = userns->inode;
			found.first.error = live_error_of(userns);
		}
		found.n += userns->n > 0;
		found.n_hidden += userns->n == 0;
	}
	if (found.n == 0)
		(void)subid_live_hiders(proc, live, &found.first, 1);
	*ret = found;
}
