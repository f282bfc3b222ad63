/* SPDX-License-Identifier: MIT */
/*
 * A tree, from the top to the bottom, by descriptors.
 *
 * Of each directory, first all is visited but the directories in it, whose names are
 * kept, and then one of these after the other.  So one buffer of names as the kernel
 * hands them out is enough, and a directory need not be read again when the walk comes
 * back to it.  Of a deep tree only the lowest directories are open; the way back is
 * "..", and must lead to the directory from which the way down went.
 *
 * Threat: the tree's owner may move a directory elsewhere while the walk is in it; ".."
 * then leads out of the tree.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsubid/core/files.h"
#include "tools/subid/storage/private.h"

#define OPEN_MAX_FRAMES 64
#define BUFFER_SIZE	65536
#define TURNS		1000
#define PATH_SHOWN	4096

/* Since Linux 6.13. */
#ifndef SYS_listxattrat
#define SYS_listxattrat 465
#endif

/* As long as it exists, nothing else has the same. */
struct identity {
	uint32_t dev_major, dev_minor;
	uint64_t ino, mount;
	int64_t born_s;
	uint32_t born_ns;
};

struct names {
	char *text; /* one behind the other, each terminated */
	size_t size, room;
};

/* A directory on the way from the tree to where the walk is. */
struct frame {
	int fd; /* -1: closed for now */
	struct identity identity;
	char *name;
	struct names directories;
	size_t next; /* in these */
};

struct walk {
	const struct walk_options *options;
	struct frame *frames;
	size_t n;
	char *buffer;
	char *failed;
};

static int names_add(struct names *names, const char *name)
{
	size_t size = strlen(name) + 1;

	if (names->room - names->size < size) {
		size_t room = names->room * 2 + size + 64;
		char *grown = realloc(names->text, room);

		if (grown == NULL)
			return -ENOMEM;
		names->text = grown;
		names->room = room;
	}
	(void)memcpy(names->text + names->size, name, size);
	names->size += size;
	return 0;
}

static int look(int fd, struct statx *ret)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
		     STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, ret) < 0
		   ? -errno
		   : 0;
}

static struct identity identity_of(const struct statx *st)
{
	return (struct identity){
		.dev_major = st->stx_dev_major,
		.dev_minor = st->stx_dev_minor,
		.ino = st->stx_ino,
		.mount = (st->stx_mask & STATX_MNT_ID) != 0 ? st->stx_mnt_id : 0,
		.born_s = (st->stx_mask & STATX_BTIME) != 0 ? st->stx_btime.tv_sec : 0,
		.born_ns = (st->stx_mask & STATX_BTIME) != 0 ? st->stx_btime.tv_nsec : 0,
	};
}

static bool is_same(const struct identity *a, const struct identity *b)
{
	return a->dev_major == b->dev_major && a->dev_minor == b->dev_minor &&
	       a->ino == b->ino && a->mount == b->mount && a->born_s == b->born_s &&
	       a->born_ns == b->born_ns;
}

char *walk_path(const struct walk *walk, const char *name)
{
	size_t size = strlen(name) + 1, first = walk->n;
	char *path, *at;

	while (first > 1 && size < PATH_SHOWN)
		size += strlen(walk->frames[--first].name) + 1;
	path = malloc(size + 4);
	if (path == NULL)
		return NULL;
	at = stpcpy(path, first > 1 ? ".../" : "");
	for (size_t i = first; i < walk->n; i++)
		if (i > 0)
			at = stpcpy(stpcpy(at, walk->frames[i].name), "/");
	(void)strcpy(at, name);
	return path;
}

/* Says what failed, once. */
static int failed(struct walk *walk, const char *name, int r)
{
	if (walk->failed == NULL)
		walk->failed = walk_path(walk, name);
	return r;
}

/* A single name: a descriptor with O_PATH, or -errno; -EXDEV: a mount is there. */
static int open_name(const struct walk *walk, int dir, const char *name)
{
	uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	int fd = -EAGAIN;

	if (!walk->options->cross)
		resolve |= RESOLVE_NO_XDEV;
	for (int turn = 0; fd == -EAGAIN && turn < TURNS; turn++)
		fd = beneath_open(dir, name, O_PATH | O_NOFOLLOW, resolve);
	return fd;
}

/*
 * Is it no directory, of this mount, and without extended attributes?  Then its owner and
 * mode are all that there is to see.  By its name, which costs half as much as opening
 * it; good for who changes nothing.  Threat: a mount of the tree's owner may never
 * answer: it is not asked.
 */
static bool is_plain(const struct frame *frame, const char *name, struct statx *ret)
{
	struct identity identity;

	if (statx(frame->fd, name,
		  AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC,
		  STATX_BASIC_STATS | STATX_MNT_ID, ret) < 0)
		return false;
	identity = identity_of(ret);
	return !S_ISDIR(ret->stx_mode) && identity.mount != 0 &&
	       identity.mount == frame->identity.mount &&
	       syscall(SYS_listxattrat, frame->fd, name, AT_SYMLINK_NOFOLLOW, NULL, 0) ==
		   0;
}

