/* SPDX-License-Identifier: MIT */
#pragma once

#include <dirent.h>

#include "libsubid/live/live.h"

/*
 * How a snapshot is made.  Each file calls only those above it:
 *
 *   proc.c        the small files of a process, the list of processes, work in threads
 *   inside.c      children that enter a namespace: its maps, its mounts
 *   userns.c      the user namespaces found so far: adding one; its owner, parent, maps
 *   limit.c       what the search may cost, for each user; questions to processes that
 *                 may never be answered, by a child
 *   links.c       the namespaces and descriptors that processes have
 *   mounts.c      namespaces behind the bind mounts that a process sees
 *   hidden.c      the search for namespaces that no process is in
 *   snapshot.c    every process, and the namespace that it is in; what could not be
 *                 read, and whose it is
 *   hiding.c      all users who hide something
 *
 * uses.c, name.c and idmapped.c answer questions about a snapshot.
 */

/*
 * Is it the caller who has no more descriptors or memory?  Then nothing is known of what
 * could not be looked at, whoever's it is, and the whole look fails.
 */
bool proc_is_short(int error);

/* Opens a small file of a process.  A descriptor or -errno. */
int proc_open(int proc, pid_t pid, const char *name, int flags);

/* The inode in a link to a namespace of any type; 0 if it is to something else. */
uint64_t proc_any_namespace(const char *link, bool *ret_is_user);

/* The inode of the namespace of that type ("user", "pid", ...) that a process is in.  0;
 * -EPROTO: the link leads to something else; -errno. */
int proc_read_namespace(int proc, pid_t pid, const char *type, uint64_t *ret);

/* A process's comm, '?' for bytes that are not printable; "" if it cannot be read. */
void proc_read_program(int proc, pid_t pid, char ret[16]);

/* The real uid of a process.  0 or -errno. */
int proc_read_real_uid(int proc, pid_t pid, uint32_t *ret);

/* The map of a process; lines are the caller's.  0 or -errno. */
int proc_read_map(int proc, pid_t pid, enum subid_kind kind, struct subid_live_map *ret);
void proc_free_map(struct subid_live_map *map);

/* Both maps.  After a failure one may have been read. */
int proc_read_maps(int proc, pid_t pid, struct subid_live_map ret[SUBID_KINDS]);

/* Frees both; error: why they are not known, or 0. */
void proc_free_maps(struct subid_live_map maps[SUBID_KINDS], int error);

enum subid_setgroups proc_read_setgroups(int proc, pid_t pid);

/* A directory to read; NULL with errno set. */
DIR *proc_open_dir(int at, const char *path);
void proc_close_dir(DIR **dir);

#define auto_dir __attribute__((cleanup(proc_close_dir)))

/* The pids of all processes.  0, and the caller frees *ret; -errno. */
int proc_list(int proc, pid_t **ret, size_t *ret_n);

/* Runs the turns 0 .. turns - 1, which are independent of each other, in threads. */
void proc_in_threads(void (*turn)(void *data, size_t i), void *data, size_t turns);

/* Inodes, each with a number; or a set of inodes, if the number is always 0.  Zeroed, it
 * is empty. */
struct live_inodes {
	struct live_inode {
		uint64_t inode; /* 0: free */
		size_t number;
	} * slots;
	size_t n;
	size_t room;
};

/* The number of an inode, or SUBID_LIVE_NONE. */
size_t live_inodes_find(const struct live_inodes *inodes, uint64_t inode);

/* Adds an inode, or gives it another number.  0 or -ENOMEM. */
int live_inodes_put(struct live_inodes *inodes, uint64_t inode, size_t number);

void live_inodes_free(struct live_inodes *inodes);

#define auto_inodes __attribute__((cleanup(live_inodes_free)))

static inline bool live_inodes_have(const struct live_inodes *inodes, uint64_t inode)
{
	return live_inodes_find(inodes, inode) != SUBID_LIVE_NONE;
}

/* A snapshot as it is made. */
struct live_scan {
	int proc;
	struct subid_live *live;
	struct live_inodes userns;    /* the indexes in live->userns */
	const struct subid_set *uids; /* see subid_live_read_for() */
};

/* The index of a namespace, or SUBID_LIVE_NONE. */
static inline size_t live_find(const struct live_scan *scan, uint64_t inode)
{
	return live_inodes_find(&scan->userns, inode);
}

/* Adds a namespace that is not there.  Its index in *ret.  0 or -ENOMEM. */
int live_add(struct live_scan *scan, uint64_t inode, enum subid_held held, pid_t holder,
	     size_t *ret);

/*
 * Adds the namespace behind a descriptor of any kind of namespace, a user namespace or
 * the one that owns it, with its maps, owner and parents, unless it is known.  0 or
 * -ENOMEM.
 */
int live_add_behind(struct live_scan *scan, int ns, enum subid_held held, pid_t holder);

/* Learns owner, parent and maps of each namespace that has processes; those that are
 * gone get inode 0.  0 or -ENOMEM. */
int live_learn(struct live_scan *scan);

/* --- limit.c: questions --- */

