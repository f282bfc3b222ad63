/* SPDX-License-Identifier: MIT */
#include "libsubid/maps/maps.h"

#include <stdio.h>
#include <string.h>

#include "libsubid/core/core.h"

size_t subid_map_print(const struct subid_map_line *lines, size_t n, char *buf)
{
	char *at = buf;

	for (size_t i = 0; i < n; i++) {
		char line[SUBID_MAP_LINE_SIZE + 1];
		int len =
		    snprintf(line, sizeof(line), "%u %u %u\n", lines[i].inside.start,
			     lines[i].outside.start, lines[i].inside.count);

		memcpy(at, line, (size_t)len);
		at += len;
	}
	return (size_t)(at - buf);
}

bool subid_map_overlaps(const struct subid_map_line *lines, size_t n, size_t *ret_a,
			size_t *ret_b)
{
	for (size_t b = 1; b < n; b++) {
		for (size_t a = 0; a < b; a++) {
			if (!id_range_overlaps(lines[a].inside, lines[b].inside) &&
			    !id_range_overlaps(lines[a].outside, lines[b].outside))
				continue;
			*ret_a = a;
			*ret_b = b;
			return true;
		}
	}
	return false;
}

int subid_map_authorize(const struct subid_map_line *lines, size_t n,
			const struct subid_set *held, uint32_t own_id, bool *ret_by_table,
			size_t *ret_bad)
{
	bool by_table = false;

	for (size_t i = 0; i < n; i++) {
		struct id_range outside = lines[i].outside;

		if (subid_set_contains(held, outside)) {
			by_table = true;
		} else if (outside.count != 1 || outside.start != own_id) {
			*ret_bad = i;
			return SUBID_DENIED;
		}
	}
	*ret_by_table = by_table;
	return 0;
}
