/* SPDX-License-Identifier: MIT */
/*
 * pam_subid.so on a machine of a test's own: PAM is not there, nor is the program that
 * the module runs; what it asks of them, says to the log and to the user is kept here;
 * /etc is a directory of the test.
 *
 * wrap: open geteuid subid_text_read_max
 */
#include <fnmatch.h>
#include <stdarg.h>

#include "inject.h"

#define SUBID_HELPER "/nowhere/subid"
#include "pam/pam_subid.c"
#include "pam/recall.c"
#include "pam/words.c"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

#define HEAD   "subid " SUBID_VERSION "\n"
#define ALICES "alice:100000:65536\n"
#define DENIED(who, why)                                                                 \
	"You have no subordinate ids, which " who                                        \
	" need: the program that grants them " why                                       \
	". Ask the administrator of this host.\n"
#define NO_ANSWER DENIED("containers", "has not answered")

static struct {
	int root;
	const char *user; /* PAM_USER */
	int item_answer;
	bool in_group; /* PAM has the user in students */
	uid_t euid;
	const char *map; /* of both kinds, in /proc/self; NULL: it cannot be read */
	char log[8192];	 /* "PRIORITY: message\n" each */
	char said[1024]; /* to the user */
	/* of the program */
	enum helper_end end;
	const char *answer;
	const char *grants; /* a line for both tables */
	unsigned int runs;
	unsigned int at_work; /* so many times another program has been */
} host;

static void assert_like(const char *what, const char *got, const char *glob)
{
	if (fnmatch(glob, got, 0) != 0)
		fail_msg("%s: \"%s\", not like \"%s\"", what, got, glob);
}

/* --- PAM ---------------------------------------------------------------------------- */

static char handle;
#define HANDLE ((pam_handle_t *)(void *)&handle)

__attribute__((format(printf, 3, 0))) static void append(char *buf, size_t size,
							 const char *format, va_list args)
{
	size_t len = strlen(buf);

	(void)vsnprintf(buf + len, size - len, format, args);
	len = strlen(buf);
	(void)snprintf(buf + len, size - len, "\n");
}

void pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
	size_t len = strlen(host.log);
	va_list args;

	assert_ptr_equal(pamh, HANDLE);
	(void)snprintf(host.log + len, sizeof(host.log) - len, "%d: ", priority);
	va_start(args, format);
	append(host.log, sizeof(host.log), format, args);
	va_end(args);
}

int pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
	va_list args;

	assert_ptr_equal(pamh, HANDLE);
	assert_true(style == PAM_TEXT_INFO || style == PAM_ERROR_MSG);
	assert_null(response);
	va_start(args, format);
	append(host.said, sizeof(host.said), format, args);
	va_end(args);
	return PAM_CONV_ERR; /* nobody listens, which is no failure of the module */
}

int pam_get_item(const pam_handle_t *pamh, int type, const void **item)
{
	assert_ptr_equal(pamh, HANDLE);
	assert_int_equal(type, PAM_USER);
	*item = host.user;
	return host.item_answer;
}

int pam_modutil_user_in_group_nam_nam(pam_handle_t *pamh, const char *user,
				      const char *group)
{
	assert_ptr_equal(pamh, HANDLE);
	assert_string_equal(user, host.user);
	assert_string_equal(group, "students");
	return host.in_group;
}

/* --- the system ----------------------------------------------------------------------
 */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	/* no file is written, whatever comes */
	assert_int_equal(flags & (O_WRONLY | O_RDWR | O_CREAT), 0);
	if (strcmp(path, SUBID_SYSCONFDIR) == 0)
		return openat(host.root, "etc", flags);
	if (strcmp(path, LOGIN_DIR) == 0)
		return openat(host.root, "logins", flags);
	return __real_open(path, flags);
}

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return host.euid;
}

int __real_subid_text_read_max(int dir, const char *name, bool follow, size_t max,
			       struct subid_text *ret);
int __wrap_subid_text_read_max(int dir, const char *name, bool follow, size_t max,
			       struct subid_text *ret);
