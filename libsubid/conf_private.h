/* SPDX-License-Identifier: MIT */
/*
 * What conf.c (the files), conf_parse.c (their lines) and conf_words.c (the words of
 * a line) share.
 */
#pragma once

#include "conf.h"

/*
 * subid_conf_parse(); with a reporter, which may be NULL, it goes on behind what is
 * wrong.
 */
int subid_conf_parse_on(struct subid_conf *conf, const char *file, const char *text,
			size_t size, const struct subid_conf_reporter *reporter,
			struct subid_place *ret_place);

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
