/* SPDX-License-Identifier: MIT */
/*
 * Leases and running namespaces, compared with the lines of their owners.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

/*
 * The leases of all stores in one order, and what their owners hold.
 */

static int compare_lease_owners(const void *a, const void *b)
{
	const struct lease_row *x = a, *y = b;

	return strcmp(x->lease->owner, y->lease->owner);
}

static int compare_keys(uint32_t uid, enum subid_kind kind, uint32_t other_uid,
			enum subid_kind other_kind)
{
	if (uid != other_uid)
		return uid < other_uid ? -1 : 1;
	return kind < other_kind ? -1 : kind > other_kind;
}

static int compare_rows(const void *a, const void *b, void *data)
{
	const struct lease_view *view = data;
	const struct lease_row *x = a, *y = b;
	int order = compare_keys(audit_lease_owner(view, x)->uid, x->lease->kind,
				 audit_lease_owner(view, y)->uid, y->lease->kind);

	if (order != 0)
		return order;
	if (x->lease->range.start != y->lease->range.start)
		return x->lease->range.start < y->lease->range.start ? -1 : 1;
	if (x->lease->line != y->lease->line)
		return x->lease->line < y->lease->line ? -1 : 1;
	return x->owner < y->owner ? -1 : x->owner > y->owner;
}

/* Does root run containers with the ranges of that owner? */
static bool is_for_root(const struct audit *audit, struct subid_owner_name owner)
{
	if (subid_special_owner(owner.text, owner.len) != NULL)
		return true;
	for (size_t i = 0; i < audit->in->n_for_root; i++)
		if (owner_name_is(owner, audit->in->for_root[i]))
			return true;
	return false;
}

static int find_owner(struct audit *audit, const struct audit_store *store,
		      const char *name, struct lease_owner *ret)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	int r = subid_owner_find(audit->in->users, name, &owner);

	*ret = (struct lease_owner){
		.store = store,
		.name = name,
		.uid = SUBID_ID_NONE,
		.unsure = r < 0,
	};
	if (r == -ENOMEM)
		return r;
	if (store->user != NULL)
		ret->uid = store->uid;
	else if (is_for_root(audit, (struct subid_owner_name){ name, strlen(name) }))
		ret->uid = 0;
	else if (r == 0 && owner.has_account)
		ret->uid = owner.uid;
	if (r < 0 || r == SUBID_INVALID)
		return 0;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		r = subid_table_owned(audit->tables[kind].table, owner.spellings, owner.n,
				      &ret->held.of[kind]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Finds the owners of the rows of a store, which begin at first; each is looked up once.
 */
static int find_owners(struct audit *audit, const struct audit_store *store,
		       struct lease_view *view, size_t first)
{
	int r = 0;

	if (view->n - first > 1)
		qsort(view->rows + first, view->n - first, sizeof(*view->rows),
		      compare_lease_owners);
	for (size_t i = first; r == 0 && i < view->n; i++) {
		if (i == first ||
		    compare_lease_owners(&view->rows[i - 1], &view->rows[i]) != 0) {
			if (array_grow(&view->owners, view->n_owners,
				       sizeof(*view->owners)) < 0)
				return -ENOMEM;
			r = find_owner(audit, store, view->rows[i].lease->owner,
				       &view->owners[view->n_owners++]);
		}
		view->rows[i].owner = (uint32_t)view->n_owners - 1;
	}
	return r;
}

int audit_lease_view(struct audit *audit, struct lease_view *view)
{
	const struct audit_input *in = audit->in;
	size_t n = 0;
	int r = 0;

	*view = (struct lease_view){ .n = 0 };
	for (size_t i = 0; i < in->n_stores; i++)
		n += in->stores[i].leases.n;
	view->rows = calloc(n + 1, sizeof(*view->rows));
	if (view->rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < in->n_stores; i++) {
		const struct subid_leases *leases = &in->stores[i].leases;
		size_t first = view->n;

		for (size_t j = 0; j < leases->n; j++)
			view->rows[view->n++].lease = &leases->list[j];
		r = find_owners(audit, &in->stores[i], view, first);
	}
	if (r == 0 && view->n > 1)
		qsort_r(view->rows, view->n, sizeof(*view->rows), compare_rows, view);
	return r;
}

void audit_lease_view_free(struct lease_view *view)
{
	for (size_t i = 0; i < view->n_owners; i++)
		subid_sets_free(&view->owners[i].held);
	free(view->owners);
	free(view->rows);
	*view = (struct lease_view){ .n = 0 };
}

struct row_key {
	const struct lease_view *view;
	uint32_t uid;
	enum subid_kind kind;
	int after; /* 1: rows with this key are before it */
};

static bool is_row_before(const void *element, const void *data)
{
	const struct lease_row *row = element;
	const struct row_key *key = data;

	return compare_keys(audit_lease_owner(key->view, row)->uid, row->lease->kind,
			    key->uid, key->kind) < key->after;
}

static const struct lease_row *find_key(struct row_key key)
{
	return key.view->rows + array_search(key.view->rows, key.view->n,
					     sizeof(*key.view->rows), &key,
					     is_row_before);
}

const struct lease_row *audit_lease_rows(const struct lease_view *view, uint32_t uid,
					 enum subid_kind kind,
					 const struct lease_row **ret_begin)
{
	*ret_begin = find_key((struct row_key){ view, uid, kind, 0 });
	return find_key((struct row_key){ view, uid, kind, 1 });
}

/*
 * A verdict on each namespace. A namespace is judged against the lines of its owner. One
 * that is nested in another can only have that one's ids, which the kernel ensures: so
 * those at the top are judged, and stand for all that they contain.
 *
 * Root may write any map.  What its programs map is compared with root's lines, those of
 * the owners that act for root, and systemd-nspawn's convention; ids that are the same
 * inside and outside are not mapped at all.
 */

#define NSPAWN_FIRST 524288
#define NSPAWN_LAST  1879048191
#define NSPAWN_COUNT 65536

static int compare_holders(const void *a, const void *b)
{
	const struct live_holder *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

struct live_holder *audit_live_holder(const struct live_view *view, uint32_t uid)
{
	struct live_holder key = { .uid = uid };

	return bsearch(&key, view->holders, view->n_holders, sizeof(key),
		       compare_holders);
}

/* Is it directly below the caller's namespace, as far as can be told? */
static bool is_top(const struct subid_live *live, size_t i)
{
	return i > 0 &&
	       (live->userns[i].parent == 0 || live->userns[i].parent == SUBID_LIVE_NONE);
}

/* All owners of namespaces, each once, in the order of uids. */
static int list_holders(const struct subid_live *live, struct live_view *view)
{
	size_t n = 0;

	view->holders = calloc(live->n + 1, sizeof(*view->holders));
	if (view->holders == NULL)
		return -ENOMEM;
	for (size_t i = 1; i < live->n; i++)
		if (live->userns[i].owner != SUBID_ID_NONE)
			view->holders[n++].uid = live->userns[i].owner;
	if (n > 1)
		qsort(view->holders, n, sizeof(*view->holders), compare_holders);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || view->holders[i].uid != view->holders[i - 1].uid)
			view->holders[view->n_holders++].uid = view->holders[i].uid;
	return 0;
}

static int add_lines(struct audit *audit, size_t owner, struct live_holder *holder)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		const struct audit_table *table = &audit->tables[kind];

		for (size_t i = table->begin[owner];
		     r == 0 && i < table->begin[owner + 1]; i++)
			r = subid_set_add(&holder->held.of[kind],
					  table->table->entries[table->order[i]].range);
	}
	return r;
}

