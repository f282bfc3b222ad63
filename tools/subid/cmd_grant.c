/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/grant.h"
#include "tools/subid/lease.h"
#include "tools/subid/login.h"
#include "tools/subid/rows.h"

enum {
	OPTION_ANOTHER = 256 * 2,
	OPTION_FROM,
	OPTION_GROUP,
	OPTION_ALL,
	OPTION_FORCE,
	OPTION_OWN,
};

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "only uids" },
	{ 'g', "gid", NULL, "only gids" },
	{ 'c', "count", "N", "how many ids; else as policy says" },
	{ 'r', "range", "RANGE", "just these: START:COUNT or FIRST-LAST" },
	{ OPTION_ANOTHER, "another", NULL, "also to an owner that has enough" },
	{ OPTION_FROM, "from", "FILE", "to the owners in FILE, one a line; -: input" },
	{ OPTION_GROUP, "group", "GROUP", "to the members of GROUP" },
	{ OPTION_ALL, "all", NULL, "to all people (as policy says)" },
	{ OPTION_FORCE, "force-unknown", NULL, "also to an owner without account" },
	{ OPTION_OWN, "own", NULL,
	  "to a container: a new line of its owner, just for it" },
	{ 'n', "dry-run", NULL, "show what would be given" },
};

/* Owners of ranges that have no account: podman's --userns=auto, dockerd's. */
static const char *const pseudo_owners[] = { "containers", "dockremap" };

struct grant {
	struct cli *cli;
	bool uid, gid, another, all, force_unknown, own, dry_run;
	uint32_t count;
	struct id_range range;
	const char *from;
	const char *group;
	struct cli_names owners;
	struct range_list rows; /* to be printed once all is committed */
	struct subid *sys;
};

static void grant_free(struct grant *grant)
{
	cli_names_free(&grant->owners);
	range_list_free(&grant->rows);
}

static int out_of_memory(void)
{
	return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
}

static bool is_pseudo_owner(const char *name)
{
	for (size_t i = 0; i < sizeof(pseudo_owners) / sizeof(pseudo_owners[0]); i++)
		if (strcmp(name, pseudo_owners[i]) == 0)
			return true;
	return false;
}

/* 0 when name may have ranges, else the status after a complaint. */
static int find_owner(const struct grant *grant, const struct subid_txn *txn,
		      const char *name, struct subid_owner *ret)
{
	int r = subid_owner_find(subid_txn_users(txn), name, ret);

	if (subid_owner_is_hold(name, strlen(name)))
		return cli_complain(
		    EXIT_NO, "%s: holds ids for nobody: 'subid hold' does that", name);
	if (r == SUBID_INVALID)
		return cli_complain(
		    EXIT_NO,
		    "%s: no owner can be called so: not empty, no ':', no '#'"
		    " at the start, no control characters, no blank"
		    " at the ends",
		    name);
	if (r == SUBID_UNKNOWN && !grant->force_unknown && !is_pseudo_owner(name))
		return cli_complain(
		    EXIT_NO,
		    "%s: no such account (--force-unknown gives a range all"
		    " the same)",
		    name);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: cannot be looked up: %s", name,
				    strerror(-r));
	return EXIT_DONE;
}

static struct subid_request request_of(const struct grant *grant,
				       const struct subid_owner *owner)
{
	return (struct subid_request){
		.owner = owner,
		.kinds = cli_kinds(grant->uid, grant->gid),
		.count = grant->count,
		.range = grant->range,
		.another = grant->another,
	};
}

