/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/stat.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/change/change.h"
#include "libsubid/core/range.h"
#include "libsubid/ledger/ledger.h"
#include "libsubid/policy/policy.h"
#include "libsubid/trace/trace.h"

/* What the files of this folder share. */

/* Root's store, kept for who asks about many owners. */
struct root_leases {
	struct stat files[SUBID_KINDS]; /* as they were; zeroed: there was none */
	struct subid_leases leases;
	const struct subid_lease **by_owner;
};

void root_leases_free(struct root_leases **kept);

/* This host, or an image of one. */
struct subid {
	int root;	     /* the root directory, O_PATH */
	int etc;	     /* its configuration directory */
	int proc;	     /* /proc, once it was asked for; -1 also for an image */
	bool host;	     /* not an image: it has processes and a name service */
	char *conf;	     /* this file is the policy; NULL: the usual ones */
	char etc_name[4096]; /* for messages: "/etc", "DIR/etc" */
	size_t name_len;     /* how much of that is DIR */
	subid_warning_fn *warn;
	void *warn_data;
	struct kept_warnings *kept; /* for later */
	struct homes homes;	    /* that are looked into: for how long, by all calls */
	/* system_users() */
	struct subid_users *users;
	struct stat passwd; /* as it was then */
	unsigned int asked;
	struct root_leases *root_leases;
};

/* The accounts, indexed, for who asks about many owners, one call after the other; NULL
 * at first, and where they cannot be loaded.  Good until the next call. */
const struct subid_users *system_users(struct subid *sys);

/* Is it the same file, as it was? */
bool system_same_file(const struct stat *a, const struct stat *b);

/* Opens /proc, on a host.  0, or -errno, explained. */
int system_proc(struct subid *sys, struct subid_error *err);

/* Who is told for whom a lock waits: who is told of warnings. */
struct subid_lock_wait system_wait(const struct subid *sys);

/* What a transaction's options are, once system_proc() is done. */
struct subid_txn_options system_options(const struct subid *sys, unsigned int flags,
					int timeout_ms);

/* Is etc the running system's?  So changes in it are traced. */
bool subid_txn_is_host(const struct subid_txn_options *options);

/* Keeps warnings from the caller, who may take long to print them; then hands out those
 * that were kept.  Calls nest. */
void system_keep_warnings(const struct subid *sys, bool keep);

