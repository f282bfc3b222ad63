/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/child.h"
#include "tools/subid/runtime_config.h"
#include "tools/subid/share/share.h"
#include "tools/subid/view.h"

#define PATIENCE_MS 5000
#define OUTPUT_MAX  255

enum { OPTION_KEEP = 256 * 2, OPTION_FOR, OPTION_ACCOUNTS };

static const struct cli_option options[] = {
	{ OPTION_KEEP, "keep-id", "UID",
	  "map the owner's own uid and gid to UID inside" },
	{ OPTION_FOR, "for", "VERSION", "write for this version, not the installed one" },
	{ OPTION_ACCOUNTS, "with-accounts", NULL,
	  "map the ids of accounts and groups, too" },
};

struct config {
	struct cli *cli;
	const struct runtime_config_row *runtime;
	struct runtime_version version; /* 0: not known */
	uint32_t keep;
	bool with_accounts;
	const char *whose;
};

static json_t *json_lines(const char *text)
{
	json_t *lines = json_array();

	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, "\n");

		(void)json_array_append_new(lines, cli_json_name(text, len));
		text += len + (text[len] == '\n');
	}
	return lines;
}

static json_t *json_map(const struct runtime_config *setup, enum subid_kind kind)
{
	json_t *map = json_array();

	for (size_t i = 0; i < setup->n[kind]; i++) {
		const struct subid_map_line *line = &setup->maps[kind][i];

		(void)json_array_append_new(
		    map,
		    json_pack("{s:I, s:I, s:I}", "inside", (json_int_t)line->inside.start,
			      "outside", (json_int_t)line->outside.start, "count",
			      (json_int_t)line->inside.count));
	}
	return map;
}

static int print_json(const struct config *config, const struct owner_ids *share,
		      const struct runtime_config *setup)
{
	const char *container = share->container == NULL ? "" : share->container;
	json_t *object = json_pack(
	    "{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "runtime", config->runtime->name,
	    "owner", cli_json_name(share->name, strlen(share->name)), "container",
	    share->container == NULL ? json_null()
				     : cli_json_name(container, strlen(container)),
	    "uid_map", json_map(setup, SUBID_UID), "gid_map", json_map(setup, SUBID_GID),
	    "lines", json_lines(setup->text), "remarks", json_lines(setup->remarks));

	return cli_print_json(object);
}

/* Remarks are comments, or messages where the text is JSON, which has no comments. */
static void print_remarks(const struct config *config, const char *remarks)
{
	while (*remarks != '\0') {
		int len = (int)strcspn(remarks, "\n");

		if (config->runtime->is_json)
			(void)cli_complain(0, "%.*s", len, remarks);
		else
			(void)printf("# %.*s\n", len, remarks);
		remarks += len + (remarks[len] == '\n');
	}
}

static int print(const struct config *config, const struct owner_ids *share,
		 const struct runtime_config *setup)
{
	if (config->cli->json)
		return print_json(config, share, setup);
	if (!config->cli->quiet)
		print_remarks(config, setup->remarks);
	(void)fputs(setup->text, stdout);
	return cli_finish_output();
}

/* The owner as it is written in the table: Docker and podman look for that name. */
static const char *spelling_of(const struct owner_ids *share,
			       const struct subid_table *table, char **own)
{
	for (size_t i = 0; i < share->owner.n; i++) {
		const struct subid_owner_name *spelling = &share->owner.spellings[i];

		if (subid_table_first(table, spelling->text, spelling->len) == table->n)
			continue;
		*own = strndup(spelling->text, spelling->len);
		return *own;
	}
	return share->name;
}

/* Without NAME, the text is for ids that no container leases; some runtimes ignore
 * leases. */
static int check_leases(const struct config *config, const struct owner_ids *share)
{
	if (share->container != NULL || share->n_leases == 0)
		return EXIT_DONE;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (share->all.of[kind].n > 0 && share->ids.of[kind].n == 0)
			return cli_complain(
			    EXIT_NO,
			    "%s: all %ss are leased to containers; name one,"
			    " OWNER/NAME",
			    share->name, subid_kind_name(kind));
	if (config->runtime->one_map && !config->cli->quiet)
		(void)cli_complain(0,
				   "warning: %s: %s uses all of its ids, also those that"
				   " are leased to containers",
				   share->name, config->runtime->title);
	return EXIT_DONE;
}