static int grant_one(struct grant *grant, struct subid_txn *txn, const char *name)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	struct subid_request request = request_of(grant, &owner);
	struct subid_changes changes;
	int status, r;

	status = find_owner(grant, txn, name, &owner);
	if (status != EXIT_DONE) {
		struct subid_refused refused =
		    cli_refused(name, NULL, &request, SUBID_UNKNOWN);

		return subid_txn_refuse(txn, &refused) < 0 ? out_of_memory() : status;
	}
	r = subid_txn_grant(txn, &request, &changes);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", name, strerror(-r));
	if (r == SUBID_FULL || r == SUBID_OFF || r == SUBID_FORBIDDEN ||
	    r == SUBID_INVALID)
		return cli_grant_refused(grant->cli, txn, name, &request, r);
	for (size_t i = 0; i < changes.n; i++) {
		if (r == SUBID_TAKEN)
			status = cli_txn_taken(grant->cli, txn, name, changes.list[i]);
		else
			status = range_list_add(&grant->rows, name, changes.list[i],
						r == SUBID_ENOUGH ? "kept" : "new");
		if (status == EXIT_UNABLE)
			return status;
	}
	return status;
}

static void show_progress(const struct grant *grant, size_t done)
{
	if (grant->cli->quiet || !isatty(STDERR_FILENO) || grant->owners.n < 1000 ||
	    (done % 1000 != 0 && done < grant->owners.n))
		return;
	(void)fprintf(stderr, "\rsubid: %zu of %zu owners", done, grant->owners.n);
	if (done == grant->owners.n)
		(void)fputs("\r\033[K", stderr);
}

/* Everybody, or nobody: the first kind of no is the status of all. */
static int grant_all(struct grant *grant, struct subid_txn *txn)
{
	const char *name = grant->owners.text;
	int status = EXIT_DONE;

	if (grant->owners.n > 1 && subid_txn_prepare_bulk(txn) < 0)
		return out_of_memory();
	for (size_t i = 0; i < grant->owners.n; i++) {
		int one = grant_one(grant, txn, name);

		name += strlen(name) + 1;
		if (one == EXIT_UNABLE)
			return one;
		if (one != EXIT_DONE)
			status = one;
		show_progress(grant, i + 1);
	}
	if (status != EXIT_DONE && grant->owners.n > 1)
		return cli_complain(status,
				    "nothing was changed for any of the %zu owners",
				    grant->owners.n);
	return status;
}

/* Nobody gets any: who is named, each, or the choice as it was asked for. */
static void trace_refused(const struct grant *grant, int result)
{
	struct subid_request request = request_of(grant, NULL);
	auto_free struct subid_refused *list =
	    reallocarray(NULL, grant->owners.n + 2, sizeof(*list));
	const char *name = grant->owners.text;
	size_t n = 0;

	if (list == NULL)
		return; /* what is refused stays so */
	for (size_t i = 0; i < grant->owners.n; i++, name += strlen(name) + 1)
		list[n++] = cli_refused(name, NULL, &request, result);
	if (grant->group != NULL)
		list[n++] = cli_refused(grant->group, NULL, &request, result);
	if (grant->all)
		list[n++] = cli_refused("--all", NULL, &request, result);
	if (!grant->dry_run)
		subid_trace_refused(grant->sys, 0, list, n);
}

static int carry_out(struct grant *grant)
{
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	struct subid_error err = { .size = sizeof(err) };
	int status = cli_open_system(grant->cli, &sys), r;

	if (status != EXIT_DONE)
		return status;
	grant->sys = sys;
	r = subid_begin(sys, grant->dry_run ? SUBID_DRY_RUN : 0, SUBID_LOCK_PATIENCE_MS,
			&txn, &err);
	if (r != 0) {
		trace_refused(grant, r);
		return cli_say(EXIT_UNABLE, &err);
	}
	cli_warn_of_hidden(grant->cli, subid_txn_unseen(txn));
	cli_warn_of_unread(&subid_txn_leased(txn)->runtimes);
	status = grant_owners_choose(grant->cli, &grant->owners, txn, grant->group,
				     grant->all);
	if (status == EXIT_DONE)
		status = grant_all(grant, txn);
	if (status != EXIT_DONE)
		return status;
	if (!grant->dry_run)
		status = cli_commit(grant->cli, txn);
	/* who reads slowly what we print must not keep useradd waiting */
	subid_txn_free(&txn);
	if (status != EXIT_DONE)
		return status;
	return range_list_print(grant->cli, &grant->rows);
}

