/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/version.h"

#define PATIENCE_MS 5000

extern char **environ;

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* PROGRAM --version, with its output in the pipe.  Its pid, or -1. */
static pid_t start(const char *program, int pipe)
{
	char version[] = "--version";
	char *const argv[] = { (char *)(uintptr_t)program, version, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid = -1;
	int r;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return -1;
	r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY,
						     0);
	if (r == 0)
		r = posix_spawn_file_actions_adddup2(&actions, pipe, 1);
	if (r == 0)
		r = posix_spawnp(&pid, program, &actions, NULL, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	return r == 0 ? pid : -1;
}

/* What comes out of the pipe, up to size - 1 bytes, until the time is over. */
static void listen(int pipe, char *buf, size_t size)
{
	int64_t end = now_ms() + PATIENCE_MS, left;
	struct pollfd wait = { .fd = pipe, .events = POLLIN };
	size_t used = 0;
	ssize_t n = 1;

	while (n > 0 && used < size - 1 && (left = end - now_ms()) > 0) {
		if (poll(&wait, 1, (int)left) < 0 && errno != EINTR)
			break;
		if (wait.revents == 0)
			continue;
		n = read(pipe, buf + used, size - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	buf[used] = '\0';
}

bool cli_ask_version(const char *program, struct subid_version *ret)
{
	auto_close int reader = -1, writer = -1;
	char said[256];
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	reader = pipes[0];
	writer = pipes[1];
	pid = start(program, writer);
	if (pid < 0)
		return false;
	(void)close(writer);
	writer = -1;
	listen(reader, said, sizeof(said));
	/* it may go on for ever, and what it said is all that counts */
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return subid_version_parse(said, ret);
}
