/* SPDX-License-Identifier: MIT */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "memory_private.h"
#include "scan_private.h"
#include "spelling_private.h"

#define OWNER_LEN_MAX 0x7fffffff

static int grow_entries(struct subid_table *table, size_t room)
{
	struct subid_entry *grown;

	grown = reallocarray(table->entries, room, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	table->entries = advise_large(grown, room * sizeof(*grown));
	table->room = room;
	return 0;
}

/* Where a line is that is no entry, and what other readers might take from it. */
static int note_odd_line(struct subid_table *table, const char *line, size_t len)
{
	struct id_range readings[SUBID_READINGS_MAX];
	size_t n = subid_line_readings(line, len, readings);

	if (table->n_odd == table->odd_room) {
		size_t room = table->odd_room * 2 + 16;
		uint32_t *grown = reallocarray(table->odd_lines, room, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		table->odd_lines = grown;
		table->odd_room = room;
	}
	table->odd_lines[table->n_odd++] = (uint32_t)(line - table->text.bytes);
	for (size_t i = 0; i < n; i++) {
		int r = subid_set_add(&table->odd, readings[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Where the line behind the one at offset begins. */
static size_t line_end(const struct subid_text *text, size_t offset)
{
	const char *newline = memchr(text->bytes + offset, '\n', text->size - offset);

	return newline == NULL ? text->size : (size_t)(newline - text->bytes) + 1;
}

/* The one pass over all lines: what it does for each is what a large table costs. */
static int parse_lines(struct subid_table *table)
{
	size_t size = table->text.size;
	const char *bytes = table->text.bytes, *end = size > 0 ? bytes + size : bytes;
	struct scan_seen count = SCAN_SEEN_NONE;
	struct id_range run = { .count = 0 };
	int r = 0;

	for (const char *at = bytes; r == 0 && at < end;) {
		struct subid_line line;
		const char *next;

		/* at first for lines of 24 bytes, which is about what they have */
		if (table->n == table->room)
			r = grow_entries(table, table->room == 0
						    ? size / 24 + 16
						    : table->room + table->room / 4);
		if (r < 0)
			break;
		if (scan_line(at, end, &count, &line, &next) &&
		    line.owner_len <= OWNER_LEN_MAX) {
			struct subid_entry *entry = &table->entries[table->n++];

			entry->offset = (uint32_t)(at - bytes);
			entry->owner_len = (uint32_t)line.owner_len & OWNER_LEN_MAX;
			entry->changed = false;
			entry->range = line.range;
			r = scan_add(&table->ids, &run, line.range);
			at = next + 1;
			continue;
		}
		next = scan_to_next_line(at, end);
		r = note_odd_line(table, at, (size_t)(next - at) - (next[-1] == '\n'));
		at = next;
	}
	if (r == 0)
		r = subid_set_add(&table->ids, run);
	table->first_changed = table->n;
	subid_set_sort(&table->odd);
	subid_set_sort(&table->ids);
	return r;
}

static int read_table(int etc, enum subid_kind kind, struct subid_table *table)
{
	int r = subid_text_read(etc, subid_kind_table(kind), false, &table->text);

	table->exists = r == 0;
	return r == -ENOENT ? 0 : r;
}

int subid_table_load(int etc, enum subid_kind kind, struct subid_table *ret)
{
	auto_table struct subid_table table = { .kind = kind };
	int r = read_table(etc, kind, &table);

	if (r == 0)
		r = parse_lines(&table);
	if (r < 0)
		return r;
	*ret = table;
	table = (struct subid_table){ .kind = kind };
	return 0;
}

int subid_table_from_text(enum subid_kind kind, struct subid_text *text,
			  struct subid_table *ret)
{
	auto_table struct subid_table table = {
		.kind = kind,
		.exists = text->bytes != NULL,
	};
	int r;

	table.text = *text;
	*text = (struct subid_text){ .bytes = NULL };
	r = parse_lines(&table);
	if (r < 0)
		return r;
	*ret = table;
	table = (struct subid_table){ .kind = kind };
	return 0;
}

/* The entries of a table with the same bytes. */
static int copy_entries(struct subid_table *table, const struct subid_table *same)
{
	int r = grow_entries(table, same->n + 1);

	if (r < 0)
		return r;
	if (same->n_odd > 0) {
		table->odd_lines =
		    reallocarray(NULL, same->n_odd, sizeof(*table->odd_lines));
		if (table->odd_lines == NULL)
			return -ENOMEM;
		memcpy(table->odd_lines, same->odd_lines,
		       same->n_odd * sizeof(*same->odd_lines));
		table->n_odd = table->odd_room = same->n_odd;
	}
	if (same->n > 0)
		memcpy(table->entries, same->entries, same->n * sizeof(*same->entries));
	table->n = table->first_changed = same->n;
	r = subid_set_unite(&table->odd, &same->odd);
	return r == 0 ? subid_set_unite(&table->ids, &same->ids) : r;
}

int subid_table_load_like(int etc, const struct subid_table *other, enum subid_kind kind,
			  struct subid_table *ret)
{
	auto_table struct subid_table table = { .kind = kind };
	int r = read_table(etc, kind, &table);

	if (r < 0)
		return r;
	if (!other->stale && table.text.size == other->text.size && table.text.size > 0 &&
	    memcmp(table.text.bytes, other->text.bytes, table.text.size) == 0)
		r = copy_entries(&table, other);
	else
		r = parse_lines(&table);
	if (r < 0)
		return r;
	*ret = table;
	table = (struct subid_table){ .kind = kind };
	return 0;
}

int subid_table_is_alike(int etc, enum subid_kind kind, const struct subid_table *table,
			 bool *ret)
{
	return subid_text_compare(etc, subid_kind_table(kind), &table->text, ret);
}

void subid_table_free(struct subid_table *table)
{
	subid_text_free(&table->text);
	subid_set_free(&table->odd);
	subid_set_free(&table->ids);
	free(table->entries);
	free(table->odd_lines);
	free(table->added);
	free(table->buckets);
	free(table->chain);
	*table = (struct subid_table){ .kind = table->kind };
}

static inline bool is_new(const struct subid_table *table,
			  const struct subid_entry *entry)
{
	return entry->offset >= table->text.size;
}

static inline const char *owner_of(const struct subid_table *table,
				   const struct subid_entry *entry)
{
	if (is_new(table, entry))
		return table->added + (entry->offset - table->text.size);
	return table->text.bytes + entry->offset;
}

const char *subid_table_owner(const struct subid_table *table,
			      const struct subid_entry *entry)
{
	return owner_of(table, entry);
}

size_t subid_table_line(const struct subid_table *table, const struct subid_entry *entry)
{
	size_t low = 0, high = table->n_odd;

	if (is_new(table, entry))
		return 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->odd_lines[middle] < entry->offset)
			low = middle + 1;
		else
			high = middle;
	}
	return (size_t)(entry - table->entries) + low + 1;
}

size_t subid_table_odd_line(const struct subid_table *table, size_t odd)
{
	size_t low = 0, high = table->n;

	/* new entries have offsets behind the file's */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->entries[middle].offset < table->odd_lines[odd])
			low = middle + 1;
		else
			high = middle;
	}
	return low + odd + 1;
}

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
static void link_entry(struct subid_table *table, size_t i)
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
		link_entry(table, i);
	return 0;
}

static inline bool is_owned_by(const struct subid_table *table,
			       const struct subid_entry *entry, const char *owner,
			       size_t len)
{
	const char *own;

	if (entry->owner_len != len || entry->range.count == 0)
		return false;
	own = owner_of(table, entry);
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
			    const struct subid_spelling *spellings, size_t n,
			    struct subid_set *ret)
{
	auto_free struct subid_spelling *sorted = NULL;
	int r = subid_spellings_sort(spellings, n, &sorted);

	for (size_t i = 0; r == 0 && i < table->n; i++) {
		const struct subid_entry *entry = &table->entries[i];

		if (entry->range.count > 0 &&
		    subid_spellings_have(sorted, n, owner_of(table, entry),
					 entry->owner_len))
			r = subid_set_insert(ret, entry->range);
	}
	return r;
}

/* Without an index, all spellings in one pass; most owners differ in length. */
static int holdings_by_pass(const struct subid_table *table,
			    const struct subid_spelling *spellings, size_t n,
			    struct subid_set *ret)
{
	const struct subid_entry *end;
	uint64_t lengths = 0;
	int r = 0;

	if (table->n == 0)
		return 0;
	if (n > SPELLINGS_FEW)
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
				r = subid_set_insert(ret, entry->range);
	}
	return r;
}

