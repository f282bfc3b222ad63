/* SPDX-License-Identifier: MIT */
/*
 * A path, step by step: whoever can write one of the directories on it can replace
 * the file at its end.  Links are followed here and not by the kernel, to see the
 * directories that they lead through.  Of each file that is passed: stat(2), and two
 * extended attributes in the form that the kernel has documented in its uapi headers
 * (posix_acl_xattr.h, capability.h).
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "libsubid/core/printable.h"

#define ACL_VERSION 2
#define ACL_WRITE   2

enum acl_tag {
	ACL_USER_OBJ = 0x01,
	ACL_USER = 0x02,
	ACL_GROUP_OBJ = 0x04,
	ACL_GROUP = 0x08,
	ACL_MASK = 0x10,
	ACL_OTHER = 0x20,
};

struct acl_entry {
	uint16_t tag;
	uint16_t perm;
	uint32_t id;
};

static struct acl_entry acl_at(const unsigned char *entries, size_t i)
{
	struct acl_entry entry;

	memcpy(&entry, entries + i * sizeof(entry), sizeof(entry));
	return (struct acl_entry){ le16toh(entry.tag), le16toh(entry.perm),
				   le32toh(entry.id) };
}

void host_file_set_acl(struct audit_host_file *file, const void *bytes, size_t size,
		       uint32_t root)
{
	const unsigned char *entries;
	bool masked = (file->mode & S_IWGRP) == 0;
	uint32_t version = 0;
	size_t n;

	file->acl = AUDIT_ACL_NOBODY;
	/* with an access list, the group's bits of the mode limit all its entries */
	file->group_writes = !masked;
	if (size == 0 || masked)
		return;
	if (size >= sizeof(version))
		memcpy(&version, bytes, sizeof(version));
	if (le32toh(version) != ACL_VERSION ||
	    (size - sizeof(version)) % sizeof(struct acl_entry) != 0) {
		file->acl = AUDIT_ACL_DAMAGED;
		return;
	}
	entries = (const unsigned char *)bytes + sizeof(version);
	n = (size - sizeof(version)) / sizeof(struct acl_entry);
	for (size_t i = 0; i < n; i++) {
		struct acl_entry entry = acl_at(entries, i);
		bool writes = (entry.perm & ACL_WRITE) != 0;

		if (entry.tag == ACL_GROUP_OBJ)
			file->group_writes = writes;
		if (!writes || file->acl != AUDIT_ACL_NOBODY || entry.id == 0 ||
		    entry.id == root || (entry.tag != ACL_USER && entry.tag != ACL_GROUP))
			continue;
		file->acl = entry.tag == ACL_USER ? AUDIT_ACL_USER : AUDIT_ACL_GROUP;
		file->acl_id = entry.id;
	}
}

struct audit_host_caps host_caps_parse(const void *bytes, size_t size)
{
	static const size_t sizes[] = {
		[1] = XATTR_CAPS_SZ_1, [2] = XATTR_CAPS_SZ_2, [3] = XATTR_CAPS_SZ_3
	};
	struct audit_host_caps caps = { .error = EINVAL };
	struct vfs_ns_cap_data data = { 0 };
	uint32_t magic, revision;

	if (size < sizeof(magic) || size > sizeof(data))
		return caps;
	memcpy(&data, bytes, size);
	magic = le32toh(data.magic_etc);
	revision = magic >> VFS_CAP_REVISION_SHIFT;
	if (revision < 1 || revision > 3 || sizes[revision] != size)
		return caps;
	caps.error = 0;
	caps.effective = (magic & VFS_CAP_FLAGS_EFFECTIVE) != 0;
	caps.permitted = le32toh(data.data[0].permitted);
	if (revision > 1)
		caps.permitted |= (uint64_t)le32toh(data.data[1].permitted) << 32;
	if (revision == 3)
		caps.rootid = le32toh(data.rootid);
	return caps;
}

