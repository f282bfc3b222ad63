/* SPDX-License-Identifier: MIT */
/*
 * A store of leases, changed.  It is a transaction as over the tables, in another
 * directory and by simpler rules: there is no policy, and nothing but the owner's own ids
 * can be given.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

/* Every name under which the store may know a container; the first is written. */
struct spellings {
	struct subid_owner_name *list;
	size_t n;
	char *text;
};

static void spellings_free(struct spellings *spellings)
{
	free(spellings->list);
	free(spellings->text);
}

#define auto_spellings __attribute__((cleanup(spellings_free)))

static int spell(const struct subid_txn *txn, const struct subid_owner *owner,
		 const char *name, struct spellings *ret)
{
	size_t n = txn->lease_user ? 1 : owner->n, name_len = strlen(name), room = 0;
	char *at;

	for (size_t i = 0; i < n; i++)
		room += owner->spellings[i].len + name_len + 2;
	ret->list = calloc(n + 1, sizeof(*ret->list));
	ret->text = at = malloc(room + 1);
	if (ret->list == NULL || at == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		size_t len = txn->lease_user ? 0 : owner->spellings[i].len;
		char *start = at;

		if (!txn->lease_user) {
			at = mempcpy(at, owner->spellings[i].text, len);
			*at++ = '/';
		}
		at = mempcpy(at, name, name_len);
		ret->list[i] = (struct subid_owner_name){ start, (size_t)(at - start) };
	}
	ret->n = n;
	return 0;
}

/* Everything about one lease that is known before a place is sought. */
struct plan {
	const struct subid_lease_request *request;
	struct spellings spellings;
	struct subid_sets has;
	struct subid_sets closed; /* ids that cannot be given */
	struct place places[SUBID_KINDS];
};

static void plan_free(struct plan *plan)
{
	spellings_free(&plan->spellings);
	subid_sets_free(&plan->has);
	subid_sets_free(&plan->closed);
	places_free(plan->places);
}

/* Everything but what the owner holds and nobody has. */
static int find_closed(struct subid_txn *txn, const struct subid_lease_request *request,
		       enum subid_kind kind, struct subid_set *ret)
{
	auto_set struct subid_set all = { .ranges = NULL };
	int r = subid_set_insert(&all, id_range_between(0, ID_COUNT_MAX));

	if (r == 0)
		r = subid_set_subtract(&all, &request->held->of[kind], ret);
	if (r == 0)
		r = subid_set_unite(ret, &txn->taken.of[kind]);
	if (r == 0)
		r = subid_set_unite(ret, &request->avoid->of[kind]);
	return r == 0 ? lease_left_add(txn, request, kind, ret) : r;
}

static int make_plan(struct subid_txn *txn, struct plan *plan)
{
	struct subid_lease_request asked = *plan->request, *request = &asked;
	const struct subid_sets *has = &plan->has;
	int r = spell(txn, request->owner, request->name, &plan->spellings);

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_table_owned(&txn->tables[kind], plan->spellings.list,
				      plan->spellings.n, &plan->has.of[kind]);
	/* of a lease whose second file was not written, or was lost: the same numbers */
	asked.own_left |= (has->of[SUBID_UID].n == 0) != (has->of[SUBID_GID].n == 0);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		plan->places[kind] = (struct place){
			.asked = (request->kinds & (1U << kind)) != 0,
			.window = id_range_between(0, ID_COUNT_MAX),
			.align = request->align,
			.has = &plan->has.of[kind],
			.taken = &plan->closed.of[kind],
		};
		if (plan->places[kind].asked)
			plan->places[kind].count = request->count;
		r = find_closed(txn, request, kind, &plan->closed.of[kind]);
	}
	return r;
}

/* The ids asked for, less those of them that the container has. */
static int place_exact(struct subid_txn *txn, struct plan *plan)
{
	const struct subid_lease_request *request = plan->request;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		int r;

		if (!plan->places[kind].asked)
			continue;
		if (!subid_set_contains(&request->held->of[kind], request->range))
			return SUBID_DENIED;
		if (subid_set_contains(&plan->has.of[kind], request->range))
			continue;
		if (subid_set_meets(&plan->closed.of[kind], request->range, NULL))
			return SUBID_TAKEN;
		r = lease_left_check(txn, request, kind, request->range);
		if (r == 0)
			r = subid_set_insert(&plan->places[kind].gives, request->range);
		if (r != 0)
			return r;
	}
	return 0;
}

