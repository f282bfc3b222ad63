/* SPDX-License-Identifier: MIT */
/*
 * What was asked of the name service in this transaction, so that it is asked once, and
 * before the locks.
 *
 * Threat: a name service answers when it wants to, as one that asks a directory which is
 * down; useradd would wait for that as long as we have the locks.
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/change/private.h"

struct known {
	char *key; /* a name; or a group and a name, with a colon in between */
	int answer;
	struct subid_owner owner; /* of a name, with answer 0 or SUBID_UNKNOWN */
};

static int by_key(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static void free_one(void *data)
{
	struct known *known = data;

	subid_owner_free(&known->owner);
	free(known->key);
	free(known);
}

void known_free(struct subid_txn *txn)
{
	tdestroy(txn->known, free_one);
	txn->known = NULL;
}

static const struct known *find(const struct subid_txn *txn, char *key)
{
	const struct known wanted = { .key = key };
	void *const *node = tfind(&wanted, (void *const *)&txn->known, by_key);

	return node == NULL ? NULL : *node;
}

/* Keeps owner, too, or frees it.  NULL: out of memory. */
static const struct known *keep(struct subid_txn *txn, const char *key, int answer,
				struct subid_owner *owner)
{
	struct known *known = calloc(1, sizeof(*known));

	if (known != NULL) {
		*known = (struct known){ strdup(key), answer, *owner };
		*owner = (struct subid_owner){ .has_account = false };
		if (known->key != NULL && tsearch(known, &txn->known, by_key) != NULL)
			return known;
		free_one(known);
	}
	subid_owner_free(owner);
	return NULL;
}

/* Names and bytes stay known's, or the accounts', until the transaction ends. */
static int copy_owner(const struct subid_owner *owner, struct subid_owner *ret)
{
	struct subid_owner copy = *owner;

	copy.own = NULL;
	copy.spellings = calloc(owner->n + 1, sizeof(*copy.spellings));
	if (copy.spellings == NULL)
		return -ENOMEM;
	memcpy(copy.spellings, owner->spellings, owner->n * sizeof(*copy.spellings));
	*ret = copy;
	return 0;
}

/* The local files are in memory, and may have been read again. */
static bool is_local(const struct subid_users *users, const char *name)
{
	struct subid_account account;
	uint32_t uid;
	size_t at = 0;

	if (!users->nss)
		return true;
	if (!users->files_first)
		return false;
	return subid_users_by_name(users, name, strlen(name), &account) ||
	       (subid_id_parse(name, strlen(name), &uid) == 0 &&
		subid_users_by_uid(users, uid, &at, &account));
}

int known_owner(struct subid_txn *txn, const char *name, struct subid_owner *ret)
{
	const struct known *known;
	auto_free char *key = NULL;
	int r;

	if (name[0] == '\0' || is_local(txn->users, name))
		return subid_owner_find(txn->users, name, ret);
	key = strdup(name);
	if (key == NULL)
		return -ENOMEM;
	known = find(txn, key);
	if (known == NULL) {
		auto_owner struct subid_owner owner = { .has_account = false };

		r = subid_owner_find(txn->users, name, &owner);
		known = keep(txn, key, r, &owner);
		if (known == NULL)
			return -ENOMEM;
	}
	r = known->answer;
	if (r != 0 && r != SUBID_UNKNOWN)
		return r;
	return copy_owner(&known->owner, ret) < 0 ? -ENOMEM : r;
}

int known_in_group(struct subid_txn *txn, const struct subid_owner *owner,
		   const char *group)
{
	const struct subid_owner_name *name = &owner->spellings[0];
	struct subid_owner none = { .has_account = false };
	const struct known *known;
	auto_free char *key = NULL;
	int r;

	if (!txn->users->nss_groups)
		return subid_members_ask(&txn->members, txn->users, owner, group);
	/* the policy's groups have no colon in them: see group(5) */
	if (asprintf(&key, "%s:%.*s", group, (int)name->len, name->text) < 0) {
		key = NULL;
		return -ENOMEM;
	}
	known = find(txn, key);
	if (known == NULL) {
		r = subid_members_ask(&txn->members, txn->users, owner, group);
		known = keep(txn, key, r, &none);
	}
	return known == NULL ? -ENOMEM : known->answer;
}

void known_name(const struct subid_txn *txn, enum subid_kind kind, uint32_t id, char *buf,
		size_t size)
{
	struct subid_account account;
	size_t at = 0;

	if (txn->lock == NULL || kind != SUBID_UID || !txn->users->nss)
		(void)subid_users_name(txn->users, kind, id, buf, size);
	else if (subid_users_by_uid(txn->users, id, &at, &account))
		(void)snprintf(buf, size, "%.*s", (int)account.name_len, account.name);
}
