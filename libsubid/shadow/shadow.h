/* SPDX-License-Identifier: MIT */
/*
 * libsubid.so.4, .5 and .6 as shadow has them (its lib/subid.h), for programs that link
 * these: podman, buildah, toolbox.  Never installed: such programs are compiled with
 * shadow's header.  SONAME .4 is of shadow 4.10 to 4.15, .5 of 4.16 to 4.19, .6 of 4.20;
 * the last two have subid_free().
 *
 * What differs from shadow's on purpose is in libsubid-compat(7).
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
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

/* Nothing is kept and nothing is ever printed, so both are without effect.  True. */
bool subid_init(const char *program, FILE *log);

/*
 * The ranges of an owner, as getsubids(1) lists them.  Returns their number; for 0
 * *ranges is NULL.  The caller frees *ranges, by free(3) or subid_free().  -1: could not
 * tell.
 */
int subid_get_uid_ranges(const char *owner, struct subid_range **ranges);
int subid_get_gid_ranges(const char *owner, struct subid_range **ranges);

/*
 * The uids of the owners whose lines have an id, each once.  An owner without account has
 * none and is left out.  As above.
 */
int subid_get_uid_owners(uid_t uid, uid_t **owners);
int subid_get_gid_owners(gid_t gid, uid_t **owners);

/*
 * Grants range->count ids to range->owner by running subid(1), and sets range->start;
 * with reuse, ids that the owner has already do as well.  False: nothing was granted.
 */
bool subid_grant_uid_range(struct subordinate_range *range, bool reuse);
bool subid_grant_gid_range(struct subordinate_range *range, bool reuse);

/* Takes the range back by running subid(1); the ids are held. */
bool subid_ungrant_uid_range(struct subordinate_range *range);
bool subid_ungrant_gid_range(struct subordinate_range *range);

void subid_free(void *memory);
