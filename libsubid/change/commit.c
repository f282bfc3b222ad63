/* SPDX-License-Identifier: MIT */
/*
 * A whole transaction, as callers have it: over the tables, or the leases, or both.  And
 * the look at leases once more, when they are written.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

static int begin_tables(struct subid *sys, unsigned int flags, int timeout_ms,
			struct subid_txn **ret, struct subid_error *err)
{
	auto_close int state = -1;
	auto_txn struct subid_txn *txn = NULL;
	struct subid_txn_options options;
	struct subid_failure failure;
	int r = 0;

	if ((flags & (SUBID_NO_GRANTS | SUBID_LOOK)) == 0)
		r = system_proc(sys, err);
	if (r < 0)
		return r;
	options = system_options(sys, flags, timeout_ms);
	state = store_open_state(sys, !options.dry_run);
	options.state = state;
	r = subid_txn_begin(&options, &txn, &failure);
	if (r != 0)
		return error_failure(err, sys, r, &failure);
	r = options.no_grants ? history_refuses(txn) : 0;
	if (r < 0)
		return history_is_missing(err, sys, r);
	/* it stays open as long as the transaction */
	txn->state = state;
	state = -1;
	history_warn(sys, txn);
	*ret = txn;
	txn = NULL;
	return 0;
}

int subid_begin(struct subid *sys, unsigned int flags, int timeout_ms,
		struct subid_txn **ret, struct subid_error *err)
{
	struct subid_txn *txn = NULL;
	int r = 0;

	error_clear(err);
	if ((flags & ~(SUBID_DRY_RUN | SUBID_BY_LOGIN | SUBID_NO_GRANTS | SUBID_LEASES |
		       SUBID_IMPORT | SUBID_LOOK | SUBID_SEARCH)) != 0)
		return error_plain(err, -EINVAL,
				   "a flag that this version of the library does not"
				   " know");
	if ((flags & SUBID_LEASES) != 0) {
		txn = txn_new();
		if (txn == NULL)
			return error_memory(err);
		txn->options.etc = txn->options.proc = -1;
		txn->options.dry_run = (flags & SUBID_DRY_RUN) != 0;
		txn->options.no_grants = (flags & SUBID_NO_GRANTS) != 0;
	} else {
		r = begin_tables(sys, flags, timeout_ms, &txn, err);
	}
	if (r != 0)
		return r;
	txn->sys = sys;
	txn->flags = flags;
	txn->timeout_ms = timeout_ms;
	*ret = txn;
	return 0;
}

/* Locks are given back in the reverse order, and all of them before anything is told. */
static void release_all(struct subid_txn *txn)
{
	struct subid_txn *leases = txn->leases;

	if (leases != NULL)
		subid_lock_release(&leases->lock);
	subid_txn_release(txn);
	if (leases == NULL)
		return;
	subid_txn_release(leases);
	history_warn_leases(txn->sys, txn, leases);
	txn->leases_traced = leases->traced;
}

void subid_abort(struct subid_txn **txn)
{
	if (*txn == NULL)
		return;
	release_all(*txn);
	subid_txn_free(&(*txn)->leases);
	store_close(&(*txn)->store);
	leasing_free(&(*txn)->leasing);
	releases_free(*txn);
	prepared_free(*txn);
	looked_free(*txn);
	result_free(*txn);
	subid_txn_free(txn);
}

/* --- leases, looked at again ---------------------------------------------------------
 */

/*
 * A lease is made out of what is written elsewhere, without the locks of those who write
 * it.  So it is checked before the lease is written, and again afterwards: what came
 * meanwhile is seen then, and the lease is taken back.  Nobody has been told of it yet.
 *
 * Root's store and a user's have locks of their own: root waits for nobody's lock in a
 * home, and users take none in root's store.  Of two that give the same ids at the same
 * moment, whoever is the second to write sees the first one's lines, at the latest.
 *
 * Of the tables a user takes no lock, either, and root that of the store alone:
 * subid_revoke() has it, too, until the lines are gone, but userdel and usermod do not.
 * For users' leases subid_revoke() looks twice itself (release.c), after its own write
 * while the ids are held and not free yet.  Both write first and then look, so one of
 * them sees the other: a lease that is written before revoke looks is seen by revoke,
 * which frees nothing then; and one that is written later finds its line gone.
 *
 * What userdel and usermod do after the second look no look can see.  The lease gives
 * its container nothing then, for newuidmap asks the tables; 'subid audit' reports it.
 */

