/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "libsubid/policy/policy.h"
#include "tools/subid/status.h"

static void free_tables(struct status_tables *tables)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_table_free(&tables->list[kind]);
	subid_users_free(&tables->users);
	subid_close(&tables->sys);
	if (tables->etc >= 0)
		(void)close(tables->etc); /* only read */
}

static int read_tables(struct status_tables *tables)
{
	struct cli *cli = tables->cli;
	const char *file = "passwd";
	struct subid_place place;
	int status = EXIT_DONE, r;

	tables->etc = cli_open_etc(cli);
	if (tables->etc < 0)
		return EXIT_UNABLE;
	status = cli_open_system(cli, false, &tables->sys);
	if (status != EXIT_DONE)
		return status;
	r = subid_users_load(tables->etc, cli->root == NULL, &tables->users, &file);
	if (r == 0)
		r = subid_users_index(tables->users);
	if (r < 0)
		return cli_unreadable(cli, file, r);
	for (enum subid_kind kind = 0; status == EXIT_DONE && kind < SUBID_KINDS; kind++)
		status = cli_load_table(cli, tables->etc, kind, &tables->list[kind]);
	tables->policy_known = subid_policy_load(tables->etc, cli->root == NULL,
						 &tables->policy, &place) == 0;
	return status;
}

static int show(struct status_tables *tables, const char *name)
{
	json_t *object = json_object();
	int status, written;

	if (object == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	status = name == NULL ? status_of_host(tables, object)
			      : status_of_owner(tables, name, object);
	if (status == EXIT_UNABLE || json_object_get(object, "window") == NULL ||
	    tables->cli->quiet) {
		json_decref(object);
		return status;
	}
	if (tables->cli->json) {
		written = cli_print_json(object);
		return written == EXIT_DONE ? status : written;
	}
	cli_begin_pager(tables->cli);
	if (name == NULL)
		status_print_host(object);
	else
		status_print_owner(tables->cli, object);
	json_decref(object);
	written = cli_finish_output();
	return written == EXIT_DONE ? status : written;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	__attribute__((cleanup(free_tables))) struct status_tables tables = {
		.cli = cli,
		.etc = -1,
		.policy = subid_policy_default,
		.list = { { .kind = SUBID_UID }, { .kind = SUBID_GID } },
	};
	int status;

	while (cli_next_option(cli, argc, argv) != -1)
		;
	if (argc - optind > 1)
		return cli_misused(cli, "unexpected operand '%s'", argv[optind + 1]);
	status = read_tables(&tables);
	return status == EXIT_DONE ? show(&tables, argv[optind]) : status;
}

const struct cli_command cmd_status = {
	.name = "status",
	.arguments = "[OWNER]",
	.summary = "show what a user, or this host, has",
	.text =
	    "OWNER: may it run rootless containers, and with what: ranges, leases, "
	    "policy,\n"
	    "room, helpers, what runs; status 1: it cannot.  Without OWNER, the host's:\n"
	    "users with and without ranges, held ids, window, next range, last audit.\n",
	.examples = "    subid status\n"
		    "    subid status alice",
	.run = run,
};
