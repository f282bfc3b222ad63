/* SPDX-License-Identifier: MIT */
/*
 * Waiting for a file's lock in turn.  Inside the library only.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#include "base.h"

/*
 * Waits until fd, open to write, has a write lock on the whole file, as an open file
 * description (fcntl(2), F_OFD_SETLKW), for at most timeout_ms milliseconds.  Who asks
 * first is served first, in one queue with lckpwdf(3), since Linux 4.20.
 *
 * Returns 0; SUBID_BUSY when the time is over; -errno when nobody can be sent to wait
 * (-ENOSYS before Linux 5.5, -EAGAIN at a limit of processes): then try and try again.
 */
int subid_lock_queue(int fd, int timeout_ms) SUBID_WARN_UNUSED;

/* A clock that nobody sets, in milliseconds. */
static inline int64_t lock_clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
