/* SPDX-License-Identifier: MIT */
/*
 * The owners of a table's entries by id, for many look-ups.
 *
 * The entries are sorted by their first id, and are a balanced tree: the middle one is
 * the root, and knows how far it and all beneath it reach.  So a look-up costs the depth
 * of the tree and what it finds, also where one line has the ids of all the others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"

struct subid_id_index_row {
	struct id_range range;
	uint64_t reach; /* the greatest end beneath it in the tree, and its own */
	uint32_t entry;
};

static int compare_rows(const void *a, const void *b)
{
	const struct subid_id_index_row *x = a, *y = b;

	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Sets reach in the tree of the rows from low on, before high.  As deep as log n. */
static uint64_t set_reach(struct subid_id_index_row *rows, size_t low, size_t high)
{
	size_t middle = low + (high - low) / 2;
	uint64_t below;

	if (low == high)
		return 0;
	below = greater(set_reach(rows, low, middle), set_reach(rows, middle + 1, high));
	rows[middle].reach = greater(below, id_range_end(rows[middle].range));
	return rows[middle].reach;
}

int subid_id_index_make(const struct subid_table *table, struct subid_id_index *ret)
{
	struct subid_id_index index = { .table = table };

	index.rows = reallocarray(NULL, table->n + 1, sizeof(*index.rows));
	if (index.rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < table->n; i++)
		if (table->entries[i].range.count > 0)
			index.rows[index.n++] = (struct subid_id_index_row){
				.range = table->entries[i].range,
				.entry = (uint32_t)i,
			};
	qsort(index.rows, index.n, sizeof(*index.rows), compare_rows);
	(void)set_reach(index.rows, 0, index.n);
	*ret = index;
	return 0;
}

const struct subid_set *subid_table_shared(struct subid_table *table)
{
	struct subid_id_index index;
	struct id_range before = { .count = 0 };
	int r;

	if (table->shared_known)
		return &table->shared;
	subid_set_free(&table->shared);
	r = subid_id_index_make(table, &index);
	if (r < 0)
		return NULL;
	for (size_t i = 0; r == 0 && i < index.n; i++) {
		struct id_range range = index.rows[i].range;

		/* before: of those so far, the one that reaches farthest */
		r = subid_set_add(&table->shared, id_range_common(before, range));
		if (id_range_end(range) > id_range_end(before))
			before = range;
	}
	subid_id_index_free(&index);
	subid_set_sort(&table->shared);
	table->shared_known = r == 0;
	return r == 0 ? &table->shared : NULL;
}

void subid_id_index_free(struct subid_id_index *index)
{
	free(index->rows);
	*index = (struct subid_id_index){ .n = 0 };
}

/* What has an id: the first, or all. */
struct found {
	uint32_t id;
	uint32_t first; /* in the table; UINT32_MAX: none */
	bool all;
	uint32_t *list;
	size_t n;
	int error;
};

static void note(struct found *found, uint32_t entry)
{
	if (entry < found->first)
		found->first = entry;
	if (!found->all || found->error < 0)
		return;
	found->error = array_grow(&found->list, found->n, sizeof(*found->list));
	if (found->error == 0)
		found->list[found->n++] = entry;
}

/* In the tree of the rows from low on, before high. */
static void find(const struct subid_id_index *index, size_t low, size_t high,
		 struct found *found)
{
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct subid_id_index_row *row = &index->rows[middle];

		if (row->reach <= found->id)
			return;
		find(index, low, middle, found);
		if (row->range.start > found->id)
			return;
		if (id_range_end(row->range) > found->id)
			note(found, row->entry);
		low = middle + 1;
	}
}

const struct subid_entry *subid_id_index_find(const struct subid_id_index *index,
					      uint32_t id)
{
	struct found found = { .id = id, .first = UINT32_MAX };

	find(index, 0, index->n, &found);
	return found.first == UINT32_MAX ? NULL : &index->table->entries[found.first];
}

static int compare_entries(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

int subid_id_index_all(const struct subid_id_index *index, uint32_t id, uint32_t **ret,
		       size_t *ret_n)
{
	struct found found = { .id = id, .first = UINT32_MAX, .all = true };

	find(index, 0, index->n, &found);
	if (found.error < 0) {
		free(found.list);
		return found.error;
	}
	if (found.n > 1)
		qsort(found.list, found.n, sizeof(*found.list), compare_entries);
	*ret = found.list;
	*ret_n = found.n;
	return 0;
}
