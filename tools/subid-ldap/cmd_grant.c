/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "tools/subid-ldap/commands.h"
#include "tools/subid/grant_options.h"

static const struct cli_refusal refused[] = {
	{ "uid", "the directory's ranges have both kinds" },
	{ "gid", "the directory's ranges have both kinds" },
	{ "another", "an owner has one range there, since SSSD reads no second one" },
	{ "align", "the directory's blocks begin where its first one does" },
	{ "restore", "what is known of former owners is a host's" },
	{ "reuse-left", "what is known of former owners is a host's" },
	{ "own", "a lease is its host's: leave out --directory" },
	{ NULL, NULL },
};

struct request {
	struct site *site;
	struct grant_options want;
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
	struct dir_request what = { request->want.count, request->want.range };
	struct subid_decision decision;
	struct id_range range[SUBID_KINDS];
	struct site_owner owner;
	enum site_outcome outcome;
	int status =
	    site_find_owner(request->site, name, request->want.force_unknown, &owner);

	if (status == EXIT_DONE)
		status = site_decide(request->site, &owner, &decision);
	if (status == EXIT_DONE && what.count == 0 && decision.rule != NULL)
		what.count = decision.rule->count;
	if (status == EXIT_DONE)
		status = site_grant(request->site, &owner, &what, request->want.dry_run,
				    range, &outcome);
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
		r = subid_candidates(txn, request->want.group, request->want.all, &list,
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
	bool theirs = request->want.all && request->site->conf.directory.users != NULL;
	size_t passed_over = 0;
	int status;

	if (request->want.group == NULL && !request->want.all)
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

static int run(struct cli *cli, int argc, char *argv[])
{
	auto_site struct site site = { .etc = -1 };
	__attribute__((cleanup(request_free))) struct request request = { .site = &site };
	int letter, shown, status = EXIT_DONE;

	while (status == EXIT_DONE && (letter = cli_next_option(cli, argc, argv)) != -1)
		status = grant_options_take(cli, &request.want, letter);
	if (status == EXIT_DONE)
		status = grant_options_check(cli, &request.want, argc - optind);
	if (status == EXIT_DONE)
		status = site_open(cli, &site);
	for (; status == EXIT_DONE && optind < argc; optind++)
		if (cli_names_add(&request.owners, argv[optind]) < 0)
			status = cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	if (status == EXIT_DONE && request.want.from != NULL)
		status = cli_names_read(&request.owners, request.want.from);
	if (status == EXIT_DONE)
		status = choose(&request);
	if (status != EXIT_DONE)
		return status;
	status = grant_all(&request);
	shown = cli_say_dry_run(cli, request.want.dry_run,
				range_list_print(cli, &request.rows));
	return shown != EXIT_DONE ? shown : status;
}

const struct cli_command ldap_grant = {
	.name = "grant",
	.arguments = "OWNER...",
	.summary = "grant ranges in the directory",
	.options = grant_option_rows,
	.n_options = N_GRANT_OPTIONS,
	.refused = refused,
	.text = "OWNER is a login name or a uid.  Each owner is granted its range by "
		"itself.\n",
	.run = run,
};
