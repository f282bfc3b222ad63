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
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "libsubid/tables/tables.h"

/* --- the policy -----------------------------------------------------------------------
 */

static int policy_load(struct subid_txn *txn, struct subid_failure *failure)
{
	struct subid_conf_place place;
	int r;

	failure->file = "login.defs";
	r = subid_policy_load(txn->options.etc, txn->options.nss, &txn->policy,
			      &failure->place);
	if (r != 0)
		return r;
	failure->file = SUBID_CONF_FILE;
	r = subid_conf_load(&(struct subid_conf_source){ .path = txn->options.conf,
							 .etc = txn->options.etc,
							 .vendor = txn->options.vendor,
							 .follow = txn->options.nss },
			    NULL, &txn->conf, &place);
	if (r != 0) {
		failure->place = place.place;
		(void)memcpy(failure->conf, place.file, sizeof(failure->conf));
	}
	return r;
}

/* --- the tables --------------------------------------------------------------------- */

int taken_load_tables(struct subid_txn *txn, struct subid_failure *failure)
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

/*
 * The tables under the locks.  What lines had a moment ago, when it was looked at what
 * runs, and have no more, is not given: a container that began meanwhile may have it.
 */
int taken_catch_up(struct subid_txn *txn, struct subid_failure *failure)
{
	bool uids = false, gids = false;
	int r;

	failure->file = subid_kind_table(SUBID_UID);
	r = history_is_as_read(txn, SUBID_UID, &uids);
	if (r == 0) {
		failure->file = subid_kind_table(SUBID_GID);
		r = history_is_as_read(txn, SUBID_GID, &gids);
	}
	if (r == 0 && !(uids && gids))
		r = settled_look(txn, failure);
	if (r < 0 || (uids && gids))
		return r;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set lines = { .n = 0 };

		if (txn->options.proc >= 0)
			r = subid_table_taken(&txn->tables[kind], &lines);
		if (r == 0)
			r = subid_set_unite(&txn->before.of[kind], &lines);
		subid_table_free(&txn->tables[kind]);
	}
	if (r == 0)
		r = taken_load_tables(txn, failure);
	return r == 0 ? history_look(txn, failure) : r;
}

/* --- accounts ------------------------------------------------------------------------
 */

static int load_accounts(struct subid_txn *txn, struct subid_failure *failure)
{
	int r = subid_users_load(txn->options.etc, txn->options.nss, &txn->users,
				 &failure->file);

	for (enum subid_kind kind = 0; r == 0 && !txn->options.look && kind < SUBID_KINDS;
	     kind++)
		r = subid_users_taken(txn->users, kind, &txn->accounts.of[kind]);
	return r;
}

