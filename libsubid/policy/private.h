/* SPDX-License-Identifier: MIT */
/*
 * How a line of subid.conf is read: conf.c has the table of statements, conf_parse.c the
 * words and most statements, conf_directory.c those about the site's directory.
 */
#pragma once

#include "libsubid/core/core.h"
#include "libsubid/policy/policy.h"

#define CONF_WORDS_MAX 16

/* login.defs as libeconf has it, one setting a line.  0 or -errno. */
int login_defs_gather(int etc, struct subid_text *ret);

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

/* Cuts a line into words; bytes has room for a NUL after len.  0 or SUBID_INVALID. */
int conf_cut_words(struct conf_line *line, char *bytes, size_t len);

/* Sets line->place to what is wrong with a word, made fit for a terminal.  Returns
 * SUBID_INVALID. */
int conf_wrong(const struct conf_line *line, const char *word, const char *why);

/* The next word, or NULL at the end; quoted ones are no keywords. */
const char *conf_peek(const struct conf_line *line);

/* Moves after the keyword, if it is the next word. */
bool conf_take_keyword(struct conf_line *line, const char *keyword);

/* The word before the next one, for a message about what is missing after it. */
const char *conf_last_word(const struct conf_line *line);

int conf_take_range(struct conf_line *line, struct id_range *ret);
int conf_take_count(struct conf_line *line, uint32_t *ret);

/* The statements.  Each returns 0, SUBID_INVALID or -ENOMEM. */
int conf_read_give(struct conf_line *line);
int conf_read_never(struct conf_line *line);
int conf_read_reserve(struct conf_line *line);
int conf_read_allow(struct conf_line *line);
int conf_read_accept(struct conf_line *line);
int conf_read_directory(struct conf_line *line);
int conf_read_base(struct conf_line *line);
int conf_read_users(struct conf_line *line);
int conf_read_bind(struct conf_line *line);
int conf_read_tls_ca(struct conf_line *line);
int conf_read_timeout(struct conf_line *line);
int conf_read_pool(struct conf_line *line);
int conf_read_login(struct conf_line *line);
