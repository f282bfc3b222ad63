/* SPDX-License-Identifier: MIT */
/*
 * The accounts that owners' names and numbers mean, by the local passwd and group files
 * and, for what they do not know, by the name service (nsswitch.conf(5)).
 */
#pragma once

#include "libsubid/lines/lines.h"

/* An account of the local passwd file; name is not terminated. */
struct subid_account {
	const char *name;
	uint32_t name_len;
	uint32_t uid;
	uint32_t gid;
};

struct subid_users; /* opaque */
struct passwd;

/*
 * Reads DIR/passwd and DIR/group, and DIR/nsswitch.conf to know who else is to be asked.
 * etc: the directory; nss: may the running system's name service be asked (no for an
 * image or chroot), and may the files be links (an image's might lead out of it).
 * Without nss, a file that does not exist is empty; with it, passwd and group must be
 * there.  The caller releases *ret with subid_users_free().  Returns 0 or -errno, as
 * subid_text_read() does: -ENOENT, -ELOOP for a link, -ENOLINK; then *ret_file, unless
 * NULL, is the name of the file.
 */
int subid_users_load(int etc, bool nss, struct subid_users **ret, const char **ret_file);

/*
 * The same for a look-up or two: reads DIR/passwd, but not its lines before they
 * are asked for.  Only subid_owner_find() and subid_owner_of_uid() may follow.
 */
int subid_users_open(int etc, bool nss, struct subid_users **ret, const char **ret_file);

void subid_users_free(struct subid_users **users);

#define auto_users __attribute__((cleanup(subid_users_free)))

/* The accounts of the local file, in its order. */
size_t subid_users_count(const struct subid_users *users);
const struct subid_account *subid_users_at(const struct subid_users *users, size_t i);

/*
 * May somebody beyond the local file know more accounts?  If not, a name that is
 * not in it is nobody's.
 */
bool subid_users_ask_others(const struct subid_users *users);

/* Makes look-ups by name and uid as fast as a hash's, for many.  0 or -ENOMEM. */
int subid_users_index(struct subid_users *users);

/*
 * An owner of ranges, with every spelling under which a line may name it.  The
 * spellings are the names of its uid and, last, the uid in decimal.  A login
 * name that is a number is never a spelling: the line would grant the ranges of
 * that uid to another account.
 */
struct subid_owner {
	bool has_account; /* uid and gid are known */
	uint32_t uid;
	uint32_t gid; /* primary */
	struct subid_owner_name *spellings;
	size_t n;
	char *own; /* bytes that belong to this struct */
};

void subid_owner_free(struct subid_owner *owner);

#define auto_owner __attribute__((cleanup(subid_owner_free)))

/*
 * Finds the owner that text means: a login name or a decimal uid.  Spellings
 * point into users, which must live longer, or into the owner itself; the first
 * is the name that the account has, which need not be what was asked for: a name
 * service may ignore case, or add a domain.
 *
 * Returns 0; SUBID_UNKNOWN, with *ret set all the same to an owner without
 * account that has text as its one spelling; SUBID_INVALID when text cannot
 * stand in a table (*ret is not set); -errno when it could not be found out.
 */
int subid_owner_find(const struct subid_users *users, const char *text,
		     struct subid_owner *ret);

/* The same without the other names of its uid, as getsubids(1) wants it. */
int subid_owner_find_plain(const struct subid_users *users, const char *text,
			   struct subid_owner *ret);

/* subid_owner_find() for a uid. */
int subid_owner_of_uid(const struct subid_users *users, uint32_t uid,
		       struct subid_owner *ret);

/*
 * The home of an account, as the name service has it.  Returns 0, and the caller frees
 * *ret; SUBID_UNKNOWN when there is no such account; SUBID_ABSENT when what it has is no
 * absolute path; -errno when it could not be found out.
 */
int subid_owner_home(uint32_t uid, char **ret) SUBID_WARN_UNUSED;

/* The same, for many: of a local account without asking. */
int subid_users_home(const struct subid_users *users, uint32_t uid,
		     char **ret) SUBID_WARN_UNUSED;

/* How libnss_subid(8) marks its answers, which are no accounts: with this password. */
#define SUBID_NAME_PASSWORD "!*"

/* Is this what it calls a subordinate id, "alice+100033"?  Whoever asks the name service
 * himself is to ask this as well; all else in this header does. */
bool subid_nss_is_name(const char *name, const char *password, uint32_t id);

/*
 * Adds to *ret every id that an account (SUBID_UID) or a group (SUBID_GID) has:
 * uids of passwd; gids of group and primary gids of passwd; with nss also what
 * other sources of nsswitch.conf enumerate (not systemd's: its ids are among
 * subid_reserved(), see policy.h), which is done with getpwent(3) and getgrent(3):
 * not while another thread of the process uses these.  *ret, sorted, keeps what it
 * had.  0 or -errno.
 */
int subid_users_taken(struct subid_users *users, enum subid_kind kind,
		      struct subid_set *ret) SUBID_WARN_UNUSED;

/* The same of the local files alone, for which nobody else is asked. */
int subid_users_taken_local(struct subid_users *users, enum subid_kind kind,
			    struct subid_set *ret) SUBID_WARN_UNUSED;

/*
 * The name of the account or group that has an id, for a message, copied and cut
 * into buf of size bytes, terminated.  Returns false if none has.
 */
