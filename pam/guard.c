/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "module.h"

static void only_xfsz(sigset_t *ret)
{
	(void)sigemptyset(ret); /* these cannot fail for a signal that exists */
	(void)sigaddset(ret, SIGXFSZ);
}

/*
 * Threat: in a host that has closed its standard error, a table opened as number 2
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

/*
 * Threat: with a limit on the size of files (pam_limits(8)), writing a large table
 * would raise SIGXFSZ, which ends the host.  Blocked in this thread, the write fails
 * with EFBIG instead.  A thread cancelled in the middle would keep the locks.
 */
void guard_begin(struct guard *ret)
{
	sigset_t xfsz, pending;

	only_xfsz(&xfsz);
	(void)sigpending(&pending);
	ret->was_pending = sigismember(&pending, SIGXFSZ) == 1;
	(void)pthread_sigmask(SIG_BLOCK, &xfsz, &ret->mask);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &ret->cancel_state);
	fill_descriptors(ret->filled);
}

void guard_end(const struct guard *guard)
{
	static const struct timespec at_once = { .tv_sec = 0 };
	sigset_t xfsz, pending;
	int old;

	restore_descriptors(guard->filled);
	only_xfsz(&xfsz);
	(void)sigpending(&pending);
	/* ours goes with us, unless the host's own is pending too */
	if (sigismember(&pending, SIGXFSZ) == 1 && !guard->was_pending)
		(void)sigtimedwait(&xfsz, NULL, &at_once);
	(void)pthread_sigmask(SIG_SETMASK, &guard->mask, NULL);
	(void)pthread_setcancelstate(guard->cancel_state, &old);
}
