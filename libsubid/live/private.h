/* SPDX-License-Identifier: MIT */
#pragma once

#include <dirent.h>

#include "libsubid/live/live.h"

/*
 * How a snapshot is made.  Each file calls only those above it:
 *
 *   proc.c        the small files of a process, the list of processes, work in threads
 *   userns.c      the user namespaces found so far: adding one; its owner, parent, maps
 *   mounts.c      namespaces behind the bind mounts that a process sees
 *   unreadable.c  namespaces that no process is in, and what could not be read
 *   snapshot.c    every process, and the namespace that it is in
 *
 * uses.c and name.c answer questions about a snapshot.
 */

/* Opens a small file of a process.  A descriptor or -errno. */
int proc_open(int proc, pid_t pid, const char *name, int flags);

/* The inode in a link to a namespace of any type; 0 if it is to something else. */
uint64_t proc_any_namespace(const char *link, bool *ret_is_user);

/* The inode of the namespace of that type ("user", "pid", ...) that a process is in.  0;
 * -EPROTO: the link leads to something else; -errno. */
int proc_read_namespace(int proc, pid_t pid, const char *type, uint64_t *ret);

/* A process's comm, '?' for bytes that are not printable; "" if it cannot be read. */
void proc_read_program(int proc, pid_t pid, char ret[16]);

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
	struct live_inodes userns; /* the indexes in live->userns */
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

/*
 * Adds what the mounts lead to that a process sees; those that cannot be opened, and
 * those of other kinds of namespaces, are added to live->covered.  *ret_whole: it sees
 * the root of its mount namespace, so that no chroot hides a mount from it.  0 or
 * -ENOMEM.
 */
int live_follow_mounts(struct live_scan *scan, pid_t pid, bool *ret_whole);

/* Adds what the descriptors and mounts of the processes lead to.  0 or -ENOMEM. */
int live_find_hidden(struct live_scan *scan, enum subid_live_depth depth);
