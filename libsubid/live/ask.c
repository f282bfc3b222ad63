/* SPDX-License-Identifier: MIT */
/*
 * Questions about processes whose answers may never come.
 *
 * Threat: /proc/PID/cmdline, environ and maps wait for the lock of the process's memory,
 * which the process has for as long as a user's file system (FUSE) does not answer it;
 * and so may whatever is asked of a file that a process has open.  So one child asks, for
 * all processes one after the other, while the caller looks at the clock.  When it gets
 * no answer the child is ended, and another asks about the rest, but about no more of
 * that user's: a user's processes cost the time of one, however many there are.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "libsubid/core/child.h"
#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

#define PATIENCE_NS INT64_C(300000000)

/* The state of the asking. */
struct asking {
	const struct live_questions *questions;
	size_t from;  /* the first that has no answer */
	bool *silent; /* which are not asked, as live_questions' pids */
	char *buffer; /* a copy in each child */
};

struct head {
	size_t i;
	ssize_t size; /* -errno */
};

/* The child: system calls alone. */
static int send_answers(const void *data, int writer)
{
	const struct asking *asking = data;
	const struct live_questions *questions = asking->questions;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = asking->from; i < questions->n; i++) {
		struct head head = { .i = i };
		int r;

		if (asking->silent[i])
			continue;
		head.size = questions->answer(questions->proc, questions->pids[i],
					      asking->buffer, questions->room);
		r = child_send(writer, &head, sizeof(head));
		if (r == 0 && head.size > 0)
			r = child_send(writer, asking->buffer, (size_t)head.size);
		if (r < 0)
			return r;
	}
	return 0;
}

/* All of it until the end comes.  0; -ETIMEDOUT; -EIO: the child has ended; -errno. */
static int receive(int reader, int64_t end, void *buf, size_t size)
{
	struct pollfd wait = { .fd = reader, .events = POLLIN };

	for (char *at = buf; size > 0;) {
		int64_t left = end - limit_now();
		ssize_t n;

		if (left <= 0)
			return -ETIMEDOUT;
		wait.revents = 0;
		if (poll(&wait, 1, (int)(left / 1000000) + 1) < 0 && errno != EINTR)
			return -errno;
		if (wait.revents == 0)
			continue;
		n = read(reader, at, size);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Tells of those before i, which were not asked. */
static int pass_to(struct asking *asking, size_t i)
{
	const struct live_questions *questions = asking->questions;
	int r = 0;

	for (; r == 0 && asking->from < i; asking->from++)
		if (asking->silent[asking->from])
			r = questions->take(questions->data, asking->from, NULL, -ETIME);
	return r;
}

/* Takes what the child says, until it has said all.  0; -ETIMEDOUT or -EIO: about the
 * next it says nothing; what take() says. */
static int take_answers(struct asking *asking, int reader, char *text, bool *ret_said)
{
	const struct live_questions *questions = asking->questions;
	size_t last = questions->n;
	int r = 0;

	while (last > asking->from && asking->silent[last - 1])
		last--;
	while (asking->from < last) {
		int64_t end = limit_now() + PATIENCE_NS;
		struct head head;

		*ret_said = false;
		r = receive(reader, end, &head, sizeof(head));
		if (r == 0 && (head.i < asking->from || head.i >= questions->n ||
			       head.size > (ssize_t)questions->room))
			return -EIO;
		if (r == 0 && head.size > 0)
			r = receive(reader, end, text, (size_t)head.size);
		if (r < 0)
			return r;
		*ret_said = true;
		r = pass_to(asking, head.i);
		if (r == 0)
			r = questions->take(questions->data, head.i, text, head.size);
		asking->from++;
		if (r < 0)
			return r;
	}
	return pass_to(asking, questions->n);
}

/* The first that is to be asked does not answer, so no other of that user's is asked. */
static int give_up(struct asking *asking, int why)
{
	const struct live_questions *questions = asking->questions;
	size_t i = asking->from;
	int r;

	while (i < questions->n && asking->silent[i])
		i++;
	r = pass_to(asking, i);
	if (r < 0 || i >= questions->n)
		return r;
	for (size_t k = i + 1; k < questions->n; k++)
		asking->silent[k] |= questions->users[k] == questions->users[i];
	asking->from = i + 1;
	return questions->take(questions->data, i, NULL, why);
}

static int ask_all(struct asking *asking, char *text)
{
	const struct live_questions *questions = asking->questions;
	int r = 0;

	while (r == 0 && asking->from < questions->n) {
		struct child child;
		bool said = true;

		r = child_start_unseen(send_answers, asking, questions->proc, &child);
		if (r < 0)
			return r;
		r = take_answers(asking, child.reader, text, &said);
		(void)child_end(&child, r < 0);
		if (!said)
			r = give_up(asking, r == -EIO ? -EIO : -ETIMEDOUT);
	}
	return r;
}

int live_ask(const struct live_questions *questions)
{
	auto_free bool *silent = calloc(questions->n + 1, sizeof(*silent));
	auto_free char *buffer = malloc(questions->room + 1);
	auto_free char *text = malloc(questions->room + 1);
	struct asking asking = { questions, 0, silent, buffer };

	if (silent == NULL || buffer == NULL || text == NULL)
		return -ENOMEM;
	return questions->n == 0 ? 0 : ask_all(&asking, text);
}
