/* SPDX-License-Identifier: MIT */
/*
 * The directory of a store: how it is reached, and by what it is recognised.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "libsubid/core/printable.h"
#include "tools/subid/share/share.h"

int share_fail(struct share_why *why, int r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return r;
}

/* --- the way ------------------------------------------------------------------------ */

bool share_dir_valid(const char *path)
{
	size_t len = strlen(path);

	if (path[0] != '/' || path[1] == '\0' || len >= PATH_MAX)
		return false;
	if (!printable_is_safe(path, len))
		return false;
	for (const char *part = path; *part != '\0';) {
		size_t n;

		part += strspn(part, "/");
		n = strcspn(part, "/");
		if (n > NAME_MAX || (n == 1 && part[0] == '.') ||
		    (n == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		part += n;
	}
	return path[strspn(path, "/")] != '\0';
}

/* Where a walk is. */
struct way {
	const char *path;
	int len;      /* of path that has been walked */
	bool guarded; /* some directory so far is root's alone to enter */
	struct share_why *why;
};

/* Is there an access list beyond the mode's three?  If it cannot be told: yes. */
static bool has_list(int dir)
{
	return fgetxattr(dir, "system.posix_acl_access", NULL, 0) >= 0 ||
	       (errno != ENODATA && errno != EOPNOTSUPP);
}

/* A directory in which the next part stands.  0, or -errno with the reason. */
static int check_step(struct way *way, int dir)
{
	struct stat st;
	bool group;

	if (fstat(dir, &st) < 0)
		return share_fail(way->why, -errno, "%.*s: %s", way->len, way->path,
				  strerror(errno));
	/* with a list, the mode's group bits are what any name in it has at most */
	group = st.st_gid != 0 || has_list(dir);
	if (st.st_uid != 0)
		return share_fail(way->why, -EPERM,
				  "%.*s belongs to uid %u, who could put another"
				  " directory in its place: chown it to root, or choose"
				  " another directory",
				  way->len, way->path, st.st_uid);
	/* in a sticky directory only root can rename what is root's, as the next part is
	 */
	if (((st.st_mode & S_IWOTH) != 0 || ((st.st_mode & S_IWGRP) != 0 && group)) &&
	    (st.st_mode & S_ISVTX) == 0)
		return share_fail(way->why, -EPERM,
				  "%.*s can be written by others than root, who could"
				  " put another directory in its place: chmod go-w it,"
				  " or choose another directory",
				  way->len, way->path);
	way->guarded |=
	    (st.st_mode & S_IXOTH) == 0 && ((st.st_mode & S_IXGRP) == 0 || !group);
	return 0;
}

/* Into the part name of the path, made if it is missing and may be. */
static int step(const struct way *way, int dir, const char *name, bool make)
{
	int fd = beneath_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
			      RESOLVE_NO_SYMLINKS);
	struct stat st;

	if (fd == -ENOENT && make) {
		if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
			return share_fail(way->why, -errno, "%.*s: %s", way->len,
					  way->path, strerror(errno));
		/* a name that is not on the disk would be lost with the power */
		(void)fsync(dir);
		fd = beneath_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
				  RESOLVE_NO_SYMLINKS);
	}
	/* with O_DIRECTORY a link is said to be no directory */
	if (fd == -ELOOP ||
	    (fd == -ENOTDIR && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	     S_ISLNK(st.st_mode)))
		return share_fail(way->why, -ELOOP,
				  "%.*s is a link: give the path that it leads to",
				  way->len, way->path);
	if (fd < 0)
		return share_fail(way->why, fd, "%.*s: %s", way->len, way->path,
				  strerror(-fd));
	return fd;
}

static int refuse_open(const struct way *way)
{
	return share_fail(way->why, -EPERM,
			  "others than root can enter each directory above it, and so"
			  " reach the store past its mounts: name a directory whose"
			  " parent is not there yet, which is then made root's alone, or"
			  " chmod 700 one above it");
}

int share_dir_open(const char *path, bool make, struct share_why *why)
{
	struct way way = { .path = path, .len = 1, .why = why };
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return share_fail(why, -errno, "/: %s", strerror(errno));
	for (const char *part = path + strspn(path, "/"); *part != '\0';) {
		size_t len = strcspn(part, "/");
		char name[NAME_MAX + 1];
		int next = check_step(&way, dir);

		(void)snprintf(name, sizeof(name), "%.*s", (int)len, part);
		part += len;
		way.len = (int)(part - path);
		part += strspn(part, "/");
		/* nothing is made where the store could not be */
		if (next == 0 && *part == '\0' && !way.guarded)
			next = refuse_open(&way);
		if (next == 0)
			next = step(&way, dir, name, make);
		(void)close(dir); /* a directory */
		if (next < 0)
			return next;
		dir = next;
	}
	return dir;
}

