/* SPDX-License-Identifier: MIT */
/*
 * The words of the command line, and what is said of them.
 *
 * wrap: open openat __openat_2 fstat stat fstatfs read __read_chk pread __pread_chk write
 * wrap: fcntl prctl setresuid setresgid syscall clearenv getuid getgid geteuid getegid
 * wrap: fallocate mmap sysconf malloc calloc realloc reallocarray strndup
 * wrap: getpwuid_r getpwnam_r subid_source_ranges subid_source_check
 * wrap: subid_log_open subid_log_send
 */
#include "helper_support.h"

#include <stdio_ext.h>

#define USAGE                                                                            \
	"usage: newuidmap <pid>|fd:<N> <inside> <outside> <count> [<inside> <outside>"   \
	" <count>]...\n"
#define NO_NUMBER(text)                                                                  \
	"newuidmap: '" text "': not a decimal number from 0 to 4294967295\n"
#define NO_RANGE(text)                                                                   \
	"newuidmap: " text ": a range has at least one id, and none beyond 4294967294\n"
#define NO_PID(text) "newuidmap: '" text "': not a process id\n"
#define NO_FD(text)  "newuidmap: '" text "': not a descriptor\n"
#define NO_DIR(text) "newuidmap: " text ": not a directory /proc/PID\n"
#define FORTY	     "1111111111111111111111111111111111111111"

static const struct {
	const char *words, *said;
} wrong[] = {
	{ "", USAGE },
	{ "4242", USAGE },
	{ "4242 0", USAGE },
	{ "4242 0 100000", USAGE },
	{ "4242 0 100000 1 5", USAGE },
	{ "4242 0 100000 1 5 6", USAGE },
	{ "4242 x 100000 1", NO_NUMBER("x") },
	{ "4242 0 -1 1", NO_NUMBER("-1") },
	{ "4242 0 100000 01", NO_NUMBER("01") },
	{ "4242 0 100000 4294967296", NO_NUMBER("4294967296") },
	{ "4242 0 100000 1 " FORTY "1 1 1", NO_NUMBER(FORTY) },
	{ "4242 0 100000 0", NO_RANGE("0 100000 0") },
	{ "4242 4294967295 100000 1", NO_RANGE("4294967295 100000 1") },
	{ "4242 0 4294967295 1", NO_RANGE("0 4294967295 1") },
	{ "4242 0 100000 4294967295", NO_RANGE("0 100000 4294967295") },
	{ "4242 0 100000 2 1 100002 1",
	  "newuidmap: 0 100000 2 overlaps 1 100002 1: no id may be mapped twice\n" },
	{ "0 0 100000 1", NO_PID("0") },
	{ "-1 0 100000 1", NO_PID("-1") },
	{ "self 0 100000 1", NO_PID("self") },
	{ "04242 0 100000 1", NO_PID("04242") },
	{ "2147483648 0 100000 1", NO_PID("2147483648") },
	{ "%s%n 0 100000 1", NO_PID("%s%n") },
	{ "fd: 0 100000 1", NO_FD("fd:") },
	{ "fd:x 0 100000 1", NO_FD("fd:x") },
	{ "fd:2147483648 0 100000 1", NO_FD("fd:2147483648") },
	{ "fd:1000 0 100000 1",
	  "newuidmap: Could not open proc directory for target fd:1000: Bad file"
	  " descriptor\n" },
	{ "FD:3 0 100000 1", NO_PID("FD:3") },
};

static void test_wrong_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(wrong); i++) {
		start_over(&uid_kind);
		call_helper(wrong[i].words);
		if (outcome.status != EXIT_FAILURE || outcome.map[0] != '\0' ||
		    strcmp(outcome.said, wrong[i].said) != 0)
			fail_msg("\"%s\": %d \"%s\": %s", wrong[i].words, outcome.status,
				 outcome.map, outcome.said);
		/* what is not understood is no refusal */
		assert_int_equal(machine.logged, 0);
	}
}

