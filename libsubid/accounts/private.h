/* SPDX-License-Identifier: MIT */
/*
 * What the files of this folder share beside the inside of struct subid_users.
 */
#pragma once

#include "libsubid/accounts/accounts.h"

struct passwd;
struct group;

/* What is asked of the name service: a name or, if that is NULL, an id. */
struct subid_question {
	enum subid_kind kind; /* an account, or a group */
	const char *name;
	uint32_t id;
	struct passwd *user; /* by kind: the answer, whose texts are in buffer */
	struct group *group;
	char *buffer;
	size_t size;
};

/* Makes what subid_beyond_ask() needs.  0 or -ENOMEM. */
int subid_beyond_make(struct subid_users *users);

/*
 * As getpwnam_r(3) and its like answer for who is not in the local files: 0, with *ret
 * false for nobody, or an errno.  users: from subid_users_load().
 */
int subid_beyond_ask(const struct subid_users *users,
		     const struct subid_question *question, bool *ret);

/* Of struct subid_users_lookup, of loaded accounts. */
int subid_beyond_ask_user(const struct subid_users *users, const char *name, uint32_t uid,
			  struct passwd *entry, char *buf, size_t size,
			  struct passwd **ret);
void subid_beyond_release(struct subid_users *users);

/* The first group of the local file with a gid. */
bool subid_beyond_gid(const struct subid_users *users, uint32_t gid,
		      struct subid_owner_name *ret);
