/* SPDX-License-Identifier: MIT */
/*
 * What the ledger has to do with a transaction: the tables are looked at beside it, what
 * is committed is written into it first, and ids that others have left rest.
 *
 * Threat: userdel and editors free ids that somebody may still have: files with them, or
 * a user namespace that nobody sees.  So what a line gave once is not given while there
 * is anything else, and never unasked, unless the site's policy says so.
 *
 * The tables are written after the ledger.  A kill or power cut in between leaves ids in
 * the ledger that no line has got: they rest.  Of a ledger or tables that were set back
 * whatever either side names counts: neither is believed to be the newer one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"

int history_is_as_read(const struct subid_txn *txn, enum subid_kind kind, bool *ret)
{
	const struct subid_table *table = &txn->tables[kind];
	int r;

	*ret = false;
	r = subid_table_is_alike(txn->options.etc, kind, table, ret);
	if (r == 0)
		*ret = *ret && table->exists;
	if (r != -ENOENT)
		return r;
	*ret = !table->exists;
	return 0;
}

static const char *const backup_names[SUBID_KINDS] = { "subuid-", "subgid-" };

/* So many owners are looked up for their uids; more come with a first look alone. */
#define UIDS_MAX 64

void history_free(struct history *history)
{
	ledger_close(&history->ledger);
	subid_sets_free(&history->seen);
	subid_sets_free(&history->cleared);
	for (size_t i = 0; i < history->n_handed; i++) {
		subid_owner_free(&history->handed[i].from);
		subid_owner_free(&history->handed[i].to);
	}
	free(history->handed);
	for (size_t i = 0; i < history->n_names; i++)
		free(history->names[i]);
	free(history->names);
}

/* --- what the tables are -------------------------------------------------------------
 */

static bool has_same_text(const struct subid_table *a, const struct subid_table *b)
{
	return a->text.size == b->text.size &&
	       (a->text.size == 0 ||
		memcmp(a->text.bytes, b->text.bytes, a->text.size) == 0);
}

/* Digests of what was read; a file that is not there is another than an empty one. */
static void digest_tables(struct subid_txn *txn)
{
	struct history *history = &txn->history;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_table *table = &txn->tables[kind];

		history->running[kind] = LEDGER_DIGEST;
		if (kind == SUBID_GID && has_same_text(table, &txn->tables[SUBID_UID]))
			history->running[kind] = history->running[SUBID_UID];
		else
			ledger_digest_add(&history->running[kind], table->text.bytes,
					  table->text.size);
		history->read[kind] =
		    table->exists ? ledger_digest_end(&history->running[kind]) : 0;
	}
}

