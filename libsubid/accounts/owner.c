/* SPDX-License-Identifier: MIT */
/*
 * From a name or number to its account, and all the names that a line may use for it. For
 * a look-up or two: passwd is not read ahead of what is asked.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"

#define DECIMAL_SIZE sizeof("4294967295")

/* --- the files --- */

struct sources {
	bool files_first;   /* and its success ends the search */
	bool more;	    /* than the files */
	bool more_with_ids; /* than the files and systemd */
	bool elsewhere;	    /* one that may not answer, and then knows accounts still */
};

/*
 * nsswitch.conf(5), one database: the names of services, and [STATUS=action]
 * after them.  Without a line, glibc asks the files.  subid, ours, knows no accounts.
 */
static struct sources read_sources(const struct subid_text *conf, const char *database)
{
	struct sources sources = { .files_first = true };
	size_t name_len = strlen(database), pos = 0, len;
	const char *line;

	while (subid_text_next(conf, &pos, &line, &len)) {
		const char *comment = memchr(line, '#', len);
		const char *at = line, *end = comment == NULL ? line + len : comment;
		struct subid_owner_name word;
		size_t n = 0;

		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		if ((size_t)(end - at) <= name_len || at[name_len] != ':' ||
		    memcmp(at, database, name_len) != 0)
			continue;
		at += name_len + 1;
		for (; (word.len = text_word(&at, end)) > 0; n++) {
			word.text = at - word.len;
			if (n == 0)
				sources.files_first = owner_name_is(word, "files");
			if (n == 1 && word.text[0] == '[')
				sources.files_first = false;
			if (word.text[0] == '[' || owner_name_is(word, "files") ||
			    owner_name_is(word, "subid"))
				continue;
			sources.more = true;
			sources.more_with_ids |= !owner_name_is(word, "systemd");
			sources.elsewhere |= !owner_name_is(word, "systemd") &&
					     !owner_name_is(word, "compat");
		}
	}
	return sources;
}

int subid_users_open(int etc, bool nss, struct subid_users **ret, const char **ret_file)
{
	auto_users struct subid_users *users = calloc(1, sizeof(*users));
	auto_text struct subid_text conf = { .bytes = NULL };
	const char *file = "passwd";
	struct sources passwd, group;
	int r = users == NULL ? -ENOMEM : subid_text_read(etc, file, nss, &users->passwd);

	/* Threat: while a running system's file is away, its accounts' ids are not
	 * free.  An image without one has none. */
	if (r == -ENOENT && !nss)
		r = 0;
	if (r == 0) {
		file = "nsswitch.conf"; /* an image's says who else may know accounts */
		r = subid_text_read_max(etc, file, nss, SUBID_SETTINGS_SIZE_MAX, &conf);
		users->elsewhere = r < 0 && r != -ENOENT; /* it may name any */
		r = r == -ENOENT || !nss ? 0 : r;
	}
	if (r < 0 && ret_file != NULL)
		*ret_file = file;
	if (r < 0)
		return r;
	passwd = read_sources(&conf, "passwd");
	group = read_sources(&conf, "group");
	users->nss = nss && passwd.more;
	users->nss_groups = nss && group.more;
	users->elsewhere |= passwd.elsewhere;
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
	if ((*users)->lookup != NULL)
		(*users)->lookup->release(*users);
	subid_text_free(&(*users)->passwd);
	free(*users);
	*users = NULL;
}

bool subid_users_ask_others(const struct subid_users *users)
{
	/* systemd's users have one name each */
	return users->enumerate[SUBID_UID];
}

bool subid_account_head(const char **at, const char *end,
			struct subid_owner_name *ret_name, uint32_t *ret_id)
{
	const char *line = *at, *name_end, *id, *stop;

	name_end = memchr(line, ':', (size_t)(end - line));
	id = name_end == NULL ? NULL
			      : memchr(name_end + 1, ':', (size_t)(end - name_end - 1));
	if (id == NULL || name_end == line || *line == '+' || *line == '-' ||
	    *line == '#')
		return false;
	id++;
	stop = memchr(id, ':', (size_t)(end - id));
	stop = stop == NULL ? end : stop;
	if (subid_id_parse(id, (size_t)(stop - id), ret_id) != 0)
		return false;
	*ret_name = (struct subid_owner_name){ line, (size_t)(name_end - line) };
	*at = stop;
	return true;
}

