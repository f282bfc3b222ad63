/* SPDX-License-Identifier: MIT */
/*
 * Leases: a range for each container, taken out of what its owner holds in the
 * tables, so that two containers of one owner share no id.
 *
 * A store is a directory with the files subuid and subgid, in the form of the
 * tables and with the same locks beside them.  There are two of the kind:
 *
 *     SUBID_STATEDIR (/var/lib/subid)     root's, for containers of any owner:
 *                                         lines "OWNER/NAME:start:count"
 *     SUBID_LEASE_USER_DIR, of a user     for the user's own containers:
 *     (~/.local/state/subid)              lines "NAME:start:count"
 *
 * A user's store names no owner, so it says nothing about what others hold.
 * Lines of SUBID_OWNER_RELEASED are of containers that are gone: they rest there.
 * A range counts as taken in a store by the same rules as in a table.
 */
#pragma once

#include "txn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The longest name of a container. */
#define SUBID_LEASE_NAME_MAX 100

/* The largest file of a user's store that is read: 16 MiB, half a million leases. */
#define SUBID_LEASE_SIZE_MAX ((size_t)16 << 20)

/* Beneath a user's home in passwd, whatever the environment says. */
#define SUBID_LEASE_USER_DIR ".local/state/subid"

/* A range of a container.  The texts are terminated, and the struct subid_leases'. */
struct subid_lease {
	const char
	    *owner; /* a login name or uid, as the line has it; or user, see below */
	const char *name; /* the container's */
	enum subid_kind kind;
	struct id_range range;
	size_t line; /* in the store's file of that kind, from 1 */
};

/* A snapshot of stores: read freely.  Zeroed, it is empty. */
struct subid_leases {
	struct subid_lease
	    *list; /* by store, in it uids first, then in the file's order */
	size_t n;
	size_t room;
	char **texts;
	size_t n_texts;
	size_t n_odd[SUBID_KINDS];    /* lines that are no leases, of all stores */
	size_t odd_line[SUBID_KINDS]; /* the first of them, from 1; 0: none */
};

void subid_leases_free(struct subid_leases *leases);

#define auto_leases __attribute__((cleanup(subid_leases_free)))

/*
 * Adds the leases of a store to *leases, with no lock: each file is the old one or
 * the new one.  state: its directory, opened; user: whose store it is, by whatever
 * name the caller wants it in owner; NULL for root's.  Lines that are no leases
 * are passed over, and counted.  A file that does not exist is empty.
 *
 * Returns 0; -EFBIG beyond SUBID_LEASE_SIZE_MAX; -ELOOP for a link and what else
 * subid_text_read() fails with; then *leases is as it was.
 */
int subid_leases_load(int state, const char *user,
		      struct subid_leases *leases) SUBID_WARN_UNUSED;

/*
 * The same with the text of one of its files, which it takes over, whatever becomes of
 * it.  user is the caller's here, and must live as long as *leases.  0 or -ENOMEM.
 */
int subid_leases_parse(enum subid_kind kind, const char *user, struct subid_text *text,
		       struct subid_leases *leases) SUBID_WARN_UNUSED;

/*
 * Opens the store of another user for looking, beneath home, the user's directory in
 * passwd.  Threat: the user owns all that lies beneath, and may put links, pipes or
 * mounts there while we look.  So no link is followed beneath home and no mount
 * crossed, and what is opened must be the user's own directory.
 *
 * Returns 0, and the caller closes *ret_dir; SUBID_ABSENT when there is none;
 * -EPERM when it is not the user's; -errno.
 */
int subid_lease_open_user(const char *home, uint32_t uid, int *ret_dir);

/*
 * May a container be called so?  1 to SUBID_LEASE_NAME_MAX of the letters, digits
 * and "_.@+-", the first a letter, digit or "_": never "..", a path or two fields.
 */
bool subid_lease_name_valid(const char *name, size_t len);

/*
 * Is text "OWNER/NAME"?  Returns how many bytes OWNER has, and the name begins
 * behind the one after them; 0 if there is no '/' in it.
 */
size_t subid_lease_owner(const char *text);

struct subid_lease_options {
	int state; /* the store's directory, opened for reading; -1, for a dry run: none
		    */
	const char *user; /* whose store it is; NULL: root's */
	bool dry_run;	  /* take no lock, and refuse to commit */
	int timeout_ms;	  /* patience for the locks; SUBID_LOCK_PATIENCE_MS */
};

/*
 * Begins a transaction over a store: takes its locks and reads it.  What follows is
 * subid_lease_grant(), subid_lease_revoke(), subid_txn_rest() and subid_txn_unhold();
 * then subid_txn_commit(), with the same promises as for the tables; then
 * subid_txn_free().  Nothing else of txn.h may be called but
 * subid_txn_prepare_bulk(), subid_txn_changed() and subid_txn_traced().  Root's store
 * leaves a trace when it is SUBID_STATEDIR, a user's none: it changes nobody's rights.
 *
 * Who also holds the tables' locks has taken them before.
 * Returns as subid_txn_begin(), files named from state.
 */
int subid_lease_begin(const struct subid_lease_options *options, struct subid_txn **ret,
		      struct subid_failure *ret_failure) SUBID_WARN_UNUSED;

struct subid_lease_request {
	const struct subid_owner *owner; /* any of its names in lines counts */
	const char *name;		 /* of the container */
	const struct subid_set *held;	 /* [SUBID_KINDS] what the owner holds, sorted */
	const struct subid_set *avoid;	 /* [SUBID_KINDS] what is in use, sorted */
	unsigned int kinds;		 /* bits 1 << enum subid_kind */
	uint32_t count;			 /* how many ids */
	struct id_range range; /* just these ids; count 0: wherever there is room */
	bool another;	       /* also if the container has enough */
};

/*
 * Gives a container a range out of what its owner holds, which meets no line of the
 * store and nothing of avoid.  With a range in the request: just that one.  Else a
 * container that has count ids of each kind keeps them, unless another is set; one that
 * has them of one kind only gets the same numbers of the other, if they are free;
 * else the first gap that is free for all kinds asked for; or if there is none,
 * one in each.
 *
 * Returns 0 with what was given in *ret; SUBID_ENOUGH with what the container has in
 * *ret; SUBID_FULL; for a range, SUBID_DENIED when the owner does not hold all of it,
 * SUBID_TAKEN when some of it is not free, both with it in *ret; -EINVAL
 * for a range or a name that is not valid; other -errno, after which the
 * transaction can only be freed.  But for 0, nothing is changed.
 */
int subid_lease_grant(struct subid_txn *txn, const struct subid_lease_request *request,
		      struct subid_changes *ret) SUBID_WARN_UNUSED;

/*
 * Takes a container's ranges back, or what of them lies in range (count 0: all).
 * Unless reuse is set they are held in lines of SUBID_OWNER_RELEASED.  Returns as
 * subid_txn_revoke().
 */
int subid_lease_revoke(struct subid_txn *txn, const struct subid_owner *owner,
		       const char *name, unsigned int kinds, struct id_range range,
		       bool reuse, struct subid_changes *ret) SUBID_WARN_UNUSED;

#ifdef __cplusplus
}
#endif
