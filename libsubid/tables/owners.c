/* SPDX-License-Identifier: MIT */
/*
 * Whose entries: all of one owner's, by a walk or by hash; and what an owner holds
 * under any of its spellings.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/tables/private.h"
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
	size_t bucket =
	    subid_table_hash(subid_table_owner(table, entry), entry->owner_len) &
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

	return find_owned(table, subid_table_owner(table, entry), entry->owner_len,
			  table->buckets == NULL ? index + 1 : table->chain[index]);
}

static int holdings_of_many(const struct subid_table *table,
			    const struct subid_owner_name *spellings, size_t n,
			    struct subid_set *ret)
{
	auto_free struct subid_owner_name *sorted = NULL;
	int r = subid_owner_names_sort(spellings, n, &sorted);

	for (size_t i = 0; r == 0 && i < table->n; i++) {
		const struct subid_entry *entry = &table->entries[i];

		if (entry->range.count > 0 &&
		    subid_owner_names_have(sorted, n, table_owner_of(table, entry),
					   entry->owner_len))
			r = subid_set_add(ret, entry->range);
	}
	return r;
}

/* Without an index, all spellings in one pass; most owners differ in length. */
static int holdings_by_pass(const struct subid_table *table,
			    const struct subid_owner_name *spellings, size_t n,
			    struct subid_set *ret)
{
	const struct subid_entry *end;
	uint64_t lengths = 0;
	int r = 0;

	if (table->n == 0)
		return 0;
	if (n > OWNER_NAMES_FEW)
		return holdings_of_many(table, spellings, n, ret);
	for (size_t s = 0; s < n; s++)
		lengths |= UINT64_C(1) << spellings[s].len % 64;
	end = table->entries + table->n;
	for (const struct subid_entry *entry = table->entries; r == 0; entry++) {
		while (entry < end && (lengths >> entry->owner_len % 64 & 1) == 0)
			entry++;
		if (entry == end)
			break;
		for (size_t s = 0; r == 0 && s < n; s++)
			if (is_owned_by(table, entry, spellings[s].text,
					spellings[s].len))
				r = subid_set_add(ret, entry->range);
	}
	return r;
}

static int holdings_by_index(const struct subid_table *table,
			     const struct subid_owner_name *spellings, size_t n,
			     struct subid_set *ret)
{
	int r = 0;

	for (size_t s = 0; s < n; s++)
		for (size_t i =
			 subid_table_first(table, spellings[s].text, spellings[s].len);
		     r == 0 && i < table->n; i = subid_table_after(table, i))
			r = subid_set_add(ret, table->entries[i].range);
	return r;
}

/* Collected, then sorted: lines may come in any order, and with an index they come in
 * falling order. */
int subid_table_owned(const struct subid_table *table,
		      const struct subid_owner_name *spellings, size_t n,
		      struct subid_set *ret)
{
	int r = table->buckets == NULL ? holdings_by_pass(table, spellings, n, ret)
				       : holdings_by_index(table, spellings, n, ret);

	subid_set_sort(ret);
	return r;
}

/* sorted: the same spellings in order, if they are many, else NULL. */
static bool is_spelt(const char *line, size_t len,
		     const struct subid_owner_name *spellings,
		     const struct subid_owner_name *sorted, size_t n)
{
	if (sorted != NULL) {
		const char *colon = memchr(line, ':', len);

		return colon != NULL &&
		       subid_owner_names_have(sorted, n, line, (size_t)(colon - line));
	}
	for (size_t i = 0; i < n; i++) {
		const struct subid_owner_name *s = &spellings[i];

		if (len > s->len && line[s->len] == ':' && line[0] == s->text[0] &&
		    memcmp(line, s->text, s->len) == 0)
			return true;
	}
	return false;
}

int subid_owned_ranges(const struct subid_text *text,
		       const struct subid_owner_name *spellings, size_t n,
		       struct subid_owned_range **ret, size_t *ret_n)
{
	auto_free struct subid_owner_name *sorted = NULL;
	struct subid_owned_range *found = NULL;
	size_t n_found = 0, pos = 0, len, number = 0;
	const char *line;

	if (n > OWNER_NAMES_FEW && subid_owner_names_sort(spellings, n, &sorted) < 0)
		return -ENOMEM;
	while (subid_text_next(text, &pos, &line, &len)) {
		struct subid_line parsed;

		number++;
		/* again for the owner alone: a spelling "x:1" is not that of x */
		if (!is_spelt(line, len, spellings, sorted, n) ||
		    subid_line_parse(line, len, &parsed) != 0 ||
		    !is_spelt(line, parsed.owner_len + 1, spellings, sorted, n))
			continue;
		if (array_grow(&found, n_found, sizeof(*found)) < 0) {
			free(found);
			return -ENOMEM;
		}
		found[n_found++] = (struct subid_owned_range){
			.range = parsed.range,
			.line = number,
		};
	}
	*ret = found;
	*ret_n = n_found;
	return 0;
}
