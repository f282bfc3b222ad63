/* SPDX-License-Identifier: MIT */
/*
 * A lease is made out of what is written elsewhere, without the locks of those who write
 * it.  So it is looked at before the lease is written, and again behind: what came
 * meanwhile is seen then, and the lease taken back.  Nobody has been told of it yet.
 *
 * Root's store and a user's have locks of their own: root waits for nobody's lock in a
 * home, and users take none in root's store.  Of two that give the same ids at the same
 * moment, whoever is the second to write sees the first one's lines, at the latest.
 *
 * Of the tables a user takes no lock, either, and root that of the store alone: 'subid
 * revoke' has it, too, until the lines are gone, but userdel and usermod do not.  For
 * users' leases 'subid revoke' looks twice itself (lib_lease_allow.c), behind its own
 * write while the ids rest and are not free yet.  Both write first and then look, so one
 * of them sees the other: a lease that is written before revoke looks is seen by revoke,
 * which frees nothing then; and one that is written later finds its line gone.
 *
 * What userdel and usermod do behind the second look no look can see.  The lease gives
 * its container nothing then, for newuidmap asks the tables; 'subid audit' tells of it.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/lease.h"

/* The rows of one owner, one behind the other. */
struct owned {
	struct subid_owner owner;
	size_t begin, end;
};

static bool same_owner(const struct range_row *a, const struct range_row *b)
{
	size_t len = subid_lease_owner(a->owner);

	return len == subid_lease_owner(b->owner) && memcmp(a->owner, b->owner, len) == 0;
}

/* Finds the owner of the rows from begin on, and how many they are. */
static int find_rows(const struct cli_leasing *leasing, const struct range_row *rows,
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

static bool is_new(const struct range_row *row)
{
	return strcmp(row->state, CLI_STATE_NEW) == 0;
}

struct check {
	struct cli_leasing *leasing;
	struct subid_txn *txn;
	const struct range_row *rows;
	size_t n;
	bool raced; /* a new row has ids that are not its owner's to lease any more */
};

static int see_other(struct check *check, const struct owned *owned)
{
	auto_store struct cli_store other = { .fd = -1 };
	auto_sets struct subid_sets taken = { .of = { { .n = 0 } } };
	int r;

	if (cli_store_open_other(check->leasing->cli, &owned->owner,
				 &check->leasing->homes, &other) != EXIT_DONE)
		return -EIO;
	if (!cli_store_exists(&other))
		return 0;
	r = cli_store_taken(&other, &taken);
	for (size_t i = owned->begin; i < owned->end; i++) {
		const struct range_row *row = &check->rows[i];

		check->raced |= is_new(row) &&
				subid_set_meets(&taken.of[row->kind], row->range, NULL);
	}
	return r;
}

static int see_tables(struct check *check, const struct owned *owned)
{
	const struct subid_owner *owner = &owned->owner;
	auto_sets struct subid_sets held = { .of = { { .n = 0 } } };
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_table_owned(&check->leasing->tables[kind], owner->spellings,
				      owner->n, &held.of[kind]);
	for (size_t i = owned->begin; i < owned->end; i++) {
		const struct range_row *row = &check->rows[i];

		check->raced |=
		    is_new(row) && !subid_set_contains(&held.of[row->kind], row->range);
	}
	return r;
}

static int take_back(struct check *check, const struct owned *owned)
{
	int r = 0;

	for (size_t i = owned->begin; r == 0 && i < owned->end; i++) {
		const struct range_row *row = &check->rows[i];
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

static bool are_tables_as_before(const struct cli_leasing *leasing)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		bool alike = false;

		if (subid_table_is_alike(leasing->etc, kind, &leasing->tables[kind],
					 &alike) != 0 ||
		    !alike)
			return false;
	}
	return true;
}

/*
 * The tables come last: 'subid revoke --own' takes a line away before the lease that kept
 * its ids from this store.  0, or an errno.
 */
static int look_again(struct check *check)
{
	int error = for_each_owner(check, see_other);

	if (error != 0 || check->raced || are_tables_as_before(check->leasing))
		return error;
	if (cli_leasing_load(check->leasing) != EXIT_DONE)
		return EIO;
	return for_each_owner(check, see_tables);
}

int cli_lease_check_race(struct cli_leasing *leasing, struct subid_txn *txn,
			 const struct range_row *rows, size_t n, bool *ret_raced)
{
	struct check check = { .leasing = leasing, .txn = txn, .rows = rows, .n = n };
	const char *store = leasing->store.cli.etc_name;
	int error = look_again(&check);
	int status;

	*ret_raced = check.raced;
	if (error == 0 && !check.raced)
		return EXIT_DONE;
	status = for_each_owner(&check, take_back);
	status = status == 0
		     ? cli_commit(&leasing->store.cli, txn)
		     : cli_complain(EXIT_UNABLE, "%s: %s", store, strerror(status));
	if (status != EXIT_DONE)
		return cli_complain(
		    status,
		    "%s: the change is made all the same, perhaps with ids"
		    " that others have: 'subid revoke' these leases",
		    store);
	if (error == 0)
		return EXIT_DONE;
	return cli_complain(EXIT_UNABLE,
			    "%s: whether others have got the same ids meanwhile cannot be"
			    " seen: the leases are taken back: %s",
			    store, strerror(error));
}
