/* SPDX-License-Identifier: MIT */
/*
 * What runs has a say in what is given, and so has what cannot be seen of it.
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

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

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

int subid_txn_load_live(struct subid_txn *txn, struct subid_failure *failure)
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
