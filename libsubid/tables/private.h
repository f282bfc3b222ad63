/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share: the inside of a table, and the names of an owner.
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

/* A copy of an owner's names, in order; the caller frees *ret.  0 or -ENOMEM. */
int owner_names_sort(const struct subid_owner_name *names, size_t n,
		     struct subid_owner_name **ret);

static inline bool owner_name_is_before(const void *name, const void *key)
{
	return owner_name_compare(name, key) < 0;
}

/* Is it one of the n that are in order? */
static inline bool owner_names_have(const struct subid_owner_name *sorted, size_t n,
				    const char *text, size_t len)
{
	const struct subid_owner_name one = { text, len };
	size_t i = array_search(sorted, n, sizeof(*sorted), &one, owner_name_is_before);

	return i < n && owner_name_compare(&sorted[i], &one) == 0;
}
