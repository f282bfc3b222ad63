/* SPDX-License-Identifier: MIT */
/*
 * What a look may cost: a limit for each user, and questions that may never be answered.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/core/child.h"
#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

/*
 * What the search for hidden namespaces may cost, for each user.
 *
 * Threat: a user has thousands of processes, descriptors, mounts and namespaces, to make
 * root's audits slow, or to hide what others have behind them.  So each user has a limit
 * of time and of work, whoever else there is; what it leaves out is counted as that
 * user's.  Whose a process is: in the caller's user namespace its own, by its real uid,
 * since a user may start a program that runs as root, or keep others from looking at a
 * process, and then it seems to be root's; else the owner's of the outermost namespace.
 * Whose a mount namespace is: by the user namespace that owns it, whoever has entered it.
 *
 * root's is larger, since root hides nothing from itself, and what only root left out
 * would be everybody's.
 */

#define MS	   INT64_C(1000000)
#define ROOT_TIMES 10

/* Of those who cannot map the ids in question; see subid_live_read_for(). */
#define OTHERS_NS   (500 * MS)
#define OTHERS_WORK 300

static const struct {
	int64_t ns, work;
} most[] = {
	[SUBID_LIVE_THOROUGH] = { INT64_MAX / 2 / ROOT_TIMES,
				  INT64_MAX / 2 / ROOT_TIMES },
	[SUBID_LIVE_BOUNDED] = { 3000 * MS, 2000000 },
	[SUBID_LIVE_QUICK] = { 500 * MS, 200000 },
	[SUBID_LIVE_PROCESSES] = { 0, 0 },
};

uint32_t live_user_of(const struct subid_live *live, size_t userns)
{
	size_t parent = live->userns[userns].parent;

	while (parent != SUBID_LIVE_NONE && parent != 0) {
		userns = parent;
		parent = live->userns[userns].parent;
	}
	return live->userns[userns].owner;
}

uint32_t live_user_of_process(int proc, const struct subid_live *live,
			      const struct subid_live_process *process)
{
	uint32_t real;

	if (process->userns != 0)
		return live_user_of(live, process->userns);
	if (process->uid != 0 || proc < 0)
		return process->uid;
	return proc_read_real_uid(proc, process->pid, &real) == 0 ? real : process->uid;
}

int64_t limit_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int limit_of(struct live_limits *limits, uint32_t uid, size_t *ret)
{
	int64_t times = uid == 0 ? ROOT_TIMES : 1;
	uint64_t key = (uint64_t)uid + 1;
	size_t at = live_inodes_find(&limits->by_uid, key);
	int r;

	*ret = at;
	if (at != SUBID_LIVE_NONE)
		return 0;
	r = array_grow(&limits->list, limits->n, sizeof(*limits->list));
	if (r == 0)
		r = live_inodes_put(&limits->by_uid, key, limits->n);
	if (r < 0)
		return r;
	limits->list[limits->n] = (struct live_limit){
		.uid = uid,
		.ns = most[limits->depth].ns * times,
		.work = most[limits->depth].work * times,
		.is_other =
		    limits->uids != NULL && uid != SUBID_ID_NONE &&
		    !subid_set_contains(limits->uids, (struct id_range){ uid, 1 }),
	};
	if (limits->list[limits->n].is_other) {
		limits->list[limits->n].ns = OTHERS_NS;
		limits->list[limits->n].work = OTHERS_WORK;
	}
	*ret = limits->n++;
	return 0;
}

int limit_of_process(int proc, struct live_limits *limits,
		     const struct subid_live_process *process, struct live_links *links)
{
	uint32_t real;
	int r;

	if (process->userns != 0 || process->uid != 0 || links->is_payer_known)
		return 0;
	links->is_payer_known = true;
	r = proc_read_real_uid(proc, process->pid, &real);
	if (r < 0)
		return proc_is_short(r) ? r : 0;
	return limit_of(limits, real, &links->limit);
}

bool limit_is_left(const struct live_limit *limit)
{
	return limit->ns > 0 && limit->work > 0;
}

void limit_spend(struct live_limit *limit, int64_t since, size_t work)
{
	limit->ns -= limit_now() - since;
	limit->work -= (int64_t)work;
}

void limit_skip(struct live_limit *limit, pid_t pid)
{
	if (limit->n_skipped++ == 0)
		limit->skipped = pid;
}

int limit_report(const struct live_limits *limits, struct subid_live *live)
{
	for (size_t i = 0; i < limits->n; i++) {
		const struct live_limit *limit = &limits->list[i];
		int r;

		if (limit->n_skipped == 0 || limit->is_other)
			continue;
		r = array_grow(&live->unlooked, live->n_unlooked,
			       sizeof(*live->unlooked));
		if (r < 0)
			return r;
		live->unlooked[live->n_unlooked++] = (struct subid_unlooked){
			.uid = limit->uid,
			.pid = limit->skipped,
			.n = limit->n_skipped,
		};
		live->partial = true;
	}
	return 0;
}

void limits_free(struct live_limits *limits)
{
	free(limits->list);
	live_inodes_free(&limits->by_uid);
	*limits = (struct live_limits){ .n = 0 };
}

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
