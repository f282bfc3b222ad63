/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"
#include "libsubid/live/live.h"
#include "libsubid/policy/policy.h"
#include "libsubid/runtimes/runtimes.h"
#include "libsubid/subid.h"
#include "libsubid/tables/tables.h"

#define auto_system __attribute__((cleanup(subid_close)))

/* What a system is made of, for whoever looks at more than its tables.  All of it is the
 * system's. */
struct system_parts {
	bool host;	      /* not an image: it has processes and a name service */
	int root;	      /* its root directory, O_PATH */
	int etc;	      /* its configuration directory */
	const char *etc_name; /* for messages: "/etc", "DIR/etc" */
	size_t name_len;      /* how much of that is DIR */
};

struct system_parts system_parts(const struct subid *sys);

/* Is that one of the owner's names? */
static inline bool owner_is(const struct subid_owner *owner, const char *text, size_t len)
{
	for (size_t i = 0; i < owner->n; i++)
		if (owner->spellings[i].len == len &&
		    memcmp(owner->spellings[i].text, text, len) == 0)
			return true;
	return false;
}

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

struct subid_txn_options {
	int etc;	/* the configuration directory, opened for reading */
	int proc;	/* /proc, to keep off what runs; -1: nothing runs here */
	bool nss;	/* ask the running system's name service; for threads see
			    subid_users_taken() */
	bool dry_run;	/* take no lock, and refuse to commit */
	bool late;	/* take the locks when they are needed, not at the beginning */
	int timeout_ms; /* patience for the locks; SUBID_PATIENCE_MS */
	struct subid_lock_wait wait; /* who is told for whom it waits, if anybody */
	const char *vendor;	     /* as struct subid_conf_source has it */
	bool by_login; /* users bring it about: of what is refused, few leave a trace */
	const char *conf; /* this file as the site's policy; NULL: the usual ones */
	bool leased;	  /* give nothing that a container has */
	int root; /* with leased: the root directory above etc, until it has begun */
	bool no_grants; /* of grants and holds, none follows */
	const char
	    *untold; /* below it changes are noted until they are traced; NULL: not */
	bool look;   /* only whether owners have enough is asked: a dry run */
	bool import; /* the directory's pools are for what follows */
	bool ledger; /* what is freed is known from the ledger; else of nothing */
	int state;   /* with ledger: its directory; or -errno, why there is none */
	bool search; /* also for what is hidden: ids that others have left are given */
};

/* What stood in the way, for a message. */
struct subid_failure {
	const char *file;		 /* in etc; "/proc"; beneath root, with a '/'
					    in front; NULL: not about a file */
	struct subid_place place;	 /* with SUBID_INVALID */
	char conf[SUBID_CONF_NAME_SIZE]; /* the file instead, when file is
					    SUBID_CONF_FILE: perhaps a drop-in */
	struct subid_holder holder;	 /* with SUBID_BUSY */
	int waited_ms;			 /* likewise: for so long */
	struct subid_unreadable unseen;	 /* with "/proc": n > 0: that is why */
	char owner[64]; /* not "": whether it is an account could not be found out */
};

/*
 * Begins.  Returns 0; SUBID_BUSY or SUBID_INVALID, explained in *ret_failure;
 * -errno, with the file that it is about in *ret_failure.  etc and proc stay the
 * caller's and must be open until the end.
 */
int subid_txn_begin(const struct subid_txn_options *options, struct subid_txn **ret,
		    struct subid_failure *ret_failure) SUBID_WARN_UNUSED;

/*
 * Why it could not, or why something else that has to do with the files of etc failed,
 * as an error.  etc, root: for messages.  Returns r.
 */
int error_failure_in(struct subid_error *err, const char *etc, const char *root, int r,
		     const struct subid_failure *failure);

/* The same of a system.  Explains what subid_txn_begin() or subid_txn_commit() failed
 * with, too.  Returns r. */
int error_failure(struct subid_error *err, const struct subid *sys, int r,
		  const struct subid_failure *failure);

/* Nothing has failed yet. */
void error_clear(struct subid_error *err);