int __wrap_subid_text_read_max(int dir, const char *name, bool follow, size_t max,
			       struct subid_text *ret)
{
	if (strncmp(name, "/proc/self/", strlen("/proc/self/")) != 0)
		return __real_subid_text_read_max(dir, name, follow, max, ret);
	if (host.map == NULL)
		return -ENOENT;
	ret->bytes = strdup(host.map);
	assert_non_null(ret->bytes);
	ret->size = strlen(host.map);
	return 0;
}

static inline void put(const char *path, const char *text)
{
	put_file(host.root, path, text);
}

enum helper_end helper_run(const struct session *session, const char *name,
			   const char *file, const struct stat *seen, struct answer *ret)
{
	assert_string_equal(name, host.user);
	if (host.at_work > 0) {
		host.at_work--;
		return HELPER_AT_WORK;
	}
	assert_true((file == NULL) == (seen == NULL));
	assert_true(file == NULL || strlen(file) < LOGIN_FILE_SIZE);
	assert_true(session->etc >= 0 || faccessat(host.root, "etc", F_OK, 0) < 0);
	host.runs++;
	if (host.grants != NULL) {
		put("etc/subuid", host.grants);
		put("etc/subgid", host.grants);
	}
	ret->len = (size_t)snprintf(ret->text, sizeof(ret->text), "%s", host.answer);
	return host.end;
}

/* --- a login -------------------------------------------------------------------------
 */

static int host_setup(void **state)
{
	if (scratch_setup(state) != 0 || faults_reset(state) != 0)
		return -1;
	memset(&host, 0, sizeof(host));
	host.root = etc_of(state);
	host.answer = HEAD "answer success\n";
	host.map = "         0          0 4294967295\n";
	put_dir(host.root, "etc");
	put("etc/passwd", "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n"
			  "bob:x:1001:1001::/:/bin/sh\n4242:x:1005:1005::/:/bin/sh\n"
			  "system:x:100:100::/:/bin/sh\n");
	put("etc/group", "students:x:7100:bob\n");
	put("etc/subuid", "");
	put("etc/subgid", "");
	put("etc/login.defs", "UID_MIN 1000\n");
	return 0;
}

static int host_teardown(void **state)
{
	return faults_reset(state) != 0 ? -1 : scratch_teardown(state);
}

#define host_test(function)                                                              \
	cmocka_unit_test_setup_teardown(function, host_setup, host_teardown)

/* Opens a session; options are divided by blanks.  What was said before is forgotten. */
static int log_in(const char *user, const char *options, int flags)
{
	char text[256], *rest = text, *word;
	const char *argv[8];
	int argc = 0;

	(void)snprintf(text, sizeof(text), "%s", options);
	while ((word = strsep(&rest, " ")) != NULL && *word != '\0')
		argv[argc++] = word;
	host.log[0] = host.said[0] = '\0';
	host.user = user;
	host.runs = 0;
	return pam_sm_open_session(HANDLE, flags, argc, argv);
}

/* --- when the program is run ----------------------------------------------------------
 */

static const struct {
	const char *table; /* both */
	const char *conf;  /* subid.conf, or NULL */
	const char *user, *options;
	bool runs;
} looks[] = {
	{ "", NULL, "alice", "", true },
	{ ALICES, NULL, "alice", "", false },
	{ "1000:100000:1\n", NULL, "alice", "", false },
	{ "alias:100000:1\n", NULL, "alice", "", false },
	{ "bob:100000:1\n", NULL, "alice", "", true },
	{ "alice:100000:0\n", NULL, "alice", "", true },
	/* known to the name service alone: by name */
	{ "", NULL, "far", "", true },
	{ "far:100000:1\n", NULL, "far", "", false },
	/* a number is no uid */
	{ "1000:100000:1\n", NULL, "1000", "", true },
	{ "1005:100000:1\n", NULL, "4242", "", true },
	/* outside of UID_MIN to UID_MAX */
	{ "", NULL, "root", "", false },
	{ "", NULL, "system", "", false },
	{ "", NULL, "system", "min_uid=50", false },
	{ "", "give everyone\nnever user root \"no\"\n", "system", "", false },
	{ "", "give user system\n", "system", "", true },
	{ "", "give group daemons\n", "system", "", true },
	{ "", "give group daemons\n", "system", "min_uid=200", false },
	{ "", "give all\n", "system", "", true }, /* which is wrong */
	/* below min_uid= */
	{ "", NULL, "alice", "min_uid=1001", false },
	{ "", NULL, "bob", "min_uid=1001", true },
	/* who may be refused is not decided here */
	{ "", NULL, "system", "required_for=students", true },
	{ "", NULL, "root", "required_for=students", false },
};

