/* SPDX-License-Identifier: MIT */
#include "libsubid/policy/policy.h"

/*
 * '*' and '?', byte by byte.  Not fnmatch(3), which goes by the locale, fails on
 * names that are not UTF-8, and takes exponential time.  Here the last '*' alone
 * is tried again: len(pattern) * len(name) steps at most.
 */
static bool fits_pattern(const char *pattern, struct subid_owner_name name)
{
	const char *at = name.text, *end = name.text + name.len;
	const char *star = NULL, *again = NULL;

	while (at < end) {
		if (*pattern == '*') {
			star = pattern++;
			again = at;
		} else if (*pattern != '\0' && (*pattern == '?' || *pattern == *at)) {
			pattern++;
			at++;
		} else if (star != NULL) {
			pattern = star + 1;
			at = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

/* The names of the owner, without its uid in decimal at the end. */
static size_t count_names(const struct subid_owner *owner)
{
	return owner->has_account ? owner->n - 1 : owner->n;
}

static bool has_name_like(const struct subid_owner *owner, const char *pattern)
{
	for (size_t i = 0; i < count_names(owner); i++)
		if (fits_pattern(pattern, owner->spellings[i]))
			return true;
	return false;
}

/* An owner without account can be a uid all the same. */
static bool is_among(const struct subid_owner *owner, struct id_range uids)
{
	struct id_range uid = { owner->uid, 1 };

	if (!owner->has_account &&
	    subid_id_parse(owner->spellings[0].text, owner->spellings[0].len,
			   &uid.start) != 0)
		return false;
	return id_range_contains(uids, uid);
}

static bool is_person(const struct subid_owner *owner, const struct subid_policy *policy)
{
	return owner->has_account && owner->uid >= policy->uid_min &&
	       owner->uid <= policy->uid_max;
}

/* 0: it does; > 0: not. */
static int fits(const struct subid_conf_rule *rule, const struct subid_policy *policy,
		const struct subid_candidate *candidate)
{
	const struct subid_owner *owner = candidate->owner;

	switch (rule->whom) {
	case SUBID_CONF_USER:
		return has_name_like(owner, rule->name) ? 0 : SUBID_ABSENT;
	case SUBID_CONF_UIDS:
		return is_among(owner, rule->uids) ? 0 : SUBID_ABSENT;
	case SUBID_CONF_GROUP:
		return candidate->in_group(candidate->data, owner, rule->name);
	case SUBID_CONF_EVERYONE:
		return is_person(owner, policy) ? 0 : SUBID_ABSENT;
	}
	return SUBID_ABSENT;
}

static void apply_sizes(const struct subid_conf_rule *rule, struct subid_window *window)
{
	if (rule->count > 0)
		window->count = rule->count;
	if (rule->window.count > 0) {
		window->min = rule->window.start;
		window->max = (uint32_t)(id_range_end(rule->window) - 1);
		window->deterministic = false;
	}
}

static enum subid_verdict without_rule(const struct subid_conf *conf,
				       const struct subid_policy *policy,
				       const struct subid_owner *owner)
{
	if (subid_conf_gives(conf))
		return SUBID_VERDICT_NONE;
	return is_person(owner, policy) ? SUBID_VERDICT_GIVE : SUBID_VERDICT_NONE;
}

int subid_conf_decide(const struct subid_conf *conf, const struct subid_policy *policy,
		      const struct subid_candidate *candidate, struct subid_decision *ret)
{
	struct subid_decision decision = { .rule = NULL };

	for (size_t i = 0; decision.rule == NULL && i < conf->n_rules; i++) {
		int r = fits(&conf->rules[i], policy, candidate);

		if (r < 0)
			return r;
		if (r == 0)
			decision.rule = &conf->rules[i];
	}
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		decision.window[kind] = policy->window[kind];
	if (decision.rule == NULL) {
		decision.verdict = without_rule(conf, policy, candidate->owner);
	} else if (decision.rule->verb == SUBID_CONF_NEVER) {
		decision.verdict = SUBID_VERDICT_NEVER;
	} else {
		decision.verdict = SUBID_VERDICT_GIVE;
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			apply_sizes(decision.rule, &decision.window[kind]);
	}
	*ret = decision;
	return 0;
}
