/* SPDX-License-Identifier: MIT */
#include "tools/subid/container_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

#define STATUS_USUAL (4 << 10)
#define STATUS_MAX   (1 << 20) /* it lists up to 65536 groups */

/* The value of "Key:\t" in a status; NULL if it is not there.  *ret_len to the
 * line's end. */
static const char *find_value(const char *status, size_t size, const char *key,
			      size_t *ret_len)
{
	size_t len = strlen(key), pos = 0, line_len;
	const struct subid_text text = { .bytes = (char *)(uintptr_t)status,
					 .size = size };
	const char *line;

	while (subid_text_next(&text, &pos, &line, &line_len)) {
		if (line_len <= len + 1 || memcmp(line, key, len) != 0 ||
		    line[len] != ':' || line[len + 1] != '\t')
			continue;
		*ret_len = line_len - len - 2;
		return line + len + 2;
	}
	return NULL;
}

/* The number at index among those of a value, which tabs divide; -1 is the last. */
static bool read_number(const char *status, size_t size, const char *key, int index,
			uint32_t *ret)
{
	size_t len, field;
	const char *value = find_value(status, size, key, &len);
	int i = 0;

	if (value == NULL)
		return false;
	for (;; i++) {
		const char *tab = memchr(value, '\t', len);

		field = tab == NULL ? len : (size_t)(tab - value);
		if (i == index || tab == NULL)
			break;
		len -= field + 1;
		value = tab + 1;
	}
	return (index < 0 || i == index) && subid_id_parse(value, field, ret) == 0;
}

/* The kernel writes a newline in a name as \n, and a backslash as two. */
static void read_command(const char *value, size_t len, char ret[SUBID_COMMAND_SIZE])
{
	size_t used = 0;

	for (size_t i = 0; i < len && used < SUBID_COMMAND_SIZE - 1; i++) {
		char c = value[i];

		if (c == '\\' && i + 1 < len &&
		    (value[i + 1] == 'n' || value[i + 1] == '\\'))
			c = value[++i] == 'n' ? '\n' : '\\';
		ret[used++] = c;
	}
	ret[used] = '\0';
}

int subid_inside_parse(const char *status, size_t size, struct subid_inside_process *ret)
{
	struct subid_inside_process process = { .pid = 0 };
	uint32_t pid, parent, inside;
	const char *command;
	size_t len;

	command = find_value(status, size, "Name", &len);
	if (command == NULL || !read_number(status, size, "Pid", 0, &pid) ||
	    !read_number(status, size, "PPid", 0, &parent) ||
	    !read_number(status, size, "Uid", 1, &process.ids[SUBID_UID]) ||
	    !read_number(status, size, "Gid", 1, &process.ids[SUBID_GID]) ||
	    pid > INT32_MAX || parent > INT32_MAX)
		return SUBID_INVALID;
	if (!read_number(status, size, "NSpid", -1, &inside))
		inside = pid;
	if (inside > INT32_MAX)
		return SUBID_INVALID;
	process.pid = (pid_t)pid;
	process.parent = (pid_t)parent;
	process.inside = (pid_t)inside;
	read_command(command, len, process.command);
	*ret = process;
	return 0;
}

int subid_inside_read(int proc, pid_t pid, struct subid_inside_process *ret)
{
	char usual[STATUS_USUAL];
	auto_free char *large = NULL;
	const char *text = usual;
	ssize_t size = proc_read(proc, pid, "status", usual, sizeof(usual));

	if (size == sizeof(usual)) {
		large = malloc(STATUS_MAX);
		if (large == NULL)
			return -ENOMEM;
		text = large;
		size = proc_read(proc, pid, "status", large, STATUS_MAX);
	}
	if (size < 0)
		return (int)size;
	return subid_inside_parse(text, (size_t)size, ret) == 0 ? 0 : -EPROTO;
}
