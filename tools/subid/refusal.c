/* SPDX-License-Identifier: MIT */
/*
 * Why a grant was refused, and what can be done about it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tools/subid/cli.h"

void cli_conf_file(const struct cli *cli, const char *file, char *buf, size_t size)
{
	error_conf_file(cli->etc_name, file, buf, size);
}

/* One refused grant, with what policy says about the owner. */
struct refusal {
	const struct cli *cli;
	const struct subid_txn *txn;
	const char *name;
	const struct subid_request *request;
	const struct subid_decision *decision;
	/* what gives the window: a file, and perhaps a line */
	char source[CLI_CONF_FILE_SIZE + 24];
};

/* Where count and window of the owner come from, "login.defs" or a rule. */
static void find_source(struct refusal *refusal)
{
	const struct subid_conf_rule *rule = refusal->decision->rule;
	char file[CLI_CONF_FILE_SIZE];

	if (rule == NULL || (rule->count == 0 && rule->window.count == 0)) {
		(void)snprintf(refusal->source, sizeof(refusal->source), "%s/login.defs",
			       refusal->cli->etc_name);
		return;
	}
	cli_conf_file(refusal->cli, rule->file, file, sizeof(file));
	(void)snprintf(refusal->source, sizeof(refusal->source), "%s:%zu", file,
		       rule->line);
}

/* "SUB_UID_MIN 100000 to SUB_UID_MAX 600100000", or the window of a rule. */
static void print_window(const struct refusal *refusal, enum subid_kind kind, char *buf,
			 size_t size)
{
	const struct subid_window *window = &refusal->decision->window[kind];
	const struct subid_conf_rule *rule = refusal->decision->rule;
	const char *id = kind == SUBID_UID ? "UID" : "GID";

	if (rule != NULL && rule->window.count > 0)
		(void)snprintf(buf, size, "window %u-%u", window->min, window->max);
	else
		(void)snprintf(buf, size, "SUB_%s_MIN %u to SUB_%s_MAX %u", id,
			       window->min, id, window->max);
}

/* Why this kind has no room, if it has none. */
static void complain_of_window(const struct refusal *refusal, enum subid_kind kind)
{
	const struct subid_window *window = &refusal->decision->window[kind];
	struct id_range all = subid_window_range(window);
	uint32_t asked = refusal->request->count;
	uint32_t count = asked > 0 ? asked : window->count;
	uint64_t free_ids = subid_txn_free_ids(refusal->txn, kind, all);
	uint64_t largest = subid_txn_largest_gap(refusal->txn, kind, all);
	char bounds[80];

	if (count <= largest)
		return;
	print_window(refusal, kind, bounds, sizeof(bounds));
	if (all.count == 0) {
		(void)cli_complain(0,
				   "%s: no id lies in %s: the first is greater than the"
				   " last: put it right in %s",
				   refusal->name, bounds, refusal->source);
		return;
	}
	if (free_ids == 0)
		(void)cli_txn_taken(refusal->cli, refusal->txn, refusal->name,
				    (struct subid_change){ .kind = kind, .range = all });
	(void)cli_complain(0,
			   "%s: no gap of %u %ss in %s: %llu of %u are free, at most %llu"
			   " in one piece: widen it in %s, or give less (--count), or"
			   " 'subid unhold' what is held; 'subid audit' tells of lines"
			   " that take too much",
			   refusal->name, count, subid_kind_name(kind), bounds,
			   (unsigned long long)free_ids, all.count,
			   (unsigned long long)largest, refusal->source);
}

static int complain_of_full(const struct refusal *refusal)
{
	const struct subid_policy *policy = subid_txn_policy(refusal->txn);
	const struct subid_owner *owner = refusal->request->owner;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_window *window = &refusal->decision->window[kind];
		const char *id = kind == SUBID_UID ? "UID" : "GID";
		struct id_range place;

		if ((refusal->request->kinds & (1U << kind)) == 0)
			continue;
		if (!window->deterministic)
			complain_of_window(refusal, kind);
		else if (subid_policy_place(policy, kind, owner->uid, &place) ==
			 SUBID_FULL)
			(void)cli_complain(
			    0,
			    "%s: SUB_%s_DETERMINISTIC puts the place of uid %u"
			    " behind SUB_%s_MAX %u: raise that in %s/login.defs,"
			    " or use --range",
			    refusal->name, id, owner->uid, id, window->max,
			    refusal->cli->etc_name);
	}
	return EXIT_NO;
}

