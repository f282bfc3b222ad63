/* SPDX-License-Identifier: MIT */
/*
 * The floor: each operation of the benchmark with no more than the bytes that
 * it cannot do without.  No checks, no locks, no other readers' readings; so no
 * program that can be trusted reaches it.
 *
 *   floor find TABLE NAME                        the lines of one owner
 *   floor map TABLE PASSWD NAME UID              and an account's name before
 *   floor load TABLE                             every number, once
 *   floor give SUBUID SUBGID PASSWD GROUP        all numbers, tables written again
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct text {
	char *bytes;
	size_t size;
};

static struct text read_file(const char *path)
{
	struct text text = { .bytes = NULL };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		exit(EXIT_FAILURE);
	text.size = (size_t)st.st_size;
	text.bytes = malloc(text.size + 1);
	if (text.bytes == NULL || read(fd, text.bytes, text.size) != st.st_size)
		exit(EXIT_FAILURE);
	(void)close(fd);
	text.bytes[text.size] = '\0';
	return text;
}

static const char *next_line(const struct text *text, const char *line)
{
	const char *newline =
	    memchr(line, '\n', text->size - (size_t)(line - text->bytes));

	return newline == NULL ? text->bytes + text->size : newline + 1;
}

static size_t find(const char *path, const char *name)
{
	struct text text = read_file(path);
	const char *end = text.bytes + text.size;
	size_t len = strlen(name), n = 0;

	for (const char *line = text.bytes; line < end; line = next_line(&text, line))
		n += line[len] == ':' && memcmp(line, name, len) == 0;
	return n;
}

static uint64_t number(const char **at)
{
	uint64_t value = 0;

	while (**at >= '0' && **at <= '9')
		value = value * 10 + (uint64_t)(*(*at)++ - '0');
	return value;
}

/* Behind the nth colon. */
static const char *field(const char *at, int n)
{
	while (n > 0 && *at != '\n' && *at != '\0')
		n -= *at++ == ':';
	return at;
}

static size_t find_uid(const char *path, uint64_t uid)
{
	struct text text = read_file(path);
	const char *end = text.bytes + text.size;
	size_t n = 0;

	for (const char *line = text.bytes; line < end; line = next_line(&text, line)) {
		const char *at = field(line, 2);

		n += number(&at) == uid;
	}
	return n;
}

/* Adds up the numbers from a field on; so the compiler keeps them. */
static uint64_t numbers(const struct text *text, int first, int n)
{
	const char *end = text->bytes + text->size;
	uint64_t sum = 0;

	for (const char *line = text->bytes; line < end; line = next_line(text, line)) {
		const char *at = field(line, first);

		for (int i = 0; i < n; i++, at++)
			sum += number(&at);
	}
	return sum;
}

static uint64_t give(char *paths[])
{
	uint64_t sum = 0;

	for (int i = 0; i < 4; i++) {
		struct text text = read_file(paths[i]);

		sum += numbers(&text, i < 2 ? 1 : 2, i == 3 ? 1 : 2);
		if (i < 2) {
			int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

			sum += (uint64_t)write(fd, text.bytes, text.size);
		}
	}
	return sum;
}

int main(int argc, char *argv[])
{
	uint64_t result = 0;

	if (argc == 4 && strcmp(argv[1], "find") == 0) {
		result = find(argv[2], argv[3]);
	} else if (argc == 6 && strcmp(argv[1], "map") == 0) {
		result = find(argv[2], argv[4]) &
			 find_uid(argv[3], strtoul(argv[5], NULL, 10));
	} else if (argc == 3 && strcmp(argv[1], "load") == 0) {
		struct text text = read_file(argv[2]);

		result = numbers(&text, 1, 2);
	} else if (argc == 6 && strcmp(argv[1], "give") == 0) {
		result = give(argv + 2);
	}
	return result > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
