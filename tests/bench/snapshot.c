/* SPDX-License-Identifier: MIT */
/*
 * What runs, looked at TIMES times; prints the shortest, in ms, and what was found.
 *
 *   snapshot sweep TIMES    the floor: a readlink(2) for each process
 *   snapshot read TIMES     subid_live_read() as the audit does
 *   snapshot name TIMES     and the names of the containers
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/live/live.h"

static double now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static size_t sweep(void)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	char path[300], link[64];
	size_t n = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		(void)snprintf(path, sizeof(path), "%s/ns/user", entry->d_name);
		n += readlinkat(dirfd(dir), path, link, sizeof(link)) > 0;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return n;
}

static size_t read_live(int proc, bool names)
{
	auto_live struct subid_live live = { .n = 0 };

	if (subid_live_read(proc, SUBID_LIVE_QUICK, &live) != 0)
		exit(EXIT_FAILURE);
	if (names)
		subid_live_name(proc, &live, NULL);
	return live.n_processes;
}

int main(int argc, char *argv[])
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int times = argc == 3 ? atoi(argv[2]) : 0;
	double best = 1e9;
	size_t found = 0;

	if (proc < 0 || times == 0)
		return EXIT_FAILURE;
	for (int i = 0; i < times; i++) {
		double begin = now_ms(), took;

		found = strcmp(argv[1], "sweep") == 0
			    ? sweep()
			    : read_live(proc, strcmp(argv[1], "name") == 0);
		took = now_ms() - begin;
		if (took < best)
			best = took;
	}
	(void)printf("%.3f ms, %zu processes\n", best, found);
	(void)close(proc);
	return EXIT_SUCCESS;
}
