/* SPDX-License-Identifier: MIT */
#include "limit_private.h"

bool subid_limit_take(struct subid_limit *limit, uint64_t now_ms, uint32_t *ret_left_out)
{
	const uint64_t burst_ms = (uint64_t)SUBID_LIMIT_BURST * SUBID_LIMIT_INTERVAL_MS;
	uint64_t owed = 0;

	/* more than a burst can be owed by nobody: it is from before a restart */
	if (limit->full_ms > now_ms && limit->full_ms - now_ms <= burst_ms)
		owed = limit->full_ms - now_ms;
	if (owed + SUBID_LIMIT_INTERVAL_MS > burst_ms) {
		if (limit->left_out < UINT32_MAX)
			limit->left_out++;
		return false;
	}
	limit->full_ms = now_ms + owed + SUBID_LIMIT_INTERVAL_MS;
	*ret_left_out = limit->left_out;
	limit->left_out = 0;
	return true;
}
