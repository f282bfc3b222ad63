/* SPDX-License-Identifier: MIT */
/*
 * wrap: open
 */
#include "inject.h"

#include "pam/guard.c"

int __real_open(const char *path, int flags);
int __wrap_open(const char *path, int flags);
int __wrap_open(const char *path, int flags)
{
	return fault_is_due("open") ? -1 : __real_open(path, flags);
}

static bool is_null(int fd)
{
	struct stat st, null;

	assert_int_equal(fstatat(AT_FDCWD, "/dev/null", &null, 0), 0);
	return fstat(fd, &st) == 0 && st.st_rdev == null.st_rdev;
}

static void test_cancelling(void **state)
{
	static const int states[] = { PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_DISABLE };
	struct guard guard;
	int old;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_setcancelstate(states[i], &old), 0);
		guard_begin(&guard);
		assert_int_equal(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old), 0);
		assert_int_equal(old, PTHREAD_CANCEL_DISABLE);
		guard_end(&guard);
		assert_int_equal(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old), 0);
		assert_int_equal(old, states[i]);
	}
}

/* Of descriptors 0 to 2, bits of those that are closed; one more at once is none of ours.
 */
static void test_descriptors(void **state)
{
	int kept[3], next;

	(void)state;
	for (int fd = 0; fd < 3; fd++) {
		kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
		assert_true(kept[fd] >= 10);
	}
	for (unsigned int closed = 0; closed < 8; closed++) {
		bool right = true;
		struct guard guard;

		for (int fd = 0; fd < 3; fd++)
			if ((closed & 1U << fd) != 0)
				(void)close(fd);
		next = fcntl(kept[0], F_DUPFD, 3);
		(void)close(next);
		guard_begin(&guard);
		for (int fd = 0; fd < 3; fd++)
			right = right && fcntl(fd, F_GETFD) >= 0 &&
				((closed & 1U << fd) == 0 || is_null(fd));
		right = right && fcntl(next, F_GETFD) < 0;
		guard_end(&guard);
		for (int fd = 0; fd < 3; fd++)
			right = right &&
				(fcntl(fd, F_GETFD) < 0) == ((closed & 1U << fd) != 0);
		for (int fd = 0; fd < 3; fd++)
			assert_int_equal(dup2(kept[fd], fd), fd);
		if (!right)
			fail_msg("closed: %u", closed);
	}
	for (int fd = 0; fd < 3; fd++)
		(void)close(kept[fd]);
}

/* A host that has none to spare has none for a table either. */
static void test_no_descriptors(void **state)
{
	struct guard guard;

	(void)state;
	faults_arm(1, EMFILE);
	guard_begin(&guard);
	assert_true(faults_disarm());
	for (int fd = 0; fd < 3; fd++)
		assert_int_equal(guard.filled[fd], -1);
	guard_end(&guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cancelling),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test_teardown(test_no_descriptors, faults_reset),
	};

	return cmocka_run_group_tests_name("pam_guard", tests, NULL, NULL);
}
