/* SPDX-License-Identifier: MIT */
/*
 * The whole snapshot, of a directory that stands for /proc: the caller and three
 * processes, each with its links to namespaces and its maps.  What the links say, and
 * what is in the files, is made up, one behind the other with a byte 0x1e in between.
 * Against a count of the links.  Nothing here can be opened as a namespace.
 */
#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "libsubid/live/private.h"

#include "fuzz.h"

#if __has_feature(memory_sanitizer)
#include <sanitizer/msan_interface.h>

/* The sanitizer does not know that the kernel writes there. */
ssize_t getdents64(int fd, void *buffer, size_t size)
{
	long n = syscall(SYS_getdents64, fd, buffer, size);

	if (n > 0)
		__msan_unpoison(buffer, (size_t)n);
	return n;
}
#endif

#define SEPARATOR 0x1e
#define PROCESSES 3

static const char *const dirs[PROCESSES + 1] = { "self", "1", "2", "3" };

struct part {
	const char *name;
	bool is_link;
};

static const struct part parts[] = {
	{ "ns/user", true }, { "uid_map", false }, { "gid_map", false },
	{ "ns/mnt", true },  { "fd/3", true },	   { "setgroups", false },
	{ "stat", false },   { "cgroup", false },  { "mountinfo", false },
};

static void make_dirs(int proc)
{
	static const char *const below[] = { "", "/ns", "/fd", "/root" };
	char path[32];

	for (size_t i = 0; i <= PROCESSES; i++) {
		for (size_t j = 0; j < 4; j++) {
			(void)snprintf(path, sizeof(path), "%s%s", dirs[i], below[j]);
			must(mkdirat(proc, path, 0700) == 0);
		}
	}
}

/* An empty link is none. */
static void put_part(int proc, const char *path, bool is_link, struct subid_text text)
{
	if (!is_link) {
		put_file(proc, path, text.bytes, text.size);
		return;
	}
	(void)unlinkat(proc, path, 0);
	(void)symlinkat(text.bytes, proc, path);
}

static void write_all(int proc, const uint8_t *data, size_t size)
{
	char path[32];

	for (size_t i = 0; i <= PROCESSES; i++) {
		for (size_t j = 0; j < sizeof(parts) / sizeof(parts[0]); j++) {
			const uint8_t *end =
			    size == 0 ? NULL : memchr(data, SEPARATOR, size);
			size_t len = end == NULL ? size : (size_t)(end - data);
			struct subid_text text = make_text(data, len);

			(void)snprintf(path, sizeof(path), "%s/%s", dirs[i],
				       parts[j].name);
			put_part(proc, path, parts[j].is_link, text);
			subid_text_free(&text);
			data += len + (end != NULL);
			size -= len + (end != NULL);
		}
	}
}

/* The inode in a link, read anew; 0: none.  *ret_is_there: there is a link. */
static uint64_t read_inode(int proc, const char *dir, bool *ret_is_there)
{
	char path[32], link[64] = "";
	unsigned long long inode = 0;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/ns/user", dir);
	n = readlinkat(proc, path, link, sizeof(link) - 1);
	*ret_is_there = n > 0;
	if (sscanf(link, "user:[%llu", &inode) != 1)
		return 0;
	return inode;
}

/* How many namespaces have the inode, and in which of them the process is. */
static void check_process(const struct subid_live *live, uint64_t inode, pid_t pid)
{
	size_t n = 0, found = 0;

	for (size_t i = 0; i < live->n; i++)
		n += live->userns[i].inode == inode;
	must(n == 1);
	for (size_t i = 0; i < live->n_processes; i++) {
		if (live->processes[i].pid != pid)
			continue;
		must(live->userns[live->processes[i].userns].inode == inode);
		found++;
	}
	must(found == 1);
}

static void check_namespace(const struct subid_live *live, size_t i)
{
	const struct subid_live_userns *ns = &live->userns[i];

	must(ns->inode != 0);
	must(ns->parent == SUBID_LIVE_NONE || ns->parent < live->n);
	must(ns->first + ns->n <= live->n_processes);
	for (size_t j = ns->first; j < ns->first + ns->n; j++)
		must(live->processes[j].userns == i);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		must(ns->maps[kind].n <= SUBID_MAP_LINES_MAX);
		must(ns->maps[kind].error <= 0);
		must(ns->maps[kind].error == 0 || ns->maps[kind].n == 0);
	}
}

static void check(int proc, const struct subid_live *live)
{
	size_t unread = 0, n = 0;
	bool is_there;

	must(live->n > 0 && live->userns[0].inode == read_inode(proc, "self", &is_there));
	for (size_t i = 0; i < live->n; i++) {
		check_namespace(live, i);
		n += live->userns[i].n;
	}
	must(n == live->n_processes);
	for (pid_t pid = 1; pid <= PROCESSES; pid++) {
		uint64_t inode = read_inode(proc, dirs[pid], &is_there);

		if (inode != 0)
			check_process(live, inode, pid);
		unread += is_there && inode == 0;
		n -= inode != 0;
	}
	must(n == 0 && live->n_unread == unread);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	int proc = scratch_dir();

	if (!ready)
		make_dirs(proc);
	ready = true;
	write_all(proc, data, size);
	for (int depth = SUBID_LIVE_THOROUGH; depth <= SUBID_LIVE_PROCESSES; depth++) {
		struct subid_live live;
		int r = subid_live_read(proc, (enum subid_live_depth)depth, &live);

		/* the caller's own files are the kernel's word */
		must(r == 0 || r == -EPROTO || r == -ENOENT);
		if (r < 0)
			continue;
		check(proc, &live);
		subid_live_name(proc, &live, NULL);
		subid_live_free(&live);
	}
	return 0;
}
