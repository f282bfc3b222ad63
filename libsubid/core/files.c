/* SPDX-License-Identifier: MIT */
#include "libsubid/core/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/core/core.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define WAY_FLAGS (O_PATH | O_DIRECTORY | O_CLOEXEC)

/* How often it is tried to be alone with a path: a second, at most. */
#define QUICK_TRIES 100
#define ALL_TRIES   1100

/*
 * Threat: with a bound on where a path may lead, the kernel answers EAGAIN whenever
 * anybody renames or mounts anything meanwhile, and a user can do that all the time.
 */
int beneath_open(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	int fd = -1;

	for (int i = 0; i < ALL_TRIES; i++) {
		fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			return fd < 0 ? -errno : fd;
		if (i >= QUICK_TRIES)
			(void)nanosleep(&pause, NULL);
	}
	return -EAGAIN;
}

/* One part of a path on the way down, no link. */
static int step(int dir, const char *name, int flags)
{
	struct stat st;
	int fd, error;

	if (strcmp(name, "..") == 0)
		return -EXDEV;
	fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC);
	error = errno;
	/* what a link means is not known: that is not the same as nothing */
	if ((fd < 0 ? error == ENOTDIR : (flags & O_PATH) != 0) &&
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) {
		if (fd >= 0)
			(void)close(fd); /* a link */
		return -ELOOP;
	}
	return fd < 0 ? -error : fd;
}

static int device_of(int fd, dev_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = st.st_dev;
	return 0;
}

/* Before Linux 5.6. */
static int walk_down(int root, const char *path, int flags)
{
	auto_close int at = -1;
	int fd;

	if (*path == '\0')
		return -ENOENT;
	path += strspn(path, "/");
	if (*path == '\0')
		return step(root, ".", flags);
	at = openat(root, ".", WAY_FLAGS);
	while (at >= 0) {
		size_t len = strcspn(path, "/");
		char name[NAME_MAX + 1] = "";

		if (len > NAME_MAX)
			return -ENAMETOOLONG;
		(void)memcpy(name, path, len);
		path += len;
		path += strspn(path, "/");
		if (*path == '\0')
			return step(at, name, flags);
		fd = step(at, name, WAY_FLAGS);
		if (fd < 0)
			return fd;
		(void)close(at); /* a directory */
		at = fd;
	}
	return -errno;
}

int beneath_reach(int dir, const char *path, uint64_t flags, uint64_t resolve)
{
	int fd = beneath_open(dir, path, flags, resolve), r;
	dev_t ours, theirs;

	if (fd != -ENOSYS)
		return fd;
	fd = walk_down(dir, path, (int)flags);
	if (fd < 0 || (resolve & RESOLVE_NO_XDEV) == 0)
		return fd;
	r = device_of(dir, &ours);
	if (r == 0)
		r = device_of(fd, &theirs);
	if (r == 0 && ours == theirs)
		return fd;
	(void)close(fd); /* only opened */
	return r < 0 ? r : -EXDEV;
}

