/* SPDX-License-Identifier: MIT */
#include "libsubid/tables/private.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "support.h"

#define PATIENCE_MS 60000 /* never at its end here */

static int open_lock(int dir)
{
	int fd = openat(dir, "lock", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	return fd;
}

static int take(int dir)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open_lock(dir);

	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	return fd;
}

/* For all who have it open, as those have who were forked meanwhile. */
static void let_go(int fd)
{
	struct flock none = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	assert_int_equal(fcntl(fd, F_OFD_SETLK, &none), 0);
	assert_int_equal(close(fd), 0);
}

static bool is_free(int dir)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open_lock(dir), r = fcntl(fd, F_OFD_SETLK, &lock);

	assert_int_equal(close(fd), 0);
	return r == 0;
}

/* How many wait: the lines of /proc/locks with "->" and the file's inode. */
static unsigned int waiters(int dir)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256], inode[32];
	unsigned int n = 0;
	struct stat st;

	assert_non_null(f);
	assert_int_equal(fstatat(dir, "lock", &st, 0), 0);
	(void)snprintf(inode, sizeof(inode), ":%lu ", (unsigned long)st.st_ino);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, " -> ") != NULL && strstr(line, inode) != NULL)
			n++;
	assert_int_equal(fclose(f), 0);
	return n;
}

static void wait_for_waiters(int dir, unsigned int n)
{
	while (waiters(dir) != n)
		(void)poll(NULL, 0, 1);
}

/* Another process that waits in turn, by the library or as lckpwdf(3), and says so. */
static pid_t start_waiter(int dir, int out, char name, bool records)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	pid_t pid = fork();
	int fd;

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	fd = open_lock(dir);
	if ((records ? fcntl(fd, F_SETLKW, &lock) : subid_lock_queue(fd, PATIENCE_MS)) !=
		0 ||
	    is_free(dir) || write(out, &name, 1) != 1)
		_exit(1);
	_exit(0);
}

static void end(pid_t pid, int expected)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, expected);
}

/* Who comes first is served first, shadow's tools among them. */
static void test_one_after_the_other(void **state)
{
	static const char names[] = "abcdefgh";
	char served[sizeof(names)] = "";
	int dir = etc_of(state), pipes[2];
	int held = take(dir);
	pid_t pids[sizeof(names) - 1];

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	for (unsigned int i = 0; i < sizeof(names) - 1; i++) {
		pids[i] = start_waiter(dir, pipes[1], names[i], i % 3 == 1);
		wait_for_waiters(dir, i + 1);
	}
	let_go(held);
	for (unsigned int i = 0; i < sizeof(names) - 1; i++) {
		assert_int_equal(read(pipes[0], &served[i], 1), 1);
		end(pids[i], 0);
	}
	assert_string_equal(served, names);
	assert_int_equal(close(pipes[0]), 0);
	assert_int_equal(close(pipes[1]), 0);
	assert_true(is_free(dir));
}

/* The lock is the caller's, not that of who was sent: it stays, and goes with him. */
static void test_lock_is_the_callers(void **state)
{
	int dir = etc_of(state);
	int fd = open_lock(dir);

	assert_int_equal(subid_lock_queue(fd, PATIENCE_MS), 0);
	assert_int_equal(subid_lock_queue(fd, PATIENCE_MS), 0); /* it has it */
	assert_false(is_free(dir));
	assert_int_equal(close(fd), 0);
	assert_true(is_free(dir));
}

/* Nobody is left in the queue, nor a child. */
static void assert_nobody_waits(int dir)
{
	assert_int_equal(waiters(dir), 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_patience_ends(void **state)
{
	static const int times_ms[] = { 0, -1, 1, 50 };
	int dir = etc_of(state), fd;

	for (size_t i = 0; i < sizeof(times_ms) / sizeof(times_ms[0]); i++) {
		int held = take(dir);
		int64_t start = lock_clock_ms();

		fd = open_lock(dir);
		assert_int_equal(subid_lock_queue(fd, times_ms[i]), SUBID_BUSY);
		assert_true(lock_clock_ms() - start >= times_ms[i]);
		assert_nobody_waits(dir);
		let_go(held);
		assert_true(is_free(dir)); /* fd has not got it meanwhile */
		assert_int_equal(close(fd), 0);
	}
}

/* Who is killed while he waits leaves nobody in the queue. */
static void test_killed_in_the_queue(void **state)
{
	int dir = etc_of(state);
	int held = take(dir);
	pid_t pid = start_waiter(dir, -1, 'a', false);

	wait_for_waiters(dir, 1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	end(pid, SIGKILL);
	wait_for_waiters(dir, 0);
	let_go(held);
	assert_true(is_free(dir));
}

static void note(int number)
{
	(void)number;
	_exit(7);
}

/* A process's handlers and its waiting for children are its own affair. */
static void test_nobody_else_sees_the_child(void **state)
{
	struct sigaction noted = { .sa_handler = note }, before;
	int dir = etc_of(state);
	int held = take(dir), fd = open_lock(dir);

	assert_int_equal(sigaction(SIGCHLD, &noted, &before), 0);
	assert_int_equal(subid_lock_queue(fd, 1), SUBID_BUSY);
	assert_int_equal(sigaction(SIGCHLD, &before, NULL), 0);
	assert_int_equal(close(fd), 0);
	let_go(held);
}

static void test_errors(void **state)
{
	int dir = etc_of(state);
	int fd = openat(dir, "lock", O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(subid_lock_queue(fd, PATIENCE_MS), -ENOLCK); /* not to write */
	assert_int_equal(subid_lock_queue(-1, PATIENCE_MS), -ENOLCK);
	assert_int_equal(close(fd), 0);
	assert_nobody_waits(dir);
}

#define queue_test(function)                                                             \
	{                                                                                \
#function, function, scratch_setup, scratch_teardown, NULL               \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		queue_test(test_one_after_the_other),
		queue_test(test_lock_is_the_callers),
		queue_test(test_patience_ends),
		queue_test(test_killed_in_the_queue),
		queue_test(test_nobody_else_sees_the_child),
		queue_test(test_errors),
	};

	return cmocka_run_group_tests_name("lock_queue", tests, NULL, NULL);
}
