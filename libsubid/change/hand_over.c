/* SPDX-License-Identifier: MIT */
/*
 * The same ids for somebody: for the owner that had them, or for another in its stead.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/live/live.h"

static struct subid_event event_of(enum subid_action action,
				   const struct subid_owner *owner)
{
	return (struct subid_event){
		.action = action,
		.owner = owner->spellings[0].text,
		.owner_len = owner->spellings[0].len,
		.uid = owner->has_account ? owner->uid : SUBID_NO_UID,
	};
}

/* May the site's policy never give this owner anything?  0, or explained. */
static int check_policy(struct subid_txn *txn, const char *name,
			const struct subid_owner *owner, struct subid_error *err)
{
	const struct grant_request asked = { .owner = owner, .kinds = SUBID_BOTH_KINDS };
	struct subid_decision decision;
	int r = subid_txn_decide(txn, owner, &decision);

	if (r < 0)
		return error_errno(err, name, r);
	if (decision.verdict == SUBID_VERDICT_NEVER)
		return grant_refused(txn, name, &asked, SUBID_FORBIDDEN, err);
	if (subid_txn_check_owner(txn, owner) != 0)
		return grant_refused(txn, name, &asked, SUBID_INVALID, err);
	return 0;
}

static int check_begun(const struct subid_txn *txn, struct subid_error *err)
{
	if (txn->users != NULL && txn->options.ledger)
		return 0;
	return error_plain(err, -EINVAL, "this transaction is begun for leases alone");
}

/* --- restore --------------------------------------------------------------------------
 */

/* What the owner had once, of range, and has no more. */
static int find_former(const struct subid_txn *txn, const struct subid_owner *owner,
		       enum subid_kind kind, struct id_range range, struct subid_set *ret)
{
	const struct ledger_list *ledger = history_known(txn, kind);
	auto_set struct subid_set had = { .n = 0 }, has = { .n = 0 };
	int r = subid_table_owned(&txn->tables[kind], owner->spellings, owner->n, &has);

	for (size_t i = 0; r == 0 && i < ledger->n; i++) {
		const struct ledger_entry *entry = &ledger->entries[i];
		struct id_range ids = range.count == 0
					  ? entry->range
					  : id_range_common(entry->range, range);

		if (entry->state != LEDGER_HAS &&
		    owner_is(owner, entry->owner.text, entry->owner.len))
			r = subid_set_add(&had, ids);
	}
	return r == 0 ? subid_set_subtract(&had, &has, ret) : r;
}

/* Notes what of the ids somebody has, or uses; SUBID_TAKEN if there is any. */
static int check_free(struct subid_txn *txn, enum subid_kind kind,
		      const struct subid_set *ids)
{
	auto_set struct subid_set lines = { .n = 0 };
	const struct subid_set *const parts[] = {
		&lines,
		&txn->accounts.of[kind],
		&txn->live.of[kind],
		&txn->leased.ids.of[kind],
		&txn->absent.of[kind],
		&txn->reservations[kind].never,
	};
	int r = subid_table_taken(&txn->tables[kind], &lines);

	for (size_t i = 0; r == 0 && i < ids->n; i++)
		for (size_t k = 0; r == 0 && k < sizeof(parts) / sizeof(parts[0]); k++) {
			struct id_range common;

			if (subid_set_meets(parts[k], ids->ranges[i], &common))
				r = subid_txn_note(txn, kind, common);
		}
	return r == 0 && txn->n_changes > 0 ? SUBID_TAKEN : r;
}

static int give(struct subid_txn *txn, const struct subid_owner *owner,
		enum subid_kind kind, const struct subid_set *ids)
{
	const struct subid_owner_name *name = subid_txn_line_owner(txn, owner, kind);
	const struct subid_event event = event_of(SUBID_ADD, owner);
	int r = 0;

	for (size_t i = 0; r == 0 && i < ids->n; i++) {
		r = subid_table_add(&txn->tables[kind], name->text, name->len,
				    ids->ranges[i]);
		if (r == 0)
			r = subid_txn_note(txn, kind, ids->ranges[i]);
		if (r == 0)
			r = subid_txn_record(txn, &event, kind, ids->ranges[i]);
	}
	if (r == 0)
		r = subid_set_unite(&txn->taken.of[kind], ids);
	return r == 0 ? subid_set_unite(&txn->rests.of[kind], ids) : r;
}

