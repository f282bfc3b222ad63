/* SPDX-License-Identifier: MIT */
/*
 * What lies below a directory that is not ours.  Inside the library only.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

/* openat2(2), with RESOLVE_NO_MAGICLINKS and resolve: a descriptor or -errno. */
static inline int beneath_open(int dir, const char *path, uint64_t flags,
			       uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/*
 * The same, to read, of a regular file alone: else -EINVAL.  Threat: a device does
 * things when it is opened, and a fifo makes wait; so what it is comes first.
 */
static inline int beneath_open_regular(int dir, const char *path, uint64_t resolve)
{
	auto_close int seen = beneath_open(dir, path, O_PATH, resolve);
	struct stat st;

	if (seen < 0)
		return seen;
	if (fstat(seen, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return beneath_open(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, resolve);
}
