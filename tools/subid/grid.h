/* SPDX-License-Identifier: MIT */
/*
 * Rows of text on standard output: a table for people on a terminal, with headings and
 * a tree; plain columns otherwise, one blank between them; an array of objects with
 * --json; nothing with --quiet.
 */
#pragma once

#include "tools/subid/cli.h"

struct grid_column {
	const char *heading; /* NULL: only in JSON */
	const char *member;  /* of the JSON objects */
	bool number;
	bool tree; /* on a terminal, lines lead to it from the parent row's */
};

#define GRID_NO_PARENT SIZE_MAX

struct grid; /* keeps cli and columns */

/* array: the JSON object's one member.  NULL for want of memory. */
struct grid *grid_open(const struct cli *cli, const char *array,
		       const struct grid_column *columns, size_t n);

/*
 * Adds a row: a cell for each column, NULL for one that is not known.  They are any
 * bytes, and escaped.  parent: which row, from 0, or GRID_NO_PARENT.
 */
void grid_row(struct grid *grid, const char *const *cells, size_t parent);

/* The status, after a complaint if it is not EXIT_DONE. */
int grid_close(struct grid *grid);
