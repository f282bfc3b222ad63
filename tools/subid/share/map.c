/* SPDX-License-Identifier: MIT */
/*
 * The maps of idmapped mounts.  Pure.
 */
#include "tools/subid/share/share.h"

/* The part of a container's line that the store has ids for. */
static struct subid_map_line line_of(struct id_range store,
				     const struct subid_map_line *line)
{
	uint64_t begin = line->inside.start, end = id_range_end(line->inside);

	if (end > store.count)
		end = store.count;
	if (end <= begin)
		return (struct subid_map_line){ .inside.count = 0 };
	return (struct subid_map_line){
		.inside = id_range_between(store.start + begin, store.start + end),
		.outside = id_range_between(line->outside.start,
					    line->outside.start + (end - begin)),
	};
}

int share_map_make(enum subid_kind kind, struct id_range store,
		   const struct subid_map_line *layout, size_t n, struct share_map *ret)
{
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	size_t n_lines = 0;

	for (size_t i = 0; i < n && i < SUBID_MAP_LINES_MAX; i++) {
		struct subid_map_line line = line_of(store, &layout[i]);

		/* all of it: its processes would own the files of the store */
		if (id_range_overlaps(layout[i].outside, store))
			return SUBID_TAKEN;
		if (line.inside.count == 0)
			continue;
		if (line.outside.start == 0)
			return SUBID_DENIED;
		lines[n_lines++] = line;
	}
	if (n_lines == 0)
		return SUBID_ABSENT;
	memcpy(ret->lines[kind], lines, n_lines * sizeof(lines[0]));
	ret->n[kind] = n_lines;
	return 0;
}

int share_podman_layout(uint32_t own, const struct subid_set *all,
			struct subid_map_line ret[SUBID_MAP_LINES_MAX], size_t *ret_n)
{
	const struct id_range self = { own, 1 };
	uint64_t inside = 1;
	size_t n = 1;

	if (all->n >= SUBID_MAP_LINES_MAX)
		return SUBID_FULL;
	if (subid_set_meets(all, self, NULL))
		return SUBID_TAKEN;
	ret[0] = (struct subid_map_line){ .inside = { 0, 1 }, .outside = self };
	for (size_t i = 0; i < all->n; i++) {
		uint32_t count = all->ranges[i].count;

		/* beyond the last id nothing can be inside */
		if (inside + count > UINT32_MAX)
			count = (uint32_t)(UINT32_MAX - inside);
		if (count == 0)
			break;
		ret[n++] = (struct subid_map_line){
			.inside = { (uint32_t)inside, count },
			.outside = { all->ranges[i].start, count },
		};
		inside += count;
	}
	*ret_n = n;
	return 0;
}

uint32_t share_map_shows(const struct share_map *map, enum subid_kind kind, uint32_t id)
{
	uint32_t shown;

	if (subid_map_outside(map->lines[kind], map->n[kind], id, &shown) != 0)
		return SUBID_ID_NONE;
	return shown;
}
