/* SPDX-License-Identifier: MIT */
/*
 * Overlaps of the same two owners: where there are many, anywhere in a table, they become
 * one.
 */
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"

#define ALIKE_MAX 16 /* pairs of the same two owners */

struct kin {
	const struct subid_audit *audit;
	const struct audit_table *view;
};

static uint32_t account_of(const struct kin *kin, uint32_t entry)
{
	return kin->audit->owners[kin->view->owner[entry]].same;
}

/* The two accounts, in whatever order, as one number. */
static uint64_t accounts_of(const struct kin *kin, const struct audit_overlap *x)
{
	uint64_t a = account_of(kin, x->a), b = account_of(kin, x->b);

	return a < b ? a << 32 | b : b << 32 | a;
}

/* By owners, then by where they stand. */
static int compare_overlaps(const void *a, const void *b, void *data)
{
	const struct audit_overlap *x = a, *y = b;
	const struct kin *kin = data;
	uint64_t kin_x = accounts_of(kin, x), kin_y = accounts_of(kin, y);

	if (kin_x != kin_y)
		return kin_x < kin_y ? -1 : 1;
	if (x->duplicate != y->duplicate)
		return x->duplicate ? 1 : -1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

static bool is_kin(const struct kin *kin, const struct audit_overlap *x,
		   const struct audit_overlap *y)
{
	return accounts_of(kin, x) == accounts_of(kin, y) && x->owners == y->owners &&
	       x->duplicate == y->duplicate;
}

/* More than ALIKE_MAX pairs of the same two owners, anywhere, become one. */
void audit_merge_kin(const struct subid_audit *audit, struct audit_table *view)
{
	struct kin kin = { audit, view };
	struct audit_overlap *all = view->overlaps;
	size_t n = view->n_overlaps, kept = 0, next;

	if (n <= ALIKE_MAX)
		return;
	qsort_r(all, n, sizeof(*all), compare_overlaps, &kin);
	for (size_t i = 0; i < n; i = next) {
		struct audit_overlap one = all[i];

		for (next = i + 1; next < n && is_kin(&kin, &all[i], &all[next]);
		     next++) {
			one.pairs += all[next].pairs;
			one.lines++;
		}
		if (next - i > ALIKE_MAX) {
			all[kept++] = one;
			continue;
		}
		memmove(&all[kept], &all[i], (next - i) * sizeof(*all));
		kept += next - i;
	}
	view->n_overlaps = kept;
}
