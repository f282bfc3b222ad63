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
	struct subid_explanation policy;
	char rule[CLI_CONF_FILE_SIZE + 24]; /* "/etc/subid.conf:3"; "" */
	char shown[1024];		  /* the name, fit for a terminal and for JSON */
	const struct subid_list *changes; /* NULL: none */
	const char *state;		  /* of these */
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

/* What policy would give at a login; EXIT_NO after a complaint if it cannot. */
static int try_to_give(struct explanation *e)
{
	const struct subid_request request = {
		.size = sizeof(request),
		.owner = e->name,
		.flags = SUBID_UNASKED | SUBID_UNKNOWN_OWNER,
	};
	struct subid_error err = { .size = sizeof(err) };
	int r;

	if (e->policy.verdict != SUBID_VERDICT_GIVE)
		return EXIT_DONE;
	r = subid_grant(e->txn, &request, &err);
	if (r != 0 && r != SUBID_ENOUGH)
		return cli_say(cli_status(r), &err);
	e->state = r == SUBID_ENOUGH ? "kept" : "new";
	if (subid_changes(e->txn, &e->changes) < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	return EXIT_DONE;
}

static void print_text(const struct explanation *e)
{
	struct subid_row row = { .size = sizeof(row) };

	(void)printf("%s: %s: %s%s%s\n", e->shown, verdicts[e->policy.verdict], e->rule,
		     e->rule[0] == '\0' ? "" : ": ", e->policy.why);
	for (size_t i = 0; e->changes != NULL && subid_list_get(e->changes, i, &row); i++)
		(void)printf("  %s %u-%llu %u %s\n", subid_kind_name(row.kind),
			     row.range.start,
			     (unsigned long long)id_range_end(row.range) - 1,
			     row.range.count, e->state);
}

static json_t *to_json(const struct explanation *e)
{
	struct subid_row row = { .size = sizeof(row) };
	json_t *ranges = json_array();

	for (size_t i = 0; e->changes != NULL && subid_list_get(e->changes, i, &row); i++)
		(void)json_array_append_new(
		    ranges, json_pack("{s:s, s:I, s:I, s:I, s:s}", "kind",
				      subid_kind_name(row.kind), "start",
				      (json_int_t)row.range.start, "end",
				      (json_int_t)id_range_end(row.range) - 1, "count",
				      (json_int_t)row.range.count, "state", e->state));
	return json_pack("{s:s, s:s, s:s*, s:s, s:o}", "owner", e->shown, "verdict",
			 verdicts[e->policy.verdict], "rule",
			 e->rule[0] == '\0' ? NULL : e->rule, "why", e->policy.why,
			 "ranges", ranges);
}

/* Into owners, unless that is NULL, or onto standard output. */
static int explain_one(struct explanation *e, json_t *owners)
{
	struct subid_error err = { .size = sizeof(err) };
	int status, r;

	(void)snprintf(e->shown, sizeof(e->shown), "%s", e->name);
	make_printable(e->shown);
	e->policy.size = sizeof(e->policy);
	r = subid_explain(e->txn, e->name, &e->policy, &err);
	if (r != 0)
		return cli_say(cli_status(r), &err);
	if (e->policy.line > 0)
		(void)snprintf(e->rule, sizeof(e->rule), "%s:%zu", e->policy.file,
			       e->policy.line);
	make_printable(e->policy.why);
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
	int status = cli_open_system(cli, true, &sys);

	if (status == EXIT_DONE)
		status = cli_begin(sys, SUBID_DRY_RUN, &txn);
	return status == EXIT_DONE ? explain_all(cli, txn, n, names) : status;
}
