/* SPDX-License-Identifier: MIT */
/*
 * The lines of subid.conf(5): what the words of each mean.
 */
#include <stdio.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/policy/private.h"
#include "libsubid/tables/tables.h"

/* The next word, or NULL at the end; quoted ones are no keywords. */
static const char *peek_plain(const struct conf_line *line)
{
	if (line->at == line->n || line->words[line->at].quoted)
		return NULL;
	return line->words[line->at].text;
}

static bool take_keyword(struct conf_line *line, const char *keyword)
{
	const char *word = peek_plain(line);

	if (word == NULL || strcmp(word, keyword) != 0)
		return false;
	line->at++;
	return true;
}

/* The word before the next one, for what is missing behind it. */
static const char *last_word(const struct conf_line *line)
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
		return subid_conf_wrong(
		    line, line->words[line->at].text,
		    "is not expected here (reasons are in double quotes)");
	return 0;
}

static int take_range(struct conf_line *line, struct id_range *ret)
{
	const char *word = peek_plain(line);

	if (word == NULL)
		return subid_conf_wrong(line, last_word(line),
					"needs a range, FIRST-LAST");
	if (subid_range_parse(word, ret) != 0)
		return subid_conf_wrong(
		    line, word,
		    "is no range: FIRST-LAST or START:COUNT, in decimal, with"
		    " ids up to 4294967294");
	line->at++;
	return 0;
}

static int take_count(struct conf_line *line, uint32_t *ret)
{
	const char *word = peek_plain(line);

	if (word == NULL)
		return subid_conf_wrong(line, last_word(line), "needs a number of ids");
	if (subid_id_parse(word, strlen(word), ret) != 0 || *ret == 0)
		return subid_conf_wrong(line, word,
					"is not a number from 1 to 4294967295");
	line->at++;
	return 0;
}

/* "1000" and "1000-1999" are uids, everything else that is written plainly a
 * pattern of names. */
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
		return subid_conf_wrong(line, word->text, "can be no login name");
	return 0;
}

static int take_whom(struct conf_line *line, struct subid_conf_rule *rule)
{
	const char *kind = peek_plain(line);
	const struct conf_word *name;

	rule->name = "";
	if (take_keyword(line, "everyone")) {
		rule->whom = SUBID_CONF_EVERYONE;
		return 0;
	}
	if (kind == NULL)
		return subid_conf_wrong(line, last_word(line),
					"needs 'user NAME', 'group NAME' or 'everyone'");
	if (strcmp(kind, "user") != 0 && strcmp(kind, "group") != 0)
		return subid_conf_wrong(line, kind,
					"is not 'user', 'group' or 'everyone'");
	if (line->at + 1 == line->n)
		return subid_conf_wrong(line, kind, "needs a name");
	name = &line->words[line->at + 1];
	line->at += 2;
	rule->name = name->text;
	if (kind[0] == 'u')
		return read_user(line, name, rule);
	rule->whom = SUBID_CONF_GROUP;
	if (!subid_owner_valid(name->text, strlen(name->text)))
		return subid_conf_wrong(line, name->text, "can be no name of a group");
	if (!name->quoted && strpbrk(name->text, "*?") != NULL)
		return subid_conf_wrong(
		    line, name->text,
		    "is a pattern: those are for users, not for groups");
	return 0;
}

static int take_sizes(struct conf_line *line, struct subid_conf_rule *rule)
{
	int r = 0;

	while (r == 0 && peek_plain(line) != NULL) {
		if (rule->count == 0 && take_keyword(line, "count"))
			r = take_count(line, &rule->count);
		else if (rule->window.count == 0 && take_keyword(line, "window"))
			r = take_range(line, &rule->window);
		else
			r = subid_conf_wrong(
			    line, peek_plain(line),
			    "is not expected here: 'count N' and 'window RANGE'"
			    " may follow, each once, and a reason in double quotes");
	}
	if (r == 0 && rule->window.count > 0 && rule->count > rule->window.count)
		r = subid_conf_wrong(line, "the window", "is smaller than the count");
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
	return r == 0 ? subid_conf_add_rule(line->conf, &rule) : r;
}

