/* SPDX-License-Identifier: MIT */
/*
 * Who calls, and what he holds.
 *
 * wrap: open openat __openat_2 fstat stat fstatfs read __read_chk pread __pread_chk write
 * wrap: fcntl prctl setresuid setresgid syscall clearenv getuid getgid geteuid getegid
 * wrap: fallocate mmap sysconf malloc calloc realloc reallocarray strndup
 * wrap: getpwuid_r getpwnam_r subid_source_ranges subid_source_check
 * wrap: subid_log_open subid_log_send
 */
#include "helper_support.h"

#include <fnmatch.h>

#define GOOD "4242 0 100000 10"
#define EVIL "4242 0 200000 10"

/* Rule 3, where no user can bring it about: a name service that lies. */
static void test_target(void **state)
{
	static const struct far_account liar = { "alice", ALICE, BOB };
	static const struct {
		uid_t uid;
		gid_t gid, own_gid;
		const char *defs;
		bool lies, allowed;
	} rows[] = {
		{ ALICE, ALICE, ALICE, "", false, true },
		{ BOB, ALICE, ALICE, "", false, false },
		{ ALICE, BOB, ALICE, "", false, false },
		{ ALICE, BOB, BOB, "", false, false },
		{ ALICE, BOB, BOB, "GRANT_AUX_GROUP_SUBIDS yes\n", false, true },
		{ ALICE, BOB, BOB, "GRANT_AUX_GROUP_SUBIDS no\n", false, false },
		{ ALICE, BOB, BOB, "GRANT_AUX_GROUP_SUBIDS yes\nSUB_UID_MIN x\n", false,
		  false },
		{ BOB, BOB, BOB, "GRANT_AUX_GROUP_SUBIDS yes\n", false, false },
		{ ALICE, ALICE, ALICE, "", true, false },
		{ BOB, BOB, BOB, "", true, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		start_over(&uid_kind);
		machine.target_uid = rows[i].uid;
		machine.target_gid = rows[i].gid;
		machine.gid = machine.egid = rows[i].own_gid;
		put("etc/login.defs", rows[i].defs);
		put("etc/nsswitch.conf", rows[i].lies ? "passwd: ldap\n" : "");
		machine.accounts = &liar;
		machine.n_accounts = 1;
		call_helper(GOOD);
		if (outcome.status != (rows[i].allowed ? EXIT_SUCCESS : EXIT_FAILURE) ||
		    strcmp(outcome.map, rows[i].allowed ? "0 100000 10\n" : "") != 0)
			fail_msg("row %zu: %d \"%s\": %s", i, outcome.status, outcome.map,
				 outcome.said);
		assert_int_equal(machine.logged, rows[i].allowed ? 0 : 1);
		if (!rows[i].allowed) {
			assert_non_null(strstr(outcome.said,
					       "is owned by a different user: uid:2001"));
			assert_non_null(strstr(machine.log_text, ": failed: EPERM"));
		}
	}
}

/* A uid that no account has holds nothing, nor its own id alone. */
static void test_no_account(void **state)
{
	(void)state;
	put("etc/subuid", "2999:100000:65536\n");
	start_over(&uid_kind);
	machine.uid = machine.target_uid = 2999;
	call_helper(GOOD);
	assert_int_equal(outcome.status, EXIT_FAILURE);
	assert_string_equal(outcome.map, "");
	assert_string_equal(outcome.said, "newuidmap: Cannot determine your user name: no"
					  " account has uid 2999\n");
}

static void test_many_holdings(void **state)
{
	static const struct {
		const struct idmap_kind *kind;
		unsigned int lines;
		const char *end; /* what is said behind the ranges */
	} rows[] = {
		{ &uid_kind, 8,
		  "holds 800-800 (line 8)\nnewuidmap: use what you hold, *" },
		{ &uid_kind, 10,
		  "holds 800-800 (line 8)\nnewuidmap: and 2 ranges more: getsubids "
		  "alice\n"
		  "newuidmap: use what you hold, *" },
		{ &gid_kind, 9,
		  "holds 800-800 (line 8)\nnewgidmap: and 1 ranges more: getsubids -g"
		  " alice\nnewgidmap: use what you hold, *" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		char table[512] = "", glob[256];

		for (unsigned int line = 1; line <= rows[i].lines; line++)
			(void)snprintf(table + strlen(table),
				       sizeof(table) - strlen(table), "alice:%u00:1\n",
				       line);
		put(i == 2 ? "etc/subgid" : "etc/subuid", table);
		start_over(rows[i].kind);
		call_helper(EVIL);
		assert_int_equal(outcome.status, EXIT_FAILURE);
		(void)snprintf(glob, sizeof(glob), "*%s", rows[i].end);
		if (fnmatch(glob, outcome.said, 0) != 0)
			fail_msg("row %zu: %s", i, outcome.said);
	}
}

/* --- names that only the name service knows -------------------------------------- */

static const struct far_account far[] = { { "alias", ALICE, 0 },
					  { "robert", BOB, 0 },
					  { "other", ALICE, 0 } };

static void know_far_accounts(void)
{
	machine.accounts = far;
	machine.n_accounts = ARRAY(far);
	put("etc/nsswitch.conf", "passwd: files ldap\n");
}

static void test_aliases(void **state)
{
	static const struct {
		const char *table, *words, *map; /* NULL: refused */
		unsigned int asked_at_most;
	} rows[] = {
		{ "alias:500000:10\n", "4242 0 500000 10", "0 500000 10\n", 1 },
		{ "robert:500000:10\n", "4242 0 500000 10", NULL, 1 },
		{ "nobody:500000:10\n", "4242 0 500000 10", NULL, 1 },
		/* in pieces, and beside the own ones */
		{ "alias:500000:5\nother:500005:5\nalice:500010:5\n", "4242 0 500000 15",
		  "0 500000 15\n", 2 },
		{ "alias:500000:5\nrobert:500005:5\n", "4242 0 500000 10", NULL, 3 },
		/* lines that have nothing to do with it are not asked about */
		{ "alias:400000:5\nrobert:600000:5\nbad\n", "4242 0 500000 10", NULL, 0 },
		{ "alice:500000:5\nalice:500000:3\n", "4242 0 500000 6", NULL, 0 },
		/* a second range is looked for, too */
		{ "alias:500000:5\nalias:600000:5\n", "4242 0 500000 5 5 600000 5",
		  "0 500000 5\n5 600000 5\n", 2 },
	};

	(void)state;
	know_far_accounts();
	for (size_t i = 0; i < ARRAY(rows); i++) {
		bool allowed = rows[i].map != NULL;

		put("etc/subuid", rows[i].table);
		start_over(&uid_kind);
		call_helper(rows[i].words);
		if (outcome.status != (allowed ? EXIT_SUCCESS : EXIT_FAILURE) ||
		    strcmp(outcome.map, allowed ? rows[i].map : "") != 0 ||
		    machine.accounts_asked > rows[i].asked_at_most)
			fail_msg("row %zu: %d \"%s\", %u asked: %s", i, outcome.status,
				 outcome.map, machine.accounts_asked, outcome.said);
	}
	/* nobody is asked if nsswitch.conf names nobody */
	put("etc/nsswitch.conf", "passwd: files\n");
	put("etc/subuid", rows[0].table);
	start_over(&uid_kind);
	call_helper(rows[0].words);
	assert_int_equal(outcome.status, EXIT_FAILURE);
	assert_int_equal(machine.accounts_asked, 0);
	/* nor without a table */
	know_far_accounts();
	assert_int_equal(unlinkat(machine.root, "etc/subuid", 0), 0);
	start_over(&uid_kind);
	call_helper(rows[0].words);
	assert_int_equal(outcome.status, EXIT_FAILURE);
	assert_int_equal(machine.accounts_asked, 0);
}

/* Threat: a map of all ids asks for each owner of a large table. */
static void test_few_aliases_are_asked(void **state)
{
	char table[1024] = "";

	(void)state;
	know_far_accounts();
	for (unsigned int i = 0; i < ALIASES_ASKED + 4; i++)
		(void)snprintf(table + strlen(table), sizeof(table) - strlen(table),
			       "user%u:%u:1\n", i, 500000 + i);
	put("etc/subuid", table);
	start_over(&uid_kind);
	call_helper("4242 0 0 4294967295");
	assert_int_equal(outcome.status, EXIT_FAILURE);
	assert_int_equal(machine.accounts_asked, ALIASES_ASKED);
}

/* A name service that fails, or no memory: a no, not another map. */
static void test_aliases_fail(void **state)
{
	unsigned int turn = 1;

	(void)state;
	know_far_accounts();
	put("etc/subuid", "alias:500000:10\n");
	for (;; turn++) {
		start_over(&uid_kind);
		faults_arm(turn, ENOMEM);
		call_helper("4242 0 500000 10");
		if (!outcome.had_fault)
			break;
		if ((outcome.status == EXIT_SUCCESS) !=
			(strcmp(outcome.map, "0 500000 10\n") == 0) ||
		    (outcome.status != EXIT_SUCCESS && outcome.map[0] != '\0'))
			fail_msg("%s, turn %u: %d \"%s\"", faults.function, turn,
				 outcome.status, outcome.map);
	}
	assert_int_equal(outcome.status, EXIT_SUCCESS);
	faults.only = "name service";
	start_over(&uid_kind);
	faults_arm(1, EIO);
	call_helper("4242 0 500000 10");
	assert_true(outcome.had_fault);
	assert_int_equal(outcome.status, EXIT_FAILURE);
	assert_non_null(strstr(outcome.said, "not allowed"));
}

/* --- ranges that a module gives ----------------------------------------------------- */

static void test_source(void **state)
{
	static const struct subid_owned_range holding = { .range = { 700000, 50 } };
	static const struct {
		const char *conf;
		int answer;
		const char *words, *map, *said;
	} rows[] = {
		{ "subid: sss\n", 0, "4242 0 700000 50", "0 700000 50\n", "" },
		{ "subid: sss\n", 0, GOOD, "",
		  "*must be yours by sss (" SUBID_SYSCONFDIR "/nsswitch.conf), or be*" },
		{ "subid: sss\n", -ELIBACC, GOOD, "",
		  "*libsubid_sss.so cannot be loaded\n" },
		{ "subid: sss\n", -EIO, GOOD, "", "*libsubid_sss.so could not tell\n" },
		{ "subid: a/b\n", 0, GOOD, "", "*'subid:' names no source\n" },
		{ "subid: files a/b\n", 0, GOOD, "", "*'subid:' names no source\n" },
		{ "subid: files sss\n", 0, GOOD, "0 100000 10\n", "" },
		{ "subid: files sss\n", -EIO, GOOD, "0 100000 10\n", "" },
		{ "subid: sss files\n", 0, GOOD, "", "*must be yours by sss *" },
		{ "subid: files\n", 0, GOOD, "0 100000 10\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		bool allowed = rows[i].map[0] != '\0';

		put("etc/nsswitch.conf", rows[i].conf);
		start_over(&uid_kind);
		machine.source_answer = rows[i].answer;
		machine.source_ranges = &holding;
		machine.n_source_ranges = 1;
		call_helper(rows[i].words);
		if (outcome.status != (allowed ? EXIT_SUCCESS : EXIT_FAILURE) ||
		    strcmp(outcome.map, rows[i].map) != 0 ||
		    fnmatch(rows[i].said, outcome.said, 0) != 0)
			fail_msg("row %zu: %d \"%s\": %s", i, outcome.status, outcome.map,
				 outcome.said);
	}
	/* no memory for the name */
	put("etc/nsswitch.conf", rows[0].conf);
	faults.only = "strndup";
	start_over(&uid_kind);
	faults_arm(1, ENOMEM);
	call_helper(rows[0].words);
	assert_true(outcome.had_fault);
	assert_int_equal(outcome.status, EXIT_FAILURE);
	assert_string_equal(outcome.map, "");
	assert_non_null(strstr(outcome.said, "could not tell"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(test_target),
		machine_test(test_no_account),
		machine_test(test_many_holdings),
		machine_test(test_aliases),
		machine_test(test_few_aliases_are_asked),
		machine_test(test_aliases_fail),
		machine_test(test_source),
	};

	return cmocka_run_group_tests_name("newidmap_who", tests, NULL, NULL);
}
