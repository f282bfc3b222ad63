/* SPDX-License-Identifier: MIT */
#include "libsubid/change/change.h"

#include <pthread.h>

#include "support.h"

#define STEP SUBID_LIMIT_INTERVAL_S

static uint32_t now;
static uint32_t clock_now(void)
{
	return now;
}

/* How many of n at one moment may be done. */
static unsigned int take(struct subid_limit *limit, uint32_t at, unsigned int n)
{
	unsigned int taken = 0;
	uint32_t left_out;

	now = at;
	for (unsigned int i = 0; i < n; i++)
		taken += subid_limit_take(limit, clock_now, &left_out);
	return taken;
}

static void test_burst_then_one_each_interval(void **state)
{
	static const struct {
		uint32_t now;
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
	struct subid_limit limit = { .full_s = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(take(&limit, rows[i].now, rows[i].asked), rows[i].taken);
}

static void test_at_the_clock_s_start(void **state)
{
	struct subid_limit limit = { .full_s = 0 };

	(void)state;
	assert_int_equal(take(&limit, 0, 100), SUBID_LIMIT_BURST);
}

static void test_how_often_it_was_left_out(void **state)
{
	struct subid_limit limit = { .full_s = 0 };
	uint32_t left_out = 99;

	(void)state;
	now = 5;
	assert_true(subid_limit_take(&limit, clock_now, &left_out));
	assert_int_equal(left_out, 0);
	assert_int_equal(take(&limit, 5, 50), 9);
	left_out = 99;
	assert_false(subid_limit_take(&limit, clock_now, &left_out));
	assert_int_equal(left_out, 99);
	now = 5 + STEP;
	assert_true(subid_limit_take(&limit, clock_now, &left_out));
	assert_int_equal(left_out, 42);
	now = 5 + 2 * STEP;
	assert_true(subid_limit_take(&limit, clock_now, &left_out));
	assert_int_equal(left_out, 0);
	/* the count ends, it does not start anew */
	limit.left_out = UINT32_MAX - 1;
	assert_int_equal(take(&limit, 5 + 2 * STEP, 3), 0);
	assert_int_equal(limit.left_out, UINT32_MAX);
}

/* A file from before a restart, or one with anything in it, keeps nobody silent. */
static void test_times_that_cannot_be(void **state)
{
	static const uint32_t full[] = { UINT32_MAX, UINT32_MAX - 100,
					 1000 + 10 * STEP + 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(full) / sizeof(full[0]); i++) {
		struct subid_limit limit = { .full_s = full[i] };

		assert_int_equal(take(&limit, 1000, 100), SUBID_LIMIT_BURST);
	}
}

/*
 * A process is stopped when it has read the count, others take what there is, for
 * so long that the count lies further ahead than a burst; then it goes on.
 */
static struct subid_limit shared;
static unsigned int others_took;
static uint32_t clock_behind_a_stop(void)
{
	static const uint32_t times[] = { 1000, 1000 + 10 * STEP, 1000 + 20 * STEP };

	if (others_took == 0)
		for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
			others_took += take(&shared, times[i], 100);
	return now;
}

static void test_one_that_was_stopped(void **state)
{
	uint32_t left_out;

	(void)state;
	shared = (struct subid_limit){ .full_s = 0 };
	others_took = 0;
	assert_false(subid_limit_take(&shared, clock_behind_a_stop, &left_out));
	assert_int_equal(others_took, 3 * SUBID_LIMIT_BURST);
	assert_int_equal(take(&shared, now, 100), 0);
	assert_int_equal(take(&shared, now + STEP, 100), 1);
}

static void *take_many(void *data)
{
	unsigned int *taken = data;
	uint32_t left_out;

	for (unsigned int i = 0; i < 10000; i++)
		*taken += subid_limit_take(&shared, clock_now, &left_out);
	return NULL;
}

static void test_many_at_the_same_instant(void **state)
{
	unsigned int taken[4] = { 0 };
	pthread_t threads[4];

	(void)state;
	for (unsigned int round = 0; round < 20; round++) {
		unsigned int sum = 0;

		now = 1000 * (round + 1);
		for (size_t i = 0; i < 4; i++) {
			taken[i] = 0;
			assert_int_equal(
			    pthread_create(&threads[i], NULL, take_many, &taken[i]), 0);
		}
		for (size_t i = 0; i < 4; i++) {
			assert_int_equal(pthread_join(threads[i], NULL), 0);
			sum += taken[i];
		}
		assert_int_equal(sum, SUBID_LIMIT_BURST);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_one_each_interval),
		cmocka_unit_test(test_at_the_clock_s_start),
		cmocka_unit_test(test_how_often_it_was_left_out),
		cmocka_unit_test(test_times_that_cannot_be),
		cmocka_unit_test(test_one_that_was_stopped),
		cmocka_unit_test(test_many_at_the_same_instant),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
