/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/lease.h"
#include "tools/subid/leases.h"

int cli_leases_load(const struct cli *cli, const struct subid_owner *owner,
		    const char *name, struct cli_homes *homes,
		    struct subid_leases *leases, char ret_where[CLI_CONF_FILE_SIZE])
{
	auto_store struct cli_store store = { .fd = -1 }, other = { .fd = -1 };
	const struct cli_store *at = &store;
	int r = cli_store_find(cli, &store);

	/* a user asks about others: her own store is none of theirs */
	if (store.user != NULL && (!owner->has_account || owner->uid != getuid())) {
		cli_store_close(&store);
		r = 0;
	}
	if (r == 0)
		r = cli_store_leases(&store, name, leases);
	if (r == 0) {
		at = &other;
		r = cli_store_find_other(cli, owner, homes, &other);
	}
	if (r == 0)
		r = cli_store_leases(&other, name, leases);
	(void)snprintf(ret_where, CLI_CONF_FILE_SIZE, "%s", at->cli.etc_name);
	return r;
}

bool cli_lease_is_of(const struct subid_lease *lease, const struct subid_owner *owner,
		     const char *name)
{
	size_t len = strlen(lease->owner);

	for (size_t i = 0; i < owner->n; i++)
		if (owner->spellings[i].len == len &&
		    memcmp(owner->spellings[i].text, lease->owner, len) == 0)
			return true;
	return strcmp(lease->owner, name) == 0;
}
