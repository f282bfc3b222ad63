/* SPDX-License-Identifier: MIT */
/*
 * Giving a range: what the owner has and should have, then a place for what is
 * missing, then the lines.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/change/private.h"

/* Everything about one grant that is known before a place is sought. */
struct plan {
	const struct subid_request *request;
	struct subid_decision policy;
	struct subid_sets has;
	struct subid_sets gives;
	uint32_t count[SUBID_KINDS]; /* 0: none of this kind */
};

static void plan_free(struct plan *plan)
{
	subid_sets_free(&plan->has);
	subid_sets_free(&plan->gives);
}

static bool is_asked(const struct subid_request *request, enum subid_kind kind)
{
	return (request->kinds & (1U << kind)) != 0;
}

static int make_plan(struct subid_txn *txn, struct plan *plan)
{
	const struct subid_request *request = plan->request;
	bool any = false;
	int r = subid_txn_decide(txn, request->owner, &plan->policy);

	if (r == 0 && plan->policy.verdict == SUBID_VERDICT_NEVER)
		r = SUBID_FORBIDDEN;
	if (r != 0)
		return r;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		/* also of a kind that is not asked for: its numbers are wanted */
		r = subid_table_owned(&txn->tables[kind], request->owner->spellings,
				      request->owner->n, &plan->has.of[kind]);
		if (r < 0)
			return r;
		if (!is_asked(request, kind))
			continue;
		plan->count[kind] =
		    request->count > 0 ? request->count : plan->policy.window[kind].count;
		/* who has ids keeps them, whatever policy gives now */
		any |= plan->count[kind] > 0 || plan->has.of[kind].n > 0;
	}
	return any || request->range.count > 0 ? 0 : SUBID_OFF;
}

/* For just the range that was asked for: the kinds that lack it. */
static int place_exact(struct plan *plan)
{
	struct id_range range = plan->request->range;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		int r;

		if (!is_asked(plan->request, kind) ||
		    subid_set_contains(&plan->has.of[kind], range))
			continue;
		r = subid_set_insert(&plan->gives.of[kind], range);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_enough(const struct plan *plan, enum subid_kind kind)
{
	return subid_set_size(&plan->has.of[kind]) >= plan->count[kind];
}

/* Others' by convention, where no window has them, and not accepted of the line? */
static bool is_custom(const struct subid_txn *txn, const struct plan *plan,
		      enum subid_kind kind, struct id_range range)
{
	return subid_set_meets(&txn->reservations[kind].conventional, range, NULL) &&
	       !subid_reservations_waived(
		   &txn->conf, subid_txn_line_owner(txn, plan->request->owner, kind));
}

static bool is_free(const struct subid_txn *txn, const struct plan *plan,
		    enum subid_kind kind, const struct subid_set *ids)
{
	for (size_t i = 0; i < ids->n; i++)
		if (subid_set_meets(&txn->taken.of[kind], ids->ranges[i], NULL) ||
		    is_custom(txn, plan, kind, ids->ranges[i]))
			return false;
	return true;
}

/* One kind has enough: the other gets what it lacks of the same numbers. */
static int place_like_other(const struct subid_txn *txn, struct plan *plan,
			    enum subid_kind kind)
{
	enum subid_kind other = kind == SUBID_UID ? SUBID_GID : SUBID_UID;
	int r;

	r = subid_set_subtract(&plan->has.of[other], &plan->has.of[kind],
			       &plan->gives.of[kind]);
	/* less than the count would have to be filled up the next time */
	if (r == 0 &&
	    (!is_free(txn, plan, kind, &plan->gives.of[kind]) ||
	     subid_set_size(&plan->has.of[kind]) + subid_set_size(&plan->gives.of[kind]) <
		 plan->count[kind]))
		plan->gives.of[kind].n = 0;
	return r;
}

static int place_fixed(const struct subid_txn *txn, struct plan *plan,
		       enum subid_kind kind)
{
	const struct subid_owner *owner = plan->request->owner;
	struct id_range range;
	int r;

	if (!owner->has_account || plan->count[kind] != txn->policy.window[kind].count)
		return SUBID_OFF;
	r = subid_policy_place(&txn->policy, kind, owner->uid, &range);
	if (r == 0)
		r = subid_set_insert(&plan->gives.of[kind], range);
	return r;
}

/* One kind's place is computed, the other's not: the same numbers, if they are free. */
static int place_beside_fixed(const struct subid_txn *txn, struct plan *plan,
			      enum subid_kind kind)
{
	const struct subid_set *fixed = &plan->gives.of[SUBID_KINDS - 1 - kind];

	if (fixed->n != 1 || fixed->ranges[0].count != plan->count[kind] ||
	    !is_free(txn, plan, kind, fixed))
		return 0;
	return subid_set_insert(&plan->gives.of[kind], fixed->ranges[0]);
}

static bool same_wants(const struct subid_want *a, const struct subid_want *b)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (a[kind].count != b[kind].count ||
		    !id_range_equal(a[kind].window, b[kind].window))
			return false;
	return true;
}

