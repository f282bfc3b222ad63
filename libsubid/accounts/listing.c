/* SPDX-License-Identifier: MIT */
#include "libsubid/accounts/accounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The names that a line may give to the user. */
static int find_owner(int etc, const char *user, struct subid_users **users,
		      struct subid_owner *ret)
{
	uint32_t uid;
	int r;

	if (subid_id_parse(user, strlen(user), &uid) == 0) {
		ret->spellings = malloc(sizeof(*ret->spellings));
		if (ret->spellings == NULL)
			return -ENOMEM;
		ret->spellings[0] = (struct subid_owner_name){ user, strlen(user) };
		ret->n = 1;
		return 0;
	}
	r = subid_users_open(etc, true, users, NULL);
	if (r == 0)
		r = subid_owner_find_plain(*users, user, ret);
	return r == SUBID_UNKNOWN ? 0 : r;
}

/* While the name service is down: under what was typed alone.  0; error: the table has
 * nothing of that. */
static int read_very_name(int etc, enum subid_kind kind, const char *user, int error,
			  struct subid_listing *ret)
{
	const struct subid_owner_name name = { user, strlen(user) };
	auto_text struct subid_text text = { .bytes = NULL };
	int r = subid_text_read(etc, subid_kind_table(kind), false, &text);

	if (r == 0)
		r = subid_owned_ranges(&text, &name, 1, &ret->ranges, &ret->n);
	return r < 0 || ret->n == 0 ? error : 0;
}

/* From the table, under each name of the owner. */
static int read_table(int etc, enum subid_kind kind, const char *user,
		      struct subid_listing *ret)
{
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_text struct subid_text text = { .bytes = NULL };
	int r;

	ret->file = "passwd";
	r = find_owner(etc, user, &users, &owner);
	if (r < 0)
		return read_very_name(etc, kind, user, r, ret);
	if (r > 0)
		return 0; /* not a valid owner name: there is nothing */
	ret->file = subid_kind_table(kind);
	r = subid_text_read(etc, ret->file, false, &text);
	if (r == 0)
		r = subid_owned_ranges(&text, owner.spellings, owner.n, &ret->ranges,
				       &ret->n);
	return r == -ENOENT ? 0 : r;
}

static int read_source(int etc, const char *source, enum subid_kind kind,
		       const char *user, struct subid_listing *ret)
{
	memcpy(ret->source, source, SUBID_SOURCE_SIZE);
	free(ret->ranges); /* of the one before, which had none */
	ret->ranges = NULL;
	if (source[0] == '\0')
		return read_table(etc, kind, user, ret);
	ret->file = NULL;
	return subid_source_ranges(source, user, kind, &ret->ranges, &ret->n);
}

/* The first source that has a range of the user decides. */
int subid_listing_read(int etc, enum subid_kind kind, const char *user,
		       struct subid_listing *ret)
{
	struct subid_sources sources;
	int r;

	*ret = (struct subid_listing){ .file = "nsswitch.conf" };
	r = subid_sources_read(etc, &sources);
	if (r != 0)
		return r < 0 ? r : -EINVAL;
	for (size_t i = 0; r == 0 && ret->n == 0 && i < sources.n; i++)
		r = read_source(etc, sources.names[i], kind, user, ret);
	return r;
}