/* Through /proc, because a descriptor of O_PATH allows nothing else. */
static int read_xattr(int fd, const char *name, char **ret, size_t *ret_size)
{
	char path[sizeof("/proc/self/fd/4294967295")];
	auto_free char *bytes = NULL;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = getxattr(path, name, NULL, 0);
	if (n < 0)
		return -errno;
	bytes = malloc((size_t)n + 1);
	if (bytes == NULL)
		return -ENOMEM;
	n = getxattr(path, name, bytes, (size_t)n);
	if (n < 0)
		return -errno;
	*ret = bytes;
	*ret_size = (size_t)n;
	bytes = NULL;
	return 0;
}

static int look_at_acl(int fd, uint32_t root, struct audit_host_file *file)
{
	auto_free char *bytes = NULL;
	size_t size = 0;

	/* after any other failure, as if there were no list: the mode counts */
	if ((S_ISREG(file->mode) || S_ISDIR(file->mode)) &&
	    read_xattr(fd, "system.posix_acl_access", &bytes, &size) == -ENOMEM)
		return -ENOMEM;
	host_file_set_acl(file, bytes, size, root);
	return 0;
}

/* Fills all but path and target.  fd may be one of O_PATH.  0 or -ENOMEM. */
static int host_file_look(int fd, uint32_t root, struct audit_host_file *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0) {
		ret->error = errno;
		return 0;
	}
	ret->mode = st.st_mode;
	ret->uid = st.st_uid;
	ret->gid = st.st_gid;
	ret->dev = st.st_dev;
	ret->ino = st.st_ino;
	ret->links = st.st_nlink;
	return look_at_acl(fd, root, ret);
}

int host_caps_look(int fd, struct audit_host_caps *ret)
{
	auto_free char *bytes = NULL;
	size_t size = 0;
	int r = read_xattr(fd, "security.capability", &bytes, &size);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		*ret = (struct audit_host_caps){
			.error = r == -EOPNOTSUPP ? ENODATA : -r,
		};
	else
		*ret = host_caps_parse(bytes, size);
	return 0;
}

void host_make_printable(char *text)
{
	printable_ascii(text, strlen(text), ' ');
}

void host_file_free(struct audit_host_file *file)
{
	free(file->path);
	free(file->target);
	*file = (struct audit_host_file){ .path = NULL };
}

int host_file_at(int dir, const char *name, const char *path, uint32_t root,
		 struct audit_host_file *ret)
{
	auto_close int fd = -1;
	char target[4096];
	ssize_t n;

	if (asprintf(&ret->path, "%s/%s", path, name) < 0) {
		ret->path = NULL;
		return -ENOMEM;
	}
	host_make_printable(ret->path);
	/* Threat: the file is not opened, so that it cannot hang us. */
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		ret->error = errno;
		return 0;
	}
	n = readlinkat(fd, "", target, sizeof(target));
	if (n > 0) {
		ret->target = strndup(target, (size_t)n);
		if (ret->target == NULL)
			return -ENOMEM;
		host_make_printable(ret->target);
	}
	return host_file_look(fd, root, ret);
}

#define LINKS_MAX 40 /* as in the kernel */

struct walker {
	const struct audit_host_options *options;
	uint32_t root;
	char done[PATH_MAX]; /* has no links; "" is the root */
	char todo[PATH_MAX]; /* comes after it */
	unsigned int links;
};

void path_walk_free(struct audit_path_walk *walk)
{
	for (size_t i = 0; i < walk->n; i++)
		host_file_free(&walk->files[i]);
	free(walk->files);
	*walk = (struct audit_path_walk){ .n = 0 };
}

/* One more file, with the path that the walk has reached; NULL when out of memory. */
static struct audit_host_file *add_file(const struct walker *walker,
					struct audit_path_walk *walk)
{
	bool is_top = walker->done[0] == '\0' && walker->options->prefix[0] == '\0';
	char *path;

	if (array_grow(&walk->files, walk->n, sizeof(*walk->files)) < 0)
		return NULL;
	if (asprintf(&path, "%s%s", walker->options->prefix,
		     is_top ? "/" : walker->done) < 0)
		return NULL;
	host_make_printable(path);
	walk->files[walk->n] = (struct audit_host_file){ .path = path };
	return &walk->files[walk->n++];
}

static int add_error(const struct walker *walker, struct audit_path_walk *walk, int error)
{
	struct audit_host_file *file = add_file(walker, walk);

	if (file == NULL)
		return -ENOMEM;
	file->error = error;
	return 0;
}