/* What the file of a backup is, without reading it; 0: it cannot be told. */
static uint64_t stamp_of(int etc, enum subid_kind kind)
{
	struct ledger_digest digest = LEDGER_DIGEST;
	struct stat st;

	if (fstatat(etc, backup_names[kind], &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 1 : 0;
	ledger_digest_add(&digest, &st.st_dev, sizeof(st.st_dev));
	ledger_digest_add(&digest, &st.st_ino, sizeof(st.st_ino));
	ledger_digest_add(&digest, &st.st_size, sizeof(st.st_size));
	ledger_digest_add(&digest, &st.st_mtim, sizeof(st.st_mtim));
	ledger_digest_add(&digest, &st.st_ctim, sizeof(st.st_ctim));
	return ledger_digest_end(&digest);
}

void history_stamp_backups(const struct subid_txn *txn, struct ledger_news *news)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		news->backups[kind] = stamp_of(txn->options.etc, kind);
	news->has_backups = true;
}

/* Are tables and backups those that were looked at last? */
static bool is_nothing_new(const struct subid_txn *txn)
{
	const struct history *history = &txn->history;
	const struct ledger_file *ledger = &history->ledger;
	const struct ledger_part *part = history_part(txn);
	bool same =
	    history->why == 0 && ledger->exists && !ledger->damaged && part->n_states > 0;

	for (enum subid_kind kind = 0; same && kind < SUBID_KINDS; kind++)
		same = part->states[0].of[kind] == history->read[kind] &&
		       part->backups[kind] != 0 &&
		       part->backups[kind] == stamp_of(txn->options.etc, kind);
	return same;
}

/*
 * A table that we write has a mark: the nanoseconds of its time of modification are made
 * of its digest.  So a ledger that does not know a table which was written after it is
 * known to be older, or lost, even if all of /var was set back.  It is said, and decides
 * nothing.
 */
static uint32_t mark_of(uint64_t digest)
{
	return (uint32_t)(digest % 999999999) + 1;
}

bool history_is_mark(const struct subid_text *text, long nsec)
{
	struct ledger_digest digest = LEDGER_DIGEST;

	ledger_digest_add(&digest, text->bytes, text->size);
	return nsec == (long)mark_of(ledger_digest_end(&digest));
}

/* What is known of a table before it is compared. */
struct known {
	bool marked;  /* we have written it */
	int64_t time; /* of its last modification */
	size_t state; /* which of the states that the ledger knows it is in; or all */
};

static struct known know(const struct subid_txn *txn, enum subid_kind kind)
{
	const struct history *history = &txn->history;
	const struct ledger_part *part = history_part(txn);
	struct known known = { .time = INT64_MAX };
	struct stat st;

	while (known.state < part->n_states &&
	       part->states[known.state].of[kind] != history->read[kind])
		known.state++;
	if (fstatat(txn->options.etc, subid_kind_table(kind), &st, AT_SYMLINK_NOFOLLOW) <
	    0)
		return known;
	known.time = st.st_mtim.tv_sec;
	known.marked = st.st_mtim.tv_nsec == (long)mark_of(history->read[kind]);
	return known;
}

/* Is a table as it was once before?  Who undoes a change writes it now. */
static bool is_set_back(const struct ledger_part *part, const struct known *known)
{
	size_t n = part->n_states;

	if (known->state == 0 || n == 0)
		return false;
	if (known->state == n)
		return known->marked && n == LEDGER_STATES_MAX &&
		       known->time < part->states[n - 1].time;
	return known->marked || known->time < part->states[0].time;
}

/* What has become of the files meanwhile, that is to be said. */
static void find_set_back(struct subid_txn *txn)
{
	struct history *history = &txn->history;
	const struct ledger_file *ledger = &history->ledger;
	const struct ledger_part *part = history_part(txn);

	history->was_damaged |= ledger->damaged;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct known known = know(txn, kind);
		bool back = is_set_back(part, &known);

		history->was_set_back |= back;
		if (known.marked && known.state == part->n_states && !back) {
			history->was_lost |= !ledger->exists;
			history->was_old |= ledger->exists && !ledger->damaged;
		}
	}
}

void history_mark(const struct subid_txn *txn, enum subid_kind kind,
		  struct subid_replacement *draft)
{
	if (txn->options.ledger && txn->history.ledger.lock >= 0)
		subid_replacement_mark(draft,
				       mark_of(history_part(txn)->states[0].of[kind]));
}

/* --- the look ------------------------------------------------------------------------
 */

/* Finds the uids of owners who have come, as long as they are few. */
void history_find_uids(const struct subid_txn *txn, struct ledger_list *list)
{
	for (size_t i = 0; list->n <= UIDS_MAX && i < list->n; i++) {
		struct ledger_entry *entry = &list->entries[i];
		const struct subid_owner_name *owner = &entry->owner;
		struct subid_account account;

		if (entry->state != LEDGER_HAS || owner->len == 0 ||
		    subid_id_parse(owner->text, owner->len, &entry->uid) == 0)
			continue;
		if (txn->users != NULL &&
		    subid_users_by_name(txn->users, owner->text, owner->len, &account))
			entry->uid = account.uid;
	}
}

