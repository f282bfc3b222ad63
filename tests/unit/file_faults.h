/* SPDX-License-Identifier: MIT */
/*
 * How the tests of files and tables make memory and read(2) fail.  A test that includes
 * this file wraps all of them: reallocarray realloc malloc read __read_chk
 */
#pragma once

#include "support.h"

/* Allocations left until one fails; 0: none does. */
static unsigned int until_failure;

static inline bool is_to_fail(void)
{
	return until_failure > 0 && --until_failure == 0;
}

void *__wrap_reallocarray(void *pointer, size_t n, size_t size);
void *__real_reallocarray(void *pointer, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);

void *__wrap_reallocarray(void *pointer, size_t n, size_t size)
{
	return is_to_fail() ? NULL : __real_reallocarray(pointer, n, size);
}

void *__wrap_malloc(size_t size)
{
	return is_to_fail() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *pointer, size_t size);
void *__real_realloc(void *pointer, size_t size);

void *__wrap_realloc(void *pointer, size_t size)
{
	return is_to_fail() ? NULL : __real_realloc(pointer, size);
}

/* How read(2) goes from now on. */
static struct {
	bool by_byte;		  /* one byte at a time */
	unsigned int interrupted; /* so many calls fail with EINTR */
	unsigned int calls_left;  /* until it fails with EIO; 0: never */
} reads;

ssize_t __wrap_read(int fd, void *buf, size_t size);
ssize_t __real_read(int fd, void *buf, size_t size);
ssize_t __wrap___read_chk(int fd, void *buf, size_t size, size_t room);

ssize_t __wrap_read(int fd, void *buf, size_t size)
{
	if (reads.interrupted > 0) {
		reads.interrupted--;
		errno = EINTR;
		return -1;
	}
	if (reads.calls_left > 0 && --reads.calls_left == 0) {
		errno = EIO;
		return -1;
	}
	return __real_read(fd, buf, reads.by_byte && size > 0 ? 1 : size);
}

/* What the compiler makes of read() where it knows the buffer. */
ssize_t __wrap___read_chk(int fd, void *buf, size_t size, size_t room)
{
	assert_true(size <= room);
	return __wrap_read(fd, buf, size);
}

static inline int reset_faults(void **state)
{
	memset(&reads, 0, sizeof(reads));
	until_failure = 0;
	return scratch_teardown(state);
}
