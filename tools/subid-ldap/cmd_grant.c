/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "tools/subid-ldap/commands.h"

enum {
	OPTION_ANOTHER = 256 * 2,
	OPTION_FROM,
	OPTION_GROUP,
	OPTION_ALL,
	OPTION_FORCE,
	OPTION_OWN,
};

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "refused: the directory's ranges have both kinds" },
	{ 'g', "gid", NULL, "refused, likewise" },
	{ 'c', "count", "N", "number of ids; default: by the policy, or a block" },
	{ 'r', "range", "RANGE", "exactly these ids: START:COUNT or FIRST-LAST" },
	{ OPTION_ANOTHER, "another", NULL, "refused: an owner has one range there" },
	{ OPTION_FROM, "from", "FILE", "to the owners in FILE, one a line; - is stdin" },
	{ OPTION_GROUP, "group", "GROUP", "to the members of GROUP" },
	{ OPTION_ALL, "all", NULL, "to all people, by the policy" },
	{ OPTION_FORCE, "force-unknown", NULL, "also to owners without account" },
	{ OPTION_OWN, "own", NULL, "refused: leases are a host's" },
	{ 'n', "dry-run", NULL, "show what would be granted" },
};

struct request {
	struct site *site;
	bool force_unknown, all, dry_run;
	const char *from, *group;
	struct dir_request what;
	struct cli_names owners;
	struct range_list rows;
};

static void request_free(struct request *request)
{
	cli_names_free(&request->owners);
	range_list_free(&request->rows);
}

int rows_add_both(struct range_list *list, const char *owner,
		  const struct id_range range[SUBID_KINDS], const char *state)
{
	int status = EXIT_DONE;

	for (enum subid_kind kind = 0; status == EXIT_DONE && kind < SUBID_KINDS; kind++)
		status = range_list_append(list, &(struct range_row){
						     .owner = owner,
						     .owner_len = strlen(owner),
						     .kind = kind,
						     .range = range[kind],
						     .state = state,
						 });
	return status;
}

static int grant_one(struct request *request, const char *name)
{
	struct dir_request what = request->what;
	struct subid_decision decision;
	struct id_range range[SUBID_KINDS];
	struct site_owner owner;
	enum site_outcome outcome;
	int status = site_find_owner(request->site, name, request->force_unknown, &owner);

	if (status == EXIT_DONE)
		status = site_decide(request->site, &owner, &decision);
	if (status == EXIT_DONE && what.count == 0 && decision.rule != NULL)
		what.count = decision.rule->count;
	if (status == EXIT_DONE)
		status = site_grant(request->site, &owner, &what, request->dry_run, range,
				    &outcome);
	if (status != EXIT_DONE)
		return status;
	return rows_add_both(&request->rows, name, range,
			     outcome == SITE_HAD ? "kept" : "new");
}

/* Each for itself: what one cannot get, another one has all the same. */
static int grant_all(struct request *request)
{
	const char *name = request->owners.text;
	int status = EXIT_DONE;

	for (size_t i = 0; i < request->owners.n; i++, name += strlen(name) + 1) {
		int one = grant_one(request, name);

		if (one > status)
			status = one;
	}
	return status;
}

/* --- who -------------------------------------------------------------------------------
 */

struct people {
	struct request *request;
	size_t passed_over;
};

/* An account of the directory's, if the policy gives it something unasked. */
static int take_person(void *data, struct dir_entry *entry)
{
	struct people *people = data;
	struct subid_decision decision;
	int r;

	if (entry->login[0] == '\0' || entry->uid == 0)
		return 0;
	r = site_ask_policy(people->request->site, entry->login, entry->uid, &decision);
	if (r < 0)
		return r;
	if (decision.verdict == SUBID_VERDICT_GIVE)
		return cli_names_add(&people->request->owners, entry->login);
	people->passed_over++;
	return 0;
}

static int choose_people(struct request *request, size_t *ret_passed_over)
{
	struct people people = { .request = request };
	struct server *server = site_reader(request->site);
	int r;

	if (server == NULL)
		return EXIT_UNABLE;
	r = server_search(server, request->site->conf.directory.users,
			  "(objectClass=posixAccount)", 0, take_person, &people);
	*ret_passed_over = people.passed_over;
	if (r == 0)
		return EXIT_DONE;
	if (server->error[0] == '\0')
		return cli_complain(EXIT_UNABLE, "groups: %s", strerror(-r));
	return site_failed(server);
}

