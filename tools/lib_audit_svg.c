/* SPDX-License-Identifier: MIT */
/*
 * Draws the id space.  However many lines the tables have, a lane has no more
 * shapes than it has room for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_picture.h"
#include "libsubid/cleanup.h"

#define ROWS_MAX     3 /* of a lane, for what overlaps in it */
#define ROW_HEIGHT   18.0
#define LANE_GAP     8.0
#define TOP	     30.0 /* below the numbers */
#define NARROW	     1.5  /* narrower shapes are drawn as one */
#define MERGED_MAX   5.0  /* but no wider than this */
#define LETTER_WIDTH 6.6
#define OWNER_HUES   12

struct drawing {
	struct picture picture;
	FILE *out;
	double y; /* how far it is drawn */
};

/* One or more bars, drawn as one. */
struct shape {
	double x, end;
	const struct bar *first;
	uint64_t end_id;
	size_t n;
};

/* A finding that the page shows, about some of these ids; SIZE_MAX: none. */
static size_t find_trouble(const struct drawing *drawing, const struct shape *shape)
{
	const struct subid_report *report = drawing->picture.shown->report;
	struct id_range ids = id_range_between(shape->first->range.start, shape->end_id);

	for (size_t i = 0; i < report->n; i++)
		if (report->findings[i].rule->level >= SUBID_ERROR &&
		    report->findings[i].kind == (int)drawing->picture.kind &&
		    id_range_overlaps(report->findings[i].range, ids))
			return i;
	return SIZE_MAX;
}

/* Names get one of the colours that are not red, always the same one. */
static void print_class(const struct lane *lane, struct subid_spelling name, size_t n,
			FILE *out)
{
	if (lane->style != NULL)
		(void)fprintf(out, "class=\"%s\"", lane->style);
	else if (n > 1)
		(void)fputs("class=\"many\"", out);
	else
		(void)fprintf(out, "class=\"o%zu\"",
			      subid_table_hash(name.text, name.len) % OWNER_HUES);
}

static void print_title(const struct lane *lane, const struct shape *shape,
			struct subid_spelling name, FILE *out)
{
	uint32_t first = shape->first->range.start;

	(void)fputs("<title>", out);
	if (shape->n > 1)
		(void)fprintf(out, "%zu %s: ", shape->n, lane->of);
	else if (name.len > 0) {
		html_name(out, name);
		(void)fputs(": ", out);
	}
	if (shape->end_id - first == 1)
		(void)fprintf(out, "%u</title>", first);
	else
		(void)fprintf(out, "%u-%llu, %llu ids</title>", first,
			      (unsigned long long)shape->end_id - 1,
			      (unsigned long long)shape->end_id - first);
}

/* The owner's name, where there is room for it. */
static void print_label(const struct shape *shape, struct subid_spelling name, double y,
			FILE *out)
{
	double width = shape->end - shape->x;

	if (shape->n > 1 || name.len == 0 || (double)name.len * LETTER_WIDTH + 8 > width)
		return;
	(void)fprintf(out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">",
		      shape->x + width / 2, y + ROW_HEIGHT - 5.5);
	html_name(out, name);
	(void)fputs("</text>", out);
}

