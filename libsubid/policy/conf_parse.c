/* SPDX-License-Identifier: MIT */
/*
 * A line of subid.conf(5): its words, and what those of each statement mean.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "libsubid/policy/private.h"

int subid_range_parse(const char *text, struct id_range *ret)
{
	size_t first_len = strcspn(text, ":-");
	const char *second = text + first_len + 1;
	struct id_range range;
	uint32_t a, b;

	if (text[first_len] == '\0' || subid_id_parse(text, first_len, &a) != 0 ||
	    subid_id_parse(second, strlen(second), &b) != 0)
		return SUBID_INVALID;
	if (text[first_len] == '-') {
		if (b < a || b == UINT32_MAX)
			return SUBID_INVALID;
		range = id_range_between(a, (uint64_t)b + 1);
	} else {
		range = (struct id_range){ .start = a, .count = b };
	}
	if (!id_range_valid(range))
		return SUBID_INVALID;
	*ret = range;
	return 0;
}

/*
 * First the words of a line, cut in place: a NUL is written after each, and quotes and
 * backslashes are removed.
 */

int conf_wrong(const struct conf_line *line, const char *word, const char *why)
{
	if (word[0] == '\0')
		word = "\"\"";
	*line->place = (struct subid_place){ .line = line->number, .why = why };
	printable_copy(line->place->key, sizeof(line->place->key), word, strlen(word));
	return SUBID_INVALID;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Moves *at from after the opening quote to after the closing one. */
static int cut_quoted(const struct conf_line *line, char **at, const char *end)
{
	char *to = *at, *p = *at;

	while (p < end && *p != '"') {
		if (*p == '\\' && end - p > 1 && (p[1] == '"' || p[1] == '\\'))
			p++;
		*to++ = *p++;
	}
	if (p == end)
		return conf_wrong(line, "a quote", "is opened and not closed");
	*to = '\0';
	*at = p + 1;
	if (*at < end && !is_blank(**at) && **at != '#')
		return conf_wrong(line, "a quote", "is closed in the middle of a word");
	return 0;
}

static int cut_plain(const struct conf_line *line, char **at, const char *end)
{
	while (*at < end && !is_blank(**at)) {
		if (**at == '"')
			return conf_wrong(line, "a quote",
					  "is opened in the middle of a word");
		(*at)++;
	}
	return 0;
}

int conf_cut_words(struct conf_line *line, char *bytes, size_t len)
{
	char *at = bytes, *end = bytes + len;

	for (char *p = bytes; p < end; p++)
		if (((unsigned char)*p < ' ' && !is_blank(*p)) || *p == 0x7f)
			return conf_wrong(line, "the line", "has a control character");
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
			return conf_wrong(line, "the line", "has too many words");
		line->words[line->n++] = word;
		if (!word.quoted && at < end)
			*at++ = '\0';
		else if (!word.quoted)
			*at = '\0';
	}
}

/* Then what the words of each statement mean. */

/* Adds one of n elements of size bytes.  0 or -ENOMEM. */
static int add(void *array, size_t *n, const void *element, size_t size)
{
	char *elements;

	if (array_grow(array, *n, size) < 0)
		return -ENOMEM;
	memcpy(&elements, array, sizeof(elements));
	memcpy(elements + (*n)++ * size, element, size);
	return 0;
}

const char *conf_peek(const struct conf_line *line)
{
	if (line->at == line->n || line->words[line->at].quoted)
		return NULL;
	return line->words[line->at].text;
}

bool conf_take_keyword(struct conf_line *line, const char *keyword)
{
	const char *word = conf_peek(line);

	if (word == NULL || strcmp(word, keyword) != 0)
		return false;
	line->at++;
	return true;
}

const char *conf_last_word(const struct conf_line *line)
{
	return line->words[line->at - 1].text;
}

