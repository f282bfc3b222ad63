/* SPDX-License-Identifier: MIT */
/*
 * Small files of a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

#define MAP_PAGE 4096 /* at least */

static void name_file(pid_t pid, const char *name, char *buf, size_t size)
{
	if (pid == PROC_SELF)
		(void)snprintf(buf, size, "self/%s", name);
	else
		(void)snprintf(buf, size, "%d/%s", (int)pid, name);
}

ssize_t proc_read_at(int dir, const char *path, char *buf, size_t size)
{
	auto_close int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (used < size && (n = read(fd, buf + used, size - used)) != 0) {
		if (n < 0)
			return -errno;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

/*
 * The same of a map: the kernel hands out as many lines as fit into a page, so that a
 * read that leaves room for one has had them all.
 */
static ssize_t read_small_map(int proc, pid_t pid, const char *name, char *buf,
			      size_t size)
{
	char path[64];
	auto_close int fd = -1;
	ssize_t n;

	name_file(pid, name, path, sizeof(path));
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size);
	if (n < 0)
		return -errno;
	return n + SUBID_MAP_LINE_SIZE < MAP_PAGE ? n : (ssize_t)size;
}

ssize_t proc_read(int proc, pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];

	name_file(pid, name, path, sizeof(path));
	return proc_read_at(proc, path, buf, size);
}

int proc_is_in(int proc, pid_t pid, uint64_t inode)
{
	char path[32], link[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%d/ns/user", (int)pid);
	n = readlinkat(proc, path, link, sizeof(link) - 1);
	if (n < 0)
		return errno == EACCES ? -ESRCH : -errno; /* the kernel's word for gone */
	link[n] = '\0';
	return proc_namespace(link, "user") == inode ? 0 : -ESRCH;
}

bool proc_vanished(int error)
{
	return error == -ENOENT || error == -ESRCH;
}

uint64_t proc_namespace(const char *link, const char *type)
{
	size_t len = strlen(type);

	if (strncmp(link, type, len) != 0 || link[len] != ':' || link[len + 1] != '[')
		return 0;
	return strtoull(link + len + 2, NULL, 10);
}

int proc_read_map(int proc, pid_t pid, enum subid_kind kind, struct subid_live_map *ret)
{
	static const char *const files[SUBID_KINDS] = { "uid_map", "gid_map" };
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	char small[MAP_PAGE];
	auto_free char *large = NULL;
	const char *text = small;
	ssize_t size = read_small_map(proc, pid, files[kind], small, sizeof(small));
	size_t n;

	if (size == sizeof(small)) {
		large = malloc(PROC_FILE_MAX);
		if (large == NULL)
			return -ENOMEM;
		text = large;
		size = proc_read(proc, pid, files[kind], large, PROC_FILE_MAX);
	}
	/* proc_id_map_open() says EINVAL of a process that has just gone */
	if (size < 0)
		return size == -EINVAL ? -ESRCH : (int)size;
	if (subid_map_parse(text, (size_t)size, lines, &n) != 0)
		return -EPROTO;
	ret->lines = reallocarray(NULL, n + 1, sizeof(*lines));
	if (ret->lines == NULL)
		return -ENOMEM;
	memcpy(ret->lines, lines, n * sizeof(*lines));
	ret->n = n;
	return 0;
}

enum subid_setgroups proc_read_setgroups(int proc, pid_t pid)
{
	char text[8] = "";

	if (proc_read(proc, pid, "setgroups", text, sizeof(text) - 1) < 0)
		return SUBID_SETGROUPS_UNKNOWN;
	if (strcmp(text, "allow\n") == 0)
		return SUBID_SETGROUPS_ALLOW;
	return strcmp(text, "deny\n") == 0 ? SUBID_SETGROUPS_DENY
					   : SUBID_SETGROUPS_UNKNOWN;
}
