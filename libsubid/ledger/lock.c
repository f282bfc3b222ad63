/* SPDX-License-Identifier: MIT */
/*
 * The locks of who writes the ledger.
 */
#include "libsubid/ledger/private.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#define LOCK_FILE "ledger.lock"
#define POLL_NS	  2000000
#define NS_PER_MS 1000000

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

int ledger_lock(struct ledger_file *file, int timeout_ms)
{
	int r;

	if (file->lock >= 0)
		return 0;
	file->lock = ledger_open_lock(file);
	if (file->lock < 0) {
		r = file->lock;
		file->lock = -1;
		return r;
	}
	r = ledger_lock_byte(file->lock, LOCK_APPEND, timeout_ms);
	if (r == 0)
		r = ledger_read(file, file->whole);
	if (r != 0)
		ledger_unlock(file);
	return r;
}

void ledger_unlock(struct ledger_file *file)
{
	if (file->lock >= 0)
		(void)close(file->lock); /* it has no content */
	file->lock = -1;
}