/* What lines of one kind give now, beside the ledger, into news. */
int history_compare_table(const struct subid_txn *txn, enum subid_kind kind,
			  enum ledger_door door, struct ledger_news *news)
{
	auto_ledger_list struct ledger_list lines = { .n = 0 };
	/* since when is not known of what a first look sees */
	int64_t now =
	    history_part(txn)->n_states == 0 && door == LEDGER_FOUND ? 0 : news->now;
	int r = ledger_of_table(&txn->tables[kind], &lines);

	if (r == 0)
		r = ledger_compare(&lines, history_known(txn, kind), door, now,
				   &news->of[kind]);
	if (r == 0)
		history_find_uids(txn, &news->of[kind]);
	return r;
}

/* Reads a backup, if it is one that has not been looked at; *ret is empty if not. */
static int read_backup(const struct subid_txn *txn, enum subid_kind kind, uint64_t stamp,
		       struct subid_table *ret)
{
	const struct ledger_part *part = history_part(txn);
	struct ledger_digest digest = LEDGER_DIGEST;
	struct subid_text text = { .bytes = NULL };
	int r;

	if (stamp != 0 && part->backups[kind] == stamp)
		return 0;
	r = subid_text_read(txn->options.etc, backup_names[kind], false, &text);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	ledger_digest_add(&digest, text.bytes, text.size);
	for (size_t i = 0; i < part->n_states; i++) {
		if (part->states[i].of[kind] != ledger_digest_end(&digest))
			continue;
		subid_text_free(&text);
		return 0;
	}
	return subid_table_from_text(kind, &text, ret);
}

/*
 * Ids that lines of a backup gave, and no line does: they were left.  It is newer than
 * what is known, since whoever writes the tables makes what they were its backup, and
 * older than the tables.
 */
static int compare_backup(const struct subid_txn *txn, enum subid_kind kind,
			  const struct subid_table *backup, struct ledger_news *news)
{
	auto_ledger_list struct ledger_list lines = { .n = 0 }, known = { .n = 0 };
	auto_ledger_list struct ledger_list left = { .n = 0 };
	int r = ledger_of_table(backup, &lines);

	if (r == 0)
		r = ledger_overlay(history_known(txn, kind), &news->of[kind], &known);
	for (size_t i = 0; i < lines.n; i++) {
		lines.entries[i].state = LEDGER_LEFT;
		lines.entries[i].until = news->now;
		lines.entries[i].door_in = LEDGER_BACKUP;
		lines.entries[i].door_out = LEDGER_FOUND;
	}
	if (r == 0)
		r = ledger_left(&lines, &known, &left);
	return r == 0 ? ledger_lay_over(&news->of[kind], &left) : r;
}

/* What entries of news point to. */
struct backups {
	struct subid_table of[SUBID_KINDS];
};

static void backups_free(struct backups *backups)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_table_free(&backups->of[kind]);
}

/* All that has changed since the last look. */
static int gather(const struct subid_txn *txn, struct backups *backups,
		  struct ledger_news *news, struct subid_failure *failure)
{
	int r = 0;

	news->about = txn->history.about;
	news->now = (int64_t)time(NULL);
	history_stamp_backups(txn, news);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		r = history_compare_table(txn, kind, LEDGER_FOUND, news);
		if (r == 0) {
			failure->file = backup_names[kind];
			r = read_backup(txn, kind, news->backups[kind],
					&backups->of[kind]);
		}
		if (r == 0)
			r = compare_backup(txn, kind, &backups->of[kind], news);
	}
	news->has_tables = true;
	memcpy(news->tables, txn->history.read, sizeof(news->tables));
	return r;
}

int history_keep_seen(struct history *history, const struct ledger_news *news)
{
	int r =
	    subid_sets_unite(&history->seen, &history->ledger.parts[history->about].seen);

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set more = { .n = 0 };

		for (size_t i = 0; r == 0 && i < news->of[kind].n; i++)
			r = subid_set_add(&more, news->of[kind].entries[i].range);
		if (r == 0)
			r = subid_set_unite(&history->seen.of[kind], &more);
	}
	return r;
}