bool subid_users_name(const struct subid_users *users, enum subid_kind kind, uint32_t id,
		      char *buf, size_t size);

/*
 * Hands each member of a group to each(), its terminated name and data: those
 * that group(5) lists and those whose primary group it is.  group: a name or a
 * decimal gid.  Returns 0, SUBID_UNKNOWN, -errno, or what each() answered if
 * that was not 0.
 */
int subid_users_members(const struct subid_users *users, const char *group,
			int (*each)(void *data, const char *name), void *data);

/*
 * Is an owner in a group?  For many owners and groups: each group is looked up
 * once.
 */

/* The groups that were asked for so far; zeroed at first. */
struct subid_members {
	struct subid_known_group *groups; /* opaque */
	size_t n;
	struct subid_group_index *index; /* opaque; NULL while they are few */
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

/* --- The ranges of one user, as getsubids(1) and shadow's libsubid list them --- */

struct subid_listing {
	struct subid_owned_range *ranges; /* in the order of the table */
	size_t n;
	/* where it failed: a file of etc, or NULL for the module of this source */
	const char *file;
	char source[SUBID_SOURCE_SIZE]; /* of nsswitch.conf; "": the tables */
};

/*
 * A name has the lines of that name and of its uid; a uid has only the lines with just
 * this number: rootlesskit and podman ask for both and join the answers, so that a line
 * must not be in both.  A user without account is looked for by name alone (kubelet,
 * containers).  Where nsswitch.conf(5) names a source, its module answers; the caller
 * sees to it that no privilege is in effect.
 *
 * Returns 0, with n 0 if there are none; the caller frees ret->ranges.  -errno, with
 * ret->file and ret->source set: what subid_users_open(), subid_text_read() and
 * subid_source_ranges() fail with, -EINVAL for a source that is no name.
 */
int subid_listing_read(int etc, enum subid_kind kind, const char *user,
		       struct subid_listing *ret);

/* --- The inside of struct subid_users, for the files of this folder --- */

#define SUBID_NSS_BUFFER_MAX (1 << 20)

struct subid_users {
	struct subid_text passwd;
	struct subid_text group;
	struct subid_account *accounts; /* subid_users_load(): and the following two */
	size_t n;
	struct subid_sets ids; /* of the accounts; to be sorted */
	bool nss;	       /* somebody beyond the files may know more accounts */
	bool nss_groups;       /* or groups */
	bool files_first;      /* what passwd says is final */
	bool elsewhere;	       /* a source may be silent: not found is not gone */
	bool enumerate[2];     /* by kind: somebody beyond the files may have ids */
	const struct subid_users_lookup *lookup; /* NULL: a pass over passwd's bytes */
	struct subid_users_index *index;	 /* subid_users_index(); or NULL */
	struct subid_beyond *beyond;		 /* subid_users_load(); see private.h */
};

/* How loaded accounts are found: by a pass over them, or by a hash.  Called through it,
 * so that a program which looks up one account does not link what loads all. */
struct subid_users_lookup {
	bool (*by_name)(const struct subid_users *users, const char *name, size_t len,
			struct subid_account *ret);
	bool (*by_uid)(const struct subid_users *users, uint32_t uid, size_t *at,
		       struct subid_account *ret);
	/* getpwnam_r() or, without name, getpwuid_r(), for who is not in the files */
	int (*ask)(const struct subid_users *users, const char *name, uint32_t uid,
		   struct passwd *entry, char *buf, size_t size, struct passwd **ret);
	void (*release)(struct subid_users *users); /* all but passwd's text */
};

struct subid_users_index {
	size_t mask;
	uint32_t *next_of_uid; /* by account: the next of the same uid, as in the slots */
	uint32_t *slots[2];    /* by name, by uid: open addressing; number + 1, or 0 */
};

/*
 * The name and the id at the head of a line of passwd or group, "name:password:id"; *at,
 * where the line begins, is moved after the id, to ':' or end.  False for what is no
 * such line: '+' and '-' begin NIS entries, which glibc's files pass over too.
 */
bool subid_account_head(const char **at, const char *end,
			struct subid_owner_name *ret_name, uint32_t *ret_id);

/* One line of the group file, name:password:gid:members. */
struct subid_group {
	struct subid_owner_name name;
	struct subid_owner_name members;
	uint32_t gid;
};

/* Goes through the group file, like subid_text_next(), over what is a group. */
bool subid_group_next(const struct subid_users *users, size_t *pos,
		      struct subid_group *ret);

/* The local account of a name, not "".  False if there is none. */
bool subid_users_by_name(const struct subid_users *users, const char *name, size_t len,
			 struct subid_account *ret);

/* The next local account with a uid, in the order of the file.  *at: 0 at first. */
bool subid_users_by_uid(const struct subid_users *users, uint32_t uid, size_t *at,
			struct subid_account *ret);

/* getpwnam_r() or getpwuid_r(), with room.  users: NULL if the files may have it. */
int subid_nss_ask(const struct subid_users *users, const char *name, uint32_t uid,
		  struct passwd *ret_entry, char **ret_buffer);

/* What a getXXnam_r() said: 0, SUBID_UNKNOWN, or -errno; -ECONNREFUSED: silence. */
int subid_nss_status(int r, const void *found);
