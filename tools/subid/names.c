/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/names.h"

void cli_names_free(struct cli_names *names)
{
	free(names->text);
	*names = (struct cli_names){ .text = NULL };
}

int cli_names_add(struct cli_names *names, const char *name)
{
	size_t size = strlen(name) + 1;

	if (names->text == NULL || names->room - names->size < size) {
		size_t room = names->room * 2 + size + 1024;
		char *grown = realloc(names->text, room);

		if (grown == NULL)
			return -ENOMEM;
		names->text = grown;
		names->room = room;
	}
	memcpy(names->text + names->size, name, size);
	names->size += size;
	names->n++;
	return 0;
}

/* Blanks at the ends, which no owner's name has, do not count: lines may end in CR LF. */
int cli_names_read_stream(struct cli_names *names, const char *file, FILE *stream)
{
	auto_free char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stream)) >= 0) {
		const char *name = line + strspn(line, " \t\r\n");

		if (strlen(line) != (size_t)len)
			return cli_complain(
			    EXIT_NO, "%s: '%s': a NUL byte is in the line", file, line);
		while (len > 0 && strchr(" \t\r\n", line[len - 1]) != NULL)
			line[--len] = '\0';
		if (name[0] == '\0' || name[0] == '#')
			continue;
		if (cli_names_add(names, name) < 0)
			return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	}
	if (ferror(stream))
		return cli_complain(EXIT_UNABLE, "%s: %s", file, strerror(errno));
	return EXIT_DONE;
}

int cli_names_read(struct cli_names *names, const char *file)
{
	FILE *stream;
	int status;

	if (strcmp(file, "-") == 0)
		return cli_names_read_stream(names, file, stdin);
	stream = fopen(file, "re");
	if (stream == NULL)
		return cli_complain(EXIT_UNABLE, "%s: %s", file, strerror(errno));
	status = cli_names_read_stream(names, file, stream);
	(void)fclose(stream); /* only read */
	return status;
}
