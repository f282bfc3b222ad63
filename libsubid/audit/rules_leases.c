/* SPDX-License-Identifier: MIT */
/*
 * Rules about leases at rest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

/* Of a user's store nothing is told but numbers. */
struct own_store {
	size_t outside, shared;
};

/* The finding that a rule about a line of root's store begins with. */
static struct subid_finding at_lease(struct subid_audit *audit,
				     const struct lease_row *row)
{
	const struct lease_lessor *lessor = audit_lessor(audit->leases, row);
	const struct subid_lease *lease = row->lease;

	return (struct subid_finding){
		.kind = (int)lease->kind,
		.file = audit_text(audit, "%s/%s", lessor->store->path,
				   subid_kind_table(lease->kind)),
		.line = lease->line,
		.owner = { lessor->name, strlen(lessor->name) },
		.range = lease->range,
	};
}

/* The first ids of a lease that its owner does not hold; count 0: it holds all. */
static int find_outside(struct subid_audit *audit, const struct lease_row *row,
			struct id_range *ret)
{
	const struct lease_lessor *lessor = audit_lessor(audit->leases, row);
	const struct subid_lease *lease = row->lease;
	auto_set struct subid_set all = { .n = 0 }, outside = { .n = 0 };
	int r;

	*ret = (struct id_range){ .count = 0 };
	if (lessor->unsure || audit->in->tables[lease->kind] == NULL ||
	    subid_set_contains(&lessor->held[lease->kind], lease->range))
		return 0;
	r = subid_set_insert(&all, lease->range);
	if (r == 0)
		r = subid_set_subtract(&all, &lessor->held[lease->kind], &outside);
	if (r == 0 && outside.n > 0)
		*ret = outside.ranges[0];
	return r;
}

int audit_find_lease_outside(struct subid_audit *audit)
{
	const struct lease_view *view = audit->leases;
	int r = 0;

	for (size_t i = 0; view != NULL && r == 0 && i < view->n; i++) {
		const struct lease_row *row = &view->rows[i];
		const struct subid_lease *lease = row->lease;
		struct id_range outside;
		struct subid_finding finding;

		if (audit_lessor(view, row)->store->user != NULL)
			continue;
		r = find_outside(audit, row, &outside);
		if (r < 0 || outside.count == 0)
			continue;
		finding = at_lease(audit, row);
		finding.range = outside;
		audit_report(
		    audit, &finding,
		    audit_text(audit,
			       "stop the container, then: subid revoke '%.*s/%s';"
			       " and grant it another lease",
			       SPELLING(finding.owner), lease->name),
		    "%ss %u-%llu are leased to container %s of %.*s, which does"
		    " not hold them",
		    subid_kind_name(lease->kind), FIRST_LAST(outside), lease->name,
		    SPELLING(finding.owner));
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
 * farthest: whatever another shares with a later one, this one shares, too.  In root's
 * store users' leases do not count.
 */
static void sweep(struct subid_audit *audit,
		  void (*say)(struct subid_audit *audit, const struct lease_row *before,
			      const struct lease_row *row, void *data),
		  void *data)
{
	const struct lease_view *view = audit->leases;
	const struct lease_row *roots = NULL, *any = NULL;

	for (size_t i = 0; i < view->n; i++) {
		const struct lease_row *row = &view->rows[i];
		const struct lease_lessor *lessor = audit_lessor(view, row);
		const struct lease_row *before;

		if (i > 0 && (row[-1].lease->kind != row->lease->kind ||
			      audit_lessor(view, row - 1)->uid != lessor->uid))
			roots = any = NULL;
		before = lessor->store->user == NULL ? roots : any;
		if (reaches(before, row) && !is_one_container(before, row))
			say(audit, before, row, data);
		else if (before != any && reaches(any, row) &&
			 !is_one_container(any, row))
			say(audit, any, row, data);
		any = farther(any, row);
		if (lessor->store->user == NULL)
			roots = farther(roots, row);
	}
}

static void say_overlap(struct subid_audit *audit, const struct lease_row *before,
			const struct lease_row *row, void *data)
{
	const struct lease_lessor *a = audit_lessor(audit->leases, before);
	const struct lease_lessor *b = audit_lessor(audit->leases, row);
	struct subid_finding finding;

	(void)data;
	if (a->store->user != NULL || b->store->user != NULL)
		return; /* lease-own */
	finding = at_lease(audit, row);
	finding.range = id_range_common(before->lease->range, row->lease->range);
	finding.other_line = before->lease->line;
	if (strcmp(a->name, b->name) != 0)
		finding.other = (struct subid_owner_name){ a->name, strlen(a->name) };
	audit_report(
	    audit, &finding,
	    audit_text(audit,
		       "stop the container, then: subid revoke --reuse '%s/%s'; and"
		       " grant it another lease",
		       b->name, row->lease->name),
	    "containers %s of %s and %s of %s have leases with the %ss %u-%llu",
	    before->lease->name, a->name, row->lease->name, b->name,
	    subid_kind_name(row->lease->kind), FIRST_LAST(finding.range));
}

int audit_find_lease_overlap(struct subid_audit *audit)
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

int audit_find_lease_broken(struct subid_audit *audit)
{
	for (size_t i = 0; i < audit->in->n_stores; i++) {
		const struct subid_audit_store *store = &audit->in->stores[i];
		struct subid_finding finding = { .kind = -1, .file = store->path };

		if (store->user != NULL)
			continue;
		if (store->error != 0)
			audit_report(audit, &finding, NULL,
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
			audit_report(audit, &finding, NULL, "%zu line%s no lease%s", n,
				     n == 1 ? " is" : "s are",
				     n == 1 ? "" : ", this one first");
		}
	}
	return 0;
}

static void count_shared(struct subid_audit *audit, const struct lease_row *before,
			 const struct lease_row *row, void *data)
{
	const struct lease_lessor *a = audit_lessor(audit->leases, before);
	const struct lease_lessor *b = audit_lessor(audit->leases, row);
	struct own_store *own = data;

	if (b->store->user != NULL)
		own[b->store - audit->in->stores].shared++;
	else if (a->store->user != NULL)
		own[a->store - audit->in->stores].shared++;
}

static void say_own(struct subid_audit *audit, const struct subid_audit_store *store,
		    const struct own_store *own)
{
	size_t broken = store->leases.n_odd[SUBID_UID] + store->leases.n_odd[SUBID_GID];
	struct subid_finding finding = {
		.kind = -1,
		.file = store->path,
		.owner = { store->user, strlen(store->user) },
	};

	if (store->error != 0)
		audit_report(audit, &finding, NULL,
			     "the store of %.*s's own leases could not be read: %s",
			     SPELLING(finding.owner), why_unread(store->error));
	else if (own->outside + own->shared + broken > 0)
		audit_report(audit, &finding, NULL,
			     "of %.*s's own leases, %zu have ids that %.*s does not hold,"
			     " and %zu share ids with another container's; %zu lines are"
			     " no leases",
			     SPELLING(finding.owner), own->outside,
			     SPELLING(finding.owner), own->shared, broken);
}

int audit_find_lease_own(struct subid_audit *audit)
{
	const struct lease_view *view = audit->leases;
	auto_free struct own_store *own = calloc(audit->in->n_stores + 1, sizeof(*own));
	int r = own == NULL ? -ENOMEM : 0;

	if (r == 0 && view != NULL)
		sweep(audit, count_shared, own);
	for (size_t i = 0; r == 0 && view != NULL && i < view->n; i++) {
		const struct lease_row *row = &view->rows[i];
		const struct subid_audit_store *store = audit_lessor(view, row)->store;
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
