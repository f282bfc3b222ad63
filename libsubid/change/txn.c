/* SPDX-License-Identifier: MIT */
/*
 * A transaction over two tables, in memory until it is committed: it begins, notes what
 * is changed, writes both or neither, and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "libsubid/tables/tables.h"

struct subid_txn *txn_new(void)
{
	struct subid_txn *txn = calloc(1, sizeof(*txn));

	if (txn != NULL) {
		txn->store.fd = txn->state = txn->note.fd = -1;
		txn->history.ledger = (struct ledger_file)LEDGER_CLOSED;
		txn->history.door = LEDGER_OURS;
	}
	return txn;
}

void subid_txn_free(struct subid_txn **txn)
{
	if (*txn == NULL)
		return;
	subid_txn_release(*txn);
	history_compact(*txn);
	history_free(&(*txn)->history);
	cleanup_close(&(*txn)->state);
	subid_txn_trace_end(*txn);
	known_free(*txn);
	subid_users_free(&(*txn)->users);
	for (size_t i = 0; i < (*txn)->n_old_users; i++)
		subid_users_free(&(*txn)->old_users[i]);
	free((*txn)->old_users);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		subid_table_free(&(*txn)->tables[kind]);
		subid_reservations_free(&(*txn)->reservations[kind]);
	}
	subid_sets_free(&(*txn)->accounts);
	subid_set_free(&(*txn)->unlisted);
	subid_sets_free(&(*txn)->absent);
	subid_sets_free(&(*txn)->live);
	subid_live_free(&(*txn)->snapshot);
	subid_set_free(&(*txn)->hiding);
	subid_sets_free(&(*txn)->before);
	subid_sets_free(&(*txn)->unused);
	subid_sets_free(&(*txn)->taken);
	subid_sets_free(&(*txn)->rests);
	subid_sets_free(&(*txn)->rested);
	subid_sets_free(&(*txn)->unjoined);
	subid_leased_free(&(*txn)->leased);
	subid_conf_free(&(*txn)->conf);
	subid_members_free(&(*txn)->members);
	free((*txn)->changes);
	free(*txn);
	*txn = NULL;
}

/* What was done, by others that are no more first; then it need not be noted any more. */
static void tell(struct subid_txn *txn)
{
	untold_tell(txn);
	trace_tell(txn);
	untold_remove(txn);
}

void subid_txn_release(struct subid_txn *txn)
{
	txn_release_locks(txn);
	tell(txn);
}

