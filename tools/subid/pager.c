/* SPDX-License-Identifier: MIT */
/*
 * What is for a person's eyes: the terminal, its colours, and a pager.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/subid/cli.h"

/* The pager, as long as it runs; 0: none. */
static pid_t pager;

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
	pager = fork();
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

bool cli_pager_runs(void)
{
	return pager > 0;
}

void cli_end_pager(void)
{
	int null;

	if (pager <= 0)
		return;
	/* the pager sees the end; the stream stays open for what flushes it */
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
		(void)close(STDOUT_FILENO);
	if (null >= 0)
		(void)close(null);
	while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
		;
	pager = 0;
}
