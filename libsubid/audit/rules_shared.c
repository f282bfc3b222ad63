/* SPDX-License-Identifier: MIT */
/*
 * Namespaces that share ids: those of two owners, and those of one owner whose leases
 * keep them apart.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

/*
 * Two running containers of one owner that share ids which are leased to one.
 *
 * Containers without leases may share all of their owner's ids, as rootless podman's do:
 * nothing was promised. A lease promises ids to one container.  So there are two
 * namespaces, neither in the other, both of containers, not of the same one, and what
 * they share meets a lease.  A namespace is a container's if a runtime has named it, or
 * if all that it maps is leased to one; it is none if it maps the owner's own uid: that
 * is a session of the owner's, such as podman's pause process, podman unshare or unshare
 * --map-auto --map-root-user, in which the owner can do nothing that is otherwise
 * forbidden.
 *
 * Threat: names and the leases of a user's own store are of the user's making.  They can
 * hide what the user's own containers share, or invent it; they are not used for anybody
 * else's. So ids that root has not leased are live-shared-own, which fails no audit by
 * default, and each owner has a few findings at most.
 */
#define SHOWN_MAX 8 /* of an owner and kind */

/* Ids that a container maps. */
struct piece {
	struct id_range range;
	size_t userns;
	const char *name;
	bool named; /* by its runtime; else by the lease of its ids */
};

/* A lease is one container's: two that only it could name are two. */
static bool is_same_container(const struct piece *a, const struct piece *b)
{
	return (a->named || b->named) && strcmp(a->name, b->name) == 0;
}

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

static bool starts_before(const void *element, const void *key)
{
	const struct lease_row *row = element;

	return row->lease->range.start <= *(const uint32_t *)key;
}

