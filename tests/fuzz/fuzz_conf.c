/* SPDX-License-Identifier: MIT */
/*
 * subid.conf: what is accepted is within bounds, is the same when it is written out
 * and read again, and can be decided by; what is not accepted says where.
 */
#include <stdarg.h>

#include "libsubid/policy/policy.h"

#include "fuzz.h"

/* A text that grows. */
struct out {
	char *bytes;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *out, const char *format,
						      ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vasprintf(&text, format, args);
	va_end(args);
	must(len >= 0);
	out->bytes = realloc(out->bytes, out->size + (size_t)len + 1);
	must(out->bytes != NULL);
	memcpy(out->bytes + out->size, text, (size_t)len + 1);
	out->size += (size_t)len;
	free(text);
}

static void put_quoted(struct out *out, const char *text)
{
	put(out, " \"");
	for (; *text != '\0'; text++)
		put(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	put(out, "\"");
}

static void put_rule(struct out *out, const struct subid_conf_rule *rule)
{
	put(out, rule->verb == SUBID_CONF_GIVE ? "give" : "never");
	switch (rule->whom) {
	case SUBID_CONF_USER:
		put(out, " user");
		put_quoted(out, rule->name);
		break;
	case SUBID_CONF_UIDS:
		put(out, " user %u-%llu", rule->uids.start,
		    (unsigned long long)id_range_end(rule->uids) - 1);
		break;
	case SUBID_CONF_GROUP:
		put(out, " group");
		put_quoted(out, rule->name);
		break;
	case SUBID_CONF_EVERYONE:
		put(out, " everyone");
		break;
	}
	if (rule->count > 0)
		put(out, " count %u", rule->count);
	if (rule->window.count > 0)
		put(out, " window %u:%u", rule->window.start, rule->window.count);
	put_quoted(out, rule->reason);
	put(out, "\n");
}

static struct out print(const struct subid_conf *conf)
{
	struct out out = { .bytes = NULL };

	for (size_t i = 0; i < conf->n_rules; i++)
		put_rule(&out, &conf->rules[i]);
	for (size_t i = 0; i < conf->n_reserved; i++) {
		const struct subid_conf_reserve *reserve = &conf->reserved[i];

		put(&out, "reserve%s %u:%u",
		    reserve->kinds == 3	  ? ""
		    : reserve->kinds == 1 ? " uid"
					  : " gid",
		    reserve->range.start, reserve->range.count);
		put_quoted(&out, reserve->reason);
		put(&out, "\n");
	}
	for (size_t i = 0; i < conf->n_accepted; i++) {
		const struct subid_acceptance *accept = &conf->accepted[i];
		char *word = NULL;

		must(asprintf(&word, "%s%s%s", accept->rule,
			      accept->owner == NULL ? "" : ":",
			      accept->owner == NULL ? "" : accept->owner) >= 0);
		put(&out, "accept");
		put_quoted(&out, word);
		put_quoted(&out, accept->reason);
		put(&out, "\n");
		free(word);
	}
	return out;
}

static void check_rule(const struct subid_conf_rule *rule, size_t lines)
{
	must(rule->line >= 1 && rule->line <= lines);
	must(strcmp(rule->file, "f") == 0);
	must(rule->window.count == 0 || id_range_valid(rule->window));
	must(rule->window.count == 0 || rule->count <= rule->window.count);
	must(rule->whom != SUBID_CONF_UIDS || id_range_valid(rule->uids));
	must(rule->verb == SUBID_CONF_GIVE ||
	     (rule->count == 0 && rule->window.count == 0));
	must((rule->whom == SUBID_CONF_EVERYONE) == (rule->name[0] == '\0'));
}

static void check_bounds(const struct subid_conf *conf, size_t lines)
{
	must(conf->n_rules + conf->n_reserved + conf->n_accepted <= lines);
	for (size_t i = 0; i < conf->n_rules; i++)
		check_rule(&conf->rules[i], lines);
	for (size_t i = 0; i < conf->n_reserved; i++) {
		must(id_range_valid(conf->reserved[i].range));
		must(conf->reserved[i].kinds >= 1 && conf->reserved[i].kinds <= 3);
	}
	for (size_t i = 0; i < conf->n_accepted; i++) {
		must(conf->accepted[i].rule[0] != '\0');
		must(conf->accepted[i].owner == NULL ||
		     conf->accepted[i].owner[0] != '\0');
	}
}

/* Written out and read again it is written the same. */
static void check_again(const struct subid_conf *conf)
{
	struct out first = print(conf), second;
	auto_conf struct subid_conf again = { .n_rules = 0 };
	struct subid_place place;

	must(subid_conf_parse(&again, "f", first.bytes, first.size, NULL, &place) == 0);
	second = print(&again);
	must(first.size == second.size);
	must(first.size == 0 || memcmp(first.bytes, second.bytes, first.size) == 0);
	free(first.bytes);
	free(second.bytes);
}

static int in_group(void *data, const struct subid_owner *owner, const char *group)
{
	(void)data;
	(void)owner;
	return strlen(group) % 2 == 0 ? 0 : SUBID_ABSENT;
}

/* Does a pattern fit?  By trying everything: short texts only. */
static bool fits(const char *pattern, const char *name)
{
	if (*pattern == '*')
		return fits(pattern + 1, name) ||
		       (*name != '\0' && fits(pattern, name + 1));
	if (*pattern == '\0' || *name == '\0')
		return *pattern == *name;
	return (*pattern == '?' || *pattern == *name) && fits(pattern + 1, name + 1);
}

static bool rule_fits(const struct subid_conf_rule *rule)
{
	switch (rule->whom) {
	case SUBID_CONF_USER:
		return fits(rule->name, "alice") || fits(rule->name, "al");
	case SUBID_CONF_UIDS:
		return id_range_contains(rule->uids, (struct id_range){ 1000, 1 });
	case SUBID_CONF_GROUP:
		return strlen(rule->name) % 2 == 0;
	case SUBID_CONF_EVERYONE:
		return true;
	}
	return false;
}

static void check_decision(const struct subid_conf *conf)
{
	struct subid_owner_name names[] = { { "alice", 5 }, { "al", 2 }, { "1000", 4 } };
	struct subid_owner owner = {
		.has_account = true, .uid = 1000, .spellings = names, .n = 3
	};
	struct subid_candidate candidate = { &owner, in_group, NULL };
	const struct subid_conf_rule *first = NULL;
	struct subid_decision decision;

	for (size_t i = 0; i < conf->n_rules; i++) {
		if (strlen(conf->rules[i].name) > 20)
			return; /* would take too long to try */
		if (first == NULL && rule_fits(&conf->rules[i]))
			first = &conf->rules[i];
	}
	must(subid_conf_decide(conf, &subid_policy_default, &candidate, &decision) == 0);
	must(decision.rule == first);
	if (first != NULL)
		must((decision.verdict == SUBID_VERDICT_NEVER) ==
		     (first->verb == SUBID_CONF_NEVER));
	else
		must((decision.verdict == SUBID_VERDICT_GIVE) == !subid_conf_gives(conf));
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		must(id_range_valid(subid_window_range(&decision.window[kind])));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct subid_text text = make_text(data, size);
	struct subid_place place = { .why = NULL };
	size_t lines = 1;
	int r = subid_conf_parse(&conf, "f", text.bytes, size, NULL, &place);

	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	must(r == 0 || r == SUBID_INVALID);
	if (r == 0) {
		check_bounds(&conf, lines);
		check_again(&conf);
		check_decision(&conf);
	} else {
		must(place.why != NULL && place.line >= 1 && place.line <= lines);
		must(memchr(place.key, '\0', sizeof(place.key)) > (void *)place.key);
	}
	subid_text_free(&text);
	return 0;
}
