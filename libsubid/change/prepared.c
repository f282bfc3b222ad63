/* SPDX-License-Identifier: MIT */
/*
 * Many owners lose ids in one transaction: what uses them is looked at once for all, and
 * what was looked at before the locks is kept until it is asked for.
 *
 * Threat: of several owners the second is looked at when the lines of the first are
 * changed already, so with the locks: a user whose home does not answer, or who has
 * thousands of processes, would keep useradd waiting.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

#define NAMED_MAX 20

void prepared_free(struct subid_txn *txn)
{
	for (size_t i = 0; i < txn->n_prepared; i++) {
		free(txn->prepared[i].owner);
		free(txn->prepared[i].lines);
		free(txn->prepared[i].why);
	}
	free(txn->prepared);
	txn->prepared = NULL;
	txn->n_prepared = txn->next_prepared = 0;
}

int prepared_keep(struct subid_txn *txn, const struct subid_request *request,
		  const struct subid_changes *lines, bool has_store, int r,
		  const struct subid_error *why)
{
	struct prepared one = {
		.owner = strdup(request->owner),
		.request = *request,
		.lines = calloc(lines->n + 1, sizeof(*lines->list)),
		.n = lines->n,
		.has_store = has_store,
		.r = r,
		.why = r == 0 ? NULL : calloc(1, sizeof(*why)),
	};

	if (one.owner == NULL || one.lines == NULL || (r != 0 && one.why == NULL) ||
	    array_grow(&txn->prepared, txn->n_prepared, sizeof(one)) < 0) {
		free(one.owner);
		free(one.lines);
		free(one.why);
		return -ENOMEM;
	}
	if (lines->n > 0)
		memcpy(one.lines, lines->list, lines->n * sizeof(*lines->list));
	if (r != 0 && why != NULL)
		memcpy(one.why, why, why->size < sizeof(*why) ? why->size : sizeof(*why));
	one.request.flags &= ~(unsigned int)SUBID_PREPARE;
	txn->prepared[txn->n_prepared++] = one;
	return 0;
}

/* Was it this, and has it no lines more by now? */
static bool is_of(const struct prepared *one, const struct subid_request *request,
		  const struct subid_changes *lines)
{
	const struct subid_changes then = { one->lines, one->n };

	return one->request.kinds == request->kinds &&
	       one->request.flags == request->flags &&
	       one->request.range.start == request->range.start &&
	       one->request.range.count == request->range.count &&
	       strcmp(one->owner, request->owner) == 0 && changes_are_known(lines, &then);
}

bool prepared_find(struct subid_txn *txn, const struct subid_request *request,
		   const struct subid_changes *lines, bool *ret_has_store,
		   struct subid_error *err, int *ret)
{
	/* they are asked for in the order in which they were prepared */
	for (size_t i = 0; i < txn->n_prepared; i++) {
		size_t at = (txn->next_prepared + i) % txn->n_prepared;
		const struct prepared *one = &txn->prepared[at];

		if (!is_of(one, request, lines))
			continue;
		txn->next_prepared = at + 1;
		*ret_has_store = one->has_store;
		*ret = one->r;
		if (one->r != 0 && err != NULL)
			*err = *one->why;
		return true;
	}
	return false;
}

/* --- what is the same for all owners -------------------------------------------------
 */

void looked_free(struct subid_txn *txn)
{
	subid_leases_free(&txn->looked.leases);
	subid_sets_free(&txn->looked.leased);
	subid_shares_free(&txn->looked.shares);
	txn->looked = (struct looked){ .locked = false };
}

int looked_leases(struct subid_txn *txn, const struct store *locked,
		  struct subid_error *err)
{
	struct looked *looked = &txn->looked;
	auto_store struct store found = { .fd = -1 };
	const struct store *store = locked != NULL ? locked : &found;
	int r = 0;

	if (looked->leases_read && (locked == NULL || looked->locked))
		return 0;
	if (locked == NULL)
		r = store_find(txn->sys, &found);
	/* without root's rights nothing will be changed anyway */
	if (store->user != NULL)
		return 0;
	subid_leases_free(&looked->leases);
	subid_sets_free(&looked->leased);
	looked->leases_read = false;
	if (r == 0)
		r = store_leases(store, NULL, &looked->leases);
	for (size_t i = 0; r == 0 && i < looked->leases.n; i++) {
		const struct subid_lease *lease = &looked->leases.list[i];

		r = subid_set_add(&looked->leased.of[lease->kind], lease->range);
	}
	subid_sets_sort(&looked->leased);
	if (r < 0)
		return error_errno(err, store->name, r);
	looked->leases_read = true;
	/* without a directory there is no lock, and others may yet make one */
	looked->locked = locked != NULL && locked->fd >= 0;
	return 0;
}

int looked_shares(struct subid_txn *txn, struct subid_error *err)
{
	struct looked *looked = &txn->looked;
	int r =
	    looked->shares_read ? 0 : subid_shares_read(txn->sys->root, &looked->shares);

	if (r < 0)
		return error_plain(err, r, "%s", strerror(-r));
	looked->shares_read = true;
	return 0;
}

