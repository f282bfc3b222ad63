/* SPDX-License-Identifier: MIT */
/*
 * Lines that hold ids for nobody: those that adjoin are one line.
 */
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

/* Takes the entries of holder that lie in lines, sorted, out of the table. */
static int take_out(struct subid_table *table, const char *holder,
		    const struct subid_set *lines)
{
	size_t len = strlen(holder);
	int r = 0;

	for (size_t i = subid_table_first(table, holder, len); r == 0 && i < table->n;
	     i = subid_table_after(table, i)) {
		struct id_range held = table->entries[i].range;

		if (subid_set_meets(lines, held, NULL))
			r = subid_table_cut(table, i, held);
	}
	return r;
}

/*
 * Of held ids, sorted, those that adjoin become one line.  All at once: to look for these
 * with each range would take lines times ranges.
 */
static int join_lines(struct subid_table *table, const char *holder,
		      const struct subid_set *ids)
{
	const struct subid_owner_name spelling = { holder, strlen(holder) };
	auto_set struct subid_set all = { .ranges = NULL }, lines = { .ranges = NULL };
	bool known = table->shared_known;
	int r = subid_table_owned(table, &spelling, 1, &all);

	for (size_t i = 0; r == 0 && i < all.n; i++)
		if (subid_set_meets(ids, all.ranges[i], NULL))
			r = subid_set_add(&lines, all.ranges[i]);
	if (r == 0)
		r = take_out(table, holder, &lines);
	for (size_t i = 0; r == 0 && i < lines.n; i++)
		r = subid_table_add(table, holder, spelling.len, lines.ranges[i]);
	table->shared_known = known;
	return r;
}

/* Adds lines for ids that no entry has. */
static int add_lines(struct subid_table *table, const char *holder,
		     const struct subid_set *ids)
{
	bool known = table->shared_known;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ids->n; i++)
		r = subid_table_add(table, holder, strlen(holder), ids->ranges[i]);
	table->shared_known = known;
	return r;
}

int holds_add(struct subid_table *table, const char *holder, const struct subid_set *ids)
{
	int r = add_lines(table, holder, ids);

	return r == 0 ? join_lines(table, holder, ids) : r;
}

/* Ids that rest: of many owners, whose tables have an index, they are joined in the end,
 * for that takes as long as all lines that hold some. */
int holds_rest(struct subid_txn *txn, enum subid_kind kind, const struct subid_set *ids)
{
	struct subid_table *table = &txn->tables[kind];
	int r = 0;

	if (table->buckets == NULL)
		return holds_add(table, SUBID_OWNER_RELEASED, ids);
	for (size_t i = 0; r == 0 && i < ids->n; i++)
		r = subid_set_add(&txn->unjoined.of[kind], ids->ranges[i]);
	return r == 0 ? add_lines(table, SUBID_OWNER_RELEASED, ids) : r;
}

int holds_join(struct subid_txn *txn)
{
	int r = 0;

	subid_sets_sort(&txn->unjoined);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if (txn->unjoined.of[kind].n > 0)
			r = join_lines(&txn->tables[kind], SUBID_OWNER_RELEASED,
				       &txn->unjoined.of[kind]);
	subid_sets_free(&txn->unjoined);
	return r;
}
