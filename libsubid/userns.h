/* SPDX-License-Identifier: MIT */
/*
 * The user namespaces that live, as /proc shows them: which ids they map, and
 * which processes use an id.
 */
#pragma once

#include <sys/types.h>

#include "live.h"

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
	bool hidden;  /* no process is in that: pid has it open, or sees its mount */
	bool pending; /* pid is about to write a map of them */
	pid_t
	    reaper; /* pid has ended, and this, its parent, has not waited for it; or 0 */
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

/*
 * The same two of a snapshot that was taken before; user SUBID_ID_NONE: of nobody.  What
 * could not be looked at when it was taken does not count, subid_userns_unseen() tells;
 * *ret_unread counts the processes that could not be looked at now.
 */
int subid_userns_taken_of(int proc, const struct subid_live *live, uint32_t user,
			  struct subid_set ret[SUBID_KINDS]) SUBID_WARN_UNUSED;
int subid_userns_uses_of(int proc, const struct subid_live *live, uint32_t user,
			 const struct subid_set wanted[SUBID_KINDS],
			 struct subid_use **ret, size_t *ret_n,
			 size_t *ret_unread) SUBID_WARN_UNUSED;

/*
 * The programs that are about to write a map with one of the ids in wanted[kind]: one
 * row for each.  newuidmap(1), newgidmap(1) and others of their kind read the tables,
 * decide, and then write.  Threat: their caller may stop them in between for as long as
 * he likes; when they go on, the ids that he had may be somebody else's.  So who gives
 * ids to the next, whose line is gone by now, asks this first, and then what is mapped:
 * what was decided by the old line is in the one or in the other.
 *
 * Such a program is known by what it cannot do without: CAP_SETUID or CAP_SETGID,
 * permitted in the caller's user namespace; a caller who is not root; and a file of a
 * procfs that it has open.  What it asks for is in its arguments.  proc: as above.  The
 * caller frees *ret.  Returns 0 or -errno; needs root's rights to see all.
 */
int subid_userns_pending(int proc, const struct subid_set wanted[SUBID_KINDS],
			 struct subid_use **ret, size_t *ret_n) SUBID_WARN_UNUSED;

/* A process that keeps what could not be looked into. */
struct subid_hider {
	pid_t pid;	  /* 0: not known */
	char program[16]; /* its comm, '?' for bytes that are not printable */
	uint32_t uid;	 /* the user behind it: its own; or, if it is in a user namespace,
			    of who made the outermost one; SUBID_ID_NONE */
	uint64_t userns; /* inode of the user namespace; 0: which one is not known */
	int error;	 /* -errno: why not */
};

/*
 * What a snapshot could not look into.  Any user can hide a namespace that no process is
 * in, beneath a mount; nobody can hide from root one that a process is in.
 */
struct subid_unseen {
	size_t n;		  /* processes, and namespaces with processes */
	size_t n_hidden;	  /* namespaces without a process */
	struct subid_hider first; /* of n, else of n_hidden */
};

void subid_userns_unseen(int proc, const struct subid_live *live,
			 struct subid_unseen *ret);

/* Who hides namespaces without a process: one row for each process, at most room rows;
 * returns how many. */
size_t subid_userns_hiders(int proc, const struct subid_live *live,
			   struct subid_hider *ret, size_t room);

#ifdef __cplusplus
}
#endif
