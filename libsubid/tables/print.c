/* SPDX-License-Identifier: MIT */
/*
 * A table as text again: what was not changed, byte for byte.
 */
#include <string.h>

#include "libsubid/tables/private.h"

/* Where the line behind the one at offset begins. */
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