static void test_too_many_lines(void **state)
{
	char words[8192] = TARGET;
	size_t len = strlen(words);

	(void)state;
	for (unsigned int i = 0; i <= SUBID_MAP_LINES_MAX; i++)
		len += (size_t)snprintf(words + len, sizeof(words) - len, " %u %u 1", i,
					100000 + i);
	start_over(&uid_kind);
	call_helper(words);
	assert_int_equal(outcome.status, EXIT_FAILURE);
	assert_string_equal(outcome.map, "");
	assert_string_equal(outcome.said,
			    "newuidmap: 341 map lines, but the kernel takes at most 340"
			    " (user_namespaces(7)): join neighbouring ranges\n");
	/* one less is a matter of bytes */
	*strrchr(words, ' ') = '\0';
	*strrchr(words, ' ') = '\0';
	*strrchr(words, ' ') = '\0';
	start_over(&uid_kind);
	machine.page_size = 65536;
	call_helper(words);
	assert_string_equal(outcome.said, "");
	assert_int_equal(outcome.status, EXIT_SUCCESS);
}

/* Descriptors of each wrong kind, as fd:N; then of the right one. */
static void test_descriptor(void **state)
{
	static const struct {
		const char *path;
		int flags;
		bool right;
	} rows[] = {
		{ "/dev", O_PATH, false },
		{ "/proc/self", O_PATH, false }, /* of another procfs */
		{ "proc", O_PATH, false },
		{ "proc/" TARGET "/uid_map", O_RDWR, false },
		{ "proc/" TARGET, O_PATH, true },
		{ "proc/" TARGET, O_RDONLY, true },
	};
	char words[64], said[64];

	(void)state;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		int fd = openat(machine.root, rows[i].path, rows[i].flags | O_CLOEXEC);

		assert_true(fd >= 0);
		(void)snprintf(words, sizeof(words), "fd:%d 0 100000 10", fd);
		(void)snprintf(said, sizeof(said), NO_DIR("fd:%d"), fd);
		start_over(&uid_kind);
		call_helper(words);
		(void)close(fd);
		if (rows[i].right) {
			assert_string_equal(outcome.map, "0 100000 10\n");
		} else {
			assert_string_equal(outcome.map, "");
			assert_int_equal(outcome.status, EXIT_FAILURE);
			assert_string_equal(outcome.said, said);
		}
	}
}

/* Help and version go to standard output, which may be full. */
static void print_to(const char *path, int flags, const char *words)
{
	int kept = dup(STDOUT_FILENO);
	int fd = openat(machine.root, path, flags | O_CLOEXEC, 0600);

	assert_true(kept >= 0 && fd >= 0);
	assert_int_equal(fflush(stdout), 0);
	assert_int_equal(dup2(fd, STDOUT_FILENO), STDOUT_FILENO);
	start_over(&gid_kind);
	call_helper(words);
	clearerr(stdout);
	__fpurge(stdout);
	assert_int_equal(dup2(kept, STDOUT_FILENO), STDOUT_FILENO);
	(void)close(kept);
	(void)close(fd);
	assert_string_equal(outcome.said, "");
	assert_string_equal(outcome.map, "");
}

static void test_standard_output(void **state)
{
	static const struct {
		const char *words, *begin;
	} rows[] = {
		{ "--help",
		  "usage: newgidmap <pid>|fd:<N> <inside> <outside> <count>\n" },
		{ "--help 1 2 3", "usage: newgidmap <pid>|fd:<N> <inside>" },
		{ "--version", "newgidmap (subid) " SUBID_VERSION "\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		char *text;

		print_to("out", O_WRONLY | O_CREAT | O_TRUNC, rows[i].words);
		assert_int_equal(outcome.status, EXIT_SUCCESS);
		text = get_file(machine.root, "out");
		assert_memory_equal(text, rows[i].begin, strlen(rows[i].begin));
		free(text);
		print_to("/dev/full", O_WRONLY, rows[i].words);
		assert_int_equal(outcome.status, EXIT_FAILURE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		machine_test(test_wrong_words),
		machine_test(test_too_many_lines),
		machine_test(test_descriptor),
		machine_test(test_standard_output),
	};

	return cmocka_run_group_tests_name("newidmap_argv", tests, NULL, NULL);
}
