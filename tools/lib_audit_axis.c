/* SPDX-License-Identifier: MIT */
/*
 * An axis of ids in pieces.
 */
#include "audit_html.h"

#define PIECE_WIDTH_MIN 16.0
#define CUT_SHARE	10 /* a gap is left out if it is more than a tenth */

/* What is left out: the gap behind ranges[after] of the set. */
struct cut {
	size_t after;
	uint64_t size;
};

static uint64_t gap_behind(const struct subid_set *used, size_t i)
{
	return used->ranges[i + 1].start - id_range_end(used->ranges[i]);
}

static bool is_cut(const struct cut *cuts, size_t n, size_t i)
{
	for (size_t c = 0; c < n; c++)
		if (cuts[c].after == i)
			return true;
	return false;
}

static struct cut largest_gap(const struct subid_set *used, const struct cut *cuts,
			      size_t n)
{
	struct cut largest = { .size = 0 };

	for (size_t i = 0; i + 1 < used->n; i++) {
		uint64_t gap = gap_behind(used, i);

		if (gap > largest.size && !is_cut(cuts, n, i))
			largest = (struct cut){ .after = i, .size = gap };
	}
	return largest;
}

/* The largest gaps, as long as they are large beside what is left. */
static size_t choose_cuts(const struct subid_set *used, struct cut cuts[AXIS_PIECES - 1])
{
	uint64_t span = id_range_end(used->ranges[used->n - 1]) - used->ranges[0].start;
	size_t n = 0;

	while (n < AXIS_PIECES - 1) {
		struct cut cut = largest_gap(used, cuts, n);

		if (cut.size == 0 || cut.size < span / CUT_SHARE)
			break;
		span -= cut.size;
		cuts[n++] = cut;
	}
	return n;
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
	double room =
	    width - AXIS_GAP * (double)(axis->n - 1) - PIECE_WIDTH_MIN * (double)axis->n;
	double sum = 0;

	for (size_t i = 0; i < axis->n; i++)
		sum += weight_of(&axis->pieces[i]);
	for (size_t i = 0; i < axis->n; i++) {
		struct axis_piece *piece = &axis->pieces[i];

		piece->x = left;
		piece->width = PIECE_WIDTH_MIN + room * weight_of(piece) / sum;
		left += piece->width + AXIS_GAP;
	}
}

struct axis axis_make(const struct subid_set *used, double left, double width)
{
	struct axis axis = { .n = 0 };
	struct cut cuts[AXIS_PIECES - 1];
	size_t n_cuts = choose_cuts(used, cuts);
	uint64_t first = used->ranges[0].start;

	for (size_t i = 0; i < used->n; i++) {
		if (i + 1 < used->n && !is_cut(cuts, n_cuts, i))
			continue;
		axis.pieces[axis.n++] = (struct axis_piece){
			.first = first,
			.end = id_range_end(used->ranges[i]),
		};
		if (i + 1 < used->n)
			first = used->ranges[i + 1].start;
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
			       AXIS_GAP * (double)(id - piece->end) /
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
