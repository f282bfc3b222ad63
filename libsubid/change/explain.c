/* SPDX-License-Identifier: MIT */
/*
 * Which rule of the policy decides about an owner, and why.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/change/private.h"

/* The rule as it is written, more or less. */
static void explain_rule(const struct subid_txn *txn, const struct subid_conf_rule *rule,
			 struct subid_explanation *ret)
{
	static const char *const whom[] = {
		[SUBID_CONF_USER] = "user ",
		[SUBID_CONF_UIDS] = "user ",
		[SUBID_CONF_GROUP] = "group ",
		[SUBID_CONF_EVERYONE] = "everyone",
	};

	error_conf_file(txn->sys->etc_name, rule->file, ret->file, sizeof(ret->file));
	ret->line = rule->line;
	(void)snprintf(ret->why, sizeof(ret->why), "%s %s%.500s%s%.400s",
		       rule->verb == SUBID_CONF_GIVE ? "give" : "never", whom[rule->whom],
		       rule->name, rule->reason[0] == '\0' ? "" : ": ", rule->reason);
}

static void explain_no_rule(const struct subid_txn *txn, const struct subid_owner *owner,
			    struct subid_explanation *ret)
{
	const struct subid_policy *policy = &txn->policy;

	if (ret->verdict == SUBID_VERDICT_GIVE)
		(void)snprintf(ret->why, sizeof(ret->why),
			       "no rule fits; uid %u is one of people (UID_MIN %u to"
			       " UID_MAX %u)",
			       owner->uid, policy->uid_min, policy->uid_max);
	else if (subid_conf_gives(&txn->conf))
		(void)snprintf(ret->why, sizeof(ret->why),
			       "no rule fits, and the rules say who is given ids");
	else if (owner->has_account)
		(void)snprintf(ret->why, sizeof(ret->why),
			       "no rule fits, and uid %u is none of people (UID_MIN %u"
			       " to UID_MAX %u)",
			       owner->uid, policy->uid_min, policy->uid_max);
	else
		(void)snprintf(ret->why, sizeof(ret->why),
			       "no rule fits, and there is no such account");
}

int subid_explain(struct subid_txn *txn, const char *name, struct subid_explanation *ret,
		  struct subid_error *err)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	struct subid_explanation explanation = { .size = sizeof(explanation) };
	struct subid_decision decision;
	size_t size = ret->size;
	int r;

	error_clear(err);
	if (txn->users == NULL)
		return error_plain(err, -EINVAL,
				   "this transaction is begun for leases alone");
	r = subid_owner_find(txn->users, name, &owner);
	if (r == SUBID_INVALID)
		return error_plain(err, r, "%s: no owner can be called so", name);
	if (r >= 0)
		r = subid_txn_decide(txn, &owner, &decision);
	if (r < 0)
		return error_plain(err, r, "%s: cannot be looked up: %s", name,
				   strerror(-r));
	explanation.verdict = decision.verdict;
	if (decision.rule != NULL)
		explain_rule(txn, decision.rule, &explanation);
	else
		explain_no_rule(txn, &owner, &explanation);
	if (size > sizeof(explanation))
		size = sizeof(explanation);
	memcpy(ret, &explanation, size);
	ret->size = size;
	return 0;
}
