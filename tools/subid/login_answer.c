/* SPDX-License-Identifier: MIT */
/*
 * The answer of a login (login.h has its form), the answers that are remembered for later
 * logins (policy.h has the files), and the limit of four logins at a time.
 *
 * The last two only save work: where /run cannot be written, logins work without them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "libsubid/policy/policy.h"
#include "tools/subid/login.h"

/* --- the answer ------------------------------------------------------------------- */

/* Room reserved for the last line. */
#define END_MAX 32

/* Longer lines are cut, so that they leave room for others. */
#define LINE_MAX_BYTES 1000

/* Exists once another source of ranges has been logged; removed by a reboot. */
#define SOURCE_FLAG "/run/pam_subid.source"

/* Adds a line, or drops it if it does not fit. */
__attribute__((format(printf, 3, 0))) static void
add_line(struct login *login, const char *head, const char *format, va_list args)
{
	char text[LINE_MAX_BYTES];
	size_t room = sizeof(login->answer) - END_MAX - login->len;
	int n;

	(void)vsnprintf(text, sizeof(text), format, args);
	printable_ascii(text, strlen(text), ' ');
	n = snprintf(login->answer + login->len, room, "%s%s\n", head, text);
	if (n > 0 && (size_t)n < room)
		login->len += (size_t)n;
}

void login_log(struct login *login, int priority, const char *format, ...)
{
	char head[16];
	va_list args;

	if (priority == LOG_DEBUG && !login->options.debug)
		return;
	(void)snprintf(head, sizeof(head), "log %d ", priority);
	va_start(args, format);
	add_line(login, head, format, args);
	va_end(args);
}

void login_tell(struct login *login, const char *word, const char *format, ...)
{
	char head[16];
	va_list args;

	(void)snprintf(head, sizeof(head), "%s ", word);
	va_start(args, format);
	add_line(login, head, format, args);
	va_end(args);
}

void login_end(struct login *login, enum login_result result)
{
	static const char *const words[] = {
		[LOGIN_SUCCESS] = "success",
		[LOGIN_IGNORE] = "ignore",
		[LOGIN_ERROR] = "error",
		[LOGIN_UNKNOWN] = "unknown",
	};
	int n =
	    snprintf(login->answer + login->len, END_MAX, "answer %s\n", words[result]);

	login->len += (size_t)n;
}

int login_send(const struct login *login, enum login_result result)
{
	/* if the module waits no longer, the work is done all the same */
	if (write(STDOUT_FILENO, login->answer, login->len) != (ssize_t)login->len)
		return EXIT_UNABLE;
	return result == LOGIN_ERROR || result == LOGIN_UNKNOWN ? EXIT_NO : EXIT_DONE;
}

void login_log_error(struct login *login, int r, const struct subid_error *err)
{
	bool later = r == SUBID_BUSY || r == -ESTALE || r == -EAGAIN;
	int priority = later ? LOG_WARNING : r == SUBID_OFF ? LOG_NOTICE : LOG_ERR;
	char text[SUBID_ERROR_TEXT_SIZE];
	const char *last;

	/* out of memory fails without an explanation */
	if (err->code == 0)
		(void)snprintf(text, sizeof(text), "%s", strerror(r < 0 ? -r : ENOMEM));
	else
		(void)subid_error_text(err, text, sizeof(text));
	/* one line for each login: the last, which has the conclusion */
	last = strrchr(text, '\n');
	login_log(login, priority, "%s: %s",
		  later ? "no range this time" : "no range is granted",
		  last == NULL ? text : last + 1);
}

void login_log_granted(struct login *login, uint32_t uid,
		       const struct subid_list *changes)
{
	struct subid_row row = { .size = sizeof(row) };

	for (size_t i = 0; subid_list_get(changes, i, &row); i++)
		/* the change's own trace is in the log already */
		login_log(login, LOG_DEBUG, "granted %s %u-%llu (uid %u, %s)",
			  subid_kind_name(row.kind), row.range.start,
			  (unsigned long long)id_range_end(row.range) - 1, uid,
			  subid_kind_table(row.kind));
	if (!login->told && subid_list_get(changes, 0, &row))
		login_tell(login, "tell",
			   "You have been granted %u subordinate ids for containers.",
			   row.range.count);
	login->told = true;
}

