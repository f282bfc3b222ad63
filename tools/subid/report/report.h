/* SPDX-License-Identifier: MIT */
/*
 * subid audit: the forms in which it shows a report.  A form
 * is one function that writes to a stream and answers 0 or -ENOMEM; whether the
 * stream took it is for whoever opened it to ask.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "libsubid/audit/audit.h"
#include "tools/subid/cli.h"

/* A former report in JSON, beside the present one. */
struct audit_past {
	json_t *report;
	const char *time; /* when it was made */
	bool *is_new;	  /* for each finding of the present one */
	size_t n_new;
	json_t *gone;		     /* its findings that are no more */
	char basis[SUBID_KINDS][64]; /* of the pace: "40 grants in 7 days" */
	time_t fills[SUBID_KINDS]; /* when the window is full at this pace; 0: unknown */
};

/* What a form shows. */
struct audit_shown {
	const struct cli *cli;
	const struct audit_input *input;
	const struct audit_report *report;
	const size_t *twins; /* see report_find_twins() */
	bool quiet;	     /* only what fails, and nothing if nothing does */
	int fail_on;	     /* enum subid_level, or SUBID_LEVELS: never */
	const struct audit_sentences *missing;
	const struct audit_past *past; /* NULL: no former report */
	time_t now;
	const char *host;
	double seconds; /* that the audit took */
};

/*
 * Reads a former report and compares; now and report must be set in shown.  0 or
 * EXIT_UNABLE after a complaint.
 */
int report_past_load(const char *name, const struct audit_shown *shown,
		     struct audit_past *ret);

void report_past_free(struct audit_past *past);

#define auto_past __attribute__((cleanup(report_past_free)))

/* Is there anything at or above --fail-on? */
bool report_is_bad(const struct audit_shown *shown);

/* "/etc/subuid", from what a finding has. */
void report_file_name(const struct audit_shown *shown, const char *file, char *buf,
		      size_t size);

/* "/etc/subuid:12 and line 14", "user namespace 4026531999". */
void report_place(const struct audit_shown *shown, const struct audit_finding *finding,
		  char *buf, size_t size);

/* A finding as an object of the JSON form; NULL when out of memory. */
json_t *report_finding_json(const struct audit_shown *shown,
			    const struct audit_finding *finding);

/*
 * Most findings about uids have one about gids that says the same of the other
 * table, and people want to read it once.  For each finding the index of the
 * other one, or AUDIT_TWIN_NONE; the caller frees it.  NULL when out of memory.
 */
#define AUDIT_TWIN_NONE SIZE_MAX
size_t *report_find_twins(const struct audit_report *report);

/* Is it the second of two that are shown as one? */
static inline bool report_is_second(const struct audit_shown *shown, size_t i)
{
	return shown->twins[i] != AUDIT_TWIN_NONE && shown->twins[i] < i;
}

/* Has the former report not got it, or not got its twin? */
static inline bool report_is_new(const struct audit_shown *shown, size_t i)
{
	size_t twin = shown->twins[i];

	return shown->past != NULL &&
	       (shown->past->is_new[i] ||
		(twin != AUDIT_TWIN_NONE && shown->past->is_new[twin]));
}

/* "; likewise in subgid:7", "; likewise newgidmap": what a finding's twin is about. */
void report_likewise(const struct audit_finding *finding,
		     const struct audit_finding *twin, char *buf, size_t size);

/* How many causes of a level there are: cases, twins as one. */
size_t report_causes(const struct audit_shown *shown, enum subid_level level);

/* One sentence: "Isolation is broken: mia can become root on this host (subuid:152)";
 * what it names is not made printable. */
void report_verdict(const struct audit_shown *shown, char *buf, size_t size);

/* How many user namespaces there are besides the host's own, which comes first. */
static inline size_t report_namespaces(const struct subid_live *live)
{
	return live->n == 0 ? 0 : live->n - 1;
}

/* What to do, in words. */
const char *report_remedy(const struct audit_finding *finding);

/*
 * The command lines that mend a finding and its twin, if there is one, each once, with
 * --root if that was given; NULL comes last.  Free them with report_commands_free().
 * NULL when out of memory.
 */
char **report_commands(const struct audit_shown *shown,
		       const struct audit_finding *finding,
		       const struct audit_finding *twin);

void report_commands_free(char ***commands);

#define auto_commands __attribute__((cleanup(report_commands_free)))

int report_write_text(const struct audit_shown *shown, FILE *out);
int report_write_json(const struct audit_shown *shown, FILE *out);
int report_write_prometheus(const struct audit_shown *shown, FILE *out);
int report_write_html(const struct audit_shown *shown, FILE *out);

/* The commands that mend what can be mended safely. */
int report_write_plan(const struct audit_shown *shown, FILE *out);

/* --list-rules; with a rule, --explain. */
int report_write_rules_text(const struct audit_rule *rule, FILE *out);
int report_write_rules_json(const struct audit_rule *rule, FILE *out);
