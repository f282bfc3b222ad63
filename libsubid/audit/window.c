/* SPDX-License-Identifier: MIT */
/*
 * How full the windows of policy are.
 */
#include "libsubid/audit/private.h"

/* Fewer grants than this are worth telling. */
#define SLOTS_FEW 100

/* Everything that a grant would keep off. */
static int taken_ids(const struct subid_audit *audit, enum subid_kind kind,
		     struct subid_set *ret)
{
	const struct audit_table *view = &audit->tables[kind];
	const struct subid_live *live = audit->in->live;
	int r = subid_table_taken(view->table, ret);

	if (r == 0)
		r = subid_set_unite(ret, &view->accounts);
	/* few, into many */
	for (size_t i = 0; r == 0 && i < view->reservations.never.n; i++)
		r = subid_set_insert(ret, view->reservations.never.ranges[i]);
	for (size_t i = 1; r == 0 && live != NULL && i < live->n; i++)
		for (size_t j = 0; r == 0 && j < live->userns[i].maps[kind].n; j++)
			r = subid_set_insert(ret,
					     live->userns[i].maps[kind].lines[j].outside);
	return r;
}

int audit_measure_window(struct subid_audit *audit, enum subid_kind kind)
{
	const struct subid_window *window = &audit->in->policy->window[kind];
	struct subid_window_use *use = &audit->report->use[kind];
	struct id_range inside = id_range_between(window->min, (uint64_t)window->max + 1);
	auto_set struct subid_set taken = { .n = 0 }, whole = { .n = 0 };
	auto_set struct subid_set gaps = { .n = 0 };
	int r = taken_ids(audit, kind, &taken);

	if (r == 0)
		r = subid_set_insert(&whole, inside);
	if (r == 0)
		r = subid_set_subtract(&whole, &taken, &gaps);
	if (r < 0)
		return r;
	use->ids = inside.count;
	use->free = subid_set_size(&gaps);
	for (size_t i = 0; window->count > 0 && i < gaps.n; i++)
		use->slots += gaps.ranges[i].count / window->count;
	return 0;
}

int audit_find_window_filling(struct subid_audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_window *window = &audit->in->policy->window[kind];
		const struct subid_window_use *use = &audit->report->use[kind];
		const char *key = kind == SUBID_UID ? "UID" : "GID";
		struct subid_finding finding = {
			.kind = (int)kind,
			.range = id_range_between(window->min, (uint64_t)window->max + 1),
		};

		/* a window that cannot be meant is window-invalid's */
		if (window->count == 0 || use->slots >= SLOTS_FEW || use->ids == 0)
			continue;
		audit_report(
		    audit, &finding,
		    audit_text(audit,
			       "raise SUB_%s_MAX in login.defs, revoke what nobody"
			       " needs, or give held ids back with subid unhold",
			       key),
		    "there is room for %llu more grants of %u %ss in %u-%u, where"
		    " %llu of %llu ids are taken",
		    (unsigned long long)use->slots, window->count, subid_kind_name(kind),
		    window->min, window->max, (unsigned long long)(use->ids - use->free),
		    (unsigned long long)use->ids);
	}
	return 0;
}
