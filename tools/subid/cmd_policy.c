/* SPDX-License-Identifier: MIT */
/*
 * subid policy: checks the site's policy, and explains what it means for an owner.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/audit/audit.h"
#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "tools/subid/cli.h"

/* The problems found so far. */
struct check {
	const struct cli *cli;
	size_t n_wrong;
	size_t n_warnings;
	json_t *problems;
};

/* One more problem, on standard error and for --json. */
__attribute__((format(printf, 5, 6))) static void note(struct check *check, bool wrong,
						       const char *file, size_t line,
						       const char *format, ...)
{
	char name[CLI_CONF_FILE_SIZE], where[CLI_CONF_FILE_SIZE + 24], what[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	cli_conf_file(check->cli, file, name, sizeof(name));
	(void)snprintf(where, sizeof(where), line > 0 ? "%s:%zu" : "%s", name, line);
	(void)cli_complain(0, "%s: %s%s", where, wrong ? "" : "warning: ", what);
	check->n_wrong += wrong;
	check->n_warnings += !wrong;
	printable_ascii(what, strlen(what), ' ');
	(void)json_array_append_new(
	    check->problems,
	    json_pack("{s:s, s:I, s:s, s:s}", "file", name, "line", (json_int_t)line,
		      "level", wrong ? "error" : "warning", "message", what));
}

static int note_wrong_line(void *data, const struct subid_conf_place *place)
{
	note(data, true, place->file, place->place.line, "%s %s", place->place.key,
	     place->place.why);
	return 0;
}

/* A name without account may be mistyped or created later: a warning. */
static void check_name(struct check *check, const struct subid_users *users,
		       struct subid_members *members, const struct subid_conf_rule *rule)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	int r = 0;

	if (rule->whom == SUBID_CONF_GROUP) {
		(void)subid_owner_of_uid(users, 0, &owner);
		r = subid_members_ask(members, users, &owner, rule->name);
	} else if (rule->whom == SUBID_CONF_USER && strpbrk(rule->name, "*?") == NULL) {
		r = subid_owner_find(users, rule->name, &owner);
	}
	if (r == SUBID_UNKNOWN)
		note(check, false, rule->file, rule->line, "no such %s '%s'",
		     rule->whom == SUBID_CONF_GROUP ? "group" : "account", rule->name);
	else if (r < 0)
		note(check, true, rule->file, rule->line, "'%s' cannot be looked up: %s",
		     rule->name, strerror(-r));
}

static void check_sizes(struct check *check, const struct subid_policy *policy,
			const struct subid_conf_rule *rule)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_window *window = &policy->window[kind];
		uint32_t count = rule->count > 0 ? rule->count : window->count;

		if (rule->verb == SUBID_CONF_NEVER)
			continue;
		if (rule->window.count > 0 && count > rule->window.count)
			note(check, false, rule->file, rule->line,
			     "the window is smaller than the %u %ss of login.defs", count,
			     subid_kind_name(kind));
		if (rule->window.count == 0 && window->deterministic &&
		    count != window->count)
			note(check, false, rule->file, rule->line,
			     "SUB_%s_DETERMINISTIC in login.defs fixes the count at %u;"
			     " add a window",
			     kind == SUBID_UID ? "UID" : "GID", window->count);
	}
}

static void check_rules(struct check *check, const struct subid_conf *conf,
			const struct subid_policy *policy,
			const struct subid_users *users)
{
	auto_members struct subid_members members = { .n = 0 };
	const struct subid_conf_rule *everyone = NULL;

	for (size_t i = 0; i < conf->n_rules; i++) {
		const struct subid_conf_rule *rule = &conf->rules[i];

		if (everyone != NULL)
			note(check, false, rule->file, rule->line,
			     "is never reached for people: 'everyone' in line %zu comes"
			     " first",
			     everyone->line);
		else if (rule->whom == SUBID_CONF_EVERYONE)
			everyone = rule;
		check_name(check, users, &members, rule);
		check_sizes(check, policy, rule);
	}
}

/* An unknown rule accepts nothing, which its author does not expect. */
static void check_accepted(struct check *check, const struct subid_conf *conf)
{
	for (size_t i = 0; i < conf->n_accepted; i++)
		if (subid_acceptance_allows_conventional(&conf->accepted[i]))
			note(check, false, conf->accepted[i].file, conf->accepted[i].line,
			     "'accept %s' also lets grants give ids that others use by"
			     " convention; the next release will not: write 'allow"
			     " conventional-ids' for that",
			     conf->accepted[i].rule);
	for (size_t i = 0; i < conf->n_accepted; i++)
		if (audit_rule_find(conf->accepted[i].rule) == NULL)
			note(check, false, conf->accepted[i].file, conf->accepted[i].line,
			     "unknown rule '%s'; 'subid audit --list-rules' lists all"
			     " rules",
			     conf->accepted[i].rule);
}

/* login.defs, whose values the rules use; false if they are unusable. */
static bool check_defs(struct check *check, int etc, struct subid_policy *ret)
{
	bool follow = check->cli->root == NULL;
	struct subid_place place;
	int r = subid_policy_load(etc, follow, ret, &place);

	if (r == SUBID_INVALID)
		note(check, true, "login.defs", place.line, "%s %s", place.key,
		     place.why);
	return r == 0;
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

static int check_all(struct check *check, int etc)
{
	const struct cli *cli = check->cli;
	struct subid_conf_reporter reporter = { note_wrong_line, check };
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	auto_users struct subid_users *users = NULL;
	struct subid_policy policy;
	struct subid_conf_place place;
	char file[CLI_CONF_FILE_SIZE];
	bool live = cli->root == NULL;
	struct subid_failure failure = { .file = NULL };
	int r;

	r = subid_conf_load(
	    &(struct subid_conf_source){
		.etc = etc, .vendor = live ? SUBID_VENDORDIR : NULL, .follow = live },
	    &reporter, &conf, &place);
	if (r < 0) {
		cli_conf_file(cli, place.file, file, sizeof(file));
		return cli_complain(EXIT_UNABLE, "%s: %s", file, strerror(-r));
	}
	r = subid_users_load(etc, live, &users, &failure.file);
	if (r < 0)
		return cli_txn_failed(cli, r, &failure);
	if (check_defs(check, etc, &policy))
		check_rules(check, &conf, &policy, users);
	check_accepted(check, &conf);
	return print_check(check, &conf);
}

static int run_check(struct cli *cli)
{
	struct check check = { .cli = cli, .problems = json_array() };
	auto_close int etc = cli_open_etc(cli);
	int status;

	if (etc < 0)
		status = EXIT_UNABLE;
	else if (check.problems == NULL)
		status = cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	else
		status = check_all(&check, etc);
	json_decref(check.problems);
	return status;
}

static int run(struct cli *cli, int argc, char *argv[])
{
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
	if (argc == 0)
		return cli_misused(cli, "policy explain: missing OWNER");
	return cli_explain_policy(cli, (size_t)argc, argv);
}

const struct cli_command cmd_policy = {
	.name = "policy",
	.arguments = "check | explain OWNER...",
	.summary = "check subid.conf, or explain what it means for an owner",
	.text =
	    "check lists the errors in subid.conf and login.defs, and warns of likely\n"
	    "mistakes.  explain shows for each OWNER which rule applies, and what the\n"
	    "next login would grant.  Neither changes anything.\n",
	.run = run,
};