static void print_shape(const struct drawing *drawing, const struct lane *lane,
			const struct shape *shape, double y)
{
	char buf[128];
	struct subid_spelling name =
	    lane->name(drawing->picture.shown, drawing->picture.kind, shape->first, buf);
	size_t trouble = lane->trouble ? find_trouble(drawing, shape) : SIZE_MAX;
	double width = shape->end - shape->x;

	if (width < lane->width_min)
		width = lane->width_min;
	if (trouble != SIZE_MAX)
		(void)fprintf(drawing->out, "<a href=\"#f%zu\">", trouble);
	(void)fputs("<g>", drawing->out);
	print_title(lane, shape, name, drawing->out);
	if (lane->trouble) /* over all lanes, faintly */
		(void)fprintf(drawing->out,
			      "<rect class=\"%s\" x=\"%.2f\" y=\"24\" width=\"%.2f\""
			      " height=\"%.1f\"/>",
			      trouble == SIZE_MAX ? "known-band" : "band", shape->x,
			      width, y - 24);
	(void)fputs("<rect ", drawing->out);
	if (lane->trouble && trouble == SIZE_MAX)
		(void)fputs("class=\"known\"", drawing->out);
	else
		print_class(lane, name, shape->n, drawing->out);
	(void)fprintf(
	    drawing->out,
	    " x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\" rx=\"1.5\"/>",
	    shape->x, y, width, ROW_HEIGHT - 2);
	print_label(shape, name, y, drawing->out);
	(void)fputs(trouble != SIZE_MAX ? "</g></a>\n" : "</g>\n", drawing->out);
}

/* Adds a bar to a shape of bars that are too narrow to be seen one by one. */
static bool merge(struct shape *shape, const struct bar *bar, double x, double end)
{
	if (shape->n == 0 || x - shape->end > 1 || end - shape->x > MERGED_MAX ||
	    (shape->n == 1 && shape->end - shape->x >= NARROW) || end - x >= NARROW)
		return false;
	if (end > shape->end)
		shape->end = end;
	if (id_range_end(bar->range) > shape->end_id)
		shape->end_id = id_range_end(bar->range);
	shape->n++;
	return true;
}

/* The first row that is free there; the last takes the rest. */
static size_t choose_row(uint64_t row_ends[ROWS_MAX], const struct bar *bar)
{
	size_t row = 0;

	while (row < ROWS_MAX - 1 && row_ends[row] > bar->range.start)
		row++;
	if (id_range_end(bar->range) > row_ends[row])
		row_ends[row] = id_range_end(bar->range);
	return row;
}

static void draw_lane(struct drawing *drawing, const struct lane *lane)
{
	uint64_t row_ends[ROWS_MAX] = { 0 };
	struct shape shapes[ROWS_MAX] = { { .n = 0 } };
	size_t rows = 1;

	if (lane->n == 0)
		return;
	(void)fprintf(drawing->out, "<text class=\"lane\" x=\"0\" y=\"%.1f\">%s</text>\n",
		      drawing->y + ROW_HEIGHT - 5.5, lane->label);
	for (size_t i = 0; i < lane->n; i++) {
		const struct bar *bar = &lane->bars[i];
		size_t row = choose_row(row_ends, bar);
		double x = axis_x(&drawing->picture.axis, bar->range.start);
		double end = axis_x(&drawing->picture.axis, id_range_end(bar->range));
		double y = drawing->y + (double)row * ROW_HEIGHT;

		if (row >= rows)
			rows = row + 1;
		if (merge(&shapes[row], bar, x, end))
			continue;
		if (shapes[row].n > 0)
			print_shape(drawing, lane, &shapes[row], y);
		shapes[row] = (struct shape){ .x = x,
					      .end = end,
					      .first = bar,
					      .end_id = id_range_end(bar->range),
					      .n = 1 };
	}
	for (size_t row = 0; row < rows; row++)
		print_shape(drawing, lane, &shapes[row],
			    drawing->y + (double)row * ROW_HEIGHT);
	drawing->y += (double)rows * ROW_HEIGHT + LANE_GAP;
}

static void draw_window(struct drawing *drawing)
{
	const struct subid_window *window =
	    &drawing->picture.shown->input->policy->window[drawing->picture.kind];
	double x = axis_x(&drawing->picture.axis, window->min);
	double end = axis_x(&drawing->picture.axis, window->max + 1ULL);

	(void)fprintf(drawing->out,
		      "<text class=\"lane\" x=\"0\" y=\"%.1f\">window</text>\n"
		      "<g><title>SUB_%s_MIN %u to SUB_%s_MAX %u</title>"
		      "<rect class=\"window\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\""
		      " height=\"8\" rx=\"4\"/></g>\n",
		      drawing->y + 9, drawing->picture.kind == SUBID_UID ? "UID" : "GID",
		      window->min, drawing->picture.kind == SUBID_UID ? "UID" : "GID",
		      window->max, x, drawing->y, end - x);
	drawing->y += 8 + LANE_GAP;
}

