/* SPDX-License-Identifier: MIT */
/*
 * libsubid-ng: subordinate uids and gids, subid-ng(3).
 *
 * Which ids an owner has in /etc/subuid and /etc/subgid, who has or uses an id, and the
 * only safe way to change that.  A program opens a system, this host or an image of one,
 * and works on it:
 *
 *     struct subid_error err = { .size = sizeof(err) };
 *     struct subid_request request = { .size = sizeof(request), .owner = "alice" };
 *     struct subid *sys = NULL;
 *     struct subid_txn *txn = NULL;
 *     int r = subid_open(NULL, &sys, &err);
 *
 *     if (r == 0)
 *             r = subid_begin(sys, 0, SUBID_PATIENCE_MS, &txn, &err);
 *     if (r == 0)
 *             r = subid_grant(txn, &request, &err);
 *     if (r == 0)
 *             r = subid_commit(txn, &err);
 *     if (r != 0 && r != SUBID_ENOUGH)
 *             (void)fprintf(stderr, "%s\n", err.text);
 *     subid_abort(&txn);
 *     subid_close(&sys);
 *
 * What is granted meets no line of the tables, whatever reader reads it; no account; no
 * id that a running user namespace maps; nothing that a container has; nothing that is
 * held or reserved.  No option switches that on: it cannot be forgotten.
 *
 * Answers.  A function returns 0: done, or yes; < 0: -errno, something failed; > 0: an
 * enum subid_answer, nothing failed and the answer is no.  Outputs come last, are named
 * ret or ret_x, and are set only on 0, except where it says otherwise here.
 *
 * Structs are opaque, or begin with their size: zero one, then set size to sizeof() it.
 * A later library may have more members and knows from the size that you do not.  The two
 * plain values, struct id_range and struct subid_map_line, never change.
 *
 * Ownership.  Who is handed something by subid_open(), _begin(), a _list or _new() ends
 * it with the function that is named there; all of these take a pointer to NULL as well,
 * and leave NULL.  Texts in a row are the list's.
 *
 * Threads.  There is no state but in these objects: two threads may work at once on
 * different systems, but not on the same system or what came of it.  Exceptions:
 * subid_begin(), subid_who_has(), subid_candidates(), subid_audit() and
 * subid_policy_check() ask the name service to enumerate accounts (getpwent(3)), so only
 * one thread of a process may be in any of them.  Locks are the process's.
 *
 * The library prints nothing, never exits, and leaves signals, environment, umask and
 * working directory alone.  It makes children, which it waits for: a program must not
 * reap what it did not start.
 */
#ifndef SUBID_NG_SUBID_H
#define SUBID_NG_SUBID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header, subid_version() that of the library.  The numbers are
 * filled in by make, from the one place where they stand, when the header is installed.
 */
#define SUBID_VERSION_MAJOR FILLED_IN
#define SUBID_VERSION_MINOR FILLED_IN
#define SUBID_VERSION_PATCH FILLED_IN

/* "MAJOR.MINOR.PATCH", a constant. */
const char *subid_version(void);

/* --- Words ---------------------------------------------------------------------------
 */
#include "libsubid/core/types.h"

/* --- Errors --------------------------------------------------------------------------
 */

#define SUBID_ERROR_FILE_SIZE 4416
#define SUBID_ERROR_TEXT_SIZE 8192

/*
 * What failed, or why the answer is no.  Each call that is handed one describes in it
 * what it returned, if that is not 0.  NULL instead: nobody wants to know.
 */
struct subid_error {
	size_t size;			  /* sizeof(struct subid_error) */
	int code;			  /* what the call returned */
	size_t line;			  /* in file, from 1; 0: not about a line */
	pid_t pid;			  /* a process that is in the way; 0: none */
	char program[16];		  /* its name, or "" */
	char file[SUBID_ERROR_FILE_SIZE]; /* the file it is about, or "" */
	char text[SUBID_ERROR_TEXT_SIZE]; /* see subid_error_text() */
};

