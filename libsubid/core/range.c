/* SPDX-License-Identifier: MIT */
#include "libsubid/core/range.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* So few ranges are sorted sooner than 256 places are counted. */
#define FEW 64

size_t subid_range_without(struct id_range r, struct id_range cut, struct id_range ret[2])
{
	struct id_range common = id_range_common(r, cut);
	struct id_range below, above;
	size_t n = 0;

	if (common.count == 0) {
		ret[0] = r;
		return r.count > 0;
	}
	below = id_range_between(r.start, common.start);
	above = id_range_between(id_range_end(common), id_range_end(r));
	if (below.count > 0)
		ret[n++] = below;
	if (above.count > 0)
		ret[n++] = above;
	return n;
}

int subid_id_parse(const char *text, size_t len, uint32_t *ret)
{
	uint64_t id = 0;

	if (len == 0 || (text[0] == '0' && len > 1))
		return SUBID_INVALID;
	/*@ loop invariant 0 <= i <= len && digits(text, i);
	  @ loop invariant id == number(text, i) <= UINT32_MAX;
	  @ loop assigns i, id;
	  @ loop variant len - i;
	  @*/
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return SUBID_INVALID;
		id = id * 10 + (uint64_t)(text[i] - '0');
		if (id > UINT32_MAX) {
			/* no more digits make it smaller */
			/*@ ghost
			  @ /@ loop invariant i < more <= len && (digits(text, more) ==>
			  @	number(text, more) > UINT32_MAX);
			  @    loop assigns more;
			  @    loop variant len - more;
			  @ @/
			  @ for (size_t more = i + 1; more < len; more++);
			  @*/
			return SUBID_INVALID;
		}
	}
	*ret = (uint32_t)id;
	return 0;
}

void subid_set_free(struct subid_set *set)
{
	free(set->ranges);
	*set = (struct subid_set){ .ranges = NULL };
}

