/* SPDX-License-Identifier: MIT */
/*
 * What a user cannot bring about: calls that fail, one by one.  What he can is in
 * tests/e2e.
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
#define OWN  "4242 0 2001 1"
#define ZERO "4242 0 0 1"

typedef void begin_function(const struct idmap_kind *kind);

/* The calls with which the sweeps are made. */
static const struct {
	const char *name;
	const struct idmap_kind *kind;
	begin_function *begin;
	const char *words;
	const char *map, *setgroups; /* when all goes well */
} calls[] = {
	{ "a uid map", &uid_kind, start_over, GOOD, "0 100000 10\n", "allow\n" },
	{ "a gid map", &gid_kind, start_over, GOOD, "0 100000 10\n", "allow\n" },
	{ "the own gid", &gid_kind, start_over, OWN, "0 2001 1\n", "deny" },
	{ "id 0", &uid_kind, start_over, ZERO, "0 0 1\n", "allow\n" },
	{ "by capability", &uid_kind, start_over_caps, GOOD, "0 100000 10\n", "allow\n" },
	{ "a refusal", &uid_kind, start_over, EVIL, "", "allow\n" },
	{ "another's process", &uid_kind, start_over, "1 0 100000 10", "", "allow\n" },
};

static void put_zero_table(void)
{
	put("etc/subuid", "alice:100000:65536\nbob:200000:65536\nalice:0:1\n");
	put_dir(machine.root, "proc/1");
}

static void test_as_it_should_be(void **state)
{
	(void)state;
	put_zero_table();
	for (size_t i = 0; i < ARRAY(calls); i++) {
		bool allowed = calls[i].map[0] != '\0';

		calls[i].begin(calls[i].kind);
		call_helper(calls[i].words);
		if (outcome.status != (allowed ? EXIT_SUCCESS : EXIT_FAILURE) ||
		    strcmp(outcome.map, calls[i].map) != 0 ||
		    strcmp(outcome.setgroups, calls[i].setgroups) != 0 ||
		    (outcome.said[0] == '\0') != allowed)
			fail_msg("%s: %d, map \"%s\", setgroups \"%s\", \"%s\"",
				 calls[i].name, outcome.status, outcome.map,
				 outcome.setgroups, outcome.said);
		/* each refusal leaves one line, and nothing else does */
		assert_int_equal(machine.logged, allowed ? 0 : 1);
	}
}

/*
 * Each call fails in turn: the map is the right one, or there is none and it has been
 * said why; and a map of the own gid alone comes with setgroups denied.
 */
static void sweep(size_t i, unsigned int error)
{
	unsigned int turn = 1;

	for (;; turn++) {
		bool written;

		calls[i].begin(calls[i].kind);
		faults_arm(turn, error);
		call_helper(calls[i].words);
		written = outcome.map[0] != '\0';
		if (!outcome.had_fault)
			break;
		if ((outcome.status == EXIT_SUCCESS) != written ||
		    (written && strcmp(outcome.map, calls[i].map) != 0) ||
		    (written && strcmp(outcome.setgroups, calls[i].setgroups) != 0))
			fail_msg("%s, %s (turn %u) fails with %s: %d, map \"%s\","
				 " setgroups \"%s\"",
				 calls[i].name, faults.function, turn,
				 strerror((int)error), outcome.status, outcome.map,
				 outcome.setgroups);
		if (outcome.status != EXIT_SUCCESS && outcome.said[0] == '\0' &&
		    strcmp(faults.function, "clearenv") != 0 &&
		    strcmp(faults.function, "fcntl") != 0)
			fail_msg("%s, %s (turn %u) fails with %s: no word", calls[i].name,
				 faults.function, turn, strerror((int)error));
	}
	assert_string_equal(outcome.map, calls[i].map);
	assert_true(turn >= 20 && turn <= 200);
}

static void test_each_call_fails(void **state)
{
	static const unsigned int errors[] = { EIO, EPERM, EACCES, ENOENT, ENOMEM };

	(void)state;
	put_zero_table();
	for (size_t i = 0; i < ARRAY(calls); i++)
		for (size_t e = 0; e < ARRAY(errors); e++)
			sweep(i, errors[e]);
}

