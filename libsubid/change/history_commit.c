/* SPDX-License-Identifier: MIT */
/*
 * What is committed is written into the ledger first: the tables as they will be, whose
 * ids were, and which of them nothing has.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

/* A table as it will be, digested piece by piece; what was read is digested already. */
struct digesting {
	struct ledger_digest digest;
	const struct history *history;
	const struct subid_table *table;
};

static int digest_piece(void *data, const void *bytes, size_t size)
{
	struct digesting *digesting = data;
	const struct subid_text *text = &digesting->table->text;

	if (bytes == text->bytes && size == text->size)
		digesting->digest = digesting->history->running[digesting->table->kind];
	else
		ledger_digest_add(&digesting->digest, bytes, size);
	return 0;
}

static int digest_new(const struct subid_txn *txn, struct ledger_news *news)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		const struct subid_table *table = &txn->tables[kind];
		struct digesting digesting = { LEDGER_DIGEST, &txn->history, table };

		r = subid_table_print(table, digest_piece, &digesting);
		news->tables[kind] = table->exists || table->changed
					 ? ledger_digest_end(&digesting.digest)
					 : 0;
	}
	news->has_tables = true;
	return r;
}

/* The first entry that was not in the file. */
static bool is_of_file(const void *entry, const void *size)
{
	return ((const struct subid_entry *)entry)->offset < *(const size_t *)size;
}

static size_t first_new(const struct subid_table *table)
{
	return array_search(table->entries, table->n, sizeof(*table->entries),
			    &table->text.size, is_of_file);
}

/* What was handed over: of leases, their owners are handed. */
static const struct history *handing(const struct subid_txn *txn)
{
	const struct history *history = &txn->history;

	return history->of_tables != NULL ? history->of_tables : history;
}

bool history_has_more(const struct subid_txn *txn)
{
	return !subid_sets_empty(&txn->history.cleared) || handing(txn)->n_handed > 0;
}

/* Were lines added, and none changed or taken away? */
static bool only_adds(const struct subid_txn *txn)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (txn->written[kind] ||
		    txn->tables[kind].first_changed < first_new(&txn->tables[kind]))
			return false;
	return !history_has_more(txn);
}

static int add_new_lines(const struct subid_txn *txn, enum subid_kind kind,
			 struct ledger_news *news)
{
	const struct subid_table *table = &txn->tables[kind];
	int r = 0;

	for (size_t i = first_new(table); r == 0 && i < table->n; i++) {
		const struct subid_entry *line = &table->entries[i];
		const char *owner = subid_table_owner(table, line);
		const struct ledger_entry entry = {
			.range = line->range,
			.owner = { owner, line->owner_len },
			.since = news->now,
			.uid = SUBID_ID_NONE,
			.state = LEDGER_HAS,
			.door_in = LEDGER_OURS,
		};

		if (line->range.count > 0 && !subid_owner_is_hold(owner, line->owner_len))
			r = ledger_add(&news->of[kind], &entry);
	}
	if (r == 0)
		r = ledger_sort(&news->of[kind]);
	history_find_uids(txn, &news->of[kind]);
	return r;
}

/* What was given back is as if it had never been seen, once no line has it. */
static int mark_cleared(const struct subid_txn *txn, enum subid_kind kind,
			struct ledger_news *news)
{
	const struct subid_set *cleared = &txn->history.cleared.of[kind];
	auto_ledger_list struct ledger_list known = { .n = 0 }, marked = { .n = 0 };
	int r = ledger_overlay(history_known(txn, kind), &news->of[kind], &known);

	for (size_t i = 0; r == 0 && i < cleared->n; i++) {
		struct id_range ids = cleared->ranges[i];

		for (size_t k = ledger_find(&known, ids.start);
		     r == 0 && k < known.n &&
		     id_range_overlaps(known.entries[k].range, ids);
		     k++) {
			struct ledger_entry entry = known.entries[k];

			entry.range = id_range_common(entry.range, ids);
			if (entry.state != LEDGER_LEFT)
				continue;
			entry.state = LEDGER_CLEARED;
			r = ledger_add(&marked, &entry);
		}
	}
	return r == 0 ? ledger_lay_over(&news->of[kind], &marked) : r;
}

const char *lease_name_of(const struct subid_owner *owner, const char *text, size_t len)
{
	const char *slash = len == 0 ? NULL : memchr(text, '/', len);

	return slash != NULL && owner_is(owner, text, (size_t)(slash - text)) ? slash + 1
									      : NULL;
}

const char *lease_renamed(struct subid_txn *txn, const struct subid_owner *new_owner,
			  const char *name, size_t len, size_t *ret_len)
{
	const struct subid_owner_name *owner = &new_owner->spellings[0];
	struct history *history = &txn->history;
	char *text = NULL;

	if (array_grow(&history->names, history->n_names, sizeof(*history->names)) == 0)
		text = malloc(owner->len + 1 + len);
	if (text == NULL)
		return NULL;
	history->names[history->n_names++] = text;
	*ret_len = owner->len + 1 + len;
	text = mempcpy(text, owner->text, owner->len);
	*text++ = '/';
	memcpy(text, name, len);
	return history->names[history->n_names - 1];
}

