/* SPDX-License-Identifier: MIT */
#pragma once

#include "libsubid/core/types.h"

/*
 * Arithmetic on ranges of ids, and sets of ids: the only place where ids are added or
 * compared.  What functions answer, here and in every header of the library, is in
 * subid.h.  A _free() function leaves what it is handed empty; auto_NAME calls it at the
 * end of the scope, so zero what a call may leave unset.
 *
 * A comment that begins with @ is a contract in ACSL: what must be true before
 * (requires) and is after (ensures), in numbers without bounds.  `make proof`
 * proves them for all inputs, and that no sum or cast loses a bit.
 */

/* The number of ids that can be mapped: 0 to 4294967294. */
#define ID_COUNT_MAX UINT32_MAX

/*@ predicate holds(struct id_range r, integer id) =
  @	r.start <= id < r.start + r.count;
  @*/

/* The first id after the range. */
/*@ assigns \nothing;
  @ ensures \result == r.start + r.count;
  @*/
static inline uint64_t id_range_end(struct id_range r)
{
	return (uint64_t)r.start + r.count;
}

/* At least one id, and "no id" not among them. */
/*@ assigns \nothing;
  @ ensures \result <==> r.count > 0 && !holds(r, UINT32_MAX) &&
  @	\forall integer id; holds(r, id) ==> id <= UINT32_MAX;
  @*/
static inline bool id_range_valid(struct id_range r)
{
	return r.count > 0 && id_range_end(r) <= ID_COUNT_MAX;
}

/* Every id of inner is in outer.  An empty inner is in nothing. */
/*@ assigns \nothing;
  @ ensures \result <==> inner.count > 0 && holds(outer, inner.start) &&
  @	holds(outer, inner.start + inner.count - 1);
  @ ensures \result ==> \forall integer id; holds(inner, id) ==> holds(outer, id);
  @*/
static inline bool id_range_contains(struct id_range outer, struct id_range inner)
{
	return inner.count > 0 && inner.start >= outer.start &&
	       id_range_end(inner) <= id_range_end(outer);
}

/* The ids that both have; count 0 if there is none. */
/*@ assigns \nothing;
  @ ensures \forall integer id; holds(\result, id) <==> holds(a, id) && holds(b, id);
  @ ensures \result.start == \max(a.start, b.start) && \result.count ==
  @	\max(0, \min(a.start + a.count, b.start + b.count) - \result.start);
  @ ensures \result.count > 0 ==> holds(\result, \result.start);
  @*/
static inline struct id_range id_range_common(struct id_range a, struct id_range b)
{
	struct id_range common = { a.start > b.start ? a.start : b.start, 0 };
	uint64_t end =
	    id_range_end(a) < id_range_end(b) ? id_range_end(a) : id_range_end(b);

	if (end > common.start)
		common.count = (uint32_t)(end - common.start);
	return common;
}

/*@ assigns \nothing;
  @ ensures \result <==> \exists integer id; holds(a, id) && holds(b, id);
  @*/
static inline bool id_range_overlaps(struct id_range a, struct id_range b)
{
	return id_range_common(a, b).count > 0;
}

/*@ assigns \nothing;
  @ ensures \result <==> a.start == b.start && a.count == b.count;
  @*/
static inline bool id_range_equal(struct id_range a, struct id_range b)
{
	return a.start == b.start && a.count == b.count;
}

/*
 * The range from the id first to the id before end, cut to the ids that exist.
 * first and end: any 64-bit number.  Count 0 if nothing is left.
 */
/*@ assigns \nothing;
  @ ensures \forall integer id;
  @	holds(\result, id) <==> first <= id < end && id < UINT32_MAX;
  @ ensures \result.count == \max(0, \min(end, UINT32_MAX) - first);
  @ ensures \result.count > 0 ==> \result.start == first;
  @*/
static inline struct id_range id_range_between(uint64_t first, uint64_t end)
{
	struct id_range between = { 0, 0 };

	if (end > ID_COUNT_MAX)
		end = ID_COUNT_MAX;
	if (first < end) {
		between.start = (uint32_t)first;
		between.count = (uint32_t)(end - first);
	}
	return between;
}

/*
 * What is left of r without cut: up to two ranges, the lower one first, into
 * ret.  Returns how many: 0 when cut covers r.
 */
/*@ requires \valid(ret + (0 .. 1));
  @ assigns ret[0 .. 1];
  @ ensures \result <= 2;
  @ ensures \forall integer id; holds(r, id) && !holds(cut, id) && id < UINT32_MAX ==>
  @	(\result > 0 && holds(ret[0], id)) || (\result > 1 && holds(ret[1], id));
  @ ensures \result > 0 ==> \forall integer id; holds(ret[0], id) ==>
  @	holds(r, id) && !holds(cut, id);
  @ ensures \result > 1 ==> \forall integer id; holds(ret[1], id) ==>
  @	holds(r, id) && !holds(cut, id);
  @*/
