/* SPDX-License-Identifier: MIT */
/*
 * An axis of ids in pieces.
 */
#include "tools/subid/report/html.h"

#define PIECE_WIDTH_MIN 16.0
#define GAP_EMPTY	28.0
#define GAP_HAD		70.0
#define CUT_SHARE	10   /* a stretch is left out if it is more than a tenth */
#define CUT_RATIO	100  /* and, if it is had, so much larger than the smallest */
#define SMALL		1024 /* that is no account's, but a range */

/* What is drawn: n - 1 stretches between the bounds. */
struct plan {
	const uint64_t *bounds;
	size_t n;
	const struct subid_set *used;
	uint64_t smallest; /* stretch that is had, accounts apart */
	size_t cuts[AXIS_PIECES - 1];
	size_t n_cuts;
};

static uint64_t length(const struct plan *plan, size_t i)
{
	return plan->bounds[i + 1] - plan->bounds[i];
}

static bool is_had(const struct plan *plan, size_t i)
{
	return subid_set_meets(
	    plan->used, id_range_between(plan->bounds[i], plan->bounds[i] + 1), NULL);
}

static bool is_cut(const struct plan *plan, size_t i)
{
	for (size_t c = 0; c < plan->n_cuts; c++)
		if (plan->cuts[c] == i)
			return true;
	return false;
}

static uint64_t smallest(const struct plan *plan)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i + 1 < plan->n; i++)
		if (length(plan, i) >= SMALL && length(plan, i) < least &&
		    is_had(plan, i))
			least = length(plan, i);
	return least;
}

/* The longest stretch that may be left out, of at least so many ids; n: none. */
static size_t longest(const struct plan *plan, uint64_t least)
{
	size_t found = plan->n;

	for (size_t i = 0; i + 1 < plan->n; i++) {
		if (length(plan, i) < least || is_cut(plan, i) ||
		    (is_had(plan, i) && length(plan, i) / CUT_RATIO < plan->smallest))
			continue;
		found = i;
		least = length(plan, i) + 1;
	}
	return found;
}

/* The longest stretches, as long as they are long beside what is left. */
static void choose_cuts(struct plan *plan)
{
	uint64_t span = plan->bounds[plan->n - 1] - plan->bounds[0];

	plan->smallest = smallest(plan);
	while (plan->n_cuts < AXIS_PIECES - 1) {
		size_t cut = longest(plan, span / CUT_SHARE + 1);

		if (cut == plan->n)
			return;
		span -= length(plan, cut);
		plan->cuts[plan->n_cuts++] = cut;
	}
}

/* A piece of many ids gets more room, but by far not in proportion. */
static double weight_of(const struct axis_piece *piece)
{
	double bits = 1;

	for (uint64_t size = piece->end - piece->first; size > 1; size /= 2)
		bits++;
	return bits * bits;
}

static void place_pieces(struct axis *axis, double left, double width)
{
	double room = width - PIECE_WIDTH_MIN * (double)axis->n, sum = 0;

	for (size_t i = 0; i < axis->n; i++) {
		sum += weight_of(&axis->pieces[i]);
		room -= axis->pieces[i].gap;
	}
	for (size_t i = 0; i < axis->n; i++) {
		struct axis_piece *piece = &axis->pieces[i];

		piece->x = left;
		piece->width = PIECE_WIDTH_MIN + room * weight_of(piece) / sum;
		left += piece->width + piece->gap;
	}
}

struct axis axis_make(const uint64_t *bounds, size_t n, const struct subid_set *used,
		      double left, double width)
{
	struct plan plan = { .bounds = bounds, .n = n, .used = used };
	struct axis axis = { .n = 0 };
	uint64_t first = bounds[0];

	choose_cuts(&plan);
	for (size_t i = 0; i < n; i++) {
		bool last = i + 1 == n, had;

		/* two stretches that are left out may stand side by side */
		if ((!last && !is_cut(&plan, i)) || axis.n == AXIS_PIECES)
			continue;
		had = !last && is_had(&plan, i);
		axis.pieces[axis.n++] = (struct axis_piece){
			.first = first,
			.end = bounds[i] > first ? bounds[i] : first + 1,
			.gap = last  ? 0
			       : had ? GAP_HAD
				     : GAP_EMPTY,
			.is_had = had,
		};
		if (!last)
			first = bounds[i + 1];
	}
	place_pieces(&axis, left, width);
	return axis;
}

double axis_x(const struct axis *axis, uint64_t id)
{
	const struct axis_piece *piece = &axis->pieces[0];

	if (id <= piece->first)
		return piece->x;
	for (size_t i = 0; i < axis->n; i++) {
		uint64_t next = i + 1 < axis->n ? axis->pieces[i + 1].first : 0;

		piece = &axis->pieces[i];
		if (id <= piece->end)
			return piece->x + piece->width * (double)(id - piece->first) /
					      (double)(piece->end - piece->first);
		if (id < next)
			return piece->x + piece->width +
			       piece->gap * (double)(id - piece->end) /
				   (double)(next - piece->end);
	}
	return piece->x + piece->width;
}

uint64_t axis_step(const struct axis_piece *piece, double room)
{
	static const uint64_t factors[] = { 1, 2, 5 };
	double per_id = piece->width / (double)(piece->end - piece->first);
	uint64_t ten = 1;

	for (;; ten *= 10)
		for (size_t i = 0; i < 3; i++)
			if ((double)(ten * factors[i]) * per_id >= room)
				return ten * factors[i];
}
