/* SPDX-License-Identifier: MIT */
#include "libsubid/core/range.h"

/*
 * For the contracts (ACSL, see range.h).  has_room: the range of that start lies
 * in the window and has no id in common with what is taken; all_room: so it is
 * for each of the first kinds of which some are wanted.
 */
/*@ predicate meet(struct id_range r, integer start, integer count) =
  @	r.start < start + count && start < r.start + r.count;
  @ lemma an_id_in_common_is_met: \forall struct id_range r, integer start, count, id;
  @	holds(r, id) && start <= id < start + count ==> meet(r, start, count);
  @ lemma what_is_met_has_one: \forall struct id_range r, integer start, count;
  @	r.count > 0 && count > 0 && meet(r, start, count) ==>
  @	holds(r, \max(r.start, start)) && \max(r.start, start) < start + count;
  @ predicate no_overlap{L}(struct subid_want *want, integer start) =
  @	\forall integer i; 0 <= i < want->taken->n ==>
  @	!meet(want->taken->ranges[i], start, want->count);
  @ predicate has_room{L}(struct subid_want *want, integer start) =
  @	want->window.start <= start &&
  @	start + want->count <= want->window.start + want->window.count &&
  @	no_overlap(want, start);
  @ predicate passed{L}(struct subid_set *set, integer at, integer start) =
  @	0 <= at <= set->n && \forall integer i; 0 <= i < at ==>
  @	set->ranges[i].start + set->ranges[i].count <= start;
  @ predicate all_room{L}(struct subid_want *want, integer kinds, integer start) =
  @	(kinds > 0 && want[0].count > 0 ==> has_room(want + 0, start)) &&
  @	(kinds > 1 && want[1].count > 0 ==> has_room(want + 1, start));
  @ predicate none_lower{L}(struct subid_want *want, integer from, integer start) =
  @	\forall integer s; from <= s < start ==> !all_room(want, SUBID_KINDS, s);
  @ predicate wanted{L}(struct subid_want *want, integer kinds) =
  @	(kinds > 0 && want[0].count > 0) || (kinds > 1 && want[1].count > 0);
  @*/

/*
 * Moves *start up to where one kind has room: into its window, and after every
 * range of taken that the ids from *start on would meet; that may lie after the
 * window.  at is how far into taken earlier calls have come.  Returns how far it
 * is now.
 */
/*@ requires \valid_read(want) && sorted(want->taken) && want->count > 0;
  @ requires *start <= UINT32_MAX && passed(want->taken, at, *start);
  @ assigns *start;
  @ ensures \old(*start) <= *start && want->window.start <= *start <= UINT32_MAX;
  @ ensures passed(want->taken, \result, *start) && no_overlap(want, *start);
  @ ensures \forall integer s; \old(*start) <= s < *start ==> !has_room(want, s);
  @*/
static size_t move_up(const struct subid_want *want, size_t at, uint64_t *start)
{
	const struct subid_set *taken = want->taken;

	if (*start < want->window.start)
		*start = want->window.start;
	/*@ loop invariant \at(*start, Pre) <= *start && want->window.start <= *start;
	  @ loop invariant *start <= UINT32_MAX && passed(taken, at, *start);
	  @ loop invariant \forall integer s; \at(*start, Pre) <= s < *start ==>
	  @	!has_room(want, s);
	  @ loop assigns at, *start;
	  @ loop variant taken->n - at;
	  @*/
	while (at < taken->n && taken->ranges[at].start < *start + want->count) {
		if (id_range_end(taken->ranges[at]) > *start)
			*start = id_range_end(taken->ranges[at]);
		at++;
	}
	return at;
}

/* How many ranges of a set lie wholly below id. */
/*@ requires sorted(set);
  @ assigns \nothing;
  @ ensures passed(set, \result, id);
  @*/
static size_t skip_below(const struct subid_set *set, uint64_t id)
{
	size_t low = 0, high = set->n;

	/*@ loop invariant 0 <= low <= high <= set->n && passed(set, low, id);
	  @ loop assigns low, high;
	  @ loop variant high - low;
	  @*/
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (id_range_end(set->ranges[middle]) <= id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*@ requires \valid_read(want + (0 .. 1)) && \valid(ret_start);
  @ requires (want[0].count > 0 ==> sorted(want[0].taken)) &&
  @	(want[1].count > 0 ==> sorted(want[1].taken));
  @ assigns *ret_start;
  @ ensures \result == 0 || \result == SUBID_FULL;
  @ ensures \result == 0 ==> from <= *ret_start && wanted(want, SUBID_KINDS) &&
  @	all_room(want, SUBID_KINDS, *ret_start);
  @ ensures \result == 0 ==> none_lower(want, from, *ret_start);
  @ ensures \result == SUBID_FULL && wanted(want, SUBID_KINDS) ==>
  @	\forall integer s; from <= s ==> !all_room(want, SUBID_KINDS, s);
  @*/
int subid_find_gap(const struct subid_want want[SUBID_KINDS], uint32_t from,
		   uint32_t *ret_start)
{
	size_t at[SUBID_KINDS];
	uint64_t start = from, before;
	bool any = false;

	/*@ loop invariant 0 <= kind <= SUBID_KINDS;
	  @ loop invariant any <==> wanted(want, kind);
	  @ loop invariant kind > 0 && want[0].count > 0 ==>
	  @	passed(want[0].taken, at[0], start);
	  @ loop invariant kind > 1 && want[1].count > 0 ==>
	  @	passed(want[1].taken, at[1], start);
	  @ loop assigns kind, any, at[0 .. 1];
	  @ loop variant SUBID_KINDS - kind;
	  @*/
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		any |= want[kind].count > 0;
		if (want[kind].count > 0)
			at[kind] = skip_below(want[kind].taken, start);
	}
	if (!any)
		return SUBID_FULL;
	/*@ loop invariant from <= start <= UINT32_MAX;
	  @ loop invariant want[0].count > 0 ==> passed(want[0].taken, at[0], start);
	  @ loop invariant want[1].count > 0 ==> passed(want[1].taken, at[1], start);
	  @ loop invariant none_lower(want, from, start);
	  @ loop assigns start, before, at[0 .. 1];
	  @ loop variant UINT32_MAX - start;
	  @*/
	do {
		before = start;
		/*@ loop invariant 0 <= kind <= SUBID_KINDS;
		  @ loop invariant before <= start <= UINT32_MAX;
		  @ loop invariant want[0].count > 0 ==>
		  @	passed(want[0].taken, at[0], start);
		  @ loop invariant want[1].count > 0 ==>
		  @	passed(want[1].taken, at[1], start);
		  @ loop invariant none_lower(want, from, start);
		  @ loop invariant start == before ==> all_room(want, kind, start);
		  @ loop assigns kind, start, at[0 .. 1];
		  @ loop variant SUBID_KINDS - kind;
		  @*/
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			if (want[kind].count == 0)
				continue;
			at[kind] = move_up(&want[kind], at[kind], &start);
			if (start + want[kind].count > id_range_end(want[kind].window))
				return SUBID_FULL;
		}
	} while (start != before);
	*ret_start = (uint32_t)start;
	return 0;
}
