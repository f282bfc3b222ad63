/* SPDX-License-Identifier: MIT */
/*
 * Whose entries, with an index and without one.
 *
 * wrap: reallocarray realloc malloc read __read_chk
 */
#include <sys/mman.h>

#include "file_faults.h"
#include "model.h"
#include "table_support.h"

#define TEN  "aaaaaaaaaa"
#define LONG TEN TEN TEN TEN TEN TEN "aaaaa" /* 65 bytes */

static void test_holdings(void **state)
{
	static const char text[] =
	    "# "
	    "alice:1:1\nalice:100:10\nbob:200:10\n1000:300:10\nalice:0400:1\nalicex:500:"
	    "1\n"
	    "alic:600:1\nal:700:1\nalice:800:10 \n10000:900:1\nALICE:950:1\nalice:1000:1";
	static const struct {
		struct subid_owner_name spellings[3];
		size_t n;
		struct subid_owned_range want[4];
		size_t n_want;
	} cases[] = {
		{ { { "alice", 5 } }, 1, { { { 100, 10 }, 2 }, { { 1000, 1 }, 12 } }, 2 },
		{ { { "1000", 4 } }, 1, { { { 300, 10 }, 4 } }, 1 },
		{ { { "alice", 5 }, { "1000", 4 } },
		  2,
		  { { { 100, 10 }, 2 }, { { 300, 10 }, 4 }, { { 1000, 1 }, 12 } },
		  3 },
		{ { { "1000", 4 }, { "al", 2 }, { "alice", 5 } },
		  3,
		  { { { 100, 10 }, 2 },
		    { { 300, 10 }, 4 },
		    { { 700, 1 }, 8 },
		    { { 1000, 1 }, 12 } },
		  4 },
		{ { { "bob", 3 }, { "bob", 3 } }, 2, { { { 200, 10 }, 3 } }, 1 },
		{ { { "alicexx", 5 } },
		  1,
		  { { { 100, 10 }, 2 }, { { 1000, 1 }, 12 } },
		  2 },
		{ { { "carol", 5 } }, 1, { { { 0, 0 }, 0 } }, 0 },
		{ { { "a", 1 } }, 1, { { { 0, 0 }, 0 } }, 0 },
		{ { { "alice:100", 9 } }, 1, { { { 0, 0 }, 0 } }, 0 },
		{ { { "alice", 5 } }, 0, { { { 0, 0 }, 0 } }, 0 },
	};
	struct subid_text table = { .bytes = NULL };

	put_file(etc_of(state), "subuid", text);
	assert_int_equal(subid_text_read(etc_of(state), "subuid", false, &table), 0);
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct subid_owned_range *got = NULL;
		size_t n = 77;

		assert_int_equal(
		    subid_owned_ranges(&table, cases[i].spellings, cases[i].n, &got, &n),
		    0);
		if (n != cases[i].n_want || (n == 0 && got != NULL))
			fail_msg("case %zu: %zu holdings", i, n);
		for (size_t k = 0; k < n; k++)
			if (!id_range_equal(got[k].range, cases[i].want[k].range) ||
			    got[k].line != cases[i].want[k].line)
				fail_msg("case %zu: %u:%u in line %zu", i,
					 got[k].range.start, got[k].range.count,
					 got[k].line);
		free(got);
	}
	subid_text_free(&table);
}

/* More holdings than the first guess has room for, and one spelling in many. */
static void test_many_holdings(void **state)
{
	char text[4096], *at = text;
	struct subid_text table;
	struct subid_owner_name alice = { "alice", 5 };
	struct subid_owned_range *got = NULL;
	size_t n = 0;

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		at += sprintf(at, "%s:%u:1\n", i % 2 == 0 ? "alice" : "bob", i * 10);
	table = (struct subid_text){ .bytes = text, .size = (size_t)(at - text) };
	assert_int_equal(subid_owned_ranges(&table, &alice, 1, &got, &n), 0);
	assert_int_equal(n, 50);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(got[i].range.start, i * 20);
		assert_int_equal(got[i].line, i * 2 + 1);
	}
	free(got);
}

