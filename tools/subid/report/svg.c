/* SPDX-License-Identifier: MIT */
/*
 * Draws the id space.  However many lines the tables have, a lane has no more
 * shapes than it has room for.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/report/html.h"

#define ROWS_MAX      3 /* of a lane, for what overlaps in it */
#define ROW_HEIGHT    18.0
#define LANE_GAP      8.0
#define TOP	      30.0 /* below the numbers */
#define NARROW	      1.5  /* narrower shapes are drawn as one */
#define MERGED_MAX    5.0  /* but no wider than this */
#define LETTER_WIDTH  6.6
#define OWNER_HUES    12
#define COLOURED_SIZE 64 /* longer names share colours */
#define MARKS_MAX     12 /* red marks that are enlarged */
#define UNNAMED_MAX   24 /* with more names there is no legend */

struct drawing {
	struct picture picture;
	FILE *out;
	double y; /* how far it is drawn */
	/* owners whose names did not fit into their shapes */
	struct subid_owner_name unnamed[UNNAMED_MAX + 1];
	size_t n_unnamed;
	/* the first owners, each in a colour of its own */
	char coloured[OWNER_HUES][COLOURED_SIZE];
	unsigned int colours[OWNER_HUES];
	unsigned int used; /* bits 1 << colour */
	size_t n_coloured;
	struct mark marks[MARKS_MAX]; /* the first red ones, to be enlarged */
	size_t n_marks;
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
	const struct audit_report *report = drawing->picture.shown->report;
	struct id_range ids = id_range_between(shape->first->range.start, shape->end_id);

	for (size_t i = 0; i < report->n; i++)
		if (report->findings[i].rule->level >= SUBID_ERROR &&
		    report->findings[i].kind == (int)drawing->picture.kind &&
		    id_range_overlaps(report->findings[i].range, ids))
			return i;
	return SIZE_MAX;
}

/* A colour that is not red: always the same one for a name, unless one of the first
 * names has it already. */
static unsigned int colour_of(struct drawing *drawing, struct subid_owner_name name)
{
	uint32_t hash = (uint32_t)subid_table_hash(name.text, name.len) * 2654435761U;
	unsigned int colour = (hash >> 16) % OWNER_HUES;

	for (size_t i = 0; i < drawing->n_coloured; i++)
		if (strlen(drawing->coloured[i]) == name.len &&
		    memcmp(drawing->coloured[i], name.text, name.len) == 0)
			return drawing->colours[i];
	if (drawing->n_coloured == OWNER_HUES || name.len >= COLOURED_SIZE)
		return colour;
	while (drawing->used & (1U << colour))
		colour = (colour + 1) % OWNER_HUES;
	drawing->used |= 1U << colour;
	memcpy(drawing->coloured[drawing->n_coloured], name.text, name.len);
	drawing->colours[drawing->n_coloured++] = colour;
	return colour;
}

/* Of OWNER/NAME. */
static size_t owner_len(struct subid_owner_name name)
{
	const char *slash = memchr(name.text, '/', name.len);

	return slash == NULL ? name.len : (size_t)(slash - name.text);
}

static void print_class(struct drawing *drawing, const struct lane *lane,
			struct subid_owner_name name, size_t n)
{
	if (lane->nested)
		name.len = owner_len(name);
	if (lane->style != NULL)
		(void)fprintf(drawing->out, "class=\"%s\"", lane->style);
	else if (n > 1)
		(void)fputs("class=\"many\"", drawing->out);
	else
		(void)fprintf(drawing->out, "class=\"o%u\"", colour_of(drawing, name));
}

static void print_count(FILE *out, size_t n, const char *of)
{
	html_number(out, n);
	(void)fprintf(out, " %s: ", of);
}

static void print_title(const struct lane *lane, const struct shape *shape,
			struct subid_owner_name name, FILE *out)
{
	uint32_t first = shape->first->range.start;

	(void)fputs("<title>", out);
	if (shape->n > 1)
		print_count(out, shape->n, lane->of);
	else if (name.len > 0) {
		html_text(out, name.text, name.len);
		(void)fputs(": ", out);
	}
	html_range(out, first, shape->end_id);
	if (shape->end_id - first > 1) {
		(void)fputs(", ", out);
		html_number(out, shape->end_id - first);
		(void)fputs(" ids", out);
	}
	(void)fputs("</title>", out);
}

