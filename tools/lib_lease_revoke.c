/* SPDX-License-Identifier: MIT */
/*
 * Leases taken back and listed; and grants that cannot be, because of leases.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "lease.h"
#include "leases.h"
#include "libsubid/cleanup.h"

#define NAMED_MAX 20

/* For a look into a home, under locks that others wait for up to 15 seconds. */
#define HOME_PATIENCE_MS 2000

/* Begins a transaction over the caller's store; *ret NULL if there is no store. */
static int begin(const struct cli_store *store, bool dry_run, struct subid_txn **ret)
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
	struct cli_output *output = cli_output_open(&store->cli);

	if (output == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	for (size_t i = 0; i < changes->n; i++)
		cli_output_row(output, &(struct cli_row){
					   .owner = name,
					   .owner_len = strlen(name),
					   .kind = changes->list[i].kind,
					   .range = changes->list[i].range,
					   .state = state,
				       });
	return cli_output_close(output);
}

struct revocation {
	struct cli *cli;
	const struct cli_lease_revoke *asked;
	const char *name; /* OWNER/NAME */
	const struct subid_owner *owner;
	struct cli_store *store;
	struct subid_txn *tables;   /* with --own; else NULL */
	int proc;		    /* -1: nothing runs, or that does not matter */
	struct subid_change *lines; /* what went from the tables */
	size_t n_lines;
};

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

static int keep_lines(struct revocation *revocation, const struct subid_changes *of_lines)
{
	size_t n = revocation->n_lines + of_lines->n;
	struct subid_change *grown =
	    reallocarray(revocation->lines, n + 1, sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < of_lines->n; i++)
		grown[revocation->n_lines++] = of_lines->list[i];
	revocation->lines = grown;
	return 0;
}

/* --own: the lines that were made for the container go with its lease. */
static int revoke_lines(struct revocation *revocation,
			const struct subid_changes *changes)
{
	bool reuse = revocation->asked->reuse && !frees_later(revocation);

	for (size_t i = 0; i < changes->n; i++) {
		const struct subid_change *change = &changes->list[i];
		struct subid_changes of_lines = { .n = 0 };
		int r =
		    subid_txn_revoke(revocation->tables, revocation->owner,
				     1U << change->kind, change->range, reuse, &of_lines);

		if (r == 0)
			r = keep_lines(revocation, &of_lines);
		if (r < 0)
			return cli_complain(EXIT_UNABLE, "%s: %s", revocation->name,
					    strerror(-r));
	}
	return EXIT_DONE;
}

static int free_lines(const struct revocation *revocation)
{
	const struct subid_changes lines = { .list = revocation->lines,
					     .n = revocation->n_lines };

	return cli_free_held(revocation->cli, revocation->tables, revocation->proc,
			     session_of(revocation), revocation->name, &lines);
}

static int revoke_in(struct revocation *revocation, struct subid_txn *txn)
{
	const struct cli_lease_revoke *asked = revocation->asked;
	const char *name = revocation->name;
	/* ids whose lines go rest there, not here */
	bool reuse = asked->reuse || revocation->tables != NULL;
	struct subid_changes changes = { .n = 0 };
	int status, r = SUBID_ABSENT;

	if (txn != NULL)
		r = subid_lease_revoke(txn, revocation->owner,
				       name + subid_lease_owner(name) + 1, asked->kinds,
				       asked->range, reuse, &changes);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", name, strerror(-r));
	if (r != 0)
		return cli_complain(EXIT_NO, "%s: has no lease%s in %s", name,
				    asked->range.count > 0 ? " of these ids" : "",
				    revocation->store->cli.etc_name);
	status = cli_check_unused(revocation->cli, revocation->proc,
				  session_of(revocation), name, &changes, asked->reuse);
	if (status == EXIT_DONE && revocation->tables != NULL)
		status = revoke_lines(revocation, &changes);
	/* a line without lease is no harm, a lease without line would be */
	if (status == EXIT_DONE && !asked->dry_run)
		status = cli_commit_both(&revocation->store->cli, txn, revocation->cli,
					 revocation->tables);
	if (status == EXIT_DONE && frees_later(revocation))
		status = free_lines(revocation);
	if (status != EXIT_DONE)
		return status;
	return print_changes(revocation->store, name, &changes,
			     asked->reuse ? "free" : "released");
}

