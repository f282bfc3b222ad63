/* SPDX-License-Identifier: MIT */
/*
 * What a plan may grant.
 *
 * Threat: ids that no line has need not be nobody's: a container runs with them or rests,
 * or the files of whoever had them are still there.  A grant looks at all that and is
 * refused; so a plan that names it ends there, and what comes after it is not done.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

/* --- what is in use ------------------------------------------------------------------
 */

/* With an id of processes outside of all namespaces nobody is to get what they own. */
static int add_processes(const struct subid_live *live, struct subid_sets *busy)
{
	int r = 0;

	for (size_t i = 0; r == 0 && live->n > 0 && i < live->userns[0].n; i++) {
		const struct subid_live_process *process =
		    &live->processes[live->userns[0].first + i];
		const uint32_t ids[SUBID_KINDS] = { process->uid, process->gid };

		for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
			if (ids[kind] != SUBID_ID_NONE)
				r = subid_set_add(&busy->of[kind],
						  (struct id_range){ ids[kind], 1 });
	}
	return r;
}

void audit_free_busy(struct subid_sets *busy)
{
	if (busy != NULL)
		subid_sets_free(busy);
	free(busy);
}

/* Made when it is first asked for.  NULL when out of memory. */
static const struct subid_sets *find_busy(struct audit *audit)
{
	const struct audit_input *in = audit->in;
	struct subid_sets *busy = audit->busy;
	int r = 0;

	if (busy != NULL)
		return busy;
	busy = audit->busy = calloc(1, sizeof(*busy));
	if (busy == NULL)
		r = -ENOMEM;
	if (r == 0 && in->live != NULL)
		r = add_processes(in->live, busy);
	if (r == 0)
		subid_sets_sort(busy);
	if (r == 0 && in->live != NULL)
		r = subid_live_in_use(-1, in->live, SUBID_ID_NONE, busy);
	if (r == 0 && in->leased != NULL)
		r = subid_sets_unite(busy, in->leased);
	if (r < 0)
		audit->error = r;
	return r < 0 ? NULL : busy;
}

/* --- whose ids were ------------------------------------------------------------------
 */

static bool was_anothers(const struct audit *audit, enum subid_kind kind, uint32_t uid,
			 struct id_range range)
{
	const struct ledger_list *list;

	if (audit->in->ledger == NULL)
		return false;
	list = &audit->in->ledger->of[kind];
	for (size_t i = ledger_find(list, range.start);
	     i < list->n && id_range_overlaps(list->entries[i].range, range); i++)
		if (list->entries[i].state != LEDGER_CLEARED &&
		    !audit_is_name_of(audit, list->entries[i].owner, uid))
			return true;
	return false;
}

/* What the ledger has not seen yet: lines of before the last change. */
static bool is_in_backup(const struct audit *audit, enum subid_kind kind, uint32_t uid,
			 struct id_range range)
{
	const struct subid_table *backup = audit->in->backups[kind];

	if (backup == NULL || !subid_set_meets(&backup->ids, range, NULL))
		return false;
	for (size_t i = 0; i < backup->n; i++) {
		const struct subid_entry *entry = &backup->entries[i];
		struct subid_owner_name name = { subid_table_owner(backup, entry),
						 entry->owner_len };

		if (id_range_overlaps(entry->range, range) &&
		    !subid_owner_is_hold(name.text, name.len) &&
		    !audit_is_name_of(audit, name, uid))
			return true;
	}
	return false;
}

/* --- and whether they may be given ----------------------------------------------------
 */

static bool exists_here(struct audit *audit, enum subid_kind kind, struct id_range range)
{
	auto_set struct subid_set here = { .n = 0 };
	int r = audit_ids_here(audit, kind, &here);

	if (r < 0)
		audit->error = r;
	return r != 0 || subid_set_contains(&here, range);
}

bool audit_is_free(struct audit *audit, enum subid_kind kind, size_t owner,
		   struct id_range range)
{
	const struct audit_table *view = &audit->tables[kind];
	uint32_t uid = audit->owners[owner].uid;
	const struct subid_sets *busy;

	if (!id_range_contains(subid_window_range(&audit->in->policy->window[kind]),
			       range) ||
	    !exists_here(audit, kind, range))
		return false;
	if (subid_set_meets(&view->reservations.never, range, NULL) ||
	    subid_set_meets(&view->reservations.pools, range, NULL) ||
	    subid_set_meets(&view->table->ids, range, NULL) ||
	    subid_set_meets(&view->table->malformed, range, NULL) ||
	    subid_set_meets(&view->accounts, range, NULL) ||
	    was_anothers(audit, kind, uid, range) ||
	    is_in_backup(audit, kind, uid, range))
		return false;
	busy = find_busy(audit);
	return busy != NULL && !subid_set_meets(&busy->of[kind], range, NULL);
}
