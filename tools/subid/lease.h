/* SPDX-License-Identifier: MIT */
/*
 * Leases on the command line: "OWNER/NAME" in place of an owner.
 */
#pragma once

#include "tools/subid/cli.h"
#include "tools/subid/home.h"
#include "tools/subid/rows.h"

/* A store of leases, see libsubid/change/change.h. */
struct cli_store {
	struct cli cli;	  /* the call's, with the store as its directory: for messages */
	int fd;		  /* -1: there is none (yet), or it is not open */
	const char *user; /* whose; NULL: root's */
	struct cli_home_store read; /* another user's is not open, but was read */
};

/* Is there one? */
bool cli_store_exists(const struct cli_store *store);

void cli_store_close(struct cli_store *store);

#define auto_store __attribute__((cleanup(cli_store_close)))

/*
 * Opens the store that the caller changes: root's, an image's with --root, or the
 * caller's own.  create: makes it if there is none.  The status, after a complaint.
 */
int cli_store_open(const struct cli *cli, bool create, struct cli_store *ret);

/*
 * Opens root's store to lock it, and makes it if there is none, since without a directory
 * there is no lock.  None only where nobody can make one, and for an ordinary user, who
 * changes no table.  The status, after a complaint.
 */
int cli_store_open_lockable(const struct cli *cli, struct cli_store *ret);

/* Opens the store that the caller does not change, but has to keep off: the owner's
 * own for root, root's for anybody else.  The status, after a complaint. */
int cli_store_open_other(const struct cli *cli, const struct subid_owner *owner,
			 struct cli_homes *homes, struct cli_store *ret);

/* The same two without a complaint, for looking.  0, also if there is none; -errno,
 * for cli_home_error(), with the store's name in ret->cli.etc_name. */
int cli_store_find(const struct cli *cli, struct cli_store *ret);
int cli_store_find_other(const struct cli *cli, const struct subid_owner *owner,
			 struct cli_homes *homes, struct cli_store *ret);

/* Begins a transaction over the caller's store; *ret stays as it is if there is no store.
 * The status, after a complaint. */
int cli_store_begin(const struct cli_store *store, bool dry_run, struct subid_txn **ret);

/* Adds the leases of a store, if there is one.  name: how the owner of a user's store is
 * called, which must live as long as *leases.  0 or -errno. */
int cli_store_leases(const struct cli_store *store, const char *name,
		     struct subid_leases *leases);

/* A file of a store as a table, empty if it is not there; the caller frees it.  Of a
 * user's store that root has read, the file of that name does not matter: there is one
 * reading of it, and no backup.  0 or -errno. */
int cli_store_load(const struct cli_store *store, enum subid_kind kind, const char *name,
		   struct subid_table *ret);

/* Adds all ids that any line of a store has, also what rests.  0 or -errno. */
int cli_store_taken(const struct cli_store *store, struct subid_sets *ret);

/* The same of what its last change has taken away. */
int cli_store_before(const struct cli_store *store, struct subid_sets *ret);

/* An owner, and what its containers may have. */
struct cli_lessor {
	struct subid_owner owner;
	char *name; /* as it was asked for */
	struct subid_sets held;
	struct subid_sets avoid;    /* all of what follows */
	struct subid_sets others;   /* without what runtimes have written */
	struct subid_leases leases; /* of both stores, when loaded */
	struct subid_runtime_state runtimes;
	size_t own_begin, own_end; /* of runtimes, those that the owner itself runs */
};

void cli_lessor_free(struct cli_lessor *lessor);

/* What all owners have in common. */
struct cli_leasing {
	struct cli *cli;
	struct cli_store store;
	int etc, proc; /* proc -1: nothing runs */
	struct subid_users *users;
	struct subid_table tables[SUBID_KINDS];
	uint32_t session; /* whose rootless session is not in live, or CLI_NO_SESSION */
	struct subid_sets live;
	struct subid_unreadable unseen; /* of what runs, where no process is in it */
	struct cli_homes homes;
};

void cli_leasing_free(struct cli_leasing *leasing);

/* Looks what runs, the session of that user apart.  The status, after a complaint. */
int cli_leasing_look(struct cli_leasing *leasing, uint32_t session);

/*
 * Reads the tables, which are left as they were read last.  Under the store's lock, so
 * that 'subid revoke' cannot take meanwhile what root leases.  The status, after a
 * complaint.
 */
