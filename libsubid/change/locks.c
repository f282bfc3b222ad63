/* SPDX-License-Identifier: MIT */
/*
 * The locks of the account database: taken late, and given back as soon as can be.
 *
 * Threat: on a large host useradd waits while we read tables and ledger again under the
 * locks, each time that somebody has changed them in between.  So what is long to read
 * is read without them, and they are given back for that, but not for ever: who changes
 * the tables all the time would keep us out.
 */
#include <errno.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

#define LONG_TABLE (256U << 10) /* bytes */
#define CATCH_UPS  4

/* Warnings wait for who reads them: while others wait for us they are kept. */
void txn_release_locks(struct subid_txn *txn)
{
	bool had = txn->lock != NULL;

	subid_lock_release(&txn->lock);
	if (!had || txn->sys == NULL)
		return;
	system_keep_warnings(txn->sys, false);
	if (txn->warns_unlisted)
		own_warn_unlisted(txn);
}

static int take_locks(struct subid_txn *txn, struct subid_failure *failure)
{
	const struct subid_txn_options *options = &txn->options;
	int r;

	failure->file = ".pwd.lock";
	failure->waited_ms = options->timeout_ms;
	r = subid_lock_take(options->etc, options->timeout_ms, &options->wait, &txn->lock,
			    &failure->holder);
	if (r == 0 && txn->sys != NULL)
		system_keep_warnings(txn->sys, true);
	return r;
}

/* Are tables that are long to read not as they were read? */
static bool is_behind(const struct subid_txn *txn)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		bool same = true;

		if (txn->tables[kind].text.size >= LONG_TABLE &&
		    history_is_as_read(txn, kind, &same) == 0 && !same)
			return true;
	}
	return false;
}

/* When what is long to read has been read: tables that others have changed meanwhile,
 * and all of the ledger if that is needed. */
static int lock_read_up(struct subid_txn *txn, struct subid_failure *failure)
{
	for (int i = 0;; i++) {
		int r;

		/* who is about to take ids away needs all of it */
		if (txn->options.no_grants || txn->needs_ledger)
			rests_read(txn);
		r = txn->options.dry_run ? 0 : take_locks(txn, failure);
		if (r != 0 || txn->lock == NULL || i == CATCH_UPS || !is_behind(txn))
			return r;
		txn_release_locks(txn);
		r = taken_catch_up(txn, failure);
		if (r != 0)
			return r;
	}
}

bool txn_unlock(struct subid_txn *txn)
{
	if (txn->lock == NULL || txn->broken || txn_is_changed(txn))
		return false;
	txn_release_locks(txn);
	return true;
}

/* Reads under the locks what others may have changed, once they are had. */
static int lock_once(struct subid_txn *txn, struct subid_failure *failure)
{
	int r = lock_read_up(txn, failure);

	/* what was committed before is in the file that is read now */
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		txn->written[kind] = false;
	txn->hint = (struct place_hint){ .start = 0 };
	if (r == 0)
		r = taken_load(txn, failure);
	if (r == 0 && txn->lock != NULL)
		untold_find(txn);
	if (r != 0)
		txn_release_locks(txn);
	return r;
}

/* Who writes a table at this moment without the locks is waited for, but not with them.
 */
int txn_lock_and_load(struct subid_txn *txn, struct subid_failure *failure)
{
	int r = lock_once(txn, failure);

	if (r != -ESTALE)
		return r;
	r = settled_wait(txn, failure);
	return r == 0 ? lock_once(txn, failure) : r;
}

int txn_lock(struct subid_txn *txn, struct subid_failure *failure)
{
	bool has = txn->lock != NULL || txn->options.dry_run || txn->users == NULL;

	return has ? 0 : txn_lock_and_load(txn, failure);
}

int txn_lock_tables(struct subid_txn *txn, struct subid_error *err)
{
	struct subid_failure failure = { .file = NULL };
	int r = txn_lock(txn, &failure);

	return r == 0 ? 0 : error_failure(err, txn->sys, r, &failure);
}