size_t subid_range_without(struct id_range r, struct id_range cut,
			   struct id_range ret[2]);

/*@ predicate digits{L}(char *text, integer n) =
  @	\forall integer i; 0 <= i < n ==> '0' <= text[i] <= '9';
  @ logic integer number{L}(char *text, integer n) =
  @	n <= 0 ? 0 : number(text, n - 1) * 10 + (text[n - 1] - '0');
  @ predicate is_id{L}(char *text, integer len) =
  @	len > 0 && digits(text, len) && (text[0] == '0' ==> len == 1) &&
  @	number(text, len) <= UINT32_MAX;
  @*/

/*
 * Reads an id: decimal, without sign, blank or leading zero, 0 to 4294967295,
 * and nothing after it within len bytes.  Returns 0 or SUBID_INVALID.
 */
/*@ requires \valid_read(text + (0 .. len - 1)) && \valid(ret);
  @ assigns *ret;
  @ ensures \result == 0 || \result == SUBID_INVALID;
  @ ensures \result == 0 <==> is_id{Pre}(text, len);
  @ ensures *ret == (\result == 0 ? number{Pre}(text, len) : \old(*ret));
  @*/
int subid_id_parse(const char *text, size_t len, uint32_t *ret);

/*
 * A set of ids: ranges in ascending order, neither overlapping nor adjoining.
 * A zeroed struct is the empty set.  The caller owns it and releases it with
 * subid_set_free(); one thread at a time.
 */
struct subid_set {
	struct id_range *ranges;
	size_t n;
	size_t room;
	bool unsorted; /* added to out of order; subid_set_sort() is due */
};

/*
 * For the contracts.  kept: sorted, or said to be unsorted; that is what a set is
 * between any two calls.  gains: the second state has the ids of r too, and no other.
 */
/*@ logic integer end_of{L}(struct subid_set *set, integer i) =
  @	set->ranges[i].start + set->ranges[i].count;
  @ predicate sound{L}(struct subid_set *set) =
  @	\forall integer i; 0 <= i < set->n ==>
  @		set->ranges[i].count > 0 && end_of(set, i) <= UINT32_MAX;
  @ predicate apart{L}(struct subid_set *set) =
  @	\forall integer i, j; 0 <= i < j < set->n ==>
  @		end_of(set, i) < set->ranges[j].start;
  @ predicate sorted{L}(struct subid_set *set) =
  @	\valid_read(set) && \valid_read(set->ranges + (0 .. set->n - 1)) &&
  @	sound(set) && apart(set);
  @ predicate in_set{L}(struct subid_set *set, integer id) =
  @	\exists integer i; 0 <= i < set->n && holds(set->ranges[i], id);
  @ predicate kept{L}(struct subid_set *set) =
  @	\valid(set) && \valid(set->ranges + (0 .. set->room - 1)) &&
  @	\separated(set, set->ranges + (0 .. set->room - 1)) && set->n <= set->room &&
  @	sound(set) && (!set->unsorted ==> apart(set));
  @ predicate same_ids{L1,L2}(struct subid_set *set) =
  @	\forall integer id; in_set{L2}(set, id) <==> in_set{L1}(set, id);
  @ predicate gains{L1,L2}(struct subid_set *set, struct id_range r) =
  @	\forall integer id; in_set{L2}(set, id) <==> in_set{L1}(set, id) || holds(r, id);
  @ logic integer total{L}(struct subid_set *set, integer n) =
  @	n <= 0 ? 0 : total(set, n - 1) + set->ranges[n - 1].count;
  @*/

void subid_set_free(struct subid_set *set);

#define auto_set __attribute__((cleanup(subid_set_free)))

/*
 * Makes room for n more ranges at once.  Returns 0 or -ENOMEM; it is never
 * needed, only faster.
 */
int subid_set_reserve(struct subid_set *set, size_t n);

/*
 * Adds the ids of r, cheaply when they come in ascending order.  A range of
 * count 0 adds nothing.  Call subid_set_sort() before anything is asked of the
 * set.  Returns 0 or -ENOMEM.
 */
/*@ requires kept(set);
  @ ensures \result <= 0 && kept(set);
  @ ensures \result == 0 ==> \forall integer id; in_set(set, id) <==>
  @	in_set{Pre}(set, id) || (holds(r, id) && id < UINT32_MAX);
  @ ensures \result < 0 ==> same_ids{Pre,Post}(set);
  @ ensures set->unsorted <==> \old(set->unsorted) || (\old(set->n) > 0 && r.count > 0 &&
  @	r.start < UINT32_MAX && r.start < \old(set->ranges[set->n - 1].start));
  @*/
