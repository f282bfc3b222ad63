/* SPDX-License-Identifier: MIT */
#include "tools/subid/rows_table.h"

#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "libsubid/core/pile.h"
#include "libsubid/core/printable.h"

#define COLUMNS_MAX 32

/* A row: where its cells begin in the text, each with its NUL. */
struct line {
	size_t text;
	size_t parent;
	bool pair; /* stands for a uid's row and a gid's */
	bool gone; /* that gid's row */
	bool last; /* of its parent's */
};

struct rows_table {
	const struct cli *cli;
	const struct rows_column *columns;
	size_t n_columns;
	size_t pairs;
	bool utf8; /* the terminal shows more than ASCII */
	struct line *lines;
	size_t n;
	char *text;
	size_t size, room;
};

struct rows_table *rows_table_new(const struct cli *cli,
				  const struct rows_column *columns, size_t n,
				  size_t pairs)
{
	struct rows_table *table = calloc(1, sizeof(*table));

	if (table == NULL || n > COLUMNS_MAX) {
		free(table);
		return NULL;
	}
	table->cli = cli;
	table->columns = columns;
	table->n_columns = n;
	table->pairs = pairs;
	table->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	return table;
}

void rows_table_free(struct rows_table *table)
{
	if (table == NULL)
		return;
	free(table->lines);
	free(table->text);
	free(table);
}

static int append(struct rows_table *table, const char *text, size_t len)
{
	return pile_add(&table->text, &table->size, &table->room, text, len);
}

static bool is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

/* Text that others chose: each byte of what a terminal may act on, or has no letter for,
 * is \xHH, so that it can be found. */
static int append_safe(struct rows_table *table, const char *text, size_t len)
{
	auto_free char *safe = NULL;
	char *to;

	if (is_ascii(text, len))
		return append(table, text, len);
	to = safe = malloc(len * 4 + 1);
	if (safe == NULL)
		return -ENOMEM;
	for (size_t n; len > 0; text += n, len -= n) {
		bool shown;

		n = printable_next(text, len, &shown);
		shown &= n == 1 ? is_ascii(text, 1) : table->utf8;
		for (size_t i = 0; i < n; i++) {
			if (shown)
				*to++ = text[i];
			else
				to += sprintf(to, "\\x%02x", (unsigned char)text[i]);
		}
	}
	return append(table, safe, (size_t)(to - safe));
}

/* A number, with its digits in groups if they are only to be read. */
static int append_number(struct rows_table *table, uint64_t number, bool grouped)
{
	char buf[32];
	size_t at = sizeof(buf);

	for (size_t digits = 0; number > 0 || digits == 0; digits++, number /= 10) {
		if (grouped && digits > 0 && digits % 3 == 0)
			buf[--at] = ',';
		buf[--at] = (char)('0' + number % 10);
	}
	return append(table, buf + at, sizeof(buf) - at);
}

static int append_cell(struct rows_table *table, const struct rows_column *column,
		       const struct rows_cell *cell)
{
	if (!cell->known || (!column->number && cell->len == 0))
		return append(table, "-", 1);
	if (column->number)
		return append_number(table, cell->number, column->grouped);
	return append_safe(table, cell->text, cell->len);
}