static int restore(struct subid_txn *txn, const struct subid_request *request,
		   const struct subid_owner *owner)
{
	auto_sets struct subid_sets ids = { .of = { { .n = 0 } } };
	unsigned int kinds = request_kinds(request);
	int r = ledger_read(&txn->history.ledger, true);

	txn->n_changes = 0;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if ((kinds & (1U << kind)) != 0)
			r = find_former(txn, owner, kind, request->range, &ids.of[kind]);
	if (r == 0 && subid_sets_empty(&ids))
		return SUBID_ABSENT;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = restore_from_hold(txn, kind, &ids.of[kind]);
	for (enum subid_kind kind = 0; r >= 0 && kind < SUBID_KINDS; kind++) {
		int one = check_free(txn, kind, &ids.of[kind]);

		r = one < 0 || one == SUBID_TAKEN ? one : r;
	}
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = give(txn, owner, kind, &ids.of[kind]);
	return r;
}

/* Who is in the way; the line that holds the ids is not. */
static int explain_taken(const struct subid_txn *txn, const char *name,
			 struct subid_change change, struct subid_error *err)
{
	const char *id = subid_kind_name(change.kind);
	struct subid_use use;
	char who[256] = "";

	if (subid_live_mapper(txn->options.proc, &txn->snapshot, change.kind,
			      change.range, &use) == 0)
		return error_plain(
		    err, SUBID_TAKEN,
		    "%s: %s %u-%llu: mapped by a live user namespace (%sprocess %d, %s):"
		    " stop it first",
		    name, id, use.ids.start,
		    (unsigned long long)id_range_end(use.ids) - 1,
		    use.hidden ? "kept alive by a descriptor or mount of " : "",
		    (int)use.pid, use.program);
	if (subid_set_meets(&txn->accounts.of[change.kind], change.range, NULL)) {
		known_name(txn, change.kind, change.range.start, who, sizeof(who));
		return error_plain(err, SUBID_TAKEN, "%s: %s %u: is %s %s's own", name,
				   id, change.range.start,
				   change.kind == SUBID_UID ? "account" : "group",
				   who[0] == '\0' ? "somebody" : who);
	}
	if (subid_set_meets(&txn->leased.ids.of[change.kind], change.range, NULL))
		return error_plain(
		    err, SUBID_TAKEN,
		    "%s: %s %u-%llu: a container has them, or they rest since"
		    " it was taken away: see 'subid list '!released''",
		    name, id, change.range.start,
		    (unsigned long long)id_range_end(change.range) - 1);
	return taken_explain(txn, name, change, err);
}

int subid_restore(struct subid_txn *txn, const struct subid_request *request,
		  struct subid_error *err)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	const char *name = request->owner;
	struct subid_failure failure = { .file = NULL };
	struct subid_changes changes;
	int r = request_check(request, err);

	if (r == 0 && strchr(name, '/') != NULL)
		return lease_ask(txn, request, true, err);
	if (r == 0)
		r = check_begun(txn, err);
	if (r == 0)
		r = txn_new_result(txn, name, SUBID_STATE_GRANTED, err);
	if (r == 0)
		r = request_find_owner(txn, request, &owner, err);
	if (r == 0)
		r = check_policy(txn, name, &owner, err);
	if (r != 0)
		return r;
	r = history_refuses(txn);
	if (r < 0)
		return error_plain(err, r,
				   "%s: %.*s" HISTORY_FILE ": %s: which ids it had is not"
				   " known",
				   name, (int)txn->sys->name_len, txn->sys->etc_name,
				   strerror(-r));
	(void)txn_unlock(txn);
	r = taken_search(txn, &failure);
	if (r < 0)
		return error_failure(err, txn->sys, r, &failure);
	txn->needs_ledger = true;
	r = txn_lock_tables(txn, err);
	if (r != 0)
		return r;
	r = restore(txn, request, &owner);
	if (r != 0)
		(void)txn_spoil(txn, r); /* names are looked up */
	if (r == SUBID_ABSENT)
		return error_plain(err, r,
				   "%s: no ids are known that it had and nobody has now"
				   " ('subid list --released' shows what is known)",
				   name);
	changes = (struct subid_changes){ txn->changes, txn->n_changes };
	for (size_t i = 0; r == SUBID_TAKEN && i < changes.n; i++)
		r = explain_taken(txn, name, changes.list[i], err);
	if (r < 0)
		(void)error_errno(err, name, r);
	if (r == 0 && txn_add_result(txn, &changes) < 0)
		r = error_memory(err);
	return r == 0 ? 0 : txn_spoil(txn, r);
}

/* --- rename ---------------------------------------------------------------------------
 */

struct handing {
	struct subid_txn *txn;
	const struct subid_request *request;
	const char *name;	/* of the new owner, as it was given */
	struct subid_owner old; /* with its account, if there is one, and its spellings */
	struct subid_owner new_owner;
	struct subid_error *err;
};

