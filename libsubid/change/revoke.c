/* SPDX-License-Identifier: MIT */
/*
 * Taking ranges back, and keeping ids out of all hands.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"

/* Up to so many names are looked for in a pass without an index, which is faster. */
#define OWNER_NAMES_FEW 16

/* What happens to ids that are held, or held no longer. */
static struct subid_event event_of_holder(enum subid_action action, const char *holder)
{
	return (struct subid_event){
		.action = action,
		.owner = holder,
		.owner_len = strlen(holder),
		.uid = SUBID_NO_UID,
	};
}

/* Cuts range out of every entry of one spelling; what goes is added to *gone, in any
 * order: in a table that an index is for, or in falling order, to keep it sorted would
 * move it with each line. */
static int cut_spelling(struct subid_txn *txn, enum subid_kind kind,
			const struct subid_owner_name *spelling, struct id_range range,
			const struct subid_event *event, struct subid_set *gone)
{
	struct subid_table *table = &txn->tables[kind];
	const char *owner = spelling->text;
	size_t len = spelling->len;

	for (size_t i = subid_table_first(table, owner, len); i < table->n;
	     i = subid_table_after(table, i)) {
		struct id_range common = id_range_common(table->entries[i].range, range);
		int r;

		if (common.count == 0)
			continue;
		r = subid_txn_note(txn, kind, common);
		if (r == 0)
			r = subid_set_add(gone, common);
		if (r == 0)
			r = subid_table_cut(table, i, common);
		if (r == 0)
			r = subid_txn_record(txn, event, kind, common);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Which of the changes have ids that another line has too; left: what entries
 * have. */
static void mark_shared(struct subid_txn *txn, enum subid_kind kind,
			const struct subid_set *left)
{
	for (size_t i = 0; i < txn->n_changes; i++)
		if (txn->changes[i].kind == kind)
			txn->changes[i].shared =
			    subid_set_meets(left, txn->changes[i].range, NULL);
}

/*
 * Had no other entry any of the ids gone?  shared: what was counted of the table before
 * they went, once for many owners; NULL: that is not known.
 */
static bool was_alone(const struct subid_set *shared, const struct subid_set *gone)
{
	for (size_t i = 0; shared != NULL && i < gone->n; i++)
		if (subid_set_meets(shared, gone->ranges[i], NULL))
			return false;
	return shared != NULL;
}

/* What entries have of the ids gone, sorted: to unite all that entries have would take
 * longer than a pass over them. */
static int still_granted(const struct subid_table *table, const struct subid_set *gone,
			 struct subid_set *ret)
{
	struct id_range hull = id_range_between(gone->ranges[0].start,
						id_range_end(gone->ranges[gone->n - 1]));
	int r = 0;

	for (size_t i = 0; r == 0 && i < table->n; i++) {
		struct id_range range = table->entries[i].range;

		if (id_range_overlaps(range, hull) && subid_set_meets(gone, range, NULL))
			r = subid_set_add(ret, range);
	}
	subid_set_sort(ret);
	return r;
}

/*
 * Of the ids gone, those that no entry has any more are held, unless for reuse; alone:
 * none has.
 * Threat: what only some reader takes from a comment or a broken line would else not
 * rest, and be anybody's once that line is mended or deleted.
 */
static int let_go(struct subid_txn *txn, enum subid_kind kind,
		  const struct subid_set *gone, bool alone, bool reuse)
{
	auto_set struct subid_set left = { .ranges = NULL }, held = { .ranges = NULL };
	struct subid_event event = event_of_holder(SUBID_HOLD, SUBID_OWNER_RELEASED);
	int r = alone ? 0 : still_granted(&txn->tables[kind], gone, &left);

	if (r < 0)
		return r;
	mark_shared(txn, kind, &left);
	r = subid_set_subtract(gone, &left, &held);
	if (r == 0 && reuse)
		return subid_set_unite(&txn->history.cleared.of[kind], &held);
	if (r == 0)
		r = holds_rest(txn, kind, &held);
	for (size_t i = 0; r == 0 && i < held.n; i++)
		r = subid_set_add(&txn->rested.of[kind], held.ranges[i]);
	for (size_t i = 0; r == 0 && i < held.n; i++)
		r = subid_txn_record(txn, &event, kind, held.ranges[i]);
	return r;
}

static struct id_range all_if_empty(struct id_range range)
{
	return range.count > 0 ? range : id_range_between(0, ID_COUNT_MAX);
}

int subid_txn_revoke(struct subid_txn *txn, const struct subid_owner *owner,
		     unsigned int kinds, struct id_range range, bool reuse,
		     struct subid_changes *ret)
{
	struct subid_event event = {
		.action = SUBID_REMOVE,
		.owner = owner->spellings[0].text,
		.owner_len = owner->spellings[0].len,
		.uid = owner->has_account ? owner->uid : SUBID_NO_UID,
	};
	int r = 0;

	txn->n_changes = 0;
	range = all_if_empty(range);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set gone = { .ranges = NULL };
		struct subid_table *table = &txn->tables[kind];
		const struct subid_set *shared = NULL;

		if ((kinds & (1U << kind)) == 0)
			continue;
		if (table->buckets != NULL)
			shared = subid_table_shared(table);
		else if (owner->n > OWNER_NAMES_FEW)
			r = subid_table_index(table);
		for (size_t s = 0; r == 0 && s < owner->n; s++)
			r = cut_spelling(txn, kind, &owner->spellings[s], range, &event,
					 &gone);
		subid_set_sort(&gone);
		if (r == 0 && gone.n > 0)
			r = let_go(txn, kind, &gone, was_alone(shared, &gone), reuse);
	}
	if (r == 0 && txn->n_changes == 0)
		r = SUBID_ABSENT;
	return subid_txn_end_call(txn, r, ret);
}

int subid_txn_rest(struct subid_txn *txn, enum subid_kind kind, struct id_range range)
{
	auto_set struct subid_set gone = { .ranges = NULL };
	struct subid_changes none;
	int r;

	if (!id_range_valid(range))
		return -EINVAL;
	txn->n_changes = 0;
	r = subid_set_insert(&gone, range);
	if (r == 0)
		r = let_go(txn, kind, &gone, false, false);
	return subid_txn_end_call(txn, r, &none);
}

/* What of range is not held yet; SUBID_TAKEN if somebody has any of that. */
static int not_yet_held(const struct subid_txn *txn, enum subid_kind kind,
			struct id_range range, struct subid_set *ret)
{
	auto_set struct subid_set held = { .ranges = NULL }, all = { .ranges = NULL };
	auto_set struct subid_set lines = { .ranges = NULL };
	int r = held_in(&txn->tables[kind], &held);

	if (r == 0)
		r = subid_set_insert(&all, range);
	if (r == 0)
		r = subid_set_subtract(&all, &held, ret);
	if (r == 0)
		r = subid_table_taken(&txn->tables[kind], &lines);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ret->n; i++)
		if (subid_set_meets(&lines, ret->ranges[i], NULL) ||
		    subid_set_meets(&txn->accounts.of[kind], ret->ranges[i], NULL) ||
		    subid_set_meets(&txn->live.of[kind], ret->ranges[i], NULL) ||
		    subid_set_meets(&txn->absent.of[kind], ret->ranges[i], NULL))
			return SUBID_TAKEN;
	return 0;
}

