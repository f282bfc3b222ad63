/* SPDX-License-Identifier: MIT */
/*
 * The inside of the snapshot: live.c (the processes and what is known of each
 * namespace), live_hidden.c (namespaces without a process), proc_read.c.
 */
#pragma once

#include "live.h"

#define PROC_SELF 0

/* A small file of a process, or of PROC_SELF, at once.  Its size, or -errno. */
ssize_t proc_read(int proc, pid_t pid, const char *name, char *buf, size_t size);

/* The inode in a link like "user:[4026531837]"; 0 if it is of another type. */
uint64_t proc_namespace(const char *link, const char *type);

/* A page, which is all that a map can have, and some. */
#define PROC_FILE_MAX (64 << 10)

/* The map of a process; lines are the caller's.  0 or -errno. */
int proc_read_map(int proc, pid_t pid, enum subid_kind kind, struct subid_live_map *ret);

enum subid_setgroups proc_read_setgroups(int proc, pid_t pid);

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

/* What the descriptors and mounts of the processes lead to.  0 or -ENOMEM. */
int live_find_hidden(int proc, struct subid_live *live, struct live_index *index);