static bool parse_account(const char *line, size_t len, struct subid_account *ret)
{
	const char *end = line + len, *at = line, *stop;
	struct subid_owner_name name;

	/* who has the uid that means none has no account */
	if (!subid_account_head(&at, end, &name, &ret->uid) || at++ == end ||
	    ret->uid == UINT32_MAX)
		return false;
	stop = memchr(at, ':', (size_t)(end - at));
	stop = stop == NULL ? end : stop;
	ret->name = name.text;
	ret->name_len = (uint32_t)name.len;
	return subid_id_parse(at, (size_t)(stop - at), &ret->gid) == 0;
}

/* The account in a line that has the text, not "", after so many colons: for one look-up
 * in a large file, whose other lines are not read closely. */
static bool seek(const struct subid_text *passwd, size_t *pos, size_t colons,
		 struct subid_owner_name text, struct subid_account *ret)
{
	const char *line;
	size_t len;

	while (subid_text_next(passwd, pos, &line, &len)) {
		const char *at = line, *end = line + len;

		/* a password is mostly an "x", and numbers differ at the end */
		for (size_t i = 0; at != NULL && i < colons; i++) {
			at = end - at > 1 && at[0] != ':' && at[1] == ':'
				 ? at + 1
				 : memchr(at, ':', (size_t)(end - at));
			at = at == NULL ? NULL : at + 1;
		}
		if (at != NULL && (size_t)(end - at) > text.len && at[text.len] == ':' &&
		    at[text.len - 1] == text.text[text.len - 1] &&
		    memcmp(at, text.text, text.len) == 0 && parse_account(line, len, ret))
			return true;
	}
	return false;
}

bool subid_users_by_name(const struct subid_users *users, const char *name, size_t len,
			 struct subid_account *ret)
{
	size_t pos = 0;

	return users->lookup != NULL ? users->lookup->by_name(users, name, len, ret)
				     : seek(&users->passwd, &pos, 0,
					    (struct subid_owner_name){ name, len }, ret);
}

bool subid_users_by_uid(const struct subid_users *users, uint32_t uid, size_t *at,
			struct subid_account *ret)
{
	struct subid_owner_name decimal;
	char text[DECIMAL_SIZE];

	if (users->lookup != NULL)
		return users->lookup->by_uid(users, uid, at, ret);
	decimal.text = text;
	decimal.len = (size_t)snprintf(text, sizeof(text), "%u", uid);
	return seek(&users->passwd, at, 2, decimal, ret);
}

/* --- an owner --- */

void subid_owner_free(struct subid_owner *owner)
{
	free(owner->spellings);
	free(owner->own);
	*owner = (struct subid_owner){ .has_account = false };
}

static bool is_number(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return len > 0;
}

static int append_spelling(struct subid_owner *owner, const char *text, size_t len)
{
	if (array_grow(&owner->spellings, owner->n, sizeof(*owner->spellings)) < 0)
		return -ENOMEM;
	owner->spellings[owner->n++] = (struct subid_owner_name){ text, len };
	return 0;
}

/* Only if it can be the owner of a line, see struct subid_owner. */
static int add_spelling(struct subid_owner *owner, const char *text, size_t len)
{
	if (is_number(text, len) || !subid_owner_valid(text, len) ||
	    subid_owner_is_hold(text, len))
		return 0;
	return append_spelling(owner, text, len);
}

static int by_bytes(const void *a, const void *b)
{
	struct subid_owner_name *const *x = a, *const *y = b;
	int order = owner_name_compare(*x, *y);

	return order != 0 ? order : *x < *y ? -1 : *x > *y;
}

/* Of equal ones the first stays.  Threat: an image may have any number of names for one
 * uid; to compare each with each would take for ever. */
