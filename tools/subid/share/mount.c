/* SPDX-License-Identifier: MIT */
/*
 * Idmapped mounts of stores.
 *
 * Threat: paths are renamed and mounted over while root works with them.  So everything
 * is a descriptor: the store's directory, the mount, which is complete before it is
 * attached, and the directory that it is attached to, reached without following a link.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "tools/subid/share/share.h"

/* What glibc before 2.36 does not have; linux/mount.h and sys/mount.h exclude each other
 * there. */
#define TREE_CLONE	  1U
#define TREE_CLOEXEC	  O_CLOEXEC
#define ATTR_RDONLY	  0x00000001U
#define ATTR_NOSUID	  0x00000002U
#define ATTR_NODEV	  0x00000004U
#define ATTR_IDMAP	  0x00100000U
#define MOVE_F_EMPTY_PATH 0x00000004U
#define MOVE_T_EMPTY_PATH 0x00000040U
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_move_mount
#define SYS_move_mount 429
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

struct mount_attributes {
	uint64_t set, clear, propagation, userns;
};

/* --- the user namespace that holds the map -------------------------------------------
 */

/* 0 or -errno. */
static int write_map(pid_t pid, const struct share_map *map, enum subid_kind kind)
{
	auto_free char *text = malloc(map->n[kind] * SUBID_MAP_LINE_SIZE + 1);
	auto_close int fd = -1;
	char path[64];
	size_t size;

	if (text == NULL)
		return -ENOMEM;
	size = subid_map_print(map->lines[kind], map->n[kind], text);
	(void)snprintf(path, sizeof(path), "/proc/%d/%s_map", (int)pid,
		       subid_kind_name(kind));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, size) != (ssize_t)size)
		return errno != 0 ? -errno : -EIO;
	return 0;
}

