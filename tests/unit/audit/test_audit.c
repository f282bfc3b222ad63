/* SPDX-License-Identifier: MIT */
/*
 * What is true of every audit: floods, order, size, running out of memory.
 *
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup
 */
#include "faults.h"

#include "audit_support.h"

static size_t count_rule(const struct audit_report *report, const char *rule)
{
	size_t n = 0;

	for (size_t i = 0; i < report->n; i++)
		n += strcmp(report->findings[i].rule->name, rule) == 0;
	return n;
}

/* The catalogue itself. */
static void test_catalogue(void **state)
{
	size_t n;
	const struct audit_rule *rules = audit_rules(&n);
	enum subid_level level;

	(void)state;
	assert_true(n > 50);
	for (size_t i = 0; i < n; i++) {
		assert_ptr_equal(audit_rule_find(rules[i].name), &rules[i]);
		assert_int_equal(strspn(rules[i].name, "abcdefghijklmnopqrstuvwxyz-"),
				 strlen(rules[i].name));
		assert_true(strlen(rules[i].summary) > 5);
		audit_assert_printable(rules[i].why);
		audit_assert_printable(rules[i].remedy);
		assert_int_equal(
		    audit_level_parse(audit_level_name(rules[i].level), &level), 0);
		assert_int_equal(level, rules[i].level);
	}
	assert_null(audit_rule_find("no-such-rule"));
	assert_int_equal(audit_level_parse("", &level), SUBID_INVALID);
	assert_int_equal(audit_level_parse("errors", &level), SUBID_INVALID);
}

/* Of one rule and kind a thousand are told, and one stands for the rest. */
static void test_flood(void **state)
{
	static const size_t sizes[] = { 1000, 1001, 1002, 5000 };

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		char *lines = calloc(sizes[s] + 1, 2);
		const struct audit_case c = { .tables = { lines, "#\n" } };
		struct audit_world world;
		struct subid_acceptance accepted = { .rule = "comment", .reason = "" };
		auto_report struct audit_report report = { .n = 0 };
		auto_report struct audit_report left = { .n = 0 };

		for (size_t i = 0; i < sizes[s]; i++)
			(void)strcpy(lines + 2 * i, "#\n");
		audit_world_make(etc_of(state), &c, &world);
		assert_int_equal(audit_check(&world.input, &report), 0);
		audit_assert_sound(&report);
		assert_int_equal(report.n, (sizes[s] > 1001 ? 1001 : sizes[s]) + 1);
		assert_int_equal(report.counts[SUBID_INFO], sizes[s] + 1);
		world.input.accepted = &accepted;
		world.input.n_accepted = 1;
		assert_int_equal(audit_check(&world.input, &left), 0);
		assert_int_equal(left.n, 0);
		assert_int_equal(left.accepted, sizes[s] + 1);
		audit_world_free(&world);
		free(lines);
	}
}

/* Lines that have nothing to do with each other, each with something wrong. */
static const char *const independent[] = {
	"alice:100000:65536\n",
	"ghost:200000:65536\n",
	"bob:0100000:65536\n",
	"4242:300000:65536\n",
	"#\n",
	"carol:0:1\n",
	"daemon:400000:65536\n",
	"1foo:500000:65536\n",
	"x:y\n",
	"bob:600000:65536:x\n",
	"users:700000:65536\n",
	"bob:800000:65536\n",
};

#define N_LINES (sizeof(independent) / sizeof(independent[0]))

