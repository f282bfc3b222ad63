/* SPDX-License-Identifier: MIT */
/*
 * A table for people on a terminal: it is gathered, and then printed with columns as wide
 * as what is in them.
 */
#pragma once

#include "tools/subid/rows.h"

struct rows_table; /* opaque; keeps columns */

/* pairs: a column whose cells are "uid" and "gid", of which two rows that agree in all
 * else become one; SIZE_MAX: none.  NULL: out of memory. */
struct rows_table *rows_table_new(const struct cli *cli,
				  const struct rows_column *columns, size_t n,
				  size_t pairs);

void rows_table_free(struct rows_table *table);

/* Adds a row, see rows_add().  0 or -ENOMEM. */
int rows_table_add(struct rows_table *table, const struct rows_cell *cells,
		   size_t parent);

/* The colour of a state's word, or "": what one should look at, and what is well. */
const char *rows_table_tone(const struct cli *cli, const char *text, size_t len);

/* Prints columns[shown[0]], ...: n of them, by a pager.  headings: a line with theirs. */
void rows_table_print(struct rows_table *table, const size_t *shown, size_t n,
		      bool headings);
