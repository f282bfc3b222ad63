/* SPDX-License-Identifier: MIT */
#include "libsubid/accounts/accounts.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"

/* A group, found or not. */
struct subid_known_group {
	char *asked;
	int answer; /* 0, or SUBID_UNKNOWN */
	uint32_t gid;
	char **names; /* of its members, in order */
	size_t n;
};

static void group_free(struct subid_known_group *group)
{
	for (size_t i = 0; i < group->n; i++)
		free(group->names[i]);
	free(group->names);
	free(group->asked);
	*group = (struct subid_known_group){ .asked = NULL };
}

void subid_members_free(struct subid_members *members)
{
	for (size_t i = 0; i < members->n; i++)
		group_free(&members->groups[i]);
	free(members->groups);
	*members = (struct subid_members){ .n = 0 };
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Room doubles at each power of two. */
static int add_name(void *data, const char *name)
{
	struct subid_known_group *group = data;
	char *copy;

	if ((group->n & (group->n - 1)) == 0) {
		char **grown = reallocarray(
		    group->names, group->n == 0 ? 1 : group->n * 2, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		group->names = grown;
	}
	copy = strdup(name);
	if (copy == NULL)
		return -ENOMEM;
	group->names[group->n++] = copy;
	return 0;
}

static int look_up(const struct subid_users *users, const char *name,
		   struct subid_known_group *ret)
{
	__attribute__((cleanup(group_free))) struct subid_known_group group = {
		.asked = strdup(name),
	};

	if (group.asked == NULL)
		return -ENOMEM;
	group.answer = subid_group_find(users, name, add_name, &group, &group.gid);
	if (group.answer < 0)
		return group.answer;
	if (group.n > 0)
		qsort(group.names, group.n, sizeof(*group.names), by_bytes);
	*ret = group;
	group = (struct subid_known_group){ .asked = NULL };
	return 0;
}

static int find(struct subid_members *members, const struct subid_users *users,
		const char *name, const struct subid_known_group **ret)
{
	struct subid_known_group *grown;
	int r;

	for (size_t i = 0; i < members->n; i++) {
		*ret = &members->groups[i];
		if (strcmp((*ret)->asked, name) == 0)
			return 0;
	}
	grown = reallocarray(members->groups, members->n + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	members->groups = grown;
	r = look_up(users, name, &grown[members->n]);
	if (r == 0)
		*ret = &grown[members->n++];
	return r;
}

static bool lists(const struct subid_known_group *group, const char *name)
{
	return group->n > 0 && bsearch(&name, group->names, group->n,
				       sizeof(*group->names), by_bytes) != NULL;
}

/* What initgroups(3) would give to the name. */
static int ask_nss(const char *name, const struct subid_owner *owner, uint32_t gid)
{
	for (int room = 64; room <= 65536 * 4; room *= 4) {
		auto_free gid_t *gids = calloc((size_t)room, sizeof(*gids));
		int n = room;

		if (gids == NULL)
			return -ENOMEM;
		if (getgrouplist(name, owner->gid, gids, &n) < 0)
			continue;
		for (int i = 0; i < n; i++)
			if (gids[i] == gid)
				return 0;
		return SUBID_ABSENT;
	}
	return -ERANGE;
}

/* One of the names that the owner goes by. */
static int ask_name(const struct subid_users *users, const struct subid_owner *owner,
		    struct subid_owner_name spelling,
		    const struct subid_known_group *group)
{
	auto_free char *name = strndup(spelling.text, spelling.len);
	struct subid_account account;
	bool local;

	if (name == NULL)
		return -ENOMEM;
	if (lists(group, name))
		return 0;
	local = subid_users_by_name(users, name, spelling.len, &account);
	if (local && account.gid == group->gid)
		return 0;
	if (owner->has_account &&
	    (users->enumerate[SUBID_GID] || (users->nss_groups && !local)))
		return ask_nss(name, owner, group->gid);
	return SUBID_ABSENT;
}

int subid_members_ask(struct subid_members *members, const struct subid_users *users,
		      const struct subid_owner *owner, const char *group)
{
	size_t n = owner->has_account ? owner->n - 1 : owner->n;
	const struct subid_known_group *known;
	int r = find(members, users, group, &known);

	if (r != 0 || known->answer != 0)
		return r != 0 ? r : known->answer;
	if (owner->has_account && owner->gid == known->gid)
		return 0;
	r = SUBID_ABSENT;
	for (size_t i = 0; r == SUBID_ABSENT && i < n; i++)
		r = ask_name(users, owner, owner->spellings[i], known);
	return r;
}
