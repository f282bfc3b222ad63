/* SPDX-License-Identifier: MIT */
/*
 * The snapshot: first the namespace and the ids of every process, in as many threads as
 * there are processors, because that is where the time goes; then each namespace once.
 */
#include "live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "live_private.h"

#define THREADS_MAX    8
#define TURNS_A_THREAD 100 /* fewer are not worth one */

/* What the sweep learns of a process. */
struct seen {
	pid_t pid;
	uint64_t inode; /* of its namespace */
	uint32_t uid;
	uint32_t gid;
	int error; /* 0, or -errno */
};

struct sweep {
	int proc;
	struct seen *seen;
	size_t n;
};

/* A loop whose turns know nothing of each other. */
struct loop {
	void (*turn)(void *data, size_t i);
	void *data;
	size_t from;
	size_t to;
};

static void *run_part(void *data)
{
	const struct loop *part = data;

	for (size_t i = part->from; i < part->to; i++)
		part->turn(part->data, i);
	return NULL;
}

static size_t count_threads(size_t turns)
{
	size_t wanted = turns / TURNS_A_THREAD, cpus = 1;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cpus = (size_t)CPU_COUNT(&set);
	if (wanted > cpus)
		wanted = cpus;
	if (wanted > THREADS_MAX)
		wanted = THREADS_MAX;
	return wanted == 0 ? 1 : wanted;
}

/* A part for each thread, the first for this one; and what gets no thread, too. */
static void run_loop(void (*turn)(void *data, size_t i), void *data, size_t turns)
{
	size_t n = count_threads(turns), started = 0;
	pthread_t threads[THREADS_MAX];
	struct loop parts[THREADS_MAX];
	sigset_t every, before;

	for (size_t i = 0; i < n; i++)
		parts[i] =
		    (struct loop){ turn, data, turns * i / n, turns * (i + 1) / n };
	/* the host's handlers run in the host's threads */
	(void)sigfillset(&every);
	(void)pthread_sigmask(SIG_BLOCK, &every, &before);
	while (started + 1 < n && pthread_create(&threads[started], NULL, run_part,
						 &parts[started + 1]) == 0)
		started++;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)run_part(&parts[0]);
	for (size_t i = started + 1; i < n; i++)
		(void)run_part(&parts[i]);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
}

static void look_at(void *data, size_t i)
{
	const struct sweep *sweep = data;
	struct seen *seen = &sweep->seen[i];
	char path[32], link[64];
	struct stat st;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/ns/user", (int)seen->pid);
	n = readlinkat(sweep->proc, path, link, sizeof(link) - 1);
	if (n < 0) {
		seen->error = -errno;
	} else {
		link[n] = '\0';
		seen->inode = proc_namespace(link, "user");
		seen->error = seen->inode == 0 ? -EPROTO : 0;
	}
	*strchr(path, '/') = '\0';
	if (fstatat(sweep->proc, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		seen->error = -errno;
		return;
	}
	seen->uid = st.st_uid;
	seen->gid = st.st_gid;
}

static void close_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir); /* only read */
}

static int add_pid(struct sweep *sweep, size_t *room, pid_t pid)
{
	if (sweep->n == *room) {
		size_t more = *room * 2 + 1024;
		struct seen *grown = reallocarray(sweep->seen, more, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		sweep->seen = grown;
		*room = more;
	}
	sweep->seen[sweep->n++] = (struct seen){
		.pid = pid,
		.uid = SUBID_ID_NONE,
		.gid = SUBID_ID_NONE,
	};
	return 0;
}

static int list_processes(struct sweep *sweep)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	const struct dirent *entry;
	size_t room = 0;
	int fd = openat(sweep->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (dir == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while (r == 0) {
		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			return -errno;
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			r = add_pid(sweep, &room, (pid_t)strtol(entry->d_name, NULL, 10));
	}
	return r;
}

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
	return a->n == b->n && a->n > 0 &&
	       memcmp(a->lines, b->lines, a->n * sizeof(*a->lines)) == 0;
}

static void free_map(struct subid_live_map *map)
{
	free(map->lines);
	*map = (struct subid_live_map){ .n = 0 };
}

static bool vanished(int error)
{
	return error == -ENOENT || error == -ESRCH;
}

/* The caller's own namespace, from which all others are told. */
static int add_own(int proc, struct subid_live *live, struct live_index *index)
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
	*ret = SUBID_LIVE_NONE;
	for (size_t i = 0; r == 0 && *ret == SUBID_LIVE_NONE && i < live->n; i++)
		if ((i == 0 || (live->userns[i].inode & SUBID_LIVE_GUESSED) != 0) &&
		    is_equal(&live->userns[i].maps[SUBID_UID], &maps[SUBID_UID]) &&
		    is_equal(&live->userns[i].maps[SUBID_GID], &maps[SUBID_GID]))
			*ret = i;
	if (r == 0 && *ret == SUBID_LIVE_NONE)
		r = live_add(live, index, SUBID_LIVE_GUESSED | (uint64_t)pid,
			     SUBID_HELD_BY_PROCESS, pid, ret);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		if (r == 0 && *ret > 0 && live->userns[*ret].n == 0 &&
		    !is_equal(&maps[kind], &live->userns[0].maps[kind])) {
			live->userns[*ret].maps[kind] = maps[kind];
			maps[kind] = (struct subid_live_map){ .n = 0 };
		}
		free_map(&maps[kind]);
	}
	return r;
}

