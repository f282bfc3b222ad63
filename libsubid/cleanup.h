/* SPDX-License-Identifier: MIT */
/*
 * Scoped cleanup for what libc hands out; inside the project only.
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* read only, or synced before: nothing to lose */
}

#define auto_free  __attribute__((cleanup(cleanup_free)))
#define auto_close __attribute__((cleanup(cleanup_close)))
