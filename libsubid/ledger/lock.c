/* SPDX-License-Identifier: MIT */
/*
 * The ledger's files, opened if nobody else can write them, and the locks of who writes.
 */
#include "libsubid/ledger/private.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define LOCK_FILE "ledger.lock"
#define POLL_NS	  2000000
#define NS_PER_MS 1000000

/* --- who may write it --------------------------------------------------------------
 */

int ledger_check_trust(const struct ledger_file *file, const struct stat *st)
{
	bool ours =
	    st->st_uid == 0 || st->st_uid == geteuid() || st->st_uid == file->trusted;

	return ours && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0 ? 0 : -EPERM;
}

/* Opens a file of the directory, not through a link, and nothing but a regular file. */
int ledger_open_file(const struct ledger_file *file, const char *name, int flags,
		     struct stat *st)
{
	auto_close int fd = -1;
	int r;

	if (is_special(file->dir, name, false))
		return -EINVAL;
	fd = openat(file->dir, name,
		    flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, st) < 0)
		return -errno;
	r = S_ISREG(st->st_mode) ? ledger_check_trust(file, st) : -EINVAL;
	if (r < 0)
		return r;
	r = fd;
	fd = -1;
	return r;
}

/* --- locks -------------------------------------------------------------------------
 */

/* Locks a byte of the lock file, waiting for it: SUBID_BUSY. */
int ledger_lock_byte(int fd, int byte, int timeout_ms)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	int64_t waited = 0;

	for (;;) {
		struct flock lock = {
			.l_type = F_WRLCK,
			.l_whence = SEEK_SET,
			.l_start = byte,
			.l_len = 1,
		};

		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return -errno;
		if (waited >= (int64_t)timeout_ms * NS_PER_MS)
			return SUBID_BUSY;
		(void)nanosleep(&pause, NULL); /* a signal only looks earlier */
		waited += POLL_NS;
	}
}

/*
 * Threat: whoever may open the lock file may lock it, and then nobody is given ids.  So
 * it is root's alone, and one that others may open is not used.
 */
int ledger_open_lock(const struct ledger_file *file)
{
	struct stat st;
	int fd = ledger_open_file(file, LOCK_FILE, O_RDWR | O_CREAT, &st);

	if (fd >= 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		(void)close(fd); /* nothing was written */
		return -EPERM;
	}
	return fd;
}

void ledger_unlock(struct ledger_file *file)
{
	if (file->lock >= 0)
		(void)close(file->lock); /* it has no content */
	file->lock = -1;
}
