/* SPDX-License-Identifier: MIT */
#pragma once

#include "libsubid/core/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The text of /proc/PID/uid_map and gid_map (user_namespaces(7)): lines
 * "inside outside count".
 */

/*
 * Reads a map as the kernel prints it.  A line whose outside is 4294967295 is of
 * ids that mean nothing to the reader, and is passed over.  Returns 0 with the
 * lines in ret, *ret_n of them; SUBID_INVALID for any other text, or more than
 * SUBID_MAP_LINES_MAX lines.
 */
int subid_map_parse(const char *text, size_t size,
		    struct subid_map_line ret[SUBID_MAP_LINES_MAX], size_t *ret_n);

/*
 * Writes n lines into buf, which must have room for n * SUBID_MAP_LINE_SIZE
 * bytes and is not terminated.  Returns how many bytes.
 */
size_t subid_map_print(const struct subid_map_line *lines, size_t n, char *buf);

/*
 * Do two lines of a map overlap, inside or outside?  The kernel refuses that
 * with EINVAL, without saying why.  Returns true and the indexes of the two, the
 * lower one first.
 */
bool subid_map_overlaps(const struct subid_map_line *lines, size_t n, size_t *ret_a,
			size_t *ret_b);

/*
 * May a map be written?  Every outside range must lie in held, the union of what
 * the caller's lines give (sorted), or be the one id own_id that is the caller's
 * already.  Returns 0, and *ret_by_table says whether some line was allowed by
 * held; or SUBID_DENIED, and *ret_bad is the index of the first that is not
 * allowed.  (newuidmap(1), newgidmap(1))
 */
int subid_map_authorize(const struct subid_map_line *lines, size_t n,
			const struct subid_set *held, uint32_t own_id, bool *ret_by_table,
			size_t *ret_bad);

/* What the id outside is inside of the map.  Returns 0 or SUBID_ABSENT. */
int subid_map_inside(const struct subid_map_line *lines, size_t n, uint32_t outside,
		     uint32_t *ret);

/* What the id inside is outside of it.  Returns 0 or SUBID_ABSENT. */
int subid_map_outside(const struct subid_map_line *lines, size_t n, uint32_t inside,
		      uint32_t *ret);

#ifdef __cplusplus
}
#endif
