/* SPDX-License-Identifier: MIT */
#include "tools/subid/runtime_config.h"

#include "support.h"

#define NONE	 SUBID_ID_NONE
#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* "inside outside count" for each line, as uid_map has it, but on one line. */
static void print_map(const struct subid_map_line *lines, size_t n, char *buf,
		      size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n && used < size; i++) {
		assert_int_equal(lines[i].inside.count, lines[i].outside.count);
		used += (size_t)snprintf(buf + used, size - used, "%s%u %u %u",
					 i == 0 ? "" : ", ", lines[i].inside.start,
					 lines[i].outside.start, lines[i].inside.count);
	}
}

static const struct {
	const char *name;
	struct id_range ids[3]; /* sorted */
	struct subid_keep keep;
	int answer;
	const char *map;
	const char *relative; /* for podman, when ids are all that there is */
} cases[] = {
	{ "one range",
	  { { 100000, 65536 } },
	  { NONE, 0, false },
	  0,
	  "0 100000 65536",
	  "0 1 65536" },
	{ "nothing", { { 0, 0 } }, { NONE, 0, false }, SUBID_ABSENT, NULL, NULL },
	{ "nothing but one's own",
	  { { 0, 0 } },
	  { 0, 1000, false },
	  SUBID_ABSENT,
	  NULL,
	  NULL },
	{ "ranges follow each other; podman sees one",
	  { { 100000, 10 }, { 200000, 5 }, { 300000, 1 } },
	  { NONE, 0, false },
	  0,
	  "0 100000 10, 10 200000 5, 15 300000 1",
	  "0 1 16" },
	{ "the largest first, of equal ones the lower",
	  { { 44, 1 }, { 100000, 65536 }, { 200000, 65536 } },
	  { NONE, 0, false },
	  0,
	  "0 100000 65536, 65536 200000 65536, 131072 44 1",
	  "0 2 131072, 131072 1 1" },
	{ "in ascending order, as podman has them",
	  { { 44, 1 }, { 100000, 65536 } },
	  { NONE, 0, true },
	  0,
	  "0 44 1, 1 100000 65536",
	  "0 1 65537" },
	{ "kept: the line is split around it",
	  { { 100000, 65536 } },
	  { 1000, 1000, false },
	  0,
	  "0 100000 1000, 1000 1000 1, 1001 101001 64535",
	  "0 1 1000, 1000 0 1, 1001 1002 64535" },
	{ "kept as root",
	  { { 100000, 65536 } },
	  { 0, 1000, false },
	  0,
	  "0 1000 1, 1 100001 65535",
	  "0 0 1, 1 2 65535" },
	{ "kept as the last",
	  { { 100000, 65536 } },
	  { 65535, 1000, false },
	  0,
	  "0 100000 65535, 65535 1000 1",
	  "0 1 65535, 65535 0 1" },
	{ "kept behind all",
	  { { 100000, 10 } },
	  { 1000, 1000, false },
	  0,
	  "0 100000 10, 1000 1000 1",
	  "0 1 10, 1000 0 1" },
	{ "kept at the start of the second range",
	  { { 100000, 10 }, { 200000, 10 } },
	  { 10, 1000, false },
	  0,
	  "0 100000 10, 10 1000 1, 11 200001 9",
	  "0 1 10, 10 0 1, 11 12 9" },
	{ "kept in place of a range of one id",
	  { { 100000, 1 }, { 200000, 1 } },
	  { 1, 1000, false },
	  0,
	  "0 100000 1, 1 1000 1",
	  "0 1 1, 1 0 1" },
	{ "the last ids that there are",
	  { { 4294967290U, 5 } },
	  { 2, 7, false },
	  0,
	  "0 4294967290 2, 2 7 1, 3 4294967293 2",
	  "0 1 2, 2 0 1, 3 4 2" },
	{ "kept as the last id",
	  { { 5, 5 } },
	  { 4294967294U, 1, false },
	  0,
	  "0 5 5, 4294967294 1 1",
	  "0 1 5, 4294967294 0 1" },
	{ "one's own is a subordinate id",
	  { { 100000, 10 } },
	  { 5, 100003, false },
	  SUBID_TAKEN,
	  NULL,
	  NULL },
	{ "a subordinate id is one's own, but not kept",
	  { { 100000, 10 } },
	  { NONE, 100003, false },
	  0,
	  "0 100000 10",
	  "0 1 10" },
};

static struct subid_set set_of(const struct id_range *ranges, size_t n)
{
	struct subid_set set = { .ranges = NULL };

	for (size_t i = 0; i < n; i++)
		assert_int_equal(subid_set_add(&set, ranges[i]), 0);
	return set;
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct subid_map_line lines[SUBID_MAP_LINES_MAX];
		auto_set struct subid_set ids = set_of(cases[i].ids, 3);
		char got[512];
		size_t n = 0;

