/* SPDX-License-Identifier: MIT */
/*
 * A range for a container: what its owner holds and nobody uses, and why there is none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

/* Of a container, when login.defs gives none. */
#define COUNT_DEFAULT 65536

/* One that is asked for. */
struct lease {
	struct subid_txn *txn;
	const struct subid_request *request;
	struct subid_error *err;
	struct subid_lease_request asked;
	bool own;     /* with a line of its own in the tables */
	bool restore; /* what the container had */
};

/* --- why there is none ------------------------------------------------------------- */

/* What root, or the user, can do about it. */
static void advise(const struct lease *lease)
{
	const char *owner = lease->txn->leasing->owner->name;
	bool root = lease->txn->store.user == NULL;

	if (lease->txn->leasing->owner->held.of[SUBID_UID].n == 0 &&
	    lease->txn->leasing->owner->held.of[SUBID_GID].n == 0) {
		error_detail(lease->err, "'subid grant %s'%s gives %s a range", owner,
			     root ? "" : ", by root,", owner);
		return;
	}
	error_detail(lease->err,
		     "%s: 'subid grant --another --count %u %s'%s gives more,"
		     " --count takes less, 'subid revoke %s/NAME' and then"
		     " 'subid unhold' give back what a container had ('subid list"
		     " '!released'' shows what rests)%s",
		     owner, lease->asked.count, owner, root ? "" : ", by root,", owner,
		     root ? "; or --own" : "");
}

static uint32_t largest_gap(const struct lease *lease, enum subid_kind kind)
{
	const struct lease_owner *owner = lease->txn->leasing->owner;
	const struct subid_set *in_store = &lease->txn->leases->taken.of[kind];
	auto_set struct subid_set closed = { .ranges = NULL }, left = { .ranges = NULL };
	uint32_t largest = 0;
	int r = subid_set_unite(&closed, in_store);

	if (r == 0)
		r = subid_set_unite(&closed, &owner->avoid.of[kind]);
	if (r == 0)
		r = lease_left_add(lease->txn->leases, &lease->asked, kind, &closed);
	if (r == 0)
		r = subid_set_subtract(&owner->held.of[kind], &closed, &left);
	for (size_t i = 0; r == 0 && i < left.n; i++)
		if (left.ranges[i].count > largest)
			largest = left.ranges[i].count;
	return largest;
}

static int explain_full(const struct lease *lease)
{
	const struct lease_owner *owner = lease->txn->leasing->owner;
	const char *name = lease->request->owner;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_set *held = &owner->held.of[kind];
		const char *id = subid_kind_name(kind);
		uint32_t gap = largest_gap(lease, kind);

		if ((lease->asked.kinds & (1U << kind)) != 0 && gap >= lease->asked.count)
			align_explain(name, lease->asked.count, kind, owner->name,
				      lease->asked.align, lease->err);
		if ((lease->asked.kinds & (1U << kind)) == 0 || gap >= lease->asked.count)
			continue;
		if (held->n == 0) {
			error_detail(lease->err, "%s: %s holds no %ss", name, owner->name,
				     id);
			continue;
		}
		for (size_t i = 0; i < held->n; i++)
			if (lease_owner_explain(lease->txn, name, kind, held->ranges[i],
						lease->err) +
				lease_left_explain(lease->txn->leases, name, kind,
						   held->ranges[i], lease->err) >
			    0)
				break;
		error_detail(lease->err,
			     "%s: no room for %u %ss: of the %llu that %s holds, at"
			     " most %u are free in one piece",
			     name, lease->asked.count, id,
			     (unsigned long long)subid_set_size(held), owner->name, gap);
	}
	advise(lease);
	return error_code(lease->err, SUBID_FULL);
}

static int explain_range(const struct lease *lease, int answer,
			 const struct subid_changes *changes)
{
	const struct lease_owner *owner = lease->txn->leasing->owner;
	const char *name = lease->request->owner;
	size_t n = 0;

	for (size_t i = 0; i < changes->n && n == 0; i++) {
		const struct subid_change *change = &changes->list[i];

		if (answer == SUBID_TAKEN) {
			n = lease_owner_explain(lease->txn, name, change->kind,
						change->range, lease->err);
			n += lease_left_explain(lease->txn->leases, name, change->kind,
						change->range, lease->err);
		} else if (!subid_set_contains(&owner->held.of[change->kind],
					       change->range)) {
			error_detail(lease->err,
				     "%s: %s %u-%llu: %s does not hold all of it", name,
				     subid_kind_name(change->kind), change->range.start,
				     (unsigned long long)id_range_end(change->range) - 1,
				     owner->name);
			n = 1;
		}
	}
	if (n > 0)
		return error_code(lease->err, answer);
	return error_plain(lease->err, answer,
			   "%s: held for the files of a container that is gone: 'subid"
			   " unhold' gives the ids back",
			   name);
}

