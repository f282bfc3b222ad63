/* SPDX-License-Identifier: MIT */
/*
 * Rules about what root's container runtimes have written down: the ids of containers
 * that may not run now.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

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

/* The first that reaches so far, by halves. */
static size_t find_reaching(const struct written *list, size_t n,
			    const struct subid_lease *lease)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		enum subid_kind kind = list[middle].range->kind;

		if (kind < lease->kind ||
		    (kind == lease->kind && list[middle].reach <= lease->range.start))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Another container than the lease's that has some of its ids; NULL: there is none. */
static const struct subid_runtime_range *find_other(const struct written *list, size_t n,
						    const struct subid_lease *lease,
						    bool of_root)
{
	for (size_t i = find_reaching(list, n, lease); i < n; i++) {
		const struct subid_runtime_range *one = list[i].range;

		if (one->kind != lease->kind ||
		    one->range.start >= id_range_end(lease->range))
			return NULL;
		if (id_range_overlaps(one->range, lease->range) &&
		    !(of_root && strcmp(one->name, lease->name) == 0))
			return one;
	}
	return NULL;
}

static void say_taken(struct subid_audit *audit, const struct lease_row *row,
		      const struct subid_runtime_range *other)
{
	const struct lease_lessor *lessor = audit_lessor(audit->leases, row);
	const struct subid_lease *lease = row->lease;
	struct subid_finding finding = {
		.kind = (int)lease->kind,
		.file = audit_text(audit, "%s/%s", lessor->store->path,
				   subid_kind_table(lease->kind)),
		.line = lease->line,
		.owner = { lessor->name, strlen(lessor->name) },
		.range = id_range_common(lease->range, other->range),
	};

	audit_report(audit, &finding, NULL,
		     "%ss %u-%llu are leased to container %s of %s, and root's %s has"
		     " them for container %s",
		     subid_kind_name(lease->kind), FIRST_LAST(finding.range), lease->name,
		     lessor->name, other->runtime, other->name);
}

int audit_find_lease_taken(struct subid_audit *audit)
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
		const struct lease_lessor *lessor = audit_lessor(view, row);
		const struct subid_runtime_range *other;

		if (lessor->store->user != NULL)
			continue; /* it cannot say anything about root's containers */
		other = find_other(list, state->n, row->lease, lessor->uid == 0);
		if (other != NULL)
			say_taken(audit, row, other);
	}
	return 0;
}

int audit_find_runtime_unread(struct subid_audit *audit)
{
	const struct subid_runtime_state *state = audit->in->runtimes;
	struct subid_finding finding = { .kind = -1 };
	const char *why;

	if (state == NULL || state->n_unread == 0)
		return 0;
	why = state->error < 0		     ? strerrordesc_np(-state->error)
	      : state->error == SUBID_ABSENT ? "its storage is not mounted"
					     : "it is damaged";
	audit_report(audit, &finding, NULL,
		     "what is written down about %zu container%s could not be read, of"
		     " /%s: %s",
		     state->n_unread, state->n_unread == 1 ? "" : "s, first",
		     state->unread, why);
	return 0;
}