/* The lease that an id is of: of several, the one that begins last.  NULL: of none. */
static const struct subid_lease *find_lease(const struct leased *leased, uint32_t id)
{
	const struct lease_row *rows = leased->begin;
	size_t after = array_search(rows, (size_t)(leased->end - rows), sizeof(*rows),
				    &id, starts_before);

	if (after == 0 ||
	    !id_range_contains(rows[after - 1].lease->range, (struct id_range){ id, 1 }))
		return NULL;
	return rows[after - 1].lease;
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
static const char *container_of(const struct audit *audit, size_t userns,
				const struct leased *leased, const struct subid_set *ids)
{
	const struct subid_live_userns *ns = &audit->in->live->userns[userns];

	if (ids->n == 0 || maps_id(&ns->maps[SUBID_UID], ns->owner))
		return NULL;
	return ns->container[0] != '\0' ? ns->container : leased_to(leased, ids);
}

static void say_leased(struct audit *audit, enum subid_kind kind,
		       const struct leased *leased, const struct piece *a,
		       const struct piece *b, size_t count)
{
	const struct subid_live *live = audit->in->live;
	pid_t pids[PIDS_SHOWN];
	struct audit_finding finding =
	    audit_at_userns(audit, &live->userns[a->userns], pids);
	const struct subid_lease *lease;
	struct id_range common = id_range_common(a->range, b->range), first;

	(void)subid_set_meets(&leased->ids, common, &first);
	lease = find_lease(leased, first.start);
	finding.kind = (int)kind;
	finding.range = first;
	finding.count = count;
	audit_add_finding(
	    audit, &finding,
	    audit_text(audit,
		       "%s; before it starts again, give it a lease of its own with"
		       " 'subid grant', and the map that 'subid config' prints",
		       audit_advise_stop(audit, &finding, &live->userns[b->userns])),
	    "%s and %s, both of %.*s, map %ss %u-%llu, which are leased to %s",
	    audit_live_describe(audit, &live->userns[a->userns]),
	    audit_live_describe(audit, &live->userns[b->userns]), NAME(finding.owner),
	    subid_kind_name(kind), FIRST_LAST(first),
	    lease == NULL ? "one" : lease->name);
}

/*
 * One sweep, against the one before that reaches farthest: a namespace that shares ids
 * with any earlier one shares them with this one too, unless they are the same container.
 * Each namespace is in one pair: reported has a mark for each.  How many there are.
 */
static size_t sweep_pieces(const struct leased *leased, const struct piece *pieces,
			   size_t n, bool *reported, struct pair *ret)
{
	const struct piece *before = NULL;
	size_t n_pairs = 0;

	for (const struct piece *piece = pieces; piece < pieces + n; piece++) {
		if (before != NULL && !reported[piece->userns] &&
		    before->userns != piece->userns &&
		    !is_same_container(before, piece) &&
		    id_range_overlaps(before->range, piece->range) &&
		    subid_set_meets(&leased->ids,
				    id_range_common(before->range, piece->range), NULL)) {
			reported[piece->userns] = true;
			ret[n_pairs++] = (struct pair){ before, piece };
		}
		if (before == NULL ||
		    id_range_end(piece->range) > id_range_end(before->range))
			before = piece;
	}
	return n_pairs;
}

/* What a namespace maps that is not its owner's own, in host ids, into an empty set. */
static int mapped_ids(const struct audit *audit, size_t userns, enum subid_kind kind,
		      struct subid_set *ret)
{
	const struct subid_live_map *map = &audit->in->live->userns[userns].maps[kind];
	int r = 0;

	if (audit->live->verdicts[userns].top)
		return subid_set_unite(ret,
				       &audit->live->verdicts[userns].foreign.of[kind]);
	for (size_t i = 0; r == 0 && i < map->n; i++)
		r = subid_set_add(ret, map->lines[i].outside);
	subid_set_sort(ret);
	return r;
}

/* Is a namespace around it a container of the same owner?  Then it is a part of that. */
static bool is_within(const struct audit *audit, size_t userns, const char *const *names)
{
	const struct subid_live *live = audit->in->live;
	size_t at = live->userns[userns].parent;

	for (; at != SUBID_LIVE_NONE && at > 0; at = live->userns[at].parent)
		if (names[at] != NULL)
			return true;
	return false;
}

/*
 * The containers of an owner, at any depth: rootless podman's are below the namespace of
 * its pause process.  names: for each namespace the name, or NULL.
 */
static int name_owned(struct audit *audit, enum subid_kind kind, uint32_t uid,
		      const struct leased *leased, const char **names, size_t *ret_n)
{
	const struct subid_live *live = audit->in->live;
	size_t n = 0;
	int r = 0;

	for (size_t i = 1; r == 0 && i < live->n; i++) {
		auto_set struct subid_set ids = { .n = 0 };

		if (live->userns[i].owner != uid)
			continue;
		r = mapped_ids(audit, i, kind, &ids);
		if (r == 0)
			names[i] = container_of(audit, i, leased, &ids);
		n += names[i] == NULL ? 0 : ids.n;
	}
	*ret_n = n;
	return r;
}

/* The containers of one owner with these leases. */
static int judge_owner(struct audit *audit, enum subid_kind kind, uint32_t uid,
		       const struct leased *leased)
{
	const struct live_view *view = audit->live;
	auto_free struct piece *pieces = NULL;
	auto_free struct pair *pairs = NULL;
	auto_free bool *reported = calloc(view->n + 1, sizeof(*reported));
	auto_free const char **names = calloc(view->n + 1, sizeof(const char *));
	size_t n = 0, n_pairs;
	int r = names == NULL ? -ENOMEM : 0;

	if (r == 0)
		r = name_owned(audit, kind, uid, leased, names, &n);
	if (r < 0)
		return r;
	pieces = calloc(n + 1, sizeof(*pieces));
	pairs = calloc(n + 1, sizeof(*pairs));
	if (pieces == NULL || pairs == NULL || reported == NULL)
		return -ENOMEM;
	n = 0;
	for (size_t i = 1; r == 0 && i < view->n; i++) {
		auto_set struct subid_set ids = { .n = 0 };

		if (names[i] == NULL || is_within(audit, i, names))
			continue;
		r = mapped_ids(audit, i, kind, &ids);
		for (size_t j = 0; r == 0 && j < ids.n; j++)
			pieces[n++] =
			    (struct piece){ ids.ranges[j], i, names[i],
					    audit->in->live->userns[i].container[0] !=
						'\0' };
	}
	if (r < 0)
		return r;
	if (n > 1)
		qsort(pieces, n, sizeof(*pieces), compare_pieces);
	n_pairs = sweep_pieces(leased, pieces, n, reported, pairs);
	for (size_t i = 0; i < n_pairs && i < SHOWN_MAX; i++)
		say_leased(audit, kind, leased, pairs[i].a, pairs[i].b,
			   i == SHOWN_MAX - 1 ? n_pairs - i : 1);
	return 0;
}

static int list_leased(const struct audit *audit, bool own, struct leased *leased)
{
	int r = 0;

	for (const struct lease_row *row = leased->begin; r == 0 && row < leased->end;
	     row++)
		if ((audit_lease_owner(audit->leases, row)->store->user != NULL) == own)
			r = subid_set_add(&leased->ids, row->lease->range);
	subid_set_sort(&leased->ids);
	return r;
}

/* own: by the leases of the owner's own store, else by root's.  0 or -ENOMEM. */
static int find_shared_leases(struct audit *audit, bool own)
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

int audit_find_live_shared_own(struct audit *audit)
{
	return find_shared_leases(audit, true);
}

/* Ids that a namespace maps, for the sweep over all of them. */
struct mapped {
	struct id_range range;
	size_t userns;
	uint32_t owner;
};

static int compare_mapped(const void *a, const void *b)
{
	const struct mapped *x = a, *y = b;

	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	return x->userns < y->userns ? -1 : x->userns > y->userns;
}

static struct mapped *list_mapped(const struct audit *audit, enum subid_kind kind,
				  size_t *ret_n)
{
	const struct live_view *view = audit->live;
	struct mapped *mapped;
	size_t n = 0;

	for (size_t i = 0; i < view->n; i++)
		n += view->verdicts[i].foreign.of[kind].n;
	mapped = calloc(n + 1, sizeof(*mapped));
	n = 0;
	for (size_t i = 0; mapped != NULL && i < view->n; i++) {
		const struct subid_set *foreign = &view->verdicts[i].foreign.of[kind];

		for (size_t j = 0; j < foreign->n; j++)
			mapped[n++] = (struct mapped){ foreign->ranges[j], i,
						       audit->in->live->userns[i].owner };
	}
	if (n > 1)
		qsort(mapped, n, sizeof(*mapped), compare_mapped);
	*ret_n = n;
	return mapped;
}

static void say_shared(struct audit *audit, enum subid_kind kind, const struct mapped *a,
		       const struct mapped *b)
{
	const struct subid_live *live = audit->in->live;
	const struct live_holder *other = audit_live_holder(audit->live, b->owner);
	pid_t pids[PIDS_SHOWN];
	struct audit_finding finding =
	    audit_at_userns(audit, &live->userns[a->userns], pids);

	finding.kind = (int)kind;
	finding.other = other->name;
	finding.range = id_range_common(a->range, b->range);
	audit_add_finding(
	    audit, &finding,
	    audit_text(audit,
		       "%s; before it starts again, %.*s or %.*s needs a range of its"
		       " own",
		       audit_advise_stop(audit, &finding, &live->userns[b->userns]),
		       NAME(finding.owner), NAME(finding.other)),
	    "%s of %.*s and %s of %.*s both map %ss %u-%llu",
	    audit_live_describe(audit, &live->userns[a->userns]), NAME(finding.owner),
	    audit_live_describe(audit, &live->userns[b->userns]), NAME(finding.other),
	    subid_kind_name(kind), FIRST_LAST(finding.range));
}

static int compare_pairs(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void keep_pair(void *pair)
{
	(void)pair; /* the report's memory */
}

/* Reports two owners, unless *reported, a tree of pairs, has them already. */
static int report_once(struct audit *audit, enum subid_kind kind, void **reported,
		       const struct mapped *a, const struct mapped *b)
{
	uint64_t pair = a->owner < b->owner ? (uint64_t)a->owner << 32 | b->owner
					    : (uint64_t)b->owner << 32 | a->owner;
	uint64_t *kept;

	if (tfind(&pair, reported, compare_pairs) != NULL)
		return 0;
	kept = audit_alloc(audit, sizeof(*kept));
	if (kept == NULL)
		return -ENOMEM;
	*kept = pair;
	if (tsearch(kept, reported, compare_pairs) == NULL)
		return -ENOMEM;
	say_shared(audit, kind, a, b);
	return 0;
}

/*
 * One sweep: each range against those before it that reach so far, of every owner the
 * one that reaches farthest.  active: room for n.
 */
static int sweep_mapped(struct audit *audit, enum subid_kind kind,
			const struct mapped *mapped, size_t n,
			const struct mapped **active)
{
	size_t n_active = 0;
	void *reported = NULL;
	int r = 0;

	for (const struct mapped *m = mapped; r == 0 && m < mapped + n; m++) {
		size_t kept = 0;
		bool stands = false;

		for (size_t i = 0; r == 0 && i < n_active; i++) {
			const struct mapped *before = active[i];
			uint64_t end = id_range_end(before->range);

			if (end <= m->range.start)
				continue;
			if (before->owner != m->owner)
				r = report_once(audit, kind, &reported, before, m);
			else if (id_range_end(m->range) > end)
				before = m;
			stands |= before->owner == m->owner;
			active[kept++] = before;
		}
		if (!stands)
			active[kept++] = m;
		n_active = kept;
	}
	tdestroy(reported, keep_pair);
	return r;
}

int audit_find_live_shared(struct audit *audit)
{
	int r = 0;

	for (enum subid_kind kind = 0;
	     r == 0 && audit->live != NULL && kind < SUBID_KINDS; kind++) {
		size_t n;
		auto_free struct mapped *mapped = list_mapped(audit, kind, &n);
		/* of pointers: NOLINTNEXTLINE(bugprone-sizeof-expression) */
		auto_free const struct mapped **active = calloc(n + 1, sizeof(*active));

		if (mapped == NULL || active == NULL)
			return -ENOMEM;
		r = sweep_mapped(audit, kind, mapped, n, active);
	}
	return r == 0 ? find_shared_leases(audit, false) : r;
}
