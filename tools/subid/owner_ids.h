/* SPDX-License-Identifier: MIT */
/*
 * Whose ids: OWNER or OWNER/NAME, as it is typed, and what it has.
 */
#pragma once

#include "tools/subid/cli.h"

struct owner_ids {
	char *name;	 /* OWNER as it was typed */
	char *container; /* NAME, or NULL */
	struct subid_owner owner;
	struct subid_set all[SUBID_KINDS]; /* what the owner's lines give */
	struct subid_set ids[SUBID_KINDS]; /* of NAME; or all that no container has */
	size_t n_leases;		   /* of all its containers */
	bool doubled;			   /* two lines of the owner have ids in common */
};

void owner_ids_free(struct owner_ids *share);

#define auto_owner_ids __attribute__((cleanup(owner_ids_free)))

/*
 * Finds what text means.  users must live longer than *ret; leases: those of the
 * owner's containers, or NULL, and they are read.  The status, after a complaint if
 * it is not EXIT_DONE.
 */
int owner_ids_find(const struct cli *cli, const struct subid_users *users,
		   const struct subid_table *const tables[SUBID_KINDS],
		   const struct subid_leases *leases, const char *text,
		   struct owner_ids *ret);
