/* SPDX-License-Identifier: MIT */
/*
 * The red marks of the picture, each enlarged: a row for everybody who has ids of it.
 * Many marks, or many who share one, are counted: the page stays small.
 */
#include <string.h>

#include "tools/subid/report/html.h"

#define ZOOM_WIDTH     320.0
#define ZOOM_ROW       18.0
#define ZOOM_TOP       6.0
#define SHARERS_MAX    5  /* rows of one mark; more are counted */
#define NAME_MAX_SHOWN 40 /* letters that have room beside each other */

/* What is seen of the ids: the mark, and half as much before and behind. */
struct view {
	uint64_t first;
	uint64_t end;
};

static double x_of(const struct view *view, uint64_t id)
{
	if (id < view->first)
		id = view->first;
	if (id > view->end)
		id = view->end;
	return ZOOM_WIDTH * (double)(id - view->first) /
	       (double)(view->end - view->first);
}

static void print_rect(const struct view *view, const char *style, uint64_t first,
		       uint64_t end, double y, FILE *out)
{
	double x = x_of(view, first), width = x_of(view, end) - x;

	(void)fprintf(out,
		      "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\""
		      " height=\"%.0f\" rx=\"1.5\"/>",
		      style, x, y, width < 1 ? 1 : width, ZOOM_ROW - 3);
}

static void print_sharer(const struct picture *picture, const struct lane *lane,
			 const struct bar *bar, const struct view *view,
			 const struct mark *mark, double y, FILE *out)
{
	char buf[128];
	struct subid_owner_name name =
	    lane->name(picture->shown, picture->kind, bar, buf);
	uint64_t first = bar->range.start, end = id_range_end(bar->range);

	print_rect(view, "zoomed", first, end, y, out);
	print_rect(view, "shared", first < mark->first ? mark->first : first,
		   end > mark->end ? mark->end : end, y, out);
	(void)fprintf(out, "<text x=\"4\" y=\"%.1f\" class=\"who\">", y + ZOOM_ROW - 7);
	if (name.len == 0)
		(void)fputs(lane->label, out);
	html_text(out, name.text, name.len > NAME_MAX_SHOWN ? NAME_MAX_SHOWN : name.len);
	(void)fputs(name.len > NAME_MAX_SHOWN ? "&#8230; " : " ", out);
	html_range(out, first, end);
	(void)fputs("</text>\n", out);
}

/* Everybody who has ids of the mark: the first few into a drawing.  How many. */
static size_t print_sharers(const struct picture *picture, const struct view *view,
			    const struct mark *mark, FILE *out)
{
	static const int lanes[] = { LANE_GRANTS, LANE_HELD, LANE_ACCOUNTS, LANE_LEASES };
	size_t n = 0;

	for (size_t k = 0; k < sizeof(lanes) / sizeof(lanes[0]); k++) {
		const struct lane *lane = &picture->lanes[lanes[k]];

		for (size_t i = 0; i < lane->n; i++) {
			if (lane->bars[i].range.start >= mark->end)
				break; /* in the order of ids */
			if (id_range_end(lane->bars[i].range) <= mark->first)
				continue;
			if (n < SHARERS_MAX && out != NULL)
				print_sharer(picture, lane, &lane->bars[i], view, mark,
					     ZOOM_TOP + (double)n * ZOOM_ROW, out);
			n++;
		}
	}
	return n;
}

void html_zoom(const struct picture *picture, const struct mark *mark, FILE *out)
{
	uint64_t half = (mark->end - mark->first + 1) / 2;
	struct view view = { mark->first < half ? 0 : mark->first - half,
			     mark->end + half };
	size_t n = print_sharers(picture, &view, mark, NULL);
	size_t rows = n < SHARERS_MAX ? n : SHARERS_MAX;

	(void)fputs("<div class=\"zoom\"><p>", out);
	if (mark->trouble != SIZE_MAX)
		(void)fprintf(out, "<a href=\"#f%zu\">", mark->trouble);
	html_range(out, mark->first, mark->end);
	(void)fputs(mark->trouble != SIZE_MAX ? "</a>, " : ", ", out);
	html_number(out, mark->end - mark->first);
	(void)fputs(mark->end - mark->first == 1 ? " id" : " ids", out);
	(void)fprintf(out,
		      "</p><svg viewBox=\"0 0 %.0f %.0f\" role=\"group\""
		      " aria-label=\"who shares these %ss\">\n",
		      ZOOM_WIDTH, ZOOM_TOP + (double)rows * ZOOM_ROW,
		      subid_kind_name(picture->kind));
	(void)print_sharers(picture, &view, mark, out);
	(void)fputs("</svg>", out);
	if (n > rows) {
		(void)fputs("<p class=\"dim\">and ", out);
		html_number(out, n - rows);
		(void)fputs(" more</p>", out);
	}
	(void)fputs("</div>\n", out);
}
