/* SPDX-License-Identifier: MIT */
/*
 * What is known of each namespace: its owner, its parent, its maps; from whichever of
 * its processes is still there, in threads, or from a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

/* Owner, and the parent's descriptor; -1: it is beyond what the caller may see. */
static int ask_relations(struct subid_live_userns *userns, int ns)
{
	uid_t owner;

	if (ioctl(ns, NS_GET_OWNER_UID, &owner) == 0)
		userns->owner = owner;
	return ioctl(ns, NS_GET_PARENT);
}

int live_relate(int proc, struct subid_live *live, struct live_index *index, size_t i,
		int ns)
{
	auto_close int parent = ask_relations(&live->userns[i], ns);
	uint64_t inode = parent < 0 ? 0 : inode_of(parent);
	int r = 0;

	if (inode == 0)
		return 0;
	if (live_find(live, index, inode) == SUBID_LIVE_NONE)
		r = live_add_behind(proc, live, index, parent, SUBID_HELD_BY_CHILD,
				    live->userns[i].holder);
	if (r == 0)
		live->userns[i].parent = live_find(live, index, inode);
	return r;
}

struct learnt {
	int proc;
	struct subid_live *live;
	struct {
		uint64_t parent; /* inode; 0: beyond what the caller may see */
		int error;
	} * rows;
};

static int open_userns(int proc, pid_t pid)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "%d/ns/user", (int)pid);
	return openat(proc, path, O_RDONLY | O_CLOEXEC);
}

static void learn_relations(int proc, struct subid_live_userns *userns, pid_t pid,
			    uint64_t *ret_parent)
{
	auto_close int ns = open_userns(proc, pid), parent = -1;

	if (ns < 0)
		return; /* the maps tell whether it is there at all */
	parent = ask_relations(userns, ns);
	*ret_parent = parent < 0 ? 0 : inode_of(parent);
}

/* setgroups matters where a gid is mapped that nobody has given: then alone. */
static bool is_single(const struct subid_live_map *map)
{
	return map->n == 1 && map->lines[0].outside.count == 1;
}

static int learn_from(const struct learnt *learnt, size_t i, pid_t pid)
{
	struct subid_live_userns *userns = &learnt->live->userns[i];
	int r = 0, still;

	learn_relations(learnt->proc, userns, pid, &learnt->rows[i].parent);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = proc_read_map(learnt->proc, pid, kind, &userns->maps[kind]);
	if (r == 0 && is_single(&userns->maps[SUBID_GID]))
		userns->setgroups = proc_read_setgroups(learnt->proc, pid);
	/* It was in the namespace when the sweep came by.  If it is now, it has been all
	 * the time: there is no way back into a namespace.  Else the pid may be
	 * another's. */
	still = proc_is_in(learnt->proc, pid, userns->inode);
	if (still < 0)
		r = still;
	for (enum subid_kind kind = 0; r < 0 && kind < SUBID_KINDS; kind++) {
		live_map_free(&userns->maps[kind]);
		userns->maps[kind].error = proc_vanished(r) ? 0 : r;
	}
	userns->holder = pid;
	return r;
}

/* Asks the processes of a namespace, until one is still there. */
static void learn(void *data, size_t i)
{
	const struct learnt *learnt = data;
	const struct subid_live_userns *userns = &learnt->live->userns[i];

	for (size_t j = 0; proc_vanished(learnt->rows[i].error) && j < userns->n; j++)
		learnt->rows[i].error =
		    learn_from(learnt, i, learnt->live->processes[userns->first + j].pid);
}

/* The parent of a namespace that has processes, when no other process is in it. */
static int add_parent(int proc, struct subid_live *live, struct live_index *index,
		      size_t i)
{
	auto_close int ns = open_userns(proc, live->userns[i].holder);

	if (ns < 0 || inode_of(ns) != live->userns[i].inode)
		return 0; /* gone meanwhile, and with it what it held */
	return live_relate(proc, live, index, i, ns);
}

/* Those that are gone are marked before one is taken for a parent. */
static int relate_all(const struct learnt *learnt, struct live_index *index)
{
	struct subid_live *live = learnt->live;
	size_t n = live->n;
	int r = 0;

	for (size_t i = 1; i < n; i++) {
		if (learnt->rows[i].error == -ENOMEM)
			return -ENOMEM;
		if (proc_vanished(learnt->rows[i].error))
			live->userns[i].inode = 0;
	}
	for (size_t i = 1; r == 0 && i < n; i++) {
		uint64_t parent = learnt->rows[i].parent;

		if (parent == 0 || live->userns[i].inode == 0)
			continue;
		live->userns[i].parent = live_find(live, index, parent);
		if (live->userns[i].parent == SUBID_LIVE_NONE)
			r = add_parent(learnt->proc, live, index, i);
	}
	return r;
}

int live_learn(int proc, struct subid_live *live, struct live_index *index)
{
	struct learnt learnt = { .proc = proc, .live = live };
	int r;

	learnt.rows = calloc(live->n, sizeof(*learnt.rows));
	if (learnt.rows == NULL)
		return -ENOMEM;
	for (size_t i = 1; i < live->n; i++)
		if ((live->userns[i].inode & SUBID_LIVE_GUESSED) == 0)
			learnt.rows[i].error = -ESRCH;
	live_run_loop(learn, &learnt, live->n);
	r = relate_all(&learnt, index);
	free(learnt.rows);
	return r;
}
