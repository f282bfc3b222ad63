/* SPDX-License-Identifier: MIT */
/*
 * What the parts of `subid share` know of each other: its maps, its directory, its
 * mounts and its records.
 */
#pragma once

#include "tools/subid/cli.h"
#include "tools/subid/trace_files.h"

/* Why something failed, a phrase for people; "" if the error number says it all. */
struct share_why {
	char text[512];
};

/* Sets it, with printf.  Returns r. */
int share_fail(struct share_why *why, int r, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- map.c: pure ---------------------------------------------------------------
 */

/* The map of an idmapped mount, of both kinds: inside, the ids on the disk; outside,
 * those that the mount shows in their stead. */
struct share_map {
	struct subid_map_line lines[SUBID_KINDS][SUBID_MAP_LINES_MAX];
	size_t n[SUBID_KINDS];
};

/*
 * The map that shows the id i of a container as the i-th id of the store.
 * layout: n lines of the container's map, ids inside and the host's outside, of one kind.
 * Ids that the container or the store lacks have none.
 *
 * Returns 0 with ret->lines and ret->n of that kind; SUBID_ABSENT: there would be no
 * line; SUBID_DENIED: it would show ids of the store as root's; SUBID_TAKEN: the
 * container has ids of the store itself.
 */
int share_map_make(enum subid_kind kind, struct id_range store,
		   const struct subid_map_line *layout, size_t n, struct share_map *ret);

/*
 * The map of a user's rootless podman: inside, 0 is the user, own, and from 1 on follow
 * all ids that the user holds, in ascending order.  0 with *ret_n lines; SUBID_FULL:
 * they would be too many; SUBID_TAKEN: own is one of them.
 */
int share_podman_layout(uint32_t own, const struct subid_set *all,
			struct subid_map_line ret[SUBID_MAP_LINES_MAX], size_t *ret_n);

/* What the map shows for an id on the disk; SUBID_ID_NONE: nothing. */
uint32_t share_map_shows(const struct share_map *map, enum subid_kind kind, uint32_t id);

/* --- dir.c: the directory of a store -------------------------------------------
 */

/*
 * Opens path, a directory, without following a link, part by part from / on.  make:
 * parts that are missing are made, root's alone (0700).
 *
 * Threat: who can rename a part of the path, or write in a directory on it, could put
 * another one in the place of the store.  And who can enter each directory on the way
 * reaches the store past its mounts, with the owners and setuid files that it has on the
 * disk.  So each but the last must be root's to change, and one of them root's to enter.
 *
 * Returns a descriptor, which the caller closes; -ENOENT; -EPERM and other -errno, with
 * the reason.
 */
int share_dir_open(const char *path, bool make, struct share_why *why);

/* Is it an absolute path without "." and "..", and of bytes that can be written down? */
bool share_dir_valid(const char *path);

/* Is there nothing in it?  1: yes, 0: no, -errno. */
int share_dir_is_empty(int dir);

/* The texts of a place. */
struct share_place_text {
	char type[64];
	char identity[64];
};

/* What the directory is.  0 or -errno. */
int share_place_find(int dir, struct subid_share_place *ret,
		     struct share_place_text *text);

/* Is it the directory that was recorded?  NULL: yes; else what differs, a phrase. */
const char *share_place_differs(const struct subid_share_place *recorded,
				const struct subid_share_place *found);

/* --- mount.c: mounts ------------------------------------------------------------
 */

/* What is to be mounted, or is. */
struct share_point {
	char path[1024];      /* beneath SUBID_SHARE_MOUNTS */
	uint32_t visitors[2]; /* uids that may enter, beside root; SUBID_ID_NONE: none */
};

/* OWNER/NAME, or OWNER alone. */
struct share_name {
	const char *owner; /* as its account is called */
	uint32_t uid;	   /* SUBID_ID_NONE: no account */
	const char *name;  /* NULL: none */
};

/*
 * The mount point of a store for a target: OWNER/NAME, or OWNER/@all, or for a rootless
 * podman's own map OWNER/@podman, and beneath it the store's OWNER/STORE.  An owner whose
 * name cannot be a part of a path is its uid.  0, -EINVAL or -ENAMETOOLONG.
 */
int share_point_name(const struct share_name *store, const struct share_name *target,
		     bool podman, struct share_point *ret);

/* Is the store's directory mounted at the point, with that map and that mode? */
enum share_mounted {
	SHARE_NOT_MOUNTED,
	SHARE_MOUNTED,
	SHARE_MOUNTED_OTHERWISE, /* something is, but not this */
};

/* dir: the store's directory; map NULL: any map.  One of enum share_mounted or -errno. */
int share_mount_look(int dir, const struct share_point *point,
		     const struct share_map *map, bool read_only);

/*
 * Mounts it: complete before it is visible, or not at all.  Returns 0; SUBID_DENIED: the
 * kernel or the filesystem cannot do that, with the reason; -errno, likewise.
 */
int share_mount_make(int dir, const struct share_point *point,
		     const struct share_map *map, bool read_only, struct share_why *why);

/* Unmounts whatever is mounted at the point, and removes the directories that are empty
 * then.  0, also if nothing is; -EBUSY: somebody uses it; -errno. */
int share_mount_end(const struct share_point *point);

/* --- look.c: who is who ---------------------------------------------------------
 */

/* The accounts and the tables. */
struct share_look {
	struct cli *cli;
	int etc;
	struct subid *sys;
	struct subid_users *users;
	struct subid_table tables[SUBID_KINDS];
};

/* Reads them.  The status, after a complaint; free it in any case. */
int share_look_open(struct cli *cli, struct share_look *ret);
void share_look_close(struct share_look *look);

#define auto_share_look __attribute__((cleanup(share_look_close)))

/*
 * The one spelling of OWNER or OWNER/NAME that records have: the owner as its account is
 * called.  *ret_uid: its uid or SUBID_ID_NONE.  The status, after a complaint; the caller
 * frees *ret.
 */
int share_look_name(const struct share_look *look, const char *text, char **ret,
		    uint32_t *ret_uid);

/* For whom a store is mounted: with which map, and where. */
struct share_target {
	char *name; /* as share_look_name() has it */
	bool podman;
	uint64_t inside[SUBID_KINDS]; /* how many ids the container has */
	struct share_map map;
	struct share_point point;
};

void share_target_free(struct share_target *target);

#define auto_share_target __attribute__((cleanup(share_target_free)))

/* Finds it, for the containers of a runtime.  The status, after a complaint. */
int share_target_find(struct share_look *look, const struct subid_share *share,
		      const char *text, const char *runtime, struct share_target *ret);

/* --- record.c: records ---------------------------------------------------------
 */

/* The directory of the records, locked. */
struct share_store {
	int dir;
	int lock;
};

void share_store_close(struct share_store *store);

#define auto_share_store __attribute__((cleanup(share_store_close)))

/* Opens and locks it, made if it is not there.  0 or -errno, with the reason: -EPERM: it
 * is not root's alone; -EBUSY: another `subid share` is at work. */
int share_store_open(struct share_store *ret, struct share_why *why);

/* Writes a record, durably.  0 or -errno. */
int share_record_write(const struct share_store *store, const struct subid_share *share);

/* Removes one, durably.  0, also if there is none, or -errno. */
int share_record_remove(const struct share_store *store, const struct subid_share *share);

/* --- config.c: for `subid config` ------------------------------------------------
 */

struct owner_ids;
struct runtime_config_row;
struct runtime_config_mount;

/* The mounts of a container. */
struct config_mounts {
	struct runtime_config_mount *list;
	size_t n;
	char **texts; /* of the list */
	size_t n_texts;
};

void config_mounts_free(struct config_mounts *mounts);

#define auto_config_mounts __attribute__((cleanup(config_mounts_free)))

/* Finds what is mounted for the owner's container, or for the owner, by the map that the
 * runtime uses.  Records that cannot be read are passed over.  0 or -ENOMEM; the caller
 * frees it in any case. */
int config_mounts_find(const struct cli *cli, const struct runtime_config_row *runtime,
		       const struct owner_ids *ids, struct config_mounts *ret);

/* --- work.c: what the commands have open ----------------------------------------
 */

/* All that a command works on, under the lock. */
struct share_work {
	struct share_look look;
	struct share_store store;
	struct subid_shares shares;
};

void share_work_close(struct share_work *work);

#define auto_share_work __attribute__((cleanup(share_work_close)))

/* Opens, locks and reads it.  A record that cannot be read is complained of.  The status;
 * close it in any case. */
int share_work_open(struct cli *cli, struct share_work *ret);

/* The record of a store, by whatever spelling; NULL: there is none.  The status, after a
 * complaint. */
int share_work_find(const struct share_work *work, const char *text,
		    struct subid_share **ret);

/* The directory of a store that is ready, opened and recognised.  The status, after a
 * complaint. */
int share_work_dir(const struct subid_share *share, int *ret);

/* Writes a record.  The status, after a complaint. */
int share_work_write(const struct share_work *work, const struct subid_share *share);

/* Adds a store's rows, or those of one mount of it, to what `subid share` prints. */
struct rows;
struct rows *share_rows_open(const struct cli *cli);
void share_rows_add(struct rows *rows, const struct share_work *work,
		    const struct subid_share *share);
void share_rows_add_mount(struct rows *rows, const struct subid_share *share,
			  const struct subid_share_mount *mount, const char *state,
			  size_t parent);

/* Leaves the trace of what was done to a store, or failed: of enum files_action.  target,
 * point: of a mount, or NULL. */
void share_trace(const struct subid_share *share, enum files_action action,
		 const char *target, const char *point, int result);

/* --- create.c, attach.c: the commands.  The status, after a complaint ------
 */

int share_create(struct cli *cli, const char *store, const char *dir, uint32_t count);
int share_destroy(struct cli *cli, const char *store);

/* take.c: gives the tree in dir to the store.  *ret_changed: it failed, and some of it
 * may be the store's.  The status, after a complaint. */
int share_take_over(const struct subid_share *share, int dir, bool *ret_changed);

/* in_use.c: has nobody the store mounted any more, in any mount namespace?  The status,
 * after a complaint that names who has. */
int share_check_unused(const struct cli *cli, const struct subid_share *share);

struct share_request {
	const char *store;
	const char *target;
	const char *runtime; /* NULL: not said */
	bool read_only;
};

int share_mount(struct cli *cli, const struct share_request *request);
int share_mount_all(struct cli *cli);
int share_umount(struct cli *cli, const struct share_request *request);
int share_list(struct cli *cli);