/* The local files alone: to ask the name service takes as long as that wants. */
static int reload_accounts(struct subid_txn *txn, struct subid_failure *failure)
{
	int r;

	if (array_grow(&txn->old_users, txn->n_old_users, sizeof(struct subid_users *)) <
	    0)
		return -ENOMEM;
	txn->old_users[txn->n_old_users++] = txn->users;
	txn->users = NULL;
	subid_members_free(&txn->members);
	r = subid_users_load(txn->options.etc, txn->options.nss, &txn->users,
			     &failure->file);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_users_taken_local(txn->users, kind, &txn->accounts.of[kind]);
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

/* Is what no process is in to be sought?  Without the ledger nobody knows what others
 * have freed; but it takes long, and a login does not wait for that. */
static bool seeks_hidden(const struct subid_txn *txn)
{
	if (!txn->options.ledger || txn->options.search)
		return true;
	return !txn->options.by_login && history_is_blind(txn);
}

static int load_live(struct subid_txn *txn, struct subid_failure *failure)
{
	/* what is left from here on is not what was sought for */
	uint64_t known = txn->history.ledger.seq;
	bool seeks = seeks_hidden(txn);
	int proc = txn->options.proc, r;

	if (proc < 0)
		return 0;
	failure->file = "/proc";
	r = subid_live_read(proc, seeks ? SUBID_LIVE_BOUNDED : SUBID_LIVE_PROCESSES,
			    &txn->snapshot);
	if (r < 0)
		return r;
	subid_live_unreadable(proc, &txn->snapshot, &txn->unseen);
	if (txn->unseen.n > 0) {
		failure->unseen = txn->unseen;
		return -EACCES;
	}
	r = subid_live_in_use(proc, &txn->snapshot, SUBID_ID_NONE, &txn->live);
	if (r == 0)
		r = own_find_absent(&txn->snapshot, &txn->absent);
	if (r == 0 && txn->unseen.n_hidden > 0)
		r = load_before(txn, failure);
	return r == 0 && seeks ? sought_note(txn, known) : r;
}

int taken_search(struct subid_txn *txn, struct subid_failure *failure)
{
	if (txn->options.search || txn->options.proc < 0)
		return 0;
	txn->options.search = true;
	subid_live_free(&txn->snapshot);
	subid_sets_free(&txn->live);
	return load_live(txn, failure);
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
	auto_set struct subid_set taken = { .n = 0 };
	struct subid_text text = { .bytes = NULL };
	int r = subid_text_read(store, subid_kind_table(kind), false, &text);

	if (r == 0)
		r = subid_table_from_text(kind, &text, &table);
	if (r == 0)
		r = subid_table_taken(&table, &taken);
	if (r == 0)
		r = subid_set_unite(ret, &taken);
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

/* --- all of it ----------------------------------------------------------------------
 */

/* The end of the highest range that is not above the window. */
static uint64_t top_of(const struct subid_set *set, struct id_range window)
{
	uint64_t top = window.start;

	for (size_t i = set->n; i > 0; i--) {
		struct id_range common = id_range_common(set->ranges[i - 1], window);

		if (common.count > 0)
			return id_range_end(common);
	}
	return top;
}

/*
 * Without the ledger a login gives what lies above all that anything names: whatever was
 * freed below may still be somebody's.
 */
static int add_all_below(struct subid_txn *txn)
{
	const struct subid_sets *const named[] = { &txn->live, &txn->before,
						   &txn->leased.ids, &txn->history.seen };
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		struct id_range window = subid_window_range(&txn->policy.window[kind]);
		auto_set struct subid_set lines = { .n = 0 };
		uint64_t top;

		r = subid_table_taken(&txn->tables[kind], &lines);
		top = top_of(&lines, window);
		for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
			uint64_t other = top_of(&named[i]->of[kind], window);

			top = other > top ? other : top;
		}
		if (r == 0)
			r = subid_set_insert(&txn->rests.of[kind],
					     id_range_between(window.start, top));
	}
	return r;
}

/* And what is given to nobody while there is anything else. */
static int unite_rests(struct subid_txn *txn)
{
	int r = subid_sets_unite(&txn->rests, &txn->taken);

	if (r == 0)
		r = subid_sets_unite(&txn->rests, &txn->history.seen);
	if (r == 0 && txn->options.by_login && history_is_blind(txn))
		r = add_all_below(txn);
	return r;
}

/* Everything that must not be given, in one sorted set for each kind. */
static int unite_taken(struct subid_txn *txn)
{
	const struct subid_sets *const parts[] = { &txn->accounts, &txn->live,
						   &txn->before, &txn->leased.ids,
						   &txn->absent };
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		struct subid_set *taken = &txn->taken.of[kind];

		r = subid_table_taken(&txn->tables[kind], taken);
		if (r == 0)
			r = subid_set_unite(taken, &txn->reservations[kind].never);
		if (r == 0 && !txn->options.import)
			r = subid_set_unite(taken, &txn->reservations[kind].pools);
	}
	for (size_t i = 0; r == 0 && i < sizeof(parts) / sizeof(parts[0]); i++)
		r = subid_sets_unite(&txn->taken, parts[i]);
	return r == 0 && txn->options.ledger ? unite_rests(txn) : r;
}

int taken_again(struct subid_txn *txn)
{
	subid_sets_free(&txn->taken);
	return unite_taken(txn);
}

static int list_reservations(struct subid_txn *txn)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		subid_reservations_free(&txn->reservations[kind]);
		r = subid_reservations_list(&txn->policy, &txn->conf, kind,
					    &txn->reservations[kind]);
	}
	return r;
}

