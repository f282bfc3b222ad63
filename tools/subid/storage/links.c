/* SPDX-License-Identifier: MIT */
/*
 * Files with several names: each is to be counted once, and to have all its names in the
 * tree.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "tools/subid/storage/private.h"

static size_t slot_of(const struct links *links, uint64_t dev, uint64_t ino)
{
	uint64_t hash = (ino ^ (dev << 40)) * UINT64_C(0x9e3779b97f4a7c15);
	size_t mask = links->room - 1, slot = (size_t)(hash >> 20) & mask;

	while (links->table[slot].nlink != 0 &&
	       (links->table[slot].ino != ino || links->table[slot].dev != dev))
		slot = (slot + 1) & mask;
	return slot;
}

/* Half of the slots stay unused. */
static bool make_room(struct links *links)
{
	struct links grown = { .room = links->room == 0 ? 64 : links->room * 2 };

	if (links->n * 2 < links->room)
		return true;
	grown.table = calloc(grown.room, sizeof(*grown.table));
	if (grown.table == NULL)
		return false;
	for (size_t i = 0; i < links->room; i++) {
		const struct link *link = &links->table[i];

		if (link->nlink != 0)
			grown.table[slot_of(&grown, link->dev, link->ino)] = *link;
	}
	grown.n = links->n;
	free(links->table);
	*links = grown;
	return true;
}

struct link *links_find(struct links *links, const struct statx *st)
{
	uint64_t dev = (uint64_t)st->stx_dev_major << 32 | st->stx_dev_minor;
	struct link *link;

	if (!make_room(links))
		return NULL;
	link = &links->table[slot_of(links, dev, st->stx_ino)];
	if (link->nlink == 0) {
		*link = (struct link){ .dev = dev, .ino = st->stx_ino };
		links->n++;
	}
	link->nlink = st->stx_nlink > 0 ? st->stx_nlink : 1;
	return link;
}

void links_free(struct links *links)
{
	for (size_t i = 0; i < links->room; i++)
		free(links->table[i].path);
	free(links->table);
	*links = (struct links){ .n = 0 };
}
