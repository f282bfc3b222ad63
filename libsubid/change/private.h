/* SPDX-License-Identifier: MIT */
#pragma once

#include "libsubid/accounts/accounts.h"
#include "libsubid/change/change.h"
#include "libsubid/policy/policy.h"
#include "libsubid/trace/trace.h"

/*
 * A transaction's inside, for the files that share it: txn.c (begin, commit),
 * grant.c, txn_owner.c, revoke.c (and hold, unhold), explain.c,
 * txn_trace.c; and lease.c, whose transactions are over a store of leases.
 */

/* This host, or an image of one. */
struct subid {
	int root;	     /* the root directory, O_PATH */
	int etc;	     /* its configuration directory */
	int proc;	     /* /proc, once it was asked for; -1 also for an image */
	bool host;	     /* not an image: it has processes and a name service */
	char *conf;	     /* this file is the policy; NULL: the usual ones */
	char etc_name[4096]; /* for messages: "/etc", "DIR/etc" */
	size_t name_len;     /* how much of that is DIR */
};

/* Opens /proc, on a host.  0, or -errno, explained. */
int system_proc(struct subid *sys, struct subid_error *err);

/* What a transaction's options are, once system_proc() is done. */
struct subid_txn_options system_options(const struct subid *sys, unsigned int flags,
					int timeout_ms);

struct subid_txn {
	struct subid *sys; /* NULL: not begun by subid_begin() */
	struct subid_txn_options options;
	struct subid_lock *lock;
	struct subid_policy policy;
	struct subid_conf conf;
	struct subid_members members;
	struct subid_users *users;
	struct subid_table tables[SUBID_KINDS];
	struct subid_sets accounts;
	struct subid_sets live;
	struct subid_unreadable unseen;
	struct subid_sets before;   /* what lines had that may be hidden */
	struct subid_leased leased; /* with options.leased */
	struct subid_reservations reservations[SUBID_KINDS];
	struct subid_sets taken;      /* all of it: nothing of this is given */
	bool broken;		      /* half changed: not to be committed */
	bool written[SUBID_KINDS];    /* by a commit: the file is not as it was read */
	bool lease_user;	      /* a store of leases, whose lines name no owner */
	struct subid_change *changes; /* of the last call */
	size_t n_changes;
	size_t room;
	/* where the last search for a gap ended: below, there is none of that size */
	struct subid_want hint_want[SUBID_KINDS];
	uint32_t hint;
	/* the trace to be left; the names of its owners are in names */
	bool is_traced;
	struct subid_event *events;
	size_t n_events;
	size_t events_room;
	struct subid_names *names;
	struct subid_traced traced;
};

/* Reads what runs, and what may be hidden.  As subid_txn_begin() returns. */
int subid_txn_load_live(struct subid_txn *txn, struct subid_failure *failure);

/* Adds to the changes that the call will hand out.  0 or -ENOMEM. */
int subid_txn_note(struct subid_txn *txn, enum subid_kind kind, struct id_range range);

/* The spelling that policy wants in the table, and that no reader takes for another. */
const struct subid_owner_name *subid_txn_line_owner(const struct subid_txn *txn,
						    const struct subid_owner *owner,
						    enum subid_kind kind);

/* Would every reader see the lines, and as the owner's?  0 or SUBID_INVALID. */
int subid_txn_check_owner(const struct subid_txn *txn, const struct subid_owner *of);

/*
 * Ends a call that changes: hands out what was noted, with any answer; after a
 * failure in the middle, sees to it that nothing can be committed any more.
 * Returns r.
 */
int subid_txn_end_call(struct subid_txn *txn, int r, struct subid_changes *ret);

/*
 * Notes a change for the trace: event with kind and range; it stays the caller's.
 * A result other than 0 says that the change was refused.  0 or -ENOMEM.
 */
int subid_txn_record(struct subid_txn *txn, const struct subid_event *event,
		     enum subid_kind kind, struct id_range range);

/* The same for each change that was noted for the call, refused with result. */
int subid_txn_record_refused(struct subid_txn *txn, const struct subid_event *event,
			     int result);

/* Sends events both ways, with by_login only those that the limit leaves. */
struct subid_traced subid_txn_tell(struct subid_event *events, size_t n, bool by_login);

/* Is etc the running system's?  So changes in it are traced. */
bool subid_txn_is_host(const struct subid_txn_options *options);

/* Leaves the trace of a commit that ended with r. */
void subid_txn_trace_commit(struct subid_txn *txn, int r);

/* Leaves the trace of what was refused with no commit behind it, and ends it. */
void subid_txn_trace_end(struct subid_txn *txn);

/* --- error.c: *err may be NULL everywhere ---------------------------------------------
 */

#define ERROR_FILE_SIZE	 SUBID_ERROR_FILE_SIZE
#define ERROR_HIDER_SIZE 128

void error_clear(struct subid_error *err);

/* Adds a line of details, in front of what error_plain() will say. */
void error_detail(struct subid_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The last line.  Returns code, so that a caller can return it. */
int error_plain(struct subid_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Explains what subid_txn_begin() or subid_txn_commit() failed with.  Returns r. */
int error_failure(struct subid_error *err, const struct subid *sys, int r,
		  const struct subid_failure *failure);