/* The index of the namespace that a process is in; SUBID_LIVE_NONE if it is not known. */
static int find_namespace(int proc, struct subid_live *live, struct live_index *index,
			  const struct seen *seen, size_t *ret)
{
	int r = 0;

	*ret = SUBID_LIVE_NONE;
	if (vanished(seen->error))
		return 0;
	if (seen->error < 0) {
		r = seen->error;
		if (r == -EACCES || r == -EPERM)
			r = guess_namespace(proc, live, index, seen->pid, ret);
		if (r == -ENOMEM || r == 0 || vanished(r))
			return r == -ENOMEM ? r : 0;
		live->n_unread++;
		live->unread_error = r;
		return 0;
	}
	*ret = live_find(live, index, seen->inode);
	if (*ret == SUBID_LIVE_NONE)
		r = live_add(live, index, seen->inode, SUBID_HELD_BY_PROCESS, seen->pid,
			     ret);
	return r;
}

/* Puts each process that was seen to its namespace, and these together. */
static int group_processes(const struct sweep *sweep, struct subid_live *live,
			   struct live_index *index)
{
	auto_free size_t *userns = reallocarray(NULL, sweep->n + 1, sizeof(*userns));
	size_t at = 0;
	int r = 0;

	live->processes = reallocarray(NULL, sweep->n + 1, sizeof(*live->processes));
	if (userns == NULL || live->processes == NULL)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < sweep->n; i++) {
		r = find_namespace(sweep->proc, live, index, &sweep->seen[i], &userns[i]);
		if (r == 0 && userns[i] != SUBID_LIVE_NONE)
			live->userns[userns[i]].n++;
	}
	for (size_t i = 0; r == 0 && i < live->n; i++) {
		live->userns[i].first = at;
		at += live->userns[i].n;
		live->userns[i].n = 0;
	}
	for (size_t i = 0; r == 0 && i < sweep->n; i++) {
		struct subid_live_userns *ns;

		if (userns[i] == SUBID_LIVE_NONE)
			continue;
		ns = &live->userns[userns[i]];
		live->processes[ns->first + ns->n++] = (struct subid_live_process){
			.pid = sweep->seen[i].pid,
			.uid = sweep->seen[i].uid,
			.gid = sweep->seen[i].gid,
			.userns = userns[i],
		};
	}
	live->n_processes = at;
	return r;
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : st.st_ino;
}

int live_relate(int proc, struct subid_live *live, struct live_index *index, size_t i,
		int ns)
{
	auto_close int parent = -1;
	uint64_t inode;
	uid_t owner;
	int r = 0;

	if (ioctl(ns, NS_GET_OWNER_UID, &owner) == 0 && owner != SUBID_ID_NONE)
		live->userns[i].owner = owner;
	/* EPERM: beyond what the caller may see */
	parent = ioctl(ns, NS_GET_PARENT);
	inode = parent < 0 ? 0 : inode_of(parent);
	if (inode == 0)
		return 0;
	if (live_find(live, index, inode) == SUBID_LIVE_NONE)
		r = live_add_behind(proc, live, index, parent, SUBID_HELD_BY_CHILD,
				    live->userns[i].holder);
	if (r == 0)
		live->userns[i].parent = live_find(live, index, inode);
	return r;
}

/* What is learnt of each namespace, from whichever of its processes is still there. */
struct learnt {
	int proc;
	struct subid_live *live;
	struct {
		uint64_t parent; /* inode; 0: beyond what the caller may see */
		int error;
	} * rows;
};

