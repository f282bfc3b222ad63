/* SPDX-License-Identifier: MIT */
/*
 * Who has which ids, for callers: no lock is taken, and nothing is changed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"

static const char *const tables[SUBID_KINDS] = { "etc/subuid", "etc/subgid" };
static const char *const stores[SUBID_KINDS] = {
	"var/lib/subid/subuid",
	"var/lib/subid/subgid",
};

const char *subid_version(void)
{
	return SUBID_VERSION;
}

#define auto_list __attribute__((cleanup(subid_list_free)))

static enum subid_state state_of(const char *owner, size_t len)
{
	if (!subid_owner_is_hold(owner, len))
		return SUBID_STATE_GRANTED;
	return len == strlen(SUBID_OWNER_RELEASED) &&
		       memcmp(owner, SUBID_OWNER_RELEASED, len) == 0
		   ? SUBID_STATE_RELEASED
		   : SUBID_STATE_RESERVED;
}

/* --- tables --------------------------------------------------------------------------
 */

static int load_table(struct subid *sys, enum subid_kind kind, struct subid_table *ret,
		      struct subid_error *err)
{
	struct subid_failure failure = { .file = subid_kind_table(kind) };
	int r = subid_table_load(sys->etc, kind, ret);

	return r == 0 ? 0 : error_failure(err, sys, r, &failure);
}

/* file: where the table stands, or NULL. */
static int add_entry(struct subid_list *list, const struct subid_table *table,
		     const struct subid_entry *entry, const char *file)
{
	const char *owner = subid_table_owner(table, entry);
	const struct subid_row row = {
		.kind = table->kind,
		.state = state_of(owner, entry->owner_len),
		.range = entry->range,
		.owner = owner,
		.file = file,
		.line = subid_table_line(table, entry),
	};

	return list_add_row(list, &row, entry->owner_len);
}

int subid_lines(struct subid *sys, enum subid_kind kind, struct subid_list **ret,
		struct subid_error *err)
{
	auto_table struct subid_table table = { .kind = kind };
	auto_list struct subid_list *list = list_new();
	int r;

	error_clear(err);
	if (list == NULL)
		return error_memory(err);
	r = load_table(sys, kind, &table, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < table.n; i++)
		r = add_entry(list, &table, &table.entries[i], tables[table.kind]);
	if (r < 0)
		return error_memory(err);
	*ret = list;
	list = NULL;
	return 0;
}

/* --- owners --------------------------------------------------------------------------
 */

static int add_owned(struct subid *sys, const struct subid_owner *owner,
		     enum subid_kind kind, struct subid_list *list,
		     struct subid_error *err)
{
	auto_table struct subid_table table = { .kind = kind };
	int r = load_table(sys, kind, &table, err);

	if (r < 0)
		return r;
	for (size_t s = 0; r == 0 && s < owner->n; s++) {
		const struct subid_owner_name *name = &owner->spellings[s];

		for (size_t i = subid_table_first(&table, name->text, name->len);
		     r == 0 && i < table.n; i = subid_table_after(&table, i))
			r = add_entry(list, &table, &table.entries[i],
				      tables[table.kind]);
	}
	return r == 0 ? 0 : error_memory(err);
}

static int add_lease(struct subid_list *list, const struct subid_lease *lease, bool root)
{
	const struct subid_row row = {
		.kind = lease->kind,
		.state = SUBID_STATE_LEASED,
		.range = lease->range,
		.owner = lease->owner,
		.container = lease->name,
		.file = root ? stores[lease->kind] : NULL,
		.line = lease->line,
	};

	return list_add_row(list, &row, strlen(lease->owner));
}

/* The leases of a store that could be read, also if another one could not. */
static int add_leases(struct subid *sys, const struct subid_owner *owner,
		      unsigned int kinds, struct subid_list *list,
		      struct subid_error *err)
{
	const struct subid_owner_name *first = &owner->spellings[0];
	auto_free char *name = strndup(first->text, first->len);
	auto_leases struct subid_leases leases = { .list = NULL };
	char where[SUBID_ERROR_FILE_SIZE] = "";
	int r, added = 0;

