/* SPDX-License-Identifier: MIT */
/*
 * subid-ldap: what "subid --directory" runs: the same commands, in the site's directory.
 * It is a program of its own so that nothing else links libldap.
 */
#include <signal.h>
#include <stdlib.h>

#include "tools/subid-ldap/commands.h"

static const struct cli_command *const commands[] = {
	&ldap_list, &ldap_grant, &ldap_revoke, &ldap_hold, &ldap_unhold, &ldap_audit,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

/*
 * Threat: libldap, SASL and Kerberos read variables that say who is asked, and with which
 * certificates; sudo may have left the caller's.
 */
static int clean_environment(void)
{
	static const char path[] = "/usr/sbin:/usr/bin:/sbin:/bin";

	return clearenv() != 0 || setenv("LDAPNOINIT", "1", 1) < 0 ||
		       setenv("PATH", path, 1) < 0
		   ? -1
		   : 0;
}

int main(int argc, char *argv[])
{
	struct cli cli = {
		.commands = commands,
		.n_commands = N_COMMANDS,
		.directory = true,
	};
	int status;

	(void)signal(SIGPIPE, SIG_IGN); /* a server that hangs up is an error */
	if (clean_environment() < 0)
		return EXIT_UNABLE;
	status = cli_start(&cli, argc, argv);
	return status == EXIT_DONE ? cli_run_command(&cli, argc, argv) : status;
}
