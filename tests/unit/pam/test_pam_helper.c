/* SPDX-License-Identifier: MIT */
/*
 * How pam_subid.so runs its program: the calling thread, the program's file, its
 * arguments, the child and its answer.  The program is this test itself, which does what
 * the user's name says.
 *
 * wrap: open mkdir
 */
#include "inject.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#include "pam/module.h"

#undef HELPER_EXTRA_MS
#define HELPER_EXTRA_MS 300
#define SUBID_HELPER	"/bin/subid"
#include "pam/helper.c"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define WHOLE	 "subid " SUBID_VERSION "\nanswer success\n"

static struct {
	int root;	  /* "/" and "/run", once it is not -1 */
	const char *path; /* its: the child has closed all descriptors */
	char log[1024];
} host = { .root = -1 };

/* --- the system ------------------------------------------------------------------------
 */

static const char *in_root(const char *path)
{
	static char whole[512];

	(void)snprintf(whole, sizeof(whole), "%s%s", host.path, path);
	return whole;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	if (fault_is_due("open"))
		return -1;
	if (host.root >= 0 && strcmp(path, "/") == 0)
		return openat(host.root, ".", flags);
	if (host.root >= 0 && strncmp(path, LOGIN_DIR, strlen(LOGIN_DIR)) == 0)
		return __real_open(in_root(path), flags, 0600);
	return __real_open(path, flags, 0600);
}

int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
	return __real_mkdir(in_root(path), mode);
}

void say(const struct session *session, int priority, const char *format, ...)
{
	size_t len = strlen(host.log);
	va_list args;

	(void)session, (void)priority;
	va_start(args, format);
	(void)vsnprintf(host.log + len, sizeof(host.log) - len, format, args);
	va_end(args);
}

bool answer_is_whole(const struct answer *answer)
{
	static const char end[] = "\nanswer success\n";

	return answer->len >= strlen(end) &&
	       strcmp(answer->text + answer->len - strlen(end), end) == 0;
}

static int host_setup(void **state)
{
	if (scratch_setup(state) != 0 || faults_reset(state) != 0)
		return -1;
	host.root = etc_of(state);
	host.path = ((const struct scratch *)*state)->path;
	host.log[0] = '\0';
	put_dir(host.root, "bin");
	put_dir(host.root, "run");
	return 0;
}

static int host_teardown(void **state)
{
	host.root = -1;
	return scratch_teardown(state);
}

#define host_test(function)                                                              \
	cmocka_unit_test_setup_teardown(function, host_setup, host_teardown)

/* --- the calling thread ----------------------------------------------------------------
 */

static bool is_null(int fd)
{
	struct stat st, null;

	assert_int_equal(fstatat(AT_FDCWD, "/dev/null", &null, 0), 0);
	return fstat(fd, &st) == 0 && st.st_rdev == null.st_rdev;
}

static void test_cancelling(void **state)
{
	static const int states[] = { PTHREAD_CANCEL_ENABLE, PTHREAD_CANCEL_DISABLE };
	struct guard guard;
	int old;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_setcancelstate(states[i], &old), 0);
		guard_begin(&guard);
		assert_int_equal(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old), 0);
		assert_int_equal(old, PTHREAD_CANCEL_DISABLE);
		guard_end(&guard);
		assert_int_equal(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old), 0);
		assert_int_equal(old, states[i]);
	}
}

/* Of descriptors 0 to 2, bits of those that are closed; one more at once is none of ours.
 */
static void test_descriptors(void **state)
{
	int kept[3], next;

	(void)state;
	for (int fd = 0; fd < 3; fd++) {
		kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
		assert_true(kept[fd] >= 10);
	}
	for (unsigned int closed = 0; closed < 8; closed++) {
		bool right = true;
		struct guard guard;

		for (int fd = 0; fd < 3; fd++)
			if ((closed & 1U << fd) != 0)
				(void)close(fd);
		next = fcntl(kept[0], F_DUPFD, 3);
		(void)close(next);
		guard_begin(&guard);
		for (int fd = 0; fd < 3; fd++)
			right = right && fcntl(fd, F_GETFD) >= 0 &&
				((closed & 1U << fd) == 0 || is_null(fd));
		right = right && fcntl(next, F_GETFD) < 0;
		guard_end(&guard);
		for (int fd = 0; fd < 3; fd++)
			right = right &&
				(fcntl(fd, F_GETFD) < 0) == ((closed & 1U << fd) != 0);
		for (int fd = 0; fd < 3; fd++)
			assert_int_equal(dup2(kept[fd], fd), fd);
		if (!right)
			fail_msg("closed: %u", closed);
	}
	for (int fd = 0; fd < 3; fd++)
		(void)close(kept[fd]);
}

