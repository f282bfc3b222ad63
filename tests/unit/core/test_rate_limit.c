/* SPDX-License-Identifier: MIT */
/*
 * wrap: clock_gettime
 */
#include "libsubid/core/log.h"

#include <pthread.h>
#include <time.h>

#include "support.h"

#define STEP SUBID_RATE_LIMIT_INTERVAL_S

static uint32_t now;
static uint32_t clock_now(void)
{
	return now;
}

/* How many of n at one moment may be done. */
static unsigned int take(struct subid_rate_limit *limit, uint32_t at, unsigned int n)
{
	unsigned int taken = 0;
	uint32_t suppressed;

	now = at;
	for (unsigned int i = 0; i < n; i++)
		taken += subid_rate_limit_allow(limit, clock_now, &suppressed);
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
	struct subid_rate_limit limit = { .full_s = 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(take(&limit, rows[i].now, rows[i].asked), rows[i].taken);
}

static void test_at_the_clock_s_start(void **state)
{
	struct subid_rate_limit limit = { .full_s = 0 };

	(void)state;
	assert_int_equal(take(&limit, 0, 100), SUBID_RATE_LIMIT_BURST);
}

static void test_how_often_it_was_suppressed(void **state)
{
	struct subid_rate_limit limit = { .full_s = 0 };
	uint32_t suppressed = 99;

	(void)state;
	now = 5;
	assert_true(subid_rate_limit_allow(&limit, clock_now, &suppressed));
	assert_int_equal(suppressed, 0);
	assert_int_equal(take(&limit, 5, 50), 9);
	suppressed = 99;
	assert_false(subid_rate_limit_allow(&limit, clock_now, &suppressed));
	assert_int_equal(suppressed, 99);
	now = 5 + STEP;
	assert_true(subid_rate_limit_allow(&limit, clock_now, &suppressed));
	assert_int_equal(suppressed, 42);
	now = 5 + 2 * STEP;
	assert_true(subid_rate_limit_allow(&limit, clock_now, &suppressed));
	assert_int_equal(suppressed, 0);
	/* the count ends, it does not start anew */
	limit.suppressed = UINT32_MAX - 1;
	assert_int_equal(take(&limit, 5 + 2 * STEP, 3), 0);
	assert_int_equal(limit.suppressed, UINT32_MAX);
}

/* A file from before a restart, or one with anything in it, keeps nobody silent. */
static void test_times_that_cannot_be(void **state)
{
	static const uint32_t full[] = { UINT32_MAX, UINT32_MAX - 100,
					 1000 + 10 * STEP + 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(full) / sizeof(full[0]); i++) {
		struct subid_rate_limit limit = { .full_s = full[i] };

		assert_int_equal(take(&limit, 1000, 100), SUBID_RATE_LIMIT_BURST);
	}
}

/*
 * A process is stopped when it has read the count, others take what there is, for
 * so long that the count lies further ahead than a burst; then it goes on.
 */
static struct subid_rate_limit shared;
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
	uint32_t suppressed;

	(void)state;
	shared = (struct subid_rate_limit){ .full_s = 0 };
	others_took = 0;
	assert_false(subid_rate_limit_allow(&shared, clock_behind_a_stop, &suppressed));
	assert_int_equal(others_took, 3 * SUBID_RATE_LIMIT_BURST);
	assert_int_equal(take(&shared, now, 100), 0);
	assert_int_equal(take(&shared, now + STEP, 100), 1);
}

static void *take_many(void *data)
{
	unsigned int *taken = data;
	uint32_t suppressed;

	for (unsigned int i = 0; i < 10000; i++)
		*taken += subid_rate_limit_allow(&shared, clock_now, &suppressed);
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
		assert_int_equal(sum, SUBID_RATE_LIMIT_BURST);
	}
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
	assert_int_equal(clock, CLOCK_BOOTTIME);
	*ret = (struct timespec){ .tv_sec = now };
	return 0;
}

static unsigned int take_of(int fd, uint32_t uid, unsigned int n,
			    uint32_t *ret_suppressed)
{
	unsigned int taken = 0;

	for (unsigned int i = 0; i < n; i++)
		taken += subid_rate_limit_allow_user(fd, uid, ret_suppressed);
	return taken;
}

static int open_slots(void **state)
{
	int fd = openat(etc_of(state), "slots", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	now = 1000;
	return fd;
}

/* Whoever comes: no uid is beyond the last slot. */
static void test_file_does_not_grow(void **state)
{
	static const uint32_t uids[] = {
		0, 1000, 65535, 65536, 1400001105, 2147483648, UINT32_MAX - 1, UINT32_MAX
	};
	uint32_t suppressed;
	int fd = open_slots(state);
	struct stat st;

	for (size_t i = 0; i < sizeof(uids) / sizeof(uids[0]); i++)
		assert_true(subid_rate_limit_allow_user(fd, uids[i], &suppressed));
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 65536 * sizeof(struct subid_rate_limit));
	assert_true(st.st_blocks * 512 <= st.st_size);
	(void)close(fd);
}

/* Neighbours have a slot each; users who share one share its allowance. */
static void test_slots(void **state)
{
	const uint32_t uid = 1400001105;
	uint32_t suppressed = 99;
	int fd = open_slots(state);

	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(take_of(fd, uid + i, 20, &suppressed),
				 SUBID_RATE_LIMIT_BURST);
	assert_int_equal(take_of(fd, uid + SUBID_RATE_LIMIT_SLOTS, 20, &suppressed), 0);
	now += STEP;
	assert_true(
	    subid_rate_limit_allow_user(fd, uid + SUBID_RATE_LIMIT_SLOTS, &suppressed));
	assert_int_equal(suppressed, 10 + 20);
	assert_false(subid_rate_limit_allow_user(fd, uid, &suppressed));
	(void)close(fd);
}

static void test_what_cannot_be_counted(void **state)
{
	uint32_t suppressed = 99;
	int fd = open_slots(state), reader;

	reader = openat(etc_of(state), "slots", O_RDONLY | O_CLOEXEC);
	assert_false(subid_rate_limit_allow_user(reader, 1000, &suppressed));
	assert_false(subid_rate_limit_allow_user(-1, 1000, &suppressed));
	assert_int_equal(suppressed, 99);
	(void)close(reader);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_one_each_interval),
		cmocka_unit_test(test_at_the_clock_s_start),
		cmocka_unit_test(test_how_often_it_was_suppressed),
		cmocka_unit_test(test_times_that_cannot_be),
		cmocka_unit_test(test_one_that_was_stopped),
		cmocka_unit_test(test_many_at_the_same_instant),
		scratch_test(test_file_does_not_grow),
		scratch_test(test_slots),
		scratch_test(test_what_cannot_be_counted),
	};

	return cmocka_run_group_tests_name("rate_limit", tests, NULL, NULL);
}
