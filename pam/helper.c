/* SPDX-License-Identifier: MIT */
/*
 * Runs the program that does what is to be done.
 *
 * It is made by clone(2) with no signal at its end, so that the host neither hears of it
 * nor reaps it: not with SIGCHLD ignored, not in a handler, not by waitpid(-1).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/policy/policy.h"
#include "module.h"

/* Links on the way to the program. */
#define LINKS_MAX 8

/* What the child needs, between clone(2) and execveat(2). */
#define CHILD_STACK_SIZE (64 * 1024)

/* How often waiting starts over while other logins get their ranges. */
#define PATIENCE_TIMES 10

/* How long to wait for its end after its answer. */
#define END_MS 1000

/* Of its arguments, the last NULL included. */
#define WORDS_MAX (LOGIN_WORDS_MAX + 5)

/* glibc's functions would wait for the host's other threads, which the child does not
 * have. */
#ifdef SYS_setresuid32 /* where ids once had 16 bits */
#define SYSCALL_SETRESUID SYS_setresuid32
#define SYSCALL_SETRESGID SYS_setresgid32
#else
#define SYSCALL_SETRESUID SYS_setresuid
#define SYSCALL_SETRESGID SYS_setresgid
#endif

/* The child's exit status when the program cannot be run; when one is at work. */
#define EXIT_NOT_RUN 127
#define EXIT_AT_WORK 126

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* --- the calling thread ----------------------------------------------------------------
 */

/*
 * Threat: in a host that has closed its standard error, a pipe opened as number 2
 * would get the messages of another thread.  What was closed is /dev/null meanwhile.
 */
static void fill_descriptors(int filled[3])
{
	for (int fd = 0; fd < 3; fd++)
		filled[fd] = -1;
	for (;;) {
		int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		if (fd < 0 || fd > 2) {
			if (fd > 2)
				(void)close(fd); /* all are open now */
			return;
		}
		filled[fd] = fd;
	}
}

static void restore_descriptors(const int filled[3])
{
	for (int fd = 0; fd < 3; fd++)
		if (filled[fd] >= 0)
			(void)close(filled[fd]); /* ours, and empty */
}

void guard_begin(struct guard *ret)
{
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ret->cancel_state);
	fill_descriptors(ret->filled);
}

void guard_end(const struct guard *guard)
{
	int old;

	restore_descriptors(guard->filled);
	(void)pthread_setcancelstate(guard->cancel_state, &old);
}

/* --- the program's file ------------------------------------------------------------ */