/* Some call of that function fails so, and this is said; no map is written. */
static const struct {
	const char *function;
	unsigned int error;
	const struct idmap_kind *kind;
	const char *words;
	const char *said;
} failures[] = {
	{ "setresgid", EAGAIN, &uid_kind, GOOD,
	  "newuidmap: cannot give up privilege: Resource temporarily unavailable\n" },
	{ "prctl", EPERM, &uid_kind, GOOD,
	  "newuidmap: cannot give up privilege: Operation not permitted\n" },
	{ "setresuid", EAGAIN, &gid_kind, GOOD,
	  "newgidmap: cannot give up privilege: Resource temporarily unavailable\n" },
	{ "capget", EINVAL, &uid_kind, GOOD,
	  "newuidmap: cannot give up privilege: Invalid argument\n" },
	{ "capset", EPERM, &uid_kind, GOOD,
	  "newuidmap: cannot give up privilege: Operation not permitted\n" },
	{ "capget", EINVAL, &uid_kind, GOOD,
	  "newuidmap: cannot restrict capabilities: Invalid argument\n" },
	{ "capset", EPERM, &uid_kind, GOOD,
	  "newuidmap: cannot restrict capabilities: Operation not permitted\n" },
	{ "open", EMFILE, &uid_kind, GOOD,
	  "newuidmap: cannot open " SUBID_SYSCONFDIR ": Too many open files\n" },
	{ "open", ENOENT, &uid_kind, GOOD,
	  "newuidmap: Could not open proc directory for target 4242: No such file or"
	  " directory\n" },
	{ "fstat", EIO, &uid_kind, GOOD,
	  "newuidmap: Could not stat directory for target process: Input/output "
	  "error\n" },
	{ "stat", EACCES, &uid_kind, GOOD,
	  "newuidmap: Could not stat directory for target process: Permission denied\n" },
	{ "fstatfs", ENOSYS, &uid_kind, GOOD,
	  "newuidmap: Could not stat directory for target process: Function not"
	  " implemented\n" },
	{ "read", EIO, &uid_kind, GOOD,
	  "newuidmap: Cannot determine your user name: Input/output error\n" },
	{ "calloc", ENOMEM, &uid_kind, GOOD,
	  "newuidmap: Cannot determine your user name: Cannot allocate memory\n" },
	{ "read", EIO, &uid_kind, GOOD,
	  "newuidmap: cannot read " SUBID_SYSCONFDIR "/subuid: Input/output error\n" },
	{ "read", EIO, &uid_kind, GOOD,
	  "newuidmap: cannot read " SUBID_SYSCONFDIR "/nsswitch.conf: Input/output"
	  " error\n" },
	{ "reallocarray", ENOMEM, &gid_kind, GOOD,
	  "newgidmap: cannot read " SUBID_SYSCONFDIR
	  "/subgid: Cannot allocate memory\n" },
	{ "reallocarray", ENOMEM, &uid_kind, GOOD,
	  "newuidmap: Cannot allocate memory\n" },
	{ "openat", EACCES, &uid_kind, GOOD,
	  "newuidmap: write to uid_map failed: Permission denied: the process is not"
	  " dumpable (prctl(2)), or in a user namespace that is not yours\n" },
	{ "openat", ESRCH, &uid_kind, GOOD,
	  "newuidmap: write to uid_map failed: the process has ended\n" },
	{ "openat", ENOENT, &gid_kind, OWN,
	  "newgidmap: write to gid_map failed: the process has ended\n" },
	{ "pread", ESRCH, &gid_kind, OWN,
	  "newgidmap: write to gid_map failed: the process has ended\n" },
	{ "write", EINVAL, &gid_kind, OWN,
	  "newgidmap: write to gid_map failed: Invalid argument\n" },
	{ "write", ENOSPC, &uid_kind, GOOD,
	  "newuidmap: write to uid_map failed: No space left on device\n" },
	/* where nothing can be said */
	{ "clearenv", ENOMEM, &uid_kind, GOOD, "" },
	{ "fcntl", EBADF, &uid_kind, GOOD, "" },
};

