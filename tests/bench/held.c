/* SPDX-License-Identifier: MIT */
/*
 * How long our programs have the locks of the account database: held DIRECTORY, until
 * standard input ends.  Says "ready" when it looks, and prints in the end
 *
 *   TIMES LONGEST SUM     of ours, in microseconds
 *   TIMES LONGEST SUM     of shadow's
 *
 * What the kernel tells of the directory's files is enough.  A lock of shadow's is a name
 * more of a file that had one before (subuid.PID), ours of one that had none.  Ours
 * begins with the opening of .pwd.lock, if nobody else has it then, so it is longer than
 * it is.
 */
#include <err.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

struct holding {
	int64_t opened;	 /* .pwd.lock, when nobody had it */
	int64_t since;	 /* 0: nobody has the locks */
	bool is_shadows; /* whose the lock of subuid is that is made, or is there */
	struct {
		long n;
		int64_t longest, sum;
	} of[2];
};

static void end(struct holding *holding, int64_t now)
{
	int64_t took = now - holding->since;

	if (holding->since == 0)
		return;
	holding->of[holding->is_shadows].n++;
	holding->of[holding->is_shadows].sum += took;
	if (took > holding->of[holding->is_shadows].longest)
		holding->of[holding->is_shadows].longest = took;
	holding->since = holding->opened = 0;
	holding->is_shadows = false;
}

static void take(struct holding *holding, const struct inotify_event *event, int64_t now)
{
	const char *name = event->len > 0 ? event->name : "";

	if (strcmp(name, ".pwd.lock") == 0) {
		if (holding->since == 0)
			holding->opened = now;
	} else if (strcmp(name, "subuid.lock") == 0) {
		if ((event->mask & IN_DELETE) != 0)
			end(holding, now);
		else
			holding->since = holding->opened != 0 ? holding->opened : now;
	} else if (strncmp(name, "subuid.", 7) == 0 && (event->mask & IN_CREATE) != 0) {
		holding->is_shadows = true;
	}
}

int main(int argc, char *argv[])
{
	_Alignas(struct inotify_event) char buf[65536];
	struct holding holding = { .since = 0 };
	struct pollfd wait[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
				  { .events = POLLIN } };

	if (argc != 2)
		errx(1, "usage: held DIRECTORY");
	wait[1].fd = inotify_init1(IN_CLOEXEC);
	if (wait[1].fd < 0 ||
	    inotify_add_watch(wait[1].fd, argv[1], IN_OPEN | IN_CREATE | IN_DELETE) < 0)
		err(1, "%s", argv[1]);
	/* a look that is late is a wrong one; if it may not be, others have less to do */
	(void)sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 1 });
	(void)puts("ready");
	(void)fflush(stdout);
	for (;;) {
		ssize_t size;
		int64_t now;

		if (poll(wait, 2, -1) < 0)
			err(1, "poll");
		if (wait[1].revents == 0)
			break;
		size = read(wait[1].fd, buf, sizeof(buf));
		now = now_us();
		for (ssize_t at = 0; at < size;) {
			const struct inotify_event *event = (const void *)(buf + at);

			take(&holding, event, now);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	for (int i = 0; i < 2; i++)
		(void)printf("%ld %lld %lld\n", holding.of[i].n,
			     (long long)holding.of[i].longest,
			     (long long)holding.of[i].sum);
	return EXIT_SUCCESS;
}
