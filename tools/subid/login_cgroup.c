/* SPDX-License-Identifier: MIT */
/*
 * Out of the cgroups in which another than root has a say: he could freeze this process
 * while it has the locks that useradd waits for, or let it starve.
 *
 * A cgroup is root's if its directory and all files in it are, and nobody else can write
 * them: so it does not matter which files there are.  Above a cgroup that is another's
 * nothing below it counts.  Where the kernel says EBUSY, controllers are enabled for the
 * children (cgroups(7), no internal processes): then the next one above.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/login.h"

/* As deep as a cgroup is followed. */
#define DEPTH_MAX 256

/* One hierarchy that this process is in, of /proc/self/cgroup. */
struct hierarchy {
	const char *controllers; /* "" for cgroup v2; one of them is enough to find it */
	size_t controllers_len;
	char *path;
};

/* Where it is mounted, of /proc/self/mountinfo. */
struct mount {
	char *root, *dir;
};

static bool is_roots(const struct stat *st)
{
	return st->st_uid == 0 &&
	       (S_ISLNK(st->st_mode) || (st->st_mode & (S_IWGRP | S_IWOTH)) == 0);
}

/* In version 1 everybody may have notes of what happens written to a descriptor. */
#define HARMLESS_FILE "cgroup.event_control"

/* Has root alone a say in the cgroup?  What cannot be seen is another's. */
static bool is_cgroup_roots(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	struct stat st;
	bool roots;

	if (dir == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return false;
	}
	roots = fstat(fd, &st) == 0 && is_roots(&st);
	while (roots && (entry = readdir(dir)) != NULL) {
		/* directories are cgroups of their own */
		if (strcmp(entry->d_name, HARMLESS_FILE) != 0 &&
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    !S_ISDIR(st.st_mode))
			roots = is_roots(&st);
	}
	(void)closedir(dir);
	return roots;
}

/* --- where hierarchies are mounted ---------------------------------------------------
 */

