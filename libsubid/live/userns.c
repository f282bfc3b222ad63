/* SPDX-License-Identifier: MIT */
/*
 * The user namespaces of a snapshot: adding one, and its owner, parent and maps; from
 * whichever of its processes is still there, or from a descriptor of the namespace.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

static size_t slot_of(const struct live_inodes *inodes, uint64_t inode)
{
	size_t at = (size_t)((inode * 0x9e3779b97f4a7c15) >> 32) & (inodes->room - 1);

	while (inodes->slots[at].inode != 0 && inodes->slots[at].inode != inode)
		at = (at + 1) & (inodes->room - 1);
	return at;
}

size_t live_inodes_find(const struct live_inodes *inodes, uint64_t inode)
{
	const struct live_inode *slot;

	if (inodes->n == 0)
		return SUBID_LIVE_NONE;
	slot = &inodes->slots[slot_of(inodes, inode)];
	return slot->inode == inode ? slot->number : SUBID_LIVE_NONE;
}

static int grow(struct live_inodes *inodes)
{
	struct live_inodes grown = { .n = inodes->n,
				     .room = inodes->room == 0 ? 128 : inodes->room * 2 };

	grown.slots = calloc(grown.room, sizeof(*grown.slots));
	if (grown.slots == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < inodes->room; i++)
		if (inodes->slots[i].inode != 0)
			grown.slots[slot_of(&grown, inodes->slots[i].inode)] =
			    inodes->slots[i];
	free(inodes->slots);
	*inodes = grown;
	return 0;
}

int live_inodes_put(struct live_inodes *inodes, uint64_t inode, size_t number)
{
	struct live_inode *slot;

	if (inodes->n * 2 >= inodes->room) {
		int r = grow(inodes);

		if (r < 0)
			return r;
	}
	slot = &inodes->slots[slot_of(inodes, inode)];
	inodes->n += slot->inode != inode;
	*slot = (struct live_inode){ inode, number };
	return 0;
}

void live_inodes_free(struct live_inodes *inodes)
{
	free(inodes->slots);
	*inodes = (struct live_inodes){ .n = 0 };
}

int live_add(struct live_scan *scan, uint64_t inode, enum subid_held held, pid_t holder,
	     size_t *ret)
{
	struct subid_live *live = scan->live;
	int r = array_grow(&live->userns, live->n, sizeof(*live->userns));
	if (r == 0)
		r = live_inodes_put(&scan->userns, inode, live->n);
	if (r < 0)
		return r;
	live->userns[live->n] = (struct subid_live_userns){
		.inode = inode,
		.parent = SUBID_LIVE_NONE,
		.owner = SUBID_ID_NONE,
		.held = held,
		.holder = holder,
	};
	*ret = live->n++;
	return 0;
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

/* Owner, and the parent's descriptor; -errno, -EPERM if the caller may not see it. */
static int ask_relations(struct subid_live_userns *userns, int ns)
{
	uid_t owner;
	int parent;

	if (ioctl(ns, NS_GET_OWNER_UID, &owner) == 0)
		userns->owner = owner;
	parent = ioctl(ns, NS_GET_PARENT);
	return parent < 0 ? -errno : parent;
}

/* Learns owner and parent of one from its descriptor, and adds parents that are not
 * known yet. */
static int relate(struct live_scan *scan, size_t i, int ns)
{
	auto_close int parent = ask_relations(&scan->live->userns[i], ns);
	uint64_t inode = parent < 0 ? 0 : inode_of(parent);
	int r = 0;

	if (inode == 0)
		return proc_is_short(parent) ? parent : 0;
	if (live_find(scan, inode) == SUBID_LIVE_NONE)
		r = live_add_behind(scan, parent, SUBID_HELD_BY_CHILD,
				    scan->live->userns[i].holder);
	if (r == 0)
		scan->live->userns[i].parent = live_find(scan, inode);
	return r;
}

int live_add_behind(struct live_scan *scan, int ns, enum subid_held held, pid_t holder)
{
	auto_close int owner = -1;
	int type = ioctl(ns, NS_GET_NSTYPE), r;
	uint64_t inode;
	size_t i;

	if (type != CLONE_NEWUSER) {
		/* whatever it is, the user namespace that owns it exists */
		owner = type < 0 ? -1 : ioctl(ns, NS_GET_USERNS);
		if (owner < 0)
			return type >= 0 && proc_is_short(-errno) ? -errno : 0;
		ns = owner;
		held = SUBID_HELD_BY_CHILD;
	}
	inode = inode_of(ns);
	if (inode == 0 || live_find(scan, inode) != SUBID_LIVE_NONE)
		return 0;
	r = live_add(scan, inode, held, holder, &i);
	if (r == 0)
		r = inside_read_maps(scan->proc, &scan->live->userns[i], ns);
	return r == 0 ? relate(scan, i, ns) : r;
}

