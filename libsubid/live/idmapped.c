/* SPDX-License-Identifier: MIT */
/*
 * Idmapped mounts (mount_setattr(2)): which ids on the disk they show as others.  The
 * kernel tells since Linux 6.15 (statmount(2)); before, only that there is one.
 *
 * Threat: the mounts are others' work, and their paths too.  Nothing is opened: mounts
 * are asked for by their numbers, in the namespace of a process that sees them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "libsubid/live/private.h"

/* linux/mount.h and linux/nsfs.h of Linux 6.15, as far as they are needed. */
#ifndef SYS_statmount
#define SYS_statmount 457
#endif
#ifndef SYS_listmount
#define SYS_listmount 458
#endif
#define GET_MOUNT_NS   _IOR(0xb7, 0x5, uint64_t)
#define ALL_MOUNTS     UINT64_MAX
#define MASK_WANTED    0x33ULL /* superblock, mount, its point, its type */
#define MASK_MAPS      0x6000ULL
#define ATTR_IDMAP     0x00100000ULL
#define REPLY_TEXT     512 /* where the texts begin */
#define REPLY_SIZE     32768
#define LIST_MAX       512
#define LIST_TURNS     200 /* 100,000 mounts */
#define MOUNTINFO_ROOM (256U << 10)
#define FOUND_MAX      10000

struct mount_request {
	uint32_t size, spare;
	uint64_t mount, param, ns;
};

struct mount_reply {
	uint32_t size, options;
	uint64_t mask;
	uint32_t major, minor;
	uint64_t magic;
	uint32_t flags, type;
	uint8_t ids[24];
	uint64_t attributes;
	uint8_t others[36];
	uint32_t point;
	uint8_t more[32];
	uint64_t supported;
	struct {
		uint32_t n, at;
	} maps[SUBID_KINDS];
};

_Static_assert(offsetof(struct mount_reply, attributes) == 64, "linux/mount.h");
_Static_assert(offsetof(struct mount_reply, point) == 108, "linux/mount.h");
_Static_assert(offsetof(struct mount_reply, maps) == 152, "linux/mount.h");

void subid_idmapped_free(struct subid_idmapped_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		subid_sets_free(&list->list[i].disk);
	free(list->list);
	*list = (struct subid_idmapped_list){ .list = NULL };
}

static int add(struct subid_idmapped_list *list, const struct subid_idmapped *one)
{
	if (list->n >= FOUND_MAX) {
		list->partial = true;
		return SUBID_FULL;
	}
	if (array_grow(&list->list, list->n, sizeof(*one)) < 0)
		return -ENOMEM;
	list->list[list->n++] = *one;
	return 0;
}

/* A text of the reply; "" if it lies outside. */
static const char *text_at(const struct mount_reply *reply, uint32_t at)
{
	return at < REPLY_SIZE - REPLY_TEXT ? (const char *)reply + REPLY_TEXT + at : "";
}

/* The ids on the disk stand first in each line. */
static int read_disk(const struct mount_reply *reply, struct subid_sets *ret)
{
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const char *text = text_at(reply, reply->maps[kind].at);

		for (uint32_t i = 0;
		     r == 0 && i < reply->maps[kind].n && i < SUBID_MAP_LINES_MAX; i++) {
			uint32_t disk, seen, count;

			if (sscanf(text, "%u %u %u", &disk, &seen, &count) == 3)
				r = subid_set_insert(&ret->of[kind],
						     (struct id_range){ disk, count });
			text += strlen(text) + 1;
			if (text >= (const char *)reply + REPLY_SIZE)
				break;
		}
	}
	return r;
}

/* One mount, if it is idmapped.  0 or -ENOMEM. */
static int look(pid_t pid, uint64_t ns, uint64_t mount, struct mount_reply *reply,
		struct subid_idmapped_list *list)
{
	const struct mount_request request = {
		.size = sizeof(request),
		.mount = mount,
		.param = MASK_WANTED | MASK_MAPS,
		.ns = ns,
	};
	struct subid_idmapped one = { .pid = pid };
	const char *point;
	int r = 0;