/*
 * Whoever's they are: a name that a lease has may be the owner's, though nobody knows any
 * more, once the account is gone.
 */
size_t leases_name(const struct subid_leases *leases, const struct subid_changes *changes,
		   struct subid_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < leases->n; i++) {
		const struct subid_lease *lease = &leases->list[i];
		bool meets = false;

		for (size_t k = 0; k < changes->n; k++)
			meets |= changes->list[k].kind == lease->kind &&
				 id_range_overlaps(changes->list[k].range, lease->range);
		if (!meets || n++ >= NAMED_MAX)
			continue;
		error_detail(err, "%s/%s: %s %u-%llu are leased to this container",
			     lease->owner, lease->name, subid_kind_name(lease->kind),
			     lease->range.start,
			     (unsigned long long)id_range_end(lease->range) - 1);
	}
	if (n > NAMED_MAX)
		error_detail(err, "and %zu more", n - NAMED_MAX);
	return n;
}

size_t looked_name_leases(const struct subid_txn *txn,
			  const struct subid_changes *changes, struct subid_error *err)
{
	bool meets = false;

	for (size_t i = 0; i < changes->n; i++)
		meets |= subid_set_meets(&txn->looked.leased.of[changes->list[i].kind],
					 changes->list[i].range, NULL);
	return meets ? leases_name(&txn->looked.leases, changes, err) : 0;
}

/* --- one look for many owners --------------------------------------------------------
 */

static bool all_in(const struct subid_sets *sets, const struct subid_sets *wanted)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		for (size_t i = 0; i < wanted->of[kind].n; i++)
			if (!subid_set_contains(&sets->of[kind],
						wanted->of[kind].ranges[i]))
				return false;
	return true;
}

/* Is a process without a namespace of its own about, that has one of the ids? */
static bool one_runs(const struct subid_use *uses, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (uses[i].userns == 0)
			return true;
	return false;
}

/* Of all ids of lines, what no namespace maps; nothing if it cannot be told by that. */
static int find_unused(const struct uses_look *look, const struct subid_live *live,
		       const struct subid_sets *all, struct subid_sets *ret)
{
	auto_sets struct subid_sets mapped = { .of = { { .n = 0 } } };
	auto_free struct subid_use *uses = NULL;
	size_t n = 0;
	int r = uses_find(look, live, all, &uses, &n);

	if (r < 0 || one_runs(uses, n))
		return r;
	r = subid_live_in_use(look->sys->proc, live, look->session, &mapped);
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_set_subtract(&all->of[kind], &mapped.of[kind], &ret->of[kind]);
	return r;
}

/* Is no helper about to map any of the ids? */
static int none_pending(const struct uses_look *look, const struct subid_sets *ids,
			bool *ret)
{
	auto_free struct subid_use *uses = NULL;
	size_t n = 0;
	int r = geteuid() != 0
		    ? 0
		    : subid_uses_about_to_write(look->sys->proc, ids, &uses, &n);

	*ret = n == 0;
	return r;
}

static int granted_ids(const struct subid_txn *txn, struct subid_sets *ret)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = subid_table_granted(&txn->tables[kind], &ret->of[kind]);
	return r;
}

int uses_check_first(struct subid_txn *txn, const struct uses_look *look,
		     const struct subid_changes *changes, struct subid_error *err)
{
	auto_sets struct subid_sets wanted = { .of = { { .n = 0 } } };
	auto_sets struct subid_sets all = { .of = { { .n = 0 } } };
	auto_live struct subid_live live = { .n = 0 };
	struct subid_unreadable unseen = { .n = 0 };
	bool none = false;
	int r;

	if (!look->sys->host)
		return 0;
	r = uses_sets(changes, &wanted);
	if (r == 0 && all_in(&txn->unused, &wanted) &&
	    !(look->reuse && txn->unused_hides))
		return 0;
	if (r == 0 && !subid_sets_empty(&txn->unused))
		return uses_check(look, changes, err);
	if (r == 0)
		r = granted_ids(txn, &all);
	/* helpers are looked at before what is mapped, see uses_check() */
	if (r == 0)
		r = none_pending(look, &all, &none);
	if (r < 0)
		return uses_unseen(err, look->name, r);
	r = none ? 0 : uses_pending(look, &wanted, err);
	if (r != 0)
		return r;
	r = subid_live_read(look->sys->proc, SUBID_LIVE_BOUNDED, &live);
	if (r == 0 && none)
		r = find_unused(look, &live, &all, &txn->unused);
	if (r < 0)
		return uses_unseen(err, look->name, r);
	r = all_in(&txn->unused, &wanted) ? 0 : uses_live(look, &live, &wanted, err);
	if (r != 0)
		return r;
	subid_live_unreadable(look->sys->proc, &live, &unseen);
	txn->unused_hides = unseen.n_hidden > 0;
	if (look->reuse)
		r = hiders_of(look, &live, &wanted, &unseen);
	return r < 0 ? uses_unseen(err, look->name, r) : uses_seen(look, &unseen, err);
}
