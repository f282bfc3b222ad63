/* SPDX-License-Identifier: MIT */
/*
 * wrap: open mkdir getpwnam getgrnam subid_users_open subid_sources_read
 * wrap: subid_text_read subid_txn_begin subid_txn_decide subid_txn_grant
 * wrap: subid_txn_commit
 */
#include "login_support.h"

#define ALICES "alice:100000:65536\n"

/* Both tables are this. */
static void assert_tables(const char *text)
{
	assert_file(host.root, "etc/subuid", text);
	assert_file(host.root, "etc/subgid", text);
}

static void test_first_and_second_login(void **state)
{
	(void)state;
	assert_int_equal(log_in("alice", ""), LOGIN_SUCCESS);
	assert_tables(ALICES);
	assert_string_equal(
	    host.said, "You have been granted 65536 subordinate ids for containers.\n");
	/* the change has its trace: the log need not say it twice */
	assert_string_equal(host.log, "");
	assert_int_equal(log_in("alice", "debug"), LOGIN_SUCCESS);
	assert_tables(ALICES);
	assert_string_equal(host.log, "");
	assert_int_equal(host.begins, 0);
	/* by another name of the uid, for which all of passwd is looked at */
	put("etc/passwd", "alias:x:1000:1000::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n");
	assert_int_equal(log_in("alias", "debug"), LOGIN_SUCCESS);
	assert_tables(ALICES);
	assert_int_equal(host.begins, 0);
}

/* What was typed is another spelling that the name service takes; it is never written. */
static void test_spelling(void **state)
{
	(void)state;
	assert_int_equal(log_in("ALICE", ""), LOGIN_SUCCESS);
	assert_tables(ALICES);
	assert_int_equal(log_in("Alice", ""), LOGIN_SUCCESS);
	assert_int_equal(host.begins, 0);
	assert_tables(ALICES);
}

/* What is the same the next time, until something is changed, and what may be not. */
static void test_what_is_remembered(void **state)
{
	(void)state;
	assert_int_equal(log_in("system", ""), LOGIN_SUCCESS);
	assert_true(host.remember);
	assert_int_equal(log_in("system", "required_for=students"), LOGIN_SUCCESS);
	assert_true(host.remember);
	assert_int_equal(log_in("alice", "min_uid=1001"), LOGIN_SUCCESS);
	assert_true(host.remember);
	host.grant_answer = SUBID_OFF;
	assert_int_equal(log_in("alice", ""), LOGIN_ERROR);
	assert_true(host.remember);
	host.grant_answer = SUBID_FULL;
	assert_int_equal(log_in("alice", ""), LOGIN_ERROR);
	assert_false(host.remember);
	host.grant_answer = 0;
	assert_int_equal(log_in("alice", ""), LOGIN_SUCCESS);
	assert_false(host.remember);
	/* has one, which the module did not see */
	assert_int_equal(log_in("ALICE", ""), LOGIN_SUCCESS);
	assert_true(host.remember);
	put("etc/subid.conf", "give all\n");
	assert_int_equal(log_in("bob", ""), LOGIN_ERROR);
	assert_false(host.remember);
	assert_int_equal(unlinkat(host.root, "etc/subid.conf", 0), 0);
	put("etc/nsswitch.conf", "subid: sss\n");
	assert_int_equal(log_in("bob", ""), LOGIN_SUCCESS);
	assert_true(host.remember);
	assert_int_equal(log_in("nosuch", ""), LOGIN_UNKNOWN);
	assert_false(host.remember);
}

/* Four at once; the next waits as long as it may. */
static void test_turns(void **state)
{
	int etc = openat(host.root, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct login logins[5];

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		logins[i] = (struct login){ .typed = "alice", .etc = etc, .turn = -1 };
		assert_int_equal(login_take_turn(&logins[i]), i < 4 ? 0 : SUBID_BUSY);
		assert_int_equal(logins[i].turn >= 0, i < 4);
	}
	assert_string_equal(logins[4].answer,
			    "log 4 no range this time: 4 other logins are not done yet:"
			    " the next login tries again\n");
	assert_int_equal(close(logins[2].turn), 0);
	assert_int_equal(login_take_turn(&logins[4]), 0);
	for (size_t i = 0; i < 5; i++)
		if (i != 2)
			assert_int_equal(close(logins[i].turn), 0);
	/* where there can be no such files it goes on without */
	assert_int_equal(unlinkat(host.root, "logins/.turn0", 0), 0);
	put_dir(host.root, "logins/.turn0");
	assert_int_equal(login_take_turn(&logins[0]), 0);
	assert_true(logins[0].turn < 0);
	assert_int_equal(close(etc), 0);
}

static const struct {
	const char *argument;
	bool right;
} arguments[] = {
	{ "debug", true },
	{ "count=1", true },
	{ "min_uid=0", true },
	{ "timeout=60", true },
	{ "required_for=students", true },
	{ "conf=/none", true },
	{ "version=", true },
	{ "count=0", false },
	{ "count=", false },
	{ "count=4294967296", false },
	{ "countx=1", false },
	{ "min_uid=-1", false },
	{ "timeout=61", false },
	{ "timeout=", false },
	{ "conf=none", false },
	{ "required_for=", false },
	{ "required_for", false },
	{ "debug=1", false },
	{ "quiet", false }, /* is the module's */
};

static void test_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(arguments); i++) {
		struct login login = { .typed = "alice" };
		char word[64], *argv[] = { word };

		(void)snprintf(word, sizeof(word), "%s", arguments[i].argument);
		if (login_parse(1, argv, &login) != arguments[i].right)
			fail_msg("%s", word);
	}
}

