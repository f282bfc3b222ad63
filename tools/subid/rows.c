/* SPDX-License-Identifier: MIT */
#include "tools/subid/rows.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "libsubid/core/printable.h"
#include "tools/subid/rows_table.h"

#define COLUMNS_MAX 32

/* A row that is kept to be sorted; its texts follow it. */
struct kept {
	size_t order;
	const struct rows *rows; /* by which column */
	struct rows_cell cells[];
};

struct rows {
	const struct cli *cli;
	const struct rows_column *columns;
	size_t n_columns;
	size_t n;
	bool failed;		  /* out of memory */
	struct rows_table *table; /* for people, else NULL */
	size_t shown[COLUMNS_MAX];
	size_t n_shown;
	bool chosen; /* columns were */
	bool no_headings;
	size_t sort; /* SIZE_MAX: as they come */
	struct kept **kept;
	size_t n_kept;
	FILE *json; /* all of it, until it is complete; NULL: another form */
	char *text; /* of json */
	size_t text_size;
	char *line; /* of print_plain() */
	size_t line_room;
};

void rows_drop(struct rows *rows)
{
	for (size_t i = 0; i < rows->n_kept; i++)
		free(rows->kept[i]);
	free(rows->kept);
	free(rows->line);
	if (rows->json != NULL)
		(void)fclose(rows->json);
	free(rows->text);
	rows_table_free(rows->table);
	free(rows);
}

/* Two rows that differ in this column alone may be one for people. */
static size_t pairs_of(const struct rows_column *columns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(columns[i].key, "kind") == 0 && columns[i].pairs)
			return i;
	return SIZE_MAX;
}

struct rows *rows_open(const struct cli *cli, const char *array,
		       const struct rows_column *columns, size_t n)
{
	struct rows *rows = calloc(1, sizeof(*rows));
	bool people = !cli->quiet && !cli->json && cli->terminal;
	bool json = cli->json && !cli->quiet;

	if (rows != NULL) {
		rows->cli = cli;
		rows->columns = columns;
		rows->n_columns = n;
		rows->sort = SIZE_MAX;
		for (size_t i = 0; i < n; i++)
			if (columns[i].heading != NULL)
				rows->shown[rows->n_shown++] = i;
		if (people)
			rows->table =
			    rows_table_new(cli, columns, n, pairs_of(columns, n));
		if (json)
			rows->json = open_memstream(&rows->text, &rows->text_size);
	}
	if (rows == NULL || (people && rows->table == NULL) ||
	    (json && rows->json == NULL)) {
		(void)cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
		if (rows != NULL)
			rows_drop(rows);
		return NULL;
	}
	if (json)
		(void)fprintf(rows->json, "{\"%s\": [", array);
	return rows;
}

static size_t find_column(const struct rows *rows, const char *name, size_t len)
{
	for (size_t i = 0; i < rows->n_columns; i++)
		if (rows->columns[i].heading != NULL &&
		    strlen(rows->columns[i].heading) == len &&
		    strncasecmp(rows->columns[i].heading, name, len) == 0)
			return i;
	return SIZE_MAX;
}

static int unknown_column(const struct rows *rows, const char *name, size_t len)
{
	char known[512] = "";
	size_t at = 0;

	for (size_t i = 0; i < rows->n_columns && at < sizeof(known); i++)
		if (rows->columns[i].heading != NULL)
			at += (size_t)snprintf(known + at, sizeof(known) - at, " %s",
					       rows->columns[i].key);
	return cli_misused(rows->cli, "unknown column '%.*s'; one of%s", (int)len, name,
			   known);
}

int rows_choose(struct rows *rows, const struct rows_choice *choice)
{
	const char *at = choice->columns;

	rows->no_headings = choice->no_headings;
	if (choice->sort != NULL) {
		rows->sort = find_column(rows, choice->sort, strlen(choice->sort));
		if (rows->sort == SIZE_MAX)
			return unknown_column(rows, choice->sort, strlen(choice->sort));
	}
	if (at == NULL)
		return EXIT_DONE;
	rows->n_shown = 0;
	rows->chosen = true;
	while (rows->n_shown < COLUMNS_MAX) {
		size_t len = strcspn(at, ",");

		rows->shown[rows->n_shown] = find_column(rows, at, len);
		if (rows->shown[rows->n_shown++] == SIZE_MAX)
			return unknown_column(rows, at, len);
		if (at[len] == '\0')
			break;
		at += len + 1;
	}
	return EXIT_DONE;
}

