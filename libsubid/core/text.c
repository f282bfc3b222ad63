/* SPDX-License-Identifier: MIT */
#include "libsubid/core/core.h"

#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>

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

int file_open(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags);
	struct stat st;

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return -errno;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)
		   ? -ENOLINK
		   : -ENOENT;
}

/* read(2), again when a signal came; -errno. */
static ssize_t read_some(int fd, void *buf, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buf, size);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int subid_text_read(int dir, const char *name, bool follow, struct subid_text *ret)
{
	return subid_text_read_max(dir, name, follow, SUBID_FILE_SIZE_MAX, ret);
}

/* Reads what is open to its end; size is what it seemed to have. */
static int read_open(int fd, size_t size, size_t max, struct subid_text *ret)
{
	auto_free char *bytes = NULL;
	size_t used = 0, room = size + 1;

	bytes = advise_large(malloc(room + 1), room);
	if (bytes == NULL)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read_some(fd, bytes + used, room - used);
		int r;

		if (n < 0)
			return (int)n;
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

int subid_text_read_fd(int fd, size_t max, struct subid_text *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((uint64_t)st.st_size > max)
		return -EFBIG;
	return read_open(fd, (size_t)st.st_size, max, ret);
}

int subid_text_read_max(int dir, const char *name, bool follow, size_t max,
			struct subid_text *ret)
{
	if (is_special(dir, name, follow))
		return -EINVAL;
	/* Threat: a fifo or terminal put in the file's place must not hang us or
	 * become our controlling terminal. */
	auto_close int fd = file_open(dir, name,
				      O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
					  (follow ? 0 : O_NOFOLLOW));

	return fd < 0 ? fd : subid_text_read_fd(fd, max, ret);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Blanks and quotes before a value are no part of it; the next quote ends it. */
bool subid_setting_parse(const char *line, size_t len, struct subid_setting *ret)
{
	const char *end = line + len, *stop;

	while (end > line && is_space(end[-1]))
		end--;
	while (line < end && is_space(*line))
		line++;
	ret->name = line;
	while (line < end && !is_space(*line))
		line++;
	ret->name_len = (size_t)(line - ret->name);
	if (line == end)
		return false;
	while (line < end && (is_space(*line) || *line == '"'))
		line++;
	stop = line;
	while (stop < end && *stop != '"')
		stop++;
	while (stop > line && is_space(stop[-1]))
		stop--;
	ret->value = line;
	ret->value_len = (size_t)(stop - line);
	return true;
}

bool subid_setting_is(const struct subid_setting *setting, const char *value)
{
	return setting->value_len == strlen(value) &&
	       strncasecmp(setting->value, value, setting->value_len) == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

size_t text_word(const char **at, const char *end)
{
	const char *word;

	while (*at < end && is_blank(**at))
		(*at)++;
	word = *at;
	while (*at < end && !is_blank(**at))
		(*at)++;
	return (size_t)(*at - word);
}

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

const char *subid_kind_name(enum subid_kind kind)
{
	return kind == SUBID_UID ? "uid" : "gid";
}

const char *subid_kind_table(enum subid_kind kind)
{
	return kind == SUBID_UID ? "subuid" : "subgid";
}
