/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <string.h>

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
	bool lease; /* the name is a container's */
	struct id_range range;
	const char *name;
};

static int revoke_in(const struct revoke *revoke, struct subid_txn *txn,
		     struct range_list *rows)
{
	const struct subid_request request = {
		.size = sizeof(request),
		.owner = revoke->name,
		.kinds = cli_kinds(revoke->uid, revoke->gid),
		.flags = (revoke->reuse ? SUBID_REUSE : 0) |
			 (revoke->force ? SUBID_FORCE : 0) |
			 (revoke->own ? SUBID_OWN : 0),
		.range = revoke->range,
	};
	struct subid_error err = { .size = sizeof(err) };
	int r = revoke->lease ? subid_unlease(txn, &request, &err)
			      : subid_revoke(txn, &request, &err);
	int status = r == 0 ? EXIT_DONE : cli_say(cli_status(r), &err);

	if (status == EXIT_DONE)
		status = range_list_add(rows, txn, revoke->name, NULL);
	return status == EXIT_DONE && !revoke->dry_run
		   ? cli_commit(revoke->cli, txn, NULL)
		   : status;
}

static int carry_out(const struct revoke *revoke)
{
	__attribute__((cleanup(range_list_free))) struct range_list rows = { .n = 0 };
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	int status = cli_open_system(revoke->cli, false, &sys);

	if (status == EXIT_DONE)
		status =
		    cli_begin(sys,
			      SUBID_NO_GRANTS | (revoke->dry_run ? SUBID_DRY_RUN : 0) |
				  (revoke->lease && !revoke->own ? SUBID_LEASES : 0),
			      &txn);
	if (status == EXIT_DONE)
		status = revoke_in(revoke, txn, &rows);
	/* who reads slowly what we print must not keep useradd waiting */
	subid_abort(&txn);
	return status == EXIT_DONE ? range_list_print(revoke->cli, &rows) : status;
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
	revoke.lease = strchr(revoke.name, '/') != NULL;
	if (revoke.own && !revoke.lease)
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