static int make_setup(const struct config *config, const struct owner_ids *share,
		      const struct subid_table *uids)
{
	auto_free struct runtime_config *setup = calloc(1, sizeof(*setup));
	auto_config_mounts struct config_mounts mounts = { .n = 0 };
	auto_free char *spelling = NULL;
	struct runtime_config_ids wanted = {
		.name = spelling_of(share, uids, &spelling),
		.container = share->container,
		.has_account = share->owner.has_account,
		.own = { share->owner.uid, share->owner.gid },
		.all = &share->all,
		.ids = &share->ids,
		.doubled = share->doubled,
	};
	int status, r = -ENOMEM;

	if (setup != NULL && wanted.name != NULL)
		r = config_mounts_find(config->cli, config->runtime, share, &mounts);
	wanted.mounts = mounts.list;
	wanted.n_mounts = mounts.n;
	if (r == 0)
		r = runtime_config_make(config->runtime, &wanted, config->keep,
					config->version, setup);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(-r));
	if (r == 0 && mounts.n > 0 && config->keep != SUBID_ID_NONE &&
	    !config->cli->quiet)
		(void)cli_complain(0,
				   "warning: %s: id %u inside shows as nobody's in shared"
				   " storage, which knows nothing of --keep-id",
				   config->whose, config->keep);
	status = r == 0 ? print(config, share, setup)
			: cli_complain(EXIT_NO, "%s: %s", config->whose, setup->refusal);
	runtime_config_free(setup);
	return status;
}

/*
 * Leaves out ids of accounts and groups, which lines such as "root:1500:1" pass through
 * to one container: as its root, or as anybody in another, they would be those accounts.
 * Threat: root of the container is then that account on the host.
 */
static int leave_accounts_out(const struct config *config, struct subid_users *users,
			      struct owner_ids *share)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct subid_set *ids = &share->ids.of[kind];
		auto_set struct subid_set taken = { .n = 0 }, left = { .n = 0 };
		uint64_t n;
		int r = subid_users_taken(users, kind, &taken);

		if (r == 0)
			r = subid_set_subtract(ids, &taken, &left);
		if (r < 0)
			return cli_complain(EXIT_UNABLE, "%s", strerror(-r));
		n = subid_set_size(ids) - subid_set_size(&left);
		if (n == 0)
			continue;
		if (!config->cli->quiet)
			(void)cli_complain(0, "%s%s: %llu %s%s of accounts or groups %s",
					   config->runtime->one_map ? "warning: " : "",
					   share->name, (unsigned long long)n,
					   subid_kind_name(kind), n == 1 ? "" : "s",
					   config->runtime->one_map
					       ? "in its lines, which Docker maps, too"
					       : "left out (--with-accounts maps them)");
		if (config->runtime->one_map)
			continue;
		subid_set_free(ids);
		*ids = left;
		left = (struct subid_set){ .n = 0 };
	}
	return EXIT_DONE;
}

static int carry_out(const struct config *config)
{
	auto_close int etc = cli_open_etc(config->cli);
	auto_users struct subid_users *users = NULL;
	auto_cli_tables struct cli_tables tables = CLI_TABLES_NONE;
	auto_owner_ids struct owner_ids share = { .name = NULL };
	auto_system struct subid *sys = NULL;
	const char *file = "passwd";
	int status, r;

	if (etc < 0)
		return EXIT_UNABLE;
	status = cli_open_system(config->cli, true, &sys);
	for (enum subid_kind kind = 0; status == EXIT_DONE && kind < SUBID_KINDS; kind++)
		status = cli_load_table(config->cli, etc, kind, &tables.list[kind]);
	if (status != EXIT_DONE)
		return status;
	r = subid_users_load(etc, config->cli->root == NULL, &users, &file);
	if (r < 0)
		return cli_unreadable(config->cli, file, r);
	status = owner_ids_find(config->cli, sys, users, tables.list, NULL, config->whose,
				&share);
	if (status != EXIT_DONE)
		return status;
	status = check_leases(config, &share);
	if (status == EXIT_DONE && !config->with_accounts && share.container == NULL)
		status = leave_accounts_out(config, users, &share);
	return status == EXIT_DONE ? make_setup(config, &share, &tables.list[SUBID_UID])
				   : status;
}

