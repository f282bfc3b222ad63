/* SPDX-License-Identifier: MIT */
#include "libsubid/tables/tables.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static struct subid_table table_of(const char *lines)
{
	struct subid_text text = { .bytes = strdup(lines), .size = strlen(lines) };
	struct subid_table table;

	assert_non_null(text.bytes);
	assert_int_equal(subid_table_from_text(SUBID_UID, &text, &table), 0);
	return table;
}

static void test_cases(void **state)
{
	auto_table struct subid_table table = table_of("alice:100000:10\n"
						       "!released:200000:10\n"
						       "wide:0:1000000\n"
						       "bob:100005:10\n"
						       "broken\n"
						       "bob:4294967294:1\n"
						       "carol:100010:1\n");
	static const struct {
		uint32_t id;
		size_t line; /* 0: nobody's */
	} cases[] = {
		{ 100000, 1 },	    { 100009, 1 },	{ 100010, 3 },
		{ 99999, 3 },	    { 0, 3 },		{ 999999, 3 },
		{ 200000, 2 },	    { 200009, 2 },	{ 200010, 3 },
		{ 1000000, 0 },	    { 4294967293U, 0 }, { 4294967294U, 6 },
		{ 4294967295U, 0 },
	};
	auto_id_index struct subid_id_index whose = { .n = 0 };

	(void)state;
	assert_int_equal(subid_id_index_make(&table, &whose), 0);
	for (size_t i = 0; i < ARRAY(cases); i++) {
		const struct subid_entry *entry =
		    subid_id_index_find(&whose, cases[i].id);

		assert_int_equal(entry == NULL ? 0 : subid_table_line(&table, entry),
				 cases[i].line);
	}
}

static void test_empty(void **state)
{
	auto_table struct subid_table table = table_of("");
	auto_id_index struct subid_id_index whose = { .n = 0 };

	(void)state;
	assert_int_equal(subid_id_index_make(&table, &whose), 0);
	assert_null(subid_id_index_find(&whose, 0));
	assert_null(subid_id_index_find(&whose, UINT32_MAX));
}

/* Against the slow way, on lines that overlap in all ways. */
static void test_model(void **state)
{
	char lines[64 * 40] = "";
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 60; i++) {
		seed = seed * 1103515245 + 12345;
		(void)snprintf(lines + strlen(lines), 40, "u%d:%u:%u\n", i,
			       (seed >> 8) % 200, (seed >> 16) % 40 + 1);
	}
	auto_table struct subid_table table = table_of(lines);
	auto_id_index struct subid_id_index whose = { .n = 0 };

	assert_int_equal(subid_id_index_make(&table, &whose), 0);
	for (uint32_t id = 0; id < 260; id++) {
		const struct subid_entry *wanted = NULL;
		auto_free uint32_t *all = NULL;
		size_t n = 0, n_all;

		assert_int_equal(subid_id_index_all(&whose, id, &all, &n_all), 0);
		for (size_t i = 0; i < table.n; i++) {
			if (!id_range_contains(table.entries[i].range,
					       (struct id_range){ id, 1 }))
				continue;
			wanted = wanted == NULL ? &table.entries[i] : wanted;
			assert_true(n < n_all);
			assert_int_equal(all[n++], i);
		}
		assert_int_equal(n, n_all);
		assert_ptr_equal(subid_id_index_find(&whose, id), wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
