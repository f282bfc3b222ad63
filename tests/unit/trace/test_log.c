/* SPDX-License-Identifier: MIT */
#include "libsubid/trace/trace.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support.h"

static const struct subid_event event = {
	.range = { 100000, 65536 },
	.owner = "alice",
	.owner_len = 5,
	.uid = 1000,
	.program = "subid",
};

/* A log of our own: a socket in the test's directory. */
struct receiver {
	int fd;
	char path[64];
};

static void receiver_open(struct receiver *receiver, void **state, const char *name)
{
	const struct scratch *scratch = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(receiver->path, sizeof(receiver->path), "%s/%s", scratch->path,
		       name);
	(void)strcpy(address.sun_path, receiver->path);
	receiver->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(receiver->fd >= 0);
	assert_int_equal(bind(receiver->fd, (struct sockaddr *)&address, sizeof(address)),
			 0);
}

static void assert_received(const struct receiver *receiver, const char *begin)
{
	char text[SUBID_TRACE_SIZE] = "";

	assert_true(recv(receiver->fd, text, sizeof(text) - 1, MSG_DONTWAIT) > 0);
	assert_memory_equal(text, begin, strlen(begin));
}

static void test_journal_before_syslog(void **state)
{
	struct receiver journal, syslog;
	struct subid_log log;

	receiver_open(&journal, state, "journal");
	receiver_open(&syslog, state, "log");
	assert_int_equal(subid_log_open(journal.path, syslog.path, &log), 0);
	assert_true(log.native);
	assert_int_equal(fcntl(log.fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(subid_log_send(&log, &event, 0), 0);
	assert_received(&journal, "MESSAGE=range for \"alice\"");
	assert_int_equal(recv(syslog.fd, &log, 1, MSG_DONTWAIT), -1);
	(void)close(log.fd);
	(void)close(journal.fd);

	/* bound once, but nobody listens any more */
	assert_int_equal(subid_log_open(journal.path, syslog.path, &log), 0);
	assert_false(log.native);
	assert_int_equal(subid_log_send(&log, &event, 0), 0);
	assert_received(&syslog, "<85>subid[");
	(void)close(log.fd);
	(void)close(syslog.fd);
	assert_int_equal(subid_log_open(journal.path, syslog.path, &log), -ECONNREFUSED);
}

static void test_no_log(void **state)
{
	char path[200];
	struct subid_log log;

	(void)state;
	assert_int_equal(subid_log_open("/nonexistent/a", "/nonexistent/b", &log),
			 -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(subid_log_open("/nonexistent/a", path, &log), -ENAMETOOLONG);
	assert_int_equal(subid_log_open("/nonexistent/a", "/dev/null", &log),
			 -ECONNREFUSED);
}

/* Sends until nothing more goes in. */
static void fill(const struct subid_log *log)
{
	int r = 0;

	for (int i = 0; r == 0 && i < 100000; i++)
		r = subid_log_send(log, &event, 0);
	assert_int_equal(r, -EAGAIN);
}

static void test_receiver_that_sleeps(void **state)
{
	struct timespec deadline;
	struct receiver journal;
	struct subid_log log;

	receiver_open(&journal, state, "journal");
	assert_int_equal(subid_log_open(journal.path, "", &log), 0);
	fill(&log);
	deadline = subid_trace_deadline(20);
	assert_int_equal(subid_log_send(&log, &event, 20), -EAGAIN);
	assert_int_equal(subid_trace_left_ms(&deadline), 0);

	/* one that wakes up gets it */
	assert_received(&journal, "MESSAGE=");
	deadline = subid_trace_deadline(10000);
	assert_int_equal(subid_log_send(&log, &event, 10000), 0);
	assert_true(subid_trace_left_ms(&deadline) > 0);
	(void)close(journal.fd);
	(void)close(log.fd);
}

static void test_receiver_that_goes_away(void **state)
{
	struct receiver journal;
	struct subid_log log;

	receiver_open(&journal, state, "journal");
	assert_int_equal(subid_log_open(journal.path, "", &log), 0);
	(void)close(journal.fd);
	/* SIGPIPE would end us */
	assert_int_equal(subid_log_send(&log, &event, 0), -ECONNREFUSED);
	(void)close(log.fd);
}

static void test_deadline(void **state)
{
	struct timespec past = { .tv_sec = 0 }, soon = subid_trace_deadline(5999);
	int left = subid_trace_left_ms(&soon);

	(void)state;
	assert_int_equal(subid_trace_left_ms(&past), 0);
	assert_true(left > 0 && left <= 5999);
	assert_true(soon.tv_nsec >= 0 && soon.tv_nsec < 1000000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_journal_before_syslog),
		scratch_test(test_receiver_that_sleeps),
		scratch_test(test_receiver_that_goes_away),
		cmocka_unit_test(test_no_log),
		cmocka_unit_test(test_deadline),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
