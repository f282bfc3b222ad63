/* SPDX-License-Identifier: MIT */
/*
 * The files of a process, which it or its container has a hand in: stat, cmdline,
 * cgroup, mountinfo, uid_map, setgroups, in this order, with a byte 0x1e in between;
 * in a directory that stands for /proc.
 */
#include <sys/stat.h>

#include "libsubid/live/private.h"

#include "fuzz.h"

#define SEPARATOR 0x1e

/* 1 is the process, and 2 its parent, if its stat says so. */
static const char *const files[] = {
	"1/stat", "2/cmdline", "1/cgroup", "1/mountinfo", "1/uid_map", "1/setgroups",
};

static void write_files(int proc, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		const uint8_t *end = size == 0 ? NULL : memchr(data, SEPARATOR, size);
		size_t len = end == NULL ? size : (size_t)(end - data);

		put_file(proc, files[i], data, len);
		data += len + (end != NULL);
		size -= len + (end != NULL);
	}
}

static void check_name(int proc)
{
	struct subid_live_process process = { .pid = 1, .userns = 1 };
	struct subid_live_userns userns[2] = {
		{ .inode = 1 },
		{ .inode = 2, .holder = 1, .n = 1 },
	};
	struct subid_live live = {
		.userns = userns,
		.n = 2,
		.processes = &process,
		.n_processes = 1,
	};
	const char *name = userns[1].container;

	subid_live_name(proc, &live, NULL);
	must(memchr(name, '\0', sizeof(userns[1].container)) != NULL);
	must(memchr(userns[1].runtime, '\0', sizeof(userns[1].runtime)) != NULL);
	for (const char *c = name; *c != '\0'; c++)
		must(*c > ' ' && *c <= '~');
	must(userns[0].container[0] == '\0');
}

/* No mount here can be opened, whatever the lines say: what they name is not known. */
static void check_mounts(int proc)
{
	struct subid_live live = { .n = 0 };
	struct live_scan scan = { .proc = proc, .live = &live };
	struct live_limit limit = { .ns = INT64_MAX, .work = INT64_MAX };
	bool whole, done;
	size_t own;

	must(live_add(&scan, 4026531837, SUBID_HELD_BY_PROCESS, 1, &own) == 0);
	must(live_follow_mounts(&scan, 1, 1, &limit, &whole, &done) == 0 && done);
	must(live.n == 1);
	for (size_t i = 0; i < live.n_covered; i++)
		must(live.covered[i].inode != 0 && live.covered[i].error < 0);
	live_inodes_free(&scan.userns);
	free(live.userns);
	free(live.covered);
}

static void check_map(int proc)
{
	struct subid_live_map map = { .lines = NULL };
	enum subid_setgroups setgroups = proc_read_setgroups(proc, 1);
	char text[8];
	ssize_t n = proc_read(proc, 1, "setgroups", text, sizeof(text));

	must((setgroups == SUBID_SETGROUPS_ALLOW) ==
	     (n >= 6 && memcmp(text, "allow\n", 6) == 0 && (n == 6 || text[6] == '\0')));
	if (proc_read_map(proc, 1, SUBID_UID, &map) == 0) {
		must(map.n <= SUBID_MAP_LINES_MAX);
		for (size_t i = 0; i < map.n; i++)
			must(map.lines[i].inside.count == map.lines[i].outside.count);
	}
	proc_free_map(&map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int proc = scratch_dir();

	(void)mkdirat(proc, "1", 0700); /* there but for the first time */
	(void)mkdirat(proc, "2", 0700);
	(void)mkdirat(proc, "1/root", 0700);
	write_files(proc, data, size);
	check_name(proc);
	check_mounts(proc);
	check_map(proc);
	return 0;
}
