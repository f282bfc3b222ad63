/* SPDX-License-Identifier: MIT */
/*
 * Whose is an id?  Asked of a table often: for each process, or each file.
 */
#pragma once

#include "table.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A table's entries in the order of their ids; the table must live longer. */
struct subid_whose {
	const struct subid_table *table;
	struct subid_whose_row *rows; /* inside the library */
	size_t n;
};

/* Returns 0, and the caller releases *ret with subid_whose_free(); -ENOMEM. */
int subid_whose_make(const struct subid_table *table, struct subid_whose *ret);

void subid_whose_free(struct subid_whose *whose);

#define auto_whose __attribute__((cleanup(subid_whose_free)))

/* The first line that has an id, of those that authorise or hold; NULL: none. */
const struct subid_entry *subid_whose_find(const struct subid_whose *whose, uint32_t id);

#ifdef __cplusplus
}
#endif
