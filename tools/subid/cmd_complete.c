/* SPDX-License-Identifier: MIT */
/*
 * subid complete -- WORD...: what the last word may become, for the completions of bash,
 * zsh and fish in share/completions; no help tells of it.  A line is a word, perhaps with
 * a tab and what it means, or ":files" or ":dirs", for the shell's own.  It all comes
 * from the tables of options and commands, so that the shells know no option.
 *
 * Threat: somebody presses the Tab key behind --root of an image that others made.  So
 * the shell opens none of its files: this does, as every command, beneath the directory,
 * following no link, and nothing but regular files.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tools/subid/complete_words.h"

/* What the argument of an option is. */
static const struct {
	const char *command; /* NULL: of any */
	const char *option;
	enum complete_source source;
	const char *list; /* or these words */
} arguments[] = {
	{ NULL, "root", COMPLETE_DIRS, NULL },
	{ NULL, "color", COMPLETE_NOTHING, "auto always never" },
	{ "shift", "from", COMPLETE_MAPS, NULL },
	{ "shift", "to", COMPLETE_MAPS, NULL },
	{ "shift", "owner", COMPLETE_HOLDERS, NULL },
	{ "revoke", "range", COMPLETE_GRANTED, NULL },
	{ "share", "for", COMPLETE_RUNTIMES, NULL },
	{ "doctor", "for", COMPLETE_NOTHING, "podman docker lxc incus apptainer" },
	{ "audit", "format", COMPLETE_NOTHING, "text json html prometheus" },
	{ "audit", "fail-on", COMPLETE_NOTHING, "info warning error critical never" },
	{ "audit", "output", COMPLETE_FILES, NULL },
	{ NULL, "group", COMPLETE_GROUPS, NULL },
	{ NULL, "rule", COMPLETE_RULES, NULL },
	{ NULL, "ignore", COMPLETE_RULES, NULL },
	{ NULL, "explain", COMPLETE_RULES, NULL },
	{ NULL, "from", COMPLETE_FILES, NULL },
	{ NULL, "since", COMPLETE_FILES, NULL },
	{ "list", "columns", COMPLETE_NOTHING, "owner kind start end count state" },
	{ "list", "sort", COMPLETE_NOTHING, "owner kind start end count state" },
};

/* What the operands of a command are; the last row of a command is for the rest. */
static const struct {
	const char *command;
	size_t nth; /* from 0 */
	enum complete_source source;
	const char *list;
} operands[] = {
	{ "help", 0, COMPLETE_COMMANDS, NULL },
	{ "list", 0, COMPLETE_OWNERS, NULL },
	{ "grant", 0, COMPLETE_OWNERS, NULL },
	{ "sync", 0, COMPLETE_OWNERS, NULL },
	{ "status", 0, COMPLETE_OWNERS, NULL },
	{ "doctor", 0, COMPLETE_OWNERS, NULL },
	{ "revoke", 0, COMPLETE_HOLDERS, NULL },
	{ "rename", 0, COMPLETE_HOLDERS, NULL },
	{ "ps", 0, COMPLETE_HOLDERS, NULL },
	{ "unhold", 0, COMPLETE_HELD, NULL },
	{ "id", 0, COMPLETE_FILES, NULL },
	{ "shift", 0, COMPLETE_DIRS, NULL },
	{ "config", 0, COMPLETE_RUNTIMES, NULL },
	{ "config", 1, COMPLETE_HOLDERS, NULL },
	{ "policy", 0, COMPLETE_NOTHING, "check explain" },
	{ "policy", 1, COMPLETE_PEOPLE, NULL },
	{ "share", 0, COMPLETE_NOTHING, "create mount umount list destroy" },
	{ "share", 1, COMPLETE_STORES, NULL },
	{ "share", 2, COMPLETE_HOLDERS, NULL },
};

/* The line so far. */
struct line {
	const struct cli_command *command;
	bool help;			  /* the command is help */
	const struct cli_option *pending; /* whose argument the last word is */
	size_t n_operands;		  /* behind the command, before the last word */
	const char *first_operand;
	bool inside;	    /* --inside was given */
	bool only_operands; /* behind "--" */
};

static const struct cli_option *find_in(const struct cli_option *rows, size_t n,
					const char *word)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(rows[i].name);

		if (strncmp(word, "--", 2) == 0 &&
		    strncmp(word + 2, rows[i].name, len) == 0 &&
		    (word[2 + len] == '\0' || word[2 + len] == '='))
			return &rows[i];
		if (word[0] == '-' && word[1] == rows[i].letter && word[2] == '\0')
			return &rows[i];
	}
	return NULL;
}

