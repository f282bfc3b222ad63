/* SPDX-License-Identifier: MIT */
/*
 * To whom subid grant gives.
 */
#pragma once

#include "tools/subid/cli.h"

/*
 * Adds the members of a group (or NULL), and all, as far as policy gives to them, each
 * uid once; says how many it does not.  The status, after a complaint.
 */
int grant_owners_choose(const struct cli *cli, struct cli_names *owners,
			struct subid_txn *txn, const char *group, bool all);
