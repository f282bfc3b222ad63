/* SPDX-License-Identifier: MIT */
/*
 * A program that links shadow's libsubid, for test_compat.sh: it declares what shadow's
 * subid.h does, by the facts of that interface.
 *
 *     ranges u|g OWNER     the ranges, one a line; or "error"
 *     owners u|g ID        the uids
 *     grant u|g OWNER COUNT REUSE    the start, or "no"
 *     ungrant u|g OWNER START COUNT  "yes" or "no"
 *     threads OWNER        64 threads ask 50 times each: the number of right answers
 *     go OWNER COUNT       as Go does: threads with small stacks of their own,
 * interrupted by signals all the while, call every function at once; two of them grant
 * and take back.  The number of wrong answers
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

struct subid_range {
	unsigned long start;
	unsigned long count;
};

struct subordinate_range {
	const char *owner;
	unsigned long start;
	unsigned long count;
};

extern void subid_free(void *memory) __attribute__((weak)); /* from .5 on */
extern bool subid_init(const char *program, FILE *log);
extern int subid_get_uid_ranges(const char *owner, struct subid_range **ranges);
extern int subid_get_gid_ranges(const char *owner, struct subid_range **ranges);
extern int subid_get_uid_owners(uid_t uid, uid_t **owners);
extern int subid_get_gid_owners(gid_t gid, uid_t **owners);
extern bool subid_grant_uid_range(struct subordinate_range *range, bool reuse);
extern bool subid_grant_gid_range(struct subordinate_range *range, bool reuse);
extern bool subid_ungrant_uid_range(struct subordinate_range *range);
extern bool subid_ungrant_gid_range(struct subordinate_range *range);

static int ranges(bool gid, const char *owner)
{
	struct subid_range *found = (void *)1;
	int n = (gid ? subid_get_gid_ranges : subid_get_uid_ranges)(owner, &found);

	if (n <= 0 && found != NULL)
		return puts("not NULL"), 1;
	if (n < 0)
		return puts("error"), 1;
	for (int i = 0; i < n; i++)
		printf("%lu %lu\n", found[i].start, found[i].count);
	(subid_free != NULL ? subid_free : free)(found);
	return 0;
}

static int owners(bool gid, const char *id)
{
	uid_t *found = (void *)1;
	uid_t number = (uid_t)strtoul(id, NULL, 10);
	int n = gid ? subid_get_gid_owners(number, &found)
		    : subid_get_uid_owners(number, &found);

	if (n <= 0 && found != NULL)
		return puts("not NULL"), 1;
	if (n < 0)
		return puts("error"), 1;
	for (int i = 0; i < n; i++)
		printf("%u\n", found[i]);
	free(found);
	return 0;
}

static void *ask(void *owner)
{
	long right = 0;

	for (int i = 0; i < 50; i++) {
		struct subid_range *found;

		if (subid_get_uid_ranges(owner, &found) == 1 && found[0].start == 100000)
			right++;
		free(found);
	}
	return (void *)right;
}

static int threads(char *owner)
{
	pthread_t all[64];
	long right = 0;

	for (int i = 0; i < 64; i++)
		if (pthread_create(&all[i], NULL, ask, owner) != 0)
			return 1;
	for (int i = 0; i < 64; i++) {
		void *part;

		pthread_join(all[i], &part);
		right += (long)part;
	}
	printf("%ld\n", right);
	return 0;
}

/* --- as Go does */

#define CALLERS 32

static atomic_bool stopped;
static atomic_long wrong;
static atomic_int granters; /* that are done */
static char *asked;
static unsigned long wanted_count;

static void nothing(int number)
{
	(void)number;
}

static void *ask_all(void *unused)
{
	(void)unused;
	for (int i = 0; i < 40; i++) {
		struct subid_range *found;
		uid_t *uids;
		int n = (i % 2 == 0 ? subid_get_uid_ranges
				    : subid_get_gid_ranges)(asked, &found);

		/* the first line stays while others come and go */
		if (n < 1 || found[0].start != 100000)
			wrong++;
		free(found);
		n = (i % 2 == 0 ? subid_get_uid_owners : subid_get_gid_owners)(100000,
									       &uids);
		if (n != 1)
			wrong++;
		free(uids);
		n = subid_get_uid_ranges("nobody-of-that-name", &found);
		if (n != 0 || found != NULL)
			wrong++;
	}
	return NULL;
}

static void *grant_all(void *gid)
{
	for (int i = 0; i < 3; i++) {
		struct subordinate_range range = { asked, 0, wanted_count };

		if (!(gid ? subid_grant_gid_range : subid_grant_uid_range)(&range,
									   false) ||
		    range.start == 0 ||
		    !(gid ? subid_ungrant_gid_range : subid_ungrant_uid_range)(&range))
			wrong++;
	}
	granters++;
	return NULL;
}

/* Go interrupts a thread that has run for 10 ms by SIGURG, with SA_RESTART. */
static void *interrupt(void *threads)
{
	while (!stopped) {
		for (int i = 0; i < CALLERS + 2; i++)
			pthread_kill(((pthread_t *)threads)[i], SIGURG);
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
	}
	return NULL;
}

static int go(char *owner, const char *count)
{
	struct sigaction action = { .sa_handler = nothing,
				    .sa_flags = SA_ONSTACK | SA_RESTART };
	pthread_t all[CALLERS + 2], interrupter;
	pthread_attr_t attributes;

	asked = owner;
	wanted_count = strtoul(count, NULL, 10);
	sigaction(SIGURG, &action, NULL);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 256 * 1024);
	for (int i = 0; i < CALLERS + 2; i++)
		if (pthread_create(&all[i], &attributes,
				   i < CALLERS ? ask_all : grant_all,
				   i == CALLERS ? (void *)1 : NULL) != 0)
			return 1;
	if (pthread_create(&interrupter, NULL, interrupt, all) != 0)
		return 1;
	while (granters < 2)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	stopped = true;
	pthread_join(interrupter, NULL);
	for (int i = 0; i < CALLERS + 2; i++)
		pthread_join(all[i], NULL);
	printf("%ld\n", wrong);
	return wrong != 0;
}

int main(int argc, char *argv[])
{
	bool gid = argc > 2 && *argv[2] == 'g';
	struct subordinate_range range;

	subid_init(argv[0], NULL);
	if (argc == 4 && strcmp(argv[1], "ranges") == 0)
		return ranges(gid, argv[3]);
	if (argc == 4 && strcmp(argv[1], "owners") == 0)
		return owners(gid, argv[3]);
	if (argc == 4 && strcmp(argv[1], "go") == 0)
		return go(argv[2], argv[3]);
	if (argc == 3)
		return threads(argv[2]);
	if (argc != 6)
		return 2;
	if (strcmp(argv[1], "grant") == 0) {
		range =
		    (struct subordinate_range){ argv[3], 0, strtoul(argv[4], NULL, 10) };
		if (!(gid ? subid_grant_gid_range
			  : subid_grant_uid_range)(&range, strcmp(argv[5], "reuse") == 0))
			return puts("no"), 1;
		return printf("%lu\n", range.start), 0;
	}
	range = (struct subordinate_range){ argv[3], strtoul(argv[4], NULL, 10),
					    strtoul(argv[5], NULL, 10) };
	if (!(gid ? subid_ungrant_gid_range : subid_ungrant_uid_range)(&range))
		return puts("no"), 1;
	return puts("yes"), 0;
}
