/* SPDX-License-Identifier: MIT */
/*
 * What has become of the ledger, in words.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/files.h"

/* Threat: what is taken away or given back while nobody can write down whose it was would
 * be the next owner's, with all that the last one left. */
int history_is_missing(struct subid_error *err, const struct subid *sys, int r)
{
	return error_plain(err, r,
			   "%.*s" HISTORY_FILE ": %s: without it nothing is taken back or"
			   " given back, since nobody would know whose the ids were",
			   (int)sys->name_len, sys->etc_name,
			   r == -EPERM ? "others than root can write it or its directory"
			   : r == -EBUSY ? "another process has locked it"
					 : open_why(-r));
}

void history_warn(const struct subid *sys, const struct subid_txn *txn)
{
	const struct history *history = &txn->history;
	bool leases = history->about == LEDGER_LEASES;

	if (history->was_damaged)
		system_warn(sys, SUBID_NOTE_WARNING,
			    "%.*s" HISTORY_FILE ": damaged: what could be read of it is"
			    " kept, and whose other ids were is not known any more",
			    (int)sys->name_len, sys->etc_name);
	if (history->was_lost)
		system_warn(sys, SUBID_NOTE_WARNING,
			    "%.*s" HISTORY_FILE ": lost: it is made anew from the %s,"
			    " and what others had before is not known any more",
			    (int)sys->name_len, sys->etc_name,
			    leases ? "leases" : "tables");
	if (history->was_old)
		system_warn(sys, SUBID_NOTE_WARNING,
			    "%.*s" HISTORY_FILE ": older than the %s: what they name"
			    " is added to it, and what else others had since then is not"
			    " known any more",
			    (int)sys->name_len, sys->etc_name,
			    leases ? "leases" : "tables");
	if (history->was_set_back && leases)
		system_warn(sys, SUBID_NOTE_WARNING,
			    "%.*s" SUBID_STATEDIR ": the leases are as they were once"
			    " before: what containers have had since then rests",
			    (int)sys->name_len, sys->etc_name);
	else if (history->was_set_back)
		system_warn(sys, SUBID_NOTE_WARNING,
			    "%s: subuid and subgid are as they were once before: what"
			    " lines have had since then rests",
			    sys->etc_name);
}

void history_warn_leases(const struct subid *sys, const struct subid_txn *txn,
			 struct subid_txn *leases)
{
	/* once is enough */
	leases->history.was_old &= !txn->history.was_lost;
	history_warn(sys, leases);
}