/* Why somebody else than root can change it; NULL: nobody can. */
static const char *why_unsafe(const struct stat *st)
{
	if (st->st_uid != 0)
		return "is not root's";
	if (!S_ISLNK(st->st_mode) && (st->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "can be written by others than root";
	return NULL;
}

/* The way that is still to go: rest becomes link, '/', and what is behind the first len
 * bytes of rest.  0 or -ENAMETOOLONG. */
static int follow(char rest[PATH_MAX], size_t len, const char *link)
{
	char way[PATH_MAX];
	int n = snprintf(way, sizeof(way), "%s%s", link, rest + len);

	if (n < 0 || (size_t)n >= sizeof(way))
		return -ENAMETOOLONG;
	memcpy(rest, way, (size_t)n + 1);
	return 0;
}

/*
 * One step: opens the first name of rest in *dir, and takes it off.  Returns > 0 if there
 * is more to go, 0 if *dir is the end, -errno; or -EPERM with *ret_why set.
 */
static int step(int *dir, char rest[PATH_MAX], int *links, const char **ret_why)
{
	char name[NAME_MAX + 1], link[PATH_MAX];
	size_t skip = strspn(rest, "/"), len = strcspn(rest + skip, "/");
	struct stat st;
	ssize_t n;
	int fd;

	if (len > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, rest + skip, len);
	name[len] = '\0';
	fd = openat(*dir, len == 0 ? "." : name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = fstat(fd, &st) < 0 ? -errno : 0;
	if (n == 0 && (*ret_why = why_unsafe(&st)) != NULL)
		n = -EPERM;
	if (n < 0) {
		(void)close(fd);
		return (int)n;
	}
	if (!S_ISLNK(st.st_mode)) {
		(void)close(*dir);
		*dir = fd;
		memmove(rest, rest + skip + len, strlen(rest + skip + len) + 1);
		return rest[0] != '\0';
	}
	n = readlinkat(fd, "", link, sizeof(link) - 1);
	if (n < 0)
		n = -errno;
	(void)close(fd);
	if (n < 0 || ++*links > LINKS_MAX)
		return n < 0 ? (int)n : -ELOOP;
	link[n] = '\0';
	if (link[0] == '/') {
		fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		(void)close(*dir);
		*dir = fd;
	}
	n = follow(rest, skip + len, link);
	return n < 0 ? (int)n : 1;
}

/*
 * Opens a program, absolute, if it and each directory on the way to it, links included,
 * is root's and nobody else can write it.  The descriptor; -errno; -EPERM with *ret_why
 * set.
 */
static int open_program(const char *path, const char **ret_why)
{
	auto_close int dir = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char rest[PATH_MAX] = "/";
	int links = 0, fd, r = 1;
	struct stat st;

	*ret_why = NULL;
	if (dir < 0)
		return -errno;
	if (strlen(path) >= sizeof(rest))
		return -ENAMETOOLONG;
	/* first the root directory itself */
	r = step(&dir, rest, &links, ret_why);
	if (r < 0)
		return r;
	(void)strcpy(rest, path);
	do
		r = step(&dir, rest, &links, ret_why);
	while (r > 0);
	if (r < 0)
		return r;
	if (fstat(dir, &st) < 0 || !S_ISREG(st.st_mode)) {
		*ret_why = "is no program";
		return -EPERM;
	}
	fd = dir;
	dir = -1;
	return fd;
}

/* --- the child ---------------------------------------------------------------------- */

struct child {
	int program, writer;
	char *const *argv;
	char lock[sizeof(LOGIN_DIR) + LOGIN_FILE_SIZE]; /* a path; "": none */
	const struct stat *seen;			/* the file before */
};

/* Limits that could keep the program from starting; it sets all of them itself. */
static void lift_limits(void)
{
	static const int limits[] = { RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CPU,
				      RLIMIT_FSIZE };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

		if (limits[i] == RLIMIT_STACK)
			limit.rlim_cur = 8 << 20;
		/* the program detects and reports what could not be lifted */
		(void)setrlimit((__rlimit_resource_t)limits[i], &limit);
	}
}

/*
 * One program at a time for each user: the lock's descriptor goes with it.  Where there
 * can be no such file it is gone without.
 */
static void take_lock(const char *path, const struct stat *seen)
{
	struct flock lock = { .l_type = F_WRLCK };
	struct stat st;
	int fd;

	if (path[0] == '\0')
		return;
	(void)umask(022);
	(void)mkdir(LOGIN_RUN_DIR, 0755); /* or it is there */
	(void)mkdir(LOGIN_DIR, 0755);
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return;
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0 && (errno == EAGAIN || errno == EACCES))
		_exit(EXIT_AT_WORK);
	/* another program has left an answer since the file was read */
	if (fstat(fd, &st) == 0 && st.st_size > 0 &&
	    (st.st_ino != seen->st_ino || st.st_mtim.tv_sec != seen->st_mtim.tv_sec ||
	     st.st_mtim.tv_nsec != seen->st_mtim.tv_nsec))
		_exit(EXIT_AT_WORK);
}

/* Rule 6. */
static int run_child(void *data)
{
	static char *const no_environment[] = { NULL };
	const struct child *child = data;
	struct sigaction usual = { .sa_handler = SIG_DFL };
	sigset_t none;
	int null;

	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &usual, NULL); /* but for SIGKILL and SIGSTOP */
	(void)setsid();
	/* Threat: the real uid is that of su's caller, who could stop this process */
	if (syscall(SYSCALL_SETRESGID, 0, 0, 0) < 0 ||
	    syscall(SYSCALL_SETRESUID, 0, 0, 0) < 0)
		_exit(EXIT_NOT_RUN);
	lift_limits();
	null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(child->writer, 1) < 0 || dup2(null, 0) < 0 ||
	    dup2(null, 2) < 0 || (child->program != 3 && dup2(child->program, 3) < 0) ||
	    fcntl(3, F_SETFD, FD_CLOEXEC) < 0)
		_exit(EXIT_NOT_RUN);
	closefrom(4);
	take_lock(child->lock, child->seen);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)execveat(3, "", child->argv, no_environment, AT_EMPTY_PATH);
	_exit(EXIT_NOT_RUN);
}

