/* SPDX-License-Identifier: MIT */
/*
 * Leases taken back and listed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/lease.h"
#include "tools/subid/leases.h"

int cli_store_begin(const struct cli_store *store, bool dry_run, struct subid_txn **ret)
{
	struct subid_lease_options options = {
		.state = store->fd,
		.user = store->user,
		.dry_run = dry_run,
		.timeout_ms = SUBID_LOCK_PATIENCE_MS,
	};
	struct subid_failure failure;
	int r;

	if (store->fd < 0)
		return EXIT_DONE;
	r = subid_lease_begin(&options, ret, &failure);
	return r == 0 ? EXIT_DONE : cli_txn_failed(&store->cli, r, &failure);
}

static int print_changes(const struct cli_store *store, const char *name,
			 const struct subid_changes *changes, const char *state)
{
	struct rows *output = range_rows_open(&store->cli);

	if (output == NULL)
		return EXIT_UNABLE;
	for (size_t i = 0; i < changes->n; i++)
		range_rows_add(output, &(struct range_row){
					   .owner = name,
					   .owner_len = strlen(name),
					   .kind = changes->list[i].kind,
					   .range = changes->list[i].range,
					   .state = state,
				       });
	return rows_close(output);
}

/* Changes that outlive the transaction's next call. */
struct kept {
	struct subid_change *list;
	size_t n;
};

struct revocation {
	struct cli *cli;
	const struct cli_lease_revoke *asked;
	const char *name; /* OWNER/NAME */
	const struct subid_owner *owner;
	struct cli_store *store;
	struct subid_txn *tables; /* with --own; else NULL */
	int proc;		  /* -1: nothing runs, or that does not matter */
	struct kept leases;	  /* what went from the store */
	struct kept lines;	  /* what went from the tables */
};

static struct subid_changes changes_of(const struct kept *kept)
{
	return (struct subid_changes){ .list = kept->list, .n = kept->n };
}

/* The user whose rootless session does not count. */
static uint32_t session_of(const struct revocation *revocation)
{
	const struct subid_owner *owner = revocation->owner;

	return owner->has_account ? owner->uid : CLI_NO_SESSION;
}

/* Are the ids of lines held until it is seen that nobody is at work with them? */
static bool frees_later(const struct revocation *revocation)
{
	return revocation->tables != NULL && revocation->asked->reuse &&
	       !revocation->asked->dry_run && revocation->proc >= 0;
}

static int keep(struct kept *kept, const struct subid_changes *changes)
{
	struct subid_change *grown =
	    reallocarray(kept->list, kept->n + changes->n + 1, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < changes->n; i++)
		grown[kept->n++] = changes->list[i];
	kept->list = grown;
	return 0;
}

static int failed(const struct revocation *revocation, int r)
{
	return cli_complain(EXIT_UNABLE, "%s: %s", revocation->name, strerror(-r));
}

/* --own: the lines that were made for the container go with its lease. */
static int revoke_lines(struct revocation *revocation)
{
	bool reuse = revocation->asked->reuse && !frees_later(revocation);

	for (size_t i = 0; i < revocation->leases.n; i++) {
		const struct subid_change *change = &revocation->leases.list[i];
		struct subid_changes of_lines = { .n = 0 };
		int r =
		    subid_txn_revoke(revocation->tables, revocation->owner,
				     1U << change->kind, change->range, reuse, &of_lines);

		if (r >= 0) /* there may be none any more */
			r = keep(&revocation->lines, &of_lines);
		if (r < 0)
			return failed(revocation, r);
	}
	return EXIT_DONE;
}

/* The ids of one kind that went; held: that the tables hold now. */
static int collect(const struct kept *kept, enum subid_kind kind, bool held,
		   struct subid_set *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < kept->n; i++)
		if (kept->list[i].kind == kind && !(held && kept->list[i].shared))
			r = subid_set_insert(ret, kept->list[i].range);
	return r;
}