static int drop_doubles(struct subid_owner *owner)
{
	auto_free struct subid_owner_name **order = NULL;
	size_t kept = 0;

	if (owner->n < 2)
		return 0;
	order = reallocarray(NULL, owner->n, sizeof(struct subid_owner_name *));
	if (order == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < owner->n; i++)
		order[i] = &owner->spellings[i];
	qsort(order, owner->n, sizeof(struct subid_owner_name *), by_bytes);
	for (size_t i = owner->n - 1; i > 0; i--)
		if (owner_name_compare(order[i - 1], order[i]) == 0)
			order[i]->text = NULL;
	for (size_t i = 0; i < owner->n; i++)
		if (owner->spellings[i].text != NULL)
			owner->spellings[kept++] = owner->spellings[i];
	owner->n = kept;
	return 0;
}

/*
 * The owner with a uid and the name that its account has, if that is known; else "".  It
 * is copied.  The names of the uid in aliases' file follow, unless that is NULL, and with
 * gid NULL its primary gid.  SUBID_UNKNOWN if there is no name at all.
 */
static int make_owner(const struct subid_users *aliases, uint32_t uid,
		      const uint32_t *gid, const char *called, struct subid_owner *ret)
{
	auto_owner struct subid_owner owner = { .has_account = true, .uid = uid };
	bool known = gid != NULL;
	struct subid_account alias;
	size_t at = 0;
	int r;

	owner.own = malloc(DECIMAL_SIZE + strlen(called) + 1);
	if (owner.own == NULL)
		return -ENOMEM;
	(void)sprintf(owner.own, "%u", uid);
	memcpy(owner.own + DECIMAL_SIZE, called, strlen(called) + 1);
	owner.gid = known ? *gid : 0;
	r = add_spelling(&owner, owner.own + DECIMAL_SIZE, strlen(called));
	while (r == 0 && aliases != NULL &&
	       subid_users_by_uid(aliases, uid, &at, &alias)) {
		owner.gid = known ? owner.gid : alias.gid;
		known = true;
		r = add_spelling(&owner, alias.name, alias.name_len);
	}
	if (r == 0 && !known)
		return SUBID_UNKNOWN;
	if (r == 0)
		r = drop_doubles(&owner);
	if (r == 0)
		r = append_spelling(&owner, owner.own, strlen(owner.own));
	if (r < 0)
		return r;
	*ret = owner;
	owner = (struct subid_owner){ .has_account = false };
	return 0;
}

int subid_nss_status(int r, const void *found)
{
	if (found == NULL && (r == 0 || r == ESRCH))
		return SUBID_UNKNOWN;
	return found != NULL ? 0 : r == ENOENT ? -ECONNREFUSED : -r;
}

bool subid_nss_is_name(const char *name, const char *password, uint32_t id)
{
	const char *plus = strrchr(name, '+');
	uint32_t number;

	return plus != NULL && strcmp(password, SUBID_NAME_PASSWORD) == 0 &&
	       subid_id_parse(plus + 1, strlen(plus + 1), &number) == 0 && number <= id;
}

int subid_nss_ask(const struct subid_users *users, const char *name, uint32_t uid,
		  struct passwd *ret_entry, char **ret_buffer)
{
	for (size_t size = 1024; size <= SUBID_NSS_BUFFER_MAX; size *= 2) {
		auto_free char *buffer = malloc(size);
		struct passwd *found = NULL;
		int r;

		if (buffer == NULL)
			return -ENOMEM;
		if (users != NULL && users->lookup != NULL)
			r = users->lookup->ask(users, name, uid, ret_entry, buffer, size,
					       &found);
		else if (name != NULL)
			r = getpwnam_r(name, ret_entry, buffer, size, &found);
		else
			r = getpwuid_r(uid, ret_entry, buffer, size, &found);
		if (r == ERANGE)
			continue;
		*ret_buffer = buffer;
		buffer = NULL;
		return found != NULL &&
			       (found->pw_uid == UINT32_MAX ||
				subid_nss_is_name(found->pw_name, found->pw_passwd,
						  found->pw_uid))
			   ? SUBID_UNKNOWN
			   : subid_nss_status(r, found);
	}
	return -ERANGE;
}

