/* SPDX-License-Identifier: MIT */
/*
 * subid policy: lists the mistakes in the site's policy, and explains which rule decides
 * about an owner and what would be given now.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "tools/subid/cli.h"

/* --- check ------------------------------------------------------------------------- */

/* The problems found so far. */
struct check {
	struct cli *cli;
	size_t n_wrong;
	size_t n_warnings;
	json_t *problems;
};

/* One more problem, on standard error and for --json. */
static void note(struct check *check, const struct subid_finding *finding)
{
	bool wrong = finding->level >= SUBID_ERROR;
	char what[512], where[SUBID_ERROR_FILE_SIZE + 24];

	(void)snprintf(where, sizeof(where), finding->line > 0 ? "%s:%zu" : "%s",
		       finding->file, finding->line);
	(void)cli_complain(0, "%s: %s%s", where,
			   wrong ? "" : "warning: ", finding->reason);
	check->n_wrong += wrong;
	check->n_warnings += !wrong;
	printable_copy(what, sizeof(what), finding->reason, strlen(finding->reason));
	(void)json_array_append_new(
	    check->problems,
	    json_pack("{s:o, s:I, s:s, s:s}", "file",
		      cli_json_name(finding->file, strlen(finding->file)), "line",
		      (json_int_t)finding->line, "level", wrong ? "error" : "warning",
		      "message", what));
}

static json_t *count_statements(const struct subid_conf *conf)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "files", (json_int_t)conf->n_files,
			 "rules", (json_int_t)conf->n_rules, "reserved",
			 (json_int_t)conf->n_reserved, "accepted",
			 (json_int_t)conf->n_accepted);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static int print_check(const struct check *check, const struct subid_conf *conf)
{
	const struct cli *cli = check->cli;

	int status = EXIT_DONE;

	if (cli->json && !cli->quiet) {
		json_t *object = count_statements(conf);

		if (object != NULL &&
		    json_object_set(object, "problems", check->problems) < 0) {
			json_decref(object);
			object = NULL;
		}
		status = cli_print_json(object);
	} else if (!cli->quiet && check->n_wrong == 0) {
		(void)printf("policy: %zu file%s, %zu rule%s, %zu reserved, %zu accepted,"
			     " %zu warning%s\n",
			     conf->n_files, plural(conf->n_files), conf->n_rules,
			     plural(conf->n_rules), conf->n_reserved, conf->n_accepted,
			     check->n_warnings, plural(check->n_warnings));
	}
	if (status == EXIT_DONE)
		status = cli_finish_output();
	if (status != EXIT_DONE)
		return status;
	return check->n_wrong == 0 ? EXIT_DONE : EXIT_NO;
}

/* For counting alone: what is wrong has been reported. */
static int count_wrong(void *data, const struct subid_conf_place *place)
{
	(void)data, (void)place;
	return 0;
}

static int check_all(struct check *check)
{
	struct subid_conf_reporter reporter = { count_wrong, NULL };
	__attribute__((cleanup(subid_report_free))) struct subid_report *report = NULL;
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct subid_finding finding = { .size = sizeof(finding) };
	struct subid_error err = { .size = sizeof(err) };
	struct cli *cli = check->cli;
	bool live = cli->root == NULL;
	struct subid_conf_place place;
	auto_close int etc = cli_open_etc(cli);
	auto_system struct subid *sys = NULL;
	int r;

	if (etc < 0)
		return EXIT_UNABLE;
	r = subid_open(cli->root, &sys, &err);
	if (r == 0)
		r = subid_policy_check(sys, &report, &err);
	if (r < 0)
		return cli_say(EXIT_UNABLE, &err);
	for (size_t i = 0; subid_report_get(report, i, &finding); i++)
		note(check, &finding);
	r = subid_conf_load(
	    &(struct subid_conf_source){
		.etc = etc, .vendor = live ? SUBID_VENDORDIR : NULL, .follow = live },
	    &reporter, &conf, &place);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s/%s: %s", cli->etc_name, place.file,
				    strerror(-r));
	return print_check(check, &conf);
}

static int run_check(struct cli *cli)
{
	struct check check = { .cli = cli, .problems = json_array() };
	int status = check.problems == NULL
			 ? cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM))
			 : check_all(&check);

	json_decref(check.problems);
	return status;
}

/* --- explain ----------------------------------------------------------------------- */

/* The explanation for one owner. */
struct explanation {
	struct cli *cli;
	struct subid_txn *txn;
	const char *name;
	struct subid_explanation policy;
	char rule[SUBID_ERROR_FILE_SIZE + 24]; /* "/etc/subid.conf:3"; "" */
	const struct subid_list *changes;      /* NULL: none */
	const char *state;		       /* of these */
};

static const char *const verdicts[] = {
	[SUBID_VERDICT_GIVE] = "give",
	[SUBID_VERDICT_NONE] = "none",
	[SUBID_VERDICT_NEVER] = "never",
};

/* Tries what the next login would grant; EXIT_NO after an error message if it cannot. */
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

static bool has(const struct explanation *e, enum subid_kind kind, struct id_range range)
{
	struct subid_row row = { .size = sizeof(row) };

	for (size_t i = 0; subid_list_get(e->changes, i, &row); i++)
		if (row.kind == kind && id_range_contains(row.range, range))
			return true;
	return false;
}

