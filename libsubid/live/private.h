/* SPDX-License-Identifier: MIT */
#pragma once

#include "libsubid/live/live.h"

/*
 * The inside of the snapshot: live.c puts together what live_sweep.c (every process),
 * live_learn.c (each namespace) and live_hidden.c (namespaces without a process: through
 * the links of live_links.c, and in live_mounts.c behind mounts) find; live_inside.c
 * reads the maps of one without a process; proc_read.c reads the small files of a
 * process.
 */

/* A page, which is all that a map can have, and some. */
#define PROC_FILE_MAX (64 << 10)

/* The map of a process; lines are the caller's.  0 or -errno. */
int proc_read_map(int proc, pid_t pid, enum subid_kind kind, struct subid_live_map *ret);

enum subid_setgroups proc_read_setgroups(int proc, pid_t pid);

void live_map_free(struct subid_live_map *map);

/* What the sweep learns of a process. */
struct live_seen {
	pid_t pid;
	uint64_t inode; /* of its namespace */
	uint32_t uid;
	uint32_t gid;
	int error; /* 0, or -errno */
};

/* Looks at every process.  own: inode of the caller's namespace.  0, and the caller frees
 * *ret; -errno. */
int live_sweep(int proc, uint64_t own, struct live_seen **ret, size_t *ret_n);

/* Runs the turns 0..turns - 1, which know nothing of each other, in threads. */
void live_run_loop(void (*turn)(void *data, size_t i), void *data, size_t turns);

/* Index of a namespace by its inode, or SUBID_LIVE_NONE. */
struct live_index {
	uint32_t *slots; /* index + 1; 0: free */
	size_t mask;
};
size_t live_find(const struct subid_live *live, const struct live_index *index,
		 uint64_t inode);

/* Adds a namespace that is not there.  Its index in *ret.  0 or -ENOMEM. */
int live_add(struct subid_live *live, struct live_index *index, uint64_t inode,
	     enum subid_held held, pid_t holder, size_t *ret);

/*
 * Learns owner, parent, maps of each namespace that has processes; those that are gone
 * get inode 0.  0 or -ENOMEM.
 */
int live_learn(int proc, struct subid_live *live, struct live_index *index);

/*
 * Learns owner and parent from a descriptor of the namespace, and adds the parents that
 * are not known yet, with their maps.  0 or -ENOMEM.
 */
int live_relate(int proc, struct subid_live *live, struct live_index *index, size_t i,
		int ns);

/*
 * Adds the namespace behind a descriptor of any kind of namespace, a user namespace or
 * the one that owns it, unless it is known.  0 or -ENOMEM.
 */
int live_add_behind(int proc, struct subid_live *live, struct live_index *index, int ns,
		    enum subid_held held, pid_t holder);

/* Reads maps and setgroups of a namespace without a process.  0 or -ENOMEM. */
int live_read_inside(int proc, struct subid_live_userns *userns, int ns);

/* The inode in a link to a namespace of any type; 0 if it is to something else. */
uint64_t live_namespace(const char *link, bool *ret_is_user);

/* A set of inodes.  All zero: empty. */
struct live_met {
	uint64_t *slots; /* open addressing, 0 free */
	size_t n;
	size_t room;
};
bool live_met_has(const struct live_met *met, uint64_t inode);
int live_met_add(struct live_met *met, uint64_t inode); /* 0 or -ENOMEM */
void live_met_free(struct live_met *met);

#define auto_met __attribute__((cleanup(live_met_free)))

/* The types of namespaces beside user namespaces. */
enum { LIVE_MNT, LIVE_TYPES = 7 };

/* A link of a process to a namespace. */
struct live_link {
	uint64_t inode;
	bool is_user;
	const char *name; /* below /proc/PID, of one that it is in; else NULL */
	int fd;
};

struct live_links {
	struct live_link *list;
	size_t n;
	size_t room;
	uint64_t mnt; /* its mount namespace; 0: not known */
	bool hidden;  /* its descriptors may not be looked at */
	int error;
};

/*
 * The links of each process, into ret[i] as live->processes, whose lists the caller
 * frees, also on failure; without the namespaces that the caller is in, which are
 * live_own_links().  0 or -ENOMEM.
 */
int live_gather_links(int proc, const struct subid_live *live, struct live_links *ret);
struct live_links live_own_links(int proc);

/*
 * What the mounts that a process sees lead to; those that cannot be opened, and those of
 * other kinds of namespaces, are added to live->covered.  *ret_whole: it sees the root of
 * its mount namespace, so that nothing is hidden from it by a chroot.  0 or -ENOMEM.
 */
int live_follow_mounts(int proc, struct subid_live *live, struct live_index *index,
		       pid_t pid, bool *ret_whole);

/* What the descriptors and mounts of the processes lead to.  0 or -ENOMEM. */
int live_find_hidden(int proc, enum subid_live_depth depth, struct subid_live *live,
		     struct live_index *index);

/*
 * What userns.c and userns_session.c share.
 */

#define USERNS_NOBODY UINT32_MAX

/* A process's comm, or "". */
void userns_read_program(int proc, pid_t pid, char ret[16]);

/* Adds a row to the n uses, with what its process is called.  0 or -ENOMEM. */
int userns_add_use(int proc, struct subid_use use, struct subid_use **uses, size_t *n);

/* Does the process but hold a rootless session of the user?  USERNS_NOBODY: never. */
bool userns_is_of_session(int proc, uint32_t user, pid_t pid);
