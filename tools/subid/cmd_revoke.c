/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/lease.h"
#include "tools/subid/rows.h"

enum { OPTION_REUSE = 256 * 2, OPTION_FORCE, OPTION_OWN };

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
	{ 'r', "range", "RANGE", "only what lies in START:COUNT or FIRST-LAST" },
	{ OPTION_REUSE, "reuse", NULL,
	  "do not hold the ids: the next owner may get them" },
	{ OPTION_FORCE, "force", NULL, "also while processes use them" },
	{ OPTION_OWN, "own", NULL,
	  "of a container, with the owner's lines of these ids" },
	{ 'n', "dry-run", NULL, "show what would be taken" },
};

struct revoke {
	struct cli *cli;
	bool uid, gid, reuse, force, own, dry_run;
	struct id_range range;
	const char *name;
};

static const char *state_of(const struct revoke *revoke,
			    const struct subid_change *change)
{
	if (change->shared)
		return "shared";
	return revoke->reuse ? "free" : "released";
}

static int print_changes(const struct revoke *revoke, const struct subid_changes *changes)
{
	struct rows *output = range_rows_open(revoke->cli);

	if (output == NULL)
		return EXIT_UNABLE;
	for (size_t i = 0; i < changes->n; i++)
		range_rows_add(output, &(struct range_row){
					   .owner = revoke->name,
					   .owner_len = strlen(revoke->name),
					   .kind = changes->list[i].kind,
					   .range = changes->list[i].range,
					   .state = state_of(revoke, &changes->list[i]),
				       });
	return rows_close(output);
}

/* There is nothing to take; found: what became of the look-up of the owner. */
static int complain_of_none(const struct revoke *revoke, int found)
{
	const char *why = "has no ranges";

	if (subid_owner_is_hold(revoke->name, strlen(revoke->name)))
		why = "holds ids for nobody: 'subid unhold' gives them back";
	else if (found != 0)
		why = revoke->range.count > 0
			  ? "no such account, and none of these ids under that name"
			  : "no such account, and no ranges of that name";
	else if (revoke->range.count > 0)
		why = "has none of these ids";
	return cli_complain(EXIT_NO, "%s: %s", revoke->name, why);
}

/* Ids that are free from now on: held first, until nobody is at work with them. */
static int free_ids(const struct revoke *revoke, struct subid_txn *txn, int proc,
		    const struct subid_changes *changes)
{
	auto_free struct subid_change *list = calloc(changes->n + 1, sizeof(*list));
	struct subid_changes copy = { .list = list, .n = changes->n };
	int status;

	if (list == NULL)
		return cli_complain(EXIT_UNABLE, "%s: %s", revoke->name,
				    strerror(ENOMEM));
	memcpy(list, changes->list, changes->n * sizeof(*list));
	status =
	    cli_free_held(revoke->cli, txn, proc, CLI_NO_SESSION, revoke->name, &copy);
	return status == EXIT_DONE ? print_changes(revoke, &copy) : status;
}

static int revoke_in(const struct revoke *revoke, struct subid_txn *txn, int proc)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	struct subid_changes changes;
	struct cli_taking taking = {
		.cli = revoke->cli,
		.owner = &owner,
		.changes = &changes,
		.force = revoke->force,
		.dry_run = revoke->dry_run,
	};
	auto_txn struct subid_txn *leases = NULL;
	bool frees_later =
	    revoke->reuse && !revoke->force && !revoke->dry_run && proc >= 0;
	int status, found, r;

	/* an owner without account may have lines all the same */
	r = found = subid_owner_find(subid_txn_users(txn), revoke->name, &owner);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: cannot be looked up: %s",
				    revoke->name, strerror(-r));
	if (found != SUBID_INVALID)
		r = subid_txn_revoke(txn, &owner, cli_kinds(revoke->uid, revoke->gid),
				     revoke->range, revoke->reuse && !frees_later,
				     &changes);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", revoke->name, strerror(-r));
	if (r != 0)
		return complain_of_none(revoke, found);
	status = cli_leases_allow(&taking, &leases);
	if (status == EXIT_DONE && !revoke->force)
		status = cli_check_unused(revoke->cli, proc, CLI_NO_SESSION, revoke->name,
					  &changes, revoke->reuse);
	if (status != EXIT_DONE)
		return status;
	if (!revoke->dry_run)
		status = cli_commit(revoke->cli, txn);
	if (status == EXIT_DONE && !revoke->dry_run)
		status = cli_leases_look_again(&taking, frees_later);
	if (status != EXIT_DONE)
		return status;
	return frees_later ? free_ids(revoke, txn, proc, &changes)
			   : print_changes(revoke, &changes);
}

static int carry_out(const struct revoke *revoke)
{
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	auto_close int proc = -1;
	int status = cli_open_system(revoke->cli, &sys);

	if (status != EXIT_DONE)
		return status;
	proc = cli_open_proc(revoke->cli);
	if (proc == -2)
		return EXIT_UNABLE;
	/* what runs is asked below, about these ids alone */
	status = cli_begin(sys, revoke->dry_run, true, &txn);
	return status == EXIT_DONE ? revoke_in(revoke, txn, proc) : status;
}

static int revoke_lease(const struct revoke *revoke)
{
	const struct cli_lease_revoke lease = {
		.kinds = cli_kinds(revoke->uid, revoke->gid),
		.range = revoke->range,
		.reuse = revoke->reuse,
		.force = revoke->force,
		.own = revoke->own,
		.dry_run = revoke->dry_run,
	};

	return cli_lease_revoke(revoke->cli, &lease, revoke->name);
}

static int run(struct cli *cli, int argc, char *argv[])
{
	struct revoke revoke = { .cli = cli };
	int letter;

	while ((letter = cli_next_option(cli, argc, argv)) != -1) {
		revoke.uid |= letter == 'u';
		revoke.gid |= letter == 'g';
		revoke.dry_run |= letter == 'n';
		revoke.reuse |= letter == OPTION_REUSE;
		revoke.force |= letter == OPTION_FORCE;
		revoke.own |= letter == OPTION_OWN;
		if (letter == 'r' && !cli_parse_range(cli, optarg, &revoke.range))
			return EXIT_USAGE;
	}
	if (argc - optind != 1)
		return cli_misused(cli, "revoke: whose ranges? Name one owner");
	revoke.name = argv[optind];
	if (strchr(revoke.name, '/') != NULL)
		return revoke_lease(&revoke);
	if (revoke.own)
		return cli_misused(cli, "--own is for a container, OWNER/NAME");
	return carry_out(&revoke);
}

const struct cli_command cmd_revoke = {
	.name = "revoke",
	.arguments = "OWNER[/NAME]",
	.summary = "take ranges back, and hold the ids, since their files may be left",
	CLI_OPTIONS(options),
	.text = "The ids are held as " SUBID_OWNER_RELEASED
		" until 'subid unhold' gives them back.  While a\n"
		"process runs with one of them, or a user namespace maps one, nothing is "
		"taken;\nnor while containers have leases of them (OWNER/NAME).\n",
	.run = run,
};
