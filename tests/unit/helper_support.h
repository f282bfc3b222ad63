/* SPDX-License-Identifier: MIT */
/*
 * newuidmap and newgidmap as whole programs on a machine of a test's own.
 *
 * A test that includes this file wraps, see the Makefile:
 *     open openat __openat_2 fstat stat fstatfs read __read_chk pread __pread_chk write
 *     fcntl prctl setresuid setresgid syscall clearenv getuid getgid geteuid getegid
 *     fallocate mmap sysconf malloc calloc realloc reallocarray strndup
 *     getpwuid_r getpwnam_r subid_source_ranges subid_source_check subid_log_open
 *     subid_log_send
 */
#pragma once

#include "helper_kernel.h"

/* --- others
 * ------------------------------------------------------------------------------ */

int __wrap_getpwuid_r(uid_t uid, struct passwd *entry, char *buf, size_t size,
		      struct passwd **found);
int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buf, size_t size,
		      struct passwd **found);

static int answer_account(const struct far_account *account, struct passwd *entry,
			  char *buf, size_t size, struct passwd **found)
{
	assert_without_privilege("the name service");
	machine.accounts_asked++;
	if (fault_is_due("name service"))
		return (int)faults.error;
	*found = NULL;
	if (account == NULL)
		return 0;
	(void)snprintf(buf, size, "%s", account->name);
	*entry = (struct passwd){
		.pw_name = buf,
		.pw_uid = account->lie != 0 ? account->lie : account->uid,
		.pw_gid = account->uid,
	};
	*found = entry;
	return 0;
}

int __wrap_getpwuid_r(uid_t uid, struct passwd *entry, char *buf, size_t size,
		      struct passwd **found)
{
	size_t i = 0;

	while (i < machine.n_accounts && machine.accounts[i].uid != uid)
		i++;
	return answer_account(i < machine.n_accounts ? &machine.accounts[i] : NULL, entry,
			      buf, size, found);
}

int __wrap_getpwnam_r(const char *name, struct passwd *entry, char *buf, size_t size,
		      struct passwd **found)
{
	size_t i = 0;

	while (i < machine.n_accounts && strcmp(machine.accounts[i].name, name) != 0)
		i++;
	return answer_account(i < machine.n_accounts ? &machine.accounts[i] : NULL, entry,
			      buf, size, found);
}

int __wrap_subid_source_ranges(const char *source, const char *owner,
			       enum subid_kind kind, struct subid_owned_range **ret,
			       size_t *ret_n);
int __wrap_subid_source_ranges(const char *source, const char *owner,
			       enum subid_kind kind, struct subid_owned_range **ret,
			       size_t *ret_n)
{
	size_t size = (machine.n_source_ranges + 1) * sizeof(**ret);

	assert_without_privilege("a module");
	assert_string_equal(source, "sss");
	assert_string_equal(owner, "alice");
	assert_int_equal(kind, machine.kind->table);
	if (machine.source_answer != 0)
		return machine.source_answer;
	*ret = calloc(1, size);
	if (*ret == NULL)
		return -ENOMEM;
	if (machine.n_source_ranges > 0)
		memcpy(*ret, machine.source_ranges, size - sizeof(**ret));
	*ret_n = machine.n_source_ranges;
	return 0;
}

/* It has what it lists. */
int __wrap_subid_source_check(const char *source, const char *owner, enum subid_kind kind,
			      const struct id_range *ranges, size_t n,
			      struct subid_set *ret_has);
int __wrap_subid_source_check(const char *source, const char *owner, enum subid_kind kind,
			      const struct id_range *ranges, size_t n,
			      struct subid_set *ret_has)
{
	assert_without_privilege("a module");
	assert_string_equal(source, "sss");
	assert_string_equal(owner, "alice");
	assert_int_equal(kind, machine.kind->table);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < machine.n_source_ranges; k++)
			if (id_range_contains(machine.source_ranges[k].range,
					      ranges[i]) &&
			    subid_set_insert(ret_has, ranges[i]) < 0)
				return -ENOMEM;
	return 0;
}

int __wrap_subid_log_open(const char *journal, const char *syslog, struct subid_log *ret);
int __wrap_subid_log_send(const struct subid_log *log, const struct log_line *line,
			  int patience_ms);

/* Rule 8: privilege is of no more use. */
int __wrap_subid_log_open(const char *journal, const char *syslog, struct subid_log *ret)
{
	assert_without_privilege("the log");
	assert_int_equal(machine.permitted, 0);
	assert_string_equal(journal, SUBID_JOURNAL_SOCKET);
	assert_string_equal(syslog, SUBID_SYSLOG_SOCKET);
	if (machine.no_log)
		return -ENOENT;
	ret->fd = __real_open("/dev/null", O_RDWR | O_CLOEXEC);
	return 0;
}

