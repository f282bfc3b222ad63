/* SPDX-License-Identifier: MIT */
/*
 * What the policy decides: which rule is about an owner, and why; and to whom ranges are
 * given when only the accounts can tell, a group or all.
 */
#include <errno.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

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
			       "no rule names it; uid %u is one of people (UID_MIN %u"
			       " to UID_MAX %u)",
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

/* The places that are computed for an owner, whatever it has. */
static void explain_places(const struct subid_txn *txn, const struct subid_owner *owner,
			   const struct subid_decision *decision,
			   struct subid_explanation *ret)
{
	struct subid_policy policy = txn->policy;

	memcpy(policy.window, decision->window, sizeof(policy.window));
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (owner->has_account && policy.window[kind].deterministic &&
		    subid_policy_place(&policy, kind, owner->uid, &ret->place[kind]) != 0)
			ret->place[kind].count = 0;
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
	explain_places(txn, &owner, &decision, &explanation);
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

/* --- whom only the accounts can tell -------------------------------------------------
 */

/* With more owners than these, an index costs less than it saves. */
#define OWNERS_FEW 8

struct choice {
	struct subid_txn *txn;
	struct subid_list *list;
	size_t passed_over; /* whom policy does not give any */
	size_t n_members;
	void *uids; /* of those that were looked at: a tree, see tsearch(3) */
};

/* A key of the tree is no pointer but a uid. */
static int by_uid(const void *a, const void *b)
{
	return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static void free_no_key(void *key)
{
	(void)key;
}

/*
 * Notes whose name it is.  SUBID_ENOUGH if another name of the same uid was here before:
 * a uid gets what it gets once.  Threat: an image may have any number of names for one
 * uid; to look up all of them for each of them would take for ever.
 */
static int note_uid(struct choice *choice, const char *name)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	int r = subid_owner_find_plain(choice->txn->users, name, &owner);
	const void *key = (const void *)(uintptr_t)owner.uid;

	if (r < 0)
		return r;
	if (r > 0)
		return 0; /* no account */
	if (tfind(key, &choice->uids, by_uid) != NULL)
		return SUBID_ENOUGH;
	return tsearch(key, &choice->uids, by_uid) == NULL ? -ENOMEM : 0;
}

/*
 * Adds an owner that nobody has named, if policy gives to it.  selected: somebody
 * has named a group that it is in, which makes up for a uid that is not of people,
 * but not for rules that leave it out.
 */
static int add_if_given(struct choice *choice, const char *name, bool selected)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	struct subid_decision decision = { .verdict = SUBID_VERDICT_NONE };
	bool given;
	int r = note_uid(choice, name);

	if (r != 0)
		return r < 0 ? r : 0;
	r = subid_owner_find(choice->txn->users, name, &owner);
	if (r == SUBID_INVALID)
		return list_add_owner(choice->list, name); /* its grant says so */
	if (r == 0 || r == SUBID_UNKNOWN)
		r = subid_txn_decide(choice->txn, &owner, &decision);
	if (r < 0)
		return r;
	given = decision.verdict == SUBID_VERDICT_GIVE ||
		(decision.verdict == SUBID_VERDICT_NONE && selected &&
		 !subid_conf_gives(&choice->txn->conf));
	choice->passed_over += !given && (selected || decision.rule != NULL);
	return given ? list_add_owner(choice->list, name) : 0;
}

static int add_member(void *data, const char *name)
{
	struct choice *choice = data;
	int r =
	    choice->n_members++ == OWNERS_FEW ? subid_txn_prepare_bulk(choice->txn) : 0;

	return r == 0 ? add_if_given(choice, name, true) : r;
}

static int add_all(struct choice *choice)
{
	const struct subid_users *users = choice->txn->users;
	int r = subid_txn_prepare_bulk(choice->txn);

	for (size_t i = 0; r == 0 && i < subid_users_count(users); i++) {
		const struct subid_account *account = subid_users_at(users, i);
		auto_free char *name = strndup(account->name, account->name_len);

		r = name == NULL ? -ENOMEM : add_if_given(choice, name, false);
	}
	return r;
}

static int choose(struct choice *choice, const char *group, bool all,
		  struct subid_error *err)
{
	int r = 0;

	if (group != NULL)
		r = subid_users_members(choice->txn->users, group, add_member, choice);
	if (r == SUBID_UNKNOWN)
		return error_plain(err, r, "%s: no such group", group);
	if (r < 0)
		return error_errno(err, group, r);
	if (all)
		r = add_all(choice);
	return r < 0 ? error_plain(err, r, "--all: %s", strerror(-r)) : 0;
}

int subid_candidates(struct subid_txn *txn, const char *group, bool all,
		     struct subid_list **ret, size_t *ret_passed_over,
		     struct subid_error *err)
{
	struct choice choice = { .txn = txn };
	int r;

	error_clear(err);
	if (txn->users == NULL)
		return error_plain(err, -EINVAL,
				   "this transaction is begun for leases alone");
	choice.list = calloc(1, sizeof(*choice.list));
	if (choice.list == NULL)
		return error_memory(err);
	r = choose(&choice, group, all, err);
	tdestroy(choice.uids, free_no_key);
	if (r == 0) {
		*ret = choice.list;
		*ret_passed_over = choice.passed_over;
		return 0;
	}
	subid_list_free(&choice.list);
	return r;
}