static void test_look(void **state)
{
	(void)state;
	put("etc/passwd", "root:x:0:0::/:/bin/sh\nalias:x:1000:1000::/:/bin/sh\n"
			  "alice:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n"
			  "4242:x:1005:1005::/:/bin/sh\nsystem:x:100:100::/:/bin/sh\n");
	host.in_group = true;
	for (size_t i = 0; i < ARRAY(looks); i++) {
		(void)unlinkat(host.root, "etc/subid.conf", 0);
		put("etc/subuid", looks[i].table);
		put("etc/subgid", looks[i].table);
		if (looks[i].conf != NULL)
			put("etc/subid.conf", looks[i].conf);
		assert_int_equal(log_in(looks[i].user, looks[i].options, 0), PAM_SUCCESS);
		if (host.runs != looks[i].runs || host.log[0] != '\0' ||
		    host.said[0] != '\0')
			fail_msg("row %zu: %u runs, \"%s\"", i, host.runs, host.log);
	}
	/* one kind is not enough */
	put("etc/subuid", ALICES);
	put("etc/subgid", "");
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	assert_int_equal(host.runs, 1);
	/* and why not, if asked */
	assert_int_equal(log_in("system", "debug", 0), PAM_SUCCESS);
	assert_string_equal(host.log,
			    "7: system: no range: no rule of the policy fits\n");
}

/* In a user namespace: ids that it lacks do not count. */
static const struct {
	const char *map, *table;
	bool runs;
} spaces[] = {
	{ "0 3001 1\n1 100000 65536\n", "alice:100000:65536\n", true },
	{ "0 3001 1\n1 100000 65536\n", "alice:1:1000\n", false },
	/* the last that there is, and the first that there is not */
	{ "0 3001 1\n1 100000 65536\n", "alice:65536:10\n", false },
	{ "0 3001 1\n1 100000 65536\n", "alice:65537:10\n", true },
	/* one of two lines */
	{ "0 0 1000\n", "alice:100000:65536\nalice:999:2\n", false },
	{ "0 0 1000\n", "alice:100000:65536\nalice:1000:2\n", true },
	/* by another name, and by more names than are looked up one by one */
	{ "0 0 1000\n", "1000:100000:65536\n", true },
	{ "", "alice:100000:65536\n", true },
	/* what cannot be read or understood lacks nothing: then nothing is given */
	{ NULL, "alice:100000:65536\n", false },
	{ "not a map\n", "alice:100000:65536\n", false },
};

static void test_spaces(void **state)
{
	(void)state;
	for (int many = 0; many < 2; many++) {
		if (many == 1)
			put("etc/passwd",
			    "a:x:1000:1000::/:/\nb:x:1000:1000::/:/\nc:x:1000:1000::/:/\n"
			    "d:x:1000:1000::/:/\ne:x:1000:1000::/:/\nf:x:1000:1000::/:/\n"
			    "g:x:1000:1000::/:/\nh:x:1000:1000::/:/\n"
			    "alice:x:1000:1000::/:/\n");
		for (size_t i = 0; i < ARRAY(spaces); i++) {
			host.map = spaces[i].map;
			put("etc/subuid", spaces[i].table);
			put("etc/subgid", spaces[i].table);
			assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
			if (host.runs != spaces[i].runs)
				fail_msg("row %zu: %u", i, host.runs);
		}
	}
}

