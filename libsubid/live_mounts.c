/* SPDX-License-Identifier: MIT */
/*
 * Namespaces that a bind mount of their file in /proc/PID/ns holds.
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

#include "cleanup.h"
#include "live_private.h"

#define MOUNTINFO_ROOM (256 << 10) /* many lines; one has at most some pages */
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
 * Threat: the path lies in mounts that its users may have laid.  No link is followed; it
 * must end at a namespace's file; and no file system is asked for anything, since the
 * user's own (fuse(4)) may never answer: what lies above a mount is in memory.
 */
static int open_mount(int proc, pid_t pid, const char *path, uint64_t inode)
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
	/* EAGAIN, too, if something is renamed or mounted meanwhile */
	for (int i = 0; fd < 0 && i < OPEN_TRIES; i++) {
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN)
			return -errno;
	}
	if (fd < 0)
		return -EAGAIN;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != NSFS_MAGIC || fstat(fd, &st) < 0 ||
	    st.st_ino != inode) {
		(void)close(fd);
		return -ENOENT;
	}
	return fd;
}

/* Does a process see a mount of that root?  Not when it cannot be read. */
static bool is_mounted(int proc, pid_t pid, const char *root)
{
	auto_free char *line = NULL;
	char name[32], word[64];
	size_t room = 0;
	bool found = false;
	FILE *file;
	int fd;

	(void)snprintf(name, sizeof(name), "%d/mountinfo", (int)pid);
	(void)snprintf(word, sizeof(word), " %s /", root);
	fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "r");
	if (file == NULL && fd >= 0)
		(void)close(fd);
	while (file != NULL && !found && getline(&line, &room, file) > 0)
		found = strstr(line, word) != NULL && strstr(line, NSFS_TYPE) != NULL;
	if (file != NULL)
		(void)fclose(file); /* only read */
	return found;
}

/*
 * A mount that is there and cannot be opened: another lies over it, or a file system on
 * the way does not answer.  Of a user namespace it tells the inode, so the namespace is
 * listed, with maps that are not known: what it maps must not be taken for free.
 */
static int add_unopened(int proc, struct subid_live *live, struct live_index *index,
			const char *root, pid_t pid, int error)
{
	uint64_t inode = proc_namespace(root, "user");
	size_t i;
	int r;

	/* what is unmounted by now looks the same as what another mount lies over */
	if (proc_vanished(error) && !is_mounted(proc, pid, root))
		return 0;
	live->partial = true;
	if (inode == 0)
		return 0;
	r = live_add(live, index, inode, SUBID_HELD_BY_MOUNT, pid, &i);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		live->userns[i].maps[kind].error = proc_vanished(error) ? -EACCES : error;
	return r;
}

/*
 * A line of mountinfo: "36 35 98:0 ROOT PATH OPTIONS ... - nsfs nsfs rw", where ROOT is
 * "user:[INODE]" or the like.
 */
static int follow_mount(int proc, struct subid_live *live, struct live_index *index,
			char *line, pid_t pid)
{
	auto_close int ns = -1;
	char *root = line, *path, *end;
	bool is_user;
	uint64_t inode;

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
	inode = live_namespace(root, &is_user);
	if (inode == 0 || (is_user && live_find(live, index, inode) != SUBID_LIVE_NONE))
		return 0;
	unescape(path);
	ns = open_mount(proc, pid, path, inode);
	if (ns < 0)
		return add_unopened(proc, live, index, root, pid, ns);
	return live_add_behind(proc, live, index, ns, SUBID_HELD_BY_MOUNT, pid);
}

/* Is it the line of what is mounted at "/"? */
static bool is_root(const char *line)
{
	for (int i = 0; i < 4 && line != NULL; i++) {
		line = strchr(line, ' ');
		if (line != NULL)
			line++;
	}
	return line != NULL && line[0] == '/' && line[1] == ' ';
}

/* Follows the whole lines of a text, and moves what is left to its front. */
static int follow_lines(int proc, struct subid_live *live, struct live_index *index,
			char *text, size_t *size, pid_t pid, bool *whole)
{
	char *line = text, *end;
	int r = 0;

	while (r == 0 && (end = memchr(line, '\n', (size_t)(text + *size - line)))) {
		*end = '\0';
		*whole |= is_root(line);
		if (strstr(line, NSFS_TYPE) != NULL)
			r = follow_mount(proc, live, index, line, pid);
		line = end + 1;
	}
	*size -= (size_t)(line - text);
	memmove(text, line, *size);
	return r;
}

int live_follow_mounts(int proc, struct subid_live *live, struct live_index *index,
		       pid_t pid, bool *ret_whole)
{
	auto_free char *text = malloc(MOUNTINFO_ROOM);
	auto_close int fd = -1;
	size_t size = 0;
	ssize_t n = 0;
	char name[32];
	int r = 0;

	*ret_whole = false;
	if (text == NULL)
		return -ENOMEM;
	(void)snprintf(name, sizeof(name), "%d/mountinfo", (int)pid);
	fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		live->partial |= errno == EACCES || errno == EPERM;
		return 0;
	}
	while (r == 0 && size < MOUNTINFO_ROOM &&
	       (n = read(fd, text + size, MOUNTINFO_ROOM - size)) > 0) {
		size += (size_t)n;
		r = follow_lines(proc, live, index, text, &size, pid, ret_whole);
	}
	live->partial |= n < 0 || size == MOUNTINFO_ROOM;
	return r;
}