/* However much there is to say, the answer has its last line, and no more than 4 KiB. */
static void test_long_answer(void **state)
{
	struct login login = { .typed = "alice", .answer = "subid\n", .len = 6 };
	int pipes[2], kept = dup(STDOUT_FILENO);
	int status;
	ssize_t n;

	(void)state;
	for (int i = 0; i < 100; i++)
		login_log(&login, LOG_ERR, "%0*d", i * 13, i);
	login_tell(&login, "tell", "%2000d", 1);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(dup2(pipes[1], STDOUT_FILENO), STDOUT_FILENO);
	login_end(&login, LOGIN_UNKNOWN);
	status = login_send(&login, LOGIN_UNKNOWN);
	assert_int_equal(dup2(kept, STDOUT_FILENO), STDOUT_FILENO);
	assert_int_equal(close(kept), 0);
	assert_int_equal(status, EXIT_NO);
	n = read(pipes[0], login.answer, sizeof(login.answer));
	assert_true(n > LOGIN_ANSWER_MAX / 2 && n <= LOGIN_ANSWER_MAX);
	assert_memory_equal(login.answer + n - 16, "\nanswer unknown\n", 16);
	for (int i = 0; i < 2; i++)
		assert_int_equal(close(pipes[i]), 0);
}

/* Patience ends when nothing has moved, or at last. */
static void test_patience(void **state)
{
	(void)state;
	host.begin_answer = SUBID_BUSY;
	assert_int_equal(log_in("alice", ""), LOGIN_ERROR);
	assert_int_equal(host.begins, 1);
	host.moves = 3;
	assert_int_equal(log_in("alice", ""), LOGIN_ERROR);
	assert_int_equal(host.begins, 4);
	host.moves = 100;
	assert_int_equal(log_in("alice", ""), LOGIN_ERROR);
	assert_int_equal(host.begins, PATIENCE_TIMES);
}

/* A login name that is a number gets a line by its uid. */
static void test_numbers(void **state)
{
	(void)state;
	assert_int_equal(log_in("4242", "count=10"), LOGIN_SUCCESS);
	assert_tables("1005:100000:10\n");
	assert_int_equal(log_in("4242", ""), LOGIN_SUCCESS);
	assert_tables("1005:100000:10\n");
	assert_int_equal(host.begins, 0);
}

static void test_long_names(void **state)
{
	char name[LOGIN_NAME_LENGTH_MAX + 2];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[LOGIN_NAME_LENGTH_MAX + 1] = '\0';
	assert_int_equal(log_in(name, ""), LOGIN_UNKNOWN);
	assert_like("too long", host.log, "*: invalid owner name\n");
	name[LOGIN_NAME_LENGTH_MAX] = '\0';
	assert_int_equal(log_in(name, ""), LOGIN_UNKNOWN);
	assert_like("as long as may be", host.log, "*: no such account\n");
	assert_tables("");
}

/* What the library says, its last line; what is over soon is told from what is not. */
static void test_errors(void **state)
{
	static const struct {
		int r, code;
		const char *text, *answer;
	} cases[] = {
		{ SUBID_BUSY, SUBID_BUSY, "/etc/subgid: locked by process 42 (vipw)",
		  "log 4 no range this time: /etc/subgid: locked by process 42 "
		  "(vipw)\n" },
		{ -ESTALE, -ESTALE, "/etc/subuid: saved",
		  "log 4 no range this time: /etc/subuid: saved\n" },
		{ -EAGAIN, -EAGAIN, "again", "log 4 no range this time: again\n" },
		{ SUBID_OFF, SUBID_OFF, "login.defs has none",
		  "log 5 no range is granted: login.defs has none\n" },
		{ SUBID_FULL, SUBID_FULL, "first\nsecond \033[2J",
		  "log 3 no range is granted: second ?[2J\n" },
		{ SUBID_FULL, SUBID_FULL, "",
		  "log 3 no range is granted: there is no gap of that size\n" },
		{ -ENOMEM, 0, "", "log 3 no range is granted: Cannot allocate memory\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct login login = { .typed = "alice", .name = "alice" };
		struct subid_error err = { .size = sizeof(err), .code = cases[i].code };

		(void)snprintf(err.text, sizeof(err.text), "%s", cases[i].text);
		login_log_error(&login, cases[i].r, &err);
		assert_string_equal(login.answer, cases[i].answer);
	}
}

static void test_say(void **state)
{
	struct login login = { .typed = "alice", .name = "alice" };

	(void)state;
	/* what a terminal acts on, or ends a line, from any file */
	login_log(&login, LOG_ERR, "%s", "a\033[2J\n\x7f\xff");
	assert_string_equal(login.answer, "log 3 a?[2J???\n");
	login.len = 0;
	login.answer[0] = '\0';
	login_log(&login, LOG_DEBUG, "%s", "only with debug");
	assert_string_equal(login.answer, "");
	/* nothing was granted */
	login_log_granted(&login, 0, NULL);
	assert_string_equal(login.answer, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		host_test(test_first_and_second_login),
		host_test(test_spelling),
		host_test(test_what_is_remembered),
		host_test(test_turns),
		host_test(test_arguments),
		host_test(test_patience),
		host_test(test_numbers),
		host_test(test_long_names),
		host_test(test_errors),
		host_test(test_say),
		host_test(test_long_answer),
	};

	return cmocka_run_group_tests_name("login", tests, NULL, NULL);
}
