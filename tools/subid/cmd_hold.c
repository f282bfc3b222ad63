/* SPDX-License-Identifier: MIT */
/*
 * hold and unhold: the same steps, one adding and one taking away.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/lease.h"
#include "tools/subid/rows.h"

enum { OPTION_FORCE = 256 * 2 };

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
	{ 'n', "dry-run", NULL, "show what would be done" },
};

static const struct cli_option unhold_options[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
	{ OPTION_FORCE, "force", NULL,
	  "also while a namespace is hidden, or about to be made" },
	{ 'n', "dry-run", NULL, "show what would be done" },
};

struct hold {
	struct cli *cli;
	bool release; /* unhold */
	bool uid, gid, force, dry_run;
	const char *text;
	struct id_range range;
};

static void print_rows(const struct hold *hold, struct rows *output,
		       const struct subid_changes *changes)
{
	const char *owner = hold->release ? "-" : SUBID_OWNER_RESERVED;

	for (size_t i = 0; i < changes->n; i++)
		range_rows_add(output, &(struct range_row){
					   .owner = owner,
					   .owner_len = strlen(owner),
					   .kind = changes->list[i].kind,
					   .range = changes->list[i].range,
					   .state = hold->release ? "free" : "reserved",
				       });
}

static int print_changes(const struct hold *hold, const struct subid_changes *changes,
			 const struct subid_changes *of_leases)
{
	struct rows *output = range_rows_open(hold->cli);

	if (output == NULL)
		return EXIT_UNABLE;
	print_rows(hold, output, changes);
	print_rows(hold, output, of_leases);
	return rows_close(output);
}

/*
 * Ids come to rest since they were somebody's.  Threat: who had them may have hidden a
 * namespace that still has them, or have stopped a helper that is about to map them;
 * then the next grant could not see it.
 */
static int check_seen(const struct hold *hold, const struct subid_changes *changes,
		      const struct subid_changes *of_leases)
{
	auto_live struct subid_live live = { .n = 0 };
	auto_close int proc = hold->force ? -1 : cli_open_proc(hold->cli);
	struct subid_unreadable unseen;
	int r, status;

	if (proc < 0)
		return proc == -2 ? EXIT_UNABLE : EXIT_DONE;
	status = cli_check_pending(proc, hold->text, changes);
	if (status == EXIT_DONE)
		status = cli_check_pending(proc, hold->text, of_leases);
	if (status != EXIT_DONE)
		return status;
	r = subid_live_read(proc, SUBID_LIVE_THOROUGH, &live);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "/proc: %s: what runs cannot be seen",
				    strerror(-r));
	subid_live_unreadable(proc, &live, &unseen);
	if (unseen.n > 0)
		return cli_unseen_is_wrong(EXIT_UNABLE, hold->text, &unseen);
	if (unseen.n_hidden > 0)
		return cli_hidden_is_wrong(EXIT_UNABLE, hold->text, &unseen,
					   "nothing was changed: end the process, or use"
					   " --force");
	return EXIT_DONE;
}

/* What the tables hold is given back, and what rests in the store of leases. */
static int unhold(const struct hold *hold, struct subid_txn *txn, struct cli_store *store)
{
	struct subid_changes changes = { .n = 0 }, of_leases = { .n = 0 };
	unsigned int kinds = cli_kinds(hold->uid, hold->gid);
	auto_txn struct subid_txn *leases = NULL;
	int status = EXIT_DONE, r = SUBID_ABSENT;

	if (txn != NULL)
		r = subid_txn_unhold(txn, kinds, hold->range, &changes);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", hold->text, strerror(-r));
	status = cli_leases_unhold(store, kinds, hold->range, hold->dry_run, &leases,
				   &of_leases);
	if (status == EXIT_DONE && changes.n + of_leases.n > 0)
		status = check_seen(hold, &changes, &of_leases);
	if (status == EXIT_DONE && !hold->dry_run)
		status = cli_commit_both(hold->cli, txn, &store->cli, leases);
	if (status != EXIT_DONE)
		return status;
	if (changes.n + of_leases.n == 0)
		return cli_complain(EXIT_NO, "%s: none of these ids is held", hold->text);
	return print_changes(hold, &changes, &of_leases);
}

static int hold_in(const struct hold *hold, struct subid_txn *txn)
{
	const struct subid_changes none = { .n = 0 };
	struct subid_changes changes;
	int status = EXIT_DONE, r;

	r = subid_txn_hold(txn, cli_kinds(hold->uid, hold->gid), hold->range, &changes);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", hold->text, strerror(-r));
	if (r == SUBID_ENOUGH) {
		if (!hold->cli->quiet)
			(void)cli_complain(0, "%s: held already", hold->text);
		return print_changes(hold, &changes, &none);
	}
	if (r == SUBID_TAKEN) {
		for (size_t i = 0; i < changes.n; i++)
			(void)cli_txn_taken(hold->cli, txn, hold->text, changes.list[i]);
		return EXIT_NO;
	}
	if (!hold->dry_run)
		status = cli_commit(hold->cli, txn);
	if (status != EXIT_DONE)
		return status;
	return print_changes(hold, &changes, &none);
}

static int carry_out(const struct hold *hold)
{
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	auto_store struct cli_store store = { .fd = -1 };
	int status = cli_open_system(hold->cli, &sys);

	if (status != EXIT_DONE)
		return status;
	if (hold->release && cli_store_open(hold->cli, false, &store) != EXIT_DONE)
		return EXIT_UNABLE;
	/* an ordinary user means leases, of which there may be none */
	if (store.user != NULL)
		return unhold(hold, NULL, &store);
	/* who may have the ids that are given back is looked at by grant */
	status = cli_begin(sys, hold->dry_run, hold->release, &txn);
	if (status != EXIT_DONE)
		return status;
	return hold->release ? unhold(hold, txn, &store) : hold_in(hold, txn);
}

static int run(struct hold *hold, int argc, char *argv[])
{
	int letter;

	while ((letter = cli_next_option(hold->cli, argc, argv)) != -1) {
		hold->uid |= letter == 'u';
		hold->gid |= letter == 'g';
		hold->dry_run |= letter == 'n';
		hold->force |= letter == OPTION_FORCE;
	}
	if (argc - optind != 1)
		return cli_misused(hold->cli, "%s: which ids? Name one range",
				   hold->cli->command->name);
	hold->text = argv[optind];
	if (!cli_parse_range(hold->cli, hold->text, &hold->range))
		return EXIT_USAGE;
	return carry_out(hold);
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
	.summary = "keep ids out of all hands",
	CLI_OPTIONS(options),
	.text = "RANGE is START:COUNT or FIRST-LAST.  Refused while somebody has one of "
		"the ids.\n",
	.run = run_hold,
};

const struct cli_command cmd_unhold = {
	.name = "unhold",
	.arguments = "RANGE",
	.summary = "give held ids back, reserved ones and released ones",
	CLI_OPTIONS(unhold_options),
	.text = "RANGE is START:COUNT or FIRST-LAST; what of it is held may be given "
		"again.\n",
	.run = run_unhold,
};