/* Hands a warning to the caller, if it wants them. */
void system_warn(const struct subid *sys, enum subid_note note, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void system_warn_error(const struct subid *sys, enum subid_note note,
		       const struct subid_error *err);

/* Warns of who hides namespaces, if anybody does, when ids are given all the same. */
void system_warn_hidden(const struct subid *sys, const struct subid_unreadable *unseen);

/*
 * Of what runtimes have written down and did not tell, if there is any: -errno,
 * explained, of what could not be looked at; of what is damaged, warns, and 0.  above: of
 * what lies beneath a directory, as messages name it.  Threat: a user can make a look
 * fail, by renaming something all the time or by a limit; what is written there is not
 * nothing.
 */
int system_check_unread(const struct subid *sys, const char *above,
			const struct subid_runtime_state *state, struct subid_error *err);

/* --- place.c: where there is room --------------------------------------------------- */

/* One kind. */
struct place {
	bool asked;
	bool needed;	/* asked, and not there yet */
	uint32_t count; /* how many ids there should be; 0: none */
	struct id_range window;
	uint32_t align;		       /* what the first id is a multiple of; 0: of any */
	const struct subid_set *has;   /* ids that are there */
	const struct subid_set *taken; /* sorted: not free */
	const struct subid_set
	    *rests; /* sorted: taken, and what no gap may have; or NULL */
	const struct subid_set *also; /* nor these, which lie in no window; or NULL */
	struct subid_set gives;	      /* what was found */
};

void places_free(struct place places[SUBID_KINDS]);

/* Which kinds are needed.  Are there any? */
bool places_need(struct place places[SUBID_KINDS], bool another);

bool place_is_free(const struct place *place, const struct subid_set *ids);

/* The same numbers as are there of the other kind, where one kind alone is needed, if
 * they are free and enough.  0 or -ENOMEM. */
int places_like_other(struct place places[SUBID_KINDS]);

/* Where the last search ended: below, there is no gap of that size. */
struct place_hint {
	struct subid_want wants[SUBID_KINDS];
	uint32_t start;
};

/*
 * The first gap with room for the kinds that are needed and have nothing yet: at one
 * place, else at two.  hint: NULL, or zeroed before the first search.  0, SUBID_FULL or
 * -ENOMEM.
 */
int places_in_gap(struct place places[SUBID_KINDS], struct place_hint *hint);

/* --- aligned.c: where a range begins ------------------------------------------------ */

/* What is asked for, or what the owner's program wants; 0: nothing. */
uint32_t align_of(const struct grant_request *request);

/* Moves *start, where there is room, to the first such id that is a multiple; says that
 * there is none; warns of what the owner's program does not take. */
int align_gap(const struct subid_want wants[SUBID_KINDS], uint32_t align,
	      uint32_t *start);
void align_explain(const char *name, uint32_t count, enum subid_kind kind,
		   const char *where, uint32_t align, struct subid_error *err);
void align_warn(const struct subid_txn *txn, const struct subid_owner *owner,
		const struct subid_changes *changes);

/* --- error.c: *err may be NULL everywhere ---------------------------------------------
 */

#define ERROR_FILE_SIZE	 SUBID_ERROR_FILE_SIZE
#define ERROR_HIDER_SIZE 128

/* Adds a line of details, in front of what error_plain() will say. */
void error_detail(struct subid_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The answer, when the details say all.  Returns code. */
int error_code(struct subid_error *err, int code);

/* A process that is in the way, for programs. */
void error_process(struct subid_error *err, pid_t pid, const char *program);

/* --- list.c: what calls hand out -----------------------------------------------------
 */

struct subid_list {
	struct subid_row *rows;
	size_t n;
	char **texts; /* that rows point to */
	size_t n_texts;
};

/* A list with nothing in it, for subid_list_free(); NULL: out of memory. */
struct subid_list *list_new(void);

#define auto_list __attribute__((cleanup(subid_list_free)))

/* Adds a row, with copies of its owner, container and program.  0 or -ENOMEM. */
int list_add_row(struct subid_list *list, const struct subid_row *row, size_t owner_len);

/* Adds a row that has just an owner's name.  0 or -ENOMEM. */
int list_add_owner(struct subid_list *list, const char *name);

/* --- what a transaction is made of ---------------------------------------------------
 */

/* An owner, and what its containers may have. */
struct lease_owner {
	int answer; /* of the look before the locks: found, or why not, in error */
	struct subid_error error;
	bool read; /* and what the tables and the store say, with the locks */
	struct subid_owner owner;
	char *name; /* as it was asked for */
	struct subid_sets held;
	struct subid_sets avoid;    /* all of what follows */
	struct subid_sets others;   /* without what runtimes have written */
	struct subid_leases leases; /* of both stores */
	struct subid_runtime_state runtimes;
	size_t own_begin, own_end; /* of runtimes, those that the owner itself runs */
};

void lease_owner_free(struct lease_owner *owner);

/* A lease that was given, to be looked at again. */
struct lease_given {
	char *name; /* OWNER/NAME */
	enum subid_kind kind;
	struct id_range range;
};

/* What leases look at, for all owners. */
struct leasing {
	struct subid_users *users;
	struct subid_table tables[SUBID_KINDS];
	uint32_t session; /* whose rootless session is not in live; SUBID_ID_NONE */
	bool looked;
	struct subid_sets live;
	struct subid_unreadable unseen; /* of what runs, where no process is in it */
	struct homes homes;
	struct lease_owner **owners; /* that were looked at, the last one last */
	size_t n_owners;
	struct lease_owner *owner; /* who is asked for */
	bool open;	/* the store is, and the tables are read with its lock */
	uint32_t count; /* how many ids a container gets; 0: not read */
	struct lease_given *given;
	size_t n_given;
};

void leasing_free(struct leasing **leasing);

/* Ids that were taken back, to be looked at once the tables are written. */
struct release {
	char *name;		  /* of the owner, for messages */
	uint32_t session;	  /* whose rootless session does not count, or none */
	bool frees;		  /* held until nobody is at work with them */
	bool has_store;		  /* the owner's own store is to be looked at again */
	struct subid_owner owner; /* with has_store */
	struct subid_change *changes;
	size_t n;
};

/* A revocation that was looked at before the locks. */
struct prepared {
	char *owner;
	struct subid_request request;
	struct subid_change *lines; /* that it would take */
	size_t n;
	bool has_store;
	int r; /* the answer, and why if it is not 0 */
	struct subid_error *why;
};

/* What is the same for each of many owners, read once: see looked_leases(). */
struct looked {
	bool leases_read, shares_read;
	bool locked; /* the leases were read with the lock of root's store */
	struct subid_leases leases;
	struct subid_sets leased; /* their ids */
	struct subid_shares shares;
};

/* Of a file, to see whether it has been changed; inode 0: there is none. */
struct taken_facts {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

/* What is read before the locks, and again if a file of it has been changed. */
enum taken_part { TAKEN_POLICY, TAKEN_ACCOUNTS, TAKEN_LEASES };

#define TAKEN_WATCHED (8 + 3 * SUBID_ECONF) /* files */

struct subid_replacement;

/* Their spellings point into the transaction's users. */
struct handed {
	struct subid_owner from, to;
};

/* What the ledger has to do with a transaction. */
struct history {
	struct ledger_file ledger;
	enum ledger_about about; /* of which part the transaction's tables are */
	int why;		 /* 0; else why it cannot be used: -errno or SUBID_BUSY */
	bool writes;		 /* it is to be written */
	bool was_lost, was_old, was_damaged, was_set_back; /* to be said */
	enum ledger_door door;				   /* by which changes are made */
	struct ledger_digest running[SUBID_KINDS]; /* of the tables as they were read */
	uint64_t read[SUBID_KINDS];
	struct subid_sets seen;	   /* ids that lines have, or have had */
	struct subid_sets cleared; /* that were given back */
	struct handed *handed;	   /* all that one had is another's now */
	size_t n_handed;
	const struct history *of_tables; /* of leases: it has what was handed; or NULL */
	char **names;			 /* that news point to */
	size_t n_names;
};

/* A file that says what is to be told, open and locked as long as whoever wrote it, or
 * tells it, lives. */
struct untold_note {
	int fd; /* or -1 */
	char name[48];
};

/*
 * A transaction over the tables or over a store of leases.  One that subid_begin() has
 * begun may have another one in it: over a store.
 */
struct subid_txn {
	struct subid *sys; /* NULL: not begun by subid_begin() */
	unsigned int flags;
	int timeout_ms;
	int state;			   /* the directory of the ledger, or -1 */
	struct store store;		   /* of leases, once it is needed */
	struct subid_txn *leases;	   /* over that store, or NULL */
	struct subid_traced leases_traced; /* of its last commit */
	struct leasing *leasing;	   /* once a lease was asked for, or NULL */
	struct release *releases;
	size_t n_releases;
	struct subid_sets rested;    /* ids that are held since they were taken back */
	struct subid_sets unused;    /* of the ids of lines, when it was looked first */
	bool unused_hides;	     /* but something was hidden then */
	bool wrote, wrote_tables;    /* subid_commit() has */
	size_t n_grants;	     /* so many were asked for */
	bool unheld;		     /* ids were given back since taken was united */
	struct subid_change *result; /* of the last call of subid.h */
	size_t n_result;
	size_t n_lines; /* so many of that are of the tables; unhold's others of leases */
	char *result_owner;
	enum subid_state result_state;
	struct subid_list list; /* the same, handed out */
	struct subid_txn_options options;
	struct subid_lock *lock;
	struct subid_policy policy;
	struct subid_conf conf;
	struct subid_members members;
	void *known; /* known.c's */
	struct subid_users *users;
	struct subid_table tables[SUBID_KINDS];
	struct subid_sets accounts; /* and processes */
	struct subid_set unlisted;  /* uids of accounts that no source enumerates */
	bool warns_unlisted, warned_unlisted; /* it is to be, or was, said */
	struct subid_sets absent;   /* that do not exist in our user namespace */
	struct subid_live snapshot; /* of what runs, before the locks were taken */
	struct subid_sets live;
	struct subid_unreadable unseen;
	struct subid_sets before; /* what lines had: that may be hidden, or were gone when
				     the locks were taken */
	struct taken_facts facts[TAKEN_WATCHED];
	struct subid_users **old_users; /* that owners may point into */
	size_t n_old_users;
	struct subid_leased leased; /* with options.leased */
	struct subid_reservations reservations[SUBID_KINDS];
	struct subid_sets taken; /* all of it: nothing of this is given */
	struct subid_sets rests; /* with options.ledger: and what others have left */
	struct history history;
	struct subid_set hiding;   /* uids of who hides something, when it was sought */
	bool anyone_hides;	   /* also root, or somebody whom nobody knows */
	struct prepared *prepared; /* prepared.c's */
	size_t n_prepared, next_prepared;
	struct looked looked;	      /* likewise */
	struct subid_sets unjoined;   /* held in lines of their own: see holds.c */
	bool needs_ledger;	      /* all of it, which takes long: before the locks */
	bool wants_ledger;	      /* it was found under them that it is needed */
	bool broken;		      /* half changed: not to be committed */
	bool written[SUBID_KINDS];    /* by a commit: the file is not as it was read */
	bool lease_user;	      /* a store of leases, whose lines name no owner */
	struct subid_change *changes; /* of the last call */
	size_t n_changes;
	struct place_hint hint;
	/* the trace to be left; the names of its owners are in names */
	bool is_traced;
	struct subid_event *events;
	size_t n_events;
	struct subid_event *done; /* of a commit, if is_done: to be told */
	size_t n_done;
	bool is_done;
	struct untold_note note;    /* of that */
	struct untold_note *untold; /* of others, to be told in their stead */
	size_t n_untold;
	struct subid_names *names;
	struct subid_traced traced;
};

/* --- txn.c ---------------------------------------------------------------------------
 */

/* A transaction with nothing in it yet; NULL: out of memory. */
struct subid_txn *txn_new(void);

/* One that subid_begin() has not made into a whole one; the others are subid_abort()'s.
 */
#define auto_txn_alone __attribute__((cleanup(subid_txn_free)))

/* Adds to the changes that the call will hand out.  0 or -ENOMEM. */
int subid_txn_note(struct subid_txn *txn, enum subid_kind kind, struct id_range range);

/*
 * Ends a call that changes: hands out what was noted, with any answer; after a
 * failure in the middle, sees to it that nothing can be committed any more.
 * Returns r.
 */
int subid_txn_end_call(struct subid_txn *txn, int r, struct subid_changes *ret);

/*
 * The locks of the tables, for a transaction that takes them late (options.late): before
 * they are needed, what others are to be asked, and what runs, has been looked at.  Reads
 * what has changed meanwhile.  Nothing to do when they are had, or none are needed.
 * As subid_txn_begin() returns; and that, explained.
 */
int txn_lock(struct subid_txn *txn, struct subid_failure *failure) SUBID_WARN_UNUSED;
int txn_lock_tables(struct subid_txn *txn, struct subid_error *err) SUBID_WARN_UNUSED;

/* subid_txn_changed() */
static inline bool txn_is_changed(const struct subid_txn *txn)
{
	return txn->tables[SUBID_UID].changed || txn->tables[SUBID_GID].changed;
}

/* Gives them back, with nothing else. */
void txn_release_locks(struct subid_txn *txn);

/* Takes them and loads, as subid_txn_begin() does; with a dry run loads. */
int txn_lock_and_load(struct subid_txn *txn, struct subid_failure *failure);

/*
 * Gives them back for as long as something takes that others need not wait for; not if
 * something is changed in memory.  False: there is nothing to take again.
 */
bool txn_unlock(struct subid_txn *txn);

/* No commit any more: the locks go back.  Returns r. */
int txn_spoil(struct subid_txn *txn, int r);

/* --- known.c: the name service, asked once and before the locks -----------------------
 */

/* subid_owner_find(), whose answer is kept, whatever it is. */
int known_owner(struct subid_txn *txn, const char *name,
		struct subid_owner *ret) SUBID_WARN_UNUSED;

/* subid_members_ask(), likewise. */
int known_in_group(struct subid_txn *txn, const struct subid_owner *owner,
		   const char *group) SUBID_WARN_UNUSED;

/* subid_users_name(), and with the locks what the local files say alone.  buf stays as it
 * is if nobody is known. */
void known_name(const struct subid_txn *txn, enum subid_kind kind, uint32_t id, char *buf,
		size_t size);

void known_free(struct subid_txn *txn);

/* --- hiders.c: whose ids something out of sight may have -------------------------------
 */

struct uses_look;

/*
 * Leaves in *unseen, of what live could not look into though no process is in it, what
 * may have one of the wanted ids: of users whose they are or were, and of root.  Of a
 * transaction over leases alone the session is their owner's.  0 or -errno.
 */
int hiders_of(const struct uses_look *look, const struct subid_live *live,
	      const struct subid_sets *wanted,
	      struct subid_unreadable *unseen) SUBID_WARN_UNUSED;

/* --- list.c: what a call of a transaction has done -----------------------------------
 */

/* Forgets the changes of the last call; who it is about now.  0 or -ENOMEM, explained. */
int txn_new_result(struct subid_txn *txn, const char *owner, enum subid_state state,
		   struct subid_error *err);

/* Adds changes to those that the call hands out.  0 or -ENOMEM. */
int txn_add_result(struct subid_txn *txn, const struct subid_changes *changes);

/* Adds a change for what each range of the set has in common with range; the caller frees
 * *ret.  0 or -ENOMEM. */
int changes_add_common(const struct subid_set *set, enum subid_kind kind,
		       struct id_range range, struct subid_change **ret, size_t *ret_n);

/* Has all that is taken been looked at?  More lines may have come meanwhile. */
bool changes_are_known(const struct subid_changes *taken,
		       const struct subid_changes *seen);

void result_free(struct subid_txn *txn);

/* --- trace.c -------------------------------------------------------------------------
 */

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

/* A commit has ended with r: what is to be told of it, once the locks are given back. */
void trace_note_commit(struct subid_txn *txn, int r);

/* Leaves the trace of that, if there is any. */
void trace_tell(struct subid_txn *txn);

/* Leaves the trace of what was refused with no commit behind it, and ends it. */
void subid_txn_trace_end(struct subid_txn *txn);

/* Leaves the trace of a request that was refused before the grant.  0 or -ENOMEM. */
int txn_refuse(struct subid_txn *txn, const struct subid_request *request,
	       const struct subid_owner *owner, int result);

/* --- untold.c: changes whose process may be killed before they are traced --------------
 */

/* Notes them, before they are written; what cannot be noted is changed all the same. */
void untold_write(struct subid_txn *txn);

/* They are made, or (r not 0) perhaps not.  Both under the locks. */
void untold_made(struct subid_txn *txn, int r);

/* They are traced. */
void untold_remove(struct subid_txn *txn);

/* Under the locks: finds what others, who are no more, have noted and done. */
void untold_find(struct subid_txn *txn);

/* Leaves the trace of that. */
void untold_tell(struct subid_txn *txn);

/* --- taken.c, conflict.c: what is not free, and who is in the way --------------------
 */

/*
 * Reads the policy and all that is not free: before the locks, for others wait for these
 * while a process, a home or a directory is looked at.  As subid_txn_begin() returns.
 */
int taken_look(struct subid_txn *txn, struct subid_failure *failure);

/*
 * Under the locks: reads the tables, and of the rest again what others have changed
 * meanwhile and is short to read; and unites it.  What runs is not looked at again: ids
 * come into a new map only by a line of the tables, or by root.
 */
int taken_load(struct subid_txn *txn, struct subid_failure *failure);

/* Reads the tables again, if others have changed them, and what the ledger says of them;
 * with or without the locks. */
int taken_catch_up(struct subid_txn *txn, struct subid_failure *failure);

/* --- settled.c: is another program at work in the tables without the locks? ----------
 */

/* A table beside its backup, at one moment. */
struct table_moment {
	bool written; /* somebody has it open for writing */
	bool marked;  /* it is as we have written it */
	uint64_t size, backup_size;
	int64_t age_ms;	    /* since it was changed; with size < backup_size */
	int64_t written_ms; /* between its birth and that; likewise */
};

enum settled { TABLE_SETTLED, TABLE_OPEN, TABLE_CHANGING };

enum settled table_settled(const struct table_moment *moment);

/* 0; -ESTALE: TABLE_OPEN or TABLE_CHANGING, with the reason in failure->place.why;
 * -errno. */
int settled_look(struct subid_txn *txn, struct subid_failure *failure);

/* The same, but waits for a second at most; not for under the locks. */
int settled_wait(struct subid_txn *txn, struct subid_failure *failure);

/* Seeks what is hidden as well, before the locks: ids are to be given back.  0, or -errno
 * with the file that it is about. */
int taken_search(struct subid_txn *txn, struct subid_failure *failure);

/* The same of the tables as they are by now: what was given back may be given again.
 * 0 or -ENOMEM. */
int taken_again(struct subid_txn *txn);

/* own.c: adds to txn->accounts who is not enumerated but shows in some other way; and,
 * with the sets united, an owner.  0 or -errno. */
int own_load(struct subid_txn *txn, struct subid_failure *failure);
int own_add(struct subid_txn *txn, const struct subid_owner *owner);

/* The ids that the caller's user namespace does not have, by its own maps.  0 or -ENOMEM.
 */
int own_find_absent(const struct subid_live *live, struct subid_sets *ret);

/* Warns, once, of accounts that no source enumerates, in a window. */
void own_warn_unlisted(struct subid_txn *txn);

/* Reads the tables alone.  0, or -errno with the file that it is about. */
int taken_load_tables(struct subid_txn *txn, struct subid_failure *failure);

/* Is a table still as it was read?  0 or -errno. */
int history_is_as_read(const struct subid_txn *txn, enum subid_kind kind, bool *ret);

/* Who is in the way of a range; SUBID_TAKEN or -errno. */
int taken_explain(const struct subid_txn *txn, const char *name,
		  struct subid_change change, struct subid_error *err);

/* Names who has ids of the owner's range, at most a few.  How many were named. */
size_t lease_owner_explain(const struct subid_txn *txn, const char *what,
			   enum subid_kind kind, struct id_range range,
			   struct subid_error *err);

/* Parts of uses_check(), for more than one owner.  As it returns; uses_sets(): the ids of
 * changes, to be freed also after a failure; uses_unseen(): r, explained. */
int uses_sets(const struct subid_changes *changes, struct subid_sets *ret);
int uses_pending(const struct uses_look *look, const struct subid_sets *wanted,
		 struct subid_error *err);
int uses_find(const struct uses_look *look, const struct subid_live *live,
	      const struct subid_sets *wanted, struct subid_use **ret, size_t *ret_n);
int uses_live(const struct uses_look *look, const struct subid_live *live,
	      const struct subid_sets *wanted, struct subid_error *err);
int uses_seen(const struct uses_look *look, const struct subid_unreadable *unseen,
	      struct subid_error *err);
int uses_unseen(struct subid_error *err, const char *name, int r);

#define USES_HELD "taken back, but the ids are held: 'subid unhold' frees them"

/* Who is about to lose ids. */
struct uses_look {
	struct subid_txn *txn;
	struct subid *sys; /* with /proc open */
	const char *name;  /* for messages */
	uint32_t session;  /* whose rootless session does not count, or SUBID_ID_NONE */
	uint32_t heir;	   /* who gets the ids, and may hide what he likes; likewise */
	bool reuse;	   /* the ids may be given again at once: nothing may be hidden */
	bool done;	   /* they are taken back and held by now */
	bool always;	   /* reuse, which is no option here */
	bool forced;	   /* whatever uses them is named, and loses them */
};

/* held.c: the ids that lines have which hold, sorted.  0 or -ENOMEM. */
int held_in(const struct subid_table *table, struct subid_set *ret);

/* Looks at what uses the held ids of a request, without the locks, and then takes
 * these; with SUBID_PREPARE, also at ids of lines, and keeps what comes of it.  0;
 * SUBID_IN_USE; -errno; explained. */
int held_check(struct subid_txn *txn, const struct subid_request *request,
	       struct subid_error *err);

/* What was in the way, and is overridden by --force: a warning.  0, or -ENOMEM. */
int uses_overridden(const struct subid *sys, int r, const struct subid_error *why);

/* name: for messages; session, reuse: as above. */
struct uses_look uses_look_of(struct subid_txn *txn, const char *name, uint32_t session,
			      bool reuse);

/*
 * Refuses, naming them, while processes use the ids, or are about to: a range pulled
 * from under a running container would go to the next with its files.  0; SUBID_IN_USE;
 * -errno: it cannot be seen.
 */
int uses_check(const struct uses_look *look, const struct subid_changes *changes,
	       struct subid_error *err);

/*
 * The same for the first of perhaps many owners of a transaction: one look, without the
 * locks, finds what nothing uses for all of them, as a look takes as long for one owner
 * as for a thousand.
 */
int uses_check_first(struct subid_txn *txn, const struct uses_look *look,
		     const struct subid_changes *changes, struct subid_error *err);

/* --- history.c: the ledger, beside a transaction; without options.ledger, nothing ----
 */

/* How failures name it. */
#define HISTORY_FILE SUBID_STATEDIR "/" LEDGER_FILE

void history_free(struct history *history);

/* What the ledger knows of the transaction's tables. */
static inline const struct ledger_part *history_part(const struct subid_txn *txn)
{
	return &txn->history.ledger.parts[txn->history.about];
}

static inline const struct ledger_list *history_known(const struct subid_txn *txn,
						      enum subid_kind kind)
{
	return &history_part(txn)->ledger.of[kind];
}

/* Opens the ledger, if it can.  0 or -errno. */
int history_open(struct subid_txn *txn);

/* Whose ids of a range were last, piece by piece: the entry at *from, and *from moves
 * behind it; NULL and the ids before the next if nobody's.  Count 0 at the end. */
struct id_range history_piece(const struct subid_txn *txn, enum subid_kind kind,
			      struct id_range range, uint64_t *from,
			      const struct ledger_entry **ret);

/* Looks at what has come and gone since the last look, once the tables are read.  0, or
 * -errno with the file that it is about. */
int history_look(struct subid_txn *txn, struct subid_failure *failure);

/* Is it not known which ids are free of hidden namespaces?  Then they are to be sought,
 * and ids that have been anybody's are not given unasked. */
bool history_is_blind(const struct subid_txn *txn);

/* Adds what is somebody's or left to what is known, also what could not be written.  0 or
 * -ENOMEM. */
int history_keep_seen(struct history *history, const struct ledger_news *news);

/* sought.c: what is hidden has been sought, since the ledger's record known was the last:
 * finds who hides something, and writes it down, unless it may have anybody's ids.  0 or
 * -ENOMEM. */
int sought_note(struct subid_txn *txn, uint64_t known);

/* Why nothing may be taken away or given back without the ledger: -errno; 0: it may. */
int history_refuses(const struct subid_txn *txn);

/* The stamps of the backup tables, into news. */
void history_stamp_backups(const struct subid_txn *txn, struct ledger_news *news);

/* Finds the uids of owners who have come, as long as they are few. */
void history_find_uids(const struct subid_txn *txn, struct ledger_list *list);

/* What lines of one kind give now, beside the ledger, into news.  0 or -errno. */
int history_compare_table(const struct subid_txn *txn, enum subid_kind kind,
			  enum ledger_door door, struct ledger_news *news);

/* Are these the nanoseconds of the time that history_mark() gives such bytes? */
bool history_is_mark(const struct subid_text *text, long nsec);

/* Marks a table that is about to be written, after history_write(). */
void history_mark(const struct subid_txn *txn, enum subid_kind kind,
		  struct subid_replacement *draft);

/* Says that nothing is taken back without the ledger.  Returns r. */
int history_is_missing(struct subid_error *err, const struct subid *sys, int r);

/* Says what has become of ledger and tables, or leases, since they were looked at last.
 */
void history_warn(const struct subid *sys, const struct subid_txn *txn);
void history_warn_leases(const struct subid *sys, const struct subid_txn *txn,
			 struct subid_txn *leases);

/* The name of a lease, "OWNER/NAME", if it is one of an owner: where NAME begins. */
const char *lease_name_of(const struct subid_owner *owner, const char *text, size_t len);

/* "NEW/NAME" for "OLD/NAME", the transaction's; *ret_len: its length.  NULL: out of
 * memory. */
const char *lease_renamed(struct subid_txn *txn, const struct subid_owner *new_owner,
			  const char *name, size_t len, size_t *ret_len);

/* Is there something to be written that the tables do not show? */
bool history_has_more(const struct subid_txn *txn);

/* Writes what will be committed, durably, before the tables are replaced; then
 * history_done().  0, or -errno: nothing may be changed. */
int history_write(struct subid_txn *txn) SUBID_WARN_UNUSED;

/* The tables are replaced now, or not. */
void history_done(struct subid_txn *txn, bool changed);

/* Writes the ledger anew if it has grown too long; without the tables' locks. */
void history_compact(struct subid_txn *txn);

/* --- left.c --------------------------------------------------------------------------
 */

/* Are the ids of a range the owner's to have again, or left by nobody else, or may they
 * be given all the same?  0; SUBID_TAKEN; -errno. */
int left_check(struct subid_txn *txn, const struct grant_request *request,
	       enum subid_kind kind, struct id_range range);

/* Is there no room for count ids in a window but for what others have left? */
bool left_in_way(const struct subid_txn *txn, enum subid_kind kind,
		 struct id_range window, uint32_t count);

/* Why a window has no gap; bounds, source: what it is called, and the file it is of. */
void room_explain(const struct subid_txn *txn, const char *name, enum subid_kind kind,
		  struct id_range window, uint32_t count, const char *bounds,
		  const char *source, struct subid_error *err);

/* Warns of lines that look like those of an owner and are not. */
void broken_warn(const struct subid_txn *txn, const struct subid_owner *owner,
		 const char *name);

/* Why none of these is given: a detail. */
void left_explain(const struct subid_txn *txn, const char *name,
		  const struct grant_request *request, enum subid_kind kind,
		  const char *window, struct subid_error *err);

/* places_in_gap() among what others have left, the oldest first, if they may be given. */
int left_places(struct subid_txn *txn, const struct grant_request *request,
		struct place places[SUBID_KINDS]);

/* --- grant.c, request.c --------------------------------------------------------------
 */

/* The spelling that policy wants in the table, and that no reader takes for another. */
const struct subid_owner_name *subid_txn_line_owner(const struct subid_txn *txn,
						    const struct subid_owner *owner,
						    enum subid_kind kind);

/* Would every reader see the lines, and as the owner's?  0 or SUBID_INVALID. */
int subid_txn_check_owner(const struct subid_txn *txn, const struct subid_owner *of);

/* Finds who is to be given something: 0 when the owner may have ranges; else why not,
 * explained. */
int request_find_owner(struct subid_txn *txn, const struct subid_request *request,
		       struct subid_owner *ret, struct subid_error *err);

/* Is it one that this library understands?  0, or -EINVAL, explained. */
int request_check(const struct subid_request *request, struct subid_error *err);

/* Both kinds if none is named. */
static inline unsigned int request_kinds(const struct subid_request *request)
{
	return request->kinds == 0 ? SUBID_BOTH_KINDS : request->kinds;
}

static inline bool request_has(const struct subid_request *request, unsigned int flag)
{
	return (request->flags & flag) != 0;
}

/* Why a grant was refused: SUBID_FULL, SUBID_OFF, SUBID_FORBIDDEN or SUBID_INVALID. */
int grant_refused(struct subid_txn *txn, const char *name,
		  const struct grant_request *request, int answer,
		  struct subid_error *err);

/* --- store.c, leases.c: where leases are ---------------------------------------------
 */

/* --- home_reader.c -------------------------------------------------------------------
 */

/* One child for many homes, at *reader, which stays NULL when out of memory; and its end.
 */
void home_reader_make(struct home_reader **reader);
void home_reader_free(struct home_reader **reader);

/* Reads the store below home: see subid_lease_open_user().  0, and the caller frees the
 * text; what child_run() and subid_text_read_max() fail with. */
int home_read_store(const char *home, uint32_t uid, struct homes *homes,
		    struct home_store *ret);

/* What could not be read is named by a whole path: beneath dir. */
void runtimes_name_below(struct subid_runtime_state *state, const char *dir);

/* subid_runtime_read() of what the user's runtimes have written down below home; of
 * place dir is set here, and what could not be read is named by a whole path.  A home
 * that is not there has nothing. */
int home_read_runtimes(const char *home, const struct subid_runtime_place *place,
		       struct homes *homes, struct subid_runtime_state *state);

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
 * Opens root's store to lock it, and makes it if there is none, since without a directory
 * there is no lock.  None only where nobody can make one, and for an ordinary user, who
 * changes no table.
 */
int store_open_lockable(const struct subid *sys, struct store *ret,
			struct subid_error *err);

/* Begins a transaction over the store; *ret stays as it is if there is no store. */
int store_begin(const struct store *store, const struct subid_txn *txn,
		struct subid_txn **ret, struct subid_error *err);

/* Reads the files of the store that a transaction is over.  0 or -errno. */
int store_load_tables(struct subid_txn *txn, struct subid_failure *failure);

/* Explains what a transaction over a store failed with.  Returns r. */
int store_failure(struct subid_error *err, const struct store *store, int r,
		  const struct subid_failure *failure);

/* The same of what its last change has taken away. */
int store_before(const struct store *store, struct subid_sets *ret);

/* How a store is opened for a transaction. */
enum txn_store {
	TXN_STORE_READ,	  /* if there is one */
	TXN_STORE_CREATE, /* made if there is none */
	TXN_STORE_LOCK,	  /* root's, to keep others from making leases */
};

/* Opens and locks the store that the caller changes; at most once.  0, or explained. */
int txn_open_store(struct subid_txn *txn, enum txn_store how, struct subid_error *err);

/* --- lease_request.c ---------------------------------------------------------------- */

/* subid_lease(); restore: what the container had. */
int lease_ask(struct subid_txn *txn, const struct subid_request *request, bool restore,
	      struct subid_error *err);

/* --- lease_history.c: leases, and what the ledger says of containers that had some ---
 */

/* Adds what no lease may have while there is anything else, unless it may be reused. */
int lease_left_add(struct subid_txn *txn, const struct subid_lease_request *request,
		   enum subid_kind kind, struct subid_set *ret);

/* Is range the container's to have again, or left by no other, or to be reused?  0;
 * SUBID_TAKEN; -errno. */
int lease_left_check(struct subid_txn *txn, const struct subid_lease_request *request,
		     enum subid_kind kind, struct id_range range);

/* Says whose containers had ids of range, as details.  How many were named. */
size_t lease_left_explain(const struct subid_txn *leases, const char *what,
			  enum subid_kind kind, struct id_range range,
			  struct subid_error *err);

/*
 * Finds what a container had once, of the range of the request, and has no more, and
 * takes it out of what is held in the store.  0; SUBID_ABSENT: nothing; -errno.
 */
int lease_former(struct subid_txn *leases, const struct subid_lease_request *request,
		 struct subid_sets *ret);

/* Takes ids out of the lines that hold them since they were released.  0 or -ENOMEM. */
int restore_from_hold(struct subid_txn *txn, enum subid_kind kind,
		      const struct subid_set *ids);

/* --- lease_owner.c ------------------------------------------------------------------ */

/* Are the tables as they were read for leases last? */
bool leasing_is_as_read(const struct subid_txn *txn);

/* Reads the accounts, and the tables as they are without the locks. */
int leasing_begin(struct subid_txn *txn, struct subid_error *err);

/*
 * Reads the tables, which are left as they were read last.  Under the store's lock, so
 * that subid_revoke() cannot take meanwhile what root leases.
 */
int leasing_load_tables(struct subid_txn *txn, struct subid_error *err);

/*
 * Finds the owner, and looks at what takes long: what runs, what runtimes have written
 * down, the owner's home; no lock is needed.  What comes of it is said by
 * lease_owner_find().  0, or -ENOMEM, explained.
 */
int lease_owner_look(struct subid_txn *txn, const char *name, size_t len,
		     struct subid_error *err);

/* Has the owner that was looked at last, or asked for, the lines that it had then? */
bool lease_owner_is_as_looked(const struct subid_txn *txn);

/* Whose rootless session is none of the others that use ids; SUBID_ID_NONE. */
uint32_t lease_owner_session(const struct lease_owner *owner);

/* That, unless it is done, and what the tables and the store say, into
 * txn->leasing->owner. */
int lease_owner_find(struct subid_txn *txn, const char *name, size_t len,
		     struct subid_error *err);

/*
 * What a container is given by range must avoid, added to ret: not what the owner's own
 * runtimes have written down for a container of that name, which is this one.
 * 0 or -ENOMEM.
 */
int lease_owner_avoid_but(const struct lease_owner *owner, const char *name,
			  struct subid_sets *ret);

/* --- lease_look.c --- */

/* Looks at what runs, for that owner, the session of that user apart: it is what takes
 * the longest, and a lease that is made meanwhile is in the store.  0; else explained. */
int lease_look(struct subid_txn *txn, const struct lease_owner *owner, uint32_t session,
	       struct subid_error *err);

/* Refuses what records in the owner's home that could not be read, or make no sense,
 * concern: the owner's ids. */
int lease_check_home(const struct subid_txn *txn, const struct lease_owner *owner,
		     struct subid_error *err);

/* --- prepared.c --- */

void prepared_free(struct subid_txn *txn);

/* What was kept of the request: true, and ret (0, or a failure that err explains). */
bool prepared_find(struct subid_txn *txn, const struct subid_request *request,
		   const struct subid_changes *lines, bool *ret_has_store,
		   struct subid_error *err, int *ret);

/* Keeps what came of looking; 0 or -ENOMEM. */
int prepared_keep(struct subid_txn *txn, const struct subid_request *request,
		  const struct subid_changes *lines, bool has_store, int r,
		  const struct subid_error *why);

/*
 * Root's leases into txn->looked, unless they are there already; locked: the store that
 * the transaction has opened with its lock, under which they are read once more; or NULL.
 * looked.leases_read stays false where root's store is no business of the caller's.
 * looked_shares(): the records of shares.  0, or explained.
 */
int looked_leases(struct subid_txn *txn, const struct store *locked,
		  struct subid_error *err);
int looked_shares(struct subid_txn *txn, struct subid_error *err);

/* How many leases have ids of changes, which details name: of all that were read, or of
 * these. */
size_t looked_name_leases(const struct subid_txn *txn,
			  const struct subid_changes *changes, struct subid_error *err);
size_t leases_name(const struct subid_leases *leases, const struct subid_changes *changes,
		   struct subid_error *err);

/* What was read is old by now. */
void looked_free(struct subid_txn *txn);

/* --- rests.c -------------------------------------------------------------------------
 */

/* Whose ids were that rest, in words for a message. */
struct rests_text {
	char owner[128];   /* "" if not known */
	char had[224];	   /* "alice had them until 2026-11-30T10:00:00Z" */
	char restore[320]; /* "'subid grant --restore alice' gives ..., ", or "" */
};

/* Of the first of the ids; rests_read() before makes known all that there is. */
void rests_print(const struct subid_txn *txn, enum subid_kind kind, struct id_range ids,
		 struct rests_text *ret);
void rests_read(struct subid_txn *txn);

/* All of the ledger, under the locks perhaps: 0 or -errno; -ESTALE, and the call fails,
 * but breaks nothing: it is to be read before them, which txn_lock() does then. */
int rests_need(struct subid_txn *txn);

/* --- shares.c ----------------------------------------------------------------------- */

/*
 * Refuses to take ids back that a store of shared files has, even by force; or, unless
 * forced, those of an owner for whom one is mounted, or of its container.  container
 * NULL: the owner and all its containers.  known NULL: the records are read.
 * shares_name_mounts(): what is mounted alone.
 * 0; SUBID_IN_USE, explained; -errno.
 */
int shares_name_mounts(const struct subid *sys, const struct subid_shares *known,
		       const struct subid_owner *owner, const char *container,
		       struct subid_error *err);
int shares_check(const struct subid *sys, const struct subid_shares *known,
		 const struct subid_changes *changes, const struct subid_owner *owner,
		 const char *container, bool force, struct subid_error *err);

/* Refuses an owner whose name records of stores have, as theirs or as whom one is mounted
 * for.  0; SUBID_IN_USE, explained; -errno. */
int shares_check_rename(const struct subid *sys, const struct subid_owner *owner,
			struct subid_error *err);

/* --- holds.c: ids that no entry has are held.  0 or -errno -------------------------
 */

int holds_add(struct subid_table *table, const char *holder, const struct subid_set *ids);

/* What was taken back; holds_join() is called before it is written. */
int holds_rest(struct subid_txn *txn, enum subid_kind kind, const struct subid_set *ids);
int holds_join(struct subid_txn *txn);

/* --- release.c -----------------------------------------------------------------------
 */

/* What lines of the owner have of the ids of a request, one change for each line, added;
 * the caller frees *ret.  0 or -errno. */
int release_find_lines(const struct subid_txn *txn, const struct subid_owner *owner,
		       const struct subid_request *request, struct subid_change **ret,
		       size_t *ret_n);

/* Keeps it, and what it has, until the commit.  0 or -ENOMEM. */
int release_keep(struct subid_txn *txn, struct release *release,
		 const struct subid_changes *changes);

/* The state of what was taken, for who asks. */
enum subid_state release_state(const struct subid_request *request);

/* With reuse ids are held first, unless nobody can be at work with them, or it is
 * forced. */
bool release_frees_later(const struct subid_txn *txn,
			 const struct subid_request *request);

/* The look at ids that were taken back, once the tables are written. */
int releases_look_again(struct subid_txn *txn, struct subid_error *err);
void releases_free(struct subid_txn *txn);
