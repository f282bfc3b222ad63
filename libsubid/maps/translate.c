/* SPDX-License-Identifier: MIT */
/*
 * A map as the kernel prints it, and what an id is on the other side of one.
 */
#include "libsubid/core/core.h"
#include "libsubid/maps/maps.h"

/* The next number of a line, after blanks. */
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

/* The id of to that lies where id lies in from. */
static bool across(struct id_range from, struct id_range to, uint32_t id, uint32_t *ret)
{
	if (!id_range_contains(from, (struct id_range){ .start = id, .count = 1 }))
		return false;
	*ret = to.start + (id - from.start);
	return true;
}

int subid_map_inside(const struct subid_map_line *lines, size_t n, uint32_t outside,
		     uint32_t *ret)
{
	for (size_t i = 0; i < n; i++)
		if (across(lines[i].outside, lines[i].inside, outside, ret))
			return 0;
	return SUBID_ABSENT;
}

int subid_map_outside(const struct subid_map_line *lines, size_t n, uint32_t inside,
		      uint32_t *ret)
{
	for (size_t i = 0; i < n; i++)
		if (across(lines[i].inside, lines[i].outside, inside, ret))
			return 0;
	return SUBID_ABSENT;
}
