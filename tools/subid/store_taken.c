/* SPDX-License-Identifier: MIT */
/*
 * What others must keep off of a store of leases.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/lease.h"

/* A file of a store that has been read.  0 or -ENOMEM. */
static int copy_read(const struct cli_home_store *read, enum subid_kind kind,
		     struct subid_text *ret)
{
	const char *bytes =
	    read->text.bytes + (kind == SUBID_UID ? 0 : read->sizes[SUBID_UID]);

	ret->bytes = malloc(read->sizes[kind] + 1);
	if (ret->bytes == NULL)
		return -ENOMEM;
	memcpy(ret->bytes, bytes, read->sizes[kind]);
	ret->bytes[read->sizes[kind]] = '\0';
	ret->size = read->sizes[kind];
	return 0;
}

int cli_store_leases(const struct cli_store *store, const char *name,
		     struct subid_leases *leases)
{
	int r = 0;

	if (store->fd >= 0)
		return subid_leases_load(store->fd, store->user != NULL ? name : NULL,
					 leases);
	for (enum subid_kind kind = 0;
	     r == 0 && store->read.text.bytes != NULL && kind < SUBID_KINDS; kind++) {
		struct subid_text text = { .bytes = NULL };

		r = copy_read(&store->read, kind, &text);
		if (r == 0)
			r = subid_leases_parse(kind, name, &text, leases);
	}
	return r;
}

int cli_store_load(const struct cli_store *store, enum subid_kind kind, const char *name,
		   struct subid_table *ret)
{
	struct subid_text text = { .bytes = NULL };
	int r;

	if (store->read.text.bytes != NULL)
		r = copy_read(&store->read, kind, &text);
	else
		r = subid_text_read_max(store->fd, name, false,
					store->user != NULL ? SUBID_LEASE_SIZE_MAX
							    : SUBID_FILE_SIZE_MAX,
					&text);

	if (r == 0)
		r = subid_table_from_text(kind, &text, ret);
	return r == -ENOENT ? 0 : r;
}

static int add_file(const struct cli_store *store, enum subid_kind kind, const char *name,
		    struct subid_set *ret)
{
	auto_table struct subid_table table = { .kind = kind };
	auto_set struct subid_set taken = { .ranges = NULL };
	int r = cli_store_load(store, kind, name, &table);

	if (r == 0)
		r = subid_table_taken(&table, &taken);
	return r == 0 ? subid_set_unite(ret, &taken) : r;
}

int cli_store_taken(const struct cli_store *store, struct subid_sets *ret)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = add_file(store, kind, subid_kind_table(kind), &ret->of[kind]);
	return r;
}

int cli_store_before(const struct cli_store *store, struct subid_sets *ret)
{
	static const char *const backups[SUBID_KINDS] = { "subuid-", "subgid-" };
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		auto_set struct subid_set now = { .n = 0 }, before = { .n = 0 };
		auto_set struct subid_set gone = { .n = 0 };

		r = add_file(store, kind, subid_kind_table(kind), &now);
		if (r == 0)
			r = add_file(store, kind, backups[kind], &before);
		if (r == 0)
			r = subid_set_subtract(&before, &now, &gone);
		if (r == 0)
			r = subid_set_unite(&ret->of[kind], &gone);
	}
	return r;
}
