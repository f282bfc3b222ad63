/* SPDX-License-Identifier: MIT */
/*
 * An audit's report for node_exporter's textfile collector: the text format of
 * Prometheus.  Every rule is listed, also with 0, so that alerts can be written for rules
 * that have never found anything.  Labels hold only names of rules, levels and kinds,
 * which need no escapes.
 */
#include "tools/subid/report/report.h"

static void describe(FILE *out, const char *name, const char *help)
{
	(void)fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void print_one(FILE *out, const char *name, const char *help, double value)
{
	describe(out, name, help);
	(void)fprintf(out, "%s %.17g\n", name, value);
}

/* The cases of each rule. */
static void print_rules(const struct audit_shown *shown, FILE *out)
{
	const struct audit_report *report = shown->report;
	size_t n_rules;
	const struct audit_rule *rules = audit_rules(&n_rules);

	describe(out, "subid_audit_findings",
		 "Findings of subid audit by rule, without those that are accepted.");
	for (size_t rule = 0; rule < n_rules; rule++) {
		size_t cases = 0;

		for (size_t i = 0; i < report->n; i++) {
			const struct audit_finding *finding = &report->findings[i];

			if (finding->rule == &rules[rule])
				cases += finding->count;
			for (size_t k = 0; k < finding->n_also; k++)
				if (finding->also[k].rule == &rules[rule])
					cases += finding->also[k].count;
		}
		(void)fprintf(out, "subid_audit_findings{rule=\"%s\",level=\"%s\"} %zu\n",
			      rules[rule].name, audit_level_name(rules[rule].level),
			      cases);
	}
}

static double window_ids(const struct audit_window_use *use)
{
	return (double)use->ids;
}

static double window_free_ids(const struct audit_window_use *use)
{
	return (double)use->free;
}

static double window_free_slots(const struct audit_window_use *use)
{
	return (double)use->slots;
}

static double grants(const struct audit_window_use *use)
{
	return (double)use->grants;
}

static double granted_ids(const struct audit_window_use *use)
{
	return (double)use->granted;
}

static double held_ids(const struct audit_window_use *use)
{
	return (double)use->held;
}

/* What there is of each kind. */
static const struct {
	const char *name;
	const char *help;
	double (*value)(const struct audit_window_use *use);
} by_kind[] = {
	{ "subid_window_ids", "Ids between SUB_*_MIN and SUB_*_MAX.", window_ids },
	{ "subid_window_free_ids", "Free ids of the window.", window_free_ids },
	{ "subid_window_free_slots",
	  "Ranges of SUB_*_COUNT ids that can still be granted.", window_free_slots },
	{ "subid_grants", "Lines of the table that grant ids.", grants },
	{ "subid_granted_ids", "Ids that lines of the table grant.", granted_ids },
	{ "subid_held_ids", "Held ids: quarantined or reserved.", held_ids },
};

static void print_kinds(const struct audit_shown *shown, FILE *out)
{
	for (size_t i = 0; i < sizeof(by_kind) / sizeof(by_kind[0]); i++) {
		describe(out, by_kind[i].name, by_kind[i].help);
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			(void)fprintf(out, "%s{kind=\"%s\"} %.17g\n", by_kind[i].name,
				      subid_kind_name(kind),
				      by_kind[i].value(&shown->report->use[kind]));
	}
}

int report_write_prometheus(const struct audit_shown *shown, FILE *out)
{
	const struct subid_live *live = shown->input->live;
	const struct audit_past *past = shown->past;

	print_rules(shown, out);
	print_one(out, "subid_audit_accepted", "Findings that the site accepts.",
		  (double)shown->report->accepted);
	if (past != NULL) {
		print_one(out, "subid_audit_new", "Findings that are new.",
			  (double)past->n_new);
		print_one(out, "subid_audit_gone", "Former findings that are gone.",
			  (double)json_array_size(past->gone));
	}
	print_kinds(shown, out);
	print_one(out, "subid_owners", "Owners that have lines, each once.",
		  (double)shown->report->owners);
	if (live != NULL) {
		print_one(out, "subid_user_namespaces", "Live user namespaces.",
			  (double)report_namespaces(live));
		print_one(out, "subid_user_namespace_processes",
			  "Processes in live user namespaces.",
			  (double)live->n_processes);
		print_one(out, "subid_audit_passed_over",
			  "1 if the descriptors of many processes were not followed,"
			  " else 0.",
			  live->passed_over);
	}
	print_one(out, "subid_audit_partial",
		  "1 if not everything could be looked at, else 0.",
		  shown->missing->n > 0);
	print_one(out, "subid_audit_last_run_timestamp_seconds", "When the audit ran.",
		  (double)shown->now);
	print_one(out, "subid_audit_duration_seconds", "How long it took.",
		  shown->seconds);
	return 0;
}
