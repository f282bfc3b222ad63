/* SPDX-License-Identifier: MIT */
/*
 * Idmapped mounts: the ids on the disk are seen as others through them
 * (mount_setattr(2)).  Which ids, the kernel tells since Linux 6.15 (statmount(2)); that
 * there is one, in /proc/self/mountinfo.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/subid/storage/private.h"

/* linux/mount.h of Linux 6.15, as far as it is needed. */
#ifndef SYS_statmount
#define SYS_statmount 457
#endif
#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif
#define MAPS_WANTED   0x6000ULL /* STATMOUNT_MNT_UIDMAP, STATMOUNT_MNT_GIDMAP */
#define MAPS_TEXT     512	/* where the texts begin */
#define MAPS_SIZE     32768
#define MAP_LINES_MAX 340

struct mount_request {
	uint32_t size, spare;
	uint64_t mount, param, ns;
};

struct mount_reply {
	uint32_t size, options;
	uint64_t mask;
	uint8_t others[128];
	uint64_t supported;
	struct {
		uint32_t n, at;
	} maps[SUBID_KINDS];
};

/* One line of mountinfo: "ID PARENT MAJOR:MINOR ROOT WHERE OPTIONS ...". */
struct mount_line {
	uint64_t id;
	uint32_t major, minor;
	const char *where;
	size_t where_len;
	bool idmapped;
};

static bool next_word(const char **at, const char *end, const char **ret, size_t *ret_len)
{
	const char *blank;

	if (*at >= end)
		return false;
	blank = memchr(*at, ' ', (size_t)(end - *at));
	*ret = *at;
	*ret_len = (size_t)((blank == NULL ? end : blank) - *at);
	*at += *ret_len + 1;
	return true;
}

static bool has_option(const char *options, size_t len, const char *wanted)
{
	size_t size = strlen(wanted);

	for (size_t i = 0; i + size <= len; i++)
		if (memcmp(options + i, wanted, size) == 0 &&
		    (i == 0 || options[i - 1] == ',') &&
		    (i + size == len || options[i + size] == ','))
			return true;
	return false;
}

static bool parse_line(const char *line, size_t len, struct mount_line *ret)
{
	const char *at = line, *end = line + len, *words[6] = { NULL };
	size_t lens[6] = { 0 };

	for (size_t i = 0; i < 6; i++)
		if (!next_word(&at, end, &words[i], &lens[i]))
			return false;
	*ret = (struct mount_line){
		.where = words[4],
		.where_len = lens[4],
		.idmapped = has_option(words[5], lens[5], "idmapped"),
	};
	return sscanf(words[0], "%" SCNu64, &ret->id) == 1 &&
	       sscanf(words[2], "%u:%u", &ret->major, &ret->minor) == 2;
}

/* "\040" is a blank. */
static char *unescape(const char *text, size_t len)
{
	char *copy = strndup(text, len), *to = copy;

	for (const char *from = copy; copy != NULL && *from != '\0';) {
		unsigned int byte;

		if (*from == '\\' && sscanf(from + 1, "%3o", &byte) == 1) {
			*to++ = (char)byte;
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	if (copy != NULL)
		*to = '\0';
	return copy;
}

/* The ids on the disk stand first in each line.  Does a map have one of the set's? */
static bool map_meets(const char *text, uint32_t n, const struct subid_set *set)
{
	for (uint32_t i = 0; i < n && i < MAP_LINES_MAX; i++, text += strlen(text) + 1) {
		uint32_t disk, seen, count;

		if (sscanf(text, "%u %u %u", &disk, &seen, &count) == 3 &&
		    subid_set_meets(set, id_range_between(disk, (uint64_t)disk + count),
				    NULL))
			return true;
	}
	return false;
}

/* Does the mount on a path map one of the ids?  0: no; SUBID_IN_USE; SUBID_UNKNOWN. */
static int mount_meets(const char *where, const struct subid_sets *ids)
{
	auto_close int fd = open(where, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	struct mount_request request = { .size = 24, .param = MAPS_WANTED };
	auto_free char *buf = calloc(1, MAPS_SIZE);
	const struct mount_reply *reply = (const void *)buf;
	struct statx st;

	if (buf == NULL)
		return -ENOMEM;
	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID_UNIQUE, &st) < 0 ||
	    (st.stx_mask & STATX_MNT_ID_UNIQUE) == 0)
		return SUBID_UNKNOWN;
	request.mount = st.stx_mnt_id;
	if (syscall(SYS_statmount, &request, buf, MAPS_SIZE - 1, 0) < 0 ||
	    (reply->mask & MAPS_WANTED) != MAPS_WANTED)
		return SUBID_UNKNOWN;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (reply->maps[kind].at < MAPS_SIZE - MAPS_TEXT &&
		    map_meets(buf + MAPS_TEXT + reply->maps[kind].at, reply->maps[kind].n,
			      &ids->of[kind]))
			return SUBID_IN_USE;
	return 0;
}

/* The line of the mount that a descriptor is on.  0; SUBID_ABSENT: it is in another
 * mount namespace; -errno. */
static int find_own(const struct subid_text *text, int tree, struct mount_line *ret)
{
	const char *line;
	size_t pos = 0, len;
	struct statx st;

	if (statx(tree, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return -errno;
	while (subid_text_next(text, &pos, &line, &len))
		if (parse_line(line, len, ret) && ret->id == st.stx_mnt_id)
			return 0;
	return SUBID_ABSENT;
}

int storage_find_mount(const struct subid_sets *ids, int tree, char **ret)
{
	auto_text struct subid_text text = { .bytes = NULL };
	struct mount_line own, mount;
	const char *line;
	size_t pos = 0, len;
	int r = subid_text_read(AT_FDCWD, "/proc/self/mountinfo", false, &text);

	if (r == 0)
		r = find_own(&text, tree, &own);
	if (r != 0)
		return r < 0 ? r : 0;
	while (r == 0 && subid_text_next(&text, &pos, &line, &len)) {
		auto_free char *where = NULL;

		/* a subvolume has a device of its own, but not here */
		if (!parse_line(line, len, &mount) || !mount.idmapped ||
		    mount.major != own.major || mount.minor != own.minor)
			continue;
		where = unescape(mount.where, mount.where_len);
		if (where == NULL)
			return -ENOMEM;
		r = mount_meets(where, ids);
		if (r > 0) {
			*ret = where;
			where = NULL;
		}
	}
	return r;
}
