/* SPDX-License-Identifier: MIT */
#include "users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "users_private.h"

/* passwd(5): name:password:uid:gid:... */
static inline bool parse_account(const char *line, const char *end,
				 struct subid_account *ret)
{
	const char *at = line;
	struct subid_spelling name;

	if (!users_is_local(line, end))
		return false;
	name = users_field(&at, end);
	(void)users_field(&at, end);
	if (name.len == 0 || !scan_id(&at, end, &ret->uid) || at == end || *at++ != ':' ||
	    !scan_id(&at, end, &ret->gid) || (at < end && *at != ':'))
		return false;
	ret->name = name.text;
	ret->name_len = (uint32_t)name.len;
	return true;
}

static int parse_passwd(struct subid_users *users)
{
	const char *line;
	size_t pos = 0, len, room = 0;

	while (subid_text_next(&users->passwd, &pos, &line, &len)) {
		if (users->n == room) {
			struct subid_account *grown;

			room = room + room / 2 + 64;
			grown = reallocarray(users->accounts, room, sizeof(*grown));
			if (grown == NULL)
				return -ENOMEM;
			users->accounts = grown;
		}
		if (parse_account(line, line + len, &users->accounts[users->n]))
			users->n++;
	}
	return 0;
}

static bool next_word(const char **at, const char *end, struct subid_spelling *ret)
{
	while (*at < end && (**at == ' ' || **at == '\t'))
		(*at)++;
	ret->text = *at;
	while (*at < end && **at != ' ' && **at != '\t' && **at != '#')
		(*at)++;
	ret->len = (size_t)(*at - ret->text);
	return ret->len > 0;
}

static bool is_word(struct subid_spelling word, const char *text)
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
		struct subid_spelling word;
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

/* A configuration file that may be missing or a link; missing is empty. */
static int read_optional(int etc, const char *name, struct subid_text *ret)
{
	int r = subid_text_read(etc, name, true, ret);

	return r == -ENOENT ? 0 : r;
}

int subid_users_load(int etc, bool nss, struct subid_users **ret)
{
	auto_users struct subid_users *users = calloc(1, sizeof(*users));
	auto_text struct subid_text conf = { .bytes = NULL };
	struct sources passwd, group;
	int r;

	if (users == NULL)
		return -ENOMEM;
	r = read_optional(etc, "passwd", &users->passwd);
	if (r == 0)
		r = read_optional(etc, "group", &users->group);
	if (r == 0)
		r = parse_passwd(users);
	if (r == 0 && nss)
		r = read_optional(etc, "nsswitch.conf", &conf);
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

void subid_users_free(struct subid_users **users)
{
	if (*users == NULL)
		return;
	subid_text_free(&(*users)->passwd);
	subid_text_free(&(*users)->group);
	free((*users)->accounts);
	free((*users)->by_name);
	free((*users)->by_uid);
	free(*users);
	*users = NULL;
}

bool subid_users_ask_others(const struct subid_users *users)
{
	return users->nss;
}

size_t subid_users_count(const struct subid_users *users)
{
	return users->n;
}

const struct subid_account *subid_users_at(const struct subid_users *users, size_t i)
{
	return &users->accounts[i];
}

static size_t hash_uid(uint32_t uid)
{
	return (size_t)((uid * 0x9e3779b97f4a7c15) >> 32);
}

static void put_index(uint32_t *slots, size_t mask, size_t hash, size_t i)
{
	while (slots[hash & mask] != 0)
		hash++;
	slots[hash & mask] = (uint32_t)i + 1;
}

int subid_users_index(struct subid_users *users)
{
	size_t slots = 16;

	if (users->by_name != NULL)
		return 0;
	while (slots < users->n * 2)
		slots *= 2;
	users->by_name = calloc(slots, sizeof(*users->by_name));
	users->by_uid = calloc(slots, sizeof(*users->by_uid));
	if (users->by_name == NULL || users->by_uid == NULL) {
		free(users->by_name);
		free(users->by_uid);
		users->by_name = users->by_uid = NULL;
		return -ENOMEM;
	}
	users->mask = slots - 1;
	for (size_t i = 0; i < users->n; i++) {
		const struct subid_account *a = &users->accounts[i];

		put_index(users->by_name, users->mask,
			  subid_table_hash(a->name, a->name_len), i);
		put_index(users->by_uid, users->mask, hash_uid(a->uid), i);
	}
	return 0;
}

static bool has_name(const struct subid_account *account, const char *name, size_t len)
{
	return account->name_len == len && memcmp(account->name, name, len) == 0;
}

const struct subid_account *subid_users_by_name(const struct subid_users *users,
						const char *name, size_t len)
{
	if (users->by_name != NULL) {
		for (size_t h = subid_table_hash(name, len);; h++) {
			uint32_t i = users->by_name[h & users->mask];

			if (i == 0)
				return NULL;
			if (has_name(&users->accounts[i - 1], name, len))
				return &users->accounts[i - 1];
		}
	}
	for (size_t i = 0; i < users->n; i++)
		if (has_name(&users->accounts[i], name, len))
			return &users->accounts[i];
	return NULL;
}

const struct subid_account *subid_users_by_uid(const struct subid_users *users,
					       uint32_t uid, size_t *at)
{
	if (users->by_uid != NULL) {
		for (;;) {
			uint32_t i = users->by_uid[(hash_uid(uid) + *at) & users->mask];

			if (i == 0)
				return NULL;
			(*at)++;
			if (users->accounts[i - 1].uid == uid)
				return &users->accounts[i - 1];
		}
	}
	while (*at < users->n) {
		const struct subid_account *account = &users->accounts[(*at)++];

		if (account->uid == uid)
			return account;
	}
	return NULL;
}

static inline int add_id(struct subid_set *set, uint32_t id)
{
	return scan_add(set, (struct id_range){ .start = id, .count = 1 });
}

static int add_groups(const struct subid_users *users, struct subid_set *ret)
{
	auto_set struct subid_set gids = { .ranges = NULL };
	struct subid_group group;
	size_t pos = 0;
	int r = 0;

	while (r == 0 && subid_group_next(users, &pos, &group))
		r = add_id(&gids, group.gid);
	if (r < 0)
		return r;
	/* two runs, each most often in order, rather than one that is not */
	subid_set_sort(&gids);
	subid_set_sort(ret);
	return subid_set_unite(ret, &gids);
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
			r = add_id(ret, account->pw_uid);
		endpwent();
	} else {
		setgrent();
		while (r == 0 && (group = getgrent()) != NULL)
			r = add_id(ret, group->gr_gid);
		endgrent();
	}
	return r;
}

int subid_users_taken(const struct subid_users *users, enum subid_kind kind,
		      struct subid_set *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < users->n; i++)
		r = add_id(ret, kind == SUBID_UID ? users->accounts[i].uid
						  : users->accounts[i].gid);
	if (r == 0 && kind == SUBID_GID)
		r = add_groups(users, ret);
	if (r == 0 && users->enumerate[kind])
		r = add_enumerated(kind, ret);
	subid_set_sort(ret);
	return r;
}
