/* SPDX-License-Identifier: MIT */
/*
 * What an emulator of user programs lacks of the kernel's interface, one word a line, for
 * test_architectures.sh; nothing when it lacks nothing.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int end(void *unused)
{
	(void)unused;
	_exit(0);
}

/* The program's name in /proc, and the one that a process gives itself. */
static int has_names(const char *program)
{
	char name[32] = "";
	FILE *comm = fopen("/proc/self/comm", "r");
	const char *base = strrchr(program, '/');

	if (comm == NULL || fgets(name, sizeof(name), comm) == NULL)
		return 0;
	fclose(comm);
	return strncmp(name, base == NULL ? program : base + 1, strlen(name) - 1) == 0;
}

int main(int argc, char *argv[])
{
	static char stack[65536] __attribute__((aligned(16)));
	struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_BENEATH };
	pid_t child;

	if (syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof(how)) < 0)
		puts("openat2");
	child = clone(end, stack + sizeof(stack), CLONE_UNTRACED, NULL);
	if (child < 0 || waitpid(child, NULL, __WALL) != child)
		puts("clone");
	if (argc < 1 || !has_names(argv[0]))
		puts("names");
	return 0;
}