		print_message("%s\n", cases[i].name);
		assert_int_equal(subid_layout(&ids, cases[i].keep, lines, &n),
				 cases[i].answer);
		if (cases[i].answer != 0)
			continue;
		print_map(lines, n, got, sizeof(got));
		assert_string_equal(got, cases[i].map);
		assert_int_equal(
		    subid_layout_relative(&ids, cases[i].keep.outside, lines, &n), 0);
		print_map(lines, n, got, sizeof(got));
		assert_string_equal(got, cases[i].relative);
	}
}

/* A part of what a user holds, in the user's own namespace. */
static void test_relative_part(void **state)
{
	static const struct id_range held[] = { { 100000, 1000 }, { 200000, 1000 } };
	static const struct {
		struct id_range part;
		int answer;
		const char *map;
	} parts[] = {
		{ { 100000, 1000 }, 0, "0 1 1000" },
		{ { 100500, 500 }, 0, "0 501 500" },
		{ { 200000, 10 }, 0, "0 1001 10" },
		{ { 200990, 10 }, 0, "0 1991 10" },
		{ { 200990, 11 }, SUBID_DENIED, "0 200990 11" },
		{ { 99999, 2 }, SUBID_DENIED, "0 99999 2" },
		{ { 1000, 1 }, 0, "0 0 1" },
		{ { 1000, 2 }, SUBID_DENIED, "0 1000 2" },
	};
	auto_set struct subid_set all = set_of(held, 2);

	(void)state;
	for (size_t i = 0; i < ARRAY(parts); i++) {
		struct subid_map_line lines[SUBID_MAP_LINES_MAX];
		const struct subid_set ids = {
			.ranges = (struct id_range[]){ parts[i].part },
			.n = 1,
		};
		char got[64];
		size_t n;

		assert_int_equal(
		    subid_layout(&ids, (struct subid_keep){ NONE, 0, false }, lines, &n),
		    0);
		assert_int_equal(subid_layout_relative(&all, 1000, lines, &n),
				 parts[i].answer);
		print_map(lines, n, got, sizeof(got));
		assert_string_equal(got, parts[i].map);
	}
}

static void test_too_many_lines(void **state)
{
	auto_set struct subid_set ids = { .ranges = NULL };
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	struct subid_keep none = { NONE, 0, false }, split = { 1, 7, false },
			  behind = { 10000, 7, false };
	size_t n = 0;

	(void)state;
	for (uint32_t i = 0; i < SUBID_MAP_LINES_MAX; i++)
		assert_int_equal(subid_set_add(&ids, (struct id_range){ i * 10 + 10, 3 }),
				 0);
	assert_int_equal(subid_layout(&ids, none, lines, &n), 0);
	assert_int_equal(n, SUBID_MAP_LINES_MAX);
	assert_int_equal(subid_layout(&ids, split, lines, &n), SUBID_FULL);
	assert_int_equal(subid_layout(&ids, behind, lines, &n), SUBID_FULL);
	assert_int_equal(subid_set_insert(&ids, (struct id_range){ 100000, 1 }), 0);
	assert_int_equal(subid_layout(&ids, none, lines, &n), SUBID_FULL);
}

static void test_across(void **state)
{
	static const struct subid_map_line map[] = {
		{ { 0, 1000 }, { 100000, 1000 } },
		{ { 1000, 1 }, { 1000, 1 } },
		{ { 4294967290U, 5 }, { 7, 5 } },
	};
	static const struct {
		uint32_t inside, outside;
	} pairs[] = {
		{ 0, 100000 },	    { 999, 100999 },	 { 1000, 1000 },
		{ 4294967290U, 7 }, { 4294967294U, 11 },
	};
	static const uint32_t not_inside[] = { 1001, 4294967289U, NONE };
	static const uint32_t not_outside[] = { 99999, 101000, 999, 1001, 6, 12, NONE };
	uint32_t got;

	(void)state;
	for (size_t i = 0; i < ARRAY(pairs); i++) {
		assert_int_equal(subid_map_outside(map, 3, pairs[i].inside, &got), 0);
		assert_int_equal(got, pairs[i].outside);
		assert_int_equal(subid_map_inside(map, 3, pairs[i].outside, &got), 0);
		assert_int_equal(got, pairs[i].inside);
	}
	for (size_t i = 0; i < ARRAY(not_inside); i++)
		assert_int_equal(subid_map_outside(map, 3, not_inside[i], &got),
				 SUBID_ABSENT);
	for (size_t i = 0; i < ARRAY(not_outside); i++)
		assert_int_equal(subid_map_inside(map, 3, not_outside[i], &got),
				 SUBID_ABSENT);
	assert_int_equal(subid_map_inside(map, 0, 0, &got), SUBID_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_relative_part),
		cmocka_unit_test(test_too_many_lines),
		cmocka_unit_test(test_across),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
