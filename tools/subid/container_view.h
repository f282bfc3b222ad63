/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "libsubid/core/child.h"
#include "libsubid/core/core.h"

/*
 * A process as its container sees it: its pid there, and the names that the
 * container's own passwd and group files have for ids.
 */

#define CONTAINER_COMMAND_SIZE 64

struct container_process {
	pid_t pid; /* in the pid namespace of /proc */
	pid_t parent;
	pid_t inside;			      /* in its own pid namespace */
	uint32_t ids[SUBID_KINDS];	      /* effective, in the reader's ids */
	char command[CONTAINER_COMMAND_SIZE]; /* any bytes: the process chooses them */
};

/*
 * Reads the text of /proc/PID/status.  A kernel that has no NSpid there has no pid
 * namespaces either; inside is then pid.  Returns 0; SUBID_INVALID.
 */
int container_process_parse(const char *status, size_t size,
			    struct container_process *ret);

/* The same for a running process.  0; -ESRCH or -ENOENT when it has ended; -errno. */
int container_process_read(int proc, pid_t pid, struct container_process *ret);

/* Where a process stands in the order of "ps f". */
struct container_place {
	size_t index;	    /* of the process */
	size_t parent;	    /* place of its parent; SIZE_MAX: not in the list */
	unsigned int depth; /* how many of its ancestors are in the list */
};

/*
 * Orders n processes as a tree: each after its parent, siblings by pid.  Processes that
 * are each other's parents, as reused pids may appear to be, still come once each.
 * Returns 0, and the caller frees *ret; or -ENOMEM.
 */
int container_order(const struct container_process *processes, size_t n,
		    struct container_place **ret);

/* The largest passwd or group file of a container that is read; and the largest once
 * others have been larger than that, so many bytes together. */
#define CONTAINER_FILE_MAX   (1 << 20)
#define CONTAINER_FILE_USUAL (64 << 10)
#define CONTAINER_LARGE_MAX  (16 << 20)

/*
 * Opens the root directory of a process with O_PATH.  userns: inode of the user namespace
 * that the process must be in, since the pid may have been reused; 0: any.  Returns a
 * descriptor; -ESRCH when the process has ended; -errno.
 */
int container_open_root(int proc, pid_t pid, uint64_t userns);

/*
 * Reads etc/passwd (SUBID_UID) or etc/group beneath root.  Links cannot lead out of root
 * or through /proc; a fifo, a device or a file beyond max is not read.  A
 * file system that a user serves (FUSE) can block the reader for ever, and a file may be
 * mounted there that only root can read: so call this in a child, with the rights of the
 * container.  max: CONTAINER_FILE_MAX, or less.
 *
 * Returns 0, and the caller releases *ret with subid_text_free(); -EINVAL if it
 * is not a regular file; -EFBIG; -errno.
 */
int container_read_file(int root, enum subid_kind kind, size_t max,
			struct subid_text *ret);

/* The names in a passwd or group file, by their ids. */
struct container_names {
	struct subid_text text;
	struct container_name *names; /* see container_view.c */
	size_t n;
};

/*
 * Reads the lines; *text belongs to the names from then on, also after a failure.
 * Malformed lines are skipped, and so are names that are numbers, which would be mistaken
 * for ids.  0 or -ENOMEM.
 */
int container_names_parse(struct subid_text *text, struct container_names *ret);

void container_names_free(struct container_names *names);

/* The first name that an id has in the file, *ret_len bytes of it; NULL: none. */
const char *container_names_find(const struct container_names *names, uint32_t id,
				 size_t *ret_len);

/* Files of containers that have been read.  CONTAINER_ROOTS at first. */
struct container_roots {
	struct child_patience patience; /* for reading them */
	size_t large_left;		/* bytes of large files that may be read yet */
	struct container_root *list;	/* see container_view.c */
	size_t n;
	size_t n_freed, kept; /* the first so many are not in memory; bytes that are */
};

#define CONTAINER_ROOTS                                                                  \
	{                                                                                \
		.patience = { .one_ms = 1000, .all_ms = 5000 },                          \
		.large_left = CONTAINER_LARGE_MAX                                        \
	}

void container_roots_free(struct container_roots *roots);

/*
 * The name of an id in the passwd or group file of a process's container; it belongs to
 * roots, until the next name of that file.  userns: the inode of the user namespace; pid:
 * a process in it, which must still exist.  NULL if there is no name, or the file may not
 * be read, or reading takes too long.
 */
const char *container_name_inside(struct container_roots *roots, int proc,
				  uint64_t userns, pid_t pid, enum subid_kind kind,
				  uint32_t inside);
