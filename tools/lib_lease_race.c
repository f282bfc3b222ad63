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

static int meets_other(struct cli_leasing *leasing, const struct cli_row *rows,
		       const struct owned *owned, bool *ret)
{
	auto_store struct cli_store other = { .fd = -1 };
	auto_set struct subid_set uids = { .ranges = NULL }, gids = { .ranges = NULL };
	struct subid_set taken[SUBID_KINDS] = { { .n = 0 }, { .n = 0 } };
	int r;

	if (cli_store_open_other(leasing->cli, &owned->owner, &other) != EXIT_DONE)
		return -EIO;
	if (other.fd < 0)
		return 0;
	r = cli_store_taken(&other, taken);
	uids = taken[SUBID_UID];
	gids = taken[SUBID_GID];
	for (size_t i = owned->begin; i < owned->end; i++)
		*ret |= is_new(&rows[i]) &&
			subid_set_meets(&taken[rows[i].kind], rows[i].range, NULL);
	return r;
}

static int take_back(struct subid_txn *txn, const struct cli_row *rows,
		     const struct owned *owned)
{
	int r = 0;

	for (size_t i = owned->begin; r == 0 && i < owned->end; i++) {
		const char *name = rows[i].owner + subid_lease_owner(rows[i].owner) + 1;
		struct subid_changes changes;

		if (is_new(&rows[i]))
			r = subid_lease_revoke(txn, &owned->owner, name,
					       1U << rows[i].kind, rows[i].range, true,
					       &changes);
	}
	return r;
}

int cli_lease_check_race(struct cli_leasing *leasing, struct subid_txn *txn,
			 const struct cli_row *rows, size_t n, bool *ret_raced)
{
	bool raced = false;
	int r = 0;

	/* first whether, then all of them */
	for (int turn = 0; turn < (raced ? 2 : 1); turn++) {
		struct owned owned = { .end = 0 };

		for (size_t begin = 0; r == 0 && begin < n; begin = owned.end) {
			r = find_rows(leasing, rows, n, begin, &owned);
			if (r == 0)
				r = turn == 0 ? meets_other(leasing, rows, &owned, &raced)
					      : take_back(txn, rows, &owned);
			subid_owner_free(&owned.owner);
		}
	}
	if (r != 0)
		return cli_complain(EXIT_UNABLE,
				    "%s: the leases are made, but perhaps others have the"
				    " same ids: %s",
				    leasing->store.cli.etc_name,
				    strerror(r < 0 ? -r : EIO));
	*ret_raced = raced;
	return raced ? cli_commit(&leasing->store.cli, txn) : EXIT_DONE;
}
