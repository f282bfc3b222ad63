/* SPDX-License-Identifier: MIT */
/*
 * The ids of an operand: OWNER or OWNER/NAME.
 */
#pragma once

#include "tools/subid/cli.h"

struct owner_ids {
	char *name;	 /* OWNER as it was typed */
	char *container; /* NAME, or NULL */
	struct subid_owner owner;
	struct subid_sets all; /* of the owner's lines */
	struct subid_sets ids; /* of NAME; or all that are not leased */
	size_t n_leases;       /* of all its containers */
	bool doubled;	       /* two lines of the owner overlap */
};

void owner_ids_free(struct owner_ids *share);

#define auto_owner_ids __attribute__((cleanup(owner_ids_free)))

/*
 * Finds the ids of text.  users must outlive *ret; leases: of the owner's containers, or
 * NULL to read them.  The status, after an error message if it is not EXIT_DONE.
 */
int owner_ids_find(const struct cli *cli, const struct subid_users *users,
		   const struct subid_table *const tables[SUBID_KINDS],
		   const struct subid_leases *leases, const char *text,
		   struct owner_ids *ret);
