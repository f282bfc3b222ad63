/* SPDX-License-Identifier: MIT */
/*
 * wrap: audit_open audit_log_user_message audit_is_enabled pipe2
 */
#include "libsubid/trace/trace.h"

#include <libaudit.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "support.h"

#define OF(name, id) .owner = (name), .owner_len = sizeof(name) - 1, .uid = (id)
#define EVENT(name, id, ...)                                                             \
	{                                                                                \
		OF(name, id), .range = { 100000, 65536 }, .program = "subid",            \
			      __VA_ARGS__                                                \
	}
#define RANGE_TAIL " id=1000 subid-start=100000 subid-count=65536"
#define ALICE	   "acct=\"alice\"" RANGE_TAIL

static void test_audit_text(void **state)
{
	static const struct {
		const char *row;
		struct subid_event event;
		const char *text;
	} rows[] = {
		{ "add", EVENT("alice", 1000, .kind = SUBID_UID),
		  "op=add-subuid-range " ALICE },
		{ "remove",
		  EVENT("alice", 1000, .action = SUBID_REMOVE, .kind = SUBID_GID),
		  "op=remove-subgid-range " ALICE },
		{ "hold, nobody", EVENT("!reserved", SUBID_NO_UID, .action = SUBID_HOLD),
		  "op=hold-subuid-range acct=\"!reserved\" id=4294967295"
		  " subid-start=100000 subid-count=65536" },
		{ "unhold", EVENT("alice", 1000, .action = SUBID_UNHOLD),
		  "op=unhold-subuid-range " ALICE },
		{ "an error", EVENT("alice", 1000, .result = -ENOSPC),
		  "op=add-subuid-range " ALICE },
		{ "an answer", EVENT("alice", 1000, .result = SUBID_TAKEN),
		  "op=add-subuid-range " ALICE },
		{ "the last id",
		  { OF("alice", 1000), .range = { 0, UINT32_MAX } },
		  "op=add-subuid-range acct=\"alice\" id=1000 subid-start=0"
		  " subid-count=4294967295" },
		{ "refused before ids were chosen",
		  { OF("alice", 1000), .range = { SUBID_NO_PLACE, 9 }, .result = 2 },
		  "op=add-subuid-range acct=\"alice\" id=1000 subid-count=9" },
		{ "nor is it known how many",
		  { OF("alice", 1000), .range = { SUBID_NO_PLACE, 0 },
		    .result = -EACCES },
		  "op=add-subuid-range acct=\"alice\" id=1000" },
		/* names that want to be more than a name */
		{ "a blank", EVENT("a res=success", 1000, .kind = SUBID_UID),
		  "op=add-subuid-range acct=61207265733D73756363657373" RANGE_TAIL },
		{ "a quote", EVENT("a\"b", 1000, .kind = SUBID_UID),
		  "op=add-subuid-range acct=612262" RANGE_TAIL },
		{ "the kernel's quote", EVENT("a'b", 1000, .kind = SUBID_UID),
		  "op=add-subuid-range acct=612762" RANGE_TAIL },
		{ "a newline", EVENT("a\ntype=", 1000, .kind = SUBID_UID),
		  "op=add-subuid-range acct=610A747970653D" RANGE_TAIL },
		{ "NUL", EVENT("a\0b", 1000, .kind = SUBID_UID),
		  "op=add-subuid-range acct=610062" RANGE_TAIL },
		{ "DEL", EVENT("\177", 1000, .kind = SUBID_UID),
		  "op=add-subuid-range acct=7F" RANGE_TAIL },
		{ "beyond ASCII", EVENT("\xc3\xa9\xff", 1000, .kind = SUBID_UID),
		  "op=add-subuid-range acct=C3A9FF" RANGE_TAIL },
		{ "a separator of logs", EVENT("a\x1d", 1000, .kind = SUBID_UID),
		  "op=add-subuid-range acct=611D" RANGE_TAIL },
		{ "each that is harmless",
		  EVENT("!#$%&()*=,-./@[\\]^_`{|}~", 1000, .kind = SUBID_UID),
		  "op=add-subuid-range acct=\"!#$%&()*=,-./@[\\]^_`{|}~\"" RANGE_TAIL },
		{ "empty", EVENT("", 1000, .kind = SUBID_UID),
		  "op=add-subuid-range acct=\"\"" RANGE_TAIL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subid_message message;

		subid_trace_audit_text(&rows[i].event, &message);
		if (strcmp(message.bytes, rows[i].text) != 0)
			fail_msg("%s: '%s'\ninstead of\n'%s'", rows[i].row, message.bytes,
				 rows[i].text);
		assert_int_equal(message.size, strlen(message.bytes));
	}
}

/* The longest name, and one byte more, with the longest of all else. */
static void test_longest(void **state)
{
	char name[SUBID_MESSAGE_NAME_MAX + 1];
	struct subid_event event = {
		.action = SUBID_UNHOLD,
		.range = { UINT32_MAX - 2, 1 },
		.owner = name,
		.owner_len = SUBID_MESSAGE_NAME_MAX,
		.uid = UINT32_MAX - 1,
	};
	struct subid_message full, cut;

	(void)state;
	memset(name, '\n', sizeof(name));
	subid_trace_audit_text(&event, &full);
	event.owner_len++;
	subid_trace_audit_text(&event, &cut);
	assert_string_equal(full.bytes, cut.bytes);
	assert_true(full.size < SUBID_MESSAGE_SIZE - 1);
}

/*
 * A libaudit that notes the records and answers as it is told.  What is noted is in
 * memory that the child, which calls it, shares.
 */
static struct audit {
	int open_error;
	int answer, error; /* of each record from after on, if not 0 or error */
	size_t after;
	bool hangs;	 /* at the one after those */
	bool is_killed;	 /* the same */
	unsigned int ms; /* that each record takes */
	int enabled;
	size_t n, asked; /* records; whether any is kept */
	int types[4], results[4];
	char first[SUBID_MESSAGE_SIZE];
	int open_files;	 /* in the child */
	bool is_blocked; /* every signal there */
} * audit;

int __wrap_audit_open(void);
int __wrap_audit_open(void)
{
	errno = audit->open_error;
	return errno != 0 ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);
}

