/* SPDX-License-Identifier: MIT */
/*
 * Namespaces that exist because their file in /proc/PID/ns is mounted somewhere.
 *
 * Threat: tens of thousands of mounts, one on the other: to print the path of one costs
 * the kernel as many steps as there are below it, and to walk to it as many as there are
 * above it.  So reading ends where the limit of the user ends whose mounts they are, and
 * each path is walked once.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

#define MOUNTINFO_ROOM (256 << 10) /* many lines; one is at most some pages long */
#define NSFS_TYPE      " - nsfs "
#define OPEN_TRIES     8

/* Undoes the octal escapes of mountinfo, in place. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from != '\0'; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
		    from[2] != '\0' && from[3] != '\0') {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 +
				     (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/*
 * The namespace's file at a path, whichever it is.  A descriptor or -errno.
 *
 * Threat: users may have made the mounts on the path.  No link is followed; the path must
 * end at a namespace's file; and no file system is asked for anything, since a user's own
 * (fuse(4)) may never answer: all directories above a mount are in the kernel's cache.
 */
static int open_mount(int proc, pid_t pid, const char *path, uint64_t *ret_inode)
{
	auto_close int root = -1;
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_CACHED,
	};
	struct statfs fs;
	struct stat st;
	char name[32];
	int fd = -1;

	(void)snprintf(name, sizeof(name), "%d/root", (int)pid);
	root = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	/* also EAGAIN if something is renamed or mounted meanwhile */
	for (int i = 0; fd < 0 && i < OPEN_TRIES; i++) {
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN)
			return -errno;
	}
	if (fd < 0)
		return -EAGAIN;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC || fstat(fd, &st) < 0) {
		(void)close(fd);
		return -ENOENT;
	}
	*ret_inode = st.st_ino;
	return fd;
}

/* A walk over the mounts that a process sees. */
struct walk {
	pid_t pid;    /* whose mounts are read */
	pid_t holder; /* who is named with them */
	struct live_scan *scan;
	struct live_limit *limit;
	bool whole;
	bool done;
	size_t first;		   /* of live->covered that this process sees */
	struct live_inodes walked; /* a hash of each path: the inode that it leads to */
	struct live_inodes still;  /* inodes that the second reading finds */
};

static int note_mount(struct subid_live *live, struct subid_live_mount mount)
{
	int r = array_grow(&live->covered, live->n_covered, sizeof(*live->covered));

	if (r < 0)
		return r;
	live->covered[live->n_covered++] = mount;
	return 0;
}

/*
 * The parts of a line of mountinfo, "36 35 98:0 ROOT PATH OPTIONS ... - nsfs nsfs rw",
 * where ROOT is "user:[INODE]" or the like: the inode, and the path, terminated and as
 * it is.  0 if it is no such line.
 */
static uint64_t parse_line(char *line, char **ret_path, bool *ret_is_user)
{
	char *root = line, *path, *end;

	if (strstr(line, NSFS_TYPE) == NULL)
		return 0;
	for (int i = 0; i < 3 && root != NULL; i++) {
		root = strchr(root, ' ');
		if (root != NULL)
			root++;
	}
	path = root == NULL ? NULL : strchr(root, ' ');
	end = path == NULL ? NULL : strchr(path + 1, ' ');
	if (end == NULL)
		return 0;
	*path++ = '\0';
	*end = '\0';
	unescape(path);
	*ret_path = path;
	return proc_any_namespace(root, ret_is_user);
}

/* Is it the line of the mount at "/"? */
static bool is_root(const char *line)
{
	for (int i = 0; i < 4 && line != NULL; i++) {
		line = strchr(line, ' ');
		if (line != NULL)
			line++;
	}
	return line != NULL && line[0] == '/' && line[1] == ' ';
}

/* FNV-1a.  Threat: a user finds two paths with the same hash: then what the second leads
 * to counts as hidden, though it is not. */
static uint64_t hash_of(const char *path)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *path != '\0'; path++)
		hash = (hash ^ (unsigned char)*path) * 0x100000001b3;
	return hash == 0 ? 1 : hash;
}

/* Adds the namespace that a path leads to, the first time.  *ret_inode: which it is.  0;
 * -errno why it cannot be opened. */
static int walk_to(struct walk *walk, const char *path, uint64_t *ret_inode)
{
	uint64_t hash = hash_of(path), inode = 0;
	size_t known = live_inodes_find(&walk->walked, hash);
	struct subid_live_mount mount = { .pid = walk->holder };
	auto_close int ns = -1;
	int r;

	*ret_inode = known;
	if (known != SUBID_LIVE_NONE)
		return known == 0 ? -ENOENT : 0;
	ns = open_mount(walk->scan->proc, walk->pid, path, &inode);
	if (proc_is_short(ns))
		return ns;
	/* a namespace's: it has 32 bits */
	r = live_inodes_put(&walk->walked, hash, (size_t)inode);
	if (r < 0 || ns < 0)
		return r < 0 ? r : ns;
	*ret_inode = mount.inode = inode;
	r = live_add_behind(walk->scan, ns, SUBID_HELD_BY_MOUNT, walk->holder);
	return r == 0 && live_find(walk->scan, inode) == SUBID_LIVE_NONE
		   ? note_mount(walk->scan->live, mount)
		   : r;
}

