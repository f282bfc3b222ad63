/* SPDX-License-Identifier: MIT */
/*
 * subid: the table of commands.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>

#include "tools/subid/cli.h"

static const struct cli_command *const commands[] = {
	&cmd_list,   &cmd_grant, &cmd_revoke, &cmd_rename, &cmd_hold,
	&cmd_unhold, &cmd_ps,	 &cmd_id,     &cmd_config, &cmd_share,
	&cmd_shift,  &cmd_sync,	 &cmd_policy, &cmd_audit,  &cmd_complete,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

int main(int argc, char *argv[])
{
	struct cli cli = { .commands = commands, .n_commands = N_COMMANDS };
	static char name[] = "subid"; /* the name in messages of getopt_long(3) */

	/* a limit on file sizes is then an error that write() returns */
	(void)signal(SIGXFSZ, SIG_IGN);
	/* needed to learn the exit status of a child */
	(void)signal(SIGCHLD, SIG_DFL);
	/* Threat: a table opened as descriptor 2 would receive our messages.  Closed
	 * standard descriptors are opened in the wrong direction, so that using
	 * them still fails. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			return EXIT_UNABLE;
	if (argc > 0)
		argv[0] = name;
	(void)cli_next_option(&cli, argc, argv);
	if (cli.directory && cli.root != NULL)
		return cli_misused(&cli, "--root and --directory exclude each other");
	if (cli.directory)
		return cli_run_directory(&cli, argc - optind, argv + optind);
	if (optind >= argc)
		return cli_misused(&cli, "missing COMMAND");
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(argv[optind], commands[i]->name) != 0)
			continue;
		cli.command = commands[i];
		argc -= optind;
		argv += optind;
		argv[0] = name;
		optind = 0; /* glibc: start over */
		return commands[i]->run(&cli, argc, argv);
	}
	return cli_misused(&cli, "unknown command '%s'", argv[optind]);
}
