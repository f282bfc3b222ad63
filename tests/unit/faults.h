/* SPDX-License-Identifier: MIT */
/*
 * The system calls and allocations of the library, made to fail as inject.h has it.
 * A test that includes this file wraps every one of them.
 */
#pragma once

#include <dirent.h>
#include <sys/xattr.h>

#include "inject.h"

FAULT(int, -1, fstat, (int fd, struct stat *st), (fd, st))
FAULT(int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
FAULT(int, -1, fchown, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
FAULT(int, -1, fdatasync, (int fd), (fd))
FAULT(int, -1, renameat, (int a, const char *from, int b, const char *to),
      (a, from, b, to))
FAULT(int, -1, linkat, (int a, const char *from, int b, const char *to, int flags),
      (a, from, b, to, flags))
FAULT(int, -1, unlinkat, (int dir, const char *name, int flags), (dir, name, flags))
FAULT(ssize_t, -1, read, (int fd, void *buf, size_t size), (fd, buf, size))
FAULT_TWIN(ssize_t, -1, __read_chk, "read", (int fd, void *buf, size_t size, size_t room),
	   (fd, buf, size, room))
FAULT(ssize_t, -1, readlinkat, (int dir, const char *name, char *buf, size_t size),
      (dir, name, buf, size))
FAULT_TWIN(ssize_t, -1, __readlinkat_chk, "readlinkat",
	   (int dir, const char *name, char *buf, size_t size, size_t room),
	   (dir, name, buf, size, room))
FAULT(ssize_t, -1, fgetxattr, (int fd, const char *name, void *buf, size_t size),
      (fd, name, buf, size))
FAULT(int, -1, fsetxattr,
      (int fd, const char *name, const void *buf, size_t size, int flags),
      (fd, name, buf, size, flags))
FAULT(int, -1, fremovexattr, (int fd, const char *name), (fd, name))
FAULT(ssize_t, -1, flistxattr, (int fd, char *buf, size_t size), (fd, buf, size))
FAULT(DIR *, NULL, fdopendir, (int fd), (fd))
FAULT(struct dirent *, NULL, readdir, (DIR * dir), (dir))
FAULT(void *, NULL, malloc, (size_t size), (size))
FAULT(void *, NULL, calloc, (size_t n, size_t size), (n, size))
FAULT(void *, NULL, realloc, (void *old, size_t size), (old, size))
FAULT(void *, NULL, reallocarray, (void *old, size_t n, size_t size), (old, n, size))
FAULT(char *, NULL, strdup, (const char *text), (text))
FAULT(char *, NULL, strndup, (const char *text, size_t len), (text, len))

int __real_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...)
{
	bool is_unnamed = (flags & O_TMPFILE) == O_TMPFILE;
	mode_t mode = 0;

	if ((flags & O_CREAT) != 0 || is_unnamed) {
		va_list rest;

		va_start(rest, flags);
		mode = va_arg(rest, mode_t);
		va_end(rest);
	}
	if (fault_is_due("openat"))
		return -1;
	if (is_unnamed && faults.unnamed_error != 0) {
		errno = faults.unnamed_error;
		return -1;
	}
	return __real_openat(dir, name, flags, mode);
}

int __real___openat_2(int dir, const char *name, int flags);
int __wrap___openat_2(int dir, const char *name, int flags);
int __wrap___openat_2(int dir, const char *name, int flags)
{
	return fault_is_due("openat") ? -1 : __real___openat_2(dir, name, flags);
}

ssize_t __real_write(int fd, const void *buf, size_t size);
ssize_t __wrap_write(int fd, const void *buf, size_t size);
ssize_t __wrap_write(int fd, const void *buf, size_t size)
{
	if (!fault_is_due("write"))
		return __real_write(fd, buf, size);
	return faults.shortens ? __real_write(fd, buf, size / 2) : -1;
}

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	struct stat st;

	if (fault_is_due("fsync"))
		return -1;
	if (faults.dir_sync_error != 0 && __real_fstat(fd, &st) == 0 &&
	    S_ISDIR(st.st_mode)) {
		errno = faults.dir_sync_error;
		return -1;
	}
	return __real_fsync(fd);
}

int __real_renameat2(int a, const char *from, int b, const char *to, unsigned int flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned int flags);
int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned int flags)
{
	if (fault_is_due("renameat2"))
		return -1;
	if (faults.noreplace_error != 0) {
		errno = faults.noreplace_error;
		return -1;
	}
	return __real_renameat2(a, from, b, to, flags);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
	va_list rest;
	void *argument;

	/* an int or a pointer; in a variadic call both come as one word */
	va_start(rest, command);
	argument = va_arg(rest, void *);
	va_end(rest);
	return fault_is_due("fcntl") ? -1 : __real_fcntl(fd, command, argument);
}