int cli_leasing_load(struct cli_leasing *leasing);

/* Finds the owner and reads what has a say, *ret zeroed.  The status, after a
 * complaint. */
int cli_lessor_find(struct cli_leasing *leasing, const char *name, size_t len,
		    struct cli_lessor *ret);

/*
 * What a container is given by name must keep off, added to ret: not what the owner's
 * own runtimes have written down for a container of that name, which is this one.
 * 0 or -ENOMEM.
 */
int cli_lessor_avoid_but(const struct cli_lessor *lessor, const char *name,
			 struct subid_sets *ret);

/* Says who has ids of the owner's range, at most a few.  how many were said. */
size_t cli_lessor_explain(const struct cli_leasing *leasing,
			  const struct cli_lessor *lessor, const char *what,
			  enum subid_kind kind, struct id_range range);

/*
 * Looks once more into the other stores and the tables, after the n rows have been
 * committed with txn: if one of those that are new meets what is there now, or its owner
 * does not hold it any more, all new ones are taken back, and *ret_raced is true.  The
 * status.
 */
int cli_lease_check_race(struct cli_leasing *leasing, struct subid_txn *txn,
			 const struct range_row *rows, size_t n, bool *ret_raced);

/* The state of a row that was given just now. */
#define CLI_STATE_NEW "new"

/* What subid grant shall do for containers. */
struct cli_lease_grant {
	unsigned int kinds;
	uint32_t count;
	struct id_range range;
	bool another, own, dry_run;
};

/* Grants for the n names "OWNER/NAME", terminated, one behind the other: the status. */
int cli_lease_grant(struct cli *cli, const struct cli_lease_grant *grant,
		    const char *names, size_t n);

/* A lease that was refused. */
struct cli_lease_refusal {
	const struct cli_leasing *leasing;
	const struct cli_lessor *lessor;
	unsigned int kinds;
	uint32_t count;
};

/* Says why: SUBID_FULL, SUBID_DENIED, SUBID_TAKEN of subid_lease_grant(); the status. */
int cli_lease_refused(const struct cli_lease_refusal *refusal, const char *name,
		      int answer, const struct subid_changes *changes);

struct cli_lease_revoke {
	unsigned int kinds;
	struct id_range range;
	bool reuse, force, own, dry_run;
};

int cli_lease_revoke(struct cli *cli, const struct cli_lease_revoke *revoke,
		     const char *name);

/* Ids that are taken from an owner. */
struct cli_taking {
	struct cli *cli;
	const struct subid_owner *owner;
	const struct subid_changes *changes;
	bool force, dry_run;
	bool looks_again; /* the owner's own store can be looked at: set by the first */
};

/*
 * Refuses, naming them, to take ids from an owner out of which containers have leases:
 * anybody's in root's store, or in the owner's own, unless force is set.  Keeps the store
 * locked, so that no lease is made meanwhile, until *ret_lock is freed.
 */
int cli_leases_allow(struct cli_taking *taking, struct subid_txn **ret_lock);

/*
 * The second look, once the lines are gone and the ids rest: at the owner's own store,
 * whose lock is not taken (see lib_lease_race.c).  Names what has been leased meanwhile;
 * the status is EXIT_NO then if the ids are to be freed (frees), which must not be done.
 */
int cli_leases_look_again(const struct cli_taking *taking, bool frees);

/*
 * Prints the leases of an owner, both stores', or of one container of it (name not
 * NULL), of the kinds.  *ret_n: how many.  The status.
 */
int cli_leases_list(struct cli *cli, struct rows *output, struct cli_homes *homes,
		    const struct subid_owner *owner, const char *name, unsigned int kinds,
		    size_t *ret_n);

/*
 * Gives back what rests of range in a store: *ret has it, until *ret_txn, NULL if there
 * is no store, is freed.  The caller commits and frees it.  The status.
 */
int cli_leases_unhold(struct cli_store *store, unsigned int kinds, struct id_range range,
		      bool dry_run, struct subid_txn **ret_txn,
		      struct subid_changes *ret);

/* Warns of what runtimes have written down and could not be read, if there is any; with
 * -q too: an id that may be given twice is no remark. */
void cli_warn_of_unread(const struct subid_runtime_state *state);
