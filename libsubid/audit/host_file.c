/* SPDX-License-Identifier: MIT */
/*
 * One file: stat(2), and two extended attributes in the form that the kernel has
 * documented in its uapi headers (posix_acl_xattr.h, capability.h).
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

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

void host_file_set_acl(struct subid_host_file *file, const void *bytes, size_t size,
		       uint32_t root)
{
	const unsigned char *entries;
	bool masked = (file->mode & S_IWGRP) == 0;
	uint32_t version = 0;
	size_t n;

	file->acl = SUBID_ACL_NOBODY;
	/* with a list, the group's bits of the mode are the most that anybody gets */
	file->group_writes = !masked;
	if (size == 0 || masked)
		return;
	if (size >= sizeof(version))
		memcpy(&version, bytes, sizeof(version));
	if (le32toh(version) != ACL_VERSION ||
	    (size - sizeof(version)) % sizeof(struct acl_entry) != 0) {
		file->acl = SUBID_ACL_DAMAGED;
		return;
	}
	entries = (const unsigned char *)bytes + sizeof(version);
	n = (size - sizeof(version)) / sizeof(struct acl_entry);
	for (size_t i = 0; i < n; i++) {
		struct acl_entry entry = acl_at(entries, i);
		bool writes = (entry.perm & ACL_WRITE) != 0;

		if (entry.tag == ACL_GROUP_OBJ)
			file->group_writes = writes;
		if (!writes || file->acl != SUBID_ACL_NOBODY || entry.id == 0 ||
		    entry.id == root || (entry.tag != ACL_USER && entry.tag != ACL_GROUP))
			continue;
		file->acl = entry.tag == ACL_USER ? SUBID_ACL_USER : SUBID_ACL_GROUP;
		file->acl_id = entry.id;
	}
}

struct subid_host_caps host_caps_parse(const void *bytes, size_t size)
{
	static const size_t sizes[] = {
		[1] = XATTR_CAPS_SZ_1, [2] = XATTR_CAPS_SZ_2, [3] = XATTR_CAPS_SZ_3
	};
	struct subid_host_caps caps = { .error = EINVAL };
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

/* By way of /proc, because a descriptor of O_PATH is good for nothing else. */
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

static int look_at_acl(int fd, uint32_t root, struct subid_host_file *file)
{
	auto_free char *bytes = NULL;
	size_t size = 0;

	/* whatever else fails: as if there were no list, and the mode counts */
	if ((S_ISREG(file->mode) || S_ISDIR(file->mode)) &&
	    read_xattr(fd, "system.posix_acl_access", &bytes, &size) == -ENOMEM)
		return -ENOMEM;
	host_file_set_acl(file, bytes, size, root);
	return 0;
}

int host_file_look(int fd, uint32_t root, struct subid_host_file *ret)
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

int host_caps_look(int fd, struct subid_host_caps *ret)
{
	auto_free char *bytes = NULL;
	size_t size = 0;
	int r = read_xattr(fd, "security.capability", &bytes, &size);

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		*ret = (struct subid_host_caps){
			.error = r == -EOPNOTSUPP ? ENODATA : -r,
		};
	else
		*ret = host_caps_parse(bytes, size);
	return 0;
}

void host_make_printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void host_file_free(struct subid_host_file *file)
{
	free(file->path);
	free(file->target);
	*file = (struct subid_host_file){ .path = NULL };
}

int host_file_at(int dir, const char *name, const char *path, uint32_t root,
		 struct subid_host_file *ret)
{
	auto_close int fd = -1;
	char target[4096];
	ssize_t n;

	if (asprintf(&ret->path, "%s/%s", path, name) < 0) {
		ret->path = NULL;
		return -ENOMEM;
	}
	host_make_printable(ret->path);
	/* Threat: whatever stands there is not opened, so that it cannot hang us. */
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
