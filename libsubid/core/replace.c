/* SPDX-License-Identifier: MIT */
/*
 * The draft is "NAME+", as shadow calls it, and the backup "NAME-".  The old file gets
 * a second name, "NAME=", by a hard link, and the draft is renamed over the first; to
 * undo that, the second is renamed back.
 *
 * The old file itself must get neither of shadow's names: its tools open them to write
 * (fopen(3) with "w"), and whoever has the old table open at that moment, as the
 * helpers may, would read an empty one.  So the backup is a copy.
 */
#include "libsubid/core/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "libsubid/core/core.h"

#define NAME_SIZE   202
#define DRAFT_SIZE  (NAME_SIZE + 16)
#define XATTRS_MAX  (64 << 10) /* XATTR_LIST_MAX, and XATTR_SIZE_MAX for each */
#define BUFFER_SIZE (64 << 10)
#define MODE_NEW    0644
#define COPY_SIZE   (1 << 30) /* at once */

/* How the draft came to its place, so that it can go back. */
enum place {
	IN_DRAFT, /* not yet */
	REPLACED, /* the old file is at the aside name */
	CREATED,  /* there was no old file */
};

struct subid_replacement {
	int dir;
	int fd;
	enum place place;
	bool replaces; /* there is an old file */
	bool there;    /* the draft's name is ours to remove */
	bool alone;    /* no lock guards it, and it has no backup */
	char name[NAME_SIZE];
	char draft[DRAFT_SIZE];
	char aside[DRAFT_SIZE];
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

/* Who may read less of the old file may read no more of the new one. */
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

static int take_over_attributes(struct subid_replacement *draft)
{
	auto_close int old = open_old(draft->dir, draft->name);

	if (old == -ENOENT)
		return fchmod(draft->fd, MODE_NEW) < 0 ? -errno : 0;
	if (old < 0)
		return old;
	draft->replaces = true;
	return draft->alone ? copy_mode(old, draft->fd) : copy_attributes(old, draft->fd);
}

static int remove_if_there(int dir, const char *name)
{
	return unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

static int new_draft(int dir, const char *name, struct subid_replacement **ret)
{
	struct subid_replacement *draft;

	if (strlen(name) > 200)
		return -ENAMETOOLONG;
	draft = malloc(sizeof(*draft));
	if (draft == NULL)
		return -ENOMEM;
	*ret = draft;
	*draft = (struct subid_replacement){ .dir = dir, .fd = -1 };
	draft->buffer = malloc(BUFFER_SIZE);
	if (draft->buffer == NULL)
		return -ENOMEM;
	(void)snprintf(draft->name, NAME_SIZE, "%s", name);
	(void)snprintf(draft->draft, DRAFT_SIZE, "%s+", name);
	(void)snprintf(draft->aside, DRAFT_SIZE, "%s=", name);
	(void)snprintf(draft->backup, NAME_SIZE, "%s-", name);
	return 0;
}

/* Creates what names of its own it has. */
static int create_draft(struct subid_replacement *draft)
{
	draft->fd = create(draft->dir, draft->draft);
	if (draft->fd < 0)
		return draft->fd;
	draft->there = true;
	return take_over_attributes(draft);
}

int subid_replacement_open(int dir, const char *name, struct subid_replacement **ret)
{
	auto_replacement struct subid_replacement *draft = NULL;
	int r = new_draft(dir, name, &draft);

	if (r == 0)
		r = remove_if_there(dir, draft->draft);
	if (r == 0)
		r = remove_if_there(dir, draft->aside);
	if (r == 0)
		r = create_draft(draft);
	if (r < 0)
		return r;
	*ret = draft;
	draft = NULL;
	return 0;
}

int subid_replacement_open_alone(int dir, const char *name,
				 struct subid_replacement **ret)
{
	auto_replacement struct subid_replacement *draft = NULL;
	uint32_t number;
	int r = new_draft(dir, name, &draft);

	if (r < 0)
		return r;
	draft->alone = true;
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	/* not NAME's suffix: node_exporter reads every *.prom in its directory */
	(void)snprintf(draft->draft, DRAFT_SIZE, "%s.%08x", name, number);
	(void)snprintf(draft->aside, DRAFT_SIZE, "%s.%08x=", name, number);
	r = create_draft(draft);
	if (r < 0)
		return r;
	*ret = draft;
	draft = NULL;
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

static int flush(struct subid_replacement *draft)
{
	size_t used = draft->used;

	draft->used = 0;
	return write_all(draft->fd, draft->buffer, used);
}

int subid_replacement_write(void *data, const void *bytes, size_t size)
{
	struct subid_replacement *draft = data;
	int r;

	if (size > BUFFER_SIZE - draft->used) {
		r = flush(draft);
		if (r < 0)
			return r;
	}
	if (size > BUFFER_SIZE)
		return write_all(draft->fd, bytes, size);
	memcpy(draft->buffer + draft->used, bytes, size);
	draft->used += size;
	return 0;
}

/* There is no old file, and there must be none that somebody has just made. */
static int put_in_nothing(struct subid_replacement *draft)
{
	unsigned int flags = draft->alone ? 0 : RENAME_NOREPLACE;

	if (renameat2(draft->dir, draft->draft, draft->dir, draft->name, flags) < 0 &&
	    ((errno != EINVAL && errno != ENOSYS) ||
	     renameat(draft->dir, draft->draft, draft->dir, draft->name) < 0))
		return -errno;
	draft->place = CREATED;
	return 0;
}

static int put_over_old(struct subid_replacement *draft)
{
	int r = remove_if_there(draft->dir, draft->aside);

	if (r < 0)
		return r;
	if (linkat(draft->dir, draft->name, draft->dir, draft->aside, 0) < 0)
		return -errno;
	if (renameat(draft->dir, draft->draft, draft->dir, draft->name) < 0) {
		r = -errno;
		/* the name still leads there */
		(void)unlinkat(draft->dir, draft->aside, 0);
		return r;
	}
	draft->place = REPLACED;
	return 0;
}

static int put_in_place(struct subid_replacement *draft)
{
	int r = draft->replaces ? put_over_old(draft) : put_in_nothing(draft);

	draft->there = r < 0;
	return r;
}

static int put_back(struct subid_replacement *draft)
{
	if ((draft->place == REPLACED &&
	     renameat(draft->dir, draft->aside, draft->dir, draft->name) < 0) ||
	    (draft->place == CREATED && unlinkat(draft->dir, draft->name, 0) < 0))
		return -errno;
	draft->place = IN_DRAFT;
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
static void keep_backup(struct subid_replacement *draft)
{
	auto_close int old = -1, copy = -1;

	if (!draft->alone)
		old = open_old(draft->dir, draft->aside);
	copy = old < 0 ? -1 : create(draft->dir, draft->draft);
	if (copy >= 0) {
		draft->there =
		    copy_attributes(old, copy) < 0 || copy_bytes(old, copy) < 0 ||
		    renameat(draft->dir, draft->draft, draft->dir, draft->backup) < 0;
	}
	(void)unlinkat(draft->dir, draft->aside, 0);
}

/*
 * XFS that has shut down, as after an I/O error, has thrown away what the directory
 * was to get, and still says that it is on the disk: xfs_dir_fsync() does not look,
 * xfs_file_fsync() does (fs/xfs/xfs_file.c).  So the file has the last word.
 */
static int sync_names(const struct subid_replacement *draft)
{
	return fsync(draft->dir) < 0 || fdatasync(draft->fd) < 0 ? -errno : 0;
}

static int put_all_in_place(struct subid_replacement *const drafts[], size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = put_in_place(drafts[i]);
	/* all in one directory: once is enough, but it costs nothing to be sure */
	for (size_t i = 0; r == 0 && i < n; i++)
		if (i == 0 || drafts[i]->dir != drafts[0]->dir)
			r = sync_names(drafts[i]);
	return r;
}

int subid_replacements_commit(struct subid_replacement *const drafts[], size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		r = flush(drafts[i]);
		if (r == 0 && fsync(drafts[i]->fd) < 0)
			r = -errno;
	}
	if (r == 0)
		r = put_all_in_place(drafts, n);
	if (r == 0) {
		for (size_t i = 0; i < n; i++)
			if (drafts[i]->place == REPLACED)
				keep_backup(drafts[i]);
		return 0;
	}
	for (size_t i = n; i > 0; i--)
		if (put_back(drafts[i - 1]) < 0)
			r = -ENOTRECOVERABLE;
	for (size_t i = 0; i < n; i++)
		(void)fsync(drafts[i]->dir); /* what counts now is the first error */
	return r;
}

void subid_replacement_free(struct subid_replacement **draft)
{
	if (*draft == NULL)
		return;
	if ((*draft)->fd >= 0)
		(void)close((*draft)->fd); /* synced if it was to be kept */
	if ((*draft)->there)
		(void)unlinkat((*draft)->dir, (*draft)->draft, 0);
	free((*draft)->buffer);
	free(*draft);
	*draft = NULL;
}