/* What cannot be seen is for the program to say. */
static void test_unseen(void **state)
{
	static const char *const files[] = { "etc/subuid", "etc/passwd", "etc/login.defs",
					     "etc/subid.conf" };

	for (size_t i = 0; i < ARRAY(files); i++) {
		assert_int_equal(host_setup(state), 0);
		(void)unlinkat(host.root, files[i], 0);
		put_dir(host.root, files[i]);
		assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
		assert_int_equal(host.runs, 1);
		assert_int_equal(host_teardown(state), 0);
	}
	assert_int_equal(host_setup(state), 0);
	assert_int_equal(renameat(host.root, "etc", host.root, "etc.kept"), 0);
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	assert_int_equal(host.runs, 1);
	assert_int_equal(host_teardown(state), 0);
}

/* Who could do nothing says nothing, and asks nobody to. */
static void test_not_root(void **state)
{
	(void)state;
	host.euid = 1000;
	assert_int_equal(log_in("alice", "debug required_for=students", 0), PAM_IGNORE);
	assert_string_equal(host.log, "");
	assert_int_equal(host.runs, 0);
	put("etc/subuid", ALICES);
	put("etc/subgid", ALICES);
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
}

static void test_long_names(void **state)
{
	char name[LOGIN_NAME_LENGTH_MAX + 2];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[LOGIN_NAME_LENGTH_MAX + 1] = '\0';
	assert_int_equal(log_in(name, "", 0), PAM_USER_UNKNOWN);
	assert_int_equal(host.runs, 0);
	assert_like("too long", host.log,
		    "5: *: no range is granted: invalid owner name\n");
	/* of the name in the log so much as suffices */
	assert_true(strlen(host.log) >= 60 && strlen(host.log) <= 140);
	assert_int_equal(log_in(name, "required_for=students", 0), PAM_IGNORE);
	host.in_group = true;
	assert_int_equal(log_in(name, "required_for=students", 0), PAM_SESSION_ERR);
	name[LOGIN_NAME_LENGTH_MAX] = '\0';
	assert_int_equal(log_in(name, "", 0), PAM_SUCCESS);
	assert_int_equal(host.runs, 1);
}

/* --- what it answers ------------------------------------------------------------------
 */

static const struct {
	const char *answer;
	int result;
	const char *log, *said;
} answers[] = {
	{ HEAD "answer success\n", PAM_SUCCESS, "", "" },
	{ HEAD "answer ignore\n", PAM_IGNORE, "", "" },
	{ HEAD "answer error\n", PAM_SESSION_ERR, "", "" },
	{ HEAD "answer unknown\n", PAM_USER_UNKNOWN, "", "" },
	{ HEAD "log 6 granted uid 1\nlog 4 x\ntell so many\nwarn not\nanswer success\n",
	  PAM_SUCCESS, "6: alice: granted uid 1\n4: alice: x\n", "so many\nnot\n" },
	/* what comes later is nothing, and what is not known is passed over */
	{ HEAD "answer error\nlog 3 x\nanswer success\n", PAM_SESSION_ERR, "", "" },
	{ HEAD "colour red\nlog\nlog 3\nlog 9 x\nlogs 3 y\ntell\nanswer ignore\n",
	  PAM_IGNORE, "3: alice: x\n", "" },
	/* no terminal and no log is acted on */
	{ HEAD "log 3 a\033[2J\r%s\x7f\ntell \033c\xff\nanswer ignore\n", PAM_IGNORE,
	  "3: alice: a?[2J?%s?\n", "?c?\n" },
	/* no debugging without being asked */
	{ HEAD "log 7 x\nanswer ignore\n", PAM_IGNORE, "", "" },
	/* half of one */
	{ "", PAM_SESSION_ERR, "3: alice: *said half an answer: whether *\n", NO_ANSWER },
	{ HEAD, PAM_SESSION_ERR, "3: alice: *said half an answer: whether *\n",
	  NO_ANSWER },
	{ HEAD "log 3 x\n", PAM_SESSION_ERR,
	  "3: alice: x\n3: alice: *said half an answer: whether *\n", NO_ANSWER },
	{ HEAD "answer success", PAM_SESSION_ERR,
	  "3: alice: *said half an answer: whether *\n", NO_ANSWER },
	{ HEAD "answer maybe\n", PAM_SESSION_ERR,
	  "3: alice: *said half an answer: whether *\n", NO_ANSWER },
	/* another version */
	{ "subid 0.0.9\nanswer success\n", PAM_IGNORE,
	  "3: alice: * is of another version *\n", "" },
	{ "subid \nanswer success\n", PAM_IGNORE, "3: alice: * is of another version *\n",
	  "" },
	{ "sub", PAM_IGNORE, "3: alice: * is of another version *\n", "" },
	{ "Usage: x\nanswer success\n", PAM_IGNORE,
	  "3: alice: * is of another version *\n", "" },
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(answers); i++) {
		host.answer = answers[i].answer;
		assert_int_equal(log_in("alice", "", 0), answers[i].result);
		assert_like(host.answer, host.log, answers[i].log);
		assert_string_equal(host.said, answers[i].said);
	}
}

