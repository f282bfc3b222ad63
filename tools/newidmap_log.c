/* SPDX-License-Identifier: MIT */
/*
 * Refusals in the log.  Threat: a user calls the helper in a loop, to fill the log
 * or to hide one refusal among many.
 *
 * Any user may write to the journal and to /dev/log whatever he likes, and with
 * less effort; what he cannot write is a line from the process of this program,
 * which the log knows by itself, _EXE=.  So few of those suffice: each user has a
 * few at once, then one each few seconds, and that one says how many there were
 * before.  The counts must be where a user cannot reset them, which leaves a
 * file of root's, and so it is opened before privilege is given up, under a fixed
 * name, and only read and written at the caller's own place after.
 *
 * There is no lock: who stopped his process while it has it would silence all
 * others.  Processes that read at the same instant may write a line each.
 */
#include "newidmap_log.h"

#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/cleanup.h"
#include "libsubid/limit_private.h"

#define COUNTS "/run/subid-refusals"

struct refusals refusals_open(void)
{
	struct refusals refusals = { .fd = -1, .are_counted = geteuid() == 0 };

	/* no user can write in /run: nobody has put something else there */
	if (refusals.are_counted)
		refusals.fd =
		    open(COUNTS, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return refusals;
}

/* May this user leave one more line?  A user's counts are at his uid's place. */
static bool may_log(int fd, uid_t uid, uint32_t *ret_left_out)
{
	struct subid_limit limit = { .full_ms = 0 };
	off_t place = (off_t)uid * (off_t)sizeof(limit);
	struct timespec now;
	bool may;

	/* behind the end is nothing, which is what a new user has */
	if (clock_gettime(CLOCK_BOOTTIME, &now) < 0 ||
	    pread(fd, &limit, sizeof(limit), place) < 0)
		return false;
	may = subid_limit_take(
	    &limit, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000,
	    ret_left_out);
	/* Threat: with a limit on the size of files it would not be counted. */
	(void)signal(SIGXFSZ, SIG_IGN);
	return pwrite(fd, &limit, sizeof(limit), place) == sizeof(limit) && may;
}

/* The process whose directory it is: not from argv, which may say fd:N. */
static pid_t pid_of(int target)
{
	auto_close int fd = openat(target, "stat", O_RDONLY | O_CLOEXEC);
	char text[16] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return 0;
	return (pid_t)strtol(text, NULL, 10); /* 0 when it is none */
}

void refusals_log(const struct refusals *refusals, struct subid_event event, int target)
{
	struct subid_log log;

	if (refusals->are_counted && !may_log(refusals->fd, getuid(), &event.unlogged))
		return;
	if (subid_log_open(SUBID_JOURNAL_SOCKET, SUBID_SYSLOG_SOCKET, &log) < 0)
		return;
	event.target = pid_of(target);
	/* a receiver that is slow is not waited for */
	(void)subid_log_send(&log, &event, 0);
	(void)close(log.fd);
}
