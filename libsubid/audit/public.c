/* SPDX-License-Identifier: MIT */
/*
 * What the library shows of the auditor: reports and rules as rows that begin with their
 * size.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"

struct subid_report {
	struct audit_report report;
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
			struct audit_options *ret)
{
	*ret = (struct audit_options){ .only = NULL };
	if (options == NULL)
		return 0;
	if (options->size < sizeof(*options))
		return -EINVAL;
	ret->no_live = options->no_live;
	ret->thorough = options->thorough;
	if (options->rule != NULL)
		ret->only = audit_rule_find(options->rule);
	return options->rule == NULL || ret->only != NULL ? 0 : SUBID_UNKNOWN;
}

int subid_audit(struct subid *sys, const struct subid_audit_options *options,
		struct subid_report **ret, struct subid_error *err)
{
	struct audit_options wanted;
	struct subid_report *report;
	int r = read_options(options, &wanted);

	if (r != 0)
		return r;
	report = calloc(1, sizeof(*report));
	if (report == NULL)
		return -ENOMEM;
	r = audit_system(sys, &wanted, &report->report, err);
	if (r == 0)
		*ret = report;
	else
		free(report);
	return r;
}

size_t subid_report_size(const struct subid_report *report)
{
	return report->report.n;
}

bool subid_report_get(const struct subid_report *report, size_t index,
		      struct subid_finding *ret)
{
	const struct audit_finding *finding;
	struct subid_finding row;

	if (index >= report->report.n)
		return false;
	finding = &report->report.findings[index];
	row = (struct subid_finding){
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
	return fill_row(ret, &ret->size, &row, sizeof(row));
}

const char *subid_report_missing(const struct subid_report *report, size_t index)
{
	const struct audit_sentences *missing = &report->report.facts->missing;

	return index < missing->n ? missing->list[index] : NULL;
}

void subid_report_free(struct subid_report **report)
{
	if (*report == NULL)
		return;
	audit_report_free(&(*report)->report);
	free(*report);
	*report = NULL;
}
