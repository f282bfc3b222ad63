/* SPDX-License-Identifier: MIT */
/*
 * Entries added and cut.
 *
 * wrap: reallocarray realloc malloc read __read_chk
 */
#include "file_faults.h"
#include "table_support.h"

#define LAST 4294967294U

/*
 * Cuts and additions, and the file's text after them.  cut: out of every entry
 * of owner; add: for the same one.
 */
struct edit_case {
	const char *before;
	const char *owner;
	struct id_range cut;
	struct id_range add;
	const char *after;
	const char *taken;
};

static const struct edit_case edits[] = {
	/* at the end of the file */
	{ "", "a", { 0, 0 }, { 5, 9 }, "a:5:9\n", "5:9" },
	{ "b:50:9\n", "a", { 0, 0 }, { 5, 9 }, "b:50:9\na:5:9\n", "5:9 50:9" },
	{ "b:50:9", "a", { 0, 0 }, { 5, 9 }, "b:50:9\na:5:9\n", "5:9 50:9" },
	{ "# x", "a", { 0, 0 }, { 5, 9 }, "# x\na:5:9\n", "5:9" },
	{ "\n", "a", { 0, 0 }, { 5, 9 }, "\na:5:9\n", "5:9" },
	{ "b:0:0", "a", { 0, 0 }, { 5, 9 }, "b:0:0\na:5:9\n", "0:4294967295" },
	{ "b:5:1\n",
	  "a",
	  { 0, 0 },
	  { LAST, 1 },
	  "b:5:1\na:4294967294:1\n",
	  "5:1 4294967294:1" },
	/* the whole line */
	{ "a:100:10\n", "a", { 100, 10 }, { 0, 0 }, "", "" },
	{ "a:100:10", "a", { 100, 10 }, { 0, 0 }, "", "" },
	{ "a:100:10\n", "a", { 0, UINT32_MAX }, { 0, 0 }, "", "" },
	{ "b:5:9\na:100:10\n# x\n", "a", { 90, 30 }, { 0, 0 }, "b:5:9\n# x\n", "5:9" },
	{ "b:5:9\na:100:10", "a", { 100, 10 }, { 0, 0 }, "b:5:9\n", "5:9" },
	{ "a:100:10\nb:5:9", "a", { 100, 10 }, { 0, 0 }, "b:5:9", "5:9" },
	{ "\n\na:100:10\n\n\n", "a", { 100, 10 }, { 0, 0 }, "\n\n\n\n", "" },
	{ "a:100:10\na:100:10\n", "a", { 100, 10 }, { 0, 0 }, "", "" },
	/* its start (28 and 32 of shadow's tests/subids) */
	{ "foo:100000:10000\n",
	  "foo",
	  { 100000, 6000 },
	  { 0, 0 },
	  "foo:106000:4000\n",
	  "106000:4000" },
	{ "foo:100000:10000\n",
	  "foo",
	  { 100000, 9999 },
	  { 0, 0 },
	  "foo:109999:1\n",
	  "109999:1" },
	{ "foo:100000:10000\n",
	  "foo",
	  { 5000, 95001 },
	  { 0, 0 },
	  "foo:100001:9999\n",
	  "100001:9999" },
	/* its middle (29): the lower part stays, the upper one goes to the end */
	{ "foo:100000:10000\nfoo:200000:10000\n",
	  "foo",
	  { 205000, 2001 },
	  { 0, 0 },
	  "foo:100000:10000\nfoo:200000:5000\nfoo:207001:2999\n",
	  "100000:10000 200000:5000 207001:2999" },
	{ "foo:100000:10000\n",
	  "foo",
	  { 100001, 5999 },
	  { 0, 0 },
	  "foo:100000:1\nfoo:106000:4000\n",
	  "100000:1 106000:4000" },
	{ "foo:100000:10000\n",
	  "foo",
	  { 105000, 4999 },
	  { 0, 0 },
	  "foo:100000:5000\nfoo:109999:1\n",
	  "100000:5000 109999:1" },
	{ "a:100:10", "a", { 105, 1 }, { 0, 0 }, "a:100:5\na:106:4\n", "100:5 106:4" },
	{ "a:100:10\nb:5:9",
	  "a",
	  { 105, 1 },
	  { 0, 0 },
	  "a:100:5\nb:5:9\na:106:4\n",
	  "5:9 100:5 106:4" },
	{ "a:100:10\na:200:10\n# x",
	  "a",
	  { 105, 100 },
	  { 0, 0 },
	  "a:100:5\na:205:5\n# x",
	  "100:5 205:5" },
	/* its end (30, 33) */
	{ "foo:100000:10000\n",
	  "foo",
	  { 100001, 9999 },
	  { 0, 0 },
	  "foo:100000:1\n",
	  "100000:1" },
	{ "foo:100000:10000",
	  "foo",
	  { 109999, 1 },
	  { 0, 0 },
	  "foo:100000:9999\n",
	  "100000:9999" },
	{ "foo:100000:10000\n",
	  "foo",
	  { 105000, 15001 },
	  { 0, 0 },
	  "foo:100000:5000\n",
	  "100000:5000" },
	/* over two lines (34) */
	{ "foo:100000:10000\nfoo:200000:10000\n",
	  "foo",
	  { 109999, 100002 },
	  { 0, 0 },
	  "foo:100000:9999\n",
	  "100000:9999" },
	/* beside it (31), of another owner, of a line that is no entry */
	{ "a:100:10\n", "a", { 110, 10 }, { 0, 0 }, "a:100:10\n", "100:10" },
	{ "a:100:10\n", "a", { 90, 10 }, { 0, 0 }, "a:100:10\n", "100:10" },
	{ "a:100:10\n", "a", { 105, 0 }, { 0, 0 }, "a:100:10\n", "100:10" },
	{ "b:100:10\n", "a", { 100, 10 }, { 0, 0 }, "b:100:10\n", "100:10" },
	{ "ab:100:10\na:200:5\n",
	  "a",
	  { 100, 10 },
	  { 0, 0 },
	  "ab:100:10\na:200:5\n",
	  "100:10 200:5" },
	{ "a:0100:10\n", "a", { 64, 100 }, { 0, 0 }, "a:0100:10\n", "64:10 100:10" },
	{ "#a:100:10\n", "a", { 100, 10 }, { 0, 0 }, "#a:100:10\n", "100:10" },
	{ "a:100:10 \n", "a", { 100, 10 }, { 0, 0 }, "a:100:10 \n", "100:10" },
	/* both, with odd lines around */
	{ "# 1\na:100:10\n\n# 2\na:0x9:1\nb:5:2",
	  "a",
	  { 105, 1 },
	  { 300, 1 },
	  "# 1\na:100:5\n\n# 2\na:0x9:1\nb:5:2\na:106:4\na:300:1\n",
	  "0:1 5:2 9:1 100:5 106:4 300:1" },
	{ "a:100:10\n# x", "a", { 100, 10 }, { 100, 10 }, "# x\na:100:10\n", "100:10" },
	{ "a:100:10", "a", { 100, 10 }, { 100, 10 }, "a:100:10\n", "100:10" },
	/* the last ids */
	{ "a:1:4294967294\n",
	  "a",
	  { 2, 4294967292U },
	  { 0, 0 },
	  "a:1:1\na:4294967294:1\n",
	  "1:1 4294967294:1" },
};

