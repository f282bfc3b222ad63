/* SPDX-License-Identifier: MIT */
/*
 * The text of /proc/PID/uid_map and gid_map (user_namespaces(7)), lines "inside outside
 * count".  Part of subid.h, where `make install` puts this text in the place of its
 * #include.
 */
#pragma once

#include "libsubid/core/range.h"

/* The most lines that the kernel takes (UID_GID_MAP_MAX_EXTENTS since Linux 4.15). */
#define SUBID_MAP_LINES_MAX 340

/* The longest line, "4294967294 4294967294 4294967295\n". */
#define SUBID_MAP_LINE_SIZE 33

/* One line of /proc/PID/uid_map or gid_map; inside and outside have the same count. */
struct subid_map_line {
	struct id_range inside;
	struct id_range outside;
};

/*
 * Reads a map of size bytes as the kernel prints it.  A line whose outside is 4294967295
 * is of ids that mean nothing to the reader, and is passed over.  Returns 0 with the
 * lines in ret, *ret_n of them; SUBID_INVALID.
 */
int subid_map_parse(const char *text, size_t size,
		    struct subid_map_line ret[SUBID_MAP_LINES_MAX], size_t *ret_n);

/* Writes n lines into buf, which must have room for n * SUBID_MAP_LINE_SIZE bytes and is
 * not terminated.  Returns how many bytes. */
size_t subid_map_print(const struct subid_map_line *lines, size_t n, char *buf);

/* Do two lines overlap, inside or outside?  The kernel refuses that.  True with the
 * indexes of the two, the lower one first. */
bool subid_map_overlaps(const struct subid_map_line *lines, size_t n, size_t *ret_a,
			size_t *ret_b);

/*
 * May a map be written (newuidmap(1))?  Every outside range must lie in held, what the
 * caller's lines grant, or be the one id own_id that is the caller's already.  Returns 0,
 * and *ret_by_table says whether some line was allowed by held; or SUBID_DENIED, and
 * *ret_bad is the index of the first that is not allowed.
 */
int subid_map_authorize(const struct subid_map_line *lines, size_t n,
			const struct subid_set *held, uint32_t own_id, bool *ret_by_table,
			size_t *ret_bad);

/* What the id outside is inside of the map.  0 or SUBID_ABSENT. */
int subid_map_inside(const struct subid_map_line *lines, size_t n, uint32_t outside,
		     uint32_t *ret);

/* What the id inside is outside of it.  0 or SUBID_ABSENT. */
int subid_map_outside(const struct subid_map_line *lines, size_t n, uint32_t inside,
		      uint32_t *ret);