/* A host that has none to spare has none for a table either. */
static void test_no_descriptors(void **state)
{
	struct guard guard;

	(void)state;
	faults_arm(1, EMFILE);
	guard_begin(&guard);
	assert_true(faults_disarm());
	for (int fd = 0; fd < 3; fd++)
		assert_int_equal(guard.filled[fd], -1);
	guard_end(&guard);
}

/* --- the program's file
 * ------------------------------------------------------------------ */

enum what { FILE_, DIR_, LINK };

struct node {
	const char *path;
	enum what what;
	const char *target; /* of a link */
	mode_t mode;
	uid_t uid;
};

static const struct {
	const char *name;
	struct node nodes[5];
	int answer; /* 0: it is opened */
	const char *why;
} files[] = {
	{ "plain", { { "bin/subid", FILE_, NULL, 0755, 0 } }, 0, NULL },
	{ "missing", { { .path = NULL } }, -ENOENT, NULL },
	{ "another's",
	  { { "bin/subid", FILE_, NULL, 0755, 1000 } },
	  -EPERM,
	  "is not root's" },
	{ "its group's",
	  { { "bin/subid", FILE_, NULL, 0775, 0 } },
	  -EPERM,
	  "can be written by others" },
	{ "everybody's",
	  { { "bin/subid", FILE_, NULL, 0757, 0 } },
	  -EPERM,
	  "can be written by others" },
	{ "in another's directory",
	  { { "bin", DIR_, NULL, 0755, 1000 }, { "bin/subid", FILE_, NULL, 0755, 0 } },
	  -EPERM,
	  "is not root's" },
	{ "in everybody's directory",
	  { { "bin", DIR_, NULL, 01777, 0 }, { "bin/subid", FILE_, NULL, 0755, 0 } },
	  -EPERM,
	  "can be written by others" },
	{ "a link",
	  { { "bin/there", FILE_, NULL, 0755, 0 }, { "bin/subid", LINK, "there", 0, 0 } },
	  0,
	  NULL },
	{ "an absolute link, with //",
	  { { "opt", DIR_, NULL, 0755, 0 },
	    { "opt/there", FILE_, NULL, 0755, 0 },
	    { "bin/subid", LINK, "//opt//there", 0, 0 } },
	  0,
	  NULL },
	{ "a link up and down",
	  { { "opt", DIR_, NULL, 0755, 0 },
	    { "opt/there", FILE_, NULL, 0755, 0 },
	    { "bin/subid", LINK, ".././opt/there", 0, 0 } },
	  0,
	  NULL },
	{ "another's link",
	  { { "bin/there", FILE_, NULL, 0755, 0 },
	    { "bin/subid", LINK, "there", 0, 1000 } },
	  -EPERM,
	  "is not root's" },
	{ "a link through everybody's directory",
	  { { "tmp", DIR_, NULL, 01777, 0 },
	    { "tmp/there", FILE_, NULL, 0755, 0 },
	    { "bin/subid", LINK, "/tmp/there", 0, 0 } },
	  -EPERM,
	  "can be written by others" },
	{ "a link to itself", { { "bin/subid", LINK, "subid", 0, 0 } }, -ELOOP, NULL },
	{ "a link to nowhere",
	  { { "bin/subid", LINK, "nowhere", 0, 0 } },
	  -ENOENT,
	  NULL },
	{ "a directory",
	  { { "bin/subid", DIR_, NULL, 0755, 0 } },
	  -EPERM,
	  "is no program" },
};

static void make_node(const struct node *node)
{
	if (node->what == LINK)
		assert_int_equal(symlinkat(node->target, host.root, node->path), 0);
	else if (node->what == FILE_)
		put_file(host.root, node->path, "");
	else if (faccessat(host.root, node->path, F_OK, 0) < 0)
		put_dir(host.root, node->path);
	assert_int_equal(
	    fchownat(host.root, node->path, node->uid, 0, AT_SYMLINK_NOFOLLOW), 0);
	if (node->what != LINK)
		assert_int_equal(fchmodat(host.root, node->path, node->mode, 0), 0);
}

static void test_files(void **state)
{
	if (getuid() != 0)
		skip(); /* it is about what is root's */
	for (size_t i = 0; i < ARRAY(files); i++) {
		const char *why = "";
		int fd;

		assert_int_equal(host_setup(state), 0);
		for (size_t n = 0; n < 5 && files[i].nodes[n].path != NULL; n++)
			make_node(&files[i].nodes[n]);
		fd = open_program(SUBID_HELPER, &why);
		if ((fd < 0 ? fd : 0) != files[i].answer ||
		    (files[i].why == NULL) != (why == NULL) ||
		    (why != NULL && strstr(why, files[i].why) == NULL))
			fail_msg("%s: %d, %s", files[i].name, fd,
				 why == NULL ? "-" : why);
		if (fd >= 0)
			assert_int_equal(close(fd), 0);
		assert_int_equal(host_teardown(state), 0);
	}
}

