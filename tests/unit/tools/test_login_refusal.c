/* SPDX-License-Identifier: MIT */
/*
 * Logins that grant no range: the answer, and what is for the log and the user.
 *
 * wrap: open mkdir getpwnam getgrnam subid_users_open subid_sources_read
 * wrap: subid_text_read subid_txn_begin subid_txn_decide subid_txn_grant
 * wrap: subid_txn_commit
 */
#include "login_support.h"

#define STUDENTS "required_for=students"
#define DENIED(who, why)                                                                 \
	"You have no subordinate ids, which " who " need: " why                          \
	". Ask the administrator of this host.\n"
#define FOR_GROUP(why) DENIED("students", why)
#define ERROR	       "an error, which is in the log of this host"
#define FULL	       "no ids are left on this host"
#define REFUSED	       "the policy of this host grants you none"
#define AN_ERROR       DENIED("containers", ERROR)
#define NONE_LEFT      DENIED("containers", FULL)
#define POLICY	       DENIED("containers", REFUSED)
#define OTHERS	       DENIED("containers", "somebody else has the ids that would be yours")
#define DISK_FULL      DENIED("containers", "a file system of this host is full")
#define READ_ONLY      DENIED("containers", "a file system of this host is read-only")
#define BUSY	       DENIED("containers", "others are changing the tables: try again later")

/* What a login comes to, with the machine as it is made by begin. */
struct row {
	const char *name;
	void (*begin)(void);
	const char *user, *options;
	int answer;
	const char *log;  /* a glob */
	const char *said; /* to the user */
};

static void etc_is_gone(void)
{
	assert_int_equal(renameat(host.root, "etc", host.root, "etc.kept"), 0);
}

static void passwd_is_a_directory(void)
{
	assert_int_equal(unlinkat(host.root, "etc/passwd", 0), 0);
	put_dir(host.root, "etc/passwd");
}

static void group_is_a_directory(void)
{
	assert_int_equal(unlinkat(host.root, "etc/group", 0), 0);
	put_dir(host.root, "etc/group");
	host.grant_answer = SUBID_FULL;
}

static void passwd_is_gone(void)
{
	assert_int_equal(unlinkat(host.root, "etc/passwd", 0), 0);
}

static void group_is_gone(void)
{
	assert_int_equal(unlinkat(host.root, "etc/group", 0), 0);
}

static void leads_nowhere(const char *name)
{
	assert_true(unlinkat(host.root, name, 0) == 0 || errno == ENOENT);
	assert_int_equal(symlinkat("nowhere", host.root, name), 0);
}

static void defs_lead_nowhere(void)
{
	leads_nowhere("etc/login.defs");
}

static void conf_leads_nowhere(void)
{
	leads_nowhere("etc/subid.conf");
}

static void table_is_a_link(void)
{
	assert_int_equal(unlinkat(host.root, "etc/subuid", 0), 0);
	assert_int_equal(symlinkat("elsewhere", host.root, "etc/subuid"), 0);
}

static void no_memory_for_a_table(void)
{
	faults.only = "subid_text_read";
	faults.lasting = true;
	faults_arm(2, ENOMEM); /* behind passwd */
}

static void nsswitch_fails(void)
{
	host.source_answer = -EIO;
}

static void nsswitch_is_a_directory(void)
{
	put_dir(host.root, "etc/nsswitch.conf");
}

static void nsswitch_is_wrong(void)
{
	put("etc/nsswitch.conf", "subid: a/b\n");
}

static void ranges_come_from_elsewhere(void)
{
	put("etc/nsswitch.conf", "subid: sss\n");
}

static void ranges_have_long_come_from_elsewhere(void)
{
	put("etc/nsswitch.conf", "subid: sss\n");
	put("run/pam_subid.source", "");
}

static void a_second_source_is_missing(void)
{
	put("etc/nsswitch.conf", "subid: files nosuch\n");
}

static void defs_are_wrong(void)
{
	put("etc/login.defs", "SUB_UID_COUNT x\n");
}

static void defs_are_off(void)
{
	put("etc/login.defs", "SUB_UID_COUNT 0\nSUB_GID_COUNT 0\n");
}

static void conf_is_wrong(void)
{
	put("etc/subid.conf", "give all\n");
}

static void conf_asks_for_a_group(void)
{
	put("etc/subid.conf", "give group students\n");
	group_is_a_directory();
}

static void never_alice(void)
{
	put("etc/subid.conf", "never user alice \"no\"\n");
}

