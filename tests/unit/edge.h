/* SPDX-License-Identifier: MIT */
/*
 * Text at the edge of what may be read, so that a byte too far is a crash, with
 * or without a sanitizer.
 */
#pragma once

#include <sys/mman.h>

#include "support.h"

#define EDGE_ROOM 65536

/*
 * A copy of len bytes of text between two pages that cannot be touched, at one
 * end of its room or the other.  The next call overwrites it.
 */
static inline const char *at_edge(const char *text, size_t len, bool at_end)
{
	static char *room;
	char *copy;

	assert_true(len <= EDGE_ROOM);
	if (room == NULL) {
		size_t page = (size_t)sysconf(_SC_PAGESIZE);
		char *all = mmap(NULL, EDGE_ROOM + 2 * page, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_true(all != MAP_FAILED);
		room = all + page;
		assert_int_equal(mprotect(room, EDGE_ROOM, PROT_READ | PROT_WRITE), 0);
	}
	copy = at_end ? room + EDGE_ROOM - len : room;
	memcpy(copy, text, len);
	return copy;
}