	if (name == NULL)
		return error_memory(err);
	r = leases_of_owner(sys, owner, name, &leases, where);
	for (size_t i = 0; added == 0 && i < leases.n; i++)
		if ((kinds & (1U << leases.list[i].kind)) != 0 &&
		    lease_is_of(&leases.list[i], owner, name))
			added = add_lease(list, &leases.list[i], false);
	if (added < 0)
		return error_memory(err);
	return r == 0 ? 0
		      : error_plain(err, r, "%s: %s: leases cannot be read", where,
				    home_error(r));
}

/* Who it is: 0, SUBID_UNKNOWN, with *ret set all the same; else explained. */
static int find_owner(struct subid *sys, const char *name, struct subid_users **users,
		      struct subid_owner *ret, struct subid_error *err)
{
	struct subid_failure failure = { .file = "passwd" };
	const struct subid_users *known = system_users(sys);
	int r = 0;

	if (known == NULL) {
		r = subid_users_open(sys->etc, sys->host, users, &failure.file);
		known = *users;
	}
	if (r < 0)
		return error_failure(err, sys, r, &failure);
	r = subid_owner_find(known, name, ret);
	if (r < 0)
		return error_plain(err, r, "%s: cannot be looked up: %s", name,
				   strerror(-r));
	if (r == SUBID_INVALID)
		return error_plain(err, r, "%s: invalid owner name", name);
	return r;
}

int subid_ranges(struct subid *sys, const char *name, unsigned int kinds,
		 struct subid_list **ret, struct subid_error *err)
{
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_list struct subid_list *list = list_new();
	int r = 0, found;

	error_clear(err);
	if (kinds == 0)
		kinds = SUBID_BOTH_KINDS;
	if (list == NULL)
		return error_memory(err);
	found = find_owner(sys, name, &users, &owner, err);
	if (found != 0 && found != SUBID_UNKNOWN)
		return found;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if ((kinds & (1U << kind)) != 0)
			r = add_owned(sys, &owner, kind, list, err);
	if (r == 0)
		r = add_leases(sys, &owner, kinds, list, err);
	if (r == 0 && list->n == 0 && found == SUBID_UNKNOWN)
		r = error_plain(err, found,
				"%s: no such account, and no ranges of that name", name);
	if (r != 0)
		return r;
	*ret = list;
	list = NULL;
	return 0;
}

/* What the caller's store holds by a name that is no owner's. */
static int add_held_leases(struct subid *sys, const char *name, unsigned int kinds,
			   struct subid_list *list, struct subid_error *err)
{
	auto_store struct store store = { .fd = -1 };
	int r = store_open(sys, false, &store, err);

	if (r != 0 || store.fd < 0)
		return r;
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_table struct subid_table table = { .kind = kind };

		if ((kinds & (1U << kind)) == 0)
			continue;
		r = store_load(&store, kind, subid_kind_table(kind), &table);
		if (r < 0)
			return error_plain(err, r, "%s: %s", store.name, home_error(r));
		for (size_t i = subid_table_first(&table, name, strlen(name));
		     r == 0 && i < table.n; i = subid_table_after(&table, i))
			r = add_entry(list, &table, &table.entries[i], NULL);
		if (r < 0)
			return error_memory(err);
	}
	return r;
}

/* Of root's store, whoever's containers they are. */
static int add_all_leases(struct subid *sys, unsigned int kinds, struct subid_list *list,
			  struct subid_error *err)
{
	auto_leases struct subid_leases leases = { .list = NULL };
	auto_close int store = beneath_open_dir(sys->root, SUBID_STATEDIR);
	int r = store;

