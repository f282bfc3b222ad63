/* SPDX-License-Identifier: MIT */
/*
 * All accounts of the local files: loaded at once, their ids, and an index of them.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/scan.h"
#include "libsubid/tables/tables.h"

static inline struct id_range just(uint32_t id)
{
	return (struct id_range){ .start = id, .count = 1 };
}

static int make_room(struct subid_users *users, size_t *room)
{
	/* at first for lines of 32 bytes, of which few files have more */
	size_t more = *room == 0 ? users->passwd.size / 32 + 16 : *room + *room / 2;
	struct subid_account *grown;

	grown = reallocarray(users->accounts, more, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	users->accounts = grown;
	*room = more;
	return 0;
}

/*
 * A line of passwd or group that is none to us, but may be one to glibc: the ids
 * in its third field and, unless fourth is NULL, in its fourth are not free.
 */
static int note_malformed_line(const char *line, const char *end, struct subid_set *third,
			       struct subid_set *fourth)
{
	struct subid_set *const sets[] = { NULL, NULL, third, fourth };
	int r = 0;

	if (*line == '+' || *line == '-' || *line == '#')
		return 0; /* none to glibc either */

	for (size_t i = 0; r == 0 && i < 4; i++) {
		const char *stop = scan_to_colon(line, end);
		struct subid_owner_name field = { line, (size_t)(stop - line) };
		uint32_t id;

		if (sets[i] != NULL && !scan_loose_id(field.text, field.len, &id))
			return 0;
		if (sets[i] != NULL && id != UINT32_MAX)
			r = subid_set_add(sets[i], just(id));
		if (stop == end || *stop == '\n')
			break;
		line = stop + 1;
	}
	return r;
}