/* These write at a place with enough room, and return what is behind it. */

static char *put_number(char *at, uint64_t number)
{
	char digits[24];
	char *first = digits + sizeof(digits);
	size_t n;

	if (number == 0)
		*--first = '0';
	if (number <= UINT32_MAX) /* a division of 32 bits is a fraction of the work */
		for (uint32_t small = (uint32_t)number; small > 0; small /= 10)
			*--first = (char)('0' + small % 10);
	else
		for (; number > 0; number /= 10)
			*--first = (char)('0' + number % 10);
	n = (size_t)(digits + sizeof(digits) - first);
	memcpy(at, first, n);
	return at + n;
}

static char *put_word(char *at, const char *text, size_t len)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c > ' ' && c <= '~' && c != '\\') {
			*at++ = (char)c;
			continue;
		}
		*at++ = '\\';
		*at++ = 'x';
		*at++ = hex[c >> 4];
		*at++ = hex[c & 15];
	}
	return at;
}

/* A state, in its colour. */
static char *put_state(char *at, const struct cli *cli, const struct rows_cell *cell)
{
	at = stpcpy(at, rows_table_tone(cli, cell->text, cell->len));
	at = put_word(at, cell->text, cell->len);
	return stpcpy(at, cli_tone(cli, CLI_PLAIN));
}

/* Room for a line: each byte may become four.  False: out of memory. */
static bool make_room(struct rows *rows, const struct rows_cell *cells)
{
	size_t need = 2 + rows->n_shown * 32;
	char *grown;

	for (size_t c = 0; c < rows->n_shown; c++)
		need += cells[rows->shown[c]].len * 4;
	if (need <= rows->line_room)
		return true;
	grown = realloc(rows->line, need * 2);
	if (grown == NULL)
		return false;
	rows->line = grown;
	rows->line_room = need * 2;
	return true;
}

static void print_plain(struct rows *rows, const struct rows_cell *cells)
{
	char *at;

	if (!make_room(rows, cells)) {
		rows->failed = true;
		return;
	}
	at = rows->line;
	for (size_t c = 0; c < rows->n_shown; c++) {
		const struct rows_column *column = &rows->columns[rows->shown[c]];
		const struct rows_cell *cell = &cells[rows->shown[c]];

		if (c > 0)
			*at++ = ' ';
		if (!cell->known || (!column->number && cell->len == 0))
			*at++ = '-';
		else if (column->number)
			at = put_number(at, cell->number);
		else if (column->state)
			at = put_state(at, rows->cli, cell);
		else
			at = put_word(at, cell->text, cell->len);
	}
	*at++ = '\n';
	(void)fwrite_unlocked(rows->line, 1, (size_t)(at - rows->line), stdout);
}

struct json_t *cli_json_name(const char *text, size_t len)
{
	json_t *name = json_stringn(text, len);
	char *copy;

	if (name != NULL)
		return name;
	copy = strndup(text, len);
	if (copy == NULL)
		return NULL;
	for (char *c = copy; *c != '\0'; c++)
		if ((unsigned char)*c > '~')
			*c = '?';
	name = json_string(copy);
	free(copy);
	return name;
}

int cli_print_json(struct json_t *object)
{
	/* an error must not follow half a document */
	char *text = object == NULL
			 ? NULL
			 : json_dumps(object, JSON_INDENT(2) | JSON_ENSURE_ASCII);

	json_decref(object);
	if (text == NULL)
		return cli_complain(EXIT_UNABLE, "output: %s", strerror(ENOMEM));
	(void)puts(text);
	free(text);
	return cli_finish_output();
}

static json_t *json_cell(const struct rows_column *column, const struct rows_cell *cell)
{
	if (!cell->known)
		return json_null();
	return column->number ? json_integer((json_int_t)cell->number)
			      : cli_json_name(cell->text, cell->len);
}

static bool is_shown(const struct rows *rows, size_t column)
{
	for (size_t c = 0; c < rows->n_shown; c++)
		if (rows->shown[c] == column)
			return true;
	/* what is in JSON alone is there unless columns were chosen */
	return rows->columns[column].heading == NULL && !rows->chosen;
}