static int open_userns(pid_t pid, const struct share_map *map)
{
	char path[64];
	int fd, r = 0;

	errno = 0;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = write_map(pid, map, kind);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A descriptor of a new user namespace with the map, in which no process is; -errno. */
static int make_userns(const struct share_map *map)
{
	int ends[2], fd;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	/* as fork(2): the child has nothing to do but to be in the namespace */
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		char byte;

		(void)close(ends[1]);
		/* until the parent closes its end, or is killed */
		(void)!read(ends[0], &byte, 1);
		_exit(0);
	}
	(void)close(ends[0]);
	fd = pid < 0 ? -errno : open_userns(pid, map);
	(void)close(ends[1]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

/* --- the mount point ------------------------------------------------------------------
 */

/* An access list, as the kernel takes it (linux/posix_acl_xattr.h). */
struct acl_entry {
	uint16_t tag, rights;
	uint32_t id;
};
enum { ACL_OWNER = 1, ACL_UID = 2, ACL_GROUP = 4, ACL_MASK = 0x10, ACL_OTHERS = 0x20 };

/* Lets the visitors, and root, go through a directory, and nobody else. */
static int set_visitors(int dir, const uint32_t visitors[2])
{
	struct {
		uint32_t version;
		struct acl_entry entries[6];
	} list = { .version = htole32(2) };
	uint32_t low = visitors[0] < visitors[1] ? visitors[0] : visitors[1];
	uint32_t high = visitors[0] < visitors[1] ? visitors[1] : visitors[0];
	size_t n = 0;

	list.entries[n++] =
	    (struct acl_entry){ htole16(ACL_OWNER), htole16(7), htole32(SUBID_ID_NONE) };
	if (low != SUBID_ID_NONE)
		list.entries[n++] =
		    (struct acl_entry){ htole16(ACL_UID), htole16(1), htole32(low) };
	if (high != SUBID_ID_NONE && high != low)
		list.entries[n++] =
		    (struct acl_entry){ htole16(ACL_UID), htole16(1), htole32(high) };
	list.entries[n++] =
	    (struct acl_entry){ htole16(ACL_GROUP), 0, htole32(SUBID_ID_NONE) };
	list.entries[n++] =
	    (struct acl_entry){ htole16(ACL_MASK), htole16(1), htole32(SUBID_ID_NONE) };
	list.entries[n++] =
	    (struct acl_entry){ htole16(ACL_OTHERS), 0, htole32(SUBID_ID_NONE) };
	return fsetxattr(dir, "system.posix_acl_access", &list,
			 sizeof(list.version) + n * sizeof(list.entries[0]), 0) < 0
		   ? -errno
		   : 0;
}

#define STEP_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

/* One more directory towards the mount point, root's, made if it is not there. */
static int enter_step(int dir, const char *name, mode_t mode)
{
	struct stat st;
	int fd;

	if (mkdirat(dir, name, mode) < 0 && errno != EEXIST)
		return -errno;
	fd = beneath_open(dir, name, STEP_FLAGS, RESOLVE_NO_SYMLINKS);
	if (fd < 0)
		return fd;
	/* Threat: who made it before us could make another one of it. */
	if (fstat(fd, &st) < 0 || st.st_uid != 0 || (st.st_mode & S_IWOTH) != 0) {
		(void)close(fd);
		return -EPERM;
	}
	return fd;
}

/* The parts of the path: /run is there; the second beneath SUBID_SHARE_MOUNTS is for the
 * visitors alone. */
enum { PART_RUN, PART_SUBID, PART_SHARE, PART_OWNER, PART_VISITORS, PART_STORE_OWNER };

static mode_t mode_of(int part)
{
	static const mode_t modes[] = { 0755, 0755, 0755, 0711, 0700, 0711 };

	return part <= PART_STORE_OWNER ? modes[part] : 0500;
}

/* Who can go through it: also if another umask was at work when it was made. */
static int guard_part(int dir, int part, const struct share_point *point)
{
	if (part == PART_RUN || part > PART_STORE_OWNER)
		return 0;
	if (part == PART_VISITORS)
		return set_visitors(dir, point->visitors);
	return fchmod(dir, mode_of(part)) < 0 ? -errno : 0;
}

/* Opens the mount point, made with all above it.  A descriptor, or -errno. */
static int make_point(const struct share_point *point)
{
	static const char above[] = SUBID_SHARE_MOUNTS;
	char path[sizeof(above) + sizeof(point->path)];
	char *name, *rest = path;
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "%s/%s", above + 1, point->path);
	for (int part = 0; (name = strsep(&rest, "/")) != NULL; part++) {
		int next = enter_step(dir, name, mode_of(part));
		int r = next < 0 ? next : guard_part(next, part, point);

		(void)close(dir); /* a directory */
		if (r < 0 && next >= 0)
			(void)close(next);
		if (r < 0)
			return r;
		dir = next;
	}
	return dir;
}

/* What is at the point; -ENOENT and other -errno. */
static int open_point(const struct share_point *point)
{
	static const char above[] = SUBID_SHARE_MOUNTS;
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[sizeof(above) + sizeof(point->path)];

	if (root < 0)
		return -errno;
	(void)snprintf(path, sizeof(path), "%s/%s", above + 1, point->path);
	return beneath_open(root, path, O_PATH | O_DIRECTORY | O_NOFOLLOW,
			    RESOLVE_NO_SYMLINKS);
}

/* Removes the directories of a point that are empty.  No failure: they are in nobody's
 * way. */
static void remove_point(const struct share_point *point)
{
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int mounts = -1;
	struct share_point left = *point;
	char *slash;

	if (root < 0)
		return;
	mounts = beneath_open(root, SUBID_SHARE_MOUNTS, O_PATH | O_DIRECTORY | O_NOFOLLOW,
			      RESOLVE_NO_SYMLINKS);
	if (mounts < 0)
		return;
	while (unlinkat(mounts, left.path, AT_REMOVEDIR) == 0 || errno == ENOENT) {
		slash = strrchr(left.path, '/');
		if (slash == NULL)
			return;
		*slash = '\0';
	}
}

/* Can a name be a part of a path?  Of an account's, one that is no other's uid. */
static bool is_part(const struct share_name *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_.@+-";
	const char *owner = name->owner;

	return owner[0] != '\0' && owner[0] != '.' && strlen(owner) <= NAME_MAX &&
	       owner[strspn(owner, plain)] == '\0' &&
	       (name->uid == SUBID_ID_NONE || owner[strspn(owner, "0123456789")] != '\0');
}

/* The name, or else the uid; NULL: it has none. */
static const char *part_of(const struct share_name *name, char *buf, size_t size)
{
	if (is_part(name))
		return name->owner;
	if (name->uid == SUBID_ID_NONE)
		return NULL;
	(void)snprintf(buf, size, "%u", name->uid);
	return buf;
}

int share_point_name(const struct share_name *store, const struct share_name *target,
		     bool podman, struct share_point *ret)
{
	char of_store[16], of_target[16];
	const char *a = part_of(target, of_target, sizeof(of_target));
	const char *b = part_of(store, of_store, sizeof(of_store));
	int n;

	if (a == NULL || b == NULL)
		return -EINVAL;
	n = snprintf(ret->path, sizeof(ret->path), "%s/%s/%s/%s", a,
		     target->name != NULL ? target->name
		     : podman		  ? "@podman"
					  : "@all",
		     b, store->name);
	return n < (int)sizeof(ret->path) ? 0 : -ENAMETOOLONG;
}

/* --- looking --------------------------------------------------------------------------
 */

static uint32_t shown(const struct share_map *map, enum subid_kind kind, uint32_t id)
{
	uint32_t outside = share_map_shows(map, kind, id);

	return outside == SUBID_ID_NONE ? 65534 : outside; /* as the kernel shows it */
}

static bool has_map(int dir, int at, const struct share_map *map)
{
	struct stat raw, seen;

	return fstat(dir, &raw) == 0 && fstat(at, &seen) == 0 &&
	       seen.st_uid == shown(map, SUBID_UID, raw.st_uid) &&
	       seen.st_gid == shown(map, SUBID_GID, raw.st_gid);
}

int share_mount_look(int dir, const struct share_point *point,
		     const struct share_map *map, bool read_only)
{
	auto_close int at = open_point(point);
	struct statx stx;
	struct statvfs fs;
	struct stat st;

	if (at < 0)
		return at == -ENOENT ? SHARE_NOT_MOUNTED : at;
	if (statx(at, "", AT_EMPTY_PATH, STATX_INO, &stx) < 0 || fstat(at, &st) < 0)
		return -errno;
	if ((stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0)
		return SHARE_NOT_MOUNTED;
	if (dir >= 0) {
		struct stat own;

		if (fstat(dir, &own) < 0)
			return -errno;
		if (own.st_dev != st.st_dev || own.st_ino != st.st_ino)
			return SHARE_MOUNTED_OTHERWISE;
	}
	if (map == NULL)
		return SHARE_MOUNTED;
	if (fstatvfs(at, &fs) < 0)
		return -errno;
	return has_map(dir, at, map) && ((fs.f_flag & ST_RDONLY) != 0) == read_only &&
		       (fs.f_flag & ST_NOSUID) != 0 && (fs.f_flag & ST_NODEV) != 0
		   ? SHARE_MOUNTED
		   : SHARE_MOUNTED_OTHERWISE;
}

/* --- mounting -------------------------------------------------------------------------
 */

/* A copy of the mount at dir alone, without what is mounted below. */
static int clone_mount(int dir, int *ret, struct share_why *why)
{
	*ret = (int)syscall(SYS_open_tree, dir, "",
			    AT_EMPTY_PATH | TREE_CLONE | TREE_CLOEXEC);
	if (*ret >= 0)
		return 0;
	if (errno == ENOSYS)
		return share_fail(why, SUBID_DENIED,
				  "this kernel has no open_tree(2): idmapped mounts need"
				  " Linux 5.12");
	return share_fail(why, -errno, "open_tree: %s", strerror(errno));
}

static int refuse_idmap(int dir, int error, struct share_why *why)
{
	struct subid_share_place place = { .type = "unknown" };
	struct share_place_text text;

	(void)share_place_find(dir, &place, &text);
	if (error == ENOSYS)
		return share_fail(why, SUBID_DENIED,
				  "this kernel has no mount_setattr(2): idmapped mounts"
				  " need Linux 5.12");
	if (error == EINVAL)
		return share_fail(why, SUBID_DENIED,
				  "the filesystem, %s, cannot be mounted with other ids"
				  " on this kernel: put the store on ext4, XFS, btrfs or"
				  " tmpfs",
				  place.type);
	if (error == EPERM)
		return share_fail(why, SUBID_DENIED,
				  "the filesystem, %s, is mounted with other ids already,"
				  " or belongs to a container: name a directory that the"
				  " host has mounted itself",
				  place.type);
	return share_fail(why, -error, "mount_setattr: %s", strerror(error));
}

static int set_attributes(int tree, int dir, const struct share_map *map, bool read_only,
			  struct share_why *why)
{
	auto_close int userns = make_userns(map);
	const struct mount_attributes attributes = {
		.set =
		    ATTR_IDMAP | ATTR_NOSUID | ATTR_NODEV | (read_only ? ATTR_RDONLY : 0),
		.propagation = MS_PRIVATE,
		.userns = (uint64_t)userns,
	};

	if (userns < 0)
		return share_fail(why, userns,
				  "a user namespace for the map cannot be made: %s%s",
				  strerror(-userns),
				  userns == -ENOSPC || userns == -EUSERS
				      ? ": is user.max_user_namespaces 0?"
				      : "");
	return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes,
		       sizeof(attributes)) < 0
		   ? refuse_idmap(dir, errno, why)
		   : 0;
}

/* Where /run is shared with other namespaces, as systemd has it, the mount has become
 * shared by being attached; those namespaces have got it, and what is mounted in it
 * later, by whomever, is to stay where it is. */
static void make_private(int tree)
{
	const struct mount_attributes attributes = { .propagation = MS_PRIVATE };

	/* it was private until it was attached, so this cannot fail where that did not */
	(void)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes,
		      sizeof(attributes));
}

