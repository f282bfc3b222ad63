/* SPDX-License-Identifier: MIT */
/*
 * The user namespaces that live, as /proc shows them: which ids they map, and
 * which processes use an id.
 */
#pragma once

#include <sys/types.h>

#include "range.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What uses ids: a process that has one, or is in a namespace that maps one. */
struct subid_use {
	pid_t pid;
	char program[16]; /* its comm, '?' for bytes that are not printable */
	enum subid_kind kind;
	struct id_range ids; /* the first of those asked for that it uses */
	uint64_t userns;     /* inode of the user namespace that maps them, or 0 */
	bool hidden; /* no process is in that: pid has it open, or sees its mount */
};

/*
 * The ids, in the caller's user namespace, that processes' other namespaces map:
 * sorted, into ret[kind].  proc: a directory, /proc, of type procfs.  A map is
 * read once for each namespace.  Processes that vanish meanwhile are no error.
 * *ret_unread counts the processes whose maps could not be read.
 * Returns 0 or -errno.
 */
int subid_userns_taken(int proc, struct subid_set ret[SUBID_KINDS],
		       size_t *ret_unread) SUBID_WARN_UNUSED;

/*
 * What uses one of the ids in wanted[kind], sorted sets: one row for each
 * namespace that maps some, for which its first process stands, and one for each
 * process that has one and is in no such namespace.  *ret_unread counts processes that
 * could not be looked at. The caller frees *ret.  Returns 0 or -errno.
 */
int subid_userns_uses(int proc, const struct subid_set wanted[SUBID_KINDS],
		      struct subid_use **ret, size_t *ret_n,
		      size_t *ret_unread) SUBID_WARN_UNUSED;

/*
 * The same two for the containers of one user: a rootless session of the user's is
 * passed over.  podman keeps a process that holds a namespace with all of the
 * user's ids, for as long as it has containers, and so do its like; what of these
 * ids a container has is in the container's own map.  Such a process is known by
 * its name, and it runs as the user itself.  Threat: a container may give its
 * processes any names; but one that runs as the user has nothing to win by them.
 */
int subid_userns_taken_beside(int proc, uint32_t user, struct subid_set ret[SUBID_KINDS],
			      size_t *ret_unread) SUBID_WARN_UNUSED;
int subid_userns_uses_beside(int proc, uint32_t user,
			     const struct subid_set wanted[SUBID_KINDS],
			     struct subid_use **ret, size_t *ret_n,
			     size_t *ret_unread) SUBID_WARN_UNUSED;

#ifdef __cplusplus
}
#endif