int __wrap_audit_is_enabled(int fd);
int __wrap_audit_is_enabled(int fd)
{
	audit->asked += fd >= 0;
	return audit->enabled;
}

static int count_files(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static bool blocks_all(void)
{
	sigset_t now;

	return sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGINT) &&
	       sigismember(&now, SIGTERM) && sigismember(&now, SIGPIPE);
}

int __wrap_audit_log_user_message(int fd, int type, const char *message,
				  const char *hostname, const char *addr, const char *tty,
				  int result);
int __wrap_audit_log_user_message(int fd, int type, const char *message,
				  const char *hostname, const char *addr, const char *tty,
				  int result)
{
	(void)fd;
	/* with a terminal of NULL it looks for one */
	if (hostname != NULL || addr != NULL || tty == NULL || *tty != '\0')
		return -EINVAL;
	if (audit->n == audit->after && audit->is_killed)
		(void)kill(getpid(), SIGKILL);
	while (audit->n == audit->after && audit->hangs)
		(void)pause();
	if (audit->ms > 0)
		(void)poll(NULL, 0, (int)audit->ms);
	if (audit->n == audit->after && (audit->error != 0 || audit->answer != 0)) {
		errno = audit->error;
		return audit->answer;
	}
	if (audit->n < 4) {
		audit->types[audit->n] = type;
		audit->results[audit->n] = result;
	}
	if (audit->n == 0) {
		(void)strcpy(audit->first, message);
		audit->open_files = count_files();
		audit->is_blocked = blocks_all();
	}
	return (int)++audit->n;
}

int __real_pipe2(int pipes[2], int flags);
int __wrap_pipe2(int pipes[2], int flags);
int __wrap_pipe2(int pipes[2], int flags)
{
	if (audit->open_error != 0)
		fail_msg("there is nobody to talk to");
	return __real_pipe2(pipes, flags);
}

