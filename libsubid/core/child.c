/* SPDX-License-Identifier: MIT */
#include "tools/subid/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/core/core.h"

/* What a child may take that counts for nothing: there may be thousands that answer. */
#define QUICK_MS 100

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

/* Room for one more byte at least, and the NUL.  0 or -ENOMEM. */
static int make_room(struct subid_text *text, size_t *room, size_t max)
{
	size_t more = *room < max / 2 ? *room * 2 : max;
	char *grown;

	if (text->size < *room)
		return 0;
	grown = realloc(text->bytes, more + 1);
	if (grown == NULL)
		return -ENOMEM;
	text->bytes = grown;
	*room = more;
	return 0;
}

/* What the child sends, until it ends, or max bytes.  0, -ETIMEDOUT, -errno. */
static int receive(int reader, int64_t patience_ms, size_t max, struct subid_text *ret)
{
	struct pollfd wait = { .fd = reader, .events = POLLIN };
	int64_t end = now_ms() + patience_ms, left;
	size_t room = max < 65536 ? max : 65536;
	ssize_t n = 1;

	ret->bytes = malloc(room + 1);
	if (ret->bytes == NULL)
		return -ENOMEM;
	while (n > 0 && ret->size < max) {
		left = end - now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		if (make_room(ret, &room, max) < 0)
			return -ENOMEM;
		wait.revents = 0;
		if (poll(&wait, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (wait.revents == 0)
			continue;
		n = read(reader, ret->bytes + ret->size, room - ret->size);
		if (n < 0)
			return -errno;
		ret->size += (size_t)n;
	}
	ret->bytes[ret->size] = '\0';
	return 0;
}

/* Descriptors are low numbers, but for what the caller has been left with. */
static void let_go(int writer, int keep)
{
	int last = writer > keep ? writer : keep;

	for (int fd = 0; fd < last; fd++)
		if (fd != writer && fd != keep)
			(void)close(fd); /* many are not open */
	closefrom(last + 1);
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

int cli_child_run(cli_child_work *work, const void *data, int keep, size_t max,
		  struct cli_patience *patience, struct subid_text *ret)
{
	auto_close int reader = -1, writer = -1;
	auto_text struct subid_text text = { .bytes = NULL };
	int64_t start = now_ms(), one_ms = patience->one_ms, took;
	int pipes[2], r;
	pid_t pid;

	if (patience->all_ms <= 0)
		return -ETIME;
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	reader = pipes[0];
	writer = pipes[1];
	(void)fflush(stdout); /* the child has a copy of what waits there */
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		let_go(writer, keep);
		_exit(work(data, writer) == 0 ? 0 : 1);
	}
	if (pid < 0)
		return -errno;
	(void)close(writer);
	writer = -1;
	r = receive(reader, one_ms < patience->all_ms ? one_ms : patience->all_ms, max,
		    &text);
	took = now_ms() - start;
	patience->all_ms -= took > QUICK_MS ? took - QUICK_MS : 0;
	if (r == -ETIMEDOUT && took < one_ms)
		r = -ETIME;
	(void)close(reader); /* whoever has more to send does not wait for us */
	reader = -1;
	if (!end_child(pid, r < 0) && r == 0)
		r = -EIO;
	if (r < 0)
		return r;
	*ret = text;
	text.bytes = NULL;
	return 0;
}
