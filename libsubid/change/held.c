/* SPDX-License-Identifier: MIT */
/*
 * Is what is held free of whose it was?
 *
 * Ids are held because they were somebody's.  Threat: who had them may have a namespace
 * that still has them, of which the next grant sees nothing once no process is in it, or
 * have stopped a helper that is about to map them.  It is looked at first, while others
 * may have the locks: what is held is mapped by nobody anew.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"

int held_in(const struct subid_table *table, struct subid_set *ret)
{
	static const struct subid_owner_name holders[] = {
		{ SUBID_OWNER_RELEASED, sizeof(SUBID_OWNER_RELEASED) - 1 },
		{ SUBID_OWNER_RESERVED, sizeof(SUBID_OWNER_RESERVED) - 1 },
	};

	return subid_table_owned(table, holders, 2, ret);
}

/* Adds what of range is held in a table: one change for each piece. */
static int add_held(const struct subid_table *table, struct id_range range,
		    struct subid_change **ret, size_t *ret_n)
{
	auto_set struct subid_set held = { .n = 0 };
	int r = held_in(table, &held);

	return r == 0 ? changes_add_common(&held, table->kind, range, ret, ret_n) : r;
}

/* What is held: in the tables, and then in the store, which is not locked yet. */
struct held {
	struct subid_change *list;
	size_t n, n_lines;
};

static void held_free(struct held *held)
{
	free(held->list);
}

#define auto_held __attribute__((cleanup(held_free)))

static int find_held(const struct subid_txn *txn, const struct subid_request *request,
		     struct held *ret)
{
	auto_store struct store store = { .fd = -1 };
	unsigned int kinds = request_kinds(request);
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set granted = { .n = 0 };

		if (txn->users == NULL || (kinds & (1U << kind)) == 0)
			continue;
		r = add_held(&txn->tables[kind], request->range, &ret->list, &ret->n);
		/* what is about to be taken back, perhaps */
		if (r == 0 && request_has(request, SUBID_PREPARE))
			r = subid_table_granted(&txn->tables[kind], &granted);
		if (r == 0)
			r = changes_add_common(&granted, kind, request->range, &ret->list,
					       &ret->n);
	}
	ret->n_lines = ret->n;
	if (r == 0)
		r = store_find(txn->sys, &store);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_table struct subid_table table = { .kind = kind };

		if ((kinds & (1U << kind)) == 0 || !store_exists(&store))
			continue;
		r = store_load(&store, kind, subid_kind_table(kind), &table);
		if (r == 0)
			r = add_held(&table, request->range, &ret->list, &ret->n);
	}
	return r;
}

/* What has come to be held since, nobody has looked at. */
static int check_seen(const struct subid_txn *txn, const struct subid_request *request,
		      const struct held *seen, struct subid_error *err)
{
	auto_held struct held held = { .n = 0 };
	int r = find_held(txn, request, &held);

	if (r < 0)
		return error_errno(err, request->owner, r);
	if (changes_are_known(&(struct subid_changes){ held.list, held.n },
			      &(struct subid_changes){ seen->list, seen->n }))
		return 0;
	return error_plain(err, -EAGAIN,
			   "%s: more of these ids were taken back at the same moment:"
			   " nothing was changed: try again",
			   request->owner);
}

/* Whose the lines are that have ids of former leases, if they are one user's: a rootless
 * session has all of its user's ids. */
static uint32_t session_of(struct subid_txn *txn, const struct subid_sets *ids)
{
	uint32_t uid = geteuid() == 0 ? SUBID_ID_NONE : getuid();

	for (enum subid_kind kind = 0; txn->users != NULL && kind < SUBID_KINDS; kind++)
		for (size_t i = 0; i < txn->tables[kind].n; i++) {
			const struct subid_entry *line = &txn->tables[kind].entries[i];
			const char *text = subid_table_owner(&txn->tables[kind], line);
			auto_free char *name = NULL;
			auto_owner struct subid_owner owner = { .has_account = false };

			if (line->range.count == 0 ||
			    !subid_set_meets(&ids->of[kind], line->range, NULL))
				continue;
			name = strndup(text, line->owner_len);
			if (name == NULL || known_owner(txn, name, &owner) != 0 ||
			    (uid != SUBID_ID_NONE && uid != owner.uid))
				return SUBID_ID_NONE;
			uid = owner.uid;
		}
	return uid;
}

/* What was held in the tables is in use by whatever maps it; of what containers had, the
 * session of its owner is no use. */
static int check_held(struct uses_look *look, const struct held *held,
		      struct subid_error *err)
{
	const struct subid_changes lines = { held->list, held->n_lines };
	const struct subid_changes leases = { held->list + held->n_lines,
					      held->n - held->n_lines };
	auto_sets struct subid_sets ids = { .of = { { .n = 0 } } };
	int r = lines.n > 0 ? uses_check(look, &lines, err) : 0;

	if (r != 0 || leases.n == 0)
		return r;
	r = uses_sets(&leases, &ids);
	if (r < 0)
		return error_errno(err, look->name, r);
	look->session = session_of(look->txn, &ids);
	return uses_check(look, &leases, err);
}

int held_check(struct subid_txn *txn, const struct subid_request *request,
	       struct subid_error *err)
{
	struct uses_look look = uses_look_of(txn, request->owner, SUBID_ID_NONE, true);
	struct subid_error warning = { .size = sizeof(warning) }, *to = err;
	auto_held struct held held = { .n = 0 };
	struct subid_changes seen;
	bool has_store;
	int r;

	(void)txn_unlock(txn);
	look.always = true;
	look.forced = request_has(request, SUBID_FORCE);
	if (look.forced)
		to = &warning;
	r = system_proc(txn->sys, to);
	if (r != 0 || !txn->sys->host)
		return r != 0 && !look.forced ? r : txn_lock_tables(txn, err);
	r = find_held(txn, request, &held);
	if (r < 0)
		return error_errno(err, request->owner, r);
	seen = (struct subid_changes){ held.list, held.n };
	if (!prepared_find(txn, request, &seen, &has_store, to, &r))
		r = check_held(&look, &held, to);
	if (request_has(request, SUBID_PREPARE))
		return prepared_keep(txn, request, &seen, false, r, to) < 0
			   ? error_memory(err)
			   : r;
	if (look.forced)
		r = uses_overridden(txn->sys, r, to);
	if (r == 0)
		r = txn_lock_tables(txn, err);
	return r == 0 && !look.forced ? check_seen(txn, request, &held, err) : r;
}
