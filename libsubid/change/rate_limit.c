/* SPDX-License-Identifier: MIT */
#include "libsubid/change/change.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

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

static uint32_t seconds_since_boot(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* always there since Linux 2.6.39 */
	return (uint32_t)now.tv_sec;
}

bool subid_limit_take_of(int fd, uint32_t uid, uint32_t *ret_left_out)
{
	off_t place = (off_t)uid * (off_t)sizeof(struct subid_limit);
	off_t page_size = (off_t)sysconf(_SC_PAGESIZE);
	off_t within = place % page_size;
	char *page;
	bool may;

	if (fallocate(fd, 0, place, sizeof(struct subid_limit)) < 0)
		return false;
	page = mmap(NULL, (size_t)page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    place - within);
	if (page == MAP_FAILED)
		return false;
	may = subid_limit_take((struct subid_limit *)(void *)(page + within),
			       seconds_since_boot, ret_left_out);
	(void)munmap(page, (size_t)page_size); /* what it was is written */
	return may;
}
