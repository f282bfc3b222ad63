/* SPDX-License-Identifier: MIT */
#include "libsubid/accounts/accounts.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
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

/* A number as strtoul(3) takes it, which glibc reads these files with. */
static bool loose_id(struct subid_owner_name field, uint32_t *ret)
{
	const char *at = field.text, *end = at + field.len, *digits;
	uint64_t value = 0;
	bool negative = false;

	while (at < end && (*at == ' ' || (*at >= '\t' && *at <= '\r')))
		at++;
	if (at < end && (*at == '+' || *at == '-'))
		negative = *at++ == '-';
	for (digits = at; at < end && *at >= '0' && *at <= '9'; at++)
		if ((value = value * 10 + (unsigned char)(*at - '0')) > UINT32_MAX)
			return false;
	*ret = negative ? -(uint32_t)value : (uint32_t)value;
	return at > digits && at == end;
}

/*
 * A line of passwd or group that is none to us, but may be one to glibc: the ids
 * in its third field and, unless fourth is NULL, in its fourth are not free.
 */
static int note_odd_line(const char *line, const char *end, struct subid_set *third,
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

		if (sets[i] != NULL && !loose_id(field, &id))
			return 0;
		if (sets[i] != NULL)
			r = subid_set_add(sets[i], just(id));
		if (stop == end || *stop == '\n')
			break;
		line = stop + 1;
	}
	return r;
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
		if (!users_scan_account(&at, end, account)) {
			r = note_odd_line(line, end, &users->ids[SUBID_UID],
					  &users->ids[SUBID_GID]);
			continue;
		}
		users->n++;
		r = scan_add(&users->ids[SUBID_UID], &uids, just(account->uid));
		if (r == 0)
			r = scan_add(&users->ids[SUBID_GID], &gids, just(account->gid));
	}
	if (r == 0)
		r = subid_set_add(&users->ids[SUBID_UID], uids);
	if (r == 0)
		r = subid_set_add(&users->ids[SUBID_GID], gids);
	users->parsed = true;
	return r;
}

static bool next_word(const char **at, const char *end, struct subid_owner_name *ret)
{
	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
	ret->text = *at;
	while (*at < end && **at != ' ' && **at != '\t' && **at != '#')
		(*at)++;
	ret->len = (size_t)(*at - ret->text);
	return ret->len > 0;
}

static bool is_word(struct subid_owner_name word, const char *text)
{
	return word.len == strlen(text) && memcmp(word.text, text, word.len) == 0;
}

struct sources {
	bool files_first;   /* and its success ends the search */
	bool more;	    /* than the files */
	bool more_with_ids; /* than the files and systemd */
};

/*
 * nsswitch.conf(5), one database: the names of services, and [STATUS=action]
 * behind them.  Without a line, glibc asks the files.
 */
static struct sources read_sources(const struct subid_text *conf, const char *database)
{
	struct sources sources = { .files_first = true };
	size_t name_len = strlen(database), pos = 0, len;
	const char *line;

	while (subid_text_next(conf, &pos, &line, &len)) {
		const char *at = line, *end = line + len;
		struct subid_owner_name word;
		size_t n = 0;

		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		if ((size_t)(end - at) <= name_len || at[name_len] != ':' ||
		    memcmp(at, database, name_len) != 0)
			continue;
		at += name_len + 1;
		for (; next_word(&at, end, &word); n++) {
			if (n == 0)
				sources.files_first = is_word(word, "files");
			if (n == 1 && word.text[0] == '[')
				sources.files_first = false;
			if (word.text[0] == '[' || is_word(word, "files"))
				continue;
			sources.more = true;
			if (!is_word(word, "systemd"))
				sources.more_with_ids = true;
		}
	}
	return sources;
}

/* A file that may be missing, which is then as good as empty; named when it fails. */
static int read_file(int etc, const char *name, bool follow, bool optional,
		     struct subid_text *ret, const char **ret_file)
{
	int r = subid_text_read(etc, name, follow, ret);

	if (r == 0 || (r == -ENOENT && optional))
		return 0;
	*ret_file = name;
	return r;
}