static int add_holds(struct subid_txn *txn, enum subid_kind kind,
		     const struct subid_set *ids, const struct subid_event *event)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ids->n; i++) {
		r = subid_txn_note(txn, kind, ids->ranges[i]);
		if (r == 0)
			r = subid_txn_record(txn, event, kind, ids->ranges[i]);
	}
	if (r == 0)
		r = subid_set_unite(&txn->taken.of[kind], ids);
	if (r == 0)
		r = holds_add(&txn->tables[kind], SUBID_OWNER_RESERVED, ids);
	return r;
}

int subid_txn_hold(struct subid_txn *txn, unsigned int kinds, struct id_range range,
		   struct subid_changes *ret)
{
	auto_set struct subid_set uids = { .ranges = NULL }, gids = { .ranges = NULL };
	struct subid_set *const adds[SUBID_KINDS] = { &uids, &gids };
	struct subid_event event = event_of_holder(SUBID_HOLD, SUBID_OWNER_RESERVED);
	bool taken = false;
	int r = 0;

	txn->n_changes = 0;
	if (txn->options.no_grants)
		return -EINVAL;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		if ((kinds & (1U << kind)) == 0)
			continue;
		r = not_yet_held(txn, kind, range, adds[kind]);
		if (r == SUBID_TAKEN) {
			taken = true;
			r = subid_txn_note(txn, kind, range);
		}
	}
	for (enum subid_kind kind = 0; r == 0 && !taken && kind < SUBID_KINDS; kind++)
		r = add_holds(txn, kind, adds[kind], &event);
	if (r == 0 && taken)
		r = subid_txn_record_refused(txn, &event, SUBID_TAKEN);
	else if (r == 0 && txn->n_changes == 0)
		r = SUBID_ENOUGH;
	return subid_txn_end_call(txn, r, ret);
}

int subid_txn_unhold(struct subid_txn *txn, unsigned int kinds, struct id_range range,
		     struct subid_changes *ret)
{
	const struct subid_event events[] = {
		event_of_holder(SUBID_UNHOLD, SUBID_OWNER_RELEASED),
		event_of_holder(SUBID_UNHOLD, SUBID_OWNER_RESERVED),
	};
	int r = 0;

