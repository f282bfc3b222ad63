/* SPDX-License-Identifier: MIT */
/*
 * System calls and allocations made to fail, one after the other.  A test that
 * includes this file wraps every function in FAULT_FUNCTIONS (its "wrap:" lines,
 * see the Makefile).  The names with two underscores at their heads are what the
 * compiler makes of some calls when it checks buffers (_FORTIFY_SOURCE).
 *
 *     for (turn = 1; faults_arm(turn, EIO), r = call(), faults_disarm(); turn++)
 *             ... r < 0, and everything is as it was ...
 *     ... r == 0: no call was left that could fail ...
 */
#pragma once

#include <dirent.h>
#include <sys/xattr.h>

#include "support.h"

static struct {
	unsigned int calls_left; /* until the one that fails; 0: none fails */
	unsigned int error;
	const char *only; /* the function that counts; NULL: all of them */
	bool lasting;	  /* all calls from that one on fail */
	bool shortens;	  /* write(2) writes half instead of failing */
	bool struck;
	const char *function; /* that was made to fail first */
	/* what a file system cannot do; independent of the above */
	int noreplace_error; /* renameat2(2) */
	int unnamed_error;  /* O_TMPFILE */
	int dir_sync_error; /* fsync(2) of a directory */
} faults;

static inline void faults_arm(unsigned int turn, unsigned int error)
{
	faults.calls_left = turn;
	faults.error = error;
	faults.struck = false;
	faults.function = "(none)";
}

/* Was a call made to fail? */
static inline bool faults_disarm(void)
{
	faults.calls_left = 0;
	return faults.struck;
}

/* Everything as it is without this file. */
static inline int faults_reset(void **state)
{
	(void)state;
	memset(&faults, 0, sizeof(faults));
	return 0;
}

static inline bool fault_is_due(const char *function)
{
	if (faults.calls_left == 0 ||
	    (faults.only != NULL && strcmp(faults.only, function) != 0))
		return false;
	if (faults.calls_left > 1) {
		faults.calls_left--;
		return false;
	}
	if (!faults.struck)
		faults.function = function;
	faults.struck = true;
	if (!faults.lasting)
		faults.calls_left = 0;
	errno = (int)faults.error;
	return true;
}

/* A function that fails as the row says, else does what it always does. */
#define FAULT(type, failed, name, parameters, arguments)                                 \
	FAULT_TWIN(type, failed, name, #name, parameters, arguments)
#define FAULT_TWIN(type, failed, name, called, parameters, arguments)                    \
	type __real_##name parameters;                                                   \
	type __wrap_##name parameters;                                                   \
	type __wrap_##name parameters                                                    \
	{                                                                                \
		if (fault_is_due(called))                                                \
			return failed;                                                   \
		return __real_##name arguments;                                          \
	}

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
