/* SPDX-License-Identifier: MIT */
/*
 * subid audit --fix-plan: a script for root to read and to run by hand.
 */
#include <errno.h>
#include <string.h>

#include "audit_forms.h"

/* Threat: a name with a newline in a comment would be a command in root's shell. */
static void print_comment(const char *text, FILE *out)
{
	audit_print_safe(out, text, strlen(text));
}

/* Commands that stand in the plan already are not printed again: uids and gids are
 * mended together. */
static int print_commands(const struct audit_shown *shown, const char *fix,
			  json_t *printed, FILE *out)
{
	while (*fix != '\0') {
		size_t len = strcspn(fix, "\n");

		if (json_object_getn(printed, fix, len) == NULL) {
			audit_print_command(shown, fix, len, out);
			(void)fputc('\n', out);
			if (json_object_setn_new(printed, fix, len, json_true()) != 0)
				return -ENOMEM;
		}
		fix += len;
		fix += *fix == '\n';
	}
	return 0;
}

int audit_write_plan(const struct audit_shown *shown, FILE *out)
{
	const struct subid_report *report = shown->report;
	json_t *printed = json_object();
	size_t n = 0;
	int r = printed == NULL ? -ENOMEM : 0;

	(void)fputs("#!/bin/sh -e\n"
		    "# What subid can mend safely.  Nothing of it is done yet: read it, "
		    "then run it\n"
		    "# as root.\n",
		    out);
	for (size_t i = 0; r == 0 && i < report->n; i++) {
		const struct subid_finding *finding = &report->findings[i];
		char place[4200];

		if (finding->fix == NULL)
			continue;
		audit_place(shown, finding, place, sizeof(place));
		(void)fprintf(out, "\n# %s %s: ", subid_level_name(finding->rule->level),
			      finding->rule->name);
		print_comment(place, out);
		(void)fputs("\n# ", out);
		print_comment(finding->reason, out);
		(void)fputc('\n', out);
		r = print_commands(shown, finding->fix, printed, out);
		n++;
	}
	(void)fprintf(out,
		      "\n# %zu of %zu findings; the others need somebody to decide:"
		      " see subid audit\n",
		      n, report->n);
	json_decref(printed);
	return r;
}