/* What each of them holds by the tables. */
static int find_lines(struct audit *audit, struct live_view *view)
{
	struct live_holder *root = audit_live_holder(view, 0);
	int r = 0;

	for (size_t i = 0; r == 0 && i < audit->n_owners; i++) {
		const struct audit_owner *owner = &audit->owners[i];
		struct live_holder *holder = NULL;

		if (owner->same != i || owner->hold)
			continue;
		if (owner->uid != SUBID_ID_NONE)
			holder = audit_live_holder(view, owner->uid);
		if (holder != NULL)
			r = add_lines(audit, i, holder);
		if (r == 0 && root != NULL && holder != root &&
		    is_for_root(audit, audit_owner_text(audit, i)))
			r = add_lines(audit, i, root);
	}
	for (size_t i = 0; i < view->n_holders; i++)
		subid_sets_sort(&view->holders[i].held);
	return r;
}

static int name_holder(struct audit *audit, struct live_holder *holder)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	int r = subid_owner_of_uid(audit->in->users, holder->uid, &owner);

	holder->gid = SUBID_ID_NONE;
	if (r == -ENOMEM)
		return r;
	if (r == 0 && owner.has_account) {
		holder->gid = owner.gid;
		holder->name.text = audit_text(audit, "%.*s", NAME(owner.spellings[0]));
	} else {
		holder->name.text = audit_text(audit, "%u", holder->uid);
	}
	holder->name.len = strlen(holder->name.text);
	return audit->error;
}

struct membership {
	const struct audit *audit;
	uint32_t uid;
};

static int is_member(void *data, const char *name)
{
	const struct membership *wanted = data;
	auto_owner struct subid_owner owner = { .has_account = false };
	int r = subid_owner_find(wanted->audit->in->users, name, &owner);

	if (r < 0)
		return r;
	return r == 0 && owner.has_account && owner.uid == wanted->uid ? SUBID_ENOUGH : 0;
}

bool audit_live_is_own(struct audit *audit, const struct live_holder *holder,
		       enum subid_kind kind, uint32_t id)
{
	struct membership wanted = { audit, holder->uid };
	char group[16];
	int r;

	if (kind == SUBID_UID)
		return id == holder->uid;
	if (id == holder->gid)
		return true;
	(void)snprintf(group, sizeof(group), "%u", id);
	r = subid_users_members(audit->in->users, group, is_member, &wanted);
	if (r == -ENOMEM)
		audit->error = r;
	/* userdel removes the group of the same number too */
	return r == SUBID_ENOUGH ||
	       (r == SUBID_UNKNOWN && holder->gid == SUBID_ID_NONE && id == holder->uid);
}

