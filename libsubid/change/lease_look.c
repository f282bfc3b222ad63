/* SPDX-License-Identifier: MIT */
/*
 * What runs, as leases see it: which ids are mapped, and who may hide one that the owner
 * has.
 *
 * Threat: one user hides thousands of namespaces, so that everybody's leases take long.
 * Only who may map an id of the owner's lines matters: the owner, root, and others whose
 * lines have some of the same.  All that these hide is sought; of everybody else's what
 * is found quickly, and what is left out of theirs is no reason to refuse anything.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

/* The account of a line, added to *ret.  0; SUBID_UNKNOWN: it may be anybody's. */
static int add_mapper(const struct leasing *leasing, const char *text, size_t len,
		      struct subid_set *ret)
{
	auto_owner struct subid_owner other = { .has_account = false };
	auto_free char *name = strndup(text, len);
	int r = name == NULL ? -ENOMEM : subid_owner_find(leasing->users, name, &other);

	if (r == -ENOMEM)
		return r;
	if (r != 0 || !other.has_account)
		return SUBID_UNKNOWN;
	return subid_set_insert(ret, (struct id_range){ other.uid, 1 });
}

/* The uids of all who may map what the owner has.  0; SUBID_UNKNOWN: it may be anybody;
 * -ENOMEM. */
static int find_mappers(const struct leasing *leasing, const struct lease_owner *owner,
			struct subid_set *ret)
{
	int r = owner->owner.has_account
		    ? subid_set_insert(ret, (struct id_range){ 0, 1 })
		    : SUBID_UNKNOWN;

	if (r == 0)
		r = subid_set_insert(ret, (struct id_range){ owner->owner.uid, 1 });
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_table *table = &leasing->tables[kind];
		const struct subid_set *held = &owner->held.of[kind];
		uint64_t held_start = held->n == 0 ? ID_COUNT_MAX : held->ranges[0].start;
		uint64_t held_end =
		    held->n == 0 ? 0 : id_range_end(held->ranges[held->n - 1]);

		for (size_t i = 0; r == 0 && i < table->n; i++) {
			const struct subid_entry *entry = &table->entries[i];
			const char *text;

			/* most are of others, and elsewhere */
			if (entry->range.start >= held_end ||
			    id_range_end(entry->range) <= held_start ||
			    entry->range.count == 0 ||
			    !subid_set_meets(held, entry->range, NULL))
				continue;
			text = subid_table_owner(table, entry);
			if (!owner_is(&owner->owner, text, entry->owner_len) &&
			    !subid_owner_is_hold(text, entry->owner_len))
				r = add_mapper(leasing, text, entry->owner_len, ret);
		}
	}
	return r;
}

static int read_live(const struct subid_txn *txn, const struct lease_owner *owner,
		     struct subid_live *ret)
{
	auto_set struct subid_set mappers = { .n = 0 };
	int r = find_mappers(txn->leasing, owner, &mappers);

	if (r < 0)
		return r;
	return subid_live_read_for(txn->sys->proc, r == 0 ? &mappers : NULL, ret);
}

int lease_look(struct subid_txn *txn, const struct lease_owner *owner, uint32_t session,
	       struct subid_error *err)
{
	struct leasing *leasing = txn->leasing;
	auto_live struct subid_live live = { .n = 0 };
	struct subid_unreadable unseen;
	int r;

	if (!txn->sys->host)
		return 0;
	subid_sets_free(&leasing->live);
	leasing->session = session;
	r = read_live(txn, owner, &live);
	if (r == 0)
		r = subid_live_in_use(txn->sys->proc, &live, leasing->session,
				      &leasing->live);
	if (r < 0)
		return error_plain(err, r, "/proc: %s: running processes cannot be seen",
				   strerror(-r));
	subid_live_unreadable(txn->sys->proc, &live, &unseen);
	/* a map that cannot be read may map anything */
	if (unseen.n > 0)
		return error_unseen(err, -EACCES, "/proc", &unseen);
	if (leasing->unseen.n_hidden == 0)
		system_warn_hidden(txn->sys, &unseen);
	leasing->unseen = unseen;
	return 0;
}

/* Threat: a user damages the records, so that the ids of a container that root leases
 * from are given to the next.  Only the user's own ids may be in them. */
int lease_check_home(const struct subid_txn *txn, const struct lease_owner *owner,
		     struct subid_error *err)
{
	const struct subid_runtime_state *state = &owner->runtimes;

	if (state->n_unread == 0 || state->error < 0)
		return system_check_unread(txn->sys, "", state, err);
	return error_plain(
	    err, -EBADMSG,
	    "%s: damaged (and %zu more): which ids a stopped container has"
	    " there is not known: nothing is given to %s's containers until"
	    " it is repaired, or removed with the container",
	    state->unread, state->n_unread - 1, owner->name);
}
