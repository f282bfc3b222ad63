/* SPDX-License-Identifier: MIT */
#include "userns.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "idmap.h"
#include "userns_private.h"

/* A page, which is all that a map can have, and some. */
#define PROC_FILE_MAX (64 << 10)
#define STATUS_MAX    (1 << 20) /* it lists up to 65536 groups */
#define NS_PREFIX     "user:["

/* The walk over /proc that both questions share. */
struct walk {
	int proc;
	uint64_t own; /* the caller's namespace, which maps its ids to its parent's */
	struct subid_set own_map[SUBID_KINDS];
	uint64_t *seen; /* open addressing, 0 free */
	size_t n_seen;
	size_t slots;
	size_t unread;
	uint32_t user;			/* whose session is passed over; USERNS_NOBODY */
	const struct subid_set *wanted; /* for uses; else NULL */
	struct subid_set *taken;	/* for taken; else NULL */
	struct subid_use *uses;
	size_t n_uses;
	size_t room;
};

static void walk_free(struct walk *walk)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_set_free(&walk->own_map[kind]);
	free(walk->seen);
	free(walk->uses);
}

static bool vanished(int error)
{
	return error == ENOENT || error == ESRCH;
}

static size_t find_slot(const uint64_t *seen, size_t slots, uint64_t inode)
{
	size_t i = (size_t)((inode * 0x9e3779b97f4a7c15) >> 32);

	for (i &= slots - 1; seen[i] != 0 && seen[i] != inode; i = (i + 1) & (slots - 1))
		;
	return i;
}

static bool was_seen(const struct walk *walk, uint64_t inode)
{
	return walk->slots > 0 &&
	       walk->seen[find_slot(walk->seen, walk->slots, inode)] != 0;
}