/* Locks come in this order: the tables', if they are needed, then the store's. */
static int revoke_locked(struct revocation *revocation, int etc)
{
	auto_txn struct subid_txn *tables = NULL, *txn = NULL;
	bool dry_run = revocation->asked->dry_run;
	struct subid_txn_options options =
	    cli_txn_options(revocation->cli, etc, -1, dry_run);
	struct subid_failure failure;
	int status, r;

	if (revocation->asked->own && revocation->store->user != NULL)
		return cli_complain(EXIT_UNABLE, "--own: run this as root");
	if (revocation->asked->own) {
		r = subid_txn_begin(&options, &tables, &failure);
		if (r != 0)
			return cli_txn_failed(revocation->cli, r, &failure);
	}
	revocation->tables = tables;
	status = begin(revocation->store, dry_run, &txn);
	if (status == EXIT_DONE)
		status = revoke_in(revocation, txn);
	subid_txn_free(&txn);
	free(revocation->lines);
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
	r = subid_users_open(etc, cli->root == NULL, &users);
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
	return revoke_locked(&revocation, etc);
}

static bool is_name_of(const struct subid_owner *owner, const char *name)
{
	for (size_t i = 0; i < owner->n; i++)
		if (strlen(name) == owner->spellings[i].len &&
		    memcmp(name, owner->spellings[i].text, owner->spellings[i].len) == 0)
			return true;
	return false;
}

/* Adds the leases of a store; a user's have the owner's first name, terminated. */
static int load(const struct cli_store *store, const struct subid_owner *owner,
		struct subid_leases *leases)
{
	auto_free char *name = strndup(owner->spellings[0].text, owner->spellings[0].len);

	if (store->fd < 0)
		return 0;
	if (name == NULL)
		return -ENOMEM;
	return subid_leases_load(store->fd, store->user != NULL ? name : NULL, leases);
}

static size_t name_leases(const struct subid_leases *leases, size_t from,
			  const struct subid_owner *owner,
			  const struct subid_changes *changes)
{
	size_t n = 0;

	for (size_t i = from; i < leases->n; i++) {
		const struct subid_lease *lease = &leases->list[i];
		bool meets = false;

		for (size_t k = 0; k < changes->n; k++)
			meets |= changes->list[k].kind == lease->kind &&
				 id_range_overlaps(changes->list[k].range, lease->range);
		if (!meets || !is_name_of(owner, lease->owner) || n++ >= NAMED_MAX)
			continue;
		(void)cli_complain(0, "%s/%s: %s %u-%llu are leased to this container",
				   lease->owner, lease->name,
				   subid_kind_name(lease->kind), lease->range.start,
				   (unsigned long long)id_range_end(lease->range) - 1);
	}
	if (n > NAMED_MAX)
		(void)cli_complain(0, "and %zu more", n - NAMED_MAX);
	return n;
}

/* Threat: a user's store may say anything; it keeps root from taking the user's own
 * ids back, until root says --force, and from nothing else. */
static size_t name_from_home(struct cli *cli, const struct subid_owner *owner,
			     const struct subid_changes *changes)
{
	auto_store struct cli_store other = { .fd = -1 };
	auto_leases struct subid_leases leases = { .list = NULL };
	int r;

	if (cli_store_open_other(cli, owner, &other) != EXIT_DONE)
		return 0;
	r = load(&other, owner, &leases);
	if (r < 0)
		(void)cli_complain(0,
				   "warning: %s: %s: leases that are there do not"
				   " count",
				   other.cli.etc_name, strerror(-r));
	return name_leases(&leases, 0, owner, changes);
}

struct users_leases {
	struct cli *cli;
	const struct subid_owner *owner;
	const struct subid_changes *changes;
};

/* The child's part.  It lets go of the locks, which are the parent's: should it hang, it
 * must not keep them when that has ended. */
