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
	&cmd_list, &cmd_grant, &cmd_revoke, &cmd_hold,	 &cmd_unhold,
	&cmd_ps,   &cmd_id,    &cmd_config, &cmd_policy, &cmd_audit,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

int main(int argc, char *argv[])
{
	struct cli cli = { .commands = commands, .n_commands = N_COMMANDS };
	static char name[] = "subid"; /* as getopt_long(3) begins its messages */

	/* so that a limit on the size of files is an error with a message */
	(void)signal(SIGXFSZ, SIG_IGN);
	/* else nobody can tell how a child has ended */
	(void)signal(SIGCHLD, SIG_DFL);
	/* Threat: a table opened as number 2 would get our messages.  What was
	 * closed is opened the other way round, so that using it still fails. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			return EXIT_UNABLE;
	if (argc > 0)
		argv[0] = name;
	(void)cli_next_option(&cli, argc, argv);
	if (optind >= argc)
		return cli_misused(&cli, "a command is missing");
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(argv[optind], commands[i]->name) != 0)
			continue;
		cli.command = commands[i];
		argc -= optind;
		argv += optind;
		argv[0] = name;
		optind = 0; /* glibc: begin anew */
		return commands[i]->run(&cli, argc, argv);
	}
	return cli_misused(&cli, "'%s' is no command", argv[optind]);
}
