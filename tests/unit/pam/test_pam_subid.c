/* SPDX-License-Identifier: MIT */
/*
 * wrap: open geteuid subid_users_open_named subid_source_read subid_text_read
 * wrap: subid_txn_begin subid_txn_decide subid_txn_grant subid_txn_commit
 */
#include "pam_support.h"

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
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	assert_tables(ALICES);
	assert_string_equal(
	    host.said, "You have been given 65536 subordinate ids for containers.\n");
	assert_string_equal(host.log,
			    "6: alice: given uid 100000-165535 (uid 1000, subuid)\n"
			    "6: alice: given gid 100000-165535 (uid 1000, subgid)\n");
	assert_int_equal(log_in("alice", "debug", 0), PAM_SUCCESS);
	assert_tables(ALICES);
	assert_string_equal(host.log, "");
	assert_int_equal(host.begins, 0);
	/* by another name of the uid, for which all of passwd is looked at */
	put("etc/passwd", "alias:x:1000:1000::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n");
	assert_int_equal(log_in("alias", "debug", 0), PAM_SUCCESS);
	assert_tables(ALICES);
	assert_int_equal(host.begins, 0);
}

static void test_silence(void **state)
{
	static const struct {
		const char *options;
		int flags;
	} rows[] = { { "", PAM_SILENT }, { "quiet", 0 }, { "silent", 0 } };

	(void)state;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		put("etc/subuid", "");
		put("etc/subgid", "");
		assert_int_equal(log_in("alice", rows[i].options, rows[i].flags),
				 PAM_SUCCESS);
		assert_tables(ALICES);
		assert_string_equal(host.said, "");
		assert_string_not_equal(host.log, "");
	}
	host.grant_answer = SUBID_FULL;
	put("etc/subuid", "");
	assert_int_equal(log_in("bob", "quiet required_for=students", 0),
			 PAM_SESSION_ERR);
	assert_string_equal(host.said, "");
}

static const struct {
	const char *argument;
	const char *log; /* NULL: it is right */
} arguments[] = {
	{ "debug", NULL },
	{ "count=1", NULL },
	{ "min_uid=0", NULL },
	{ "timeout=60", NULL },
	{ "required_for=students", NULL },
	{ "conf=/none", NULL },
	{ "count=0", "" },
	{ "count=", "" },
	{ "count=4294967296", "" },
	{ "countx=1", "" },
	{ "min_uid=-1", "" },
	{ "timeout=61", "" },
	{ "timeout=", "" },
	{ "conf=none", "" },
	{ "required_for=", "" },
	{ "required_for", "" },
	{ "debug=1", "" },
	{ "Debug", "" },
};

static void test_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(arguments); i++) {
		struct options options = { .timeout_ms = -1 };
		const char *argv[] = { "quiet", arguments[i].argument };
		bool right = arguments[i].log == NULL;

		host.log[0] = '\0';
		if (options_parse(HANDLE, 2, argv, &options) != right ||
		    (options.timeout_ms == -1) == right || (host.log[0] == '\0') != right)
			fail_msg("%s: %s", argv[1], host.log);
		if (right)
			continue;
		assert_non_null(strstr(host.log, argv[1]));
		/* and the login goes on, without a range */
		assert_int_equal(log_in("alice", argv[1], 0), PAM_IGNORE);
		assert_tables("");
	}
}

/* Patience ends when nothing has moved, or at last. */
static void test_patience(void **state)
{
	(void)state;
	host.begin_answer = SUBID_BUSY;
	assert_int_equal(log_in("alice", "", 0), PAM_SESSION_ERR);
	assert_int_equal(host.begins, 1);
	host.moves = 3;
	assert_int_equal(log_in("alice", "", 0), PAM_SESSION_ERR);
	assert_int_equal(host.begins, 4);
	host.moves = 100;
	assert_int_equal(log_in("alice", "", 0), PAM_SESSION_ERR);
	assert_int_equal(host.begins, PATIENCE_TIMES);
}