static int learn_relations(int proc, struct subid_live_userns *userns, pid_t pid,
			   uint64_t *ret_parent)
{
	auto_close int ns = -1, parent = -1;
	char path[32];
	uid_t owner;

	(void)snprintf(path, sizeof(path), "%d/ns/user", (int)pid);
	ns = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return 0; /* the maps tell whether it is there at all */
	/* the pid may be another process's by now */
	if (inode_of(ns) != userns->inode)
		return -ESRCH;
	if (ioctl(ns, NS_GET_OWNER_UID, &owner) == 0)
		userns->owner = owner;
	parent = ioctl(ns, NS_GET_PARENT);
	*ret_parent = parent < 0 ? 0 : inode_of(parent);
	return 0;
}

static int learn_from(const struct learnt *learnt, size_t i, pid_t pid)
{
	struct subid_live_userns *userns = &learnt->live->userns[i];
	int r = learn_relations(learnt->proc, userns, pid, &learnt->rows[i].parent);

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		free_map(&userns->maps[kind]); /* of a process that is gone */
		r = proc_read_map(learnt->proc, pid, kind, &userns->maps[kind]);
	}
	/* of a process that is gone, one map may still have been there */
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		userns->maps[kind].error = vanished(r) ? 0 : r;
	if (r == 0)
		userns->setgroups = proc_read_setgroups(learnt->proc, pid);
	userns->holder = pid;
	return r;
}

/* Asks the processes of a namespace, until one is still there. */
static void learn(void *data, size_t i)
{
	const struct learnt *learnt = data;
	const struct subid_live_userns *userns = &learnt->live->userns[i];

	for (size_t j = 0; vanished(learnt->rows[i].error) && j < userns->n; j++)
		learnt->rows[i].error =
		    learn_from(learnt, i, learnt->live->processes[userns->first + j].pid);
}

/* The parent of a namespace that has processes, when no other process is in it. */
static int add_parent(int proc, struct subid_live *live, struct live_index *index,
		      size_t i)
{
	auto_close int ns = -1;
	char path[32];

	(void)snprintf(path, sizeof(path), "%d/ns/user", (int)live->userns[i].holder);
	ns = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || inode_of(ns) != live->userns[i].inode)
		return 0; /* gone meanwhile, and with it what it held */
	return live_relate(proc, live, index, i, ns);
}

static int describe_all(int proc, struct subid_live *live, struct live_index *index)
{
	struct learnt learnt = { .proc = proc, .live = live };
	size_t n = live->n;
	int r = 0;

	learnt.rows = calloc(n, sizeof(*learnt.rows));
	if (learnt.rows == NULL)
		return -ENOMEM;
	for (size_t i = 1; i < n; i++)
		if ((live->userns[i].inode & SUBID_LIVE_GUESSED) == 0)
			learnt.rows[i].error = -ESRCH;
	run_loop(learn, &learnt, n);
	for (size_t i = 1; r == 0 && i < n; i++) {
		uint64_t parent = learnt.rows[i].parent;

		if (learnt.rows[i].error == -ENOMEM)
			r = -ENOMEM;
		else if (vanished(learnt.rows[i].error) &&
			 live->userns[i].maps[SUBID_UID].n == 0)
			live->userns[i].inode = 0; /* all of it is gone */
		else if (parent != 0 && live_find(live, index, parent) == SUBID_LIVE_NONE)
			r = add_parent(proc, live, index, i);
		else if (parent != 0)
			live->userns[i].parent = live_find(live, index, parent);
	}
	free(learnt.rows);
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

static int read_all(struct sweep *sweep, struct subid_live *live,
		    struct live_index *index)
{
	int r = add_own(sweep->proc, live, index);

	if (r == 0)
		r = list_processes(sweep);
	if (r < 0)
		return r;
	run_loop(look_at, sweep, sweep->n);
	r = group_processes(sweep, live, index);
	if (r == 0)
		r = describe_all(sweep->proc, live, index);
	if (r == 0)
		r = live_find_hidden(sweep->proc, live, index);
	return r == 0 ? leave_out(live) : r;
}

int subid_live_read(int proc, struct subid_live *ret)
{
	auto_live struct subid_live live = { .n = 0 };
	struct live_index index = { .mask = 0 };
	struct sweep sweep = { .proc = proc };
	int r = read_all(&sweep, &live, &index);

	free(sweep.seen);
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
			free_map(&live->userns[i].maps[kind]);
	free(live->userns);
	free(live->processes);
	*live = (struct subid_live){ .n = 0 };
}