int beneath_open_regular(int dir, const char *path, uint64_t resolve)
{
	auto_close int seen = beneath_reach(dir, path, O_PATH, resolve);
	struct stat st;

	if (seen < 0)
		return seen;
	if (fstat(seen, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return beneath_reach(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, resolve);
}

int beneath_open_dir(int root, const char *path)
{
	return beneath_reach(root, path, DIR_FLAGS, RESOLVE_IN_ROOT);
}

int beneath_enter(int dir, const char *name)
{
	int fd = beneath_open(dir, name, DIR_FLAGS, 0);

	if (fd != -ENOSYS)
		return fd;
	fd = openat(dir, name, DIR_FLAGS);
	return fd < 0 ? -errno : fd;
}

/*
 * The replacement is "NAME+", as shadow calls it, and the backup "NAME-".  The old file
 * gets a second name, "NAME=", by a hard link, and the replacement is renamed over the
 * first; to undo that, the second is renamed back.
 *
 * The old file itself must get neither of shadow's names: its tools open them to write
 * (fopen(3) with "w"), and whoever has the old table open at that moment, as the
 * helpers may, would read an empty one.  So the backup is a copy.
 */

#define NAME_SIZE     202
#define NEW_NAME_SIZE (NAME_SIZE + 16)
#define XATTRS_MAX    (64 << 10) /* XATTR_LIST_MAX, and XATTR_SIZE_MAX for each */
#define BUFFER_SIZE   (64 << 10)
#define MODE_NEW      0644
#define COPY_SIZE     (1 << 30) /* at once */

/* How the replacement came to its place, so that it can go back. */
enum place {
	NOT_YET,
	REPLACED, /* the old file is at its second name */
	CREATED,  /* there was no old file */
};

struct subid_replacement {
	int dir;
	int fd;
	enum place place;
	bool replaces; /* there is an old file */
	bool there;    /* the replacement's name is ours to remove */
	bool alone;    /* no lock guards it, and it has no backup */
	char name[NAME_SIZE];
	char new_name[NEW_NAME_SIZE];
	char old_name[NEW_NAME_SIZE];
	char backup[NAME_SIZE];
	char *buffer; /* of BUFFER_SIZE */
	size_t used;
};

/* Digests of the content, which the kernel makes anew: not to be copied. */
static bool is_digest(const char *name)
{
	return strcmp(name, "security.ima") == 0 || strcmp(name, "security.evm") == 0;
}

static int copy_xattr(int from, int to, const char *name)
{
	auto_free char *value = malloc(XATTRS_MAX);
	ssize_t size;

	if (value == NULL)
		return -ENOMEM;
	size = fgetxattr(from, name, value, XATTRS_MAX);
	if (size < 0)
		return errno == ENODATA ? 0 : -errno;
	if (fsetxattr(to, name, value, (size_t)size, 0) < 0)
		return -errno;
	return 0;
}

static int copy_xattrs(int from, int to)
{
	auto_free char *names = malloc(XATTRS_MAX);
	ssize_t size;

	if (names == NULL)
		return -ENOMEM;
	size = flistxattr(from, names, XATTRS_MAX);
	if (size < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	for (const char *name = names; name < names + size; name += strlen(name) + 1) {
		int r = is_digest(name) ? 0 : copy_xattr(from, to, name);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Makes a new file look like the old one. */
static int copy_attributes(int old, int to)
{
	struct stat st, own;

	if (fstat(old, &st) < 0 || fstat(to, &own) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if ((st.st_uid != own.st_uid || st.st_gid != own.st_gid) &&
	    fchown(to, st.st_uid, st.st_gid) < 0)
		return -errno;
	/* what the directory's default ACL gives to a new file is not the old one's */
	if (fremovexattr(to, "system.posix_acl_access") < 0 && errno != ENODATA &&
	    errno != EOPNOTSUPP)
		return -errno;
	/* the mode last: chown takes bits away, and an ACL's mask is in it */
	if (fchmod(to, st.st_mode & 07777) < 0)
		return -errno;
	return copy_xattrs(old, to);
}

static int open_old(int dir, const char *name)
{
	int fd =
	    openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/*
 * Threat: a link planted at the name would send root's write elsewhere; so the name is
 * made new, never opened.
 */
static int create(int dir, const char *name)
{
	int fd =
	    openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : fd;
}

/* The new file gives nobody more access than the old one. */
static int copy_mode(int old, int to)
{
	mode_t mode = MODE_NEW;
	struct stat st;

	if (fstat(old, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	mode &= st.st_mode;
	if ((mode & S_IROTH) == 0 && (mode & S_IRGRP) != 0 &&
	    fchown(to, (uid_t)-1, st.st_gid) < 0)
		mode &= ~(mode_t)S_IRGRP; /* another group is not meant */
	return fchmod(to, mode) < 0 ? -errno : 0;
}

static int take_over_attributes(struct subid_replacement *replacement)
{
	auto_close int old = open_old(replacement->dir, replacement->name);

	if (old == -ENOENT)
		return fchmod(replacement->fd, MODE_NEW) < 0 ? -errno : 0;
	if (old < 0)
		return old;
	replacement->replaces = true;
	return replacement->alone ? copy_mode(old, replacement->fd)
				  : copy_attributes(old, replacement->fd);
}

static int remove_if_there(int dir, const char *name)
{
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int prepare(int dir, const char *name, struct subid_replacement **ret)
{
	struct subid_replacement *replacement;

	if (strlen(name) > 200)
		return -ENAMETOOLONG;
	replacement = malloc(sizeof(*replacement));
	if (replacement == NULL)
		return -ENOMEM;
	*ret = replacement;
	*replacement = (struct subid_replacement){ .dir = dir, .fd = -1 };
	replacement->buffer = malloc(BUFFER_SIZE);
	if (replacement->buffer == NULL)
		return -ENOMEM;
	(void)snprintf(replacement->name, NAME_SIZE, "%s", name);
	(void)snprintf(replacement->new_name, NEW_NAME_SIZE, "%s+", name);
	(void)snprintf(replacement->old_name, NEW_NAME_SIZE, "%s=", name);
	(void)snprintf(replacement->backup, NAME_SIZE, "%s-", name);
	return 0;
}

/* Creates what names of its own it has. */
static int create_new(struct subid_replacement *replacement)
{
	replacement->fd = create(replacement->dir, replacement->new_name);
	if (replacement->fd < 0)
		return replacement->fd;
	replacement->there = true;
	return take_over_attributes(replacement);
}

int subid_replacement_open(int dir, const char *name, struct subid_replacement **ret)
{
	auto_replacement struct subid_replacement *replacement = NULL;
	int r = prepare(dir, name, &replacement);

	if (r == 0)
		r = remove_if_there(dir, replacement->new_name);
	if (r == 0)
		r = remove_if_there(dir, replacement->old_name);
	if (r == 0)
		r = create_new(replacement);
	if (r < 0)
		return r;
	*ret = replacement;
	replacement = NULL;
	return 0;
}

int subid_replacement_open_alone(int dir, const char *name,
				 struct subid_replacement **ret)
{
	auto_replacement struct subid_replacement *replacement = NULL;
	uint32_t number;
	int r = prepare(dir, name, &replacement);

	if (r < 0)
		return r;
	replacement->alone = true;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	/* not NAME's suffix: node_exporter reads every *.prom in its directory */
	(void)snprintf(replacement->new_name, NEW_NAME_SIZE, "%s.%08x", name, number);
	(void)snprintf(replacement->old_name, NEW_NAME_SIZE, "%s.%08x=", name, number);
	r = create_new(replacement);
	if (r < 0)
		return r;
	*ret = replacement;
	replacement = NULL;
	return 0;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENOSPC;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

static int flush(struct subid_replacement *replacement)
{
	size_t used = replacement->used;

	replacement->used = 0;
	return write_all(replacement->fd, replacement->buffer, used);
}

int subid_replacement_write(void *data, const void *bytes, size_t size)
{
	struct subid_replacement *replacement = data;
	int r;

	if (size > BUFFER_SIZE - replacement->used) {
		r = flush(replacement);
		if (r < 0)
			return r;
	}
	if (size > BUFFER_SIZE)
		return write_all(replacement->fd, bytes, size);
	memcpy(replacement->buffer + replacement->used, bytes, size);
	replacement->used += size;
	return 0;
}

/* There is no old file, and there must be none that somebody has just made. */
static int put_in_nothing(struct subid_replacement *replacement)
{
	unsigned int flags = replacement->alone ? 0 : RENAME_NOREPLACE;

	if (renameat2(replacement->dir, replacement->new_name, replacement->dir,
		      replacement->name, flags) < 0 &&
	    ((errno != EINVAL && errno != ENOSYS) ||
	     renameat(replacement->dir, replacement->new_name, replacement->dir,
		      replacement->name) < 0))
		return -errno;
	replacement->place = CREATED;
	return 0;
}

static int put_over_old(struct subid_replacement *replacement)
{
	int r = remove_if_there(replacement->dir, replacement->old_name);

	if (r < 0)
		return r;
	if (linkat(replacement->dir, replacement->name, replacement->dir,
		   replacement->old_name, 0) < 0)
		return -errno;
	if (renameat(replacement->dir, replacement->new_name, replacement->dir,
		     replacement->name) < 0) {
		r = -errno;
		/* the name still leads there */
		(void)unlinkat(replacement->dir, replacement->old_name, 0);
		return r;
	}
	replacement->place = REPLACED;
	return 0;
}

static int put_in_place(struct subid_replacement *replacement)
{
	int r = replacement->replaces ? put_over_old(replacement)
				      : put_in_nothing(replacement);

	replacement->there = r < 0;
	return r;
}

static int put_back(struct subid_replacement *replacement)
{
	if ((replacement->place == REPLACED &&
	     renameat(replacement->dir, replacement->old_name, replacement->dir,
		      replacement->name) < 0) ||
	    (replacement->place == CREATED &&
	     unlinkat(replacement->dir, replacement->name, 0) < 0))
		return -errno;
	replacement->place = NOT_YET;
	return 0;
}

static int copy_bytes(int from, int to)
{
	ssize_t n;

	do {
		n = sendfile(to, from, NULL, COPY_SIZE);
	} while (n > 0);
	return n < 0 ? -errno : 0;
}

/* After the point of no return: what fails here costs a backup, not a table. */
static void keep_backup(struct subid_replacement *replacement)
{
	auto_close int old = -1, copy = -1;

	if (!replacement->alone)
		old = open_old(replacement->dir, replacement->old_name);
	copy = old < 0 ? -1 : create(replacement->dir, replacement->new_name);
	if (copy >= 0) {
		replacement->there = copy_attributes(old, copy) < 0 ||
				     copy_bytes(old, copy) < 0 ||
				     renameat(replacement->dir, replacement->new_name,
					      replacement->dir, replacement->backup) < 0;
	}
	(void)unlinkat(replacement->dir, replacement->old_name, 0);
}

/*
 * XFS that has shut down, as after an I/O error, has thrown away what the directory
 * was to get, and still says that it is on the disk: xfs_dir_fsync() does not look,
 * xfs_file_fsync() does (fs/xfs/xfs_file.c).  So the file has the last word.
 */
static int sync_names(const struct subid_replacement *replacement)
{
	return fsync(replacement->dir) < 0 || fdatasync(replacement->fd) < 0 ? -errno : 0;
}

static int put_all_in_place(struct subid_replacement *const replacements[], size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = put_in_place(replacements[i]);
	/* all in one directory: once is enough, but it costs nothing to be sure */
	for (size_t i = 0; r == 0 && i < n; i++)
		if (i == 0 || replacements[i]->dir != replacements[0]->dir)
			r = sync_names(replacements[i]);
	return r;
}

void subid_replacement_mark(struct subid_replacement *replacement, uint32_t mark)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
				     { .tv_sec = time(NULL) } };

	times[1].tv_nsec = (long)(mark % 1000000000);
	if (flush(replacement) == 0)
		(void)futimens(replacement->fd, times); /* it is no more than a hint */
}

int subid_replacement_sync(struct subid_replacement *replacement)
{
	int r = flush(replacement);

	return r == 0 && fsync(replacement->fd) < 0 ? -errno : r;
}

int subid_replacements_commit(struct subid_replacement *const replacements[], size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = subid_replacement_sync(replacements[i]);
	if (r == 0)
		r = put_all_in_place(replacements, n);
	if (r == 0) {
		for (size_t i = 0; i < n; i++)
			if (replacements[i]->place == REPLACED)
				keep_backup(replacements[i]);
		return 0;
	}
	for (size_t i = n; i > 0; i--)
		if (put_back(replacements[i - 1]) < 0)
			r = -ENOTRECOVERABLE;
	for (size_t i = 0; i < n; i++)
		(void)fsync(
		    replacements[i]->dir); /* what counts now is the first error */
	return r;
}

void subid_replacement_free(struct subid_replacement **replacement)
{
	if (*replacement == NULL)
		return;
	if ((*replacement)->fd >= 0)
		(void)close((*replacement)->fd); /* synced if it was to be kept */
	if ((*replacement)->there)
		(void)unlinkat((*replacement)->dir, (*replacement)->new_name, 0);
	free((*replacement)->buffer);
	free(*replacement);
	*replacement = NULL;
}
