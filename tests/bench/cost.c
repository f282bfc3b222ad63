/* SPDX-License-Identifier: MIT */
/*
 * What a command takes: cost FILE COMMAND... writes milliseconds on the wall and
 * kilobytes of memory at the peak into FILE, and ends as the command did.
 *
 * A program of its own, and small: the peak that the kernel knows of a process begins
 * with that of the process before execve(2).
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

int main(int argc, char *argv[])
{
	FILE *file = argc > 2 ? fopen(argv[1], "we") : NULL;
	double begin = now_ms(), wall;
	struct rusage usage;
	int status;
	pid_t pid;

	if (file == NULL)
		return EXIT_FAILURE;
	pid = fork();
	if (pid == 0) {
		(void)execvp(argv[2], &argv[2]);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid)
		return EXIT_FAILURE;
	wall = now_ms() - begin;
	(void)fprintf(file, "%.3f %ld\n", wall, usage.ru_maxrss);
	if (fclose(file) != 0 || !WIFEXITED(status))
		return EXIT_FAILURE;
	return WEXITSTATUS(status);
}