	if (store == -ENOENT || store == -ENOTDIR)
		return 0;
	if (store >= 0)
		r = subid_leases_load(store, NULL, &leases);
	if (r < 0)
		return error_plain(err, r, SUBID_STATEDIR ": %s: leases cannot be read",
				   home_error(r));
	for (size_t i = 0; r == 0 && i < leases.n; i++)
		if ((kinds & (1U << leases.list[i].kind)) != 0)
			r = add_lease(list, &leases.list[i], true);
	return r == 0 ? 0 : error_memory(err);
}

int subid_leases(struct subid *sys, const char *name, unsigned int kinds,
		 struct subid_list **ret, struct subid_error *err)
{
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_list struct subid_list *list = list_new();
	int r;

	error_clear(err);
	if (kinds == 0)
		kinds = SUBID_BOTH_KINDS;
	if (list == NULL)
		return error_memory(err);
	if (name == NULL) {
		r = add_all_leases(sys, kinds, list, err);
	} else if (subid_owner_is_hold(name, strlen(name))) {
		r = add_held_leases(sys, name, kinds, list, err);
	} else {
		r = find_owner(sys, name, &users, &owner, err);
		if (r == 0 || r == SUBID_UNKNOWN)
			r = add_leases(sys, &owner, kinds, list, err);
	}
	if (r <= 0) {
		*ret = list;
		list = NULL;
	}
	return r;
}

/* --- ids -----------------------------------------------------------------------------
 */

static int add_account(struct subid *sys, enum subid_kind kind, struct id_range id,
		       struct subid_list *list, struct subid_error *err)
{
	auto_users struct subid_users *users = NULL;
	struct subid_failure failure = { .file = "passwd" };
	char name[256];
	int r = subid_users_load(sys->etc, sys->host, &users, &failure.file);
	struct subid_row row = {
		.kind = kind,
		.state = SUBID_STATE_OWN,
		.range = id,
		.owner = name,
	};

	if (r < 0)
		return error_failure(err, sys, r, &failure);
	if (!subid_users_name(users, kind, id.start, name, sizeof(name)))
		return 0;
	r = list_add_row(list, &row, strlen(name));
	return r == 0 ? 0 : error_memory(err);
}

static int add_holders(struct subid *sys, enum subid_kind kind, struct id_range id,
		       struct subid_list *list, struct subid_error *err)
{
	auto_table struct subid_table table = { .kind = kind };
	int r = load_table(sys, kind, &table, err);

	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < table.n; i++)
		if (id_range_contains(table.entries[i].range, id))
			r = add_entry(list, &table, &table.entries[i],
				      tables[table.kind]);
	return r == 0 ? 0 : error_memory(err);
}

/* Of root's store: a user's says nothing about what others hold. */
static int add_lessees(struct subid *sys, enum subid_kind kind, struct id_range id,
		       struct subid_list *list, struct subid_error *err)
{
	auto_leases struct subid_leases leases = { .list = NULL };
	auto_close int store = beneath_open_dir(sys->root, SUBID_STATEDIR);
	int r = 0;

	if (store == -ENOENT || store == -ENOTDIR)
		return 0;
	r = store < 0 ? store : subid_leases_load(store, NULL, &leases);
	if (r < 0)
		return error_plain(err, r, SUBID_STATEDIR ": %s: leases cannot be read",
				   home_error(r));
	for (size_t i = 0; r == 0 && i < leases.n; i++)
		if (leases.list[i].kind == kind &&
		    id_range_contains(leases.list[i].range, id))
			r = add_lease(list, &leases.list[i], true);
	return r == 0 ? 0 : error_memory(err);
}

int subid_who_has(struct subid *sys, enum subid_kind kind, uint32_t id,
		  struct subid_list **ret, struct subid_error *err)
{
	const struct id_range one = { .start = id, .count = 1 };
	auto_list struct subid_list *list = list_new();
	int r;

