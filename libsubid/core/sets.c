/* SPDX-License-Identifier: MIT */
/*
 * Ranges as people write them, whole sets united and subtracted, and sets of both kinds.
 */
#include "libsubid/core/range.h"

#include <stdlib.h>
#include <string.h>

int subid_range_parse(const char *text, struct id_range *ret)
{
	size_t first_len = strcspn(text, ":-");
	const char *second = text + first_len + 1;
	struct id_range range;
	uint32_t a, b;

	if (text[first_len] == '\0' || subid_id_parse(text, first_len, &a) != 0 ||
	    subid_id_parse(second, strlen(second), &b) != 0)
		return SUBID_INVALID;
	if (text[first_len] == '-') {
		if (b < a || b == UINT32_MAX)
			return SUBID_INVALID;
		range = id_range_between(a, (uint64_t)b + 1);
	} else {
		range = (struct id_range){ .start = a, .count = b };
	}
	if (!id_range_valid(range))
		return SUBID_INVALID;
	*ret = range;
	return 0;
}

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

void subid_sets_free(struct subid_sets *sets)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_set_free(&sets->of[kind]);
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