/* For the legend, each name once. */
static void add_unnamed(struct drawing *drawing, struct subid_owner_name name)
{
	for (size_t i = 0; i < drawing->n_unnamed; i++)
		if (drawing->unnamed[i].len == name.len &&
		    memcmp(drawing->unnamed[i].text, name.text, name.len) == 0)
			return;
	if (drawing->n_unnamed <= UNNAMED_MAX)
		drawing->unnamed[drawing->n_unnamed++] = name;
}

static void print_legend(struct drawing *drawing, FILE *out)
{
	if (drawing->n_unnamed == 0 || drawing->n_unnamed > UNNAMED_MAX)
		return;
	(void)fputs("<div class=\"key names\">", out);
	for (size_t i = 0; i < drawing->n_unnamed; i++) {
		struct subid_owner_name name = drawing->unnamed[i];

		(void)fprintf(out, "<span><i class=\"o%u\"></i>",
			      colour_of(drawing, name));
		html_text(out, name.text, name.len);
		(void)fputs("</span>", out);
	}
	(void)fputs("</div>\n", out);
}

/* The owner's name, where there is room for it; or the container's alone.  False: there
 * is none. */
static bool print_label(const struct lane *lane, const struct shape *shape,
			struct subid_owner_name name, double y, FILE *out)
{
	double width = shape->end - shape->x, room = (width - 8) / LETTER_WIDTH;
	size_t owner = lane->nested ? owner_len(name) : name.len;

	if (owner < name.len && (double)name.len > room) {
		name.text += owner + 1;
		name.len -= owner + 1;
	}

	if (shape->n > 1 || name.len == 0 || (double)name.len > room)
		return false;
	(void)fprintf(out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">",
		      shape->x + width / 2, y + ROW_HEIGHT - 5.5);
	html_text(out, name.text, name.len);
	(void)fputs("</text>", out);
	return true;
}

/* More marks are only counted. */
static void add_mark(struct drawing *drawing, const struct shape *shape, size_t trouble)
{
	if (drawing->n_marks < MARKS_MAX)
		drawing->marks[drawing->n_marks] =
		    (struct mark){ shape->first->range.start, shape->end_id, trouble };
	drawing->n_marks++;
}

static void print_marks(const struct drawing *drawing, FILE *out)
{
	size_t n = drawing->n_marks < MARKS_MAX ? drawing->n_marks : MARKS_MAX;

	if (n == 0)
		return;
	(void)fputs("<div class=\"zooms\">\n", out);
	for (size_t i = 0; i < n; i++)
		html_zoom(&drawing->picture, &drawing->marks[i], out);
	(void)fputs("</div>\n", out);
	if (drawing->n_marks == n)
		return;
	(void)fputs("<p class=\"dim\">And ", out);
	html_number(out, drawing->n_marks - n);
	(void)fputs(" more red marks.</p>\n", out);
}

static void print_shape(struct drawing *drawing, const struct lane *lane,
			const struct shape *shape, double y)
{
	char buf[128];
	struct subid_owner_name name =
	    lane->name(drawing->picture.shown, drawing->picture.kind, shape->first, buf);
	size_t trouble = lane->trouble ? find_trouble(drawing, shape) : SIZE_MAX;
	double width = shape->end - shape->x;

	if (width < lane->width_min)
		width = lane->width_min;
	if (trouble != SIZE_MAX)
		add_mark(drawing, shape, trouble);
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
		print_class(drawing, lane, name, shape->n);
	(void)fprintf(
	    drawing->out,
	    " x=\"%.2f\" y=\"%.1f\" width=\"%.2f\" height=\"%.1f\" rx=\"1.5\"/>",
	    shape->x, y, width, ROW_HEIGHT - 2);
	if (!print_label(lane, shape, name, y, drawing->out) && lane->legend &&
	    shape->n == 1)
		add_unnamed(drawing, name);
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
	const char *upper = drawing->picture.kind == SUBID_UID ? "UID" : "GID";

	(void)fprintf(drawing->out,
		      "<text class=\"lane\" x=\"0\" y=\"%.1f\">window</text>\n"
		      "<g><title>SUB_%s_MIN to SUB_%s_MAX, ",
		      drawing->y + 9, upper, upper);
	html_range(drawing->out, window->min, window->max + 1ULL);
	(void)fprintf(
	    drawing->out,
	    "</title><rect class=\"window\" x=\"%.2f\" y=\"%.1f\" width=\"%.2f\""
	    " height=\"8\" rx=\"4\"/></g>\n",
	    x, drawing->y, end - x);
	drawing->y += 8 + LANE_GAP;
}

