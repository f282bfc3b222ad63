/* SPDX-License-Identifier: MIT */
/*
 * The leases that an audit looks at: root's store, and those of the users who run
 * something, and what root's runtimes have written down.
 *
 * Threat: a user's store is the user's: it may be as large as the disk, or hang whoever
 * reads it.  So root reads it up to a bound, in a child, and what is wrong with it is
 * one finding about that user.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/lease.h"
#include "tools/subid/report/report.h"

#define USERS_FILE_MAX	((size_t)256 << 10) /* subid-audit(7) has it, in lease-own */
#define PATIENCE_ONE_MS 1000		    /* there may be many who hang */

/* owner: whose store it is; NULL: root's.  NULL for want of memory. */
static struct subid_audit_store *add_store(struct audit_gathered *gathered,
					   const char *path,
					   const struct subid_owner *owner)
{
	size_t n = gathered->input.n_stores;
	struct subid_audit_store *grown =
	    reallocarray(gathered->stores, n + 1, sizeof(*grown));

	if (grown == NULL)
		return NULL;
	gathered->input.stores = gathered->stores = grown;
	grown[n] = (struct subid_audit_store){ .uid = owner == NULL ? 0 : owner->uid };
	gathered->input.n_stores++; /* so that it is freed, whatever follows */
	if (asprintf(&grown[n].path, "%s", path) < 0) {
		grown[n].path = NULL;
		return NULL;
	}
	if (owner != NULL &&
	    asprintf(&grown[n].user, "%.*s", (int)owner->spellings[0].len,
		     owner->spellings[0].text) < 0) {
		grown[n].user = NULL;
		return NULL;
	}
	return &grown[n];
}

/* The store that is found in the caller's own way: root's, or the caller's. */
static int add_found(struct audit_gathered *gathered, const struct cli_store *found,
		     int error, const struct subid_owner *owner)
{
	struct subid_audit_store *store;

	if (error == 0 && !cli_store_exists(found))
		return 0;
	store =
	    add_store(gathered, found->cli.etc_name, found->user == NULL ? NULL : owner);
	if (store == NULL)
		return -ENOMEM;
	store->error =
	    error != 0 ? error : cli_store_leases(found, store->user, &store->leases);
	if (store->error < 0 && store->user == NULL)
		audit_add_missing(gathered, "the leases in %s could not be read: %s",
				  store->path, strerror(-store->error));
	return store->error == -ENOMEM ? -ENOMEM : 0;
}

/* The store that is the caller's; owner: the caller, NULL for root. */
static int add_own(const struct cli *cli, struct audit_gathered *gathered,
		   const struct subid_owner *owner)
{
	auto_store struct cli_store store = { .fd = -1 };
	int found = cli_store_find(cli, &store);

	if (store.user != NULL && (owner == NULL || !owner->has_account))
		return 0;
	return add_found(gathered, &store, found, owner);
}

/* Root's for a user, a user's for root. */
static int add_other(const struct cli *cli, struct audit_gathered *gathered,
		     const struct subid_owner *owner, struct cli_homes *homes)
{
	auto_store struct cli_store store = { .fd = -1 };
	int found = cli_store_find_other(cli, owner, homes, &store);

	return add_found(gathered, &store, found, owner);
}

static int compare_uids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Those of everybody who runs something. */
static int add_all(const struct cli *cli, struct audit_gathered *gathered)
{
	const struct subid_live *live = &gathered->live;
	auto_free uint32_t *uids = calloc(live->n + 1, sizeof(*uids));
	struct cli_homes homes = CLI_HOMES;
	size_t n = 0;
	int r = uids == NULL ? -ENOMEM : 0;

	homes.file_max = USERS_FILE_MAX;
	homes.patience.one_ms = PATIENCE_ONE_MS;
	for (size_t i = 1; r == 0 && i < live->n; i++)
		if (live->userns[i].owner != SUBID_ID_NONE &&
		    (live->userns[i].parent == 0 ||
		     live->userns[i].parent == SUBID_LIVE_NONE))
			uids[n++] = live->userns[i].owner;
	if (n > 1)
		qsort(uids, n, sizeof(*uids), compare_uids);
	for (size_t i = 0; r == 0 && i < n; i++) {
		auto_owner struct subid_owner owner = { .has_account = false };

		if (i > 0 && uids[i] == uids[i - 1])
			continue;
		r = subid_owner_of_uid(gathered->users, uids[i], &owner);
		if (r == 0 && owner.has_account)
			r = add_other(cli, gathered, &owner, &homes);
		r = r == -ENOMEM ? r : 0; /* who it is, is told elsewhere */
	}
	return r;
}

/* Names what is run by those who have leases: live-shared asks. */
static void name_lessees(const struct cli *cli, struct audit_gathered *gathered)
{
	auto_close int proc = -1;

	for (size_t i = 1; i < gathered->live.n; i++) {
		uint32_t owner = gathered->live.userns[i].owner;
		bool leases = false;

		for (size_t s = 0; !leases && s < gathered->input.n_stores; s++)
			leases = gathered->stores[s].leases.n > 0 &&
				 (gathered->stores[s].user == NULL ||
				  gathered->stores[s].uid == owner);
		if (leases && proc < 0)
			proc = cli_open_proc(cli);
		if (leases && proc >= 0)
			subid_live_name(proc, &gathered->live, i);
	}
}

/* What root's runtimes have written is none of others' business. */
static int read_runtimes(const struct cli *cli, struct audit_gathered *gathered)
{
	auto_close int root =
	    open(cli->root == NULL ? "/" : cli->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct subid_runtime_place place = { .dir = root, .trusted = true };

	if (root < 0 || geteuid() != 0)
		return 0;
	gathered->input.runtimes = &gathered->runtimes;
	return subid_runtime_read(&place, &gathered->runtimes);
}

int audit_gather_leases(const struct cli *cli, struct audit_gathered *gathered)
{
	auto_owner struct subid_owner self = { .has_account = false };
	bool user = cli->root == NULL && geteuid() != 0;
	int r = user ? subid_owner_of_uid(gathered->users, getuid(), &self) : 0;

	if (r == -ENOMEM)
		return r;
	r = add_own(cli, gathered, user && r == 0 ? &self : NULL);
	if (r == 0 && user)
		r = add_other(cli, gathered, &self,
			      &(struct cli_homes)CLI_HOMES); /* root's */
	else if (r == 0 && gathered->input.live != NULL)
		r = add_all(cli, gathered);
	if (r == 0)
		r = read_runtimes(cli, gathered);
	if (r == 0)
		name_lessees(cli, gathered);
	return r;
}

void audit_leases_free(struct audit_gathered *gathered)
{
	for (size_t i = 0; i < gathered->input.n_stores; i++) {
		struct subid_audit_store *store = &gathered->stores[i];

		subid_leases_free(&store->leases);
		free(store->path);
		free(store->user);
	}
	free(gathered->stores);
	subid_runtime_state_free(&gathered->runtimes);
}
