/* SPDX-License-Identifier: MIT */
/*
 * A tree, from the top to the bottom, by descriptors.
 *
 * Of each directory, first all is visited but the directories in it, whose names are
 * kept, and then one of these after the other.  So one buffer of names as the kernel
 * hands them out is enough, and a directory need not be read again when the walk comes
 * back to it.
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

#define BUFFER_SIZE 65536
#define TURNS	    1000

/* Since Linux 6.13. */
#ifndef SYS_listxattrat
#define SYS_listxattrat 465
#endif

struct walk {
	const struct walk_options *options;
	struct way way;
	char *buffer;
	char *failed;
};

char *walk_path(const struct walk *walk, const char *name)
{
	return way_path(&walk->way, name);
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
	identity = way_identity(ret);
	return !S_ISDIR(ret->stx_mode) && identity.mount != 0 &&
	       identity.mount == frame->identity.mount &&
	       syscall(SYS_listxattrat, frame->fd, name, AT_SYMLINK_NOFOLLOW, NULL, 0) ==
		   0;
}

static int back(struct walk *walk)
{
	int r = way_pop(&walk->way);

	return r < 0 ? failed(walk, ".", r) : 0;
}

/* listing: directories are for later. */
static int visit_name(struct walk *walk, const char *name, bool listing)
{
	struct frame *frame = &walk->way.frames[walk->way.n - 1];
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
	r = fd < 0 ? fd : way_look(fd, &st);
	if (r < 0)
		return failed(walk, name, r);
	if (listing && S_ISDIR(st.stx_mode))
		return names_add(&frame->directories, name);
	r = walk->options->visit(walk->options->data, walk, name, fd, &st);
	if (r == 0 && S_ISDIR(st.stx_mode))
		r = way_push(&walk->way, name, fd);
	return r < 0 ? failed(walk, name, r) : 0;
}

static int take(struct walk *walk, const struct dirent64 *entry)
{
	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return 0;
	if (entry->d_type == DT_DIR)
		return names_add(&walk->way.frames[walk->way.n - 1].directories,
				 entry->d_name);
	return visit_name(walk, entry->d_name, true);
}

/* All that is in the last frame's directory. */
static int list(struct walk *walk)
{
	int fd = walk->way.frames[walk->way.n - 1].fd, r = 0;

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
	size_t depth = walk->way.n;
	struct frame *frame = &walk->way.frames[depth - 1];
	const char *name = frame->directories.text + frame->next;
	int r;

	if (frame->next >= frame->directories.size)
		return back(walk);
	frame->next += strlen(name) + 1;
	r = visit_name(walk, name, false);
	return r == 0 && walk->way.n > depth ? list(walk) : r;
}

static int begin(struct walk *walk, int tree)
{
	struct statx st;
	int r = way_look(tree, &st);

	walk->buffer = malloc(BUFFER_SIZE);
	if (walk->buffer == NULL)
		return -ENOMEM;
	if (r == 0)
		r = walk->options->visit(walk->options->data, walk, ".", tree, &st);
	if (r == 0)
		r = way_push(&walk->way, ".", tree);
	return r < 0 ? failed(walk, ".", r) : list(walk);
}

int walk_tree(int tree, const struct walk_options *options, char **ret_path)
{
	struct walk walk = { .options = options };
	int r = begin(&walk, tree);

	while (r == 0 && walk.way.n > 0)
		r = step(&walk);
	way_free(&walk.way);
	free(walk.buffer);
	*ret_path = walk.failed;
	return r;
}