/* mountinfo writes blanks and the like as \040. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from != '\0'; from++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' &&
		    from[2] >= '0' && from[2] <= '7' && from[3] >= '0' &&
		    from[3] <= '7') {
			*to++ = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 +
				       (from[3] - '0'));
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
}

/* Is the word in a list with commas? */
static bool lists(const char *list, const char *word, size_t len)
{
	while (*list != '\0') {
		size_t n = strcspn(list, ",");

		if (n == len && memcmp(list, word, len) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

/* A line of mountinfo: is it of this hierarchy, with the path beneath its root? */
static bool is_mount_of(char *line, const struct hierarchy *hierarchy, struct mount *ret)
{
	char *fields[10], *tail = strstr(line, " - ");
	char *type, *options;
	size_t n = 0;

	if (tail == NULL)
		return false;
	*tail = '\0';
	tail += strlen(" - ");
	while (n < 6 && (fields[n] = strsep(&line, " ")) != NULL)
		n++;
	type = strsep(&tail, " ");
	(void)strsep(&tail, " ");
	options = tail;
	if (n < 5 || options == NULL)
		return false;
	if (hierarchy->controllers_len == 0
		? strcmp(type, "cgroup2") != 0
		: strcmp(type, "cgroup") != 0 ||
		      !lists(options, hierarchy->controllers, hierarchy->controllers_len))
		return false;
	unescape(fields[3]);
	unescape(fields[4]);
	ret->root = fields[3];
	ret->dir = fields[4];
	n = strcmp(ret->root, "/") == 0 ? 0 : strlen(ret->root);
	return strncmp(ret->root, hierarchy->path, n) == 0 &&
	       (hierarchy->path[n] == '/' || hierarchy->path[n] == '\0');
}

/* The root of its mount, and in *ret_rest what of the path is beneath.  The descriptor or
 * -errno. */
static int open_hierarchy(const struct hierarchy *hierarchy,
			  const struct subid_text *mounts, const char **ret_rest)
{
	size_t pos = 0, len;
	const char *line;

	while (subid_text_next(mounts, &pos, &line, &len)) {
		auto_free char *copy = strndup(line, len);
		struct mount mount;
		struct statfs fs;
		int fd;

		if (copy == NULL)
			return -ENOMEM;
		if (!is_mount_of(copy, hierarchy, &mount))
			continue;
		fd = open(mount.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		/* something may be mounted over it */
		if (fd >= 0 && fstatfs(fd, &fs) == 0 &&
		    (fs.f_type == CGROUP2_SUPER_MAGIC ||
		     fs.f_type == CGROUP_SUPER_MAGIC)) {
			*ret_rest =
			    hierarchy->path +
			    (strcmp(mount.root, "/") == 0 ? 0 : strlen(mount.root));
			return fd;
		}
		if (fd >= 0)
			(void)close(fd);
	}
	return -ENOENT;
}

/* --- out of it ------------------------------------------------------------------------
 */

/* Moves this process into the cgroup.  0 or -errno. */
static int enter(int cgroup)
{
	auto_close int fd = openat(cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return write(fd, "0", 1) == 1 ? 0 : -errno;
}

/*
 * The cgroups from the top on that are root's: *ret_n of them, into fds.  True if that is
 * all of the way, so that there is nothing to leave.
 */
static bool walk(int top, char *rest, int fds[DEPTH_MAX], size_t *ret_n)
{
	char *name;
	int fd = top;

	*ret_n = 0;
	for (;;) {
		if (!is_cgroup_roots(fd)) {
			if (*ret_n > 0)
				(void)close(fd);
			return false;
		}
		if (*ret_n == DEPTH_MAX)
			return false;
		fds[(*ret_n)++] = fd;
		do
			name = strsep(&rest, "/");
		while (name != NULL && *name == '\0');
		if (name == NULL)
			return true;
		/* ".." is outside of the cgroup namespace */
		fd = strcmp(name, "..") == 0
			 ? -1
			 : openat(fd, name,
				  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return false;
	}
}

/* 0, or -errno when it is in a cgroup of another's and cannot leave. */
static int leave(const struct hierarchy *hierarchy, const struct subid_text *mounts)
{
	const char *rest;
	auto_close int top = -1;
	auto_free char *way = NULL;
	int fds[DEPTH_MAX], r = -EACCES;
	size_t n = 0;

	if (strcmp(hierarchy->path, "/") == 0)
		return 0; /* nobody else's, nor above what can be seen */
	top = open_hierarchy(hierarchy, mounts, &rest);
	if (top < 0)
		return top;
	way = strdup(rest);
	if (way == NULL)
		return -ENOMEM;
	if (walk(top, way, fds, &n))
		r = 0;
	for (size_t i = n; r < 0 && i-- > 0;)
		r = enter(fds[i]);
	while (n-- > 1)
		(void)close(fds[n]);
	return r;
}

/* A line of /proc/self/cgroup: NUMBER:CONTROLLERS:PATH. */
static bool parse_line(char *line, struct hierarchy *ret)
{
	char *controllers;

	if (strsep(&line, ":") == NULL || (controllers = strsep(&line, ":")) == NULL ||
	    line == NULL || line[0] != '/')
		return false;
	ret->controllers = controllers;
	ret->controllers_len = strcspn(controllers, ",");
	ret->path = line;
	return true;
}

const char *login_leave_cgroups(void)
{
	auto_text struct subid_text own = { .bytes = NULL }, mounts = { .bytes = NULL };
	static char why[256];
	size_t pos = 0, len;
	const char *line;
	int r = subid_text_read(AT_FDCWD, "/proc/self/cgroup", false, &own);

	if (r == -ENOENT && access("/proc/self", F_OK) == 0)
		return NULL; /* a kernel without cgroups */
	if (r == 0)
		r = subid_text_read(AT_FDCWD, "/proc/self/mountinfo", false, &mounts);
	if (r < 0)
		return "its cgroups cannot be read";
	while (subid_text_next(&own, &pos, &line, &len)) {
		auto_free char *copy = strndup(line, len);
		struct hierarchy hierarchy;

		if (copy == NULL || !parse_line(copy, &hierarchy))
			return "its cgroups cannot be read";
		r = leave(&hierarchy, &mounts);
		if (r < 0) {
			(void)snprintf(
			    why, sizeof(why),
			    "its cgroup %.100s (%.*s) is not root's, and cannot"
			    " be left: %s",
			    hierarchy.path,
			    hierarchy.controllers_len == 0
				? 2
				: (int)hierarchy.controllers_len,
			    hierarchy.controllers_len == 0 ? "v2" : hierarchy.controllers,
			    strerror(-r));
			return why;
		}
	}
	return NULL;
}