/* A login name that is a number gets a line by its uid. */
static void test_numbers(void **state)
{
	(void)state;
	assert_int_equal(log_in("4242", "count=10", 0), PAM_SUCCESS);
	assert_tables("1005:100000:10\n");
	assert_int_equal(log_in("4242", "", 0), PAM_SUCCESS);
	assert_tables("1005:100000:10\n");
	assert_int_equal(host.begins, 0);
}

static void test_long_names(void **state)
{
	char name[NAME_LENGTH_MAX + 2];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[NAME_LENGTH_MAX + 1] = '\0';
	assert_int_equal(log_in(name, "", 0), PAM_USER_UNKNOWN);
	assert_like("too long", host.log, "*: no owner of ranges can be called so\n");
	/* of the name in the log so much as suffices */
	assert_in_range(strlen(host.log), 60, 140);
	name[NAME_LENGTH_MAX] = '\0';
	assert_int_equal(log_in(name, "", 0), PAM_USER_UNKNOWN);
	assert_like("as long as may be", host.log, "*: there is no such account\n");
	assert_tables("");
}

/* A holder of the lock is named. */
static void test_holder(void **state)
{
	struct session session = { .pamh = HANDLE, .shown = "alice" };
	struct subid_failure failure = {
		.holder = { .file = "subgid", .pid = 4242, .program = "vipw" },
	};

	(void)state;
	say_failure(&session, SUBID_BUSY, &failure);
	assert_string_equal(host.log,
			    "4: alice: no range this time: " SUBID_SYSCONFDIR
			    "/subgid is locked by process 4242 (vipw): the next login"
			    " tries again\n");
}

static void test_say(void **state)
{
	struct session session = { .pamh = HANDLE, .shown = "alice" };
	struct subid_failure failure = {
		.file = "login.defs",
		.place = { .line = 0, .key = "UID_MIN", .why = "is above UID_MAX" },
	};

	(void)state;
	/* about no line */
	say_failure(&session, SUBID_INVALID, &failure);
	assert_string_equal(host.log, "3: alice: no range is given: " SUBID_SYSCONFDIR
				      "/login.defs: UID_MIN is above UID_MAX\n");
	/* what a terminal acts on, from any file */
	host.log[0] = '\0';
	say(&session, LOG_ERR, "%s", "a\033[2J\n\x7f\xff");
	assert_string_equal(host.log, "3: alice: a?[2J???\n");
	host.log[0] = '\0';
	say(&session, LOG_DEBUG, "%s", "only with debug");
	assert_string_equal(host.log, "");
	/* nothing was given */
	say_given(&session, NULL, &(struct subid_changes){ NULL, 0 });
	assert_string_equal(host.log, "");
	assert_string_equal(host.said, "");
}

static void test_other_types(void **state)
{
	(void)state;
	assert_int_equal(pam_sm_close_session(HANDLE, 0, 0, NULL), PAM_SUCCESS);
	assert_int_equal(pam_sm_authenticate(HANDLE, 0, 0, NULL), PAM_IGNORE);
	assert_int_equal(pam_sm_setcred(HANDLE, 0, 0, NULL), PAM_IGNORE);
	assert_int_equal(pam_sm_acct_mgmt(HANDLE, 0, 0, NULL), PAM_IGNORE);
	assert_int_equal(pam_sm_chauthtok(HANDLE, 0, 0, NULL), PAM_IGNORE);
	assert_tables("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		host_test(test_first_and_second_login),
		host_test(test_silence),
		host_test(test_arguments),
		host_test(test_patience),
		host_test(test_numbers),
		host_test(test_long_names),
		host_test(test_holder),
		host_test(test_say),
		host_test(test_other_types),
	};

	return cmocka_run_group_tests_name("pam_subid", tests, NULL, NULL);
}
