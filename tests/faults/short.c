/* SPDX-License-Identifier: MIT */
/*
 * To be preloaded: the SHORT_WHEN-th call of SHORT_CALL (read, write, pread64) moves
 * only half of what it is asked for, as a full disk, a signal or a slow file system
 * makes it.  The file SHORT_LOG gets a byte for each call of that name, and an 'x'
 * for the one that was cut short.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t __read_chk(int fd, void *buf, size_t size, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t size, off64_t from, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t size, off_t from, size_t room);

static int calls;

static void note(char byte)
{
	const char *log = getenv("SHORT_LOG");
	int fd = log == NULL ? -1 : open(log, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd >= 0) {
		(void)syscall(SYS_write, fd, &byte, 1);
		(void)close(fd);
	}
}

/* How much of it is moved. */
static size_t cut(const char *name, size_t size)
{
	const char *call = getenv("SHORT_CALL"), *when = getenv("SHORT_WHEN");

	if (call == NULL || when == NULL || strcmp(call, name) != 0)
		return size;
	if (++calls != atoi(when) || size < 2) {
		note('.');
		return size;
	}
	note('x');
	return size / 2;
}

ssize_t write(int fd, const void *buf, size_t size)
{
	return syscall(SYS_write, fd, buf, cut("write", size));
}

/* Half of the bytes that there are, not of the room for them. */
ssize_t read(int fd, void *buf, size_t size)
{
	size_t room = cut("read", size);
	ssize_t n = syscall(SYS_read, fd, buf, size);

	if (room == size || n < 2)
		return n;
	(void)lseek(fd, n / 2 - n, SEEK_CUR);
	return n / 2;
}

ssize_t pread64(int fd, void *buf, size_t size, off64_t from)
{
	ssize_t n;
	size_t room = cut("pread64", size);

	n = syscall(SYS_pread64, fd, buf, size, from);
	return room == size || n < 2 ? n : n / 2;
}

ssize_t pread(int fd, void *buf, size_t size, off_t from)
{
	return pread64(fd, buf, size, from);
}

ssize_t __read_chk(int fd, void *buf, size_t size, size_t room)
{
	(void)room;
	return read(fd, buf, size);
}

ssize_t __pread64_chk(int fd, void *buf, size_t size, off64_t from, size_t room)
{
	(void)room;
	return pread64(fd, buf, size, from);
}

ssize_t __pread_chk(int fd, void *buf, size_t size, off_t from, size_t room)
{
	(void)room;
	return pread64(fd, buf, size, from);
}
