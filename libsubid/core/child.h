/* SPDX-License-Identifier: MIT */
/*
 * A child process that does what may take for ever, while the parent looks at the clock.
 *
 * Threat: a user's file system (FUSE) can let a reader wait for ever, in a way that even
 * SIGKILL does not end.  So what the parent has open, locks and ends of pipes, is not
 * left to the child: others would wait for it.
 */
#pragma once

#include "libsubid/core/core.h"

struct child {
	pid_t pid;
	int reader; /* what the child writes comes out here */
};

/*
 * The child's part: writes to writer, and prints nothing, since it has no other
 * descriptors, but for one if that was wanted.  0 or -errno.
 */
typedef int child_work(const void *data, int writer);

/* Writes all of it.  0 or -errno. */
int child_send(int writer, const void *bytes, size_t size);

/* Starts work in a child, which keeps one descriptor of the parent's (-1: none).
 * Returns 0, and the caller ends it; -errno. */
int child_start(child_work *work, const void *data, int keep, struct child *ret);

/*
 * The same, for a library in a program of somebody else: without an exit signal, so
 * that the program's SIGCHLD handler and wait(2) do not see the child; with all signals
 * blocked, so that no handler of the program runs in it; and it goes on when the program
 * ends.  It may be a copy of one thread of many: work may not allocate memory, nor use
 * anything else that a lock guards.
 */
int child_start_unseen(child_work *work, const void *data, int keep, struct child *ret);

/*
 * Adds what the child writes to *text, which begins empty, until it closes its end or
 * max bytes have come; a NUL that does not count follows them.  Returns 0; -ETIMEDOUT;
 * -errno.  The caller frees *text, also after a failure.
 */
int child_read(const struct child *child, int64_t patience_ms, size_t max,
	       struct subid_text *text);

/*
 * Waits for the child; or kills it, and waits only if it dies at once.  Has it done its
 * work?
 */
bool child_end(struct child *child, bool kill_it);

/* How long is waited: for one child, and, what is left of it, for all together that do
 * not answer at once. */
struct child_patience {
	int64_t one_ms;
	int64_t all_ms;
};

/* child_read() for as long as there is patience, which it takes from.  -ETIME when there
 * is none left. */
int child_hear(const struct child *child, size_t max, struct child_patience *patience,
	       struct subid_text *text);

/*
 * All of that: runs work in a child, and takes what it writes, up to max bytes.
 *
 * Returns 0, and the caller frees *ret: the child has done its work; -ETIMEDOUT when it
 * takes too long; -ETIME when others have used all patience up; -EIO when the child
 * failed; -errno.
 */
int child_run(child_work *work, const void *data, int keep, size_t max,
	      struct child_patience *patience, struct subid_text *ret);