void login_log_source(struct login *login, const char *source)
{
	int fd =
	    open(SOURCE_FLAG, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int priority = fd >= 0 ? LOG_NOTICE : LOG_DEBUG;

	if (fd >= 0)
		(void)close(fd); /* empty */
	login_log(login, priority,
		  "no range is granted: " SUBID_SYSCONFDIR "/nsswitch.conf says 'subid:"
		  " %s', so ranges come from there (logged once)",
		  source);
}

/* --- time ------------------------------------------------------------------------- */

#define AT_ONCE	 4
#define RETRY_MS 5
#define WAKE_MS	 100

/* With more files than these, old ones are removed. */
#define FILES_MANY 1000

/* The kernel stamps files by a clock that ticks this slowly: two changes within one tick
 * cannot be told apart. */
#define CLOCK_STEP_MS 20

static int64_t ms_of(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int64_t ms_by(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now); /* cannot fail */
	return ms_of(now);
}

static void wait_ms(long ms)
{
	const struct timespec time = { .tv_nsec = ms * 1000000 };

	(void)nanosleep(&time, NULL);
}

/* Opens LOGIN_DIR, after creating it if necessary.  A descriptor or -1. */
static int open_dir(void)
{
	struct stat st;
	int fd;

	(void)mkdir(LOGIN_RUN_DIR, 0755); /* it may exist */
	(void)mkdir(LOGIN_DIR, 0755);
	fd = open(LOGIN_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && st.st_uid == 0 &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* --- four at a time -----------------------------------------------------------------
 */

/* Locks a free one of the four places.  Its descriptor; -EBUSY; -errno. */
static int try_turn(int dir)
{
	int r = -EBUSY;

	for (int i = 0; i < AT_ONCE; i++) {
		struct flock lock = { .l_type = F_WRLCK };
		char name[] = ".turn0";
		int fd;

		name[sizeof(name) - 2] = (char)('0' + i);
		fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return fd;
		if (errno != EAGAIN && errno != EACCES)
			r = -errno;
		(void)close(fd);
	}
	return r;
}

static void wake_up(int signal)
{
	(void)signal; /* it only interrupts a waiting call */
}

/* Interrupts fcntl() each ms milliseconds; 0: no more. */
static void wake_each(int ms)
{
	struct sigaction action = { .sa_handler = ms > 0 ? wake_up : SIG_DFL };
	struct itimerval timer = {
		.it_interval = { .tv_usec = ms * 1000 },
		.it_value = { .tv_usec = ms * 1000 },
	};

	if (ms > 0)
		(void)sigaction(SIGALRM, &action, NULL);
	(void)setitimer(ITIMER_REAL, &timer, NULL);
	if (ms == 0)
		(void)sigaction(SIGALRM, &action, NULL);
}

/* How long a login waits for others: until they make no more progress. */
struct patience {
	struct login_tables tables;
	int64_t end_ms;
	int each_ms;
};

static bool is_over(const struct login *login, struct patience *patience)
{
	if (ms_by(CLOCK_MONOTONIC) < patience->end_ms)
		return false;
	patience->end_ms += patience->each_ms;
	return !login_tables_moved(login->etc, &patience->tables);
}

/*
 * Waits in a queue for a place: only the first in the queue tries the places, the others
 * sleep.  The descriptor of the place; -EBUSY; -errno.
 */
static int queue(const struct login *login, int dir)
{
	struct patience patience = {
		.end_ms = ms_by(CLOCK_MONOTONIC) + (int)login->options.timeout_s * 1000,
		.each_ms = (int)login->options.timeout_s * 1000,
	};
	struct flock lock = { .l_type = F_WRLCK };
	auto_close int head =
	    openat(dir, ".queue", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int fd = -EBUSY;

	if (head < 0)
		return -errno;
	(void)login_tables_moved(login->etc, &patience.tables);
	while (fcntl(head, F_OFD_SETLKW, &lock) < 0) {
		if (errno != EINTR)
			return -errno;
		if (is_over(login, &patience))
			return -EBUSY;
	}
	while ((fd = try_turn(dir)) == -EBUSY) {
		if (is_over(login, &patience))
			return -EBUSY;
		wait_ms(RETRY_MS);
	}
	return fd;
}

int login_take_turn(struct login *login)
{
	auto_close int dir = open_dir();
	int r = dir < 0 ? -EACCES : try_turn(dir);

	if (r == -EBUSY) {
		wake_each(WAKE_MS);
		r = queue(login, dir);
		wake_each(0);
	}
	if (r == -EBUSY) {
		login_log(login, LOG_WARNING,
			  "no range this time: %d other logins are not done yet: the next"
			  " login tries again",
			  AT_ONCE);
		return SUBID_BUSY;
	}
	login->turn = r;
	return 0;
}

/* --- what is remembered ------------------------------------------------------------- */

void login_note_stamp(struct login *login)
{
	struct timespec newest;

	login->stamp = login_stamp(login->etc, login->options.conf, &newest);
	if (ms_by(CLOCK_REALTIME) - ms_of(newest) >= CLOCK_STEP_MS)
		return;
	wait_ms(CLOCK_STEP_MS);
	login->stamp = login_stamp(login->etc, login->options.conf, &newest);
}

/* Removes expired answers if there are many files: anybody may type any name. */
static void tidy(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *files = fd < 0 ? NULL : fdopendir(fd);
	time_t forgotten = time(NULL) - LOGIN_REMEMBERED_S;
	const struct dirent *entry;
	struct stat st;
	size_t n = 0;

	while (files != NULL && readdir(files) != NULL)
		n++;
	if (files != NULL)
		rewinddir(files);
	while (files != NULL && n > FILES_MANY && (entry = readdir(files)) != NULL)
		if (entry->d_name[0] != '.' && fstatat(fd, entry->d_name, &st, 0) == 0 &&
		    st.st_mtim.tv_sec < forgotten)
			(void)unlinkat(fd, entry->d_name, 0);
	if (files != NULL)
		(void)closedir(files);
	else if (fd >= 0)
		(void)close(fd);
}

/* Makes the file's text: the answer without what is logged only once.  Its length. */
static size_t make_text(const struct login *login, char text[LOGIN_ANSWER_MAX + 64])
{
	const char *line = login->answer, *end = line + login->len;
	long long until = ms_by(CLOCK_BOOTTIME) / 1000 + LOGIN_REMEMBERED_S;
	size_t n = (size_t)snprintf(text, 64, "%lld\n%016llx\n", until,
				    (unsigned long long)login->stamp);

	while (line < end) {
		const char *next = (const char *)memchr(line, '\n', (size_t)(end - line));
		size_t len =
		    next == NULL ? (size_t)(end - line) : (size_t)(next + 1 - line);

		if (strncmp(line, "log ", 4) != 0 || strncmp(line, "log 7", 5) == 0) {
			memcpy(text + n, line, len);
			n += len;
		}
		line += len;
	}
	return n;
}

void login_remember(const struct login *login)
{
	char name[LOGIN_FILE_SIZE], text[LOGIN_ANSWER_MAX + 64];
	auto_close int dir = open_dir(), fd = -1;
	size_t len;

	if (dir < 0 || !login_file_name(login->typed, &login->options, name))
		return;
	if (!login->remember) {
		/* it was created only to be locked */
		(void)unlinkat(dir, name, 0);
		return;
	}
	tidy(dir);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	len = make_text(login, text);
	/* if it is cut short, it lacks its last line and is ignored */
	if (fd >= 0 && ftruncate(fd, 0) == 0)
		(void)!write(fd, text, len);
}