static bool parse_option(struct grant *grant, int letter)
{
	const struct cli *cli = grant->cli;

	switch (letter) {
	case 'u':
		grant->uid = true;
		return true;
	case 'g':
		grant->gid = true;
		return true;
	case 'n':
		grant->dry_run = true;
		return true;
	case 'c':
		if (subid_id_parse(optarg, strlen(optarg), &grant->count) == 0 &&
		    grant->count > 0)
			return true;
		(void)cli_misused(cli, "--count '%s': not a number from 1 to 4294967295",
				  optarg);
		return false;
	case 'r':
		return cli_parse_range(cli, optarg, &grant->range);
	case OPTION_ANOTHER:
		grant->another = true;
		return true;
	case OPTION_FROM:
		grant->from = optarg;
		return true;
	case OPTION_GROUP:
		grant->group = optarg;
		return true;
	case OPTION_ALL:
		grant->all = true;
		return true;
	case OPTION_FORCE:
		grant->force_unknown = true;
		return true;
	case OPTION_OWN:
		grant->own = true;
		return true;
	}
	return false;
}

static size_t count_containers(const struct grant *grant)
{
	const char *name = grant->owners.text;
	size_t n = 0;

	for (size_t i = 0; i < grant->owners.n; i++, name += strlen(name) + 1)
		n += strchr(name, '/') != NULL;
	return n;
}

static int grant_leases(const struct grant *grant)
{
	const struct cli_lease_grant lease = {
		.kinds = cli_kinds(grant->uid, grant->gid),
		.count = grant->count,
		.range = grant->range,
		.another = grant->another,
		.own = grant->own,
		.dry_run = grant->dry_run,
	};

	return cli_lease_grant(grant->cli, &lease, grant->owners.text, grant->owners.n);
}

static int run_grant(struct grant *grant, int argc, char *argv[])
{
	size_t n_containers;
	bool many = grant->from != NULL || grant->group != NULL || grant->all;
	int status = EXIT_DONE;

	if (optind == argc && !many)
		return cli_misused(grant->cli, "grant: who shall have a range?");
	if (grant->range.count > 0 && (many || argc - optind > 1))
		return cli_misused(grant->cli, "--range is for one owner");
	if (grant->range.count > 0 && grant->count > 0)
		return cli_misused(grant->cli,
				   "--range says how many: leave --count away");
	for (; optind < argc; optind++)
		if (cli_names_add(&grant->owners, argv[optind]) < 0)
			return out_of_memory();
	if (grant->from != NULL)
		status = cli_names_read(&grant->owners, grant->from);
	if (status != EXIT_DONE)
		return status;
	n_containers = count_containers(grant);
	if (n_containers == 0 && !grant->own)
		return carry_out(grant);
	if (n_containers < grant->owners.n || grant->group != NULL || grant->all ||
	    grant->force_unknown)
		return cli_misused(grant->cli,
				   "containers, OWNER/NAME, get theirs in a call of their"
				   " own");
	return grant_leases(grant);
}

static int run(struct cli *cli, int argc, char *argv[])
{
	__attribute__((cleanup(grant_free))) struct grant grant = { .cli = cli };
	static const char login[] = "--login=";
	int letter;

	/* pam_subid.so's: no command line for people */
	if (cli->root == NULL && argc > 1 && strncmp(argv[1], login, strlen(login)) == 0)
		return login_run(argv[1] + strlen(login), argc - 2, argv + 2);
	while ((letter = cli_next_option(cli, argc, argv)) != -1)
		if (!parse_option(&grant, letter))
			return EXIT_USAGE;
	return run_grant(&grant, argc, argv);
}

const struct cli_command cmd_grant = {
	.name = "grant",
	.arguments = "OWNER[/NAME]...",
	.summary = "give ranges that nobody else has, the same numbers for uid and gid",
	CLI_OPTIONS(options),
	.text = "OWNER is a login name or a uid, NAME its container.  All get "
		"theirs, or none.\n",
	.run = run,
};
