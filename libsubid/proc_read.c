/* SPDX-License-Identifier: MIT */
/*
 * Small files of a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "live_private.h"

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

ssize_t proc_read(int proc, pid_t pid, const char *name, char *buf, size_t size)
{
	char path[64];

	if (pid == PROC_SELF)
		(void)snprintf(path, sizeof(path), "self/%s", name);
	else
		(void)snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
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
	char small[4096];
	auto_free char *large = NULL;
	const char *text = small;
	ssize_t size = proc_read(proc, pid, files[kind], small, sizeof(small));
	size_t n;

	if (size == sizeof(small)) {
		large = malloc(PROC_FILE_MAX);
		if (large == NULL)
			return -ENOMEM;
		text = large;
		size = proc_read(proc, pid, files[kind], large, PROC_FILE_MAX);
	}
	if (size < 0)
		return (int)size;
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