static bool is_passed(const struct audit_path_walk *walk, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < walk->n; i++)
		if (walk->files[i].dev == st.st_dev && walk->files[i].ino == st.st_ino)
			return true;
	return false;
}

/*
 * Opens what the walk has reached.  Threat: a link that somebody puts there in
 * this moment, and in an image any link, must not lead out of the root.
 */
static int open_done(const struct walker *walker)
{
	return beneath_open(walker->options->root,
			    walker->done[0] == '\0' ? "/" : walker->done,
			    O_PATH | O_NOFOLLOW, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
}

/* Takes the next part of todo to the end of done, or one away for "..". */
static int advance(struct walker *walker)
{
	char *part = walker->todo + strspn(walker->todo, "/"), *last;
	size_t len = strcspn(part, "/"), used = strlen(walker->done);

	if (len == 2 && memcmp(part, "..", 2) == 0) {
		last = strrchr(walker->done, '/');
		if (last != NULL)
			*last = '\0';
	} else if (len > 1 || (len == 1 && *part != '.')) {
		if (used + len + 2 > sizeof(walker->done))
			return ENAMETOOLONG;
		walker->done[used] = '/';
		memcpy(walker->done + used + 1, part, len);
		walker->done[used + 1 + len] = '\0';
	}
	memmove(walker->todo, part + len, strlen(part + len) + 1);
	return 0;
}

/* The link that the walk has reached: its target comes before the rest of todo. */
static int follow(struct walker *walker, int fd)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));
	size_t len, rest = strlen(walker->todo);

	if (n <= 0)
		return n < 0 ? errno : ENOENT;
	len = (size_t)n;
	if (++walker->links > LINKS_MAX)
		return ELOOP;
	if (len + 1 + rest + 1 > sizeof(walker->todo))
		return ENAMETOOLONG;
	memmove(walker->todo + len + 1, walker->todo, rest + 1);
	memcpy(walker->todo, target, len);
	walker->todo[len] = '/';
	if (target[0] == '/')
		walker->done[0] = '\0';
	else
		*strrchr(walker->done, '/') = '\0'; /* there is one: it is the link's */
	return 0;
}

/*
 * Looks at what the walk has reached.  Returns 0, to go on; 1 at the end, with
 * *ret_fd set when it is the file; -ENOMEM.
 */
static int visit(struct walker *walker, struct audit_path_walk *walk, int *ret_fd)
{
	auto_close int fd = open_done(walker);
	struct audit_host_file *file;
	bool is_last = walker->todo[strspn(walker->todo, "/")] == '\0';
	struct stat st;
	int error = fd < 0 ? -fd : 0;

	if (error == 0 && fstat(fd, &st) < 0)
		error = errno;
	if (error == 0 && S_ISLNK(st.st_mode)) {
		error = follow(walker, fd);
		if (error == 0)
			return 0;
	}
	if (error == 0 && !S_ISDIR(st.st_mode) && !is_last)
		error = ENOTDIR;
	if (error != 0)
		return add_error(walker, walk, error) < 0 ? -ENOMEM : 1;
	if (!is_last && is_passed(walk, fd))
		return 0;
	file = add_file(walker, walk);
	if (file == NULL || host_file_look(fd, walker->root, file) < 0)
		return -ENOMEM;
	if (!is_last)
		return 0;
	*ret_fd = fd;
	fd = -1;
	return 1;
}

int path_walk(const struct audit_host_options *options, uint32_t root, const char *path,
	      struct audit_path_walk *ret, int *ret_fd)
{
	struct walker walker = { .options = options, .root = root };
	int r, error;

	*ret = (struct audit_path_walk){ .n = 0 };
	*ret_fd = -1;
	if (strlen(path) >= sizeof(walker.todo))
		return add_error(&walker, ret, ENAMETOOLONG);
	memcpy(walker.todo, path, strlen(path) + 1);
	for (r = visit(&walker, ret, ret_fd); r == 0; r = visit(&walker, ret, ret_fd)) {
		error = advance(&walker);
		if (error != 0)
			return add_error(&walker, ret, error);
	}
	return r < 0 ? r : 0;
}
