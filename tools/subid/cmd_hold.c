/* SPDX-License-Identifier: MIT */
/*
 * hold and unhold: the same steps, one adding and one taking away.
 */
#include <getopt.h>
#include <unistd.h>

#include "tools/subid/rows.h"
#include "tools/subid/unhold_search.h"

enum { OPTION_FORCE = 256 * 2, OPTION_SEARCH };

#define SEARCHED_MAX 64

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
	{ 'n', "dry-run", NULL, "show what would be done" },
};

static const struct cli_option unhold_options[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
	{ OPTION_SEARCH, "search", "DIR",
	  "only if no file in DIR has one of them; repeatable" },
	{ OPTION_FORCE, "force", NULL,
	  "also while namespaces are hidden or about to be mapped" },
	{ 'n', "dry-run", NULL, "show what would be done" },
};

struct hold {
	struct cli *cli;
	bool release; /* unhold */
	bool uid, gid, force, dry_run;
	const char *text;
	struct id_range range;
	char *searched[SEARCHED_MAX]; /* directories */
	size_t n_searched;
};

static int change(const struct hold *hold, struct subid_txn *txn, struct range_list *rows)
{
	const struct subid_request request = {
		.size = sizeof(request),
		.owner = hold->text,
		.kinds = cli_kinds(hold->uid, hold->gid),
		.flags = hold->force ? SUBID_FORCE : 0,
		.range = hold->range,
	};
	struct subid_error err = { .size = sizeof(err) };
	int r = hold->release ? subid_unhold(txn, &request, &err)
			      : subid_hold(txn, &request, &err);
	int status = EXIT_DONE;

	if (r == SUBID_ENOUGH && !hold->cli->quiet)
		(void)cli_complain(0, "%s: already held", hold->text);
	else if (r != 0 && r != SUBID_ENOUGH)
		status = cli_say(cli_status(r), &err);
	if (status == EXIT_DONE)
		status = range_list_add(
		    rows, txn, hold->release ? NULL : SUBID_OWNER_RESERVED, NULL);
	return status == EXIT_DONE && r == 0 && !hold->dry_run
		   ? cli_commit(hold->cli, txn, NULL)
		   : status;
}

static int carry_out(const struct hold *hold)
{
	__attribute__((cleanup(range_list_free))) struct range_list rows = { .n = 0 };
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	/* an ordinary user means leases, of which there may be none */
	bool leases = hold->release && hold->cli->root == NULL && geteuid() != 0;
	int status = EXIT_DONE;

	/* it may take long: nobody waits for it */
	if (hold->n_searched > 0)
		status = unhold_search(hold->cli, hold->searched, hold->n_searched,
				       cli_kinds(hold->uid, hold->gid), hold->range);
	if (status == EXIT_DONE)
		status = cli_open_system(hold->cli, false, &sys);
	if (status == EXIT_DONE)
		status = cli_begin(sys,
				   (hold->dry_run ? SUBID_DRY_RUN : 0) |
				       (hold->release ? SUBID_NO_GRANTS : 0) |
				       (leases ? SUBID_LEASES : 0),
				   &txn);
	if (status == EXIT_DONE)
		status = change(hold, txn, &rows);
	/* who reads slowly what we print must not keep useradd waiting */
	subid_abort(&txn);
	if (status == EXIT_DONE)
		status = cli_say_dry_run(hold->cli, hold->dry_run,
					 range_list_print(hold->cli, &rows));
	return status;
}

/* The operands: a range, and with --search more directories. */
static int take_operands(struct hold *hold, int argc, char *argv[])
{
	int n = argc - optind;

	if (n < 1 || (n > 1 && hold->n_searched == 0))
		return cli_misused(hold->cli, "%s: expected one RANGE",
				   hold->cli->command->name);
	/* after --search DIR... the range may come last */
	if (n > 1 && cli_read_range(argv[optind], &hold->range) != 0)
		hold->text = argv[--argc];
	else
		hold->text = argv[optind++];
	if (!cli_parse_range(hold->cli, hold->text, &hold->range))
		return EXIT_USAGE;
	for (; optind < argc; optind++) {
		if (hold->n_searched == SEARCHED_MAX)
			return cli_misused(hold->cli, "--search: too many directories");
		hold->searched[hold->n_searched++] = argv[optind];
	}
	return EXIT_DONE;
}

static int run(struct hold *hold, int argc, char *argv[])
{
	int letter, status;

	while ((letter = cli_next_option(hold->cli, argc, argv)) != -1) {
		hold->uid |= letter == 'u';
		hold->gid |= letter == 'g';
		hold->dry_run |= letter == 'n';
		hold->force |= letter == OPTION_FORCE;
		if (letter == OPTION_SEARCH && hold->n_searched == SEARCHED_MAX)
			return cli_misused(hold->cli, "--search: too many directories");
		if (letter == OPTION_SEARCH)
			hold->searched[hold->n_searched++] = optarg;
	}
	status = take_operands(hold, argc, argv);
	if (status == EXIT_DONE && hold->n_searched > 0 && geteuid() != 0)
		return cli_complain(EXIT_NO, "--search: only root can look everywhere");
	return status == EXIT_DONE ? carry_out(hold) : status;
}

static int run_hold(struct cli *cli, int argc, char *argv[])
{
	return run(&(struct hold){ .cli = cli }, argc, argv);
}

static int run_unhold(struct cli *cli, int argc, char *argv[])
{
	return run(&(struct hold){ .cli = cli, .release = true }, argc, argv);
}

const struct cli_command cmd_hold = {
	.name = "hold",
	.arguments = "RANGE",
	.summary = "hold ids, so that they are granted to nobody",
	CLI_OPTIONS(options),
	.text = "RANGE is START:COUNT or FIRST-LAST.  Refused if one of the ids is "
		"granted or\n"
		"in use.\n",
	.examples = "    subid hold 524288-589823\n"
		    "    subid hold --uid 200000:1000",
	.run = run_hold,
};

const struct cli_command cmd_unhold = {
	.name = "unhold",
	.arguments = "RANGE",
	.summary = "free held ids, reserved and released ones",
	CLI_OPTIONS(unhold_options),
	.text = "RANGE is START:COUNT or FIRST-LAST.  Its held ids may be granted again: "
		"first\n"
		"make sure that no file has one of them, as --search does.\n",
	.examples = "    subid unhold 100000:65536\n"
		    "    subid unhold --search /home 100000:65536",
	.run = run_unhold,
};
