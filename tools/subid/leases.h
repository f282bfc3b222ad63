/* SPDX-License-Identifier: MIT */
#pragma once

#include "tools/subid/cli.h"

/*
 * Adds the leases of an owner's containers: those of root's store, and of the owner's
 * own, if that may be looked at.  Leases of other owners may be among them: ask
 * lease_is_of().  name: how the owner is called; it must live as long as *leases.
 * Returns 0, also when there is no store; -errno for home_error(), with the
 * directory in *ret_where.
 */
int cli_leases_load(const struct cli *cli, const struct subid_owner *owner,
		    const char *name, struct homes *homes, struct subid_leases *leases,
		    char ret_where[CLI_CONF_FILE_SIZE]);
