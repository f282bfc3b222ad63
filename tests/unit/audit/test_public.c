/* SPDX-License-Identifier: MIT */
/*
 * The auditor as a program sees it that knows the library alone.
 */
#include "libsubid/audit/audit.h"

#include "support.h"

static void make_image(int root)
{
	int etc = open_new_dir(root, "etc");

	put_file(etc, "passwd", "root:x:0:0::/:/bin/sh\nalice:x:1001:1001::/:/bin/sh\n");
	put_file(etc, "group", "root:x:0:\nalice:x:1001:\n");
	put_file(etc, "subuid", "alice:100000:65536\n#\nalice:0:65536\n");
	put_file(etc, "subgid", "alice:100000:65536\n");
	put_dir(etc, "subuid-");
	(void)close(etc);
}

static struct subid_report *audit(int root, const struct subid_audit_options *options)
{
	struct subid_error err = { .size = sizeof(err) };
	struct subid_report *report = NULL;
	auto_system struct subid *sys = NULL;

	assert_int_equal(subid_open_at(root, "IMAGE", &sys, &err), 0);
	assert_int_equal(subid_audit(sys, options, &report, &err), 0);
	return report;
}

static void test_report(void **state)
{
	struct subid_finding finding = { .size = sizeof(finding) };
	struct subid_report *report;
	size_t n = 0;

	make_image(etc_of(state));
	report = audit(etc_of(state), NULL);
	while (subid_report_get(report, n, &finding)) {
		assert_int_equal(finding.size, sizeof(finding));
		assert_true(*finding.reason != '\0' && *finding.remedy != '\0');
		if (n++ > 0)
			continue;
		assert_string_equal(finding.rule, "includes-root");
		assert_int_equal(finding.level, SUBID_CRITICAL);
		assert_int_equal(finding.kind, SUBID_UID);
		assert_string_equal(finding.file, "subuid");
		assert_int_equal(finding.line, 3);
		assert_int_equal(finding.owner_len, 5);
		assert_memory_equal(finding.owner, "alice", 5);
		assert_int_equal(finding.range.count, 1);
		assert_int_equal(finding.count, 1);
	}
	assert_int_equal(n, subid_report_size(report));
	assert_true(n > 2);
	assert_null(subid_report_missing(report, 0));
	subid_report_free(&report);
	assert_null(report);
	subid_report_free(&report);
}

/* One rule; a program of a later or an earlier library, whose row is larger or smaller.
 */
static void test_sizes(void **state)
{
	const struct subid_audit_options options = { .size = sizeof(options),
						     .rule = "comment" };
	struct {
		struct subid_finding finding;
		char later[16];
	} large = { .finding = { .size = sizeof(large) }, .later = "untouched" };
	struct subid_finding small = { .size = offsetof(struct subid_finding, level),
				       .line = 77 };
	struct subid_finding none = { .size = 0 };
	struct subid_report *report;

	make_image(etc_of(state));
	report = audit(etc_of(state), &options);
	assert_int_equal(subid_report_size(report), 1);
	assert_true(subid_report_get(report, 0, &large.finding));
	assert_int_equal(large.finding.size, sizeof(large));
	assert_int_equal(large.finding.line, 2);
	assert_string_equal(large.later, "untouched");
	assert_true(subid_report_get(report, 0, &small));
	assert_string_equal(small.rule, "comment");
	assert_int_equal(small.line, 77);
	assert_false(subid_report_get(report, 0, &none));
	assert_false(subid_report_get(report, 1, &small));
	subid_report_free(&report);
}

static void test_options(void **state)
{
	const struct subid_audit_options unknown = { .size = sizeof(unknown),
						     .rule = "no-such-rule" };
	const struct subid_audit_options unsized = { .no_live = true };
	struct subid_error err = { .size = sizeof(err) };
	struct subid_report *report = NULL;
	auto_system struct subid *sys = NULL;

	make_image(etc_of(state));
	assert_int_equal(subid_open_at(etc_of(state), "IMAGE", &sys, &err), 0);
	assert_int_equal(subid_audit(sys, &unknown, &report, &err), SUBID_UNKNOWN);
	assert_int_equal(err.code, SUBID_UNKNOWN);
	assert_string_equal(err.text, "no-such-rule: no such rule");
	assert_int_equal(subid_audit(sys, &unsized, &report, &err), -EINVAL);
	assert_int_equal(err.code, -EINVAL);
	assert_null(report);
}