/* A tick with its number, if that does not run into the one before. */
static void draw_tick(const struct drawing *drawing, uint64_t id, double *behind)
{
	double x = axis_x(&drawing->picture.axis, id), half;
	char text[24];

	half = (double)snprintf(text, sizeof(text), "%llu", (unsigned long long)id) *
	       LETTER_WIDTH / 2;
	(void)fprintf(drawing->out, "<path class=\"tick\" d=\"M%.1f 18v6\"/>", x);
	if (x - half < *behind)
		return;
	(void)fprintf(drawing->out,
		      "<text class=\"number\" x=\"%.1f\" y=\"13\">%s</text>\n",
		      x + half > PICTURE_WIDTH ? PICTURE_WIDTH - half : x, text);
	*behind = x + half + 6;
}

static void draw_axis(const struct drawing *drawing)
{
	double behind = PICTURE_LEFT - 30;

	for (size_t i = 0; i < drawing->picture.axis.n; i++) {
		const struct axis_piece *piece = &drawing->picture.axis.pieces[i];
		uint64_t step = axis_step(piece, 90);
		uint64_t ids;

		(void)fprintf(drawing->out,
			      "<rect class=\"piece\" x=\"%.1f\" y=\"24\" width=\"%.1f\""
			      " height=\"%.1f\"/>\n",
			      piece->x, piece->width, drawing->y - 24);
		draw_tick(drawing, piece->first, &behind);
		for (uint64_t id = (piece->first / step + 1) * step; id < piece->end;
		     id += step)
			draw_tick(drawing, id, &behind);
		if (i + 1 >= drawing->picture.axis.n)
			continue;
		ids = piece[1].first - piece->end;
		(void)fprintf(
		    drawing->out,
		    "<g><title>nothing in %llu-%llu, %llu ids</title>"
		    "<rect class=\"left-out\" x=\"%.1f\" y=\"24\" width=\"%.1f\""
		    " height=\"%.1f\"/><text class=\"dots\" x=\"%.1f\" y=\"20\">"
		    "&#8943;</text></g>\n",
		    (unsigned long long)piece->end,
		    (unsigned long long)piece[1].first - 1, (unsigned long long)ids,
		    piece->x + piece->width, AXIS_GAP, drawing->y - 24,
		    piece->x + piece->width + AXIS_GAP / 2);
	}
}

/* The lanes, into memory: how high they are is known when they are drawn. */
static int draw_lanes(struct drawing *drawing, char **ret, size_t *ret_size)
{
	drawing->out = open_memstream(ret, ret_size);
	if (drawing->out == NULL)
		return -ENOMEM;
	drawing->y = TOP;
	draw_window(drawing);
	for (size_t i = 0; i < LANES; i++)
		draw_lane(drawing, &drawing->picture.lanes[i]);
	return fclose(drawing->out) == 0 ? 0 : -ENOMEM;
}

int html_picture(const struct audit_shown *shown, enum subid_kind kind, FILE *out)
{
	auto_free char *lanes = NULL;
	struct drawing drawing;
	size_t size = 0;
	int r;

	r = picture_make(shown, kind, &drawing.picture);
	if (r == 0)
		r = draw_lanes(&drawing, &lanes, &size);
	if (r == 0) {
		drawing.out = out;
		(void)fprintf(out,
			      "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\""
			      " aria-label=\"who has which %ss\">\n",
			      PICTURE_WIDTH, drawing.y, subid_kind_name(kind));
		draw_axis(&drawing);
		(void)fwrite(lanes, 1, size, out);
		(void)fputs("</svg>\n", out);
	}
	picture_free(&drawing.picture);
	return r;
}
