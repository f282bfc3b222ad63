/* SPDX-License-Identifier: MIT */
#include "libsubid/core/open.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsubid/core/core.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define WAY_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)

int beneath_open(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

int beneath_open_regular(int dir, const char *path, uint64_t resolve)
{
	auto_close int seen = beneath_open(dir, path, O_PATH, resolve);
	struct stat st;

	if (seen < 0)
		return seen;
	if (fstat(seen, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return beneath_open(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, resolve);
}

/* One part of a path on the way down. */
static int step(int dir, const char *name)
{
	struct stat st;
	int fd, error;

	if (strcmp(name, "..") == 0)
		return -EXDEV;
	fd = openat(dir, name, WAY_FLAGS | O_NOFOLLOW);
	error = errno;
	/* what a link means is not known: that is not the same as nothing */
	if (fd < 0 && error == ENOTDIR &&
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
		error = ELOOP;
	return fd < 0 ? -error : fd;
}

/* Before Linux 5.6. */
static int walk_down(int root, const char *path)
{
	auto_close int at = *path == '\0' ? -1 : openat(root, ".", WAY_FLAGS);
	int fd;

	if (at < 0)
		return *path == '\0' ? -ENOENT : -errno;
	for (path += strspn(path, "/"); *path != '\0'; path += strspn(path, "/")) {
		size_t len = strcspn(path, "/");
		char name[NAME_MAX + 1] = "";

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		(void)memcpy(name, path, len);
		path += len;
		fd = step(at, name);
		(void)close(at); /* a directory */
		at = fd;
		if (at < 0)
			return at;
	}
	fd = openat(at, ".", DIR_FLAGS);
	return fd < 0 ? -errno : fd;
}

int beneath_open_dir(int root, const char *path)
{
	int fd = beneath_open(root, path, DIR_FLAGS, RESOLVE_IN_ROOT);

	return fd == -ENOSYS ? walk_down(root, path) : fd;
}

int beneath_enter(int dir, const char *name)
{
	int fd = beneath_open(dir, name, DIR_FLAGS, 0);

	if (fd != -ENOSYS)
		return fd;
	fd = openat(dir, name, DIR_FLAGS);
	return fd < 0 ? -errno : fd;
}