/*
 * --own: ids rest where their line went, and all others here.  Threat: a line that root
 * or usermod has taken away before holds nothing, so the next owner would get its ids.
 */
static int rest_here(struct revocation *revocation, struct subid_txn *txn)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set gone = { .n = 0 }, held = { .n = 0 };
		auto_set struct subid_set here = { .n = 0 };

		r = collect(&revocation->leases, kind, false, &gone);
		if (r == 0)
			r = collect(&revocation->lines, kind, true, &held);
		if (r == 0)
			r = subid_set_subtract(&gone, &held, &here);
		for (size_t i = 0; r == 0 && i < here.n; i++)
			r = subid_txn_rest(txn, kind, here.ranges[i]);
	}
	return r == 0 ? EXIT_DONE : failed(revocation, r);
}

static int revoke_own(struct revocation *revocation, struct subid_txn *txn)
{
	int status = revoke_lines(revocation);

	if (status != EXIT_DONE || revocation->asked->reuse)
		return status;
	return rest_here(revocation, txn);
}

static int free_lines(const struct revocation *revocation)
{
	const struct subid_changes lines = changes_of(&revocation->lines);

	return cli_free_held(revocation->cli, revocation->tables, revocation->proc,
			     session_of(revocation), revocation->name, &lines);
}

/* Takes the lease out of the store, in memory; all that it had, into leases. */
static int revoke_lease(struct revocation *revocation, struct subid_txn *txn)
{
	const struct cli_lease_revoke *asked = revocation->asked;
	const char *name = revocation->name;
	bool reuse = asked->reuse || revocation->tables != NULL; /* see rest_here() */
	struct subid_changes changes;
	int r = SUBID_ABSENT;

	if (txn != NULL)
		r = subid_lease_revoke(txn, revocation->owner,
				       name + subid_lease_owner(name) + 1, asked->kinds,
				       asked->range, reuse, &changes);
	if (r == 0)
		r = keep(&revocation->leases, &changes);
	if (r < 0)
		return failed(revocation, r);
	if (r != 0)
		return cli_complain(EXIT_NO, "%s: has no lease%s in %s", name,
				    asked->range.count > 0 ? " of these ids" : "",
				    revocation->store->cli.etc_name);
	return EXIT_DONE;
}

static int revoke_in(struct revocation *revocation, struct subid_txn *txn)
{
	const struct cli_lease_revoke *asked = revocation->asked;
	struct subid_changes changes;
	int status = revoke_lease(revocation, txn);

	if (status != EXIT_DONE)
		return status;
	changes = changes_of(&revocation->leases);
	status =
	    cli_check_unused(revocation->cli, revocation->proc, session_of(revocation),
			     revocation->name, &changes, asked->reuse);
	if (status == EXIT_DONE && revocation->tables != NULL)
		status = revoke_own(revocation, txn);
	/* The tables first: a kill in between leaves the lease, which keeps its ids from
	 * everybody, and with which the same command goes on. */
	if (status == EXIT_DONE && !asked->dry_run)
		status = cli_commit_both(revocation->cli, revocation->tables,
					 &revocation->store->cli, txn);
	if (status == EXIT_DONE && frees_later(revocation))
		status = free_lines(revocation);
	if (status != EXIT_DONE)
		return status;
	return print_changes(revocation->store, revocation->name, &changes,
			     asked->reuse ? "free" : "released");
}

/* Locks come in this order: the tables', if they are needed, then the store's. */
static int revoke_locked(struct revocation *revocation)
{
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *tables = NULL, *txn = NULL;
	bool dry_run = revocation->asked->dry_run;
	int status = EXIT_DONE;

	if (revocation->asked->own && revocation->store->user != NULL)
		return cli_complain(EXIT_UNABLE, "--own: run this as root");
	if (revocation->asked->own)
		status = cli_open_system(revocation->cli, &sys);
	if (revocation->asked->own && status == EXIT_DONE)
		status = cli_begin(sys, dry_run, true, &tables);
	if (status != EXIT_DONE)
		return status;
	revocation->tables = tables;
	status = cli_store_begin(revocation->store, dry_run, &txn);
	if (status == EXIT_DONE)
		status = revoke_in(revocation, txn);
	subid_txn_free(&txn);
	free(revocation->lines.list);
	free(revocation->leases.list);
	return status;
}

