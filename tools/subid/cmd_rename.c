/* SPDX-License-Identifier: MIT */
#include <getopt.h>

#include "tools/subid/rows.h"

enum { OPTION_ANOTHER = 256 * 2, OPTION_UNKNOWN, OPTION_FORCE };

static const struct cli_option options[] = {
	{ OPTION_ANOTHER, "another", NULL, "also if NEW has ranges" },
	{ OPTION_UNKNOWN, "force-unknown", NULL, "also if NEW has no account" },
	{ OPTION_FORCE, "force", NULL, "also while processes use the ids" },
	{ 'n', "dry-run", NULL, "show what would be handed over" },
};

struct rename {
	struct cli *cli;
	unsigned int flags; /* of the request */
	bool dry_run;
	const char *from, *to;
};

static int rename_in(const struct rename *rename, struct subid_txn *txn,
		     struct range_list *rows)
{
	const struct subid_request request = {
		.size = sizeof(request),
		.owner = rename->from,
		.flags = rename->flags,
	};
	struct subid_error err = { .size = sizeof(err) };
	int r = subid_rename(txn, &request, rename->to, &err);
	int status = r == 0 ? EXIT_DONE : cli_say(cli_status(r), &err);

	if (status == EXIT_DONE)
		status = range_list_add(rows, txn, rename->to, NULL);
	return status == EXIT_DONE && !rename->dry_run
		   ? cli_commit(rename->cli, txn, NULL)
		   : status;
}

static int carry_out(const struct rename *rename)
{
	__attribute__((cleanup(range_list_free))) struct range_list rows = { .n = 0 };
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	int status = cli_open_system(rename->cli, false, &sys);

	if (status == EXIT_DONE)
		status = cli_begin(
		    sys, SUBID_NO_GRANTS | (rename->dry_run ? SUBID_DRY_RUN : 0), &txn);
	if (status == EXIT_DONE)
		status = rename_in(rename, txn, &rows);
	/* who reads slowly what we print must not keep useradd waiting */
	subid_abort(&txn);
	if (status == EXIT_DONE)
		status = cli_say_dry_run(rename->cli, rename->dry_run,
					 range_list_print(rename->cli, &rows));
	return status;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	struct rename rename = { .cli = cli };
	int letter;

	while ((letter = cli_next_option(cli, argc, argv)) != -1) {
		rename.flags |= letter == OPTION_ANOTHER   ? SUBID_ANOTHER
				: letter == OPTION_UNKNOWN ? SUBID_UNKNOWN_OWNER
				: letter == OPTION_FORCE   ? SUBID_FORCE
							   : 0;
		rename.dry_run |= letter == 'n';
	}
	if (argc - optind != 2)
		return cli_misused(cli, "rename: expected OLD and NEW");
	rename.from = argv[optind];
	rename.to = argv[optind + 1];
	return carry_out(&rename);
}

const struct cli_command cmd_rename = {
	.name = "rename",
	.arguments = "OLD NEW",
	.summary = "hand the ranges and leases of one owner to another",
	CLI_OPTIONS(options),
	.text = "The ids stay as they are: for an account that usermod -l has renamed.\n",
	.examples = "    subid rename alice carol\n"
		    "    subid rename --dry-run alice carol",
	.run = run,
};
