/* SPDX-License-Identifier: MIT */
/*
 * One of the local accounts, by its name or its uid: with an index; or else, when the
 * file was not even parsed, by a pass over its bytes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "users_private.h"

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

static inline bool has_name(const struct subid_account *account, const char *name,
			    size_t len)
{
	return account->name_len == len && memcmp(account->name, name, len) == 0;
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
		struct subid_spelling name;

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
		for (size_t h = subid_table_hash(name, len);; h++) {
			uint32_t i = users->by_name[h & users->mask];

			if (i == 0)
				return false;
			*ret = users->accounts[i - 1];
			if (has_name(ret, name, len))
				return true;
		}
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
		for (;;) {
			uint32_t i = users->by_uid[(hash_uid(uid) + *at) & users->mask];

			if (i == 0)
				return false;
			(*at)++;
			*ret = users->accounts[i - 1];
			if (ret->uid == uid)
				return true;
		}
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
