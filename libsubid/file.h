/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a configuration file, read at once, and its lines one by one.
 */
#pragma once

#include <string.h>

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

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
 * Has the regular file name in the directory dir, which is no link, just these bytes?
 * Returns 0 with *ret set, or what subid_text_read() fails with.
 */
int subid_text_compare(int dir, const char *name, const struct subid_text *text,
		       bool *ret);

/*
 * Goes through a text line by line.  Start with *pos = 0.  Sets *ret_line and
 * *ret_len to the line that begins there, without its newline, moves *pos
 * behind it, and returns true; false at the end.  A last line without newline
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

#ifdef __cplusplus
}
#endif
