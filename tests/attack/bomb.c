/* SPDX-License-Identifier: MIT */
/*
 * What a user sets up so that looking at it takes others long.  READY is made when it is
 * there; then it waits.
 *
 *   bomb tables READY ENTRIES PROCESSES    a table of that many descriptors, which the
 *                                          processes share; the last but one is of a user
 *                                          namespace that no process is in
 *   bomb mounts READY MOUNTS CHROOTS       so many mounts of a namespace's file, one on
 *                                          the other, and processes in chroots
 *   bomb namespaces READY N                user namespaces that no process is in
 *
 * mounts is to be run in a user and a mount namespace, in a directory of its own.
 */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void sleep_on(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		(void)pause();
}

static void say_ready(const char *ready)
{
	if (creat(ready, 0644) < 0)
		err(1, "%s", ready);
}

/* A descriptor of a user namespace that no process is in. */
static int make_hidden(void)
{
	int ready[2], fd;
	char path[64], byte;
	pid_t pid;

	if (pipe(ready) < 0)
		err(1, "pipe");
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			err(1, "unshare");
		(void)!write(ready[1], "x", 1);
		sleep_on();
	}
	if (read(ready[0], &byte, 1) != 1)
		errx(1, "no namespace");
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err(1, "%s", path);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	(void)close(ready[0]);
	(void)close(ready[1]);
	return fd;
}

static void set_limit(int most)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(1, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (limit.rlim_max < (rlim_t)most || setrlimit(RLIMIT_NOFILE, &limit) < 0)
		errx(1, "the limit of descriptors is %llu",
		     (unsigned long long)limit.rlim_max);
}

static void tables(int entries, int processes)
{
	int hidden = make_hidden();

	set_limit(entries + 10);
	for (int fd = 3; fd < entries + 3; fd++)
		if (fd != hidden && dup2(fd == entries + 1 ? hidden : 0, fd) < 0)
			err(1, "dup2");
	for (int i = 0; i < processes; i++) {
		pid_t pid = (pid_t)syscall(SYS_clone, (long)(CLONE_FILES | SIGCHLD), 0L,
					   0L, 0L, 0L);

		if (pid < 0)
			err(1, "clone");
		if (pid == 0)
			sleep_on();
	}
}

static void make_chroot(int i)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "root%d", i);
	if (mkdir(name, 0755) < 0)
		err(1, "%s", name);
	if (fork() == 0) {
		if (chroot(name) < 0)
			err(1, "chroot");
		sleep_on();
	}
}

static void mounts(int n, int chroots)
{
	int hidden = make_hidden();
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", hidden);
	(void)close(creat("file", 0644));
	for (int i = 0; i < n; i++)
		if (mount(i == 0 ? path : "/proc/self/ns/net", "file", NULL, MS_BIND,
			  NULL) < 0)
			err(1, "mount %d", i);
	(void)close(hidden);
	for (int i = 0; i < chroots; i++)
		make_chroot(i);
}

static void namespaces(int n)
{
	set_limit(n + 10);
	for (int i = 0; i < n; i++)
		(void)make_hidden();
}

int main(int argc, char *argv[])
{
	const char *what = argc > 1 ? argv[1] : "";
	int a = argc > 3 ? atoi(argv[3]) : 0, b = argc > 4 ? atoi(argv[4]) : 0;

	if (argc == 5 && strcmp(what, "tables") == 0)
		tables(a, b);
	else if (argc == 5 && strcmp(what, "mounts") == 0)
		mounts(a, b);
	else if (argc == 4 && strcmp(what, "namespaces") == 0)
		namespaces(a);
	else
		errx(1, "usage: see the source");
	say_ready(argv[2]);
	for (;;)
		(void)pause();
}
