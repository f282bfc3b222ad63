/* SPDX-License-Identifier: MIT */
#include "libsubid/policy/policy.h"

#include <errno.h>
#include <fcntl.h>

#include "libsubid/core/core.h"

int login_look(int etc, const struct subid_owner *owner)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		auto_text struct subid_text text = { .bytes = NULL };
		auto_free struct subid_owned_range *ranges = NULL;
		size_t n = 0;
		int r = subid_text_read(etc, subid_kind_table(kind), false, &text);

		if (r == 0)
			r = subid_owned_ranges(&text, owner->spellings, owner->n, &ranges,
					       &n);
		if (r < 0 && r != -ENOENT)
			return r;
		if (n == 0)
			return SUBID_ABSENT;
	}
	return 0;
}

static bool is_other(const struct stat *a, const struct stat *b)
{
	return a->st_ino != b->st_ino || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec;
}

bool login_tables_moved(int etc, struct login_tables *seen)
{
	bool moved = false;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct stat now = { .st_ino = 0 };

		(void)fstatat(etc, subid_kind_table(kind), &now,
			      AT_SYMLINK_NOFOLLOW); /* or none yet */
		moved = moved || is_other(&now, &seen->st[kind]);
		seen->st[kind] = now;
	}
	return moved;
}
