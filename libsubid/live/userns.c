/* SPDX-License-Identifier: MIT */
/*
 * The user namespaces of a snapshot: adding one, and its owner, parent and maps; from
 * whichever of its processes is still there, or from a descriptor of the namespace.
 *
 * The maps of a namespace without a process are read by a child: it enters the namespace
 * and ends, and until it is waited for /proc shows the maps beside its pid.
 *
 * Threat: root of that namespace may signal whoever enters it, and may trace it if its
 * memory, which is a copy of the caller's, is not protected.
 *
 *  1. Nothing that the child says is believed or waited for: it may be stopped or killed
 *     at any moment.  /proc says which namespace it has entered.
 *  2. The child is not dumpable, so that tracing it takes privilege over the caller's
 *     namespace.  Entering sets that to fs.suid_dumpable: if it is 1, by which everything
 *     may be traced, no namespace is entered.
 *  3. The child makes system calls only, with all signals blocked: it may be a copy of
 *     one thread of many, and none of the caller's signal handlers may run in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
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

/* May a process that has changed its ids be traced by its user? */
static bool is_tracing_free(int proc)
{
	char text[2];
	ssize_t n = proc_read_at(proc, "sys/fs/suid_dumpable", text, sizeof(text));

	return n > 0 && text[0] == '1';
}

static _Noreturn void enter_and_end(int ns)
{
	if (prctl(PR_SET_DUMPABLE, 0) == 0)
		(void)setns(ns, CLONE_NEWUSER);
	_exit(0);
}

/*
 * A child without an exit signal: the caller gets no SIGCHLD for it, and the caller's
 * wait(2) does not see it.  All arguments are 0, so that their order, which differs
 * between machines, does not matter.
 */
static pid_t start_inside(int ns)
{
	sigset_t every, before;
	pid_t pid;

	(void)sigfillset(&every);
	(void)pthread_sigmask(SIG_BLOCK, &every, &before);
	pid = (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
	if (pid == 0)
		enter_and_end(ns);
	if (pid < 0)
		pid = -errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* Returns when it has ended; /proc still shows it. */
static int await_end(pid_t pid)
{
	siginfo_t info = { .si_code = 0 };
	int r;

	do
		r = waitid(P_PID, (id_t)pid, &info,
			   WEXITED | WSTOPPED | WNOWAIT | __WALL);
	while (r < 0 && errno == EINTR);
	if (r == 0 && (info.si_code == CLD_STOPPED || info.si_code == CLD_TRAPPED)) {
		(void)kill(pid, SIGKILL);
		do
			r = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | __WALL);
		while (r < 0 && errno == EINTR);
	}
	return r < 0 ? -errno : 0;
}

static int read_maps_of_child(int proc, pid_t pid, struct subid_live_userns *userns)
{
	int r = proc_is_in(proc, pid, userns->inode);

	if (r == -ESRCH)
		return -EPERM; /* it has not entered */
	if (r == 0)
		r = proc_read_maps(proc, pid, userns->maps);
	if (r == 0)
		userns->setgroups = proc_read_setgroups(proc, pid);
	return r;
}

static int read_inside(int proc, struct subid_live_userns *userns, int ns)
{
	pid_t pid = is_tracing_free(proc) ? -EPERM : start_inside(ns);
	int r = pid < 0 ? pid : await_end(pid);

	if (r == 0)
		r = read_maps_of_child(proc, pid, userns);
	if (pid > 0)
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	if (r < 0)
		proc_free_maps(userns->maps, r);
	return r == -ENOMEM ? r : 0;
}

/* Owner, and the parent's descriptor; -1: the caller may not see it. */
static int ask_relations(struct subid_live_userns *userns, int ns)
{
	uid_t owner;

	if (ioctl(ns, NS_GET_OWNER_UID, &owner) == 0)
		userns->owner = owner;
	return ioctl(ns, NS_GET_PARENT);
}

/* Learns owner and parent of one from its descriptor, and adds parents that are not
 * known yet. */
static int relate(struct live_scan *scan, size_t i, int ns)
{
	auto_close int parent = ask_relations(&scan->live->userns[i], ns);
	uint64_t inode = parent < 0 ? 0 : inode_of(parent);
	int r = 0;

	if (inode == 0)
		return 0;
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
			return 0;
		ns = owner;
		held = SUBID_HELD_BY_CHILD;
	}
	inode = inode_of(ns);
	if (inode == 0 || live_find(scan, inode) != SUBID_LIVE_NONE)
		return 0;
	r = live_add(scan, inode, held, holder, &i);
	if (r == 0)
		r = read_inside(scan->proc, &scan->live->userns[i], ns);
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

static void learn_relations(int proc, struct subid_live_userns *userns, pid_t pid,
			    uint64_t *ret_parent)
{
	auto_close int ns = proc_open(proc, pid, "ns/user", O_RDONLY), parent = -1;

	if (ns < 0)
		return; /* the maps will tell whether it is there at all */
	parent = ask_relations(userns, ns);
	*ret_parent = parent < 0 ? 0 : inode_of(parent);
}

/* setgroups matters where a gid is mapped that nobody has granted: then alone. */
static bool is_single(const struct subid_live_map *map)
{
	return map->n == 1 && map->lines[0].outside.count == 1;
}

static int learn_from(const struct learnt *learnt, size_t i, pid_t pid)
{
	struct subid_live_userns *userns = &learnt->live->userns[i];
	int r, still;

	learn_relations(learnt->proc, userns, pid, &learnt->rows[i].parent);
	r = proc_read_maps(learnt->proc, pid, userns->maps);
	if (r == 0 && is_single(&userns->maps[SUBID_GID]))
		userns->setgroups = proc_read_setgroups(learnt->proc, pid);
	/* It was in the namespace when the list was made.  If it is now, it has been all
	 * the time, as no process can return to a namespace.  Else the pid may be that of
	 * another process by now. */
	still = proc_is_in(learnt->proc, pid, userns->inode);
	if (still < 0)
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
		if (learnt->rows[i].error == -ENOMEM)
			return -ENOMEM;
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