/* --- the range --------------------------------------------------------------------- */

/* For the second look. */
static int note_given(struct lease *lease, struct subid_change change)
{
	struct leasing *leasing = lease->txn->leasing;
	char *name = strdup(lease->request->owner);

	if (name == NULL ||
	    array_grow(&leasing->given, leasing->n_given, sizeof(*leasing->given)) < 0) {
		free(name);
		return -ENOMEM;
	}
	leasing->given[leasing->n_given++] =
	    (struct lease_given){ name, change.kind, change.range };
	return 0;
}

static int hand_out(struct lease *lease, int answer, const struct subid_changes *changes)
{
	int r = txn_add_result(lease->txn, changes);

	for (size_t i = 0; r == 0 && answer == 0 && i < changes->n; i++)
		r = note_given(lease, changes->list[i]);
	return r < 0 ? txn_spoil(lease->txn, error_memory(lease->err)) : answer;
}

/* One range of a new line, to the container that it was made for. */
static int lease_line(struct lease *lease, struct subid_change change)
{
	struct subid_sets own = { .of = { { .n = 0 } } };
	struct subid_lease_request asked = lease->asked;
	const char *name = lease->request->owner;
	struct subid_changes changes;
	int r;

	own.of[change.kind] = (struct subid_set){ .ranges = &change.range, .n = 1 };
	asked.held = &own;
	asked.kinds = 1U << change.kind;
	asked.range = change.range;
	r = subid_lease_grant(lease->txn->leases, &asked, &changes);
	if (r == 0)
		return hand_out(lease, 0, &changes);
	if (r < 0)
		return error_errno(lease->err, name, r);
	return error_plain(lease->err, r, "%s: %s %u-%llu: not free in %s", name,
			   subid_kind_name(change.kind), change.range.start,
			   (unsigned long long)id_range_end(change.range) - 1,
			   lease->txn->store.name);
}

/* The owner gets one more line, and the container just that. */
static int lease_own(struct lease *lease)
{
	struct subid_txn *txn = lease->txn;
	const char *name = lease->request->owner;
	const struct grant_request request = {
		.owner = lease->asked.owner,
		.kinds = lease->asked.kinds,
		.count = lease->asked.count,
		.align = lease->asked.align,
		.another = true,
	};
	struct subid_changes changes;
	int r = subid_txn_grant(txn, &request, &changes);

	if (r < 0)
		return error_errno(lease->err, name, r);
	if (r == SUBID_TAKEN)
		return taken_explain(txn, name, changes.list[0], lease->err);
	if (r != 0)
		return grant_refused(txn, name, &request, r, lease->err);
	for (size_t i = 0; r == 0 && i < changes.n; i++)
		r = lease_line(lease, changes.list[i]);
	/* a line without its lease is not to be written */
	return r == 0 ? 0 : txn_spoil(txn, r);
}

/* By range a container may be given what it has already, by its runtime's word. */
static int grant(struct lease *lease, struct subid_changes *ret)
{
	auto_sets struct subid_sets avoid = { .of = { { .n = 0 } } };
	int r = 0;

	if (lease->asked.range.count > 0) {
		r = lease_owner_avoid_but(lease->txn->leasing->owner, lease->asked.name,
					  &avoid);
		lease->asked.avoid = &avoid;
	}
	if (r == 0)
		r = subid_lease_grant(lease->txn->leases, &lease->asked, ret);
	lease->asked.avoid = &lease->txn->leasing->owner->avoid;
	return r;
}

/*
 * A lease out of a line that is there no more is none: the ids may be another owner's by
 * now, and newuidmap maps them for nobody but that one.  SUBID_ENOUGH; else explained.
 */
static int check_kept(const struct lease *lease, const struct subid_changes *changes)
{
	const struct lease_owner *owner = lease->txn->leasing->owner;
	const char *name = lease->request->owner;
	size_t n = 0;

	for (size_t i = 0; i < changes->n; i++) {
		const struct subid_change *change = &changes->list[i];

		if (subid_set_contains(&owner->held.of[change->kind], change->range))
			continue;
		n++;
		error_detail(lease->err,
			     "%s: has a lease of %s %u-%llu, which %s does not hold any"
			     " more",
			     name, subid_kind_name(change->kind), change->range.start,
			     (unsigned long long)id_range_end(change->range) - 1,
			     owner->name);
	}
	if (n == 0)
		return SUBID_ENOUGH;
	return error_plain(
	    lease->err, SUBID_DENIED,
	    "%s: 'subid revoke %s' takes this lease back, and then another"
	    " one can be granted; the container's files must be moved to it",
	    name, name);
}

