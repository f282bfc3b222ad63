/* SPDX-License-Identifier: MIT */
/*
 * Facts about the machine around the tables, or about an image of one, as plain
 * data: files and who may write them, locks, helpers, the source of ranges, audit
 * rules.  What is wrong with them is for the auditor to say.
 */
#pragma once

#include "lock.h"
#include "source.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where to look.  All of it stays the caller's. */
struct subid_host_options {
	int etc;	      /* the directory of the tables */
	const char *etc_path; /* its path beneath root: "/etc" */
	int root;	      /* the root directory; no link leads out of it */
	const char *prefix;   /* for people, before each path: "", or the image's DIR as
				 they say it */
	bool image;	      /* nothing of what lies beneath root runs */
};

/* Whom a POSIX access list lets write, beside owner, group and everybody. */
enum subid_acl_writer {
	SUBID_ACL_NOBODY, /* also without a list */
	SUBID_ACL_USER,
	SUBID_ACL_GROUP,
	SUBID_ACL_DAMAGED, /* the list means nothing */
};

/* A file or directory.  In its two texts what is not printable ASCII is '?'. */
struct subid_host_file {
	char *path;    /* for people: absolute, the prefix in front */
	char *target;  /* where the link leads, as it says; NULL: no link */
	int error;     /* ENOENT or the like: nothing more is known; or 0 */
	uint32_t mode; /* with its type, as stat(2) has it */
	uint32_t uid;
	uint32_t gid;
	uint64_t dev;
	uint64_t ino;
	uint64_t links;
	bool group_writes;	   /* mode and access list taken together */
	enum subid_acl_writer acl; /* the first whom it lets, root apart */
	uint32_t acl_id;	   /* who it is */
};

/*
 * The way to a file, links followed: every directory on it, the root first, and
 * last the file; or, with an error, what could not be passed.  n is at least 1.
 */
struct subid_host_way {
	struct subid_host_file *files;
	size_t n;
};

/* The xattr security.capability of a program, capabilities(7). */
struct subid_host_caps {
	int error;	    /* ENODATA: it has none; EINVAL: damaged; ...; or 0 */
	uint64_t permitted; /* bits 1 << CAP_* */
	bool effective;	    /* they are in effect when it starts */
	uint32_t rootid;    /* they hold in user namespaces of this root; 0: everywhere */
};

/* A newuidmap (SUBID_UID) or newgidmap on the standard PATH that can be run. */
struct subid_host_helper {
	enum subid_kind kind;
	char *path; /* as it is found, for people: its last part may be a link */
	struct subid_host_way way;
	struct subid_host_caps caps;
	bool nosuid;  /* mounted so; never in an image */
	bool watched; /* some audit rule names it */
};

/* subuid.lock or subgid.lock. */
struct subid_host_lock {
	struct subid_host_file file; /* ENOENT: there is none */
	int error;		     /* what is in it could not be read; or 0 */
	struct subid_holder holder;  /* alive: never in an image */
	bool recycled; /* alive, but it began after the lock: another has its number */
};

struct subid_host {
	char *etc;	   /* path of the directory of the tables, for people */
	size_t prefix_len; /* the bytes at the head of each path that are the prefix */
	bool image;
	uint32_t root_uid; /* who plays root's part: 0, or the owner of the image */
	uint32_t root_gid;
	struct subid_text shadow; /* of etc/shadow; empty if unreadable */
	struct subid_host_file tables[SUBID_KINDS]; /* links not followed */
	struct subid_host_way ways[SUBID_KINDS];    /* to the tables */
	struct subid_host_file backups[SUBID_KINDS];
	struct subid_host_lock locks[SUBID_KINDS];
	struct subid_host_helper *helpers; /* in PATH's order, newuidmap first */
	size_t n_helpers;
	bool has_programs; /* there is a directory of PATH: it is a whole system */
	struct subid_source_line source; /* line 0 also when it cannot be read */
	bool source_invalid;		 /* its first word names none */
	int source_error;		 /* 0; -ELIBACC; SUBID_INVALID; 0 in an image */
	const char *source_missing;	 /* the function that the module lacks */
	bool watched[SUBID_KINDS];	 /* some audit rule watches writing the table */
	bool has_audit;			 /* there is a directory of audit rules */
	int rules_error;  /* EACCES: not all audit rules may be read; or 0 */
	size_t n_unread;  /* of the above, that could not be looked at */
	int unread_error; /* of the first of them */
};

/*
 * Looks at all of it; loads the module of the source, except in an image.  Only want
 * of memory is a failure; what cannot be looked at is a fact with an error number.
 * Returns 0, and the caller releases *ret with subid_host_free(); -ENOMEM.
 */
int subid_host_read(const struct subid_host_options *options, struct subid_host *ret);

void subid_host_free(struct subid_host *host);

#define auto_host __attribute__((cleanup(subid_host_free)))

#ifdef __cplusplus
}
#endif