static int owner_from_nss(const struct subid_users *users,
			  const struct subid_users *aliases, const char *name,
			  uint32_t uid, struct subid_owner *ret)
{
	auto_free char *buffer = NULL;
	struct passwd entry;
	int r = subid_nss_ask(users, name, uid, &entry, &buffer);

	if (r != 0)
		return r;
	/* Threat: a service that ignores case takes any spelling of a name; if what was
	 * typed counted as an owner, each spelling would get a range of its own */
	return make_owner(aliases, entry.pw_uid, &entry.pw_gid, entry.pw_name, ret);
}

static int owner_from_file(const struct subid_users *aliases,
			   const struct subid_account *account, struct subid_owner *ret)
{
	auto_free char *name = strndup(account->name, account->name_len);

	if (name == NULL)
		return -ENOMEM;
	return make_owner(aliases, account->uid, &account->gid, name, ret);
}

/* An owner without an account: the one spelling, copied. */
static int unknown_owner(const char *text, struct subid_owner *ret)
{
	auto_owner struct subid_owner owner = { .has_account = false };

	owner.own = strdup(text);
	owner.spellings = malloc(sizeof(*owner.spellings));
	if (owner.own == NULL || owner.spellings == NULL)
		return -ENOMEM;
	owner.spellings[0] = (struct subid_owner_name){ owner.own, strlen(owner.own) };
	owner.n = 1;
	*ret = owner;
	owner = (struct subid_owner){ .has_account = false };
	return SUBID_UNKNOWN;
}

int subid_owner_of_uid(const struct subid_users *users, uint32_t uid,
		       struct subid_owner *ret)
{
	char decimal[DECIMAL_SIZE];
	int r = SUBID_UNKNOWN;

	if (users->files_first)
		r = make_owner(users, uid, NULL, "", ret);
	if (r == SUBID_UNKNOWN && users->nss)
		r = owner_from_nss(users, users, NULL, uid, ret);
	r = r == -ECONNREFUSED && !users->elsewhere ? SUBID_UNKNOWN : r;
	if (r == SUBID_UNKNOWN && !users->files_first)
		r = make_owner(users, uid, NULL, "", ret);
	if (r != SUBID_UNKNOWN)
		return r;
	(void)snprintf(decimal, sizeof(decimal), "%u", uid);
	return unknown_owner(decimal, ret);
}

static int find_name(const struct subid_users *users, const struct subid_users *aliases,
		     const char *text, size_t len, struct subid_owner *ret)
{
	struct subid_account account;
	bool local = subid_users_by_name(users, text, len, &account);
	int r = SUBID_UNKNOWN;

	if (local && users->files_first)
		return owner_from_file(aliases, &account, ret);
	if (users->nss)
		r = owner_from_nss(users, aliases, text, 0, ret);
	r = r == -ECONNREFUSED && !users->elsewhere ? SUBID_UNKNOWN : r;
	if (r == SUBID_UNKNOWN && local)
		return owner_from_file(aliases, &account, ret);
	return r == SUBID_UNKNOWN ? unknown_owner(text, ret) : r;
}

static int find_owner(const struct subid_users *users, const struct subid_users *aliases,
		      const char *text, struct subid_owner *ret)
{
	size_t len = strlen(text);
	uint32_t uid;

	if (!subid_owner_valid(text, len) || subid_owner_is_hold(text, len))
		return SUBID_INVALID;
	if (!is_number(text, len))
		return find_name(users, aliases, text, len, ret);
	if (subid_id_parse(text, len, &uid) != 0 || uid == UINT32_MAX)
		return SUBID_INVALID;
	return subid_owner_of_uid(users, uid, ret);
}

int subid_owner_find(const struct subid_users *users, const char *text,
		     struct subid_owner *ret)
{
	return find_owner(users, users, text, ret);
}

int subid_owner_find_plain(const struct subid_users *users, const char *text,
			   struct subid_owner *ret)
{
	return find_owner(users, NULL, text, ret);
}
