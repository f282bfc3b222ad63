/* SPDX-License-Identifier: MIT */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "memory_private.h"

void subid_text_free(struct subid_text *text)
{
	free(text->bytes);
	*text = (struct subid_text){ .bytes = NULL };
}

/* Room for one byte more than the file has, so that its growing is seen. */
static int make_room(char **bytes, size_t *room, size_t used, size_t max)
{
	char *grown;

	if (used > max)
		return -EFBIG;
	if (used < *room)
		return 0;
	grown = realloc(*bytes, *room * 2 + 1);
	if (grown == NULL)
		return -ENOMEM;
	*bytes = grown;
	*room *= 2;
	return 0;
}

int subid_text_read(int dir, const char *name, bool follow, struct subid_text *ret)
{
	return subid_text_read_max(dir, name, follow, SUBID_FILE_SIZE_MAX, ret);
}

int subid_text_read_max(int dir, const char *name, bool follow, size_t max,
			struct subid_text *ret)
{
	auto_close int fd = -1;
	auto_free char *bytes = NULL;
	size_t used = 0, room;
	struct stat st;

	/* Threat: a fifo or terminal put in the file's place must not hang us or
	 * become our controlling terminal. */
	fd = openat(dir, name,
		    O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
			(follow ? 0 : O_NOFOLLOW));
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	room = (size_t)st.st_size + 1;
	bytes = advise_large(malloc(room + 1), room);
	if (bytes == NULL)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, bytes + used, room - used);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += (size_t)n;
		r = make_room(&bytes, &room, used, max);
		if (r < 0)
			return r;
	}
	bytes[used] = '\0';
	*ret = (struct subid_text){ .bytes = bytes, .size = used };
	bytes = NULL;
	return 0;
}
