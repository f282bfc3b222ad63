/* SPDX-License-Identifier: MIT */
/*
 * The auditor: reads what is looked at, makes the views, applies the rules and puts what
 * they find in order.
 */
#include "libsubid/audit/audit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"

/* Worst first, then in the order of the catalogue, the tables and their lines. */
static int compare_findings(const void *a, const void *b)
{
	const struct audit_finding *x = a, *y = b;

	if (x->rule->level != y->rule->level)
		return x->rule->level < y->rule->level ? 1 : -1;
	if (x->rule != y->rule)
		return x->rule < y->rule ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->other_line != y->other_line)
		return x->other_line < y->other_line ? -1 : 1;
	return x->range.start < y->range.start ? -1 : x->range.start > y->range.start;
}

static int run_rules(struct audit *audit)
{
	size_t n;
	const struct audit_rule *rules = audit_rules(&n);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		if (audit->in->only != NULL && audit->in->only != &rules[i])
			continue;
		audit_begin_rule(audit, &rules[i]);
		r = rules[i].find(audit);
		if (r == 0)
			r = audit->error;
		if (r == 0)
			audit_end_rule(audit);
	}
	for (size_t i = 0; r == 0 && i < audit->n_findings; i++)
		if (audit->findings[i].remedy_is_fixes)
			audit->findings[i].remedy = audit_commands(
			    audit, audit->findings[i].fixes, audit->findings[i].n_fixes);
	if (r == 0)
		r = audit->error;
	if (audit->n_findings > 1)
		qsort(audit->findings, audit->n_findings, sizeof(*audit->findings),
		      compare_findings);
	return r;
}

void audit_report_free(struct audit_report *report)
{
	struct audit *audit = report->own;

	free(report->accepted_by);
	if (audit != NULL) {
		audit_findings_free(audit);
		if (audit->facts != NULL)
			audit_free_facts(audit->facts);
		free(audit->facts);
	}
	free(audit);
	*report = (struct audit_report){ .n = 0 };
}

int audit_check(const struct audit_input *input, struct audit_report *ret)
{
	auto_report struct audit_report report = { .n = 0 };
	struct audit *audit = calloc(1, sizeof(*audit));
	struct lease_view leases = { .n = 0 };
	struct live_view live = { .n = 0 };
	int r;

	if (audit == NULL)
		return -ENOMEM;
	report.own = audit;
	report.accepted_by = calloc(input->n_accepted + 1, sizeof(*report.accepted_by));
	if (report.accepted_by == NULL)
		return -ENOMEM;
	audit->in = input;
	audit->report = &report;
	r = audit_make_views(audit);
	if (r == 0 && input->n_stores > 0) {
		audit->leases = &leases;
		r = audit_lease_view(audit, &leases);
	}
	if (r == 0 && input->live != NULL) {
		audit->live = &live;
		r = audit_live_view(audit, &live);
	}
	if (r == 0)
		r = run_rules(audit);
	audit_lease_view_free(&leases);
	audit_live_view_free(&live);
	audit_free_views(audit);
	audit_former_free(audit->former);
	audit_free_busy(audit->busy);
	if (r < 0)
		return r;
	report.findings = audit->findings;
	report.n = audit->n_findings;
	*ret = report;
	report = (struct audit_report){ .n = 0 };
	return 0;
}

/* An error without a text has at least its number. */
static int explain(struct subid_error *err, int r)
{
	if (err != NULL && err->size >= sizeof(*err) && err->code == 0)
		err->code = r;
	return r;
}

static void free_facts(struct audit_facts **facts)
{
	if (*facts != NULL)
		audit_free_facts(*facts);
	free(*facts);
}

/* Once more with the names of containers, if there are any to be named. */
static int check_and_name(const struct audit_options *options, struct audit_facts *facts,
			  struct audit_report *ret)
{
	int r;

	if (options->name_all)
		(void)audit_name_containers(facts, NULL);
	r = audit_check(&facts->input, ret);
	if (r == 0 && !options->name_all && audit_name_containers(facts, ret)) {
		audit_report_free(ret);
		r = audit_check(&facts->input, ret);
	}
	if (r < 0)
		return r;
	if (ret->unsure > 0)
		audit_note_unsure(facts, ret->unsure);
	r = audit_merge(ret);
	if (r < 0)
		audit_report_free(ret);
	return r;
}

int audit_system(struct subid *sys, const struct audit_options *options,
		 struct audit_report *ret, struct subid_error *err)
{
	__attribute__((cleanup(free_facts))) struct audit_facts *facts =
	    calloc(1, sizeof(*facts));
	int r = facts == NULL ? -ENOMEM : 0;

	if (r == 0) {
		facts->proc = -1;
		facts->ledger = (struct ledger_file)LEDGER_CLOSED;
		r = audit_read_facts(sys, options, facts, err);
	}
	if (r == 0)
		r = check_and_name(options, facts, ret);
	if (r < 0)
		return explain(err, r);
	ret->facts = ret->own->facts = facts;
	facts = NULL;
	return 0;
}

/*
 * What the library shows of the auditor: reports and rules as rows that begin with their
 * size.
 */

