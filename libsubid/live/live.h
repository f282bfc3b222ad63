/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "libsubid/maps/maps.h"

/*
 * What is running at one moment, as /proc shows it: every user namespace, each once, and
 * every process.  Namespaces nest; one may exist without a process, held by an open
 * descriptor, a bind mount or a namespace in it (namespaces(7), user_namespaces(7),
 * ioctl_ns(2)).  What the snapshot answers: which ids are in use and by whom, what could
 * not be read, and which container a namespace is.
 *
 * proc is a directory everywhere: /proc, of type procfs.  Ids are those of the caller's
 * user namespace.
 */

#define SUBID_LIVE_NONE	   SIZE_MAX /* no index, or it is not known */
#define SUBID_LIVE_GUESSED (UINT64_C(1) << 63)

enum subid_setgroups {
	SUBID_SETGROUPS_UNKNOWN,
	SUBID_SETGROUPS_ALLOW,
	SUBID_SETGROUPS_DENY,
};

enum subid_held {
	SUBID_HELD_BY_PROCESS,	  /* that is in it */
	SUBID_HELD_BY_DESCRIPTOR, /* that a process outside has open */
	SUBID_HELD_BY_MOUNT,	  /* of its file in /proc/PID/ns, somewhere */
	SUBID_HELD_BY_CHILD,	  /* a namespace in it, of whatever kind */
};

/* A map in the ids of the caller's namespace. */
struct subid_live_map {
	struct subid_map_line *lines;
	size_t n;
	int error; /* 0, or -errno: why it could not be read */
};

struct subid_live_userns {
	uint64_t inode; /* of /proc/PID/ns/user, which identifies it; with
			   SUBID_LIVE_GUESSED, that could not be read: a number for
			   all that have the same maps */
	size_t parent;	/* index; SUBID_LIVE_NONE: of the caller's own, or not known */
	uint32_t owner; /* uid of who created it; SUBID_ID_NONE: not known */
	struct subid_live_map maps[SUBID_KINDS];
	enum subid_setgroups setgroups;
	enum subid_held held;
	pid_t holder; /* its first process, or the one that leads to it */
	size_t first; /* its processes: processes[first .. first + n) */
	size_t n;
	char runtime[16];    /* "lxc", "lxd", "podman", ...; see subid_live_name() */
	char container[128]; /* the container's name, printable ASCII */
};

struct subid_live_process {
	pid_t pid;
	uint32_t uid; /* effective, in the caller's ids; SUBID_ID_NONE: not looked at, as
			 in namespaces that are not the caller's */
	uint32_t gid;
	size_t userns; /* index */
};

/* A mount of a namespace's file. */
struct subid_live_mount {
	uint64_t inode; /* of the namespace */
	pid_t pid;	/* of a process that sees it */
	bool is_user;	/* a user namespace's */
	int error;	/* -errno: why it cannot be opened */
};

/* What the search for namespaces without a process has left out, of one user. */
struct subid_unlooked {
	uint32_t uid; /* SUBID_ID_NONE: not known */
	size_t n;     /* processes whose descriptors, and mount namespaces whose mounts,
			 were not all looked at */
	pid_t pid;    /* the first of these, or one in it */
};

struct subid_live {
	struct subid_live_userns *userns; /* the first is the caller's own */
	size_t n;
	struct subid_live_process *processes; /* by namespace, then by pid */
	size_t n_processes;
	size_t n_unread;  /* processes that may not be looked at, and are in no list */
	int unread_error; /* -errno of one of them */
	pid_t unread_pid; /* that one */
	struct subid_live_mount *covered; /* mounts of other kinds of namespaces that
					     cannot be opened, as another lies over
					     them: whose they are is not known */
	size_t n_covered;
	struct subid_unlooked *unlooked; /* what was too much: a row for each user */
	size_t n_unlooked;
	bool partial; /* without privilege, or by unlooked: something may be missing */
	bool passed_over; /* of root's descriptors; SUBID_LIVE_QUICK */
};

/*
 * How far namespaces are sought that no process is in.  There is a limit of time and of
 * work for each user, so that what one does hides nothing of the others'; root's is ten
 * times as large.  Whose a process is: who has started it, or if it is in another user
 * namespace than the caller's, who created the outermost one.
 */
