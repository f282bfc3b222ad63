/* SPDX-License-Identifier: MIT */
/*
 * What is not free, and why: lines, accounts, running namespaces, containers, reserved
 * ids.
 *
 * Threat: a user hides a user namespace: root sees that there is one, and not what it
 * maps.  That must get nobody the ids of others, and must not stop what others are given.
 *
 *  1. One that a process is in cannot be hidden from root.  If it cannot be read all the
 *     same, nothing is given.
 *  2. One that no process is in does nothing, until somebody enters it again.  It has ids
 *     that whoever made it had when it was made: by a line, which newuidmap looked at;
 * its own id; or what a program of root's wrote, whose ids are known from where it keeps
 *     them (runtime.h).  Lines that are there are taken anyway.  Lines that are gone are
 *     held if subid took them away, and what is held is not given back while anything is
 *     hidden (subid unhold, revoke --reuse).  What other programs took away is in the
 *     tables as they were before the last change: this is kept off as well.
 *  3. What other programs have taken away before that may be given, as if nothing were
 *     hidden.  It could be hidden so that not even this is seen, as by a descriptor on
 * its way through a socket: a total look is nothing to build on, ids that rest are.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "libsubid/tables/tables.h"

static int load_tables(struct subid_txn *txn, struct subid_failure *failure)
{
	struct subid_table *tables = txn->tables;
	int r;

	failure->file = subid_kind_table(SUBID_UID);
	r = subid_table_load(txn->options.etc, SUBID_UID, &tables[SUBID_UID]);
	if (r < 0)
		return r;
	failure->file = subid_kind_table(SUBID_GID);
	return subid_table_load_like(txn->options.etc, &tables[SUBID_UID], SUBID_GID,
				     &tables[SUBID_GID]);
}

static int load_accounts(struct subid_txn *txn, struct subid_failure *failure)
{
	int r = subid_users_load(txn->options.etc, txn->options.nss, &txn->users,
				 &failure->file);

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_users_taken(txn->users, kind, &txn->accounts.of[kind]);
	return r;
}

/* --- running processes -------------------------------------------------------------- */

static const char *const backups[SUBID_KINDS] = { "subuid-", "subgid-" };

static int load_before(struct subid_txn *txn, struct subid_failure *failure)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_table struct subid_table table = { .kind = kind };
		struct subid_text text;

		failure->file = backups[kind];
		r = subid_text_read(txn->options.etc, backups[kind], false, &text);
		if (r == -ENOENT) {
			r = 0;
			continue;
		}
		if (r == 0)
			r = subid_table_from_text(kind, &text, &table);
		if (r == 0)
			r = subid_table_taken(&table, &txn->before.of[kind]);
	}
	return r;
}

static int load_live(struct subid_txn *txn, struct subid_failure *failure)
{
	auto_live struct subid_live live = { .n = 0 };
	int proc = txn->options.proc, r;

	if (proc < 0)
		return 0;
	failure->file = "/proc";
	r = subid_live_read(proc, SUBID_LIVE_THOROUGH, &live);
	if (r < 0)
		return r;
	subid_live_unreadable(proc, &live, &txn->unseen);
	if (txn->unseen.n > 0) {
		failure->unseen = txn->unseen;
		return -EACCES;
	}
	r = subid_live_in_use(proc, &live, SUBID_ID_NONE, &txn->live);
	return r == 0 && txn->unseen.n_hidden > 0 ? load_before(txn, failure) : r;
}

const struct subid_unreadable *subid_txn_unseen(const struct subid_txn *txn)
{
	return &txn->unseen;
}

/* --- containers -----------------------------------------------------------------------
 */

static const char *const files[SUBID_KINDS] = {
	[SUBID_UID] = SUBID_STATEDIR "/subuid",
	[SUBID_GID] = SUBID_STATEDIR "/subgid",
};

void subid_leased_free(struct subid_leased *leased)
{
	subid_sets_free(&leased->ids);
	subid_runtime_state_free(&leased->runtimes);
}