static void test_what_is_said(void **state)
{
	(void)state;
	put("etc/nsswitch.conf", "passwd: files\n");
	for (size_t i = 0; i < ARRAY(failures); i++) {
		bool seen = false, due = true;

		faults.only = failures[i].function;
		for (unsigned int turn = 1; due && !seen; turn++) {
			start_over(failures[i].kind);
			/* a group that is to be given up, too */
			machine.egid = 0;
			faults_arm(turn, failures[i].error);
			call_helper(failures[i].words);
			due = outcome.had_fault;
			seen = due && outcome.status == EXIT_FAILURE &&
			       outcome.map[0] == '\0' &&
			       strcmp(outcome.said, failures[i].said) == 0;
		}
		if (!seen)
			fail_msg("no %s that fails with %s says: %s",
				 failures[i].function, strerror((int)failures[i].error),
				 failures[i].said);
	}
	faults.only = NULL;
}

/* The kernel takes a map as a whole; were it not so, that is not "done". */
static void test_short_write(void **state)
{
	(void)state;
	start_over(&uid_kind);
	faults.only = "write";
	faults.shortens = true;
	faults_arm(1, 0);
	call_helper(GOOD);
	assert_true(outcome.had_fault);
	assert_int_equal(outcome.status, EXIT_FAILURE);
	assert_string_equal(outcome.said,
			    "newuidmap: write to uid_map failed: Input/output error\n");
}

/* setgroups stays denied if that cannot be read otherwise than denied. */
static void test_setgroups(void **state)
{
	static const struct {
		const char *before, *after;
	} rows[] = { { "deny\n", "deny\n" }, { "allow\n", "deny" }, { "", "deny" } };

	(void)state;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		start_over(&gid_kind);
		put("proc/" TARGET "/setgroups", rows[i].before);
		call_helper(OWN);
		assert_int_equal(outcome.status, EXIT_SUCCESS);
		assert_string_equal(outcome.setgroups, rows[i].after);
		assert_string_equal(outcome.map, "0 2001 1\n");
	}
	start_over(&gid_kind);
	assert_int_equal(unlinkat(machine.root, "proc/" TARGET "/setgroups", 0), 0);
	call_helper(OWN);
	assert_int_equal(outcome.status, EXIT_FAILURE);
	assert_string_equal(outcome.map, "");
	assert_string_equal(
	    outcome.said, "newgidmap: write to gid_map failed: the process has ended\n");
}