/* All that the container had, or nothing. */
static int restore(struct lease *lease)
{
	auto_sets struct subid_sets had = { .of = { { .n = 0 } } };
	const char *name = lease->request->owner;
	int r = lease_former(lease->txn->leases, &lease->asked, &had);

	if (r == SUBID_ABSENT)
		return error_plain(lease->err, r,
				   "%s: no ids are known that it had and has no more"
				   " ('subid list --released' shows what is known)",
				   name);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		for (size_t i = 0; r == 0 && i < had.of[kind].n; i++) {
			struct subid_changes changes = { .n = 0 };

			lease->asked.kinds = 1U << kind;
			lease->asked.range = had.of[kind].ranges[i];
			r = grant(lease, &changes);
			if (r == 0)
				r = hand_out(lease, 0, &changes);
			else if (r > 0)
				r = explain_range(lease, r, &changes);
		}
	if (r < 0)
		(void)error_errno(lease->err, name, r);
	return r == 0 ? 0 : txn_spoil(lease->txn, r);
}

/* A user's leases are in no ledger. */
static int check_restore(const struct lease *lease)
{
	return lease->txn->store.user == NULL
		   ? 0
		   : error_plain(lease->err, SUBID_DENIED,
				 "%s: the ledger knows root's leases alone: 'subid"
				 " unhold' and --range give the same ids again",
				 lease->request->owner);
}

static int lease_one(struct lease *lease)
{
	static const struct subid_sets nothing;
	struct leasing *leasing = lease->txn->leasing;
	const struct subid_request *request = lease->request;
	struct subid_changes changes = { .n = 0 };
	int r;

	lease->asked = (struct subid_lease_request){
		.owner = &leasing->owner->owner,
		.name = request->owner + subid_lease_owner(request->owner) + 1,
		.held = lease->own ? &nothing : &leasing->owner->held,
		.avoid = &leasing->owner->avoid,
		.kinds = request_kinds(request),
		.count = request->count > 0 ? request->count : leasing->count,
		.range = request->range,
		.align = request_has(request, SUBID_ALIGN) ? request->align : 0,
		.another = request_has(request, SUBID_ANOTHER),
		/* what is hidden may be in what containers had */
		.reuse_left = request_has(request, SUBID_REUSE_LEFT) &&
			      leasing->unseen.n_hidden == 0,
	};
	/* as in subid_grant() */
	if (++lease->txn->n_grants == 2 && subid_txn_prepare_bulk(lease->txn->leases) < 0)
		return error_memory(lease->err);
	if (lease->restore) {
		r = check_restore(lease);
		return r == 0 ? restore(lease) : r;
	}
	r = grant(lease, &changes);
	if (r < 0)
		return error_errno(lease->err, request->owner, r);
	if (r == SUBID_FULL && lease->own)
		return lease_own(lease);
	if (r == SUBID_FULL)
		return explain_full(lease);
	if (r == SUBID_DENIED || r == SUBID_TAKEN)
		return explain_range(lease, r, &changes);
	if (r == SUBID_ENOUGH)
		r = check_kept(lease, &changes);
	return r == 0 || r == SUBID_ENOUGH ? hand_out(lease, r, &changes) : r;
}

/* --- what comes before ------------------------------------------------------------- */

static int find_count(struct subid_txn *txn, struct subid_error *err)
{
	struct subid_policy policy = subid_policy_default;
	struct subid_failure failure = { .file = "login.defs" };
	int r = subid_policy_load(txn->sys->etc, txn->sys->host, &policy, &failure.place);

	if (r != 0)
		return error_failure(err, txn->sys, r, &failure);
	txn->leasing->count = policy.window[SUBID_UID].count;
	if (txn->leasing->count == 0)
		txn->leasing->count = COUNT_DEFAULT;
	return 0;
}

/* An owner whose lines are others by now, while the look was taken, is looked at again.
 */
#define LOOKS_MAX 3

/* The locks, in their order, and the tables as they are with them. */
static int open_store(struct lease *lease)
{
	struct subid_txn *txn = lease->txn;
	int r = lease->own ? txn_lock_tables(txn, lease->err) : 0;

	if (r == 0)
		r = txn_open_store(txn, TXN_STORE_CREATE, lease->err);
	if (r == 0 && lease->own && txn->store.user != NULL)
		r = error_plain(lease->err, -EPERM, "--own: run this as root");
	if (r == 0 && !leasing_is_as_read(txn))
		r = leasing_load_tables(txn, lease->err);
	txn->leasing->open = r == 0;
	return r;
}

