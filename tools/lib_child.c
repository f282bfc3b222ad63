/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/cleanup.h"

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int cli_child_send(int writer, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size > 0) {
		ssize_t n = write(writer, at, size);

		if (n < 0)
			return -errno;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* What the child sends, until it ends or the time is over: then nothing. */
static bool receive(int reader, int64_t patience_ms, size_t max, struct subid_text *ret)
{
	struct pollfd wait = { .fd = reader, .events = POLLIN };
	int64_t end = now_ms() + patience_ms, left;
	ssize_t n = 1;

	ret->bytes = malloc(max + 1);
	if (ret->bytes == NULL)
		return false;
	while (n > 0 && ret->size < max && (left = end - now_ms()) > 0) {
		if (poll(&wait, 1, (int)left) < 0 && errno != EINTR)
			break;
		if (wait.revents == 0)
			continue;
		n = read(reader, ret->bytes + ret->size, max - ret->size);
		ret->size += n > 0 ? (size_t)n : 0;
	}
	ret->bytes[ret->size] = '\0';
	return n == 0 || ret->size == max;
}

/*
 * Ends the child.  One that hangs in a file system of somebody cannot even be killed
 * before that answers: it is left to whoever gets orphans.
 */
static bool end_child(pid_t pid, bool hangs)
{
	int status = 0;
	pid_t ended;

	if (hangs)
		(void)kill(pid, SIGKILL);
	do
		ended = waitpid(pid, &status, hangs ? WNOHANG : 0);
	while (ended < 0 && errno == EINTR);
	return !hangs && ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool cli_child_run(cli_child_work *work, const void *data, size_t max,
		   int64_t *patience_ms, int64_t limit_ms, struct subid_text *ret)
{
	auto_close int reader = -1, writer = -1;
	auto_text struct subid_text text = { .bytes = NULL };
	int64_t start = now_ms();
	int pipes[2];
	bool done;
	pid_t pid;

	if (*patience_ms <= 0 || pipe2(pipes, O_CLOEXEC) < 0)
		return false;
	reader = pipes[0];
	writer = pipes[1];
	(void)fflush(stdout); /* the child has a copy of what waits there */
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(work(data, writer) == 0 ? 0 : 1);
	}
	if (pid < 0)
		return false;
	(void)close(writer);
	writer = -1;
	done = receive(reader, *patience_ms < limit_ms ? *patience_ms : limit_ms, max,
		       &text);
	*patience_ms -= now_ms() - start;
	if (!end_child(pid, !done) || !done)
		return false;
	*ret = text;
	text.bytes = NULL;
	return true;
}