int subid_table_holdings(const struct subid_table *table,
			 const struct subid_spelling *spellings, size_t n,
			 struct subid_set *ret)
{
	int r = 0;

	if (table->buckets == NULL)
		return holdings_by_pass(table, spellings, n, ret);
	for (size_t s = 0; s < n; s++)
		for (size_t i =
			 subid_table_first(table, spellings[s].text, spellings[s].len);
		     r == 0 && i < table->n; i = subid_table_after(table, i))
			r = subid_set_insert(ret, table->entries[i].range);
	return r;
}

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

	if (!subid_owner_valid(owner, len) || len > OWNER_LEN_MAX ||
	    !id_range_valid(range))
		return -EINVAL;
	if (table->n == table->room) {
		r = grow_entries(table, table->room * 2 + 64);
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
		.owner_len = (uint32_t)len & OWNER_LEN_MAX,
		.changed = true,
		.range = range,
	};
	if (table->buckets != NULL)
		link_entry(table, table->n);
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

int subid_table_granted(const struct subid_table *table, struct subid_set *ret)
{
	struct id_range run = { .count = 0 };
	int r = 0;

	if (!table->stale)
		return subid_set_unite(ret, &table->ids);
	for (size_t i = 0; r == 0 && i < table->n; i++)
		r = scan_add(ret, &run, table->entries[i].range);
	if (r == 0)
		r = subid_set_add(ret, run);
	if (r == 0)
		subid_set_sort(ret);
	return r;
}