	error_clear(err);
	if (list == NULL)
		return error_memory(err);
	r = add_account(sys, kind, one, list, err);
	if (r == 0)
		r = add_holders(sys, kind, one, list, err);
	if (r == 0)
		r = add_lessees(sys, kind, one, list, err);
	if (r != 0)
		return r;
	*ret = list;
	list = NULL;
	return 0;
}

/* --- running processes ---------------------------------------------------------------
 */

static int find_uses(struct subid *sys, enum subid_kind kind, struct id_range range,
		     struct subid_use **ret, size_t *ret_n, struct subid_error *err)
{
	struct subid_sets wanted = { .of = { { .n = 0 } } };
	auto_live struct subid_live live = { .n = 0 };
	struct subid_unreadable unseen;
	size_t unread = 0;
	int r;

	wanted.of[kind] = (struct subid_set){ .ranges = &range, .n = 1 };
	r = subid_live_read(sys->proc, SUBID_LIVE_BOUNDED, &live);
	if (r == 0)
		r = subid_uses_find(sys->proc, &live, SUBID_ID_NONE, &wanted, ret, ret_n,
				    &unread);
	if (r < 0)
		return error_plain(err, r, "/proc: %s: running processes cannot be seen",
				   strerror(-r));
	subid_live_unreadable(sys->proc, &live, &unseen);
	if (unseen.n == 0 && unread == 0)
		return 0;
	free(*ret);
	*ret = NULL;
	return unseen.n > 0 ? error_unseen(err, -EACCES, "/proc", &unseen)
			    : error_plain(err, -EACCES,
					  "/proc: %s: running processes cannot be seen",
					  strerror(EACCES));
}

int subid_uses(struct subid *sys, enum subid_kind kind, struct id_range range,
	       struct subid_list **ret, struct subid_error *err)
{
	auto_list struct subid_list *list = list_new();
	auto_free struct subid_use *uses = NULL;
	size_t n = 0;
	int r;

	error_clear(err);
	if (list == NULL)
		return error_memory(err);
	r = system_proc(sys, err);
	if (r == 0 && sys->host && range.count > 0)
		r = find_uses(sys, kind, range, &uses, &n, err);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct subid_row row = {
			.kind = uses[i].kind,
			.state = SUBID_STATE_IN_USE,
			.range = uses[i].ids,
			.pid = uses[i].pid,
			.program = uses[i].program,
		};

		r = list_add_row(list, &row, 0);
	}
	if (r < 0)
		return error_memory(err);
	*ret = list;
	list = NULL;
	return 0;
}

/* --- the rest --------------------------------------------------------------------------
 */

int subid_source(struct subid *sys, char ret[SUBID_SOURCE_SIZE], struct subid_error *err)
{
	struct subid_sources sources;
	int r = subid_sources_read(sys->etc, &sources);

	error_clear(err);
	if (r == 0) {
		memcpy(ret, sources.names[0], SUBID_SOURCE_SIZE);
		return 0;
	}
	return error_plain(err, r, "%s/nsswitch.conf: %s", sys->etc_name,
			   r < 0 ? strerror(-r) : "'subid:' names no source");
}

int subid_line_split(const char *text, size_t len, size_t *ret_owner_len,
		     struct id_range *ret)
{
	struct subid_line line;
	int r = subid_line_parse(text, len, &line);

	if (r != 0)
		return r;
	*ret_owner_len = line.owner_len;
	*ret = line.range;
	return 0;
}

int subid_lock(struct subid *sys, int timeout_ms, struct subid_lock **ret,
	       struct subid_error *err)
{
	struct subid_failure failure = { .file = ".pwd.lock", .waited_ms = timeout_ms };
	const struct subid_lock_wait wait = system_wait(sys);
	int r;

	error_clear(err);
	r = subid_lock_take(sys->etc, timeout_ms, &wait, ret, &failure.holder);
	return r == 0 ? 0 : error_failure(err, sys, r, &failure);
}

void subid_unlock(struct subid_lock **lock)
{
	subid_lock_release(lock);
}