/* By the accounts and groups that this host knows. */
static int choose_here(struct request *request, size_t *ret_passed_over)
{
	__attribute__((cleanup(subid_list_free))) struct subid_list *list = NULL;
	struct subid_error err = { .size = sizeof(err) };
	struct subid_row row = { .size = sizeof(row) };
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	int r = subid_open(NULL, &sys, &err);

	if (r == 0)
		r = subid_begin(sys, SUBID_DRY_RUN | SUBID_NO_GRANTS, 0, &txn, &err);
	if (r == 0)
		r = subid_candidates(txn, request->group, request->all, &list,
				     ret_passed_over, &err);
	if (r != 0)
		return cli_say(cli_status(r), &err);
	for (size_t i = 0; subid_list_get(list, i, &row); i++)
		if (cli_names_add(&request->owners, row.owner) < 0)
			return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	return EXIT_DONE;
}

static int choose(struct request *request)
{
	const struct cli *cli = request->site->cli;
	bool theirs = request->all && request->site->conf.directory.users != NULL;
	size_t passed_over = 0;
	int status;

	if (request->group == NULL && !request->all)
		return EXIT_DONE;
	status = theirs ? choose_people(request, &passed_over)
			: choose_here(request, &passed_over);
	if (status == EXIT_DONE && passed_over > 0 && !cli->quiet)
		(void)cli_complain(0, "%zu skipped: the policy grants them no ids",
				   passed_over);
	return status;
}

/* --- the command line ------------------------------------------------------------------
 */

static int parse_option(const struct cli *cli, struct request *request, int letter)
{
	switch (letter) {
	case 'u':
	case 'g':
		return cli_misused(cli, "the directory's ranges have both kinds");
	case 'c':
		if (subid_id_parse(optarg, strlen(optarg), &request->what.count) == 0 &&
		    request->what.count > 0)
			return EXIT_DONE;
		return cli_misused(cli, "--count '%s': not a number from 1 to 4294967295",
				   optarg);
	case 'r':
		return cli_parse_range(cli, optarg, &request->what.range) ? EXIT_DONE
									  : EXIT_USAGE;
	case OPTION_ANOTHER:
		return cli_misused(cli, "--another: an owner has one range in the"
					" directory, since SSSD reads no second one");
	case OPTION_OWN:
		return cli_misused(cli, "--own: a lease is its host's: leave out"
					" --directory");
	case OPTION_FROM:
		request->from = optarg;
		break;
	case OPTION_GROUP:
		request->group = optarg;
		break;
	case OPTION_ALL:
		request->all = true;
		break;
	case OPTION_FORCE:
		request->force_unknown = true;
		break;
	default:
		request->dry_run = true;
	}
	return EXIT_DONE;
}

static int check(const struct cli *cli, const struct request *request, int operands)
{
	bool many = request->from != NULL || request->group != NULL || request->all;

	if (operands == 0 && !many)
		return cli_misused(cli, "grant: missing OWNER");
	if (request->what.range.count > 0 && (many || operands > 1))
		return cli_misused(cli, "--range allows only one OWNER");
	if (request->what.range.count > 0 && request->what.count > 0)
		return cli_misused(cli, "--range and --count exclude each other");
	return EXIT_DONE;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	auto_site struct site site = { .etc = -1 };
	__attribute__((cleanup(request_free))) struct request request = { .site = &site };
	int letter, shown, status = EXIT_DONE;

	while (status == EXIT_DONE && (letter = cli_next_option(cli, argc, argv)) != -1)
		status = parse_option(cli, &request, letter);
	if (status == EXIT_DONE)
		status = check(cli, &request, argc - optind);
	if (status == EXIT_DONE)
		status = site_open(cli, &site);
	for (; status == EXIT_DONE && optind < argc; optind++)
		if (cli_names_add(&request.owners, argv[optind]) < 0)
			status = cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	if (status == EXIT_DONE && request.from != NULL)
		status = cli_names_read(&request.owners, request.from);
	if (status == EXIT_DONE)
		status = choose(&request);
	if (status != EXIT_DONE)
		return status;
	status = grant_all(&request);
	shown = range_list_print(cli, &request.rows);
	return shown != EXIT_DONE ? shown : status;
}

const struct cli_command ldap_grant = {
	.name = "grant",
	.arguments = "OWNER...",
	.summary = "grant ranges in the directory",
	CLI_OPTIONS(options),
	.text = "OWNER is a login name or a uid.  Each owner is granted its range by "
		"itself.\n",
	.run = run,
};