static void look_anew(struct subid_txn *txn)
{
	if (txn->leases != NULL) {
		subid_txn_release(txn->leases);
		history_warn_leases(txn->sys, txn, txn->leases);
	}
	subid_txn_free(&txn->leases);
	looked_free(txn);
	store_close(&txn->store);
	leasing_free(&txn->leasing);
	(void)txn_unlock(txn);
}

static int look_and_open(struct lease *lease, size_t owner_len)
{
	struct subid_txn *txn = lease->txn;

	for (int i = 0; i < LOOKS_MAX; i++) {
		int r = txn->leasing == NULL ? leasing_begin(txn, lease->err) : 0;

		if (r == 0 && owner_len > 0)
			r = lease_owner_look(txn, lease->request->owner, owner_len,
					     lease->err);
		if (r == 0)
			r = open_store(lease);
		if (r != 0 || owner_len == 0 || lease_owner_is_as_looked(txn))
			return r;
		look_anew(txn);
	}
	return error_plain(lease->err, -EAGAIN,
			   "%s: the lines of the owner are being changed all the time:"
			   " try again",
			   lease->request->owner);
}

/* Before the first lease: looks at what takes long, then locks, then reads. */
static int prepare(struct lease *lease, size_t owner_len)
{
	struct subid_txn *txn = lease->txn;
	int r = 0;

	if (txn->leasing == NULL || !txn->leasing->open) {
		r = look_and_open(lease, owner_len);
		if (r != 0)
			return r == SUBID_BUSY ? r : txn_spoil(txn, r);
	}
	if (txn->leasing->count == 0 && lease->request->count == 0 &&
	    lease->request->range.count == 0)
		r = find_count(txn, lease->err);
	return r != 0 ? txn_spoil(txn, r) : 0;
}

static int check_txn(const struct lease *lease)
{
	if (lease->own && lease->txn->users == NULL)
		return error_plain(lease->err, -EPERM, "--own: run this as root");
	if (lease->txn->options.no_grants)
		return error_plain(lease->err, -EINVAL,
				   "this transaction is begun without grants");
	return 0;
}

static int check_name(const struct lease *lease, size_t owner_len)
{
	const char *owner = lease->request->owner;

	if (owner_len > 0 &&
	    subid_lease_name_valid(owner + owner_len + 1, strlen(owner + owner_len + 1)))
		return 0;
	return error_plain(lease->err, SUBID_INVALID,
			   "%s: write OWNER/NAME, where NAME is at most %d"
			   " letters, digits and _.@+-, and begins with a letter,"
			   " a digit or _",
			   owner, SUBID_LEASE_NAME_MAX);
}

/* With a line of its own that is done where the line is refused. */
static int refuse(const struct lease *lease, int answer)
{
	struct subid_txn *txn = lease->txn;
	const struct subid_owner *owner = lease->asked.owner; /* NULL: not found */

	if (answer <= 0 || answer == SUBID_ENOUGH || lease->own || txn->leases == NULL)
		return answer;
	return txn_refuse(txn->leases, lease->request, owner,
			  owner == NULL ? SUBID_UNKNOWN : answer) < 0
		   ? error_memory(lease->err)
		   : answer;
}

static int look_ahead(struct subid_txn *txn, const struct subid_request *request,
		      size_t owner_len, struct subid_error *err)
{
	int r = txn->leasing == NULL ? leasing_begin(txn, err) : 0;

	if (r == 0 && owner_len > 0 && !txn->leasing->open)
		r = lease_owner_look(txn, request->owner, owner_len, err);
	return r;
}

int lease_ask(struct subid_txn *txn, const struct subid_request *request, bool restore,
	      struct subid_error *err)
{
	struct lease lease = {
		.txn = txn,
		.request = request,
		.err = err,
		.own = request_has(request, SUBID_OWN),
		.restore = restore,
	};
	size_t owner_len;
	int r = request_check(request, err);

	if (r < 0)
		return r;
	owner_len = subid_lease_owner(request->owner);
	r = txn_new_result(txn, request->owner, SUBID_STATE_LEASED, err);
	if (r == 0)
		r = check_txn(&lease);
	if (r == 0 && request_has(request, SUBID_PREPARE))
		return look_ahead(txn, request, owner_len, err);
	if (r == 0)
		r = prepare(&lease, owner_len);
	if (r == 0)
		r = check_name(&lease, owner_len);
	if (r == 0)
		r = lease_owner_find(txn, request->owner, owner_len, err);
	if (r == 0)
		r = lease_one(&lease);
	return refuse(&lease, r);
}

int subid_lease(struct subid_txn *txn, const struct subid_request *request,
		struct subid_error *err)
{
	return lease_ask(txn, request, false, err);
}
