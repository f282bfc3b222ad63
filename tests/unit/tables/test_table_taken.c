/* SPDX-License-Identifier: MIT */
/*
 * Which ids are taken, and who has them.
 */
#include "table_support.h"

static void test_who_has(void **state)
{
	static const char text[] = "# ids\nalice:100:10\n\nbob:0200:10\nalice:105:10\n"
				   "carol:300:10:x\n#d:400:1\nd:500:0\nend:600:1";
	static const struct {
		struct id_range range;
		size_t line;
		const char *text;
	} cases[] = {
		{ { 99, 1 }, 0, "" },
		{ { 99, 2 }, 2, "alice:100:10" },
		{ { 109, 1 }, 2, "alice:100:10" },
		{ { 110, 1 }, 5, "alice:105:10" },
		{ { 115, 1 }, 0, "" },
		{ { 127, 1 }, 0, "" },
		{ { 128, 1 }, 4, "bob:0200:10" }, /* to a reader of octal */
		{ { 200, 1 }, 4, "bob:0200:10" }, /* to one of decimal */
		{ { 309, 1 }, 6, "carol:300:10:x" },
		{ { 400, 1 }, 7, "#d:400:1" },
		{ { 500, 50 }, 0, "" },
		{ { 600, 1 }, 9, "end:600:1" },
		{ { 100, 0 }, 0, "" },
		{ { 0, UINT32_MAX }, 2, "alice:100:10" },
		{ { 104, 10 }, 5, "alice:105:10" }, /* more of them */
		{ { 205, 96 }, 4, "bob:0200:10" },
	};
	auto_table struct subid_table table = { .exists = false };

	load(etc_of(state), text, &table);
	for (size_t i = 0; i < ARRAY(cases); i++) {
		const char *line = "";
		size_t len = 0, number;

		number = subid_table_who_has(&table, cases[i].range, &line, &len);
		if (number != cases[i].line)
			fail_msg("%u:%u: line %zu", cases[i].range.start,
				 cases[i].range.count, number);
		if (number > 0 && (len != strlen(cases[i].text) ||
				   memcmp(line, cases[i].text, len) != 0))
			fail_msg("%u:%u: \"%.*s\"", cases[i].range.start,
				 cases[i].range.count, (int)len, line);
	}
}

/* As read, and after changes; without the lines that are no entries, and with. */
static void test_granted_and_taken(void **state)
{
	static const struct {
		const char *text, *granted, *taken;
		struct id_range cut; /* out of a's lines */
		const char *granted_then, *taken_then;
	} cases[] = {
		{ "", "", "", { 0, 0 }, "", "" },
		{ "a:5:9\n", "5:9", "5:9", { 5, 9 }, "", "" },
		{ "a:5:9\n", "5:9", "5:9", { 7, 1 }, "5:2 8:6", "5:2 8:6" },
		{ "# b:1:1\nb:07:2\n", "", "1:1 7:2", { 1, 9 }, "", "1:1 7:2" },
		{ "a:20:5\nb:30:5\na:10:5\n#:25:5\n",
		  "10:5 20:5 30:5",
		  "10:5 20:15",
		  { 12, 10 },
		  "10:2 22:3 30:5",
		  "10:2 22:13" },
		{ "a:1:5\nb:2:2\n", "1:5", "1:5", { 1, 4 }, "2:2 5:1", "2:2 5:1" },
	};

	for (size_t i = 0; i < 2 * ARRAY(cases); i++) {
		auto_table struct subid_table table = { .exists = false };
		auto_set struct subid_set granted = { .ranges = NULL }, taken = granted;
		bool then = i % 2 == 1;

		load(etc_of(state), cases[i / 2].text, &table);
		if (then)
			cut_all(&table, "a", cases[i / 2].cut);
		assert_int_equal(subid_table_granted(&table, &granted), 0);
		assert_int_equal(subid_table_taken(&table, &taken), 0);
		assert_string_equal(show(&granted), then ? cases[i / 2].granted_then
							 : cases[i / 2].granted);
		assert_string_equal(show(&taken),
				    then ? cases[i / 2].taken_then : cases[i / 2].taken);
	}
}

/* What two entries have is counted once, until one is added. */
static void test_shared(void **state)
{
	static const struct {
		const char *text, *shared;
	} cases[] = {
		{ "", "" },
		{ "a:5:9\nb:14:3\n", "" },
		{ "a:5:9\nb:13:3\n", "13:1" },
		{ "a:5:9\na:5:9\n", "5:9" },
		{ "b:7:2\na:5:9\nc:20:5\nd:24:9\n", "7:2 24:1" },
		{ "a:1:99\nb:2:2\nc:10:5\nd:12:5\n", "2:2 10:7" },
		{ "a:5:9\n#b:5:9\nc:0:0\n", "" },
	};
	auto_table struct subid_table table = { .exists = false };

	for (size_t i = 0; i < ARRAY(cases); i++) {
		subid_table_free(&table);
		load(etc_of(state), cases[i].text, &table);
		assert_string_equal(show(subid_table_shared(&table)), cases[i].shared);
	}
	subid_table_free(&table);
	load(etc_of(state), "a:5:9\nb:7:4\n", &table);
	assert_string_equal(show(subid_table_shared(&table)), "7:4");
	/* a cut, also one that adds the rest of a line, gives no id to one more */
	cut_all(&table, "a", (struct id_range){ 8, 1 });
	assert_int_equal(table.n, 3);
	assert_string_equal(show(subid_table_shared(&table)), "7:4");
	assert_int_equal(subid_table_add(&table, "c", 1, (struct id_range){ 12, 9 }), 0);
	assert_string_equal(show(subid_table_shared(&table)), "7:1 9:2 12:2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_who_has),
		scratch_test(test_granted_and_taken),
		scratch_test(test_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
