/* SPDX-License-Identifier: MIT */
/*
 * One cause is one finding: what is merged, and what many lines have in common; who
 * owners were, by passwd- and the ledger.
 */
#include "libsubid/audit/private.h"

#include "audit_support.h"

/* The findings once merged, each followed by what it is with, indented. */
static void assert_merged(int dir, const struct audit_case *c)
{
	struct audit_world world;
	auto_report struct audit_report report = { .n = 0 };
	char text[4096] = "", line[AUDIT_LINE_MAX];
	size_t counts[SUBID_LEVELS] = { 0 };

	audit_world_make(dir, c, &world);
	assert_int_equal(audit_check(&world.input, &report), 0);
	assert_int_equal(audit_merge(&report), 0);
	for (size_t i = 0; i < report.n; i++) {
		report.own->findings = (struct audit_finding *)(uintptr_t)report.findings;
		audit_print(&report.findings[i], line);
		(void)strncat(text, line, sizeof(text) - strlen(text) - 1);
		counts[report.findings[i].rule->level] += report.findings[i].count;
		for (size_t k = 0; k < report.findings[i].n_also; k++) {
			audit_print(&report.findings[i].also[k], line);
			(void)strncat(text, "  ", sizeof(text) - strlen(text) - 1);
			(void)strncat(text, line, sizeof(text) - strlen(text) - 1);
		}
	}
	if (strcmp(text, c->expected) != 0)
		fail_msg("%s: found:\n%swanted:\n%s", c->name, text, c->expected);
	assert_memory_equal(report.counts, counts, sizeof(counts));
	audit_report_free(&report);
	audit_world_free(&world);
}