/* What the threads learn of each namespace that has processes. */
struct learnt {
	int proc;
	struct subid_live *live;
	struct {
		uint64_t parent; /* inode; 0: the caller may not see it */
		int error;
	} * rows;
};

/* 0; -errno: the caller is short of descriptors. */
static int learn_relations(int proc, struct subid_live_userns *userns, pid_t pid,
			   uint64_t *ret_parent)
{
	auto_close int ns = proc_open(proc, pid, "ns/user", O_RDONLY), parent = -1;

	/* the maps will tell whether it is there at all */
	if (ns >= 0)
		parent = ask_relations(userns, ns);
	*ret_parent = parent < 0 ? 0 : inode_of(parent);
	return proc_is_short(ns) ? ns : proc_is_short(parent) ? parent : 0;
}

/* setgroups matters where a gid is mapped that nobody has granted: then alone. */
static bool is_single(const struct subid_live_map *map)
{
	return map->n == 1 && map->lines[0].outside.count == 1;
}

static int learn_from(const struct learnt *learnt, size_t i, pid_t pid)
{
	struct subid_live_userns *userns = &learnt->live->userns[i];
	int still;
	int r = learn_relations(learnt->proc, userns, pid, &learnt->rows[i].parent);

	if (r == 0)
		r = proc_read_maps(learnt->proc, pid, userns->maps);
	if (r == 0 && is_single(&userns->maps[SUBID_GID]))
		userns->setgroups = proc_read_setgroups(learnt->proc, pid);
	/* It was in the namespace when the list was made.  If it is now, it has been all
	 * the time, as no process can return to a namespace.  Else the pid may be that of
	 * another process by now. */
	still = proc_is_in(learnt->proc, pid, userns->inode);
	if (still < 0 && !proc_is_short(r))
		r = still;
	if (r < 0)
		proc_free_maps(userns->maps, proc_vanished(r) ? 0 : r);
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
static int add_parent(struct live_scan *scan, size_t i)
{
	const struct subid_live_userns *userns = &scan->live->userns[i];
	auto_close int ns = proc_open(scan->proc, userns->holder, "ns/user", O_RDONLY);

	if (proc_is_short(ns))
		return ns;
	if (ns < 0 || inode_of(ns) != userns->inode)
		return 0; /* gone meanwhile, and so is what it held */
	return relate(scan, i, ns);
}

/* Namespaces that are gone are forgotten first, so that none becomes a parent. */
static int relate_all(struct live_scan *scan, const struct learnt *learnt)
{
	struct subid_live *live = scan->live;
	size_t n = live->n;
	int r = 0;

	for (size_t i = 1; r == 0 && i < n; i++) {
		if (proc_is_short(learnt->rows[i].error))
			return learnt->rows[i].error;
		if (!proc_vanished(learnt->rows[i].error))
			continue;
		r = live_inodes_put(&scan->userns, live->userns[i].inode,
				    SUBID_LIVE_NONE);
		live->userns[i].inode = 0;
	}
	for (size_t i = 1; r == 0 && i < n; i++) {
		uint64_t parent = learnt->rows[i].parent;

		if (parent == 0 || live->userns[i].inode == 0)
			continue;
		live->userns[i].parent = live_find(scan, parent);
		if (live->userns[i].parent == SUBID_LIVE_NONE)
			r = add_parent(scan, i);
	}
	return r;
}

int live_learn(struct live_scan *scan)
{
	struct subid_live *live = scan->live;
	struct learnt learnt = { .proc = scan->proc, .live = live };
	int r;

	learnt.rows = calloc(live->n, sizeof(*learnt.rows));
	if (learnt.rows == NULL)
		return -ENOMEM;
	for (size_t i = 1; i < live->n; i++)
		if ((live->userns[i].inode & SUBID_LIVE_GUESSED) == 0)
			learnt.rows[i].error = -ESRCH;
	proc_in_threads(learn, &learnt, live->n);
	r = relate_all(scan, &learnt);
	free(learnt.rows);
	return r;
}
