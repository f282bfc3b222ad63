/* SPDX-License-Identifier: MIT */
/*
 * Rules about leases, whether their containers run or not.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

/* Of a user's store only numbers are reported. */
struct own_store {
	size_t outside, shared;
};

/* The finding that a rule about a line of root's store begins with. */
static struct audit_finding at_lease(struct audit *audit, const struct lease_row *row)
{
	const struct lease_owner *owner = audit_lease_owner(audit->leases, row);
	const struct subid_lease *lease = row->lease;

	return (struct audit_finding){
		.kind = (int)lease->kind,
		.file = audit_text(audit, "%s/%s", owner->store->path,
				   subid_kind_table(lease->kind)),
		.line = lease->line,
		.owner = { owner->name, strlen(owner->name) },
		.range = lease->range,
	};
}

/* The first ids of a lease that its owner does not hold; count 0: it holds all. */
static int find_outside(struct audit *audit, const struct lease_row *row,
			struct id_range *ret)
{
	const struct lease_owner *owner = audit_lease_owner(audit->leases, row);
	const struct subid_lease *lease = row->lease;
	auto_set struct subid_set all = { .n = 0 }, outside = { .n = 0 };
	int r;

	*ret = (struct id_range){ .count = 0 };
	if (owner->unsure || audit->in->tables[lease->kind] == NULL ||
	    subid_set_contains(&owner->held.of[lease->kind], lease->range))
		return 0;
	r = subid_set_insert(&all, lease->range);
	if (r == 0)
		r = subid_set_subtract(&all, &owner->held.of[lease->kind], &outside);
	if (r == 0 && outside.n > 0)
		*ret = outside.ranges[0];
	return r;
}

int audit_find_lease_outside(struct audit *audit)
{
	const struct lease_view *view = audit->leases;
	int r = 0;

	for (size_t i = 0; view != NULL && r == 0 && i < view->n; i++) {
		const struct lease_row *row = &view->rows[i];
		const struct subid_lease *lease = row->lease;
		struct id_range outside;
		struct audit_finding finding;

		if (audit_lease_owner(view, row)->store->user != NULL)
			continue;
		r = find_outside(audit, row, &outside);
		if (r < 0 || outside.count == 0)
			continue;
		finding = at_lease(audit, row);
		finding.range = outside;
		audit_add_finding(
		    audit, &finding,
		    audit_advise_another_lease(audit, &finding, row, false),
		    "%ss %u-%llu are leased to container %s of %.*s, which does"
		    " not hold them",
		    subid_kind_name(lease->kind), FIRST_LAST(outside), lease->name,
		    NAME(finding.owner));
	}
	return r;
}

static bool is_one_container(const struct lease_row *a, const struct lease_row *b)
{
	return strcmp(a->lease->name, b->lease->name) == 0;
}

static bool reaches(const struct lease_row *before, const struct lease_row *row)
{
	return before != NULL &&
	       id_range_overlaps(before->lease->range, row->lease->range);
}

static const struct lease_row *farther(const struct lease_row *a,
				       const struct lease_row *b)
{
	return a != NULL && id_range_end(a->lease->range) >= id_range_end(b->lease->range)
		   ? a
		   : b;
}

/*
 * One sweep over the leases of each owner, against the one before that reaches
 * farthest: what any earlier one shares with a later one, this one shares too.  In root's
 * store users' leases do not count.
 */
static void sweep(struct audit *audit,
		  void (*say)(struct audit *audit, const struct lease_row *before,
			      const struct lease_row *row, void *data),
		  void *data)
{
	const struct lease_view *view = audit->leases;
	const struct lease_row *roots = NULL, *any = NULL;

	for (size_t i = 0; i < view->n; i++) {
		const struct lease_row *row = &view->rows[i];
		const struct lease_owner *owner = audit_lease_owner(view, row);
		const struct lease_row *before;

		if (i > 0 && (row[-1].lease->kind != row->lease->kind ||
			      audit_lease_owner(view, row - 1)->uid != owner->uid))
			roots = any = NULL;
		before = owner->store->user == NULL ? roots : any;
		if (reaches(before, row) && !is_one_container(before, row))
			say(audit, before, row, data);
		else if (before != any && reaches(any, row) &&
			 !is_one_container(any, row))
			say(audit, any, row, data);
		any = farther(any, row);
		if (owner->store->user == NULL)
			roots = farther(roots, row);
	}
}

