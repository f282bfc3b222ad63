/* SPDX-License-Identifier: MIT */
#include <getopt.h>
#include <string.h>

#include "tools/subid/rows.h"

enum { OPTION_REUSE = 256 * 2, OPTION_FORCE, OPTION_OWN };

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
	{ 'r', "range", "RANGE", "only these ids: START:COUNT or FIRST-LAST" },
	{ OPTION_REUSE, "reuse", NULL, "do not quarantine the ids" },
	{ OPTION_FORCE, "force", NULL, "also while processes use the ids" },
	{ OPTION_OWN, "own", NULL, "for a container: remove its owner's lines as well" },
	{ 'n', "dry-run", NULL, "show what would be revoked" },
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
		return cli_misused(cli, "revoke: expected one OWNER or OWNER/NAME");
	revoke.name = argv[optind];
	revoke.lease = strchr(revoke.name, '/') != NULL;
	if (revoke.own && !revoke.lease)
		return cli_misused(cli, "--own is only for a container, OWNER/NAME");
	return carry_out(&revoke);
}

const struct cli_command cmd_revoke = {
	.name = "revoke",
	.arguments = "OWNER[/NAME]",
	.summary = "revoke ranges or leases, and quarantine the ids",
	CLI_OPTIONS(options),
	.text = "The ids are quarantined, held by " SUBID_OWNER_RELEASED
		", until 'subid unhold' frees them.\n"
		"Nothing is revoked while a process runs with one of the ids, a user "
		"namespace\n"
		"maps one, or a container has a lease of one.\n",
	.examples = "    subid revoke alice\n"
		    "    subid revoke alice --range 100000:32768",
	.run = run,
};
