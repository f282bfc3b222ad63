/* SPDX-License-Identifier: MIT */
/*
 * Changes of a table in memory: entries are added at the end, or cut where they are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/tables/private.h"

/* Keeps a copy of the owner; its place among the new ones into *ret_offset. */
static int keep_owner(struct subid_table *table, const char *owner, size_t len,
		      uint32_t *ret_offset)
{
	uint64_t offset = (uint64_t)table->text.size + table->added_size;

	if (offset + len > UINT32_MAX)
		return -EFBIG;
	if (table->added_room - table->added_size < len) {
		size_t room = table->added_room * 2 + len + 64;
		char *grown = malloc(room);

		/* not realloc(): owner may point into the old buffer */
		if (grown == NULL)
			return -ENOMEM;
		if (table->added_size > 0)
			memcpy(grown, table->added, table->added_size);
		memcpy(grown + table->added_size, owner, len);
		free(table->added);
		table->added = grown;
		table->added_room = room;
	} else {
		memcpy(table->added + table->added_size, owner, len);
	}
	table->added_size += len;
	*ret_offset = (uint32_t)offset;
	return 0;
}

int subid_table_add(struct subid_table *table, const char *owner, size_t len,
		    struct id_range range)
{
	uint32_t offset;
	int r;

	if (!subid_owner_valid(owner, len) || len > TABLE_OWNER_LEN_MAX ||
	    !id_range_valid(range))
		return -EINVAL;
	if (table->n == table->room) {
		r = subid_table_grow(table, table->room * 2 + 64);
		if (r == 0 && table->buckets != NULL)
			r = subid_table_index(table);
		if (r < 0)
			return r;
	}
	r = keep_owner(table, owner, len, &offset);
	if (r < 0)
		return r;
	table->entries[table->n] = (struct subid_entry){
		.offset = offset,
		.owner_len = (uint32_t)len & TABLE_OWNER_LEN_MAX,
		.changed = true,
		.range = range,
	};
	if (table->buckets != NULL)
		subid_table_link(table, table->n);
	table->n++;
	table->changed = table->stale = true;
	return 0;
}

int subid_table_cut(struct subid_table *table, size_t index, struct id_range cut)
{
	struct subid_entry *entry = &table->entries[index];
	struct id_range left[2] = { { .count = 0 } };
	size_t n;

	if (!id_range_overlaps(entry->range, cut))
		return 0;
	n = subid_range_without(entry->range, cut, left);
	if (n == 2) {
		int r = subid_table_add(table, subid_table_owner(table, entry),
					entry->owner_len, left[1]);
		if (r < 0)
			return r;
		entry = &table->entries[index];
	}
	entry->range = left[0];
	if (n == 0)
		entry->range.count = 0;
	entry->changed = true;
	table->changed = table->stale = true;
	if (index < table->first_changed)
		table->first_changed = index;
	return 0;
}