/* The child: becomes PROGRAM --version, with nothing open but its output. */
static int run_program(const void *data, int writer)
{
	char *program = (char *)(uintptr_t)data, version[] = "--version";

	if (open("/dev/null", O_RDONLY) != 0 || dup2(writer, 1) != 1 ||
	    open("/dev/null", O_WRONLY) != 2)
		return -EBADF;
	(void)close(writer);
	(void)execvp(program, (char *[]){ program, version, NULL });
	return -errno;
}

/* Asks an installed program, found in PATH, for its version.  False if there is none, or
 * no answer within a few seconds. */
static bool ask_version(const char *program, struct runtime_version *ret)
{
	auto_text struct subid_text said = { .bytes = NULL };
	struct child child;

	if (child_start(run_program, program, -1, &child) < 0)
		return false;
	/* it may run for ever: what it printed by then is enough */
	(void)child_read(&child, PATIENCE_MS, OUTPUT_MAX, &said);
	(void)child_end(&child, true);
	return said.bytes != NULL && runtime_version_parse(said.bytes, ret);
}

/* Programs of an image are not run. */
static void find_version(struct config *config)
{
	if (config->version.major == 0 && config->runtime->program != NULL &&
	    config->cli->root == NULL)
		(void)ask_version(config->runtime->program, &config->version);
}

static int find_runtime(const struct cli *cli, const char *name,
			const struct runtime_config_row **ret)
{
	char names[128] = "";
	size_t n;
	const struct runtime_config_row *all = runtime_config_rows(&n);

	*ret = runtime_config_find(name);
	if (*ret != NULL)
		return EXIT_DONE;
	for (size_t i = 0; i < n; i++) {
		(void)strncat(names, i == 0 ? "" : ", ",
			      sizeof(names) - strlen(names) - 1);
		(void)strncat(names, all[i].name, sizeof(names) - strlen(names) - 1);
	}
	return cli_misused(cli, "config: unknown runtime '%s'; one of %s", name, names);
}

static int run(struct cli *cli, int argc, char *argv[])
{
	struct config config = { .cli = cli, .keep = SUBID_ID_NONE };
	char own[CLI_ONESELF_SIZE];
	int letter, status;

	while ((letter = cli_next_option(cli, argc, argv)) != -1) {
		if (letter == OPTION_ACCOUNTS)
			config.with_accounts = true;
		if (letter == OPTION_KEEP &&
		    (subid_id_parse(optarg, strlen(optarg), &config.keep) != 0 ||
		     config.keep == SUBID_ID_NONE))
			return cli_misused(cli, "--keep-id: invalid id '%s'", optarg);
		if (letter == OPTION_FOR &&
		    (!runtime_version_parse(optarg, &config.version) ||
		     config.version.major == 0))
			return cli_misused(cli, "--for: invalid version '%s'", optarg);
	}
	if (argc - optind != 2 && argc - optind != (cli->root == NULL ? 1 : 2))
		return cli_misused(cli,
				   "config: expected RUNTIME and OWNER or OWNER/NAME");
	status = find_runtime(cli, argv[optind], &config.runtime);
	if (status != EXIT_DONE)
		return status;
	config.whose = argv[optind + 1] == NULL ? cli_oneself(own) : argv[optind + 1];
	find_version(&config);
	return carry_out(&config);
}

const struct cli_command cmd_config = {
	.name = "config",
	.arguments = "RUNTIME [OWNER[/NAME]]",
	.summary = "print the configuration for a container runtime",
	CLI_OPTIONS(options),
	.text =
	    "RUNTIME is lxc, lxd, incus, podman, docker, oci or nspawn.  The lines map "
	    "the\n"
	    "ids of the container NAME, or without NAME all ids of OWNER that are not\n"
	    "leased.  OWNER left out is oneself.  Remarks say where the lines go; they\n"
	    "begin with '#', or go to standard error if the lines are JSON; -q: none.\n",
	.examples = "    subid config lxc alice/web\n"
		    "    subid config podman alice",
	.run = run,
};
