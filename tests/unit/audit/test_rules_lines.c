/* SPDX-License-Identifier: MIT */
/*
 * The auditor's rules about lines: what triggers each, and what just does not.
 */
#include "audit_support.h"

#define GOOD  "alice:100000:65536\n"
#define GOOD2 "bob:165536:65536\n"

/* Who takes every id leaves no room for a grant. */
#define NO_ROOM(kind) "error window-full " kind " 100000:600000001\n"

static const struct audit_case cases[] = {
	{ .name = "nothing at all", .tables = { "", "" }, .expected = "" },
	{ .name = "no tables", .tables = { NULL, NULL }, .expected = "" },
	{ .name = "all is well", .tables = { GOOD GOOD2, GOOD GOOD2 }, .expected = "" },

	{ .name = "every id",
	  .tables = { GOOD "bob:0:0\n", NULL },
	  .expected = "critical every-id uid 2 bob\n" NO_ROOM("uid") },
	{ .name = "every gid, of another owner",
	  .tables = { NULL, "bob:0:0\n" GOOD },
	  .expected = "critical every-id gid 1 bob\n" NO_ROOM("gid") },
	{ .name = "start 0, but ids",
	  .tables = { "alice:0:1\n", NULL },
	  .expected = "critical includes-root uid 1 alice 0:1\n"
		      "warning outside-window uid 1 alice 0:1\n"
		      "info small uid 1 alice 0:1\n" },
	{ .name = "a negative count",
	  .tables = { "bob:100000:-1\n", NULL },
	  .expected = "critical every-id uid 1 bob\n"
		      "error ambiguous-number uid 1 bob\n" NO_ROOM("uid") },
	{ .name = "minus 0 is 0",
	  .tables = { "bob:100000:-0\n", NULL },
	  .expected = "error ambiguous-number uid 1 bob\n"
		      "warning empty-range uid 1 bob\n" },
	{ .name = "a count that wraps around",
	  .tables = { "bob:1:18446744073709551615\n", NULL },
	  .expected = "critical every-id uid 1 bob\n" NO_ROOM("uid") },
	{ .name = "from 0 to beyond the last id",
	  .tables = { "bob:0:4294967296\n", NULL },
	  .expected = "critical every-id uid 1 bob\n"
		      "error beyond-last-id uid 1 bob\n" NO_ROOM("uid") },
	{ .name = "zeros in other writings are 0 to shadow",
	  .tables = { "bob:00:0\nbob:0:00\nbob:0x0:0\nbob:0:0x0\n", NULL },
	  .expected = "critical every-id uid 1 bob\n"
		      "critical every-id uid 2 bob\n"
		      "critical every-id uid 3 bob\n"
		      "critical every-id uid 4 bob\n"
		      "error ambiguous-number uid 1 bob\n"
		      "error ambiguous-number uid 2 bob\n"
		      "error ambiguous-number uid 3 bob\n"
		      "error ambiguous-number uid 4 bob\n" NO_ROOM("uid") },
	{ .name = "a count that wraps around in hexadecimal",
	  .tables = { "bob:1:0xffffffffffffffff\n", NULL },
	  .expected = "critical every-id uid 1 bob\n"
		      "error ambiguous-number uid 1 bob\n" NO_ROOM("uid") },
	{ .name = "0x and other digits is not 0",
	  .tables = { "bob:0x0:0x10\n", NULL },
	  .expected = "error ambiguous-number uid 1 bob\n" },

	{ .name = "ambiguous numbers",
	  .tables = { "bob:0100000:65536\n" /* octal */
		      "bob:0x186a0:65536\n"
		      "bob:+100000:65536\n"
		      "bob: 100000:65536\n"
		      "bob:100000 :65536\n"
		      "bob:100000:065536\n"
		      "bob:-100000:65536\n"
		      "bob:100000x:65536\n"
		      "bob:100000:65536x\n"
		      "bob:100000:1e5\n",
		      NULL },
	  .expected = "error ambiguous-number uid 1 bob\n"
		      "error ambiguous-number uid 2 bob\n"
		      "error ambiguous-number uid 3 bob\n"
		      "error ambiguous-number uid 4 bob\n"
		      "error ambiguous-number uid 5 bob\n"
		      "error ambiguous-number uid 6 bob\n"
		      "error ambiguous-number uid 7 bob\n"
		      "error ambiguous-number uid 8 bob\n"
		      "error ambiguous-number uid 9 bob\n"
		      "error ambiguous-number uid 10 bob\n" },

	{ .name = "more than three fields",
	  .tables = { GOOD "bob:165536:65536:x\nbob:165536:65536:\n:::::\n", NULL },
	  .expected = "error extra-field uid 2 bob\n"
		      "error extra-field uid 3 bob\n"
		      "warning malformed uid 4\n" },

	{ .name = "the last id there is",
	  .tables = { "alice:4294901759:65536\n", NULL },
	  .defs = "SUB_UID_MAX 4294967294\n",
	  .expected = "" },
	{ .name = "and one more",
	  .tables = { "alice:4294901760:65536\n", NULL },
	  .defs = "SUB_UID_MAX 4294967294\n",
	  .expected = "error beyond-last-id uid 1 alice\n" },
	{ .name = "a start that is no id",
	  .tables = { "alice:4294967295:1\n", NULL },
	  .expected = "error beyond-last-id uid 1 alice\n" },
	{ .name = "numbers of more than 32 bits",
	  .tables = { "alice:99999999999:65536\n", NULL },
	  .expected = "error beyond-last-id uid 1 alice\n" },

	{ .name = "no ids",
	  .tables = { "alice:100000:0\n" GOOD2, NULL },
	  .expected = "warning empty-range uid 1 alice\n" },

	{ .name = "stray blanks",
	  .tables = { " alice:100000:65536\n"
		      "alice:100000:65536\r\n"
		      "alice:100000:65536\t\n"
		      "alice:100000:65536 \n"
		      "alice :100000:65536\n"
		      "   \n",
		      NULL },
	  .expected = "warning stray-blank uid 1  alice\n"
		      "warning stray-blank uid 2 alice\n"
		      "warning stray-blank uid 3 alice\n"
		      "warning stray-blank uid 4 alice\n"
		      "warning stray-blank uid 5 alice \n"
		      "warning stray-blank uid 6\n" },
	{ .name = "a blank within a name is the domain's",
	  .tables = { "a b:100000:65536\n", NULL },
	  .expected = "warning unknown-owner uid 1 a b 100000:65536\n" },

	{ .name = "too few fields, and empty ones",
	  .tables = { "alice\nalice:100000\n:100000:65536\nalice::65536\nalice:100000:\n"
		      "alice:x:y\n\nalice:1\1:65536\n",
		      NULL },
	  .expected = "warning malformed uid 1\n"
		      "warning malformed uid 2 alice\n"
		      "warning malformed uid 3\n"
		      "warning malformed uid 4 alice\n"
		      "warning malformed uid 5 alice\n"
		      "warning malformed uid 6 alice\n"
		      "warning malformed uid 7\n"
		      "warning malformed uid 8 alice\n" },

	{ .name = "comments",
	  .tables = { "# what is what\n" GOOD "#bob:165536:65536\n", NULL },
	  .expected = "info comment uid 1\n"
		      "info comment uid 3\n" },
	{ .name = "a # elsewhere is no comment",
	  .tables = { "a#b:100000:65536\n", NULL },
	  .expected = "warning unknown-owner uid 1 a#b 100000:65536\n" },

	{ .name = "no newline at the end",
	  .tables = { GOOD "bob:165536:65536", NULL },
	  .expected = "info no-final-newline uid 2\n" },
	{ .name = "nor behind an line line",
	  .tables = { "#", NULL },
	  .expected = "info comment uid 1\n"
		      "info no-final-newline uid 1\n" },

	{ .name = "the same line once more",
	  .tables = { GOOD GOOD2 GOOD, NULL },
	  .expected = "warning self-overlap uid 1+3 alice 100000:65536\n"
		      "info duplicate-line uid 3+1 alice 100000:65536\n" },
	{ .name = "a hold once more",
	  .tables = { "!released:100000:10\n!released:100000:10\n", NULL },
	  .expected = "info duplicate-line uid 2+1 !released 100000:10\n" },
	{ .name = "another spelling is no duplicate",
	  .tables = { GOOD "1001:100000:65536\n", NULL },
	  .expected = "warning two-spellings uid 2+1 1001/alice 100000:65536\n"
		      "warning self-overlap uid 1+2 alice 100000:65536\n" },
	{ .name = "the same line in both tables is as it should be",
	  .tables = { GOOD, GOOD },
	  .expected = "" },
};

