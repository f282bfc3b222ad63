/* SPDX-License-Identifier: MIT */
/*
 * What the program has left for later logins, libsubid/policy/policy.h: nothing here
 * writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "module.h"

#define RETRY_MS     10
#define RETRY_MAX_MS 100

bool recall_file(const struct session *session, const char *name,
		 char ret[LOGIN_FILE_SIZE])
{
	return login_file_name(name, &session->options.login, ret);
}

/* Can root alone write it?  What others can write is ignored. */
static bool is_roots(int fd, mode_t type)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == type && st.st_uid == 0 &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* Opens the file for reading; -1 if there is none that root alone can write. */
static int open_file(const char *file)
{
	auto_close int dir =
	    open(LOGIN_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int fd;

	if (dir < 0 || !is_roots(dir, S_IFDIR))
		return -1;
	fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || is_roots(fd, S_IFREG))
		return fd;
	(void)close(fd);
	return -1;
}

/* The line at *at as a number; moves *at behind it. */
static bool take_number(char **at, int base, unsigned long long *ret)
{
	char *line = strsep(at, "\n"), *end;

	if (*at == NULL || *line == '\0')
		return false;
	errno = 0;
	*ret = strtoull(line, &end, base);
	return *end == '\0' && errno == 0;
}

bool recall_answer(const struct session *session, const char *file, struct stat *ret_seen,
		   struct answer *ret)
{
	auto_close int fd = session->etc < 0 ? -1 : open_file(file);
	char text[ANSWER_MAX + 64], *at = text;
	unsigned long long until, stamp;
	struct timespec now, newest;
	ssize_t n;

	*ret_seen = (struct stat){ .st_ino = 0 };
	/* before it is read: a later write makes it a new file */
	if (fd < 0 || fstat(fd, ret_seen) < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	if (!take_number(&at, 10, &until) || !take_number(&at, 16, &stamp) ||
	    (unsigned long long)now.tv_sec >= until ||
	    until - (unsigned long long)now.tv_sec > LOGIN_REMEMBERED_S ||
	    stamp != login_stamp(session->etc, session->options.login.conf, &newest))
		return false;
	ret->len = (size_t)snprintf(ret->text, sizeof(ret->text), "%s", at);
	return ret->len < sizeof(ret->text) && answer_is_whole(ret);
}

bool recall_wait(const char *file, int64_t *left_ms)
{
	auto_close int fd = open_file(file);
	int ms = RETRY_MS;

	while (*left_ms > 0) {
		struct flock lock = { .l_type = F_WRLCK };

		(void)poll(NULL, 0, ms);
		*left_ms -= ms;
		if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
			return true;
		if (ms < RETRY_MAX_MS)
			ms += ms;
	}
	return false;
}
