/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/leases.h"
#include "tools/subid/owner_ids.h"

void owner_ids_free(struct owner_ids *share)
{
	subid_sets_free(&share->all);
	subid_sets_free(&share->ids);
	subid_owner_free(&share->owner);
	free(share->name);
	free(share->container);
	*share = (struct owner_ids){ .name = NULL };
}

/* The ids of the owner's lines, under any of its names. */
static int add_lines(struct owner_ids *share, const struct subid_table *table)
{
	struct subid_set *all = &share->all.of[table->kind];
	const struct subid_owner *owner = &share->owner;
	auto_free struct subid_owned_range *lines = NULL;
	uint64_t sum = 0;
	size_t n = 0;
	int r = subid_owned_ranges(&table->text, owner->spellings, owner->n, &lines, &n);

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = subid_set_insert(all, lines[i].range);
		sum += lines[i].range.count;
	}
	share->doubled |= sum != subid_set_size(all);
	return r;
}

static int split(const struct cli *cli, const char *text, struct owner_ids *share)
{
	size_t len = strcspn(text, "/");

	share->name = strndup(text, len);
	if (text[len] == '/')
		share->container = strdup(text + len + 1);
	if (share->name == NULL || (text[len] == '/' && share->container == NULL))
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	if (share->container != NULL && share->container[0] == '\0')
		return cli_misused(cli, "%s: missing container NAME", text);
	return EXIT_DONE;
}

/* The container's leases; without a container, all ids that are not leased. */
static int choose_ids(struct owner_ids *share, const struct subid_leases *leases)
{
	auto_sets struct subid_sets leased = { .of = { { .n = 0 } } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < leases->n; i++) {
		const struct subid_lease *lease = &leases->list[i];

		if (!lease_is_of(lease, &share->owner, share->name) ||
		    subid_owner_is_hold(lease->name, strlen(lease->name)))
			continue;
		share->n_leases++;
		if (share->container == NULL ||
		    strcmp(share->container, lease->name) == 0)
			r = subid_set_insert(&leased.of[lease->kind], lease->range);
	}
	if (r < 0)
		return r;
	return share->container == NULL
		   ? subid_sets_subtract(&share->all, &leased, &share->ids)
		   : subid_sets_unite(&share->ids, &leased);
}

/* Do the tables still grant the container's ids to its owner? */
static bool is_held(const struct owner_ids *share)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		for (size_t i = 0; i < share->ids.of[kind].n; i++)
			if (!subid_set_contains(&share->all.of[kind],
						share->ids.of[kind].ranges[i]))
				return false;
	return true;
}

static int add_leases(struct owner_ids *share, const struct subid_leases *leases)
{
	if (choose_ids(share, leases) < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	if (share->container == NULL)
		return EXIT_DONE;
	if (subid_sets_empty(&share->ids))
		return cli_complain(EXIT_NO, "%s/%s: no such lease", share->name,
				    share->container);
	if (!is_held(share))
		return cli_complain(EXIT_NO, "%s/%s: %s no longer holds all of its ids",
				    share->name, share->container, share->name);
	return EXIT_DONE;
}

static int read_leases(const struct cli *cli, struct owner_ids *share)
{
	auto_leases struct subid_leases leases = { .n = 0 };
	struct homes homes = HOMES;
	char where[CLI_CONF_FILE_SIZE];
	int r = cli_leases_load(cli, &share->owner, share->name, &homes, &leases, where);

	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s: leases cannot be read", where,
				    home_error(r));
	return add_leases(share, &leases);
}

int owner_ids_find(const struct cli *cli, const struct subid_users *users,
		   const struct subid_table *const tables[SUBID_KINDS],
		   const struct subid_leases *leases, const char *text,
		   struct owner_ids *ret)
{
	int status = split(cli, text, ret), r;

	if (status != EXIT_DONE)
		return status;
	r = subid_owner_find(users, ret->name, &ret->owner);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: cannot be looked up: %s", ret->name,
				    strerror(-r));
	if (r == SUBID_INVALID)
		return cli_complain(EXIT_NO, "%s: invalid owner name", ret->name);
	for (enum subid_kind kind = 0; r >= 0 && kind < SUBID_KINDS; kind++)
		r = add_lines(ret, tables[kind]);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(-r));
	if (!ret->owner.has_account && subid_sets_empty(&ret->all))
		return cli_complain(EXIT_NO,
				    "%s: no such account, and no range has this owner",
				    ret->name);
	return leases == NULL ? read_leases(cli, ret) : add_leases(ret, leases);
}
