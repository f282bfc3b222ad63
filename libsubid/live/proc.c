/* SPDX-License-Identifier: MIT */
/*
 * What /proc says of one process in its small files, the list of processes, and work on
 * many of them in threads.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "libsubid/live/private.h"

#define MAP_PAGE 4096	    /* at least */
#define MAP_MAX	 (64 << 10) /* more than any map, which fits in a page */

#define THREADS_MAX	 8
#define TURNS_PER_THREAD 100 /* fewer are not worth a thread */

static void name_file(pid_t pid, const char *name, char *buf, size_t size)
{
	if (pid == PROC_SELF)
		(void)snprintf(buf, size, "self/%s", name);
	else
		(void)snprintf(buf, size, "%d/%s", (int)pid, name);
}

int proc_open(int proc, pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	name_file(pid, name, path, sizeof(path));
	fd = openat(proc, path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size && (n = read(fd, buf + used, size - used)) != 0) {
		if (n < 0)
			return -errno;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

ssize_t proc_read_at(int dir, const char *path, char *buf, size_t size)
{
	auto_close int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : read_all(fd, buf, size);
}

ssize_t proc_read(int proc, pid_t pid, const char *name, char *buf, size_t size)
{
	auto_close int fd = proc_open(proc, pid, name, O_RDONLY);

	return fd < 0 ? fd : read_all(fd, buf, size);
}

bool proc_vanished(int error)
{
	return error == -ENOENT || error == -ESRCH;
}

bool proc_is_short(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM;
}

uint64_t proc_namespace(const char *link, const char *type)
{
	size_t len = strlen(type);

	if (strncmp(link, type, len) != 0 || link[len] != ':' || link[len + 1] != '[')
		return 0;
	return strtoull(link + len + 2, NULL, 10);
}

/* The types of namespaces that are not user namespaces. */
static const char *const types[] = {
	"mnt", "net", "uts", "ipc", "cgroup", "pid", "time",
};

uint64_t proc_any_namespace(const char *link, bool *ret_is_user)
{
	uint64_t inode = proc_namespace(link, "user");

	*ret_is_user = inode != 0;
	for (size_t i = 0; inode == 0 && i < sizeof(types) / sizeof(types[0]); i++)
		inode = proc_namespace(link, types[i]);
	return inode;
}

int proc_read_namespace(int proc, pid_t pid, const char *type, uint64_t *ret)
{
	char path[48], link[64];
	ssize_t n;

	if (pid == PROC_SELF)
		(void)snprintf(path, sizeof(path), "self/ns/%s", type);
	else
		(void)snprintf(path, sizeof(path), "%d/ns/%s", (int)pid, type);
	n = readlinkat(proc, path, link, sizeof(link) - 1);
	if (n < 0)
		return -errno;
	link[n] = '\0';
	*ret = proc_namespace(link, type);
	return *ret == 0 ? -EPROTO : 0;
}

int proc_is_in(int proc, pid_t pid, uint64_t inode)
{
	uint64_t found = 0;
	int r = proc_read_namespace(proc, pid, "user", &found);

	if (r == -EACCES || r == -EPROTO)
		return -ESRCH; /* the kernel says EACCES if the process is gone */
	if (r < 0)
		return r;
	return found == inode ? 0 : -ESRCH;
}

void proc_read_program(int proc, pid_t pid, char ret[16])
{
	ssize_t n = proc_read(proc, pid, "comm", ret, 15);

	ret[n < 0 ? 0 : n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	printable_ascii(ret, strlen(ret), ' ');
}

int proc_read_real_uid(int proc, pid_t pid, uint32_t *ret)
{
	static const char head[] = "\nUid:\t";
	char status[1024];
	ssize_t n = proc_read(proc, pid, "status", status, sizeof(status) - 1);
	const char *at;

	if (n < 0)
		return (int)n;
	status[n] = '\0';
	at = strstr(status, head);
	if (at == NULL)
		return -EPROTO;
	at += strlen(head);
	return subid_id_parse(at, strcspn(at, "\t\n"), ret) == 0 ? 0 : -EPROTO;
}

/*
 * A map in one read: the kernel returns as many lines as fit into a page, so that a read
 * that leaves room for one more line has returned all of them.  Returns size if it may
 * not have.
 */
static ssize_t read_small_map(int proc, pid_t pid, const char *name, char *buf,
			      size_t size)
{
	auto_close int fd = proc_open(proc, pid, name, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, buf, size);
	if (n < 0)
		return -errno;
	return n + SUBID_MAP_LINE_SIZE < MAP_PAGE ? n : (ssize_t)size;
}

int proc_read_map(int proc, pid_t pid, enum subid_kind kind, struct subid_live_map *ret)
{
	static const char *const files[SUBID_KINDS] = { "uid_map", "gid_map" };
	struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	char small[MAP_PAGE];
	auto_free char *large = NULL;
	const char *text = small;
	ssize_t size = read_small_map(proc, pid, files[kind], small, sizeof(small));
	size_t n;

	if (size == sizeof(small)) {
		large = malloc(MAP_MAX);
		if (large == NULL)
			return -ENOMEM;
		text = large;
		size = proc_read(proc, pid, files[kind], large, MAP_MAX);
	}
	/* the kernel says EINVAL if the process has just ended */
	if (size < 0)
		return size == -EINVAL ? -ESRCH : (int)size;
	if (subid_map_parse(text, (size_t)size, lines, &n) != 0)
		return -EPROTO;
	ret->lines = reallocarray(NULL, n + 1, sizeof(*lines));
	if (ret->lines == NULL)
		return -ENOMEM;
	memcpy(ret->lines, lines, n * sizeof(*lines));
	ret->n = n;
	return 0;
}

int proc_read_maps(int proc, pid_t pid, struct subid_live_map ret[SUBID_KINDS])
{
	int r = proc_read_map(proc, pid, SUBID_UID, &ret[SUBID_UID]);

	return r == 0 ? proc_read_map(proc, pid, SUBID_GID, &ret[SUBID_GID]) : r;
}

void proc_free_map(struct subid_live_map *map)
{
	free(map->lines);
	*map = (struct subid_live_map){ .n = 0 };
}

void proc_free_maps(struct subid_live_map maps[SUBID_KINDS], int error)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		proc_free_map(&maps[kind]);
		maps[kind].error = error;
	}
}

enum subid_setgroups proc_read_setgroups(int proc, pid_t pid)
{
	char text[8] = "";

	if (proc_read(proc, pid, "setgroups", text, sizeof(text) - 1) < 0)
		return SUBID_SETGROUPS_UNKNOWN;
	if (strcmp(text, "allow\n") == 0)
		return SUBID_SETGROUPS_ALLOW;
	return strcmp(text, "deny\n") == 0 ? SUBID_SETGROUPS_DENY
					   : SUBID_SETGROUPS_UNKNOWN;
}

void proc_close_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir); /* only read */
}

