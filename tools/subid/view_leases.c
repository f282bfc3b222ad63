/* SPDX-License-Identifier: MIT */
/*
 * Which container an id is leased to.  The leases of each owner are read when the first
 * of its ids turns up, and put in order, since a user may have half a million.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/leases.h"
#include "tools/subid/view.h"

struct view_lessor {
	char *name;
	struct subid_leases leases;
	const struct subid_lease **sorted; /* those of this owner, by kind and start */
	size_t n;
	bool unread;
};

void view_lessors_free(struct view *view)
{
	for (size_t i = 0; i < view->n_lessors; i++) {
		free(view->lessors[i].name);
		free(view->lessors[i].sorted);
		subid_leases_free(&view->lessors[i].leases);
	}
	free(view->lessors);
}

static int compare(enum subid_kind kind, uint32_t id, const struct subid_lease *lease)
{
	if (kind != lease->kind)
		return kind < lease->kind ? -1 : 1;
	return id < lease->range.start ? -1 : id > lease->range.start;
}

static int compare_leases(const void *a, const void *b)
{
	const struct subid_lease *const *x = a, *const *y = b;

	return compare((*x)->kind, (*x)->range.start, *y);
}

static void sort(struct view_lessor *lessor, const struct subid_owner *owner)
{
	lessor->sorted = calloc(lessor->leases.n + 1, sizeof(struct subid_lease *));
	if (lessor->sorted == NULL)
		return;
	for (size_t i = 0; i < lessor->leases.n; i++) {
		const struct subid_lease *lease = &lessor->leases.list[i];

		if (cli_lease_is_of(lease, owner, lessor->name) &&
		    !subid_owner_is_hold(lease->name, strlen(lease->name)))
			lessor->sorted[lessor->n++] = lease;
	}
	qsort(lessor->sorted, lessor->n, sizeof(struct subid_lease *), compare_leases);
}

/* Threat: a user's store is the user's; what is wrong with it must not keep root from
 * seeing who has which ids. */
static void read_leases(struct view *view, struct view_lessor *lessor)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	char where[CLI_CONF_FILE_SIZE] = "";
	int r = subid_owner_find(view->users, lessor->name, &owner);

	if (r == SUBID_INVALID)
		return; /* holds, which lease nothing */
	if (r >= 0)
		r = cli_leases_load(view->cli, &owner, lessor->name, &view->homes,
				    &lessor->leases, where);
	lessor->unread = r < 0;
	view->partial |= lessor->unread;
	if (r < 0 && !view->cli->quiet)
		(void)cli_complain(0, "warning: %s: %s: leases cannot be read",
				   where[0] == '\0' ? lessor->name : where,
				   cli_home_error(r));
	sort(lessor, &owner);
}

static struct view_lessor *find_lessor(struct view *view, const char *owner)
{
	auto_free char *name = view_owner_name(view, owner, strlen(owner));
	struct view_lessor lessor = { .name = name }, *grown;

	for (size_t i = 0; name != NULL && i < view->n_lessors; i++)
		if (strcmp(view->lessors[i].name, name) == 0)
			return &view->lessors[i];
	if (name == NULL)
		return NULL;
	grown = reallocarray(view->lessors, view->n_lessors + 1, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	view->lessors = grown;
	name = NULL;
	read_leases(view, &lessor);
	grown[view->n_lessors] = lessor;
	return &grown[view->n_lessors++];
}

const struct subid_leases *view_leases(struct view *view, const char *owner)
{
	const struct view_lessor *lessor = find_lessor(view, owner);

	return lessor == NULL || lessor->unread ? NULL : &lessor->leases;
}

const char *view_lease(struct view *view, const char *owner, enum subid_kind kind,
		       uint32_t id)
{
	const struct view_lessor *lessor = find_lessor(view, owner);
	const struct id_range one = { .start = id, .count = 1 };
	size_t low = 0, high = lessor == NULL ? 0 : lessor->n;

	/* behind the last that starts at or before the id */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(kind, id, lessor->sorted[middle]) >= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || lessor->sorted[low - 1]->kind != kind ||
	    !id_range_contains(lessor->sorted[low - 1]->range, one))
		return NULL;
	return lessor->sorted[low - 1]->name;
}
