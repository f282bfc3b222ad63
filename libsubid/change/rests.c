/* SPDX-License-Identifier: MIT */
/*
 * Whose ids were that rest, in words: held since they were taken back, or left.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "libsubid/change/private.h"
#include "libsubid/core/printable.h"

/* The last holder of the first of the ids, as the ledger says; NULL: not known. */
static const struct ledger_entry *last_holder(const struct subid_txn *txn,
					      enum subid_kind kind, struct id_range ids)
{
	const struct ledger_list *ledger = history_known(txn, kind);
	size_t i = ledger_find(ledger, ids.start);

	if (i >= ledger->n || !id_range_overlaps(ledger->entries[i].range, ids) ||
	    ledger->entries[i].owner.len == 0)
		return NULL;
	return &ledger->entries[i];
}

static void print_until(int64_t until, char *buf, size_t size)
{
	time_t time = (time_t)until;
	struct tm tm;

	buf[0] = '\0';
	if (until > 0 && gmtime_r(&time, &tm) != NULL)
		(void)strftime(buf, size, " until %Y-%m-%dT%H:%M:%SZ", &tm);
}

void rests_print(const struct subid_txn *txn, enum subid_kind kind, struct id_range ids,
		 struct rests_text *ret)
{
	const struct ledger_entry *entry = last_holder(txn, kind, ids);
	char until[48];

	*ret = (struct rests_text){ .had = "whose they were is not known" };
	if (entry == NULL)
		return;
	print_until(entry->until, until, sizeof(until));
	printable_copy(ret->owner, sizeof(ret->owner), entry->owner.text,
		       entry->owner.len);
	(void)snprintf(ret->had, sizeof(ret->had), "%s had them%s", ret->owner, until);
	(void)snprintf(ret->restore, sizeof(ret->restore),
		       "'subid grant --restore %s' gives them back to %s, ", ret->owner,
		       ret->owner);
}

/*
 * Threat: the ledger of a large host takes longer to read than anybody should wait for
 * us.  Whoever is about to take ids away has read it before; a grant needs it only when
 * there are no other ids left.
 */
int rests_need(struct subid_txn *txn)
{
	struct history *history = &txn->history;

	txn->wants_ledger = txn->lock != NULL && !history->ledger.whole &&
			    !txn->needs_ledger && !txn_is_changed(txn);
	return txn->wants_ledger ? -ESTALE : ledger_read(&history->ledger, true);
}

void rests_read(struct subid_txn *txn)
{
	/* without it the words are fewer */
	if (txn->options.ledger && txn->history.why == 0)
		(void)!ledger_read(&txn->history.ledger, true);
}