/* A container's, whose owner's ids were handed over: its new name in *owner.  1: so it
 * is; 0; -ENOMEM. */
static int hand_container(struct subid_txn *txn, const struct handed *handed,
			  struct subid_owner_name *owner)
{
	const char *name = lease_name_of(&handed->from, owner->text, owner->len);
	size_t len = owner->len - (size_t)(name == NULL ? 0 : name - owner->text);
	struct subid_owner_name renamed;

	if (name == NULL)
		return 0;
	renamed.text = lease_renamed(txn, &handed->to, name, len, &renamed.len);
	if (renamed.text == NULL)
		return -ENOMEM;
	if (renamed.len > LEDGER_OWNER_MAX)
		renamed.len = LEDGER_OWNER_MAX;
	*owner = renamed;
	return 1;
}

/* To whom an owner's ids were handed, if to anybody, into *owner.  As above. */
static int hand_owner(struct subid_txn *txn, struct subid_owner_name *owner)
{
	const struct history *history = handing(txn);
	int r = 0;

	for (size_t i = 0; r == 0 && i < history->n_handed; i++) {
		const struct handed *handed = &history->handed[i];

		if (txn->history.about == LEDGER_LEASES) {
			r = hand_container(txn, handed, owner);
			continue;
		}
		for (size_t k = 0; k < handed->from.n; k++)
			if (owner_name_compare(&handed->from.spellings[k], owner) == 0) {
				*owner = handed->to.spellings[0];
				return 1;
			}
	}
	return r;
}

/* What the old owner had once is the new one's to have again. */
static int rename_former(struct subid_txn *txn, enum subid_kind kind,
			 struct ledger_news *news)
{
	const struct ledger_list *ledger = history_known(txn, kind);
	auto_ledger_list struct ledger_list renamed = { .n = 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ledger->n; i++) {
		struct ledger_entry entry = ledger->entries[i];
		int handed =
		    entry.state == LEDGER_HAS ? 0 : hand_owner(txn, &entry.owner);

		entry.door_out = LEDGER_RENAMED;
		entry.uid = SUBID_ID_NONE;
		if (handed != 0)
			r = handed < 0 ? handed : ledger_add(&renamed, &entry);
	}
	return r == 0 ? ledger_lay_under(&news->of[kind], &renamed) : r;
}

static int find_news(struct subid_txn *txn, struct ledger_news *news)
{
	bool adds = only_adds(txn);
	int r = adds ? 0 : ledger_read(&txn->history.ledger, true);

	news->now = (int64_t)time(NULL);
	if (r == 0)
		r = digest_new(txn, news);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		if (adds) {
			r = add_new_lines(txn, kind, news);
			continue;
		}
		r = history_compare_table(txn, kind, txn->history.door, news);
		if (r == 0)
			r = mark_cleared(txn, kind, news);
		if (r == 0 && handing(txn)->n_handed > 0)
			r = rename_former(txn, kind, news);
	}
	return r;
}

int history_write(struct subid_txn *txn)
{
	auto_ledger_news struct ledger_news news = { .about = txn->history.about };
	struct history *history = &txn->history;
	int r = history->why;

	if (!txn->options.ledger)
		return 0;
	if (r == 0)
		r = ledger_lock(&history->ledger, txn->options.timeout_ms);
	if (r == 0)
		r = find_news(txn, &news);
	if (r == 0)
		r = ledger_append(&history->ledger, &news, true);
	if (r == 0)
		return 0;
	ledger_unlock(&history->ledger);
	history->why = r;
	/* what is given now is found in the tables by the next look */
	if (only_adds(txn))
		return 0;
	return r > 0 ? -EBUSY : r;
}

void history_done(struct subid_txn *txn, bool changed)
{
	struct history *history = &txn->history;
	auto_ledger_news struct ledger_news news = { .about = history->about };

	if (!txn->options.ledger || history->ledger.lock < 0)
		return;
	if (changed) {
		/* the backups are the tables that were looked at; if this is lost, the
		 * next look reads them */
		history_stamp_backups(txn, &news);
		(void)!ledger_append(&history->ledger, &news, false);
	} else {
		ledger_take_back(&history->ledger);
	}
	ledger_unlock(&history->ledger);
}

void history_compact(struct subid_txn *txn)
{
	struct history *history = &txn->history;

	/* what fails is done by the next */
	if (history->writes && history->why == 0 && ledger_is_long(&history->ledger))
		(void)!ledger_compact(&history->ledger, txn->options.timeout_ms);
}