int cli_lease_revoke(struct cli *cli, const struct cli_lease_revoke *revoke,
		     const char *name)
{
	auto_store struct cli_store store = { .fd = -1 };
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_free char *owner_name = strndup(name, subid_lease_owner(name));
	auto_close int etc = cli_open_etc(cli);
	auto_close int proc = revoke->force ? -1 : cli_open_proc(cli);
	struct subid_failure failure = { .file = "passwd" };
	struct revocation revocation = {
		.cli = cli,
		.asked = revoke,
		.name = name,
		.owner = &owner,
		.store = &store,
		.proc = proc,
	};
	int r;

	if (owner_name == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	if (etc < 0 || proc == -2)
		return EXIT_UNABLE;
	r = subid_users_open(etc, cli->root == NULL, &users, &failure.file);
	if (r < 0)
		return cli_txn_failed(cli, r, &failure);
	/* an owner that has no account any more may have leases all the same */
	r = subid_owner_find(users, owner_name, &owner);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: cannot be looked up: %s",
				    owner_name, strerror(-r));
	if (cli_store_open(cli, false, &store) != EXIT_DONE)
		return EXIT_UNABLE;
	if (r == SUBID_INVALID || (store.user != NULL && owner.uid != getuid()))
		return cli_complain(EXIT_NO, "%s: has no lease in %s", name,
				    store.cli.etc_name);
	return revoke_locked(&revocation);
}

int cli_leases_list(struct cli *cli, struct rows *output, struct cli_homes *homes,
		    const struct subid_owner *owner, const char *name, unsigned int kinds,
		    size_t *ret_n)
{
	auto_free char *first =
	    strndup(owner->spellings[0].text, owner->spellings[0].len);
	auto_leases struct subid_leases leases = { .list = NULL };
	char where[CLI_CONF_FILE_SIZE] = "";
	int r, status = EXIT_DONE;

	if (first == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	/* what one store has is shown, whatever a user does with the other one */
	r = cli_leases_load(cli, owner, first, homes, &leases, where);
	if (r < 0)
		status = cli_complain(EXIT_UNABLE, "%s: %s: leases cannot be read", where,
				      cli_home_error(r));
	for (size_t i = 0; i < leases.n; i++) {
		const struct subid_lease *lease = &leases.list[i];
		char both[1200];

		if ((kinds & (1U << lease->kind)) == 0 ||
		    !cli_lease_is_of(lease, owner, first) ||
		    (name != NULL && strcmp(name, lease->name) != 0))
			continue;
		(void)snprintf(both, sizeof(both), "%s/%s", lease->owner, lease->name);
		range_rows_add(output, &(struct range_row){
					   .owner = both,
					   .owner_len = strlen(both),
					   .kind = lease->kind,
					   .range = lease->range,
					   .state = "leased",
				       });
		++*ret_n;
	}
	return status;
}

int cli_leases_unhold(struct cli_store *store, unsigned int kinds, struct id_range range,
		      bool dry_run, struct subid_txn **ret_txn, struct subid_changes *ret)
{
	struct subid_changes changes;
	int r, status = cli_store_begin(store, dry_run, ret_txn);

	if (status != EXIT_DONE || *ret_txn == NULL)
		return status;
	r = subid_txn_unhold(*ret_txn, kinds, range, &changes);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", store->cli.etc_name,
				    strerror(-r));
	if (r == 0)
		*ret = changes;
	return EXIT_DONE;
}
