/* SPDX-License-Identifier: MIT */
/*
 * What another user keeps at home, for root.  Nothing else in the programs opens what
 * lies there.
 *
 * Threat: the user owns it all, and can mount a file system (FUSE) over it that never
 * answers.  So a child looks, while root waits for no longer than it wants to.
 */
#pragma once

#include "libsubid/accounts/accounts.h"
#include "libsubid/change/change.h"
#include "libsubid/core/child.h"
#include "libsubid/runtimes/runtimes.h"

/* How homes are looked into: for how long, and how large a file of a store is read. */
struct cli_homes {
	struct child_patience patience;
	size_t file_max;
};

/* Locks may be held meanwhile, for which others wait up to 15 seconds. */
#define CLI_HOME_PATIENCE_S 3
#define CLI_HOMES                                                                        \
	{                                                                                \
		.patience = { .one_ms = (int64_t)CLI_HOME_PATIENCE_S * 1000,             \
			      .all_ms = 10000 },                                         \
		.file_max = SUBID_LEASE_SIZE_MAX                                         \
	}

/* Why it could not be read, for a message: what strerror(3) says, or of our patience. */
const char *cli_home_error(int error);

/* The files of a user's store, one behind the other; bytes NULL: there is no store. */
struct cli_home_store {
	struct subid_text text;
	size_t sizes[SUBID_KINDS];
};

/* Reads the store below home: see subid_lease_open_user().  0, and the caller frees the
 * text; what child_run() and subid_text_read_max() fail with. */
int cli_home_read_store(const char *home, uint32_t uid, struct cli_homes *homes,
			struct cli_home_store *ret);

/* subid_runtime_read() of what the user's runtimes have written down below home; of
 * place dir is set here.  A home that is not there has nothing. */
int cli_home_read_runtimes(const char *home, const struct subid_runtime_place *place,
			   struct cli_homes *homes, struct subid_runtime_state *state);