static int compare_texts(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The findings, without the numbers of lines and in an order of their own. */
static char *found_in_order(int dir, const size_t *order)
{
	char table[1024] = "";
	const struct audit_case c = { .tables = { table, NULL } };
	struct audit_world world;
	auto_report struct audit_report report = { .n = 0 };
	struct audit_finding *findings;
	char *lines, *all;

	for (size_t i = 0; i < N_LINES; i++)
		(void)strcat(table, independent[order[i]]);
	audit_world_make(dir, &c, &world);
	assert_int_equal(audit_check(&world.input, &report), 0);
	assert_true(report.n > 10);
	lines = calloc(report.n, AUDIT_LINE_MAX);
	all = calloc(report.n, AUDIT_LINE_MAX);
	findings = calloc(report.n, sizeof(*findings));
	for (size_t i = 0; i < report.n; i++) {
		findings[i] = report.findings[i];
		findings[i].line = 0;
		audit_print(&findings[i], lines + i * AUDIT_LINE_MAX);
	}
	qsort(lines, report.n, AUDIT_LINE_MAX, compare_texts);
	for (size_t i = 0; i < report.n; i++)
		(void)strcat(all, lines + i * AUDIT_LINE_MAX);
	free(lines);
	free(findings);
	audit_world_free(&world);
	return all;
}

static void test_shuffled(void **state)
{
	size_t order[N_LINES];
	unsigned int seed = 1;
	char *first;

	for (size_t i = 0; i < N_LINES; i++)
		order[i] = i;
	first = found_in_order(etc_of(state), order);
	for (int turn = 0; turn < 20; turn++) {
		char *again;

		for (size_t i = N_LINES - 1; i > 0; i--) {
			size_t j = (size_t)rand_r(&seed) % (i + 1), other = order[j];

			order[j] = order[i];
			order[i] = other;
		}
		again = found_in_order(etc_of(state), order);
		assert_string_equal(again, first);
		free(again);
	}
	free(first);
}

#define MILLION	  1000000
#define ACCOUNTS  1000
#define LINE_SIZE 40
#define N_PLANTED 20
#define FIRST(i)  (100000U + (i)*4100U + ((i) > 500000 ? 100000000U : 0))

/* A million lines of a thousand accounts, with what is wrong in between. */
static char *make_million(void)
{
	char *table = malloc((size_t)MILLION * LINE_SIZE), *at = table;

	assert_non_null(table);
	for (unsigned int i = 0; i < MILLION; i++) {
		/* where something is wrong, it is each time another thing */
		unsigned int planted =
		    i % (MILLION / N_PLANTED) == 4711 ? i / (MILLION / N_PLANTED) % 5 : 5;
		unsigned int count = planted == 0 ? 4101 : 4000;

		at += sprintf(at,
			      planted == 1   ? "u%u:0%u:%u\n"
			      : planted == 2 ? "u%u:%u:%u:x\n"
			      : planted == 3 ? "ghost%u:%u:%u\n"
			      : planted == 4 ? "u%u:%u:%u\r\n"
					     : "u%u:%u:%u\n",
			      planted == 3 ? i : i % ACCOUNTS, FIRST(i), count);
	}
	return table;
}

static void test_million(void **state)
{
	char *passwd = calloc(ACCOUNTS, 64), *at = passwd, *uids = make_million(), *gids;

	for (unsigned int i = 0; i < ACCOUNTS; i++)
		at += sprintf(at, "u%u:x:%u:%u::/:/bin/sh\n", i, 2000 + i, 2000 + i);
	assert_true(asprintf(&gids, "%s#\n", uids) > 0);
	for (int alike = 0; alike < 2; alike++) {
		const struct audit_case c = {
			.tables = { uids, alike ? uids : gids },
			.passwd = passwd,
			.defs = "SUB_UID_MAX 4294967294\nSUB_GID_MAX 4294967294\n"
				"SUB_UID_COUNT 100\nSUB_GID_COUNT 100\n",
		};
		struct audit_world world;
		auto_report struct audit_report report = { .n = 0 };

		audit_world_make(etc_of(state), &c, &world);
		assert_int_equal(audit_check(&world.input, &report), 0);
		audit_assert_sound(&report);
		assert_int_equal(report.counts[SUBID_CRITICAL], 2 * 4);
		assert_int_equal(count_rule(&report, "overlap-owners"), 2 * 4);
		assert_int_equal(report.counts[SUBID_ERROR], 2 * 8);
		assert_int_equal(count_rule(&report, "ambiguous-number"), 2 * 4);
		assert_int_equal(count_rule(&report, "extra-field"), 2 * 4);
		assert_int_equal(report.counts[SUBID_WARNING], 2 * 8);
		assert_int_equal(count_rule(&report, "unknown-owner"), 2 * 4);
		assert_int_equal(count_rule(&report, "stray-blank"), 2 * 4);
		assert_int_equal(report.owners, ACCOUNTS + 4);
		audit_report_free(&report);
		audit_world_free(&world);
	}
	free(passwd);
	free(uids);
	free(gids);
}

/* Tables with something for every rule, and a large cluster. */
static char *make_everything(void)
{
	char *table = malloc(20000), *at = table;

	assert_non_null(table);
	at += sprintf(at, "alice:0:0\nbob:010:1\nalice:0:70000\n1001:500:10\n#\n"
			  "ghost:100000:10\n!released:100000:5\nusers:100005:5\n"
			  "7up:60001:5\n1005:61184:1\nalice:200000:5\nalice:200005:5\n"
			  "carol:300000:40000\ncarol:400000:40000\ncarol:400000:40000\n");
	for (int i = 0; i < 100; i++)
		at += sprintf(at, "u%d:500000000:65536\n", i);
	return table;
}

/* Without memory for one of its allocations, an audit says so and leaks nothing. */
static void test_no_memory(void **state)
{
	char *table = make_everything();
	const struct audit_case c = {
		.tables = { table, "bob:100000:10\nalice:100000:5\n" },
		.passwd = "1005:x:1006:1006::/:/bin/sh\n",
	};
	struct subid_map_line lines[] = {
		{ { 0, 5 }, { 0, 5 } },
		{ { 5, 70000 }, { 90000, 70000 } },
	};
	const struct subid_live_map map = { .lines = lines, .n = 2 };
	struct subid_live_userns userns[] = {
		{ .inode = 1 },
		{ .inode = 2, .owner = 1001, .maps = { map, map }, .n = 1, .first = 1 },
		{ .inode = 3, .owner = 1002, .maps = { map, map }, .n = 1, .first = 2 },
		{ .inode = 4, .owner = 0, .maps = { map, map }, .n = 1, .first = 3 },
	};
	struct subid_live_process processes[] = {
		{ 10, 300001, 300001, 0 },
		{ 20, 0, 0, 1 },
		{ 30, 0, 0, 2 },
		{ 40, 0, 0, 3 },
	};
	const struct subid_live live = {
		.userns = userns,
		.n = 4,
		.processes = processes,
		.n_processes = 4,
	};
	struct audit_world world;
	auto_report struct audit_report report = { .n = 0 }, all = { .n = 0 };
	unsigned int turn;

	userns[0].n = 1;
	audit_world_make(etc_of(state), &c, &world);
	world.input.live = &live;
	world.input.backups[SUBID_UID] = &world.tables[SUBID_GID];
	assert_int_equal(audit_check(&world.input, &all), 0);
	for (turn = 1;; turn++) {
		int r;

		faults_arm(turn, ENOMEM);
		r = audit_check(&world.input, &report);
		if (!faults_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		if (r == -ENOMEM)
			continue;
		/* the name of an account may be missing in a sentence, and nothing else
		 */
		assert_int_equal(r, 0);
		assert_memory_equal(report.counts, all.counts, sizeof(all.counts));
		audit_report_free(&report);
	}
	assert_true(turn > 100);
	audit_assert_sound(&report);
	assert_true(count_rule(&report, "live-shared") > 0);
	assert_true(count_rule(&report, "overlap-owners") > 0);
	free(table);
	audit_world_free(&world);
}

static int setup(void **state)
{
	return faults_reset(state) != 0 ? -1 : scratch_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_catalogue),
		scratch_test(test_flood),
		scratch_test(test_shuffled),
		scratch_test(test_million),
		cmocka_unit_test_setup_teardown(test_no_memory, setup, scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
