/* SPDX-License-Identifier: MIT */
/*
 * The auditor's rules about owners: what triggers each, and what just does not.
 */
#include "audit_support.h"

#define DORA  "dora:x:150000:150000::/home/dora:/bin/bash\n"
#define GOOD  "alice:100000:65536\n"
#define GOOD2 "bob:165536:65536\n"

static const struct audit_case cases[] = {
	{ .name = "a number that is another account's name",
	  .tables = { "1005:100000:65536\n", "1005:100000:65536\n" },
	  .passwd = "1005:x:1006:1006::/:/bin/sh\neve:x:1005:1005::/:/bin/sh\n",
	  .expected = "critical owner-name-is-number uid 1 1005/1005 100000:65536\n"
		      "critical owner-name-is-number gid 1 1005/1005 100000:65536\n" },
	{ .name = "a number that is its own account's name",
	  .tables = { "1005:100000:65536\n", NULL },
	  .passwd = "1005:x:1005:1005::/:/bin/sh\n",
	  .expected = "" },
	{ .name = "a number that is nobody's but by name",
	  .tables = { "1005:100000:65536\n", NULL },
	  .passwd = "1005:x:1006:1006::/:/bin/sh\n",
	  .expected = "critical owner-name-is-number uid 1 1005/1005 100000:65536\n" },
	{ .name = "an account whose name is a number, with no line",
	  .tables = { GOOD, NULL },
	  .passwd = "1005:x:1006:1006::/:/bin/sh\n",
	  .expected = "" },

	{ .name = "the own uid in the middle, at the start and at the end",
	  .tables = { "dora:100000:65536\n", NULL },
	  .passwd = DORA,
	  .expected = "error own-id-inside uid 1 dora 150000:1\n" },
	{ .name = "the own uid is the first of the range",
	  .tables = { "dora:150000:65536\n", NULL },
	  .passwd = DORA,
	  .expected = "error own-id-inside uid 1 dora 150000:1\n" },
	{ .name = "the own uid is the last of the range",
	  .tables = { "dora:100000:50001\ndora:200000:65536\n", NULL },
	  .passwd = DORA,
	  .expected = "error own-id-inside uid 1 dora 150000:1\n" },
	{ .name = "the own uid is just outside",
	  .tables = { "dora:100000:50000\ndora:150001:65536\n", NULL },
	  .passwd = DORA,
	  .expected = "" },
	{ .name = "the own gid, named by uid",
	  .tables = { NULL, "150000:100000:65536\n" },
	  .passwd = "dora:x:150000:140000::/:/bin/sh\n",
	  .expected = "error own-id-inside gid 1 150000 140000:1\n" },
	{ .name = "root's own is root's",
	  .tables = { "root:100000:65536\n", NULL },
	  .expected = "" },

	{ .name = "begins with a digit, and is no account",
	  .tables = { "1001foo:100000:65536\n", NULL },
	  .expected = "error owner-starts-with-digit uid 1 1001foo 100000:65536\n"
		      "warning unknown-owner uid 1 1001foo 100000:65536\n" },
	{ .name = "begins with a digit, and is one",
	  .tables = { "7up:100000:65536\n", "7up:100000:65536\n" },
	  .passwd = "7up:x:1007:1007::/:/bin/sh\n",
	  .expected = "error owner-starts-with-digit uid 1 7up 100000:65536\n"
		      "error owner-starts-with-digit gid 1 7up 100000:65536\n" },
	{ .name = "a digit elsewhere",
	  .tables = { "up7:100000:65536\n", NULL },
	  .passwd = "up7:x:1007:1007::/:/bin/sh\n",
	  .expected = "" },

	{ .name = "owners that are no accounts, each once",
	  .tables = { "ghost:100000:65536\n4242:165536:65536\nghost:300000:65536\n",
		      NULL },
	  .expected = "warning unknown-owner uid 1 ghost 100000:65536\n"
		      "warning unknown-owner uid 2 4242 165536:65536\n" },
	{ .name = "in both tables",
	  .tables = { GOOD "ghost:165536:65536\n", "ghost:165536:65536\n" GOOD },
	  .expected = "warning unknown-owner uid 2 ghost 165536:65536\n"
		      "warning unknown-owner gid 1 ghost 165536:65536\n" },
	{ .name = "those who need no account, and holds",
	  .tables = { "containers:100000:65536\ndockremap:165536:65536\n"
		      "!released:300000:65536\n!reserved:400000:65536\n",
		      NULL },
	  .expected = "" },
	{ .name = "kept by apptainer, by name and by uid",
	  .tables = { "!1001:4294836224:65536\n!bob:4294705152:65536\n"
		      "!ghost:100000:10\n!:200000:65536\n",
		      NULL },
	  .expected = "warning unknown-owner uid 4 ! 200000:65536\n"
		      "info disabled-owner uid 1 !1001/1001 4294836224:65536\n"
		      "info disabled-owner uid 2 !bob/bob 4294705152:65536\n"
		      "info disabled-owner uid 3 !ghost/ghost 100000:10\n" },
	{ .name = "what is kept is granted to another",
	  .tables = { "!alice:100000:65536\nbob:100000:65536\n", NULL },
	  .expected = "warning overlap-held uid 2+1 bob/!alice 100000:65536\n"
		      "info disabled-owner uid 1 !alice/alice 100000:65536\n" },
	{ .name = "accounts with the names of holds",
	  .tables = { GOOD, NULL },
	  .passwd = "released:x:2001:2001::/:/bin/sh\nreserved:x:2002:2002::/:/bin/sh\n"
		    "Released:x:2003:2003::/:/bin/sh\n",
	  .expected = "warning hold-as-account - released\n"
		      "warning hold-as-account - reserved\n" },
	{ .name = "a number with an account",
	  .tables = { "1001:100000:65536\n", NULL },
	  .expected = "" },
	{ .name = "names differ in one letter, or in length",
	  .tables = { "alic:100000:65536\nalicee:165536:65536\nAlice:300000:65536\n",
		      NULL },
	  .expected = "warning unknown-owner uid 1 alic 100000:65536\n"
		      "warning unknown-owner uid 2 alicee 165536:65536\n"
		      "warning unknown-owner uid 3 Alice 300000:65536\n" },

	{ .name = "by name and by uid",
	  .tables = { GOOD "1001:165536:65536\n", NULL },
	  .expected = "warning two-spellings uid 2+1 1001/alice 165536:65536\n" },
	{ .name = "two names of one uid, also in the other table",
	  .tables = { GOOD "al:165536:65536\n", "al:165536:65536\n" GOOD },
	  .passwd = "al:x:1001:1001::/:/bin/sh\n",
	  .expected = "warning two-spellings uid 2+1 al/alice 165536:65536\n"
		      "warning two-spellings gid 2+1 alice/al 100000:65536\n" },
	{ .name = "three spellings",
	  .tables = { "1001:165536:65536\n" GOOD "al:300000:65536\n", NULL },
	  .passwd = "al:x:1001:1001::/:/bin/sh\n",
	  .expected = "warning two-spellings uid 2+1 alice/1001 100000:65536\n"
		      "warning two-spellings uid 3+1 al/1001 300000:65536\n" },
	{ .name = "one spelling in each table",
	  .tables = { GOOD, "1001:100000:65536\n" },
	  .expected = "" },
	{ .name = "the same spelling twice",
	  .tables = { GOOD GOOD2 "alice:300000:65536\n", NULL },
	  .expected = "" },

	{ .name = "a group in subgid",
	  .tables = { NULL, "users:100000:65536\n" },
	  .expected = "warning group-as-owner gid 1 users 100000:65536\n" },
	{ .name = "a group in subuid is just nobody",
	  .tables = { "users:100000:65536\n", NULL },
	  .expected = "warning unknown-owner uid 1 users 100000:65536\n" },
	{ .name = "a group that is a user, too",
	  .tables = { NULL, GOOD },
	  .expected = "" },
	{ .name = "a group's number is a uid's",
	  .tables = { NULL, "100:100000:65536\n" },
	  .expected = "warning unknown-owner gid 1 100 100000:65536\n" },

	{ .name = "a system account, once for both tables",
	  .tables = { "daemon:100000:65536\n", "daemon:100000:65536\n" },
	  .expected = "info weak-owner - 1 daemon 100000:65536\n" },
	{ .name = "shells that let nobody in",
	  .tables = { "no1:100000:65536\nno2:165536:65536\nno3:300000:65536\n", NULL },
	  .passwd = "no1:x:2001:2001::/:/usr/sbin/nologin\n"
		    "no2:x:2002:2002::/:/bin/false\n"
		    "no3:x:2003:2003::/:/bin/falseish\n",
	  .expected = "info weak-owner - 1 no1 100000:65536\n"
		      "info weak-owner - 2 no2 165536:65536\n" },
	{ .name = "a system account with a shell is a service's that logs in",
	  .tables = { "no1:100000:65536\nno2:165536:65536\n", NULL },
	  .passwd = "no1:x:1500:2001::/:/bin/sh\nno2:x:120:2002::/:/bin/sh\n",
	  .defs = "UID_MIN 1500\n",
	  .expected = "" },
	{ .name = "a line of passwd without a shell",
	  .tables = { "no1:100000:65536\n", NULL },
	  .passwd = "no1:x:2001:2001\n",
	  .expected = "" },
};

