/* SPDX-License-Identifier: MIT */
/*
 * The only way to change the tables: take the locks, read everything that has a
 * say, change the tables in memory, write both at once or neither.
 *
 *     auto_txn struct subid_txn *txn = NULL;
 *
 *     r = subid_txn_begin(&options, &txn, &failure);
 *     if (r != 0)
 *             return r;
 *     r = subid_txn_grant(txn, &request, &result);
 *     if (r != 0)
 *             return r;
 *     return subid_txn_commit(txn, &failure);
 *
 * Leaving without a commit changes nothing and unlocks.
 *
 * On the running system's tables, each change leaves a trace, see subid_traced.
 */
#pragma once

#include "allocate.h"
#include "decide.h"
#include "leased.h"
#include "lock.h"
#include "userns.h"
#include "users.h"

#ifdef __cplusplus
extern "C" {
#endif

struct subid_txn; /* opaque */

struct subid_txn_options {
	int etc;	    /* the configuration directory, opened for reading */
	int proc;	    /* /proc, to keep off what runs; -1: nothing runs here */
	bool nss;	    /* ask the running system's name service; for threads see
				subid_users_taken() */
	bool dry_run;	    /* take no lock, and refuse to commit */
	int timeout_ms;	    /* patience for the locks; SUBID_LOCK_PATIENCE_MS */
	const char *vendor; /* as subid_conf_load() has it; NULL: none */
	bool by_login; /* users bring it about: of what is refused, few leave a trace */
	const char *conf; /* this file as the site's policy; NULL: the usual ones */
	bool leased;	  /* give nothing that a container has, see leased.h */
	int root; /* with leased: the root directory above etc, until it has begun */
};

/* What stood in the way, for a message. */
struct subid_failure {
	const char *file;		 /* in etc; "/proc"; beneath root, with a '/'
					    in front; NULL: not about a file */
	struct subid_place place;	 /* with SUBID_INVALID */
	char conf[SUBID_CONF_NAME_SIZE]; /* the file instead, when file is
					    SUBID_CONF_FILE: perhaps a drop-in */
	struct subid_holder holder;	 /* with SUBID_BUSY */
	struct subid_unseen unseen;	 /* with "/proc": n > 0: that is why */
};

/*
 * Begins.  Returns 0; SUBID_BUSY or SUBID_INVALID, explained in *ret_failure;
 * -errno, with the file that it is about in *ret_failure.  etc and proc stay the
 * caller's and must be open until the end.
 */
int subid_txn_begin(const struct subid_txn_options *options, struct subid_txn **ret,
		    struct subid_failure *ret_failure) SUBID_WARN_UNUSED;

/* Ends: unlocks; what was not committed is forgotten. */
void subid_txn_free(struct subid_txn **txn);

#define auto_txn __attribute__((cleanup(subid_txn_free)))

/* What the transaction reads; all live as long as it does. */
const struct subid_policy *subid_txn_policy(const struct subid_txn *txn);
const struct subid_conf *subid_txn_conf(const struct subid_txn *txn);
const struct subid_users *subid_txn_users(const struct subid_txn *txn);

/*
 * What runs and could not be looked into.  Where a process is in it, subid_txn_begin()
 * fails.  Where none is (n_hidden), which any user can bring about, the transaction goes
 * on, and gives none of the ids that a line had until the last change of the tables
 * either; the caller says so.
 */
const struct subid_unseen *subid_txn_unseen(const struct subid_txn *txn);

/* What containers have, with leased in the options; else empty. */
const struct subid_leased *subid_txn_leased(const struct subid_txn *txn);

/*
 * What policy says about an owner, its groups looked up.  Returns as
 * subid_conf_decide() does.
 */
int subid_txn_decide(struct subid_txn *txn, const struct subid_owner *owner,
		     struct subid_decision *ret) SUBID_WARN_UNUSED;

/* Makes many grants in one transaction as fast as few.  0 or -ENOMEM. */
int subid_txn_prepare_bulk(struct subid_txn *txn);

#define SUBID_BOTH_KINDS ((1U << SUBID_UID) | (1U << SUBID_GID))

struct subid_request {
	const struct subid_owner *owner;
	unsigned int kinds;    /* bits 1 << enum subid_kind */
	uint32_t count;	       /* how many ids; 0: what policy says of the owner */
	struct id_range range; /* just these ids; count 0: wherever there is room */
	bool another;	       /* also if the owner has enough */
};

/* A range that a call gave or took; or, with SUBID_ENOUGH, one that was there. */
struct subid_change {
	enum subid_kind kind;
	struct id_range range;
	bool shared; /* taken back, but another entry still has some of it */
};

/* The transaction's own memory; good until its next call. */
struct subid_changes {
	const struct subid_change *list;
	size_t n;
};

/*
 * Gives an owner a range.  With a range in the request: just that one.  Else an
 * owner that has count ids of each kind keeps them, unless another is set; one
 * that has them of one kind only gets the same numbers of the other, if they are
 * free; else the first gap that is free in both tables, also when one kind alone is
 * asked for, so that the other can follow; or if there is none, one
 * in each.  Policy (subid_txn_decide()) decides the count, the window, the place when
 * deterministic, and whether the line names the owner by uid; so it does, too, where
 * the owner's name begins with a digit.
 *
 * Nothing is given that any reader may take from any line, that an account or
 * group has, that a live namespace maps (or a hidden one may map, see
 * subid_txn_unseen()), that a container has (options' leased), or that
 * subid_reserved() or the site's policy sets aside; nor what subid_conventions() lists,
 * outside of the windows of login.defs and subid.conf, unless the site accepts
 * "overlap-reserved" of the owner as the line names it.
 *
 * Returns 0 with what was given in *ret; SUBID_ENOUGH with what the owner has in
 * *ret; SUBID_FULL; SUBID_TAKEN with *ret holding the ranges that are not free
 * (see subid_txn_explain()); SUBID_FORBIDDEN when the site's policy never gives the
 * owner any; SUBID_OFF when login.defs gives none: count 0, or a
 * deterministic place for an owner without uid or below UID_MIN, or with another
 * count than policy's; SUBID_INVALID for an owner whose lines some reader would not
 * see (longer than SUBID_LINE_OWNER_MAX) or would take for another's (no account, and
 * begins with a digit, but is no uid; or a uid that is another's login name); -EINVAL for
 * a range that is not valid; other -errno, after which the transaction can only be freed.
 * But for 0, nothing is changed.
 */
int subid_txn_grant(struct subid_txn *txn, const struct subid_request *request,
		    struct subid_changes *ret) SUBID_WARN_UNUSED;

/*
 * Takes ranges back: all that the owner has, or what of it lies in range (count
 * 0: all).  Unless reuse is set, those ids that no other entry has are held in
 * lines of SUBID_OWNER_RELEASED, also what some reader takes from a line that is none;
 * a change with ids that another entry has is marked as shared.  Whether they are in use
 * is the caller's to ask before (subid_userns_uses()); with reuse after, too, and of
 * helpers at work (subid_userns_pending()).  Returns 0 with what was taken in *ret;
 * SUBID_ABSENT; -errno.
 */
int subid_txn_revoke(struct subid_txn *txn, const struct subid_owner *owner,
		     unsigned int kinds, struct id_range range, bool reuse,
		     struct subid_changes *ret) SUBID_WARN_UNUSED;

/*
 * Holds ids in lines of SUBID_OWNER_RELEASED, but for those that an entry has: what was
 * taken back with reuse, and shall rest after all.  Returns 0; -EINVAL for a range that
 * is not valid; -errno.
 */
int subid_txn_rest(struct subid_txn *txn, enum subid_kind kind,
		   struct id_range range) SUBID_WARN_UNUSED;

/*
 * Keeps ids out of all hands, in lines of SUBID_OWNER_RESERVED.  Returns 0 with
 * what was added in *ret; SUBID_ENOUGH when all were held already; SUBID_TAKEN
 * with *ret holding the range, for each kind of which somebody has an id; -errno.
 */
int subid_txn_hold(struct subid_txn *txn, unsigned int kinds, struct id_range range,
		   struct subid_changes *ret) SUBID_WARN_UNUSED;

/*
 * Gives held ids back, released and reserved ones.  Returns 0 with what was
 * given back in *ret; SUBID_ABSENT when none of the ids is held; -errno.
 */
int subid_txn_unhold(struct subid_txn *txn, unsigned int kinds, struct id_range range,
		     struct subid_changes *ret) SUBID_WARN_UNUSED;

/* Who stands in the way. */
enum subid_obstacle_kind {
	SUBID_OBSTACLE_LINE,	 /* a line of the table */
	SUBID_OBSTACLE_ACCOUNT,	 /* an account or group */
	SUBID_OBSTACLE_LIVE,	 /* a live user namespace */
	SUBID_OBSTACLE_RESERVED, /* subid_reserved() */
	SUBID_OBSTACLE_NEW,	 /* a range given in this transaction */
	SUBID_OBSTACLE_CONF,	 /* the site's policy */
	SUBID_OBSTACLE_AVOIDED,	 /* a container has them, options' leased */
	SUBID_OBSTACLE_BEFORE,	 /* a line that is gone, see subid_txn_unseen() */
	SUBID_OBSTACLE_CUSTOM,	 /* subid_conventions(), outside of the windows */
};

struct subid_obstacle {
	enum subid_obstacle_kind what;
	struct id_range ids; /* the first that are not free */
	size_t line;	     /* of a table's or the policy's line */
	char who[256];	     /* the line, the account, the program, the convention,
				the policy's reason;
				bytes that a terminal may act on replaced by '?' */
	pid_t pid;	     /* of a process in the namespace */
	const char *file;    /* of the site's policy, named as in conf.h */
};

/*
 * Says who has the first of the ids of range that are not free; if all are, which of
 * them subid_txn_grant() gives to nobody of whom the site does not accept it.  Returns 0,
 * SUBID_ABSENT if there are none, or -errno.
 */
int subid_txn_explain(const struct subid_txn *txn, enum subid_kind kind,
		      struct id_range range, struct subid_obstacle *ret);

/* How many ids of a window are still free. */
uint64_t subid_txn_free_ids(const struct subid_txn *txn, enum subid_kind kind,
			    struct id_range window);

/* How many of them lie in one piece, at most. */
uint64_t subid_txn_largest_gap(const struct subid_txn *txn, enum subid_kind kind,
			       struct id_range window);

/* Is there anything to write? */
bool subid_txn_changed(const struct subid_txn *txn);

/*
 * Writes what was changed, durably, both tables or neither.  Returns 0, also
 * when nothing was changed; -errno with the file that it is about in
 * *ret_failure, NULL if it is about both: -ENOTRECOVERABLE as
 * subid_drafts_commit() has it; -ESTALE when somebody without the lock has changed the
 * file since it was read; -EPERM for a dry run; -ECANCELED after a call that failed with
 * -errno.
 */
int subid_txn_commit(struct subid_txn *txn,
		     struct subid_failure *ret_failure) SUBID_WARN_UNUSED;

/* A grant that came to nothing by another than subid_txn_grant(), which sees to that. */
struct subid_refused {
	const char *owner; /* owner_len bytes, as it was asked for */
	size_t owner_len;
	uint32_t uid;	       /* UINT32_MAX: none, or not known */
	unsigned int kinds;    /* bits 1 << enum subid_kind */
	struct id_range range; /* start UINT32_MAX: no ids were chosen; count: how many
				  were asked for, 0: not known */
	int result;	       /* -errno or an enum subid_answer */
};

/*
 * Leaves the trace of grants for which no transaction could begin, or none was: a failed
 * record and line for each kind.  By root and for the running system alone, and not of a
 * dry run.
 */
void subid_txn_trace_refused(const struct subid_txn_options *options,
			     const struct subid_refused *list, size_t n);

/* The same of one that the caller refuses, when the transaction ends; result > 0.
 * 0 or -ENOMEM. */
int subid_txn_refuse(struct subid_txn *txn, const struct subid_refused *refused);

/*
 * What became of the trace of the last commit, or 0 everywhere before the first.
 *
 * When etc is the running system's configuration directory (whatever it was
 * opened as), each range that was given, taken, held or given back leaves a record
 * in the kernel's audit and a line in the journal or syslog: when it is committed;
 * as failed, when the commit fails; and as failed, when the transaction ends, if
 * it was refused; where no ids had been chosen, with how many were asked for.  With
 * by_login, a user's failures leave ten lines at once, and one each six seconds then.  A
 * dry run and an image leave none.  A trace
 * that cannot be written is no failure; here it shows.
 */
struct subid_traced {
	size_t changes;	 /* that should have left a trace */
	size_t audit;	 /* of these, taken by the kernel, also with auditing off */
	size_t log;	 /* taken by the journal or syslog */
	int audit_error; /* 0, or why not all: -errno */
	int log_error;
};

struct subid_traced subid_txn_traced(const struct subid_txn *txn);

#ifdef __cplusplus
}
#endif