/* Of an audit, or of a check of the policy. */
struct subid_report {
	struct audit_report audit;
	struct policy_problems problems;
	char **missing; /* printable */
	size_t n_missing;
};

/* Copies as much of a row as the caller knows; the caller's size stays. */
static bool fill_row(void *ret, size_t *size, const void *row, size_t row_size)
{
	size_t known = *size;

	if (known < sizeof(*size))
		return false;
	memcpy(ret, row, known < row_size ? known : row_size);
	*size = known;
	return true;
}

bool subid_rule_get(size_t index, struct subid_rule *ret)
{
	size_t n;
	const struct audit_rule *rules = audit_rules(&n);
	struct subid_rule row;

	if (index >= n)
		return false;
	row = (struct subid_rule){
		.name = rules[index].name,
		.level = rules[index].level,
		.summary = rules[index].summary,
		.why = rules[index].why,
		.remedy = rules[index].remedy,
	};
	return fill_row(ret, &ret->size, &row, sizeof(row));
}

/* 0, SUBID_UNKNOWN or -EINVAL. */
static int read_options(const struct subid_audit_options *options,
			struct audit_options *ret, struct subid_error *err)
{
	*ret = (struct audit_options){ .only = NULL };
	if (options == NULL)
		return 0;
	if (options->size < sizeof(*options))
		return error_plain(err, -EINVAL,
				   "the size of the options of the audit is not set");
	ret->no_live = options->no_live;
	ret->thorough = options->thorough;
	if (options->rule != NULL)
		ret->only = audit_rule_find(options->rule);
	if (options->rule == NULL || ret->only != NULL)
		return 0;
	return error_plain(err, SUBID_UNKNOWN, "%s: no such rule", options->rule);
}

/* 0 or -ENOMEM. */
static int copy_missing(struct subid_report *report)
{
	const struct audit_sentences *missing = &report->audit.facts->missing;

	report->missing = calloc(missing->n + 1, sizeof(*report->missing));
	if (report->missing == NULL)
		return -ENOMEM;
	for (; report->n_missing < missing->n; report->n_missing++) {
		const char *text = missing->list[report->n_missing];
		char *copy = printable_text(text, strlen(text));

		if (copy == NULL)
			return -ENOMEM;
		report->missing[report->n_missing] = copy;
	}
	return 0;
}

#define auto_report_public __attribute__((cleanup(subid_report_free)))

int subid_audit(struct subid *sys, const struct subid_audit_options *options,
		struct subid_report **ret, struct subid_error *err)
{
	auto_report_public struct subid_report *report = calloc(1, sizeof(*report));
	struct audit_options wanted;
	int r;

	error_clear(err);
	if (report == NULL)
		return error_memory(err);
	r = read_options(options, &wanted, err);
	if (r == 0)
		r = audit_system(sys, &wanted, &report->audit, err);
	if (r != 0)
		return r;
	if (copy_missing(report) < 0)
		return error_memory(err);
	*ret = report;
	report = NULL;
	return 0;
}

int subid_policy_check(struct subid *sys, struct subid_report **ret,
		       struct subid_error *err)
{
	auto_report_public struct subid_report *report = calloc(1, sizeof(*report));
	int r;

	error_clear(err);
	if (report == NULL)
		return error_memory(err);
	r = policy_check(sys, &report->problems, err);
	if (r < 0)
		return r;
	*ret = report;
	report = NULL;
	return 0;
}

size_t subid_report_size(const struct subid_report *report)
{
	return report == NULL ? 0 : report->audit.n + report->problems.n;
}

static struct subid_finding row_of(const struct audit_finding *finding)
{
	return (struct subid_finding){
		.rule = finding->rule->name,
		.level = finding->rule->level,
		.kind = finding->kind,
		.file = finding->file,
		.line = finding->line,
		.other_line = finding->other_line,
		.owner = finding->owner.text,
		.owner_len = finding->owner.len,
		.other = finding->other.text,
		.other_len = finding->other.len,
		.range = finding->range,
		.userns = finding->userns,
		.count = finding->count,
		.reason = finding->reason,
		.remedy = finding->remedy,
	};
}

bool subid_report_get(const struct subid_report *report, size_t index,
		      struct subid_finding *ret)
{
	struct subid_finding row;

	if (index >= subid_report_size(report))
		return false;
	if (index < report->audit.n) {
		row = row_of(&report->audit.findings[index]);
	} else {
		const struct policy_problem *problem =
		    &report->problems.list[index - report->audit.n];

		row = (struct subid_finding){
			.level = problem->level,
			.kind = -1,
			.file = problem->file,
			.line = problem->line,
			.count = 1,
			.reason = problem->reason,
			.remedy = "",
		};
	}
	return fill_row(ret, &ret->size, &row, sizeof(row));
}

const char *subid_report_missing(const struct subid_report *report, size_t index)
{
	return report != NULL && index < report->n_missing ? report->missing[index]
							   : NULL;
}

void subid_report_free(struct subid_report **report)
{
	if (*report == NULL)
		return;
	for (size_t i = 0; i < (*report)->n_missing; i++)
		free((*report)->missing[i]);
	free((*report)->missing);
	policy_problems_free(&(*report)->problems);
	audit_report_free(&(*report)->audit);
	free(*report);
	*report = NULL;
}