/* What several spellings have, together, with and without an index. */
static void test_table_holdings(void **state)
{
	static const char text[] =
	    "a:100:10\n1000:110:5\nab:200:1\n" LONG ":300:1\na:90:5\n"
	    "b:400:1\n1000:0500:1\na:105:20\n"
	    "f:4294967294:1\nf:10:2\nf:7:2\nf:5:3\nf:5:1\nf:1:3\n"; /* falling */
	static const struct {
		struct subid_owner_name spellings[3];
		size_t n;
		const char *want;
	} cases[] = {
		{ { { "a", 1 } }, 1, "90:5 100:25" },
		{ { { "1000", 4 } }, 1, "110:5" },
		{ { { "1000", 4 }, { "a", 1 } }, 2, "90:5 100:25" },
		{ { { "1000", 4 }, { "b", 1 } }, 2, "110:5 400:1" },
		{ { { "ab", 2 }, { "b", 1 }, { "x", 1 } }, 3, "200:1 400:1" },
		{ { { LONG, 65 } }, 1, "300:1" }, /* as long as "a", modulo 64 */
		{ { { LONG, 65 }, { "a", 1 } }, 2, "90:5 100:25 300:1" },
		{ { { "f", 1 } }, 1, "1:3 5:4 10:2 4294967294:1" },
		{ { { "x", 1 } }, 1, "" },
		{ { { "a", 1 } }, 0, "" },
		{ { { "a:1", 3 } }, 1, "" },
	};

	for (size_t i = 0; i < 2 * ARRAY(cases); i++) {
		auto_table struct subid_table table = { .exists = false };
		auto_set struct subid_set got = { .ranges = NULL };
		int r;

		load(etc_of(state), text, &table);
		if (i % 2 == 1)
			assert_int_equal(subid_table_index(&table), 0);
		r = subid_table_owned(&table, cases[i / 2].spellings, cases[i / 2].n,
				      &got);
		if (r != 0 || strcmp(show(&got), cases[i / 2].want) != 0)
			fail_msg("case %zu, index %zu: answer %d, %s", i / 2, i % 2, r,
				 show(&got));
		/* what is cut is held no more, and what was there is added to */
		cut_all(&table, "a", (struct id_range){ 0, 1000 });
		r = subid_table_owned(&table, &cases[0].spellings[0], 1, &got);
		assert_int_equal(r, 0);
		assert_string_equal(show(&got), cases[i / 2].want);
		until_failure = 1;
		subid_set_free(&got);
		r = subid_table_owned(&table, cases[3].spellings, 2, &got);
		until_failure = 0;
		assert_int_equal(r, -ENOMEM);
	}
}

/* Random changes of two tables, one indexed: they stay the same. */
static void test_index_changes_no_answer(void **state)
{
	static const char *const owners[] = {
		"a", "b", "ab", "alice", "1000", "!released"
	};
	struct draw numbers = { .state = 1414213 };

	for (unsigned int turn = 0; turn < 60; turn++) {
		auto_table struct subid_table plain = { .exists = false },
					      indexed = plain;
		char text[1024], *at = text;
		uint32_t lines = draw(&numbers, 20);

		text[0] = '\0';
		while (lines-- > 0)
			at += sprintf(at, "%s:%u:%u\n",
				      owners[draw(&numbers, ARRAY(owners))],
				      draw(&numbers, 400), 1 + draw(&numbers, 40));
		load(etc_of(state), text, &plain);
		load(etc_of(state), text, &indexed);
		assert_int_equal(subid_table_index(&indexed), 0);
		for (unsigned int step = 0; step < 60; step++) {
			const char *owner = owners[draw(&numbers, ARRAY(owners))];
			struct id_range r = { draw(&numbers, 400),
					      1 + draw(&numbers, 40) };
			size_t n_plain, n_indexed, len = strlen(owner);

			if (draw(&numbers, 2) == 0) {
				assert_int_equal(subid_table_add(&plain, owner, len, r),
						 0);
				assert_int_equal(subid_table_add(&indexed, owner, len, r),
						 0);
			} else {
				auto_set struct subid_set left = { .ranges = NULL };

				cut_all(&plain, owner, r);
				cut_all(&indexed, owner, r);
				for (size_t i = 0; i < indexed.n; i++)
					if (indexed.entries[i].owner_len == len &&
					    memcmp(subid_table_owner(&indexed,
								     &indexed.entries[i]),
						   owner, len) == 0)
						assert_int_equal(
						    subid_set_insert(
							&left, indexed.entries[i].range),
						    0);
				if (subid_set_meets(&left, r, NULL))
					fail_msg(
					    "turn %u, step %u: %s keeps ids of %u:%u",
					    turn, step, owner, r.start, r.count);
			}
			/* a cut may split lines in another order: compare the ids */
			for (size_t k = 0; k < ARRAY(owners); k++) {
				(void)walk(&plain, owners[k], &n_plain);
				(void)walk(&indexed, owners[k], &n_indexed);
				if (n_plain != n_indexed)
					fail_msg("turn %u, step %u: %zu and %zu of %s",
						 turn, step, n_plain, n_indexed,
						 owners[k]);
			}
		}
		for (size_t k = 0; k < ARRAY(owners); k++) {
			size_t n, again;
			uint64_t before = walk(&indexed, owners[k], &n), after;

			assert_int_equal(subid_table_index(&indexed), 0);
			after = walk(&indexed, owners[k], &again);
			assert_int_equal(n, again);
			assert_int_equal(before, after);
		}
	}
}

