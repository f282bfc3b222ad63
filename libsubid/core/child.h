/* SPDX-License-Identifier: MIT */
/*
 * Files in the hands of users, read by a child while the parent looks at the clock.
 *
 * Threat: a user's file system (FUSE) can let a reader wait for ever, in a way that even
 * SIGKILL does not end.  So what the parent has open, locks and ends of pipes, is not
 * left to the child: others would wait for it.
 */
#pragma once

#include <stdint.h>

#include "libsubid/core/core.h"

/* How long is waited: for one child, and, what is left of it, for all together that do
 * not answer at once. */
struct cli_patience {
	int64_t one_ms;
	int64_t all_ms;
};

/* The child's part: writes to writer, at most what the parent takes, and prints nothing:
 * it has no other descriptors but one, see below.  0 or -errno. */
typedef int cli_child_work(const void *data, int writer);

/* Writes all of it.  0 or -errno. */
int cli_child_send(int writer, const void *bytes, size_t size);

/*
 * Runs work in a child, which keeps one descriptor of the parent's (-1: none), and takes
 * what it writes, up to max bytes, terminated by a NUL that does not count.
 *
 * Returns 0, and the caller frees *ret: the child has done its work; -ETIMEDOUT when it
 * takes too long; -ETIME when others have used all patience up; -EIO when the child
 * failed; -errno.
 */
int cli_child_run(cli_child_work *work, const void *data, int keep, size_t max,
		  struct cli_patience *patience, struct subid_text *ret);
