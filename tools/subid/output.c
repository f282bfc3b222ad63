/* SPDX-License-Identifier: MIT */
/*
 * Ranges on standard output, in three forms.
 */
#include <errno.h>
#include <jansson.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/subid/cli.h"

struct cli_output {
	const struct cli *cli;
	bool failed; /* for want of memory */
	size_t n;
	struct libscols_table *table; /* for people, else NULL */
};

static const struct {
	const char *name;
	int flags;
} columns[] = {
	{ "OWNER", 0 },
	{ "KIND", 0 },
	{ "START", SCOLS_FL_RIGHT },
	{ "END", SCOLS_FL_RIGHT },
	{ "COUNT", SCOLS_FL_RIGHT },
	{ "STATE", 0 },
};

static struct libscols_table *new_table(void)
{
	struct libscols_table *table = scols_new_table();

	if (table == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		if (scols_table_new_column(table, columns[i].name, 0, columns[i].flags) ==
		    NULL) {
			scols_unref_table(table);
			return NULL;
		}
	}
	return table;
}

struct cli_output *cli_output_open(const struct cli *cli)
{
	struct cli_output *output = calloc(1, sizeof(*output));

	if (output == NULL)
		return NULL;
	output->cli = cli;
	if (cli->json && !cli->quiet)
		(void)fputs("{\"ranges\": [", stdout);
	else if (!cli->quiet && isatty(STDOUT_FILENO))
		output->table = new_table();
	return output;
}

void cli_print_safe(FILE *out, const char *text, size_t len)
{
	char *safe = printable_text(text, len);

	(void)fputs(safe == NULL ? strerror(ENOMEM) : safe, out);
	free(safe);
}

bool cli_is_safe(const char *text)
{
	for (; *text != '\0'; text++)
		if (printable_unsafe(text, strlen(text)) > 0)
			return false;
	return true;
}

void cli_print_escaped(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] > ' ' && text[i] <= '~' && text[i] != '\\')
			(void)putchar_unlocked(text[i]);
		else
			(void)printf("\\x%02x", (unsigned char)text[i]);
	}
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

static void print_json(struct cli_output *output, const struct cli_row *row)
{
	json_t *object =
	    json_pack("{s:o, s:s, s:I, s:I, s:I, s:s}", "owner",
		      cli_json_name(row->owner, row->owner_len), "kind",
		      subid_kind_name(row->kind), "start", (json_int_t)row->range.start,
		      "end", (json_int_t)(id_range_end(row->range) - 1), "count",
		      (json_int_t)row->range.count, "state", row->state);

	(void)fputs(output->n > 1 ? ",\n  " : "\n  ", stdout);
	if (object == NULL ||
	    (json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII) < 0 &&
	     !ferror(stdout)))
		output->failed = true;
	json_decref(object);
}

static void add_line(struct cli_output *output, const struct cli_row *row)
{
	struct libscols_line *line = scols_table_new_line(output->table, NULL);
	char *owner = printable_text(row->owner, row->owner_len);
	char start[24], end[24], count[24];
	const char *const cells[] = {
		owner, subid_kind_name(row->kind), start, end, count, row->state,
	};

	(void)snprintf(start, sizeof(start), "%u", row->range.start);
	(void)snprintf(end, sizeof(end), "%llu",
		       (unsigned long long)id_range_end(row->range) - 1);
	(void)snprintf(count, sizeof(count), "%u", row->range.count);
	output->failed |= line == NULL || owner == NULL;
	for (size_t i = 0; !output->failed && i < sizeof(cells) / sizeof(cells[0]); i++)
		output->failed |= scols_line_set_data(line, i, cells[i]) != 0;
	free(owner);
}

void cli_output_row(struct cli_output *output, const struct cli_row *row)
{
	if (output->cli->quiet)
		return;
	output->n++;
	if (output->cli->json) {
		print_json(output, row);
	} else if (output->table != NULL) {
		add_line(output, row);
	} else {
		cli_print_escaped(row->owner, row->owner_len);
		(void)printf(" %s %u %llu %u %s\n", subid_kind_name(row->kind),
			     row->range.start,
			     (unsigned long long)id_range_end(row->range) - 1,
			     row->range.count, row->state);
	}
}

int cli_output_close(struct cli_output *output)
{
	const struct cli *cli = output->cli;
	const char *changed =
	    cli->changed ? ": the change is made all the same, 'subid list' shows it"
			 : "";
	bool failed = output->failed;

	if (cli->json && !cli->quiet)
		(void)fputs(output->n > 0 ? "\n]}\n" : "]}\n", stdout);
	if (output->table != NULL) {
		if (output->n > 0 && !failed)
			failed = scols_print_table(output->table) != 0;
		scols_unref_table(output->table);
	}
	free(output);
	if (failed)
		return cli_complain(EXIT_UNABLE, "output: out of memory%s", changed);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_DONE;
	return cli_complain(EXIT_UNABLE, "standard output: %s%s", strerror(errno),
			    changed);
}
