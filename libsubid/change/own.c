/* SPDX-License-Identifier: MIT */
/*
 * Ids that are somebody's own though no source enumerates them, and ids that do not exist
 * here at all.
 *
 * Threat: a name service that answers by name and by number need not enumerate (SSSD,
 * winbind and most directories do not).  A range with the id of such an account in it
 * would give its owner the account's files and processes.  So the accounts that show in
 * some other way are looked up one by one: the owners of lines, who runs something, who
 * is logged in; and the owner who is given a range, see grant.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utmpx.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

#define UTMP	    "/run/utmp"
#define LOGIN_USERS "/run/systemd/users" /* of logind: files that are called by uids */
#define UTMP_MAX    ((size_t)4 << 20)

/* Accounts that were looked up, in any order until they are sorted. */
struct found {
	struct subid_txn *txn;
	struct subid_failure *failure;
	struct subid_sets ids;
};

/* By a name or a number, as a line has it; not whom the local file knows. */
static int look_up(struct found *found, const char *text, size_t len)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_free char *name = strndup(text, len);
	int r;

	if (name == NULL)
		return -ENOMEM;
	r = subid_owner_find_plain(found->txn->users, name, &owner);
	if (r < 0) {
		found->failure->file = "passwd";
		(void)snprintf(found->failure->owner, sizeof(found->failure->owner), "%s",
			       name);
		return r;
	}
	if (r > 0 || !owner.has_account)
		return 0;
	r = subid_set_add(&found->ids.of[SUBID_UID], (struct id_range){ owner.uid, 1 });
	return r < 0 ? r
		     : subid_set_add(&found->ids.of[SUBID_GID],
				     (struct id_range){ owner.gid, 1 });
}

/* --- the owners of lines ---------------------------------------------------------------
 */

/* Those that the local file does not know, in whatever order. */
static int collect_owners(const struct subid_txn *txn, struct subid_owner_name **ret,
			  size_t *ret_n)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_table *table = &txn->tables[kind];
		struct subid_owner_name last = { .len = 0 };

		for (size_t i = 0; i < table->n; i++) {
			const struct subid_entry *entry = &table->entries[i];
			struct subid_owner_name owner = {
				subid_table_owner(table, entry),
				entry->owner_len,
			};
			struct subid_account account;

			if ((last.len > 0 && owner_name_compare(&last, &owner) == 0) ||
			    subid_users_by_name(txn->users, owner.text, owner.len,
						&account) ||
			    subid_owner_is_hold(owner.text, owner.len))
				continue;
			if (array_grow(ret, *ret_n, sizeof(owner)) < 0)
				return -ENOMEM;
			last = (*ret)[(*ret_n)++] = owner;
		}
	}
	return 0;
}

/* A name that stands in both tables, or often, is looked up once. */
static int add_owners(struct found *found)
{
	struct subid_txn *txn = found->txn;
	auto_free struct subid_owner_name *owners = NULL, *sorted = NULL;
	size_t n = 0;
	int r = subid_users_index(txn->users);

	if (r == 0)
		r = collect_owners(txn, &owners, &n);
	if (r == 0 && n > 0)
		r = owner_names_sort(owners, n, &sorted);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (i == 0 || owner_name_compare(&sorted[i - 1], &sorted[i]) != 0)
			r = look_up(found, sorted[i].text, sorted[i].len);
	return r;
}

/* --- who is logged in ------------------------------------------------------------------
 */

/* utmp(5).  Who cannot read it has no say in what is given. */
static int add_utmp(struct found *found)
{
	auto_text struct subid_text text = { .bytes = NULL };
	struct utmpx entry;
	int r = subid_text_read_max(AT_FDCWD, UTMP, true, UTMP_MAX, &text);

	if (r == -ENOENT)
		return 0;
	found->failure->file = UTMP;
	for (size_t at = 0; r == 0 && at + sizeof(entry) <= text.size;
	     at += sizeof(entry)) {
		struct subid_account account;
		size_t len;

		memcpy(&entry, text.bytes + at, sizeof(entry));
		len = strnlen(entry.ut_user, sizeof(entry.ut_user));
		if (entry.ut_type == USER_PROCESS && len > 0 &&
		    !subid_users_by_name(found->txn->users, entry.ut_user, len, &account))
			r = look_up(found, entry.ut_user, len);
	}
	return r;
}

static int add_login_users(struct found *found)
{
	DIR *dir = opendir(LOGIN_USERS);
	const struct dirent *entry;
	int r = 0;

	if (dir == NULL && errno == ENOENT)
		return 0;
	found->failure->file = LOGIN_USERS;
	if (dir == NULL)
		return -errno;
	while (r == 0 && (errno = 0, entry = readdir(dir)) != NULL) {
		uint32_t uid;

		if (subid_id_parse(entry->d_name, strlen(entry->d_name), &uid) == 0)
			r = look_up(found, entry->d_name, strlen(entry->d_name));
	}
	if (r == 0 && errno != 0)
		r = -errno;
	(void)closedir(dir); /* only read */
	return r;
}