/* With an index the lines of an owner may come in another order, no more. */
static void test_edit(void **state)
{
	for (size_t i = 0; i < 2 * ARRAY(edits); i++) {
		const struct edit_case *c = &edits[i / 2];
		bool indexed = i % 2 == 1;
		auto_table struct subid_table table = { .exists = false };
		auto_set struct subid_set taken = { .ranges = NULL };

		load(etc_of(state), c->before, &table);
		if (indexed)
			assert_int_equal(subid_table_index(&table), 0);
		cut_all(&table, c->owner, c->cut);
		if (c->add.count > 0)
			assert_int_equal(
			    subid_table_add(&table, c->owner, strlen(c->owner), c->add),
			    0);
		if (strcmp(print(&table), c->after) != 0)
			fail_msg("case %zu, %s, index %d: \"%s\"", i / 2, c->before,
				 indexed, print(&table));
		if (c->add.count == 0 &&
		    table.changed != (strcmp(c->before, c->after) != 0))
			fail_msg("case %zu, %s: changed %d", i / 2, c->before,
				 table.changed);
		assert_int_equal(subid_table_taken(&table, &taken), 0);
		if (strcmp(show(&taken), c->taken) != 0)
			fail_msg("case %zu, %s: taken %s", i / 2, c->before,
				 show(&taken));
	}
}

/* A new entry may be cut like any other, and is then not printed at all. */
static void test_cut_new_entry(void **state)
{
	auto_table struct subid_table table = { .exists = false };

	load(etc_of(state), "b:5:9\n", &table);
	assert_int_equal(subid_table_add(&table, "a", 1, (struct id_range){ 100, 10 }),
			 0);
	cut_all(&table, "a", (struct id_range){ 103, 2 });
	assert_string_equal(print(&table), "b:5:9\na:100:3\na:105:5\n");
	cut_all(&table, "a", (struct id_range){ 0, 104 });
	assert_string_equal(print(&table), "b:5:9\na:105:5\n");
	cut_all(&table, "a", (struct id_range){ 0, 1000 });
	assert_string_equal(print(&table), "b:5:9\n");
	assert_int_equal(subid_table_first(&table, "a", 1), table.n);
}

