/* SPDX-License-Identifier: MIT */
#pragma once

#include "tools/subid/cli.h"
#include "tools/subid/home.h"

/*
 * Adds the leases of an owner's containers: those of root's store, and of the owner's
 * own, if that may be looked at.  Leases of other owners may be among them: ask
 * cli_lease_is_of().  name: how the owner is called; it must live as long as *leases.
 * Returns 0, also when there is no store; -errno for cli_home_error(), with the
 * directory in *ret_where.
 */
int cli_leases_load(const struct cli *cli, const struct subid_owner *owner,
		    const char *name, struct cli_homes *homes,
		    struct subid_leases *leases, char ret_where[CLI_CONF_FILE_SIZE]);

/* Does a lease belong to the owner, by whatever name? */
bool cli_lease_is_of(const struct subid_lease *lease, const struct subid_owner *owner,
		     const char *name);
