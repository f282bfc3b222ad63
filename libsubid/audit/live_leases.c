/* SPDX-License-Identifier: MIT */
/*
 * Two running containers of one owner that share ids which are leased to one.
 *
 * What an owner runs without leases may share all of the owner's ids, as rootless
 * podman's containers do: nothing was promised.  A lease promises them to one
 * container.  So there are two namespaces, neither in the other, both of containers,
 * not of the same one, and what they share meets a lease.  A namespace is a
 * container's if a runtime has named it, or if all that it maps is leased to one; it
 * is none if it maps the owner's own uid: that is a session of the owner's, such as
 * podman's pause process, podman unshare or unshare --map-auto --map-root-user, in
 * which the owner does what she may do anyway.
 *
 * Threat: names and the leases of a user's own store are of the user's making.  They
 * can hide what the user's own containers share, or invent it; they are asked for
 * nobody else's.  So what root has not leased is live-shared-own, which fails nobody's
 * audit by default, and each owner has a few findings, so that nobody drowns another's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

#define TOLD_MAX 8 /* of an owner and kind */

/* Ids that a container maps. */
struct piece {
	struct id_range range;
	size_t userns;
	const char *name;
};

/* Two that share some. */
struct pair {
	const struct piece *a, *b;
};

/* The leases of one owner and kind, in the order of their starts. */
struct leased {
	const struct lease_row *begin, *end;
	struct subid_set ids; /* of root's store; for live-shared-own, of the other */
};

static int compare_pieces(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	return x->userns < y->userns ? -1 : x->userns > y->userns;
}

