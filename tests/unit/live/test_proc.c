/* SPDX-License-Identifier: MIT */
/*
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup
 */
#include "libsubid/live/live.h"

#include "faults.h"
#include "libsubid/live/private.h"
#include "live_support.h"

/* The kernel has words of its own for a process that goes while it is looked at. */
static void test_gone_at_the_map(void **state)
{
	struct subid_live_map map = { .n = 0 };
	int proc = etc_of(state);

	put_namespace(proc, "9", "user:[5]", "0 1000 1\n");
	faults.only = "openat";
	faults_arm(1, EINVAL);
	assert_int_equal(proc_read_map(proc, 9, SUBID_UID, &map), -ESRCH);
	assert_true(faults_disarm());
	faults_arm(1, EACCES);
	assert_int_equal(proc_read_map(proc, 9, SUBID_UID, &map), -EACCES);
	assert_true(faults_disarm());
}

static void test_links(void **state)
{
	static const struct {
		const char *link;
		uint64_t user, any;
	} rows[] = {
		{ "user:[4026531837]", 4026531837, 4026531837 },
		{ "user:[1", 1, 1 },
		{ "user:[]", 0, 0 },
		{ "user:1", 0, 0 },
		{ "users:[1]", 0, 0 },
		{ "user", 0, 0 },
		{ "", 0, 0 },
		{ "mnt:[7]", 0, 7 },
		{ "time:[8]", 0, 8 },
		{ "pid:[9]", 0, 9 },
		{ "socket:[9]", 0, 0 },
		{ "/home", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool is_user;

		assert_int_equal(proc_namespace(rows[i].link, "user"), rows[i].user);
		assert_int_equal(proc_any_namespace(rows[i].link, &is_user), rows[i].any);
		assert_int_equal(is_user, rows[i].user != 0);
	}
}

static void test_which_namespace(void **state)
{
	int proc = etc_of(state);
	uint64_t inode = 0;

	put_namespace(proc, "9", "user:[5]", "");
	put_namespace(proc, "10", "mnt:[5]", "");
	assert_int_equal(symlinkat("pid:[7]", proc, "9/ns/pid"), 0);
	assert_int_equal(proc_read_namespace(proc, 9, "user", &inode), 0);
	assert_int_equal(inode, 5);
	assert_int_equal(proc_read_namespace(proc, 9, "pid", &inode), 0);
	assert_int_equal(inode, 7);
	assert_int_equal(proc_read_namespace(proc, 9, "ipc", &inode), -ENOENT);
	assert_int_equal(proc_read_namespace(proc, 10, "user", &inode), -EPROTO);
	assert_int_equal(proc_is_in(proc, 9, 5), 0);
	assert_int_equal(proc_is_in(proc, 9, 7), -ESRCH);
	assert_int_equal(proc_is_in(proc, 10, 5), -ESRCH);
	assert_int_equal(proc_is_in(proc, 11, 5), -ENOENT);
	/* the kernel's word for a process that has gone */
	faults.only = "readlinkat";
	faults_arm(1, EACCES);
	assert_int_equal(proc_is_in(proc, 9, 5), -ESRCH);
	assert_true(faults_disarm());
}

static void test_small_files(void **state)
{
	int proc = etc_of(state);
	char text[16];

	put_dir(proc, "9");
	put_dir(proc, "self");
	put_file(proc, "9/comm", "a\033[1m\xff\nb");
	put_file(proc, "self/x", "0123456789");
	assert_int_equal(proc_read(proc, PROC_SELF, "x", text, 4), 4);
	assert_int_equal(proc_read(proc, PROC_SELF, "x", text, sizeof(text)), 10);
	assert_int_equal(proc_read_at(proc, "self/x", text, sizeof(text)), 10);
	assert_int_equal(proc_read(proc, 9, "x", text, sizeof(text)), -ENOENT);
	proc_read_program(proc, 9, text);
	assert_string_equal(text, "a?[1m?");
	proc_read_program(proc, 10, text);
	assert_string_equal(text, "");
	put_file(proc, "9/comm", "more than 15 bytes\n");
	proc_read_program(proc, 9, text);
	assert_string_equal(text, "more than 15 by");
	assert_true(proc_vanished(-ENOENT) && proc_vanished(-ESRCH));
	assert_false(proc_vanished(-EACCES) || proc_vanished(0));
}

static void test_setgroups(void **state)
{
	int proc = etc_of(state);

	put_dir(proc, "9");
	assert_int_equal(proc_read_setgroups(proc, 9), SUBID_SETGROUPS_UNKNOWN);
	put_file(proc, "9/setgroups", "allow\n");
	assert_int_equal(proc_read_setgroups(proc, 9), SUBID_SETGROUPS_ALLOW);
	put_file(proc, "9/setgroups", "deny\n");
	assert_int_equal(proc_read_setgroups(proc, 9), SUBID_SETGROUPS_DENY);
	put_file(proc, "9/setgroups", "denying\n");
	assert_int_equal(proc_read_setgroups(proc, 9), SUBID_SETGROUPS_UNKNOWN);
}

static void test_list(void **state)
{
	enum { N = 100 };
	bool found[N + 1] = { false };
	int proc = etc_of(state);
	pid_t *pids = NULL;
	size_t n = 99;
	char name[16];

	for (int i = 1; i <= N; i++) {
		(void)snprintf(name, sizeof(name), "%d", i);
		put_dir(proc, name);
	}
	put_dir(proc, "sys");
	put_dir(proc, "0x");
	assert_int_equal(proc_list(proc, &pids, &n), 0);
	assert_int_equal(n, N);
	for (size_t i = 0; i < n; i++) {
		assert_true(pids[i] >= 1 && pids[i] <= N);
		assert_false(found[pids[i]]);
		found[pids[i]] = true;
	}
	free(pids);
	assert_int_equal(proc_list(-1, &pids, &n), -EBADF);
	faults.only = "readdir";
	faults_arm(3, EIO);
	assert_int_equal(proc_list(proc, &pids, &n), -EIO);
	assert_true(faults_disarm());
}

static void count_turn(void *data, size_t i)
{
	unsigned char *turns = data;

	turns[i]++;
}

/* Each turn once, whether there are threads or not. */
static void test_threads(void **state)
{
	static const size_t numbers[] = { 0, 1, 99, 100, 1001, 5000 };

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		unsigned char *turns = calloc(numbers[i] + 1, 1);

		proc_in_threads(count_turn, turns, numbers[i]);
		for (size_t j = 0; j < numbers[i]; j++)
			assert_int_equal(turns[j], 1);
		assert_int_equal(turns[numbers[i]], 0);
		free(turns);
	}
}

static int setup(void **state)
{
	return faults_reset(state) != 0 ? -1 : scratch_setup(state);
}

#define proc_test(function)                                                              \
	{                                                                                \
#function, function, setup, scratch_teardown, NULL                       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		proc_test(test_gone_at_the_map), proc_test(test_links),
		proc_test(test_which_namespace), proc_test(test_small_files),
		proc_test(test_setgroups),	 proc_test(test_list),
		proc_test(test_threads),
	};

	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
