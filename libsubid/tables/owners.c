/* SPDX-License-Identifier: MIT */
/*
 * The owners of a table's entries by name: in a pass, or by a hash.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15;
	return hash ^ hash >> 32;
}

/* By words: this is done for each line of a table.  Not against who chooses the names,
 * which root does. */
size_t subid_table_hash(const char *owner, size_t len)
{
	uint64_t hash = len, word = 0;
	uint32_t head, tail;

	for (; len >= sizeof(word); owner += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, owner, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	if (len >= sizeof(head)) {
		memcpy(&head, owner, sizeof(head));
		memcpy(&tail, owner + len - sizeof(tail), sizeof(tail));
		word = (uint64_t)head << 32 | tail;
	} else if (len > 0) {
		word = (uint64_t)(unsigned char)owner[0] << 16 |
		       (uint64_t)(unsigned char)owner[len / 2] << 8 |
		       (unsigned char)owner[len - 1];
	}
	return (size_t)mix(mix(hash, word), 0xcbf29ce484222325);
}

/* New entries go to the head, so a walk does not meet those it adds itself. */
void subid_table_link(struct subid_table *table, size_t i)
{
	const struct subid_entry *entry = &table->entries[i];
	size_t bucket = subid_table_hash(table_owner_of(table, entry), entry->owner_len) &
			table->bucket_mask;

	table->chain[i] = table->buckets[bucket];
	table->buckets[bucket] = (uint32_t)i;
}

int subid_table_index(struct subid_table *table)
{
	size_t buckets = 16;

	while (buckets < table->n)
		buckets *= 2;
	free(table->buckets);
	free(table->chain);
	table->bucket_mask = buckets - 1;
	table->buckets = malloc(buckets * sizeof(*table->buckets));
	table->chain = reallocarray(NULL, table->room, sizeof(*table->chain));
	if (table->buckets == NULL || table->chain == NULL) {
		free(table->buckets);
		free(table->chain);
		table->buckets = table->chain = NULL;
		return -ENOMEM;
	}
	memset(table->buckets, 0xff, buckets * sizeof(*table->buckets));
	/* as if added one by one: a walk that makes the table grow goes on */
	for (size_t i = 0; i < table->n; i++)
		subid_table_link(table, i);
	return 0;
}

static inline bool is_owned_by(const struct subid_table *table,
			       const struct subid_entry *entry, const char *owner,
			       size_t len)
{
	const char *own;

	if (entry->owner_len != len || entry->range.count == 0)
		return false;
	own = table_owner_of(table, entry);
	/* names are alike at the head more often than at the end */
	return own[len - 1] == owner[len - 1] && memcmp(own, owner, len) == 0;
}

/* The first entry of owner from index i on: in the chain, or in the file. */
static size_t find_owned(const struct subid_table *table, const char *owner, size_t len,
			 size_t i)
{
	while (i < table->n && !is_owned_by(table, &table->entries[i], owner, len))
		i = table->buckets == NULL ? i + 1 : table->chain[i];
	return i < table->n ? i : table->n;
}

size_t subid_table_first(const struct subid_table *table, const char *owner, size_t len)
{
	if (table->buckets == NULL)
		return find_owned(table, owner, len, 0);
	return find_owned(
	    table, owner, len,
	    table->buckets[subid_table_hash(owner, len) & table->bucket_mask]);
}

size_t subid_table_after(const struct subid_table *table, size_t index)
{
	const struct subid_entry *entry = &table->entries[index];

	return find_owned(table, table_owner_of(table, entry), entry->owner_len,
			  table->buckets == NULL ? index + 1 : table->chain[index]);
}

/* One of 64, by the last byte, in which owners of one length differ most often. */
static inline uint64_t last_byte_bit(const char *owner, size_t len)
{
	return UINT64_C(1) << (len == 0 ? 0 : (unsigned char)owner[len - 1] % 64);
}

/*
 * Without an index, all names in one pass.  Most owners differ from all of these names in
 * their length or their last byte, and are passed over by it.
 */
static int owned_by_pass(const struct subid_table *table,
			 const struct subid_owner_name *names, size_t n,
			 struct subid_set *ret)
{
	auto_free struct subid_owner_name *sorted = NULL;
	uint64_t lengths = 0, last_bytes = 0;
	int r = owner_names_sort(names, n, &sorted);

	for (size_t i = 0; i < n; i++) {
		lengths |= UINT64_C(1) << names[i].len % 64;
		last_bytes |= last_byte_bit(names[i].text, names[i].len);
	}
	for (size_t i = 0; r == 0 && i < table->n; i++) {
		const struct subid_entry *entry = &table->entries[i];
		const char *owner;

		if ((lengths >> entry->owner_len % 64 & 1) == 0)
			continue;
		owner = table_owner_of(table, entry);
		if ((last_byte_bit(owner, entry->owner_len) & last_bytes) != 0 &&
		    entry->range.count > 0 &&
		    owner_names_have(sorted, n, owner, entry->owner_len))
			r = subid_set_add(ret, entry->range);
	}
	return r;
}

static int owned_by_index(const struct subid_table *table,
			  const struct subid_owner_name *names, size_t n,
			  struct subid_set *ret)
{
	int r = 0;

	for (size_t k = 0; k < n; k++)
		for (size_t i = subid_table_first(table, names[k].text, names[k].len);
		     r == 0 && i < table->n; i = subid_table_after(table, i))
			r = subid_set_add(ret, table->entries[i].range);
	return r;
}

/* Collected, then sorted: lines may come in any order, and with an index they come in
 * falling order. */
int subid_table_owned(const struct subid_table *table,
		      const struct subid_owner_name *names, size_t n,
		      struct subid_set *ret)
{
	int r = table->buckets == NULL ? owned_by_pass(table, names, n, ret)
				       : owned_by_index(table, names, n, ret);

	subid_set_sort(ret);
	return r;
}
