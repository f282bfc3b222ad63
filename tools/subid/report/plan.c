/* SPDX-License-Identifier: MIT */
/*
 * subid audit --fix-plan: a script for root to read and to run by hand.
 *
 * What mends each finding was found for the tables as they are now.  Two that have ids in
 * common, or the owner, can meet: both give the same place, or one takes what the other
 * would cut.  So of those that meet, a plan has the first, which is the worst; the others
 * are for the next plan, which sees what has become of the tables.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/report/report.h"

/* What a command of ours is about. */
struct step {
	const struct subid_finding *finding;
	const char *text; /* len bytes, in the finding's fix */
	size_t len;
	struct id_range range; /* count 0: all of the owner's */
	const char *owner;     /* owner_len bytes; "": of nobody */
	size_t owner_len;
	uint32_t uid; /* SUBID_ID_NONE */
	bool cuts_both;
};

struct plan {
	const struct audit_shown *shown;
	FILE *out;
	json_t *printed;
	struct step *steps;
	size_t n;
	size_t room;
};

static void find_range(struct step *step)
{
	static const char option[] = "--range ";
	const char *at = memmem(step->text, step->len, option, strlen(option));
	char range[32];

	if (at == NULL)
		at = memmem(step->text, step->len, "unhold ", strlen("unhold "));
	if (at == NULL)
		return;
	at += at[0] == '-' ? strlen(option) : strlen("unhold ");
	if (at[0] == '-')
		at += strlen("-u ");
	(void)snprintf(range, sizeof(range), "%.*s", (int)strcspn(at, " \n"), at);
	(void)subid_range_parse(range, &step->range); /* else of all ids */
}

/* The name in quotes at the end, and who it is. */
static void find_owner(const struct subid_users *users, struct step *step)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	const char *quote = memchr(step->text, '\'', step->len);
	auto_free char *name = NULL;

	if (quote == NULL)
		return;
	step->owner = quote + 1;
	step->owner_len = strcspn(step->owner, "'\n");
	name = strndup(step->owner, step->owner_len);
	if (name != NULL && subid_owner_find(users, name, &owner) == 0 &&
	    owner.has_account)
		step->uid = owner.uid;
}

/* False if it changes no table. */
static bool read_step(const struct plan *plan, const struct subid_finding *finding,
		      const char *text, size_t len, struct step *ret)
{
	static const char ours[] = "subid ", cuts[] = "subid revoke --range ";

	if (len < strlen(ours) || memcmp(text, ours, strlen(ours)) != 0)
		return false;
	*ret = (struct step){
		.finding = finding,
		.text = text,
		.len = len,
		.owner = "",
		.uid = SUBID_ID_NONE,
		.cuts_both = len > strlen(cuts) && memcmp(text, cuts, strlen(cuts)) == 0,
	};
	find_range(ret);
	find_owner(plan->shown->input->users, ret);
	return true;
}

static bool is_same_owner(const struct step *a, const struct step *b)
{
	if (a->uid != SUBID_ID_NONE || b->uid != SUBID_ID_NONE)
		return a->uid == b->uid;
	return a->owner_len > 0 && a->owner_len == b->owner_len &&
	       memcmp(a->owner, b->owner, a->owner_len) == 0;
}

/* Cuts from both kinds, of other ids, leave an owner as even as it was. */
static bool meets(const struct step *a, const struct step *b)
{
	if (a->finding == b->finding ||
	    (a->len == b->len && memcmp(a->text, b->text, a->len) == 0))
		return false;
	if (a->range.count > 0 && b->range.count > 0 &&
	    id_range_overlaps(a->range, b->range))
		return true;
	return is_same_owner(a, b) && !(a->cuts_both && b->cuts_both);
}

static int add_step(struct plan *plan, struct step step)
{
	if (plan->n == plan->room) {
		size_t room = plan->room * 2 + 64;
		struct step *grown = reallocarray(plan->steps, room, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		plan->steps = grown;
		plan->room = room;
	}
	plan->steps[plan->n++] = step;
	return 0;
}

/* Takes a finding's commands into the plan.  *ret: none of them meets another's. */
static int take(struct plan *plan, const struct subid_finding *finding, bool *ret)
{
	const char *fix = finding->fix;
	size_t before = plan->n, len;

	*ret = true;
	for (; *ret && *fix != '\0'; fix += len + (fix[len] == '\n')) {
		struct step step;

		len = strcspn(fix, "\n");
		if (!read_step(plan, finding, fix, len, &step))
			continue;
		for (size_t i = 0; *ret && i < before; i++)
			*ret = !meets(&plan->steps[i], &step);
		if (add_step(plan, step) < 0)
			return -ENOMEM;
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

/* Commands that stand in the plan already are not printed again: uids and gids are
 * mended together. */
static int print_commands(const struct plan *plan, const char *fix)
{
	while (*fix != '\0') {
		size_t len = strcspn(fix, "\n");

		if (json_object_getn(plan->printed, fix, len) == NULL) {
			audit_print_command(plan->shown, fix, len, plan->out);
			(void)fputc('\n', plan->out);
			if (json_object_setn_new(plan->printed, fix, len, json_true()) !=
			    0)
				return -ENOMEM;
		}
		fix += len;
		fix += *fix == '\n';
	}
	return 0;
}

static int print_finding(const struct plan *plan, const struct subid_finding *finding)
{
	char place[4200];

	audit_place(plan->shown, finding, place, sizeof(place));
	(void)fprintf(plan->out, "\n# %s %s: ", subid_level_name(finding->rule->level),
		      finding->rule->name);
	print_comment(place, plan->out);
	(void)fputs("\n# ", plan->out);
	print_comment(finding->reason, plan->out);
	(void)fputc('\n', plan->out);
	return print_commands(plan, finding->fix);
}

static int print_all(struct plan *plan)
{
	const struct subid_report *report = plan->shown->report;
	size_t n = 0, later = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < report->n; i++) {
		bool taken = false;

		if (report->findings[i].fix == NULL)
			continue;
		r = take(plan, &report->findings[i], &taken);
		if (r == 0 && taken)
			r = print_finding(plan, &report->findings[i]);
		n += taken;
		later += !taken;
	}
	if (later > 0)
		(void)fprintf(plan->out,
			      "\n# %zu more can be mended when this is done: subid audit"
			      " --fix-plan then says how\n",
			      later);
	(void)fprintf(plan->out,
		      "\n# %zu of %zu findings; the others need somebody to decide:"
		      " see subid audit\n",
		      n + later, report->n);
	return r;
}

int audit_write_plan(const struct audit_shown *shown, FILE *out)
{
	struct plan plan = { .shown = shown, .out = out, .printed = json_object() };
	int r;

	/* how audit_print_command() quotes an odd root */
	(void)fputs(shown->cli->root == NULL || cli_is_safe(shown->cli->root)
			? "#!/bin/sh -e\n"
			: "#!/bin/bash -e\n",
		    out);
	(void)fputs("# What subid can mend safely.  Nothing of it is done yet: read it, "
		    "then run it\n"
		    "# as root.\n",
		    out);
	r = plan.printed == NULL ? -ENOMEM : print_all(&plan);
	json_decref(plan.printed);
	free(plan.steps);
	return r;
}
