/* SPDX-License-Identifier: MIT */
/*
 * What is for a person's eyes: the terminal, its colours, and a pager.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/subid/cli.h"

/* The pager, as long as it runs; 0: none. */
static pid_t pager;
static int shown_on = -1; /* what standard output was before it */

void cli_find_terminal(struct cli *cli)
{
	struct winsize size;

	cli->terminal = isatty(STDOUT_FILENO) != 0;
	if (!cli->terminal)
		return;
	/* how wide letters are that are not ASCII */
	(void)setlocale(LC_CTYPE, "");
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
		cli->height = size.ws_row;
		cli->width = size.ws_col;
	}
}

bool cli_colored(const struct cli *cli)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	if (cli->color != CLI_COLOR_AUTO)
		return cli->color == CLI_COLOR_ALWAYS;
	return cli->terminal && (no == NULL || no[0] == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

const char *cli_tone(const struct cli *cli, enum cli_tone tone)
{
	static const char *const codes[] = {
		[CLI_PLAIN] = "\033[0m",  [CLI_HEADING] = "\033[1m",
		[CLI_GOOD] = "\033[32m",  [CLI_REMARK] = "\033[36m",
		[CLI_DOUBT] = "\033[35m", [CLI_WARN] = "\033[33m",
		[CLI_WRONG] = "\033[31m", [CLI_WORST] = "\033[1;31m",
	};

	return cli_colored(cli) ? codes[tone] : "";
}

/*
 * Threat: less(1) runs commands and writes files for whoever sits at it, with the rights
 * of this program; sudo may allow a user this program alone.  So for root it is told not
 * to, and no other pager is run.
 */
static _Noreturn void run_pager(void)
{
	const char *name = geteuid() == 0 ? NULL : getenv("SUBID_PAGER");

	if (name == NULL && geteuid() != 0)
		name = getenv("PAGER");
	if (name == NULL || name[0] == '\0')
		name = "less";
	if (geteuid() == 0)
		(void)setenv("LESSSECURE", "1", 1);
	(void)setenv("LESS", "FRSXMK", 1); /* as systemctl */
	(void)setenv("LESSCHARSET", "utf-8", 0);
	(void)execlp("sh", "sh", "-c", "exec $0", name, (char *)NULL);
	_exit(127);
}

static bool has_pager(void)
{
	static const char *const places[] = { "/usr/bin/less", "/bin/less",
					      "/usr/local/bin/less" };
	const char *own = getenv("SUBID_PAGER");

	if (geteuid() != 0 && own == NULL)
		own = getenv("PAGER");
	if (geteuid() != 0 && own != NULL)
		return own[0] != '\0' && strcmp(own, "cat") != 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], X_OK) == 0)
			return true;
	return false;
}

void cli_begin_pager(const struct cli *cli)
{
	int pipes[2];

	if (!cli->terminal || cli->height == 0 || cli->no_pager || cli->quiet ||
	    pager != 0 || !has_pager() || fflush(stdout) != 0 || pipe(pipes) < 0)
		return;
	shown_on = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	pager = shown_on < 0 ? -1 : fork();
	if (pager == 0) {
		(void)dup2(pipes[0], STDIN_FILENO);
		(void)close(pipes[0]);
		(void)close(pipes[1]);
		run_pager();
	}
	(void)close(pipes[0]);
	if (pager > 0) {
		(void)signal(SIGPIPE, SIG_IGN);
		(void)dup2(pipes[1], STDOUT_FILENO);
	} else {
		pager = 0;
	}
	(void)close(pipes[1]);
}

void cli_end_pager(void)
{
	if (pager <= 0)
		return;
	/* who leaves a pager early has seen enough */
	if (fflush(stdout) != 0 || ferror(stdout)) {
		__fpurge(stdout);
		clearerr(stdout);
	}
	/* the pager sees the end, and what comes now is shown behind it */
	if (dup2(shown_on, STDOUT_FILENO) < 0)
		(void)close(STDOUT_FILENO);
	(void)close(shown_on);
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
	pager = 0;
}

void cli_say_empty(const struct cli *cli, const char *what)
{
	if (cli->terminal && !cli->json && !cli->quiet)
		(void)cli_complain(0, "%s", what);
}

int cli_flush_output(const char *changed)
{
	if ((fflush(stdout) == 0 && !ferror(stdout)) || pager > 0)
		return EXIT_DONE;
	return cli_complain(EXIT_UNABLE, "standard output: %s%s", strerror(errno),
			    changed);
}

int cli_finish_output(void)
{
	int status = cli_flush_output("");

	cli_end_pager();
	return status;
}