/* Entries changed in any order are printed in that of the file. */
static void test_cut_in_any_order(void **state)
{
	static const char *const orders[] = { "01234", "43210", "20413", "3",
					      "41",    "14",	"" };

	for (size_t i = 0; i < ARRAY(orders); i++) {
		auto_table struct subid_table table = { .exists = false };
		char want[128], *at = want;

		load(etc_of(state),
		     "a:100:10\n#\na:200:10\na:300:10\n\na:400:10\na:500:9", &table);
		for (const char *o = orders[i]; *o != '\0'; o++)
			assert_int_equal(
			    subid_table_cut(
				&table, (size_t)(*o - '0'),
				(struct id_range){ ((uint32_t)(*o - '0') + 1) * 100, 1 }),
			    0);
		for (unsigned int k = 0; k < 5; k++) {
			bool cut = strchr(orders[i], (int)('0' + k)) != NULL;

			at += sprintf(at, "a:%u:%u%s", (k + 1) * 100 + cut,
				      (k == 4 ? 9U : 10U) - cut,
				      k == 4 && !cut ? "" : "\n");
			at += sprintf(at, "%s", k == 0 ? "#\n" : k == 2 ? "\n" : "");
		}
		if (strcmp(print(&table), want) != 0)
			fail_msg("order %s: \"%s\"", orders[i], print(&table));
	}
}

static void test_add_refuses(void **state)
{
	static const struct {
		const char *owner;
		struct id_range range;
	} cases[] = {
		{ "", { 5, 9 } },	    { "a:b", { 5, 9 } },
		{ "a\n", { 5, 9 } },	    { "#a", { 5, 9 } },
		{ " a", { 5, 9 } },	    { "a", { 5, 0 } },
		{ "a", { UINT32_MAX, 1 } }, { "a", { LAST, 2 } },
		{ "a", { 1, UINT32_MAX } },
	};
	auto_table struct subid_table table = { .exists = false };

	load(etc_of(state), "b:5:9\n", &table);
	for (size_t i = 0; i < ARRAY(cases); i++) {
		int r = subid_table_add(&table, cases[i].owner, strlen(cases[i].owner),
					cases[i].range);

		if (r != -EINVAL || table.changed || table.n != 1)
			fail_msg("case %zu: %d", i, r);
	}
	assert_string_equal(print(&table), "b:5:9\n");
}

/* The owner is copied: the caller's bytes may go, also when they are the table's. */
static void test_add_copies_owner(void **state)
{
	auto_table struct subid_table table = { .exists = false };
	char owner[] = "alice";

	load(etc_of(state), "", &table);
	assert_int_equal(subid_table_add(&table, owner, 5, (struct id_range){ 1, 1 }), 0);
	memcpy(owner, "xxxxx", 5);
	for (uint32_t i = 1; i < 100; i++) {
		const struct subid_entry *last = &table.entries[table.n - 1];

		assert_int_equal(subid_table_add(&table, subid_table_owner(&table, last),
						 last->owner_len,
						 (struct id_range){ i * 2 + 1, 1 }),
				 0);
	}
	for (size_t i = 0; i < table.n; i++) {
		const struct subid_entry *entry = &table.entries[i];

		assert_int_equal(entry->owner_len, 5);
		assert_memory_equal(subid_table_owner(&table, entry), "alice", 5);
		assert_int_equal(subid_table_line(&table, entry), 0);
		assert_int_equal(entry->range.start, i * 2 + 1);
	}
}

/* Every allocation made to fail in turn: -ENOMEM, and no line is lost. */
static void test_change_no_memory(void **state)
{
	static const char text[] = "a:100:10\nb:0x9:1\nc:5:9\nd:0:9:\n";
	int r = -ENOMEM;
	unsigned int turn;

	for (turn = 1, r = -ENOMEM; r != 0; turn++) {
		auto_table struct subid_table table = { .exists = false };
		auto_set struct subid_set taken = { .ranges = NULL };
		size_t n = 0;

		load(etc_of(state), text, &table);
		assert_int_equal(subid_table_index(&table), 0);
		until_failure = turn;
		for (uint32_t i = 0; i < 120 && (i == 0 || r == 0); i++)
			r = subid_table_add(&table, "e", 1,
					    (struct id_range){ 1000 + i * 4, 3 });
		for (uint32_t i = 0; r == 0 && i < 120; i++)
			r = subid_table_cut(&table, 2 + i,
					    (struct id_range){ 1001 + i * 4, 1 });
		if (r == 0)
			r = subid_table_cut(&table, 0, (struct id_range){ 105, 1 });
		if (r == 0)
			r = subid_table_index(&table);
		if (r == 0)
			r = subid_table_taken(&table, &taken);
		until_failure = 0;
		assert_true(r == 0 || r == -ENOMEM);
		/* all lines are there, with the index or without one */
		(void)walk(&table, "a", &n);
		assert_true(n == 1 || n == 2);
		assert_non_null(strstr(print(&table), "c:5:9\nd:0:9:\n"));
	}
	assert_true(turn > 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_edit),
		scratch_test(test_cut_new_entry),
		scratch_test(test_cut_in_any_order),
		scratch_test(test_add_refuses),
		scratch_test(test_add_copies_owner),
		scratch_test(test_change_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
