/* SPDX-License-Identifier: MIT */
/*
 * How often one user may have something done: a few times at once, then one time
 * each interval.  For the library and the programs alone.
 */
#pragma once

#include "base.h"

#define SUBID_LIMIT_BURST	10
#define SUBID_LIMIT_INTERVAL_MS 6000

/* One user's, as it is kept in a file; all 0 at the start. */
struct subid_limit {
	uint64_t full_ms;  /* the clock's time when the burst is whole again */
	uint32_t left_out; /* how often it was not done since the last time it was */
	uint32_t unused;
};

/*
 * May it be done at now_ms, of a clock that does not go back?  Counts it either
 * way.  *ret_left_out: how often it was left out before, on true.
 */
bool subid_limit_take(struct subid_limit *limit, uint64_t now_ms, uint32_t *ret_left_out);
