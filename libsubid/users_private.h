/* SPDX-License-Identifier: MIT */
/*
 * The inside of struct subid_users, for the files that share it: users.c (the
 * local files), owner.c (one owner), group.c (groups and their members).
 */
#pragma once

#include "scan_private.h"
#include "users.h"

#define SUBID_NSS_BUFFER_MAX (1 << 20)

struct subid_users {
	struct subid_text passwd;
	struct subid_text group;
	struct subid_account *accounts;
	size_t n;
	bool nss;	   /* somebody beyond the files may know more accounts */
	bool nss_groups;   /* or groups */
	bool files_first;  /* what passwd says is final */
	bool enumerate[2]; /* by kind: somebody beyond the files may have ids */
	uint32_t *by_name; /* open addressing: index + 1, or 0 */
	uint32_t *by_uid;
	size_t mask;
};

/* The field at *at of a passwd or group line, up to ':' or end; *at goes behind. */
static inline struct subid_spelling users_field(const char **at, const char *end)
{
	const char *stop = scan_byte(*at, end, ':');
	struct subid_spelling field = { .text = *at, .len = (size_t)(stop - *at) };

	*at = stop == end ? end : stop + 1;
	return field;
}

/* '+' and '-' begin NIS entries, which glibc's files pass over too. */
static inline bool users_is_local(const char *line, const char *end)
{
	return line < end && *line != '+' && *line != '-' && *line != '#';
}

/* One line of the group file, name:password:gid:members. */
struct subid_group {
	struct subid_spelling name;
	struct subid_spelling members;
	uint32_t gid;
};

/* Goes through the group file, like subid_text_next(), over what is a group. */
bool subid_group_next(const struct subid_users *users, size_t *pos,
		      struct subid_group *ret);

/* The local account of a name, or NULL. */
const struct subid_account *subid_users_by_name(const struct subid_users *users,
						const char *name, size_t len);

/*
 * The next local account with a uid, or NULL.  *at is 0 at first, and then the
 * function's own.  With an index in the order of the slots, else of the file.
 */
const struct subid_account *subid_users_by_uid(const struct subid_users *users,
					       uint32_t uid, size_t *at);

/* What a getXXnam_r() said: 0 found, SUBID_UNKNOWN, or -errno. */
int subid_nss_status(int r, const void *found);