static void handing_free(struct handing *handing)
{
	subid_owner_free(&handing->old);
	subid_owner_free(&handing->new_owner);
}

/* Has the new owner ranges that would be one with the old one's?  Most programs read the
 * first line of an owner alone. */
static int check_new(const struct handing *handing)
{
	const struct subid_owner *owner = &handing->new_owner;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set has = { .n = 0 };
		int r = subid_table_owned(&handing->txn->tables[kind], owner->spellings,
					  owner->n, &has);

		if (r < 0)
			return error_memory(handing->err);
		if (has.n > 0 && !request_has(handing->request, SUBID_ANOTHER))
			return error_plain(
			    handing->err, SUBID_TAKEN,
			    "%s: has %ss already, and most programs use the"
			    " first line of an owner alone: revoke these"
			    " first, or use --another",
			    handing->name, subid_kind_name(kind));
	}
	return 0;
}

/* The lines of one spelling of the old owner. */
static int hand_lines(const struct handing *handing, enum subid_kind kind,
		      const struct subid_owner_name *old)
{
	const struct subid_event gone = event_of(SUBID_REMOVE, &handing->old);
	const struct subid_event come = event_of(SUBID_ADD, &handing->new_owner);
	struct subid_txn *txn = handing->txn;
	struct subid_table *table = &txn->tables[kind];
	const struct subid_owner_name *name =
	    subid_txn_line_owner(txn, &handing->new_owner, kind);
	auto_set struct subid_set ids = { .n = 0 };
	int r = 0;

	for (size_t i = subid_table_first(table, old->text, old->len);
	     r == 0 && i < table->n; i = subid_table_after(table, i)) {
		struct id_range range = table->entries[i].range;

		r = subid_set_add(&ids, range);
		if (r == 0)
			r = subid_table_cut(table, i, range);
		if (r == 0)
			r = subid_txn_record(txn, &gone, kind, range);
	}
	subid_set_sort(&ids);
	for (size_t i = 0; r == 0 && i < ids.n; i++) {
		r = subid_table_add(table, name->text, name->len, ids.ranges[i]);
		if (r == 0)
			r = subid_txn_note(txn, kind, ids.ranges[i]);
		if (r == 0)
			r = subid_txn_record(txn, &come, kind, ids.ranges[i]);
	}
	return r;
}

static int hand_tables(const struct handing *handing)
{
	int r = 0;

	handing->txn->n_changes = 0;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		for (size_t i = 0; r == 0 && i < handing->old.n; i++)
			r = hand_lines(handing, kind, &handing->old.spellings[i]);
	return r == 0 ? 0 : error_errno(handing->err, handing->request->owner, r);
}

/* One lease's line, for the new owner.  SUBID_TAKEN: it has a container of that name. */
static int hand_lease(const struct handing *handing, struct subid_table *table, size_t i,
		      const char *container, size_t len)
{
	const struct subid_owner_name *name = &handing->new_owner.spellings[0];
	struct id_range range = table->entries[i].range;
	char line[SUBID_LINE_MAX];
	size_t size = name->len + 1 + len;
	int r;

	if (size > sizeof(line))
		return -ENAMETOOLONG;
	memcpy(line, name->text, name->len);
	line[name->len] = '/';
	memcpy(line + name->len + 1, container, len);
	if (!request_has(handing->request, SUBID_ANOTHER) &&
	    subid_table_first(table, line, size) < table->n &&
	    table->entries[subid_table_first(table, line, size)].offset <
		table->text.size)
		return SUBID_TAKEN;
	r = subid_table_add(table, line, size, range);
	return r == 0 ? subid_table_cut(table, i, range) : r;
}

static int hand_leases(const struct handing *handing)
{
	struct subid_txn *txn = handing->txn;
	int r = txn_open_store(txn, TXN_STORE_LOCK, handing->err);

	if (r != 0 || txn->leases == NULL || txn->store.user != NULL)
		return r;
	txn->leases->history.door = LEDGER_RENAMED;
	txn->leases->history.of_tables = &txn->history;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		struct subid_table *table = &txn->leases->tables[kind];
		size_t n = table->n;

		for (size_t i = 0; r == 0 && i < n; i++) {
			const char *owner = subid_table_owner(table, &table->entries[i]);
			size_t len = table->entries[i].owner_len;
			const char *name = lease_name_of(&handing->old, owner, len);

			if (name != NULL && table->entries[i].range.count > 0)
				r = hand_lease(handing, table, i, name,
					       len - (size_t)(name - owner));
		}
	}
	if (r == SUBID_TAKEN)
		return error_plain(handing->err, r,
				   "%s: has leases of containers that are called as some"
				   " of %s's: nothing was changed: revoke these first",
				   handing->name, handing->request->owner);
	return r == 0 ? 0 : error_errno(handing->err, txn->store.name, r);
}