int share_dir_is_empty(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 1;
	const struct dirent *entry;
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);

	if (stream == NULL) {
		r = -errno;
		if (fd >= 0)
			(void)close(fd);
		return r;
	}
	for (errno = 0; r == 1 && (entry = readdir(stream)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			r = 0;
	if (r == 1 && errno != 0)
		r = -errno;
	(void)closedir(stream); /* only read */
	return r;
}

/* --- what it is --------------------------------------------------------------------- */

/* Since Linux 6.9 (linux/fs.h). */
struct share_uuid {
	uint8_t len;
	uint8_t uuid[16];
};
#define GET_UUID _IOR(0x15, 0, struct share_uuid)

#define MOUNTINFO_MAX (64U << 20)

/* The type in a line of mountinfo, "36 35 98:0 / /mnt rw - ext4 /dev/sda1 rw", if it
 * begins with the number. */
static bool type_of_line(const char *line, size_t len, uint64_t id, char *buf,
			 size_t size)
{
	static const char mark[] = " - ";
	char head[24];
	const char *type = memmem(line, len, mark, sizeof(mark) - 1);
	int n = snprintf(head, sizeof(head), "%llu ", (unsigned long long)id);
	size_t type_len;

	if (type == NULL || len < (size_t)n || memcmp(line, head, (size_t)n) != 0)
		return false;
	type += sizeof(mark) - 1;
	type_len = strcspn(type, " \n");
	printable_copy(buf, size, type, type_len);
	return type_len > 0;
}

/* What the filesystem is called; "unknown" if that cannot be found out. */
static void find_type(uint64_t mount, char *buf, size_t size)
{
	auto_text struct subid_text text = { .bytes = NULL };
	auto_close int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	const char *line;
	size_t pos = 0, len;

	(void)snprintf(buf, size, "unknown");
	if (fd < 0 || subid_text_read_fd(fd, MOUNTINFO_MAX, &text) < 0)
		return;
	while (subid_text_next(&text, &pos, &line, &len))
		if (type_of_line(line, len, mount, buf, size))
			return;
}

static void print_hex(char *buf, size_t size, const char *prefix, const void *bytes,
		      size_t n)
{
	size_t used = (size_t)snprintf(buf, size, "%s", prefix);

	for (size_t i = 0; i < n && used + 2 < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%02x",
					 ((const uint8_t *)bytes)[i]);
}

int share_place_find(int dir, struct subid_share_place *ret,
		     struct share_place_text *text)
{
	static const struct share_uuid none;
	struct share_uuid uuid = { .len = 0 };
	struct statfs fs;
	struct statx stx;

	if (statx(dir, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC,
		  STATX_INO | STATX_BTIME | STATX_MNT_ID, &stx) < 0 ||
	    fstatfs(dir, &fs) < 0)
		return -errno;
	find_type(stx.stx_mnt_id, text->type, sizeof(text->type));
	(void)snprintf(text->identity, sizeof(text->identity), "-");
	if (ioctl(dir, GET_UUID, &uuid) == 0 && uuid.len <= sizeof(uuid.uuid) &&
	    memcmp(uuid.uuid, none.uuid, sizeof(none.uuid)) != 0)
		print_hex(text->identity, sizeof(text->identity), "uuid:", uuid.uuid,
			  uuid.len);
	else if (memcmp(&fs.f_fsid, none.uuid, sizeof(fs.f_fsid)) != 0)
		print_hex(text->identity, sizeof(text->identity), "fsid:", &fs.f_fsid,
			  sizeof(fs.f_fsid));
	*ret = (struct subid_share_place){
		.inode = stx.stx_ino,
		.born = (stx.stx_mask & STATX_BTIME) != 0 && stx.stx_btime.tv_sec > 0
			    ? (uint64_t)stx.stx_btime.tv_sec
			    : 0,
		.major = stx.stx_dev_major,
		.minor = stx.stx_dev_minor,
		.type = text->type,
		.identity = text->identity,
	};
	return 0;
}

/*
 * Devices get other numbers at each boot (loop, device mapper, btrfs), so they count only
 * where nothing better is known on both sides.
 */
static bool is_one_filesystem(const struct subid_share_place *a,
			      const struct subid_share_place *b)
{
	bool uuids = strncmp(a->identity, "uuid:", 5) == 0 &&
		     strncmp(b->identity, "uuid:", 5) == 0;

	if (strcmp(a->type, b->type) != 0)
		return false;
	if (uuids || (strcmp(a->identity, b->identity) == 0 && a->identity[0] != '-'))
		return strcmp(a->identity, b->identity) == 0;
	return a->major == b->major && a->minor == b->minor;
}

const char *share_place_differs(const struct subid_share_place *recorded,
				const struct subid_share_place *found)
{
	if (!is_one_filesystem(recorded, found))
		return "it is on another filesystem than the store: is that not mounted?";
	if (recorded->inode != found->inode || recorded->born != found->born)
		return "it is another directory than the store";
	return NULL;
}