static int send_users_leases(const void *data, int writer)
{
	const struct users_leases *asked = data;
	size_t n;

	if ((writer > STDERR_FILENO + 1 &&
	     close_range(STDERR_FILENO + 1, (unsigned int)writer - 1, 0) != 0) ||
	    close_range((unsigned int)writer + 1, ~0U, 0) != 0)
		return -errno;
	n = name_from_home(asked->cli, asked->owner, asked->changes);
	return cli_child_send(writer, &n, sizeof(n));
}

/* Threat: a home on a file system that does not answer would keep root waiting, and with
 * root all who wait for the locks of the tables, useradd too. */
static size_t name_users_leases(struct cli *cli, const struct subid_owner *owner,
				const struct subid_changes *changes)
{
	const struct users_leases asked = { cli, owner, changes };
	auto_text struct subid_text sent = { .bytes = NULL };
	int64_t patience_ms = HOME_PATIENCE_MS;
	size_t n = 0;

	if (cli_child_run(send_users_leases, &asked, sizeof(n), &patience_ms, patience_ms,
			  &sent) &&
	    sent.size == sizeof(n))
		memcpy(&n, sent.bytes, sizeof(n));
	else
		(void)cli_complain(0,
				   "warning: %.*s: the home cannot be read in time:"
				   " leases that are there do not count",
				   (int)owner->spellings[0].len,
				   owner->spellings[0].text);
	return n;
}

int cli_leases_allow(struct cli *cli, const struct subid_owner *owner,
		     const struct subid_changes *changes, bool force, bool dry_run,
		     struct subid_txn **ret_lock)
{
	auto_store struct cli_store store = { .fd = -1 };
	auto_leases struct subid_leases leases = { .list = NULL };
	size_t n, n_users = 0;
	int r, status = cli_store_open(cli, false, &store);

	/* without root's rights nothing will be changed anyway */
	if (status != EXIT_DONE || store.user != NULL)
		return status;
	status = begin(&store, dry_run, ret_lock);
	if (status != EXIT_DONE)
		return status;
	r = load(&store, owner, &leases);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", store.cli.etc_name,
				    strerror(-r));
	n = name_leases(&leases, 0, owner, changes);
	if (!force)
		n_users = name_users_leases(cli, owner, changes);
	if (n + n_users == 0)
		return EXIT_DONE;
	return cli_complain(EXIT_NO, "nothing was changed: 'subid revoke' these first%s",
			    n_users == 0 ? ""
			    : n > 0 ? "; those that the user has given as the user, or"
				      " use --force for them"
				    : ", as the user that has them, or use --force");
}

int cli_leases_list(struct cli *cli, struct cli_output *output,
		    const struct subid_owner *owner, const char *name, unsigned int kinds,
		    size_t *ret_n)
{
	auto_free char *first =
	    strndup(owner->spellings[0].text, owner->spellings[0].len);
	auto_leases struct subid_leases leases = { .list = NULL };
	char where[CLI_CONF_FILE_SIZE] = "";
	int r = -ENOMEM;

	if (first != NULL)
		r = cli_leases_load(cli, owner, first, &leases, where);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s: leases cannot be read", where,
				    strerror(-r));
	for (size_t i = 0; i < leases.n; i++) {
		const struct subid_lease *lease = &leases.list[i];
		char both[1200];

		if ((kinds & (1U << lease->kind)) == 0 ||
		    !is_name_of(owner, lease->owner) ||
		    (name != NULL && strcmp(name, lease->name) != 0))
			continue;
		(void)snprintf(both, sizeof(both), "%s/%s", lease->owner, lease->name);
		cli_output_row(output, &(struct cli_row){
					   .owner = both,
					   .owner_len = strlen(both),
					   .kind = lease->kind,
					   .range = lease->range,
					   .state = "leased",
				       });
		++*ret_n;
	}
	return EXIT_DONE;
}

int cli_leases_unhold(struct cli_store *store, unsigned int kinds, struct id_range range,
		      bool dry_run, struct subid_txn **ret_txn, struct subid_changes *ret)
{
	struct subid_changes changes;
	int r, status = begin(store, dry_run, ret_txn);

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
