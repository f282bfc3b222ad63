/* SPDX-License-Identifier: MIT */
/*
 * Idmapped mounts (mount_setattr(2)): which ids on the disk they show as others.  The
 * kernel tells since Linux 6.15 (statmount(2)); before, only that there is one.
 *
 * Threat: the mounts are others' work, and their paths too.  Nothing is opened: mounts
 * are asked for by their numbers, in the namespace of a process that sees them.
 *
 * Threat: to print the path of one of tens of thousands of mounts that lie one on the
 * other takes the kernel as many steps.  So a path is asked for of one that is idmapped
 * alone, and each user has a limit (limit.c).
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
#define MASK_MOUNT     0x02ULL
#define MASK_WANTED    0x33ULL /* superblock, mount, its point, its type */
#define MASK_MAPS      0x6000ULL
#define ATTR_IDMAP     0x00100000ULL
#define REPLY_TEXT     512 /* where the texts begin */
#define REPLY_SIZE     32768
#define LIST_MAX       512
#define LIST_TURNS     200 /* 100,000 mounts */
#define MOUNTINFO_ROOM (256U << 10)
#define FOUND_MAX      10000
#define TURNS_FEW      8  /* reads of a short mountinfo */
#define TURNS_MAX      64 /* and of a long one, where there is nothing else */

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

/* Is a mount idmapped?  If so, what there is to know of it. */
static bool ask(uint64_t ns, uint64_t mount, struct mount_reply *reply,
		struct subid_idmapped_list *list)
{
	static const uint64_t masks[] = { MASK_MOUNT, MASK_WANTED | MASK_MAPS };

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		const struct mount_request request = {
			.size = sizeof(request),
			.mount = mount,
			.param = masks[i],
			.ns = ns,
		};

		memset(reply, 0, i == 0 ? sizeof(*reply) : REPLY_SIZE);
		/* unmounted meanwhile, or too long: then it is not idmapped by many lines
		 * alone */
		if (syscall(SYS_statmount, &request, reply, REPLY_SIZE - 1, 0) < 0) {
			list->partial |= errno != ENOENT;
			return false;
		}
		if ((reply->attributes & ATTR_IDMAP) == 0)
			return false;
	}
	return true;
}

/* One mount, if it is idmapped.  0 or -ENOMEM. */
static int look(pid_t pid, uint64_t ns, uint64_t mount, struct mount_reply *reply,
		struct subid_idmapped_list *list)
{
	struct subid_idmapped one = { .pid = pid };
	const char *point;
	int r = 0;

	if (!ask(ns, mount, reply, list))
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

/* What was too much, of the first user of whom it was. */
static void note_unlooked(struct subid_idmapped_list *list,
			  const struct live_limit *limit, pid_t pid)
{
	list->partial = true;
	if (list->unlooked.n++ == 0)
		list->unlooked =
		    (struct subid_unlooked){ .uid = limit->uid, .n = 1, .pid = pid };
}

/* Every mount of the namespace that pid is in.  0; SUBID_UNKNOWN: the kernel does not
 * tell; -ENOMEM. */
static int look_at_all(int proc, pid_t pid, struct live_limit *limit,
		       struct subid_idmapped_list *list)
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
		int64_t since = limit_now();
		long n = syscall(SYS_listmount, &request, mounts, LIST_MAX, 0);

		if (n < 0)
			return SUBID_UNKNOWN;
		if (!limit_is_left(limit)) {
			note_unlooked(list, limit, pid);
			return 0;
		}
		for (long i = 0; r == 0 && i < n; i++)
			r = look(pid, ns, mounts[i], reply, list);
		limit_spend(limit, since, (size_t)n);
		if (r < 0 || n < LIST_MAX)
			return r;
		request.param = mounts[LIST_MAX - 1];
	}
	list->partial = true;
	return 0;
}

/* Does a process see an idmapped mount?  If there is too much to read: perhaps. */
static bool sees_one(int proc, pid_t pid, char *buf, int turns, struct live_limit *limit)
{
	static const char word[] = ",idmapped";
	auto_close int fd = proc_open(proc, pid, "mountinfo", O_RDONLY | O_CLOEXEC);
	size_t kept = 0;

	for (int turn = 0; fd >= 0 && turn < turns && limit_is_left(limit); turn++) {
		int64_t since = limit_now();
		ssize_t n = read(fd, buf + kept, MOUNTINFO_ROOM - kept);
		size_t size = kept + (size_t)(n > 0 ? n : 0);

		limit_spend(limit, since, 1);
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

struct search {
	int proc;
	char *buf;
	struct live_inodes seen; /* mount namespaces */
	struct live_limits limits;
	struct subid_idmapped_list *list;
};

/* Is the mount namespace of a process a new one?  If it cannot be told: no. */
static int is_new(struct search *search, pid_t pid)
{
	uint64_t inode;
	int r;

	if (proc_read_namespace(search->proc, pid, "mnt", &inode) < 0 ||
	    live_inodes_have(&search->seen, inode))
		return 0;
	r = live_inodes_put(&search->seen, inode, 0);
	return r < 0 ? r : 1;
}

/* user: whose the process is. */
static int visit(struct search *search, pid_t pid, uint32_t user)
{
	struct subid_idmapped unknown = { .pid = pid };
	struct live_limit *limit;
	size_t at;
	int r = limit_of(&search->limits, user, &at);

	if (r < 0)
		return r;
	limit = &search->limits.list[at];
	if (!limit_is_left(limit)) {
		note_unlooked(search->list, limit, pid);
		return 0;
	}
	if (!sees_one(search->proc, pid, search->buf, TURNS_FEW, limit))
		return 0;
	r = look_at_all(search->proc, pid, limit, search->list);
	if (r != SUBID_UNKNOWN)
		return r;
	return sees_one(search->proc, pid, search->buf, TURNS_MAX, limit)
		   ? add(search->list, &unknown)
		   : 0;
}

int subid_idmapped_read(int proc, const struct subid_live *live,
			struct subid_idmapped_list *ret)
{
	auto_free char *buf = malloc(MOUNTINFO_ROOM);
	struct search search = {
		.proc = proc,
		.buf = buf,
		.limits = { .depth = SUBID_LIVE_QUICK },
		.list = ret,
	};
	int r;

	*ret = (struct subid_idmapped_list){ .n = 0 };
	r = buf == NULL ? -ENOMEM : is_new(&search, PROC_SELF);
	if (r > 0)
		r = visit(&search, PROC_SELF, 0);
	for (size_t i = 0; r >= 0 && i < live->n_processes; i++) {
		const struct subid_live_process *process = &live->processes[i];

		r = is_new(&search, process->pid);
		if (r > 0)
			r = visit(&search, process->pid,
				  live_user_of_process(proc, live, process));
	}
	live_inodes_free(&search.seen);
	limits_free(&search.limits);
	if (r < 0)
		subid_idmapped_free(ret);
	return r < 0 ? r : 0;
}
