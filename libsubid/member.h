/* SPDX-License-Identifier: MIT */
/*
 * Is an owner in a group?  For many owners and few groups: each group is looked up
 * once.
 */
#pragma once

#include "users.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The groups that were asked for so far; zeroed at first. */
struct subid_members {
	struct subid_known_group *groups; /* opaque */
	size_t n;
};

void subid_members_free(struct subid_members *members);

#define auto_members __attribute__((cleanup(subid_members_free)))

/*
 * Is one of the owner's names in the group, as group(5) lists it, is it the primary
 * group of one of them, or does the name service say so?  group: a name or a
 * decimal gid.  users: from subid_users_load(), the same at each call.  The name
 * service is asked about an owner's groups only if others than the files may know,
 * or the owner is not in the local file.
 *
 * Returns 0, SUBID_ABSENT, SUBID_UNKNOWN when there is no such group, or -errno.
 */
int subid_members_ask(struct subid_members *members, const struct subid_users *users,
		      const struct subid_owner *owner, const char *group);

#ifdef __cplusplus
}
#endif
