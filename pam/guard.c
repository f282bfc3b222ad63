/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "module.h"

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
