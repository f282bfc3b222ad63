/* SPDX-License-Identifier: MIT */
/*
 * One cause, one finding.  A wrong range is wrong in several ways: it meets an account,
 * is outside of the window, and ends in the middle of what systemd uses; a namespace
 * maps root, and ids of others.  Who mends the worst of it has mostly mended all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

/* Is it about a line of a table, and about it alone? */
static bool is_about_line(const struct audit_finding *finding)
{
	bool table = false;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		table |= finding->file != NULL &&
			 strcmp(finding->file, subid_kind_table(kind)) == 0;
	return table && finding->line > 0 && finding->count == 1;
}

/* Many lines outside of one window are one cause, whatever rules see it. */
static bool is_about_window(const struct audit_finding *finding)
{
	return finding->file != NULL && finding->line == 0 && finding->count > 1 &&
	       finding->range.count > 0;
}

/* Is it about what one user namespace maps? */
static bool is_about_userns(const struct audit_finding *finding)
{
	return finding->userns != 0 && finding->kind >= 0 && finding->file == NULL &&
	       finding->count == 1;
}

static int compare_places(const void *a, const void *b)
{
	const struct audit_finding *x = *(struct audit_finding *const *)a;
	const struct audit_finding *y = *(struct audit_finding *const *)b;
	int order;

	if (x->userns != y->userns)
		return x->userns < y->userns ? -1 : 1;
	if (x->userns != 0)
		return x < y ? -1 : x > y;
	order = strcmp(x->file, y->file);
	if (order != 0)
		return order;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x < y ? -1 : x > y; /* worst first */
}

static bool is_one_place(const struct audit_finding *a, const struct audit_finding *b)
{
	if (a->userns != 0 || b->userns != 0)
		return a->userns == b->userns;
	return a->line == b->line && strcmp(a->file, b->file) == 0;
}

/* Which findings of one place, worst first, are merged into the first; a mark for each.
 */
static size_t choose(struct audit_finding *const *places, size_t n, bool *merged)
{
	size_t chosen = 0;

	for (size_t i = 1; i < n; i++) {
		merged[i] = true;
		for (size_t k = 0; k < i; k++)
			merged[i] &= places[k]->rule != places[i]->rule ||
				     places[k]->kind != places[i]->kind;
		chosen += merged[i];
	}
	return chosen;
}

/* Threat: a table may have a rule's findings at one line by the thousand. */
#define PLACE_MAX 64

static int merge_place(struct audit_report *report, struct audit_finding **places,
		       size_t n, bool *gone)
{
	bool merged[PLACE_MAX] = { false };
	struct audit_finding *also;
	size_t chosen;

	n = n > PLACE_MAX ? PLACE_MAX : n;
	chosen = choose(places, n, merged);
	if (chosen == 0)
		return 0;
	also = audit_alloc(report->own, chosen * sizeof(*also));
	if (also == NULL)
		return -ENOMEM;
	places[0]->also = also;
	places[0]->n_also = chosen;
	for (size_t i = 1; i < n; i++) {
		if (!merged[i])
			continue;
		*also++ = *places[i];
		report->counts[places[i]->rule->level] -= places[i]->count;
		gone[places[i] - report->own->findings] = true;
	}
	return 0;
}

/* Do findings say the same of uids and of gids, as far as their rule goes? */
static bool is_said_twice(const struct audit_finding *a, const struct audit_finding *b)
{
	return a->kind != b->kind && a->rule == b->rule &&
	       id_range_equal(a->range, b->range) &&
	       owner_name_compare(&a->other, &b->other) == 0;
}

static int compare_kinds(const void *a, const void *b)
{
	const struct audit_finding *x = *(struct audit_finding *const *)a;
	const struct audit_finding *y = *(struct audit_finding *const *)b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x < y ? -1 : x > y;
}

/*
 * What is wrong with a namespace is one finding, too; of what holds for its uids as for
 * its gids there is one of each, which every form of the report shows as one.
 */
static int merge_userns(struct audit_report *report, struct audit_finding **places,
			size_t n, bool *gone)
{
	bool twice = n <= PLACE_MAX;
	size_t uids = 0;
	int r;

	for (size_t i = 0, k; twice && i < n; i++) {
		for (k = 0; k < n && !is_said_twice(places[i], places[k]); k++)
			;
		twice = k < n;
	}
	if (!twice)
		return merge_place(report, places, n, gone);
	qsort(places, n, sizeof(struct audit_finding *), compare_kinds);
	while (uids < n && places[uids]->kind == SUBID_UID)
		uids++;
	r = merge_place(report, places, uids, gone);
	return r == 0 ? merge_place(report, places + uids, n - uids, gone) : r;
}

int audit_merge(struct audit_report *report)
{
	struct audit_finding *findings = report->own->findings;
	auto_free struct audit_finding **places = NULL;
	auto_free bool *gone = calloc(report->n + 1, sizeof(*gone));
	size_t n = 0, kept = 0;
	int r = 0;

	places = reallocarray(NULL, report->n + 1, sizeof(struct audit_finding *));
	if (places == NULL || gone == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < report->n; i++)
		if (is_about_line(&findings[i]) || is_about_window(&findings[i]) ||
		    is_about_userns(&findings[i]))
			places[n++] = &findings[i];
	if (n > 1)
		qsort(places, n, sizeof(struct audit_finding *), compare_places);
	for (size_t i = 0, end; r == 0 && i < n; i = end) {
		for (end = i + 1; end < n && is_one_place(places[i], places[end]); end++)
			;
		r = places[i]->userns != 0
			? merge_userns(report, &places[i], end - i, gone)
			: merge_place(report, &places[i], end - i, gone);
	}
	for (size_t i = 0; r == 0 && i < report->n; i++)
		if (!gone[i])
			findings[kept++] = findings[i];
	if (r == 0)
		report->n = report->own->n_findings = kept;
	return r;
}
