/* SPDX-License-Identifier: MIT */
/*
 * What commands that change something say at their end: how a change is undone, and what
 * is to be done next.  On standard error, and not with -q.
 */
#pragma once

#include "tools/subid/rows.h"

/* How what is in the rows, just revoked, is given back.  group: whose members all of the
 * owners are, or NULL. */
void advise_undo(const struct cli *cli, const struct range_list *rows, bool leases,
		 const char *group);

/* Warns, after a change, if the tables are made anew by something else: then it is lost.
 */
void advise_generated(const struct cli *cli);

/* What comes after a revocation, on a terminal: files that have the ids. */
void advise_after_revoke(const struct cli *cli, const struct range_list *rows);

/* What comes after a grant to n owners: for one, on a terminal, that it had other ids
 * before, if these are new, and that podman keeps the ranges that it found when it began;
 * who has no account, and so no range for shadow's library. */
void advise_after_grant(const struct cli *cli, struct subid *sys, const char *owners,
			size_t n, bool new_ids, bool force_unknown);