int subid_table_taken(const struct subid_table *table, struct subid_set *ret)
{
	int r = subid_table_granted(table, ret);

	return r == 0 ? subid_set_unite(ret, &table->odd) : r;
}

/* How many ids of r some reader takes from the line, at most. */
static uint32_t read_into(const char *line, size_t len, struct id_range r)
{
	struct id_range readings[SUBID_READINGS_MAX];
	size_t n = subid_line_readings(line, len, readings);
	uint32_t most = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t common = id_range_common(readings[i], r).count;

		most = common > most ? common : most;
	}
	return most;
}

size_t subid_table_who_has(const struct subid_table *table, struct id_range r,
			   const char **ret_text, size_t *ret_len)
{
	size_t pos = 0, len, found = 0;
	uint32_t most = 0;
	const char *line;

	for (size_t number = 1; subid_text_next(&table->text, &pos, &line, &len);
	     number++) {
		uint32_t n = read_into(line, len, r);

		if (n <= most)
			continue;
		most = n;
		found = number;
		*ret_text = line;
		*ret_len = len;
	}
	return found;
}

struct printer {
	int (*sink)(void *data, const void *bytes, size_t size);
	void *data;
	char last; /* byte that was printed */
};

static int print(struct printer *printer, const char *bytes, size_t size)
{
	if (size == 0)
		return 0;
	printer->last = bytes[size - 1];
	return printer->sink(printer->data, bytes, size);
}

/* An entry that was changed or added, as a line; nothing for a removed one. */
static int print_entry(struct printer *printer, const struct subid_table *table,
		       const struct subid_entry *entry)
{
	char tail[SUBID_LINE_TAIL_MAX];
	int r = 0;

	if (entry->range.count == 0)
		return 0;
	/* the file's last line may lack its newline; only a new one needs it */
	if (printer->last != '\n')
		r = print(printer, "\n", 1);
	if (r == 0)
		r = print(printer, subid_table_owner(table, entry), entry->owner_len);
	if (r == 0)
		r = print(printer, tail, subid_line_format_tail(entry->range, tail));
	return r;
}

int subid_table_print(const struct subid_table *table,
		      int (*sink)(void *data, const void *bytes, size_t size), void *data)
{
	struct printer printer = { .sink = sink, .data = data, .last = '\n' };
	const struct subid_text *text = &table->text;
	size_t pos = 0;

	for (size_t i = table->first_changed; i < table->n; i++) {
		const struct subid_entry *entry = &table->entries[i];
		size_t until = is_new(table, entry) ? text->size : entry->offset;
		int r;

		if (!entry->changed)
			continue;
		r = print(&printer, text->bytes + pos, until - pos);
		pos = is_new(table, entry) ? until : line_end(text, until);
		if (r == 0)
			r = print_entry(&printer, table, entry);
		if (r < 0)
			return r;
	}
	return print(&printer, text->bytes + pos, text->size - pos);
}

/* sorted: the same spellings in order, if they are many, else NULL. */
static bool is_spelt(const char *line, size_t len, const struct subid_spelling *spellings,
		     const struct subid_spelling *sorted, size_t n)
{
	if (sorted != NULL) {
		const char *colon = memchr(line, ':', len);

		return colon != NULL &&
		       subid_spellings_have(sorted, n, line, (size_t)(colon - line));
	}
	for (size_t i = 0; i < n; i++) {
		const struct subid_spelling *s = &spellings[i];

		if (len > s->len && line[s->len] == ':' && line[0] == s->text[0] &&
		    memcmp(line, s->text, s->len) == 0)
			return true;
	}
	return false;
}

int subid_holdings(const struct subid_text *text, const struct subid_spelling *spellings,
		   size_t n, struct subid_holding **ret, size_t *ret_n)
{
	auto_free struct subid_spelling *sorted = NULL;
	struct subid_holding *found = NULL;
	size_t n_found = 0, room = 0, pos = 0, len, number = 0;
	const char *line;

	if (n > SPELLINGS_FEW && subid_spellings_sort(spellings, n, &sorted) < 0)
		return -ENOMEM;
	while (subid_text_next(text, &pos, &line, &len)) {
		struct subid_line parsed;

		number++;
		/* again for the owner alone: a spelling "x:1" is not that of x */
		if (!is_spelt(line, len, spellings, sorted, n) ||
		    subid_line_parse(line, len, &parsed) != 0 ||
		    !is_spelt(line, parsed.owner_len + 1, spellings, sorted, n))
			continue;
		if (n_found == room) {
			struct subid_holding *grown;

			room = room * 2 + 8;
			grown = reallocarray(found, room, sizeof(*found));
			if (grown == NULL) {
				free(found);
				return -ENOMEM;
			}
			found = grown;
		}
		found[n_found++] = (struct subid_holding){
			.range = parsed.range,
			.line = number,
		};
	}
	*ret = found;
	*ret_n = n_found;
	return 0;
}
