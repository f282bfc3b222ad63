/* SPDX-License-Identifier: MIT */
/*
 * Files in the hands of users, read by a child while the parent looks at the clock.
 *
 * Threat: a user's file system (FUSE) can let a reader wait for ever.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "libsubid/file.h"

/* The child's part: writes to writer, at most what the parent takes.  0 or -errno. */
typedef int cli_child_work(const void *data, int writer);

/* Writes all of it.  0 or -errno. */
int cli_child_send(int writer, const void *bytes, size_t size);

/*
 * Runs work in a child, and takes what it writes, up to max bytes, terminated by a NUL
 * that does not count.  *patience_ms: how long that may take, at most limit_ms of it;
 * the time it took is taken off.  True, and the caller frees *ret: the child has done
 * its work.
 */
bool cli_child_run(cli_child_work *work, const void *data, size_t max,
		   int64_t *patience_ms, int64_t limit_ms, struct subid_text *ret);