/* The same question about each of some processes. */
struct live_questions {
	int proc;
	size_t n;
	const pid_t *pids;
	const uint32_t *users; /* whose each is */
	size_t room;	       /* of an answer */

	/* The child's part: system calls alone.  The size of the answer, or -errno. */
	ssize_t (*answer)(int proc, pid_t pid, char *buf, size_t room);

	/* The caller's part, in the order of the pids.  size: -errno; -ETIMEDOUT: there
	 * is no answer; -ETIME: it was not asked, as another of that user has not
	 * answered.  0 or -errno, which ends the asking. */
	int (*take)(void *data, size_t i, const char *text, ssize_t size);
	void *data;
};

/* Asks all of them.  0 or -errno. */
int live_ask(const struct live_questions *questions);

/* --- inside.c --- */

/* Reads the maps of a user namespace without a process from its descriptor; what cannot
 * be read is noted there.  0; -errno: the caller is short of something. */
int inside_read_maps(int proc, struct subid_live_userns *userns, int ns);

/* A child in a mount namespace. */
struct inside {
	pid_t pid; /* 0: there is none */
	int fd;
};

/* Returns 0, and the caller ends it with inside_leave(); -errno. */
int inside_enter_mounts(int ns, struct inside *ret);
void inside_leave(struct inside *inside);

/* --- limit.c --- */

/* Who created the outermost namespace around one: its processes act for that user. */
uint32_t live_user_of(const struct subid_live *live, size_t userns);

/* For whom a process acts.  proc: -1: it is not asked for its real uid. */
uint32_t live_user_of_process(int proc, const struct subid_live *live,
			      const struct subid_live_process *process);

/* What is left to a user.  Threads may spend it at the same time. */
struct live_limit {
	uint32_t uid;
	_Atomic int64_t ns;
	_Atomic int64_t work;
	bool is_crowd;	  /* descriptors in other user namespaces are passed over */
	bool is_other;	  /* not one of subid_live_read_for()'s */
	size_t n_skipped; /* what was not looked at */
	pid_t skipped;	  /* a process of it */
};

struct live_limits {
	enum subid_live_depth depth;
	const struct subid_set *uids; /* see subid_live_read_for(); NULL: all */
	struct live_limit *list;
	size_t n;
	struct live_inodes by_uid;
};

/* A link of a process to a namespace. */
struct live_link {
	uint64_t inode;
	bool is_user;
	const char *name; /* below /proc/PID, of one that it is in; else NULL */
	int fd;
};

/* What a process leads to. */
struct live_links {
	struct live_link *list;
	size_t n;
	uint64_t mnt; /* its mount namespace; 0: not known */
	size_t limit; /* index: at whose cost it is looked at */
	bool is_payer_known;
	bool is_large;	 /* its table of descriptors */
	bool is_skipped; /* it was not looked at to the end */
	bool hidden;	 /* something may not be looked at */
	int error;	 /* -errno: the caller is short of something */
};

/* A monotonic clock, in ns. */
int64_t limit_now(void);

/* The index of a user's limit.  0 or -ENOMEM. */
int limit_of(struct live_limits *limits, uint32_t uid, size_t *ret);

/* Sets links->limit, which is root's so far for what seems to be root's, to that of who
 * has started the process.  0 or -errno. */
int limit_of_process(int proc, struct live_limits *limits,
		     const struct subid_live_process *process, struct live_links *links);

bool limit_is_left(const struct live_limit *limit);
void limit_spend(struct live_limit *limit, int64_t since, size_t work);

/* Counts something that was not looked at. */
void limit_skip(struct live_limit *limit, pid_t pid);

/* Adds what was left out to live->unlooked.  0 or -ENOMEM. */
int limit_report(const struct live_limits *limits, struct subid_live *live);

void limits_free(struct live_limits *limits);

/* --- links.c --- */

/* The links of each process, into links as live->processes, whose lists the caller frees,
 * also on failure; without the namespaces that the caller is in.  0 or -errno. */
int links_gather(int proc, const struct subid_live *live, struct live_limits *limits,
		 struct live_links *links);

/* The namespaces that the caller is in; the caller frees the list.  0 or -errno. */
int links_own(int proc, struct live_links *ret);

/* Opens what a link of a process, or of PROC_SELF, leads to.  A descriptor; -ESRCH: it is
 * gone; -errno. */
int links_open(int proc, pid_t pid, const struct live_link *link);

/* --- mounts.c, hidden.c --- */

/*
 * Adds what the mounts lead to that a process sees; those that cannot be opened, and
 * those of other kinds of namespaces, are added to live->covered, with holder.
 * *ret_whole: it sees the root of its mount namespace, so that no chroot hides a mount
 * from it.  *ret_done: all was read, within the limit.  0 or -errno.
 */
int live_follow_mounts(struct live_scan *scan, pid_t pid, pid_t holder,
		       struct live_limit *limit, bool *ret_whole, bool *ret_done);

/* Adds what the descriptors and mounts of the processes lead to.  0 or -errno. */
int live_find_hidden(struct live_scan *scan, enum subid_live_depth depth);

/* --- snapshot.c --- */

/* Why its maps are not known: -errno; 0: they are. */
int live_error_of(const struct subid_live_userns *userns);
