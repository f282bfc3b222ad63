/* SPDX-License-Identifier: MIT */
#include "libsubid/maps/maps.h"

#include "edge.h"

#define LAST	      4294967294U
#define NO_ID	      4294967295U
#define ARRAY(a)      (sizeof(a) / sizeof((a)[0]))
#define TEXT(literal) (literal), sizeof(literal) - 1
/* a line of inside, outside and count */
#define MAP(inside, outside, count)                                                      \
	{                                                                                \
		{ inside, count },                                                       \
		{                                                                        \
			outside, count                                                   \
		}                                                                        \
	}

static const struct {
	const char *text;
	size_t size;
	int answer;
	size_t n;
	struct subid_map_line lines[3];
} texts[] = {
	{ TEXT(""), 0, 0, { { { 0 }, { 0 } } } },
	/* as the kernel prints it */
	{ TEXT("         0          0 4294967295\n"), 0, 1, { MAP(0, 0, NO_ID) } },
	{ TEXT("         0     100000      65536\n"), 0, 1, { MAP(0, 100000, 65536) } },
	{ TEXT("         0       1000          1\n         1     100000      65536\n"),
	  0,
	  2,
	  { MAP(0, 1000, 1), MAP(1, 100000, 65536) } },
	/* as programs write it */
	{ TEXT("0 100000 65536\n"), 0, 1, { MAP(0, 100000, 65536) } },
	{ TEXT("0 100000 65536"), 0, 1, { MAP(0, 100000, 65536) } },
	{ TEXT("0\t100000\t65536\n"), 0, 1, { MAP(0, 100000, 65536) } },
	{ TEXT("0 \t 100000 65536  \n"), 0, 1, { MAP(0, 100000, 65536) } },
	{ TEXT("4294967294 4294967294 1\n"), 0, 1, { MAP(LAST, LAST, 1) } },
	{ TEXT("4294967294 4294967294 4294967295\n"), 0, 1, { MAP(LAST, LAST, NO_ID) } },
	{ TEXT("1 2 3\n4 5 6\n7 8 9\n"),
	  0,
	  3,
	  { MAP(1, 2, 3), MAP(4, 5, 6), MAP(7, 8, 9) } },
	{ TEXT("1 2 0\n"), 0, 1, { MAP(1, 2, 0) } },
	/* ids of a namespace that the reader is not in */
	{ TEXT("0 4294967295 65536\n"), 0, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2 3\n4 4294967295 6\n7 8 9\n"), 0, 2, { MAP(1, 2, 3), MAP(7, 8, 9) } },
	/* the same number inside is no reason */
	{ TEXT("4294967295 5 1\n"), 0, 1, { MAP(NO_ID, 5, 1) } },
	/* no maps */
	{ TEXT("\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2 3\n\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2 "), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2 \n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2 3 4\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2 3x\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2 3\r\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2 3\t\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2 3\0\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("a 2 3\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 a 3\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2 a\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("-1 2 3\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("01 2 3\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 4294967296 3\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1,2,3\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1\v2 3\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	{ TEXT("1 2 3\n4 4294967295 x\n"), SUBID_INVALID, 0, { { { 0 }, { 0 } } } },
	/* the size counts, not what lies behind */
	{ "1 2 34", 5, 0, 1, { MAP(1, 2, 3) } },
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY(texts); i++) {
		const struct subid_map_line *want = texts[i / 2].lines;
		struct subid_map_line lines[SUBID_MAP_LINES_MAX];
		size_t n = 77, size = texts[i / 2].size;
		const char *text = at_edge(texts[i / 2].text, size, i % 2 == 0);
		int r = subid_map_parse(text, size, lines, &n);

		if (r != texts[i / 2].answer || n != (r == 0 ? texts[i / 2].n : 77))
			fail_msg("case %zu, \"%.*s\": answer %d, %zu lines", i / 2,
				 (int)size, text, r, n);
		for (size_t k = 0; r == 0 && k < n; k++)
			if (!id_range_equal(lines[k].inside, want[k].inside) ||
			    !id_range_equal(lines[k].outside, want[k].outside))
				fail_msg("case %zu: line %zu is %u %u %u", i / 2, k,
					 lines[k].inside.start, lines[k].outside.start,
					 lines[k].inside.count);
	}
}

/* n lines, each of the given text. */
static char *repeat(const char *line, size_t n)
{
	char *text = calloc(n + 1, strlen(line) + 1);

	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		memcpy(text + i * strlen(line), line, strlen(line));
	return text;
}

static void test_parse_most_lines(void **state)
{
	static const struct {
		const char *line;
		size_t times;
		int answer;
	} cases[] = {
		{ "1 2 3\n", SUBID_MAP_LINES_MAX, 0 },
		{ "1 2 3\n", SUBID_MAP_LINES_MAX + 1, SUBID_INVALID },
		{ "1 2 3\n", SUBID_MAP_LINES_MAX - 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct subid_map_line lines[SUBID_MAP_LINES_MAX];
		char *text = repeat(cases[i].line, cases[i].times);
		size_t n = 0;
		int r = subid_map_parse(text, strlen(text), lines, &n);

		if (r != cases[i].answer || (r == 0 && n != cases[i].times))
			fail_msg("%zu lines: answer %d, %zu", cases[i].times, r, n);
		free(text);
	}
}

static void test_print(void **state)
{
	static const struct {
		struct subid_map_line lines[3];
		size_t n;
		const char *want;
	} cases[] = {
		{ { MAP(0, 0, 0) }, 0, "" },
		{ { MAP(0, 100000, 65536) }, 1, "0 100000 65536\n" },
		{ { MAP(0, 1000, 1), MAP(1, 100000, 65536) },
		  2,
		  "0 1000 1\n1 100000 65536\n" },
		{ { MAP(LAST, LAST, NO_ID), MAP(LAST, LAST, NO_ID), MAP(1, 2, 3) },
		  3,
		  "4294967294 4294967294 4294967295\n4294967294 4294967294 4294967295\n"
		  "1 2 3\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		char buf[3 * SUBID_MAP_LINE_SIZE + 1];
		struct subid_map_line back[SUBID_MAP_LINES_MAX];
		size_t size, n;

		memset(buf, '~', sizeof(buf));
		size = subid_map_print(cases[i].lines, cases[i].n, buf);
		if (size != strlen(cases[i].want) ||
		    memcmp(buf, cases[i].want, size) != 0 || buf[size] != '~')
			fail_msg("case %zu: %.*s", i, (int)size, buf);
		assert_int_equal(subid_map_parse(buf, size, back, &n), 0);
		assert_int_equal(n, cases[i].n);
		assert_memory_equal(back, cases[i].lines, n * sizeof(back[0]));
	}
}

static void test_overlaps(void **state)
{
	static const struct {
		struct subid_map_line lines[4];
		size_t n;
		bool overlaps;
		size_t a, b;
	} cases[] = {
		{ { MAP(0, 0, 10) }, 0, false, 0, 0 },
		{ { MAP(0, 0, 10) }, 1, false, 0, 0 },
		{ { MAP(0, 100, 10), MAP(10, 110, 10) }, 2, false, 0, 0 }, /* adjoining */
		{ { MAP(10, 110, 10), MAP(0, 100, 10) }, 2, false, 0, 0 },
		{ { MAP(0, 100, 10), MAP(9, 200, 10) }, 2, true, 0, 1 },  /* inside */
		{ { MAP(0, 100, 10), MAP(50, 109, 10) }, 2, true, 0, 1 }, /* outside */
		{ { MAP(0, 100, 10), MAP(0, 100, 10) }, 2, true, 0, 1 },
		{ { MAP(5, 100, 1), MAP(0, 200, 10) }, 2, true, 0, 1 },
		{ { MAP(0, 100, 1), MAP(1, 200, 1), MAP(1, 300, 1) }, 3, true, 1, 2 },
		{ { MAP(0, 100, 1), MAP(1, 200, 1), MAP(2, 100, 1) }, 3, true, 0, 2 },
		{ { MAP(0, 1, 1), MAP(1, 2, 1), MAP(2, 3, 1), MAP(3, 4, 1) },
		  4,
		  false,
		  0,
		  0 },
		{ { MAP(0, 1, 1), MAP(1, 2, 1), MAP(2, 3, 1), MAP(9, 3, 1) },
		  4,
		  true,
		  2,
		  3 },
		/* the same ids inside and outside is the usual case */
		{ { MAP(0, 0, 10), MAP(10, 10, 10) }, 2, false, 0, 0 },
		{ { MAP(LAST, 0, 1), MAP(0, LAST, 1) }, 2, false, 0, 0 },
		{ { MAP(LAST, 0, 1), MAP(0, 5, NO_ID) }, 2, true, 0, 1 },
		{ { MAP(5, 5, 0), MAP(0, 0, 10) }, 2, false, 0, 0 }, /* no id */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		size_t a = 0, b = 0, n = cases[i].n;
		/* nothing may be looked at behind the last line */
		const void *lines = at_edge((const char *)cases[i].lines,
					    n * sizeof(cases[i].lines[0]), true);
		bool got = subid_map_overlaps(lines, n, &a, &b);

		if (got != cases[i].overlaps || a != cases[i].a || b != cases[i].b)
			fail_msg("case %zu: %d, lines %zu and %zu", i, got, a, b);
	}
}

/* alice's lines: three that adjoin, one apart, and the last id. */
static const struct id_range holding[] = {
	{ 100000, 65536 }, { 165536, 100 }, { 165636, 64 }, { 300000, 10 }, { LAST, 1 },
};

#define OWN 1000

static const struct {
	const char *name;
	struct subid_map_line lines[4];
	size_t n;
	int answer;
	bool by_table;
	size_t bad;
} rights[] = {
	{ "nothing asked", { MAP(0, 0, 0) }, 0, 0, false, 0 },
	{ "all of a line", { MAP(0, 100000, 65536) }, 1, 0, true, 0 },
	{ "its first id", { MAP(0, 100000, 1) }, 1, 0, true, 0 },
	{ "its last id", { MAP(0, 165535, 1) }, 1, 0, true, 0 },
	{ "two lines that adjoin", { MAP(0, 165535, 2) }, 1, 0, true, 0 },
	{ "three lines that adjoin", { MAP(0, 100000, 65700) }, 1, 0, true, 0 },
	{ "one id more", { MAP(0, 100000, 65701) }, 1, SUBID_DENIED, false, 0 },
	{ "one id less at the start", { MAP(0, 99999, 2) }, 1, SUBID_DENIED, false, 0 },
	{ "the id before", { MAP(0, 99999, 1) }, 1, SUBID_DENIED, false, 0 },
	{ "the id behind", { MAP(0, 165700, 1) }, 1, SUBID_DENIED, false, 0 },
	{ "a gap in between", { MAP(0, 165699, 134302) }, 1, SUBID_DENIED, false, 0 },
	{ "another's ids", { MAP(0, 200000, 1) }, 1, SUBID_DENIED, false, 0 },
	{ "own id", { MAP(0, OWN, 1) }, 1, 0, false, 0 },
	{ "own id and one more", { MAP(0, OWN, 2) }, 1, SUBID_DENIED, false, 0 },
	{ "own id as the last of two",
	  { MAP(0, OWN - 1, 2) },
	  1,
	  SUBID_DENIED,
	  false,
	  0 },
	{ "the id beside one's own", { MAP(0, OWN + 1, 1) }, 1, SUBID_DENIED, false, 0 },
	{ "own id, count 0", { MAP(0, OWN, 0) }, 1, SUBID_DENIED, false, 0 },
	{ "count 0", { MAP(0, 100000, 0) }, 1, SUBID_DENIED, false, 0 },
	{ "root", { MAP(0, 0, 1) }, 1, SUBID_DENIED, false, 0 },
	{ "all ids", { MAP(0, 0, NO_ID) }, 1, SUBID_DENIED, false, 0 },
	{ "the last id", { MAP(0, LAST, 1) }, 1, 0, true, 0 },
	{ "and the one that is none", { MAP(0, LAST, 2) }, 1, SUBID_DENIED, false, 0 },
	{ "only the one that is none", { MAP(0, NO_ID, 1) }, 1, SUBID_DENIED, false, 0 },
	{ "what podman asks", { MAP(0, OWN, 1), MAP(1, 100000, 65536) }, 2, 0, true, 0 },
	{ "own id last", { MAP(1, 100000, 65536), MAP(0, OWN, 1) }, 2, 0, true, 0 },
	{ "the second denied",
	  { MAP(0, OWN, 1), MAP(1, 99999, 65536) },
	  2,
	  SUBID_DENIED,
	  false,
	  1 },
	{ "the first of two denied",
	  { MAP(0, 100000, 1), MAP(1, 5, 1), MAP(2, 6, 1) },
	  3,
	  SUBID_DENIED,
	  false,
	  1 },
	{ "the last denied",
	  { MAP(0, OWN, 1), MAP(1, 100000, 1), MAP(2, 300000, 10), MAP(12, 300010, 1) },
	  4,
	  SUBID_DENIED,
	  false,
	  3 },
	/* what is inside gives no right and takes none */
	{ "inside alike", { MAP(100000, 0, 1) }, 1, SUBID_DENIED, false, 0 },
	{ "inside own", { MAP(OWN, 5, 1) }, 1, SUBID_DENIED, false, 0 },
};

static void test_authorize(void **state)
{
	auto_set struct subid_set held = { .ranges = NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY(holding); i++)
		assert_int_equal(subid_set_insert(&held, holding[i]), 0);
	for (size_t i = 0; i < 2 * ARRAY(rights); i++) {
		/* outputs that the answer does not set stay, whatever they were */
		bool before = i % 2 == 1, by_table = before;
		size_t bad = 77;
		int want = rights[i / 2].answer;
		int r = subid_map_authorize(rights[i / 2].lines, rights[i / 2].n, &held,
					    OWN, &by_table, &bad);

		if (r != want ||
		    by_table != (want == 0 ? rights[i / 2].by_table : before) ||
		    bad != (want == 0 ? 77 : rights[i / 2].bad))
			fail_msg("%s: answer %d, by table %d, line %zu",
				 rights[i / 2].name, r, by_table, bad);
	}
}

/* Who holds nothing has one's own id, and that even if the table has it too. */
static void test_authorize_own_id(void **state)
{
	static const struct subid_map_line own = MAP(0, OWN, 1),
					   other = MAP(0, 100000, 1);
	auto_set struct subid_set held = { .ranges = NULL };
	bool by_table = true;
	size_t bad = 77;

	(void)state;
	assert_int_equal(subid_map_authorize(&own, 1, &held, OWN, &by_table, &bad), 0);
	assert_false(by_table);
	assert_int_equal(subid_map_authorize(&other, 1, &held, OWN, &by_table, &bad),
			 SUBID_DENIED);
	assert_int_equal(bad, 0);
	/* newgidmap leaves setgroups alone for what the table allows */
	assert_int_equal(subid_set_insert(&held, own.outside), 0);
	assert_int_equal(subid_map_authorize(&own, 1, &held, OWN, &by_table, &bad), 0);
	assert_true(by_table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	  cmocka_unit_test(test_parse_most_lines),
		cmocka_unit_test(test_print),	  cmocka_unit_test(test_overlaps),
		cmocka_unit_test(test_authorize), cmocka_unit_test(test_authorize_own_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
