/* SPDX-License-Identifier: MIT */
#include "tools/subid/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"

/* The lines that are being made; full once there was one too many. */
struct draft {
	struct subid_map_line *lines;
	size_t n;
	bool full;
};

/* Adds ids that lie on each other, joined to the last line if they go on from it. */
static void append(struct draft *draft, uint64_t inside, uint64_t outside, uint64_t count)
{
	struct subid_map_line line = {
		.inside = id_range_between(inside, inside + count),
		.outside = id_range_between(outside, outside + count),
	};
	struct subid_map_line *last = draft->n == 0 ? NULL : &draft->lines[draft->n - 1];

	if (line.inside.count == 0 || line.outside.count == 0)
		return;
	if (last != NULL && id_range_end(last->inside) == inside &&
	    id_range_end(last->outside) == outside) {
		last->inside.count += line.inside.count;
		last->outside.count += line.outside.count;
		return;
	}
	if (draft->n == SUBID_MAP_LINES_MAX) {
		draft->full = true;
		return;
	}
	draft->lines[draft->n++] = line;
}

/* A range whose first id is inside there, without the place of the id that is kept. */
static void append_range(struct draft *draft, uint64_t inside, struct id_range range,
			 struct subid_keep keep)
{
	struct id_range whole = id_range_between(inside, inside + range.count);
	struct id_range cut = { .start = keep.inside, .count = 1 };
	struct id_range parts[2];
	size_t n;

	if (keep.inside == SUBID_ID_NONE)
		cut.count = 0;
	n = subid_range_without(whole, cut, parts);
	for (size_t i = 0; i < n; i++)
		append(draft, parts[i].start,
		       (uint64_t)range.start + (parts[i].start - whole.start),
		       parts[i].count);
}

static int compare_inside(const void *a, const void *b)
{
	const struct subid_map_line *x = a, *y = b;

	return x->inside.start < y->inside.start ? -1 : x->inside.start > y->inside.start;
}

int subid_layout(const struct subid_set *ids, struct subid_keep keep,
		 struct subid_map_line ret[SUBID_MAP_LINES_MAX], size_t *ret_n)
{
	auto_free struct subid_map_line *lines =
	    calloc(SUBID_MAP_LINES_MAX, sizeof(*lines));
	struct draft draft = { .lines = lines };
	struct id_range own = { .start = keep.outside, .count = 1 };
	uint64_t inside = 0;

	if (lines == NULL)
		return -ENOMEM;
	if (ids->n == 0)
		return SUBID_ABSENT;
	if (keep.inside != SUBID_ID_NONE && subid_set_meets(ids, own, NULL))
		return SUBID_TAKEN;
	for (size_t i = 0; i < ids->n; i++) {
		append_range(&draft, inside, ids->ranges[i], keep);
		inside += ids->ranges[i].count;
	}
	if (keep.inside != SUBID_ID_NONE)
		append(&draft, keep.inside, keep.outside, 1);
	if (draft.full)
		return SUBID_FULL;
	qsort(lines, draft.n, sizeof(*lines), compare_inside);
	memcpy(ret, lines, draft.n * sizeof(*lines));
	*ret_n = draft.n;
	return 0;
}

/* Where range lies when own is 0 and all follows; false if it does not. */
static bool find_relative(const struct subid_set *all, uint32_t own,
			  struct id_range range, uint64_t *ret)
{
	uint64_t before = 1;

	if (range.start == own && range.count == 1) {
		*ret = 0;
		return true;
	}
	for (size_t i = 0; i < all->n; i++) {
		if (id_range_contains(all->ranges[i], range)) {
			*ret = before + (range.start - all->ranges[i].start);
			return true;
		}
		before += all->ranges[i].count;
	}
	return false;
}

int subid_layout_relative(const struct subid_set *all, uint32_t own,
			  struct subid_map_line *lines, size_t *n)
{
	auto_free struct subid_map_line *made =
	    calloc(SUBID_MAP_LINES_MAX, sizeof(*made));
	struct draft draft = { .lines = made };
	uint64_t start;

	if (made == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < *n; i++) {
		if (!find_relative(all, own, lines[i].outside, &start))
			return SUBID_DENIED;
		append(&draft, lines[i].inside.start, start, lines[i].inside.count);
	}
	memcpy(lines, made, draft.n * sizeof(*made));
	*n = draft.n;
	return 0;
}