/* Half the room that a number takes. */
static double half_width(uint64_t id)
{
	double digits = 1;

	for (uint64_t left = id; left > 9; left /= 10)
		digits++;
	if (digits > 4) /* and narrow blanks between groups */
		digits += (double)(((unsigned int)digits - 1) / 3) * 0.4;
	return digits * LETTER_WIDTH / 2;
}

/* A tick, with its number if that does not run into others: it must begin after
 * *after and end before limit. */
static void draw_tick(const struct drawing *drawing, uint64_t id, double *after,
		      double limit)
{
	double x = axis_x(&drawing->picture.axis, id), half = half_width(id);

	(void)fprintf(drawing->out, "<path class=\"tick\" d=\"M%.1f 18v6\"/>", x);
	if (x - half < *after || x + half > limit)
		return;
	(void)fprintf(drawing->out, "<text class=\"number\" x=\"%.1f\" y=\"13\">", x);
	html_number(drawing->out, id);
	(void)fputs("</text>\n", drawing->out);
	*after = x + half + 5;
}

/* One piece of the axis; limit is where the next one's first number begins. */
static void draw_piece(const struct drawing *drawing, const struct axis_piece *piece,
		       double *after, double limit)
{
	uint64_t step = axis_step(piece, 80);

	(void)fprintf(drawing->out,
		      "<rect class=\"piece\" x=\"%.1f\" y=\"24\" width=\"%.1f\""
		      " height=\"%.1f\" rx=\"3\"/>\n",
		      piece->x, piece->width, drawing->y - 24);
	draw_tick(drawing, piece->first, after, PICTURE_WIDTH);
	for (uint64_t id = (piece->first / step + 1) * step; id < piece->end; id += step)
		draw_tick(drawing, id, after, limit);
}

/* What is left out between two pieces. */
static void draw_gap(const struct drawing *drawing, const struct axis_piece *piece)
{
	double x = piece->x + piece->width, height = drawing->y - 24;

	(void)fprintf(drawing->out, "<g><title>%s ",
		      piece->is_had ? "shortened: nothing else begins or ends in"
				    : "nothing in");
	html_range(drawing->out, piece->end, piece[1].first);
	(void)fputs(", ", drawing->out);
	html_number(drawing->out, piece[1].first - piece->end);
	(void)fprintf(
	    drawing->out,
	    " ids</title>"
	    "<rect class=\"%s\" x=\"%.1f\" y=\"24\" width=\"%.1f\" height=\"%.1f\"/>"
	    "<text class=\"dots\" x=\"%.1f\" y=\"%.1f\">&#8943;</text></g>\n",
	    piece->is_had ? "short" : "left-out", x, piece->gap, height,
	    x + piece->gap / 2, piece->is_had ? 28 : 24 + height / 2 + 5);
}

static void draw_axis(const struct drawing *drawing)
{
	const struct axis *axis = &drawing->picture.axis;
	double after = 0, limit;

	for (size_t i = 0; i < axis->n; i++) {
		const struct axis_piece *piece = &axis->pieces[i];

		limit = PICTURE_WIDTH;
		if (i + 1 < axis->n)
			limit = piece[1].x - half_width(piece[1].first) - 5;
		draw_piece(drawing, piece, &after, limit);
		if (i + 1 < axis->n)
			draw_gap(drawing, piece);
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
	struct drawing drawing = { .n_unnamed = 0 };
	size_t size = 0;
	int r;

	r = picture_make(shown, kind, &drawing.picture);
	if (r == 0)
		r = draw_lanes(&drawing, &lanes, &size);
	if (r == 0) {
		drawing.out = out;
		(void)fprintf(out,
			      "<svg viewBox=\"0 0 %.0f %.0f\" role=\"group\""
			      " aria-label=\"who has which %ss\">\n",
			      PICTURE_WIDTH, drawing.y, subid_kind_name(kind));
		draw_axis(&drawing);
		(void)fwrite(lanes, 1, size, out);
		(void)fputs("</svg>\n", out);
		print_legend(&drawing, out);
		print_marks(&drawing, out);
	}
	picture_free(&drawing.picture);
	return r;
}