/* Is a line of root's the range that systemd-nspawn picks for a container? */
static bool is_nspawn(const struct audit *audit, enum subid_kind kind, struct id_range r)
{
	return r.start >= NSPAWN_FIRST && id_range_end(r) <= (uint64_t)NSPAWN_LAST + 1 &&
	       r.count == NSPAWN_COUNT && r.start % NSPAWN_COUNT == 0 &&
	       !subid_set_meets(&audit->tables[kind].table->ids, r, NULL);
}

/* The ids of a map that are neither the holder's own nor root's unchanged ones. */
static int foreign_ids(struct audit *audit, const struct live_holder *holder,
		       const struct subid_live_userns *ns, enum subid_kind kind,
		       struct subid_set *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ns->maps[kind].n; i++) {
		const struct subid_map_line *line = &ns->maps[kind].lines[i];

		if ((holder->uid == 0 && line->inside.start == line->outside.start) ||
		    (line->outside.count == 1 &&
		     audit_live_is_own(audit, holder, kind, line->outside.start)))
			continue;
		r = subid_set_add(ret, line->outside);
	}
	subid_set_sort(ret);
	return r;
}

/* Of these, the ids that no line grants to the holder; id 0 is live-root's. */
static int unheld_ids(struct audit *audit, const struct live_holder *holder,
		      enum subid_kind kind, const struct subid_set *ids,
		      struct subid_set *ret)
{
	auto_set struct subid_set known = { .n = 0 };
	int r = subid_set_insert(&known, (struct id_range){ 0, 1 });

	if (r == 0)
		r = subid_set_unite(&known, &holder->held.of[kind]);
	for (size_t i = 0; r == 0 && holder->uid == 0 && i < ids->n; i++)
		if (is_nspawn(audit, kind, ids->ranges[i]))
			r = subid_set_insert(&known, ids->ranges[i]);
	return r == 0 ? subid_set_subtract(ids, &known, ret) : r;
}

static bool is_within(const struct subid_set *inner, const struct subid_set *outer)
{
	for (size_t i = 0; i < inner->n; i++)
		if (!subid_set_contains(outer, inner->ranges[i]))
			return false;
	return true;
}

/* Does a line that is not a hold grant one of these ids?  A disabled owner's does. */
static bool is_given(const struct audit *audit, enum subid_kind kind,
		     const struct subid_set *ids)
{
	const struct audit_table *view = &audit->tables[kind];

	for (size_t i = 0; i < view->table->n; i++)
		if ((!audit->owners[view->owner[i]].hold ||
		     audit->owners[view->owner[i]].disabled) &&
		    subid_set_meets(ids, view->table->entries[i].range, NULL))
			return true;
	return false;
}

static int judge(struct audit *audit, struct live_view *view, size_t index,
		 enum subid_kind kind)
{
	const struct subid_live_userns *ns = &audit->in->live->userns[index];
	struct live_holder *holder = audit_live_holder(view, ns->owner);
	struct live_verdict *verdict = &view->verdicts[index];
	auto_set struct subid_set former = { .n = 0 };
	int r = foreign_ids(audit, holder, ns, kind, &verdict->foreign.of[kind]);

	if (r == 0)
		r = unheld_ids(audit, holder, kind, &verdict->foreign.of[kind],
			       &verdict->unheld.of[kind]);
	if (r < 0 || verdict->unheld.of[kind].n == 0)
		return r;
	r = audit_former_ids(audit, holder->uid, kind, &former);
	verdict->stale[kind] = r == 0 && is_within(&verdict->unheld.of[kind], &former) &&
			       !is_given(audit, kind, &verdict->unheld.of[kind]);
	return r;
}

int audit_live_view(struct audit *audit, struct live_view *view)
{
	const struct subid_live *live = audit->in->live;
	int r;

	*view = (struct live_view){ .n = live->n };
	view->verdicts = calloc(live->n + 1, sizeof(*view->verdicts));
	r = view->verdicts == NULL ? -ENOMEM : list_holders(live, view);
	for (size_t i = 0; r == 0 && i < view->n_holders; i++)
		r = name_holder(audit, &view->holders[i]);
	if (r == 0)
		r = find_lines(audit, view);
	for (size_t i = 0; r == 0 && i < live->n; i++) {
		view->verdicts[i].top =
		    is_top(live, i) && live->userns[i].owner != SUBID_ID_NONE;
		for (enum subid_kind kind = 0;
		     r == 0 && view->verdicts[i].top && kind < SUBID_KINDS; kind++)
			r = judge(audit, view, i, kind);
	}
	return r;
}

void audit_live_view_free(struct live_view *view)
{
	for (size_t i = 0; view->verdicts != NULL && i < view->n; i++) {
		subid_sets_free(&view->verdicts[i].foreign);
		subid_sets_free(&view->verdicts[i].unheld);
	}
	for (size_t i = 0; i < view->n_holders; i++)
		subid_sets_free(&view->holders[i].held);
	free(view->verdicts);
	free(view->holders);
	*view = (struct live_view){ .n = 0 };
}
