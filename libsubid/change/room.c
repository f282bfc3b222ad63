/* SPDX-License-Identifier: MIT */
/*
 * Why a window has no room: what is free of it, and which lines have most of it.
 */
#include <stdio.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"

/* So many lines are named, each with so many bytes at most. */
#define WIDEST	  3
#define WIDE_SIZE 400

/* For so many who are refused: each takes a pass over the table. */
#define WIDEST_GRANTS 10

/* The lines with most ids of a window, the first of them the widest; ids 0: no more. */
struct wide {
	const struct subid_entry *entry;
	uint32_t ids;
};

static void find_widest(const struct subid_table *table, struct id_range window,
			struct wide ret[WIDEST])
{
	for (size_t i = 0; i < WIDEST; i++)
		ret[i] = (struct wide){ .ids = 0 };
	for (size_t i = 0; i < table->n; i++) {
		struct wide wide = { .entry = &table->entries[i] };
		size_t at = WIDEST;

		wide.ids = id_range_common(wide.entry->range, window).count;
		while (at > 0 && wide.ids > ret[at - 1].ids) {
			if (at < WIDEST)
				ret[at] = ret[at - 1];
			at--;
		}
		if (at < WIDEST)
			ret[at] = wide;
	}
}

/* "/etc/subuid:1 (root, 1000000000 ids: a runtime's pool, to be kept)" */
static void describe(const struct subid_txn *txn, const struct subid_table *table,
		     const struct wide *wide, char *buf, size_t size)
{
	const char *owner = subid_table_owner(table, wide->entry), *what = "";
	char name[64];

	if (subid_owner_is_hold(owner, wide->entry->owner_len))
		what = ": held";
	else if (wide->entry->range.count > 1U << 24)
		what = ": a runtime's pool, to be kept";
	printable_copy(name, sizeof(name), owner, wide->entry->owner_len);
	(void)snprintf(buf, size, "%.200s/%s:%zu (%s, %u ids%s)", txn->sys->etc_name,
		       subid_kind_table(table->kind),
		       subid_table_line(table, wide->entry), name, wide->ids, what);
}

/* "; the widest lines in it: ..." */
static void name_widest(const struct subid_txn *txn, enum subid_kind kind,
			struct id_range window, char *buf, size_t size)
{
	const struct subid_table *table = &txn->tables[kind];
	struct wide widest[WIDEST];
	size_t len = 0;

	buf[0] = '\0';
	if (txn->n_grants > WIDEST_GRANTS)
		return;
	find_widest(table, window, widest);
	for (size_t i = 0; i < WIDEST && widest[i].ids > 0; i++) {
		char text[WIDE_SIZE];

		describe(txn, table, &widest[i], text, sizeof(text));
		len +=
		    (size_t)snprintf(buf + len, size - len, "%s%s",
				     i == 0 ? "; the widest lines in it: " : ", ", text);
	}
}

void room_explain(const struct subid_txn *txn, const char *name, enum subid_kind kind,
		  struct id_range window, uint32_t count, const char *bounds,
		  const char *source, struct subid_error *err)
{
	uint64_t free_ids = subid_txn_free_ids(txn, kind, window);
	char widest[WIDEST * (WIDE_SIZE + 30)];

	if (window.count == 0) {
		error_detail(err,
			     "%s: no id lies in %s: the first is greater than the"
			     " last: put it right in %s",
			     name, bounds, source);
		return;
	}
	if (free_ids == 0)
		(void)taken_explain(
		    txn, name, (struct subid_change){ .kind = kind, .range = window },
		    err);
	name_widest(txn, kind, window, widest, sizeof(widest));
	error_detail(err,
		     "%s: no gap of %u %ss in %s: %llu of %u are free, at most %llu"
		     " in one piece: widen it in %s, or give less (--count), or"
		     " 'subid unhold' what is held%s",
		     name, count, subid_kind_name(kind), bounds,
		     (unsigned long long)free_ids, window.count,
		     (unsigned long long)subid_txn_largest_gap(txn, kind, window), source,
		     widest);
}