static int read_give(struct conf_line *line)
{
	return read_rule(line, SUBID_CONF_GIVE);
}

static int read_never(struct conf_line *line)
{
	return read_rule(line, SUBID_CONF_NEVER);
}

static int read_reserve(struct conf_line *line)
{
	struct subid_conf_reserve reserve = {
		.kinds = (1U << SUBID_UID) | (1U << SUBID_GID),
		.file = line->file,
		.line = line->number,
	};
	int r;

	if (take_keyword(line, "uid"))
		reserve.kinds = 1U << SUBID_UID;
	else if (take_keyword(line, "gid"))
		reserve.kinds = 1U << SUBID_GID;
	r = take_range(line, &reserve.range);
	if (r == 0)
		r = take_reason(line, &reserve.reason);
	return r == 0 ? subid_conf_add_reserve(line->conf, &reserve) : r;
}

static int read_accept(struct conf_line *line)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	struct subid_acceptance accept = { .file = line->file, .line = line->number };
	char *word, *colon;
	int r;

	if (line->at == line->n)
		return subid_conf_wrong(line, last_word(line),
					"needs a rule of the audit");
	word = line->words[line->at++].text;
	accept.rule = word;
	colon = strchr(word, ':');
	if (colon != NULL && !subid_owner_valid(colon + 1, strlen(colon + 1)))
		return subid_conf_wrong(line, word, "has no owner's name behind the ':'");
	if (colon != NULL) {
		*colon = '\0';
		accept.owner = colon + 1;
	}
	if (word[0] == '\0' || word[strspn(word, letters)] != '\0')
		return subid_conf_wrong(line, word,
					"is no rule of the audit, RULE or RULE:OWNER"
					" (small letters, digits and '-')");
	r = take_reason(line, &accept.reason);
	return r == 0 ? subid_conf_add_acceptance(line->conf, &accept) : r;
}

static const struct {
	const char *keyword;
	int (*read)(struct conf_line *line);
} statements[] = {
	{ "give", read_give },
	{ "never", read_never },
	{ "reserve", read_reserve },
	{ "accept", read_accept },
};

static int parse_line(struct conf_line *line, char *bytes, size_t len)
{
	int r = subid_conf_cut_words(line, bytes, len);

	if (r != 0 || line->n == 0)
		return r;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		if (take_keyword(line, statements[i].keyword))
			return statements[i].read(line);
	return subid_conf_wrong(
	    line, line->words[0].text,
	    "is no statement: 'give', 'never', 'reserve' or 'accept'");
}

static int report(const struct subid_conf_reporter *reporter,
		  const struct conf_line *line)
{
	struct subid_conf_place place = { .place = *line->place };

	(void)snprintf(place.file, sizeof(place.file), "%s", line->file);
	return reporter->wrong(reporter->data, &place);
}

int subid_conf_parse_on(struct subid_conf *conf, const char *file, const char *text,
			size_t size, const struct subid_conf_reporter *reporter,
			struct subid_place *ret_place)
{
	const struct subid_conf_file *kept = NULL;
	struct subid_text lines = { .size = size };
	struct conf_line line = { .conf = conf, .place = ret_place };
	const char *bytes;
	size_t pos = 0, len;
	int r = subid_conf_add_file(conf, file, text, size, &kept);

	if (r < 0)
		return r;
	lines.bytes = kept->bytes;
	line.file = kept->name;
	while (r == 0 && subid_text_next(&lines, &pos, &bytes, &len)) {
		line.number++;
		line.n = line.at = 0;
		r = parse_line(&line, lines.bytes + (bytes - lines.bytes), len);
		if (r == SUBID_INVALID && reporter != NULL)
			r = report(reporter, &line);
	}
	return r;
}

int subid_conf_parse(struct subid_conf *conf, const char *file, const char *text,
		     size_t size, struct subid_place *ret_place)
{
	return subid_conf_parse_on(conf, file, text, size, NULL, ret_place);
}