/*
 * Hosts that share homes without a directory agree if each computes the range: one on
 * which the owner has another one differs from them.
 */
static void compare_with_place(const struct explanation *e)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct id_range place = e->policy.place[kind];

		if (place.count > 0 && !has(e, kind, place))
			(void)cli_complain(
			    0,
			    "warning: %s: SUB_%s_DETERMINISTIC gives %ss %u-%llu on each"
			    " host, and this one has other ids for the owner",
			    e->name, kind == SUBID_UID ? "UID" : "GID",
			    subid_kind_name(kind), place.start,
			    (unsigned long long)id_range_end(place) - 1);
	}
}

static void print_text(const struct explanation *e)
{
	static const enum cli_tone tones[] = {
		[SUBID_VERDICT_GIVE] = CLI_GOOD,
		[SUBID_VERDICT_NONE] = CLI_WARN,
		[SUBID_VERDICT_NEVER] = CLI_WRONG,
	};
	struct subid_row row = { .size = sizeof(row) };

	cli_begin_pager(e->cli);
	cli_print_safe(stdout, e->name, strlen(e->name));
	(void)printf(": %s%s%s%s: ", cli_tone(e->cli, tones[e->policy.verdict]),
		     verdicts[e->policy.verdict], cli_tone(e->cli, CLI_PLAIN),
		     e->policy.verdict == SUBID_VERDICT_GIVE && e->rule[0] == '\0'
			 ? ", by default"
			 : "");
	cli_print_safe(stdout, e->rule, strlen(e->rule));
	(void)fputs(e->rule[0] == '\0' ? "" : ": ", stdout);
	cli_print_safe(stdout, e->policy.why, strlen(e->policy.why));
	(void)putchar('\n');
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
	return json_pack(
	    "{s:o, s:s, s:o*, s:o, s:o}", "owner",
	    cli_json_name(e->name, strlen(e->name)), "verdict",
	    verdicts[e->policy.verdict], "rule",
	    e->rule[0] == '\0' ? NULL : cli_json_name(e->rule, strlen(e->rule)), "why",
	    cli_json_name(e->policy.why, strlen(e->policy.why)), "ranges", ranges);
}

/* Adds the explanation to owners or, if that is NULL, prints it. */
static int explain_one(struct explanation *e, json_t *owners)
{
	struct subid_error err = { .size = sizeof(err) };
	int status, r;

	e->policy.size = sizeof(e->policy);
	r = subid_explain(e->txn, e->name, &e->policy, &err);
	if (r != 0)
		return cli_say(cli_status(r), &err);
	if (e->policy.line > 0)
		(void)snprintf(e->rule, sizeof(e->rule), "%s:%zu", e->policy.file,
			       e->policy.line);
	status = try_to_give(e);
	if (status == EXIT_UNABLE)
		return status;
	if (e->changes != NULL && !e->cli->quiet)
		compare_with_place(e);
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
	if (object == NULL || status == EXIT_UNABLE)
		json_decref(object); /* complete, or absent */
	else if (cli_print_json(object) != EXIT_DONE)
		return EXIT_UNABLE;
	if (cli_finish_output() != EXIT_DONE)
		return EXIT_UNABLE;
	return status;
}

static int run_explain(struct cli *cli, size_t n, char *names[])
{
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	int status = cli_open_system(cli, true, &sys);

	if (status == EXIT_DONE)
		status = cli_begin(sys, SUBID_DRY_RUN, &txn);
	return status == EXIT_DONE ? explain_all(cli, txn, n, names) : status;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	char own[CLI_ONESELF_SIZE];

	if (cli_next_option(cli, argc, argv) != -1)
		return EXIT_USAGE;
	if (optind == argc)
		return cli_misused(cli,
				   "policy: missing subcommand; one of check, explain");
	argc -= optind + 1;
	argv += optind + 1;
	if (strcmp(argv[-1], "check") == 0 && argc > 0)
		return cli_misused(cli, "policy check: unexpected operand '%s'", argv[0]);
	if (strcmp(argv[-1], "check") == 0)
		return run_check(cli);
	if (strcmp(argv[-1], "explain") != 0)
		return cli_misused(
		    cli, "policy: unknown subcommand '%s'; one of check, explain",
		    argv[-1]);
	if (argc == 0 && cli->root != NULL)
		return cli_misused(cli, "policy explain: missing OWNER");
	if (argc == 0)
		return run_explain(cli, 1, (char *[]){ cli_oneself(own) });
	return run_explain(cli, (size_t)argc, argv);
}

const struct cli_command cmd_policy = {
	.name = "policy",
	.arguments = "check | explain [OWNER...]",
	.summary = "check subid.conf, or explain what it means for an owner",
	.text =
	    "check lists the errors in subid.conf and login.defs, and warns of likely\n"
	    "mistakes.  explain shows for each OWNER which rule applies, and what the\n"
	    "next login would grant.  Neither changes anything.\n",
	.examples = "    subid policy check\n"
		    "    subid policy explain alice",
	.run = run,
};
