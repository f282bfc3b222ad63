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
	if (r < 0 || options->name_all || !audit_name_containers(facts, ret))
		return r;
	audit_report_free(ret);
	return audit_check(&facts->input, ret);
}

int audit_system(struct subid *sys, const struct audit_options *options,
		 struct audit_report *ret, struct subid_error *err)
{
	__attribute__((cleanup(free_facts))) struct audit_facts *facts =
	    calloc(1, sizeof(*facts));
	int r = facts == NULL ? -ENOMEM : 0;

	if (r == 0) {
		facts->proc = -1;
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
