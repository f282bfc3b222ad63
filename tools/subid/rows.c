/* SPDX-License-Identifier: MIT */
#include "tools/subid/rows.h"
#include "libsubid/core/printable.h"

#include <errno.h>
#include <jansson.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct rows {
	const struct cli *cli;
	const struct rows_column *columns;
	size_t n_columns;
	size_t n;
	bool failed;		      /* out of memory */
	struct libscols_table *table; /* for people, else NULL */
	struct libscols_line **lines; /* of table, to be parents */
};

static void free_rows(struct rows *rows)
{
	if (rows->table != NULL)
		scols_unref_table(rows->table);
	free(rows->lines);
	free(rows);
}

static bool open_table(struct rows *rows)
{
	rows->table = scols_new_table();
	if (rows->table == NULL)
		return false;
	for (size_t i = 0; i < rows->n_columns; i++) {
		const struct rows_column *column = &rows->columns[i];
		int flags = (column->number ? SCOLS_FL_RIGHT : 0) |
			    (column->tree ? SCOLS_FL_TREE : 0);

		if (column->heading != NULL &&
		    scols_table_new_column(rows->table, column->heading, 0, flags) ==
			NULL)
			return false;
	}
	return true;
}

struct rows *rows_open(const struct cli *cli, const char *array,
		       const struct rows_column *columns, size_t n)
{
	struct rows *rows = calloc(1, sizeof(*rows));
	bool people = !cli->quiet && !cli->json && isatty(STDOUT_FILENO);

	if (rows != NULL) {
		rows->cli = cli;
		rows->columns = columns;
		rows->n_columns = n;
	}
	if (rows == NULL || (people && !open_table(rows))) {
		(void)cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
		if (rows != NULL)
			free_rows(rows);
		return NULL;
	}
	if (cli->json && !cli->quiet)
		(void)printf("{\"%s\": [", array);
	return rows;
}

/* The digits of a number, at the end of buf. */
static const char *print_number(uint64_t number, char buf[24])
{
	char *at = buf + 23;

	*at = '\0';
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	return at;
}

static bool is_plain(char c)
{
	return c > ' ' && c <= '~' && c != '\\';
}

static void print_word(const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t begin = i;

		while (i < len && is_plain(text[i]))
			i++;
		(void)fwrite_unlocked(text + begin, 1, i - begin, stdout);
		if (i < len)
			(void)printf("\\x%02x", (unsigned char)text[i++]);
	}
}

static void print_plain(const struct rows *rows, const struct rows_cell *cells)
{
	const char *sep = "";

	for (size_t i = 0; i < rows->n_columns; i++) {
		char number[24];

		if (rows->columns[i].heading == NULL)
			continue;
		(void)fputs_unlocked(sep, stdout);
		sep = " ";
		if (!cells[i].known)
			(void)putchar_unlocked('-');
		else if (rows->columns[i].number)
			(void)fputs_unlocked(print_number(cells[i].number, number),
					     stdout);
		else if (cells[i].len == 0)
			(void)putchar_unlocked('-');
		else
			print_word(cells[i].text, cells[i].len);
	}
	(void)putchar_unlocked('\n');
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
	bool failed = object == NULL ||
		      json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII) < 0;

	json_decref(object);
	if (failed && !ferror(stdout))
		return cli_complain(EXIT_UNABLE, "output: %s", strerror(ENOMEM));
	(void)putchar('\n');
	return cli_finish_output();
}

static json_t *json_cell(const struct rows_column *column, const struct rows_cell *cell)
{
	if (!cell->known)
		return json_null();
	return column->number ? json_integer((json_int_t)cell->number)
			      : cli_json_name(cell->text, cell->len);
}

static void print_json(struct rows *rows, const struct rows_cell *cells)
{
	json_t *object = json_object();
	bool failed = object == NULL;

	for (size_t i = 0; !failed && i < rows->n_columns; i++)
		failed = json_object_set_new_nocheck(
			     object, rows->columns[i].key,
			     json_cell(&rows->columns[i], &cells[i])) < 0;
	(void)fputs(rows->n > 1 ? ",\n  " : "\n  ", stdout);
	if (failed || (json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) < 0 &&
		       !ferror(stdout)))
		rows->failed = true;
	json_decref(object);
}

static bool set_cell(struct libscols_line *line, size_t at,
		     const struct rows_column *column, const struct rows_cell *cell)
{
	char number[24];
	auto_free char *text = NULL;

	if (!cell->known || (!column->number && cell->len == 0))
		return scols_line_set_data(line, at, "-") == 0;
	if (column->number)
		return scols_line_set_data(line, at,
					   print_number(cell->number, number)) == 0;
	text = printable_text(cell->text, cell->len);
	return text != NULL && scols_line_set_data(line, at, text) == 0;
}

static void add_line(struct rows *rows, const struct rows_cell *cells, size_t parent)
{
	struct libscols_line *line = scols_table_new_line(
	    rows->table, parent == ROWS_NO_PARENT ? NULL : rows->lines[parent]);
	size_t at = 0;

	if (line == NULL ||
	    array_grow(&rows->lines, rows->n - 1, sizeof(struct libscols_line *)) < 0) {
		rows->failed = true;
		return;
	}
	rows->lines[rows->n - 1] = line;
	for (size_t i = 0; i < rows->n_columns; i++)
		if (rows->columns[i].heading != NULL)
			rows->failed |=
			    !set_cell(line, at++, &rows->columns[i], &cells[i]);
}

void rows_add(struct rows *rows, const struct rows_cell *cells, size_t parent)
{
	if (rows->cli->quiet || rows->failed)
		return;
	rows->n++;
	if (rows->cli->json)
		print_json(rows, cells);
	else if (rows->table != NULL)
		add_line(rows, cells, parent);
	else
		print_plain(rows, cells);
}

int rows_close(struct rows *rows)
{
	const struct cli *cli = rows->cli;
	const char *changed =
	    cli->changed ? ": the change is made all the same, 'subid list' shows it"
			 : "";
	bool failed = rows->failed;

	if (cli->json && !cli->quiet)
		(void)fputs(rows->n > 0 ? "\n]}\n" : "]}\n", stdout);
	if (rows->table != NULL && rows->n > 0 && !failed)
		failed = scols_print_table(rows->table) != 0;
	free_rows(rows);
	if (failed)
		return cli_complain(EXIT_UNABLE, "output: %s%s", strerror(ENOMEM),
				    changed);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_DONE;
	return cli_complain(EXIT_UNABLE, "standard output: %s%s", strerror(errno),
			    changed);
}

/*
 * Ranges.
 */

static const struct rows_column range_columns[] = {
	{ .heading = "OWNER", .key = "owner" },
	{ .heading = "KIND", .key = "kind" },
	{ .heading = "START", .key = "start", .number = true },
	{ .heading = "END", .key = "end", .number = true },
	{ .heading = "COUNT", .key = "count", .number = true },
	{ .heading = "STATE", .key = "state" },
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
