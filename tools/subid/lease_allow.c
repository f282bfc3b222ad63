/* SPDX-License-Identifier: MIT */
/*
 * Grants that cannot be taken back, because of leases.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/lease.h"

#define NAMED_MAX 20

/*
 * Whoever's they are: a name that a lease has may be the owner's, though nobody knows any
 * more, once the account is gone.
 */
static size_t name_leases(const struct subid_leases *leases,
			  const struct subid_changes *changes)
{
	size_t n = 0;

	for (size_t i = 0; i < leases->n; i++) {
		const struct subid_lease *lease = &leases->list[i];
		bool meets = false;

		for (size_t k = 0; k < changes->n; k++)
			meets |= changes->list[k].kind == lease->kind &&
				 id_range_overlaps(changes->list[k].range, lease->range);
		if (!meets || n++ >= NAMED_MAX)
			continue;
		(void)cli_complain(0, "%s/%s: %s %u-%llu are leased to this container",
				   lease->owner, lease->name,
				   subid_kind_name(lease->kind), lease->range.start,
				   (unsigned long long)id_range_end(lease->range) - 1);
	}
	if (n > NAMED_MAX)
		(void)cli_complain(0, "and %zu more", n - NAMED_MAX);
	return n;
}

/*
 * How many leases of the ids the owner's own store has; -1: it cannot be read.  Threat:
 * a user's store may say anything; it keeps root from taking the user's own ids back,
 * until root says --force, and from nothing else.
 */
static ssize_t name_users_leases(const struct cli_taking *taking)
{
	const struct subid_owner_name *spelling = &taking->owner->spellings[0];
	auto_free char *name = strndup(spelling->text, spelling->len);
	auto_store struct cli_store other = { .fd = -1 };
	auto_leases struct subid_leases leases = { .list = NULL };
	struct cli_homes homes = CLI_HOMES;
	int r = cli_store_find_other(taking->cli, taking->owner, &homes, &other);

	if (r == 0)
		r = name == NULL ? -ENOMEM : cli_store_leases(&other, name, &leases);
	if (r == 0)
		return (ssize_t)name_leases(&leases, taking->changes);
	(void)cli_complain(0, "warning: %s: %s: leases that are there do not count",
			   other.cli.etc_name, cli_home_error(r));
	return -1;
}

int cli_leases_allow(struct cli_taking *taking, struct subid_txn **ret_lock)
{
	auto_store struct cli_store store = { .fd = -1 };
	auto_leases struct subid_leases leases = { .list = NULL };
	ssize_t n_users = -1;
	size_t n;
	int r, status = taking->dry_run ? cli_store_open(taking->cli, false, &store)
					: cli_store_open_lockable(taking->cli, &store);

	/* without root's rights nothing will be changed anyway */
	if (status != EXIT_DONE || store.user != NULL)
		return status;
	status = cli_store_begin(&store, taking->dry_run, ret_lock);
	if (status != EXIT_DONE)
		return status;
	r = cli_store_leases(&store, NULL, &leases);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", store.cli.etc_name,
				    strerror(-r));
	n = name_leases(&leases, taking->changes);
	if (!taking->force)
		n_users = name_users_leases(taking);
	taking->looks_again = n_users >= 0;
	if (n == 0 && n_users <= 0)
		return EXIT_DONE;
	return cli_complain(EXIT_NO, "nothing was changed: 'subid revoke' these first%s",
			    n_users <= 0 ? ""
			    : n > 0 ? "; those that the user has given as the user, or"
				      " use --force for them"
				    : ", as the user that has them, or use --force");
}

int cli_leases_look_again(const struct cli_taking *taking, bool frees)
{
	static const char held[] = "the range is taken back, but the ids are held: 'subid"
				   " unhold' frees them";
	const struct subid_owner_name *name = &taking->owner->spellings[0];
	ssize_t n = taking->looks_again ? name_users_leases(taking) : 0;

	if (n == 0 || (n < 0 && !frees))
		return EXIT_DONE;
	if (n < 0)
		return cli_complain(EXIT_UNABLE,
				    "%.*s: whether leases were given meanwhile cannot be"
				    " seen: %s",
				    (int)name->len, name->text, held);
	return cli_complain(
	    frees ? EXIT_NO : EXIT_DONE,
	    "%s%.*s: these were given meanwhile, and are worth nothing now:"
	    " 'subid revoke' them as the user that has them%s%s",
	    frees ? "" : "warning: ", (int)name->len, name->text, frees ? "; " : "",
	    frees ? held : "");
}
