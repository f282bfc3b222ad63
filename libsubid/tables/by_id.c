/* SPDX-License-Identifier: MIT */
#include "libsubid/tables/tables.h"

#include <errno.h>
#include <stdlib.h>

struct subid_id_index_row {
	struct id_range range;
	uint64_t reach; /* the greatest end of this row and those before it */
	uint32_t entry;
};

static int compare_rows(const void *a, const void *b)
{
	const struct subid_id_index_row *x = a, *y = b;

	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

int subid_id_index_make(const struct subid_table *table, struct subid_id_index *ret)
{
	struct subid_id_index whose = { .table = table };
	uint64_t reach = 0;

	whose.rows = reallocarray(NULL, table->n + 1, sizeof(*whose.rows));
	if (whose.rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < table->n; i++)
		if (table->entries[i].range.count > 0)
			whose.rows[whose.n++] = (struct subid_id_index_row){
				.range = table->entries[i].range,
				.entry = (uint32_t)i,
			};
	qsort(whose.rows, whose.n, sizeof(*whose.rows), compare_rows);
	for (size_t i = 0; i < whose.n; i++) {
		if (id_range_end(whose.rows[i].range) > reach)
			reach = id_range_end(whose.rows[i].range);
		whose.rows[i].reach = reach;
	}
	*ret = whose;
	return 0;
}

void subid_id_index_free(struct subid_id_index *whose)
{
	free(whose->rows);
	*whose = (struct subid_id_index){ .n = 0 };
}

/* How many rows start at or before an id. */
static size_t count_before(const struct subid_id_index *whose, uint32_t id)
{
	size_t low = 0, high = whose->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (whose->rows[middle].range.start <= id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct subid_entry *subid_id_index_find(const struct subid_id_index *whose,
					      uint32_t id)
{
	const struct id_range one = { .start = id, .count = 1 };
	uint32_t first = UINT32_MAX;

	/* back to where no line reaches so far; at once, unless lines overlap */
	for (size_t i = count_before(whose, id); i-- > 0 && whose->rows[i].reach > id;)
		if (id_range_contains(whose->rows[i].range, one) &&
		    whose->rows[i].entry < first)
			first = whose->rows[i].entry;
	return first == UINT32_MAX ? NULL : &whose->table->entries[first];
}
