/* SPDX-License-Identifier: MIT */
#pragma once

#include "libsubid/names/names.h"
#include "libsubid/tables/tables.h"

/* An account of passwd, to know whom a number at the head of a line means. */
struct names_account {
	uint32_t uid;
	uint32_t name; /* offset in passwd */
	uint32_t len;
};

/* What the local files say of accounts and groups. */
struct names_accounts {
	struct subid_text passwd;
	struct subid_text group;
	struct names_account *list; /* by uid, then in the order of the file */
	size_t n;
	struct subid_set ids; /* that accounts, or groups, have */
	/* names with a '+' of accounts, or groups, in order */
	struct subid_owner_name *plus;
	size_t n_plus;
};

struct subid_names {
	struct names_accounts accounts;
	struct subid_table table;
	struct subid_id_index by_id;
	struct subid_table leases; /* indexed by owner: "OWNER/CONTAINER" */
	struct subid_id_index leased;
	/* by entry of leases: how many ids its container has below; the container's own
	 * number of the entry's first id */
	uint64_t *inside;
};

/* Reads passwd and, for gids, group.  0 or -errno. */
int names_accounts_load(int etc, enum subid_kind kind, struct names_accounts *ret);

void names_accounts_free(struct names_accounts *accounts);

/* The name of the first account with a uid.  False if there is none. */
bool names_account_of(const struct names_accounts *accounts, uint32_t uid,
		      struct subid_owner_name *ret);
