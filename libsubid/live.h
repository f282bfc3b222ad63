/* SPDX-License-Identifier: MIT */
/*
 * What runs, at one moment: every user namespace, each once, and every process.
 * Namespaces nest; one may live without a process, held by an open descriptor, a bind
 * mount or a namespace in it (namespaces(7), user_namespaces(7), ioctl_ns(2)).
 */
#pragma once

#include <sys/types.h>

#include "idmap.h"

#ifdef __cplusplus
extern "C" {
#endif

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
			   what has the same maps */
	size_t parent;	/* index; SUBID_LIVE_NONE: of the caller's own, or not known */
	uint32_t owner; /* uid of who made it; SUBID_ID_NONE */
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
	bool partial;	  /* without privilege: something may be missing */
	bool passed_over; /* descriptors of many were not followed; SUBID_LIVE_QUICK */
};

/* What is followed of the processes in other namespaces than the caller's. */
enum subid_live_depth {
	SUBID_LIVE_THOROUGH, /* the descriptors and the namespaces of each */
	SUBID_LIVE_QUICK,    /* if there are more than SUBID_LIVE_MANY, the mounts of the
				first in each namespace alone */
};

#define SUBID_LIVE_MANY 1000

/*
 * Looks at everything once.  proc: a directory, /proc, of type procfs.  A process that
 * vanishes meanwhile is no error.  The descriptors of every process (but see the
 * depth) are followed, the mounts of every mount namespace that has one, and all that
 * either leads to; but not what a single thread, a socket or an open file's credentials
 * hold.  Starts threads, with all signals blocked, when there is much to look at; and for
 * a namespace without a process a child without an exit signal, which is gone on return.
 *
 * Returns 0, and the caller releases *ret with subid_live_free(); -errno.
 */
int subid_live_read(int proc, enum subid_live_depth depth, struct subid_live *ret);

void subid_live_free(struct subid_live *live);

#define auto_live __attribute__((cleanup(subid_live_free)))

/*
 * Finds out which container a namespace is, from the program that started its first or
 * its last process, and their control groups; leaves runtime and container empty if it
 * cannot be told.  Whoever runs a container can make it look like any other.
 */
void subid_live_name(int proc, struct subid_live *live, size_t index);

#ifdef __cplusplus
}
#endif
