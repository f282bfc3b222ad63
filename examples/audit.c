/* SPDX-License-Identifier: MIT */
/*
 * Audits this host or an image, and prints what is wrong, the worst first:
 *
 *     cc -o audit audit.c $(pkg-config --cflags --libs libsubid-ng)
 *     ./audit [DIR [RULE]]      DIR: the root of an image, "" for this host
 *
 * Exit status: 0 nothing is wrong; 1 something is; 3 not everything could be read.
 */
#include <stdio.h>
#include <subid-ng/subid.h>

static int complain(const struct subid_error *err)
{
	char text[SUBID_ERROR_TEXT_SIZE];

	(void)subid_error_text(err, text, sizeof(text));
	(void)fprintf(stderr, "audit: %s\n", text);
	return 3;
}

/* True if there is a finding that is more than worth knowing. */
static bool print_report(const struct subid_report *report)
{
	static const char *const levels[SUBID_LEVELS] = {
		[SUBID_INFO] = "info",
		[SUBID_WARNING] = "warning",
		[SUBID_ERROR] = "error",
		[SUBID_CRITICAL] = "critical",
	};
	struct subid_finding finding = { .size = sizeof(finding) };
	bool bad = false;

	for (size_t i = 0; subid_report_get(report, i, &finding); i++) {
		(void)printf("%s: %s\n    %s\n", levels[finding.level],
			     finding.rule == NULL ? "policy" : finding.rule,
			     finding.reason);
		if (finding.remedy[0] != '\0')
			(void)printf("    remedy: %s\n", finding.remedy);
		bad |= finding.level > SUBID_INFO;
	}
	return bad;
}

/* How many sentences. */
static size_t print_missing(const struct subid_report *report)
{
	const char *missing;
	size_t n;

	for (n = 0; (missing = subid_report_missing(report, n)) != NULL; n++)
		(void)fprintf(stderr, "audit: %s\n", missing);
	return n;
}

int main(int argc, char *argv[])
{
	struct subid_audit_options options = { .size = sizeof(options) };
	struct subid_error err = { .size = sizeof(err) };
	struct subid_report *policy = NULL, *report = NULL;
	struct subid *sys = NULL;
	int r, status;

	if (argc > 3) {
		(void)fprintf(stderr, "usage: audit [DIR [RULE]]\n");
		return 2;
	}
	if (argc == 3)
		options.rule = argv[2];
	r = subid_open(argc > 1 && argv[1][0] != '\0' ? argv[1] : NULL, &sys, &err);
	if (r == 0 && options.rule == NULL)
		r = subid_policy_check(sys, &policy, &err);
	if (r == 0)
		r = subid_audit(sys, &options, &report, &err);
	subid_close(&sys);
	if (r != 0)
		return complain(&err);
	status = print_report(policy) | print_report(report);
	if (print_missing(report) > 0)
		status = 3;
	subid_report_free(&policy);
	subid_report_free(&report);
	return status;
}