static void test_cases(void **state)
{
	audit_run_cases(etc_of(state), cases, sizeof(cases) / sizeof(cases[0]));
}

/* Over 1023 bytes, whether shadow's or our reading is content with the rest or not. */
static void test_long_line(void **state)
{
	static const char tail[] = ":100000:65536";
	char line[1100];

	for (size_t len = 1023; len <= 1024; len++) {
		struct audit_case c = {
			.name = "a long line",
			.tables = { line, NULL },
			.defs = "",
		};
		char owner[1024], expected[2500] = "";
		struct audit_world world;
		auto_report struct audit_report report = { .n = 0 };
		size_t n_long = 0;

		memset(owner, 'a', sizeof(owner));
		owner[len - strlen(tail)] = '\0';
		(void)snprintf(line, sizeof(line), "%s%s\n", owner, tail);
		c.expected = expected;
		audit_world_make(etc_of(state), &c, &world);
		assert_int_equal(audit_check(&world.input, &report), 0);
		audit_assert_sound(&report);
		for (size_t i = 0; i < report.n; i++) {
			const struct audit_finding *finding = &report.findings[i];

			n_long += strcmp(finding->rule->name, "long-line") == 0;
			/* a name that is cut where it is shown is in no command */
			assert_int_equal(finding->n_fixes, 0);
			assert_null(strstr(finding->remedy, "subid revoke"));
		}
		assert_int_equal(n_long, len > 1023);
		audit_report_free(&report);
		audit_world_free(&world);
	}
	memset(line, 'b', sizeof(line));
	(void)strcpy(line + 1024, "\n");
	audit_run_cases(etc_of(state),
			&(struct audit_case){ .name = "a long line that is no entry",
					      .tables = { line, NULL },
					      .expected = "warning long-line uid 1\n"
							  "warning malformed uid 1\n" },
			1);
}

