/* SPDX-License-Identifier: MIT */
#include "tools/subid/leases.h"

int cli_leases_load(const struct cli *cli, const struct subid_owner *owner,
		    const char *name, struct homes *homes, struct subid_leases *leases,
		    char ret_where[CLI_CONF_FILE_SIZE])
{
	auto_system struct subid *sys = NULL;
	int r = subid_open(cli->root, &sys, NULL);

	return r == 0 ? leases_of_owner(sys, owner, name, homes, leases, ret_where) : r;
}
