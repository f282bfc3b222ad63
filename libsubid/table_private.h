/* SPDX-License-Identifier: MIT */
/*
 * A table's inside, for the files that share it: table.c (reading), table_owners.c
 * (whose entries), table_change.c, table_taken.c and table_print.c.
 */
#pragma once

#include "table.h"

#define TABLE_OWNER_LEN_MAX 0x7fffffff

static inline bool table_is_new(const struct subid_table *table,
				const struct subid_entry *entry)
{
	return entry->offset >= table->text.size;
}

/* subid_table_owner(), where each entry is asked. */
static inline const char *table_owner_of(const struct subid_table *table,
					 const struct subid_entry *entry)
{
	if (table_is_new(table, entry))
		return table->added + (entry->offset - table->text.size);
	return table->text.bytes + entry->offset;
}

/* Makes room for so many entries in all, which is more than there was.  0 or -ENOMEM. */
int subid_table_grow(struct subid_table *table, size_t room);

/* Puts entry i, which is in no chain yet, into the index. */
void subid_table_link(struct subid_table *table, size_t i);