/* --- running processes -----------------------------------------------------------------
 */

/* Everybody's, whatever the name service says of it. */
static int add_processes(struct subid_txn *txn, struct subid_failure *failure)
{
	auto_sets struct subid_sets ids = { .of = { { .n = 0 } } };
	int r;

	failure->file = "/proc";
	r = subid_live_ids(txn->options.proc, &txn->snapshot, &ids);
	return r == 0 ? subid_sets_unite(&txn->accounts, &ids) : r;
}

/* Whom only the name service knows; those that it does not enumerate are noted. */
static int add_others(struct subid_txn *txn, struct subid_failure *failure)
{
	struct found found = { .txn = txn, .failure = failure };
	int r = add_owners(&found);

	if (r == 0)
		r = add_utmp(&found);
	if (r == 0)
		r = add_login_users(&found);
	subid_sets_sort(&found.ids);
	if (r == 0)
		r = subid_set_subtract(&found.ids.of[SUBID_UID],
				       &txn->accounts.of[SUBID_UID], &txn->unlisted);
	if (r == 0)
		r = subid_sets_unite(&txn->accounts, &found.ids);
	subid_sets_free(&found.ids);
	return r;
}

int own_load(struct subid_txn *txn, struct subid_failure *failure)
{
	/* without another source the files have all accounts */
	int r = subid_users_ask_others(txn->users) ? add_others(txn, failure) : 0;

	return r == 0 && txn->options.proc >= 0 ? add_processes(txn, failure) : r;
}

void own_warn_unlisted(struct subid_txn *txn)
{
	const struct subid_set *windows = &txn->reservations[SUBID_UID].windows;
	struct id_range first = { .count = 0 };
	char name[256] = "somebody";
	size_t n = 0;

	/* names are looked up: once the locks are given back */
	txn->warns_unlisted = txn->lock != NULL;
	for (size_t i = 0; i < windows->n && !txn->warns_unlisted; i++)
		for (size_t k = 0; k < txn->unlisted.n; k++) {
			struct id_range common =
			    id_range_common(windows->ranges[i], txn->unlisted.ranges[k]);

			if (common.count > 0 && n == 0)
				first = common;
			n += common.count;
		}
	if (n == 0 || txn->warned_unlisted)
		return;
	txn->warned_unlisted = true;
	(void)subid_users_name(txn->users, SUBID_UID, first.start, name, sizeof(name));
	system_warn(
	    txn->sys, SUBID_NOTE_WARNING,
	    "%s (uid %u)%s: accounts that the name service does not list have ids"
	    " where ranges are granted, and others' may be in them: set SUB_UID_MIN"
	    " and SUB_GID_MIN in %s/login.defs to begin behind them, or reserve"
	    " their ids in %s/" SUBID_CONF_FILE,
	    name, first.start, n > 1 ? " and others" : "", txn->sys->etc_name,
	    txn->sys->etc_name);
}

int own_add(struct subid_txn *txn, const struct subid_owner *owner)
{
	const uint32_t ids[SUBID_KINDS] = { owner->uid, owner->gid };
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && owner->has_account && kind < SUBID_KINDS;
	     kind++) {
		const struct id_range id = { ids[kind], 1 };

		if (subid_set_contains(&txn->accounts.of[kind], id))
			continue;
		if (kind == SUBID_UID && subid_users_ask_others(txn->users))
			r = subid_set_insert(&txn->unlisted, id);
		if (r == 0)
			r = subid_set_insert(&txn->accounts.of[kind], id);
		if (r == 0)
			r = subid_set_insert(&txn->taken.of[kind], id);
		if (r == 0 && txn->options.ledger)
			r = subid_set_insert(&txn->rests.of[kind], id);
	}
	return r;
}

/* --- ids that do not exist here -----------------------------------------------------
 */

/*
 * Threat: in a user namespace only the ids that its own map has exist.  A range of others
 * would be of no use, and be anybody's once a wider map is made.
 */
int own_find_absent(const struct subid_live *live, struct subid_sets *ret)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		const struct subid_live_map *map = &live->userns[0].maps[kind];
		auto_set struct subid_set all = { .n = 0 }, here = { .n = 0 };

		for (size_t i = 0; r == 0 && i < map->n; i++)
			r = subid_set_add(&here, map->lines[i].inside);
		subid_set_sort(&here);
		if (r == 0)
			r = subid_set_insert(&all, id_range_between(0, ID_COUNT_MAX));
		if (r == 0)
			r = subid_set_subtract(&all, &here, &ret->of[kind]);
	}
	return r;
}