static void print_json(struct rows *rows, const struct rows_cell *cells)
{
	json_t *object = json_object();
	bool failed = object == NULL;

	for (size_t i = 0; !failed && i < rows->n_columns; i++)
		failed =
		    is_shown(rows, i) && json_object_set_new_nocheck(
					     object, rows->columns[i].key,
					     json_cell(&rows->columns[i], &cells[i])) < 0;
	(void)fputs(rows->n > 1 ? ",\n  " : "\n  ", rows->json);
	if (failed ||
	    json_dumpf(object, rows->json, JSON_COMPACT | JSON_ENSURE_ASCII) < 0)
		rows->failed = true;
	json_decref(object);
}

static void print_row(struct rows *rows, const struct rows_cell *cells, size_t parent)
{
	rows->n++;
	if (rows->cli->json)
		print_json(rows, cells);
	else if (rows->table != NULL)
		rows->failed |= rows_table_add(rows->table, cells, parent) < 0;
	else
		print_plain(rows, cells);
}

/* Keeps a copy, with its texts. */
static void keep_row(struct rows *rows, const struct rows_cell *cells)
{
	size_t size = sizeof(struct kept) + rows->n_columns * sizeof(*cells), text = 0;
	struct kept *kept;
	char *at;

	for (size_t i = 0; i < rows->n_columns; i++)
		text += cells[i].text == NULL ? 0 : cells[i].len;
	kept = malloc(size + text);
	if (kept == NULL || array_grow(&rows->kept, rows->n_kept, sizeof(kept)) < 0) {
		free(kept);
		rows->failed = true;
		return;
	}
	at = (char *)kept + size;
	kept->order = rows->n_kept;
	kept->rows = rows;
	for (size_t i = 0; i < rows->n_columns; i++) {
		kept->cells[i] = cells[i];
		if (cells[i].text == NULL)
			continue;
		memcpy(at, cells[i].text, cells[i].len);
		kept->cells[i].text = at;
		at += cells[i].len;
	}
	rows->kept[rows->n_kept++] = kept;
}

static int in_order(const void *a, const void *b)
{
	const struct kept *x = *(struct kept *const *)a, *y = *(struct kept *const *)b;
	const struct rows_cell *m = &x->cells[x->rows->sort];
	const struct rows_cell *n = &y->cells[x->rows->sort];
	size_t len = m->len < n->len ? m->len : n->len;
	int order = 0;

	if (m->known != n->known)
		return m->known ? -1 : 1;
	if (x->rows->columns[x->rows->sort].number)
		order = m->number < n->number ? -1 : m->number > n->number;
	else if (len > 0)
		order = memcmp(m->text, n->text, len);
	if (order == 0 && m->len != n->len)
		order = m->len < n->len ? -1 : 1;
	if (order == 0)
		order = x->order < y->order ? -1 : 1;
	return order;
}

void rows_add(struct rows *rows, const struct rows_cell *cells, size_t parent)
{
	if (rows->cli->quiet || rows->failed)
		return;
	if (rows->sort != SIZE_MAX)
		keep_row(rows, cells);
	else
		print_row(rows, cells, parent);
}

static void print_kept(struct rows *rows)
{
	if (rows->n_kept > 1)
		qsort(rows->kept, rows->n_kept, sizeof(*rows->kept), in_order);
	for (size_t i = 0; i < rows->n_kept && !rows->failed; i++)
		print_row(rows, rows->kept[i]->cells, ROWS_NO_PARENT);
}

/* Complete, or not at all: an error must not follow half a document. */
static void print_object(struct rows *rows)
{
	(void)fputs(rows->n > 0 ? "\n]}\n" : "]}\n", rows->json);
	if (fflush(rows->json) != 0 || ferror(rows->json))
		rows->failed = true;
	if (!rows->failed)
		(void)fwrite(rows->text, 1, rows->text_size, stdout);
}

