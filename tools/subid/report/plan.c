/* SPDX-License-Identifier: MIT */
/*
 * subid audit --fix-plan: a script for root to read and to run by hand.
 *
 * The fixes of each finding were made for the tables as they are now. Two with ids or the
 * owner in common can conflict: both grant the same ids, or one revokes what the other
 * would cut. So of those that conflict, a plan has the first, which is the worst; the
 * others are for the next plan, which sees the changed tables.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/report/report.h"

/* A command of ours that is in the plan. */
struct step {
	const struct audit_finding *finding;
	const struct audit_fix *fix;
	uint32_t uid; /* of its owner; SUBID_ID_NONE */
};

struct plan {
	const struct audit_shown *shown;
	FILE *out;
	json_t *printed;
	struct step *steps;
	size_t n;
};

static uint32_t find_uid(const struct plan *plan, struct subid_owner_name owner)
{
	auto_owner struct subid_owner found = { .has_account = false };
	auto_free char *name = strndup(owner.text == NULL ? "" : owner.text, owner.len);

	return name != NULL && owner.len > 0 &&
		       subid_owner_find(plan->shown->input->users, name, &found) == 0 &&
		       found.has_account
		   ? found.uid
		   : SUBID_ID_NONE;
}

static bool is_same_name(struct subid_owner_name a, struct subid_owner_name b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.text, b.text, a.len) == 0);
}

static bool is_same_owner(const struct step *a, const struct step *b)
{
	if (a->uid != SUBID_ID_NONE || b->uid != SUBID_ID_NONE)
		return a->uid == b->uid;
	return a->fix->owner.len > 0 && is_same_name(a->fix->owner, b->fix->owner);
}

/* The fixes of uids and of gids are the same where they fix both. */
static bool is_same_fix(const struct audit_fix *a, const struct audit_fix *b)
{
	return a->verb == b->verb && a->kind == b->kind && a->reuse == b->reuse &&
	       id_range_equal(a->range, b->range) && is_same_name(a->owner, b->owner);
}

static bool cuts_both(const struct audit_fix *fix)
{
	return fix->verb == AUDIT_FIX_REVOKE && fix->kind < 0 && fix->range.count > 0;
}

/* Cuts from both kinds, of other ids, leave an owner as even as it was. */
static bool meets(const struct step *a, const struct step *b)
{
	if (a->finding == b->finding || is_same_fix(a->fix, b->fix))
		return false;
	if (id_range_overlaps(a->fix->range, b->fix->range))
		return true;
	return is_same_owner(a, b) && !(cuts_both(a->fix) && cuts_both(b->fix));
}

/* Adds a finding's commands to the plan. *ret: none of them conflicts with another's. */
static int take(struct plan *plan, const struct audit_finding *finding, bool *ret)
{
	size_t before = plan->n;

	*ret = true;
	for (size_t i = 0; *ret && i < finding->n_fixes; i++) {
		struct step step = { .finding = finding, .fix = &finding->fixes[i] };

		if (!audit_fix_is_own(step.fix))
			continue; /* it changes no ids */
		step.uid = find_uid(plan, step.fix->owner);
		for (size_t k = 0; *ret && k < before; k++)
			*ret = !meets(&plan->steps[k], &step);
		if (array_grow(&plan->steps, plan->n, sizeof(step)) < 0)
			return -ENOMEM;
		plan->steps[plan->n++] = step;
	}
	if (!*ret)
		plan->n = before;
	return 0;
}

/* Threat: a name with a newline in a comment would be a command in root's shell. */
static void print_comment(const char *text, FILE *out)
{
	cli_print_safe(out, text, strlen(text));
}

/* Commands that are in the plan already are not printed again: uids and gids are fixed
 * together. */
static int print_commands(const struct plan *plan, const struct audit_finding *finding)
{
	auto_commands char **commands = report_commands(plan->shown, finding, NULL);

	if (commands == NULL)
		return -ENOMEM;
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (json_object_get(plan->printed, commands[i]) != NULL)
			continue;
		(void)fprintf(plan->out, "%s\n", commands[i]);
		if (json_object_set_new_nocheck(plan->printed, commands[i],
						json_true()) != 0)
			return -ENOMEM;
	}
	return 0;
}

static int print_finding(const struct plan *plan, const struct audit_finding *finding)
{
	char place[4200];

	report_place(plan->shown, finding, place, sizeof(place));
	(void)fprintf(plan->out, "\n# %s %s: ", audit_level_name(finding->rule->level),
		      finding->rule->name);
	print_comment(place, plan->out);
	(void)fputs("\n# ", plan->out);
	print_comment(finding->reason, plan->out);
	(void)fputc('\n', plan->out);
	return print_commands(plan, finding);
}

/* Counts it as taken now, or for the next plan, if it has commands for one. */
static int plan_one(struct plan *plan, const struct audit_finding *finding, bool of_ids,
		    size_t *n, size_t *later)
{
	bool taken = false;
	int r;

	if (finding->n_fixes == 0 || finding->fixes_need_more ||
	    audit_fix_is_own(&finding->fixes[0]) != of_ids)
		return 0;
	r = take(plan, finding, &taken);
	if (r == 0 && taken)
		r = print_finding(plan, finding);
	*n += taken;
	*later += !taken;
	return r;
}

static int print_part(struct plan *plan, bool of_ids, size_t *n, size_t *later)
{
	const struct audit_report *report = plan->shown->report;
	int r = 0;

	for (size_t i = 0; r == 0 && i < report->n; i++) {
		const struct audit_finding *finding = &report->findings[i];

		r = plan_one(plan, finding, of_ids, n, later);
		for (size_t k = 0; r == 0 && k < finding->n_also; k++)
			r = plan_one(plan, &finding->also[k], of_ids, n, later);
	}
	return r;
}

/* The modes of files first: who changes a table writes a backup with the mode that it
 * had. */
static int print_all(struct plan *plan)
{
	const struct audit_report *report = plan->shown->report;
	size_t n = 0, later = 0;
	int r = print_part(plan, false, &n, &later);

	if (r == 0)
		r = print_part(plan, true, &n, &later);
	if (later > 0)
		(void)fprintf(plan->out,
			      "\n# %zu more can be fixed after this: run subid audit"
			      " --fix-plan again\n",
			      later);
	(void)fprintf(plan->out,
		      "\n# %zu of %zu findings; the others need a decision:"
		      " see subid audit\n",
		      n + later, report->n);
	return r;
}

int report_write_plan(const struct audit_shown *shown, FILE *out)
{
	struct plan plan = { .shown = shown, .out = out, .printed = json_object() };
	int r;

	/* how audit_fix_command() quotes such a root */
	(void)fputs(shown->cli->root == NULL || cli_is_safe(shown->cli->root)
			? "#!/bin/sh -e\n"
			: "#!/bin/bash -e\n",
		    out);
	(void)fputs(
	    "# Commands that fix what can be fixed safely.  None has been run yet: read"
	    " them, then run\n"
	    "# this as root.\n",
	    out);
	r = plan.printed == NULL ? -ENOMEM : print_all(&plan);
	json_decref(plan.printed);
	free(plan.steps);
	return r;
}