/* What each program makes of a number is in the reason. */
static void test_readings(void **state)
{
	static const struct {
		const char *line;
		const char *texts[3];
	} readings[] = {
		{ "bob:0100000:9\n",
		  { "32768 to shadow", "octal", "100000 to util-linux" } },
		{ "bob:0x186a0:9\n",
		  { "100000 to shadow", "hexadecimal", "the others" } },
		{ "bob:08:9\n", { "nothing to shadow", "octal", "8 to util-linux" } },
		{ "bob:+100000:9\n", { "+100000 to shadow", "digits alone", "start" } },
		{ "bob:100000:-9\n", { "-9 to shadow", "wraps", "count" } },
		{ "bob: 100000:9\n",
		  { "100000 to shadow before 4.20", "nothing", "start" } },
		{ "bob:5x:9\n", { "5 to those who stop", "nothing", "start" } },
		{ "bob:010:011\n", { "8 to shadow", "the count is", "9 to shadow" } },
	};

	for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
		struct audit_case c = { .tables = { readings[i].line, NULL } };
		struct audit_world world;
		auto_report struct audit_report report = { .n = 0 };

		audit_world_make(etc_of(state), &c, &world);
		world.input.only = audit_rule_find("ambiguous-number");
		assert_int_equal(audit_check(&world.input, &report), 0);
		assert_int_equal(report.n, 1);
		for (size_t j = 0; j < 3; j++)
			if (strstr(report.findings[0].reason, readings[i].texts[j]) ==
			    NULL)
				fail_msg("no '%s' in: %s", readings[i].texts[j],
					 report.findings[0].reason);
		audit_report_free(&report);
		audit_world_free(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_cases),
		scratch_test(test_long_line),
		scratch_test(test_readings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
