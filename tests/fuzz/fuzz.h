/* SPDX-License-Identifier: MIT */
/*
 * What the fuzzers share.  Each is one file: the bytes that libFuzzer makes up go
 * through a parser, and what must be true of the answer is asked, where possible
 * against a second parser that is too simple to be wrong.
 */
#pragma once

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the run with a report unless it is true. */
#define must(condition)                                                                  \
	do {                                                                             \
		if (!(condition)) {                                                      \
			(void)fprintf(stderr, "%s:%d: not true: %s\n", __FILE__,         \
				      __LINE__, #condition);                             \
			abort();                                                         \
		}                                                                        \
	} while (0)

/* A directory of this process, made at the first call; tests/fuzz/run removes it. */
static inline int scratch_dir(void)
{
	static int dir = -1;
	char path[4096];
	const char *tmp = getenv("TMPDIR");

	if (dir >= 0)
		return dir;
	(void)snprintf(path, sizeof(path), "%s/fuzz.XXXXXX", tmp == NULL ? "/tmp" : tmp);
	must(mkdtemp(path) != NULL);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(dir >= 0);
	return dir;
}

static inline void put_file(int dir, const char *name, const void *bytes, size_t size)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && close(fd) == 0);
}

/* A text of the bytes as functions get it from a file; subid_text_free() it. */
static inline struct subid_text make_text(const void *bytes, size_t size)
{
	struct subid_text text = { .bytes = malloc(size + 1), .size = size };

	must(text.bytes != NULL);
	if (size > 0)
		memcpy(text.bytes, bytes, size);
	text.bytes[size] = '\0';
	return text;
}