int rows_table_add(struct rows_table *table, const struct rows_cell *cells, size_t parent)
{
	const struct line line = { .text = table->size, .parent = parent };

	if (array_grow(&table->lines, table->n, sizeof(*table->lines)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < table->n_columns; i++)
		if (table->columns[i].heading != NULL &&
		    append_cell(table, &table->columns[i], &cells[i]) < 0)
			return -ENOMEM;
	table->lines[table->n++] = line;
	return 0;
}

/* The cells of a line, by column; NULL for those that are only in JSON. */
static void find_cells(const struct rows_table *table, const struct line *line,
		       const char *cells[COLUMNS_MAX])
{
	const char *at = table->text + line->text;

	for (size_t i = 0; i < table->n_columns; i++) {
		cells[i] = NULL;
		if (table->columns[i].heading == NULL)
			continue;
		cells[i] = at;
		at += strlen(at) + 1;
	}
}

/* Do they agree but for the kind? */
static bool are_pair(const struct rows_table *table, const struct line *uid,
		     const struct line *gid)
{
	const char *a[COLUMNS_MAX], *b[COLUMNS_MAX];

	find_cells(table, uid, a);
	find_cells(table, gid, b);
	for (size_t i = 0; i < table->n_columns; i++)
		if (a[i] != NULL && i != table->pairs && strcmp(a[i], b[i]) != 0)
			return false;
	return strcmp(a[table->pairs], "uid") == 0 && strcmp(b[table->pairs], "gid") == 0;
}

/* The rows of gids come in the order of those of uids, or nearly so. */
#define PAIRS_SOUGHT 16

static void join_pairs(struct rows_table *table)
{
	size_t next = 0;

	for (size_t i = 0; i < table->n; i++)
		for (size_t j = next, tried = 0; j < i && tried < PAIRS_SOUGHT; j++) {
			if (table->lines[j].pair || table->lines[j].gone)
				continue;
			tried++;
			if (!are_pair(table, &table->lines[j], &table->lines[i]))
				continue;
			table->lines[j].pair = true;
			table->lines[i].gone = true;
			next = j == next ? j + 1 : next;
			break;
		}
}

/* How many columns of a terminal a text takes. */
static int width_of(const char *text)
{
	wchar_t wide[512];
	size_t len = strlen(text), n;
	int width;

	if (is_ascii(text, len))
		return (int)len;
	n = mbstowcs(wide, text, 511);
	if (n == (size_t)-1 || n >= 511)
		return (int)len;
	width = wcswidth(wide, n);
	return width < 0 ? (int)len : width;
}

/* Which rows are the last of their parent; false: out of memory. */
static bool find_last(struct rows_table *table)
{
	auto_free bool *seen = calloc(table->n + 1, sizeof(*seen));

	if (seen == NULL)
		return false;
	for (size_t i = table->n; i-- > 0;) {
		size_t parent = table->lines[i].parent;

		if (parent == ROWS_NO_PARENT)
			continue;
		table->lines[i].last = !seen[parent];
		seen[parent] = true;
	}
	return true;
}

#define DEPTH_MAX 64

/* The lines of a tree before a cell: "|-" and "`-". */
static void print_branches(const struct rows_table *table, size_t i)
{
	static const char *const ascii[] = { "| ", "  ", "|-", "`-" };
	static const char *const utf8[] = { "\u2502 ", "  ", "\u251c\u2500",
					    "\u2514\u2500" };
	const char *const *parts = table->utf8 ? utf8 : ascii;
	size_t chain[DEPTH_MAX] = { 0 }, depth = 0;

	for (; table->lines[i].parent != ROWS_NO_PARENT && depth < DEPTH_MAX;
	     i = table->lines[i].parent)
		chain[depth++] = i;
	while (depth-- > 0)
		(void)fputs(parts[(depth == 0 ? 2 : 0) + table->lines[chain[depth]].last],
			    stdout);
}

struct layout {
	const size_t *shown;
	size_t n;
	int widths[COLUMNS_MAX];
};

static const char *cell_of(const struct rows_table *table, const struct line *line,
			   const char *const cells[COLUMNS_MAX], size_t column)
{
	return line->pair && column == table->pairs ? "uid+gid" : cells[column];
}

static void measure(const struct rows_table *table, struct layout *layout, bool headings)
{
	const char *cells[COLUMNS_MAX];

	for (size_t c = 0; c < layout->n; c++)
		layout->widths[c] =
		    headings ? (int)strlen(table->columns[layout->shown[c]].heading) : 0;
	for (size_t i = 0; i < table->n; i++) {
		if (table->lines[i].gone)
			continue;
		find_cells(table, &table->lines[i], cells);
		for (size_t c = 0; c < layout->n; c++) {
			int width = width_of(
			    cell_of(table, &table->lines[i], cells, layout->shown[c]));

			if (width > layout->widths[c])
				layout->widths[c] = width;
		}
	}
}

const char *rows_table_tone(const struct cli *cli, const char *text, size_t len)
{
	static const struct {
		const char *word;
		enum cli_tone tone;
	} tones[] = {
		{ "new", CLI_GOOD },	     { "mounted", CLI_GOOD },
		{ "ready", CLI_GOOD },	     { "released", CLI_WARN },
		{ "reserved", CLI_WARN },    { "left", CLI_WARN },
		{ "not-mounted", CLI_WARN }, { "begun", CLI_WARN },
		{ "taking", CLI_WARN },	     { "ending", CLI_WARN },
		{ "other", CLI_WRONG },	     { "no-store", CLI_WRONG },
	};

	for (size_t i = 0; i < sizeof(tones) / sizeof(tones[0]); i++)
		if (strlen(tones[i].word) == len && memcmp(tones[i].word, text, len) == 0)
			return cli_tone(cli, tones[i].tone);
	return "";
}

/* tone and plain: what stands before and behind the text, and has no width. */
static void print_padded(const char *text, const char *tone, const char *plain, int width,
			 bool right, bool last)
{
	int pad = width - width_of(text);

	for (; right && pad > 0; pad--)
		(void)putchar_unlocked(' ');
	(void)fputs_unlocked(tone, stdout);
	(void)fputs_unlocked(text, stdout);
	(void)fputs_unlocked(plain, stdout);
	for (; !last && pad > 0; pad--)
		(void)putchar_unlocked(' ');
	(void)putchar_unlocked(last ? '\n' : ' ');
}

static void print_headings(const struct rows_table *table, const struct layout *layout)
{
	(void)fputs(cli_tone(table->cli, CLI_HEADING), stdout);
	for (size_t c = 0; c < layout->n; c++) {
		const struct rows_column *column = &table->columns[layout->shown[c]];
		bool last = c + 1 == layout->n;

		print_padded(column->heading, "",
			     last ? cli_tone(table->cli, CLI_PLAIN) : "",
			     layout->widths[c], column->number, last);
	}
}

static void print_line(const struct rows_table *table, const struct layout *layout,
		       size_t i)
{
	const struct line *line = &table->lines[i];
	const char *cells[COLUMNS_MAX];

	find_cells(table, line, cells);
	for (size_t c = 0; c < layout->n; c++) {
		const struct rows_column *column = &table->columns[layout->shown[c]];
		const char *text = cell_of(table, line, cells, layout->shown[c]);
		const char *tone = "";

		if (column->state)
			tone = rows_table_tone(table->cli, text, strlen(text));
		if (column->tree)
			print_branches(table, i);
		print_padded(text, tone,
			     tone[0] == '\0' ? "" : cli_tone(table->cli, CLI_PLAIN),
			     layout->widths[c], column->number, c + 1 == layout->n);
	}
}

void rows_table_print(struct rows_table *table, const size_t *shown, size_t n,
		      bool headings)
{
	struct layout layout = { .shown = shown, .n = n };

	if (table->n == 0 || !find_last(table))
		return;
	cli_begin_pager(table->cli);
	if (table->pairs != SIZE_MAX)
		join_pairs(table);
	measure(table, &layout, headings);
	if (headings)
		print_headings(table, &layout);
	for (size_t i = 0; i < table->n; i++)
		if (!table->lines[i].gone)
			print_line(table, &layout, i);
}
