/* SPDX-License-Identifier: MIT */
/*
 * Where there is room.  Pure: sees its arguments, changes nothing else.
 */
#pragma once

#include "libsubid/core/range.h"

/* What is asked for of one kind. */
struct subid_want {
	const struct subid_set *taken; /* sorted; ids that may not be given */
	struct id_range window;	       /* the range must lie in here */
	uint32_t count;		       /* how many ids; 0: none of this kind */
};

/*
 * The lowest id, not below from, at which every kind that is wanted has room at
 * once, so that uid and gid get the same numbers.  Returns 0 or SUBID_FULL.
 * With no kind wanted it answers SUBID_FULL as well.
 */
int subid_find_gap(const struct subid_want want[SUBID_KINDS], uint32_t from,
		   uint32_t *ret_start);