/* The leases of one owner, one behind the other. */
struct owned {
	struct subid_owner owner;
	size_t begin, end;
};

static bool same_owner(const struct lease_given *a, const struct lease_given *b)
{
	size_t len = subid_lease_owner(a->name);

	return len == subid_lease_owner(b->name) && memcmp(a->name, b->name, len) == 0;
}

/* Finds the owner of the leases from begin on, and how many they are. */
static int find_leases(const struct leasing *leasing, size_t begin, struct owned *ret)
{
	const struct lease_given *given = leasing->given;
	auto_free char *name =
	    strndup(given[begin].name, subid_lease_owner(given[begin].name));
	int r;

	*ret = (struct owned){ .begin = begin, .end = begin + 1 };
	while (ret->end < leasing->n_given && same_owner(&given[begin], &given[ret->end]))
		ret->end++;
	if (name == NULL)
		return -ENOMEM;
	r = subid_owner_find(leasing->users, name, &ret->owner);
	return r == SUBID_UNKNOWN ? 0 : r;
}

struct check {
	struct subid_txn *txn;
	struct subid_error *err;
	bool raced; /* a lease has ids that are not its owner's to lease any more */
};

static int see_other(struct check *check, const struct owned *owned)
{
	struct leasing *leasing = check->txn->leasing;
	auto_store struct store other = { .fd = -1 };
	auto_sets struct subid_sets taken = { .of = { { .n = 0 } } };
	int r = store_open_other(check->txn->sys, &owned->owner, &leasing->homes, &other,
				 check->err);

	if (r != 0 || !store_exists(&other))
		return r;
	r = store_taken(&other, &taken);
	for (size_t i = owned->begin; i < owned->end; i++) {
		const struct lease_given *lease = &leasing->given[i];

		check->raced |=
		    subid_set_meets(&taken.of[lease->kind], lease->range, NULL);
	}
	return r;
}

static int see_tables(struct check *check, const struct owned *owned)
{
	const struct leasing *leasing = check->txn->leasing;
	const struct subid_owner *owner = &owned->owner;
	auto_sets struct subid_sets held = { .of = { { .n = 0 } } };
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_table_owned(&leasing->tables[kind], owner->spellings, owner->n,
				      &held.of[kind]);
	for (size_t i = owned->begin; i < owned->end; i++) {
		const struct lease_given *lease = &leasing->given[i];

		check->raced |= !subid_set_contains(&held.of[lease->kind], lease->range);
	}
	return r;
}

static int take_back(struct check *check, const struct owned *owned)
{
	const struct leasing *leasing = check->txn->leasing;
	int r = 0;

	for (size_t i = owned->begin; r == 0 && i < owned->end; i++) {
		const struct lease_given *lease = &leasing->given[i];
		const char *name = lease->name + subid_lease_owner(lease->name) + 1;
		struct subid_changes changes;

		r = subid_lease_revoke(check->txn->leases, &owned->owner, name,
				       1U << lease->kind, lease->range, true, &changes);
	}
	return r;
}

/* 0 or -errno. */
static int for_each_owner(struct check *check,
			  int (*visit)(struct check *check, const struct owned *owned))
{
	const struct leasing *leasing = check->txn->leasing;
	struct owned owned;
	int r = 0;

	for (size_t begin = 0; r == 0 && begin < leasing->n_given; begin = owned.end) {
		r = find_leases(leasing, begin, &owned);
		if (r == 0)
			r = visit(check, &owned);
		subid_owner_free(&owned.owner);
	}
	return r <= 0 ? r : -EIO;
}

/* The tables come last: subid_revoke() takes a line away before the lease that kept its
 * ids from this store. */
static int look_again(struct check *check)
{
	int r = for_each_owner(check, see_other);

	if (r != 0 || check->raced || leasing_is_as_read(check->txn))
		return r;
	r = leasing_load_tables(check->txn, check->err);
	return r != 0 ? r : for_each_owner(check, see_tables);
}