/* The first gap, sought from where the last search for the same ended. */
static int find_gap(struct subid_txn *txn, const struct subid_want wants[SUBID_KINDS],
		    uint32_t *ret)
{
	int r;

	if (!same_wants(wants, txn->hint_want)) {
		memcpy(txn->hint_want, wants, sizeof(txn->hint_want));
		txn->hint = 0;
	}
	r = subid_find_gap(wants, txn->hint, ret);
	if (r == 0)
		txn->hint = *ret;
	return r;
}

/* Where there is room for the kinds in need: at one place, else at two. */
static int place_in_gap(struct subid_txn *txn, struct plan *plan,
			const bool in_need[SUBID_KINDS])
{
	struct subid_want wants[SUBID_KINDS];
	uint32_t start;
	int r;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		wants[kind] = (struct subid_want){
			.taken = &txn->taken.of[kind],
			.window = subid_window_range(&plan->policy.window[kind]),
			.count = in_need[kind] ? plan->count[kind] : 0,
		};
	/* room for the kind that is not asked for, so that it can follow */
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (!is_asked(plan->request, kind))
			wants[kind].count = plan->count[SUBID_KINDS - 1 - kind];
	r = find_gap(txn, wants, &start);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct subid_want alone[SUBID_KINDS] = { { .count = 0 } };
		int one = r;

		if (!in_need[kind])
			continue;
		alone[kind] = wants[kind];
		if (one == SUBID_FULL)
			one = find_gap(txn, alone, &start);
		if (one == 0)
			one = subid_set_insert(
			    &plan->gives.of[kind],
			    (struct id_range){ start, wants[kind].count });
		if (one != 0)
			return one;
	}
	return 0;
}

static int place_anywhere(struct subid_txn *txn, struct plan *plan)
{
	bool in_need[SUBID_KINDS], pair = true;
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		in_need[kind] = plan->count[kind] > 0 &&
				(plan->request->another || !has_enough(plan, kind));
		pair &= plan->count[kind] > 0 || !is_asked(plan->request, kind);
	}
	for (enum subid_kind kind = 0; r == 0 && pair && kind < SUBID_KINDS; kind++)
		if (in_need[kind] && !in_need[SUBID_KINDS - 1 - kind])
			r = place_like_other(txn, plan, kind);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		in_need[kind] &= plan->gives.of[kind].n == 0;
		if (in_need[kind] && plan->policy.window[kind].deterministic) {
			r = place_fixed(txn, plan, kind);
			in_need[kind] = false;
		}
	}
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		if (in_need[kind] && !in_need[SUBID_KINDS - 1 - kind])
			r = place_beside_fixed(txn, plan, kind);
		in_need[kind] &= plan->gives.of[kind].n == 0;
	}
	if (r == 0 && (in_need[SUBID_UID] || in_need[SUBID_GID]))
		r = place_in_gap(txn, plan, in_need);
	return r;
}

