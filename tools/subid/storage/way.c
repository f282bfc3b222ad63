/* SPDX-License-Identifier: MIT */
/*
 * The way from a tree down to where the walk is.  Of a deep one only the lowest
 * directories are open; the way back is "..", and must lead to the directory from which
 * the way down went.
 *
 * Threat: the tree's owner may move a directory elsewhere while the walk is in it; ".."
 * then leads out of the tree.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libsubid/core/pile.h"
#include "tools/subid/storage/private.h"

#define OPEN_MAX   64
#define PATH_SHOWN 4096

int names_add(struct names *names, const char *name)
{
	return pile_add(&names->text, &names->size, &names->room, name, strlen(name));
}

int way_look(int fd, struct statx *ret)
{
	return statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
		     STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, ret) < 0
		   ? -errno
		   : 0;
}

struct identity way_identity(const struct statx *st)
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

char *way_path(const struct way *way, const char *name)
{
	size_t first = way->n, at = way->names.size, size = strlen(name) + 1;
	char *path, *end;

	while (first > 1 && way->names.size - at + size < PATH_SHOWN)
		at = way->frames[--first].name_at;
	path = malloc(way->names.size - at + size + sizeof(".../"));
	if (path == NULL)
		return NULL;
	end = stpcpy(path, first > 1 ? ".../" : "");
	for (; at < way->names.size; at++)
		*end++ = way->names.text[at] == '\0' ? '/' : way->names.text[at];
	(void)strcpy(end, name);
	return path;
}

/*
 * The identity is taken after the visit: a directory of a lower layer of overlayfs gets
 * another time of birth when its owner changes, or that of what is in it.  So there it
 * does not count.
 */
static int identify(int fd, struct identity *ret)
{
	struct statfs fs;
	struct statx st;
	int r = way_look(fd, &st);

	if (r < 0)
		return r;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type == OVERLAYFS_SUPER_MAGIC)
		st.stx_mask &= ~STATX_BTIME;
	*ret = way_identity(&st);
	return 0;
}

static void close_frame(struct frame *frame)
{
	if (frame->fd >= 0)
		(void)close(frame->fd); /* a directory */
	frame->fd = -1;
}

void way_drop(struct way *way)
{
	struct frame *frame = &way->frames[--way->n];

	close_frame(frame);
	free(frame->directories.text);
	way->names.size = frame->name_at;
}

void way_free(struct way *way)
{
	while (way->n > 0)
		way_drop(way);
	free(way->frames);
	free(way->names.text);
}

int way_push(struct way *way, const char *name, int fd)
{
	struct frame frame = { .name_at = way->names.size };
	int r = array_grow(&way->frames, way->n, sizeof(frame));

	if (r == 0)
		r = names_add(&way->names, name);
	if (r < 0)
		return r;
	frame.fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = frame.fd < 0 ? -errno : identify(frame.fd, &frame.identity);
	way->frames[way->n++] = frame;
	if (r < 0)
		way_drop(way);
	else if (way->n > OPEN_MAX)
		close_frame(&way->frames[way->n - 1 - OPEN_MAX]);
	return r;
}

/* Back to the directory above, by the way that leads there now. */
static int reopen(struct frame *frame, int below)
{
	struct identity identity;
	int r;

	frame->fd = openat(below, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (frame->fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	r = identify(frame->fd, &identity);
	if (r < 0)
		return r;
	return is_same(&identity, &frame->identity) ? 0 : -ESTALE;
}

int way_pop(struct way *way)
{
	struct frame *frame = &way->frames[way->n - 1];
	int r = 0;

	if (way->n > 1 && frame[-1].fd < 0)
		r = reopen(&frame[-1], frame->fd);
	if (r == 0)
		way_drop(way);
	return r;
}
