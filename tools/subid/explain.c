/* SPDX-License-Identifier: MIT */
/*
 * subid policy explain: which rule decides about an owner, why, and what would be
 * given now.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/cli.h"

/* One owner, explained. */
struct explanation {
	struct cli *cli;
	struct subid_txn *txn;
	const char *name;
	struct subid_owner owner;
	struct subid_decision decision;
	char rule[CLI_CONF_FILE_SIZE + 24]; /* "/etc/subid.conf:3"; "" */
	char why[1024];
	char shown[1024]; /* the name, fit for a terminal and for JSON */
	struct subid_changes changes;
	const char *state; /* of these */
};

static const char *const verdicts[] = {
	[SUBID_VERDICT_GIVE] = "give",
	[SUBID_VERDICT_NONE] = "none",
	[SUBID_VERDICT_NEVER] = "never",
};

/* What a terminal may act on, and JSON cannot have. */
static void make_printable(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
			*c = '?';
}

/* The rule as it is written, more or less. */
static void say_rule(struct explanation *e)
{
	static const char *const whom[] = {
		[SUBID_CONF_USER] = "user ",
		[SUBID_CONF_UIDS] = "user ",
		[SUBID_CONF_GROUP] = "group ",
		[SUBID_CONF_EVERYONE] = "everyone",
	};
	const struct subid_conf_rule *rule = e->decision.rule;
	char file[CLI_CONF_FILE_SIZE];

	cli_conf_file(e->cli, rule->file, file, sizeof(file));
	(void)snprintf(e->rule, sizeof(e->rule), "%s:%zu", file, rule->line);
	(void)snprintf(e->why, sizeof(e->why), "%s %s%.500s%s%.400s",
		       rule->verb == SUBID_CONF_GIVE ? "give" : "never", whom[rule->whom],
		       rule->name, rule->reason[0] == '\0' ? "" : ": ", rule->reason);
}

static void say_no_rule(struct explanation *e)
{
	const struct subid_policy *policy = subid_txn_policy(e->txn);

	if (e->decision.verdict == SUBID_VERDICT_GIVE)
		(void)snprintf(e->why, sizeof(e->why),
			       "no rule fits; uid %u is one of people (UID_MIN %u to"
			       " UID_MAX %u)",
			       e->owner.uid, policy->uid_min, policy->uid_max);
	else if (subid_conf_gives(subid_txn_conf(e->txn)))
		(void)snprintf(e->why, sizeof(e->why),
			       "no rule fits, and the rules say who is given ids");
	else if (e->owner.has_account)
		(void)snprintf(e->why, sizeof(e->why),
			       "no rule fits, and uid %u is none of people (UID_MIN %u"
			       " to UID_MAX %u)",
			       e->owner.uid, policy->uid_min, policy->uid_max);
	else
		(void)snprintf(e->why, sizeof(e->why),
			       "no rule fits, and there is no such account");
}

/* What policy would give at a login; EXIT_NO after a complaint if it cannot. */
static int try_to_give(struct explanation *e)
{
	struct subid_request request = { .owner = &e->owner, .kinds = SUBID_BOTH_KINDS };
	int status = EXIT_DONE, r;

	e->changes.n = 0;
	if (e->decision.verdict != SUBID_VERDICT_GIVE)
		return EXIT_DONE;
	r = subid_txn_grant(e->txn, &request, &e->changes);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", e->name, strerror(-r));
	e->state = r == SUBID_ENOUGH ? "kept" : "new";
	if (r == SUBID_FULL || r == SUBID_OFF || r == SUBID_FORBIDDEN)
		status = cli_grant_refused(e->cli, e->txn, e->name, &request, r);
	for (size_t i = 0; r == SUBID_TAKEN && i < e->changes.n; i++)
		status = cli_txn_taken(e->cli, e->txn, e->name, e->changes.list[i]);
	if (r != 0 && r != SUBID_ENOUGH)
		e->changes.n = 0;
	return status;
}

