/* SPDX-License-Identifier: MIT */
/*
 * wrap: open openat __openat_2 fstat stat fstatfs read __read_chk pread __pread_chk write
 * wrap: fcntl prctl setresuid setresgid syscall clearenv getuid getgid geteuid getegid
 * wrap: fallocate mmap sysconf malloc calloc realloc reallocarray strndup
 * wrap: getpwuid_r getpwnam_r subid_source_ranges subid_source_check
 * wrap: subid_log_open subid_log_send
 */
#include "helper_support.h"

#define EVIL "4242 7 200000 10"

static void refuse_once(void)
{
	call_helper(EVIL);
	assert_int_equal(outcome.status, EXIT_FAILURE);
	assert_string_equal(outcome.map, "");
	assert_non_null(strstr(outcome.said, "not allowed"));
}

static void test_line(void **state)
{
	(void)state;
	start_over(&gid_kind);
	refuse_once();
	assert_int_equal(machine.logged, 1);
	assert_string_equal(machine.log_text, "map for \"alice\" (uid 2001): gid"
					      " 200000-200009 in process 4242: failed:"
					      " denied");
	assert_string_equal(machine.log_fields,
			    "SUBID_ACTION=map\nSUBID_OWNER=alice\nSUBID_UID=2001\n"
			    "SUBID_KIND=gid\nSUBID_START=200000\nSUBID_COUNT=10\n"
			    "SUBID_RESULT=failed\nSUBID_REASON=denied\n"
			    "SUBID_TARGET=4242\n");
}

/* A burst, then none, and what was left out is told later. */
static void test_limit(void **state)
{
	struct subid_rate_limit limit = { 0, 0 };
	char *counts;

	(void)state;
	for (unsigned int i = 0; i < SUBID_RATE_LIMIT_BURST + 5; i++) {
		start_over(&uid_kind);
		refuse_once();
		assert_int_equal(machine.logged, i < SUBID_RATE_LIMIT_BURST ? 1 : 0);
	}
	/* in the uid's slot */
	counts = get_file(machine.root, "run/subid-refusals");
	memcpy(&limit, counts + ALICE * sizeof(limit), sizeof(limit));
	free(counts);
	assert_int_equal(limit.suppressed, 5);
	assert_int_not_equal(limit.full_s, 0);

	/* another user's are his own */
	start_over(&uid_kind);
	machine.uid = machine.gid = machine.egid = BOB;
	machine.target_uid = machine.target_gid = BOB;
	call_helper("4242 0 100000 10");
	assert_int_equal(machine.logged, 1);
	assert_non_null(strstr(machine.log_text, "map for \"bob\" (uid 2002): "));
	assert_null(strstr(machine.log_text, "before"));
	assert_null(strstr(machine.log_fields, "SUBID_UNLOGGED"));

	/* a time later */
	limit.full_s -= SUBID_RATE_LIMIT_INTERVAL_S;
	counts = get_file(machine.root, "run/subid-refusals");
	memcpy(counts + ALICE * sizeof(limit), &limit, sizeof(limit));
	put_bytes(machine.root, "run/subid-refusals", counts, (BOB + 1) * sizeof(limit));
	free(counts);
	start_over(&uid_kind);
	refuse_once();
	assert_int_equal(machine.logged, 1);
	assert_non_null(
	    strstr(machine.log_text, ": failed: denied (and 5 times before)"));
	assert_non_null(strstr(machine.log_fields, "SUBID_UNLOGGED=5\n"));
}

/* The program that is setuid root leaves no line that it cannot count. */
static void test_what_cannot_be_counted(void **state)
{
	static const struct {
		const char *function;
		unsigned int error;
	} rows[] = {
		{ "open", EACCES },	{ "fallocate", ENOSPC }, { "fallocate", EFBIG },
		{ "fallocate", EINTR }, { "mmap", ENOMEM },	 { "capset", EPERM },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		bool silent = false;

		/* of capset, the last */
		for (unsigned int turn = 1; !silent; turn++) {
			start_over(&uid_kind);
			faults.only = rows[i].function;
			faults_arm(turn, rows[i].error);
			call_helper(EVIL);
			if (!outcome.had_fault)
				fail_msg("%s does not matter", rows[i].function);
			silent = strstr(outcome.said, "not allowed") != NULL &&
				 machine.logged == 0;
			assert_int_equal(outcome.status, EXIT_FAILURE);
		}
	}
	faults.only = NULL;
}

/* One with a file capability has no place for counts. */
static void test_by_capability(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < SUBID_RATE_LIMIT_BURST + 5; i++) {
		start_over_caps(&uid_kind);
		refuse_once();
		assert_int_equal(machine.logged, 1);
	}
	assert_false(is_there(machine.root, "run/subid-refusals"));
	/* and without it, by a tracer or no_new_privs, there is no line */
	start_over_caps(&uid_kind);
	machine.permitted = machine.effective = CAP_TO_MASK(CAP_SETFCAP);
	refuse_once();
	assert_int_equal(machine.logged, 0);
	/* nor if that cannot be found out: of three questions the last */
	start_over_caps(&uid_kind);
	faults.only = "capget";
	faults_arm(3, EINVAL);
	refuse_once();
	assert_true(outcome.had_fault);
	assert_int_equal(machine.logged, 0);
	faults.only = NULL;
}

/* A receiver that is not there, and a process that cannot be told: all the same a no. */
static void test_log(void **state)
{
	static const char *const no_pids[] = { "", "x", "-" };

	(void)state;
	start_over(&uid_kind);
	machine.no_log = true;
	refuse_once();
	assert_int_equal(machine.logged, 0);
	machine.no_log = false;
	for (size_t i = 0; i < ARRAY(no_pids); i++) {
		start_over(&uid_kind);
		put("proc/" TARGET "/stat", no_pids[i]);
		refuse_once();
		assert_int_equal(machine.logged, 1);
		assert_null(strstr(machine.log_text, "process"));
	}
	start_over(&uid_kind);
	assert_int_equal(unlinkat(machine.root, "proc/" TARGET "/stat", 0), 0);
	refuse_once();
	assert_int_equal(machine.logged, 1);
	assert_null(strstr(machine.log_fields, "SUBID_TARGET"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(test_line),
		machine_test(test_limit),
		machine_test(test_what_cannot_be_counted),
		machine_test(test_by_capability),
		machine_test(test_log),
	};

	return cmocka_run_group_tests_name("newidmap_log", tests, NULL, NULL);
}