/* subid_account_head() without the id, fast; moves *at after the password. */
SCAN_INLINE bool scan_name(const char **at, const char *end, uint32_t *ret_len)
{
	const char *line = *at, *p = scan_to_colon(line, end);

	*at = p;
	if (p == line || p == end || *p != ':' || *line == '+' || *line == '-' ||
	    *line == '#')
		return false;
	*ret_len = (uint32_t)(p - line);
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

/* A whole account; moves *at after the gid, or anywhere in a line that is no account. */
SCAN_INLINE bool scan_account(const char **at, const char *end, struct subid_account *ret)
{
	struct scan_seen uid = SCAN_SEEN_NONE;

	ret->name = *at;
	if (!scan_name(at, end, &ret->name_len) ||
	    !scan_id_like(at, end, &uid, &ret->uid) || *at == end || **at != ':' ||
	    ret->uid == UINT32_MAX)
		return false;
	(*at)++;
	/* a user's own group mostly has the same number */
	if (!scan_id_like(at, end, &uid, &ret->gid))
		return false;
	return *at == end || **at == ':' || **at == '\n';
}

static int parse_passwd(struct subid_users *users)
{
	const char *at = users->passwd.bytes, *end = at + users->passwd.size;
	struct id_range uids = { .count = 0 }, gids = { .count = 0 };
	size_t room = 0;
	int r = 0;

	for (; r == 0 && at < end; at = scan_to_next_line(at, end)) {
		struct subid_account *account;
		const char *line = at;

		if (users->n == room)
			r = make_room(users, &room);
		if (r < 0)
			return r;
		account = &users->accounts[users->n];
		if (!scan_account(&at, end, account)) {
			r = note_malformed_line(line, end, &users->ids.of[SUBID_UID],
						&users->ids.of[SUBID_GID]);
			continue;
		}
		users->n++;
		r = scan_add(&users->ids.of[SUBID_UID], &uids, just(account->uid));
		if (r == 0)
			r = scan_add(&users->ids.of[SUBID_GID], &gids,
				     just(account->gid));
	}
	if (r == 0)
		r = subid_set_add(&users->ids.of[SUBID_UID], uids);
	if (r == 0)
		r = subid_set_add(&users->ids.of[SUBID_GID], gids);
	return r;
}

/* --- without an index: a few look-ups --- */

static inline bool has_name(const struct subid_account *account, const char *name,
			    size_t len)
{
	/* names of one length differ most often in the last byte */
	return account->name_len == len &&
	       (len == 0 || account->name[len - 1] == name[len - 1]) &&
	       memcmp(account->name, name, len) == 0;
}

static bool name_by_pass(const struct subid_users *users, const char *name, size_t len,
			 struct subid_account *ret)
{
	for (size_t i = 0; i < users->n; i++) {
		if (has_name(&users->accounts[i], name, len)) {
			*ret = users->accounts[i];
			return true;
		}
	}
	return false;
}

static bool uid_by_pass(const struct subid_users *users, uint32_t uid, size_t *at,
			struct subid_account *ret)
{
	while (*at < users->n) {
		const struct subid_account *account = &users->accounts[(*at)++];

		if (account->uid == uid) {
			*ret = *account;
			return true;
		}
	}
	return false;
}

static const struct subid_users_lookup by_pass = {
	.by_name = name_by_pass,
	.by_uid = uid_by_pass,
	.ask = subid_beyond_ask_user,
	.release = subid_beyond_release,
};

int subid_users_load(int etc, bool nss, struct subid_users **ret, const char **ret_file)
{
	auto_users struct subid_users *users = NULL;
	int r = subid_users_open(etc, nss, &users, ret_file);

	if (r == 0) {
		users->lookup = &by_pass;
		r = subid_beyond_make(users);
	}
	if (r == 0) {
		r = subid_text_read(etc, "group", nss, &users->group);
		if (r == -ENOENT && !nss)
			r = 0;
		if (r < 0 && ret_file != NULL)
			*ret_file = "group";
	}
	if (r == 0)
		r = parse_passwd(users);
	if (r < 0)
		return r;
	*ret = users;
	users = NULL;
	return 0;
}

size_t subid_users_count(const struct subid_users *users)
{
	return users->n;
}

const struct subid_account *subid_users_at(const struct subid_users *users, size_t i)
{
	return &users->accounts[i];
}

/* The gids of the group file. */
static int read_gids(const struct subid_text *group, struct subid_set *ret)
{
	const char *at = group->bytes, *end = at + group->size;
	struct id_range gids = { .count = 0 };
	int r = 0;

	for (; r == 0 && at < end; at = scan_to_next_line(at, end)) {
		const char *line = at;
		uint32_t name_len, gid;

		r = scan_name(&at, end, &name_len) && scan_id(&at, end, &gid) &&
			    (at == end || *at == ':' || *at == '\n')
			? scan_add(ret, &gids, just(gid))
			: note_malformed_line(line, end, ret, NULL);
	}
	if (r == 0)
		r = subid_set_add(ret, gids);
	subid_set_sort(ret);
	return r;
}

/* getpwent(3) and getgrent(3): not for a process with threads that use them. */
static int add_enumerated(enum subid_kind kind, struct subid_set *ret)
{
	const struct passwd *account;
	const struct group *group;
	int r = 0;

	if (kind == SUBID_UID) {
		setpwent();
		while (r == 0 && (account = getpwent()) != NULL)
			r = subid_set_add(ret, just(account->pw_uid));
		endpwent();
	} else {
		setgrent();
		while (r == 0 && (group = getgrent()) != NULL)
			r = subid_set_add(ret, just(group->gr_gid));
		endgrent();
	}
	return r;
}

/* local: of the files alone. */
static int add_taken(struct subid_users *users, enum subid_kind kind, bool local,
		     struct subid_set *ret)
{
	auto_set struct subid_set more = { .ranges = NULL };
	int r = 0;

	if (kind == SUBID_GID)
		r = read_gids(&users->group, &more);
	if (r == 0 && !local && users->enumerate[kind])
		r = add_enumerated(kind, &more);
	if (r < 0)
		return r;
	/* runs that are each in order are cheaper than one that is not */
	subid_set_sort(&more);
	subid_set_sort(&users->ids.of[kind]);
	r = subid_set_unite(ret, &users->ids.of[kind]);
	return r == 0 ? subid_set_unite(ret, &more) : r;
}

int subid_users_taken(struct subid_users *users, enum subid_kind kind,
		      struct subid_set *ret)
{
	return add_taken(users, kind, false, ret);
}

int subid_users_taken_local(struct subid_users *users, enum subid_kind kind,
			    struct subid_set *ret)
{
	return add_taken(users, kind, true, ret);
}

int subid_owner_home(uint32_t uid, char **ret)
{
	auto_free char *buffer = NULL;
	struct passwd entry;
	char *home;
	int r = subid_nss_ask(NULL, NULL, uid, &entry, &buffer);

	if (r != 0)
		return r == -ECONNREFUSED ? SUBID_UNKNOWN : r;
	if (entry.pw_dir[0] != '/')
		return SUBID_ABSENT;
	home = strdup(entry.pw_dir);
	if (home == NULL)
		return -ENOMEM;
	*ret = home;
	return 0;
}

/* The sixth field of the account's line: NULL, if there is none. */
static char *home_of(const struct subid_users *users, const struct subid_account *account,
		     size_t *ret_len)
{
	char *at = users->passwd.bytes + (account->name - users->passwd.bytes);
	char *end = users->passwd.bytes + users->passwd.size, *stop;

	stop = memchr(at, '\n', (size_t)(end - at));
	end = stop == NULL ? end : stop;
	for (size_t colons = 0; colons < 5; colons++) {
		at = memchr(at, ':', (size_t)(end - at));
		if (at++ == NULL)
			return NULL;
	}
	stop = memchr(at, ':', (size_t)(end - at));
	*ret_len = (size_t)((stop == NULL ? end : stop) - at);
	return at;
}

int subid_users_home(const struct subid_users *users, uint32_t uid, char **ret)
{
	struct subid_account account;
	size_t at = 0, len = 0;
	char *home = NULL;

	if (users->files_first && subid_users_by_uid(users, uid, &at, &account))
		home = home_of(users, &account, &len);
	/* what is odd is for the name service to read */
	if (home == NULL || len == 0 || *home != '/' || memchr(home, '\0', len) != NULL)
		return subid_owner_home(uid, ret);
	home = strndup(home, len);
	if (home == NULL)
		return -ENOMEM;
	*ret = home;
	return 0;
}

/* --- an index --- */

enum { BY_NAME, BY_UID };

static size_t hash_uid(uint32_t uid)
{
	return (size_t)((uid * 0x9e3779b97f4a7c15) >> 32);
}

/* The slot of a name or a uid, or the free one where it belongs. */
static uint32_t *name_slot(const struct subid_users *users, const char *name, size_t len)
{
	for (size_t h = subid_table_hash(name, len);; h++) {
		uint32_t *slot = &users->index->slots[BY_NAME][h & users->index->mask];

		if (*slot == 0 || has_name(&users->accounts[*slot - 1], name, len))
			return slot;
	}
}

static uint32_t *uid_slot(const struct subid_users *users, uint32_t uid)
{
	for (size_t h = hash_uid(uid);; h++) {
		uint32_t *slot = &users->index->slots[BY_UID][h & users->index->mask];

		if (*slot == 0 || users->accounts[*slot - 1].uid == uid)
			return slot;
	}
}

static bool name_by_index(const struct subid_users *users, const char *name, size_t len,
			  struct subid_account *ret)
{
	uint32_t i = *name_slot(users, name, len);

	if (i != 0)
		*ret = users->accounts[i - 1];
	return i != 0;
}

static bool uid_by_index(const struct subid_users *users, uint32_t uid, size_t *at,
			 struct subid_account *ret)
{
	uint32_t i =
	    *at == 0 ? *uid_slot(users, uid) : users->index->next_of_uid[*at - 1];

	if (i == 0)
		return false;
	*at = i;
	*ret = users->accounts[i - 1];
	return true;
}

static const struct subid_users_lookup by_index = {
	.by_name = name_by_index,
	.by_uid = uid_by_index,
	.ask = subid_beyond_ask_user,
	.release = subid_beyond_release,
};

/* In one piece, which is all that is to be freed. */
static struct subid_users_index *make_index(size_t n_accounts, size_t n_slots)
{
	struct subid_users_index *index;
	uint32_t *numbers;

	index = calloc(1, sizeof(*index) +
			      (2 * n_slots + n_accounts) * sizeof(*index->next_of_uid));
	if (index == NULL)
		return NULL;
	numbers = (uint32_t *)(index + 1);
	*index = (struct subid_users_index){
		.mask = n_slots - 1,
		.slots = { [BY_NAME] = numbers, [BY_UID] = numbers + n_slots },
		.next_of_uid = numbers + 2 * n_slots,
	};
	return index;
}

/* Each name and each uid has one slot, so that many accounts of one uid or name do not
 * make a cluster; from the last to the first, so that the first is found first. */
int subid_users_index(struct subid_users *users)
{
	size_t n_slots = 16;

	if (users->index != NULL)
		return 0;
	while (n_slots < users->n * 2)
		n_slots *= 2;
	users->index = make_index(users->n, n_slots);
	if (users->index == NULL)
		return -ENOMEM;
	users->lookup = &by_index;
	for (size_t i = users->n; i-- > 0;) {
		const struct subid_account *a = &users->accounts[i];
		uint32_t *slot = uid_slot(users, a->uid);

		users->index->next_of_uid[i] = *slot;
		*slot = (uint32_t)i + 1;
		*name_slot(users, a->name, a->name_len) = (uint32_t)i + 1;
	}
	return 0;
}