/* The last line.  Returns code, so that a caller can return it. */
int error_plain(struct subid_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same of -errno, "WHAT: out of memory"; and that without WHAT.  Returns r. */
int error_errno(struct subid_error *err, const char *what, int r);
int error_memory(struct subid_error *err);

/* A file of the site's policy (policy.h), as messages name it. */
void error_conf_file(const char *etc, const char *file, char *buf, size_t size);

/* Who hides something: "process 12 (sleep) of alice (uid 1000)". */
void error_hider_text(const struct subid_hider *hider, char *buf, size_t size);

/*
 * What could not be looked into, where a process is in it, or where none is (then with
 * what follows from it).  Returns code.
 */
int error_unseen(struct subid_error *err, int code, const char *what,
		 const struct subid_unreadable *unseen);
int error_hidden(struct subid_error *err, int code, const char *what,
		 const struct subid_unreadable *unseen, const char *but);

/*
 * After a commit: gives the locks back, and then leaves the trace, for which nobody waits
 * but the caller.  Threat: a log or an audit daemon that does not read would keep the
 * locks from everybody.  A process that is killed in between has noted what is to be
 * told.
 */
void subid_txn_release(struct subid_txn *txn);

/* Ends: the same; what was not committed is forgotten. */
void subid_txn_free(struct subid_txn **txn);

/* However it began. */
#define auto_txn __attribute__((cleanup(subid_abort)))

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
const struct subid_unreadable *subid_txn_unseen(const struct subid_txn *txn);

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

struct grant_request {
	const struct subid_owner *owner;
	unsigned int kinds;    /* bits 1 << enum subid_kind */
	uint32_t count;	       /* how many ids; 0: what policy says of the owner */
	struct id_range range; /* just these ids; count 0: wherever there is room */
	uint32_t align;	       /* what the first id is a multiple of; 0: of the owner's */
	bool another;	       /* also if the owner has enough */
	bool reuse_left;       /* also what others have left */
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
 * subid_reserved() or the site's policy sets aside; nor what is conventional,
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
int subid_txn_grant(struct subid_txn *txn, const struct grant_request *request,
		    struct subid_changes *ret) SUBID_WARN_UNUSED;

/*
 * Takes ranges back: all that the owner has, or what of it lies in range (count
 * 0: all).  Unless reuse is set, those ids that no other entry has are held in
 * lines of SUBID_OWNER_RELEASED, also what some reader takes from a line that is none;
 * a change with ids that another entry has is marked as shared.  Whether they are in use
 * is the caller's to ask before (subid_uses_find()); with reuse after, too, and of
 * helpers at work (subid_uses_about_to_write()).  Returns 0 with what was taken in *ret;
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

/* Who has ids that somebody asks for. */
enum subid_conflict_kind {
	SUBID_CONFLICT_LINE,	 /* a line of the table */
	SUBID_CONFLICT_ACCOUNT,	 /* an account or group */
	SUBID_CONFLICT_LIVE,	 /* a live user namespace */
	SUBID_CONFLICT_RESERVED, /* subid_reserved() */
	SUBID_CONFLICT_NEW,	 /* a range given in this transaction */
	SUBID_CONFLICT_CONF,	 /* the site's policy */
	SUBID_CONFLICT_AVOIDED,	 /* a container has them, options' leased */
	SUBID_CONFLICT_BEFORE,	 /* a line that is gone, see subid_txn_unseen() */
	SUBID_CONFLICT_CUSTOM,	 /* conventional ids, outside of the windows */
	SUBID_CONFLICT_ABSENT,	 /* not in the map of the namespace that we run in */
	SUBID_CONFLICT_LEFT,	 /* nobody, but who had them may have them still */
};

struct subid_conflict {
	enum subid_conflict_kind what;
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
		      struct id_range range, struct subid_conflict *ret);

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
 * subid_replacements_commit() has it; -ESTALE when somebody without the lock has changed
 * the file since it was read; -EPERM for a dry run; -ECANCELED after a call that failed
 * with -errno.
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
 * What became of the trace of the last commit, of one transaction; see subid_traced().
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
struct subid_traced subid_txn_traced(const struct subid_txn *txn);

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
	bool no_grants;	  /* as in struct subid_txn_options, as what follows */
	const char *untold;
	int timeout_ms; /* patience for the locks; SUBID_PATIENCE_MS */
};

/*
 * Which ids the containers of root and of root's store have, whatever the tables say:
 * usermod and userdel take lines away without asking, and the container is still there.
 *
 * Threat: what users keep in their homes has no say here: it could keep ids from all
 * others.
 */

/* What subid_leased_read() found.  Zeroed, it is empty. */
struct subid_leased {
	/* sorted: of leases, of leases at rest, and of what runtimes has */
	struct subid_sets ids;
	struct subid_runtime_state runtimes; /* of root's, with what told nothing */
};

void subid_leased_free(struct subid_leased *leased);

#define auto_leased __attribute__((cleanup(subid_leased_free)))

/*
 * Reads root's store of leases and what root's runtimes have written down
 * (runtimes.h), with no lock: each file is the old one or the new one.  root: the root
 * directory, of an image too, whose links lead nowhere but below it; O_PATH will do.
 * A store that is not there has nothing.
 *
 * Returns 0; -errno with the file that it is about, named from root, in *ret_file, a
 * constant or NULL: what containers have is not known then.
 */
int subid_leased_read(int root, struct subid_leased *ret,
		      const char **ret_file) SUBID_WARN_UNUSED;

/*
 * What another user keeps at home, for root, read by a child: the user can mount a file
 * system (FUSE) over it that never answers.
 */

/* How homes are looked into: for how long, and how large a file of a store is read. */
struct homes {
	int64_t one_ms; /* for one, and, what is left of it, for all that do not answer */
	int64_t all_ms;
	size_t file_max;
	struct home_reader *reader; /* one for many homes; NULL: a child for each */
};

/* Locks may be held meanwhile, for which others wait up to 15 seconds. */
#define HOME_PATIENCE_S 3
#define HOMES                                                                            \
	{                                                                                \
		.one_ms = (int64_t)HOME_PATIENCE_S * 1000, .all_ms = 10000,              \
		.file_max = SUBID_LEASE_SIZE_MAX                                         \
	}

/* Why it could not be read, for a message: what strerror(3) says, or of our patience. */
const char *home_error(int error);

/* The files of a user's store, one behind the other; bytes NULL: there is no store. */
struct home_store {
	struct subid_text text;
	size_t sizes[SUBID_KINDS];
};

/* A store of leases: a directory. */
struct store {
	char name[4096];	/* for messages */
	size_t image_len;	/* how much of that is the image's root */
	int fd;			/* -1: there is none (yet), or it is not open */
	const char *user;	/* not NULL: a user's; NULL: root's */
	struct home_store read; /* another user's is not open, but was read */
};

/* Is there one? */
bool store_exists(const struct store *store);

void store_close(struct store *store);

#define auto_store __attribute__((cleanup(store_close)))

/* Opens the directory that has root's store and the ledger.  The caller closes it;
 * -errno. */
int store_open_state(const struct subid *sys, bool create);

/*
 * Finds the store that the caller changes: root's, an image's, or the caller's own; and
 * the one that the caller does not change, but has to avoid: the owner's own for root,
 * root's for anybody else.  0, also if there is none; -errno, for home_error(), with the
 * store's name in *ret.
 */
int store_find(const struct subid *sys, struct store *ret);
int store_find_other(const struct subid *sys, const struct subid_owner *owner,
		     struct homes *homes, struct store *ret);

/* The same, explained; create: makes it if there is none. */
int store_open(const struct subid *sys, bool create, struct store *ret,
	       struct subid_error *err);
int store_open_other(const struct subid *sys, const struct subid_owner *owner,
		     struct homes *homes, struct store *ret, struct subid_error *err);

/* Adds the leases of a store, if there is one.  name: how the owner of a user's store is
 * called, which must live as long as *leases.  0 or -errno. */
int store_leases(const struct store *store, const char *name,
		 struct subid_leases *leases);

/* A file of a store as a table, empty if it is not there; the caller frees it.  Of a
 * user's store that root has read, the file of that name does not matter: there is one
 * reading of it, and no backup.  0 or -errno. */
int store_load(const struct store *store, enum subid_kind kind, const char *name,
	       struct subid_table *ret);

/* Adds all ids that any line of a store has, also what rests.  0 or -errno. */
int store_taken(const struct store *store, struct subid_sets *ret);

/*
 * Adds the leases of an owner's containers: those of root's store, and of the owner's
 * own, if that may be looked at.  Leases of other owners may be among them: ask
 * lease_is_of().  name: how the owner is called; it must live as long as *leases, which
 * are good until the next call for sys.
 * Returns 0, also when there is no store; -errno for home_error(), with the directory in
 * *ret_where.
 */
int leases_of_owner(struct subid *sys, const struct subid_owner *owner, const char *name,
		    struct subid_leases *leases, char ret_where[SUBID_ERROR_FILE_SIZE]);

/* Does a lease belong to the owner, by whatever name? */
bool lease_is_of(const struct subid_lease *lease, const struct subid_owner *owner,
		 const char *name);

/*
 * Begins a transaction over a store: takes its locks and reads it, and looks at root's
 * beside the ledger, which is in the same directory.  What follows is
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
	const struct subid_sets *held;	 /* what the owner holds, sorted */
	const struct subid_sets *avoid;	 /* what is in use, sorted */
	unsigned int kinds;		 /* bits 1 << enum subid_kind */
	uint32_t count;			 /* how many ids */
	struct id_range range; /* just these ids; count 0: wherever there is room */
	uint32_t align;	       /* what the first id is a multiple of */
	bool another;	       /* also if the container has enough */
	bool reuse_left;       /* also what others' containers had, by the ledger */
	bool own_left;	       /* also what this one had */
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