int subid_users_open_named(int etc, bool nss, struct subid_users **ret,
			   const char **ret_file)
{
	auto_users struct subid_users *users = calloc(1, sizeof(*users));
	auto_text struct subid_text conf = { .bytes = NULL };
	struct sources passwd, group;
	int r;

	*ret_file = "passwd";
	if (users == NULL)
		return -ENOMEM;
	/* Threat: while a running system's file is away, its accounts' ids are not
	 * free.  An image without one has none. */
	r = read_file(etc, "passwd", nss, !nss, &users->passwd, ret_file);
	if (r == 0 && nss)
		r = read_file(etc, "nsswitch.conf", true, true, &conf, ret_file);
	if (r < 0)
		return r;
	passwd = read_sources(&conf, "passwd");
	group = read_sources(&conf, "group");
	users->nss = nss && passwd.more;
	users->nss_groups = nss && group.more;
	users->files_first = passwd.files_first || !nss;
	users->enumerate[SUBID_UID] = nss && passwd.more_with_ids;
	users->enumerate[SUBID_GID] = nss && group.more_with_ids;
	*ret = users;
	users = NULL;
	return 0;
}

int subid_users_open(int etc, bool nss, struct subid_users **ret)
{
	const char *file;

	return subid_users_open_named(etc, nss, ret, &file);
}

int subid_users_load(int etc, bool nss, struct subid_users **ret)
{
	const char *file;

	return subid_users_load_named(etc, nss, ret, &file);
}

int subid_users_load_named(int etc, bool nss, struct subid_users **ret,
			   const char **ret_file)
{
	auto_users struct subid_users *users = NULL;
	int r = subid_users_open_named(etc, nss, &users, ret_file);

	if (r == 0)
		r = read_file(etc, "group", nss, !nss, &users->group, ret_file);
	if (r == 0)
		r = parse_passwd(users);
	if (r < 0)
		return r;
	*ret = users;
	users = NULL;
	return 0;
}

void subid_users_free(struct subid_users **users)
{
	if (*users == NULL)
		return;
	subid_text_free(&(*users)->passwd);
	subid_text_free(&(*users)->group);
	free((*users)->accounts);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_set_free(&(*users)->ids[kind]);
	free((*users)->by_name);
	free((*users)->by_uid);
	free((*users)->next_of_uid);
	free(*users);
	*users = NULL;
}

