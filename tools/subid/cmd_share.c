/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/subid/runtime_config.h"
#include "tools/subid/share/share.h"

enum { OPTION_FOR = 256 * 2, OPTION_READ_ONLY, OPTION_ALL };

static const struct cli_option options[] = {
	{ 'c', "count", "N", "create: so many ids, for uids and for gids" },
	{ OPTION_FOR, "for", "RUNTIME", "mount: for containers of this (lxc)" },
	{ OPTION_READ_ONLY, "read-only", NULL,
	  "mount: nothing can be changed through it" },
	{ OPTION_ALL, "all", NULL, "mount: everything that is recorded, at boot" },
};

struct share {
	struct cli *cli;
	const char *verb;
	char **names;
	size_t n;
	uint32_t count;
	bool has_count, all;
	struct share_request request;
};

/* Which options a verb takes, and how many names. */
struct verb {
	const char *name;
	const char *arguments;
	size_t n;
	bool count, runtime, read_only, all;
	int (*run)(const struct share *share);
};

static int run_create(const struct share *share)
{
	return share_create(share->cli, share->names[0], share->names[1], share->count);
}

static int run_mount(const struct share *share)
{
	struct share_request request = share->request;

	if (share->all)
		return share_mount_all(share->cli);
	request.store = share->names[0];
	request.target = share->names[1];
	return share_mount(share->cli, &request);
}

static int run_umount(const struct share *share)
{
	struct share_request request = share->request;

	request.store = share->names[0];
	request.target = share->names[1];
	return share_umount(share->cli, &request);
}

static int run_list(const struct share *share)
{
	return share_list(share->cli);
}

static int run_destroy(const struct share *share)
{
	return share_destroy(share->cli, share->names[0]);
}

static const struct verb verbs[] = {
	{ "create", "OWNER/STORE DIR", 2, .count = true, .run = run_create },
	{ "mount", "OWNER/STORE OWNER2[/NAME]", 2, .runtime = true, .read_only = true,
	  .all = true, .run = run_mount },
	{ "umount", "OWNER/STORE OWNER2[/NAME]", 2, .runtime = true, .run = run_umount },
	{ "list", "no argument", 0, .run = run_list },
	{ "destroy", "OWNER/STORE", 1, .run = run_destroy },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

/* Root alone can make such mounts, and says for whom. */
static int check_rights(const struct share *share)
{
	char command[512] = "subid share";

	if (share->cli->root != NULL)
		return cli_misused(share->cli,
				   "share: an image has no mounts: do without --root");
	if (geteuid() == 0)
		return EXIT_DONE;
	for (size_t i = 0; i <= share->n; i++) {
		size_t used = strlen(command);

		(void)snprintf(command + used, sizeof(command) - used, " %s",
			       i == 0 ? share->verb : share->names[i - 1]);
	}
	return cli_complain(EXIT_UNABLE,
			    "share: only root can share storage: ask the administrator"
			    " for: %s",
			    command);
}

static int check_options(const struct share *share, const struct verb *verb)
{
	const char *bad = share->has_count && !verb->count		     ? "--count"
			  : share->request.runtime != NULL && !verb->runtime ? "--for"
			  : share->request.read_only && !verb->read_only ? "--read-only"
			  : share->all && !verb->all			 ? "--all"
									 : NULL;

	if (bad != NULL)
		return cli_misused(share->cli, "share %s: takes no %s", verb->name, bad);
	if (share->n != (share->all ? 0 : verb->n))
		return cli_misused(share->cli, "share %s: expected %s", verb->name,
				   share->all ? "no name with --all" : verb->arguments);
	if (share->request.runtime != NULL &&
	    runtime_config_find(share->request.runtime) == NULL)
		return cli_misused(share->cli,
				   "--for: unknown runtime '%s'; see 'subid"
				   " config --help'",
				   share->request.runtime);
	return EXIT_DONE;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	struct share share = { .cli = cli };
	const struct verb *verb;
	int letter, status;

	while ((letter = cli_next_option(cli, argc, argv)) != -1) {
		share.request.read_only |= letter == OPTION_READ_ONLY;
		share.all |= letter == OPTION_ALL;
		if (letter == OPTION_FOR)
			share.request.runtime = optarg;
		share.has_count |= letter == 'c';
		if (letter == 'c' && !cli_parse_count(optarg, &share.count))
			return cli_misused(cli, "--count: invalid count '%s'", optarg);
	}
	if (optind >= argc)
		return cli_misused(cli, "share: expected create, mount, umount, list or"
					" destroy");
	share.verb = argv[optind];
	share.names = argv + optind + 1;
	share.n = (size_t)(argc - optind - 1);
	verb = find_verb(share.verb);
	if (verb == NULL)
		return cli_misused(cli,
				   "share: unknown command '%s'; one of create,"
				   " mount, umount, list, destroy",
				   share.verb);
	status = check_options(&share, verb);
	if (status == EXIT_DONE)
		status = check_rights(&share);
	if (status != EXIT_DONE)
		return status;
	/* containers walk through what is made on the way */
	(void)umask(022);
	return verb->run(&share);
}

const struct cli_command cmd_share = {
	.name = "share",
	.arguments = "create|mount|umount|list|destroy ...",
	.summary = "one directory for several isolated containers",
	CLI_OPTIONS(options),
	.text =
	    "create OWNER/STORE DIR, mount OWNER/STORE OWNER2[/NAME], mount --all,\n"
	    "umount OWNER/STORE OWNER2[/NAME], list, destroy OWNER/STORE.  A store has\n"
	    "ids of its own; see subid-share(1).\n",
	.examples = "    subid share create root/pictures /srv/share/pictures\n"
		    "    subid share mount root/pictures alice --for podman",
	.run = run,
};