static int push(struct walk *walk, const char *name, int fd, const struct statx *st)
{
	struct frame frame = { .fd = -1, .identity = identity_of(st) };

	if (array_grow(&walk->frames, walk->n, sizeof(frame)) < 0)
		return -ENOMEM;
	frame.name = strdup(name);
	if (frame.name == NULL)
		return -ENOMEM;
	frame.fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (frame.fd < 0) {
		int error = errno;

		free(frame.name);
		return -error;
	}
	walk->frames[walk->n++] = frame;
	if (walk->n > OPEN_MAX_FRAMES) {
		struct frame *above = &walk->frames[walk->n - 1 - OPEN_MAX_FRAMES];

		(void)close(above->fd); /* a directory */
		above->fd = -1;
	}
	return 0;
}

static void drop(struct frame *frame)
{
	if (frame->fd >= 0)
		(void)close(frame->fd); /* a directory */
	free(frame->name);
	free(frame->directories.text);
}

/* Back to the directory above, by the way that leads there now. */
static int reopen(struct frame *frame, int below)
{
	struct identity identity;
	struct statx st;
	int r;

	frame->fd = openat(below, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (frame->fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	r = look(frame->fd, &st);
	if (r < 0)
		return r;
	identity = identity_of(&st);
	return is_same(&identity, &frame->identity) ? 0 : -ESTALE;
}

static int pop(struct walk *walk)
{
	struct frame *frame = &walk->frames[walk->n - 1];
	int r = 0;

	if (walk->n > 1 && frame[-1].fd < 0)
		r = reopen(&frame[-1], frame->fd);
	if (r < 0)
		return failed(walk, ".", r);
	drop(frame);
	walk->n--;
	return 0;
}

/* listing: directories are for later. */
static int visit_name(struct walk *walk, const char *name, bool listing)
{
	struct frame *frame = &walk->frames[walk->n - 1];
	auto_close int fd = -1;
	struct statx st;
	int r;

	if (listing && walk->options->glance && is_plain(frame, name, &st)) {
		r = walk->options->visit(walk->options->data, walk, name, -1, &st);
		return r < 0 ? failed(walk, name, r) : 0;
	}
	fd = open_name(walk, frame->fd, name);
	if (fd == -ENOENT)
		return 0; /* removed meanwhile */
	if (fd == -EXDEV && !walk->options->cross)
		return walk->options->mount(walk->options->data, walk, name, -1, NULL);
	r = fd < 0 ? fd : look(fd, &st);
	if (r < 0)
		return failed(walk, name, r);
	if (listing && S_ISDIR(st.stx_mode))
		return names_add(&frame->directories, name);
	r = walk->options->visit(walk->options->data, walk, name, fd, &st);
	if (r == 0 && S_ISDIR(st.stx_mode))
		r = push(walk, name, fd, &st);
	return r < 0 ? failed(walk, name, r) : 0;
}

static int take(struct walk *walk, const struct dirent64 *entry)
{
	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return 0;
	if (entry->d_type == DT_DIR)
		return names_add(&walk->frames[walk->n - 1].directories, entry->d_name);
	return visit_name(walk, entry->d_name, true);
}

/* All that is in the last frame's directory. */
static int list(struct walk *walk)
{
	int fd = walk->frames[walk->n - 1].fd, r = 0;

	for (;;) {
		ssize_t n = getdents64(fd, walk->buffer, BUFFER_SIZE);

		if (n <= 0)
			return n == 0 ? 0 : failed(walk, ".", -errno);
		for (ssize_t at = 0; r == 0 && at < n;) {
			const struct dirent64 *entry = (const void *)(walk->buffer + at);

			r = take(walk, entry);
			at += entry->d_reclen;
		}
		if (r < 0)
			return r;
	}
}

/* Into the next directory, or back. */
static int step(struct walk *walk)
{
	size_t depth = walk->n;
	struct frame *frame = &walk->frames[depth - 1];
	const char *name = frame->directories.text + frame->next;
	int r;

	if (frame->next >= frame->directories.size)
		return pop(walk);
	frame->next += strlen(name) + 1;
	r = visit_name(walk, name, false);
	return r == 0 && walk->n > depth ? list(walk) : r;
}

static int begin(struct walk *walk, int tree)
{
	struct statx st;
	int r = look(tree, &st);

	walk->buffer = malloc(BUFFER_SIZE);
	if (walk->buffer == NULL)
		return -ENOMEM;
	if (r == 0)
		r = walk->options->visit(walk->options->data, walk, ".", tree, &st);
	if (r == 0)
		r = push(walk, ".", tree, &st);
	return r < 0 ? failed(walk, ".", r) : list(walk);
}

int walk_tree(int tree, const struct walk_options *options, char **ret_path)
{
	struct walk walk = { .options = options };
	int r = begin(&walk, tree);

	while (r == 0 && walk.n > 0)
		r = step(&walk);
	while (walk.n > 0)
		drop(&walk.frames[--walk.n]);
	free(walk.frames);
	free(walk.buffer);
	*ret_path = walk.failed;
	return r;
}