static int audit_reset(void **state)
{
	(void)state;
	if (audit == NULL)
		audit = mmap(NULL, sizeof(*audit), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (audit == MAP_FAILED)
		return -1;
	memset(audit, 0, sizeof(*audit));
	audit->enabled = 1;
	return 0;
}

#define N_MANY 1000

static const struct subid_patience patient = { 10000, 60000 };

static int send_many(size_t n, const struct subid_patience *patience, size_t *ret_taken)
{
	static struct subid_event events[N_MANY];

	for (size_t i = 0; i < N_MANY; i++)
		events[i] = (struct subid_event){
			.kind = i % 2 == 0 ? SUBID_UID : SUBID_GID,
			.range = { 100000 + (uint32_t)i, 1 },
			.owner = "alice",
			.owner_len = 5,
			.uid = 1000,
			.result = i == 1 ? -EPERM : 0,
		};
	return subid_audit_send(events, n, patience, ret_taken);
}

static void test_two_records(void **state)
{
	int lowest = lowest_free_fd();
	size_t taken;

	(void)state;
	assert_int_equal(send_many(2, &patient, &taken), 0);
	assert_int_equal(taken, 2);
	assert_int_equal(audit->n, 2);
	assert_int_equal(audit->types[0], 1102); /* USER_MGMT */
	assert_int_equal(audit->types[1], 1132); /* GRP_MGMT */
	assert_int_equal(audit->results[0], 1);
	assert_int_equal(audit->results[1], 0);
	assert_string_equal(audit->first, "op=add-subuid-range acct=\"alice\" id=1000"
					  " subid-start=100000 subid-count=1");
	assert_int_equal(audit->asked, 0);
	assert_int_equal(lowest_free_fd(), lowest);
}

static void test_many_records(void **state)
{
	size_t taken;

	(void)state;
	assert_int_equal(send_many(N_MANY, &patient, &taken), 0);
	assert_int_equal(taken, N_MANY);
	assert_int_equal(audit->n, N_MANY);
	assert_int_equal(audit->asked, 1);
}

/* All are accepted, and dropped. */
static void test_many_that_nobody_keeps(void **state)
{
	size_t taken;

	(void)state;
	audit->enabled = 0;
	assert_int_equal(send_many(N_MANY, &patient, &taken), 0);
	assert_int_equal(taken, N_MANY);
	assert_true(audit->n >= 1 && audit->n < N_MANY / 10);
	/* who may not ask sends each */
	(void)audit_reset(state);
	audit->enabled = -1;
	assert_int_equal(send_many(N_MANY, &patient, &taken), 0);
	assert_int_equal(audit->n, N_MANY);
}

/* No lock can stay with it, and no handler of ours run in it. */
static void test_what_the_child_has_of_us(void **state)
{
	int more[3];
	size_t taken;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		more[i] = fcntl(STDERR_FILENO, F_DUPFD, 100 * (int)i);
	assert_int_equal(send_many(1, &patient, &taken), 0);
	assert_int_equal(audit->open_files, 2);
	assert_true(audit->is_blocked);
	assert_false(blocks_all());
	for (size_t i = 0; i < 3; i++)
		(void)close(more[i]);
	/* the host's wait(2) sees none, whether it has ended or not */
	assert_int_equal(waitpid(-1, NULL, 0), -1);
	assert_int_equal(errno, ECHILD);
}

static volatile sig_atomic_t children;
static void count_child(int signal)
{
	(void)signal;
	children++;
}

/* However the host treats children of its own. */
static void test_host_with_children(void **state)
{
	struct sigaction action = { .sa_handler = count_child }, before;
	size_t taken;

	(void)state;
	assert_int_equal(sigaction(SIGCHLD, &action, &before), 0);
	assert_int_equal(send_many(2, &patient, &taken), 0);
	assert_int_equal(children, 0);
	action.sa_handler = SIG_IGN;
	assert_int_equal(sigaction(SIGCHLD, &action, NULL), 0);
	assert_int_equal(send_many(2, &patient, &taken), 0);
	assert_int_equal(taken, 2);
	assert_int_equal(sigaction(SIGCHLD, &before, NULL), 0);
}

/* One that is not answered, or many that are answered one by one. */
static void test_audit_that_hangs(void **state)
{
	static const struct subid_patience soon = { 100, 60000 }, all = { 60000, 100 };
	int64_t deadline = deadline_in(30000);
	size_t taken;

	(void)state;
	audit->hangs = true;
	audit->after = 3;
	assert_int_equal(send_many(N_MANY, &soon, &taken), -ETIME);
	assert_int_equal(taken, 3);
	(void)audit_reset(state);
	audit->ms = 20;
	assert_int_equal(send_many(N_MANY, &all, &taken), -ETIME);
	assert_true(taken > 0 && taken < 60);
	assert_true(deadline_left_ms(deadline) > 0);
}

static void test_child_that_is_killed(void **state)
{
	size_t taken;

	(void)state;
	audit->is_killed = true;
	audit->after = 5;
	assert_int_equal(send_many(N_MANY, &patient, &taken), -EIO);
	assert_int_equal(taken, 5);
}

static void test_failures(void **state)
{
	static const struct {
		int open_error, answer, error;
		size_t after;
		int r;
	} rows[] = {
		/* no audit here */
		{ .open_error = EINVAL, .r = -EPROTONOSUPPORT },
		{ .open_error = EPROTONOSUPPORT, .r = -EPROTONOSUPPORT },
		{ .open_error = EAFNOSUPPORT, .r = -EPROTONOSUPPORT },
		{ .open_error = EMFILE, .r = -EMFILE },
		/* 0: not sent, and errno may be that of its own look at capabilities */
		{ .error = EPERM, .r = -EPERM },
		{ .error = ENOENT, .r = -EPERM },
		{ .error = ECONNREFUSED, .r = -ECONNREFUSED },
		{ .answer = -EPERM, .error = EPERM, .r = -EPERM },
		{ .answer = -ENOBUFS, .error = ENOBUFS, .r = -ENOBUFS },
		{ .answer = -EAGAIN, .error = EAGAIN, .after = 7, .r = -EAGAIN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t taken = 99;

		(void)audit_reset(state);
		audit->open_error = rows[i].open_error;
		audit->answer = rows[i].answer;
		audit->error = rows[i].error;
		audit->after = rows[i].after;
		assert_int_equal(send_many(N_MANY, &patient, &taken), rows[i].r);
		assert_int_equal(taken, rows[i].after);
		assert_int_equal(audit->n, rows[i].after);
	}
}

#define audit_test(function) cmocka_unit_test_setup(function, audit_reset)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_audit_text),
		cmocka_unit_test(test_longest),
		audit_test(test_two_records),
		audit_test(test_many_records),
		audit_test(test_many_that_nobody_keeps),
		audit_test(test_what_the_child_has_of_us),
		audit_test(test_host_with_children),
		audit_test(test_audit_that_hangs),
		audit_test(test_child_that_is_killed),
		audit_test(test_failures),
	};

	return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
