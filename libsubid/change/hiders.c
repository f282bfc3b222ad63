/* SPDX-License-Identifier: MIT */
/*
 * Whose ids something that is out of sight may have.
 *
 * Threat: one user hides a namespace, or opens more than is looked at, so that nobody's
 * ids are given back any more.  A namespace of a user's has the ids that newuidmap let it
 * have: those of the user's lines, as they are or were, and its own; root's may have any.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

/* Whose the ids are, or were. */
struct suspects {
	struct subid_txn *txn;
	const struct subid_sets *wanted;
	struct subid_set uids;
	bool gone;   /* also somebody's who has no account any more */
	bool anyone; /* nobody knows whose some of them were */
};

static int suspect(struct suspects *suspects, uint32_t uid)
{
	return subid_set_insert(&suspects->uids, (struct id_range){ uid, 1 });
}

static int suspect_name(struct suspects *suspects, const char *text, size_t len)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_free char *name = strndup(text, len);
	int r = name == NULL ? -ENOMEM : known_owner(suspects->txn, name, &owner);

	if (r == -ENOMEM)
		return r;
	if (r == 0 && owner.has_account)
		return suspect(suspects, owner.uid);
	suspects->gone |= r > 0;
	/* no answer is not "no such account" */
	suspects->anyone |= r < 0;
	return 0;
}

/* Lines that have some of the ids; what is held belongs to whom the ledger names. */
static int add_lines(struct suspects *suspects, enum subid_kind kind,
		     struct subid_set *held)
{
	const struct subid_table *table = &suspects->txn->tables[kind];
	int r = 0;

	for (size_t i = 0; r == 0 && i < table->n; i++) {
		const struct subid_entry *entry = &table->entries[i];
		const char *owner = subid_table_owner(table, entry);
		struct id_range common;

		if (entry->range.count == 0 ||
		    !subid_set_meets(&suspects->wanted->of[kind], entry->range, &common))
			continue;
		if (!subid_owner_is_hold(owner, entry->owner_len))
			r = suspect_name(suspects, owner, entry->owner_len);
		else if (entry->owner_len == strlen(SUBID_OWNER_RELEASED) &&
			 memcmp(owner, SUBID_OWNER_RELEASED, entry->owner_len) == 0)
			r = subid_set_add(held, common);
	}
	subid_set_sort(held);
	return r;
}

static int add_former(struct suspects *suspects, enum subid_kind kind,
		      const struct subid_set *held)
{
	const struct ledger_list *ledger = history_known(suspects->txn, kind);
	auto_set struct subid_set known = { .n = 0 }, left = { .n = 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ledger->n; i++) {
		const struct ledger_entry *entry = &ledger->entries[i];

		if (!subid_set_meets(&suspects->wanted->of[kind], entry->range, NULL))
			continue;
		if (entry->uid != SUBID_ID_NONE)
			r = suspect(suspects, entry->uid);
		if (r == 0 && entry->owner.len > 0)
			r = suspect_name(suspects, entry->owner.text, entry->owner.len);
		if (r == 0 && (entry->uid != SUBID_ID_NONE || entry->owner.len > 0))
			r = subid_set_add(&known, entry->range);
	}
	subid_set_sort(&known);
	if (r == 0)
		r = subid_set_subtract(held, &known, &left);
	suspects->anyone |= left.n > 0;
	return r;
}

static int find_suspects(struct suspects *suspects, uint32_t session)
{
	struct subid_txn *txn = suspects->txn;
	int r = 0;

	/* of leases alone: they are out of the owner's own */
	if (txn->users == NULL) {
		suspects->anyone = session == SUBID_ID_NONE;
		return suspects->anyone ? 0 : suspect(suspects, session);
	}
	if (txn->options.ledger && txn->history.why == 0)
		r = ledger_read(&txn->history.ledger, true);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set held = { .n = 0 };

		r = add_lines(suspects, kind, &held);
		if (r == 0)
			r = add_former(suspects, kind, &held);
	}
	return r;
}

static bool has_account(struct subid_txn *txn, uint32_t uid)
{
	auto_owner struct subid_owner owner = { .has_account = false };

	return txn->users == NULL || subid_owner_of_uid(txn->users, uid, &owner) == 0;
}

static bool is_suspect(const struct suspects *suspects, const struct subid_hider *hider)
{
	const struct id_range uid = { hider->uid, 1 };

	return suspects->anyone || hider->uid == 0 || hider->uid == SUBID_ID_NONE ||
	       subid_set_contains(&suspects->uids, uid) ||
	       subid_set_contains(&suspects->wanted->of[SUBID_UID], uid) ||
	       (suspects->gone && !has_account(suspects->txn, hider->uid));
}

int hiders_of(const struct uses_look *look, const struct subid_live *live,
	      const struct subid_sets *wanted, struct subid_unreadable *unseen)
{
	auto_free struct subid_hider *hiders = NULL;
	struct suspects suspects = { .txn = look->txn, .wanted = wanted };
	size_t n, left = 0;
	int r;

	if (unseen->n > 0 || unseen->n_hidden == 0)
		return 0;
	hiders = calloc(unseen->n_hidden, sizeof(*hiders));
	if (hiders == NULL)
		return -ENOMEM;
	n = subid_live_hiders(look->sys->proc, live, hiders, unseen->n_hidden);
	r = find_suspects(&suspects, look->session);
	for (size_t i = 0; r == 0 && i < n; i++)
		if ((hiders[i].uid == SUBID_ID_NONE || hiders[i].uid != look->heir) &&
		    is_suspect(&suspects, &hiders[i]) && left++ == 0)
			unseen->first = hiders[i];
	subid_set_free(&suspects.uids);
	unseen->n_hidden = left;
	return r;
}

int error_hidden(struct subid_error *err, int code, const char *what,
		 const struct subid_unreadable *unseen, const char *but)
{
	char who[ERROR_HIDER_SIZE], more[48] = "";

	error_hider_text(&unseen->first, who, sizeof(who));
	if (unseen->n_hidden > 1)
		(void)snprintf(more, sizeof(more), " (and there are %zu more)",
			       unseen->n_hidden - 1);
	return error_plain(err, code,
			   "%s%s%s %s%s, which may have ids that were taken back: %s",
			   what == NULL ? "" : what, what == NULL ? "" : ": ", who,
			   unseen->first.error == -ETIME
			       ? "and others of that user have more open or mounted than"
				 " is looked through"
			       : "keeps a user namespace out of sight",
			   more, but);
}
