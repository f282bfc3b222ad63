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
	bool parsed; /* subid_users_load(): the following three are there */
	struct subid_account *accounts;
	size_t n;
	struct subid_set ids[SUBID_KINDS]; /* of the accounts; to be sorted */
	bool nss;	   /* somebody beyond the files may know more accounts */
	bool nss_groups;   /* or groups */
	bool files_first;  /* what passwd says is final */
	bool enumerate[2]; /* by kind: somebody beyond the files may have ids */
	uint32_t *by_name; /* open addressing: index + 1, or 0 */
	uint32_t *by_uid;
	uint32_t *next_of_uid; /* by account: the next of the same uid, likewise */
	size_t mask;
};

/*
 * Reads the beginning of a passwd or group line at *at, "name:password:", and
 * moves *at behind it.  False for what is no such line: '+' and '-' begin NIS
 * entries, which glibc's files pass over too; *at is then somewhere in that line.
 */
SCAN_INLINE bool users_scan_name(const char **at, const char *end,
				 struct subid_spelling *ret)
{
	const char *line = *at, *p = scan_to_colon(line, end);

	*at = p;
	if (p == line || p == end || *p != ':' || *line == '+' || *line == '-' ||
	    *line == '#')
		return false;
	ret->text = line;
	ret->len = (size_t)(p - line);
	p++;
	/* the password is mostly an "x"; one that is empty is no ':' */
	if (end - p > 2 && p[1] == ':' && p[0] > ':') {
		*at = p + 2;
		return true;
	}
	p = scan_to_colon(p, end);
	*at = p;
	if (p == end || *p != ':')
		return false;
	*at = p + 1;
	return true;
}

/* The same with the id, which *at is moved behind, to ':' or the line's end. */
SCAN_INLINE bool users_scan_head(const char **at, const char *end,
				 struct subid_spelling *ret_name, uint32_t *ret_id)
{
	return users_scan_name(at, end, ret_name) && scan_id(at, end, ret_id) &&
	       (*at == end || **at == ':' || **at == '\n');
}

/* A whole account; *at as above, behind the gid. */
SCAN_INLINE bool users_scan_account(const char **at, const char *end,
				    struct subid_account *ret)
{
	struct scan_seen uid = SCAN_SEEN_NONE;
	struct subid_spelling name;

	/* a user's own group mostly has the same number */
	if (!users_scan_name(at, end, &name) || !scan_id_like(at, end, &uid, &ret->uid) ||
	    *at == end || **at != ':')
		return false;
	(*at)++;
	if (!scan_id_like(at, end, &uid, &ret->gid) ||
	    (*at < end && **at != ':' && **at != '\n'))
		return false;
	ret->name = name.text;
	ret->name_len = (uint32_t)name.len;
	return true;
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

/*
 * Hands each member that group(5) or the name service lists to each(); not those
 * whose primary group it is.  Returns as subid_users_members() does.
 */
int subid_group_find(const struct subid_users *users, const char *group,
		     int (*each)(void *data, const char *name), void *data,
		     uint32_t *ret_gid);

/* The local account of a name.  False if there is none. */
bool subid_users_by_name(const struct subid_users *users, const char *name, size_t len,
			 struct subid_account *ret);

/*
 * The next local account with a uid, in the order of the file.  *at is 0 at first, and
 * then the function's own.  False at the end.
 */
bool subid_users_by_uid(const struct subid_users *users, uint32_t uid, size_t *at,
			struct subid_account *ret);

/* What a getXXnam_r() said: 0 found, SUBID_UNKNOWN, or -errno. */
int subid_nss_status(int r, const void *found);
