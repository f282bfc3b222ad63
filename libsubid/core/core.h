/* SPDX-License-Identifier: MIT */
/*
 * What all of the project is written in: scoped cleanup and arrays, the bytes and lines
 * of files, and opening them.  Ids, ranges and the convention for answers are in range.h.
 */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/core/range.h"

/* --- Memory --- */

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

/*
 * Makes room for one element more.  array: address of the pointer to the n elements,
 * which is NULL or has only ever been allocated by this function; size: of an element.
 * 0, or -ENOMEM with the array as it was.
 */
int array_grow(void *array, size_t n, size_t size);

/*
 * The first of n elements, in ascending order, that is not before key; n if all are.
 * Inline, so that the compiler sees the comparison.
 */
static inline __attribute__((always_inline)) size_t
array_search(const void *array, size_t n, size_t size, const void *key,
	     bool (*is_before)(const void *element, const void *key))
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (is_before((const char *)array + middle * size, key))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Are the len bytes at text just this word? */
static inline bool text_is(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && memcmp(text, word, len) == 0;
}

/* Moves *at after the next word between blanks, and returns its length; 0 at the end. */
size_t text_word(const char **at, const char *end);

/* --- Files and their lines --- */

/* The largest file that is read: offsets into it fit in 32 bits. */
#define SUBID_FILE_SIZE_MAX (UINT32_MAX - 1)

/* The largest login.defs or nsswitch.conf, which people write by hand. */
#define SUBID_SETTINGS_SIZE_MAX (4U << 20)

struct subid_text {
	char *bytes; /* size bytes, then one NUL that is not part of them */
	size_t size;
};

void subid_text_free(struct subid_text *text);

#define auto_text __attribute__((cleanup(subid_text_free)))

/*
 * Reads the regular file name in the directory dir.  A link is followed only if
 * follow is set: shadow refuses a table that is one, and so do we, because the
 * lock and the replacement would go to another place than the link's target.
 * The caller releases *ret with subid_text_free().
 *
 * Returns 0; -ENOENT when there is no such file; -ENOLINK for a link that leads
 * nowhere; -ELOOP for one that is not to be followed; -EFBIG beyond SUBID_FILE_SIZE_MAX;
 * -EINVAL for a directory, device or pipe; -ENOMEM and what open(2) and read(2) fail
 * with.
 */
int subid_text_read(int dir, const char *name, bool follow, struct subid_text *ret);

/* The same for a file of at most max bytes; -EFBIG beyond. */
int subid_text_read_max(int dir, const char *name, bool follow, size_t max,
			struct subid_text *ret);

/* The same for a file that is open at its beginning; fd stays the caller's. */
int subid_text_read_fd(int fd, size_t max, struct subid_text *ret);

/*
 * Goes through a text line by line.  Start with *pos = 0.  Sets *ret_line and
 * *ret_len to the line that begins there, without its newline, moves *pos
 * after it, and returns true; false at the end.  A last line without newline
 * counts.
 */
static inline bool subid_text_next(const struct subid_text *text, size_t *pos,
				   const char **ret_line, size_t *ret_len)
{
	const char *line, *end;

	if (*pos >= text->size)
		return false;
	line = text->bytes + *pos;
	end = (const char *)memchr(line, '\n', text->size - *pos);
	*ret_line = line;
	*ret_len = end == NULL ? text->size - *pos : (size_t)(end - line);
	*pos += *ret_len + 1;
	return true;
}

/*
 * A line of login.defs(5): a name, blanks, and a value, which may stand in quotes.
 * Neither is terminated.
 */
struct subid_setting {
	const char *name, *value;
	size_t name_len, value_len;
};

/* False for a line without a value.  '#' begins a comment: the name has it then. */
bool subid_setting_parse(const char *line, size_t len, struct subid_setting *ret);

/* Is this the value, in whatever case? */
bool subid_setting_is(const struct subid_setting *setting, const char *value);

/* --- Opening --- */

/*
 * openat(2).  Returns the descriptor or -errno; -ENOENT only if there is nothing of
 * that name, -ENOLINK for a link that leads nowhere.
 *
 * Threat: a policy or a list of accounts that its administrator keeps elsewhere, when
 * that place is not mounted, must not count as one that says nothing.
 */
int file_open(int dir, const char *name, int flags);

/*
 * Is what stands there neither a regular file nor a link?
 *
 * Threat: a device node in a file's place does things when it is opened: a watchdog
 * begins to count, a tape winds back.  An image may have one anywhere.  So what stands
 * there is asked first; whoever can exchange it in between for a device is root already.
 * Links, where they are not followed, are for open(2) to refuse.
 */
static inline bool is_special(int dir, const char *name, bool follow)
{
	struct stat st;

	return fstatat(dir, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 &&
	       !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode);
}