static int place_anywhere(struct plan *plan)
{
	int r;

	(void)places_need(plan->places, plan->request->another);
	r = places_like_other(plan->places);
	return r == 0 ? places_in_gap(plan->places, NULL) : r;
}

/* What the container has, or what it was refused, for the answer. */
static int note_answer(struct subid_txn *txn, const struct plan *plan, int answer)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		bool asked = (plan->request->kinds & (1U << kind)) != 0;
		int r = 0;

		if (answer == SUBID_ENOUGH)
			for (size_t i = 0; r == 0 && asked && i < plan->has.of[kind].n;
			     i++)
				r = subid_txn_note(txn, kind,
						   plan->has.of[kind].ranges[i]);
		else if (asked && plan->request->range.count > 0)
			r = subid_txn_note(txn, kind, plan->request->range);
		if (r < 0)
			return r;
	}
	return answer;
}

static int carry_out(struct subid_txn *txn, const struct plan *plan)
{
	const struct subid_owner *owner = plan->request->owner;
	const struct subid_owner_name *line = &plan->spellings.list[0];
	const struct subid_event event = {
		.action = SUBID_ADD,
		.owner = line->text,
		.owner_len = line->len,
		.uid = owner->has_account ? owner->uid : SUBID_NO_UID,
	};
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_set *gives = &plan->places[kind].gives;

		for (size_t i = 0; r == 0 && i < gives->n; i++) {
			struct id_range range = gives->ranges[i];

			r = subid_txn_note(txn, kind, range);
			if (r == 0)
				r = subid_set_insert(&txn->taken.of[kind], range);
			if (r == 0)
				r = subid_table_add(&txn->tables[kind], line->text,
						    line->len, range);
			if (r == 0)
				r = subid_txn_record(txn, &event, kind, range);
		}
	}
	return r;
}

static int grant(struct subid_txn *txn, const struct subid_lease_request *request)
{
	__attribute__((cleanup(plan_free))) struct plan plan = { .request = request };
	int r = make_plan(txn, &plan);

	if (r == 0)
		r = request->range.count > 0 ? place_exact(txn, &plan)
					     : place_anywhere(&plan);
	if (r == 0 && plan.places[SUBID_UID].gives.n == 0 &&
	    plan.places[SUBID_GID].gives.n == 0)
		r = SUBID_ENOUGH;
	if (r > 0)
		r = note_answer(txn, &plan, r);
	if (r == 0)
		r = carry_out(txn, &plan);
	return r;
}

int subid_lease_grant(struct subid_txn *txn, const struct subid_lease_request *request,
		      struct subid_changes *ret)
{
	int r;

	txn->n_changes = 0;
	if (!subid_lease_name_valid(request->name, strlen(request->name)) ||
	    (request->range.count > 0 ? !id_range_valid(request->range)
				      : request->count == 0))
		return -EINVAL;
	r = grant(txn, request);
	/* what it had once is better than nothing: its own files are there */
	if (r == SUBID_FULL && txn->options.ledger) {
		struct subid_lease_request again = *request;

		again.own_left = true;
		r = grant(txn, &again);
	}
	return subid_txn_end_call(txn, r, ret);
}

int subid_lease_revoke(struct subid_txn *txn, const struct subid_owner *owner,
		       const char *name, unsigned int kinds, struct id_range range,
		       bool reuse, struct subid_changes *ret)
{
	auto_spellings struct spellings spellings = { .list = NULL };
	struct subid_owner container = *owner;
	int r = spell(txn, owner, name, &spellings);

	if (r < 0)
		return r;
	container.spellings = spellings.list;
	container.n = spellings.n;
	return subid_txn_revoke(txn, &container, kinds, range, reuse, ret);
}
