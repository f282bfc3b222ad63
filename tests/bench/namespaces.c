/* SPDX-License-Identifier: MIT */
/*
 * Processes in user namespaces, until standard input ends: namespaces SPACES PROCESSES,
 * so many in each, the maps of each 65536 ids of its own.  Says "ready" when they are.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define IDS 65536

static void write_map(pid_t pid, const char *file, int space)
{
	char path[64], text[64];
	int len = snprintf(text, sizeof(text), "0 %d %d\n", 100000 + space * IDS, IDS);
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)len) != len)
		exit(EXIT_FAILURE);
	(void)close(fd);
}

/* A process that ends with its parent. */
static pid_t start(void)
{
	pid_t pid = fork();

	if (pid < 0)
		exit(EXIT_FAILURE);
	if (pid == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

static _Noreturn void first_of_space(int done, int processes)
{
	if (unshare(CLONE_NEWUSER) < 0)
		_exit(EXIT_FAILURE);
	for (int i = 1; i < processes; i++)
		if (start() == 0)
			for (;;)
				(void)pause();
	(void)!write(done, "", 1); /* who waits for it fails */
	for (;;)
		(void)pause();
}

int main(int argc, char *argv[])
{
	int spaces = argc == 3 ? atoi(argv[1]) : 0;
	int processes = argc == 3 ? atoi(argv[2]) : 0;
	int ends[2];
	char byte;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return EXIT_FAILURE;
	for (int i = 0; i < spaces; i++) {
		pid_t pid = start();

		if (pid == 0)
			first_of_space(ends[1], processes);
		if (read(ends[0], &byte, 1) != 1)
			return EXIT_FAILURE;
		write_map(pid, "uid_map", i);
		write_map(pid, "gid_map", i);
	}
	(void)puts("ready");
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return EXIT_SUCCESS;
}
