/* SPDX-License-Identifier: MIT */
/*
 * Files that belong to one range of ids, given to another: owners, groups, ids in POSIX
 * ACLs and root ids of file capabilities.  Setuid and setgid bits and capabilities, which
 * the kernel drops when an owner changes, are kept.
 *
 * Threat: root walks a tree whose owner may be hostile and at work.  What is looked at or
 * changed is an open descriptor, reached from the tree's by single names; no symbolic
 * link is followed, nothing but directories is opened for reading, and no mount is
 * entered unless that was asked for.
 *
 * Threat: the program or the machine may stop at any moment.  Both ranges are disjoint,
 * so each file says itself whether it is done.  What a file loses in between is in its
 * attribute trusted.subid.shift, which the tree's owner cannot write, from before the
 * change until it is restored.  The next run finds it and ends what was begun.
 */
#pragma once

#include "libsubid/core/core.h"

/* --- From which ids to which ---------------------------------------------------------
 */

/* count ids from one id on become those from another on. */
struct storage_piece {
	uint32_t from;
	uint32_t to;
	uint32_t count;
};

struct storage_ids {
	struct storage_piece *pieces; /* in ascending order of from */
	size_t n;
	struct subid_set to;
	bool same; /* ids of this kind stay as they are: both ranges are the same, or
		    * the other kind alone was asked for */
};

struct storage_map {
	struct storage_ids of[SUBID_KINDS];
};

enum storage_place {
	STORAGE_FROM,	 /* to be shifted */
	STORAGE_TO,	 /* is shifted already */
	STORAGE_OUTSIDE, /* somebody else's */
	STORAGE_KEPT,	 /* of a kind that stays as it is */
};

/* Why there is no map. */
struct storage_refusal {
	enum subid_kind kind;
	struct id_range ids;   /* SUBID_TAKEN: the first ids that are in both */
	uint64_t from_n, to_n; /* SUBID_FULL: how many ids there are */
};

/*
 * The n-th id of from becomes the n-th of to, both sorted.  to may have more ids, or be
 * NULL: then the map says only what is in from.
 *
 * Returns 0, and the caller ends it with storage_map_free(); with an explanation in
 * *ret_why: SUBID_TAKEN: they overlap; SUBID_FULL: to has fewer ids; SUBID_ABSENT: from
 * has none, or both are the same; -ENOMEM.
 */
int storage_map_make(const struct subid_sets *from, const struct subid_sets *to,
		     struct storage_map *ret, struct storage_refusal *ret_why);

void storage_map_free(struct storage_map *map);

#define auto_storage_map __attribute__((cleanup(storage_map_free)))

/* Where an id is; *ret is what it becomes, or itself. */
enum storage_place storage_map_id(const struct storage_map *map, enum subid_kind kind,
				  uint32_t id, uint32_t *ret);

/* --- What is found ------------------------------------------------------------------
 */

enum storage_what {
	STORAGE_UID, /* owner; an id that is outside; or, by storage_verify(), in from */
	STORAGE_GID,
	STORAGE_ACL_UID,
	STORAGE_ACL_GID,
	STORAGE_CAPABILITY, /* the root id of file capabilities */
	STORAGE_ACL_TWICE,  /* an ACL would have two entries for an id */
	STORAGE_IMMUTABLE,
	STORAGE_APPEND_ONLY,
	STORAGE_LINKED,	    /* a file that has another name outside of the tree */
	STORAGE_UNFINISHED, /* a change was begun, see above */
	STORAGE_MOUNT,	    /* a mount that was not entered */
	STORAGE_WHATS,
};

/* "uid", "gid", "acl-uid", ...: a constant, in JSON; and in words, for messages. */
const char *storage_what_name(enum storage_what what);
const char *storage_what_text(enum storage_what what);

struct storage_finding {
	enum storage_what what;
	uint32_t id; /* SUBID_ID_NONE: it is about none */
	char *path; /* beneath the tree, "." for itself; the start of a long one is cut */
};

/* So many are kept; all are counted. */
#define STORAGE_FINDINGS_MAX 1000

struct storage_report {
	uint64_t entries;    /* each once, whatever number of names it has */
	uint64_t shifted;    /* or to be, by storage_plan() */
	uint64_t already;    /* that have ids of to, and none of from */
	uint64_t finished;   /* an earlier run had begun them */
	uint64_t privileged; /* of shifted: with setuid or setgid bits, or capabilities */
	uint64_t acls;	     /* ACLs with ids of from */
	uint64_t found[STORAGE_WHATS];
	bool begun; /* by storage_shift(): it was not refused, nor has the plan failed */
	struct storage_finding *list; /* grown by array_grow() */
	size_t n;
	char *path; /* after a failure: of what; NULL: not about one entry */
};

void storage_report_free(struct storage_report *report);

#define auto_storage_report __attribute__((cleanup(storage_report_free)))

/* Does something stand in the way of a shift?  flags: see below. */
bool storage_report_refuses(const struct storage_report *report, unsigned int flags);

/*
 * Finds an idmapped mount, in our mount namespace, of the file system that tree is on,
 * through which files with one of the ids, sorted, are seen as others'.
 *
 * Returns 0: there is none; SUBID_IN_USE: the caller frees *ret, where it is mounted; or
 * SUBID_UNKNOWN, the same, if the kernel does not tell which ids it maps; -errno.
 */
int storage_find_mount(const struct subid_sets *ids, int tree, char **ret);

/* --- What is done -------------------------------------------------------------------
 */

/* Flags. */
#define STORAGE_CROSS	   1U /* enter mounts, too */
#define STORAGE_LEAVE	   2U /* ids that are outside stay as they are */
#define STORAGE_LINKED_TOO 4U /* also files that have other names outside of the tree */

/* Is told how many entries have been seen, now and then; total: of how many, 0: it is not
 * known yet. */
typedef void storage_progress(void *data, uint64_t entries, uint64_t total);

struct storage_job {
	int tree; /* the directory, open with O_PATH or for reading; stays the caller's */
	const struct storage_map *map;
	unsigned int flags;
	storage_progress *progress; /* or NULL */
	/* or NULL: by storage_shift(), called when it is planned and something is to be
	 * changed, before it is */
	void (*begin)(void *data);
	void *data;
};

/*
 * Opens a directory for a job.  No link is followed in path.  Returns a descriptor, or
 * -errno: -ELOOP if there is a link, -ENOTDIR.
 */
int storage_open(const char *path);

/*
 * Counts, and finds what stands in the way: see storage_report_refuses().  Nothing is
 * changed.  0, and the caller frees *ret also after a failure; -errno.
 */
int storage_plan(const struct storage_job *job, struct storage_report *ret);

/*
 * Plans; if nothing stands in the way, shifts, and writes it to disk.  In *ret is what
 * was done, and what was found.
 *
 * Returns 0; SUBID_DENIED: something stands in the way: nothing is changed, or, if it was
 * put there meanwhile (ret->begun), all else is; -errno: the same job again
 * ends what was begun.
 */
int storage_shift(const struct storage_job *job, struct storage_report *ret);

/*
 * Finds all that is left of the ids of from.  Mounts that were not entered are found as
 * well.  0, also if something is left; -errno.
 */
int storage_verify(const struct storage_job *job, struct storage_report *ret);
