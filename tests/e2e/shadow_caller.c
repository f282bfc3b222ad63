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
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

struct subid_range {
	unsigned long start;
	unsigned long count;
};

struct subordinate_range {
	const char *owner;
	unsigned long start;
	unsigned long count;
};

extern bool subid_init(const char *program, FILE *log);
extern int subid_get_uid_ranges(const char *owner, struct subid_range **ranges);
extern int subid_get_gid_ranges(const char *owner, struct subid_range **ranges);
extern int subid_get_uid_owners(uid_t uid, uid_t **owners);
extern int subid_get_gid_owners(gid_t gid, uid_t **owners);
extern bool subid_grant_uid_range(struct subordinate_range *range, bool reuse);
extern bool subid_grant_gid_range(struct subordinate_range *range, bool reuse);
extern bool subid_ungrant_uid_range(struct subordinate_range *range, bool free_block);
extern bool subid_ungrant_gid_range(struct subordinate_range *range, bool free_block);

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
	free(found);
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

int main(int argc, char *argv[])
{
	bool gid = argc > 2 && *argv[2] == 'g';
	struct subordinate_range range;

	subid_init(argv[0], NULL);
	if (argc == 4 && strcmp(argv[1], "ranges") == 0)
		return ranges(gid, argv[3]);
	if (argc == 4 && strcmp(argv[1], "owners") == 0)
		return owners(gid, argv[3]);
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
	if (!(gid ? subid_ungrant_gid_range : subid_ungrant_uid_range)(&range, true))
		return puts("no"), 1;
	return puts("yes"), 0;
}
