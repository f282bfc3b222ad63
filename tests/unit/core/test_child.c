/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsubid/core/child.h"
#include "support.h"

#define PATIENT                                                                          \
	{                                                                                \
		.one_ms = 60000, .all_ms = 60000                                         \
	}
#define HASTY                                                                            \
	{                                                                                \
		.one_ms = 1000, .all_ms = 1050                                           \
	}

static int send_text(const void *data, int writer)
{
	return child_send(writer, data, strlen(data));
}

static int send_much(const void *data, int writer)
{
	char block[1000];
	const size_t *blocks = data;
	int r = 0;

	memset(block, 'x', sizeof(block));
	for (size_t i = 0; r == 0 && i < *blocks; i++)
		r = child_send(writer, block, sizeof(block));
	return r;
}

static int refuse(const void *data, int writer)
{
	(void)child_send(writer, data, strlen(data));
	return -EACCES;
}

__attribute__((noreturn)) static int hang(const void *data, int writer)
{
	(void)child_send(writer, data, strlen(data));
	for (;;)
		(void)pause();
}

/* Which descriptors the child has, besides the writer. */
static int send_descriptors(const void *data, int writer)
{
	char text[2] = { 0 };

	for (int fd = 0; fd < 1000; fd++)
		if (fd != writer && fcntl(fd, F_GETFD) >= 0)
			text[fd == *(const int *)data ? 0 : 1]++;
	return child_send(writer, text, sizeof(text));
}

static void what_it_writes_is_returned(void **state)
{
	struct child_patience patience = PATIENT;
	auto_text struct subid_text text = { .bytes = NULL }, none = { .bytes = NULL };

	(void)state;
	assert_int_equal(child_run(send_text, "hello", -1, 100, &patience, &text), 0);
	assert_string_equal(text.bytes, "hello");
	assert_int_equal(text.size, 5);
	assert_int_equal(child_run(send_text, "", -1, 100, &patience, &none), 0);
	assert_string_equal(none.bytes, "");
}

static void no_more_than_max_is_taken(void **state)
{
	static const size_t sizes[] = { 0, 1, 65, 66, 67, 200, 1000 };
	struct child_patience patience = PATIENT;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		auto_text struct subid_text text = { .bytes = NULL };

		assert_int_equal(
		    child_run(send_much, &sizes[i], -1, 1000000, &patience, &text), 0);
		assert_int_equal(text.size, sizes[i] * 1000);
		assert_int_equal(strspn(text.bytes, "x"), text.size);
	}
	for (size_t max = 1; max <= 200000; max += 66333) {
		auto_text struct subid_text text = { .bytes = NULL };
		int r = child_run(send_much, &sizes[5], -1, max, &patience, &text);

		/* it may end by SIGPIPE */
		assert_true(r == 0 || r == -EIO);
		assert_true(r != 0 || text.size == max);
	}
}

static void its_failure_is_one(void **state)
{
	struct child_patience patience = PATIENT;
	struct subid_text text = { .bytes = NULL };

	(void)state;
	assert_int_equal(child_run(refuse, "hello", -1, 100, &patience, &text), -EIO);
	assert_null(text.bytes);
}

static void the_clock_ends_it(void **state)
{
	struct child_patience patience = HASTY;
	auto_text struct subid_text text = { .bytes = NULL }, said = { .bytes = NULL };
	struct child child;

	(void)state;
	assert_int_equal(child_run(hang, "", -1, 100, &patience, &text), -ETIMEDOUT);
	assert_null(text.bytes);
	/* less is left for the next, and nothing for the one after it */
	assert_int_equal(child_run(hang, "", -1, 100, &patience, &text), -ETIME);
	patience.all_ms = 0;
	assert_int_equal(child_run(send_text, "a", -1, 100, &patience, &text), -ETIME);
	/* what came until then is there for who wants it */
	assert_int_equal(child_start(hang, "so far", -1, &child), 0);
	assert_int_equal(child_read(&child, 500, 100, &said), -ETIMEDOUT);
	assert_string_equal(said.bytes, "so far");
	assert_false(child_end(&child, true));
}

static void it_keeps_no_other_descriptors(void **state)
{
	struct child_patience patience = PATIENT;
	int low = open("/dev/null", O_RDONLY), high = fcntl(low, F_DUPFD, 500);
	const int kept[] = { -1, low, high };

	(void)state;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		auto_text struct subid_text text = { .bytes = NULL };

		assert_int_equal(
		    child_run(send_descriptors, &kept[i], kept[i], 2, &patience, &text),
		    0);
		assert_int_equal(text.size, 2);
		assert_int_equal(text.bytes[0], kept[i] >= 0);
		assert_int_equal(text.bytes[1], 0);
	}
	(void)close(low);
	(void)close(high);
}

static volatile sig_atomic_t signals;
static void count_signal(int signal)
{
	(void)signal;
	signals++;
}

static int send_mask(const void *data, int writer)
{
	sigset_t mask;

	(void)data;
	(void)kill(getpid(), SIGTERM);
	(void)sigprocmask(SIG_BLOCK, NULL, &mask);
	return child_send(writer, sigismember(&mask, SIGTERM) == 1 ? "blocked" : "", 7);
}

static void one_that_is_not_seen(void **state)
{
	struct sigaction action = { .sa_handler = count_signal }, before;
	auto_text struct subid_text text = { .bytes = NULL };
	struct child child;
	sigset_t mask;

	(void)state;
	while (waitpid(-1, NULL, 0) > 0)
		; /* those that were killed before */
	assert_int_equal(sigaction(SIGCHLD, &action, &before), 0);
	assert_int_equal(child_start_unseen(send_mask, NULL, -1, &child), 0);
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
	assert_int_equal(child_read(&child, 60000, 100, &text), 0);
	assert_string_equal(text.bytes, "blocked");
	assert_true(child_end(&child, false));
	assert_int_equal(signals, 0);
	assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
	/* nor does it matter that children are reaped by the kernel */
	action.sa_handler = SIG_IGN;
	assert_int_equal(sigaction(SIGCHLD, &action, NULL), 0);
	assert_int_equal(child_start_unseen(refuse, "", -1, &child), 0);
	assert_false(child_end(&child, false));
	assert_int_equal(child_start_unseen(send_text, "", -1, &child), 0);
	assert_true(child_end(&child, false));
	assert_int_equal(child_start_unseen(hang, "", -1, &child), 0);
	assert_false(child_end(&child, true));
	assert_int_equal(sigaction(SIGCHLD, &before, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_it_writes_is_returned),
		cmocka_unit_test(no_more_than_max_is_taken),
		cmocka_unit_test(its_failure_is_one),
		cmocka_unit_test(the_clock_ends_it),
		cmocka_unit_test(it_keeps_no_other_descriptors),
		cmocka_unit_test(one_that_is_not_seen),
	};

	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