/* The lease that an id is of: of several, the one that begins last.  NULL: of none. */
static const struct subid_lease *find_lease(const struct leased *leased, uint32_t id)
{
	const struct lease_row *low = leased->begin, *high = leased->end;

	while (low < high) {
		const struct lease_row *middle = low + (high - low) / 2;

		if (middle->lease->range.start <= id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == leased->begin ||
	    !id_range_contains(low[-1].lease->range, (struct id_range){ id, 1 }))
		return NULL;
	return low[-1].lease;
}

/* The container to which all of these ids are leased; NULL: to none, or several. */
static const char *leased_to(const struct leased *leased, const struct subid_set *ids)
{
	const char *name = NULL;

	for (size_t i = 0; i < ids->n; i++) {
		uint64_t at = ids->ranges[i].start, end = id_range_end(ids->ranges[i]);

		while (at < end) {
			const struct subid_lease *lease =
			    find_lease(leased, (uint32_t)at);

			if (lease == NULL ||
			    (name != NULL && strcmp(name, lease->name) != 0))
				return NULL;
			name = lease->name;
			at = id_range_end(lease->range);
		}
	}
	return name;
}

static bool maps_id(const struct subid_live_map *map, uint32_t id)
{
	for (size_t i = 0; i < map->n; i++)
		if (id_range_contains(map->lines[i].outside, (struct id_range){ id, 1 }))
			return true;
	return false;
}

/* Which container of the owner's a namespace is; NULL: none. */
static const char *container_of(const struct subid_audit *audit, size_t userns,
				const struct leased *leased, const struct subid_set *ids)
{
	const struct subid_live_userns *ns = &audit->in->live->userns[userns];

	if (ids->n == 0 || maps_id(&ns->maps[SUBID_UID], ns->owner))
		return NULL;
	return ns->container[0] != '\0' ? ns->container : leased_to(leased, ids);
}

static void say_shared(struct subid_audit *audit, enum subid_kind kind,
		       const struct leased *leased, const struct piece *a,
		       const struct piece *b, size_t count)
{
	const struct subid_live *live = audit->in->live;
	pid_t pids[PIDS_SHOWN];
	struct subid_finding finding =
	    audit_at_userns(audit, &live->userns[a->userns], pids);
	const struct subid_lease *lease;
	struct id_range common = id_range_common(a->range, b->range), first;

	(void)subid_set_meets(&leased->ids, common, &first);
	lease = find_lease(leased, first.start);
	finding.kind = (int)kind;
	finding.range = first;
	finding.count = count;
	audit_report(audit, &finding,
		     audit_text(audit,
				"%s; then give each container a lease of its own: subid"
				" grant '%.*s/NAME', and subid config shows its map",
				audit_live_how_to_stop(audit, &live->userns[b->userns]),
				SPELLING(finding.owner)),
		     "%s and %s, both of %.*s, map %ss %u-%llu, which are leased to %s",
		     audit_live_describe(audit, &live->userns[a->userns]),
		     audit_live_describe(audit, &live->userns[b->userns]),
		     SPELLING(finding.owner), subid_kind_name(kind), FIRST_LAST(first),
		     lease == NULL ? "one" : lease->name);
}

/*
 * One sweep, against the one before that reaches farthest: whom another shares ids
 * with, this one shares them with, too, unless they are the same container.  Each
 * namespace is in one pair: told has a mark for each.  How many there are.
 */
static size_t sweep(const struct leased *leased, const struct piece *pieces, size_t n,
		    bool *told, struct pair *ret)
{
	const struct piece *before = NULL;
	size_t n_pairs = 0;

	for (const struct piece *piece = pieces; piece < pieces + n; piece++) {
		if (before != NULL && !told[piece->userns] &&
		    before->userns != piece->userns &&
		    strcmp(before->name, piece->name) != 0 &&
		    id_range_overlaps(before->range, piece->range) &&
		    subid_set_meets(&leased->ids,
				    id_range_common(before->range, piece->range), NULL)) {
			told[piece->userns] = true;
			ret[n_pairs++] = (struct pair){ before, piece };
		}
		if (before == NULL ||
		    id_range_end(piece->range) > id_range_end(before->range))
			before = piece;
	}
	return n_pairs;
}

/* The containers of one owner, whose leases these are. */
static int judge_owner(struct subid_audit *audit, enum subid_kind kind, uint32_t uid,
		       const struct leased *leased)
{
	const struct live_view *view = audit->live;
	auto_free struct piece *pieces = NULL;
	auto_free struct pair *pairs = NULL;
	auto_free bool *told = calloc(view->n + 1, sizeof(*told));
	size_t n = 0, n_pairs;

	for (size_t i = 0; i < view->n; i++)
		n += view->verdicts[i].foreign[kind].n;
	pieces = calloc(n + 1, sizeof(*pieces));
	pairs = calloc(n + 1, sizeof(*pairs));
	if (pieces == NULL || pairs == NULL || told == NULL)
		return -ENOMEM;
	n = 0;
	for (size_t i = 0; i < view->n; i++) {
		const struct subid_set *ids = &view->verdicts[i].foreign[kind];
		const char *name = NULL;

		if (view->verdicts[i].top && audit->in->live->userns[i].owner == uid)
			name = container_of(audit, i, leased, ids);
		for (size_t j = 0; name != NULL && j < ids->n; j++)
			pieces[n++] = (struct piece){ ids->ranges[j], i, name };
	}
	if (n > 1)
		qsort(pieces, n, sizeof(*pieces), compare_pieces);
	n_pairs = sweep(leased, pieces, n, told, pairs);
	for (size_t i = 0; i < n_pairs && i < TOLD_MAX; i++)
		say_shared(audit, kind, leased, pairs[i].a, pairs[i].b,
			   i == TOLD_MAX - 1 ? n_pairs - i : 1);
	return 0;
}

static int list_leased(const struct subid_audit *audit, bool own, struct leased *leased)
{
	int r = 0;

	for (const struct lease_row *row = leased->begin; r == 0 && row < leased->end;
	     row++)
		if ((audit_lessor(audit->leases, row)->store->user != NULL) == own)
			r = subid_set_add(&leased->ids, row->lease->range);
	subid_set_sort(&leased->ids);
	return r;
}

int audit_live_leases(struct subid_audit *audit, bool own)
{
	const struct live_view *view = audit->live;
	int r = 0;

	if (view == NULL || audit->leases == NULL)
		return 0;
	for (size_t i = 0; i < view->n_holders; i++)
		for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
			struct leased leased = { .ids = { .n = 0 } };
			uint32_t uid = view->holders[i].uid;

			leased.end =
			    audit_lease_rows(audit->leases, uid, kind, &leased.begin);
			r = list_leased(audit, own, &leased);
			if (r == 0 && leased.ids.n > 0)
				r = judge_owner(audit, kind, uid, &leased);
			subid_set_free(&leased.ids);
		}
	return r;
}

int audit_find_live_shared_own(struct subid_audit *audit)
{
	return audit_live_leases(audit, true);
}
