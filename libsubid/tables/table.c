/* SPDX-License-Identifier: MIT */
/*
 * A table in memory: read, changed, asked for its ids, and printed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/core/scan.h"
#include "libsubid/tables/tables.h"

/* --- reading --- */

/* Makes room for so many entries in all, which is more than there was.  0 or -ENOMEM. */
static int grow(struct subid_table *table, size_t room)
{
	struct subid_entry *grown;

	grown = reallocarray(table->entries, room, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	table->entries = advise_large(grown, room * sizeof(*grown));
	table->room = room;
	return 0;
}

/* Of a line without its newline, when the next one begins at next. */
static size_t line_len(const char *line, const char *next)
{
	return (size_t)(next - line) - (next[-1] == '\n');
}

/* Where a line is that is no entry, and what other readers might take from it. */
static int note_malformed_line(struct subid_table *table, const char *line, size_t len)
{
	struct id_range readings[SUBID_READINGS_MAX];
	size_t n = subid_line_readings(line, len, readings);

	if (array_grow(&table->malformed_lines, table->n_malformed, sizeof(uint32_t)) < 0)
		return -ENOMEM;
	table->malformed_lines[table->n_malformed++] =
	    (uint32_t)(line - table->text.bytes);
	for (size_t i = 0; i < n; i++) {
		int r = subid_set_add(&table->malformed, readings[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * subid_line_parse() for what nearly all lines look like, from text up to a newline or
 * end, where it sets *ret_stop.  False for any other line, which may yet be valid.
 * count: that of the line before; most are the same.
 */
SCAN_INLINE bool read_fast(const char *text, const char *end, struct scan_seen *count,
			   struct subid_line *ret, const char **ret_stop)
{
	const char *colon = scan_field(text, end), *at = colon + 1;
	struct id_range range;

	if (colon == text || colon == end || *colon != ':' || *text == '#' ||
	    *text == ' ' || colon[-1] == ' ')
		return false;
	if (!scan_id(&at, end, &range.start) || at == end || *at++ != ':' ||
	    !scan_id_like(&at, end, count, &range.count) || (at < end && *at != '\n') ||
	    !id_range_valid(range))
		return false;
	ret->owner = text;
	ret->owner_len = (size_t)(colon - text);
	ret->range = range;
	*ret_stop = at;
	return true;
}

/* The line at text, as an entry; sets *ret_next to where the next one begins. */
SCAN_INLINE bool read_line(const char *text, const char *end, struct scan_seen *count,
			   struct subid_line *ret, const char **ret_next)
{
	bool valid = read_fast(text, end, count, ret, ret_next);

	if (valid) {
		*ret_next += *ret_next < end;
	} else {
		*ret_next = scan_to_next_line(text, end);
		valid = subid_line_parse(text, line_len(text, *ret_next), ret) == 0;
	}
	return valid && ret->owner_len <= TABLE_OWNER_LEN_MAX;
}

/* The one pass over all lines: what it does for each is what a large table costs. */
static int parse_lines(struct subid_table *table)
{
	size_t size = table->text.size;
	const char *bytes = table->text.bytes, *end = size > 0 ? bytes + size : bytes;
	struct scan_seen count = SCAN_SEEN_NONE;
	struct id_range run = { .count = 0 };
	int r = 0;

	for (const char *at = bytes, *next; r == 0 && at < end; at = next) {
		struct subid_entry *entry;
		struct subid_line line;

		/* at first for lines of 24 bytes, which is about what they have */
		if (table->n == table->room)
			r = grow(table, table->room == 0 ? size / 24 + 16
							 : table->room + table->room / 4);
		if (r < 0)
			break;
		if (!read_line(at, end, &count, &line, &next)) {
			r = note_malformed_line(table, at, line_len(at, next));
			continue;
		}
		entry = &table->entries[table->n++];
		entry->offset = (uint32_t)(at - bytes);
		entry->owner_len = (uint32_t)line.owner_len & TABLE_OWNER_LEN_MAX;
		entry->changed = false;
		entry->range = line.range;
		r = scan_add(&table->ids, &run, line.range);
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

static bool has_same_bytes(const struct subid_text *a, const struct subid_text *b)
{
	return a->size == b->size &&
	       (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

/* The entries of a table with the same bytes. */
static int copy_entries(struct subid_table *table, const struct subid_table *same)
{
	int r = grow(table, same->n + 1);

	if (r < 0)
		return r;
	if (same->n_malformed > 0) {
		table->malformed_lines = reallocarray(NULL, same->n_malformed,
						      sizeof(*table->malformed_lines));
		if (table->malformed_lines == NULL)
			return -ENOMEM;
		memcpy(table->malformed_lines, same->malformed_lines,
		       same->n_malformed * sizeof(*same->malformed_lines));
		table->n_malformed = same->n_malformed;
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
	if (!other->stale && table.text.size > 0 &&
	    has_same_bytes(&table.text, &other->text))
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
	auto_text struct subid_text text = { .bytes = NULL };
	int r = subid_text_read(etc, subid_kind_table(kind), false, &text);

	if (r == 0)
		*ret = has_same_bytes(&text, &table->text);
	return r;
}

void subid_table_free(struct subid_table *table)
{
	subid_text_free(&table->text);
	subid_set_free(&table->malformed);
	subid_set_free(&table->ids);
	subid_set_free(&table->shared);
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

static bool is_line_before(const void *element, const void *key)
{
	return *(const uint32_t *)element < *(const uint32_t *)key;
}

static bool is_entry_before(const void *element, const void *key)
{
	return ((const struct subid_entry *)element)->offset < *(const uint32_t *)key;
}

size_t subid_table_line(const struct subid_table *table, const struct subid_entry *entry)
{
	if (table_is_new(table, entry))
		return 0;
	return (size_t)(entry - table->entries) + 1 +
	       array_search(table->malformed_lines, table->n_malformed,
			    sizeof(*table->malformed_lines), &entry->offset,
			    is_line_before);
}

size_t subid_table_malformed_line(const struct subid_table *table, size_t malformed)
{
	/* new entries have offsets after the file's */
	return malformed + 1 +
	       array_search(table->entries, table->n, sizeof(*table->entries),
			    &table->malformed_lines[malformed], is_entry_before);
}

/* --- changes: entries are added at the end, or cut where they are --- */

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
		r = grow(table, table->room * 2 + 64);
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
	table->shared_known = false;
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
		bool known = table->shared_known;
		int r = subid_table_add(table, subid_table_owner(table, entry),
					entry->owner_len, left[1]);
		if (r < 0)
			return r;
		entry = &table->entries[index];
		table->shared_known = known; /* these ids had an entry already */
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

/* --- the ids in use, and the line that says so --- */

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

	return r == 0 ? subid_set_unite(ret, &table->malformed) : r;
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

/* --- the table as text again: what was not changed, byte for byte --- */

/* Where the line after the one at offset begins. */
static size_t line_end(const struct subid_text *text, size_t offset)
{
	const char *newline = memchr(text->bytes + offset, '\n', text->size - offset);

	return newline == NULL ? text->size : (size_t)(newline - text->bytes) + 1;
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

static char *put_number(char *end, uint32_t number)
{
	do
		*--end = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	return end;
}

size_t subid_line_format_tail(struct id_range range, char buf[SUBID_LINE_TAIL_MAX])
{
	char text[SUBID_LINE_TAIL_MAX], *end = text + sizeof(text), *p = end;

	*--p = '\n';
	p = put_number(p, range.count);
	*--p = ':';
	p = put_number(p, range.start);
	*--p = ':';
	memcpy(buf, p, (size_t)(end - p));
	return (size_t)(end - p);
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
		size_t until = table_is_new(table, entry) ? text->size : entry->offset;
		int r;

		if (!entry->changed)
			continue;
		r = print(&printer, text->bytes + pos, until - pos);
		pos = table_is_new(table, entry) ? until : line_end(text, until);
		if (r == 0)
			r = print_entry(&printer, table, entry);
		if (r < 0)
			return r;
	}
	return print(&printer, text->bytes + pos, text->size - pos);
}
