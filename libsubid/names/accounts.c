/* SPDX-License-Identifier: MIT */
/*
 * The local accounts and groups, as far as names of ids must leave them alone.  Not by
 * libsubid/accounts/, which asks the name service: it is the name service that asks us.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/core/scan.h"
#include "libsubid/names/private.h"

void names_accounts_free(struct names_accounts *accounts)
{
	subid_text_free(&accounts->passwd);
	subid_text_free(&accounts->group);
	subid_set_free(&accounts->ids);
	free(accounts->list);
	free(accounts->plus);
	*accounts = (struct names_accounts){ .n = 0 };
}

enum { FIELD_NAME, FIELD_PASSWORD, FIELD_ID, FIELD_GID, FIELDS };

/* The fields at the head of a line that glibc may read as an account.  How many. */
static size_t split(const char *line, size_t len, struct subid_owner_name ret[FIELDS])
{
	const char *at = line, *end = line + len;
	size_t n = 0;

	if (len == 0 || *line == '+' || *line == '-' || *line == '#')
		return 0;
	while (n < FIELDS) {
		const char *stop = memchr(at, ':', (size_t)(end - at));

		stop = stop == NULL ? end : stop;
		ret[n++] = (struct subid_owner_name){ at, (size_t)(stop - at) };
		if (stop == end)
			break;
		at = stop + 1;
	}
	return n;
}

static int add_id(struct names_accounts *accounts, uint32_t id)
{
	return subid_set_add(&accounts->ids,
			     (struct id_range){ .start = id, .count = 1 });
}

/* Threat: an account may have a name that an id would have, too. */
static int add_plus(struct names_accounts *accounts, struct subid_owner_name name)
{
	if (memchr(name.text, '+', name.len) == NULL)
		return 0;
	if (array_grow(&accounts->plus, accounts->n_plus, sizeof(*accounts->plus)) < 0)
		return -ENOMEM;
	accounts->plus[accounts->n_plus++] = name;
	return 0;
}

static int add_account(struct names_accounts *accounts, struct subid_owner_name name,
		       uint32_t uid)
{
	if (array_grow(&accounts->list, accounts->n, sizeof(*accounts->list)) < 0)
		return -ENOMEM;
	accounts->list[accounts->n++] = (struct names_account){
		.uid = uid,
		.name = (uint32_t)(name.text - accounts->passwd.bytes),
		.len = (uint32_t)name.len,
	};
	return 0;
}

static int read_passwd(struct names_accounts *accounts, enum subid_kind kind)
{
	struct subid_owner_name field[FIELDS];
	const char *line;
	size_t pos = 0, len;
	uint32_t id;
	int r = 0;

	while (r == 0 && subid_text_next(&accounts->passwd, &pos, &line, &len)) {
		size_t n = split(line, len, field);

		if (n <= FIELD_ID ||
		    !scan_loose_id(field[FIELD_ID].text, field[FIELD_ID].len, &id))
			continue;
		r = add_account(accounts, field[FIELD_NAME], id);
		if (r == 0 && kind == SUBID_UID)
			r = add_id(accounts, id);
		if (r == 0 && kind == SUBID_UID)
			r = add_plus(accounts, field[FIELD_NAME]);
		if (r == 0 && kind == SUBID_GID && n > FIELD_GID &&
		    scan_loose_id(field[FIELD_GID].text, field[FIELD_GID].len, &id))
			r = add_id(accounts, id);
	}
	return r;
}

static int read_group(struct names_accounts *accounts)
{
	struct subid_owner_name field[FIELDS];
	const char *line;
	size_t pos = 0, len;
	uint32_t id;
	int r = 0;

	while (r == 0 && subid_text_next(&accounts->group, &pos, &line, &len)) {
		if (split(line, len, field) <= FIELD_ID ||
		    !scan_loose_id(field[FIELD_ID].text, field[FIELD_ID].len, &id))
			continue;
		r = add_id(accounts, id);
		if (r == 0)
			r = add_plus(accounts, field[FIELD_NAME]);
	}
	return r;
}

static int by_uid(const void *a, const void *b)
{
	const struct names_account *x = a, *y = b;

	if (x->uid != y->uid)
		return x->uid < y->uid ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

int names_accounts_load(int etc, enum subid_kind kind, struct names_accounts *ret)
{
	int r =
	    subid_text_read_max(etc, "passwd", false, SUBID_NAMES_FILE_MAX, &ret->passwd);

	if (r == 0 && kind == SUBID_GID)
		r = subid_text_read_max(etc, "group", false, SUBID_NAMES_FILE_MAX,
					&ret->group);
	if (r == 0)
		r = read_passwd(ret, kind);
	if (r == 0)
		r = read_group(ret);
	if (r < 0)
		return r;
	subid_set_sort(&ret->ids);
	if (ret->n > 1)
		qsort(ret->list, ret->n, sizeof(*ret->list), by_uid);
	if (ret->n_plus > 1)
		qsort(ret->plus, ret->n_plus, sizeof(*ret->plus), owner_name_compare);
	return 0;
}

static bool is_below(const void *element, const void *key)
{
	return ((const struct names_account *)element)->uid < *(const uint32_t *)key;
}

bool names_account_of(const struct names_accounts *accounts, uint32_t uid,
		      struct subid_owner_name *ret)
{
	size_t i = array_search(accounts->list, accounts->n, sizeof(*accounts->list),
				&uid, is_below);

	if (i == accounts->n || accounts->list[i].uid != uid)
		return false;
	ret->text = accounts->passwd.bytes + accounts->list[i].name;
	ret->len = accounts->list[i].len;
	return true;
}