DIR *proc_open_dir(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL && fd >= 0) {
		int error = errno;

		(void)close(fd); /* nothing was read */
		errno = error;
	}
	return dir;
}

int proc_list(int proc, pid_t **ret, size_t *ret_n)
{
	auto_dir DIR *dir = proc_open_dir(proc, ".");
	auto_free pid_t *pids = NULL;
	const struct dirent *entry;
	size_t n = 0;

	if (dir == NULL)
		return -errno;
	for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		if (array_grow(&pids, n, sizeof(*pids)) < 0)
			return -ENOMEM;
		pids[n++] = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	if (errno != 0)
		return -errno;
	*ret = pids;
	pids = NULL;
	*ret_n = n;
	return 0;
}

/* A part of a loop whose turns are independent. */
struct part {
	void (*turn)(void *data, size_t i);
	void *data;
	size_t from;
	size_t to;
};

static void *run_part(void *data)
{
	const struct part *part = data;

	for (size_t i = part->from; i < part->to; i++)
		part->turn(part->data, i);
	return NULL;
}

static size_t count_threads(size_t turns)
{
	size_t wanted = turns / TURNS_PER_THREAD, cpus = 1;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cpus = (size_t)CPU_COUNT(&set);
	if (wanted > cpus)
		wanted = cpus;
	if (wanted > THREADS_MAX)
		wanted = THREADS_MAX;
	return wanted == 0 ? 1 : wanted;
}

/* One part for each thread.  This one runs the first, and those that get no thread. */
void proc_in_threads(void (*turn)(void *data, size_t i), void *data, size_t turns)
{
	size_t n = count_threads(turns), started = 0;
	pthread_t threads[THREADS_MAX];
	struct part parts[THREADS_MAX] = { { turn, data, 0, turns } };
	sigset_t every, before;

	for (size_t i = 0; i < n; i++)
		parts[i] =
		    (struct part){ turn, data, turns * i / n, turns * (i + 1) / n };
	/* the caller's signal handlers run in the caller's threads */
	(void)sigfillset(&every);
	(void)pthread_sigmask(SIG_BLOCK, &every, &before);
	while (started + 1 < n && pthread_create(&threads[started], NULL, run_part,
						 &parts[started + 1]) == 0)
		started++;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)run_part(&parts[0]);
	for (size_t i = started + 1; i < n; i++)
		(void)run_part(&parts[i]);
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
}
