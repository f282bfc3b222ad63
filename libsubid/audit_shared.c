/* SPDX-License-Identifier: MIT */
/*
 * The rule about namespaces of two owners that share ids.
 */
#include <errno.h>
#include <stdlib.h>

#include "audit_live_private.h"

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

/* Have these two owners been told of in this table already? */
static bool is_told(const struct subid_audit *audit, enum subid_kind kind,
		    const struct mapped *a, const struct mapped *b)
{
	struct subid_spelling x = audit_live_holder(audit->live, a->owner)->name;
	struct subid_spelling y = audit_live_holder(audit->live, b->owner)->name;

	for (size_t i = audit->n_findings; i > 0; i--) {
		const struct subid_finding *told = &audit->findings[i - 1];

		if (told->rule != audit->rule)
			return false;
		if (told->kind == (int)kind &&
		    ((told->owner.text == x.text && told->other.text == y.text) ||
		     (told->owner.text == y.text && told->other.text == x.text)))
			return true;
	}
	return false;
}

/* One sweep: each range against the one of another owner that reaches farthest. */
int audit_find_live_shared(struct subid_audit *audit)
{
	for (enum subid_kind kind = 0; audit->live != NULL && kind < SUBID_KINDS;
	     kind++) {
		const struct mapped *farthest = NULL, *other = NULL;
		size_t n;
		struct mapped *mapped = list_mapped(audit, kind, &n);

		if (mapped == NULL)
			return -ENOMEM;
		for (const struct mapped *m = mapped; m < mapped + n; m++) {
			const struct mapped *met = farthest;

			if (met != NULL && met->owner == m->owner)
				met = other;
			if (met != NULL && id_range_overlaps(met->range, m->range) &&
			    !is_told(audit, kind, met, m))
				say_shared(audit, kind, met, m);
			if (farthest == NULL ||
			    id_range_end(m->range) > id_range_end(farthest->range)) {
				if (farthest != NULL && farthest->owner != m->owner)
					other = farthest;
				farthest = m;
			} else if (farthest->owner != m->owner &&
				   (other == NULL || id_range_end(m->range) >
							 id_range_end(other->range))) {
				other = m;
			}
		}
		free(mapped);
	}
	return 0;
}
