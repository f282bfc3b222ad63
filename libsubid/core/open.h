/* SPDX-License-Identifier: MIT */
/*
 * Opening what lies below a directory that is not ours.  Inside the project only.
 */
#pragma once

#include <linux/openat2.h>
#include <stdint.h>

/* openat2(2), with RESOLVE_NO_MAGICLINKS and resolve: a descriptor or -errno. */
int beneath_open(int dir, const char *path, uint64_t flags, uint64_t resolve);

/*
 * The same, to read, of a regular file alone: else -EINVAL.  Threat: a device does
 * things when it is opened, and a fifo makes wait; so what it is comes first.
 */
int beneath_open_regular(int dir, const char *path, uint64_t resolve);

/*
 * Opens the directory path below root, to read.  Threat: links of an image may lead to
 * what is ours; they lead nowhere but below it.  A kernel before Linux 5.6, which cannot
 * see to that, follows none at all (-ELOOP), nor ".." (-EXDEV).  A descriptor, or -errno.
 */
int beneath_open_dir(int root, const char *path);

/*
 * Opens the directory name in dir, one part of a path, to read; links are followed, but
 * those of /proc, where the kernel can tell.  A descriptor, or -errno.
 */
int beneath_enter(int dir, const char *name);
