/* SPDX-License-Identifier: MIT */
/*
 * A path, step by step: whoever can write one of the directories on it can put
 * another file in the place of the one at its end.  Links are followed here and
 * not by the kernel, to see the directories that they lead through.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

#define LINKS_MAX 40 /* as in the kernel */

struct walk {
	const struct subid_host_options *options;
	uint32_t root;
	char done[PATH_MAX]; /* has no links; "" is the root */
	char todo[PATH_MAX]; /* comes behind it */
	unsigned int links;
};

void host_way_free(struct subid_host_way *way)
{
	for (size_t i = 0; i < way->n; i++)
		host_file_free(&way->files[i]);
	free(way->files);
	*way = (struct subid_host_way){ .n = 0 };
}

/* One more file, with the path where the walk stands; NULL for want of memory. */
static struct subid_host_file *add_file(const struct walk *walk,
					struct subid_host_way *way)
{
	bool is_top = walk->done[0] == '\0' && walk->options->prefix[0] == '\0';
	struct subid_host_file *grown;
	char *path;

	grown = reallocarray(way->files, way->n + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	way->files = grown;
	if (asprintf(&path, "%s%s", walk->options->prefix, is_top ? "/" : walk->done) < 0)
		return NULL;
	host_make_printable(path);
	grown[way->n] = (struct subid_host_file){ .path = path };
	return &grown[way->n++];
}

static int add_error(const struct walk *walk, struct subid_host_way *way, int error)
{
	struct subid_host_file *file = add_file(walk, way);

	if (file == NULL)
		return -ENOMEM;
	file->error = error;
	return 0;
}

static bool is_on_way(const struct subid_host_way *way, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < way->n; i++)
		if (way->files[i].dev == st.st_dev && way->files[i].ino == st.st_ino)
			return true;
	return false;
}

/*
 * Opens what the walk has reached.  Threat: a link that somebody puts there in
 * this moment, and in an image any link, must not lead out of the root.
 */
static int open_done(const struct walk *walk)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, walk->options->root,
			  walk->done[0] == '\0' ? "/" : walk->done, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* Takes the next part of todo to the end of done, or one away for "..". */
static int advance(struct walk *walk)
{
	char *part = walk->todo + strspn(walk->todo, "/"), *last;
	size_t len = strcspn(part, "/"), used = strlen(walk->done);

	if (len == 2 && memcmp(part, "..", 2) == 0) {
		last = strrchr(walk->done, '/');
		if (last != NULL)
			*last = '\0';
	} else if (len > 1 || (len == 1 && *part != '.')) {
		if (used + len + 2 > sizeof(walk->done))
			return ENAMETOOLONG;
		walk->done[used] = '/';
		memcpy(walk->done + used + 1, part, len);
		walk->done[used + 1 + len] = '\0';
	}
	memmove(walk->todo, part + len, strlen(part + len) + 1);
	return 0;
}

/* The link that the walk has reached: its target comes before the rest of todo. */
static int follow(struct walk *walk, int fd)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));
	size_t len, rest = strlen(walk->todo);

	if (n <= 0)
		return n < 0 ? errno : ENOENT;
	len = (size_t)n;
	if (++walk->links > LINKS_MAX)
		return ELOOP;
	if (len + 1 + rest + 1 > sizeof(walk->todo))
		return ENAMETOOLONG;
	memmove(walk->todo + len + 1, walk->todo, rest + 1);
	memcpy(walk->todo, target, len);
	walk->todo[len] = '/';
	if (target[0] == '/')
		walk->done[0] = '\0';
	else
		*strrchr(walk->done, '/') = '\0'; /* there is one: it is the link's */
	return 0;
}

/*
 * Looks at what the walk has reached.  Returns 0, to go on; 1 at the end, with
 * *ret_fd set when it is the file; -ENOMEM.
 */
static int visit(struct walk *walk, struct subid_host_way *way, int *ret_fd)
{
	auto_close int fd = open_done(walk);
	struct subid_host_file *file;
	bool is_last = walk->todo[strspn(walk->todo, "/")] == '\0';
	struct stat st;
	int error = fd < 0 ? -fd : 0;

	if (error == 0 && fstat(fd, &st) < 0)
		error = errno;
	if (error == 0 && S_ISLNK(st.st_mode)) {
		error = follow(walk, fd);
		if (error == 0)
			return 0;
	}
	if (error == 0 && !S_ISDIR(st.st_mode) && !is_last)
		error = ENOTDIR;
	if (error != 0)
		return add_error(walk, way, error) < 0 ? -ENOMEM : 1;
	if (!is_last && is_on_way(way, fd))
		return 0;
	file = add_file(walk, way);
	if (file == NULL || host_file_look(fd, walk->root, file) < 0)
		return -ENOMEM;
	if (!is_last)
		return 0;
	*ret_fd = fd;
	fd = -1;
	return 1;
}

int host_way_walk(const struct subid_host_options *options, uint32_t root,
		  const char *path, struct subid_host_way *ret, int *ret_fd)
{
	struct walk walk = { .options = options, .root = root };
	int r, error;

	*ret = (struct subid_host_way){ .n = 0 };
	*ret_fd = -1;
	if (strlen(path) >= sizeof(walk.todo))
		return add_error(&walk, ret, ENAMETOOLONG);
	memcpy(walk.todo, path, strlen(path) + 1);
	for (r = visit(&walk, ret, ret_fd); r == 0; r = visit(&walk, ret, ret_fd)) {
		error = advance(&walk);
		if (error != 0)
			return add_error(&walk, ret, error);
	}
	return r < 0 ? r : 0;
}