bool subid_users_ask_others(const struct subid_users *users)
{
	/* systemd's users have one name each */
	return users->enumerate[SUBID_UID];
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
		struct subid_owner_name name;
		const char *line = at;
		uint32_t gid;

		r = users_scan_head(&at, end, &name, &gid)
			? scan_add(ret, &gids, just(gid))
			: note_odd_line(line, end, ret, NULL);
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

int subid_users_taken(struct subid_users *users, enum subid_kind kind,
		      struct subid_set *ret)
{
	auto_set struct subid_set more = { .ranges = NULL };
	int r = 0;

	if (kind == SUBID_GID)
		r = read_gids(&users->group, &more);
	if (r == 0 && users->enumerate[kind])
		r = add_enumerated(kind, &more);
	if (r < 0)
		return r;
	/* runs that are each in order are cheaper than one that is not */
	subid_set_sort(&more);
	subid_set_sort(&users->ids[kind]);
	r = subid_set_unite(ret, &users->ids[kind]);
	return r == 0 ? subid_set_unite(ret, &more) : r;
}

/*
 * Looking up one of the local accounts by its name or uid: with an index; or, when the
 * file was not even parsed, by a pass over its bytes.
 */

static size_t hash_uid(uint32_t uid)
{
	return (size_t)((uid * 0x9e3779b97f4a7c15) >> 32);
}

static inline bool has_name(const struct subid_account *account, const char *name,
			    size_t len)
{
	return account->name_len == len && memcmp(account->name, name, len) == 0;
}

/* The slot of a name or a uid, or the free one where it belongs. */
static uint32_t *name_slot(const struct subid_users *users, const char *name, size_t len)
{
	for (size_t h = subid_table_hash(name, len);; h++) {
		uint32_t *slot = &users->by_name[h & users->mask];

		if (*slot == 0 || has_name(&users->accounts[*slot - 1], name, len))
			return slot;
	}
}

static uint32_t *uid_slot(const struct subid_users *users, uint32_t uid)
{
	for (size_t h = hash_uid(uid);; h++) {
		uint32_t *slot = &users->by_uid[h & users->mask];

		if (*slot == 0 || users->accounts[*slot - 1].uid == uid)
			return slot;
	}
}

/* Each name and each uid has one slot, so that many accounts of one uid or name do not
 * make a cluster; from the last to the first, so that the first is found first. */
int subid_users_index(struct subid_users *users)
{
	size_t slots = 16;

	if (users->by_name != NULL)
		return 0;
	while (slots < users->n * 2)
		slots *= 2;
	users->by_name = calloc(slots, sizeof(*users->by_name));
	users->by_uid = calloc(slots, sizeof(*users->by_uid));
	users->next_of_uid = calloc(users->n + 1, sizeof(*users->next_of_uid));
	if (users->by_name == NULL || users->by_uid == NULL ||
	    users->next_of_uid == NULL) {
		free(users->by_name);
		free(users->by_uid);
		free(users->next_of_uid);
		users->by_name = users->by_uid = users->next_of_uid = NULL;
		return -ENOMEM;
	}
	users->mask = slots - 1;
	for (size_t i = users->n; i-- > 0;) {
		const struct subid_account *a = &users->accounts[i];
		uint32_t *slot = uid_slot(users, a->uid);

		users->next_of_uid[i] = *slot;
		*slot = (uint32_t)i + 1;
		*name_slot(users, a->name, a->name_len) = (uint32_t)i + 1;
	}
	return 0;
}

/* For one look-up in a file that was not parsed. */
static bool seek_name(const struct subid_text *passwd, const char *name, size_t len,
		      struct subid_account *ret)
{
	const char *at = passwd->bytes, *end = at + passwd->size;

	for (; at < end; at = scan_to_next_line(at, end)) {
		const char *line = at;

		if ((size_t)(end - line) > len && line[len] == ':' &&
		    memcmp(line, name, len) == 0 && users_scan_account(&at, end, ret))
			return true;
	}
	return false;
}

static bool seek_uid(const struct subid_text *passwd, uint32_t uid, size_t *pos,
		     struct subid_account *ret)
{
	const char *at = passwd->bytes + *pos, *end = passwd->bytes + passwd->size;
	char field[sizeof("4294967295:")];
	size_t len = (size_t)snprintf(field, sizeof(field), "%u:", uid);
	bool found = false;

	while (!found && at < end) {
		const char *line = at;
		struct subid_owner_name name;

		found = users_scan_name(&at, end, &name) && (size_t)(end - at) >= len &&
			*at == *field && memcmp(at, field, len) == 0 &&
			users_scan_account(&line, end, ret);
		at = scan_to_next_line(at, end);
	}
	*pos = (size_t)(at - passwd->bytes);
	return found;
}

bool subid_users_by_name(const struct subid_users *users, const char *name, size_t len,
			 struct subid_account *ret)
{
	const struct subid_account *accounts = users->accounts;
	size_t n = users->n;

	if (!users->parsed)
		return seek_name(&users->passwd, name, len, ret);
	if (users->by_name != NULL) {
		uint32_t i = *name_slot(users, name, len);

		if (i != 0)
			*ret = accounts[i - 1];
		return i != 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (has_name(&accounts[i], name, len)) {
			*ret = accounts[i];
			return true;
		}
	}
	return false;
}

bool subid_users_by_uid(const struct subid_users *users, uint32_t uid, size_t *at,
			struct subid_account *ret)
{
	const struct subid_account *accounts = users->accounts;
	size_t n = users->n;

	if (!users->parsed)
		return seek_uid(&users->passwd, uid, at, ret);
	if (users->by_uid != NULL) {
		uint32_t i =
		    *at == 0 ? *uid_slot(users, uid) : users->next_of_uid[*at - 1];

		if (i == 0)
			return false;
		*at = i;
		*ret = accounts[i - 1];
		return true;
	}
	for (size_t i = *at; i < n; i++) {
		if (accounts[i].uid == uid) {
			*ret = accounts[i];
			*at = i + 1;
			return true;
		}
	}
	*at = n;
	return false;
}