/* --- before and under the locks -------------------------------------------------------
 */

/* What is read before the locks and may be changed by those who had them.  What a link
 * leads to counts, where it is followed. */
static const struct {
	const char *name;
	bool of_root; /* below the root directory, from its '/' on; else in etc */
	enum taken_part part;
} watched[TAKEN_WATCHED] = {
	{ "passwd", false, TAKEN_ACCOUNTS },
	{ "group", false, TAKEN_ACCOUNTS },
	{ "nsswitch.conf", false, TAKEN_ACCOUNTS },
	{ "login.defs", false, TAKEN_POLICY },
	{ SUBID_CONF_FILE, false, TAKEN_POLICY },
	{ SUBID_CONF_DIR, false, TAKEN_POLICY },
	{ SUBID_STATEDIR "/subuid", true, TAKEN_LEASES },
	{ SUBID_STATEDIR "/subgid", true, TAKEN_LEASES },
#if SUBID_ECONF
	{ "login.defs.d", false, TAKEN_POLICY },
	{ "../usr/etc/login.defs", false, TAKEN_POLICY },
	{ "../usr/etc/login.defs.d", false, TAKEN_POLICY },
#endif
};

static struct taken_facts look_at(const struct subid_txn *txn, size_t i)
{
	int dir = watched[i].of_root ? txn->options.root : txn->options.etc;
	struct stat st;

	if ((watched[i].of_root && !txn->options.leased) ||
	    fstatat(dir, watched[i].name + watched[i].of_root, &st, 0) < 0)
		return (struct taken_facts){ .inode = 0 };
	return (struct taken_facts){
		.device = st.st_dev,
		.inode = st.st_ino,
		.size = st.st_size,
		.modified = st.st_mtim,
		.changed = st.st_ctim,
	};
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Which parts are to be read again: bits 1 << enum taken_part. */
static unsigned int changed_parts(const struct subid_txn *txn)
{
	unsigned int parts = 0;

	for (size_t i = 0; i < TAKEN_WATCHED; i++) {
		const struct taken_facts *then = &txn->facts[i];
		struct taken_facts now = look_at(txn, i);

		if (now.device != then->device || now.inode != then->inode ||
		    now.size != then->size || !same_time(now.modified, then->modified) ||
		    !same_time(now.changed, then->changed))
			parts |= 1U << watched[i].part;
	}
	return parts;
}

int taken_look(struct subid_txn *txn, struct subid_failure *failure)
{
	int r;

	/* first: what changes from here on is read again */
	for (size_t i = 0; i < TAKEN_WATCHED; i++)
		txn->facts[i] = look_at(txn, i);
	r = txn->options.look ? 0 : settled_wait(txn, failure);
	if (r == 0)
		r = policy_load(txn, failure);
	/* before what runs: of what lines that go meanwhile gave, see taken_catch_up() */
	if (r == 0)
		r = taken_load_tables(txn, failure);
	if (r == 0)
		r = load_accounts(txn, failure);
	if (r == 0)
		r = history_look(txn, failure);
	if (r == 0)
		r = load_live(txn, failure);
	if (r == 0 && !txn->options.look)
		r = own_load(txn, failure);
	return r == 0 ? load_leased(txn, failure) : r;
}

int taken_load(struct subid_txn *txn, struct subid_failure *failure)
{
	unsigned int parts = txn->lock == NULL ? 0 : changed_parts(txn);
	int r = txn->lock == NULL ? 0 : taken_catch_up(txn, failure);

	if (r == 0 && (parts & 1U << TAKEN_POLICY) != 0) {
		subid_conf_free(&txn->conf);
		r = policy_load(txn, failure);
	}
	if (r == 0 && (parts & 1U << TAKEN_ACCOUNTS) != 0)
		r = reload_accounts(txn, failure);
	if (r == 0 && (parts & 1U << TAKEN_LEASES) != 0)
		r = read_store(txn->options.root, &txn->leased, &failure->file);
	if (r == 0)
		r = list_reservations(txn);
	return r == 0 ? taken_again(txn) : r;
}