static void test_silence(void **state)
{
	static const struct {
		const char *options;
		int flags;
	} rows[] = { { "", PAM_SILENT }, { "quiet", 0 }, { "silent", 0 } };

	(void)state;
	host.answer = HEAD "log 6 x\ntell y\nwarn z\nanswer success\n";
	for (size_t i = 0; i < ARRAY(rows); i++) {
		assert_int_equal(log_in("alice", rows[i].options, rows[i].flags),
				 PAM_SUCCESS);
		assert_string_equal(host.said, "");
		assert_string_equal(host.log, "6: alice: x\n");
	}
	host.end = HELPER_FAILED;
	host.in_group = true;
	assert_int_equal(log_in("bob", "quiet required_for=students", 0),
			 PAM_SESSION_ERR);
	assert_string_equal(host.said, "");
}

/* When the program cannot be run, or does not answer. */
static const struct {
	enum helper_end end;
	const char *user, *options;
	bool in_group;
	int result;
	const char *said;
} failures[] = {
	{ HELPER_UNUSABLE, "alice", "", false, PAM_IGNORE, "" },
	{ HELPER_UNUSABLE, "alice", "required_for=students", false, PAM_IGNORE, "" },
	{ HELPER_UNUSABLE, "bob", "required_for=students", true, PAM_SESSION_ERR,
	  DENIED("students", "cannot be run") },
	{ HELPER_FAILED, "alice", "", false, PAM_SESSION_ERR, NO_ANSWER },
	{ HELPER_FAILED, "alice", "required_for=students", false, PAM_IGNORE, "" },
	{ HELPER_FAILED, "bob", "required_for=students", true, PAM_SESSION_ERR,
	  DENIED("students", "has not answered") },
	{ HELPER_FAILED, "root", "", false, PAM_IGNORE, "" },
	{ HELPER_UNUSABLE, "root", "required_for=students", true, PAM_IGNORE, "" },
};

static void test_failures(void **state)
{
	(void)state;
	/* so that it is run for root, too */
	put("etc/subid.conf", "give user root\ngive everyone\n");
	for (size_t i = 0; i < ARRAY(failures); i++) {
		host.end = failures[i].end;
		host.in_group = failures[i].in_group;
		if (log_in(failures[i].user, failures[i].options, 0) !=
			failures[i].result ||
		    strcmp(host.said, failures[i].said) != 0 || host.runs != 1)
			fail_msg("row %zu", i);
	}
	/* what it did before it was lost is seen */
	host.end = HELPER_FAILED;
	host.grants = ALICES;
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
}

/* --- what is remembered ----------------------------------------------------------------
 */

static const struct login_options no_options = LOGIN_OPTIONS;

