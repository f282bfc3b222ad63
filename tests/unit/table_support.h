/* SPDX-License-Identifier: MIT */
/*
 * What the tests of tables share: a table from text and back, and an owner's entries.
 */
#pragma once

#include "libsubid/tables/tables.h"
#include "set_support.h"
#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static inline void load(int etc, const char *text, struct subid_table *ret)
{
	put_file(etc, "subuid", text);
	assert_int_equal(subid_table_load(etc, SUBID_UID, ret), 0);
}

/* Where a table is printed to. */
struct paper {
	char text[8192];
	size_t len;
	size_t calls_left; /* until it is full; 0: never */
};

static inline int write_on(void *data, const void *bytes, size_t size)
{
	struct paper *paper = data;

	if (paper->calls_left > 0 && --paper->calls_left == 0)
		return -ENOSPC;
	assert_true(size > 0);
	assert_true(paper->len + size < sizeof(paper->text));
	memcpy(paper->text + paper->len, bytes, size);
	paper->len += size;
	paper->text[paper->len] = '\0';
	return 0;
}

static inline const char *print(const struct subid_table *table)
{
	static struct paper paper;

	paper = (struct paper){ .len = 0 };
	assert_int_equal(subid_table_print(table, write_on, &paper), 0);
	return paper.text;
}

static inline void cut_all(struct subid_table *table, const char *owner,
			   struct id_range cut)
{
	size_t len = strlen(owner);

	for (size_t i = subid_table_first(table, owner, len); i < table->n;
	     i = subid_table_after(table, i))
		assert_int_equal(subid_table_cut(table, i, cut), 0);
}

/* The walk's answers as one number that does not depend on their order. */
static inline uint64_t walk(const struct subid_table *table, const char *owner,
			    size_t *ret_n)
{
	uint64_t sum = 0;

	*ret_n = 0;
	for (size_t i = subid_table_first(table, owner, strlen(owner)); i < table->n;
	     i = subid_table_after(table, i)) {
		assert_memory_equal(subid_table_owner(table, &table->entries[i]), owner,
				    strlen(owner));
		assert_int_equal(table->entries[i].owner_len, strlen(owner));
		sum += ((uint64_t)i + 1) * 1000003 * (i + 7);
		(*ret_n)++;
	}
	return sum;
}
