/* SPDX-License-Identifier: MIT */
/*
 * The inside of a table, which table.c and owners.c share.
 */
#pragma once

#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"

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

/* Puts entry i, which is in no chain yet, into the index. */
void subid_table_link(struct subid_table *table, size_t i);