/* Leaves an answer for alice as the program does; ttl: for so many seconds. */
static void leave(long long ttl, uint64_t stamp_off, const char *answer)
{
	char name[LOGIN_FILE_SIZE], path[LOGIN_FILE_SIZE + 8], text[512];
	int etc = openat(host.root, "etc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct timespec now, newest;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	assert_true(login_file_name("alice", &no_options, name));
	(void)snprintf(path, sizeof(path), "logins/%s", name);
	(void)snprintf(
	    text, sizeof(text), "%lld\n%016llx\n%s", (long long)now.tv_sec + ttl,
	    (unsigned long long)(login_stamp(etc, NULL, &newest) + stamp_off), answer);
	put(path, text);
	(void)close(etc);
}

#define REMEMBERED HEAD "tell x\nanswer ignore\n"

static void test_remembered(void **state)
{
	static const char *const changes[] = {
		"etc/subuid",	  "etc/subgid",
		"etc/passwd",	  "etc/group",
		"etc/login.defs", "etc/nsswitch.conf",
		"etc/subid.conf", "etc/subid.conf.d/a.conf"
	};
	(void)state;
	if (getuid() != 0)
		skip(); /* it is root's files that are believed */
	put_dir(host.root, "logins");
	put_dir(host.root, "etc/subid.conf.d");
	leave(LOGIN_REMEMBERED_S, 0, REMEMBERED);
	assert_int_equal(log_in("alice", "", 0), PAM_IGNORE);
	assert_int_equal(host.runs, 0);
	assert_string_equal(host.said, "x\n");
	/* for others it is nothing, nor with other options */
	assert_int_equal(log_in("bob", "", 0), PAM_SUCCESS);
	assert_int_equal(log_in("alice", "count=1", 0), PAM_SUCCESS);
	assert_int_equal(log_in("alice", "debug", 0), PAM_SUCCESS);
	assert_int_equal(log_in("alice", "conf=/dev/null", 0), PAM_SUCCESS);
	assert_int_equal(log_in("alice", "required_for=students", 0), PAM_SUCCESS);
	assert_int_equal(log_in("alice", "min_uid=7", 0), PAM_SUCCESS);
	/* when anything has changed */
	for (size_t i = 0; i < ARRAY(changes); i++) {
		leave(LOGIN_REMEMBERED_S, 0, REMEMBERED);
		assert_int_equal(log_in("alice", "", 0), PAM_IGNORE);
		put(changes[i],
		    "# longer than before\n# and another line, and one more\n");
		if (i >= 2 && i < 5)
			put(changes[i],
			    "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/\n");
		(void)log_in("alice", "", 0);
		if (host.runs != 1)
			fail_msg("%s", changes[i]);
	}
}

static void test_not_believed(void **state)
{
	static const char *const texts[] = { "", HEAD, HEAD "answer ignore", "ignore\n",
					     HEAD "answer ignore\n\n" };
	char name[LOGIN_FILE_SIZE], path[LOGIN_FILE_SIZE + 8];

	(void)state;
	if (getuid() != 0)
		skip();
	put_dir(host.root, "logins");
	assert_true(login_file_name("alice", &no_options, name));
	(void)snprintf(path, sizeof(path), "logins/%s", name);
	for (size_t i = 0; i < ARRAY(texts); i++) {
		leave(LOGIN_REMEMBERED_S, 0, texts[i]);
		assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
		put(path, texts[i]);
		assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	}
	leave(0, 0, REMEMBERED);
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	leave(LOGIN_REMEMBERED_S + 1, 0, REMEMBERED);
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	leave(LOGIN_REMEMBERED_S, 1, REMEMBERED);
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	/* what others can write */
	leave(LOGIN_REMEMBERED_S, 0, REMEMBERED);
	assert_int_equal(fchmodat(host.root, path, 0622, 0), 0);
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	assert_int_equal(fchmodat(host.root, path, 0600, 0), 0);
	assert_int_equal(log_in("alice", "", 0), PAM_IGNORE);
	assert_int_equal(fchownat(host.root, path, 1000, 0, 0), 0);
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	assert_int_equal(fchownat(host.root, path, 0, 0, 0), 0);
	assert_int_equal(fchmodat(host.root, "logins", 0777, 0), 0);
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	assert_int_equal(fchmodat(host.root, "logins", 0755, 0), 0);
	/* links, and what is no file */
	assert_int_equal(renameat(host.root, path, host.root, "logins/there"), 0);
	assert_int_equal(symlinkat("there", host.root, path), 0);
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	assert_int_equal(unlinkat(host.root, path, 0), 0);
	assert_int_equal(mkfifoat(host.root, path, 0600), 0);
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	assert_int_equal(unlinkat(host.root, path, 0), 0);
	/* a name that has no file */
	memset(name, '/', 200);
	name[200] = '\0';
	assert_int_equal(log_in(name, "", 0), PAM_SUCCESS);
	assert_int_equal(host.runs, 1);
}

static void test_file_names(void **state)
{
	static const struct {
		const char *name, *file;
	} rows[] = {
		{ "alice", "alice.*" }, { "a.b", "a%2eb.*" }, { "../x", "%2e%2e%2fx.*" },
		{ "A_b-1", "A_b-1.*" }, { "", ".*" },	      { "\xff\n", "%ff%0a.*" },
	};
	char name[LOGIN_FILE_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY(rows); i++) {
		assert_true(login_file_name(rows[i].name, &no_options, name));
		assert_like(rows[i].name, name, rows[i].file);
	}
}

/* One that is at work is waited for, and then looked at what it did. */
static void test_at_work(void **state)
{
	(void)state;
	host.at_work = 2;
	assert_int_equal(log_in("alice", "", 0), PAM_SUCCESS);
	assert_int_equal(host.runs, 1);
	assert_int_equal(host.at_work, 0);
	/* but not for ever: ten milliseconds each */
	host.at_work = 1000;
	assert_int_equal(log_in("alice", "timeout=0", 0), PAM_SESSION_ERR);
	assert_int_equal(host.runs, 0);
	assert_true(host.at_work > 0);
	assert_like("at work", host.log,
		    "4: alice: no range this time: another login of this user is not done"
		    " yet\n");
}

/* --- options, and the rest ------------------------------------------------------------
 */

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
	{ "Debug", false },
	{ "version=" SUBID_VERSION, false },
};