/* The end of every statement: perhaps a reason in quotes, and nothing else. */
static int take_reason(struct conf_line *line, const char **ret)
{
	*ret = "";
	if (line->at < line->n && line->words[line->at].quoted)
		*ret = line->words[line->at++].text;
	if (line->at < line->n)
		return conf_wrong(line, line->words[line->at].text,
				  "is not expected here (reasons are in double quotes)");
	return 0;
}

int conf_take_range(struct conf_line *line, struct id_range *ret)
{
	const char *word = conf_peek(line);

	if (word == NULL)
		return conf_wrong(line, conf_last_word(line),
				  "needs a range, FIRST-LAST");
	if (subid_range_parse(word, ret) != 0)
		return conf_wrong(
		    line, word,
		    "is not a range: FIRST-LAST or START:COUNT, in decimal, with"
		    " ids up to 4294967294");
	line->at++;
	return 0;
}

int conf_take_count(struct conf_line *line, uint32_t *ret)
{
	const char *word = conf_peek(line);

	if (word == NULL)
		return conf_wrong(line, conf_last_word(line), "needs a number of ids");
	if (subid_id_parse(word, strlen(word), ret) != 0 || *ret == 0)
		return conf_wrong(line, word, "is not a number from 1 to 4294967295");
	line->at++;
	return 0;
}

/* "1000" and "1000-1999" are uids; any other word without quotes is a pattern of
 * names. */
static int read_user(const struct conf_line *line, const struct conf_word *word,
		     struct subid_conf_rule *rule)
{
	uint32_t uid;

	rule->whom = SUBID_CONF_UIDS;
	if (!word->quoted && subid_id_parse(word->text, strlen(word->text), &uid) == 0 &&
	    uid < UINT32_MAX)
		rule->uids = (struct id_range){ uid, 1 };
	else if (word->quoted || strchr(word->text, ':') != NULL ||
		 subid_range_parse(word->text, &rule->uids) != 0)
		rule->whom = SUBID_CONF_USER;
	if (rule->whom == SUBID_CONF_USER &&
	    !subid_owner_valid(word->text, strlen(word->text)))
		return conf_wrong(line, word->text, "is not a valid login name");
	return 0;
}

static int take_whom(struct conf_line *line, struct subid_conf_rule *rule)
{
	const char *kind = conf_peek(line);
	const struct conf_word *name;

	rule->name = "";
	if (conf_take_keyword(line, "everyone")) {
		rule->whom = SUBID_CONF_EVERYONE;
		return 0;
	}
	if (kind == NULL)
		return conf_wrong(line, conf_last_word(line),
				  "needs 'user NAME', 'group NAME' or 'everyone'");
	if (strcmp(kind, "user") != 0 && strcmp(kind, "group") != 0)
		return conf_wrong(line, kind, "is not 'user', 'group' or 'everyone'");
	if (line->at + 1 == line->n)
		return conf_wrong(line, kind, "needs a name");
	name = &line->words[line->at + 1];
	line->at += 2;
	rule->name = name->text;
	if (kind[0] == 'u')
		return read_user(line, name, rule);
	rule->whom = SUBID_CONF_GROUP;
	if (!subid_owner_valid(name->text, strlen(name->text)))
		return conf_wrong(line, name->text, "is not a valid group name");
	if (!name->quoted && strpbrk(name->text, "*?") != NULL)
		return conf_wrong(line, name->text,
				  "is a pattern: those are for users, not for groups");
	return 0;
}

static int take_sizes(struct conf_line *line, struct subid_conf_rule *rule)
{
	int r = 0;

	while (r == 0 && conf_peek(line) != NULL) {
		if (rule->count == 0 && conf_take_keyword(line, "count"))
			r = conf_take_count(line, &rule->count);
		else if (rule->window.count == 0 && conf_take_keyword(line, "window"))
			r = conf_take_range(line, &rule->window);
		else
			r = conf_wrong(
			    line, conf_peek(line),
			    "is not expected here: 'count N' and 'window RANGE'"
			    " may follow, each once, and a reason in double quotes");
	}
	if (r == 0 && rule->window.count > 0 && rule->count > rule->window.count)
		r = conf_wrong(line, "the window", "is smaller than the count");
	return r;
}

