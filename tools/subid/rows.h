/* SPDX-License-Identifier: MIT */
/*
 * Rows on standard output, in three forms: a table for people on a terminal; plain
 * columns with one blank between them otherwise; an array of objects with --json.
 * Nothing with --quiet.
 *
 * Threat: the texts come from files, from processes and from containers, and end on
 * root's terminal or in a script.  In plain columns a cell is one word: other bytes than
 * printable ASCII, blanks and backslashes are \xHH; on a terminal, what it may act on or
 * has no letters for.  For JSON see cli_json_name().
 */
#pragma once

#include "libsubid/core/printable.h"
#include "tools/subid/cli.h"

/* A column, in all three forms. */
struct rows_column {
	const char *heading; /* NULL: only in JSON */
	const char *key;     /* of the JSON objects */
	bool number;	     /* else text */
	bool pairs;	     /* on a terminal, a uid and a gid that agree are one row */
	bool grouped;	     /* on a terminal, its digits are in groups */
	bool tree;	     /* on a terminal, lines lead to it from the parent row's */
	bool state;	     /* its words have colours, see --color */
};

/* What a row has in a column.  Zeroed: not known, "-" or null. */
struct rows_cell {
	bool known;
	const char *text;
	size_t len;
	uint64_t number;
};

/* text may be NULL: not known. */
static inline struct rows_cell rows_text(const char *text)
{
	return (struct rows_cell){
		.known = text != NULL,
		.text = text,
		.len = text == NULL ? 0 : strlen(text),
	};
}

static inline struct rows_cell rows_bytes(const char *text, size_t len)
{
	return (struct rows_cell){ .known = true, .text = text, .len = len };
}

static inline struct rows_cell rows_number(uint64_t number)
{
	return (struct rows_cell){ .known = true, .number = number };
}

/* SUBID_ID_NONE: not known. */
static inline struct rows_cell rows_id(uint32_t id)
{
	return (struct rows_cell){ .known = id != SUBID_ID_NONE, .number = id };
}

#define ROWS_NO_PARENT SIZE_MAX

struct rows; /* keeps cli and columns */

/* array: the JSON object's one member.  NULL after a complaint. */
struct rows *rows_open(const struct cli *cli, const char *array,
		       const struct rows_column *columns, size_t n);

/* Which columns are shown, and how; zeroed: all of them. */
struct rows_choice {
	const char *columns; /* names between commas; NULL: all */
	const char *sort;    /* the name of one; NULL: as the rows come */
	bool no_headings;
};

/* Chooses, before the first row.  The status, after a complaint. */
int rows_choose(struct rows *rows, const struct rows_choice *choice);

/* Adds a row, a cell for each column.  parent: which row, from 0, or ROWS_NO_PARENT. */
void rows_add(struct rows *rows, const struct rows_cell *cells, size_t parent);

/* The status, after a complaint if it is not EXIT_DONE. */
int rows_close(struct rows *rows);

/* Ends it, and prints nothing: what was not whole is absent in JSON. */
void rows_drop(struct rows *rows);

/* A range, as list, grant, revoke, hold and their like print it. */
struct range_row {
	const char *owner; /* owner_len bytes */
	size_t owner_len;
	enum subid_kind kind;
	struct id_range range;
	const char *state;
};

/* "granted", "leased", ...: how output calls it. */
const char *range_state_name(enum subid_state state);

/* NULL after a complaint.  rows_close() ends it. */
struct rows *range_rows_open(const struct cli *cli);
void range_rows_add(struct rows *rows, const struct range_row *row);

/* Rows that are printed once all is done; what they point to is the caller's. */
struct range_list {
	struct range_row *list;
	size_t n;
	char **texts; /* that rows point to */
	size_t n_texts;
};

/* Adds a row.  The status, after a complaint. */
int range_list_append(struct range_list *list, const struct range_row *row);

/*
 * Adds what the last call of a transaction has done; owner: whose it is, NULL: as the
 * transaction has it; state: NULL: as the transaction has it.  The status, after a
 * complaint.
 */
int range_list_add(struct range_list *list, struct subid_txn *txn, const char *owner,
		   const char *state);
int range_list_print(const struct cli *cli, const struct range_list *list);
void range_list_free(struct range_list *list);