static void print_text(const struct explanation *e)
{
	(void)printf("%s: %s: %s%s%s\n", e->shown, verdicts[e->decision.verdict], e->rule,
		     e->rule[0] == '\0' ? "" : ": ", e->why);
	for (size_t i = 0; i < e->changes.n; i++) {
		struct id_range range = e->changes.list[i].range;

		(void)printf("  %s %u-%llu %u %s\n",
			     subid_kind_name(e->changes.list[i].kind), range.start,
			     (unsigned long long)id_range_end(range) - 1, range.count,
			     e->state);
	}
}

static json_t *to_json(const struct explanation *e)
{
	const struct subid_decision *decision = &e->decision;
	json_t *ranges = json_array();

	for (size_t i = 0; i < e->changes.n; i++) {
		struct subid_change change = e->changes.list[i];

		(void)json_array_append_new(
		    ranges, json_pack("{s:s, s:I, s:I, s:I, s:s}", "kind",
				      subid_kind_name(change.kind), "start",
				      (json_int_t)change.range.start, "end",
				      (json_int_t)id_range_end(change.range) - 1, "count",
				      (json_int_t)change.range.count, "state", e->state));
	}
	return json_pack("{s:s, s:s, s:s*, s:s, s:o}", "owner", e->shown, "verdict",
			 verdicts[decision->verdict], "rule",
			 e->rule[0] == '\0' ? NULL : e->rule, "why", e->why, "ranges",
			 ranges);
}

/* Into owners, unless that is NULL, or onto standard output. */
static int explain_one(struct explanation *e, json_t *owners)
{
	int status, r = subid_owner_find(subid_txn_users(e->txn), e->name, &e->owner);

	(void)snprintf(e->shown, sizeof(e->shown), "%s", e->name);
	make_printable(e->shown);
	if (r == SUBID_INVALID)
		return cli_complain(EXIT_NO, "%s: no owner can be called so", e->name);
	if (r == 0 || r == SUBID_UNKNOWN)
		r = subid_txn_decide(e->txn, &e->owner, &e->decision);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: cannot be looked up: %s", e->name,
				    strerror(-r));
	if (e->decision.rule != NULL)
		say_rule(e);
	else
		say_no_rule(e);
	make_printable(e->why);
	make_printable(e->rule);
	status = try_to_give(e);
	if (status == EXIT_UNABLE)
		return status;
	if (owners == NULL && !e->cli->quiet)
		print_text(e);
	else if (owners != NULL && json_array_append_new(owners, to_json(e)) < 0)
		return cli_complain(EXIT_UNABLE, "output: %s", strerror(ENOMEM));
	return status;
}

static int explain_each(struct cli *cli, struct subid_txn *txn, size_t n, char *names[],
			json_t *owners)
{
	int status = EXIT_DONE;

	for (size_t i = 0; i < n; i++) {
		struct explanation e = { .cli = cli, .txn = txn, .name = names[i] };
		int one = explain_one(&e, owners);

		subid_owner_free(&e.owner);
		if (one == EXIT_UNABLE)
			return one;
		if (one != EXIT_DONE)
			status = one;
	}
	return status;
}

static int explain_all(struct cli *cli, struct subid_txn *txn, size_t n, char *names[])
{
	json_t *owners = cli->json && !cli->quiet ? json_array() : NULL;
	json_t *object = owners == NULL ? NULL : json_pack("{s:o}", "owners", owners);
	int status;

	if (cli->json && !cli->quiet && object == NULL)
		return cli_complain(EXIT_UNABLE, "output: %s", strerror(ENOMEM));
	status = explain_each(cli, txn, n, names, owners);
	if (object != NULL) {
		(void)json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		(void)putchar('\n');
	}
	json_decref(object);
	if (fflush(stdout) != 0 || ferror(stdout))
		return cli_complain(EXIT_UNABLE, "standard output: %s", strerror(errno));
	return status;
}

int cli_explain_policy(struct cli *cli, size_t n, char *names[])
{
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	int status = cli_open_system(cli, &sys);

	if (status == EXIT_DONE)
		status = cli_begin(sys, true, false, &txn);
	return status == EXIT_DONE ? explain_all(cli, txn, n, names) : status;
}
