/* SPDX-License-Identifier: MIT */
/*
 * A /proc made by hand, and the snapshot of it.
 */
#pragma once

#include "libsubid/live/live.h"
#include "support.h"

#define OWN "user:[4026531837]"

static inline void put_namespace(int proc, const char *pid, const char *ns,
				 const char *map)
{
	put_process(proc, &(struct fake_process){
			      .pid = pid, .ns = ns, .uid_map = map, .gid_map = map });
}

static inline struct subid_live look(int proc)
{
	struct subid_live live;

	assert_int_equal(subid_live_read(proc, SUBID_LIVE_THOROUGH, &live), 0);
	return live;
}

static inline const struct subid_live_userns *find(const struct subid_live *live,
						   uint64_t inode)
{
	for (size_t i = 0; i < live->n; i++)
		if (live->userns[i].inode == inode)
			return &live->userns[i];
	fail_msg("no namespace %llu", (unsigned long long)inode);
	return NULL;
}
