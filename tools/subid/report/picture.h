/* SPDX-License-Identifier: MIT */
/*
 * A picture of the ids of one kind: lanes over one axis, one each for those who
 * have ids, their containers' leases, held ids, accounts, what runs, and what two share.
 */
#pragma once

#include "tools/subid/report/html.h"

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