static void test_cases(void **state)
{
	audit_run_cases(etc_of(state), cases, sizeof(cases) / sizeof(cases[0]));
}

/* The eighth field of shadow(5) is the day from which on an account is expired; a locked
 * password keeps nobody out who has a key. */
static void test_expired(void **state)
{
	static const struct {
		const char *shadow;
		size_t n;
	} locks[] = {
		{ "", 0 },
		{ "alice:!:1::::::\n", 0 },
		{ "alice:!$y$abc:1::::::\n", 0 },
		{ "alice:$y$abc:1:::::20000:\n", 1 },
		{ "alice:$y$abc:1:::::20001:\n", 0 },
		{ "alice:$y$abc:1:::::0:\n", 1 },
		{ "alice:$y$abc:1:::::19999\n", 1 },
		{ "alice:$y$abc:1:::::x:\n", 0 },
		{ "alice:$y$abc:1::::20:\n", 0 },
		{ "bob:$y$abc:1:::::1:\n", 0 },
		{ "alic:x:1:::::1:\nalicee:x:1:::::1:\n", 0 },
	};
	struct audit_case c = { .tables = { GOOD, NULL } };

	for (size_t i = 0; i < sizeof(locks) / sizeof(locks[0]); i++) {
		struct audit_world world;
		struct audit_host host = {
			.shadow = { (char *)(uintptr_t)locks[i].shadow,
				    strlen(locks[i].shadow) },
		};
		auto_report struct audit_report report = { .n = 0 };

		audit_world_make(etc_of(state), &c, &world);
		world.input.host = &host;
		world.input.now = 20000LL * 24 * 60 * 60 + 5;
		world.input.only = audit_rule_find("weak-owner");
		assert_int_equal(audit_check(&world.input, &report), 0);
		assert_int_equal(report.n, locks[i].n);
		if (report.n > 0)
			assert_non_null(strstr(report.findings[0].reason, "expired"));
		audit_report_free(&report);
		audit_world_free(&world);
	}
}