static void test_merged(void **state)
{
	static const struct audit_case cases[] = {
		{ .name = "one wrong range",
		  .tables = { "alice:60000:30000\n", NULL },
		  .expected = "critical overlap-account uid 1 alice/nobody 65534:1\n"
			      "  error overlap-reserved uid 1 alice 60001:513\n"
			      "  warning outside-window uid 1 alice 60000:30000\n"
			      "  info small uid 1 alice 60000:30000\n" },
		{ .name = "of another line, it stays",
		  .tables = { "alice:100000:65536\nghost:200000:10\n", NULL },
		  .expected = "warning unknown-owner uid 2 ghost 200000:10\n"
			      "  info small uid 2 ghost 200000:10\n" },
		{ .name = "pairs of one line stay each for itself",
		  .tables = { "alice:100000:131072\nbob:100000:65536\ncarol:165536:"
			      "65536\n",
			      NULL },
		  .expected =
		      "critical overlap-owners uid 1+2 alice/bob 100000:65536\n"
		      "critical overlap-owners uid 1+3 alice/carol 165536:65536\n" },
		{ .name = "what is about no line",
		  .tables = { "alice:100000:65536\n", NULL },
		  .defs = "SUB_UID_MAX 165535\n",
		  .expected = "error window-full uid 100000:65536\n" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_merged(etc_of(state), &cases[i]);
}

/* n lines of owners FIRST and on, of COUNT ids each from START on; the caller frees it.
 */
static char *make_lines(size_t n, unsigned int owner, unsigned long long start,
			unsigned int count)
{
	char *text = calloc(n + 1, 40), *at = text;

	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		at += sprintf(at, "%u:%llu:%u\n", owner + (unsigned int)i,
			      start + i * count, count);
	return text;
}

/* Lines of a site whose window nobody has told login.defs. */
static void test_many(void **state)
{
	char *lines = make_lines(51, 5000, 700000000, 65536);
	const struct audit_case c = {
		.name = "many",
		.tables = { lines, NULL },
		.expected = "error overlap-reserved uid 700000000:3342336 x51\n"
			    "  warning outside-window uid 700000000:3342336 x51\n"
			    "warning unknown-owner uid x51\n",
	};

	assert_merged(etc_of(state), &c);
	free(lines);
}

/* Fifty are told one by one. */
static void test_fifty(void **state)
{
	char *lines = make_lines(50, 5000, 700000000, 65536);
	struct audit_case c = { .tables = { lines, NULL } };
	struct audit_world world;
	auto_report struct audit_report report = { .n = 0 };

	audit_world_make(etc_of(state), &c, &world);
	assert_int_equal(audit_check(&world.input, &report), 0);
	assert_int_equal(report.n, 150);
	audit_assert_sound(&report);
	audit_report_free(&report);
	audit_world_free(&world);
	free(lines);
}

/* Who an owner was, and what to do then. */
static void test_former(void **state)
{
	static const struct {
		const char *line, *passwd, *former, *rule, *command;
	} rows[] = {
		/* renamed: another account without lines has its uid */
		{ "old:100000:65536\n", "new:x:2001:2001::/:/bin/sh\n",
		  "old:x:2001:2001::/:/bin/sh\n", "unknown-owner",
		  "subid rename 'old' 'new'" },
		/* not if that one has lines of its own */
		{ "old:100000:65536\nnew:200000:65536\n", "new:x:2001:2001::/:/bin/sh\n",
		  "old:x:2001:2001::/:/bin/sh\n", "unknown-owner",
		  "subid revoke -u 'old'" },
		/* nor if nobody has the uid */
		{ "old:100000:65536\n", "", "old:x:2001:2001::/:/bin/sh\n",
		  "unknown-owner", "subid revoke -u 'old'" },
		{ "old:100000:65536\n", "", "older:x:2001:2001::/:/bin/sh\n",
		  "unknown-owner", "subid revoke -u 'old'" },
		/* a uid that was another's */
		{ "2001:100000:65536\n", "new:x:2001:2001::/:/bin/sh\n",
		  "old:x:2001:2001::/:/bin/sh\n", "former-owner", "subid revoke '2001'" },
		/* the same one still, or under one of its names */
		{ "2001:100000:65536\n", "new:x:2001:2001::/:/bin/sh\n",
		  "new:x:2001:2001::/:/bin/sh\n", NULL, NULL },
		{ "2001:100000:65536\n",
		  "new:x:2001:2001::/:/bin/sh\nold:x:2001:2001::/:/bin/sh\n",
		  "old:x:2001:2001::/:/bin/sh\n", NULL, NULL },
		/* a name of digits */
		{ "70001234:100000:65536\n", "70001234:x:87117:87117::/:/bin/sh\n", "",
		  "owner-name-is-number", "subid rename '70001234' '87117'" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct audit_case c = { .tables = { rows[i].line, NULL },
					      .passwd = rows[i].passwd };
		struct subid_text former = { (char *)(uintptr_t)rows[i].former,
					     strlen(rows[i].former) };
		struct audit_world world;
		auto_report struct audit_report report = { .n = 0 };

		audit_world_make(etc_of(state), &c, &world);
		world.input.former_passwd = &former;
		assert_int_equal(audit_check(&world.input, &report), 0);
		audit_assert_sound(&report);
		assert_int_equal(report.n, rows[i].rule != NULL);
		if (report.n > 0) {
			char *command =
			    audit_fix_command(&report.findings[0].fixes[0], NULL);

			assert_string_equal(report.findings[0].rule->name, rows[i].rule);
			assert_string_equal(command, rows[i].command);
			/* only what is gone for sure is taken back by a plan */
			assert_int_equal(report.findings[0].fixes_need_more,
					 strncmp(command, "subid revoke -u", 15) != 0);
			free(command);
		}
		audit_report_free(&report);
		audit_world_free(&world);
	}
}

/* The same of the ledger; and no plan takes back what others may know. */
static void test_ledger(void **state)
{
	const struct audit_case c = { .tables = { "old:100000:65536\n", NULL },
				      .passwd = "new:x:2001:2001::/:/bin/sh\n" };
	struct ledger_entry entry = { .range = { 100000, 65536 },
				      .owner = { "old", 3 },
				      .uid = 2001 };
	struct ledger ledger = { .of = { { .entries = &entry, .n = 1 } } };

	for (int turn = 0; turn < 3; turn++) {
		struct audit_world world;
		auto_report struct audit_report report = { .n = 0 };

		audit_world_make(etc_of(state), &c, &world);
		world.input.ledger = turn == 0 ? &ledger : NULL;
		world.users->elsewhere = turn == 2;
		assert_int_equal(audit_check(&world.input, &report), 0);
		assert_int_equal(report.n, 1);
		assert_int_equal(report.findings[0].fixes[0].verb,
				 turn == 0 ? AUDIT_FIX_RENAME : AUDIT_FIX_REVOKE);
		assert_int_equal(report.findings[0].fixes_need_more, turn != 1);
		if (turn == 0)
			assert_non_null(strstr(report.findings[0].reason, "the ledger"));
		audit_report_free(&report);
		audit_world_free(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_merged), scratch_test(test_many),
		scratch_test(test_fifty),  scratch_test(test_former),
		scratch_test(test_ledger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
