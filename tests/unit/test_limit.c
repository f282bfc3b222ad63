/* SPDX-License-Identifier: MIT */
#include "libsubid/limit_private.h"

#include "support.h"

#define STEP SUBID_LIMIT_INTERVAL_MS

/* How many of n at one moment may be done. */
static unsigned int take(struct subid_limit *limit, uint64_t now, unsigned int n)
{
	unsigned int taken = 0;
	uint32_t left_out;

	for (unsigned int i = 0; i < n; i++)
		taken += subid_limit_take(limit, now, &left_out);
	return taken;
}

static void test_burst_then_one_each_interval(void **state)
{
	static const struct {
		uint64_t now;
		unsigned int asked, taken;
	} rows[] = {
		{ 1000000, 1, 1 },
		{ 1000000, 100, 9 },
		{ 1000000 + STEP - 1, 100, 0 },
		{ 1000000 + STEP, 100, 1 },
		{ 1000000 + 2 * STEP, 100, 1 },
		{ 1000000 + 5 * STEP, 100, 3 },
		{ 1000000 + 15 * STEP, 100, 10 },
		{ 1000000 + 1000 * STEP, 9, 9 },
		{ 1000000 + 1000 * STEP + 1, 9, 1 },
	};
	struct subid_limit limit = { .full_ms = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(take(&limit, rows[i].now, rows[i].asked), rows[i].taken);
}

static void test_at_the_clock_s_start(void **state)
{
	struct subid_limit limit = { .full_ms = 0 };

	(void)state;
	assert_int_equal(take(&limit, 0, 100), SUBID_LIMIT_BURST);
}

static void test_how_often_it_was_left_out(void **state)
{
	struct subid_limit limit = { .full_ms = 0 };
	uint32_t left_out = 99;

	(void)state;
	assert_true(subid_limit_take(&limit, 5, &left_out));
	assert_int_equal(left_out, 0);
	assert_int_equal(take(&limit, 5, 50), 9);
	left_out = 99;
	assert_false(subid_limit_take(&limit, 5, &left_out));
	assert_int_equal(left_out, 99);
	assert_true(subid_limit_take(&limit, 5 + STEP, &left_out));
	assert_int_equal(left_out, 42);
	assert_true(subid_limit_take(&limit, 5 + 2 * STEP, &left_out));
	assert_int_equal(left_out, 0);
	/* the count ends, it does not start anew */
	limit.left_out = UINT32_MAX - 1;
	assert_int_equal(take(&limit, 5 + 2 * STEP, 3), 0);
	assert_int_equal(limit.left_out, UINT32_MAX);
}

/* A file from before a restart, or one with anything in it, keeps nobody silent. */
static void test_times_that_cannot_be(void **state)
{
	static const uint64_t full[] = { UINT64_MAX, UINT64_MAX - 100,
					 1000 + 10 * STEP + 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(full) / sizeof(full[0]); i++) {
		struct subid_limit limit = { .full_ms = full[i] };

		assert_int_equal(take(&limit, 1000, 100), SUBID_LIMIT_BURST);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_one_each_interval),
		cmocka_unit_test(test_at_the_clock_s_start),
		cmocka_unit_test(test_how_often_it_was_left_out),
		cmocka_unit_test(test_times_that_cannot_be),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
