/* SPDX-License-Identifier: MIT */
/*
 * What several rules need, made from the input once: the lines that are no entries,
 * and each account's lines together.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"

struct subid_finding audit_at_entry(const struct subid_audit *audit, enum subid_kind kind,
				    size_t entry)
{
	const struct subid_table *table = audit->in->tables[kind];
	const struct subid_entry *e = &table->entries[entry];

	return (struct subid_finding){
		.kind = (int)kind,
		.file = subid_kind_table(kind),
		.line = subid_table_line(table, e),
		.owner = { subid_table_owner(table, e), e->owner_len },
		.range = e->range,
	};
}

static int view_odd_lines(struct audit_table *view)
{
	const struct subid_table *table = view->table;
	struct audit_odd *odd = calloc(table->n_malformed + 1, sizeof(*odd));

	if (odd == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < table->n_malformed; i++) {
		size_t pos = table->malformed_lines[i];

		(void)subid_text_next(&table->text, &pos, &odd[i].text, &odd[i].len);
		odd[i].line = subid_table_malformed_line(table, i);
		odd[i].faults = audit_line_faults(odd[i].text, odd[i].len);
	}
	view->odd = odd;
	view->n_odd = table->n_malformed;
	return 0;
}

/* Puts each account's entries together, by counting. */
static int group_entries(struct subid_audit *audit, struct audit_table *view)
{
	size_t n = view->table->n;
	uint32_t at = 0;

	view->order = reallocarray(NULL, n + 1, sizeof(*view->order));
	view->begin = calloc(audit->n_owners + 2, sizeof(*view->begin));
	if (view->order == NULL || view->begin == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		view->begin[audit->owners[view->owner[i]].same + 2]++;
	for (size_t i = 2; i < audit->n_owners + 2; i++)
		view->begin[i] = at += view->begin[i];
	/* where each begins now stands one place too far, and moves as it fills */
	for (size_t i = 0; i < n; i++)
		view->order[view->begin[audit->owners[view->owner[i]].same + 1]++] =
		    (uint32_t)i;
	return 0;
}

static void count_use(struct subid_audit *audit, enum subid_kind kind)
{
	const struct audit_table *view = &audit->tables[kind];
	struct subid_window_use *use = &audit->report->use[kind];

	if (kind == SUBID_GID && audit->alike) {
		const struct subid_window_use *uid = &audit->report->use[SUBID_UID];

		use->lines = uid->lines;
		use->held = uid->held;
		use->granted = uid->granted;
		use->grants = uid->grants;
		return;
	}
	use->lines = view->table->n + view->table->n_malformed;
	for (size_t i = 0; i < view->table->n; i++) {
		bool hold = audit->owners[view->owner[i]].hold;

		*(hold ? &use->held : &use->granted) +=
		    view->table->entries[i].range.count;
		use->grants += !hold;
	}
}

static const struct subid_table empty_tables[SUBID_KINDS] = {
	{ .kind = SUBID_UID },
	{ .kind = SUBID_GID },
};

static int make_views_of_table(struct subid_audit *audit, enum subid_kind kind)
{
	struct audit_table *view = &audit->tables[kind];
	int r = view_odd_lines(view);

	if (r == 0 && kind == SUBID_GID && audit->alike) {
		view->order = audit->tables[SUBID_UID].order;
		view->begin = audit->tables[SUBID_UID].begin;
	} else if (r == 0) {
		r = group_entries(audit, view);
	}
	if (r == 0)
		r = subid_users_taken(audit->in->users, kind, &view->accounts);
	for (size_t i = 0; r == 0 && i < view->accounts.n && !view->meets_accounts; i++)
		view->meets_accounts =
		    subid_set_meets(&view->table->ids, view->accounts.ranges[i], NULL);
	if (r == 0)
		r = subid_reservations_list(audit->in->policy, audit->in->conf, kind,
					    &view->reservations);
	if (r == 0)
		r = audit_find_overlaps(audit, view);
	if (r == 0)
		r = audit_measure_window(audit, kind);
	if (r == 0)
		count_use(audit, kind);
	return r;
}

static bool is_alike(const struct subid_table *a, const struct subid_table *b)
{
	return a == b ||
	       (a->text.size == b->text.size && a->text.size > 0 && a->n == b->n &&
		memcmp(a->text.bytes, b->text.bytes, a->text.size) == 0);
}

int audit_make_views(struct subid_audit *audit)
{
	int r;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_table *table = audit->in->tables[kind];

		audit->tables[kind].table = table == NULL ? &empty_tables[kind] : table;
	}
	audit->alike =
	    is_alike(audit->tables[SUBID_UID].table, audit->tables[SUBID_GID].table);
	r = audit_find_owners(audit);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = make_views_of_table(audit, kind);
	return r;
}

void audit_free_views(struct subid_audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct audit_table *view = &audit->tables[kind];

		if (kind == SUBID_UID || !audit->alike) {
			free(view->owner);
			free(view->order);
			free(view->begin);
		}
		free(view->odd);
		free(view->overlaps);
		subid_set_free(&view->accounts);
		subid_reservations_free(&view->reservations);
	}
	free(audit->owners);
	audit->owners = NULL;
}