/* Notes what the plan gives and is not free; SUBID_TAKEN if there is any. */
static int check_free(struct subid_txn *txn, const struct plan *plan)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		for (size_t i = 0; i < plan->gives.of[kind].n; i++) {
			struct id_range range = plan->gives.of[kind].ranges[i];
			int r = 0;

			if (subid_set_meets(&txn->taken.of[kind], range, NULL) ||
			    is_custom(txn, plan, kind, range))
				r = subid_txn_note(txn, kind, range);
			if (r < 0)
				return r;
		}
	}
	return txn->n_changes > 0 ? SUBID_TAKEN : 0;
}

static struct subid_event event_of(const struct subid_owner *owner)
{
	return (struct subid_event){
		.action = SUBID_ADD,
		.owner = owner->spellings[0].text,
		.owner_len = owner->spellings[0].len,
		.uid = owner->has_account ? owner->uid : SUBID_NO_UID,
	};
}

static int carry_out(struct subid_txn *txn, const struct plan *plan,
		     const struct subid_event *event)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_owner_name *owner =
		    subid_txn_line_owner(txn, plan->request->owner, kind);

		for (size_t i = 0; i < plan->gives.of[kind].n; i++) {
			struct id_range range = plan->gives.of[kind].ranges[i];
			int r = subid_txn_note(txn, kind, range);

			if (r == 0)
				r = subid_set_insert(&txn->taken.of[kind], range);
			if (r == 0)
				r = subid_table_add(&txn->tables[kind], owner->text,
						    owner->len, range);
			if (r == 0)
				r = subid_txn_record(txn, event, kind, range);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int note_holdings(struct subid_txn *txn, const struct plan *plan)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		for (size_t i = 0;
		     is_asked(plan->request, kind) && i < plan->has.of[kind].n; i++) {
			int r = subid_txn_note(txn, kind, plan->has.of[kind].ranges[i]);

			if (r < 0)
				return r;
		}
	}
	return SUBID_ENOUGH;
}

/* What was refused before ids were chosen.  Returns the answer, or -ENOMEM. */
static int record_no_place(struct subid_txn *txn, const struct plan *plan,
			   const struct subid_event *event, int answer)
{
	const struct subid_request *request = plan->request;
	struct subid_event refused = *event;
	int r = 0;

	refused.result = answer;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		uint32_t count =
		    plan->count[kind] > 0 ? plan->count[kind] : request->count;
		struct id_range range = request->range.count > 0
					    ? request->range
					    : (struct id_range){ SUBID_NO_PLACE, count };

		if (is_asked(request, kind))
			r = subid_txn_record(txn, &refused, kind, range);
	}
	return r == 0 ? answer : r;
}

int subid_txn_grant(struct subid_txn *txn, const struct subid_request *request,
		    struct subid_changes *ret)
{
	__attribute__((cleanup(plan_free))) struct plan plan = { .request = request };
	struct subid_event event = event_of(request->owner);
	int r;

	txn->n_changes = 0;
	if (txn->options.no_grants ||
	    (request->range.count > 0 && !id_range_valid(request->range)))
		return -EINVAL;
	r = make_plan(txn, &plan);
	if (r == 0)
		r = request->range.count > 0 ? place_exact(&plan)
					     : place_anywhere(txn, &plan);
	if (r == 0 && plan.gives.of[SUBID_UID].n == 0 && plan.gives.of[SUBID_GID].n == 0)
		r = note_holdings(txn, &plan);
	if (r == 0)
		r = subid_txn_check_owner(txn, request->owner);
	if (r == 0)
		r = check_free(txn, &plan);
	if (r == 0)
		r = carry_out(txn, &plan, &event);
	else if (r == SUBID_TAKEN)
		r = subid_txn_record_refused(txn, &event, r);
	else if (r > 0 && r != SUBID_ENOUGH)
		r = record_no_place(txn, &plan, &event, r);
	return subid_txn_end_call(txn, r, ret);
}
