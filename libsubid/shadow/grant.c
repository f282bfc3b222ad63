/* SPDX-License-Identifier: MIT */
/*
 * Grants and releases are done by the installed program, so that both tables, the locks,
 * the policy and the traces are as with everybody else.  The caller may be any process
 * with threads and handlers of its own: the child has an exit signal that none of them
 * sees, and makes only async-signal-safe calls.
 */
#include "libsubid/shadow/shadow.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/child.h"
#include "libsubid/core/core.h"

/* Longer than the program waits for the locks. */
#define PATIENCE_MS 60000
#define ANSWER_MAX  4096
#define ARGS_MAX    12

/* Threat: another program of this name; so the path is absolute, fixed at build time, and
 * the environment is empty. */
static int run_program(const void *data, int writer)
{
	static char *const environment[] = { NULL };
	const char *const *args = data;
	const struct sigaction usual = { .sa_handler = SIG_DFL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;

	/* it begins with all signals blocked; a handler of the caller's must not run here
	 */
	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &usual, NULL); /* but for SIGKILL and SIGSTOP */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0 ||
	    dup2(writer, STDOUT_FILENO) < 0)
		return -errno;
	/* execve(2) changes none of them */
	(void)execve(args[0], (char *const *)(uintptr_t)args, environment);
	return -errno;
}

/* What the program printed.  False: it could not be run, or did not succeed. */
static bool ask_program(const char *const *args, struct subid_text *ret)
{
	struct child child;
	int r = child_start_unseen(run_program, args, -1, &child);

	if (r < 0)
		return false;
	r = child_read(&child, PATIENCE_MS, ANSWER_MAX, ret);
	if (r == 0)
		return child_end(&child, false);
	(void)close(child.reader); /* it is never killed at work, but ends by itself */
	return false;
}

/* "OWNER KIND START LAST COUNT STATE": a start from which the owner has count ids. */
static bool find_start(const struct subid_text *answer, unsigned long count,
		       unsigned long *ret)
{
	const char *line;
	size_t pos = 0, len;

	while (subid_text_next(answer, &pos, &line, &len)) {
		const char *end = line + len, *at = end;
		uint32_t fields[3]; /* START, LAST, COUNT */
		size_t n = 0;

		/* from the end, since an owner's name may have blanks */
		for (size_t word = 0; word < 4 && at > line; word++) {
			const char *stop = at;

			while (at > line && at[-1] != ' ')
				at--;
			if (word > 0 && subid_id_parse(at, (size_t)(stop - at),
						       &fields[3 - word]) == 0)
				n++;
			at -= at > line; /* the blank */
		}
		if (n == 3 && fields[2] >= count) {
			*ret = fields[0];
			return true;
		}
	}
	return false;
}

static bool grant(const char *kind, struct subordinate_range *range, bool reuse)
{
	auto_text struct subid_text answer = { .bytes = NULL };
	char count[24];
	const char *args[ARGS_MAX] = { SUBID_PROGRAM, "grant", kind, "--count", count };
	size_t n = 5;

	if (range == NULL || range->owner == NULL)
		return false;
	(void)snprintf(count, sizeof(count), "%lu", range->count);
	if (!reuse)
		args[n++] = "--another";
	args[n++] = "--";
	args[n] = range->owner;
	return ask_program(args, &answer) &&
	       find_start(&answer, range->count, &range->start);
}

bool subid_grant_uid_range(struct subordinate_range *range, bool reuse)
{
	return grant("-u", range, reuse);
}

bool subid_grant_gid_range(struct subordinate_range *range, bool reuse)
{
	return grant("-g", range, reuse);
}

static bool ungrant(const char *kind, const struct subordinate_range *range)
{
	auto_text struct subid_text answer = { .bytes = NULL };
	char ids[48];
	const char *args[ARGS_MAX] = {
		SUBID_PROGRAM, "revoke", kind, "--range", ids, "--"
	};

	if (range == NULL || range->owner == NULL)
		return false;
	(void)snprintf(ids, sizeof(ids), "%lu:%lu", range->start, range->count);
	args[6] = range->owner;
	return ask_program(args, &answer);
}

bool subid_ungrant_uid_range(struct subordinate_range *range)
{
	return ungrant("-u", range);
}

bool subid_ungrant_gid_range(struct subordinate_range *range)
{
	return ungrant("-g", range);
}