enum subid_live_depth {
	SUBID_LIVE_THOROUGH, /* without a limit */
	SUBID_LIVE_BOUNDED,  /* 3 s and 2,000,000 links, mounts and the like of each */
	SUBID_LIVE_QUICK,    /* a sixth of the time, a tenth of the work; and if there are
				more than SUBID_LIVE_MANY processes in root's other
				namespaces, of these the mounts of the first in each */
	SUBID_LIVE_PROCESSES, /* not at all */
};

#define SUBID_LIVE_MANY 1000

/*
 * Looks at everything once.  A process that vanishes meanwhile is no error.  Within the
 * depth, the descriptors of every process are followed, each table that processes share
 * once, the mounts of every mount namespace that has a process, once, and all that either
 * leads to; but not what a single thread, a socket or an open file's credentials hold.
 * Starts threads, with all signals blocked, when there is much to look at; and children
 * without an exit signal, which are gone on return.
 *
 * Returns 0, and the caller releases *ret with subid_live_free(); -errno, also when the
 * caller is short of descriptors or memory: then nothing is known.
 */
int subid_live_read(int proc, enum subid_live_depth depth, struct subid_live *ret);

/*
 * The same, SUBID_LIVE_BOUNDED, about ids that only users in uids can map (NULL:
 * anybody): what others hide is sought within 300 links, mounts and the like of each, and
 * what is left out of that is not told.
 */
int subid_live_read_for(int proc, const struct subid_set *uids, struct subid_live *ret);

void subid_live_free(struct subid_live *live);

#define auto_live __attribute__((cleanup(subid_live_free)))

/*
 * Finds out which containers the wanted namespaces are (NULL: all), from the programs
 * that started their first or their last process, and their control groups; leaves
 * runtime and container empty where that does not tell.  Whoever runs a container can
 * make it look like any other.  A child reads the command lines, since a user can make
 * that last for ever; what does not come in time tells nothing.
 */
void subid_live_name(int proc, struct subid_live *live, const bool *wanted);

/* A process that keeps what could not be read. */
struct subid_hider {
	pid_t pid;	  /* 0: not known */
	char program[16]; /* its comm, '?' for bytes that are not printable */
	uint32_t uid; /* its user: its own uid; or, if it is in a user namespace, of who
			 created the outermost one; SUBID_ID_NONE */
	uint64_t userns; /* inode of the user namespace; 0: which one is not known */
	int error; /* -errno: why not; -ETIME: its user has more than is looked at */
};

/*
 * What a snapshot could not read, which may map any ids.  Any user can hide a namespace
 * that no process is in, beneath a mount; nobody can hide from root one that a process is
 * in.
 */
struct subid_unreadable {
	size_t n;	 /* processes, and namespaces with processes */
	size_t n_hidden; /* namespaces without a process, and users of whom not all was
			    looked at */
	struct subid_hider first; /* of n, else of n_hidden */
};

/* proc: -1: the programs are not looked up. */
void subid_live_unreadable(int proc, const struct subid_live *live,
			   struct subid_unreadable *ret);

/* Who hides namespaces without a process: one row for each process; and one for each user
 * of whom not all was looked at.  At most room rows; returns how many. */
size_t subid_live_hiders(int proc, const struct subid_live *live, struct subid_hider *ret,
			 size_t room);

/* The uids of all of them, added to *ret and sorted.  0; SUBID_ABSENT: also somebody whom
 * nobody knows; -ENOMEM. */
int subid_live_hiding(int proc, const struct subid_live *live,
		      struct subid_set *ret) SUBID_WARN_UNUSED;

/*
 * Which ids are in use: those that a user namespace maps, and those that a process has.
 *
 * user: whose rootless sessions do not count, because the ids are for containers of that
 * user; SUBID_ID_NONE: all count.  podman keeps a namespace with all of a user's ids for
 * as long as it has containers, and so do its like; what of these ids a container has is
 * in the container's own map.  Such a namespace is known by its map, in which root is the
 * user, and by its processes: each runs as the user alone, and shares its pid, IPC and
 * host name namespaces with the caller, or can never take another id (no capability to
 * do so, and no_new_privs).  A container that has no map of its own and is in the session
 * is so no session, unless it was given the host's namespaces.
 */

/*
 * Adds the ids that namespaces map, but for the caller's, to *ret, which is sorted
 * afterwards if it was before.  What could not be read is missing, see
 * subid_live_unreadable().  0 or -ENOMEM.
 */
int subid_live_in_use(int proc, const struct subid_live *live, uint32_t user,
		      struct subid_sets *ret) SUBID_WARN_UNUSED;

/*
 * Adds the uids and gids that processes in the caller's own user namespace run with.
 * 0 or -errno.
 */
