/* SPDX-License-Identifier: MIT */
#include "libsubid/core/log.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support.h"

static const struct log_line line = {
	.program = "subid",
	.id = "5a1d4b0e8c4f4c0b9d3c7e2f6a9b1857",
	.priority = 5,
	.text = { 3, "a b" },
	.fields = { 4, "A=B\n" },
	.note = " (note)",
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
	char text[SUBID_MESSAGE_SIZE] = "";

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
	assert_int_equal(subid_log_send(&log, &line, 0), 0);
	assert_received(&journal, "MESSAGE=a b\nMESSAGE_ID=");
	assert_int_equal(recv(syslog.fd, &log, 1, MSG_DONTWAIT), -1);
	(void)close(log.fd);
	(void)close(journal.fd);

	/* bound once, but nobody listens any more */
	assert_int_equal(subid_log_open(journal.path, syslog.path, &log), 0);
	assert_false(log.native);
	assert_int_equal(subid_log_send(&log, &line, 0), 0);
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
		r = subid_log_send(log, &line, 0);
	assert_int_equal(r, -EAGAIN);
}

static void test_receiver_that_sleeps(void **state)
{
	int64_t deadline;
	struct receiver journal;
	struct subid_log log;

	receiver_open(&journal, state, "journal");
	assert_int_equal(subid_log_open(journal.path, "", &log), 0);
	fill(&log);
	deadline = deadline_in(20);
	assert_int_equal(subid_log_send(&log, &line, 20), -EAGAIN);
	assert_int_equal(deadline_left_ms(deadline), 0);

	/* one that wakes up gets it */
	assert_received(&journal, "MESSAGE=");
	deadline = deadline_in(10000);
	assert_int_equal(subid_log_send(&log, &line, 10000), 0);
	assert_true(deadline_left_ms(deadline) > 0);
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
	assert_int_equal(subid_log_send(&log, &line, 0), -ECONNREFUSED);
	(void)close(log.fd);
}

static void assert_message(const struct subid_message *message, const char *text,
			   size_t size)
{
	assert_int_equal(message->size, size);
	assert_memory_equal(message->bytes, text, size);
}

static void test_messages(void **state)
{
	static const char journal[] = "MESSAGE=a b\n"
				      "MESSAGE_ID=5a1d4b0e8c4f4c0b9d3c7e2f6a9b1857\n"
				      "PRIORITY=5\nSYSLOG_FACILITY=10\n"
				      "SYSLOG_IDENTIFIER=subid\nSYSLOG_PID=7\nA=B\n";
	static const char syslog[] = "<85>subid[7]: a b (note)";
	struct subid_message message;

	(void)state;
	log_journal_message(&line, 7, &message);
	assert_message(&message, journal, strlen(journal));
	log_syslog_message(&line, 7, &message);
	assert_message(&message, syslog, strlen(syslog));
}

/* No byte of a name ends it, its line or its field. */
static void test_names(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		const char *text, *field;
		size_t field_size;
	} rows[] = {
#define ROW(name, text, field)                                                           \
	{ (name), sizeof(name) - 1, (text), (field), sizeof(field) - 1 }
		ROW("alice", "\"alice\"", "N=alice\n"),
		ROW("", "\"\"", "N=\n"),
		ROW("a\nb", "\"a?b\"", "N\n\3\0\0\0\0\0\0\0a\nb\n"),
		ROW("a\"\0\033\177", "\"a????\"", "N=a\"\0\033\177\n"),
		ROW("j\xc3\xb6", "\"j??\"", "N=j\xc3\xb6\n"),
#undef ROW
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct log_line made = { .program = "subid" };

		message_add_name(&made.text, rows[i].name, rows[i].len);
		assert_message(&made.text, rows[i].text, strlen(rows[i].text));
		log_field(&made, "N", rows[i].name, rows[i].len);
		assert_message(&made.fields, rows[i].field, rows[i].field_size);
	}
}

/* What has no room is cut, and nothing beyond is touched. */
static void test_full(void **state)
{
	struct log_line made = { .program = "subid" };

	(void)state;
	for (int i = 0; i < 4 * SUBID_MESSAGE_SIZE; i++) {
		message_add(&made.text, "%d ", i);
		log_field_print(&made, "KEY", "%d", i);
	}
	assert_int_equal(made.text.size, SUBID_MESSAGE_SIZE - 1);
	assert_int_equal(made.fields.size, SUBID_MESSAGE_SIZE - 1);
	assert_string_equal(made.note, "");
}

static void test_deadline(void **state)
{
	int left = deadline_left_ms(deadline_in(5999));

	(void)state;
	assert_int_equal(deadline_left_ms(0), 0);
	assert_true(left > 0 && left <= 5999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_journal_before_syslog),
		scratch_test(test_receiver_that_sleeps),
		scratch_test(test_receiver_that_goes_away),
		cmocka_unit_test(test_no_log),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_deadline),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