/* What keeps the program from its privilege is named. */
static void test_unprivileged(void **state)
{
	static const struct {
		bool no_new_privs, bounded, copied;
		const char *said;
	} rows[] = {
		{ true, false, false,
		  "*: no_new_privs is set, by a unit or a sandbox\n" },
		{ true, true, true, "*: no_new_privs is set, by a unit or a sandbox\n" },
		{ false, true, true, "*: the bounding set lacks*" },
		{ false, false, true, "*: this program *" }, /* or on nosuid */
		{ false, false, false, "*: this program is *" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		start_over_caps(&uid_kind);
		machine.permitted = machine.effective = 0;
		machine.copied = rows[i].copied;
		machine.no_new_privs = rows[i].no_new_privs;
		machine.bounded = rows[i].bounded;
		put("proc/" TARGET "/uid_map", "");
		faults.only = "write";
		faults_arm(1, EPERM);
		call_helper(GOOD);
		faults.only = NULL;
		assert_int_equal(outcome.status, EXIT_FAILURE);
		if (fnmatch(rows[i].said, outcome.said, 0) != 0)
			fail_msg("row %zu: %s", i, outcome.said);
	}
}

/* Why the kernel says EPERM. */
static void test_not_permitted(void **state)
{
	static const struct {
		uint32_t permitted;
		bool is_written;
		const char *words, *said;
	} rows[] = {
		{ 0, false, GOOD, "*Operation not permitted: this program *" },
		{ CAP_TO_MASK(CAP_SETUID), true, GOOD, "*it is written already*" },
		{ CAP_TO_MASK(CAP_SETUID), false, GOOD,
		  "*not in a user namespace that you made from this one*" },
		{ CAP_TO_MASK(CAP_SETUID), false, ZERO,
		  "*id 0 can be mapped only with CAP_SETFCAP*" },
		{ CAP_TO_MASK(CAP_SETUID) | CAP_TO_MASK(CAP_SETFCAP), false, ZERO,
		  "*not in a user namespace that you made from this one*" },
	};

	(void)state;
	put_zero_table();
	for (size_t i = 0; i < ARRAY(rows); i++) {
		const char *map = rows[i].is_written ? "5 6 7\n" : "";

		start_over_caps(&uid_kind);
		machine.permitted = machine.effective = rows[i].permitted;
		put("proc/" TARGET "/uid_map", map);
		faults.only = "write";
		faults_arm(1, EPERM);
		call_helper(rows[i].words);
		assert_true(outcome.had_fault);
		faults.only = NULL;
		assert_int_equal(outcome.status, EXIT_FAILURE);
		assert_string_equal(outcome.map, map);
		if (fnmatch(rows[i].said, outcome.said, 0) != 0)
			fail_msg("row %zu: %s", i, outcome.said);
	}
}

/* Descriptors that the caller has closed are filled, or the program ends. */
static void test_descriptors(void **state)
{
	int kept = dup(STDIN_FILENO);
	struct stat null, st;

	(void)state;
	assert_true(kept > 2);
	assert_int_equal(fstatat(AT_FDCWD, "/dev/null", &null, 0), 0);
	(void)close(STDIN_FILENO);
	start_over(&uid_kind);
	call_helper(GOOD);
	assert_int_equal(__real_fstat(STDIN_FILENO, &st), 0);
	assert_int_equal(st.st_rdev, null.st_rdev);
	(void)close(STDIN_FILENO);
	assert_int_equal(outcome.status, EXIT_SUCCESS);

	start_over(&uid_kind);
	faults.only = "open";
	faults_arm(1, ENFILE);
	call_helper(GOOD);
	assert_true(outcome.had_fault);
	assert_int_equal(outcome.status, EXIT_FAILURE);
	assert_string_equal(outcome.map, "");
	assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
	(void)close(kept);
}

/* The kernel takes less than a page, whatever that is. */
static void test_page(void **state)
{
	(void)state;
	start_over(&uid_kind);
	machine.page_size = 12;
	call_helper(GOOD);
	assert_int_equal(outcome.status, EXIT_FAILURE);
	assert_string_equal(outcome.map, "");
	assert_string_equal(outcome.said,
			    "newuidmap: the map has 12 bytes, but the kernel takes less"
			    " than a page of 12: join neighbouring ranges\n");
	start_over(&uid_kind);
	machine.page_size = 13;
	call_helper(GOOD);
	assert_int_equal(outcome.status, EXIT_SUCCESS);
	assert_string_equal(outcome.map, "0 100000 10\n");
}

/* Which capabilities are there at the end: what the map needs, and no more. */
static void test_capabilities(void **state)
{
	uint32_t uid = CAP_TO_MASK(CAP_SETUID), zero = CAP_TO_MASK(CAP_SETFCAP);

	(void)state;
	put_zero_table();
	start_over(&uid_kind);
	call_helper(GOOD);
	assert_int_equal(machine.permitted, uid);
	assert_int_equal(machine.effective, uid);
	start_over(&uid_kind);
	call_helper(ZERO);
	assert_int_equal(machine.permitted, uid | zero);
	assert_int_equal(machine.effective, uid | zero);
	start_over(&uid_kind);
	call_helper("4242 x");
	assert_int_equal(machine.permitted, uid | zero);
	assert_int_equal(machine.effective, 0);
	start_over(&uid_kind);
	call_helper(EVIL);
	assert_int_equal(machine.permitted, 0);
	assert_int_equal(machine.effective, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(test_as_it_should_be),
		machine_test(test_each_call_fails),
		machine_test(test_what_is_said),
		machine_test(test_short_write),
		machine_test(test_setgroups),
		machine_test(test_not_permitted),
		machine_test(test_unprivileged),
		machine_test(test_descriptors),
		machine_test(test_page),
		machine_test(test_capabilities),
	};

	return cmocka_run_group_tests_name("newidmap", tests, NULL, NULL);
}
