/* SPDX-License-Identifier: MIT */
/*
 * Memory for whole tables.  Inside the library only.
 */
#pragma once

#include <stdint.h>
#include <sys/mman.h>

#define LARGE_MEMORY (4 << 20)

/*
 * Asks for huge pages under memory that will be filled from end to end: a million
 * lines then cost tens of page faults instead of tens of thousands.  Only advice; a
 * kernel that does not take it is as good.
 */
static inline void *advise_large(void *memory, size_t size)
{
	uintptr_t start = ((uintptr_t)memory + 4095) & ~(uintptr_t)4095;

	if (memory != NULL && size >= LARGE_MEMORY)
		(void)madvise((void *)start, size - 4096, MADV_HUGEPAGE);
	return memory;
}
