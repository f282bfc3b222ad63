/* SPDX-License-Identifier: MIT */
/*
 * The stores of leases that an audit looks at: root's, and those of users with running
 * containers.
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
#include "tools/subid/report/report.h"

#define USERS_FILE_MAX	((size_t)256 << 10) /* subid-audit(7) has it, in lease-own */
#define PATIENCE_ONE_MS 1000		    /* there may be many who hang */

/* The store that is found in the caller's own way: root's, or the caller's. */
static int add_found(struct audit_facts *facts, const struct store *found, int error,
		     const struct subid_owner *owner)
{
	struct audit_store *store;

	if (error == 0 && !store_exists(found))
		return 0;
	store =
	    audit_facts_add_store(facts, found->name, found->user == NULL ? NULL : owner);
	if (store == NULL)
		return -ENOMEM;
	store->error =
	    error != 0 ? error : store_leases(found, store->user, &store->leases);
	if (store->error < 0 && store->user == NULL)
		audit_facts_missing(facts, "the leases in %s could not be read: %s",
				    store->path, strerror(-store->error));
	return store->error == -ENOMEM ? -ENOMEM : 0;
}

/* The store that is the caller's; owner: the caller, NULL for root. */
static int add_own(const struct subid *sys, struct audit_facts *facts,
		   const struct subid_owner *owner)
{
	auto_store struct store store = { .fd = -1 };
	int found = store_find(sys, &store);

	if (store.user != NULL && (owner == NULL || !owner->has_account))
		return 0;
	return add_found(facts, &store, found, owner);
}

/* Root's for a user, a user's for root. */
static int add_other(const struct subid *sys, struct audit_facts *facts,
		     const struct subid_owner *owner, struct homes *homes)
{
	auto_store struct store store = { .fd = -1 };
	int found = store_find_other(sys, owner, homes, &store);

	return add_found(facts, &store, found, owner);
}

static int compare_uids(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Those of everybody who runs something. */
static int add_all(const struct subid *sys, struct audit_facts *facts)
{
	const struct subid_live *live = &facts->live;
	auto_free uint32_t *uids = calloc(live->n + 1, sizeof(*uids));
	struct homes homes = HOMES;
	size_t n = 0;
	int r = uids == NULL ? -ENOMEM : 0;

	homes.file_max = USERS_FILE_MAX;
	homes.one_ms = PATIENCE_ONE_MS;
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
		r = subid_owner_of_uid(facts->users, uids[i], &owner);
		if (r == 0 && owner.has_account)
			r = add_other(sys, facts, &owner, &homes);
		r = r == -ENOMEM ? r : 0; /* unknown accounts are reported elsewhere */
	}
	return r;
}

int report_read_stores(void *data, struct audit_facts *facts)
{
	const struct cli *cli = data;
	auto_owner struct subid_owner self = { .has_account = false };
	auto_system struct subid *sys = NULL;
	bool user = cli->root == NULL && geteuid() != 0;
	int r = subid_open(cli->root, &sys, NULL);

	if (r < 0)
		return r;
	r = user ? subid_owner_of_uid(facts->users, getuid(), &self) : 0;

	if (r == -ENOMEM)
		return r;
	r = add_own(sys, facts, user && r == 0 ? &self : NULL);
	if (r == 0 && user)
		return add_other(sys, facts, &self, &(struct homes)HOMES); /* root's */
	return r == 0 && facts->input.live != NULL ? add_all(sys, facts) : r;
}
