/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <jansson.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/grid.h"

struct grid {
	const struct cli *cli;
	const char *array;
	const struct grid_column *columns;
	size_t n_columns;
	size_t n;
	bool failed;		      /* for want of memory */
	struct libscols_table *table; /* for people, else NULL */
	struct libscols_line **lines; /* of table, to be parents */
	size_t room;
};

static void close_table(struct grid *grid)
{
	if (grid->table != NULL)
		scols_unref_table(grid->table);
	free(grid->lines);
	free(grid);
}

static bool open_table(struct grid *grid)
{
	grid->table = scols_new_table();
	if (grid->table == NULL)
		return false;
	for (size_t i = 0; i < grid->n_columns; i++) {
		const struct grid_column *column = &grid->columns[i];
		int flags = (column->number ? SCOLS_FL_RIGHT : 0) |
			    (column->tree ? SCOLS_FL_TREE : 0);

		if (column->heading != NULL &&
		    scols_table_new_column(grid->table, column->heading, 0, flags) ==
			NULL)
			return false;
	}
	return true;
}

struct grid *grid_open(const struct cli *cli, const char *array,
		       const struct grid_column *columns, size_t n)
{
	struct grid *grid = calloc(1, sizeof(*grid));

	if (grid == NULL)
		return NULL;
	grid->cli = cli;
	grid->array = array;
	grid->columns = columns;
	grid->n_columns = n;
	if (cli->quiet || cli->json || !isatty(STDOUT_FILENO) || open_table(grid)) {
		if (cli->json && !cli->quiet)
			(void)printf("{\"%s\": [", array);
		return grid;
	}
	close_table(grid);
	return NULL;
}

static json_t *json_cell(const struct grid_column *column, const char *cell)
{
	if (cell == NULL)
		return json_null();
	if (column->number)
		return json_integer((json_int_t)strtoull(cell, NULL, 10));
	return cli_json_name(cell, strlen(cell));
}

static void print_json(struct grid *grid, const char *const *cells)
{
	json_t *object = json_object();
	bool failed = object == NULL;

	for (size_t i = 0; !failed && i < grid->n_columns; i++)
		failed = json_object_set_new(object, grid->columns[i].member,
					     json_cell(&grid->columns[i], cells[i])) < 0;
	(void)fputs(grid->n > 1 ? ",\n  " : "\n  ", stdout);
	if (failed || (json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) < 0 &&
		       !ferror(stdout)))
		grid->failed = true;
	json_decref(object);
}

static const char *or_dash(const char *cell)
{
	return cell == NULL || *cell == '\0' ? "-" : cell;
}

static void print_plain(const struct grid *grid, const char *const *cells)
{
	const char *sep = "";

	for (size_t i = 0; i < grid->n_columns; i++) {
		if (grid->columns[i].heading == NULL)
			continue;
		(void)fputs(sep, stdout);
		cli_print_escaped(or_dash(cells[i]), strlen(or_dash(cells[i])));
		sep = " ";
	}
	(void)putchar_unlocked('\n');
}

/* Threat: a container chose these bytes, and they go to root's terminal. */
static char *escape(const char *text)
{
	char *escaped = malloc(strlen(text) * 4 + 1), *end = escaped;

	if (escaped == NULL)
		return NULL;
	for (; *text != '\0'; text++) {
		if (*text >= ' ' && *text <= '~' && *text != '\\')
			*end++ = *text;
		else
			end += sprintf(end, "\\x%02x", (unsigned char)*text);
	}
	*end = '\0';
	return escaped;
}

static bool keep_line(struct grid *grid, struct libscols_line *line)
{
	if (grid->n > grid->room) {
		size_t room = grid->room * 2 + 64;
		struct libscols_line **grown =
		    reallocarray(grid->lines, room, sizeof(struct libscols_line *));

		if (grown == NULL)
			return false;
		grid->lines = grown;
		grid->room = room;
	}
	grid->lines[grid->n - 1] = line;
	return true;
}

static void add_line(struct grid *grid, const char *const *cells, size_t parent)
{
	struct libscols_line *line = scols_table_new_line(
	    grid->table, parent == GRID_NO_PARENT ? NULL : grid->lines[parent]);
	size_t at = 0;

	grid->failed |= line == NULL || !keep_line(grid, line);
	for (size_t i = 0; !grid->failed && i < grid->n_columns; i++) {
		auto_free char *text = NULL;

		if (grid->columns[i].heading == NULL)
			continue;
		text = escape(or_dash(cells[i]));
		grid->failed |=
		    text == NULL || scols_line_set_data(line, at++, text) != 0;
	}
}

void grid_row(struct grid *grid, const char *const *cells, size_t parent)
{
	if (grid->cli->quiet || grid->failed)
		return;
	grid->n++;
	if (grid->cli->json)
		print_json(grid, cells);
	else if (grid->table != NULL)
		add_line(grid, cells, parent);
	else
		print_plain(grid, cells);
}

int grid_close(struct grid *grid)
{
	bool failed = grid->failed;

	if (grid->cli->json && !grid->cli->quiet)
		(void)fputs(grid->n > 0 ? "\n]}\n" : "]}\n", stdout);
	if (grid->table != NULL && grid->n > 0 && !failed)
		failed = scols_print_table(grid->table) != 0;
	close_table(grid);
	if (failed)
		return cli_complain(EXIT_UNABLE, "output: %s", strerror(ENOMEM));
	return cli_finish_output();
}
