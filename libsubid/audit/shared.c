/* SPDX-License-Identifier: MIT */
/*
 * The rule about namespaces of two owners that share ids; audit_live_leases.c has what
 * it finds among those of one.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

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

static struct mapped *list_mapped(const struct subid_audit *audit, enum subid_kind kind,
				  size_t *ret_n)
{
	const struct live_view *view = audit->live;
	struct mapped *mapped;
	size_t n = 0;

	for (size_t i = 0; i < view->n; i++)
		n += view->verdicts[i].foreign[kind].n;
	mapped = calloc(n + 1, sizeof(*mapped));
	n = 0;
	for (size_t i = 0; mapped != NULL && i < view->n; i++) {
		const struct subid_set *foreign = &view->verdicts[i].foreign[kind];

		for (size_t j = 0; j < foreign->n; j++)
			mapped[n++] = (struct mapped){ foreign->ranges[j], i,
						       audit->in->live->userns[i].owner };
	}
	if (n > 1)
		qsort(mapped, n, sizeof(*mapped), compare_mapped);
	*ret_n = n;
	return mapped;
}

static void say_shared(struct subid_audit *audit, enum subid_kind kind,
		       const struct mapped *a, const struct mapped *b)
{
	const struct subid_live *live = audit->in->live;
	const struct live_holder *other = audit_live_holder(audit->live, b->owner);
	pid_t pids[PIDS_SHOWN];
	struct subid_finding finding =
	    audit_at_userns(audit, &live->userns[a->userns], pids);

	finding.kind = (int)kind;
	finding.other = other->name;
	finding.range = id_range_common(a->range, b->range);
	audit_report(
	    audit, &finding,
	    audit_text(audit, "%s; then give %.*s or %.*s a range of its own",
		       audit_live_how_to_stop(audit, &live->userns[b->userns]),
		       SPELLING(finding.owner), SPELLING(finding.other)),
	    "%s of %.*s and %s of %.*s both map %ss %u-%llu",
	    audit_live_describe(audit, &live->userns[a->userns]), SPELLING(finding.owner),
	    audit_live_describe(audit, &live->userns[b->userns]), SPELLING(finding.other),
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

/* Tells of two owners, unless *told, a tree of pairs, has them already. */
static int tell_once(struct subid_audit *audit, enum subid_kind kind, void **told,
		     const struct mapped *a, const struct mapped *b)
{
	uint64_t pair = a->owner < b->owner ? (uint64_t)a->owner << 32 | b->owner
					    : (uint64_t)b->owner << 32 | a->owner;
	uint64_t *kept;

	if (tfind(&pair, told, compare_pairs) != NULL)
		return 0;
	kept = audit_alloc(audit, sizeof(*kept));
	if (kept == NULL)
		return -ENOMEM;
	*kept = pair;
	if (tsearch(kept, told, compare_pairs) == NULL)
		return -ENOMEM;
	say_shared(audit, kind, a, b);
	return 0;
}

/*
 * One sweep: each range against those before it that reach so far, of every owner the
 * one that reaches farthest.  active: room for n.
 */
static int sweep_mapped(struct subid_audit *audit, enum subid_kind kind,
			const struct mapped *mapped, size_t n,
			const struct mapped **active)
{
	size_t n_active = 0;
	void *told = NULL;
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
				r = tell_once(audit, kind, &told, before, m);
			else if (id_range_end(m->range) > end)
				before = m;
			stands |= before->owner == m->owner;
			active[kept++] = before;
		}
		if (!stands)
			active[kept++] = m;
		n_active = kept;
	}
	tdestroy(told, keep_pair);
	return r;
}

int audit_find_live_shared(struct subid_audit *audit)
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
	return r == 0 ? audit_live_leases(audit, false) : r;
}
