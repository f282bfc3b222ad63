/* SPDX-License-Identifier: MIT */
#pragma once

#include "libsubid/policy/policy.h"

/*
 * What conf.c (the files), conf_parse.c (their lines), conf_words.c (the words of a
 * line) and conf_store.c (what is kept of them) share.
 */

/*
 * subid_conf_parse(); with a reporter, which may be NULL, it goes on behind what is
 * wrong.
 */
int subid_conf_parse_on(struct subid_conf *conf, const char *file, const char *text,
			size_t size, const struct subid_conf_reporter *reporter,
			struct subid_place *ret_place);

/* Each adds one element.  0 or -ENOMEM. */
int subid_conf_add_rule(struct subid_conf *conf, const struct subid_conf_rule *rule);
int subid_conf_add_reserve(struct subid_conf *conf,
			   const struct subid_conf_reserve *reserve);
int subid_conf_add_acceptance(struct subid_conf *conf,
			      const struct subid_acceptance *acceptance);

/* Keeps a copy of a file's text, into which words will point.  0 or -ENOMEM. */
int subid_conf_add_file(struct subid_conf *conf, const char *name, const char *text,
			size_t size, const struct subid_conf_file **ret);

#define CONF_WORDS_MAX 16

struct conf_word {
	char *text;
	bool quoted;
};

struct conf_line {
	struct subid_conf *conf;
	const char *file;
	size_t number;
	struct conf_word words[CONF_WORDS_MAX];
	size_t n;
	size_t at; /* the next word */
	struct subid_place *place;
};

/*
 * Cuts a line into words; bytes has room for a NUL behind len.  Returns 0 or
 * SUBID_INVALID.
 */
int subid_conf_cut_words(struct conf_line *line, char *bytes, size_t len);

/*
 * Sets line->place: what is wrong with a word, made fit for a terminal, or with the
 * line.  Returns SUBID_INVALID.
 */
int subid_conf_wrong(const struct conf_line *line, const char *word, const char *why);
