/* SPDX-License-Identifier: MIT */
/*
 * The floor: each operation with no more than the bytes that it cannot do without:
 * the files are read, their lines found with memchr(3) and the heads of the lines
 * compared; a changed table is written.  No numbers, no checks, no locks, no other
 * readers' readings; so no program that can be trusted reaches it.
 *
 *   floor find NAME FILE...      getsubids, newuidmap, loading a table
 *   floor give NAME SUBUID SUBGID PASSWD
 */
#include <fcntl.h>
#include <stdbool.h>
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

static size_t find(const struct text *text, const char *name)
{
	const char *end = text->bytes + text->size;
	size_t len = strlen(name), n = 0;

	for (const char *line = text->bytes; line < end; line = next_line(text, line))
		n += line[len] == ':' && memcmp(line, name, len) == 0;
	return n;
}

static bool write_null(const struct text *text)
{
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	return write(fd, text->bytes, text->size) == (ssize_t)text->size;
}

int main(int argc, char *argv[])
{
	bool gives = argc > 1 && strcmp(argv[1], "give") == 0;

	for (int i = 3; i < argc; i++) {
		struct text text = read_file(argv[i]);

		if (find(&text, argv[2]) == 0)
			return EXIT_FAILURE;
		if (gives && i < 5 && !write_null(&text))
			return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