static int remember(struct walk *walk, uint64_t inode)
{
	if (walk->n_seen * 2 >= walk->slots) {
		size_t slots = walk->slots == 0 ? 256 : walk->slots * 2;
		uint64_t *grown = calloc(slots, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		for (size_t i = 0; i < walk->slots; i++)
			if (walk->seen[i] != 0)
				grown[find_slot(grown, slots, walk->seen[i])] =
				    walk->seen[i];
		free(walk->seen);
		walk->seen = grown;
		walk->slots = slots;
	}
	walk->seen[find_slot(walk->seen, walk->slots, inode)] = inode;
	walk->n_seen++;
	return 0;
}

ssize_t userns_read_proc(int proc, const char *pid, const char *name, char *buf,
			 size_t size)
{
	char path[64];
	auto_close int fd = -1;
	size_t used = 0;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/%s", pid, name);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (used < size && (n = read(fd, buf + used, size - used)) != 0) {
		if (n < 0)
			return -errno;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

/* The inode of a process's user namespace; 0 if it may not be seen. */
static int read_namespace(int proc, const char *pid, uint64_t *ret)
{
	char path[64], text[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/ns/user", pid);
	n = readlinkat(proc, path, text, sizeof(text) - 1);
	if (n < 0 && errno == EACCES) {
		*ret = 0;
		return 0;
	}
	if (n < 0)
		return -errno;
	text[n] = '\0';
	if (strncmp(text, NS_PREFIX, strlen(NS_PREFIX)) != 0)
		return -EPROTO;
	*ret = strtoull(text + strlen(NS_PREFIX), NULL, 10);
	return 0;
}

/* The outside ids of a process's map, added to *ret, sorted.  0 or -errno. */
static int read_map(int proc, const char *pid, enum subid_kind kind,
		    struct subid_set *ret)
{
	static const char *const files[SUBID_KINDS] = { "uid_map", "gid_map" };
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	auto_free char *text = malloc(PROC_FILE_MAX);
	ssize_t size;
	size_t n;

	if (text == NULL)
		return -ENOMEM;
	size = userns_read_proc(proc, pid, files[kind], text, PROC_FILE_MAX);
	if (size < 0)
		return (int)size;
	if (subid_map_parse(text, (size_t)size, lines, &n) != 0)
		return -EPROTO;
	for (size_t i = 0; i < n; i++) {
		int r = subid_set_insert(ret, lines[i].outside);

		if (r < 0)
			return r;
	}
	return 0;
}

void userns_read_program(int proc, const char *pid, char ret[16])
{
	ssize_t n = userns_read_proc(proc, pid, "comm", ret, 15);

	ret[n < 0 ? 0 : n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	/* Threat: a process names itself, and the name ends on a terminal. */
	for (char *c = ret; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static int add_use(struct walk *walk, const char *pid, enum subid_kind kind,
		   struct id_range ids, uint64_t userns)
{
	struct subid_use use = { .kind = kind, .ids = ids, .userns = userns };

	if (walk->n_uses == walk->room) {
		size_t room = walk->room * 2 + 16;
		struct subid_use *grown = reallocarray(walk->uses, room, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		walk->uses = grown;
		walk->room = room;
	}
	use.pid = (pid_t)strtol(pid, NULL, 10);
	userns_read_program(walk->proc, pid, use.program);
	walk->uses[walk->n_uses++] = use;
	return 0;
}

static bool is_equal(const struct subid_set *a, const struct subid_set *b)
{
	return a->n == b->n && a->n > 0 &&
	       memcmp(a->ranges, b->ranges, a->n * sizeof(*a->ranges)) == 0;
}

/*
 * What a namespace maps: kept for taken, compared for uses.  One that may not be
 * identified (inode 0) is taken for the caller's own if it has the same map: so
 * do the processes that a security module hides, most often pid 1.
 */
static int judge_map(struct walk *walk, const char *pid, uint64_t inode,
		     enum subid_kind kind)
{
	auto_set struct subid_set map = { .ranges = NULL };
	struct id_range common;
	int r = read_map(walk->proc, pid, kind, &map);

	if (r < 0 || (inode == 0 && is_equal(&map, &walk->own_map[kind])))
		return r;
	if (walk->taken != NULL)
		return subid_set_unite(&walk->taken[kind], &map);
	for (size_t i = 0; i < walk->wanted[kind].n; i++)
		if (subid_set_meets(&map, walk->wanted[kind].ranges[i], &common))
			return add_use(walk, pid, kind, common, inode);
	return 0;
}

static int judge_namespace(struct walk *walk, const char *pid, uint64_t inode)
{
	size_t used = walk->n_uses;
	int r = 0;

	if (inode != 0 && (inode == walk->own || was_seen(walk, inode)))
		return 0;
	/* one use is enough to know that it is used */
	for (enum subid_kind kind = 0;
	     r == 0 && walk->n_uses == used && kind < SUBID_KINDS; kind++)
		r = judge_map(walk, pid, inode, kind);
	/* only now: had the process vanished, the next one must be asked */
	return r == 0 && inode != 0 ? remember(walk, inode) : r;
}

/* Is the namespace, and with it all its processes, among the uses already? */
static bool is_used(const struct walk *walk, uint64_t inode)
{
	for (size_t i = 0; inode != 0 && i < walk->n_uses; i++)
		if (walk->uses[i].userns == inode)
			return true;
	return false;
}

/* The ids of one line of /proc/PID/status, "Uid:", "Gid:" or "Groups:". */
static bool line_uses(const char *status, const char *head,
		      const struct subid_set *wanted, struct id_range *ret)
{
	const char *at = strstr(status, head), *end;

	if (at == NULL)
		return false;
	at += strlen(head);
	end = at + strcspn(at, "\n");
	while (at < end) {
		size_t len;
		uint32_t id;

		at += strspn(at, " \t");
		len = strcspn(at, " \t\n");
		if (subid_id_parse(at, len, &id) == 0 &&
		    subid_set_meets(wanted, (struct id_range){ id, 1 }, ret))
			return true;
		at += len > 0 ? len : 1;
	}
	return false;
}

static int judge_process(struct walk *walk, const char *pid)
{
	auto_free char *status = malloc(STATUS_MAX + 1);
	struct id_range ids;
	ssize_t size;

	if (status == NULL)
		return -ENOMEM;
	size = userns_read_proc(walk->proc, pid, "status", status, STATUS_MAX);
	if (size < 0)
		return (int)size;
	if (size == STATUS_MAX)
		return -EFBIG;
	status[size] = '\0';
	if (line_uses(status, "\nUid:", &walk->wanted[SUBID_UID], &ids))
		return add_use(walk, pid, SUBID_UID, ids, 0);
	if (line_uses(status, "\nGid:", &walk->wanted[SUBID_GID], &ids) ||
	    line_uses(status, "\nGroups:", &walk->wanted[SUBID_GID], &ids))
		return add_use(walk, pid, SUBID_GID, ids, 0);
	return 0;
}

static int visit(struct walk *walk, const char *pid)
{
	uint64_t inode;
	int r;

	if (userns_is_of_session(walk->proc, walk->user, pid))
		return 0;
	r = read_namespace(walk->proc, pid, &inode);
	if (r == 0)
		r = judge_namespace(walk, pid, inode);
	if (r == 0 && walk->wanted != NULL && !is_used(walk, inode))
		r = judge_process(walk, pid);
	if (r == 0 || r == -ENOMEM || vanished(-r))
		return r == -ENOMEM ? r : 0;
	walk->unread++;
	return 0;
}

static void close_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir); /* only read */
}

static int walk_proc(struct walk *walk)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	const struct dirent *entry;
	int fd = openat(walk->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (dir == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	r = read_namespace(walk->proc, "self", &walk->own);
	if (r == 0 && walk->own == 0)
		r = -EACCES; /* all the others are told from it */
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = read_map(walk->proc, "self", kind, &walk->own_map[kind]);
	while (r == 0) {
		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			return -errno;
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			r = visit(walk, entry->d_name);
	}
	return r;
}

int subid_userns_taken(int proc, struct subid_set ret[SUBID_KINDS], size_t *ret_unread)
{
	return subid_userns_taken_beside(proc, USERNS_NOBODY, ret, ret_unread);
}

int subid_userns_taken_beside(int proc, uint32_t user, struct subid_set ret[SUBID_KINDS],
			      size_t *ret_unread)
{
	auto_set struct subid_set uids = { .ranges = NULL }, gids = { .ranges = NULL };
	struct subid_set taken[SUBID_KINDS] = { uids, gids };
	struct walk walk = { .proc = proc, .user = user, .taken = taken };
	int r = walk_proc(&walk);

	walk_free(&walk);
	uids = taken[SUBID_UID];
	gids = taken[SUBID_GID];
	if (r < 0)
		return r;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_set_unite(&ret[kind], &taken[kind]);
	if (r == 0)
		*ret_unread = walk.unread;
	return r;
}

int subid_userns_uses(int proc, const struct subid_set wanted[SUBID_KINDS],
		      struct subid_use **ret, size_t *ret_n, size_t *ret_unread)
{
	return subid_userns_uses_beside(proc, USERNS_NOBODY, wanted, ret, ret_n,
					ret_unread);
}

int subid_userns_uses_beside(int proc, uint32_t user,
			     const struct subid_set wanted[SUBID_KINDS],
			     struct subid_use **ret, size_t *ret_n, size_t *ret_unread)
{
	struct walk walk = { .proc = proc, .user = user, .wanted = wanted };
	int r = walk_proc(&walk);

	if (r == 0) {
		*ret = walk.uses;
		*ret_n = walk.n_uses;
		*ret_unread = walk.unread;
		walk.uses = NULL;
	}
	walk_free(&walk);
	return r;
}