	memset(reply, 0, REPLY_SIZE);
	/* unmounted meanwhile, or too long: then it is not idmapped by many lines alone
	 */
	if (syscall(SYS_statmount, &request, reply, REPLY_SIZE - 1, 0) < 0) {
		list->partial |= errno != ENOENT;
		return 0;
	}
	if ((reply->attributes & ATTR_IDMAP) == 0)
		return 0;
	one.known = (reply->mask & MASK_MAPS) == MASK_MAPS;
	one.major = reply->major;
	one.minor = reply->minor;
	point = text_at(reply, reply->point);
	printable_copy(one.where, sizeof(one.where), point, strlen(point));
	point = text_at(reply, reply->type);
	printable_copy(one.type, sizeof(one.type), point, strlen(point));
	if (one.known)
		r = read_disk(reply, &one.disk);
	if (r == 0)
		r = add(list, &one);
	if (r != 0)
		subid_sets_free(&one.disk);
	return r < 0 ? r : 0;
}

/* Every mount of the namespace that pid is in.  0; SUBID_UNKNOWN: the kernel does not
 * tell; -ENOMEM. */
static int look_at_all(int proc, pid_t pid, struct subid_idmapped_list *list)
{
	auto_close int fd = proc_open(proc, pid, "ns/mnt", O_RDONLY | O_CLOEXEC);
	auto_free struct mount_reply *reply = malloc(REPLY_SIZE);
	struct mount_request request = { .size = sizeof(request), .mount = ALL_MOUNTS };
	uint64_t mounts[LIST_MAX], ns;
	int r = 0;

	if (reply == NULL)
		return -ENOMEM;
	if (fd < 0 || ioctl(fd, GET_MOUNT_NS, &ns) < 0)
		return SUBID_UNKNOWN;
	request.ns = ns;
	for (int turn = 0; turn < LIST_TURNS; turn++) {
		long n = syscall(SYS_listmount, &request, mounts, LIST_MAX, 0);

		if (n < 0)
			return SUBID_UNKNOWN;
		for (long i = 0; r == 0 && i < n; i++)
			r = look(pid, ns, mounts[i], reply, list);
		if (r < 0 || n < LIST_MAX)
			return r;
		request.param = mounts[LIST_MAX - 1];
	}
	list->partial = true;
	return 0;
}

/* Does a process see an idmapped mount?  If there is too much to read: perhaps. */
static bool sees_one(int proc, pid_t pid, char *buf)
{
	static const char word[] = ",idmapped";
	auto_close int fd = proc_open(proc, pid, "mountinfo", O_RDONLY | O_CLOEXEC);
	size_t kept = 0;

	for (int turn = 0; fd >= 0 && turn < 64; turn++) {
		ssize_t n = read(fd, buf + kept, MOUNTINFO_ROOM - kept);
		size_t size = kept + (size_t)(n > 0 ? n : 0);

		if (n <= 0)
			return false;
		if (memmem(buf, size, word, sizeof(word) - 1) != NULL)
			return true;
		/* the word may be cut in two */
		kept = size < sizeof(word) ? size : sizeof(word);
		memmove(buf, buf + size - kept, kept);
	}
	return fd >= 0;
}

struct seen {
	uint64_t *list;
	size_t n;
};

/* Is the mount namespace of a process a new one?  If it cannot be told: no. */
static int is_new(int proc, pid_t pid, struct seen *seen)
{
	uint64_t inode;

	if (proc_read_namespace(proc, pid, "mnt", &inode) < 0)
		return 0;
	for (size_t i = seen->n; i > 0; i--)
		if (seen->list[i - 1] == inode)
			return 0;
	if (array_grow(&seen->list, seen->n, sizeof(inode)) < 0)
		return -ENOMEM;
	seen->list[seen->n++] = inode;
	return 1;
}

static int visit(int proc, pid_t pid, struct seen *seen, char *buf,
		 struct subid_idmapped_list *list)
{
	struct subid_idmapped unknown = { .pid = pid };
	int r = is_new(proc, pid, seen);

	if (r <= 0 || !sees_one(proc, pid, buf))
		return r;
	r = look_at_all(proc, pid, list);
	return r == SUBID_UNKNOWN ? add(list, &unknown) : r;
}

int subid_idmapped_read(int proc, const struct subid_live *live,
			struct subid_idmapped_list *ret)
{
	auto_free char *buf = malloc(MOUNTINFO_ROOM);
	struct seen seen = { .n = 0 };
	int r;

	*ret = (struct subid_idmapped_list){ .n = 0 };
	r = buf == NULL ? -ENOMEM : visit(proc, PROC_SELF, &seen, buf, ret);
	for (size_t i = 0; r >= 0 && i < live->n_processes; i++)
		r = visit(proc, live->processes[i].pid, &seen, buf, ret);
	free(seen.list);
	if (r < 0)
		subid_idmapped_free(ret);
	return r < 0 ? r : 0;
}
