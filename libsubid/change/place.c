/* SPDX-License-Identifier: MIT */
/*
 * Where there is room: the same for grants and for leases, which differ in what is not
 * free; and by which name a line that is placed there has its owner.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/change/private.h"
#include "libsubid/core/range.h"

void places_free(struct place places[SUBID_KINDS])
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_set_free(&places[kind].gives);
}

bool places_need(struct place places[SUBID_KINDS], bool another)
{
	bool any = false;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct place *place = &places[kind];

		place->needed = place->asked && place->count > 0 &&
				(another || subid_set_size(place->has) < place->count);
		any |= place->needed;
	}
	return any;
}

bool place_is_free(const struct place *place, const struct subid_set *ids)
{
	for (size_t i = 0; i < ids->n; i++)
		if (subid_set_meets(place->taken, ids->ranges[i], NULL) ||
		    (place->also != NULL &&
		     subid_set_meets(place->also, ids->ranges[i], NULL)))
			return false;
	return true;
}

static bool is_in_window(const struct place *place, const struct subid_set *ids)
{
	for (size_t i = 0; i < ids->n; i++)
		if (!id_range_contains(place->window, ids->ranges[i]))
			return false;
	return true;
}

/* One kind has enough: the other gets what it lacks of the same numbers, in its window.
 */
static int like_other(struct place *place, const struct place *other)
{
	int r = subid_set_subtract(other->has, place->has, &place->gives);

	/* less than the count would have to be filled up the next time */
	if (r == 0 &&
	    (!is_in_window(place, &place->gives) ||
	     !place_is_free(place, &place->gives) ||
	     subid_set_size(place->has) + subid_set_size(&place->gives) < place->count))
		place->gives.n = 0;
	return r;
}

int places_like_other(struct place places[SUBID_KINDS])
{
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (places[kind].asked && places[kind].count == 0)
			return 0; /* this kind is given none */
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if (places[kind].needed && !places[SUBID_KINDS - 1 - kind].needed)
			r = like_other(&places[kind], &places[SUBID_KINDS - 1 - kind]);
	return r;
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
static int find_gap(const struct subid_want wants[SUBID_KINDS], struct place_hint *hint,
		    uint32_t align, uint32_t *ret)
{
	int r;

	if (hint != NULL && !same_wants(wants, hint->wants)) {
		memcpy(hint->wants, wants, sizeof(hint->wants));
		hint->start = 0;
	}
	r = subid_find_gap(wants, hint == NULL ? 0 : hint->start, ret);
	if (r == 0 && hint != NULL)
		hint->start = *ret;
	return r == 0 ? align_gap(wants, align, ret) : r;
}

/* What is wanted: also room for the kind that is not asked for, so that it can follow. */
static bool make_wants(const struct place places[SUBID_KINDS],
		       struct subid_want wants[SUBID_KINDS])
{
	bool any = false;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct place *place = &places[kind];
		bool lacks = place->needed && place->gives.n == 0;

		wants[kind] = (struct subid_want){
			.taken = place->rests != NULL ? place->rests : place->taken,
			.window = place->window,
			.count = lacks ? place->count : 0,
		};
		any |= lacks;
	}
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (!places[kind].asked)
			wants[kind].count = places[SUBID_KINDS - 1 - kind].count;
	return any;
}

int places_in_gap(struct place places[SUBID_KINDS], struct place_hint *hint)
{
	struct subid_want wants[SUBID_KINDS];
	uint32_t start;
	int r;

	if (!make_wants(places, wants))
		return 0;
	r = find_gap(wants, hint, places[SUBID_UID].align, &start);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct subid_want alone[SUBID_KINDS] = { { .count = 0 } };
		int one = r;

		if (!places[kind].needed || places[kind].gives.n > 0)
			continue;
		alone[kind] = wants[kind];
		if (one == SUBID_FULL)
			one = find_gap(alone, hint, places[kind].align, &start);
		if (one == 0)
			one = subid_set_insert(
			    &places[kind].gives,
			    (struct id_range){ start, wants[kind].count });
		if (one != 0)
			return one;
	}
	return 0;
}

uint64_t subid_txn_free_ids(const struct subid_txn *txn, enum subid_kind kind,
			    struct id_range window)
{
	uint64_t taken = 0;

	for (size_t i = 0; i < txn->taken.of[kind].n; i++)
		taken += id_range_common(txn->taken.of[kind].ranges[i], window).count;
	return window.count - taken;
}

uint64_t subid_txn_largest_gap(const struct subid_txn *txn, enum subid_kind kind,
			       struct id_range window)
{
	uint64_t from = window.start;
	uint32_t largest = 0;

	for (size_t i = 0; i < txn->taken.of[kind].n; i++) {
		struct id_range taken =
		    id_range_common(txn->taken.of[kind].ranges[i], window);

		if (taken.count == 0)
			continue;
		if (id_range_between(from, taken.start).count > largest)
			largest = id_range_between(from, taken.start).count;
		from = id_range_end(taken);
	}
	if (id_range_between(from, id_range_end(window)).count > largest)
		largest = id_range_between(from, id_range_end(window)).count;
	return largest;
}

/* --- how lines name the owner --------------------------------------------------------
 */

/*
 * Threat: unshare of util-linux takes the digits at the head of an owner for a uid: a
 * range of the account "1002foo" would be uid 1002's as well.
 */
static bool begins_like_uid(const struct subid_owner_name *owner)
{
	return owner->text[0] >= '0' && owner->text[0] <= '9';
}

/*
 * Threat: to some programs a number in a line is the account of that name, to others
 * the one with that uid: both could use the range.
 */
static bool is_anothers_name(const struct subid_txn *txn,
			     const struct subid_owner_name *owner, uint32_t uid)
{
	struct subid_account account;

	return subid_users_by_name(txn->users, owner->text, owner->len, &account) &&
	       account.uid != uid;
}

const struct subid_owner_name *subid_txn_line_owner(const struct subid_txn *txn,
						    const struct subid_owner *owner,
						    enum subid_kind kind)
{
	const struct subid_owner_name *number = &owner->spellings[owner->n - 1];

	if (!owner->has_account)
		return &owner->spellings[0];
	if (begins_like_uid(&owner->spellings[0]) ||
	    (txn->policy.window[kind].store_by_uid &&
	     !is_anothers_name(txn, number, owner->uid)))
		return number;
	return &owner->spellings[0];
}

int subid_txn_check_owner(const struct subid_txn *txn, const struct subid_owner *of)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_owner_name *owner =
		    subid_txn_line_owner(txn, of, kind);
		uint32_t uid;

		if (owner->len > SUBID_LINE_OWNER_MAX ||
		    (begins_like_uid(owner) &&
		     (subid_id_parse(owner->text, owner->len, &uid) != 0 ||
		      is_anothers_name(txn, owner, uid))))
			return SUBID_INVALID;
	}
	return 0;
}
