/* SPDX-License-Identifier: MIT */
/*
 * The auditor's rules about lines that share ids, few and very many.
 */
#include "audit_support.h"

#define GOOD "alice:100000:65536\n"

static const struct audit_case cases[] = {
	{ .name = "the same range",
	  .tables = { GOOD "bob:100000:65536\n", NULL },
	  .expected = "critical overlap-owners uid 1+2 alice/bob 100000:65536\n" },
	{ .name = "in part",
	  .tables = { GOOD "carol:300000:65536\nbob:150000:65536\n", NULL },
	  .expected = "critical overlap-owners uid 1+3 alice/bob 150000:15536\n" },
	{ .name = "in part, from below",
	  .tables = { "bob:150000:65536\n" GOOD, NULL },
	  .expected = "critical overlap-owners uid 1+2 bob/alice 150000:15536\n" },
	{ .name = "nested, in gids",
	  .tables = { NULL, "alice:100000:200000\nbob:150000:65536\n" },
	  .expected = "critical overlap-owners gid 1+2 alice/bob 150000:65536\n" },
	{ .name = "one id",
	  .tables = { GOOD "bob:165535:65536\n", NULL },
	  .expected = "critical overlap-owners uid 1+2 alice/bob 165535:1\n" },
	{ .name = "none",
	  .tables = { GOOD "bob:165536:65536\n", "bob:165536:65536\n" GOOD },
	  .expected = "" },
	{ .name = "uids are no gids",
	  .tables = { GOOD, "bob:100000:65536\n" },
	  .expected = "error one-sided uid 1 alice 100000:65536\n"
		      "error one-sided gid 1 bob 100000:65536\n" },
	{ .name = "each pair of three",
	  .tables = { GOOD "bob:120000:65536\ncarol:140000:65536\n", NULL },
	  .expected = "critical overlap-owners uid 1+2 alice/bob 120000:45536\n"
		      "critical overlap-owners uid 1+3 alice/carol 140000:25536\n"
		      "critical overlap-owners uid 2+3 bob/carol 140000:45536\n" },
	{ .name = "a chain is no circle",
	  .tables = { GOOD "bob:165000:65536\ncarol:230000:65536\n", NULL },
	  .expected = "critical overlap-owners uid 1+2 alice/bob 165000:536\n"
		      "critical overlap-owners uid 2+3 bob/carol 230000:536\n" },
	{ .name = "in both tables",
	  .tables = { GOOD "bob:165535:65536\n", GOOD "bob:165535:65536\n" },
	  .expected = "critical overlap-owners uid 1+2 alice/bob 165535:1\n"
		      "critical overlap-owners gid 1+2 alice/bob 165535:1\n" },
	{ .name = "LXD's two lines are meant",
	  .tables = { "_lxd:231072:10000001\nroot:231072:10000001\n", NULL },
	  .passwd = "_lxd:x:2000:2000::/:/bin/sh\n",
	  .expected = "" },
	{ .name = "unless they differ",
	  .tables = { "root:231072:10000001\nlxd:231072:10000000\n", NULL },
	  .passwd = "lxd:x:2000:2000::/:/bin/sh\n",
	  .expected = "critical overlap-owners uid 1+2 root/lxd 231072:10000000\n" },
	{ .name = "or are another's",
	  .tables = { "root:231072:10000001\nalice:231072:10000001\n", NULL },
	  .expected = "critical overlap-owners uid 1+2 root/alice 231072:10000001\n" },

	{ .name = "held and given",
	  .tables = { "!released:150000:10\n" GOOD "!reserved:165535:10\n", NULL },
	  .expected = "warning overlap-held uid 2+1 alice/!released 150000:10\n"
		      "warning overlap-held uid 2+3 alice/!reserved 165535:1\n" },
	{ .name = "held beside it",
	  .tables = { "!released:165536:10\n" GOOD, NULL },
	  .expected = "" },
	{ .name = "holds may share ids",
	  .tables = { "!released:100000:10\n!reserved:100000:10\n!released:100005:10\n",
		      NULL },
	  .expected = "" },

	{ .name = "one's own, twice",
	  .tables = { GOOD "alice:120000:65536\n", NULL },
	  .expected = "warning self-overlap uid 1+2 alice 120000:45536\n" },
	{ .name = "one's own, in two spellings",
	  .tables = { "1001:120000:65536\n" GOOD, NULL },
	  .expected = "warning two-spellings uid 2+1 alice/1001 100000:65536\n"
		      "warning self-overlap uid 1+2 1001 120000:45536\n" },
	{ .name = "strangers with one name for nobody",
	  .tables = { "ghost:100000:65536\nspook:100000:65536\n", NULL },
	  .expected = "critical overlap-owners uid 1+2 ghost/spook 100000:65536\n"
		      "warning unknown-owner uid 1 ghost 100000:65536\n"
		      "warning unknown-owner uid 2 spook 100000:65536\n" },
};

