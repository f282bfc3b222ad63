/* SPDX-License-Identifier: MIT */
#include "libsubid/core/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What a child may take that counts for nothing: there may be thousands that answer. */
#define QUICK_MS 100

#define ROOM_MIN 65536

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int child_send(int writer, const void *bytes, size_t size)
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

/* Descriptors are low numbers, but for what the caller has been left with. */
static void close_others(int writer, int keep)
{
	int last = writer > keep ? writer : keep;

	for (int fd = 0; fd < last; fd++)
		if (fd != writer && fd != keep)
			(void)close(fd); /* many are not open */
	closefrom(last + 1);
}

static _Noreturn void run(child_work *work, const void *data, int keep, int writer)
{
	int r;

	close_others(writer, keep);
	r = work(data, writer);
	/* a sanitizer's _exit(3) would look for the threads, which are not here */
	for (;;)
		(void)syscall(SYS_exit_group, r == 0 ? 0L : 1L);
}

/* All arguments of clone are 0, so that their order, which differs between machines,
 * does not matter. */
static pid_t clone_unseen(void)
{
	sigset_t every, before;
	pid_t pid;

	(void)sigfillset(&every);
	(void)pthread_sigmask(SIG_BLOCK, &every, &before);
	pid = (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
	if (pid != 0)
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static int start(child_work *work, const void *data, int keep, bool unseen,
		 struct child *ret)
{
	auto_close int reader = -1, writer = -1;
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	reader = pipes[0];
	writer = pipes[1];
	pid = unseen ? clone_unseen() : fork();
	if (pid == 0) {
		if (!unseen)
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(work, data, keep, writer);
	}
	if (pid < 0)
		return -errno;
	*ret = (struct child){ .pid = pid, .reader = reader };
	reader = -1;
	return 0;
}

int child_start(child_work *work, const void *data, int keep, struct child *ret)
{
	(void)fflush(stdout); /* the child has a copy of what waits there */
	return start(work, data, keep, false, ret);
}

int child_start_unseen(child_work *work, const void *data, int keep, struct child *ret)
{
	return start(work, data, keep, true, ret);
}

/* Room for one more byte at least, and the NUL.  0 or -ENOMEM. */
static int make_room(struct subid_text *text, size_t *room, size_t max)
{
	size_t more = *room * 2 > ROOM_MIN ? *room * 2 : ROOM_MIN;
	char *grown;

	if (text->bytes != NULL && text->size < *room)
		return 0;
	if (more > max)
		more = max;
	grown = realloc(text->bytes, more + 1);
	if (grown == NULL)
		return -ENOMEM;
	text->bytes = grown;
	*room = more;
	return 0;
}

int child_read(const struct child *child, int64_t patience_ms, size_t max,
	       struct subid_text *text)
{
	struct pollfd wait = { .fd = child->reader, .events = POLLIN };
	int64_t end = now_ms() + patience_ms, left;
	size_t room = 0;
	ssize_t n = 1;

	if (make_room(text, &room, max) < 0)
		return -ENOMEM;
	text->bytes[0] = '\0';
	while (n > 0 && text->size < max) {
		left = end - now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		if (make_room(text, &room, max) < 0)
			return -ENOMEM;
		wait.revents = 0;
		if (poll(&wait, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
		if (wait.revents == 0)
			continue;
		n = read(child->reader, text->bytes + text->size, room - text->size);
		if (n < 0)
			return -errno;
		text->size += (size_t)n;
		text->bytes[text->size] = '\0';
	}
	return 0;
}

/*
 * One that hangs in a file system of somebody cannot even be killed before that answers:
 * it is left to whoever gets orphans.
 */
bool child_end(struct child *child, bool kill_it)
{
	int status = 0;
	pid_t ended;

	(void)close(child->reader); /* whoever has more to send does not wait for us */
	child->reader = -1;
	if (kill_it)
		(void)kill(child->pid, SIGKILL);
	do
		ended = waitpid(child->pid, &status, __WALL | (kill_it ? WNOHANG : 0));
	while (ended < 0 && errno == EINTR);
	return !kill_it && ended == child->pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

int child_hear(const struct child *child, size_t max, struct child_patience *patience,
	       struct subid_text *text)
{
	int64_t start = now_ms(), one_ms = patience->one_ms, took;
	int r;

	if (patience->all_ms <= 0)
		return -ETIME;
	r = child_read(child, one_ms < patience->all_ms ? one_ms : patience->all_ms, max,
		       text);
	took = now_ms() - start;
	patience->all_ms -= took > QUICK_MS ? took - QUICK_MS : 0;
	return r == -ETIMEDOUT && took < one_ms ? -ETIME : r;
}

int child_run(child_work *work, const void *data, int keep, size_t max,
	      struct child_patience *patience, struct subid_text *ret)
{
	auto_text struct subid_text text = { .bytes = NULL };
	struct child child;
	int r;

	if (patience->all_ms <= 0)
		return -ETIME;
	r = child_start(work, data, keep, &child);
	if (r < 0)
		return r;
	r = child_hear(&child, max, patience, &text);
	if (!child_end(&child, r < 0) && r == 0)
		r = -EIO;
	if (r < 0)
		return r;
	*ret = text;
	text.bytes = NULL;
	return 0;
}
