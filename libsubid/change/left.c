/* SPDX-License-Identifier: MIT */
/*
 * Ids that others have left, known from the ledger alone: given when nothing else is, the
 * oldest first, and only to whom the caller or the site's policy allows it.
 *
 * Threat: who had them may have kept a user namespace without a process, in which they
 * still are.  So they are given only if what is hidden was sought after they were left;
 * and while something is hidden that cannot be looked into, none that its user had.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"

/* --- which may be given --------------------------------------------------------------
 */

/* May this owner be given what others have left? */
static bool is_allowed(const struct subid_txn *txn, const struct grant_request *request,
		       enum subid_kind kind)
{
	/* of a pool's ids the directory says whose they are */
	return request->reuse_left || txn->options.import ||
	       subid_conf_allows_left(&txn->conf,
				      subid_txn_line_owner(txn, request->owner, kind));
}

/* May one of the users who hide something have had the ids? */
static bool is_suspect(const struct subid_txn *txn, const struct ledger_entry *entry,
		       const struct subid_set *hiders)
{
	struct subid_account account;
	uint32_t uid = entry->uid;

	if (hiders->n == 0)
		return false;
	/* their own ids are theirs without a line */
	if (subid_set_meets(hiders, entry->range, NULL))
		return true;
	if (uid == SUBID_ID_NONE && entry->owner.len > 0 &&
	    subid_users_by_name(txn->users, entry->owner.text, entry->owner.len,
				&account))
		uid = account.uid;
	/* of a name without account nobody knows whose it was */
	return uid == SUBID_ID_NONE ||
	       subid_set_contains(hiders, (struct id_range){ uid, 1 });
}

/* Was what is hidden sought since the ids were left? */
static bool was_sought(const struct subid_txn *txn, const struct ledger_entry *entry)
{
	const struct ledger_file *ledger = &txn->history.ledger;

	if (txn->options.proc < 0 ||
	    (entry->seq < ledger->searched && !is_suspect(txn, entry, &ledger->hiders)))
		return true;
	return txn->options.search && !txn->anyone_hides &&
	       !is_suspect(txn, entry, &txn->hiding);
}

/* All of the ledger is needed now.  0; SUBID_ABSENT: it cannot be relied on; -errno. */
static int read_ledger(struct subid_txn *txn)
{
	struct history *history = &txn->history;
	int r;

	if (!txn->options.ledger || history->why != 0)
		return SUBID_ABSENT;
	r = rests_need(txn);
	return r == 0 && !history->ledger.exists ? SUBID_ABSENT : r;
}

int left_check(struct subid_txn *txn, const struct grant_request *request,
	       enum subid_kind kind, struct id_range range)
{
	const struct ledger_list *ledger = history_known(txn, kind);
	int r;

	if (!txn->options.ledger || !subid_set_meets(&txn->rests.of[kind], range, NULL))
		return 0;
	r = read_ledger(txn);
	if (r != 0)
		return r < 0 ? r : SUBID_TAKEN;
	/* given by this very transaction, which the ledger does not know yet, is taken */
	for (size_t i = ledger_find(ledger, range.start);
	     i < ledger->n && id_range_overlaps(ledger->entries[i].range, range); i++) {
		const struct ledger_entry *entry = &ledger->entries[i];

		if (entry->state == LEDGER_LEFT &&
		    !owner_is(request->owner, entry->owner.text, entry->owner.len) &&
		    !(is_allowed(txn, request, kind) && was_sought(txn, entry)))
			return SUBID_TAKEN;
	}
	return 0;
}

/* --- the oldest first ----------------------------------------------------------------
 */

/* When ranges were left that may be given: ascending. */
struct times {
	uint64_t *seqs;
	size_t n;
};

static void times_free(struct times *times)
{
	free(times->seqs);
}

static int compare_seqs(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int find_times(const struct subid_txn *txn, struct times *ret)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct ledger_list *ledger = history_known(txn, kind);

		for (size_t i = 0; i < ledger->n; i++) {
			if (ledger->entries[i].state != LEDGER_LEFT)
				continue;
			if (array_grow(&ret->seqs, ret->n, sizeof(*ret->seqs)) < 0)
				return -ENOMEM;
			ret->seqs[ret->n++] = ledger->entries[i].seq;
		}
	}
	if (ret->n > 0)
		qsort(ret->seqs, ret->n, sizeof(*ret->seqs), compare_seqs);
	return 0;
}

