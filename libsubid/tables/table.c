/* SPDX-License-Identifier: MIT */
#include "libsubid/tables/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/tables/private.h"

int subid_table_grow(struct subid_table *table, size_t room)
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
static int note_malformed_line(struct subid_table *table, const char *line, size_t len)
{
	struct id_range readings[SUBID_READINGS_MAX];
	size_t n = subid_line_readings(line, len, readings);

	if (table->n_malformed == table->malformed_room) {
		size_t room = table->malformed_room * 2 + 16;
		uint32_t *grown =
		    reallocarray(table->malformed_lines, room, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		table->malformed_lines = grown;
		table->malformed_room = room;
	}
	table->malformed_lines[table->n_malformed++] =
	    (uint32_t)(line - table->text.bytes);
	for (size_t i = 0; i < n; i++) {
		int r = subid_set_add(&table->malformed, readings[i]);

		if (r < 0)
			return r;
	}
	return 0;
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
			r = subid_table_grow(table, table->room == 0
							? size / 24 + 16
							: table->room + table->room / 4);
		if (r < 0)
			break;
		if (scan_line(at, end, &count, &line, &next) &&
		    line.owner_len <= TABLE_OWNER_LEN_MAX) {
			struct subid_entry *entry = &table->entries[table->n++];

			entry->offset = (uint32_t)(at - bytes);
			entry->owner_len = (uint32_t)line.owner_len & TABLE_OWNER_LEN_MAX;
			entry->changed = false;
			entry->range = line.range;
			r = scan_add(&table->ids, &run, line.range);
			at = next + 1;
			continue;
		}
		next = scan_to_next_line(at, end);
		r = note_malformed_line(table, at,
					(size_t)(next - at) - (next[-1] == '\n'));
		at = next;
	}
	if (r == 0)
		r = subid_set_add(&table->ids, run);
	table->first_changed = table->n;
	subid_set_sort(&table->malformed);
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
	int r = subid_table_grow(table, same->n + 1);

	if (r < 0)
		return r;
	if (same->n_malformed > 0) {
		table->malformed_lines = reallocarray(NULL, same->n_malformed,
						      sizeof(*table->malformed_lines));
		if (table->malformed_lines == NULL)
			return -ENOMEM;
		memcpy(table->malformed_lines, same->malformed_lines,
		       same->n_malformed * sizeof(*same->malformed_lines));
		table->n_malformed = table->malformed_room = same->n_malformed;
	}
	if (same->n > 0)
		memcpy(table->entries, same->entries, same->n * sizeof(*same->entries));
	table->n = table->first_changed = same->n;
	r = subid_set_unite(&table->malformed, &same->malformed);
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
	subid_set_free(&table->malformed);
	subid_set_free(&table->ids);
	free(table->entries);
	free(table->malformed_lines);
	free(table->added);
	free(table->buckets);
	free(table->chain);
	*table = (struct subid_table){ .kind = table->kind };
}

const char *subid_table_owner(const struct subid_table *table,
			      const struct subid_entry *entry)
{
	return table_owner_of(table, entry);
}

size_t subid_table_line(const struct subid_table *table, const struct subid_entry *entry)
{
	size_t low = 0, high = table->n_malformed;

	if (table_is_new(table, entry))
		return 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->malformed_lines[middle] < entry->offset)
			low = middle + 1;
		else
			high = middle;
	}
	return (size_t)(entry - table->entries) + low + 1;
}

size_t subid_table_malformed_line(const struct subid_table *table, size_t malformed)
{
	size_t low = 0, high = table->n;

	/* new entries have offsets behind the file's */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->entries[middle].offset < table->malformed_lines[malformed])
			low = middle + 1;
		else
			high = middle;
	}
	return low + malformed + 1;
}
