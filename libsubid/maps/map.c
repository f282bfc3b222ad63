/* SPDX-License-Identifier: MIT */
#include "libsubid/maps/maps.h"

#include <stdio.h>
#include <string.h>

#include "libsubid/core/core.h"

/* The next number of a line, behind blanks. */
static bool next_id(const char **at, const char *end, uint32_t *ret)
{
	const char *start;

	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
	start = *at;
	while (*at < end && **at != ' ' && **at != '\t')
		(*at)++;
	return subid_id_parse(start, (size_t)(*at - start), ret) == 0;
}

int subid_map_parse(const char *text, size_t size,
		    struct subid_map_line ret[SUBID_MAP_LINES_MAX], size_t *ret_n)
{
	struct subid_text lines = { .bytes = (char *)(uintptr_t)text, .size = size };
	const char *line;
	size_t pos = 0, len, n = 0;

	while (subid_text_next(&lines, &pos, &line, &len)) {
		const char *at = line, *end = line + len;
		uint32_t inside, outside, count;

		if (n == SUBID_MAP_LINES_MAX || !next_id(&at, end, &inside) ||
		    !next_id(&at, end, &outside) || !next_id(&at, end, &count))
			return SUBID_INVALID;
		while (at < end && *at == ' ')
			at++;
		if (at != end)
			return SUBID_INVALID;
		if (outside == UINT32_MAX)
			continue;
		ret[n++] = (struct subid_map_line){
			.inside = { inside, count },
			.outside = { outside, count },
		};
	}
	*ret_n = n;
	return 0;
}

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