static const struct cli_option *find_option(const struct line *line, const char *word)
{
	const struct cli_option *found = NULL, *common;
	size_t n;

	if (line->command != NULL)
		found = find_in(line->command->options, line->command->n_options, word);
	common = cli_common_options(&n);
	return found != NULL ? found : find_in(common, n, word);
}

static void take_operand(struct cli *cli, struct line *line, const char *word)
{
	if (line->command == NULL && !line->help) {
		line->help = strcmp(word, "help") == 0;
		for (size_t i = 0; i < cli->n_commands; i++)
			if (strcmp(cli->commands[i]->name, word) == 0)
				line->command = cli->commands[i];
		return;
	}
	if (line->n_operands++ == 0)
		line->first_operand = word;
}

/* Goes through all words but the last. */
static void scan(struct cli *cli, struct line *line, int n, char *words[])
{
	for (int i = 0; i < n - 1; i++) {
		const char *word = words[i];
		const struct cli_option *option;

		if (line->pending != NULL) {
			if (strcmp(line->pending->name, "root") == 0)
				cli->root = word;
			line->pending = NULL;
		} else if (word[0] != '-' || word[1] == '\0' || line->only_operands) {
			take_operand(cli, line, word);
		} else if (strcmp(word, "--") == 0) {
			line->only_operands = true;
		} else if ((option = find_option(line, word)) != NULL) {
			line->inside |= strcmp(option->name, "inside") == 0;
			if (strncmp(word, "--root=", 7) == 0)
				cli->root = word + 7;
			else if (option->argument != NULL && strchr(word, '=') == NULL)
				line->pending = option;
		}
	}
}

static void offer_argument(struct complete *c, const struct line *line)
{
	for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++) {
		if (strcmp(arguments[i].option, line->pending->name) != 0 ||
		    (arguments[i].command != NULL &&
		     (line->command == NULL ||
		      strcmp(arguments[i].command, line->command->name) != 0)))
			continue;
		if (arguments[i].list != NULL)
			complete_offer_list(c, arguments[i].list);
		complete_offer_source(c, arguments[i].source);
		return;
	}
}

static void offer_rows(struct complete *c, const struct cli_option *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char word[64];

		if (rows[i].letter < 256) {
			(void)snprintf(word, sizeof(word), "-%c", rows[i].letter);
			complete_offer(c, word, rows[i].help);
		}
		(void)snprintf(word, sizeof(word), "--%s", rows[i].name);
		complete_offer(c, word, rows[i].help);
	}
}

static void offer_options(struct complete *c, const struct line *line)
{
	size_t n;
	const struct cli_option *rows = cli_common_options(&n);

	offer_rows(c, rows, n);
	if (line->command != NULL)
		offer_rows(c, line->command->options, line->command->n_options);
}

static void offer_operand(struct complete *c, const struct line *line)
{
	const char *command = line->help ? "help" : line->command->name;
	size_t best = SIZE_MAX;

	if (line->inside) {
		complete_offer_source(c, COMPLETE_HOLDERS);
		return;
	}
	for (size_t i = 0; i < sizeof(operands) / sizeof(operands[0]); i++)
		if (strcmp(operands[i].command, command) == 0 &&
		    operands[i].nth <= line->n_operands)
			best = i;
	if (best == SIZE_MAX || (line->help && line->n_operands > 0))
		return;
	if (strcmp(command, "share") == 0 && line->n_operands > 0 &&
	    (strcmp(line->first_operand, "create") == 0 ||
	     strcmp(line->first_operand, "list") == 0))
		return;
	if (operands[best].list != NULL)
		complete_offer_list(c, operands[best].list);
	complete_offer_source(c, operands[best].source);
}

static int run(struct cli *cli, int argc, char *argv[])
{
	struct line line = { .n_operands = 0 };
	struct complete c = { .cli = cli };
	int status;

	while (cli_next_option(cli, argc, argv) != -1)
		;
	if (optind >= argc)
		return cli_misused(cli, "complete: -- WORD...");
	scan(cli, &line, argc - optind, argv + optind);
	c.typed = argv[argc - 1];
	if (line.pending != NULL)
		offer_argument(&c, &line);
	else if (c.typed[0] == '-' && !line.only_operands)
		offer_options(&c, &line);
	else if (line.command == NULL && !line.help)
		complete_offer_source(&c, COMPLETE_COMMANDS);
	else
		offer_operand(&c, &line);
	status = complete_print(&c);
	cli_names_free(&c.words);
	return status;
}

const struct cli_command cmd_complete = {
	.name = "complete",
	.arguments = "-- WORD...",
	.summary = NULL, /* not for people */
	.text = "",
	.run = run,
};