/* What could not be read is in the report, fit for a terminal. */
static void test_missing(void **state)
{
	const struct subid_audit_options options = { .size = sizeof(options),
						     .rule = "overlap-owners" };
	struct subid_report *report;
	int etc;

	make_image(etc_of(state));
	etc = openat(etc_of(state), "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(unlinkat(etc, "subgid", 0), 0);
	put_dir(etc, "subgid");
	(void)close(etc);
	report = audit(etc_of(state), &options);
	assert_non_null(strstr(subid_report_missing(report, 0), "IMAGE/etc/subgid"));
	assert_null(subid_report_missing(report, 1));
	subid_report_free(&report);
	assert_int_equal(subid_report_size(NULL), 0);
	assert_null(subid_report_missing(NULL, 0));
}

static const struct {
	const char *conf;
	struct {
		enum subid_level level;
		const char *file;
		size_t line;
		const char *reason;
	} found[3];
} policies[] = {
	{ "give group wheel count 10\n",
	  { { SUBID_WARNING, "IMAGE/etc/subid.conf", 1, "no such group 'wheel'" } } },
	{ "# right\ngive user alice\n", { { .file = NULL } } },
	{ "give user nobody\xe2\x80\xae\n",
	  { { SUBID_WARNING, "IMAGE/etc/subid.conf", 1, "no such account 'nobody?'" } } },
	{ "give everyone\ngive user alice\naccept no-such\n",
	  { { SUBID_WARNING, "IMAGE/etc/subid.conf", 2,
	      "is never reached for people: 'everyone' in line 1 comes first" },
	    { SUBID_WARNING, "IMAGE/etc/subid.conf", 3,
	      "unknown rule 'no-such'; 'subid audit --list-rules' lists all rules" } } },
};

static void test_policy(void **state)
{
	struct subid_error err = { .size = sizeof(err) };
	auto_system struct subid *sys = NULL;

	make_image(etc_of(state));
	assert_int_equal(subid_open_at(etc_of(state), "IMAGE", &sys, &err), 0);
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		struct subid_finding finding = { .size = sizeof(finding) };
		struct subid_report *report = NULL;
		size_t n = 0;

		put_file(etc_of(state), "etc/subid.conf", policies[i].conf);
		assert_int_equal(subid_policy_check(sys, &report, &err), 0);
		for (; n < 3 && policies[i].found[n].file != NULL; n++) {
			assert_true(subid_report_get(report, n, &finding));
			assert_null(finding.rule);
			assert_int_equal(finding.kind, -1);
			assert_int_equal(finding.level, policies[i].found[n].level);
			assert_string_equal(finding.file, policies[i].found[n].file);
			assert_int_equal(finding.line, policies[i].found[n].line);
			assert_string_equal(finding.reason, policies[i].found[n].reason);
			assert_string_equal(finding.remedy, "");
		}
		if (subid_report_size(report) != n)
			fail_msg("row %zu: %zu", i, subid_report_size(report));
		subid_report_free(&report);
	}
	/* two mistakes, both of which keep everything from being granted */
	put_file(etc_of(state), "etc/subid.conf", "give all\n");
	put_file(etc_of(state), "etc/login.defs", "UID_MIN x\n");
	for (int fault = 0; fault < 2; fault++) {
		struct subid_finding finding = { .size = sizeof(finding) };
		struct subid_report *report = NULL;
		int r = subid_policy_check(sys, &report, &err);

		if (fault == 0) {
			assert_int_equal(r, 0);
			assert_int_equal(subid_report_size(report), 2);
			for (size_t i = 0; subid_report_get(report, i, &finding); i++)
				assert_int_equal(finding.level, SUBID_ERROR);
			assert_string_equal(finding.file, "IMAGE/etc/login.defs");
			assert_int_equal(finding.line, 1);
			subid_report_free(&report);
			assert_int_equal(unlinkat(etc_of(state), "etc/subid.conf", 0), 0);
			put_dir(etc_of(state), "etc/subid.conf");
			continue;
		}
		assert_true(r < 0);
		assert_null(report);
		assert_non_null(strstr(err.text, "IMAGE/etc/subid.conf: "));
	}
}

static void test_rules(void **state)
{
	struct subid_rule rule = { .size = sizeof(rule) };
	size_t n = 0;

	(void)state;
	while (subid_rule_get(n, &rule)) {
		assert_true(*rule.name != '\0' && *rule.summary != '\0' &&
			    *rule.why != '\0' && *rule.remedy != '\0');
		assert_true(rule.level >= SUBID_INFO && rule.level <= SUBID_CRITICAL);
		n++;
	}
	assert_true(n > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_report),  scratch_test(test_sizes),
		scratch_test(test_options), scratch_test(test_missing),
		scratch_test(test_policy),  cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