/* --- its arguments
 * ------------------------------------------------------------------------ */

static const struct {
	const char *options,
	    *words; /* divided by blanks; of the words those behind version= */
} words[] = {
	{ "", "timeout=3 min_uid=0" },
	{ "timeout=0", "timeout=0 min_uid=0" },
	{ "debug count=4294967295 min_uid=1 timeout=60 conf=/x required_for=a",
	  "timeout=60 count=4294967295 min_uid=1 conf=/x required_for=a debug" },
};

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(words); i++) {
		struct login_options options = LOGIN_OPTIONS, again = LOGIN_OPTIONS;
		char text[256], *rest = text, *word, *argv[WORDS_MAX], joined[256] = "";

		(void)snprintf(text, sizeof(text), "%s", words[i].options);
		while ((word = strsep(&rest, " ")) != NULL && *word != '\0')
			assert_true(login_option_read(&options, word));
		assert_int_equal(make_words(&options, "al ice", argv), 0);
		assert_string_equal(argv[0], "subid");
		assert_string_equal(argv[1], "grant");
		assert_string_equal(argv[2], "--login=al ice");
		assert_string_equal(argv[3], "version=" SUBID_VERSION);
		for (size_t n = 4; argv[n] != NULL; n++) {
			(void)snprintf(joined + strlen(joined),
				       sizeof(joined) - strlen(joined), "%s%s",
				       n == 4 ? "" : " ", argv[n]);
			/* the program takes each of them, and it means the same */
			assert_true(login_option_read(&again, argv[n]));
		}
		assert_string_equal(joined, words[i].words);
		assert_int_equal(again.count, options.count);
		assert_int_equal(again.timeout_s, options.timeout_s);
		free_words(argv);
	}
}

/* --- the child and its answer
 * --------------------------------------------------------------- */

/* What a service that init starts has; else what is wrong. */
static const char *find_inherited(void)
{
	struct sigaction action;
	sigset_t mask;

	(void)sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int i = 1; i < NSIG; i++)
		if (sigismember(&mask, i) == 1)
			return "a signal is held back";
		else if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
			return "a signal is not as usual";
	if (getsid(0) != getpid())
		return "it is in the host's session";
	if (environ[0] != NULL)
		return "it has an environment";
	for (int fd = 3; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			return "a descriptor is open";
	if (!is_null(0) || !is_null(2))
		return "it is not alone with its output";
	if (getuid() != 0 || getgid() != 0)
		return "its real ids are not root's";
	return NULL;
}

/* The program: what it does is its user's name. */
static int be_program(const char *what)
{
	const struct timespec moment = { .tv_nsec = 700 * 1000 * 1000 };
	char flood[3 * ANSWER_MAX];
	const char *wrong;

	if (strcmp(what, "answers") == 0) {
		wrong = find_inherited();
		(void)dprintf(1, "subid x\n");
		if (wrong != NULL)
			(void)dprintf(1, "log 3 %s\n", wrong);
		(void)dprintf(1, "answer success\n");
		return 0;
	}
	if (strcmp(what, "stays") == 0) /* its output is closed by nobody */
		(void)dprintf(1, WHOLE);
	if (strcmp(what, "stays") == 0 || strcmp(what, "hangs") == 0)
		(void)nanosleep(&moment, NULL);
	if (strcmp(what, "killed") == 0)
		(void)raise(SIGKILL);
	memset(flood, 'x', sizeof(flood));
	if (strcmp(what, "floods") == 0)
		(void)!write(1, flood, sizeof(flood));
	if (strcmp(what, "half") == 0)
		(void)dprintf(1, "subid");
	return strcmp(what, "cannot") == 0 ? EXIT_NOT_RUN : 0;
}

/* Copies this program to bin/subid beneath the test's root. */
static void install(void)
{
	auto_close int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	auto_close int to =
	    openat(host.root, "bin/subid", O_WRONLY | O_CREAT | O_TRUNC, 0755);
	char bytes[65536];
	ssize_t n;

	assert_true(from >= 0 && to >= 0);
	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(to, bytes, (size_t)n), n);
	assert_int_equal(n, 0);
	assert_int_equal(fchmod(to, 0755), 0);
}

static enum helper_end run(const char *name, const char *file, const struct stat *seen,
			   struct answer *ret)
{
	struct session session = { .etc = -1,
				   .options = { .login = { .timeout_s = 0 } } };

