/* SPDX-License-Identifier: MIT */
/*
 * The site's policy as it is written: what is wrong in login.defs and subid.conf, and
 * what is likely a mistake.  The rules of the auditor look at what follows from it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"

/* The names of more rules are looked up by an index. */
#define RULES_FEW 16

struct check {
	struct system_parts place;
	struct policy_problems *problems;
	int error; /* -ENOMEM */
};

void policy_problems_free(struct policy_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		free(problems->list[i].file);
		free(problems->list[i].reason);
	}
	free(problems->list);
	*problems = (struct policy_problems){ .n = 0 };
}

/* Adds a problem; file: as policy.h has it. */
__attribute__((format(printf, 5, 6))) static void note(struct check *check,
						       enum subid_level level,
						       const char *file, size_t line,
						       const char *format, ...)
{
	struct policy_problems *problems = check->problems;
	struct policy_problem *problem;
	char path[SUBID_ERROR_FILE_SIZE];
	auto_free char *text = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		text = NULL; /* vasprintf() leaves it undefined */
	if (n < 0 ||
	    array_grow(&problems->list, problems->n, sizeof(*problems->list)) < 0) {
		check->error = -ENOMEM;
		return;
	}
	error_conf_file(check->place.etc_name, file, path, sizeof(path));
	/* freed with the others, also if one is missing */
	problem = &problems->list[problems->n++];
	*problem = (struct policy_problem){ .level = level, .line = line };
	problem->file = printable_text(path, strlen(path));
	problem->reason = printable_text(text, (size_t)n);
	if (problem->file == NULL || problem->reason == NULL)
		check->error = -ENOMEM;
}

static int note_wrong_line(void *data, const struct subid_conf_place *place)
{
	note(data, SUBID_ERROR, place->file, place->place.line, "%s %s", place->place.key,
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
		note(check, SUBID_WARNING, rule->file, rule->line, "no such %s '%s'",
		     rule->whom == SUBID_CONF_GROUP ? "group" : "account", rule->name);
	else if (r < 0)
		note(check, SUBID_ERROR, rule->file, rule->line,
		     "'%s' cannot be looked up: %s", rule->name, strerror(-r));
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
			note(check, SUBID_WARNING, rule->file, rule->line,
			     "the window is smaller than the %u %ss of login.defs", count,
			     subid_kind_name(kind));
		if (rule->window.count == 0 && window->deterministic &&
		    count != window->count)
			note(check, SUBID_WARNING, rule->file, rule->line,
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
			note(check, SUBID_WARNING, rule->file, rule->line,
			     "is never reached for people: 'everyone' in line %zu comes"
			     " first",
			     everyone->line);
		else if (rule->whom == SUBID_CONF_EVERYONE)
			everyone = rule;
		check_name(check, users, &members, rule);
		check_sizes(check, policy, rule);
	}
}

/* What subid --directory and subid sync would refuse. */
static void check_directory(struct check *check, const struct subid_conf *conf)
{
	const struct subid_conf_directory *directory = &conf->directory;

	if (directory->n_uris > 0 && directory->base == NULL)
		note(check, SUBID_ERROR, directory->file, directory->line,
		     "'directory' needs 'base DN', below which its ranges are");
	if (directory->n_uris > 0 && conf->n_pools == 0)
		note(check, SUBID_ERROR, directory->file, directory->line,
		     "'directory' needs 'pool NAME RANGE', the ids that it gives");
	if (directory->n_uris == 0 && conf->n_pools > 0)
		note(check, SUBID_WARNING, conf->pools[0].file, conf->pools[0].line,
		     "without 'directory', nothing gives ids of pool '%s'",
		     conf->pools[0].name);
	if (directory->n_uris == 0 && directory->login)
		note(check, SUBID_WARNING, SUBID_CONF_FILE, 0,
		     "'login directory' without 'directory': every first login fails");
}

/* An unknown rule accepts nothing, which its author does not expect. */
static void check_accepted(struct check *check, const struct subid_conf *conf)
{
	for (size_t i = 0; i < conf->n_accepted; i++)
		if (subid_acceptance_allows_conventional(&conf->accepted[i]))
			note(check, SUBID_WARNING, conf->accepted[i].file,
			     conf->accepted[i].line,
			     "'accept %s' also lets grants give ids that others use by"
			     " convention; the next release will not: write 'allow"
			     " conventional-ids' for that",
			     conf->accepted[i].rule);
	for (size_t i = 0; i < conf->n_accepted; i++)
		if (audit_rule_find(conf->accepted[i].rule) == NULL)
			note(check, SUBID_WARNING, conf->accepted[i].file,
			     conf->accepted[i].line,
			     "unknown rule '%s'; 'subid audit --list-rules' lists all"
			     " rules",
			     conf->accepted[i].rule);
}

/* login.defs, whose values the rules use; false if they are unusable. */
static bool check_defs(struct check *check, struct subid_policy *ret)
{
	struct subid_place place;
	int r = subid_policy_load(check->place.etc, check->place.host, ret, &place);

	if (r == SUBID_INVALID)
		note(check, SUBID_ERROR, "login.defs", place.line, "%s %s", place.key,
		     place.why);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if (ret->window[kind].beyond)
			note(check, SUBID_WARNING, "login.defs", 0,
			     "SUB_%s_MAX is 4294967295, which is no id: it is taken as"
			     " 4294967294",
			     kind == SUBID_UID ? "UID" : "GID");
	if (r < 0)
		note(check, SUBID_ERROR, "login.defs", 0,
		     "cannot be read, so that nothing is granted: %s", strerror(-r));
	return r == 0;
}

int policy_check(struct subid *sys, struct policy_problems *ret, struct subid_error *err)
{
	struct check check = { .place = system_parts(sys), .problems = ret };
	struct subid_conf_reporter reporter = { note_wrong_line, &check };
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	auto_users struct subid_users *users = NULL;
	struct subid_failure failure = { .file = NULL };
	struct subid_conf_place place;
	struct subid_policy policy;
	char file[SUBID_ERROR_FILE_SIZE];
	bool host = check.place.host;
	const struct subid_conf_source source = {
		.etc = check.place.etc,
		.vendor = host ? SUBID_VENDORDIR : NULL,
		.follow = host,
	};
	int r = subid_conf_load(&source, &reporter, &conf, &place);

	if (r < 0) {
		error_conf_file(check.place.etc_name, place.file, file, sizeof(file));
		return error_plain(err, r, "%s: %s", file, strerror(-r));
	}
	r = subid_users_load(check.place.etc, host, &users, &failure.file);
	if (r == 0 && conf.n_rules > RULES_FEW)
		r = subid_users_index(users);
	if (r < 0)
		return error_failure(err, sys, r, &failure);
	if (check_defs(&check, &policy))
		check_rules(&check, &conf, &policy, users);
	check_accepted(&check, &conf);
	check_directory(&check, &conf);
	return check.error == 0 ? 0 : error_memory(err);
}