/*
 * Some mounts cannot be opened: another mount covers them, or a file system on the way
 * does not answer.  They are noted, and decided when all else has been followed; so are
 * those that were opened and are no user namespaces.
 */
static int follow_line(struct walk *walk, char *line)
{
	struct subid_live_mount mount = { .pid = walk->holder };
	int64_t since = limit_now();
	uint64_t inode;
	char *path;
	int r;

	walk->whole |= is_root(line);
	mount.inode = parse_line(line, &path, &mount.is_user);
	if (mount.inode == 0 ||
	    (mount.is_user && live_find(walk->scan, mount.inode) != SUBID_LIVE_NONE))
		return 0;
	r = walk_to(walk, path, &inode);
	limit_spend(walk->limit, since, 1);
	walk->done &= limit_is_left(walk->limit);
	if (proc_is_short(r))
		return r;
	if (r == 0 && inode == mount.inode)
		return 0;
	mount.error = r == 0 ? -ENOENT : r;
	return note_mount(walk->scan->live, mount);
}

static int look_again(struct walk *walk, char *line)
{
	bool is_user;
	char *path;
	uint64_t inode = parse_line(line, &path, &is_user);

	return inode == 0 ? 0 : live_inodes_put(&walk->still, inode, 0);
}

/* Calls turn() for each complete line, and moves the rest of the text to its front. */
static int take_lines(struct walk *walk, int (*turn)(struct walk *, char *), char *text,
		      size_t *size)
{
	char *line = text, *end;
	int r = 0;

	while (r == 0 && walk->done &&
	       (end = memchr(line, '\n', (size_t)(text + *size - line)))) {
		*end = '\0';
		r = turn(walk, line);
		line = end + 1;
	}
	*size -= (size_t)(line - text);
	memmove(text, line, *size);
	return r;
}

/* Until the limit is reached, which walk->done tells. */
static int take_mountinfo(struct walk *walk, int (*turn)(struct walk *, char *))
{
	auto_free char *text = malloc(MOUNTINFO_ROOM);
	auto_close int fd = proc_open(walk->scan->proc, walk->pid, "mountinfo", O_RDONLY);
	size_t size = 0;
	ssize_t n = 1;
	int r = 0;

	if (text == NULL || proc_is_short(fd))
		return text == NULL ? -ENOMEM : fd;
	if (fd < 0) {
		walk->scan->live->partial |= fd == -EACCES || fd == -EPERM;
		return 0;
	}
	while (r == 0 && size < MOUNTINFO_ROOM && n > 0) {
		int64_t since = limit_now();

		walk->done &= limit_is_left(walk->limit);
		if (!walk->done)
			return 0;
		n = read(fd, text + size, MOUNTINFO_ROOM - size);
		limit_spend(walk->limit, since, 1);
		size += n < 0 ? 0 : (size_t)n;
		r = take_lines(walk, turn, text, &size);
	}
	walk->scan->live->partial |= n < 0 || size == MOUNTINFO_ROOM;
	return r;
}

/*
 * A mount that has been unmounted meanwhile looks like one that another covers.  So
 * mountinfo is read a second time, once for all, as a user can make very many: of the
 * mounts that were not found, those count that are still listed, or all if it cannot be
 * read to its end.
 */
static int drop_unmounted(struct walk *walk)
{
	struct subid_live *live = walk->scan->live;
	size_t n = walk->first;
	bool vanished = false;
	int r = 0;

	for (size_t i = walk->first; i < live->n_covered; i++)
		vanished |= proc_vanished(live->covered[i].error);
	if (!vanished)
		return 0;
	if (walk->done)
		r = take_mountinfo(walk, look_again);
	for (size_t i = walk->first; r == 0 && i < live->n_covered; i++) {
		struct subid_live_mount mount = live->covered[i];

		if (proc_vanished(mount.error)) {
			if (walk->done && !live_inodes_have(&walk->still, mount.inode))
				continue;
			mount.error = -EACCES;
		}
		live->covered[n++] = mount;
	}
	live->n_covered = r == 0 ? n : live->n_covered;
	return r;
}

int live_follow_mounts(struct live_scan *scan, pid_t pid, pid_t holder,
		       struct live_limit *limit, bool *ret_whole, bool *ret_done)
{
	struct walk walk = {
		.pid = pid,
		.holder = holder,
		.scan = scan,
		.limit = limit,
		.done = true,
		.first = scan->live->n_covered,
	};
	int r = take_mountinfo(&walk, follow_line);

	if (r == 0)
		r = drop_unmounted(&walk);
	live_inodes_free(&walk.still);
	live_inodes_free(&walk.walked);
	*ret_whole = walk.whole;
	*ret_done = walk.done;
	return r;
}
