/* SPDX-License-Identifier: MIT */
/*
 * A line of subid.conf(5) becomes words, in place: a NUL behind each, and quotes and
 * backslashes taken out.
 */
#include <string.h>

#include "libsubid/policy/private.h"

int subid_conf_wrong(const struct conf_line *line, const char *word, const char *why)
{
	size_t len;

	if (word[0] == '\0')
		word = "\"\"";
	len = strlen(word);
	*line->place = (struct subid_place){ .line = line->number, .why = why };
	if (len >= sizeof(line->place->key))
		len = sizeof(line->place->key) - 1;
	for (size_t i = 0; i < len; i++)
		line->place->key[i] = word[i] < ' ' || word[i] > '~' ? '?' : word[i];
	return SUBID_INVALID;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* *at is behind the opening quote, and then behind the closing one. */
static int cut_quoted(const struct conf_line *line, char **at, const char *end)
{
	char *to = *at, *p = *at;

	while (p < end && *p != '"') {
		if (*p == '\\' && end - p > 1 && (p[1] == '"' || p[1] == '\\'))
			p++;
		*to++ = *p++;
	}
	if (p == end)
		return subid_conf_wrong(line, "a quote", "is opened and not closed");
	*to = '\0';
	*at = p + 1;
	if (*at < end && !is_blank(**at) && **at != '#')
		return subid_conf_wrong(line, "a quote",
					"is closed in the middle of a word");
	return 0;
}

static int cut_plain(const struct conf_line *line, char **at, const char *end)
{
	while (*at < end && !is_blank(**at)) {
		if (**at == '"')
			return subid_conf_wrong(line, "a quote",
						"is opened in the middle of a word");
		(*at)++;
	}
	return 0;
}

int subid_conf_cut_words(struct conf_line *line, char *bytes, size_t len)
{
	char *at = bytes, *end = bytes + len;

	for (char *p = bytes; p < end; p++)
		if (((unsigned char)*p < ' ' && !is_blank(*p)) || *p == 0x7f)
			return subid_conf_wrong(line, "the line",
						"has a control character");
	for (;;) {
		struct conf_word word = { .quoted = false };
		int r;

		while (at < end && is_blank(*at))
			at++;
		if (at == end || *at == '#')
			return 0;
		word.quoted = *at == '"';
		at += word.quoted;
		word.text = at;
		r = word.quoted ? cut_quoted(line, &at, end) : cut_plain(line, &at, end);
		if (r != 0)
			return r;
		if (line->n == CONF_WORDS_MAX)
			return subid_conf_wrong(line, "the line", "has too many words");
		line->words[line->n++] = word;
		if (!word.quoted && at < end)
			*at++ = '\0';
		else if (!word.quoted)
			*at = '\0';
	}
}