/* What is not given, if all that was left up to last is. */
static int close_after(const struct subid_txn *txn, const struct grant_request *request,
		       enum subid_kind kind, uint64_t last, struct subid_set *ret)
{
	const struct ledger_list *ledger = history_known(txn, kind);
	auto_set struct subid_set left = { .n = 0 };
	bool allowed = is_allowed(txn, request, kind);
	int r = 0;

	for (size_t i = 0; r == 0 && i < ledger->n; i++) {
		const struct ledger_entry *entry = &ledger->entries[i];

		if (entry->state == LEDGER_LEFT &&
		    !(allowed && entry->seq <= last && was_sought(txn, entry)))
			r = subid_set_add(&left, entry->range);
	}
	if (r == 0)
		r = subid_set_unite(ret, &txn->taken.of[kind]);
	return r == 0 ? subid_set_unite(ret, &left) : r;
}

/* places_in_gap() with all that was left up to last; keep: what it finds. */
static int try_with(const struct subid_txn *txn, const struct grant_request *request,
		    struct place places[SUBID_KINDS], uint64_t last, bool keep)
{
	auto_sets struct subid_sets closed = { .of = { { .n = 0 } } };
	bool has[SUBID_KINDS];
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		r = close_after(txn, request, kind, last, &closed.of[kind]);
		has[kind] = places[kind].gives.n > 0;
		places[kind].rests = &closed.of[kind];
	}
	if (r == 0)
		r = places_in_gap(places, NULL);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		places[kind].rests = NULL;
		if (!has[kind] && (r != 0 || !keep))
			places[kind].gives.n = 0;
	}
	return r;
}

int left_places(struct subid_txn *txn, const struct grant_request *request,
		struct place places[SUBID_KINDS])
{
	__attribute__((cleanup(times_free))) struct times times = { .n = 0 };
	size_t low = 0, high;
	int r;

	if (!is_allowed(txn, request, SUBID_UID) && !is_allowed(txn, request, SUBID_GID))
		return SUBID_FULL;
	r = read_ledger(txn);
	if (r == 0)
		r = find_times(txn, &times);
	if (r != 0 || times.n == 0)
		return r < 0 ? r : SUBID_FULL;
	r = try_with(txn, request, places, UINT64_MAX, false);
	for (high = times.n - 1; r == 0 && low < high;) {
		size_t middle = low + (high - low) / 2;

		r = try_with(txn, request, places, times.seqs[middle], false);
		if (r == 0)
			high = middle;
		else if (r == SUBID_FULL)
			low = middle + 1;
		r = r == SUBID_FULL ? 0 : r;
	}
	return r == 0 ? try_with(txn, request, places, times.seqs[low], true) : r;
}

/* --- why not -------------------------------------------------------------------------
 */

bool left_in_way(const struct subid_txn *txn, enum subid_kind kind,
		 struct id_range window, uint32_t count)
{
	const struct subid_want want[SUBID_KINDS] = {
		[SUBID_UID] = {
			.taken = &txn->rests.of[kind],
			.window = window,
			.count = count,
		},
		[SUBID_GID] = { .count = 0 },
	};
	uint32_t start;

	return txn->options.ledger && subid_find_gap(want, 0, &start) != 0;
}

void left_explain(const struct subid_txn *txn, const char *name,
		  const struct grant_request *request, enum subid_kind kind,
		  const char *window, struct subid_error *err)
{
	const char *id = subid_kind_name(kind);
	char who[ERROR_HIDER_SIZE];

	if (txn->options.by_login && history_is_blind(txn)) {
		error_detail(err,
			     "%s: no gap in %s above all %ss that anything names, and"
			     " which others are unused nobody knows, without"
			     " %.*s" HISTORY_FILE ": run 'subid grant' as root",
			     name, window, id, (int)txn->sys->name_len,
			     txn->sys->etc_name);
		return;
	}
	if (!is_allowed(txn, request, kind)) {
		error_detail(err,
			     "%s: no gap in %s of %ss that nobody has had: 'subid list"
			     " --released' shows whose they were, 'subid grant"
			     " --reuse-left' gives them, the oldest first, or widen the"
			     " window",
			     name, window, id);
		return;
	}
	if (txn->options.search && txn->unseen.n_hidden > 0) {
		error_hider_text(&txn->unseen.first, who, sizeof(who));
		error_detail(err,
			     "%s: the %ss of %s that others have left may be in a user"
			     " namespace that %s keeps out of sight: end it first",
			     name, id, window, who);
		return;
	}
	error_detail(err,
		     "%s: the %ss of %s that others have left are not given before"
		     " hidden user namespaces were sought: run 'subid grant"
		     " --reuse-left' as root",
		     name, id, window);
}