static void never_bob(void)
{
	put("etc/subid.conf", "never user bob \"no\"\n");
}

static void window_is_full(void)
{
	put("etc/subid.conf", "give everyone count 10 window 200000-200009\n");
	put("etc/subuid", "x:200000:10\n");
	put("etc/subgid", "x:200000:10\n");
}

static void proc_is_gone(void)
{
	assert_int_equal(renameat(host.root, "proc", host.root, "proc.kept"), 0);
}

static void somebody_is_busy(void)
{
	host.begin_answer = SUBID_BUSY;
}

static void begin_fails(void)
{
	host.begin_answer = -EROFS;
}

static void decide_fails(void)
{
	host.decide_answer = -ENOMEM;
}

static void policy_has_changed(void)
{
	host.decide_answer = 1;
}

static void grant_full(void)
{
	host.grant_answer = SUBID_FULL;
}

static void grant_taken(void)
{
	put("etc/subuid", "other:200005:1\n");
	put("etc/subgid", "other:200005:1\n");
	host.grant_answer = SUBID_TAKEN;
}

static void grant_off(void)
{
	host.grant_answer = SUBID_OFF;
}

static void grant_invalid(void)
{
	host.grant_answer = SUBID_INVALID;
}

static void grant_forbidden(void)
{
	host.grant_answer = SUBID_FORBIDDEN;
}

static void grant_enough(void)
{
	host.grant_answer = SUBID_ENOUGH;
}

static void grant_fails(void)
{
	host.grant_answer = -ENOMEM;
}

static void commit_stale(void)
{
	host.commit_answer = -ESTALE;
}

static void commit_fails(void)
{
	host.commit_answer = -ENOSPC;
}

static void is_in_group(void)
{
	host.in_group = true;
}