	host.log[0] = '\0';
	return helper_run(&session, name, file, seen, ret);
}

static const struct run {
	const char *name;
	enum helper_end end;
	const char *answer, *log; /* how they begin */
} runs[] = {
	{ "answers", HELPER_ANSWERED, "subid x\nanswer success\n", "" },
	{ "stays", HELPER_ANSWERED, WHOLE, "" },
	{ "half", HELPER_ANSWERED, "subid", "" },
	{ "floods", HELPER_ANSWERED, "xxx", "" },
	{ "nothing", HELPER_FAILED, "",
	  "no range this time: " SUBID_HELPER " ended without an answer" },
	{ "killed", HELPER_FAILED, "",
	  "no range this time: " SUBID_HELPER " was ended by signal 9" },
	{ "cannot", HELPER_UNUSABLE, "", SUBID_HELPER ": could not be run" },
	{ "hangs", HELPER_FAILED, "", "no range this time: " SUBID_HELPER " (process " },
};

static void check_run(const struct run *row, enum helper_end end, const char *log)
{
	struct answer answer;
	enum helper_end got = run(row->name, NULL, NULL, &answer);

	if (got != end || strncmp(answer.text, row->answer, strlen(row->answer)) != 0 ||
	    strncmp(host.log, log, strlen(log)) != 0 ||
	    (log[0] == '\0') != (host.log[0] == '\0'))
		fail_msg("%s: %d, \"%s\", \"%s\"", row->name, got, answer.text, host.log);
	assert_true(answer.len <= ANSWER_MAX);
}

static void test_runs(void **state)
{
	struct answer answer;

	(void)state;
	if (getuid() != 0)
		skip(); /* the program is root's */
	install();
	for (size_t i = 0; i < ARRAY(runs); i++)
		check_run(&runs[i], runs[i].end, runs[i].log);
	/* the kernel reaps it then, and how it ended is lost: no answer is a failure */
	(void)signal(SIGCHLD, SIG_IGN);
	for (size_t i = 0; i < ARRAY(runs); i++) {
		bool lost =
		    runs[i].answer[0] == '\0' && strcmp(runs[i].name, "hangs") != 0;

		check_run(&runs[i], lost ? HELPER_FAILED : runs[i].end,
			  lost ? "no range this time: " SUBID_HELPER " ended without"
			       : runs[i].log);
	}
	(void)signal(SIGCHLD, SIG_DFL);
	assert_int_equal(unlinkat(host.root, "bin/subid", 0), 0);
	assert_int_equal(run("answers", NULL, NULL, &answer), HELPER_UNUSABLE);
	assert_string_equal(host.log, SUBID_HELPER
			    ": No such file or directory: no range is granted");
}

/* One at a time for each user; and an answer that another has left is looked at first. */
static void test_lock(void **state)
{
	static const char path[] = "run/subid/logins/alice.1";
	struct flock lock = { .l_type = F_WRLCK };
	struct stat seen = { .st_ino = 0 };
	struct answer answer;
	int fd;

	(void)state;
	if (getuid() != 0)
		skip();
	install();
	assert_int_equal(run("answers", "alice.1", &seen, &answer), HELPER_ANSWERED);
	assert_string_equal(answer.text, "subid x\nlog 3 a descriptor is open\nanswer"
					 " success\n"); /* the lock's, which is meant */
	fd = openat(host.root, path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &seen), 0);
	assert_int_equal(seen.st_mode, S_IFREG | 0600);
	assert_int_equal(run("answers", "alice.1", &seen, &answer), HELPER_ANSWERED);
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
	assert_int_equal(run("answers", "alice.1", &seen, &answer), HELPER_AT_WORK);
	assert_string_equal(host.log, "");
	assert_int_equal(run("answers", "bob.1", &(struct stat){ .st_ino = 0 }, &answer),
			 HELPER_ANSWERED);
	assert_int_equal(close(fd), 0);
	/* it has been written since it was looked into */
	put_file(host.root, path, "x");
	assert_int_equal(run("answers", "alice.1", &seen, &answer), HELPER_AT_WORK);
	/* where there can be no such file it is done without */
	assert_int_equal(unlinkat(host.root, path, 0), 0);
	put_dir(host.root, path);
	assert_int_equal(run("answers", "alice.1", &seen, &answer), HELPER_ANSWERED);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cancelling),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test_teardown(test_no_descriptors, faults_reset),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_words),
		host_test(test_runs),
		host_test(test_lock),
	};

	if (argc > 2 && strncmp(argv[2], "--login=", strlen("--login=")) == 0)
		return be_program(argv[2] + strlen("--login="));
	return cmocka_run_group_tests_name("pam_helper", tests, NULL, NULL);
}
