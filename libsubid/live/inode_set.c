/* SPDX-License-Identifier: MIT */
/*
 * Sets of inodes: what has been met needs no second look.
 */
#include <errno.h>
#include <stdlib.h>

#include "libsubid/live/private.h"

static size_t slot_of(const struct live_met *met, uint64_t inode)
{
	size_t at = (size_t)((inode * 0x9e3779b97f4a7c15) >> 32) & (met->room - 1);

	while (met->slots[at] != 0 && met->slots[at] != inode)
		at = (at + 1) & (met->room - 1);
	return at;
}

bool live_met_has(const struct live_met *met, uint64_t inode)
{
	return met->n > 0 && met->slots[slot_of(met, inode)] == inode;
}

int live_met_add(struct live_met *met, uint64_t inode)
{
	size_t at;

	if (met->n * 2 >= met->room) {
		struct live_met grown = { .n = met->n,
					  .room = met->room == 0 ? 64 : met->room * 2 };

		grown.slots = calloc(grown.room, sizeof(*grown.slots));
		if (grown.slots == NULL)
			return -ENOMEM;
		for (size_t i = 0; i < met->room; i++)
			if (met->slots[i] != 0)
				grown.slots[slot_of(&grown, met->slots[i])] =
				    met->slots[i];
		free(met->slots);
		*met = grown;
	}
	at = slot_of(met, inode);
	met->n += met->slots[at] != inode;
	met->slots[at] = inode;
	return 0;
}

void live_met_free(struct live_met *met)
{
	free(met->slots);
	*met = (struct live_met){ .n = 0 };
}