/* Who may not change the tables is told so first, whatever else may not be read. */
static int may_lock(const struct subid_txn *txn, struct subid_failure *failure)
{
	failure->file = ".pwd.lock";
	return faccessat(txn->options.etc, ".", W_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int subid_txn_begin(const struct subid_txn_options *options, struct subid_txn **ret,
		    struct subid_failure *ret_failure)
{
	auto_txn_alone struct subid_txn *txn = txn_new();
	int r;

	*ret_failure = (struct subid_failure){ .file = NULL };
	if (txn == NULL)
		return -ENOMEM;
	txn->options = *options;
	txn->is_traced = !options->dry_run && subid_txn_is_host(options);
	r = options->dry_run ? 0 : may_lock(txn, ret_failure);
	if (r == 0)
		r = history_open(txn);
	if (r == 0)
		r = taken_look(txn, ret_failure);
	if (r == 0 && (!options->late || options->dry_run))
		r = txn_lock_and_load(txn, ret_failure);
	if (r != 0)
		return r;
	*ret_failure = (struct subid_failure){ .file = NULL };
	*ret = txn;
	txn = NULL;
	return 0;
}

const struct subid_policy *subid_txn_policy(const struct subid_txn *txn)
{
	return &txn->policy;
}

const struct subid_conf *subid_txn_conf(const struct subid_txn *txn)
{
	return &txn->conf;
}

const struct subid_users *subid_txn_users(const struct subid_txn *txn)
{
	return txn->users;
}

/* With more of them, an index costs less than it saves. */
#define RULES_FEW 8

static int in_group(void *data, const struct subid_owner *owner, const char *group)
{
	struct subid_txn *txn = data;

	return known_in_group(txn, owner, group);
}

int subid_txn_decide(struct subid_txn *txn, const struct subid_owner *owner,
		     struct subid_decision *ret)
{
	struct subid_candidate candidate = {
		.owner = owner,
		.in_group = in_group,
		.data = txn,
	};

	/* each rule about a group looks the owner up */
	if (txn->conf.n_others > RULES_FEW && subid_users_index(txn->users) < 0)
		return -ENOMEM;
	return subid_conf_decide(&txn->conf, &txn->policy, &candidate, ret);
}

int subid_txn_prepare_bulk(struct subid_txn *txn)
{
	/* a transaction over leases knows no accounts */
	int r = txn->users == NULL ? 0 : subid_users_index(txn->users);

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_table_index(&txn->tables[kind]);
	return r;
}

int subid_txn_note(struct subid_txn *txn, enum subid_kind kind, struct id_range range)
{
	if (array_grow(&txn->changes, txn->n_changes, sizeof(*txn->changes)) < 0)
		return -ENOMEM;
	txn->changes[txn->n_changes++] =
	    (struct subid_change){ .kind = kind, .range = range };
	return 0;
}

int subid_txn_end_call(struct subid_txn *txn, int r, struct subid_changes *ret)
{
	txn->broken |= r < 0 && !txn->wants_ledger;
	if (r >= 0)
		*ret =
		    (struct subid_changes){ .list = txn->changes, .n = txn->n_changes };
	return r;
}

bool subid_txn_changed(const struct subid_txn *txn)
{
	return txn_is_changed(txn);
}

int txn_spoil(struct subid_txn *txn, int r)
{
	txn->broken = true;
	/* nothing will be written any more: nobody need wait for what is said of it */
	txn_release_locks(txn);
	return r;
}

/*
 * An editor takes no lock: what it has saved since the table was read would be lost, and
 * while it saves there may be no file at all, which is no empty table.
 */
static int check_as_read(const struct subid_txn *txn, enum subid_kind kind)
{
	const struct subid_table *table = &txn->tables[kind];
	bool alike = false;
	int r;

	if (txn->written[kind])
		return 0;
	r = subid_table_is_alike(txn->options.etc, kind, table, &alike);
	if (r == -ENOENT && !table->exists)
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	return alike && table->exists ? 0 : -ESTALE;
}

/* The new bytes of a table, beside it. */
static int write_draft(const struct subid_txn *txn, enum subid_kind kind,
		       struct subid_replacement **draft,
		       struct subid_failure *ret_failure)
{
	int r;

	ret_failure->file = subid_kind_table(kind);
	r = subid_replacement_open(txn->options.etc, subid_kind_table(kind), draft);
	return r < 0 ? r
		     : subid_table_print(&txn->tables[kind], subid_replacement_write,
					 *draft);
}

/*
 * Both tables must be as they were read, since the one that stays as it is has had its
 * say, too; and what the file system has no room for is known before the ledger says
 * that it is so.
 */
static int make_ready(const struct subid_txn *txn, struct subid_replacement *const *ready,
		      size_t n, struct subid_failure *ret_failure)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		ret_failure->file = subid_kind_table(kind);
		r = check_as_read(txn, kind);
	}
	for (size_t i = 0; r == 0 && i < n; i++) {
		ret_failure->file = NULL; /* it is about both */
		r = subid_replacement_sync(ready[i]);
	}
	return r;
}

int subid_txn_commit(struct subid_txn *txn, struct subid_failure *ret_failure)
{
	auto_replacement struct subid_replacement *uid = NULL, *gid = NULL;
	struct subid_replacement **const drafts[SUBID_KINDS] = { &uid, &gid };
	struct subid_replacement *ready[SUBID_KINDS];
	size_t n = 0;
	int r = txn->broken ? -ECANCELED : holds_join(txn);

	*ret_failure = (struct subid_failure){ .file = NULL };
	/* of a commit before, when somebody has gone on with the locks of that */
	tell(txn);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		if (!txn->tables[kind].changed)
			continue;
		if (txn->options.dry_run)
			return -EPERM;
		if (txn->lock == NULL)
			return -ECANCELED; /* given back since */
		r = write_draft(txn, kind, drafts[kind], ret_failure);
		ready[n++] = *drafts[kind];
	}
	if (r == 0 && n > 0)
		r = make_ready(txn, ready, n, ret_failure);
	if (r == 0 && (n > 0 || history_has_more(txn))) {
		ret_failure->file = HISTORY_FILE;
		r = txn->options.dry_run ? 0 : history_write(txn);
	}
	if (r == 0 && n == 0)
		history_done(txn, true);
	if (r == 0 && n > 0) {
		ret_failure->file = NULL;
		untold_write(txn);
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			if (*drafts[kind] != NULL)
				history_mark(txn, kind, *drafts[kind]);
		r = subid_replacements_commit(ready, n);
		untold_made(txn, r);
		history_done(txn, r == 0);
	}
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		txn->written[kind] |= txn->tables[kind].changed;
		txn->tables[kind].changed = false;
	}
	trace_note_commit(txn, r);
	return r;
}
