/* SPDX-License-Identifier: MIT */
/*
 * Threat: root looks at a process of somebody else's container, and reads a file of
 * it.  Whoever runs the container chose what lies there: a link to a file of the
 * host, a fifo that nobody writes, a file without end, lines that are none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"
#include "libsubid/live/private.h"
#include "tools/subid/container_view.h"

struct subid_inside_name {
	uint32_t id;
	uint32_t offset; /* in the text */
	uint32_t len;
};

int subid_inside_open_root(int proc, pid_t pid, uint64_t userns)
{
	auto_close int dir = -1, root = -1;
	char path[32], link[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "%d", (int)pid);
	dir = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	root = openat(dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	/* dir is of one process, so root and this are of the same one */
	n = readlinkat(dir, "ns/user", link, sizeof(link) - 1);
	if (n < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	link[n] = '\0';
	if (userns != 0 && proc_namespace(link, "user") != userns)
		return -ESRCH;
	fd = root;
	root = -1;
	return fd;
}

int subid_inside_read_file(int root, enum subid_kind kind, struct subid_text *ret)
{
	static const char *const names[SUBID_KINDS] = { "etc/passwd", "etc/group" };
	auto_close int fd = beneath_open_regular(root, names[kind], RESOLVE_IN_ROOT);
	auto_text struct subid_text text = { .bytes = NULL };
	struct stat st;
	ssize_t n = 1;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > SUBID_INSIDE_FILE_MAX)
		return -EFBIG;
	text.bytes = malloc(SUBID_INSIDE_FILE_MAX + 1);
	if (text.bytes == NULL)
		return -ENOMEM;
	/* it may grow meanwhile */
	while (n > 0 && text.size < SUBID_INSIDE_FILE_MAX) {
		n = read(fd, text.bytes + text.size, SUBID_INSIDE_FILE_MAX - text.size);
		if (n < 0)
			return -errno;
		text.size += (size_t)n;
	}
	text.bytes[text.size] = '\0';
	*ret = text;
	text = (struct subid_text){ .bytes = NULL };
	return 0;
}

static bool is_number(struct subid_owner_name name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.text[i] < '0' || name.text[i] > '9')
			return false;
	return true;
}

static int compare_ids(const void *a, const void *b)
{
	const struct subid_inside_name *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static int add_name(struct subid_inside_names *names, size_t *room,
		    struct subid_owner_name name, uint32_t id)
{
	if (names->n == *room) {
		size_t more = *room * 2 + 64;
		struct subid_inside_name *grown =
		    reallocarray(names->names, more, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		names->names = grown;
		*room = more;
	}
	names->names[names->n++] = (struct subid_inside_name){
		.id = id,
		.offset = (uint32_t)(name.text - names->text.bytes),
		.len = (uint32_t)name.len,
	};
	return 0;
}

int subid_inside_names_parse(struct subid_text *text, struct subid_inside_names *ret)
{
	struct subid_inside_names names = { .text = *text };
	size_t pos = 0, len, room = 0;
	const char *line;
	int r = 0;

	*text = (struct subid_text){ .bytes = NULL };
	while (r == 0 && subid_text_next(&names.text, &pos, &line, &len)) {
		struct subid_owner_name name;
		const char *at = line;
		uint32_t id;

		if (users_scan_head(&at, line + len, &name, &id) && !is_number(name))
			r = add_name(&names, &room, name, id);
	}
	if (r < 0) {
		subid_inside_names_free(&names);
		return r;
	}
	if (names.n > 1)
		qsort(names.names, names.n, sizeof(*names.names), compare_ids);
	*ret = names;
	return 0;
}

void subid_inside_names_free(struct subid_inside_names *names)
{
	subid_text_free(&names->text);
	free(names->names);
	*names = (struct subid_inside_names){ .n = 0 };
}

const char *subid_inside_name(const struct subid_inside_names *names, uint32_t id,
			      size_t *ret_len)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (names->names[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == names->n || names->names[low].id != id)
		return NULL;
	*ret_len = names->names[low].len;
	return names->text.bytes + names->names[low].offset;
}
