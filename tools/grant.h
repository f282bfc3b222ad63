/* SPDX-License-Identifier: MIT */
/*
 * The owners that subid grant gives to, in the order in which they were named.
 */
#pragma once

#include "cli.h"

struct grant_owners {
	char *names; /* of the n owners, one behind the other, each terminated */
	size_t size;
	size_t room;
	size_t n;
};

void grant_owners_free(struct grant_owners *owners);

/* 0 or -ENOMEM. */
int grant_owners_add(struct grant_owners *owners, const char *name);

/* Those in a file, one a line, "-": standard input.  The status, after a complaint. */
int grant_owners_read(struct grant_owners *owners, const char *from);

/*
 * The members of a group (or NULL), and all, as far as policy gives to them; says how
 * many it does not.  The status, after a complaint.
 */
int grant_owners_choose(const struct cli *cli, struct grant_owners *owners,
			struct subid_txn *txn, const char *group, bool all);
