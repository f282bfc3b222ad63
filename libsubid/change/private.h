/* SPDX-License-Identifier: MIT */
#pragma once

#include "libsubid/accounts/accounts.h"
#include "libsubid/change/change.h"
#include "libsubid/core/range.h"
#include "libsubid/policy/policy.h"
#include "libsubid/trace/trace.h"

/* What the files of this folder share. */

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
};

/* Opens /proc, on a host.  0, or -errno, explained. */
int system_proc(struct subid *sys, struct subid_error *err);

/* What a transaction's options are, once system_proc() is done. */
struct subid_txn_options system_options(const struct subid *sys, unsigned int flags,
					int timeout_ms);

/* Hands a warning to the caller, if it wants them. */
void system_warn(const struct subid *sys, enum subid_note note, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void system_warn_error(const struct subid *sys, enum subid_note note,
		       const struct subid_error *err);

/* Warns of who hides namespaces, if anybody does, when ids are given all the same. */
void system_warn_hidden(const struct subid *sys, const struct subid_unreadable *unseen);

/* Warns of what runtimes have written down and could not be read, if there is any; above:
 * of what lies beneath a directory, as messages name it. */
void system_warn_unread(const struct subid *sys, const char *above,
			const struct subid_runtime_state *state);

/* --- place.c: where there is room --------------------------------------------------- */

/* One kind. */
struct place {
	bool asked;
	bool needed;	/* asked, and not there yet */
	uint32_t count; /* how many ids there should be; 0: none */
	struct id_range window;
	const struct subid_set *has;   /* ids that are there */
	const struct subid_set *taken; /* sorted: not free */
	const struct subid_set *also;  /* nor these, which lie in no window; or NULL */
	struct subid_set gives;	       /* what was found */
};

void places_free(struct place places[SUBID_KINDS]);

/* Which kinds are needed. */
void places_need(struct place places[SUBID_KINDS], bool another);

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

/* --- what a transaction is made of ---------------------------------------------------
 */

struct subid_list {
	struct subid_row *rows;
	size_t n;
	char **texts; /* that rows point to */
	size_t n_texts;
};

/* An owner, and what its containers may have. */
struct lease_owner {
	bool found;
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
	struct subid_sets live;
	struct subid_unreadable unseen; /* of what runs, where no process is in it */
	struct homes homes;
	struct lease_owner owner; /* the last */
	uint32_t count;		  /* how many ids a container gets; 0: not read */
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

/*
 * A transaction over the tables or over a store of leases.  One that subid_begin() has
 * begun may have another one in it: over a store.
 */
struct subid_txn {
	struct subid *sys; /* NULL: not begun by subid_begin() */
	unsigned int flags;
	int timeout_ms;
	struct store store;	  /* of leases, once it is needed */
	struct subid_txn *leases; /* over that store, or NULL */
	struct leasing *leasing;  /* once a lease was asked for, or NULL */
	struct release *releases;
	size_t n_releases;
	bool wrote, wrote_tables;    /* subid_commit() has */
	size_t n_grants;	     /* so many were asked for */
	struct subid_change *result; /* of the last call of subid.h */
	size_t n_result;
	char *result_owner;
	enum subid_state result_state;
	struct subid_list list; /* the same, handed out */
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
	struct place_hint hint;
	/* the trace to be left; the names of its owners are in names */
	bool is_traced;
	struct subid_event *events;
	size_t n_events;
	size_t events_room;
	struct subid_names *names;
	struct subid_traced traced;
};

/* Reads all that is not free.  As subid_txn_begin() returns. */
int taken_load(struct subid_txn *txn, struct subid_failure *failure);

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

/* The answer, when the details say all.  Returns code. */
int error_code(struct subid_error *err, int code);

/* A process that is in the way, for programs. */
void error_process(struct subid_error *err, pid_t pid, const char *program);

/* A transaction with nothing in it yet; NULL: out of memory. */
struct subid_txn *txn_new(void);

/* --- whole.c: what subid_begin() begins
 * -------------------------------------------------------------------------- */

/* Forgets the changes of the last call; who it is about now.  0 or -ENOMEM, explained. */
int txn_new_result(struct subid_txn *txn, const char *owner, enum subid_state state,
		   struct subid_error *err);

/* Adds changes to those that the call hands out.  0 or -ENOMEM. */
int txn_add_result(struct subid_txn *txn, const struct subid_changes *changes);

/* A copy of a text that is the list's; NULL: out of memory. */
const char *list_text(struct subid_list *list, const char *text, size_t len);

/* Adds a row that has just an owner's name.  0 or -ENOMEM. */
int list_add_owner(struct subid_list *list, const char *name);

/* No commit any more.  Returns r. */
int txn_spoil(struct subid_txn *txn, int r);

/* How a store is opened for a transaction. */
enum txn_store {
	TXN_STORE_READ,	  /* if there is one */
	TXN_STORE_CREATE, /* made if there is none */
	TXN_STORE_LOCK,	  /* root's, to keep others from making leases */
};

/* Opens and locks the store that the caller changes; at most once.  0, or explained. */
int txn_open_store(struct subid_txn *txn, enum txn_store how, struct subid_error *err);

/* Leaves the trace of a request that was refused before the grant.  0 or -ENOMEM. */
int txn_refuse(struct subid_txn *txn, const struct subid_request *request,
	       const struct subid_owner *owner, int result);

/* Is it one that this library understands?  0, or -EINVAL, explained. */
int request_check(const struct subid_request *request, struct subid_error *err);

/* Both kinds if none is named. */
unsigned int request_kinds(const struct subid_request *request);

bool request_has(const struct subid_request *request, unsigned int flag);

/* --- lease_owner.c ------------------------------------------------------------------ */

/* Reads the accounts, and looks at what runs for the owner name; no lock is needed. */
int leasing_begin(struct subid_txn *txn, const char *name, size_t len,
		  struct subid_error *err);

/*
 * Reads the tables, which are left as they were read last.  Under the store's lock, so
 * that subid_revoke() cannot take meanwhile what root leases.
 */
int leasing_load_tables(struct subid_txn *txn, struct subid_error *err);

/* Finds the owner and reads what has a say, into txn->leasing->owner. */
int lease_owner_find(struct subid_txn *txn, const char *name, size_t len,
		     struct subid_error *err);

/*
 * What a container is given by range must avoid, added to ret: not what the owner's own
 * runtimes have written down for a container of that name, which is this one.
 * 0 or -ENOMEM.
 */
int lease_owner_avoid_but(const struct lease_owner *owner, const char *name,
			  struct subid_sets *ret);

/* Names who has ids of the owner's range, at most a few.  How many were named. */
size_t lease_owner_explain(const struct subid_txn *txn, const char *what,
			   enum subid_kind kind, struct id_range range,
			   struct subid_error *err);

/*
 * The second look, once leases are written: if one meets what others have by now, all are
 * taken back: -EAGAIN, explained.
 */
int lease_second_look(struct subid_txn *txn, struct subid_error *err);

/* --- uses.c ------------------------------------------------------------------------- */

/* Who is about to lose ids. */
struct uses_look {
	struct subid *sys; /* with /proc open */
	const char *name;  /* for messages */
	uint32_t session;  /* whose rootless session does not count, or SUBID_ID_NONE */
	bool reuse;	   /* the ids may be given again at once: nothing may be hidden */
	bool done;	   /* they are taken back and held by now */
};

/*
 * Refuses, naming them, while processes use the ids, or are about to: a range pulled
 * from under a running container would go to the next with its files.  0; SUBID_IN_USE;
 * -errno: it cannot be seen.
 */
int uses_check(const struct uses_look *look, const struct subid_changes *changes,
	       struct subid_error *err);

/* The same of helpers alone that are about to map them, and of what is hidden. */
int uses_check_pending(const struct uses_look *look, const struct subid_changes *changes,
		       struct subid_error *err);
int uses_check_hidden(const struct uses_look *look, struct subid_error *err);

/*
 * Frees changes that txn has taken back, held and committed, after another look at what
 * uses them.  Threat: a helper that had read the line by then may have gone on meanwhile.
 */
int uses_free_held(struct subid_txn *txn, const struct uses_look *look,
		   const struct subid_changes *changes, struct subid_error *err);

/* --- release.c ---------------------------------------------------------------------- */

/* The look at ids that were taken back, once the tables are written. */
int releases_look_again(struct subid_txn *txn, struct subid_error *err);
void releases_free(struct subid_txn *txn);

/* --- request.c, taken.c ----------------------------------------------------------------
 */

/* Why a grant was refused: SUBID_FULL, SUBID_OFF, SUBID_FORBIDDEN or SUBID_INVALID. */
int grant_refused(struct subid_txn *txn, const char *name,
		  const struct grant_request *request, int answer,
		  struct subid_error *err);

/* Who is in the way of a range; SUBID_TAKEN or -errno. */
int taken_explain(const struct subid_txn *txn, const char *name,
		  struct subid_change change, struct subid_error *err);
