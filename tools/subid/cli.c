/* SPDX-License-Identifier: MIT */
/*
 * What all commands have: options and --help, messages, tables, lists of names.
 */
#include "tools/subid/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"
#include "libsubid/core/pile.h"
#include "libsubid/core/printable.h"

enum { OPTION_ROOT = 256, OPTION_JSON, OPTION_DIRECTORY, OPTION_COLOR, OPTION_NO_PAGER };

static const struct cli_option common_options[] = {
	{ OPTION_ROOT, "root", "DIR",
	  "work on DIR/etc; do not look at running processes" },
	{ OPTION_JSON, "json", NULL, "print JSON" },
	{ 'q', "quiet", NULL, "print only errors" },
	{ OPTION_COLOR, "color", "WHEN", "auto, always or never" },
	{ OPTION_NO_PAGER, "no-pager", NULL, "do not show long output in a pager" },
	{ 'h', "help", NULL, "show this help" },
	{ 'V', "version", NULL, "show the version" },
};

/* Before the command alone: it is another program's then. */
static const struct cli_option directory_option[] = {
	{ OPTION_DIRECTORY, "directory", NULL,
	  "work in the site's directory, subid-ldap(8)" },
};

#define N_COMMON    (sizeof(common_options) / sizeof(common_options[0]))
#define OPTIONS_MAX 32

const struct cli_option *cli_common_options(size_t *ret_n)
{
	*ret_n = N_COMMON;
	return common_options;
}

/* The tables of getopt_long(3), made from rows of struct cli_option. */
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

/* Why a command does not take an option of its table; NULL: it does. */
static const char *refusal(const struct cli_command *command, const char *name)
{
	const struct cli_refusal *row = command == NULL ? NULL : command->refused;

	for (; row != NULL && row->why != NULL; row++)
		if (strcmp(row->name, name) == 0)
			return row->why;
	return NULL;
}

static void print_options(const struct cli_command *command,
			  const struct cli_option *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *argument = rows[i].argument == NULL ? "" : rows[i].argument;
		const char *why;
		int width =
		    (int)(strlen(rows[i].name) + strlen(argument) + (*argument != '\0'));

		if (rows[i].letter < 256)
			(void)printf("  -%c, ", rows[i].letter);
		else
			(void)printf("      ");
		why = refusal(command, rows[i].name);
		(void)printf(
		    "--%s%s%s%*s%s%s\n", rows[i].name, *argument ? " " : "", argument,
		    width < 18 ? 18 - width : 1, "",
		    why == NULL ? "" : "refused: ", why == NULL ? rows[i].help : why);
	}
}

/* "--root DIR  -q,--quiet  ...", in lines of at most 78 columns. */
static void print_common(const struct cli_option *rows, size_t n, size_t *column)
{
	for (size_t i = 0; i < n; i++) {
		const char *argument = rows[i].argument == NULL ? "" : rows[i].argument;
		size_t len = strlen(rows[i].name) + strlen(argument) + 8;

		if (*column + len > 80) {
			(void)printf("\n");
			*column = 0;
		}
		*column += (size_t)printf(*column == 0 ? "  " : "  ");
		if (rows[i].letter < 256)
			*column += (size_t)printf("-%c,", rows[i].letter);
		*column += (size_t)printf("--%s%s%s", rows[i].name,
					  *argument == '\0' ? "" : " ", argument);
	}
}

/* The same in one line, by their letters: they are at home in `subid help`. */
static void print_short(void)
{
	(void)printf("  and");
	for (size_t i = 0; i < N_COMMON; i++) {
		const struct cli_option *row = &common_options[i];

		if (row->letter < 256)
			(void)printf(" -%c", row->letter);
		else
			(void)printf(" --%s%s%s", row->name,
				     row->argument == NULL ? "" : " ",
				     row->argument == NULL ? "" : row->argument);
	}
}

static void print_command_help(const struct cli *cli, const struct cli_command *command)
{
	(void)printf("usage: subid %s%s [OPTION...]%s%s\n%s\n\n",
		     cli->directory ? "--directory " : "", command->name,
		     command->arguments[0] == '\0' ? "" : " ", command->arguments,
		     command->summary == NULL ? "" : command->summary);
	print_options(command, command->options, command->n_options);
	print_short();
	(void)printf(
	    "\n\n%s%sExit status: 0 done; 1 the answer is no; 2 wrong usage;"
	    " 3 failed.\nSee %s%s%s.",
	    command->text == NULL ? "" : command->text,
	    command->text == NULL || strchr(command->text, '\0')[-1] == '\n' ? "" : "\n",
	    cli->directory ? "subid-ldap(8)" : "subid-",
	    cli->directory ? "" : command->name, cli->directory ? "" : "(1)");
	(void)printf("%s%s\n", command->examples == NULL ? "" : "  Examples:\n",
		     command->examples == NULL ? "" : command->examples);
}