static void assert_quoted(const struct audit_finding *finding, const char *quoted)
{
	assert_true(finding->n_fixes > 0);
	for (size_t i = 0; i < finding->n_fixes; i++) {
		char *command = audit_fix_command(&finding->fixes[i], NULL);

		assert_non_null(strstr(command, quoted));
		free(command);
	}
}

/* Threat: a name in a command that root pastes. */
static void test_hostile_names(void **state)
{
	static const struct {
		const char *name;
		bool in_command;
	} names[] = {
		{ "plain", true },     { "a b", true },		 { "$(reboot)", true },
		{ "a;reboot", true },  { "a';reboot;'", false }, { "'", false },
		{ "-rf", false },      { "a-b", true },		 { "\xff\xfe", false },
		{ "a\xc3\xa9", true }, { "`reboot`", true },	 { "a\\", true },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char line[64];
		const struct audit_case c = { .tables = { line, NULL } };
		struct audit_world world;
		auto_report struct audit_report report = { .n = 0 };
		char *quoted;

		(void)snprintf(line, sizeof(line), "%s:0:5\n", names[i].name);
		assert_true(asprintf(&quoted, "'%s'", names[i].name) >= 0);
		audit_world_make(etc_of(state), &c, &world);
		assert_int_equal(audit_check(&world.input, &report), 0);
		audit_assert_sound(&report);
		assert_true(report.n > 2);
		for (size_t j = 0; j < report.n; j++) {
			const struct audit_finding *finding = &report.findings[j];

			if (names[i].in_command) {
				if (strcmp(finding->rule->name, "includes-root") == 0)
					assert_quoted(finding, quoted);
				continue;
			}
			assert_int_equal(finding->n_fixes, 0);
			assert_string_equal(finding->remedy, finding->rule->remedy);
		}
		free(quoted);
		audit_report_free(&report);
		audit_world_free(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_cases),
		scratch_test(test_expired),
		scratch_test(test_hostile_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