/*
 * Writes what happened, why, and what to do about it, as sentences, mostly one, each on a
 * line of its own, into buf of size bytes, terminated, and cut if longer.  Returns the
 * length that it has uncut.  The texts are subid(1)'s, whose options they name.
 */
size_t subid_error_text(const struct subid_error *err, char *buf, size_t size);

/* --- Systems -------------------------------------------------------------------------
 */

/* Whose tables: this host's, or those of an image.  Opaque. */
struct subid;

/*
 * Opens a system.  root: NULL for this host; else the directory of an image (a chroot, a
 * container's root, a test's), of which nothing runs here, and out of which no link
 * leads. Its files are root/etc/subuid, root/var/lib/subid and so on.
 *
 * Returns 0, and the caller ends it with subid_close() when all transactions are over;
 * -errno of opening the directories.
 */
int subid_open(const char *root, struct subid **ret,
	       struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * The same for an image whose root directory is open as dir (O_PATH will do), which stays
 * the caller's.  name: how messages call it, copied; NULL: not at all.
 */
int subid_open_at(int dir, const char *name, struct subid **ret,
		  struct subid_error *err) SUBID_WARN_UNUSED;

void subid_close(struct subid **sys);

/*
 * From now on the file at path, copied, is the site's policy (subid.conf(5)), instead of
 * subid.conf, its vendor's default and drop-ins; NULL: these again.  0 or -ENOMEM.
 */
int subid_use_policy(struct subid *sys, const char *path);

/* What a warning is about. */
enum subid_note {
	SUBID_NOTE_REMARK,  /* a program that was told to be quiet leaves it out */
	SUBID_NOTE_WARNING, /* ids may be given twice, or something is left to be done */
};

/* Is handed a warning, sentences each on a line of its own, when it comes up. */
typedef void subid_warning_fn(void *data, enum subid_note note, const char *text);

/* Who is told of warnings, with data; NULL, as at first: nobody. */
void subid_on_warning(struct subid *sys, subid_warning_fn *warn, void *data);

/* --- Lists ---------------------------------------------------------------------------
 */

/* What a row is about. */
enum subid_state {
	SUBID_STATE_GRANTED,  /* an owner's, by a line of the tables */
	SUBID_STATE_LEASED,   /* a container's, out of what its owner holds */
	SUBID_STATE_RELEASED, /* taken from somebody, and held for nobody */
	SUBID_STATE_RESERVED, /* held for nobody */
	SUBID_STATE_FREE,     /* taken from somebody, and anybody's now */
	SUBID_STATE_SHARED,   /* taken from somebody, but another line has them too */
	SUBID_STATE_OWN,      /* an account's or group's own id */
	SUBID_STATE_IN_USE,   /* a process's or a user namespace's */
	SUBID_STATE_LEFT,     /* no line has them any more, but who had them may */
};

/* A row of a list.  Its texts are the list's, terminated, and bytes as others wrote them:
 * make them harmless before they reach a terminal. */
struct subid_row {
	size_t size; /* sizeof(struct subid_row) */
	enum subid_kind kind;
	enum subid_state state;
	struct id_range range; /* count 0: the row has none */
	const char *owner;     /* as the line has it, or as it was asked for; or NULL */
	const char *container; /* its name; NULL: not a container's */
	const char *file;      /* where it stands, a path beneath the root; or NULL */
	size_t line;	       /* in file, from 1; 0: in none yet */
	pid_t pid;	       /* with SUBID_STATE_IN_USE; else 0 */
	const char *program;   /* likewise: its name; else NULL */
	int64_t since; /* of the ledger: since when the owner had them, in seconds of the
			  real-time clock; 0: not known */
	int64_t until; /* likewise: until when; 0: has them still, or not known */
	const char *door; /* likewise, by which that was seen last: "subid", "tables" (as
			     useradd, userdel or an editor left them), "backup" or
			     "rename"; or NULL */
};

/* What a call has found or done; opaque.  NULL: an empty one. */
struct subid_list;

/* How many rows. */
size_t subid_list_size(const struct subid_list *list);

/* Copies the row of an index, from 0 on, into *ret, whose size is set.  False, and
 * nothing is copied, if there is none. */
bool subid_list_get(const struct subid_list *list, size_t index, struct subid_row *ret);

void subid_list_free(struct subid_list **list);

/* --- Looking: no lock is taken, and nothing is changed -------------------------------
 */

/*
 * Every line of one table that authorises (owner:start:count, read strictly) or holds, in
 * the order of the file; other lines give nobody anything.  A file that does not exist
 * has none.  Returns 0, and the caller frees *ret; -errno: -ELOOP for a link, -EFBIG, ...
 */
int subid_lines(struct subid *sys, enum subid_kind kind, struct subid_list **ret,
		struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * The ranges of an owner, a login name or a decimal uid: of every line that names it by a
 * name of its uid or by the number; and of the leases of its containers, both of root's
 * store and, where it may be looked at, of its own.  kinds: bits 1 << enum subid_kind, 0:
 * both.  Returns 0, perhaps with no row, and the caller frees *ret; SUBID_UNKNOWN: no
 * such account, and no lines of that name; SUBID_INVALID: no owner can be called so;
 * -errno.
 *
 * It is about the tables: if nsswitch.conf names another source, subid_source() says so,
 * and getsubids(1) asks it.
 */
int subid_ranges(struct subid *sys, const char *owner, unsigned int kinds,
		 struct subid_list **ret, struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * The leases of an owner's containers, as in subid_ranges(), alone; the owner needs no
 * account and no line.  Or, for the owner "!released" or "!reserved", what is held in the
 * store that the caller changes: ids of containers that are gone.  Or, for NULL, all of
 * root's store.  Returns 0, perhaps with no row, and the caller frees *ret;
 * SUBID_INVALID: no owner can be called so; -errno: a store could not be read, and the
 * caller frees *ret, which has the leases of the other.
 *
 * For root, the stores in users' homes are read by a child: one that does not answer is
 * waited for for 3 seconds, and all of them that a system is asked about for 10.
 */
int subid_leases(struct subid *sys, const char *owner, unsigned int kinds,
		 struct subid_list **ret, struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * All who have an id: accounts, lines, and the leases of root's store.  Returns 0,
 * perhaps with no row, and the caller frees *ret; -errno.
 */
int subid_who_has(struct subid *sys, enum subid_kind kind, uint32_t id,
		  struct subid_list **ret, struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * The processes and user namespaces that use ids of a range, one row for each namespace,
 * with its first process, and for each process in none of these.  An image has none.
 * Returns 0, perhaps with no row, and the caller frees *ret; -EACCES: some processes may
 * not be looked at; other -errno.
 */
int subid_uses(struct subid *sys, enum subid_kind kind, struct id_range range,
	       struct subid_list **ret, struct subid_error *err) SUBID_WARN_UNUSED;

/* Only what nobody has now: what was left, and what is held since it was released. */
#define SUBID_LEDGER_RELEASED 1U

/*
 * What the ledger knows: who had which ids last, uids first, in the order of the ids; and
 * which container or store, by root's leases, in rows of its own, with its name.
 * States: SUBID_STATE_GRANTED, _LEFT, _RELEASED (left, and held by "!released"), _FREE
 * (given back).  Held ids that it does not know have an empty owner.  Whoever may write
 * it looks at the tables first.  kinds: bits 1 << enum subid_kind, 0: both.  Returns 0,
 * perhaps with no row, and the caller frees *ret; -errno: it cannot be read, or is not
 * root's alone.
 */
int subid_ledger_read(struct subid *sys, unsigned int kinds, unsigned int flags,
		      struct subid_list **ret, struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * Where ranges come from (nsswitch.conf, "subid:"): "" for the tables, else the name of a
 * module, which decides for owners of which it has ranges.  Of several it is the first.
 * Returns 0; SUBID_INVALID for a word that names none; -errno.
 */
int subid_source(struct subid *sys, char ret[SUBID_SOURCE_SIZE],
		 struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * Reads a line as newuidmap(1) does, strictly.  text: len bytes without the newline, the
 * first *ret_owner_len of which are the owner.  Returns 0 or SUBID_INVALID: such a line
 * (comment, blank or broken) authorises nothing.
 */
int subid_line_split(const char *text, size_t len, size_t *ret_owner_len,
		     struct id_range *ret);

/* --- Locks, for who changes the tables by other means --------------------------------
 */

/* The three locks of shadow's tools: .pwd.lock, subuid.lock and subgid.lock.  Opaque. */
struct subid_lock;

/*
 * Takes them, waiting at most timeout_ms milliseconds (0: not at all).  Not for
 * subid_begin(), which takes them itself.  Returns 0, and the caller ends it with
 * subid_unlock(); SUBID_BUSY: err names who has them; -errno.
 */
int subid_lock(struct subid *sys, int timeout_ms, struct subid_lock **ret,
	       struct subid_error *err) SUBID_WARN_UNUSED;

void subid_unlock(struct subid_lock **lock);

/* --- Transactions: the only safe way to change something ------------------------------
 */

/* Takes locks, reads what counts, changes in memory, writes all or nothing.  Opaque. */
struct subid_txn;

/* Flags of subid_begin(). */
#define SUBID_DRY_RUN  1U /* take no lock; subid_commit() fails with -EPERM */
#define SUBID_BY_LOGIN 2U /* users cause it: few of its refusals leave a trace */
#define SUBID_NO_GRANTS                                                                  \
	4U		 /* ids are only taken away: what is in use is not looked at,    \
			    and grants, leases and holds fail with -EINVAL */
#define SUBID_LEASES 8U	 /* leases alone: the tables are neither locked nor changed */
#define SUBID_IMPORT 16U /* ranges of the site's directory follow, and no grants */
#define SUBID_LOOK                                                                       \
	64U /* a dry run that reads policy and tables alone: subid_grant() answers       \
	       SUBID_ENOUGH, or that it would take a transaction, SUBID_ABSENT */
#define SUBID_SEARCH                                                                     \
	32U /* also for namespaces that no process is in: what others have left is       \
	       given after that alone (SUBID_REUSE_LEFT) */

/*
 * Begins: reads tables, accounts, policy, running namespaces and what containers have.
 * The first call that changes something takes the locks of the tables, once it has looked
 * up what only others know, and reads again what has changed meanwhile; they are given
 * back by the commit.  They are waited for at most timeout_ms milliseconds
 * (SUBID_PATIENCE_MS is what shadow's tools have): then the call returns SUBID_BUSY, err
 * names who has them, and nothing is changed.  Any user may begin a dry run, or leases of
 * the user's own; all else needs root's rights, or the image's owner's.
 *
 * Returns 0, and the caller ends it with subid_abort(), after a commit as well;
 * SUBID_INVALID: login.defs or subid.conf is wrong, and nothing is given until that is
 * mended; -errno: something could not be read, -EACCES: a process hides the ids that it
 * has, -EINVAL: an unknown flag.
 */
int subid_begin(struct subid *sys, unsigned int flags, int timeout_ms,
		struct subid_txn **ret, struct subid_error *err) SUBID_WARN_UNUSED;

/* Flags of a request. */
#define SUBID_ANOTHER	    1U	/* also if there is enough */
#define SUBID_UNKNOWN_OWNER 2U	/* also to an owner without account */
#define SUBID_UNASKED	    4U	/* only if the policy gives without being asked */
#define SUBID_OWN	    8U	/* a container's: with a line of its own in the tables */
#define SUBID_FORCE	    16U /* also while processes use the ids */
#define SUBID_REUSE	    32U /* do not hold them: anybody may get them next */
#define SUBID_REUSE_LEFT    64U /* also what others have left, with SUBID_SEARCH */
#define SUBID_PREPARE                                                                    \
	128U /* of subid_grant(), _import(), _lease(), _revoke(), _unlease(), _unhold(): \
		nothing is changed yet, but what others know of the owner, and keep in   \
		its home, is looked up and kept.  With more than one owner, for each     \
		before the first is given something, so that nobody waits for the locks  \
		meanwhile */
#define SUBID_ALIGN 256U /* where the range begins is asked for, by align */

/*
 * What is asked for; -EINVAL if size or owner is not set, or a flag is unknown.  Zeroed
 * but for these two: both kinds, as many ids as the policy says, wherever there is room;
 * or all that the owner has.
 */
struct subid_request {
	size_t size;	   /* sizeof(struct subid_request) */
	const char *owner; /* a login name or a decimal uid; of a container, "OWNER/NAME";
			      of a hold, how messages call it */
	unsigned int kinds;    /* bits 1 << enum subid_kind; 0: both */
	unsigned int flags;    /* the above */
	uint32_t count;	       /* how many ids; 0: as the policy says */
	struct id_range range; /* just these; count 0: any */
	uint32_t align;	       /* with SUBID_ALIGN: what the first id is a multiple of */
};

/*
 * Grants an owner a range: the same numbers of both kinds whenever that is possible.  The
 * rules of login.defs(5) (SUB_UID_MIN, ...) and subid.conf(5) say how many and where.
 * Flags: SUBID_ANOTHER, SUBID_UNKNOWN_OWNER, SUBID_UNASKED, SUBID_REUSE_LEFT,
 * SUBID_ALIGN.
 *
 * Returns 0; SUBID_ENOUGH: it has enough, and subid_changes() lists that; SUBID_FULL;
 * SUBID_TAKEN: the range is not free; SUBID_OFF, SUBID_FORBIDDEN: the policy gives none;
 * SUBID_UNKNOWN: no such account; SUBID_INVALID: no line can name the owner and nobody
 * else; -errno.  But for 0 nothing is changed, and after > 0 one may go on; after < 0 the
 * transaction can only be ended.
 */
int subid_grant(struct subid_txn *txn, const struct subid_request *request,
		struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * Grants an owner just the range that the site's directory gives it, which must lie in
 * one of the pools of subid.conf(5): nothing else on this host is granted ids of those.
 * Only after subid_begin() with SUBID_IMPORT, which takes subid_revoke() and
 * subid_unhold() as well, and no subid_grant().  Flag: SUBID_UNKNOWN_OWNER.
 *
 * Returns as subid_grant(), but not SUBID_FULL; SUBID_DENIED: the range is in no pool;
 * -EINVAL without a range, or in another transaction.
 */
int subid_import(struct subid_txn *txn, const struct subid_request *request,
		 struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * Gives a container a range, out of what its owner holds, that no other container has and
 * no process uses.  Root gives leases to anybody's containers, in /var/lib/subid; other
 * users to their own, in ~/.local/state/subid.  The first call of a transaction locks
 * that store.  What the ledger says that another container had, and did not give back, is
 * given by SUBID_REUSE_LEFT alone.  Flags: SUBID_ANOTHER; SUBID_REUSE_LEFT; SUBID_OWN,
 * without SUBID_LEASES in subid_begin().
 *
 * Returns as subid_grant(), and SUBID_DENIED: the owner does not hold the range, or is
 * somebody else; SUBID_INVALID: owner is not "OWNER/NAME".
 */
int subid_lease(struct subid_txn *txn, const struct subid_request *request,
		struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * Takes back what an owner has, or what of it lies in range; the ids are held, so that no
 * program gives them, until subid_unhold() or unless SUBID_REUSE is set.  Refused while a
 * container has a lease of them, a process or namespace uses them, or a helper is about
 * to map them; SUBID_FORCE: but for root's leases, never mind.
 *
 * Returns 0; SUBID_ABSENT: there is nothing to take, and one may go on; SUBID_IN_USE: err
 * names who; -errno: also if it cannot be seen whether they are in use.  After the last
 * two the transaction can only be ended.
 */
int subid_revoke(struct subid_txn *txn, const struct subid_request *request,
		 struct subid_error *err) SUBID_WARN_UNUSED;

/* The same of a container, "OWNER/NAME"; SUBID_OWN: with the owner's lines of these ids,
 * without SUBID_LEASES in subid_begin(). */
int subid_unlease(struct subid_txn *txn, const struct subid_request *request,
		  struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * Gives an owner the very ids that it had, or what of them lies in range, as the ledger
 * knows them, also held ones; or a container, "OWNER/NAME", the lease that it had, also
 * with SUBID_LEASES in subid_begin().  Flags: SUBID_UNKNOWN_OWNER.
 *
 * Returns as subid_grant(): SUBID_TAKEN: somebody has some of them by now, or uses them,
 * and nothing is given back, the transaction can only be ended; SUBID_ABSENT: nothing is
 * known that it had, and has no more.
 */
int subid_restore(struct subid_txn *txn, const struct subid_request *request,
		  struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * Hands all that an owner has to another: the lines of both tables, root's leases of its
 * containers, and what the ledger knows of it; the ids stay.  request: whose they are, an
 * account or just a name of lines; name: whose they will be.  Flags: SUBID_ANOTHER: also
 * if name has ranges; SUBID_UNKNOWN_OWNER: also if it has no account; SUBID_FORCE: also
 * while processes use the ids.
 *
 * Returns 0; SUBID_ABSENT: there is nothing; SUBID_TAKEN: name has ranges, or a container
 * of the same name; SUBID_IN_USE; else as subid_grant().  After others than 0 the
 * transaction can only be ended.
 */
int subid_rename(struct subid_txn *txn, const struct subid_request *request,
		 const char *name, struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * Keeps the ids of range out of all hands, by lines of "!reserved".  Returns 0;
 * SUBID_ENOUGH: all were held already; SUBID_TAKEN: somebody has one of them; -errno.
 */
int subid_hold(struct subid_txn *txn, const struct subid_request *request,
	       struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * Gives back what of range is held, in the tables and in the store of leases.  Refused
 * while something that could have the ids is hidden, or about to map them, unless
 * SUBID_FORCE is set.  Returns as subid_revoke().
 */
int subid_unhold(struct subid_txn *txn, const struct subid_request *request,
		 struct subid_error *err) SUBID_WARN_UNUSED;

/* What the last of these calls has done, or found: the transaction's, good until the next
 * call.  0 or -ENOMEM. */
int subid_changes(struct subid_txn *txn, const struct subid_list **ret);

/*
 * Writes all of it, durably, or nothing; then looks again, where somebody without our
 * locks could have come in between, and leaves a trace of each change in the kernel's
 * audit and the system's log.
 *
 * Returns 0, also if there was nothing to write; -EAGAIN: others took the same ids at the
 * same moment, and no lease is made: begin anew; SUBID_IN_USE: it is written, but ids
 * that were to be free are held; -ESTALE: a table was saved meanwhile without the lock,
 * and nothing is changed; -ENOTRECOVERABLE: one table could be replaced and the other
 * not; -ECANCELED: a call before failed; -EPERM: a dry run; other -errno: nothing is
 * changed, or err says what is.
 */
int subid_commit(struct subid_txn *txn, struct subid_error *err) SUBID_WARN_UNUSED;

/* Ends a transaction: unlocks; what was not committed is forgotten. */
void subid_abort(struct subid_txn **txn);

/* What became of the trace of a commit. */
struct subid_traced {
	size_t size;	 /* sizeof(struct subid_traced) */
	size_t changes;	 /* that should have left a trace: none in images and dry runs */
	size_t audit;	 /* of these, taken by the kernel, also with auditing off */
	size_t log;	 /* taken by the journal or syslog */
	int audit_error; /* 0, or why not all: -errno */
	int log_error;
	bool written; /* there was something to write */
	bool tables;  /* and it was the running system's tables: see nscd(8) and SSSD */
};

/* Tells of it, in *ret, whose size is set.  A trace that cannot be written is no failure
 * of the commit. */
void subid_traced(const struct subid_txn *txn, struct subid_traced *ret);

/*
 * Leaves the trace of a request that was refused with result, when no transaction could
 * begin for it; by root and on the running system alone.  flags: those of subid_begin();
 * uid: the owner's, or SUBID_ID_NONE.
 */
void subid_trace_refused(struct subid *sys, unsigned int flags,
			 const struct subid_request *request, uint32_t uid, int result);

/* --- Policy ---------------------------------------------------------------------------
 */

/* What the policy says of an owner. */
struct subid_explanation {
	size_t size; /* sizeof(struct subid_explanation) */
	enum subid_verdict verdict;
	size_t line;			  /* of the rule, in file; 0: no rule fits */
	char file[SUBID_ERROR_FILE_SIZE]; /* or "" */
	char why[1024];			  /* a phrase; its bytes are the policy's */
	/* what login.defs computes from the uid, SUB_*_DETERMINISTIC; count 0: nothing */
	struct id_range place[SUBID_KINDS];
};

/*
 * Explains what the policy means for an owner, in *ret, whose size is set; a dry run will
 * do.  Returns 0; SUBID_INVALID: no owner can be called so; -errno.
 */
int subid_explain(struct subid_txn *txn, const char *owner, struct subid_explanation *ret,
		  struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * The owners to whom the policy gives ranges: of a group's members (group: a name or a
 * gid; NULL: none), and of all accounts if all is set, each uid once.  The rows have
 * owners alone.  *ret_passed_over: how many of them get none.  Returns 0, and the caller
 * frees *ret; SUBID_UNKNOWN: no such group; -errno.
 */
int subid_candidates(struct subid_txn *txn, const char *group, bool all,
		     struct subid_list **ret, size_t *ret_passed_over,
		     struct subid_error *err) SUBID_WARN_UNUSED;

/* --- Audit ----------------------------------------------------------------------------
 */

/* From harmless to dangerous. */
enum subid_level {
	SUBID_INFO,	/* worth knowing */
	SUBID_WARNING,	/* risky, or half done */
	SUBID_ERROR,	/* it will break, or programs disagree about it */
	SUBID_CRITICAL, /* isolation is broken, or anyone can break it */
};

#define SUBID_LEVELS 4

/* A rule of the auditor (subid-audit(7)); its name is stable. */
struct subid_rule {
	size_t size; /* sizeof(struct subid_rule) */
	const char *name;
	enum subid_level level;
	const char *summary; /* what is wrong, a phrase */
	const char *why;     /* why it matters: sentences */
	const char *remedy;  /* what to do about it, in general: sentences */
};

/* Copies the rule of an index, from 0 on, into *ret, whose size is set; the texts are
 * constants.  False, and nothing is copied, if there is none. */
bool subid_rule_get(size_t index, struct subid_rule *ret);

struct subid_audit_options {
	size_t size;	  /* sizeof(struct subid_audit_options) */
	const char *rule; /* this rule alone; NULL: every rule */
	bool no_live;	  /* do not look at running processes */
	bool thorough;	  /* follow the descriptors of every process */
};

/* Something that was found.  Its texts are the report's, and fit for a terminal, but for
 * owner and other, which are bytes as others wrote them. */
struct subid_finding {
	size_t size;	  /* sizeof(struct subid_finding) */
	const char *rule; /* its name; NULL after subid_policy_check() */
	enum subid_level level;
	int kind;	   /* enum subid_kind; -1: not about one kind */
	const char *file;  /* in the directory of the tables, or absolute; NULL: none */
	size_t line;	   /* in file, from 1; 0: not about a line */
	size_t other_line; /* the other line of a pair, or 0 */
	const char *owner; /* owner_len bytes, not terminated; NULL: none */
	size_t owner_len;
	const char *other; /* the other owner or account of a pair, likewise */
	size_t other_len;
	struct id_range range; /* count 0: none */
	uint64_t userns;       /* inode of a user namespace, or 0 */
	size_t count;	       /* how many cases this one stands for */
	const char *reason;    /* what and why */
	const char *remedy;    /* what to do: words, or command lines; may be "" */
};

/* What was found; opaque.  NULL: nothing. */
struct subid_report;

/*
 * Audits a system: reads the tables, the policy, the accounts, the helpers, leases and
 * running namespaces, takes no lock, and changes nothing.  options NULL: every rule,
 * everything.  Findings that the site accepts in subid.conf(5) are left out.
 *
 * Returns 0, and the caller frees *ret, which lists the worst findings first and outlives
 * sys; SUBID_UNKNOWN: no such rule; -EINVAL: size is not set; other -errno: nothing could
 * be audited.  What else could not be read is no failure: see subid_report_missing().
 */
int subid_audit(struct subid *sys, const struct subid_audit_options *options,
		struct subid_report **ret, struct subid_error *err) SUBID_WARN_UNUSED;

/*
 * Checks login.defs(5) and subid.conf(5), with the vendor's file and drop-ins: not the
 * file of subid_use_policy().  A finding of SUBID_ERROR keeps every range from being
 * granted; one of SUBID_WARNING is a likely mistake.  Returns 0, and the caller frees
 * *ret, in the order in which the findings came up; -errno.
 */
int subid_policy_check(struct subid *sys, struct subid_report **ret,
		       struct subid_error *err) SUBID_WARN_UNUSED;

/* Copies the finding of an index, from 0 on, into *ret, whose size is set.  False, and
 * nothing is copied, if there is none. */
bool subid_report_get(const struct subid_report *report, size_t index,
		      struct subid_finding *ret);

/* What could not be read or looked at, a sentence for each index, from 0 on; NULL: there
 * is no more.  A report with any is partial: nothing found does not mean nothing there.
 */
const char *subid_report_missing(const struct subid_report *report, size_t index);

void subid_report_free(struct subid_report **report);

/* --- Sets of ids: pure ----------------------------------------------------------------
 */

/* Opaque. */
struct subid_set;

/* Makes an empty set, which the caller ends with subid_set_delete().  0 or -ENOMEM. */
int subid_set_new(struct subid_set **ret) SUBID_WARN_UNUSED;

void subid_set_delete(struct subid_set **set);

/* Adds the ids of r; count 0 adds nothing.  0 or -ENOMEM. */
int subid_set_insert(struct subid_set *set, struct id_range r) SUBID_WARN_UNUSED;

/* Every id of r is in set.  False for an empty r. */
bool subid_set_contains(const struct subid_set *set, struct id_range r);

/* The first ids that set shares with r.  True if there are any, and then *ret has them
 * (ret may be NULL). */
bool subid_set_meets(const struct subid_set *set, struct id_range r,
		     struct id_range *ret);

/* Its ranges, in ascending order, neither overlapping nor adjoining: the one of an index,
 * from 0 on.  False if there is none. */
bool subid_set_get(const struct subid_set *set, size_t index, struct id_range *ret);

/* --- Maps of user namespaces: pure ----------------------------------------------------
 */
#include "libsubid/maps/maps.h"

#ifdef __cplusplus
}
#endif

#endif