static void say_overlap(struct audit *audit, const struct lease_row *before,
			const struct lease_row *row, void *data)
{
	const struct lease_owner *a = audit_lease_owner(audit->leases, before);
	const struct lease_owner *b = audit_lease_owner(audit->leases, row);
	struct audit_finding finding;

	(void)data;
	if (a->store->user != NULL || b->store->user != NULL)
		return; /* lease-own */
	finding = at_lease(audit, row);
	finding.range = id_range_common(before->lease->range, row->lease->range);
	finding.other_line = before->lease->line;
	if (strcmp(a->name, b->name) != 0)
		finding.other = (struct subid_owner_name){ a->name, strlen(a->name) };
	audit_add_finding(
	    audit, &finding, audit_advise_another_lease(audit, &finding, row, true),
	    "containers %s of %s and %s of %s have leases with the %ss %u-%llu",
	    before->lease->name, a->name, row->lease->name, b->name,
	    subid_kind_name(row->lease->kind), FIRST_LAST(finding.range));
}

int audit_find_lease_overlap(struct audit *audit)
{
	if (audit->leases != NULL)
		sweep(audit, say_overlap, NULL);
	return 0;
}

static const char *why_unread(int error)
{
	if (error == -EFBIG)
		return "it is too large";
	return error == -ETIMEDOUT || error == -ETIME ? "that takes too long"
						      : strerrordesc_np(-error);
}

int audit_find_lease_broken(struct audit *audit)
{
	for (size_t i = 0; i < audit->in->n_stores; i++) {
		const struct audit_store *store = &audit->in->stores[i];
		struct audit_finding finding = { .kind = -1, .file = store->path };

		if (store->user != NULL)
			continue;
		if (store->error != 0)
			audit_add_finding(audit, &finding, NULL,
					  "root's store of leases could not be read: %s",
					  why_unread(store->error));
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			size_t n = store->leases.n_odd[kind];

			if (n == 0)
				continue;
			finding.kind = (int)kind;
			finding.line = store->leases.odd_line[kind];
			finding.file = audit_text(audit, "%s/%s", store->path,
						  subid_kind_table(kind));
			audit_advise_run(audit, &finding,
					 "sed -i '/^[^:]*:[0-9]*:[0-9]*$/!d' %s",
					 audit_quoted(audit, finding.file));
			audit_add_finding(
			    audit, &finding, "delete the line, or correct it",
			    "%zu line%s no lease%s", n, n == 1 ? " is" : "s are",
			    n == 1 ? "" : ", this one first");
		}
	}
	return 0;
}

static void count_shared(struct audit *audit, const struct lease_row *before,
			 const struct lease_row *row, void *data)
{
	const struct lease_owner *a = audit_lease_owner(audit->leases, before);
	const struct lease_owner *b = audit_lease_owner(audit->leases, row);
	struct own_store *own = data;

	if (b->store->user != NULL)
		own[b->store - audit->in->stores].shared++;
	else if (a->store->user != NULL)
		own[a->store - audit->in->stores].shared++;
}

static void say_own(struct audit *audit, const struct audit_store *store,
		    const struct own_store *own)
{
	size_t broken = store->leases.n_odd[SUBID_UID] + store->leases.n_odd[SUBID_GID];
	struct audit_finding finding = {
		.kind = -1,
		.file = store->path,
		.owner = { store->user, strlen(store->user) },
	};

	if (store->error != 0)
		audit_add_finding(audit, &finding, NULL,
				  "the store of %.*s's own leases could not be read: %s",
				  NAME(finding.owner), why_unread(store->error));
	else if (own->outside + own->shared + broken > 0)
		audit_add_finding(
		    audit, &finding, NULL,
		    "of %.*s's own leases, %zu have ids that %.*s does not hold,"
		    " and %zu share ids with another container's; %zu lines are"
		    " no leases",
		    NAME(finding.owner), own->outside, NAME(finding.owner), own->shared,
		    broken);
}

int audit_find_lease_own(struct audit *audit)
{
	const struct lease_view *view = audit->leases;
	auto_free struct own_store *own = calloc(audit->in->n_stores + 1, sizeof(*own));
	int r = own == NULL ? -ENOMEM : 0;

	if (r == 0 && view != NULL)
		sweep(audit, count_shared, own);
	for (size_t i = 0; r == 0 && view != NULL && i < view->n; i++) {
		const struct lease_row *row = &view->rows[i];
		const struct audit_store *store = audit_lease_owner(view, row)->store;
		struct id_range outside;

		if (store->user == NULL)
			continue;
		r = find_outside(audit, row, &outside);
		own[store - audit->in->stores].outside += outside.count > 0;
	}
	for (size_t i = 0; r == 0 && i < audit->in->n_stores; i++)
		if (audit->in->stores[i].user != NULL)
			say_own(audit, &audit->in->stores[i], &own[i]);
	return r;
}

/*
 * Rules about what root's container runtimes have written down: the ids of containers
 * that may not run now.
 */

