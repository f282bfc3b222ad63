/* SPDX-License-Identifier: MIT */
/*
 * wrap: reallocarray
 */
#include "libsubid/core/core.h"
#include "libsubid/policy/policy.h"

#include "edge.h"
#include "model.h"
#include "set_support.h"

#define LAST	 4294967294U /* the last id that there is */
#define NO_ID	 4294967295U
#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* How many allocations happened, and from which on they fail; 0: none does. */
static unsigned int allocations, fail_from;

void *__wrap_reallocarray(void *pointer, size_t n, size_t size);
void *__real_reallocarray(void *pointer, size_t n, size_t size);

void *__wrap_reallocarray(void *pointer, size_t n, size_t size)
{
	allocations++;
	if (fail_from > 0 && allocations >= fail_from)
		return NULL;
	return __real_reallocarray(pointer, n, size);
}

static void count_allocations(unsigned int from)
{
	allocations = 0;
	fail_from = from;
}

static int reset_allocations(void **state)
{
	(void)state;
	count_allocations(0);
	return 0;
}

static void test_valid(void **state)
{
	static const struct {
		struct id_range range;
		uint64_t end;
		bool valid;
	} cases[] = {
		{ { 0, 0 }, 0, false },
		{ { 0, 1 }, 1, true },
		{ { 1, 0 }, 1, false },
		{ { 100000, 65536 }, 165536, true },
		{ { 0, LAST }, LAST, true },
		{ { 0, NO_ID }, NO_ID, true },
		{ { 1, LAST }, NO_ID, true },
		{ { 1, NO_ID }, 4294967296, false },
		{ { LAST, 0 }, LAST, false },
		{ { LAST, 1 }, NO_ID, true },
		{ { LAST, 2 }, 4294967296, false },
		{ { NO_ID, 0 }, NO_ID, false },
		{ { NO_ID, 1 }, 4294967296, false },
		{ { NO_ID, NO_ID }, 8589934590, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct id_range r = cases[i].range;

		if (id_range_end(r) != cases[i].end ||
		    id_range_valid(r) != cases[i].valid)
			fail_msg("%u:%u: end %ju, valid %d", r.start, r.count,
				 (uintmax_t)id_range_end(r), id_range_valid(r));
	}
}

static void test_two_ranges(void **state)
{
	static const struct {
		struct id_range a, b;
		struct id_range common;
		bool a_in_b, b_in_a;
	} cases[] = {
		{ { 10, 5 }, { 10, 5 }, { 10, 5 }, true, true },
		{ { 10, 5 }, { 15, 5 }, { 15, 0 }, false, false }, /* adjoining */
		{ { 10, 5 }, { 14, 5 }, { 14, 1 }, false, false },
		{ { 10, 5 }, { 9, 2 }, { 10, 1 }, false, false },
		{ { 10, 5 }, { 9, 1 }, { 10, 0 }, false, false },
		{ { 10, 5 }, { 11, 3 }, { 11, 3 }, false, true },
		{ { 10, 5 }, { 10, 4 }, { 10, 4 }, false, true },
		{ { 10, 5 }, { 11, 4 }, { 11, 4 }, false, true },
		{ { 10, 5 }, { 10, 6 }, { 10, 5 }, true, false },
		{ { 10, 5 }, { 9, 6 }, { 10, 5 }, true, false },
		{ { 10, 5 }, { 20, 5 }, { 20, 0 }, false, false },
		{ { 10, 5 }, { 12, 0 }, { 12, 0 }, false, false }, /* empty: in nothing */
		{ { 10, 0 }, { 10, 0 }, { 10, 0 }, false, false },
		{ { 0, 1 }, { 0, NO_ID }, { 0, 1 }, true, false },
		{ { 0, 1 }, { LAST, 1 }, { LAST, 0 }, false, false },
		{ { LAST, 1 }, { 0, NO_ID }, { LAST, 1 }, true, false },
		/* an end that does not fit in 32 bits is no small one */
		{ { NO_ID, NO_ID }, { 0, 100 }, { NO_ID, 0 }, false, false },
		{ { NO_ID, 2 }, { NO_ID, 1 }, { NO_ID, 1 }, false, true },
		{ { 1, NO_ID }, { 0, 2 }, { 1, 1 }, false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct id_range a = cases[i].a, b = cases[i].b;
		struct id_range there = id_range_common(a, b);
		struct id_range back = id_range_common(b, a);

		if (!id_range_equal(there, cases[i].common) ||
		    !id_range_equal(back, cases[i].common) ||
		    id_range_overlaps(a, b) != (cases[i].common.count > 0) ||
		    id_range_overlaps(b, a) != (cases[i].common.count > 0) ||
		    id_range_contains(b, a) != cases[i].a_in_b ||
		    id_range_contains(a, b) != cases[i].b_in_a)
			fail_msg("%u:%u and %u:%u: common %u:%u", a.start, a.count,
				 b.start, b.count, there.start, there.count);
	}
	assert_true(id_range_equal((struct id_range){ 1, 2 }, (struct id_range){ 1, 2 }));
	assert_false(
	    id_range_equal((struct id_range){ 1, 2 }, (struct id_range){ 1, 3 }));
	assert_false(
	    id_range_equal((struct id_range){ 1, 2 }, (struct id_range){ 2, 2 }));
}

static void test_between(void **state)
{
	static const struct {
		uint64_t first, end;
		struct id_range want;
	} cases[] = {
		{ 0, 0, { 0, 0 } },
		{ 0, 1, { 0, 1 } },
		{ 5, 5, { 0, 0 } },
		{ 6, 5, { 0, 0 } },
		{ 5, 6, { 5, 1 } },
		{ 0, LAST, { 0, LAST } },
		{ 0, NO_ID, { 0, NO_ID } },
		{ 0, 4294967296, { 0, NO_ID } },
		{ 1, 4294967296, { 1, LAST } },
		{ 0, UINT64_MAX, { 0, NO_ID } },
		{ LAST, NO_ID, { LAST, 1 } },
		{ LAST, UINT64_MAX, { LAST, 1 } },
		{ NO_ID, 4294967296, { 0, 0 } },
		{ 4294967296, 4294967297, { 0, 0 } }, /* not the id 0 */
		{ UINT64_MAX, UINT64_MAX, { 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct id_range got = id_range_between(cases[i].first, cases[i].end);

		if (!id_range_equal(got, cases[i].want))
			fail_msg("[%ju, %ju): %u:%u", (uintmax_t)cases[i].first,
				 (uintmax_t)cases[i].end, got.start, got.count);
	}
}

static void test_without(void **state)
{
	static const struct {
		struct id_range r, cut;
		size_t n;
		struct id_range left[2];
	} cases[] = {
		{ { 100, 10 }, { 100, 10 }, 0, { { 0, 0 } } },
		{ { 100, 10 }, { 99, 12 }, 0, { { 0, 0 } } },
		{ { 100, 10 }, { 0, NO_ID }, 0, { { 0, 0 } } },
		{ { 100, 10 }, { 0, 100 }, 1, { { 100, 10 } } },
		{ { 100, 10 }, { 0, 101 }, 1, { { 101, 9 } } },
		{ { 100, 10 }, { 100, 1 }, 1, { { 101, 9 } } },
		{ { 100, 10 }, { 101, 1 }, 2, { { 100, 1 }, { 102, 8 } } },
		{ { 100, 10 }, { 104, 2 }, 2, { { 100, 4 }, { 106, 4 } } },
		{ { 100, 10 }, { 108, 1 }, 2, { { 100, 8 }, { 109, 1 } } },
		{ { 100, 10 }, { 109, 1 }, 1, { { 100, 9 } } },
		{ { 100, 10 }, { 109, 50 }, 1, { { 100, 9 } } },
		{ { 100, 10 }, { 110, 5 }, 1, { { 100, 10 } } },
		{ { 100, 10 }, { 105, 0 }, 1, { { 100, 10 } } },
		{ { 100, 0 }, { 100, 1 }, 0, { { 0, 0 } } },
		{ { 0, NO_ID }, { 0, 1 }, 1, { { 1, LAST } } },
		{ { 0, NO_ID }, { LAST, 1 }, 1, { { 0, LAST } } },
		{ { 0, NO_ID }, { 1, LAST - 1 }, 2, { { 0, 1 }, { LAST, 1 } } },
		{ { LAST, 1 }, { LAST, 1 }, 0, { { 0, 0 } } },
		{ { LAST, 1 }, { NO_ID, 1 }, 1, { { LAST, 1 } } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct id_range left[2] = { { 0, 0 } };
		size_t n = subid_range_without(cases[i].r, cases[i].cut, left);

		if (n != cases[i].n ||
		    (n > 0 && !id_range_equal(left[0], cases[i].left[0])) ||
		    (n > 1 && !id_range_equal(left[1], cases[i].left[1])))
			fail_msg("%u:%u without %u:%u: %zu left, %u:%u %u:%u",
				 cases[i].r.start, cases[i].r.count, cases[i].cut.start,
				 cases[i].cut.count, n, left[0].start, left[0].count,
				 left[1].start, left[1].count);
	}
}

#define TEXT(literal) (literal), sizeof(literal) - 1

static void test_id_parse(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		int answer;
		uint32_t id;
	} cases[] = {
		{ TEXT("0"), 0, 0 },
		{ TEXT("1"), 0, 1 },
		{ TEXT("9"), 0, 9 },
		{ TEXT("10"), 0, 10 },
		{ TEXT("100000"), 0, 100000 },
		{ TEXT("999999999"), 0, 999999999 },
		{ TEXT("2147483648"), 0, 2147483648 },
		{ TEXT("4294967294"), 0, LAST },
		{ TEXT("4294967295"), 0, NO_ID },
		{ TEXT("4294967296"), SUBID_INVALID, 0 },
		{ TEXT("4294967300"), SUBID_INVALID, 0 },
		{ TEXT("9999999999"), SUBID_INVALID, 0 },
		{ TEXT("10000000000"), SUBID_INVALID, 0 },
		{ TEXT("18446744073709551615"), SUBID_INVALID, 0 },
		{ TEXT("18446744073709551616"), SUBID_INVALID, 0 }, /* 2^64 */
		{ TEXT("18446744073709551617"), SUBID_INVALID, 0 },
		{ TEXT(""), SUBID_INVALID, 0 },
		{ TEXT("00"), SUBID_INVALID, 0 },
		{ TEXT("01"), SUBID_INVALID, 0 },
		{ TEXT("0100000"), SUBID_INVALID, 0 },
		{ TEXT("0x10"), SUBID_INVALID, 0 },
		{ TEXT("+1"), SUBID_INVALID, 0 },
		{ TEXT("-1"), SUBID_INVALID, 0 },
		{ TEXT("-0"), SUBID_INVALID, 0 },
		{ TEXT(" 1"), SUBID_INVALID, 0 },
		{ TEXT("1 "), SUBID_INVALID, 0 },
		{ TEXT("1\r"), SUBID_INVALID, 0 },
		{ TEXT("1\0"), SUBID_INVALID, 0 },
		{ TEXT("1a"), SUBID_INVALID, 0 },
		{ TEXT("a"), SUBID_INVALID, 0 },
		{ TEXT("1/"), SUBID_INVALID, 0 }, /* the byte before '0' */
		{ TEXT("1:"), SUBID_INVALID, 0 }, /* the byte behind '9' */
		{ TEXT("1.0"), SUBID_INVALID, 0 },
		{ TEXT("\xb2"), SUBID_INVALID, 0 },
		{ "123", 2, 0, 12 },		 /* the length counts, */
		{ "42949672950", 10, 0, NO_ID }, /* not what lies behind */
		{ "1", 0, SUBID_INVALID, 0 },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY(cases); i++) {
		size_t len = cases[i / 2].len;
		const char *text = at_edge(cases[i / 2].text, len, i % 2 == 0);
		uint32_t id = 77;
		int r = subid_id_parse(text, len, &id);

		/* an output is not set but on success */
		if (r != cases[i / 2].answer || id != (r == 0 ? cases[i / 2].id : 77))
			fail_msg("case %zu, \"%.*s\": answer %d, id %u", i / 2, (int)len,
				 text, r, id);
	}
}

static void test_range_parse(void **state)
{
	static const struct {
		const char *text;
		struct id_range want; /* count 0: no range */
	} cases[] = {
		{ "100000:65536", { 100000, 65536 } },
		{ "100000-165535", { 100000, 65536 } },
		{ "0:1", { 0, 1 } },
		{ "0-0", { 0, 1 } },
		{ "5-5", { 5, 1 } },
		{ "5-6", { 5, 2 } },
		{ "0:4294967295", { 0, NO_ID } },
		{ "0-4294967294", { 0, NO_ID } },
		{ "1:4294967294", { 1, LAST } },
		{ "4294967294:1", { LAST, 1 } },
		{ "4294967294-4294967294", { LAST, 1 } },
		{ "1:4294967295", { 0, 0 } },
		{ "4294967294:2", { 0, 0 } },
		{ "4294967295:1", { 0, 0 } },
		{ "4294967295:0", { 0, 0 } },
		{ "0-4294967295", { 0, 0 } },
		{ "4294967295-4294967295", { 0, 0 } },
		{ "5:0", { 0, 0 } },
		{ "0:0", { 0, 0 } },
		{ "6-5", { 0, 0 } },
		{ "", { 0, 0 } },
		{ "5", { 0, 0 } },
		{ ":", { 0, 0 } },
		{ "-", { 0, 0 } },
		{ "5:", { 0, 0 } },
		{ "5-", { 0, 0 } },
		{ ":5", { 0, 0 } },
		{ "-5", { 0, 0 } },
		{ "5:-1", { 0, 0 } },
		{ "5--1", { 0, 0 } },
		{ "5:6:7", { 0, 0 } },
		{ "5-6-7", { 0, 0 } },
		{ "5-6:7", { 0, 0 } },
		{ "5: 6", { 0, 0 } },
		{ "5 :6", { 0, 0 } },
		{ " 5:6", { 0, 0 } },
		{ "5:6 ", { 0, 0 } },
		{ "+5:6", { 0, 0 } },
		{ "05:6", { 0, 0 } },
		{ "5:06", { 0, 0 } },
		{ "0x5:6", { 0, 0 } },
		{ "5,6", { 0, 0 } },
		{ "alice", { 0, 0 } },
		{ "5:18446744073709551617", { 0, 0 } },
		{ "18446744073709551621:1", { 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct id_range got = { 0, 0 };
		size_t size = strlen(cases[i].text) + 1;
		int r = subid_range_parse(at_edge(cases[i].text, size, true), &got);

		if (r != (cases[i].want.count > 0 ? 0 : SUBID_INVALID) ||
		    !id_range_equal(got, cases[i].want))
			fail_msg("\"%s\": answer %d, %u:%u", cases[i].text, r, got.start,
				 got.count);
	}
}

/* What is added, in this order, and what the set is then: both ways of adding. */
static void test_add(void **state)
{
	static const struct {
		struct id_range add[4];
		const char *want;
		bool in_order; /* needs no sorting */
	} cases[] = {
		{ { { 0, 0 } }, "", true },
		{ { { 5, 0 } }, "", true },
		{ { { 0, 1 } }, "0:1", true },
		{ { { 5, 5 }, { 20, 5 } }, "5:5 20:5", true },
		{ { { 5, 5 }, { 10, 5 } }, "5:10", true }, /* adjoining */
		{ { { 5, 5 }, { 11, 5 } }, "5:5 11:5", true },
		{ { { 5, 5 }, { 9, 5 } }, "5:9", true },
		{ { { 5, 5 }, { 5, 5 } }, "5:5", true },
		{ { { 5, 5 }, { 5, 9 } }, "5:9", true },
		{ { { 5, 9 }, { 6, 2 } }, "5:9", true },
		{ { { 5, 5 }, { 4, 1 } }, "4:6", false },
		{ { { 5, 5 }, { 3, 1 } }, "3:1 5:5", false },
		{ { { 20, 5 }, { 5, 5 }, { 10, 10 } }, "5:20", false },
		{ { { 20, 5 }, { 5, 5 }, { 10, 9 } }, "5:14 20:5", false },
		{ { { 20, 5 }, { 5, 5 }, { 11, 9 } }, "5:5 11:14", false },
		{ { { 30, 1 }, { 20, 1 }, { 10, 1 }, { 5, 40 } }, "5:40", false },
		{ { { 0, NO_ID }, { 7, 7 } }, "0:4294967295", true },
		{ { { LAST, 1 }, { 0, 1 } }, "0:1 4294967294:1", false },
		{ { { LAST, 1 }, { NO_ID, 1 } }, "4294967294:1", true },
		{ { { LAST, 9 } }, "4294967294:1", true }, /* cut to what exists */
		{ { { NO_ID, NO_ID } }, "", true },
		{ { { 4294967290U, 4 }, { LAST, NO_ID } }, "4294967290:5", true },
		{ { { 1, NO_ID }, { 0, 1 } }, "0:4294967295", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		auto_set struct subid_set added = { .ranges = NULL };
		auto_set struct subid_set inserted = { .ranges = NULL };

		for (size_t j = 0; j < ARRAY(cases[i].add); j++) {
			assert_int_equal(subid_set_add(&added, cases[i].add[j]), 0);
			assert_int_equal(subid_set_insert(&inserted, cases[i].add[j]), 0);
		}
		if (added.unsorted == cases[i].in_order)
			fail_msg("case %zu: unsorted %d", i, added.unsorted);
		subid_set_sort(&added);
		if (added.unsorted || strcmp(show(&added), cases[i].want) != 0)
			fail_msg("case %zu, added: %s", i, show(&added));
		if (inserted.unsorted || strcmp(show(&inserted), cases[i].want) != 0)
			fail_msg("case %zu, inserted: %s", i, show(&inserted));
	}
}

static void test_free_leaves_empty_set(void **state)
{
	struct subid_set set = { .ranges = NULL };

	(void)state;
	assert_int_equal(subid_set_add(&set, (struct id_range){ 9, 1 }), 0);
	assert_int_equal(subid_set_add(&set, (struct id_range){ 5, 1 }), 0);
	subid_set_free(&set);
	assert_null(set.ranges);
	assert_int_equal(set.n, 0);
	assert_int_equal(set.room, 0);
	assert_false(set.unsorted);
	assert_int_equal(subid_set_add(&set, (struct id_range){ 5, 1 }), 0);
	assert_string_equal(show(&set), "5:1");
	subid_set_free(&set);
}

static void test_questions(void **state)
{
	static const struct id_range ranges[] = {
		{ 0, 1 }, { 10, 5 }, { 16, 4 }, { 4294967290U, 5 }
	};
	static const struct {
		struct id_range asked;
		struct id_range first; /* that the set has; count 0: none */
	} cases[] = {
		{ { 0, 1 }, { 0, 1 } },
		{ { 0, 0 }, { 0, 0 } },
		{ { 10, 0 }, { 0, 0 } },
		{ { 0, NO_ID }, { 0, 1 } },
		{ { 1, 1 }, { 0, 0 } },
		{ { 1, 9 }, { 0, 0 } },
		{ { 1, 10 }, { 10, 1 } },
		{ { 9, 1 }, { 0, 0 } },
		{ { 10, 1 }, { 10, 1 } },
		{ { 10, 5 }, { 10, 5 } },
		{ { 10, 6 }, { 10, 5 } },
		{ { 14, 1 }, { 14, 1 } },
		{ { 14, 2 }, { 14, 1 } },
		{ { 14, 3 }, { 14, 1 } }, /* the first, not all */
		{ { 15, 1 }, { 0, 0 } },
		{ { 15, 2 }, { 16, 1 } },
		{ { 19, 1 }, { 19, 1 } },
		{ { 20, 1 }, { 0, 0 } },
		{ { 20, 4294967270U }, { 0, 0 } },
		{ { 20, 4294967271U }, { 4294967290U, 1 } },
		{ { LAST, 1 }, { LAST, 1 } },
		{ { LAST, 2 }, { LAST, 1 } },
		{ { NO_ID, 1 }, { 0, 0 } },
		{ { NO_ID, NO_ID }, { 0, 0 } },
	};
	const struct subid_set set = {
		/* only read */
		.ranges = (struct id_range *)(uintptr_t)ranges,
		.n = ARRAY(ranges),
	};
	const struct subid_set none = { .ranges = NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct id_range asked = cases[i].asked, got = { 0, 0 };
		bool whole = asked.count > 0 && id_range_equal(asked, cases[i].first);

		if (subid_set_meets(&set, asked, &got) != (cases[i].first.count > 0) ||
		    !id_range_equal(got, cases[i].first) ||
		    subid_set_meets(&set, asked, NULL) != (cases[i].first.count > 0))
			fail_msg("%u:%u: meets in %u:%u", asked.start, asked.count,
				 got.start, got.count);
		if (subid_set_contains(&set, asked) != whole)
			fail_msg("%u:%u: contained %d", asked.start, asked.count, !whole);
		assert_false(subid_set_meets(&none, asked, NULL));
		assert_false(subid_set_contains(&none, asked));
	}
	assert_int_equal(subid_set_size(&set), 15);
	assert_int_equal(subid_set_size(&none), 0);
}

/* A size beyond 32 bits is none that a set can have, but the largest one fits. */
static void test_size_of_everything(void **state)
{
	auto_set struct subid_set set = { .ranges = NULL };

	(void)state;
	assert_int_equal(subid_set_insert(&set, (struct id_range){ 1, NO_ID }), 0);
	assert_int_equal(subid_set_size(&set), LAST);
	assert_int_equal(subid_set_insert(&set, (struct id_range){ 0, 1 }), 0);
	assert_int_equal(subid_set_size(&set), ID_COUNT_MAX);
}

/* Random sets, made in each of the ways, with their models. */
static void draw_set(struct draw *numbers, struct model *model, struct subid_set *set,
		     bool by_insert)
{
	uint32_t n = draw(numbers, 12);

	while (n-- > 0) {
		struct id_range r = draw_range(numbers, model->base, 6);

		model_put(model, r, true);
		if (by_insert)
			assert_int_equal(subid_set_insert(set, r), 0);
		else
			assert_int_equal(subid_set_add(set, r), 0);
	}
	subid_set_sort(set);
}

/* Of the ids in r, the first run that the model has; and whether it has all. */
static struct id_range model_meets(const struct model *model, struct id_range r,
				   bool *ret_all)
{
	struct id_range first = { .count = 0 };
	bool ended = false;

	*ret_all = r.count > 0;
	for (uint64_t id = r.start; id < (uint64_t)r.start + r.count; id++) {
		bool has = id - model->base < MODEL_IDS && model->has[id - model->base];

		*ret_all &= has;
		if (has && !ended) {
			if (first.count == 0)
				first.start = (uint32_t)id;
			first.count++;
		}
		ended |= !has && first.count > 0;
	}
	return first;
}

static void check_case(struct draw *numbers, uint32_t base, unsigned int turn)
{
	auto_set struct subid_set a = { .ranges = NULL }, b = { .ranges = NULL };
	auto_set struct subid_set without = { .ranges = NULL };
	struct model in_a = { .base = base }, in_b = in_a, either = in_a, only_a = in_a;
	struct id_range r, met = { .count = 0 }, expected;
	uint64_t size = 0;
	bool all, meets;

	draw_set(numbers, &in_a, &a, false);
	draw_set(numbers, &in_b, &b, true);
	if (!model_equals(&in_a, &a))
		fail_msg("turn %u at %u: added %s", turn, base, show(&a));
	if (!model_equals(&in_b, &b))
		fail_msg("turn %u at %u: inserted %s", turn, base, show(&b));
	for (size_t i = 0; i < MODEL_IDS; i++) {
		either.has[i] = in_a.has[i] || in_b.has[i];
		only_a.has[i] = in_a.has[i] && !in_b.has[i];
		size += in_a.has[i];
	}
	if (subid_set_size(&a) != size)
		fail_msg("turn %u at %u: size of %s", turn, base, show(&a));
	assert_int_equal(subid_set_subtract(&a, &b, &without), 0);
	if (!model_equals(&only_a, &without))
		fail_msg("turn %u at %u: left %s", turn, base, show(&without));

	r = draw_range(numbers, base, 8);
	expected = model_meets(&in_a, r, &all);
	meets = subid_set_meets(&a, r, &met);
	if (meets != (expected.count > 0) || (meets && !id_range_equal(met, expected)))
		fail_msg("turn %u at %u: %s meets %u:%u in %u:%u", turn, base, show(&a),
			 r.start, r.count, met.start, met.count);
	if (subid_set_contains(&a, r) != all)
		fail_msg("turn %u at %u: %s contains %u:%u", turn, base, show(&a),
			 r.start, r.count);

	assert_int_equal(subid_set_unite(&a, &b), 0);
	if (!model_equals(&either, &a))
		fail_msg("turn %u at %u: united %s", turn, base, show(&a));
	if (!model_equals(&in_b, &b))
		fail_msg("turn %u at %u: the other is now %s", turn, base, show(&b));
}

static void test_sets_against_model(void **state)
{
	struct draw numbers = { .state = 20240229 };

	(void)state;
	for (unsigned int turn = 0; turn < 12000; turn++)
		check_case(&numbers, model_bases[turn % MODEL_BASES], turn);
}

/* All pairs of short ranges, one cut out of the other. */
static void test_without_against_model(void **state)
{
	(void)state;
	for (size_t b = 0; b < MODEL_BASES; b++) {
		for (uint32_t i = 0; i < 7 * 7 * 7 * 7; i++) {
			uint32_t base = model_bases[b] + (b == 2 ? MODEL_IDS - 10 : 0);
			struct id_range r = { base + i % 7, i / 7 % 7 };
			struct id_range cut = { base + i / 49 % 7, i / 343 };
			struct model want = { .base = model_bases[b] }, got = want;
			struct id_range left[2];
			size_t n;

			if (id_range_end(r) > ID_COUNT_MAX)
				continue;
			n = subid_range_without(r, cut, left);
			model_put(&want, r, true);
			model_put(&want, cut, false);
			for (size_t k = 0; k < n; k++) {
				model_put(&got, left[k], true);
				assert_true(left[k].count > 0);
			}
			if (n > 2 || memcmp(&got, &want, sizeof(got)) != 0 ||
			    (n == 2 && left[0].start >= left[1].start))
				fail_msg("%u:%u without %u:%u: %zu left", r.start,
					 r.count, cut.start, cut.count, n);
		}
	}
}

/* What the result held before stays, in front of what is added to it. */
static void test_subtract_keeps(void **state)
{
	auto_set struct subid_set a = { .ranges = NULL }, none = a, ret = a;

	(void)state;
	assert_int_equal(subid_set_insert(&a, (struct id_range){ 50, 5 }), 0);
	assert_int_equal(subid_set_insert(&ret, (struct id_range){ 10, 5 }), 0);
	assert_int_equal(subid_set_subtract(&a, &none, &ret), 0);
	assert_string_equal(show(&ret), "10:5 50:5");
	assert_int_equal(subid_set_subtract(&none, &a, &ret), 0);
	assert_string_equal(show(&ret), "10:5 50:5");
	subid_set_sort(&ret); /* what was in order before costs nothing and stays */
	assert_string_equal(show(&ret), "10:5 50:5");
}

static void test_reserve_is_enough(void **state)
{
	auto_set struct subid_set set = { .ranges = NULL };

	(void)state;
	count_allocations(0);
	assert_int_equal(subid_set_reserve(&set, 100), 0);
	assert_int_equal(allocations, 1);
	assert_int_equal(set.room, 100);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(subid_set_add(&set, (struct id_range){ i * 2, 1 }), 0);
	assert_int_equal(allocations, 1);
	assert_int_equal(subid_set_reserve(&set, 0), 0);
	assert_int_equal(allocations, 1);
	assert_int_equal(subid_set_reserve(&set, 1), 0);
	assert_int_equal(allocations, 2);
	assert_int_equal(set.room, 101);
	assert_int_equal(subid_set_add(&set, (struct id_range){ 200, 1 }), 0);
	assert_int_equal(subid_set_add(&set, (struct id_range){ 202, 1 }), 0);
	assert_int_equal(allocations, 3);
	assert_int_equal(set.n, 102);
}

/* A set grows by doubling: many additions, few allocations. */
static void test_growing(void **state)
{
	auto_set struct subid_set set = { .ranges = NULL };

	(void)state;
	count_allocations(0);
	for (uint32_t i = 0; i < 1024; i++)
		assert_int_equal(subid_set_insert(&set, (struct id_range){ i * 2, 1 }),
				 0);
	assert_int_equal(set.n, 1024);
	assert_int_equal(set.room, 1024);
	assert_int_equal(allocations, 7); /* 16, 32, ... 1024 */
}

/* n single ids from everywhere, none beside another, in no order. */
static void add_scattered(struct subid_set *set, uint32_t n)
{
	for (uint32_t i = 1; i <= n; i++)
		assert_int_equal(
		    subid_set_add(set, (struct id_range){ (i * 2654435761U) & ~1U, 1 }),
		    0);
}

/* Many are sorted in another way than few, and those in place without memory. */
static void test_sort_many(void **state)
{
	static const uint32_t sizes[] = { 2, 63, 64, 65, 5000 };

	(void)state;
	for (size_t s = 0; s < ARRAY(sizes); s++) {
		auto_set struct subid_set fast = { .ranges = NULL }, slow = fast;
		uint32_t n = sizes[s];

		count_allocations(0);
		add_scattered(&fast, n);
		add_scattered(&slow, n);
		assert_true(fast.unsorted && slow.unsorted);
		subid_set_sort(&fast);
		count_allocations(1);
		subid_set_sort(&slow);
		count_allocations(0);
		assert_int_equal(fast.n, n);
		assert_int_equal(slow.n, n);
		assert_memory_equal(fast.ranges, slow.ranges, n * sizeof(*fast.ranges));
		for (uint32_t i = 1; i < n; i++)
			assert_true(fast.ranges[i - 1].start < fast.ranges[i].start);
		for (uint32_t i = 1; i <= n; i++)
			assert_true(subid_set_contains(
			    &fast, (struct id_range){ (i * 2654435761U) & ~1U, 1 }));
	}
}

/* Without memory: -ENOMEM, and the set is what it was. */
static void test_no_memory(void **state)
{
	static const struct id_range apart = { 100, 1 }, adjoining = { 6, 1 };
	auto_set struct subid_set set = { .ranges = NULL }, other = set, left = set;

	(void)state;
	count_allocations(1);
	assert_int_equal(subid_set_reserve(&set, 1), -ENOMEM);
	assert_int_equal(subid_set_add(&set, apart), -ENOMEM);
	assert_int_equal(subid_set_insert(&set, apart), -ENOMEM);
	assert_int_equal(set.n, 0);

	count_allocations(0);
	assert_int_equal(subid_set_reserve(&set, 1), 0);
	assert_int_equal(subid_set_add(&set, (struct id_range){ 5, 1 }), 0);
	assert_int_equal(subid_set_reserve(&other, 2), 0);
	assert_int_equal(subid_set_add(&other, (struct id_range){ 1, 1 }), 0);
	assert_int_equal(subid_set_add(&other, apart), 0);
	count_allocations(1);
	assert_int_equal(subid_set_add(&set, apart), -ENOMEM);
	assert_int_equal(subid_set_insert(&set, apart), -ENOMEM);
	assert_int_equal(subid_set_unite(&set, &other), -ENOMEM);
	assert_int_equal(subid_set_unite(&left, &other), -ENOMEM);
	assert_int_equal(left.n, 0);
	assert_string_equal(show(&set), "5:1");
	assert_string_equal(show(&other), "1:1 100:1");
	/* what needs no room needs no memory */
	assert_int_equal(subid_set_add(&set, adjoining), 0);
	assert_int_equal(subid_set_insert(&set, (struct id_range){ 4, 1 }), 0);
	assert_string_equal(show(&set), "4:3");
	assert_int_equal(subid_set_unite(&set, &left), 0);
	assert_string_equal(show(&set), "4:3");

	/* the part before a hole, and the part behind the last one */
	count_allocations(1);
	assert_int_equal(subid_set_subtract(&other, &left, &left), -ENOMEM);
	set.ranges[0] = (struct id_range){ 101, 1 };
	other.ranges[1] = (struct id_range){ 100, 3 };
	other.ranges[0] = other.ranges[1];
	other.n = 1;
	assert_int_equal(subid_set_subtract(&other, &set, &left), -ENOMEM);
	assert_int_equal(left.n, 0);
	count_allocations(0);
	assert_int_equal(subid_set_subtract(&other, &set, &left), 0);
	assert_string_equal(show(&left), "100:1 102:1");
}

/* As many as there are ways to sort, over all ids; without memory as well. */
static void test_sort_of_many(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 63, 64, 65, 255, 256, 257, 3000 };
	struct draw numbers = { .state = 57721566 };

	(void)state;
	for (size_t i = 0; i < 6 * ARRAY(sizes); i++) {
		auto_set struct subid_set sorted = { .ranges = NULL }, want = sorted;
		uint32_t n = sizes[i / 6];

		count_allocations(0);
		assert_int_equal(subid_set_reserve(&sorted, n), 0);
		for (uint32_t k = 0; k < n; k++) {
			/* many starts that differ in one byte only */
			struct id_range r = {
				.start = draw(&numbers, 256)
					 << (i % 2 == 0 ? 0 : draw(&numbers, 4) * 8),
				.count = 1 + (draw(&numbers, UINT32_MAX) >>
					      (20 + draw(&numbers, 12))),
			};

			assert_int_equal(subid_set_add(&sorted, r), 0);
			assert_int_equal(subid_set_insert(&want, r), 0);
		}
		if (i % 3 == 2)
			count_allocations(1);
		subid_set_sort(&sorted);
		if (sorted.unsorted || sorted.n != want.n ||
		    memcmp(sorted.ranges, want.ranges, want.n * sizeof(*want.ranges)) !=
			0)
			fail_msg("case %zu, %u ranges: %zu instead of %zu", i, n,
				 sorted.n, want.n);
	}
}

/* Each kind for itself. */
static void test_sets_of_both_kinds(void **state)
{
	auto_sets struct subid_sets sets = { .of = { { .n = 0 } } };
	auto_sets struct subid_sets more = { .of = { { .n = 0 } } };
	auto_sets struct subid_sets left = { .of = { { .n = 0 } } };

	(void)state;
	assert_true(subid_sets_empty(&sets));
	assert_int_equal(subid_set_add(&sets.of[SUBID_GID], (struct id_range){ 9, 1 }),
			 0);
	assert_false(subid_sets_empty(&sets));
	assert_int_equal(subid_set_add(&sets.of[SUBID_GID], (struct id_range){ 5, 2 }),
			 0);
	assert_int_equal(subid_set_add(&sets.of[SUBID_UID], (struct id_range){ 2, 1 }),
			 0);
	subid_sets_sort(&sets);
	assert_string_equal(show(&sets.of[SUBID_UID]), "2:1");
	assert_string_equal(show(&sets.of[SUBID_GID]), "5:2 9:1");
	assert_int_equal(subid_set_add(&more.of[SUBID_UID], (struct id_range){ 1, 3 }),
			 0);
	assert_int_equal(subid_set_add(&more.of[SUBID_GID], (struct id_range){ 6, 1 }),
			 0);
	assert_int_equal(subid_sets_subtract(&sets, &more, &left), 0);
	assert_string_equal(show(&left.of[SUBID_UID]), "");
	assert_string_equal(show(&left.of[SUBID_GID]), "5:1 9:1");
	assert_int_equal(subid_sets_unite(&sets, &more), 0);
	assert_string_equal(show(&sets.of[SUBID_UID]), "1:3");
	assert_string_equal(show(&sets.of[SUBID_GID]), "5:2 9:1");
	subid_sets_free(&sets);
	assert_true(subid_sets_empty(&sets));
	count_allocations(1);
	assert_int_equal(subid_sets_unite(&sets, &more), -ENOMEM);
	assert_int_equal(subid_sets_subtract(&more, &sets, &sets), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_valid),
		cmocka_unit_test(test_two_ranges),
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_without),
		cmocka_unit_test(test_without_against_model),
		cmocka_unit_test(test_id_parse),
		cmocka_unit_test(test_range_parse),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_sort_many),
		cmocka_unit_test(test_free_leaves_empty_set),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_size_of_everything),
		cmocka_unit_test(test_sets_against_model),
		cmocka_unit_test(test_subtract_keeps),
		cmocka_unit_test_teardown(test_sets_of_both_kinds, reset_allocations),
		cmocka_unit_test_teardown(test_sort_of_many, reset_allocations),
		cmocka_unit_test_teardown(test_reserve_is_enough, reset_allocations),
		cmocka_unit_test_teardown(test_growing, reset_allocations),
		cmocka_unit_test_teardown(test_no_memory, reset_allocations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
