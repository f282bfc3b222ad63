/* SPDX-License-Identifier: MIT */
/*
 * subid: the table of commands.
 */
#include <getopt.h>
#include <signal.h>

#include "tools/subid/cli.h"

static const struct cli_command *const commands[] = {
	&cmd_list,   &cmd_grant,  &cmd_revoke, &cmd_rename, &cmd_hold,	   &cmd_unhold,
	&cmd_status, &cmd_doctor, &cmd_ps,     &cmd_id,	    &cmd_config,   &cmd_share,
	&cmd_shift,  &cmd_sync,	  &cmd_policy, &cmd_audit,  &cmd_complete,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

int main(int argc, char *argv[])
{
	struct cli cli = { .commands = commands, .n_commands = N_COMMANDS };
	int status;

	/* needed to learn the exit status of a child */
	(void)signal(SIGCHLD, SIG_DFL);
	status = cli_start(&cli, argc, argv);
	if (status == EXIT_DONE && cli.directory)
		return cli_run_directory(&cli, argc - optind, argv + optind);
	if (status == EXIT_DONE)
		status = cli_run_command(&cli, argc, argv);
	cli_end_pager();
	return status;
}