int subid_set_add(struct subid_set *set, struct id_range r) SUBID_WARN_UNUSED;

/* Puts what was added in order.  Costs nothing when it came in order. */
void subid_set_sort(struct subid_set *set);

/*
 * Adds the ids of r to a sorted set and keeps it sorted.  Costs a binary search
 * when r adjoins what is there, a move of what follows otherwise.
 * Returns 0 or -ENOMEM.
 */
int subid_set_insert(struct subid_set *set, struct id_range r) SUBID_WARN_UNUSED;

/*
 * Adds the ids of other to set, both sorted, in one pass over the two; set stays
 * sorted.  Returns 0 or -ENOMEM.
 */
int subid_set_unite(struct subid_set *set,
		    const struct subid_set *other) SUBID_WARN_UNUSED;

/*
 * The first ids that set, sorted, shares with r.  Returns true if there are
 * any, and then sets *ret to them (ret may be NULL).
 */
/*@ requires sorted(set) && (ret == \null || \valid(ret));
  @ assigns *ret;
  @ ensures !\result ==> \forall integer id; holds(r, id) ==> !in_set{Pre}(set, id);
  @ ensures \result && ret != \null ==> holds(*ret, ret->start) &&
  @	\forall integer id; holds(*ret, id) ==> holds(r, id) && in_set{Pre}(set, id);
  @ ensures \result && ret != \null ==>
  @	\forall integer id; holds(r, id) && id < ret->start ==> !in_set{Pre}(set, id);
  @ ensures \result && ret != \null && holds(r, ret->start + ret->count) ==>
  @	!in_set{Pre}(set, ret->start + ret->count);
  @*/
bool subid_set_meets(const struct subid_set *set, struct id_range r,
		     struct id_range *ret);

/* Every id of r is in set, sorted.  False for an empty r. */
/*@ requires sorted(set);
  @ assigns \nothing;
  @ ensures \result ==> r.count > 0 &&
  @	\forall integer id; holds(r, id) ==> in_set(set, id);
  @ ensures !\result && r.count > 0 ==>
  @	\exists integer id; holds(r, id) && !in_set(set, id);
  @*/
bool subid_set_contains(const struct subid_set *set, struct id_range r);

/* How many ids are in set, sorted. */
/*@ requires sorted(set);
  @ assigns \nothing;
  @ ensures \result == total(set, set->n) <= UINT32_MAX;
  @*/
uint64_t subid_set_size(const struct subid_set *set);

/*
 * The ids of a that are not in b, both sorted, added to *ret, which keeps what
 * it had and is sorted afterwards if it was empty before.  0 or -ENOMEM.
 */
int subid_set_subtract(const struct subid_set *a, const struct subid_set *b,
		       struct subid_set *ret) SUBID_WARN_UNUSED;

/*
 * Ids of both kinds: of[SUBID_UID] and of[SUBID_GID].  Zeroed, both are empty.  The
 * caller owns them and releases them with subid_sets_free().
 */
struct subid_sets {
	struct subid_set of[SUBID_KINDS];
};

static inline void subid_sets_free(struct subid_sets *sets)
{
	subid_set_free(&sets->of[SUBID_UID]);
	subid_set_free(&sets->of[SUBID_GID]);
}

#define auto_sets __attribute__((cleanup(subid_sets_free)))

/* Is there no id of either kind? */
bool subid_sets_empty(const struct subid_sets *sets);

/* subid_set_sort(), subid_set_unite() and subid_set_subtract() of both kinds.  After a
 * failure one kind may have been changed and the other not. */
void subid_sets_sort(struct subid_sets *sets);
int subid_sets_unite(struct subid_sets *sets,
		     const struct subid_sets *other) SUBID_WARN_UNUSED;
int subid_sets_subtract(const struct subid_sets *a, const struct subid_sets *b,
			struct subid_sets *ret) SUBID_WARN_UNUSED;

/* --- Where there is room: gap.c --- */

/* What is asked for of one kind. */
struct subid_want {
	const struct subid_set *taken; /* sorted; ids that may not be granted */
	struct id_range window;	       /* the range must lie in here */
	uint32_t count;		       /* how many ids; 0: none of this kind */
};

/*
 * The lowest id, not below from, at which every kind that is wanted has room at
 * once, so that uid and gid get the same numbers.  Returns 0 or SUBID_FULL.
 * With no kind wanted it answers SUBID_FULL as well.
 */
int subid_find_gap(const struct subid_want want[SUBID_KINDS], uint32_t from,
		   uint32_t *ret_start);
