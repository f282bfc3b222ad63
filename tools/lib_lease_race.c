/* SPDX-License-Identifier: MIT */
/*
 * Root's store and a user's have locks of their own: root waits for nobody's lock in a
 * home, and users take none in root's store.  So both may give the same ids at the same
 * moment.  Each looks into the other's store before it writes, and again behind:
 * whoever is the second to write sees the first one's lines then, at the latest, and
 * takes its own back.  Nobody has been told of them yet.
 */
#include <errno.h>
#include <string.h>

#include "lease.h"
#include "libsubid/cleanup.h"

/* The rows of one owner, one behind the other. */
struct owned {
	struct subid_owner owner;
	size_t begin, end;
};

static bool same_owner(const struct cli_row *a, const struct cli_row *b)
{
	size_t len = subid_lease_owner(a->owner);

	return len == subid_lease_owner(b->owner) && memcmp(a->owner, b->owner, len) == 0;
}

/* Finds the owner of the rows from begin on, and how many they are. */
static int find_rows(const struct cli_leasing *leasing, const struct cli_row *rows,
		     size_t n, size_t begin, struct owned *ret)
{
	auto_free char *name =
	    strndup(rows[begin].owner, subid_lease_owner(rows[begin].owner));
	int r;

	*ret = (struct owned){ .begin = begin, .end = begin + 1 };
	while (ret->end < n && same_owner(&rows[begin], &rows[ret->end]))
		ret->end++;
	if (name == NULL)
		return -ENOMEM;
	r = subid_owner_find(leasing->users, name, &ret->owner);
	return r == SUBID_UNKNOWN ? 0 : r;
}

static bool is_new(const struct cli_row *row)
{
	return strcmp(row->state, CLI_STATE_NEW) == 0;
}

struct check {
	struct cli_leasing *leasing;
	struct subid_txn *txn;
	const struct cli_row *rows;
	size_t n;
	bool meets; /* a new row meets what its owner's other store has */
};

static int see_other(struct check *check, const struct owned *owned)
{
	auto_store struct cli_store other = { .fd = -1 };
	auto_set struct subid_set uids = { .ranges = NULL }, gids = { .ranges = NULL };
	struct subid_set taken[SUBID_KINDS] = { { .n = 0 }, { .n = 0 } };
	int r;

	if (cli_store_open_other(check->leasing->cli, &owned->owner,
				 &check->leasing->homes, &other) != EXIT_DONE)
		return -EIO;
	if (!cli_store_exists(&other))
		return 0;
	r = cli_store_taken(&other, taken);
	uids = taken[SUBID_UID];
	gids = taken[SUBID_GID];
	for (size_t i = owned->begin; i < owned->end; i++) {
		const struct cli_row *row = &check->rows[i];

		check->meets |=
		    is_new(row) && subid_set_meets(&taken[row->kind], row->range, NULL);
	}
	return r;
}

static int take_back(struct check *check, const struct owned *owned)
{
	int r = 0;

	for (size_t i = owned->begin; r == 0 && i < owned->end; i++) {
		const struct cli_row *row = &check->rows[i];
		const char *name = row->owner + subid_lease_owner(row->owner) + 1;
		struct subid_changes changes;

		if (is_new(row))
			r = subid_lease_revoke(check->txn, &owned->owner, name,
					       1U << row->kind, row->range, true,
					       &changes);
	}
	return r;
}

/* 0, or an errno. */
static int for_each_owner(struct check *check,
			  int (*visit)(struct check *check, const struct owned *owned))
{
	struct owned owned;
	int r = 0;

	for (size_t begin = 0; r == 0 && begin < check->n; begin = owned.end) {
		r = find_rows(check->leasing, check->rows, check->n, begin, &owned);
		if (r == 0)
			r = visit(check, &owned);
		subid_owner_free(&owned.owner);
	}
	return r <= 0 ? -r : EIO;
}

int cli_lease_check_race(struct cli_leasing *leasing, struct subid_txn *txn,
			 const struct cli_row *rows, size_t n, bool *ret_raced)
{
	struct check check = { .leasing = leasing, .txn = txn, .rows = rows, .n = n };
	const char *store = leasing->store.cli.etc_name;
	int error = for_each_owner(&check, see_other);
	int status;

	*ret_raced = check.meets;
	if (error == 0 && !check.meets)
		return EXIT_DONE;
	status = for_each_owner(&check, take_back);
	if (status != 0)
		return cli_complain(EXIT_UNABLE,
				    "%s: the leases are made, but perhaps others have the"
				    " same ids: %s",
				    store, strerror(status));
	status = cli_commit(&leasing->store.cli, txn);
	if (status != EXIT_DONE || error == 0)
		return status;
	return cli_complain(EXIT_UNABLE,
			    "%s: whether others have the same ids cannot be seen: the"
			    " leases are taken back: %s",
			    store, strerror(error));
}