int subid_set_reserve(struct subid_set *set, size_t n)
{
	struct id_range *grown;

	if (set->room - set->n >= n)
		return 0;
	grown = reallocarray(set->ranges, set->n + n, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	set->ranges = grown;
	set->room = set->n + n;
	return 0;
}

/*
 * Makes room for one more range.  That realloc() keeps what it moves is not proven
 * but taken as true.
 */
/*@ requires kept(set);
  @ assigns set->ranges, set->room;
  @ ensures \result <= 0 && kept(set) && same_ids{Pre,Post}(set);
  @ ensures \result == 0 ==> set->n < set->room;
  @ ensures set->n > 0 ==> end_of(set, set->n - 1) == \old(end_of(set, set->n - 1));
  @*/
static int set_grow(struct subid_set *set)
{
	if (set->n < set->room)
		return 0;
	return subid_set_reserve(set, set->room < 16 ? 16 : set->room);
}

/* Lets the last range take in one that starts in it or right after it. */
/*@ requires kept(set) && 0 < r.count && r.start + r.count <= UINT32_MAX;
  @ assigns set->unsorted, set->ranges[set->n - 1].count;
  @ ensures kept(set);
  @ ensures \result ==> set->unsorted == \old(set->unsorted) && gains{Pre,Post}(set, r);
  @ ensures !\result ==> same_ids{Pre,Post}(set) && (set->n > 0 && !set->unsorted ==>
  @	end_of(set, set->n - 1) < r.start);
  @ ensures set->unsorted <==> \old(set->unsorted) ||
  @	(set->n > 0 && r.start < set->ranges[set->n - 1].start);
  @*/
static inline bool absorb(struct subid_set *set, struct id_range r)
{
	struct id_range *last;

	if (set->n == 0)
		return false;
	last = &set->ranges[set->n - 1];
	if (r.start < last->start) {
		set->unsorted = true;
		return false;
	}
	if (r.start > id_range_end(*last))
		return false;
	if (id_range_end(r) > id_range_end(*last))
		last->count = (uint32_t)(id_range_end(r) - last->start);
	return true;
}

/* Puts r after the last range, where there is room. */
/*@ requires kept(set) && set->n < set->room;
  @ requires 0 < r.count && r.start + r.count <= UINT32_MAX;
  @ requires set->n > 0 && !set->unsorted ==> end_of(set, set->n - 1) < r.start;
  @ assigns set->n, set->ranges[set->n];
  @ ensures kept(set);
  @ ensures gains{Pre,Post}(set, r);
  @*/
static inline void append(struct subid_set *set, struct id_range r)
{
	set->ranges[set->n++] = r;
	/*@ assert set->ranges[set->n - 1] == r; */
	/*@ assert \forall integer i; 0 <= i < set->n - 1 ==>
	  @	set->ranges[i] == \at(set->ranges[i], Pre); */
}

int subid_set_add(struct subid_set *set, struct id_range r)
{
	if (id_range_end(r) > ID_COUNT_MAX)
		r = id_range_between(r.start, id_range_end(r));
	if (r.count == 0 || absorb(set, r))
		return 0;
	if (set->n == set->room) {
		int result = set_grow(set);

		if (result < 0)
			return result;
	}
	append(set, r);
	return 0;
}

/*
 * By one byte of the start after the other, the least first; a pass takes what is
 * equal in the order that the one before left.  Where it can be had, since no
 * comparison is as cheap: false without memory.
 */
static bool sort_by_bytes(struct id_range *ranges, size_t n)
{
	struct id_range *from = ranges, *to = reallocarray(NULL, n, sizeof(*to));
	struct id_range *const spare = to;

	if (spare == NULL)
		return false;
	/* an even number of passes: the last one fills ranges */
	for (unsigned int shift = 0; shift < 32; shift += 8) {
		size_t place[257] = { 0 };
		struct id_range *filled = to;

		for (size_t i = 0; i < n; i++)
			place[(from[i].start >> shift & 0xff) + 1]++;
		for (size_t byte = 1; byte < 256; byte++)
			place[byte] += place[byte - 1];
		for (size_t i = 0; i < n; i++)
			to[place[from[i].start >> shift & 0xff]++] = from[i];
		to = from;
		from = filled;
	}
	free(spare);
	return true;
}

static int compare_start(const void *left, const void *right)
{
	const struct id_range *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

void subid_set_sort(struct subid_set *set)
{
	size_t n_added = set->n;

	if (!set->unsorted)
		return;
	if (n_added < FEW || !sort_by_bytes(set->ranges, n_added))
		qsort(set->ranges, n_added, sizeof(*set->ranges), compare_start);
	set->n = 0;
	for (size_t i = 0; i < n_added; i++)
		if (!absorb(set, set->ranges[i]))
			set->ranges[set->n++] = set->ranges[i];
	set->unsorted = false;
}

/* The place of the first range that ends at or after id (adjoining counts). */
/*@ requires sorted(set);
  @ assigns \nothing;
  @ ensures 0 <= \result <= set->n;
  @ ensures \forall integer i; 0 <= i < \result ==> end_of(set, i) < id;
  @ ensures \forall integer i; \result <= i < set->n ==> id <= end_of(set, i);
  @*/
static size_t set_find(const struct subid_set *set, uint64_t id)
{
	size_t low = 0, high = set->n;

	/*@ loop invariant 0 <= low <= high <= set->n;
	  @ loop invariant \forall integer i; 0 <= i < low ==> end_of(set, i) < id;
	  @ loop invariant \forall integer i; high <= i < set->n ==> id <= end_of(set, i);
	  @ loop assigns low, high;
	  @ loop variant high - low;
	  @*/
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (id_range_end(set->ranges[middle]) < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int subid_set_insert(struct subid_set *set, struct id_range r)
{
	size_t first, behind;
	uint64_t start, end;
	int result;

	r = id_range_between(r.start, id_range_end(r));
	if (r.count == 0)
		return 0;
	first = set_find(set, r.start);
	start = r.start;
	end = id_range_end(r);
	for (behind = first;
	     behind < set->n && set->ranges[behind].start <= id_range_end(r); behind++) {
		if (set->ranges[behind].start < start)
			start = set->ranges[behind].start;
		if (id_range_end(set->ranges[behind]) > end)
			end = id_range_end(set->ranges[behind]);
	}
	if (behind == first) {
		result = set_grow(set);
		if (result < 0)
			return result;
	}
	memmove(&set->ranges[first + 1], &set->ranges[behind],
		(set->n - behind) * sizeof(*set->ranges));
	set->n = set->n - (behind - first) + 1;
	set->ranges[first] = id_range_between(start, end);
	return 0;
}

bool subid_set_meets(const struct subid_set *set, struct id_range r, struct id_range *ret)
{
	/* + 1: a range that ends where r starts only adjoins it */
	size_t i = set_find(set, (uint64_t)r.start + 1);
	struct id_range common;

	if (i == set->n)
		return false;
	common = id_range_common(set->ranges[i], r);
	if (common.count == 0)
		return false;
	if (ret != NULL)
		*ret = common;
	return true;
}

bool subid_set_contains(const struct subid_set *set, struct id_range r)
{
	struct id_range common;

	if (!subid_set_meets(set, r, &common))
		return false;
	/*@ assert holds(common, common.start + common.count - 1); */
	/*@ assert holds(r, common.start) && holds(r, common.start + common.count - 1); */
	/*@ assert r.start < common.start ==> !in_set(set, r.start); */
	/*@ assert common.start + common.count < r.start + r.count ==>
	  @	!in_set(set, common.start + common.count); */
	return id_range_equal(common, r);
}

uint64_t subid_set_size(const struct subid_set *set)
{
	uint64_t size = 0;

	/*@ loop invariant 0 <= i <= set->n && size == total(set, i);
	  @ loop invariant i == 0 ? size == 0 : size <= end_of(set, i - 1);
	  @ loop assigns i, size;
	  @ loop variant set->n - i;
	  @*/
	for (size_t i = 0; i < set->n; i++)
		size += set->ranges[i].count;
	return size;
}
