/* SPDX-License-Identifier: MIT */
/*
 * Giving a range: what the owner has and should have, then a place for what is missing,
 * then the lines.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/change/private.h"
#include "libsubid/core/range.h"

/* --- the range -----------------------------------------------------------------------
 */

/* Everything about one grant that is known before a place is sought. */
struct plan {
	const struct grant_request *request;
	struct subid_decision policy;
	struct subid_sets has;
	struct place places[SUBID_KINDS];
};

static void plan_free(struct plan *plan)
{
	subid_sets_free(&plan->has);
	places_free(plan->places);
}

static bool is_asked(const struct grant_request *request, enum subid_kind kind)
{
	return (request->kinds & (1U << kind)) != 0;
}

/* The ids that are others' by convention and in no window, unless the site allows them.
 */
static const struct subid_set *conventional(const struct subid_txn *txn,
					    const struct plan *plan, enum subid_kind kind)
{
	const struct subid_owner_name *line =
	    subid_txn_line_owner(txn, plan->request->owner, kind);

	return subid_reservations_waived(&txn->conf, line)
		   ? NULL
		   : &txn->reservations[kind].conventional;
}

static int make_plan(struct subid_txn *txn, struct plan *plan)
{
	const struct grant_request *request = plan->request;
	bool any = false;
	int r = subid_txn_decide(txn, request->owner, &plan->policy);

	/* who could be given its own id could map it twice, and runtimes refuse that */
	if (r == 0 && !txn->options.look)
		r = own_add(txn, request->owner);

	if (r == 0 && plan->policy.verdict == SUBID_VERDICT_NEVER)
		r = SUBID_FORBIDDEN;
	if (r != 0)
		return r;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_window *window = &plan->policy.window[kind];
		struct place *place = &plan->places[kind];

		*place = (struct place){
			.asked = is_asked(request, kind),
			.window = subid_window_range(window),
			.align = align_of(request),
			.has = &plan->has.of[kind],
			.taken = &txn->taken.of[kind],
			.rests = txn->options.ledger ? &txn->rests.of[kind] : NULL,
			.also = conventional(txn, plan, kind),
		};
		/* also of a kind that is not asked for: its numbers are wanted */
		r = subid_table_owned(&txn->tables[kind], request->owner->spellings,
				      request->owner->n, &plan->has.of[kind]);
		if (r < 0)
			return r;
		if (!place->asked)
			continue;
		place->count = request->count > 0 ? request->count : window->count;
		/* who has ids keeps them, whatever policy gives now */
		any |= place->count > 0 || plan->has.of[kind].n > 0;
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
		r = subid_set_insert(&plan->places[kind].gives, range);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Where SUB_*_DETERMINISTIC puts it. */
static int place_fixed(const struct subid_txn *txn, struct plan *plan,
		       enum subid_kind kind)
{
	const struct subid_owner *owner = plan->request->owner;
	struct place *place = &plan->places[kind];
	struct id_range range;
	int r;

	if (!owner->has_account || place->count != txn->policy.window[kind].count)
		return SUBID_OFF;
	r = subid_policy_place(&txn->policy, kind, owner->uid, &range);
	if (r == 0 && plan->request->align > 0 && range.start % plan->request->align != 0)
		return SUBID_FULL;
	if (r == 0)
		r = subid_set_insert(&place->gives, range);
	return r;
}

/* Is a place still to be found for this kind? */
static bool lacks(const struct place *place)
{
	return place->needed && place->gives.n == 0;
}

/* One kind's place is computed, the other's not: the same numbers, if they are free. */
static int place_beside_fixed(struct place *place, const struct subid_set *fixed)
{
	if (fixed->n != 1 || fixed->ranges[0].count != place->count ||
	    !place_is_free(place, fixed))
		return 0;
	return subid_set_insert(&place->gives, fixed->ranges[0]);
}

/* Numbers that were chosen for the other kind's sake are no reason to give what somebody
 * has left. */
static int drop_left(struct subid_txn *txn, struct plan *plan)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		struct subid_set *gives = &plan->places[kind].gives;

		if (plan->policy.window[kind].deterministic)
			continue;
		for (size_t i = 0; r == 0 && i < gives->n; i++)
			r = left_check(txn, plan->request, kind, gives->ranges[i]);
		if (r == SUBID_TAKEN) {
			gives->n = 0;
			r = 0;
		}
	}
	return r;
}

static int place_anywhere(struct subid_txn *txn, struct plan *plan)
{
	struct place *places = plan->places;
	int r;

	(void)places_need(places, plan->request->another); /* what it is asks the rest */
	r = places_like_other(places);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if (lacks(&places[kind]) && plan->policy.window[kind].deterministic)
			r = place_fixed(txn, plan, kind);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if (lacks(&places[kind]) && !lacks(&places[SUBID_KINDS - 1 - kind]))
			r = place_beside_fixed(&places[kind],
					       &places[SUBID_KINDS - 1 - kind].gives);
	if (r == 0)
		r = drop_left(txn, plan);
	if (r == 0)
		r = places_in_gap(places, &txn->hint);
	return r == SUBID_FULL ? left_places(txn, plan->request, places) : r;
}

static int choose(struct subid_txn *txn, struct plan *plan)
{
	if (plan->request->range.count > 0)
		return place_exact(plan);
	if (txn->options.look)
		return places_need(plan->places, plan->request->another) ? SUBID_ABSENT
									 : 0;
	return place_anywhere(txn, plan);
}

/* Notes what the plan gives and is not free; SUBID_TAKEN if there is any. */
static int check_free(struct subid_txn *txn, const struct plan *plan)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct place *place = &plan->places[kind];

		for (size_t i = 0; i < place->gives.n; i++) {
			struct id_range *range = &place->gives.ranges[i];
			const struct subid_set one = { .ranges = range, .n = 1 };
			int r;

			r = place_is_free(place, &one)
				? left_check(txn, plan->request, kind, *range)
				: SUBID_TAKEN;
			if (r == SUBID_TAKEN)
				r = subid_txn_note(txn, kind, *range);
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

		for (size_t i = 0; i < plan->places[kind].gives.n; i++) {
			struct id_range range = plan->places[kind].gives.ranges[i];
			int r = subid_txn_note(txn, kind, range);

			if (r == 0)
				r = subid_set_insert(&txn->taken.of[kind], range);
			if (r == 0 && txn->options.ledger)
				r = subid_set_insert(&txn->rests.of[kind], range);
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

static int note_owned(struct subid_txn *txn, const struct plan *plan)
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
	const struct grant_request *request = plan->request;
	struct subid_event refused = *event;
	int r = 0;

	refused.result = answer;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		uint32_t planned = plan->places[kind].count;
		uint32_t count = planned > 0 ? planned : request->count;
		struct id_range range = request->range.count > 0
					    ? request->range
					    : (struct id_range){ SUBID_NO_PLACE, count };

		if (is_asked(request, kind))
			r = subid_txn_record(txn, &refused, kind, range);
	}
	return r == 0 ? answer : r;
}

int subid_txn_grant(struct subid_txn *txn, const struct grant_request *request,
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
		r = choose(txn, &plan);
	if (r == 0 && plan.places[SUBID_UID].gives.n == 0 &&
	    plan.places[SUBID_GID].gives.n == 0)
		r = note_owned(txn, &plan);
	else if (r >= 0 && txn->options.look)
		r = SUBID_ABSENT;
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
