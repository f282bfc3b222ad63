/* SPDX-License-Identifier: MIT */
/*
 * Lines that look like an owner's and give the owner nothing.  Who has one is given
 * another range, and may be looking for the files of the first one, so it is said.
 */
#include <stdio.h>
#include <string.h>

#include "libsubid/change/private.h"

/* For so many owners: each takes a pass over these lines. */
#define BROKEN_GRANTS 10

/* What some editors put at the head of a file: as part of the first owner's name. */
#define MARK	 "\xef\xbb\xbf"
#define MARK_LEN (sizeof(MARK) - 1)

static size_t length_to_newline(const char *line, const char *end)
{
	const char *newline = memchr(line, '\n', (size_t)(end - line));

	return (size_t)((newline == NULL ? end : newline) - line);
}

/* Does a line that is no entry begin with a name of the owner? */
static bool is_of(const struct subid_owner *owner, const char *line, size_t len)
{
	const char *colon;

	while (len > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	colon = memchr(line, ':', len);
	return colon != NULL && owner_is(owner, line, (size_t)(colon - line));
}

/* Some reader takes the same from the line as from the one that is advised. */
static void warn_of_line(const struct subid_txn *txn, const struct subid_table *table,
			 size_t malformed, const char *name, const char *line, size_t len)
{
	struct id_range readings[SUBID_READINGS_MAX];
	char mend[128] = "";

	if (subid_line_readings(line, len, readings) > 0)
		(void)snprintf(mend, sizeof(mend), " as %.64s:%u:%u", name,
			       readings[0].start, readings[0].count);
	system_warn(
	    txn->sys, SUBID_NOTE_WARNING,
	    "%s/%s:%zu: this line of %s is malformed, and gives nothing: write it"
	    " anew%s (a start and a count in decimal, and no blanks), or delete it",
	    txn->sys->etc_name, subid_kind_table(table->kind),
	    subid_table_malformed_line(table, malformed), name, mend);
}

static void warn_malformed(const struct subid_txn *txn, const struct subid_table *table,
			   const struct subid_owner *owner, const char *name)
{
	const char *end = table->text.bytes + table->text.size;

	for (size_t i = 0; i < table->n_malformed; i++) {
		const char *line = table->text.bytes + table->malformed_lines[i];
		size_t len = length_to_newline(line, end);

		if (is_of(owner, line, len))
			warn_of_line(txn, table, i, name, line, len);
	}
}

static size_t count_lines(const char *from, const char *to)
{
	size_t n = 1;

	for (; (from = memchr(from, '\n', (size_t)(to - from))) != NULL; from++)
		n++;
	return n;
}

/* The next mark; NULL: there is none.  Its first byte is rare, and memchr(3) takes a
 * tenth of what memmem(3) takes for three bytes. */
static const char *next_mark(const char *at, const char *end)
{
	while (at < end &&
	       (at = memchr(at, (unsigned char)MARK[0], (size_t)(end - at))) != NULL) {
		if ((size_t)(end - at) >= MARK_LEN && memcmp(at, MARK, MARK_LEN) == 0)
			return at;
		at++;
	}
	return NULL;
}

/* In the middle, too: files that were joined. */
static void warn_marked(const struct subid_txn *txn, const struct subid_table *table,
			const struct subid_owner *owner, const char *name)
{
	const char *bytes = table->text.bytes, *end = bytes + table->text.size;
	const char *etc = txn->sys->etc_name, *file = subid_kind_table(table->kind);
	size_t line;

	for (const char *at = bytes; (at = next_mark(at, end)) != NULL; at += MARK_LEN) {
		if ((at > bytes && at[-1] != '\n') ||
		    !is_of(owner, at + MARK_LEN, length_to_newline(at + MARK_LEN, end)))
			continue;
		line = count_lines(bytes, at);
		system_warn(txn->sys, SUBID_NOTE_WARNING,
			    "%s/%s:%zu: this line of %s begins with the bytes"
			    " \\xef\\xbb\\xbf, a byte order mark, which make it somebody"
			    " else's: take them away with"
			    " sed -i '%zus/^\\xef\\xbb\\xbf//' %s/%s",
			    etc, file, line, name, line, etc, file);
	}
}

void broken_warn(const struct subid_txn *txn, const struct subid_owner *owner,
		 const char *name)
{
	for (enum subid_kind kind = 0;
	     txn->n_grants <= BROKEN_GRANTS && kind < SUBID_KINDS; kind++) {
		warn_malformed(txn, &txn->tables[kind], owner, name);
		warn_marked(txn, &txn->tables[kind], owner, name);
	}
}
