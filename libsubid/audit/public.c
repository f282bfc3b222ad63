/* SPDX-License-Identifier: MIT */
/*
 * What the library shows of the auditor: reports and rules as rows that begin with their
 * size.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"

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
