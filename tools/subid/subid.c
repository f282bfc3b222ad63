/* SPDX-License-Identifier: MIT */
/*
 * subid: the table of commands, and the options that all of them have.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/subid/cli.h"

static const struct cli_command *const commands[] = {
	&cmd_list, &cmd_grant, &cmd_revoke, &cmd_hold,	 &cmd_unhold,
	&cmd_ps,   &cmd_id,    &cmd_config, &cmd_policy, &cmd_audit,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

enum { OPTION_ROOT = 256, OPTION_JSON, OPTION_HELP, OPTION_VERSION };

static const struct cli_option common_options[] = {
	{ OPTION_ROOT, "root", "DIR", "work on DIR/etc, without a look at what runs" },
	{ OPTION_JSON, "json", NULL, "print JSON" },
	{ 'q', "quiet", NULL, "print nothing but errors" },
	{ OPTION_HELP, "help", NULL, "show this" },
	{ OPTION_VERSION, "version", NULL, "show the version" },
};

#define N_COMMON    (sizeof(common_options) / sizeof(common_options[0]))
#define OPTIONS_MAX 24

/* What getopt_long(3) wants, from rows of ours. */
struct getopt_tables {
	char letters[OPTIONS_MAX * 2 + 3];
	struct option longs[OPTIONS_MAX + 1];
	size_t n;
};

static void add_options(struct getopt_tables *tables, const struct cli_option *rows,
			size_t n)
{
	for (size_t i = 0; i < n && tables->n < OPTIONS_MAX; i++) {
		char *end = tables->letters + strlen(tables->letters);

		if (rows[i].letter < 256) {
			*end++ = (char)rows[i].letter;
			if (rows[i].argument != NULL)
				*end++ = ':';
			*end = '\0';
		}
		tables->longs[tables->n++] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].argument != NULL,
			.val = rows[i].letter,
		};
	}
}

static void print_options(const struct cli_option *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *argument = rows[i].argument == NULL ? "" : rows[i].argument;
		int width =
		    (int)(strlen(rows[i].name) + strlen(argument) + (*argument != '\0'));

		if (rows[i].letter < 256)
			(void)printf("  -%c, ", rows[i].letter);
		else
			(void)printf("      ");
		(void)printf("--%s%s%s%*s%s\n", rows[i].name, *argument ? " " : "",
			     argument, width < 18 ? 18 - width : 1, "", rows[i].help);
	}
}

int cli_finish_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_DONE;
	return cli_complain(EXIT_UNABLE, "standard output: %s", strerror(errno));
}

static int print_help(const struct cli_command *command)
{
	if (command != NULL) {
		(void)printf("usage: subid %s [OPTION...]%s%s\n%s\n\n", command->name,
			     command->arguments[0] == '\0' ? "" : " ", command->arguments,
			     command->summary);
		print_options(command->options, command->n_options);
		print_options(common_options, N_COMMON);
		(void)printf(
		    "\n%s\nExit status: 0 done; 1 the answer is no; 2 wrong usage;"
		    " 3 could not do it.\nSee subid(1).\n",
		    command->text);
		return cli_finish_output();
	}
	(void)printf("usage: subid [--root DIR] [--json] [-q] COMMAND [ARGUMENT...]\n"
		     "Hands out ranges of subordinate ids and keeps them apart.\n\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		(void)printf("  %-10s%s\n", commands[i]->name, commands[i]->summary);
	(void)printf("\n");
	print_options(common_options, N_COMMON);
	(void)printf(
	    "\n'subid COMMAND --help' tells more, subid(1) all, subid(7) why.\n");
	return cli_finish_output();
}

static int print_version(void)
{
	(void)printf("subid %s\n", SUBID_VERSION);
	return cli_finish_output();
}

/* An option that every command has.  False: it is none of them. */
static bool take_common(struct cli *cli, int letter)
{
	switch (letter) {
	case OPTION_ROOT:
		cli->root = optarg;
		return true;
	case OPTION_JSON:
		cli->json = true;
		return true;
	case 'q':
		cli->quiet = true;
		return true;
	case OPTION_HELP:
		exit(print_help(cli->command));
	case OPTION_VERSION:
		exit(print_version());
	default:
		return false;
	}
}

static bool is_letter_of(const struct getopt_tables *tables, int letter)
{
	for (size_t i = 0; i < tables->n; i++)
		if (tables->longs[i].val == letter)
			return true;
	return false;
}

/* As getopt_long(3) says it, but through print_message(): it prints what was typed as
 * it is. */
static int misspelt(const struct cli *cli, const char *word, int answer,
		    const struct getopt_tables *tables)
{
	int len = (int)strcspn(word, "="), like = 0;

	if (answer == ':' && strncmp(word, "--", 2) != 0)
		return cli_misused(cli, "option requires an argument -- '%c'", optopt);
	if (answer == ':')
		return cli_misused(cli, "option '%s' requires an argument", word);
	if (optopt != 0 && !is_letter_of(tables, optopt))
		return cli_misused(cli, "invalid option -- '%c'",
				   optopt > ' ' && optopt <= '~' ? optopt : '?');
	if (optopt != 0)
		return cli_misused(cli, "option '%.*s' doesn't allow an argument", len,
				   word);
	for (size_t i = 0; i < tables->n; i++)
		like += strncmp(tables->longs[i].name, word + 2, (size_t)len - 2) == 0;
	return cli_misused(cli, "%s option '%s'", like > 1 ? "ambiguous" : "unrecognized",
			   word);
}

int cli_next_option(struct cli *cli, int argc, char *argv[])
{
	struct getopt_tables tables = { .n = 0 };
	int letter;

	/* Options of the whole program end at the command's name. */
	(void)strcpy(tables.letters, cli->command == NULL ? "+:" : ":");
	opterr = 0;
	if (cli->command != NULL)
		add_options(&tables, cli->command->options, cli->command->n_options);
	add_options(&tables, common_options, N_COMMON);
	do
		letter = getopt_long(argc, argv, tables.letters, tables.longs, NULL);
	while (letter != -1 && take_common(cli, letter));
	if (letter == '?' || letter == ':')
		exit(misspelt(cli, argv[optind - 1], letter, &tables));
	return letter;
}

__attribute__((format(printf, 1, 0))) static void print_message(const char *format,
								va_list args)
{
	char *text, *safe;

	if (vasprintf(&text, format, args) < 0) {
		(void)fprintf(stderr, "subid: %s\n", strerror(ENOMEM));
		return;
	}
	/* in one piece: others may write there, too */
	safe = printable_text(text, strlen(text));
	(void)fprintf(stderr, "subid: %s\n", safe == NULL ? strerror(ENOMEM) : safe);
	free(safe);
	free(text);
}

int cli_complain(int status, const char *format, ...)
{
	va_list args;

	(void)fflush(stdout); /* so that the two come in order */
	va_start(args, format);
	print_message(format, args);
	va_end(args);
	return status;
}

int cli_misused(const struct cli *cli, const char *format, ...)
{
	if (format != NULL) {
		va_list args;

		va_start(args, format);
		print_message(format, args);
		va_end(args);
	}
	return cli_complain(EXIT_USAGE, "try 'subid %s%s--help'",
			    cli->command == NULL ? "" : cli->command->name,
			    cli->command == NULL ? "" : " ");
}

int main(int argc, char *argv[])
{
	struct cli cli = { .command = NULL };
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
