/* SPDX-License-Identifier: MIT */
/*
 * The leases of all stores in one order, and what their owners hold.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"

static int compare_owners(const void *a, const void *b)
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
	else if (audit_is_for_root(audit,
				   (struct subid_owner_name){ name, strlen(name) }))
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
		      compare_owners);
	for (size_t i = first; r == 0 && i < view->n; i++) {
		if (i == first ||
		    compare_owners(&view->rows[i - 1], &view->rows[i]) != 0) {
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

static bool is_before(const void *element, const void *data)
{
	const struct lease_row *row = element;
	const struct row_key *key = data;

	return compare_keys(audit_lease_owner(key->view, row)->uid, row->lease->kind,
			    key->uid, key->kind) < key->after;
}

static const struct lease_row *find_key(struct row_key key)
{
	return key.view->rows + array_search(key.view->rows, key.view->n,
					     sizeof(*key.view->rows), &key, is_before);
}

const struct lease_row *audit_lease_rows(const struct lease_view *view, uint32_t uid,
					 enum subid_kind kind,
					 const struct lease_row **ret_begin)
{
	*ret_begin = find_key((struct row_key){ view, uid, kind, 0 });
	return find_key((struct row_key){ view, uid, kind, 1 });
}
