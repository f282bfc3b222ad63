/* SPDX-License-Identifier: MIT */
/*
 * How ids lie in maps: which map to write for the ids that a container has.  Pure.
 */
#pragma once

#include "libsubid/maps/maps.h"

/* One of the owner's own ids, which shall be seen inside too. */
struct subid_keep {
	uint32_t inside;  /* what it is inside; SUBID_ID_NONE: it is not */
	uint32_t outside; /* the owner's uid or gid */
};

/*
 * The map of a container that has all of ids, a sorted set: in their order, from
 * inside id 0 on.  An id that is kept takes the place of what would lie there, or
 * behind it; all others stay where they are, so that the files of a container
 * that is there already keep their owners.
 *
 * Returns 0 with the lines in ret, *ret_n of them, in the order of inside ids;
 * SUBID_TAKEN if the id to keep is among ids; SUBID_FULL if it takes more than
 * SUBID_MAP_LINES_MAX lines; SUBID_ABSENT for no ids.
 */
int subid_layout(const struct subid_set *ids, struct subid_keep keep,
		 struct subid_map_line ret[SUBID_MAP_LINES_MAX], size_t *ret_n);

/*
 * The same map as seen from the user namespace in which podman runs as an ordinary
 * user: there, 0 is the user, own, and the ids that the user holds, all, follow
 * from 1 on in ascending order.  Lines that adjoin on both sides become one.
 *
 * Returns 0 with lines and *n changed; SUBID_DENIED if an outside id is not in that
 * namespace, and then nothing is changed.
 */
int subid_layout_relative(const struct subid_set *all, uint32_t own,
			  struct subid_map_line *lines, size_t *n);