/* The kind whose place is computed, if one is. */
static enum subid_kind computed_kind(const struct refusal *refusal)
{
	if ((refusal->request->kinds & (1U << SUBID_UID)) != 0 &&
	    refusal->decision->window[SUBID_UID].deterministic)
		return SUBID_UID;
	return SUBID_GID;
}

static int complain_of_off(const struct refusal *refusal)
{
	const struct subid_policy *policy = subid_txn_policy(refusal->txn);
	const struct subid_owner *owner = refusal->request->owner;
	const char *etc = refusal->cli->etc_name, *name = refusal->name;
	enum subid_kind kind = computed_kind(refusal);
	const struct subid_window *window = &refusal->decision->window[kind];
	const char *id = kind == SUBID_UID ? "UID" : "GID";

	if (!window->deterministic || window->count == 0)
		return cli_complain(
		    EXIT_NO,
		    "%s: %s/login.defs gives none: SUB_UID_COUNT or"
		    " SUB_GID_COUNT is 0 (--count gives some all the same)",
		    name, etc);
	if (!owner->has_account)
		return cli_complain(
		    EXIT_NO,
		    "%s: SUB_%s_DETERMINISTIC in %s/login.defs computes the"
		    " place from the uid, and there is none (use --range)",
		    name, id, etc);
	if (owner->uid < policy->uid_min)
		return cli_complain(
		    EXIT_NO,
		    "%s: uid %u is below UID_MIN %u, where"
		    " SUB_%s_DETERMINISTIC in %s/login.defs has no place for"
		    " it (use --range)",
		    name, owner->uid, policy->uid_min, id, etc);
	return cli_complain(EXIT_NO,
			    "%s: SUB_%s_DETERMINISTIC in %s/login.defs fixes the count to"
			    " SUB_%s_COUNT %u (use --range for another)",
			    name, id, etc, id, policy->window[kind].count);
}

static int complain_of_rule(const struct refusal *refusal)
{
	const struct subid_conf_rule *rule = refusal->decision->rule;
	char file[CLI_CONF_FILE_SIZE];

	cli_conf_file(refusal->cli, rule->file, file, sizeof(file));
	return cli_complain(EXIT_NO,
			    "%s: never given ids, by %s:%zu%s%s (see 'subid"
			    " policy explain')",
			    refusal->name, file, rule->line,
			    rule->reason[0] == '\0' ? "" : ": ", rule->reason);
}

static int complain_of_owner(const char *name, const struct subid_owner *owner)
{
	char uid[sizeof("4294967295")];

	if (strlen(name) > SUBID_LINE_OWNER_MAX)
		return cli_complain(EXIT_NO,
				    "%.32s...: the name is too long: newuidmap of shadow"
				    " passes over lines of more than %d bytes",
				    name, SUBID_LINE_MAX);
	(void)snprintf(uid, sizeof(uid), "%u", owner->uid);
	if (owner->has_account || strspn(name, "0123456789") == strlen(name))
		return cli_complain(EXIT_NO,
				    "%s: %s is also the login name of an account with"
				    " another uid, to which some programs would give the"
				    " lines: rename that (usermod -l)",
				    name, owner->has_account ? uid : name);
	return cli_complain(EXIT_NO,
			    "%s: has no account, and begins with a digit: some programs"
			    " would take the lines for those of the uid before it",
			    name);
}

int cli_grant_refused(const struct cli *cli, struct subid_txn *txn, const char *name,
		      const struct subid_request *request, int answer)
{
	struct subid_decision decision;
	struct refusal refusal = {
		.cli = cli,
		.txn = txn,
		.name = name,
		.request = request,
		.decision = &decision,
	};
	int r;

	if (answer == SUBID_INVALID)
		return complain_of_owner(name, request->owner);
	r = subid_txn_decide(txn, request->owner, &decision);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", name, strerror(-r));
	find_source(&refusal);
	if (answer == SUBID_FORBIDDEN)
		return complain_of_rule(&refusal);
	return answer == SUBID_FULL ? complain_of_full(&refusal)
				    : complain_of_off(&refusal);
}

struct subid_refused cli_refused(const char *name, const struct subid_owner *owner,
				 const struct subid_request *request, int result)
{
	bool chosen = request->range.count > 0;

	return (struct subid_refused){
		.owner = name,
		.owner_len = strlen(name),
		.uid = owner != NULL && owner->has_account ? owner->uid : UINT32_MAX,
		.kinds = request->kinds,
		.range = chosen ? request->range
				: (struct id_range){ UINT32_MAX, request->count },
		.result = result,
	};
}
