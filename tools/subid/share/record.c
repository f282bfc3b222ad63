/* SPDX-License-Identifier: MIT */
/*
 * The directory of the records of stores, and its lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "tools/subid/share/share.h"

#define LOCK_NAME     ".lock"
#define LOCK_TURNS    150
#define LOCK_PAUSE_US 100000

void share_store_close(struct share_store *store)
{
	cleanup_close(&store->dir);
	cleanup_close(&store->lock);
	*store = (struct share_store){ -1, -1 };
}

/* Opens name in dir, made if it is not there; it must be root's alone to change. */
static int enter(int dir, const char *name)
{
	struct stat st;
	int fd;

	if (mkdirat(dir, name, 0755) == 0)
		(void)fsync(dir); /* or the records would be lost with it */
	else if (errno != EEXIST)
		return -errno;
	fd = beneath_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
			  RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return fd;
	/* Threat: who can write there could make root mount any directory for him. */
	if (fstat(fd, &st) < 0 || st.st_uid != 0 || (st.st_mode & 022) != 0) {
		(void)close(fd);
		return -EPERM;
	}
	return fd;
}

/* The way to a directory that links may lead to, as /var is on some systems. */
static int enter_state(void)
{
	static const char path[] = SUBID_STATEDIR;
	const char *name = strrchr(path, '/') + 1;
	char above[sizeof(path)];
	auto_close int parent = -1;

	(void)snprintf(above, sizeof(above), "%.*s", (int)(name - path), path);
	parent = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return parent < 0 ? -errno : enter(parent, name);
}

/* A file of its own, which no user can open to keep the lock. */
static int take_lock(int dir)
{
	int fd = openat(dir, LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	for (int turn = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; turn++) {
		int error = errno;

		if (error == EWOULDBLOCK && turn < LOCK_TURNS) {
			(void)usleep(LOCK_PAUSE_US);
			continue;
		}
		(void)close(fd);
		return error == EWOULDBLOCK ? -EBUSY : -error;
	}
	return fd;
}

int share_store_open(struct share_store *ret, struct share_why *why)
{
	auto_close int state = enter_state();
	int r = state;

	*ret = (struct share_store){ -1, -1 };
	if (state >= 0)
		r = ret->dir = enter(state, "shares");
	if (r >= 0)
		r = ret->lock = take_lock(ret->dir);
	if (r >= 0)
		return 0;
	share_store_close(ret);
	return share_fail(why, r, SUBID_STATEDIR "/shares: %s",
			  r == -EBUSY	? "another 'subid share' is at work"
			  : r == -EPERM ? "it must be root's, and writable by nobody else"
					: strerror(-r));
}

static void name_of(const struct subid_share *share, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%u", share->ids[SUBID_UID].start);
}

int share_record_write(const struct share_store *store, const struct subid_share *share)
{
	auto_replacement struct subid_replacement *file = NULL;
	auto_text struct subid_text text = { .bytes = NULL };
	char name[16];
	int r = subid_share_print(share, &text);

	name_of(share, name, sizeof(name));
	if (r == 0)
		r = subid_replacement_open(store->dir, name, &file);
	if (r == 0)
		r = subid_replacement_write(file, text.bytes, text.size);
	return r == 0 ? subid_replacements_commit(&file, 1) : r;
}

int share_record_remove(const struct share_store *store, const struct subid_share *share)
{
	static const char *const others[] = { "+", "-" };
	char name[16], other[24];

	name_of(share, name, sizeof(name));
	if (unlinkat(store->dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	/* its draft and its copy are nobody's */
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(other, sizeof(other), "%s%s", name, others[i]);
		(void)unlinkat(store->dir, other, 0);
	}
	return fsync(store->dir) < 0 ? -errno : 0;
}