int subid_live_ids(int proc, const struct subid_live *live,
		   struct subid_sets *ret) SUBID_WARN_UNUSED;

/* An idmapped mount: what is on the disk shows as others'. */
struct subid_idmapped {
	pid_t pid;  /* of a process that sees it; 0: the caller does */
	bool known; /* which ids; since Linux 6.15.  Else only that there is one */
	struct subid_sets disk; /* the ids on the disk that show as others */
	uint32_t major, minor;	/* of the device */
	char
	    where[512]; /* in the namespace of pid; '?' for what is not printable ASCII */
	char type[32];	/* of the filesystem */
};

struct subid_idmapped_list {
	struct subid_idmapped *list;
	size_t n;
	bool partial;			/* there may be more */
	struct subid_unlooked unlooked; /* n > 0: one user's were too many */
};

void subid_idmapped_free(struct subid_idmapped_list *list);

#define auto_idmapped __attribute__((cleanup(subid_idmapped_free)))

/* Finds those of the caller's mount namespace and of every other that a process is in.
 * Returns 0, and the caller frees *ret; -ENOMEM. */
int subid_idmapped_read(int proc, const struct subid_live *live,
			struct subid_idmapped_list *ret) SUBID_WARN_UNUSED;

/* What uses ids: a process that has one, or is in a namespace that maps one. */
struct subid_use {
	pid_t pid;
	char program[16]; /* its comm, '?' for bytes that are not printable */
	enum subid_kind kind;
	struct id_range ids; /* the first of those asked for that it uses */
	uint64_t userns;     /* inode of the user namespace that maps them, or 0 */
	bool hidden; /* no process is in that: pid has it open, or sees its mount */
	bool about_to_write; /* pid is about to write a map of them */
	pid_t reaper;	     /* pid has ended, and this, its parent, has not waited for
				it; or 0 */
};

/*
 * A user namespace that maps one of the ids, of those that subid_live_in_use() counts,
 * from the snapshot alone.  0; SUBID_ABSENT: none; -ENOMEM.
 */
int subid_live_mapper(int proc, const struct subid_live *live, enum subid_kind kind,
		      struct id_range ids, struct subid_use *ret) SUBID_WARN_UNUSED;

/*
 * What uses one of the wanted ids, which are sorted: one row for each namespace that maps
 * some, with its first process, and one for each process that has one and is in no such
 * namespace.  *ret_unread counts processes that could not be looked at now; what could
 * not be read for the snapshot is not counted.  Returns 0, and the caller frees *ret;
 * -errno.
 */
int subid_uses_find(int proc, const struct subid_live *live, uint32_t user,
		    const struct subid_sets *wanted, struct subid_use **ret,
		    size_t *ret_n, size_t *ret_unread) SUBID_WARN_UNUSED;

/*
 * The programs that are about to write a map with one of the wanted ids, which are
 * sorted: one row for each.  newuidmap(1), newgidmap(1) and others of their kind read the
 * tables, decide, and then write.  Threat: their caller may stop them in between for as
 * long as he likes; when they go on, the ids that he had may be somebody else's.  So who
 * gives ids to the next, whose line is gone by now, asks this first, and then what is
 * mapped: what was decided by the old line is in the one or in the other.
 *
 * Such a program is known by what it cannot do without: CAP_SETUID or CAP_SETGID,
 * permitted in the caller's user namespace; a caller who is not root; and a file of a
 * procfs that it has open.  What it asks for is in its arguments.  Returns 0, and the
 * caller frees *ret; -errno.  Needs root's rights to see all.
 */
int subid_uses_about_to_write(int proc, const struct subid_sets *wanted,
			      struct subid_use **ret, size_t *ret_n) SUBID_WARN_UNUSED;

/* The small files of a process. */

#define PROC_SELF 0

/* A small file of a process, or of PROC_SELF, at once.  Its size, or -errno. */
ssize_t proc_read(int proc, pid_t pid, const char *name, char *buf, size_t size);

/* The same of a file anywhere. */
ssize_t proc_read_at(int dir, const char *path, char *buf, size_t size);

/* Does a failure say that the process is gone? */
bool proc_vanished(int error);

/* Is it in the user namespace with this inode?  0, -ESRCH: no, or -errno. */
int proc_is_in(int proc, pid_t pid, uint64_t inode);

/* The inode in a link like "user:[4026531837]"; 0 if it is of another type. */
uint64_t proc_namespace(const char *link, const char *type);
