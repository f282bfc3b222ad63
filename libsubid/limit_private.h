/* SPDX-License-Identifier: MIT */
/*
 * How often one user may have something done: a few times at once, then one time
 * each interval.  For the library and the programs alone.
 */
#pragma once

#include "base.h"

#define SUBID_LIMIT_BURST      10
#define SUBID_LIMIT_INTERVAL_S 6

/*
 * One user's, as it lies in memory that his processes share; all 0 at the start.
 * Threat: each of them may be stopped at any moment and go on much later.  So there
 * is no lock, which a stopped one would keep, and what was read before such a stop
 * is never written after it: both members change by atomic steps alone.
 */
struct subid_limit {
	uint32_t full_s;   /* the clock's time when the burst is whole again */
	uint32_t left_out; /* how often it was not done since the last time it was */
};

/*
 * May it be done now, by now_s(), a clock that does not go back?  Counts it either
 * way.  *ret_left_out: how often it was left out before, on true.
 */
bool subid_limit_take(struct subid_limit *limit, uint32_t (*now_s)(void),
		      uint32_t *ret_left_out);

/*
 * The same of one user's count in a file, which is at the uid's place.  What cannot be
 * counted may not be done.  SIGXFSZ must be blocked or ignored: a limit on the size of
 * files would raise it.
 */
bool subid_limit_take_of(int fd, uint32_t uid, uint32_t *ret_left_out);