static int read_rule(struct conf_line *line, enum subid_conf_verb verb)
{
	struct subid_conf_rule rule = {
		.verb = verb,
		.file = line->file,
		.line = line->number,
	};
	int r = take_whom(line, &rule);

	if (r == 0 && verb == SUBID_CONF_GIVE)
		r = take_sizes(line, &rule);
	if (r == 0)
		r = take_reason(line, &rule.reason);
	return r != 0
		   ? r
		   : add(&line->conf->rules, &line->conf->n_rules, &rule, sizeof(rule));
}

int conf_read_give(struct conf_line *line)
{
	return read_rule(line, SUBID_CONF_GIVE);
}

int conf_read_never(struct conf_line *line)
{
	return read_rule(line, SUBID_CONF_NEVER);
}

int conf_read_reserve(struct conf_line *line)
{
	struct subid_conf_reserve reserve = {
		.kinds = (1U << SUBID_UID) | (1U << SUBID_GID),
		.file = line->file,
		.line = line->number,
	};
	int r;

	if (conf_take_keyword(line, "uid"))
		reserve.kinds = 1U << SUBID_UID;
	else if (conf_take_keyword(line, "gid"))
		reserve.kinds = 1U << SUBID_GID;
	r = conf_take_range(line, &reserve.range);
	if (r == 0)
		r = take_reason(line, &reserve.reason);
	return r != 0 ? r
		      : add(&line->conf->reserved, &line->conf->n_reserved, &reserve,
			    sizeof(reserve));
}

/* WORD or WORD:OWNER; *ret_owner is NULL without one. */
static int take_word_of_owner(struct conf_line *line, const char *missing,
			      const char **ret, const char **ret_owner)
{
	char *word, *colon;

	if (line->at == line->n)
		return conf_wrong(line, conf_last_word(line), missing);
	word = line->words[line->at++].text;
	colon = strchr(word, ':');
	if (colon != NULL && !subid_owner_valid(colon + 1, strlen(colon + 1)))
		return conf_wrong(line, word, "has no valid owner name after the ':'");
	if (colon != NULL)
		*colon = '\0';
	*ret = word;
	*ret_owner = colon == NULL ? NULL : colon + 1;
	return 0;
}

int conf_read_allow(struct conf_line *line)
{
	struct subid_allowance allow = { .file = line->file, .line = line->number };
	const char *word;
	int r = take_word_of_owner(line, "needs 'conventional-ids' or 'left-ids'", &word,
				   &allow.owner);

	if (r == 0 && strcmp(word, "left-ids") == 0)
		allow.what = SUBID_CONF_LEFT;
	else if (r == 0 && strcmp(word, "conventional-ids") != 0)
		r = conf_wrong(line, word,
			       "is neither 'conventional-ids' nor 'left-ids'");
	if (r == 0)
		r = take_reason(line, &allow.reason);
	return r != 0 ? r
		      : add(&line->conf->allowed, &line->conf->n_allowed, &allow,
			    sizeof(allow));
}

int conf_read_accept(struct conf_line *line)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	struct subid_acceptance accept = { .file = line->file, .line = line->number };
	int r =
	    take_word_of_owner(line, "needs an audit rule", &accept.rule, &accept.owner);

	if (r == 0 &&
	    (accept.rule[0] == '\0' || accept.rule[strspn(accept.rule, letters)] != '\0'))
		r = conf_wrong(line, accept.rule,
			       "is not an audit rule: RULE or RULE:OWNER"
			       " (small letters, digits and '-')");
	if (r == 0)
		r = take_reason(line, &accept.reason);
	return r != 0 ? r
		      : add(&line->conf->accepted, &line->conf->n_accepted, &accept,
			    sizeof(accept));
}