/* By any reader's reading, as in a table: so damage takes ids, and gives none. */
static int add_lines(int store, enum subid_kind kind, struct subid_set *ret)
{
	auto_table struct subid_table table = { .kind = kind };
	struct subid_text text = { .bytes = NULL };
	int r = subid_text_read(store, subid_kind_table(kind), false, &text);

	if (r == 0)
		r = subid_table_from_text(kind, &text, &table);
	if (r == 0)
		r = subid_table_taken(&table, ret);
	return r == -ENOENT ? 0 : r;
}

static int read_store(int root, struct subid_leased *leased, const char **ret_file)
{
	auto_close int store = beneath_open_dir(root, SUBID_STATEDIR);
	int r = 0;

	if (store == -ENOENT || store == -ENOTDIR)
		return 0; /* nobody has made a lease yet */
	if (store < 0) {
		*ret_file = SUBID_STATEDIR;
		return store;
	}
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		*ret_file = files[kind];
		r = add_lines(store, kind, &leased->ids.of[kind]);
	}
	return r;
}

int subid_leased_read(int root, struct subid_leased *ret, const char **ret_file)
{
	auto_leased struct subid_leased leased = { .runtimes.list = NULL };
	const struct subid_runtime_place place = { .dir = root, .trusted = true };
	int r;

	*ret_file = NULL;
	r = read_store(root, &leased, ret_file);
	if (r < 0)
		return r;
	*ret_file = NULL;
	r = subid_runtime_read(&place, &leased.runtimes);
	if (r == 0)
		r = subid_runtime_ids(&leased.runtimes, &leased.ids);
	if (r < 0)
		return r;
	*ret = leased;
	leased = (struct subid_leased){ .runtimes.list = NULL };
	return 0;
}

/* Under the lock, like all the rest: who waits for it may wait long. */
static int load_leased(struct subid_txn *txn, struct subid_failure *failure)
{
	int r;

	if (!txn->options.leased)
		return 0;
	r = subid_leased_read(txn->options.root, &txn->leased, &failure->file);
	if (!txn->options.nss || geteuid() == 0)
		return r;
	/* an ordinary user may not read all of it, and only looks */
	txn->leased.runtimes.n_unread = 0;
	return txn->options.dry_run && r != -ENOMEM ? 0 : r;
}

const struct subid_leased *subid_txn_leased(const struct subid_txn *txn)
{
	return &txn->leased;
}

/* --- all of it
 * -------------------------------------------------------------------------- */

/* Everything that must not be given, in one sorted set for each kind. */
static int unite_taken(struct subid_txn *txn)
{
	const struct subid_sets *const parts[] = { &txn->accounts, &txn->live,
						   &txn->before, &txn->leased.ids };
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		r = subid_table_taken(&txn->tables[kind], &txn->taken.of[kind]);
		if (r == 0)
			r = subid_reservations_list(&txn->policy, &txn->conf, kind,
						    &txn->reservations[kind]);
		if (r == 0)
			r = subid_set_unite(&txn->taken.of[kind],
					    &txn->reservations[kind].never);
	}
	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		r = subid_sets_unite(&txn->taken, parts[i]);
	return r;
}

int taken_load(struct subid_txn *txn, struct subid_failure *failure)
{
	int r = load_tables(txn, failure);

	if (r == 0)
		r = load_accounts(txn, failure);
	if (r == 0)
		r = load_live(txn, failure);
	if (r == 0)
		r = load_leased(txn, failure);
	return r == 0 ? unite_taken(txn) : r;
}

/* --- who has ids: slow, and only for saying no
 * --------------------------------------------- */

