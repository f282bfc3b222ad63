/* SPDX-License-Identifier: MIT */
/*
 * Whole sets united and subtracted, sets of both kinds, and what only callers of the
 * library need.
 */
#include "libsubid/core/range.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/subid.h"

int subid_set_unite(struct subid_set *set, const struct subid_set *other)
{
	auto_set struct subid_set both = { .ranges = NULL };
	struct subid_set old = *set;
	size_t i = 0, j = 0;
	int r;

	if (other->n == 0)
		return 0;
	r = subid_set_reserve(&both, set->n + other->n);
	if (r == 0 && set->n == 0) {
		/* there is room for one at least: NOLINTNEXTLINE(*NonNullParamChecker) */
		memcpy(both.ranges, other->ranges, other->n * sizeof(*other->ranges));
		both.n = other->n;
		j = other->n;
	}
	while (r == 0 && (i < set->n || j < other->n)) {
		bool ours = j == other->n || (i < set->n && set->ranges[i].start <=
								other->ranges[j].start);

		r = subid_set_add(&both, ours ? set->ranges[i++] : other->ranges[j++]);
	}
	if (r < 0)
		return r;
	*set = both;
	both = old;
	return 0;
}

int subid_set_subtract(const struct subid_set *a, const struct subid_set *b,
		       struct subid_set *ret)
{
	size_t j = 0;

	for (size_t i = 0; i < a->n; i++) {
		uint64_t at = a->ranges[i].start, end = id_range_end(a->ranges[i]);

		while (j < b->n && id_range_end(b->ranges[j]) <= at)
			j++;
		for (size_t k = j; k < b->n && b->ranges[k].start < end; k++) {
			int r =
			    subid_set_add(ret, id_range_between(at, b->ranges[k].start));
			if (r < 0)
				return r;
			at = id_range_end(b->ranges[k]);
		}
		if (at < end) {
			int r = subid_set_add(ret, id_range_between(at, end));
			if (r < 0)
				return r;
		}
	}
	return 0;
}

bool subid_sets_empty(const struct subid_sets *sets)
{
	return sets->of[SUBID_UID].n == 0 && sets->of[SUBID_GID].n == 0;
}

void subid_sets_sort(struct subid_sets *sets)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_set_sort(&sets->of[kind]);
}

int subid_sets_unite(struct subid_sets *sets, const struct subid_sets *other)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_set_unite(&sets->of[kind], &other->of[kind]);
	return r;
}

int subid_sets_subtract(const struct subid_sets *a, const struct subid_sets *b,
			struct subid_sets *ret)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_set_subtract(&a->of[kind], &b->of[kind], &ret->of[kind]);
	return r;
}

/* --- for callers, to whom a set is opaque --- */

int subid_set_new(struct subid_set **ret)
{
	struct subid_set *set = calloc(1, sizeof(*set));

	if (set == NULL)
		return -ENOMEM;
	*ret = set;
	return 0;
}

void subid_set_delete(struct subid_set **set)
{
	if (*set == NULL)
		return;
	subid_set_free(*set);
	free(*set);
	*set = NULL;
}

bool subid_set_get(const struct subid_set *set, size_t index, struct id_range *ret)
{
	if (index >= set->n)
		return false;
	*ret = set->ranges[index];
	return true;
}
