/* SPDX-License-Identifier: MIT */
/*
 * The four questions, and answers that nobody can log in with.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "nss/module.h"

/* Nobody's group: not one of the number of the uid, which may be a live group's. */
#define NO_GROUP 65534

/* The strings of an answer, one after the other in the caller's buffer. */
struct room {
	char *at;
	size_t left;
};

/* NULL: there is no room. */
static char *put(struct room *room, const char *text, size_t len)
{
	char *at = room->at;

	if (room->left <= len)
		return NULL;
	memcpy(at, text, len);
	at[len] = '\0';
	room->at += len + 1;
	room->left -= len + 1;
	return at;
}

static char *put_text(struct room *room, const char *text)
{
	return put(room, text, strlen(text));
}

static bool fill_passwd(const char *name, size_t len, uint32_t id, struct room room,
			struct passwd *ret)
{
	struct passwd entry = { .pw_uid = id, .pw_gid = NO_GROUP };

	entry.pw_name = put(&room, name, len);
	entry.pw_passwd = put_text(&room, SUBID_NAME_PASSWORD);
	entry.pw_gecos = put_text(&room, "subordinate id");
	entry.pw_dir = put_text(&room, "/nonexistent");
	entry.pw_shell = put_text(&room, "/usr/sbin/nologin");
	if (entry.pw_name == NULL || entry.pw_passwd == NULL || entry.pw_gecos == NULL ||
	    entry.pw_dir == NULL || entry.pw_shell == NULL)
		return false;
	*ret = entry;
	return true;
}

static bool fill_group(const char *name, size_t len, uint32_t id, struct room room,
		       struct group *ret)
{
	struct group entry = { .gr_gid = id };
	size_t align = -(uintptr_t)room.at % _Alignof(char *);

	if (room.left < align + sizeof(char *))
		return false;
	/* no members: a list of nothing but its end */
	entry.gr_mem = (char **)(void *)(room.at + align);
	room.at += align + sizeof(char *);
	room.left -= align + sizeof(char *);
	entry.gr_name = put(&room, name, len);
	entry.gr_passwd = put_text(&room, SUBID_NAME_PASSWORD);
	if (entry.gr_name == NULL || entry.gr_passwd == NULL)
		return false;
	entry.gr_mem[0] = NULL;
	*ret = entry;
	return true;
}

/* Where an answer goes: one of the two. */
struct answer {
	struct passwd *passwd;
	struct group *group;
	struct room room;
	int *error;
};

static enum nss_status fail(const struct answer *answer, int error)
{
	*answer->error = error;
	/* what may go away by itself: glibc asks again for a larger buffer alone */
	return error == ERANGE || error == ENOMEM || error == EMFILE || error == ENFILE ||
		       error == EAGAIN
		   ? NSS_STATUS_TRYAGAIN
		   : NSS_STATUS_UNAVAIL;
}

/* By name, or by id if that is NULL. */
static enum nss_status find(enum subid_kind kind, const char *name, uint32_t id,
			    const struct answer *answer)
{
	struct cache_use use;
	char own[SUBID_NAME_SIZE];
	size_t len = name == NULL ? 0 : strlen(name);
	int before = errno, r;
	bool fits;

	if (name == NULL ? id < SUBID_NAMES_MIN : !subid_names_possible(name, len))
		return NSS_STATUS_NOTFOUND;
	r = cache_enter(kind, &use);
	if (r < 0) {
		errno = before;
		return fail(answer, -r);
	}
	if (name == NULL) {
		len = subid_names_of_id(use.names, id, own);
		r = len == 0 ? SUBID_UNKNOWN : 0;
		name = own;
	} else {
		r = subid_names_find(use.names, name, len, &id);
	}
	cache_leave(&use);
	errno = before;
	if (r != 0)
		return NSS_STATUS_NOTFOUND;
	fits = answer->passwd != NULL
		   ? fill_passwd(name, len, id, answer->room, answer->passwd)
		   : fill_group(name, len, id, answer->room, answer->group);
	return fits ? NSS_STATUS_SUCCESS : fail(answer, ERANGE);
}

enum nss_status _nss_subid_getpwuid_r(uid_t uid, struct passwd *ret, char *buf,
				      size_t size, int *ret_errno)
{
	const struct answer answer = { .passwd = ret,
				       .room = { buf, size },
				       .error = ret_errno };

	return find(SUBID_UID, NULL, uid, &answer);
}

enum nss_status _nss_subid_getpwnam_r(const char *name, struct passwd *ret, char *buf,
				      size_t size, int *ret_errno)
{
	const struct answer answer = { .passwd = ret,
				       .room = { buf, size },
				       .error = ret_errno };

	return find(SUBID_UID, name, 0, &answer);
}

enum nss_status _nss_subid_getgrgid_r(gid_t gid, struct group *ret, char *buf,
				      size_t size, int *ret_errno)
{
	const struct answer answer = { .group = ret,
				       .room = { buf, size },
				       .error = ret_errno };

	return find(SUBID_GID, NULL, gid, &answer);
}

enum nss_status _nss_subid_getgrnam_r(const char *name, struct group *ret, char *buf,
				      size_t size, int *ret_errno)
{
	const struct answer answer = { .group = ret,
				       .room = { buf, size },
				       .error = ret_errno };

	return find(SUBID_GID, name, 0, &answer);
}
