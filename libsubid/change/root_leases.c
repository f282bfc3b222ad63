/* SPDX-License-Identifier: MIT */
/*
 * The leases of one owner: those of root's store, which is read once for who asks about
 * many owners, one after the other; and those of the owner's own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/change/private.h"
#include "libsubid/core/core.h"

static int compare(const void *a, const void *b)
{
	const struct subid_lease *x = *(const struct subid_lease *const *)a,
				 *y = *(const struct subid_lease *const *)b;
	int order = strcmp(x->owner, y->owner);

	return order != 0 ? order : x < y ? -1 : x > y;
}

static void look_at(int state, struct stat ret[SUBID_KINDS])
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (fstatat(state, subid_kind_table(kind), &ret[kind], 0) < 0)
			ret[kind] = (struct stat){ .st_size = 0 };
}

static int load(const struct store *store, struct root_leases *ret)
{
	int r = store_leases(store, NULL, &ret->leases);

	if (r < 0)
		return r;
	ret->by_owner = calloc(ret->leases.n + 1, sizeof(*ret->by_owner));
	if (ret->by_owner == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ret->leases.n; i++)
		ret->by_owner[i] = &ret->leases.list[i];
	qsort(ret->by_owner, ret->leases.n, sizeof(*ret->by_owner), compare);
	return 0;
}

/* The store as it is now.  0 or -errno. */
static int read_root(struct subid *sys, const struct store *store,
		     const struct root_leases **ret)
{
	struct root_leases *kept = sys->root_leases;
	struct stat files[SUBID_KINDS];
	bool same = kept != NULL;
	int r;

	look_at(store->fd, files);
	for (enum subid_kind kind = 0; same && kind < SUBID_KINDS; kind++)
		same = system_same_file(&kept->files[kind], &files[kind]);
	if (!same) {
		root_leases_free(&sys->root_leases);
		kept = calloc(1, sizeof(*kept));
		if (kept == NULL)
			return -ENOMEM;
		memcpy(kept->files, files, sizeof(files));
		r = load(store, kept);
		if (r < 0) {
			root_leases_free(&kept);
			return r;
		}
		sys->root_leases = kept;
	}
	*ret = kept;
	return 0;
}

static bool is_before(const void *element, const void *key)
{
	const struct subid_lease *const *lease = element;

	return strcmp((*lease)->owner, key) < 0;
}

/* Adds the leases that have this owner. */
static int add_of(const struct root_leases *kept, const char *owner,
		  struct subid_leases *leases)
{
	size_t i = array_search(kept->by_owner, kept->leases.n, sizeof(*kept->by_owner),
				owner, is_before);

	for (; i < kept->leases.n && strcmp(kept->by_owner[i]->owner, owner) == 0; i++) {
		if (array_grow(&leases->list, leases->n, sizeof(*leases->list)) < 0)
			return -ENOMEM;
		leases->list[leases->n++] = *kept->by_owner[i];
	}
	return 0;
}

static int compare_places(const void *a, const void *b)
{
	const struct subid_lease *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

/* By any of its names, in the order of the files. */
static int add_kept(const struct root_leases *kept, const struct subid_owner *owner,
		    const char *name, struct subid_leases *leases)
{
	bool named = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < owner->n; i++) {
		const struct subid_owner_name *spelling = &owner->spellings[i];
		auto_free char *text = strndup(spelling->text, spelling->len);

		if (text == NULL)
			return -ENOMEM;
		named |= strcmp(text, name) == 0;
		r = add_of(kept, text, leases);
	}
	if (r == 0 && !named)
		r = add_of(kept, name, leases);
	if (leases->n > 1)
		qsort(leases->list, leases->n, sizeof(*leases->list), compare_places);
	return r;
}

static int add_leases(struct subid *sys, const struct store *store,
		      const struct subid_owner *owner, const char *name,
		      struct subid_leases *leases)
{
	const struct root_leases *kept;
	auto_leases struct subid_leases of_root = { .list = NULL };
	int r;

	/* of few owners, or of a user's store */
	if (sys->users == NULL || store->user != NULL || store->fd < 0)
		return store_leases(store, name, leases);
	r = read_root(sys, store, &kept);
	if (r == 0)
		r = add_kept(kept, owner, name, &of_root);
	for (size_t i = 0; r == 0 && i < of_root.n; i++) {
		r = array_grow(&leases->list, leases->n, sizeof(*leases->list));
		if (r == 0)
			leases->list[leases->n++] = of_root.list[i];
	}
	return r;
}

int leases_of_owner(struct subid *sys, const struct subid_owner *owner, const char *name,
		    struct subid_leases *leases, char ret_where[SUBID_ERROR_FILE_SIZE])
{
	auto_store struct store store = { .fd = -1 }, other = { .fd = -1 };
	const struct store *at = &store;
	int r = store_find(sys, &store);

	/* a user asks about others: her own store is none of theirs */
	if (store.user != NULL && (!owner->has_account || owner->uid != getuid())) {
		store_close(&store);
		r = 0;
	}
	if (r == 0)
		r = add_leases(sys, &store, owner, name, leases);
	if (r == 0) {
		at = &other;
		r = store_find_other(sys, owner, &sys->homes, &other);
	}
	if (r == 0)
		r = add_leases(sys, &other, owner, name, leases);
	(void)snprintf(ret_where, SUBID_ERROR_FILE_SIZE, "%s", at->name);
	return r;
}
