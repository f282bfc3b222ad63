/* SPDX-License-Identifier: MIT */
#include "libsubid/change/change.h"

#include <errno.h>

#include "libsubid/core/core.h"
#include "libsubid/core/open.h"
#include "libsubid/tables/tables.h"

static const char *const files[SUBID_KINDS] = {
	[SUBID_UID] = SUBID_STATEDIR "/subuid",
	[SUBID_GID] = SUBID_STATEDIR "/subgid",
};

void subid_leased_free(struct subid_leased *leased)
{
	subid_sets_free(&leased->ids);
	subid_runtime_state_free(&leased->runtimes);
}

/* By any reader's reading, as in a table: so damage takes ids, and gives none. */
static int add_lines(int store, enum subid_kind kind, struct subid_set *ret)
{
	auto_table struct subid_table table = { .kind = kind };
	struct subid_text text = { .bytes = NULL };
	int r = subid_text_read(store, subid_kind_table(kind), false, &text);

	if (r == 0)
		r = subid_table_from_text(kind, &text, &table);
	if (r == 0)
		r = subid_table_taken(&table, ret);
	return r == -ENOENT ? 0 : r;
}

static int read_store(int root, struct subid_leased *leased, const char **ret_file)
{
	auto_close int store = beneath_open_dir(root, SUBID_STATEDIR);
	int r = 0;

	if (store == -ENOENT || store == -ENOTDIR)
		return 0; /* nobody has made a lease yet */
	if (store < 0) {
		*ret_file = SUBID_STATEDIR;
		return store;
	}
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		*ret_file = files[kind];
		r = add_lines(store, kind, &leased->ids.of[kind]);
	}
	return r;
}

int subid_leased_read(int root, struct subid_leased *ret, const char **ret_file)
{
	auto_leased struct subid_leased leased = { .runtimes.list = NULL };
	const struct subid_runtime_place place = { .dir = root, .trusted = true };
	int r;

	*ret_file = NULL;
	r = read_store(root, &leased, ret_file);
	if (r < 0)
		return r;
	*ret_file = NULL;
	r = subid_runtime_read(&place, &leased.runtimes);
	if (r == 0)
		r = subid_runtime_ids(&leased.runtimes, &leased.ids);
	if (r < 0)
		return r;
	*ret = leased;
	leased = (struct subid_leased){ .runtimes.list = NULL };
	return 0;
}
