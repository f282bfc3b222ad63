/* SPDX-License-Identifier: MIT */
/*
 * How host.c looks at files: host_file.c at one, host_way.c along a path, host_lock.c
 * into locks, host_watch.c into audit rules.
 */
#pragma once

#include "host.h"

/*
 * Sets group_writes, acl and acl_id of a file whose mode is set from the bytes of
 * its xattr system.posix_acl_access; size 0: it has none.  root: whose name in the
 * list does not matter, beside 0.
 */
void host_file_set_acl(struct subid_host_file *file, const void *bytes, size_t size,
		       uint32_t root);

/* The bytes of the xattr security.capability. */
struct subid_host_caps host_caps_parse(const void *bytes, size_t size);

/* Fills all but path and target.  fd may be one of O_PATH.  0 or -ENOMEM. */
int host_file_look(int fd, uint32_t root, struct subid_host_file *ret);

/* The capabilities of the program that fd, perhaps of O_PATH, leads to. */
int host_caps_look(int fd, struct subid_host_caps *ret);

/* Threat: directories of an image have names that could act on a terminal, or begin
 * a new line of a report: what is not printable ASCII becomes '?'. */
void host_make_printable(char *text);

void host_file_free(struct subid_host_file *file);

/*
 * Looks at the file name in the directory dir, its link not followed.  path: where
 * people find dir.  0 or -ENOMEM.
 */
int host_file_at(int dir, const char *name, const char *path, uint32_t root,
		 struct subid_host_file *ret);

/*
 * Walks along path, absolute, beneath root.  The caller closes *ret_fd, one of
 * O_PATH for the file at its end, or -1 when it is not reached.  0 or -ENOMEM.
 */
int host_way_walk(const struct subid_host_options *options, uint32_t root,
		  const char *path, struct subid_host_way *ret, int *ret_fd);

void host_way_free(struct subid_host_way *way);

/* Fills all of a lock but its file, which is there, or makes that ENOENT. */
void host_lock_look(int etc, const char *name, enum subid_kind kind, bool image,
		    struct subid_host_lock *lock);

/* What audit rules are asked for: a path, and is it watched? */
struct host_watch {
	const char *path;
	bool programs; /* a rule about running it counts as well */
	bool watched;
};

/* Sets watched where a rule in the text of audit.rules(7) watches the path. */
void host_watch_parse(const struct subid_text *text, struct host_watch *watches,
		      size_t n);

/*
 * The same with every file of rules in etc.  follow: they may be links.  *ret_denied:
 * EACCES or the like when not all of them may be read.
 */
int host_watch_read(int etc, bool follow, struct host_watch *watches, size_t n,
		    int *ret_denied);