/* Takes all of them back.  0, or -errno, explained. */
static int undo(struct check *check)
{
	struct subid_txn *txn = check->txn;
	struct subid_failure failure;
	int r = for_each_owner(check, take_back);

	if (r != 0) {
		(void)error_errno(check->err, txn->store.name, r);
	} else {
		r = subid_txn_commit(txn->leases, &failure);
		if (r != 0)
			(void)store_failure(check->err, &txn->store, r, &failure);
	}
	if (r == 0)
		return 0;
	return error_plain(check->err, r,
			   "%s: the change is made all the same, perhaps with ids"
			   " that others have: 'subid revoke' these leases",
			   txn->store.name);
}

/*
 * The second look, once leases are written: if one meets what others have by now, all are
 * taken back: -EAGAIN, explained.
 */
static int look_at_leases(struct subid_txn *txn, struct subid_error *err)
{
	struct check check = { .txn = txn, .err = err };
	int failed = look_again(&check), r;

	if (failed == 0 && !check.raced)
		return 0;
	r = undo(&check);
	if (r != 0)
		return r;
	if (failed == 0)
		return error_plain(err, -EAGAIN,
				   "%s: others lease the same ids, or take them away, at"
				   " the same moment: no lease is made: try again",
				   txn->store.name);
	return error_plain(err, failed,
			   "%s: whether others have got the same ids meanwhile cannot be"
			   " seen: the leases are taken back: %s",
			   txn->store.name, strerror(-failed));
}

/* --- the commit ----------------------------------------------------------------------
 */

/*
 * The tables first.  Of what is granted: a line without a lease is no harm, a lease
 * without line would be.  Of what is taken back: a kill in between leaves the lease,
 * which keeps its ids from everybody, and with which the same call goes on.
 */
static int write_both(struct subid_txn *txn, bool *ret_tables, struct subid_error *err)
{
	bool changed = subid_txn_changed(txn);
	struct subid_failure failure;
	int r = subid_txn_commit(txn, &failure);

	if (r != 0)
		return error_failure(err, txn->sys, r, &failure);
	*ret_tables = txn->wrote_tables = changed;
	txn->wrote = changed;
	if (txn->leases == NULL)
		return 0;
	changed = subid_txn_changed(txn->leases);
	r = subid_txn_commit(txn->leases, &failure);
	txn->wrote |= r == 0 && changed;
	return r == 0 ? 0 : store_failure(err, &txn->store, r, &failure);
}

int subid_commit(struct subid_txn *txn, struct subid_error *err)
{
	bool tables = false;
	int r;

	error_clear(err);
	r = write_both(txn, &tables, err);
	/* the store's lock stays until it is known that the leases do */
	(void)txn_unlock(txn);
	if (r == 0 && txn->leasing != NULL)
		r = look_at_leases(txn, err);
	/* what comes after begins with locks of its own, or not at all */
	release_all(txn);
	if (r != 0)
		(void)txn_spoil(txn, r);
	subid_txn_free(&txn->leases);
	store_close(&txn->store);
	leasing_free(&txn->leasing);
	looked_free(txn);
	if (r != 0 && tables)
		return error_plain(err, r,
				   "%s: its part of the change is made all the same:"
				   " 'subid list' shows it",
				   txn->sys->etc_name);
	return r == 0 ? releases_look_again(txn, err) : r;
}

void subid_traced(const struct subid_txn *txn, struct subid_traced *ret)
{
	struct subid_traced traced = txn->traced;
	size_t size = ret->size;

	traced.written = txn->wrote;
	traced.tables = txn->wrote_tables && txn->is_traced;
	traced.changes += txn->leases_traced.changes;
	traced.audit += txn->leases_traced.audit;
	traced.log += txn->leases_traced.log;
	if (traced.audit_error == 0)
		traced.audit_error = txn->leases_traced.audit_error;
	if (traced.log_error == 0)
		traced.log_error = txn->leases_traced.log_error;
	if (size > sizeof(traced))
		size = sizeof(traced);
	memcpy(ret, &traced, size);
	ret->size = size;
}