/*
 * A cut in the middle of several overlapping lines adds entries while the walk
 * goes on and the index grows: it still reaches every line.
 */
static void test_walk_while_index_grows(void **state)
{
	for (unsigned int lines = 1; lines <= 40; lines++) {
		auto_table struct subid_table table = { .exists = false };
		auto_set struct subid_set taken = { .ranges = NULL };
		char text[1024], *at = text;

		for (unsigned int i = 0; i < lines; i++)
			at += sprintf(at, "a:%u:100\n", 100 + i);
		load(etc_of(state), text, &table);
		assert_int_equal(subid_table_index(&table), 0);
		/* parts that are new entries, then parts of those */
		cut_all(&table, "a", (struct id_range){ 145, 1 });
		cut_all(&table, "a", (struct id_range){ 165, 1 });
		cut_all(&table, "a", (struct id_range){ 155, 1 });
		cut_all(&table, "a", (struct id_range){ 175, 1 });
		assert_int_equal(subid_table_taken(&table, &taken), 0);
		for (uint32_t id = 145; id <= 175; id += 10)
			if (subid_set_meets(&taken, (struct id_range){ id, 1 }, NULL))
				fail_msg("%u lines: %u was not cut from each", lines, id);
	}
}

/* Many owners, so that buckets are shared and the index is as large as they. */
static void test_index_of_many(void **state)
{
	enum { OWNERS = 3000 };
	auto_table struct subid_table table = { .exists = false };
	char *text = malloc(OWNERS * 40), *at = text;

	assert_non_null(text);
	for (unsigned int i = 0; i < OWNERS; i++)
		at += sprintf(at, "user%u:%u:1\n", i % (OWNERS / 2), i);
	load(etc_of(state), text, &table);
	free(text);
	assert_int_equal(subid_table_index(&table), 0);
	assert_true(table.bucket_mask + 1 >= OWNERS); /* about one entry in each */
	for (unsigned int i = 0; i < OWNERS / 2; i++) {
		char owner[16];
		size_t n, first;

		(void)snprintf(owner, sizeof(owner), "user%u", i);
		first = subid_table_first(&table, owner, strlen(owner));
		assert_true(first == i || first == i + OWNERS / 2);
		(void)walk(&table, owner, &n);
		assert_int_equal(n, 2);
	}
	assert_int_equal(subid_table_first(&table, "user", 4), table.n);
	assert_int_equal(subid_table_first(&table, "user30000", 9), table.n);
}

/* Every byte counts, and none behind the owner is looked at. */
static void test_hash(void **state)
{
	char *page =
	    mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(page != MAP_FAILED);
	assert_int_equal(mprotect(page + 4096, 4096, PROT_NONE), 0);
	for (size_t len = 0; len < 40; len++) {
		char *owner = page + 4096 - len;
		size_t hash;

		memset(owner, 'x', len);
		hash = subid_table_hash(owner, len);
		assert_int_equal(subid_table_hash(owner, len), hash);
		for (size_t i = 0; i < len; i++) {
			owner[i] = 'y';
			assert_int_not_equal(subid_table_hash(owner, len), hash);
			owner[i] = 'x';
		}
		if (len > 0)
			assert_int_not_equal(subid_table_hash(owner, len - 1), hash);
	}
	assert_int_equal(munmap(page, 8192), 0);
}

static void test_holdings_no_memory(void **state)
{
	static char text[] = "a:1:1\na:2:1\na:3:1\na:4:1\na:5:1\na:6:1\na:7:1\na:8:1\n"
			     "a:9:1\na:10:1\n";
	struct subid_text table = { .bytes = text, .size = sizeof(text) - 1 };
	struct subid_owner_name a = { "a", 1 };
	struct subid_owned_range *got = NULL;
	size_t n = 77;
	unsigned int turn;
	int r = -ENOMEM;

	(void)state;
	for (turn = 1; r != 0; turn++) {
		until_failure = turn;
		r = subid_owned_ranges(&table, &a, 1, &got, &n);
		until_failure = 0;
		if (r == 0)
			continue;
		assert_int_equal(r, -ENOMEM);
		assert_null(got);
		assert_int_equal(n, 77);
	}
	assert_true(turn > 2); /* one at least has failed */
	assert_int_equal(n, 10);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_holdings),
		cmocka_unit_test(test_many_holdings),
		scratch_test(test_table_holdings),
		scratch_test(test_index_changes_no_answer),
		scratch_test(test_walk_while_index_grows),
		scratch_test(test_index_of_many),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_holdings_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
