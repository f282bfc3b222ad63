/* SPDX-License-Identifier: MIT */
#include "libsubid/trace/trace.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

bool subid_rate_limit_allow(struct subid_rate_limit *limit, uint32_t (*now_s)(void),
			    uint32_t *ret_suppressed)
{
	const uint32_t burst_s = SUBID_RATE_LIMIT_BURST * SUBID_RATE_LIMIT_INTERVAL_S;
	uint32_t full_s = __atomic_load_n(&limit->full_s, __ATOMIC_SEQ_CST);

	for (;;) {
		/* Threat: with a time read before the load, what other processes have
		 * used meanwhile would seem too far ahead to be true. */
		uint32_t now = now_s(), owed = full_s - now;

		/* nobody can owe more than a burst: the time is in the past, or from
		 * before a restart */
		if (owed > burst_s)
			owed = 0;
		if (owed + SUBID_RATE_LIMIT_INTERVAL_S > burst_s)
			break;
		if (__atomic_compare_exchange_n(
			&limit->full_s, &full_s, now + owed + SUBID_RATE_LIMIT_INTERVAL_S,
			false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			*ret_suppressed =
			    __atomic_exchange_n(&limit->suppressed, 0, __ATOMIC_SEQ_CST);
			return true;
		}
	}
	if (__atomic_load_n(&limit->suppressed, __ATOMIC_SEQ_CST) < UINT32_MAX)
		__atomic_add_fetch(&limit->suppressed, 1, __ATOMIC_SEQ_CST);
	return false;
}

static uint32_t seconds_since_boot(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now); /* always there since Linux 2.6.39 */
	return (uint32_t)now.tv_sec;
}

bool subid_rate_limit_allow_user(int fd, uint32_t uid, uint32_t *ret_suppressed)
{
	off_t slot = uid % SUBID_RATE_LIMIT_SLOTS;
	off_t place = slot * (off_t)sizeof(struct subid_rate_limit);
	off_t page_size = (off_t)sysconf(_SC_PAGESIZE);
	off_t within = place % page_size;
	char *page;
	bool allowed;

	if (fallocate(fd, 0, place, sizeof(struct subid_rate_limit)) < 0)
		return false;
	page = mmap(NULL, (size_t)page_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    place - within);
	if (page == MAP_FAILED)
		return false;
	allowed =
	    subid_rate_limit_allow((struct subid_rate_limit *)(void *)(page + within),
				   seconds_since_boot, ret_suppressed);
	(void)munmap(page, (size_t)page_size); /* it was just mapped */
	return allowed;
}
