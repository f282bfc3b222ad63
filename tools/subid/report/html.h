/* SPDX-License-Identifier: MIT */
/*
 * The parts of an audit's page in HTML.
 */
#pragma once

#include "tools/subid/report/report.h"

/*
 * Threat: names that an attacker chose, <script> among them, in a page that root's
 * browser shows.  Every text that is not ours goes through here: what HTML may take
 * for markup, inside quotes too, is escaped; what is not ASCII is kept if it is
 * UTF-8, without what changes the direction of writing.
 */
void html_text(FILE *out, const char *text, size_t len);

/* The same for a name: what is not printable ASCII becomes '?'. */
void html_name(FILE *out, struct subid_owner_name name);

/* Everything between <style> and </style>. */
extern const char html_style[];

/* "Critical", "Errors" */
const char *html_level_title(enum subid_level level);

/* What is gone since a former report. */
void html_gone(const struct audit_shown *shown, FILE *out);

/* What was looked at, the room that is left, what is accepted. */
void html_aside(const struct audit_shown *shown, FILE *out);

/* The picture of the id space of one kind.  0 or -ENOMEM. */
int html_picture(const struct audit_shown *shown, enum subid_kind kind, FILE *out);

/*
 * Four thousand million ids, of which a few are used: an axis that has those in
 * pieces, each to its own scale, and leaves out long stretches in between where
 * nothing begins or ends, because nobody has them, or because one range is so much
 * larger than the others.
 */
#define AXIS_PIECES 10

struct axis_piece {
	uint64_t first;
	uint64_t end;
	double x;
	double width;
	double gap;  /* how wide what is left out behind it is drawn */
	bool is_had; /* somebody has what is left out */
};

struct axis {
	struct axis_piece pieces[AXIS_PIECES];
	size_t n;
};

/*
 * Makes an axis.  bounds: where something begins or ends, ascending, each once, two at
 * least; used: what somebody has, sorted.
 */
struct axis axis_make(const uint64_t *bounds, size_t n, const struct subid_set *used,
		      double left, double width);

/* Where the id begins. */
double axis_x(const struct axis *axis, uint64_t id);

/* A distance between two ticks of a piece, at least room wide: 1, 2 or 5 and zeros. */
uint64_t axis_step(const struct axis_piece *piece, double room);
