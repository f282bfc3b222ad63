/* SPDX-License-Identifier: MIT */
/*
 * One of the local accounts, by its name or its uid: with an index; or else, when the
 * file was not even parsed, by a pass over its bytes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/tables/tables.h"

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
