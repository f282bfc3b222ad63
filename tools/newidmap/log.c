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
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "libsubid/change/change.h"
#include "libsubid/core/core.h"
#include "tools/newidmap/private.h"

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

/* The process whose directory it is: not from argv, which may say fd:N. */
static pid_t pid_of(int target)
{
	auto_close int fd = openat(target, "stat", O_RDONLY | O_CLOEXEC);
	char text[16] = "";

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return 0;
	return (pid_t)strtol(text, NULL, 10); /* 0 when it is none */
}

static void leave_line(const struct refusals *refusals, struct subid_event event,
		       int target)
{
	struct subid_log log;

	/* Threat: a limit on the size of files, or a full disk, must not kill. */
	(void)signal(SIGXFSZ, SIG_IGN);
	if (refusals->are_counted &&
	    !subid_limit_take_of(refusals->fd, getuid(), &event.unlogged))
		return;
	if (subid_log_open(SUBID_JOURNAL_SOCKET, SUBID_SYSLOG_SOCKET, &log) < 0)
		return;
	event.target = pid_of(target);
	/* a receiver that is slow is not waited for */
	(void)subid_log_send(&log, &event, 0);
	(void)close(log.fd);
}

/*
 * Rule 8.  Privilege is of no more use: nothing will be written.  Threat: without
 * privilege (no_new_privs, ptrace) there are no counts, so there is no line.
 */
void log_refusal(const struct call *call, const struct subid_map_line *line, int result)
{
	const struct subid_owner_name *name = &call->caller.spellings[0];

	if (!has_capability(call->kind->cap) || give_up_capabilities() < 0)
		return;
	leave_line(&call->refusals,
		   (struct subid_event){
		       .action = SUBID_MAP,
		       .kind = call->kind->table,
		       .range = line->outside,
		       .owner = name->text,
		       .owner_len = name->len,
		       .uid = call->uid,
		       .result = result,
		       .program = call->kind->prog,
		   },
		   call->target);
}