/*
 * Makes the child.  No signal is let through in this thread meanwhile: a handler of the
 * host's must not run in its copy.  0 or -errno.
 */
static int start(struct child *child, pid_t *ret_pid, int *ret_pidfd)
{
	char *stack = mmap(NULL, CHILD_STACK_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	sigset_t all, mask;
	int r;

	if (stack == MAP_FAILED)
		return -errno;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &mask);
	*ret_pid =
	    clone(run_child, stack + CHILD_STACK_SIZE, CLONE_PIDFD, child, ret_pidfd);
	r = *ret_pid < 0 ? -errno : 0;
	(void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
	(void)munmap(stack, CHILD_STACK_SIZE); /* the child has a copy */
	return r;
}

/* --- its words ---------------------------------------------------------------------- */

/* The arguments, as tools/subid/login.h has them.  free_words() frees them.  0 or
 * -ENOMEM.
 */
static int make_words(const struct login_options *options, const char *name,
		      char *ret[WORDS_MAX])
{
	static char subid[] = "subid", grant[] = "grant";
	static char version[] = "version=" SUBID_VERSION;
	char *login;
	size_t n;
	int r;

	if (asprintf(&login, "--login=%s", name) < 0)
		return -ENOMEM;
	r = login_options_print(options, ret + 4, &n);
	if (r < 0) {
		free(login);
		return r;
	}
	ret[0] = subid;
	ret[1] = grant;
	ret[2] = login;
	ret[3] = version;
	ret[4 + n] = NULL;
	return 0;
}

static void free_words(char *words[WORDS_MAX])
{
	free(words[2]);
	for (size_t i = 4; words[i] != NULL; i++)
		free(words[i]);
}

/* --- its answer ----------------------------------------------------------------------
 */

/* Reads what is available.  False at the end. */
static bool read_more(int reader, struct answer *answer)
{
	ssize_t n = read(reader, answer->text + answer->len, ANSWER_MAX - answer->len);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	answer->len += (size_t)n;
	answer->text[answer->len] = '\0';
	return n > 0 && answer->len < ANSWER_MAX && !answer_is_whole(answer);
}

/*
 * Takes the answer, until it is whole or the writer's end is closed.  False when that
 * takes longer than patience, and no table has been replaced meanwhile.
 */
static bool receive(const struct session *session, int reader, struct answer *answer)
{
	int64_t patience =
	    session->options.login.timeout_s * INT64_C(1000) + HELPER_EXTRA_MS;
	struct pollfd wait = { .fd = reader, .events = POLLIN };
	struct login_tables tables = { .st = { { .st_ino = 0 }, { .st_ino = 0 } } };
	int64_t end = now_ms() + patience;
	int times = 1;

	(void)login_tables_moved(session->etc, &tables);
	for (;;) {
		int64_t left = end - now_ms();

		if (left <= 0 && (times++ >= PATIENCE_TIMES ||
				  !login_tables_moved(session->etc, &tables)))
			return false;
		if (left <= 0)
			end += patience;
		else if (poll(&wait, 1, (int)left) > 0 && !read_more(reader, answer))
			return true;
	}
}

/* Why it ended without an answer, if that is known: the host may have taken the status.
 */
static void say_status(const struct session *session, const siginfo_t *status)
{
	if (status->si_code == CLD_KILLED || status->si_code == CLD_DUMPED)
		say(session, LOG_ERR,
		    "no range this time: " SUBID_HELPER " was ended by signal %d (%s)",
		    status->si_status, strsignal(status->si_status));
	else
		say(session, LOG_ERR,
		    "no range this time: " SUBID_HELPER " ended without an answer");
}

/* Waits for the child, which has closed its output, and says how it ended. */
static enum helper_end end_child(const struct session *session, int pidfd,
				 const struct answer *answer)
{
	struct pollfd wait = { .fd = pidfd, .events = POLLIN };
	siginfo_t status = { .si_pid = 0 };
	int r;

	/* if it does not end, init reaps it later */
	(void)poll(&wait, 1, END_MS);
	if (answer->len > 0 && wait.revents == 0)
		return HELPER_ANSWERED;
	do
		r = waitid(P_PIDFD, (id_t)pidfd, &status, WEXITED | __WALL);
	while (r < 0 && errno == EINTR);
	if (r == 0 && status.si_code == CLD_EXITED && status.si_status == EXIT_NOT_RUN &&
	    answer->len == 0) {
		say(session, LOG_ERR,
		    SUBID_HELPER ": could not be run: no range is granted");
		return HELPER_UNUSABLE;
	}
	if (answer->len > 0)
		return HELPER_ANSWERED;
	if (r == 0 && status.si_code == CLD_EXITED && status.si_status == EXIT_AT_WORK)
		return HELPER_AT_WORK;
	say_status(session, &status);
	return HELPER_FAILED;
}

static enum helper_end talk(const struct session *session, struct child *child,
			    struct answer *ret)
{
	auto_close int reader = -1, writer = -1, pidfd = -1;
	int pipes[2], r = pipe2(pipes, O_CLOEXEC) < 0 ? -errno : 0;
	pid_t pid = -1;

	if (r == 0) {
		child->writer = writer = pipes[1];
		reader = pipes[0];
		r = start(child, &pid, &pidfd);
	}
	if (r < 0) {
		say(session, LOG_ERR, "no range this time: no process can be made: %s",
		    strerror(-r));
		return HELPER_FAILED;
	}
	(void)close(writer);
	writer = -1;
	if (receive(session, reader, ret))
		return end_child(session, pidfd, ret);
	/* it may be working: it is not killed */
	say(session, LOG_WARNING,
	    "no range this time: " SUBID_HELPER " (process %d) takes too long", (int)pid);
	return HELPER_FAILED;
}

enum helper_end helper_run(const struct session *session, const char *name,
			   const char *file, const struct stat *seen, struct answer *ret)
{
	char *argv[WORDS_MAX];
	struct child child = { .argv = argv, .seen = seen };
	enum helper_end end = HELPER_FAILED;
	const char *why;
	struct guard guard;
	int program;

	if (file != NULL)
		(void)snprintf(child.lock, sizeof(child.lock), LOGIN_DIR "/%s", file);
	ret->len = 0;
	ret->text[0] = '\0';
	guard_begin(&guard);
	program = open_program(SUBID_HELPER, &why);
	if (program < 0) {
		say(session, LOG_ERR, SUBID_HELPER ": %s%s: no range is granted",
		    why == NULL ? "" : "it, or a directory above it, ",
		    why == NULL ? strerror(-program) : why);
		end = HELPER_UNUSABLE;
	} else if (make_words(&session->options.login, name, argv) == 0) {
		child.program = program;
		end = talk(session, &child, ret);
		free_words(argv);
	} else {
		say(session, LOG_ERR, "no range this time: %s", strerror(ENOMEM));
	}
	if (program >= 0)
		(void)close(program);
	guard_end(&guard);
	return end;
}
