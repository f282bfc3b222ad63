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
 * The count is changed in memory that is mapped, by atomic steps.  Threat: a write
 * could be cut in its middle by a limit on the size of files, and one that was read
 * long before, by a process that its user has stopped, would give back what he has
 * used since.
 */
#include "newidmap_log.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
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

static uint32_t seconds_since_boot(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* always there since Linux 2.6.39 */
	return (uint32_t)now.tv_sec;
}

/* May this user leave one more line?  A user's count is at his uid's place. */
static bool may_log(int fd, uid_t uid, uint32_t *ret_left_out)
{
	off_t place = (off_t)uid * (off_t)sizeof(struct subid_limit);
	off_t page_size = (off_t)sysconf(_SC_PAGESIZE);
	off_t within = place % page_size;
	char *page;

	/* Threat: a limit on the size of files, or a full disk, must not kill. */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (fallocate(fd, 0, place, sizeof(struct subid_limit)) < 0)
		return false;
	page = mmap(NULL, (size_t)page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    place - within);
	if (page == MAP_FAILED)
		return false;
	/* mapped until the program ends */
	return subid_limit_take((struct subid_limit *)(void *)(page + within),
				seconds_since_boot, ret_left_out);
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
