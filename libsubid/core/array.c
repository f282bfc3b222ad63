/* SPDX-License-Identifier: MIT */
#include "libsubid/core/core.h"

#include <errno.h>

#define ROOM_MIN 4

/* The room follows from n, so that no caller keeps it: 4, then each power of two. */
int array_grow(void *array, size_t n, size_t size)
{
	void *old, *grown;

	if (n > 0 && (n < ROOM_MIN || (n & (n - 1)) != 0))
		return 0;
	memcpy(&old, array, sizeof(old));
	grown = reallocarray(old, n == 0 ? ROOM_MIN : n * 2, size);
	if (grown == NULL)
		return -ENOMEM;
	memcpy(array, &grown, sizeof(grown));
	return 0;
}
