/* SPDX-License-Identifier: MIT */
/*
 * Leases, and what the ledger says of containers and stores that had some.
 *
 * Threat: the files of a container stay when its lease is lost, by an editor or a backup
 * that was restored.  The next container that had the ids would have these, too.  So no
 * lease has unasked what another had once and did not give back.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

static bool is_container(const struct subid_lease_request *request,
			 const struct ledger_entry *entry)
{
	const struct subid_owner_name *owner = &entry->owner;
	const char *name = lease_name_of(request->owner, owner->text, owner->len);

	return name != NULL &&
	       strlen(request->name) == owner->len - (size_t)(name - owner->text) &&
	       memcmp(request->name, name, strlen(request->name)) == 0;
}

/* --- what others had -----------------------------------------------------------------
 */

/* All of the ledger is needed now.  0; SUBID_ABSENT: it cannot be relied on; -errno. */
static int read_ledger(struct subid_txn *txn)
{
	if (!txn->options.ledger || txn->history.why != 0)
		return SUBID_ABSENT;
	return ledger_read(&txn->history.ledger, true);
}

/* What the container left itself; nothing if that is not known. */
static int find_own_left(struct subid_txn *txn, const struct subid_lease_request *request,
			 enum subid_kind kind, struct subid_set *ret)
{
	const struct ledger_list *ledger = history_known(txn, kind);
	int r = request->own_left ? read_ledger(txn) : SUBID_ABSENT;

	if (r != 0)
		return r < 0 ? r : 0;
	for (size_t i = 0; r == 0 && i < ledger->n; i++)
		if (ledger->entries[i].state == LEDGER_LEFT &&
		    is_container(request, &ledger->entries[i]))
			r = subid_set_add(ret, ledger->entries[i].range);
	return r;
}

int lease_left_add(struct subid_txn *txn, const struct subid_lease_request *request,
		   enum subid_kind kind, struct subid_set *ret)
{
	auto_set struct subid_set own = { .n = 0 }, left = { .n = 0 };
	int r;

	if (!txn->options.ledger || request->reuse_left || request->range.count > 0)
		return 0;
	r = find_own_left(txn, request, kind, &own);
	if (r < 0 || own.n == 0)
		return r < 0 ? r : subid_set_unite(ret, &txn->history.seen.of[kind]);
	r = subid_set_subtract(&txn->history.seen.of[kind], &own, &left);
	return r == 0 ? subid_set_unite(ret, &left) : r;
}

int lease_left_check(struct subid_txn *txn, const struct subid_lease_request *request,
		     enum subid_kind kind, struct id_range range)
{
	const struct ledger_list *ledger = history_known(txn, kind);
	int r;

	if (!txn->options.ledger || request->reuse_left ||
	    !subid_set_meets(&txn->history.seen.of[kind], range, NULL))
		return 0;
	r = read_ledger(txn);
	if (r != 0)
		return r < 0 ? r : SUBID_TAKEN;
	for (size_t i = ledger_find(ledger, range.start);
	     i < ledger->n && id_range_overlaps(ledger->entries[i].range, range); i++)
		if (ledger->entries[i].state == LEDGER_LEFT &&
		    !is_container(request, &ledger->entries[i]))
			return SUBID_TAKEN;
	return 0;
}

#define NAMED_MAX 5

size_t lease_left_explain(const struct subid_txn *leases, const char *what,
			  enum subid_kind kind, struct id_range range,
			  struct subid_error *err)
{
	const struct ledger_list *ledger = history_known(leases, kind);
	const struct subid_set *taken = &leases->taken.of[kind];
	size_t n = 0;

	for (size_t i = ledger_find(ledger, range.start);
	     n < NAMED_MAX && i < ledger->n &&
	     id_range_overlaps(ledger->entries[i].range, range);
	     i++) {
		struct id_range ids = id_range_common(ledger->entries[i].range, range);
		struct rests_text rests;

		if (ledger->entries[i].state != LEDGER_LEFT)
			continue;
		rests_print(leases, kind, ids, &rests);
		n++;
		if (subid_set_meets(taken, ids, NULL))
			error_detail(err,
				     "%s: %s %u-%llu: %s, and they are held: %s'subid"
				     " unhold %u:%u' to any container",
				     what, subid_kind_name(kind), ids.start,
				     (unsigned long long)id_range_end(ids) - 1, rests.had,
				     rests.restore, ids.start, ids.count);
		else
			error_detail(err,
				     "%s: %s %u-%llu: %s, and its files may have them"
				     " still: %s--reuse-left gives them all the same",
				     what, subid_kind_name(kind), ids.start,
				     (unsigned long long)id_range_end(ids) - 1, rests.had,
				     rests.restore);
	}
	return n;
}

/* --- what a container had -------------------------------------------------------------
 */

/* Takes the ids out of the lines that hold them since they were released. */
int restore_from_hold(struct subid_txn *txn, enum subid_kind kind,
		      const struct subid_set *ids)
{
	const char *holder = SUBID_OWNER_RELEASED;
	struct subid_table *table = &txn->tables[kind];
	const struct subid_event event = {
		.action = SUBID_UNHOLD,
		.owner = holder,
		.owner_len = strlen(holder),
		.uid = SUBID_NO_UID,
	};
	int r = 0;

	for (size_t i = subid_table_first(table, holder, strlen(holder));
	     r == 0 && i < table->n; i = subid_table_after(table, i)) {
		struct id_range held;

		/* what is left above a cut is a new line, which is met later */
		while (r == 0 && subid_set_meets(ids, table->entries[i].range, &held)) {
			r = subid_table_cut(table, i, held);
			if (r == 0)
				r = subid_txn_record(txn, &event, kind, held);
		}
	}
	return r;
}

int lease_former(struct subid_txn *leases, const struct subid_lease_request *request,
		 struct subid_sets *ret)
{
	int r = history_refuses(leases);

	if (r == 0)
		r = read_ledger(leases);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		const struct ledger_list *ledger = history_known(leases, kind);

		for (size_t i = 0; r == 0 && i < ledger->n; i++) {
			const struct ledger_entry *entry = &ledger->entries[i];
			struct id_range ids =
			    request->range.count == 0
				? entry->range
				: id_range_common(entry->range, request->range);

			if ((request->kinds & (1U << kind)) != 0 && ids.count > 0 &&
			    entry->state != LEDGER_HAS && is_container(request, entry))
				r = subid_set_add(&ret->of[kind], ids);
		}
	}
	subid_sets_sort(ret);
	if (r == 0 && subid_sets_empty(ret))
		return SUBID_ABSENT;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		r = restore_from_hold(leases, kind, &ret->of[kind]);
		subid_set_free(&leases->taken.of[kind]);
		if (r == 0)
			r = subid_table_taken(&leases->tables[kind],
					      &leases->taken.of[kind]);
	}
	return r;
}
