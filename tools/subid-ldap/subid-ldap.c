/* SPDX-License-Identifier: MIT */
/*
 * subid-ldap: what "subid --directory" runs: the same commands, in the site's directory.
 * It is a program of its own so that nothing else links libldap.
 */
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

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
	static char name[] = "subid"; /* the name in messages of getopt_long(3) */

	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN); /* a server that hangs up is an error */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			return EXIT_UNABLE;
	if (clean_environment() < 0)
		return EXIT_UNABLE;
	if (argc > 0)
		argv[0] = name;
	(void)cli_next_option(&cli, argc, argv);
	if (cli.root != NULL)
		return cli_misused(&cli, "--root and --directory exclude each other");
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
	return cli_misused(&cli, "'%s' is no command for a directory", argv[optind]);
}
