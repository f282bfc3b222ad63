/* SPDX-License-Identifier: MIT */
/*
 * What others have just written is read without the locks, if it is long.
 *
 * Threat: on a large host useradd waits while we read tables and ledger again under the
 * locks, each time that somebody has changed them in between.  So the locks are given
 * back for that, but not for ever: who changes them all the time would keep us out.
 */
#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

#define LONG_TABLE (256U << 10) /* bytes */
#define CATCH_UPS  4

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

int behind_lock(struct subid_txn *txn, struct subid_failure *failure)
{
	for (int i = 0;; i++) {
		int r;

		/* who is about to take ids away needs all of it */
		if (txn->options.no_grants || txn->needs_ledger)
			rests_read(txn);
		r = txn->options.dry_run ? 0 : txn_take_locks(txn, failure);
		if (r != 0 || txn->lock == NULL || i == CATCH_UPS || !is_behind(txn))
			return r;
		txn_release_locks(txn);
		r = taken_catch_up(txn, failure);
		if (r != 0)
			return r;
	}
}
