/* SPDX-License-Identifier: MIT */
/*
 * The namespace and the ids of every process, in as many threads as there are
 * processors, because that is where the time goes.
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
#include <sys/stat.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

#define THREADS_MAX    8
#define TURNS_A_THREAD 100 /* fewer are not worth one */
#define ID_OF_HOST_MAX                                                                   \
	65535 /* ids above are seldom those of the host's own processes                  \
	       */

struct sweep {
	int proc;
	uint64_t own; /* the caller's namespace */
	struct live_seen *seen;
	size_t n;
	size_t room;
};

/* A part of a loop whose turns know nothing of each other. */
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
	size_t wanted = turns / TURNS_A_THREAD, cpus = 1;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cpus = (size_t)CPU_COUNT(&set);
	if (wanted > cpus)
		wanted = cpus;
	if (wanted > THREADS_MAX)
		wanted = THREADS_MAX;
	return wanted == 0 ? 1 : wanted;
}

/* A part for each thread, the first for this one; and what gets no thread, too. */
void live_run_loop(void (*turn)(void *data, size_t i), void *data, size_t turns)
{
	size_t n = count_threads(turns), started = 0;
	pthread_t threads[THREADS_MAX];
	struct part parts[THREADS_MAX] = { { turn, data, 0, turns } };
	sigset_t every, before;

	for (size_t i = 0; i < n; i++)
		parts[i] =
		    (struct part){ turn, data, turns * i / n, turns * (i + 1) / n };
	/* the host's handlers run in the host's threads */
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

static void look_at_namespace(int proc, const char *path, struct live_seen *seen)
{
	char link[64];
	ssize_t n = readlinkat(proc, path, link, sizeof(link) - 1);

	seen->inode = 0;
	seen->error = n < 0 ? -errno : 0;
	if (n < 0)
		return;
	link[n] = '\0';
	seen->inode = proc_namespace(link, "user");
	if (seen->inode == 0)
		seen->error = -EPROTO;
}

static int look_at_ids(int proc, const char *path, struct live_seen *seen)
{
	struct stat st;

	if (fstatat(proc, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	seen->uid = st.st_uid;
	seen->gid = st.st_gid;
	return 0;
}

/*
 * Ids are asked for where no map says what they may be: in the caller's namespace, and
 * where it is not known.  A container's process begins in the caller's namespace, and
 * enters its own before it takes an id there: so a subordinate id that is met outside
 * asks for a second look.
 */
static void look_at(void *data, size_t i)
{
	const struct sweep *sweep = data;
	struct live_seen *seen = &sweep->seen[i];
	char path[32];
	size_t pid_len;

	(void)snprintf(path, sizeof(path), "%d/ns/user", (int)seen->pid);
	look_at_namespace(sweep->proc, path, seen);
	if (seen->error == 0 && seen->inode != sweep->own)
		return;
	pid_len = strcspn(path, "/");
	path[pid_len] = '\0';
	if (look_at_ids(sweep->proc, path, seen) < 0) {
		seen->error = -ESRCH;
		return;
	}
	path[pid_len] = '/';
	if (seen->error == 0 &&
	    (seen->uid > ID_OF_HOST_MAX || seen->gid > ID_OF_HOST_MAX))
		look_at_namespace(sweep->proc, path, seen);
}

static void close_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir); /* only read */
}

static int add_pid(struct sweep *sweep, pid_t pid)
{
	if (sweep->n == sweep->room) {
		size_t room = sweep->room * 2 + 1024;
		struct live_seen *grown = reallocarray(sweep->seen, room, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		sweep->seen = grown;
		sweep->room = room;
	}
	sweep->seen[sweep->n++] = (struct live_seen){
		.pid = pid,
		.uid = SUBID_ID_NONE,
		.gid = SUBID_ID_NONE,
	};
	return 0;
}

static int list_processes(struct sweep *sweep)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	const struct dirent *entry;
	int fd = openat(sweep->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (dir == NULL) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	while (r == 0) {
		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			return -errno;
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			r = add_pid(sweep, (pid_t)strtol(entry->d_name, NULL, 10));
	}
	return r;
}

int live_sweep(int proc, uint64_t own, struct live_seen **ret, size_t *ret_n)
{
	struct sweep sweep = { .proc = proc, .own = own };
	int r = list_processes(&sweep);

	if (r < 0) {
		free(sweep.seen);
		return r;
	}
	live_run_loop(look_at, &sweep, sweep.n);
	*ret = sweep.seen;
	*ret_n = sweep.n;
	return 0;
}