/* Somebody may have changed tables and ledger since the tables were read: then they are
 * looked at again, with the tables' locks. */
static bool are_as_read(const struct subid_txn *txn)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		bool same = false;

		if (history_is_as_read(txn, kind, &same) < 0 || !same)
			return false;
	}
	return true;
}

static int look_closely(struct subid_txn *txn, struct subid_failure *failure)
{
	__attribute__((cleanup(backups_free))) struct backups backups = {
		.of = { { .kind = SUBID_UID }, { .kind = SUBID_GID } },
	};
	auto_ledger_news struct ledger_news news = { .has_tables = true };
	struct history *history = &txn->history;
	int r;

	if (history->why == 0 && history->writes)
		history->why = ledger_lock(&history->ledger, txn->options.timeout_ms);
	if (history->why == 0)
		history->why = ledger_read(&history->ledger, true);
	if (history->why == 0 && !are_as_read(txn)) {
		ledger_unlock(&history->ledger);
		return history_keep_seen(history, &news);
	}
	if (history->why == 0)
		find_set_back(txn);
	r = gather(txn, &backups, &news, failure);
	if (r == 0 && history->why == 0 && history->writes)
		history->why = ledger_append(&history->ledger, &news, true);
	ledger_unlock(&history->ledger);
	return r == 0 ? history_keep_seen(history, &news) : r;
}

int history_open(struct subid_txn *txn)
{
	struct history *history = &txn->history;
	const struct subid_txn_options *options = &txn->options;
	struct stat etc;

	if (!options->ledger)
		return 0;
	history->writes = !options->dry_run;
	/* whoever has the directory of the tables can say anything of them */
	if (fstat(options->etc, &etc) < 0)
		return -errno;
	history->why = options->state < 0 ? options->state
					  : ledger_open(options->state, etc.st_uid, false,
							&history->ledger);
	if (history->why == 0 && history->writes && options->no_grants) {
		history->why = ledger_lock(&history->ledger, options->timeout_ms);
		ledger_unlock(&history->ledger);
	}
	return 0;
}

int history_look(struct subid_txn *txn, struct subid_failure *failure)
{
	struct history *history = &txn->history;

	if (!txn->options.ledger)
		return 0;
	digest_tables(txn);
	if (is_nothing_new(txn))
		return subid_sets_unite(&history->seen, &history_part(txn)->seen);
	return look_closely(txn, failure);
}

bool history_is_blind(const struct subid_txn *txn)
{
	const struct history *history = &txn->history;

	return txn->options.ledger && txn->options.proc >= 0 &&
	       (history->why != 0 || history->ledger.searched == 0);
}

int history_refuses(const struct subid_txn *txn)
{
	int why = txn->history.why;

	if (!txn->options.ledger || txn->options.dry_run || why == 0)
		return 0;
	return why > 0 ? -EBUSY : why;
}

struct id_range history_piece(const struct subid_txn *txn, enum subid_kind kind,
			      struct id_range range, uint64_t *from,
			      const struct ledger_entry **ret)
{
	const struct ledger_list *ledger = history_known(txn, kind);
	uint64_t end = id_range_end(range);
	const struct ledger_entry *entry;
	struct id_range piece;

	*ret = NULL;
	if (*from < range.start)
		*from = range.start;
	if (*from >= end)
		return (struct id_range){ .count = 0 };
	entry = ledger->entries + ledger_find(ledger, (uint32_t)*from);
	if (entry < ledger->entries + ledger->n && entry->range.start < end) {
		if (entry->range.start > *from)
			end = entry->range.start;
		else
			*ret = entry;
		if (*ret != NULL && id_range_end(entry->range) < end)
			end = id_range_end(entry->range);
	}
	piece = id_range_between(*from, end);
	*from = end;
	return piece;
}