/* Without an account the old owner is a name of lines, and no other of the new one's. */
static int find_old(struct handing *handing)
{
	const char *name = handing->request->owner;
	int r = known_owner(handing->txn, name, &handing->old);

	if (r < 0)
		return error_errno(handing->err, name, r);
	if (r == SUBID_INVALID)
		return error_plain(handing->err, r, "%s: invalid owner name", name);
	return 0;
}

/* What uses the ids, and what records of stores say, while others may have the locks. */
static int look_first(const struct handing *handing, struct subid_change **ret,
		      size_t *ret_n)
{
	struct subid_txn *txn = handing->txn;
	struct uses_look look =
	    uses_look_of(txn, handing->request->owner, SUBID_ID_NONE, true);
	struct subid_request all = *handing->request;
	int r;

	all.kinds = SUBID_BOTH_KINDS;
	all.range.count = 0;
	r = release_find_lines(txn, &handing->old, &all, ret, ret_n);
	if (r < 0)
		return error_errno(handing->err, all.owner, r);
	r = shares_check_rename(txn->sys, &handing->old, handing->err);
	if (r != 0 || request_has(handing->request, SUBID_FORCE))
		return r;
	look.always = true;
	if (handing->new_owner.has_account)
		look.heir = handing->new_owner.uid;
	return uses_check(&look, &(struct subid_changes){ *ret, *ret_n }, handing->err);
}

/* For the ledger: the owners are the transaction's from here on. */
static int note_handed(struct handing *handing)
{
	struct history *history = &handing->txn->history;

	if (array_grow(&history->handed, history->n_handed, sizeof(*history->handed)) < 0)
		return -ENOMEM;
	history->door = LEDGER_RENAMED;
	history->handed[history->n_handed++] =
	    (struct handed){ handing->old, handing->new_owner };
	handing->old = handing->new_owner = (struct subid_owner){ .n = 0 };
	return 0;
}

static int hand_over(struct handing *handing)
{
	struct subid_txn *txn = handing->txn;
	auto_free struct subid_change *lines = NULL;
	struct subid_changes changes = { .n = 0 }, seen = { .n = 0 };
	int r = look_first(handing, &lines, &seen.n);

	seen.list = lines;
	txn->needs_ledger = true;
	if (r == 0)
		r = txn_lock_tables(txn, handing->err);
	if (r == 0)
		r = check_new(handing);
	if (r == 0)
		r = hand_tables(handing);
	changes = (struct subid_changes){ txn->changes, txn->n_changes };
	if (r == 0 && !changes_are_known(&changes, &seen))
		r = error_plain(handing->err, -EAGAIN,
				"%s: was granted more at the same moment: nothing was"
				" changed: try again",
				handing->request->owner);
	if (r == 0)
		r = hand_leases(handing);
	if (r != 0)
		return r;
	if (txn_add_result(txn, &changes) < 0)
		return error_memory(handing->err);
	if (changes.n == 0 && (txn->leases == NULL || !subid_txn_changed(txn->leases)))
		return error_plain(handing->err, SUBID_ABSENT, "%s: has no ranges",
				   handing->request->owner);
	return note_handed(handing) < 0 ? error_memory(handing->err) : 0;
}

int subid_rename(struct subid_txn *txn, const struct subid_request *request,
		 const char *name, struct subid_error *err)
{
	__attribute__((cleanup(handing_free))) struct handing handing = {
		.txn = txn,
		.request = request,
		.name = name,
		.err = err,
	};
	struct subid_request to = *request;
	int r = request_check(request, err);

	to.owner = name;
	if (r == 0)
		r = check_begun(txn, err);
	if (r == 0)
		r = txn_new_result(txn, name, SUBID_STATE_GRANTED, err);
	if (r == 0)
		r = system_proc(txn->sys, err);
	if (r == 0)
		r = find_old(&handing);
	if (r == 0)
		r = request_find_owner(txn, &to, &handing.new_owner, err);
	if (r == 0 && handing.old.has_account && handing.new_owner.has_account &&
	    handing.old.uid == handing.new_owner.uid)
		r = error_plain(err, SUBID_ENOUGH,
				"%s and %s are two names of uid %u: each counts already",
				request->owner, name, handing.old.uid);
	if (r == 0)
		r = check_policy(txn, name, &handing.new_owner, err);
	if (r == 0)
		r = hand_over(&handing);
	return r == 0 ? 0 : txn_spoil(txn, r);
}
