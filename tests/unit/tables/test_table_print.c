/* SPDX-License-Identifier: MIT */
/*
 * Tables as text again.
 */
#include "table_support.h"

/* Comments, odd lines and all: what is not changed is printed as it was. */
static const char *const untouched[] = {
	"",
	"\n",
	"\n\n\n",
	"a:5:9",
	"a:5:9\n",
	"\na:5:9\n\n",
	"# comment\na:5:9\n# end",
	"a:05:9\r\nb:1:2:3\n :::\nc:5:9 \n",
	"#x:1:2\n!released:7:7\n!reserved:8:8\n",
	"a:5:9\na:5:9\na:5:9\n",
};

static void test_print_unchanged(void **state)
{
	for (size_t i = 0; i < ARRAY(untouched); i++) {
		auto_table struct subid_table table = { .exists = false };

		load(etc_of(state), untouched[i], &table);
		if (table.changed || strcmp(print(&table), untouched[i]) != 0)
			fail_msg("case %zu: \"%s\"", i, print(&table));
	}
}

/* NUL bytes go through as well. */
static void test_print_zero_bytes(void **state)
{
	static const char text[] = "a\0b:5:9\n\0\na:5:9\0x\nb:7:7\n\0";
	auto_table struct subid_table table = { .exists = false };
	struct paper paper = { .len = 0 };

	put_bytes(etc_of(state), "subuid", text, sizeof(text) - 1);
	assert_int_equal(subid_table_load(etc_of(state), SUBID_UID, &table), 0);
	assert_int_equal(table.n, 1);
	assert_string_equal(show(&table.malformed), "5:9");
	assert_int_equal(subid_table_cut(&table, 0, (struct id_range){ 8, 1 }), 0);
	assert_int_equal(subid_table_print(&table, write_on, &paper), 0);
	assert_int_equal(paper.len, sizeof(text) - 1 + 7); /* a newline, b:9:5 and one */
	assert_memory_equal(paper.text, "a\0b:5:9\n\0\na:5:9\0x\nb:7:1\n\0\nb:9:5\n",
			    paper.len);
}

static void test_print_fails(void **state)
{
	auto_table struct subid_table table = { .exists = false };
	struct paper paper;
	size_t calls = 0;
	int r;

	load(etc_of(state), "# x\na:100:10\n# y\nb:5:9\n# z", &table);
	cut_all(&table, "a", (struct id_range){ 105, 1 });
	cut_all(&table, "b", (struct id_range){ 5, 1 });
	do {
		paper = (struct paper){ .calls_left = ++calls };
		r = subid_table_print(&table, write_on, &paper);
		assert_true(r == 0 || r == -ENOSPC);
	} while (r != 0);
	assert_int_equal(calls, 11); /* 10 pieces */
	assert_string_equal(paper.text, "# x\na:100:5\n# y\nb:6:8\n# z\na:106:4\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_print_unchanged),
		scratch_test(test_print_zero_bytes),
		scratch_test(test_print_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