static int print_help(const struct cli *cli)
{
	size_t column = 0;

	if (cli->command != NULL) {
		print_command_help(cli, cli->command);
		return cli_finish_output();
	}
	(void)printf("usage: subid [OPTION...] COMMAND [ARGUMENT...]\n\n");
	for (size_t i = 0; i < cli->n_commands; i++)
		if (cli->commands[i]->summary != NULL)
			(void)printf("  %-10s%s\n", cli->commands[i]->name,
				     cli->commands[i]->summary);
	(void)printf("\n");
	if (!cli->directory)
		print_common(directory_option, 1, &column);
	print_common(common_options, N_COMMON, &column);
	(void)printf(
	    "\nSee 'subid help COMMAND', subid(1) for QUESTIONS, subid(7) for the"
	    " concepts.\n");
	return cli_finish_output();
}

static int print_version(void)
{
	(void)printf("subid %s\n", SUBID_VERSION);
	return cli_finish_output();
}

static bool take_color(struct cli *cli, const char *when)
{
	static const char *const words[] = { "auto", "always", "never" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], when) == 0) {
			cli->color = (enum cli_color)i;
			return true;
		}
	return false;
}

/* Handles an option that every command has; false if it is another one. */
static bool take_common(struct cli *cli, int letter)
{
	switch (letter) {
	case OPTION_ROOT:
		cli->root = optarg;
		return true;
	case OPTION_DIRECTORY:
		cli->directory = true;
		return true;
	case OPTION_JSON:
		cli->json = true;
		return true;
	case 'q':
		cli->quiet = true;
		return true;
	case OPTION_COLOR:
		if (!take_color(cli, optarg))
			exit(cli_misused(
			    cli, "--color: '%s' is not auto, always or never", optarg));
		return true;
	case OPTION_NO_PAGER:
		cli->no_pager = true;
		return true;
	case 'h':
		exit(print_help(cli));
	case 'V':
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

static int misspelt_name(const struct cli *cli, const char *word,
			 const struct getopt_tables *tables)
{
	const char *names[OPTIONS_MAX], *near;

	for (size_t i = 0; i < tables->n; i++)
		names[i] = tables->longs[i].name;
	near = cli_nearest(word + strspn(word, "-"), names, tables->n);
	if (near == NULL)
		return cli_misused(cli, "unrecognized option '%s'", word);
	return cli_misused(cli, "unrecognized option '%s': did you mean --%s?", word,
			   near);
}

/* The messages of getopt_long(3), but through print_message(), since getopt_long() prints
 * what was typed unchanged. */
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
	if (like > 1)
		return cli_misused(cli, "ambiguous option '%s'", word);
	return misspelt_name(cli, word, tables);
}

/* Ends the program if the command does not take the option here. */
static void check_refused(const struct cli *cli, int letter)
{
	const struct cli_command *command = cli->command;

	for (size_t i = 0; command != NULL && i < command->n_options; i++) {
		const char *name = command->options[i].name;

		if (command->options[i].letter == letter &&
		    refusal(command, name) != NULL)
			exit(cli_misused(cli, "--%s: %s", name, refusal(command, name)));
	}
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
	else
		add_options(&tables, directory_option, 1);
	add_options(&tables, common_options, N_COMMON);
	do
		letter = getopt_long(argc, argv, tables.letters, tables.longs, NULL);
	while (letter != -1 && take_common(cli, letter));
	if (letter == '?' || letter == ':')
		exit(misspelt(cli, argv[optind - 1], letter, &tables));
	check_refused(cli, letter);
	return letter;
}

/* The name in messages of getopt_long(3), whatever the program was called. */
static char program_name[] = "subid";

int cli_start(struct cli *cli, int argc, char *argv[])
{
	/* a limit on file sizes is then an error that write() returns */
	(void)signal(SIGXFSZ, SIG_IGN);
	/* Threat: a table opened as descriptor 2 would receive our messages.  Closed
	 * standard descriptors are opened in the wrong direction, so that using
	 * them still fails. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			return EXIT_UNABLE;
	if (argc > 0)
		argv[0] = program_name;
	cli_find_terminal(cli);
	(void)cli_next_option(cli, argc, argv);
	if (cli->directory && cli->root != NULL)
		return cli_misused(cli, "--root and --directory exclude each other");
	return EXIT_DONE;
}

static const struct cli_command *find_command(const struct cli *cli, const char *name)
{
	for (size_t i = 0; i < cli->n_commands; i++)
		if (strcmp(name, cli->commands[i]->name) == 0)
			return cli->commands[i];
	return NULL;
}

static int unknown_command(const struct cli *cli, const char *name)
{
	const char *names[64], *near = cli_other_word(name);
	size_t n = 0;

	for (size_t i = 0; i < cli->n_commands && n < 64; i++)
		if (cli->commands[i]->summary != NULL)
			names[n++] = cli->commands[i]->name;
	if (near == NULL)
		near = cli_nearest(name, names, n);
	if (cli->directory)
		return cli_misused(cli, "'%s' is no command for a directory", name);
	if (near == NULL)
		return cli_misused(cli, "unknown command '%s'", name);
	return cli_misused(cli, "unknown command '%s': did you mean %s?", name, near);
}

/* help [COMMAND] */
static int show_help(struct cli *cli, int argc, char *argv[])
{
	if (argc > 2)
		return cli_misused(cli, "unexpected operand '%s'", argv[2]);
	if (argc == 2) {
		cli->command = find_command(cli, argv[1]);
		if (cli->command == NULL)
			return unknown_command(cli, argv[1]);
	}
	return print_help(cli);
}

int cli_run_command(struct cli *cli, int argc, char *argv[])
{
	if (optind >= argc) {
		(void)print_help(cli);
		return cli_misused(cli, "missing COMMAND");
	}
	argc -= optind;
	argv += optind;
	cli->command = find_command(cli, argv[0]);
	if (cli->command == NULL && strcmp(argv[0], "help") == 0)
		return show_help(cli, argc, argv);
	if (cli->command == NULL)
		return unknown_command(cli, argv[0]);
	argv[0] = program_name;
	optind = 0; /* glibc: start over */
	return cli->command->run(cli, argc, argv);
}

__attribute__((format(printf, 1, 0))) static void print_message(const char *format,
								va_list args)
{
	char *text, *safe;

	if (vasprintf(&text, format, args) < 0) {
		(void)fprintf(stderr, "subid: %s\n", strerror(ENOMEM));
		return;
	}
	/* in one write: other processes may write there, too */
	safe = printable_text(text, strlen(text));
	(void)fprintf(stderr, "subid: %s\n", safe == NULL ? strerror(ENOMEM) : safe);
	free(safe);
	free(text);
}

int cli_complain(int status, const char *format, ...)
{
	va_list args;

	(void)fflush(stdout); /* keep output and messages in order */
	cli_end_pager();
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

int cli_say_dry_run(const struct cli *cli, bool dry_run, int status)
{
	if (dry_run && !cli->quiet)
		(void)cli_complain(0, "dry run: nothing was changed");
	return status;
}

char *cli_oneself(char buf[CLI_ONESELF_SIZE])
{
	const struct passwd *account = getpwuid(getuid());
	const char *name = account == NULL ? NULL : account->pw_name;
	uint32_t number;

	/* a name of digits would be read as a uid, and one with a slash as a container */
	if (name == NULL ||
	    subid_nss_is_name(name, account->pw_passwd, account->pw_uid) ||
	    strlen(name) >= CLI_ONESELF_SIZE || strchr(name, '/') != NULL ||
	    subid_id_parse(name, strlen(name), &number) == 0)
		(void)snprintf(buf, CLI_ONESELF_SIZE, "%u", getuid());
	else
		(void)strcpy(buf, name);
	return buf;
}

/* How often a unit is 1: "K", "M", "G" are powers of 1024; 0: it is none. */
static uint64_t unit_of(const char *text)
{
	static const char letters[] = "KMG";
	const char *at = text[0] == '\0' ? NULL : strchr(letters, text[0] & ~0x20);

	if (at == NULL || text[1] != '\0')
		return 0;
	return (uint64_t)1024 << 10 * (at - letters);
}

bool cli_parse_count(const char *text, uint32_t *ret)
{
	size_t digits = strspn(text, "0123456789");
	uint64_t unit = text[digits] == '\0' ? 1 : unit_of(text + digits);
	uint32_t number;

	if (unit == 0 || subid_id_parse(text, digits, &number) != 0 || number == 0 ||
	    number > UINT32_MAX / unit)
		return false;
	*ret = (uint32_t)(number * unit);
	return true;
}

int cli_read_range(const char *text, struct id_range *ret)
{
	const char *colon = strchr(text, ':');
	char plain[64];
	uint32_t count;

	if (colon == NULL || colon - text > 20 || !cli_parse_count(colon + 1, &count))
		return subid_range_parse(text, ret);
	(void)snprintf(plain, sizeof(plain), "%.*s:%u", (int)(colon - text), text, count);
	return subid_range_parse(plain, ret);
}

/* A malformed line grants nothing, but some program may take ids from it: warn. */
static void warn_of_odd_lines(const struct cli *cli, const struct subid_table *table)
{
	struct id_range readings[SUBID_READINGS_MAX];
	struct subid_line parsed;
	size_t pos = 0, len, number = 1;
	const char *text;

	if (table->malformed.n == 0 || cli->quiet)
		return;
	for (; subid_text_next(&table->text, &pos, &text, &len); number++) {
		if (subid_line_parse(text, len, &parsed) == 0 ||
		    subid_line_readings(text, len, readings) == 0)
			continue;
		(void)cli_complain(
		    0,
		    "%s/%s:%zu: warning: malformed line, not \"owner:start:count\":"
		    " it grants nothing, and grants avoid its ids",
		    cli->etc_name, subid_kind_table(table->kind), number);
		return;
	}
}

int cli_load_table(const struct cli *cli, int etc, enum subid_kind kind,
		   struct subid_table *ret)
{
	int r = subid_table_load(etc, kind, ret);

	if (r < 0)
		return cli_unreadable(cli, subid_kind_table(kind), r);
	warn_of_odd_lines(cli, ret);
	return EXIT_DONE;
}

void cli_tables_free(struct cli_tables *tables)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_table_free(&tables->list[kind]);
}

void cli_names_free(struct cli_names *names)
{
	free(names->text);
	*names = (struct cli_names){ .text = NULL };
}

bool cli_time(int64_t seconds, char buf[CLI_TIME_SIZE])
{
	time_t time = (time_t)seconds;
	struct tm tm;

	if (gmtime_r(&time, &tm) != NULL &&
	    strftime(buf, CLI_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0)
		return true;
	(void)strcpy(buf, "unknown");
	return false;
}

size_t cli_names_containers(const struct cli_names *names)
{
	const char *name = names->text;
	size_t n = 0;

	for (size_t i = 0; i < names->n; i++, name += strlen(name) + 1)
		n += strchr(name, '/') != NULL;
	return n;
}

int cli_names_add(struct cli_names *names, const char *name)
{
	int r = pile_add(&names->text, &names->size, &names->room, name, strlen(name));

	names->n += r == 0;
	return r;
}

/* Blanks at both ends are ignored, since no owner's name has any: lines may end in CR LF.
 */
int cli_names_read_stream(struct cli_names *names, const char *file, FILE *stream)
{
	auto_free char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stream)) >= 0) {
		const char *name = line + strspn(line, " \t\r\n");

		if (strlen(line) != (size_t)len)
			return cli_complain(EXIT_NO,
					    "%s: '%s': the line contains a NUL byte",
					    file, line);
		while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
			line[--len] = '\0';
		if (name[0] == '\0' || name[0] == '#')
			continue;
		if (cli_names_add(names, name) < 0)
			return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	}
	if (ferror(stream))
		return cli_complain(EXIT_UNABLE, "%s: %s", file, strerror(errno));
	return EXIT_DONE;
}

int cli_names_read(struct cli_names *names, const char *file)
{
	FILE *stream;
	int status;

	if (strcmp(file, "-") == 0)
		return cli_names_read_stream(names, file, stdin);
	stream = fopen(file, "re");
	if (stream == NULL)
		return cli_complain(EXIT_UNABLE, "%s: %s", file, strerror(errno));
	status = cli_names_read_stream(names, file, stream);
	(void)fclose(stream); /* only read */
	return status;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int cli_names_sort(struct cli_names *names)
{
	auto_free char **list = calloc(names->n + 1, sizeof(*list));
	struct cli_names sorted = { .n = 0 };
	char *at = names->text;
	int r = list == NULL ? -ENOMEM : 0;

	for (size_t i = 0; r == 0 && i < names->n; i++, at += strlen(at) + 1)
		list[i] = at;
	if (r == 0 && names->n > 1)
		qsort(list, names->n, sizeof(*list), by_name);
	for (size_t i = 0; r == 0 && i < names->n; i++)
		if (i == 0 || strcmp(list[i - 1], list[i]) != 0)
			r = cli_names_add(&sorted, list[i]);
	cli_names_free(names);
	*names = sorted;
	return r;
}