static void test_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(arguments); i++) {
		struct options options = { .login = { .timeout_s = UINT32_MAX } };
		const char *argv[] = { "quiet", arguments[i].argument };
		bool right = arguments[i].right;

		host.log[0] = '\0';
		if (options_parse(HANDLE, 2, argv, &options) != right ||
		    (options.login.timeout_s == UINT32_MAX) == right ||
		    (host.log[0] == '\0') != right)
			fail_msg("%s: %s", argv[1], host.log);
		if (right)
			continue;
		assert_non_null(strstr(host.log, argv[1]));
		/* and the login goes on, without a range */
		assert_int_equal(log_in("alice", argv[1], 0), PAM_IGNORE);
		assert_int_equal(host.runs, 0);
	}
}

static void test_nobody(void **state)
{
	(void)state;
	host.item_answer = PAM_BAD_ITEM;
	assert_int_equal(log_in("alice", "", 0), PAM_SESSION_ERR);
	assert_string_equal(host.log, "3: the service has not said who logs in\n");
	host.item_answer = 0;
	assert_int_equal(log_in(NULL, "", 0), PAM_SESSION_ERR);
	assert_string_equal(host.log, "3: the service has not said who logs in\n");
	/* what is shown of a name */
	host.answer = HEAD "log 3 x\nanswer error\n";
	assert_int_equal(log_in("a:b \n\033", "", 0), PAM_SESSION_ERR);
	assert_string_equal(host.log, "3: a:b???: x\n");
}

static void test_other_types(void **state)
{
	(void)state;
	assert_int_equal(pam_sm_close_session(HANDLE, 0, 0, NULL), PAM_SUCCESS);
	assert_int_equal(pam_sm_authenticate(HANDLE, 0, 0, NULL), PAM_IGNORE);
	assert_int_equal(pam_sm_setcred(HANDLE, 0, 0, NULL), PAM_IGNORE);
	assert_int_equal(pam_sm_acct_mgmt(HANDLE, 0, 0, NULL), PAM_IGNORE);
	assert_int_equal(pam_sm_chauthtok(HANDLE, 0, 0, NULL), PAM_IGNORE);
	assert_int_equal(host.runs, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		host_test(test_spaces),
		host_test(test_look),
		cmocka_unit_test(test_unseen),
		host_test(test_not_root),
		host_test(test_long_names),
		host_test(test_answers),
		host_test(test_silence),
		host_test(test_failures),
		host_test(test_remembered),
		host_test(test_not_believed),
		cmocka_unit_test(test_file_names),
		host_test(test_at_work),
		host_test(test_arguments),
		host_test(test_nobody),
		host_test(test_other_types),
	};

	return cmocka_run_group_tests_name("pam_subid", tests, NULL, NULL);
}