	txn->n_changes = 0;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		for (size_t i = 0; r == 0 && i < 2 && (kinds & (1U << kind)) != 0; i++) {
			auto_set struct subid_set gone = { .ranges = NULL };
			struct subid_owner_name holder = { events[i].owner,
							   events[i].owner_len };

			r = cut_spelling(txn, kind, &holder, range, &events[i], &gone);
			subid_set_sort(&gone);
			if (r == 0)
				r = subid_set_unite(&txn->history.cleared.of[kind],
						    &gone);
		}
	}
	if (r == 0 && txn->n_changes == 0)
		r = SUBID_ABSENT;
	return subid_txn_end_call(txn, r, ret);
}

/* --- held ids, as callers have them --------------------------------------------------
 */

int subid_hold(struct subid_txn *txn, const struct subid_request *request,
	       struct subid_error *err)
{
	const char *what = request->owner;
	struct subid_changes changes = { .n = 0 };
	int r = request_check(request, err);

	if (r < 0)
		return r;
	if (txn->users == NULL)
		return error_plain(err, -EINVAL,
				   "this transaction is begun for leases alone");
	r = txn_new_result(txn, SUBID_OWNER_RESERVED, SUBID_STATE_RESERVED, err);
	if (r < 0)
		return r;
	if (!id_range_valid(request->range))
		return error_plain(err, -EINVAL, "%s: not a valid range", what);
	r = txn_lock_tables(txn, err);
	if (r != 0)
		return r;
	r = subid_txn_hold(txn, request_kinds(request), request->range, &changes);
	if (r < 0)
		return error_errno(err, what, r);
	if (r == SUBID_TAKEN) {
		(void)txn_unlock(txn); /* names are looked up */
		rests_read(txn);
	}
	for (size_t i = 0; r == SUBID_TAKEN && i < changes.n; i++)
		r = taken_explain(txn, what, changes.list[i], err);
	if (r != 0 && r != SUBID_ENOUGH)
		return r;
	return txn_add_result(txn, &changes) < 0 ? txn_spoil(txn, error_memory(err)) : r;
}

/* Had containers any of the ids?  Only then the whole ledger need be read for them. */
static bool leases_had(const struct subid_txn *leases, const struct subid_sets *ids)
{
	const struct ledger_part *part = &leases->history.ledger.parts[LEDGER_LEASES];

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		for (size_t i = 0; i < ids->of[kind].n; i++)
			if (subid_set_meets(&part->seen.of[kind], ids->of[kind].ranges[i],
					    NULL))
				return true;
	return false;
}

/* What the tables hold, and what is held in the store of leases. */
static int unhold(struct subid_txn *txn, const struct subid_request *request,
		  struct subid_error *err)
{
	unsigned int kinds = request_kinds(request);
	struct subid_changes changes = { .n = 0 };
	int r = 0;

	if (txn->users != NULL)
		r = subid_txn_unhold(txn, kinds, request->range, &changes);
	if (r >= 0)
		r = txn_add_result(txn, &changes);
	if (r < 0)
		return error_errno(err, request->owner, r);
	txn->n_lines = txn->n_result;
	r = txn_open_store(txn, TXN_STORE_READ, err);
	if (r != 0 || txn->leases == NULL)
		return r;
	changes.n = 0;
	r = subid_txn_unhold(txn->leases, kinds, request->range, &changes);
	if (r == 0)
		r = txn_add_result(txn, &changes);
	/* what no line holds any more may be in the ledger all the same */
	if (r == 0)
		r = subid_sets_unite(&txn->history.cleared,
				     &txn->leases->history.cleared);
	if (r >= 0 && leases_had(txn->leases, &txn->history.cleared))
		r = subid_sets_unite(&txn->leases->history.cleared,
				     &txn->history.cleared);
	/* whose they were is said; a long ledger is read in vain if there are none */
	if (r == 0 && changes.n > 0)
		rests_read(txn->leases);
	return r < 0 ? error_errno(err, txn->store.name, r) : 0;
}

int subid_unhold(struct subid_txn *txn, const struct subid_request *request,
		 struct subid_error *err)
{
	int r = request_check(request, err);

	if (r < 0)
		return r;
	r = txn_new_result(txn, "-", SUBID_STATE_FREE, err);
	if (r < 0)
		return r;
	if (!id_range_valid(request->range))
		return error_plain(err, -EINVAL, "%s: not a valid range", request->owner);
	r = held_check(txn, request, err);
	if (request_has(request, SUBID_PREPARE))
		return r;
	if (r == 0)
		r = unhold(txn, request, err);
	/* whose they were is said */
	if (r == 0 && txn->options.ledger && txn->history.why == 0)
		r = ledger_read(&txn->history.ledger, true) < 0 ? error_memory(err) : 0;
	if (r != 0)
		return txn_spoil(txn, r);
	if (txn->n_result == 0)
		return error_plain(err, SUBID_ABSENT, "%s: none of these ids is held",
				   request->owner);
	txn->unheld = true;
	return 0;
}
