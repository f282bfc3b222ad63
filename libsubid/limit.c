/* SPDX-License-Identifier: MIT */
#include "limit_private.h"

bool subid_limit_take(struct subid_limit *limit, uint32_t (*now_s)(void),
		      uint32_t *ret_left_out)
{
	const uint32_t burst_s = SUBID_LIMIT_BURST * SUBID_LIMIT_INTERVAL_S;
	uint32_t full_s = __atomic_load_n(&limit->full_s, __ATOMIC_SEQ_CST);

	for (;;) {
		/* Threat: by a clock that was asked before the load, what others have
		 * taken meanwhile would lie too far ahead to be believed. */
		uint32_t now = now_s(), owed = full_s - now;

		/* more than a burst can be owed by nobody: it is in the past, or from
		 * before a restart */
		if (owed > burst_s)
			owed = 0;
		if (owed + SUBID_LIMIT_INTERVAL_S > burst_s)
			break;
		if (__atomic_compare_exchange_n(
			&limit->full_s, &full_s, now + owed + SUBID_LIMIT_INTERVAL_S,
			false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			*ret_left_out =
			    __atomic_exchange_n(&limit->left_out, 0, __ATOMIC_SEQ_CST);
			return true;
		}
	}
	if (__atomic_load_n(&limit->left_out, __ATOMIC_SEQ_CST) < UINT32_MAX)
		__atomic_add_fetch(&limit->left_out, 1, __ATOMIC_SEQ_CST);
	return false;
}
