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

/* The same of a sentence of ours with foreign words in it: long numbers are shown in
 * groups, and what is copied has none. */
void html_sentence(FILE *out, const char *text);

/* In groups of three digits, which no line break parts. */
void html_number(FILE *out, uint64_t n);

/* "100 000-165 535" of ids that end before end; a single id alone. */
void html_range(FILE *out, uint64_t first, uint64_t end);

/* Everything between <style> and </style>. */
extern const char html_style[];

/* The picture of the id space of one kind.  0 or -ENOMEM. */
int html_picture(const struct audit_shown *shown, enum subid_kind kind, FILE *out);

/* The list of owners, which the reader can sort.  0 or -ENOMEM. */
int html_owners(const struct audit_shown *shown, FILE *out);

/*
 * The picture: lanes over one axis, one each for those who have ids, their containers'
 * leases, held ids, accounts, running namespaces, and shared ids.
 */

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
	double gap;  /* how wide the gap after it is drawn */
	bool is_had; /* somebody has what is left out */
};

struct axis {
	struct axis_piece pieces[AXIS_PIECES];
	size_t n;
};

/* Where the id begins. */
double axis_x(const struct axis *axis, uint64_t id);

/* A distance between two ticks of a piece, at least room wide: 1, 2 or 5 and zeros. */
uint64_t axis_step(const struct axis_piece *piece, double room);

#define PICTURE_WIDTH 1000.0
#define PICTURE_LEFT  92.0 /* for the names of the lanes */
#define PICTURE_RIGHT 36.0 /* for half of the last number */

/* Ids in a lane; what index means is the lane's. */
struct bar {
	struct id_range range;
	uint32_t index;
};

struct lane {
	const char *label;
	const char *style; /* CSS class; NULL: a colour for each owner */
	const char *of;	   /* what a bar is, in the plural */
	struct bar *bars;
	size_t n;
	double width_min;
	struct subid_owner_name (*name)(const struct audit_shown *shown,
					enum subid_kind kind, const struct bar *bar,
					char buf[128]);
	bool legend;  /* names that find no room go below the picture */
	bool nested;  /* names are OWNER/NAME: in the colour of OWNER */
	bool trouble; /* links to findings */
};

/* From top to bottom. */
enum {
	LANE_GRANTS,
	LANE_LEASES,
	LANE_HELD,
	LANE_ACCOUNTS,
	LANE_LIVE,
	LANE_SHARED,
	LANES,
};

struct picture {
	const struct audit_shown *shown;
	enum subid_kind kind;
	struct axis axis;
	struct lane lanes[LANES];
};

/* Gathers what is drawn; the caller frees it, also after -ENOMEM.  0 or that. */
int picture_make(const struct audit_shown *shown, enum subid_kind kind,
		 struct picture *ret);
void picture_free(struct picture *picture);

/* A red mark: ids that more than one has; trouble: the finding about it, or SIZE_MAX. */
struct mark {
	uint64_t first;
	uint64_t end;
	size_t trouble;
};

/* It, enlarged, with the names of those who share it. */
void html_zoom(const struct picture *picture, const struct mark *mark, FILE *out);