/* Text from a file that ends on somebody's terminal. */
static void copy_printable(const char *text, size_t len, char *buf, size_t size)
{
	if (len >= size)
		len = size - 1;
	for (size_t i = 0; i < len; i++)
		buf[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
	buf[len] = '\0';
}

static int explain_live(const struct subid_txn *txn, enum subid_kind kind,
			struct id_range ids, struct subid_conflict *ret)
{
	struct subid_sets wanted = { .of = { { .n = 0 } } };
	auto_live struct subid_live live = { .n = 0 };
	int r, proc = txn->options.proc;
	struct subid_use *uses;
	size_t n, unread;

	wanted.of[kind] = (struct subid_set){ .ranges = &ids, .n = 1 };
	ret->what = SUBID_CONFLICT_LIVE;
	r = subid_live_read(proc, SUBID_LIVE_THOROUGH, &live);
	if (r == 0)
		r = subid_uses_find(proc, &live, SUBID_ID_NONE, &wanted, &uses, &n,
				    &unread);
	if (r < 0)
		return r;
	if (n > 0) {
		ret->pid = uses[0].pid;
		copy_printable(uses[0].program, strlen(uses[0].program), ret->who,
			       sizeof(ret->who));
	}
	free(uses);
	return 0;
}

/* For whom the ids are set aside, if they are. */
static bool explain_aside(const struct subid_txn *txn, enum subid_kind kind,
			  struct id_range range, bool custom, struct subid_conflict *ret)
{
	const struct subid_reservation *aside =
	    subid_reservations_meet(&txn->reservations[kind], range, custom);

	if (aside == NULL)
		return false;
	ret->what = custom		  ? SUBID_CONFLICT_CUSTOM
		    : aside->site == NULL ? SUBID_CONFLICT_RESERVED
					  : SUBID_CONFLICT_CONF;
	ret->ids = id_range_common(aside->range, range);
	if (aside->site != NULL) {
		ret->file = aside->site->file;
		ret->line = aside->site->line;
	}
	copy_printable(aside->by, strlen(aside->by), ret->who, sizeof(ret->who));
	return true;
}

/* The first of the ids that some reader takes from a line, which has some. */
static struct id_range first_common(const char *line, size_t len, struct id_range ids)
{
	struct id_range readings[SUBID_READINGS_MAX], first = { .count = 0 };
	size_t n = subid_line_readings(line, len, readings);

	for (size_t i = 0; i < n; i++) {
		struct id_range common = id_range_common(readings[i], ids);

		if (common.count > 0 && (first.count == 0 || common.start < first.start))
			first = common;
	}
	return first;
}

int subid_txn_explain(const struct subid_txn *txn, enum subid_kind kind,
		      struct id_range range, struct subid_conflict *ret)
{
	struct subid_conflict conflict = { .what = SUBID_CONFLICT_NEW };
	const char *line;
	size_t len;
	int r = 0;

	if (!subid_set_meets(&txn->taken.of[kind], range, &conflict.ids)) {
		if (!explain_aside(txn, kind, range, true, &conflict))
			return SUBID_ABSENT;
		*ret = conflict;
		return 0;
	}
	conflict.line =
	    subid_table_who_has(&txn->tables[kind], conflict.ids, &line, &len);
	if (conflict.line > 0) {
		conflict.what = SUBID_CONFLICT_LINE;
		conflict.ids = first_common(line, len, conflict.ids);
		copy_printable(line, len, conflict.who, sizeof(conflict.who));
	} else if (subid_set_meets(&txn->accounts.of[kind], range, &conflict.ids)) {
		conflict.what = SUBID_CONFLICT_ACCOUNT;
		(void)subid_users_name(txn->users, kind, conflict.ids.start, conflict.who,
				       sizeof(conflict.who));
	} else if (subid_set_meets(&txn->live.of[kind], range, &conflict.ids)) {
		r = explain_live(txn, kind, conflict.ids, &conflict);
	} else if (subid_set_meets(&txn->before.of[kind], range, &conflict.ids)) {
		conflict.what = SUBID_CONFLICT_BEFORE;
		conflict.pid = txn->unseen.first.pid;
		copy_printable(txn->unseen.first.program,
			       strlen(txn->unseen.first.program), conflict.who,
			       sizeof(conflict.who));
	} else if (subid_set_meets(&txn->leased.ids.of[kind], range, &conflict.ids)) {
		conflict.what = SUBID_CONFLICT_AVOIDED;
		(void)strcpy(conflict.who, "a container");
	} else {
		(void)explain_aside(txn, kind, range, false, &conflict); /* or new */
	}
	if (r == 0)
		*ret = conflict;
	return r;
}

uint64_t subid_txn_free_ids(const struct subid_txn *txn, enum subid_kind kind,
			    struct id_range window)
{
	uint64_t taken = 0;

	for (size_t i = 0; i < txn->taken.of[kind].n; i++)
		taken += id_range_common(txn->taken.of[kind].ranges[i], window).count;
	return window.count - taken;
}

uint64_t subid_txn_largest_gap(const struct subid_txn *txn, enum subid_kind kind,
			       struct id_range window)
{
	uint64_t from = window.start;
	uint32_t largest = 0;

	for (size_t i = 0; i < txn->taken.of[kind].n; i++) {
		struct id_range taken =
		    id_range_common(txn->taken.of[kind].ranges[i], window);

		if (taken.count == 0)
			continue;
		if (id_range_between(from, taken.start).count > largest)
			largest = id_range_between(from, taken.start).count;
		from = id_range_end(taken);
	}
	if (id_range_between(from, id_range_end(window)).count > largest)
		largest = id_range_between(from, id_range_end(window)).count;
	return largest;
}

int taken_explain(const struct subid_txn *txn, const char *what,
		  struct subid_change change, struct subid_error *err)
{
	const char *id = subid_kind_name(change.kind), *etc = txn->sys->etc_name;
	struct subid_conflict conflict;
	char file[ERROR_FILE_SIZE];
	unsigned long long first, last;
	int r = subid_txn_explain(txn, change.kind, change.range, &conflict);

	if (r < 0)
		return error_plain(err, r, "%s: %s", what, strerror(-r));
	first = r == 0 ? conflict.ids.start : change.range.start;
	last = (r == 0 ? id_range_end(conflict.ids) : id_range_end(change.range)) - 1;
	switch (r == 0 ? conflict.what : SUBID_CONFLICT_NEW) {
	case SUBID_CONFLICT_LINE:
		return error_plain(err, SUBID_TAKEN,
				   "%s: %s %llu-%llu: taken by %s/%s:%zu: %s", what, id,
				   first, last, etc, subid_kind_table(change.kind),
				   conflict.line, conflict.who);
	case SUBID_CONFLICT_ACCOUNT:
		return error_plain(err, SUBID_TAKEN, "%s: %s %llu: is %s %s's own", what,
				   id, first,
				   change.kind == SUBID_UID ? "account" : "group",
				   conflict.who[0] == '\0' ? "somebody" : conflict.who);
	case SUBID_CONFLICT_LIVE:
		return error_plain(err, SUBID_TAKEN,
				   "%s: %s %llu-%llu: mapped by a live user namespace"
				   " (process %d, %s): stop it first",
				   what, id, first, last, (int)conflict.pid,
				   conflict.who);
	case SUBID_CONFLICT_RESERVED:
		return error_plain(err, SUBID_TAKEN,
				   "%s: %s %llu-%llu: set aside for %s, and never given:"
				   " choose others",
				   what, id, first, last, conflict.who);
	case SUBID_CONFLICT_CONF:
		error_conf_file(etc, conflict.file, file, sizeof(file));
		return error_plain(err, SUBID_TAKEN,
				   "%s: %s %llu-%llu: reserved by %s:%zu%s%s", what, id,
				   first, last, file, conflict.line,
				   conflict.who[0] == '\0' ? "" : ": ", conflict.who);
	case SUBID_CONFLICT_CUSTOM:
		return error_plain(
		    err, SUBID_TAKEN,
		    "%s: %s %llu-%llu: set aside for %s: choose others, or,"
		    " if nothing here uses them so, widen the window in"
		    " %s/login.defs, or allow conventional-ids in"
		    " %s/" SUBID_CONF_FILE,
		    what, id, first, last, conflict.who, etc, etc);
	case SUBID_CONFLICT_AVOIDED:
		return error_plain(err, SUBID_TAKEN,
				   "%s: %s %llu-%llu: a container has them, or they rest"
				   " since it was taken away (" SUBID_STATEDIR
				   ", or what LXC, LXD, podman or nspawn has written"
				   " down)",
				   what, id, first, last);
	case SUBID_CONFLICT_BEFORE:
		return error_plain(err, SUBID_TAKEN,
				   "%s: %s %llu-%llu: taken from somebody by the last"
				   " change of %s/%s, and process %d (%s) keeps a user"
				   " namespace out of sight, which may have them: end it"
				   " first",
				   what, id, first, last, etc,
				   subid_kind_table(change.kind), (int)conflict.pid,
				   conflict.who);
	case SUBID_CONFLICT_NEW:
		break;
	}
	return error_plain(err, SUBID_TAKEN,
			   "%s: %s %llu-%llu: given just now, by this command", what, id,
			   first, last);
}
