/* SPDX-License-Identifier: MIT */
/*
 * wrap: reallocarray
 */
#include <errno.h>

#include "libsubid/core/core.h"
#include "support.h"

void *__real_reallocarray(void *array, size_t n, size_t size);
void *__wrap_reallocarray(void *array, size_t n, size_t size);

static unsigned int calls_until_fault; /* 0: none fails */
static size_t last_room;

void *__wrap_reallocarray(void *array, size_t n, size_t size)
{
	if (calls_until_fault > 0 && --calls_until_fault == 0) {
		errno = ENOMEM;
		return NULL;
	}
	last_room = n;
	return __real_reallocarray(array, n, size);
}

static void grow_has_room_for_one_more(void **state)
{
	uint64_t *list = NULL;

	(void)state;
	for (size_t n = 0; n < 5000; n++) {
		assert_int_equal(array_grow(&list, n, sizeof(*list)), 0);
		assert_true(last_room > n);
		assert_true(last_room <= 2 * n + 4);
		list[n] = n;
	}
	for (size_t n = 0; n < 5000; n++)
		assert_int_equal(list[n], n);
	/* elements may be taken away in between */
	for (size_t n = 3; n < 100; n++) {
		assert_int_equal(array_grow(&list, n, sizeof(*list)), 0);
		assert_int_equal(list[2], 2);
		list[n] = n + 1;
	}
	for (size_t n = 3; n < 100; n++)
		assert_int_equal(list[n], n + 1);
	free(list);
}

static void grow_without_memory_changes_nothing(void **state)
{
	char *list = NULL;

	(void)state;
	calls_until_fault = 1;
	assert_int_equal(array_grow(&list, 0, 1), -ENOMEM);
	assert_null(list);
	assert_int_equal(array_grow(&list, 0, 1), 0);
	memcpy(list, "0123", 4);
	calls_until_fault = 1;
	assert_int_equal(array_grow(&list, 4, 1), -ENOMEM);
	assert_memory_equal(list, "0123", 4);
	/* more than there can be */
	assert_int_equal(array_grow(&list, 4, SIZE_MAX / 2), -ENOMEM);
	free(list);
}

static bool is_before(const void *element, const void *key)
{
	return *(const int *)element < *(const int *)key;
}

static void search_finds_the_first_not_before(void **state)
{
	int list[10];

	(void)state;
	for (int n = 0; n <= 10; n++) {
		for (int i = 0; i < n; i++)
			list[i] = i / 2 * 2; /* 0 0 2 2 4 4 ... */
		for (int key = -1; key <= 11; key++) {
			size_t want = 0;

			while (want < (size_t)n && list[want] < key)
				want++;
			assert_int_equal(
			    array_search(list, (size_t)n, sizeof(*list), &key, is_before),
			    want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grow_has_room_for_one_more),
		cmocka_unit_test(grow_without_memory_changes_nothing),
		cmocka_unit_test(search_finds_the_first_not_before),
	};

	return cmocka_run_group_tests_name("array", tests, NULL, NULL);
}
