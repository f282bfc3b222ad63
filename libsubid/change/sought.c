/* SPDX-License-Identifier: MIT */
/*
 * Hidden namespaces were sought: what the ledger is told of it.
 *
 * Threat: a user hides something, so that each grant seeks again, and takes long; or so
 * that nobody's ids are given again.  It says nothing of ids that cannot be the user's.
 * So the search counts for these, and the ledger names who hid something.
 */
#include <time.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

/* More than any container has: a namespace with so many maps all that there is. */
#define LIVE_IDS_MAX (1U << 24)

/*
 * Ids that are mapped, into news: what nobody is known to have had, unless it is all that
 * there is; and what was left, as if it were left only now.
 */
static int add_mapped(const struct subid_txn *txn, enum subid_kind kind,
		      struct id_range mapped, struct ledger_news *news)
{
	const struct ledger_entry *entry;
	uint64_t from = mapped.start;
	int r = 0;

	while (r == 0) {
		struct ledger_entry found = {
			.owner = { "", 0 },
			.until = news->now,
			.uid = SUBID_ID_NONE,
			.state = LEDGER_LEFT,
			.door_out = LEDGER_FOUND,
		};
		struct id_range piece = history_piece(txn, kind, mapped, &from, &entry);

		if (piece.count == 0)
			break;
		if (entry != NULL && entry->state == LEDGER_HAS)
			continue;
		if (entry != NULL && entry->state == LEDGER_LEFT)
			found = *entry;
		else if (mapped.count > LIVE_IDS_MAX)
			continue;
		found.range = piece;
		r = ledger_add(&news->of[kind], &found);
	}
	return r;
}

static int find_mapped(const struct subid_txn *txn, const struct subid_sets *hidden,
		       struct ledger_news *news)
{
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		for (size_t i = 0; r == 0 && i < hidden->of[kind].n; i++)
			r = add_mapped(txn, kind, hidden->of[kind].ranges[i], news);
	return r;
}

static int write_search(struct subid_txn *txn, const struct subid_sets *hidden,
			uint64_t known)
{
	struct history *history = &txn->history;
	auto_ledger_news struct ledger_news news = {
		.searched = true,
		.upto = known,
		.hiders = txn->hiding,
		.now = (int64_t)time(NULL),
	};
	int r = 0;

	if (!txn->options.ledger || !history->writes || history->why != 0)
		return 0;
	history->why = ledger_lock(&history->ledger, txn->options.timeout_ms);
	if (history->why == 0 && !subid_sets_empty(hidden))
		history->why = ledger_read(&history->ledger, true);
	if (history->why == 0)
		r = find_mapped(txn, hidden, &news);
	/* not of one that was set back meanwhile */
	if (r == 0 && history->why == 0 && history->ledger.seq >= known)
		history->why = ledger_append(&history->ledger, &news, true);
	ledger_unlock(&history->ledger);
	return r == 0 ? history_keep_seen(history, &news) : r;
}

/* Ids that no process is in, but a namespace maps, rest once that is gone. */
static int note_hidden(struct subid_txn *txn, uint64_t known)
{
	auto_sets struct subid_sets hidden = { .of = { { .n = 0 } } };
	int r = 0;

	for (size_t i = 0; i < txn->snapshot.n; i++) {
		const struct subid_live_userns *userns = &txn->snapshot.userns[i];

		for (enum subid_kind kind = 0;
		     userns->held != SUBID_HELD_BY_PROCESS && kind < SUBID_KINDS; kind++)
			for (size_t k = 0; r == 0 && k < userns->maps[kind].n; k++)
				r = subid_set_insert(&hidden.of[kind],
						     userns->maps[kind].lines[k].outside);
	}
	return r == 0 ? write_search(txn, &hidden, known) : r;
}

int sought_note(struct subid_txn *txn, uint64_t known)
{
	static const struct id_range root = { .start = 0, .count = 1 };
	int r = subid_live_hiding(txn->options.proc, &txn->snapshot, &txn->hiding);

	if (r < 0)
		return r;
	txn->anyone_hides = r > 0 || subid_set_contains(&txn->hiding, root);
	return txn->anyone_hides ? 0 : note_hidden(txn, known);
}