int rows_close(struct rows *rows)
{
	const struct cli *cli = rows->cli;
	const char *changed =
	    cli->changed ? ": the change is made all the same, 'subid list' shows it"
			 : "";
	bool failed;

	print_kept(rows);
	if (rows->json != NULL)
		print_object(rows);
	failed = rows->failed;
	if (rows->table != NULL && !failed)
		rows_table_print(rows->table, rows->shown, rows->n_shown,
				 !rows->no_headings);
	rows_drop(rows);
	if (failed)
		return cli_complain(EXIT_UNABLE, "output: %s%s", strerror(ENOMEM),
				    changed);
	return cli_flush_output(changed);
}

/*
 * Ranges.
 */

static const struct rows_column range_columns[] = {
	{ .heading = "OWNER", .key = "owner" },
	{ .heading = "KIND", .key = "kind", .pairs = true },
	{ .heading = "START", .key = "start", .number = true },
	{ .heading = "END", .key = "end", .number = true },
	{ .heading = "COUNT", .key = "count", .number = true, .grouped = true },
	{ .heading = "STATE", .key = "state", .state = true },
};

#define N_RANGE_COLUMNS (sizeof(range_columns) / sizeof(range_columns[0]))

struct rows *range_rows_open(const struct cli *cli)
{
	return rows_open(cli, "ranges", range_columns, N_RANGE_COLUMNS);
}

void range_rows_add(struct rows *rows, const struct range_row *row)
{
	const struct rows_cell cells[N_RANGE_COLUMNS] = {
		rows_bytes(row->owner, row->owner_len),
		rows_text(subid_kind_name(row->kind)),
		rows_number(row->range.start),
		rows_number(id_range_end(row->range) - 1),
		rows_number(row->range.count),
		rows_text(row->state),
	};

	rows_add(rows, cells, ROWS_NO_PARENT);
}

const char *range_state_name(enum subid_state state)
{
	static const char *const names[] = {
		[SUBID_STATE_GRANTED] = "granted",   [SUBID_STATE_LEASED] = "leased",
		[SUBID_STATE_RELEASED] = "released", [SUBID_STATE_RESERVED] = "reserved",
		[SUBID_STATE_FREE] = "free",	     [SUBID_STATE_SHARED] = "shared",
		[SUBID_STATE_LEFT] = "left",
	};

	return names[state];
}

int range_list_append(struct range_list *list, const struct range_row *row)
{
	if (array_grow(&list->list, list->n, sizeof(*list->list)) < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	list->list[list->n++] = *row;
	return EXIT_DONE;
}

/* A copy that lives as long as the list; NULL: out of memory. */
static const char *keep_text(struct range_list *list, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL ||
	    array_grow(&list->texts, list->n_texts, sizeof(*list->texts)) < 0) {
		free(copy);
		return NULL;
	}
	list->texts[list->n_texts++] = copy;
	return copy;
}

int range_list_add(struct range_list *list, struct subid_txn *txn, const char *owner,
		   const char *state)
{
	const struct subid_list *changes;
	struct subid_row row = { .size = sizeof(row) };
	int status = EXIT_DONE;

	if (subid_changes(txn, &changes) < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	for (size_t i = 0; status == EXIT_DONE && subid_list_get(changes, i, &row); i++) {
		const char *whose = owner != NULL ? owner : keep_text(list, row.owner);
		const struct range_row one = {
			.owner = whose,
			.owner_len = whose == NULL ? 0 : strlen(whose),
			.kind = row.kind,
			.range = row.range,
			.state = state != NULL ? state : range_state_name(row.state),
		};

		status = whose == NULL ? cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM))
				       : range_list_append(list, &one);
	}
	return status;
}

int range_list_print(const struct cli *cli, const struct range_list *list)
{
	struct rows *rows = range_rows_open(cli);

	if (rows == NULL)
		return EXIT_UNABLE;
	for (size_t i = 0; i < list->n; i++)
		range_rows_add(rows, &list->list[i]);
	return rows_close(rows);
}

void range_list_free(struct range_list *list)
{
	for (size_t i = 0; i < list->n_texts; i++)
		free(list->texts[i]);
	free(list->texts);
	free(list->list);
	*list = (struct range_list){ .n = 0 };
}

/*
 * Text that is in no row.
 */

void cli_print_safe(FILE *out, const char *text, size_t len)
{
	char *safe = printable_text(text, len);

	(void)fputs(safe == NULL ? strerror(ENOMEM) : safe, out);
	free(safe);
}

bool cli_is_safe(const char *text)
{
	return printable_is_safe(text, strlen(text));
}