int __wrap_subid_log_send(const struct subid_log *log, const struct log_line *line,
			  int patience_ms)
{
	assert_true(log->fd >= 0);
	assert_int_equal(patience_ms, 0);
	assert_string_equal(line->program, machine.kind->prog);
	assert_string_equal(line->id, "c2f60d9b17e34a58b6f1a04d83e5729c");
	assert_int_equal(line->priority, LOG_WARNING);
	assert_string_equal(line->note, "");
	(void)snprintf(machine.log_text, sizeof(machine.log_text), "%.*s",
		       (int)line->text.size, line->text.bytes);
	(void)snprintf(machine.log_fields, sizeof(machine.log_fields), "%.*s",
		       (int)line->fields.size, line->fields.bytes);
	machine.logged++;
	return 0;
}

/* --- a call
 * --------------------------------------------------------------------------------- */

/* What came of it. */
static struct {
	int status;
	bool had_fault;
	char said[4096];
	char map[8192];
	char setgroups[8];
} outcome;

static inline void put(const char *path, const char *text)
{
	/* anew: some file systems write out at once what was cut and written again */
	(void)unlinkat(machine.root, path, 0);
	put_file(machine.root, path, text);
}

/* A fresh process of alice's in a new user namespace, and a helper setuid root. */
static inline void start_over(const struct idmap_kind *kind)
{
	struct stat st;

	put("proc/" TARGET "/uid_map", "");
	put("proc/" TARGET "/gid_map", "");
	put("proc/" TARGET "/setgroups", "allow\n");
	put("proc/" TARGET "/stat", TARGET " (sleep) S 1");
	assert_int_equal(fstatat(machine.root, "proc/" TARGET, &st, 0), 0);
	machine.kind = kind;
	machine.uid = machine.gid = machine.egid = ALICE;
	machine.euid = 0;
	machine.permitted = machine.effective = ALL_CAPS;
	machine.keeps_capabilities = machine.env_is_cleared = false;
	machine.target_uid = machine.target_gid = ALICE;
	machine.target_ino = st.st_ino;
	machine.maps_written = machine.logged = machine.accounts_asked = 0;
}

/* The same with a file capability instead. */
static inline void start_over_caps(const struct idmap_kind *kind)
{
	start_over(kind);
	machine.euid = ALICE;
	machine.permitted = machine.effective = CAP_TO_MASK(kind->cap);
}

static inline void keep_content(const char *path, char *ret, size_t size)
{
	char *text = get_file(machine.root, path);

	(void)snprintf(ret, size, "%s", text == NULL ? "(none)" : text);
	free(text);
}

/* Calls the helper with these words, divided by blanks. */
static inline void call_helper(const char *words)
{
	char text[8192], map[64], *rest = text, *said = NULL, *word;
	char *argv[1100] = { (char[]){ "helper" } };
	int next_fd = __real_fcntl(machine.root, F_DUPFD, 3), argc = 1;
	size_t size = 0;

	(void)close(next_fd);
	(void)snprintf(text, sizeof(text), "%s", words);
	while ((word = strsep(&rest, " ")) != NULL && *word != '\0')
		argv[argc++] = word;
	messages = open_memstream(&said, &size);
	assert_non_null(messages);
	machine.runs = true;
	outcome.status = newidmap_main(machine.kind, argc, argv);
	machine.runs = false;
	outcome.had_fault = faults_disarm();
	(void)fclose(messages);
	(void)snprintf(outcome.said, sizeof(outcome.said), "%s", said);
	free(said);
	/* which the end of the program would have done */
	(void)close_range((unsigned int)next_fd, (unsigned int)next_fd + 16, 0);
	(void)snprintf(map, sizeof(map), "proc/" TARGET "/%s", machine.kind->map_file);
	keep_content(map, outcome.map, sizeof(outcome.map));
	keep_content("proc/" TARGET "/setgroups", outcome.setgroups,
		     sizeof(outcome.setgroups));
	assert_true(machine.maps_written <= 1);
	assert_true(outcome.status == EXIT_SUCCESS || outcome.status == EXIT_FAILURE);
}

static int machine_setup(void **state)
{
	static const char *const dirs[] = { "etc", "proc", ("proc/" TARGET), "run" };

	if (scratch_setup(state) != 0 || faults_reset(state) != 0)
		return -1;
	memset(&machine, 0, sizeof(machine));
	machine.root = etc_of(state);
	for (size_t i = 0; i < ARRAY(dirs); i++)
		put_dir(machine.root, dirs[i]);
	put("etc/passwd", "root:x:0:0::/:/bin/sh\nalice:x:2001:2001::/:/bin/sh\n"
			  "bob:x:2002:2002::/:/bin/sh\n");
	put("etc/subuid", "alice:100000:65536\nbob:200000:65536\n");
	put("etc/subgid", "alice:100000:65536\nbob:200000:65536\n");
	return 0;
}

static int machine_teardown(void **state)
{
	(void)signal(SIGXFSZ, SIG_DFL);
	return faults_reset(state) != 0 ? -1 : scratch_teardown(state);
}

/* A test on such a machine. */
#define machine_test(function)                                                           \
	cmocka_unit_test_setup_teardown(function, machine_setup, machine_teardown)
