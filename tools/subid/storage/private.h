/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share.
 */
#pragma once

#include <sys/types.h>

#include "tools/subid/storage/storage.h"

struct statx;

/* --- Bytes in which the kernel keeps ids: pure ---------------------------------------
 */

/* What an id becomes; it may note what it is asked. */
typedef uint32_t translate_id(void *data, enum subid_kind kind, uint32_t id);

/*
 * Translates the ids in the value of system.posix_acl_access or _default, in place, and
 * keeps its entries in order.
 *
 * Returns 0 or 1: whether it has changed; -EINVAL: no such value; -EEXIST: two entries
 * are now about the same id, and it is of no use.
 */
int acl_translate(uint8_t *acl, size_t size, translate_id *translate, void *data);

#define CAPS_SIZE_MAX 24

/* The value of security.capability; size 0: there is none. */
struct caps {
	uint8_t bytes[CAPS_SIZE_MAX];
	size_t size;
};

/* The root id; revision 2, which has none, means 0.  0, or -EINVAL: no such value. */
int caps_root(const struct caps *caps, uint32_t *ret);

/* Sets it, in whatever revision has room for it. */
void caps_set_root(struct caps *caps, uint32_t root);

/*
 * What a file loses when its owner changes, and between which ids it is: the attribute
 * trusted.subid.shift.
 */
struct record {
	uint32_t bits; /* setuid and setgid of its mode */
	uint32_t before[SUBID_KINDS];
	uint32_t after[SUBID_KINDS];
	struct caps caps; /* as they were before */
	uint32_t root;	  /* their root id afterwards */
};

#define RECORD_SIZE (8 * 4 + CAPS_SIZE_MAX)

void record_print(const struct record *record, uint8_t ret[RECORD_SIZE]);

/* 0 or SUBID_INVALID. */
int record_parse(const uint8_t *bytes, size_t size, struct record *ret);

/* --- One entry ----------------------------------------------------------------------
 */

enum acl_kind {
	ACL_ACCESS,
	ACL_DEFAULT,
};

#define ACL_KINDS 2

struct acl {
	uint8_t *bytes; /* NULL: there is none */
	size_t size;
};

/* An entry of a tree. */
struct entry {
	int fd; /* O_PATH; -1: it was not opened, see struct walk_options */
	mode_t mode;
	uint32_t ids[SUBID_KINDS];
	bool immutable, append_only;
	struct acl acls[ACL_KINDS];
	struct caps caps;
	bool has_record;
	struct record record;
};

/* What it shall be, and what was found on the way. */
struct change {
	uint32_t ids[SUBID_KINDS];
	struct acl acls[ACL_KINDS]; /* only those that change */
	mode_t mode;
	struct caps caps, before; /* with the root id that it shall have, and has */
	bool owner;		  /* changes */
	bool restore;		  /* bits or capabilities are not as they shall be */
	bool finish;		  /* there is a record, which is to be removed */
	bool privileged;	  /* the kernel drops something when the owner changes */
};

/* Reads all there is to know of fd, which stays the caller's, or is -1.  0, and the
 * caller ends it with entry_free(), or -errno. */
int entry_read(int fd, const struct statx *st, struct entry *ret);
void entry_free(struct entry *entry);

/* Is told of an id; place: where it is. */
typedef void note_id(void *data, enum storage_what what, enum storage_place place,
		     uint32_t id);

/*
 * What is to be done with an entry; note: told of each id that it has.  Returns 0, and
 * the caller ends it with change_free(); SUBID_TAKEN: an ACL would have two entries for
 * an id; -errno.
 */
int change_plan(const struct entry *entry, const struct storage_map *map, note_id *note,
		void *data, struct change *ret);
void change_free(struct change *change);

bool change_is_any(const struct change *change);

/* Does it.  0 or -errno; the entry is as it was, or has a record. */
int change_apply(const struct entry *entry, const struct change *change);

/* Is /proc there, by which attributes of a descriptor are reached?  0 or -errno. */
int entry_check_proc(void);

/* --- The way down -------------------------------------------------------------------
 */

/* As long as it exists, nothing else has the same. */
struct identity {
	uint32_t dev_major, dev_minor;
	uint64_t ino, mount;
	int64_t born_s;
	uint32_t born_ns;
};

struct names {
	char *text; /* one behind the other, each terminated */
	size_t size, room;
};

/* A directory on the way from the tree to where the walk is. */
struct frame {
	int fd; /* -1: closed for now */
	struct identity identity;
	size_t name_at; /* its name, in the way's names */
	struct names directories;
	size_t next; /* in these */
};

struct way {
	struct frame *frames;
	size_t n;
	struct names names;
};

/* 0 or -ENOMEM. */
int names_add(struct names *names, const char *name);

/* What a descriptor is.  0 or -errno. */
int way_look(int fd, struct statx *ret);
struct identity way_identity(const struct statx *st);

/* Goes down into the directory name, which fd is, with O_PATH.  0 or -errno. */
int way_push(struct way *way, const char *name, int fd);

/* Goes back up.  0; -ESTALE: the way back leads elsewhere now; -errno. */
int way_pop(struct way *way);

/* Forgets the last directory, without a look at the one above. */
void way_drop(struct way *way);
void way_free(struct way *way);

/* Where name is, beneath the tree.  The caller frees it; NULL when out of memory. */
char *way_path(const struct way *way, const char *name);

/* --- A tree -------------------------------------------------------------------------
 */

struct walk; /* opaque */

/*
 * Is called for each name.  fd: O_PATH; or -1, if glance is set: no extended attributes.
 * Returns 0 to go on, also into a directory; -errno ends the walk.
 */
typedef int walk_visit(void *data, const struct walk *walk, const char *name, int fd,
		       const struct statx *st);

struct walk_options {
	bool cross;
	bool glance; /* what has no extended attributes need not be opened */
	walk_visit *visit;
	walk_visit *mount; /* for a mount that is not entered; fd is -1, st NULL */
	void *data;
};

/*
 * Visits tree and all beneath, a directory before what is in it, however deep it is, with
 * few descriptors open.  What is renamed or removed meanwhile is visited once, twice or
 * never, but nothing outside of the tree, unless it has been in the tree at that moment.
 *
 * Returns 0; -errno with the path of what could not be visited in *ret_path, which the
 * caller frees, or NULL: -ESTALE: a directory has been moved while it was walked.
 */
int walk_tree(int tree, const struct walk_options *options, char **ret_path);

/* The path of what is visited, beneath the tree.  The caller frees it; NULL when out of
 * memory. */
char *walk_path(const struct walk *walk, const char *name);

/* --- Files with several names -------------------------------------------------------
 */

struct links {
	struct link *table;
	size_t n, room;
};

struct link {
	uint64_t dev, ino;
	uint32_t nlink; /* 0: an unused slot */
	uint32_t seen;	/* names of it in the tree */
	char *path;	/* of one that would change; NULL: it would not */
};

/* The file, added if it is not there yet.  NULL when out of memory; good until the next
 * call. */
struct link *links_find(struct links *links, const struct statx *st);
void links_free(struct links *links);
