/* SPDX-License-Identifier: MIT */
/*
 * wrap: calloc reallocarray
 */
#include <limits.h>

#include "libsubid/live/private.h"
#include "support.h"

/* How many allocations there may be before one fails. */
static unsigned int allocations_left = UINT_MAX;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_reallocarray(void *pointer, size_t n, size_t size);
void *__wrap_reallocarray(void *pointer, size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return allocations_left-- == 0 ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *pointer, size_t n, size_t size)
{
	return allocations_left-- == 0 ? NULL : __real_reallocarray(pointer, n, size);
}

static void test_inodes(void **state)
{
	enum { N = 5000 };
	auto_inodes struct live_inodes inodes = { .n = 0 };

	(void)state;
	assert_int_equal(live_inodes_find(&inodes, 1), SUBID_LIVE_NONE);
	assert_false(live_inodes_have(&inodes, 1));
	/* as the kernel numbers them, and such that differ in their high bits alone */
	for (size_t i = 0; i < N; i++) {
		uint64_t inode =
		    i % 2 == 0 ? UINT64_C(4026531840) + i : (uint64_t)i << 40;

		assert_int_equal(live_inodes_find(&inodes, inode), SUBID_LIVE_NONE);
		assert_int_equal(live_inodes_put(&inodes, inode, i), 0);
	}
	assert_int_equal(inodes.n, N);
	for (uint64_t i = 0; i < N; i++) {
		uint64_t inode = i % 2 == 0 ? UINT64_C(4026531840) + i : i << 40;

		assert_int_equal(live_inodes_find(&inodes, inode), i);
		assert_true(live_inodes_have(&inodes, inode));
		assert_false(live_inodes_have(&inodes, inode + 1));
	}
	/* another number, and none */
	assert_int_equal(live_inodes_put(&inodes, 4026531840, 7), 0);
	assert_int_equal(live_inodes_find(&inodes, 4026531840), 7);
	assert_int_equal(live_inodes_put(&inodes, 4026531840, SUBID_LIVE_NONE), 0);
	assert_false(live_inodes_have(&inodes, 4026531840));
	assert_int_equal(inodes.n, N);
	live_inodes_free(&inodes);
	assert_false(live_inodes_have(&inodes, 4026531842));
}

/* Each is found by its inode, until it is forgotten and added anew. */
static void test_add(void **state)
{
	struct subid_live live = { .n = 0 };
	struct live_scan scan = { .proc = -1, .live = &live };
	size_t index = 0;

	(void)state;
	for (uint64_t i = 0; i < 100; i++) {
		assert_int_equal(live_add(&scan, 10 + i, SUBID_HELD_BY_MOUNT, 7, &index),
				 0);
		assert_int_equal(index, i);
	}
	for (uint64_t i = 0; i < 100; i++) {
		const struct subid_live_userns *userns = &live.userns[i];

		assert_int_equal(live_find(&scan, 10 + i), i);
		assert_int_equal(userns->inode, 10 + i);
		assert_int_equal(userns->parent, SUBID_LIVE_NONE);
		assert_int_equal(userns->owner, SUBID_ID_NONE);
		assert_int_equal(userns->held, SUBID_HELD_BY_MOUNT);
		assert_int_equal(userns->holder, 7);
	}
	assert_int_equal(live_inodes_put(&scan.userns, 20, SUBID_LIVE_NONE), 0);
	assert_int_equal(live_find(&scan, 20), SUBID_LIVE_NONE);
	assert_int_equal(live_add(&scan, 20, SUBID_HELD_BY_PROCESS, 8, &index), 0);
	assert_int_equal(index, 100);
	assert_int_equal(live_find(&scan, 20), 100);
	live_inodes_free(&scan.userns);
	subid_live_free(&live);
}

static void test_no_memory(void **state)
{
	struct subid_live live = { .n = 0 };
	struct live_scan scan = { .proc = -1, .live = &live };
	size_t index = 9;
	int r = -ENOMEM;

	(void)state;
	for (unsigned int turn = 0; r != 0; turn++) {
		allocations_left = turn;
		r = live_add(&scan, 5, SUBID_HELD_BY_PROCESS, 1, &index);
		allocations_left = UINT_MAX;
		assert_true(r == 0 ? turn == 2 : r == -ENOMEM);
		assert_int_equal(live.n, r == 0);
		assert_int_equal(index, r == 0 ? 0 : 9);
	}
	live_inodes_free(&scan.userns);
	subid_live_free(&live);
}

/* What is no namespace adds none. */
static void test_no_namespace(void **state)
{
	struct subid_live live = { .n = 0 };
	struct live_scan scan = { .proc = -1, .live = &live };

	assert_int_equal(live_add_behind(&scan, etc_of(state), SUBID_HELD_BY_MOUNT, 1),
			 0);
	assert_int_equal(live_add_behind(&scan, -1, SUBID_HELD_BY_MOUNT, 1), 0);
	assert_int_equal(live.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inodes),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test_setup_teardown(test_no_namespace, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
