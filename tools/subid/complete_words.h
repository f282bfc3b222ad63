/* SPDX-License-Identifier: MIT */
/*
 * The words that a shell may complete a command line of subid with.
 *
 * Threat: the tables contain names that root did not choose, and a shell may take a word
 * apart: only words without special characters are offered, and none that begins with
 * '-' unless it is an option.
 */
#pragma once

#include "tools/subid/cli.h"

enum complete_source {
	COMPLETE_NOTHING,
	COMPLETE_COMMANDS,
	COMPLETE_FILES, /* the shell's own */
	COMPLETE_DIRS,
	COMPLETE_PEOPLE,  /* accounts with the uids of people, and root */
	COMPLETE_HOLDERS, /* owners of lines, and containers of the one typed */
	COMPLETE_OWNERS,  /* both */
	COMPLETE_MAPS,	  /* holders, and "host" */
	COMPLETE_GROUPS,
	COMPLETE_RULES,	  /* of the audit */
	COMPLETE_GRANTED, /* ranges */
	COMPLETE_HELD,
	COMPLETE_RUNTIMES, /* of config */
	COMPLETE_STORES,
};

/* What is offered: a set of words. */
struct complete {
	struct cli *cli;
	const char *typed; /* what the word begins with */
	struct cli_names words;
};

/* Offers a word, perhaps with a help text behind a tab. */
void complete_offer(struct complete *c, const char *word, const char *help);

/* Offers the words of a list, between blanks. */
void complete_offer_list(struct complete *c, const char *list);

/* Offers what a source has. */
void complete_offer_source(struct complete *c, enum complete_source source);

/* Prints all of it, sorted, each word once.  The status. */
int complete_print(struct complete *c);