static const struct row rows[] = {
	{ "no /etc", etc_is_gone, "alice", "", LOGIN_ERROR,
	  "3: alice: " SUBID_SYSCONFDIR ": No such file or directory\n", AN_ERROR },
	{ "no /etc, for a group", etc_is_gone, "alice", STUDENTS, LOGIN_IGNORE,
	  "3: alice: " SUBID_SYSCONFDIR ": No such file or directory\n", "" },
	{ "nobody", NULL, "nobody", "", LOGIN_UNKNOWN,
	  "5: nobody: no range is granted: no such account\n", "" },
	{ "nobody, for a group", NULL, "nobody", STUDENTS, LOGIN_IGNORE,
	  "5: nobody: no range is granted: no such account\n", "" },
	{ "nobody, of the group", is_in_group, "nobody", STUDENTS, LOGIN_ERROR,
	  "5: nobody: no range is granted: no such account\n", "" },
	{ "a hostile name", NULL, "a:b \n\033", "", LOGIN_UNKNOWN,
	  "5: a:b[?][?][?]: no range is granted: invalid owner name\n", "" },
	{ "an empty name", NULL, "", "", LOGIN_UNKNOWN,
	  "5: : no range is granted: invalid*", "" },
	{ "a number of nobody", NULL, "1000", "", LOGIN_UNKNOWN,
	  "5: 1000: no range is granted: no such account\n", "" },
	{ "a number for another", NULL, "0", "", LOGIN_UNKNOWN,
	  "5: 0: no range is granted: invalid owner name\n", "" },
	{ "passwd", passwd_is_a_directory, "alice", "", LOGIN_ERROR,
	  "3: alice: cannot be looked up: " SUBID_SYSCONFDIR
	  "/passwd: Invalid argument\n",
	  AN_ERROR },
	{ "passwd, for a group", passwd_is_a_directory, "alice", STUDENTS, LOGIN_IGNORE,
	  "3: alice: cannot be looked up: " SUBID_SYSCONFDIR
	  "/passwd: Invalid argument\n",
	  "" },
	{ "no passwd", passwd_is_gone, "alice", "", LOGIN_ERROR,
	  "3: alice: cannot be looked up: " SUBID_SYSCONFDIR "/passwd: No such file or"
	  " directory\n",
	  AN_ERROR },
	{ "no group", group_is_gone, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: " SUBID_SYSCONFDIR "/group: No such file or"
	  " directory\n",
	  AN_ERROR },
	{ "login.defs elsewhere", defs_lead_nowhere, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: " SUBID_SYSCONFDIR "/login.defs: *", AN_ERROR },
	{ "subid.conf elsewhere", conf_leads_nowhere, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: " SUBID_SYSCONFDIR "/subid.conf: *", AN_ERROR },
	{ "a table", table_is_a_link, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: the tables: it is a symbolic link, *\n",
	  AN_ERROR },
	{ "a table, for root", table_is_a_link, "root", "", LOGIN_IGNORE,
	  "3: root: no range is granted: the tables: *", "" },
	{ "a table, for a group", table_is_a_link, "alice", STUDENTS, LOGIN_IGNORE,
	  "3: alice: no range is granted: the tables: *", "" },
	{ "a table, of the group", table_is_a_link, "bob", STUDENTS, LOGIN_ERROR,
	  "3: bob: no range is granted: the tables: *", FOR_GROUP(ERROR) },
	{ "memory", no_memory_for_a_table, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: the tables: Cannot allocate memory\n",
	  AN_ERROR },
	{ "min_uid", NULL, "alice", "debug min_uid=1001", LOGIN_SUCCESS, "", "" },
	{ "min_uid is hers", window_is_full, "alice", "min_uid=1000", LOGIN_ERROR,
	  "3: alice: no range is granted: alice: no gap of *", NONE_LEFT },
	{ "nsswitch.conf", nsswitch_fails, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: nsswitch.conf: Input/output error\n",
	  AN_ERROR },
	{ "nsswitch.conf is a directory", nsswitch_is_a_directory, "alice", "",
	  LOGIN_ERROR,
	  "3: alice: cannot be looked up: " SUBID_SYSCONFDIR
	  "/nsswitch.conf: Invalid argument\n",
	  AN_ERROR },
	{ "nsswitch.conf is a directory, for root", nsswitch_is_a_directory, "root", "",
	  LOGIN_IGNORE,
	  "3: root: cannot be looked up: " SUBID_SYSCONFDIR
	  "/nsswitch.conf: Invalid argument\n",
	  "" },
	{ "no /etc, for root", etc_is_gone, "root", "", LOGIN_IGNORE,
	  "3: root: " SUBID_SYSCONFDIR ": No such file or directory\n", "" },
	{ "nsswitch.conf is wrong", nsswitch_is_wrong, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: nsswitch.conf: 'subid:' names no source\n",
	  AN_ERROR },
	{ "a source", ranges_come_from_elsewhere, "alice", "", LOGIN_SUCCESS,
	  "5: alice: no range is granted: " SUBID_SYSCONFDIR "/nsswitch.conf says 'subid:"
	  " sss', so ranges come from there (logged once)\n",
	  "" },
	{ "a source, again", ranges_have_long_come_from_elsewhere, "alice", "",
	  LOGIN_SUCCESS, "", "" },
	{ "a source, debug", ranges_have_long_come_from_elsewhere, "alice", "debug",
	  LOGIN_SUCCESS, "7: alice: no range is granted: * (logged once)\n", "" },
	{ "a second source", a_second_source_is_missing, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: " SUBID_SYSCONFDIR "/nsswitch.conf says 'subid:"
	  " nosuch', and libsubid_nosuch.so cannot be loaded\n",
	  AN_ERROR },
	{ "login.defs", defs_are_wrong, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: " SUBID_SYSCONFDIR
	  "/login.defs:1: SUB_UID_COUNT *\n",
	  AN_ERROR },
	{ "login.defs is off", defs_are_off, "alice", "", LOGIN_ERROR,
	  "5: alice: no range is granted: alice: " SUBID_SYSCONFDIR
	  "/login.defs gives none: SUB_UID_COUNT or SUB_GID_COUNT is 0 *",
	  POLICY },
	{ "subid.conf", conf_is_wrong, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: " SUBID_SYSCONFDIR
	  "/subid.conf:1: all is not *",
	  AN_ERROR },
	{ "conf=", NULL, "alice", "conf=/dev/null/none", LOGIN_ERROR,
	  "3: alice: no range is granted: /dev/null/none: Not a directory: nothing is "
	  "given"
	  " until it can be read\n",
	  AN_ERROR },
	{ "group", conf_asks_for_a_group, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: " SUBID_SYSCONFDIR "/group: it"
	  " is not a regular file\n",
	  AN_ERROR },
	{ "never", never_alice, "alice", "debug", LOGIN_SUCCESS,
	  "7: alice: no range, by subid.conf:1\n", "" },
	{ "never, of the group", never_bob, "bob", STUDENTS, LOGIN_ERROR, "",
	  FOR_GROUP(REFUSED " (no)") },
	{ "no rule", NULL, "system", "debug", LOGIN_SUCCESS,
	  "7: system: no range: no rule of the policy fits\n", "" },
	{ "a group that is not there", never_alice, "alice", "required_for=nosuch",
	  LOGIN_SUCCESS, "3: alice: required_for=nosuch: no such group\n", "" },
	{ "a group that cannot be read", group_is_a_directory, "alice", STUDENTS,
	  LOGIN_IGNORE,
	  "*3: alice: required_for=students: " SUBID_SYSCONFDIR
	  "/group: Invalid argument\n",
	  "" },
	{ "full", window_is_full, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: alice: no gap of 10 gids in window"
	  " 200000-200009: 0 of 10 are free, *\n",
	  NONE_LEFT },
	{ "no /proc", proc_is_gone, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: /proc: No such file or directory: running"
	  " processes cannot be seen\n",
	  AN_ERROR },
	{ "busy", somebody_is_busy, "alice", "", LOGIN_ERROR,
	  "4: alice: no range this time: " SUBID_SYSCONFDIR "/subuid: locked by another"
	  " process: try again later\n",
	  BUSY },
	{ "begin", begin_fails, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: " SUBID_SYSCONFDIR "/subuid: Read-only file"
	  " system: *\n",
	  READ_ONLY },
	{ "decide", decide_fails, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: alice: Cannot allocate memory\n", AN_ERROR },
	{ "policy", policy_has_changed, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: alice: the policy gives no ids to this owner "
	  "unasked\n",
	  POLICY },
	{ "grant: full", grant_full, "bob", STUDENTS, LOGIN_ERROR,
	  "3: bob: no range is granted: there is no gap of that size\n",
	  FOR_GROUP(FULL) },
	{ "grant: full, for another group", grant_full, "alice", STUDENTS, LOGIN_IGNORE,
	  "3: alice: no range is granted: there is no gap of that size\n", "" },
	{ "grant: taken", grant_taken, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: alice: gid 200005-200005: taken "
	  "by " SUBID_SYSCONFDIR "/subgid:1: other:200005:1\n",
	  OTHERS },
	{ "grant: off", grant_off, "alice", "", LOGIN_ERROR,
	  "5: alice: no range is granted: alice: " SUBID_SYSCONFDIR
	  "/login.defs gives none: SUB_UID_COUNT or SUB_GID_COUNT is 0 *",
	  POLICY },
	{ "grant: no safe name", grant_invalid, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: alice: 1000 is also the login name of an "
	  "account"
	  " with another uid, *",
	  AN_ERROR },
	{ "grant: forbidden", grant_forbidden, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: alice: never given ids\n", POLICY },
	{ "grant: enough", grant_enough, "alice", "", LOGIN_SUCCESS, "", "" },
	{ "grant", grant_fails, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: alice: Cannot allocate memory\n", AN_ERROR },
	{ "commit: stale", commit_stale, "alice", "", LOGIN_ERROR,
	  "4: alice: no range this time: " SUBID_SYSCONFDIR ": subuid and subgid were not"
	  " changed: somebody has saved it meanwhile without the lock *",
	  BUSY },
	{ "commit", commit_fails, "alice", "", LOGIN_ERROR,
	  "3: alice: no range is granted: " SUBID_SYSCONFDIR
	  ": subuid and subgid were not"
	  " changed: No space left on device: *",
	  DISK_FULL },
};

/* The table subuid, if there is one that can be read. */
static void keep(char *ret, size_t size)
{
	int fd = openat(host.root, "etc/subuid", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, ret, size - 1);

	assert_true(n >= 0);
	ret[n] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < ARRAY(rows); i++) {
		const struct row *row = &rows[i];
		char before[64] = "", after[64] = "";
		int answer;

		assert_int_equal(host_setup(state), 0);
		if (row->begin != NULL)
			row->begin();
		keep(before, sizeof(before));
		answer = (int)log_in(row->user, row->options);
		keep(after, sizeof(after));
		if (answer != row->answer)
			fail_msg("%s: answer %d, \"%s\"", row->name, answer, host.log);
		assert_like(row->name, host.log, row->log);
		assert_string_equal(host.said, row->said);
		/* nothing was given in any of them */
		assert_string_equal(before, after);
		assert_int_equal(host_teardown(state), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests_name("login_refusal", tests, NULL, NULL);
}