/* What a container has, and how far those before it reach. */
struct written {
	const struct subid_runtime_range *range;
	uint64_t reach;
};

static int compare_written(const void *a, const void *b)
{
	const struct subid_runtime_range *x = ((const struct written *)a)->range;
	const struct subid_runtime_range *y = ((const struct written *)b)->range;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	return x < y ? -1 : x > y;
}

static struct written *sort_written(const struct subid_runtime_state *state)
{
	struct written *list = calloc(state->n + 1, sizeof(*list));

	for (size_t i = 0; list != NULL && i < state->n; i++)
		list[i].range = &state->list[i];
	if (list != NULL && state->n > 1)
		qsort(list, state->n, sizeof(*list), compare_written);
	for (size_t i = 0; list != NULL && i < state->n; i++) {
		list[i].reach = id_range_end(list[i].range->range);
		if (i > 0 && list[i - 1].range->kind == list[i].range->kind &&
		    list[i - 1].reach > list[i].reach)
			list[i].reach = list[i - 1].reach;
	}
	return list;
}

/* Does all up to here end before the lease? */
static bool ends_before(const void *element, const void *key)
{
	const struct written *one = element;
	const struct subid_lease *lease = key;

	return one->range->kind < lease->kind ||
	       (one->range->kind == lease->kind && one->reach <= lease->range.start);
}

/* Has a container, or a store of shared files, the ids by this very lease?  Names of
 * root's containers are without an owner, a store's is with it. */
static bool is_by(const struct subid_runtime_range *one, const struct subid_lease *lease,
		  bool of_root)
{
	size_t len = strlen(lease->owner);

	if (strcmp(one->runtime, "share") != 0)
		return of_root && strcmp(one->name, lease->name) == 0;
	return strncmp(one->name, lease->owner, len) == 0 && one->name[len] == '/' &&
	       strcmp(one->name + len + 1, lease->name) == 0;
}

/* Another container than the lease's that has some of its ids; NULL: there is none. */
static const struct subid_runtime_range *find_other(const struct written *list, size_t n,
						    const struct subid_lease *lease,
						    bool of_root)
{
	for (size_t i = array_search(list, n, sizeof(*list), lease, ends_before); i < n;
	     i++) {
		const struct subid_runtime_range *one = list[i].range;

		if (one->kind != lease->kind ||
		    one->range.start >= id_range_end(lease->range))
			return NULL;
		if (id_range_overlaps(one->range, lease->range) &&
		    !is_by(one, lease, of_root))
			return one;
	}
	return NULL;
}

static void say_taken(struct audit *audit, const struct lease_row *row,
		      const struct subid_runtime_range *other)
{
	const struct lease_owner *owner = audit_lease_owner(audit->leases, row);
	const struct subid_lease *lease = row->lease;
	struct audit_finding finding = at_lease(audit, row);

	finding.range = id_range_common(lease->range, other->range);
	audit_add_finding(
	    audit, &finding, audit_advise_another_lease(audit, &finding, row, false),
	    "%ss %u-%llu are leased to container %s of %s, and root's %s has"
	    " them for container %s",
	    subid_kind_name(lease->kind), FIRST_LAST(finding.range), lease->name,
	    owner->name, other->runtime, other->name);
}

int audit_find_lease_taken(struct audit *audit)
{
	const struct lease_view *view = audit->leases;
	const struct subid_runtime_state *state = audit->in->runtimes;
	auto_free struct written *list = NULL;

	if (view == NULL || state == NULL)
		return 0;
	list = sort_written(state);
	if (list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < view->n; i++) {
		const struct lease_row *row = &view->rows[i];
		const struct lease_owner *owner = audit_lease_owner(view, row);
		const struct subid_runtime_range *other;

		if (owner->store->user != NULL)
			continue; /* it has no say about root's containers */
		other = find_other(list, state->n, row->lease, owner->uid == 0);
		if (other != NULL)
			say_taken(audit, row, other);
	}
	return 0;
}

int audit_find_runtime_unread(struct audit *audit)
{
	const struct subid_runtime_state *state = audit->in->runtimes;
	struct audit_finding finding = { .kind = -1 };
	const char *why;

	if (state == NULL || state->n_unread == 0)
		return 0;
	why = state->error < 0		     ? strerrordesc_np(-state->error)
	      : state->error == SUBID_ABSENT ? "its storage is not mounted"
					     : "it is damaged";
	audit_add_finding(
	    audit, &finding, NULL,
	    "what is written down about %zu container%s could not be read, of"
	    " /%s: %s",
	    state->n_unread, state->n_unread == 1 ? "" : "s, first", state->unread, why);
	return 0;
}