static void test_cases(void **state)
{
	audit_run_cases(etc_of(state), cases, sizeof(cases) / sizeof(cases[0]));
}

/* A table that grows line by line. */
struct lines {
	char *bytes;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static void add(struct lines *lines,
						      const char *format, ...)
{
	va_list args;
	int n;

	lines->bytes = realloc(lines->bytes, lines->size + 100);
	assert_non_null(lines->bytes);
	va_start(args, format);
	n = vsnprintf(lines->bytes + lines->size, 100, format, args);
	va_end(args);
	assert_true(n >= 1 && n <= 99);
	lines->size += (size_t)n;
}

/* What one rule finds about uids in these lines, which are freed. */
static struct audit_report audit_lines(struct audit_world *world, int dir,
				       struct lines *lines, const char *rule,
				       const char *accepted)
{
	static struct subid_acceptance acceptance = { .reason = "" };
	const struct audit_case c = {
		.tables = { lines->bytes, NULL },
		.passwd = "_lxd:x:2000:2000::/:/bin/sh\n",
		.defs = "SUB_UID_MAX 4294967294\n",
	};
	struct audit_report report = { .n = 0 };

	audit_world_make(dir, &c, world);
	acceptance.rule = rule;
	acceptance.owner = accepted;
	world->input.only = audit_rule_find(rule);
	world->input.accepted = &acceptance;
	world->input.n_accepted = accepted != NULL;
	assert_int_equal(audit_check(&world->input, &report), 0);
	audit_assert_sound(&report);
	free(lines->bytes);
	*lines = (struct lines){ .size = 0 };
	return report;
}

/*
 * The findings of a rule about uids: how many there are, the first of them, and how many
 * pairs they stand for.
 */
#define assert_found(dir, lines, rule, wanted, line, pairs)                              \
	do {                                                                             \
		struct audit_world found_world;                                          \
		auto_report struct audit_report found =                                  \
		    audit_lines(&found_world, dir, lines, rule, NULL);                   \
		char found_first[AUDIT_LINE_MAX] = "";                                   \
                                                                                         \
		assert_int_equal(found.n, wanted);                                       \
		if (found.n > 0)                                                         \
			audit_print(&found.findings[0], found_first);                    \
		assert_string_equal(found_first, line);                                  \
		assert_int_equal(count_cases(&found), pairs);                            \
		audit_world_free(&found_world);                                          \
	} while (0)

static size_t count_cases(const struct audit_report *report)
{
	size_t n = 0, sum = 0;

	for (size_t i = 0; i < report->n; i++)
		n += report->findings[i].count;
	for (int level = 0; level < SUBID_LEVELS; level++)
		sum += report->counts[level];
	assert_int_equal(sum, n);
	return n;
}

/* Many pairs of the same two owners are reported one by one. */
static void test_many_pairs(void **state)
{
	struct lines lines = { .size = 0 };

	for (unsigned int i = 0; i < 17; i++)
		add(&lines, "alice:%u:20\nbob:%u:20\n", 100000 + i * 100,
		    100010 + i * 100);
	assert_found(etc_of(state), &lines, "overlap-owners", 17,
		     "critical overlap-owners uid 1+2 alice/bob 100010:10\n", 17);
}

/* A thousand lines, each of which shares ids with its neighbours. */
static void test_chain(void **state)
{
	struct lines lines = { .size = 0 };

	for (unsigned int i = 0; i < 1001; i++)
		add(&lines, "u%u:%u:200\n", i, 100000 + i * 101);
	assert_found(etc_of(state), &lines, "overlap-owners", 1000,
		     "critical overlap-owners uid 1+2 u0/u1 100101:99\n", 1000);
}

/* All of one range: pairs beyond reading are counted, and none is counted twice. */
static void test_clusters(void **state)
{
	struct lines lines = { .size = 0 };

	for (unsigned int i = 0; i < 60; i++)
		add(&lines, "%s:100000:10\n", i % 2 == 0 ? "alice" : "bob");
	assert_found(etc_of(state), &lines, "overlap-owners", 900,
		     "critical overlap-owners uid 1+2 alice/bob 100000:10\n", 900);
	for (unsigned int i = 0; i < 1000; i++)
		add(&lines, "u%u:100000:10\n", i);
	assert_found(etc_of(state), &lines, "overlap-owners", 1001,
		     "critical overlap-owners uid 1+2 u0/u1 100000:10\n", 499500);
	for (unsigned int i = 0; i < 1000; i++)
		add(&lines, "alice:100000:%u\n", i + 1);
	assert_found(etc_of(state), &lines, "self-overlap", 1001,
		     "warning self-overlap uid 1+2 alice 100000:1\n", 499500);
	for (unsigned int i = 0; i < 2000; i++)
		add(&lines, "alice:100000:10\n");
	assert_found(etc_of(state), &lines, "duplicate-line", 1001,
		     "info duplicate-line uid 2+1 alice 100000:10\n", 1999);
}

/* One owner's lines, however many pairs they make, hide nothing of another's. */
static void test_own_pairs_hide_nothing(void **state)
{
	struct lines lines = { .size = 0 };

	for (unsigned int i = 0; i < 3000; i++)
		add(&lines, "alice:100000:10\n");
	add(&lines, "bob:100009:10\ncarol:100018:1\n");
	assert_found(etc_of(state), &lines, "overlap-owners", 1001,
		     "critical overlap-owners uid 1+3001 alice/bob 100009:1\n", 3001);
	for (unsigned int i = 0; i < 3000; i++)
		add(&lines, "alice:100000:10\n");
	add(&lines, "bob:100010:10\ncarol:100019:1\n");
	assert_found(etc_of(state), &lines, "overlap-owners", 1,
		     "critical overlap-owners uid 3001+3002 bob/carol 100019:1\n", 1);
}

/* LXD's two lines are meant, but stand for nobody else's. */
static void test_lxd_in_cluster(void **state)
{
	struct lines lines = { .size = 0 };

	add(&lines, "_lxd:231072:10000001\nroot:231072:10000001\n");
	for (unsigned int i = 0; i < 600; i++)
		add(&lines, "u%u:%u:10000\n", i, 231072 + i * 10000);
	assert_found(etc_of(state), &lines, "overlap-owners", 1001,
		     "critical overlap-owners uid 1+3 _lxd/u0 231072:10000\n", 1200);
	add(&lines, "_lxd:231072:10000001\nroot:231072:10000001\n");
	for (unsigned int i = 0; i < 400; i++)
		add(&lines, "alice:%u:10000\n", 231072 + i * 10000);
	assert_found(etc_of(state), &lines, "overlap-owners", 800,
		     "critical overlap-owners uid 1+3 _lxd/alice 231072:10000\n", 800);
}

/* A hold in a cluster hides nothing, and is reported. */
static void test_hold_in_cluster(void **state)
{
	struct lines lines = { .size = 0 };

	for (int twice = 0; twice < 2; twice++) {
		add(&lines, "!reserved:100000:10000000\n!released:100000:10000000\n");
		for (unsigned int i = 0; i < 7500; i++)
			add(&lines, "u%u:%u:1000\n", i, 100000 + i * 1000);
		add(&lines, "bob:300500:10\n");
		if (twice)
			assert_found(etc_of(state), &lines, "overlap-held", 1001,
				     "warning overlap-held uid 3+1 u0/!reserved"
				     " 100000:1000\n",
				     15002);
		else
			assert_found(etc_of(state), &lines, "overlap-owners", 1,
				     "critical overlap-owners uid 203+7503 u200/bob"
				     " 300500:10\n",
				     1);
	}
}

/* What the site accepts of one owner does not accept pairs that were not looked at. */
static void test_accepted_pairs(void **state)
{
	struct lines lines = { .size = 0 };
	struct audit_world world;
	struct audit_report report;

	for (unsigned int i = 0; i < 400; i++)
		add(&lines, "%s:100000:10\n", i < 200 ? "alice" : "bob");
	report = audit_lines(&world, etc_of(state), &lines, "overlap-owners", "alice");
	assert_int_equal(report.accepted, 10000);
	assert_int_equal(report.n, 1);
	assert_int_equal(report.findings[0].count, 200 * 200 - 10000);
	audit_report_free(&report);
	audit_world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_cases),
		scratch_test(test_many_pairs),
		scratch_test(test_chain),
		scratch_test(test_clusters),
		scratch_test(test_own_pairs_hide_nothing),
		scratch_test(test_lxd_in_cluster),
		scratch_test(test_hold_in_cluster),
		scratch_test(test_accepted_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