static int attach(int tree, const struct share_point *point, struct share_why *why)
{
	auto_close int at = make_point(point);

	if (at == -EOPNOTSUPP)
		return share_fail(why, at,
				  "/run has no access lists (ACL): mount a tmpfs there");
	if (at < 0)
		return share_fail(why, at, SUBID_SHARE_MOUNTS "/%s: %s", point->path,
				  strerror(-at));
	if (syscall(SYS_move_mount, tree, "", at, "",
		    MOVE_F_EMPTY_PATH | MOVE_T_EMPTY_PATH) < 0)
		return share_fail(why, -errno,
				  "move_mount to " SUBID_SHARE_MOUNTS "/%s: %s",
				  point->path, strerror(errno));
	make_private(tree);
	return 0;
}

int share_mount_make(int dir, const struct share_point *point,
		     const struct share_map *map, bool read_only, struct share_why *why)
{
	auto_close int tree = -1;
	int r = clone_mount(dir, &tree, why);

	if (r == 0)
		r = set_attributes(tree, dir, map, read_only, why);
	if (r == 0)
		r = attach(tree, point, why);
	if (r != 0)
		remove_point(point);
	return r;
}

int share_mount_end(const struct share_point *point)
{
	auto_close int at = open_point(point);
	struct statx stx;
	char path[32];
	int r = 0;

	if (at < 0)
		return at == -ENOENT ? 0 : at;
	if (statx(at, "", AT_EMPTY_PATH, STATX_INO, &stx) < 0)
		return -errno;
	if ((stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
		/* what is open there, as our own descriptor, ends on its own */
		r = umount2(path, MNT_DETACH) < 0 ? -errno : 0;
	}
	if (r == 0)
		remove_point(point);
	return r;
}
