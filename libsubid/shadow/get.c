/* SPDX-License-Identifier: MIT */
#include "libsubid/shadow/shadow.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"

bool subid_init(const char *program, FILE *log)
{
	(void)program;
	(void)log;
	return true;
}

void subid_free(void *memory)
{
	free(memory);
}

static int open_etc(void)
{
	return open(SUBID_SYSCONFDIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int get_ranges(enum subid_kind kind, const char *owner, struct subid_range **ret)
{
	auto_close int etc = open_etc();
	auto_free struct subid_owned_range *owned = NULL;
	struct subid_listing listing;
	struct subid_range *ranges;

	*ret = NULL;
	if (etc < 0 || owner == NULL)
		return -1;
	if (subid_listing_read(etc, kind, owner, &listing) < 0)
		return -1;
	owned = listing.ranges;
	if (listing.n == 0)
		return 0;
	if (listing.n > INT_MAX)
		return -1;
	ranges = calloc(listing.n, sizeof(*ranges));
	if (ranges == NULL)
		return -1;
	for (size_t i = 0; i < listing.n; i++)
		ranges[i] =
		    (struct subid_range){ owned[i].range.start, owned[i].range.count };
	*ret = ranges;
	return (int)listing.n;
}

int subid_get_uid_ranges(const char *owner, struct subid_range **ranges)
{
	return get_ranges(SUBID_UID, owner, ranges);
}

int subid_get_gid_ranges(const char *owner, struct subid_range **ranges)
{
	return get_ranges(SUBID_GID, owner, ranges);
}

/* The uids that were found, each once. */
struct found {
	uid_t *uids;
	size_t n;
};

static int add_uid(struct found *found, uid_t uid)
{
	int r;

	for (size_t i = 0; i < found->n; i++)
		if (found->uids[i] == uid)
			return 0;
	r = array_grow(&found->uids, found->n, sizeof(*found->uids));
	if (r == 0)
		found->uids[found->n++] = uid;
	return r;
}

/* The account that a line's owner is; one that has none is passed over. */
static int add_owner(const struct subid_users *users, const struct subid_line *line,
		     struct found *found)
{
	auto_free char *text = strndup(line->owner, line->owner_len);
	auto_owner struct subid_owner owner = { .has_account = false };
	uint32_t uid;
	int r;

	if (text == NULL)
		return -ENOMEM;
	if (subid_id_parse(text, line->owner_len, &uid) == 0)
		return add_uid(found, uid);
	r = subid_owner_find_plain(users, text, &owner);
	if (r < 0)
		return r;
	return owner.has_account ? add_uid(found, owner.uid) : 0;
}

static int find_owners(int etc, enum subid_kind kind, uint32_t id, struct found *found)
{
	auto_users struct subid_users *users = NULL;
	auto_text struct subid_text text = { .bytes = NULL };
	struct subid_line line;
	const char *bytes;
	size_t pos = 0, len;
	int r = subid_text_read(etc, subid_kind_table(kind), false, &text);

	if (r == 0)
		r = subid_users_open(etc, true, &users, NULL);
	while (r == 0 && subid_text_next(&text, &pos, &bytes, &len))
		if (subid_line_parse(bytes, len, &line) == 0 &&
		    id_range_contains(line.range, (struct id_range){ id, 1 }))
			r = add_owner(users, &line, found);
	return r == -ENOENT && text.bytes == NULL ? 0 : r;
}

/* The first source that has an owner decides. */
static int get_owners(enum subid_kind kind, uint32_t id, uid_t **ret)
{
	auto_close int etc = open_etc();
	struct found found = { .n = 0 };
	struct subid_sources sources;
	int r = 0;

	*ret = NULL;
	if (etc < 0 || subid_sources_read(etc, &sources) != 0)
		return -1;
	for (size_t i = 0; r == 0 && found.n == 0 && i < sources.n; i++)
		r = sources.names[i][0] == '\0'
			? find_owners(etc, kind, id, &found)
			: subid_source_owners(sources.names[i], kind, id, &found.uids,
					      &found.n);
	if (r < 0 || found.n == 0 || found.n > INT_MAX) {
		free(found.uids);
		return r < 0 || found.n > 0 ? -1 : 0;
	}
	*ret = found.uids;
	return (int)found.n;
}

int subid_get_uid_owners(uid_t uid, uid_t **owners)
{
	return get_owners(SUBID_UID, uid, owners);
}

int subid_get_gid_owners(gid_t gid, uid_t **owners)
{
	return get_owners(SUBID_GID, gid, owners);
}
