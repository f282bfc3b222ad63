/* SPDX-License-Identifier: MIT */
#include "allocate.h"

/*
 * Moves start up to where one kind has room: into its window, and behind every
 * range of taken that the ids from start on would meet.  *at is how far into
 * taken earlier calls have come; start only grows.  Returns the new start, which
 * may lie behind the window.
 */
static uint64_t move_up(const struct subid_want *want, uint64_t start, size_t *at)
{
	const struct subid_set *taken = want->taken;

	if (start < want->window.start)
		start = want->window.start;
	while (*at < taken->n && taken->ranges[*at].start < start + want->count) {
		if (id_range_end(taken->ranges[*at]) > start)
			start = id_range_end(taken->ranges[*at]);
		(*at)++;
	}
	return start;
}

/* How many ranges of a set lie wholly below id. */
static size_t skip_below(const struct subid_set *set, uint64_t id)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (id_range_end(set->ranges[middle]) <= id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int subid_find_gap(const struct subid_want want[SUBID_KINDS], uint32_t from,
		   uint32_t *ret_start)
{
	size_t at[SUBID_KINDS];
	uint64_t start = from, before;
	bool any = false;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		any |= want[kind].count > 0;
		if (want[kind].count > 0)
			at[kind] = skip_below(want[kind].taken, start);
	}
	if (!any)
		return SUBID_FULL;
	do {
		before = start;
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			if (want[kind].count == 0)
				continue;
			start = move_up(&want[kind], start, &at[kind]);
			if (start + want[kind].count > id_range_end(want[kind].window))
				return SUBID_FULL;
		}
	} while (start != before);
	*ret_start = (uint32_t)start;
	return 0;
}
