/* SPDX-License-Identifier: MIT */
/*
 * Is another program at work in a table, without the locks?
 *
 * Threat: an editor or a deployment tool truncates a table where it is, and writes it a
 * moment later.  Who reads it in between sees no lines, or half of them; and a file that
 * takes its place then is all that remains, since the program goes on writing to one that
 * has no name any more.
 *
 * shadow's tools, and ours, put a new file in the place of the old one, which is whole at
 * every moment.  So what counts is a table that somebody has open for writing; and one
 * that became less than its backup a moment ago, in the file that it was before.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"

/* A table is left alone for as long after it was truncated; and waited for as long. */
#define MOMENT_MS 1000

/* Between two looks. */
#define PAUSE_MS 10

/* A new file has its lines by then. */
#define NEW_MS 20

enum settled table_settled(const struct table_moment *moment)
{
	bool less = moment->backup_size > 0 && moment->size < moment->backup_size &&
		    moment->written_ms > NEW_MS && !moment->marked;

	if (moment->written)
		return TABLE_OPEN;
	if (less && moment->age_ms > -MOMENT_MS && moment->age_ms < MOMENT_MS)
		return TABLE_CHANGING;
	return TABLE_SETTLED;
}

/*
 * A lease for reading is given while nobody has the file open for writing.  Whoever opens
 * it at this moment waits until it is closed; that is said by a signal which nobody
 * minds. 1, 0, or -errno; 0 also where there are no leases.
 */
static int is_open_for_writing(int fd)
{
	int r;

	if (fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
		return fcntl(fd, F_SETLEASE, F_UNLCK) < 0 ? -errno : 0;
	r = errno;
	if (r == EAGAIN)
		return 1;
	return r == EINVAL || r == EACCES || r == EPERM || r == ENOLCK || r == ENOSYS ||
		       r == EOPNOTSUPP
		   ? 0
		   : -r;
}

static int64_t ms_between(const struct statx_timestamp *from, int64_t sec, int64_t nsec)
{
	return (sec - from->tv_sec) * 1000 + (nsec - from->tv_nsec) / 1000000;
}

/* What is of interest if it is less than its backup.  Without a time of birth it counts
 * as an old file. */
static void note_times(const struct subid_txn *txn, enum subid_kind kind,
		       const struct statx *stx, struct table_moment *moment)
{
	auto_text struct subid_text text = { .bytes = NULL };
	struct timespec now = { .tv_sec = 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	moment->age_ms = ms_between(&stx->stx_mtime, now.tv_sec, now.tv_nsec);
	moment->written_ms = (stx->stx_mask & STATX_BTIME) == 0
				 ? INT64_MAX
				 : ms_between(&stx->stx_btime, stx->stx_mtime.tv_sec,
					      stx->stx_mtime.tv_nsec);
	if (subid_text_read(txn->options.etc, subid_kind_table(kind), false, &text) == 0)
		moment->marked = history_is_mark(&text, (long)stx->stx_mtime.tv_nsec);
}

/* A table that is not there, or is none, is settled: reading it says so. */
static int look_at_table(const struct subid_txn *txn, enum subid_kind kind,
			 struct table_moment *ret)
{
	static const char *const backups[SUBID_KINDS] = { "subuid-", "subgid-" };
	struct stat backup = { .st_size = 0 };
	struct statx stx;
	int open = 0, etc = txn->options.etc;

	*ret = (struct table_moment){ .written = false };
	/* Threat: opening a device of an image may act on it. */
	if (is_special(etc, subid_kind_table(kind), false))
		return 0;
	auto_close int fd =
	    openat(etc, subid_kind_table(kind),
		   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 : -errno;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &stx) < 0)
		return -errno;
	if (!S_ISREG(stx.stx_mode))
		return 0;
	if (fstatat(etc, backups[kind], &backup, AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != ENOENT)
		return -errno;
	open = is_open_for_writing(fd);
	if (open < 0)
		return open;
	ret->written = open > 0;
	ret->size = stx.stx_size;
	ret->backup_size = S_ISREG(backup.st_mode) ? (uint64_t)backup.st_size : 0;
	if (ret->size < ret->backup_size)
		note_times(txn, kind, &stx, ret);
	return 0;
}

static const char *const words[] = {
	[TABLE_OPEN] = "another program has it open for writing, without the lock that"
		       " useradd takes, too: nothing was changed; try again once it has"
		       " finished (fuser -v names it)",
	[TABLE_CHANGING] = "another program has truncated it a moment ago, without the"
			   " lock that useradd takes, too: nothing was changed; try"
			   " again",
};

int settled_look(struct subid_txn *txn, struct subid_failure *failure)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct table_moment moment;
		enum settled settled;
		int r;

		failure->file = subid_kind_table(kind);
		r = look_at_table(txn, kind, &moment);
		if (r < 0)
			return r;
		settled = table_settled(&moment);
		if (settled != TABLE_OPEN && settled != TABLE_CHANGING)
			continue;
		failure->place.why = words[settled];
		return -ESTALE;
	}
	failure->place.why = NULL;
	return 0;
}

int settled_wait(struct subid_txn *txn, struct subid_failure *failure)
{
	static const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	int r = settled_look(txn, failure);

	for (int ms = 0; r == -ESTALE && ms <= MOMENT_MS; ms += PAUSE_MS) {
		(void)nanosleep(&pause, NULL);
		r = settled_look(txn, failure);
	}
	return r;
}
