/* SPDX-License-Identifier: MIT */
/*
 * Which ids are taken, by entries and by what other readers make of other lines; and
 * the line that says so.
 */
#include "libsubid/tables/tables.h"

int subid_table_granted(const struct subid_table *table, struct subid_set *ret)
{
	struct id_range run = { .count = 0 };
	int r = 0;

	if (!table->stale)
		return subid_set_unite(ret, &table->ids);
	for (size_t i = 0; r == 0 && i < table->n; i++)
		r = scan_add(ret, &run, table->entries[i].range);
	if (r == 0)
		r = subid_set_add(ret, run);
	if (r == 0)
		subid_set_sort(ret);
	return r;
}

int subid_table_taken(const struct subid_table *table, struct subid_set *ret)
{
	int r = subid_table_granted(table, ret);

	return r == 0 ? subid_set_unite(ret, &table->malformed) : r;
}

/* How many ids of r some reader takes from the line, at most. */
static uint32_t read_into(const char *line, size_t len, struct id_range r)
{
	struct id_range readings[SUBID_READINGS_MAX];
	size_t n = subid_line_readings(line, len, readings);
	uint32_t most = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t common = id_range_common(readings[i], r).count;

		most = common > most ? common : most;
	}
	return most;
}

size_t subid_table_who_has(const struct subid_table *table, struct id_range r,
			   const char **ret_text, size_t *ret_len)
{
	size_t pos = 0, len, found = 0;
	uint32_t most = 0;
	const char *line;

	for (size_t number = 1; subid_text_next(&table->text, &pos, &line, &len);
	     number++) {
		uint32_t n = read_into(line, len, r);

		if (n <= most)
			continue;
		most = n;
		found = number;
		*ret_text = line;
		*ret_len = len;
	}
	return found;
}
