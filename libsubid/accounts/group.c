/* SPDX-License-Identifier: MIT */
/*
 * Groups: their ids and members, and whether an owner is in one.
 */
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/accounts/private.h"
#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"

bool subid_group_next(const struct subid_users *users, size_t *pos,
		      struct subid_group *ret)
{
	const char *line;
	size_t len;

	while (subid_text_next(&users->group, pos, &line, &len)) {
		const char *at = line, *end = line + len;

		if (!subid_account_head(&at, end, &ret->name, &ret->gid))
			continue;
		at += at < end; /* ':' */
		ret->members = (struct subid_owner_name){ at, (size_t)(end - at) };
		return true;
	}
	return false;
}

static void copy_name(struct subid_owner_name name, char *buf, size_t size)
{
	(void)snprintf(buf, size, "%.*s", (int)(name.len < size ? name.len : size),
		       name.text);
}

bool subid_users_name(const struct subid_users *users, enum subid_kind kind, uint32_t id,
		      char *buf, size_t size)
{
	struct subid_owner_name group;

	if (kind == SUBID_UID) {
		auto_owner struct subid_owner owner = { .has_account = false };

		if (subid_owner_of_uid(users, id, &owner) != 0)
			return false;
		copy_name(owner.spellings[0], buf, size);
		return true;
	}
	if (!subid_beyond_gid(users, id, &group))
		return false;
	copy_name(group, buf, size);
	return true;
}

/* One name, terminated.  None is empty, or has a NUL in it. */
static int hand_out(struct subid_owner_name name,
		    int (*each)(void *data, const char *name), void *data)
{
	auto_free char *copy = strndup(name.text, name.len);

	if (copy == NULL)
		return -ENOMEM;
	return name.len == 0 || strlen(copy) != name.len ? 0 : each(data, copy);
}

static int each_listed(struct subid_owner_name members,
		       int (*each)(void *data, const char *name), void *data)
{
	const char *at = members.text, *end = members.text + members.len;

	while (at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		size_t len = (size_t)((comma == NULL ? end : comma) - at);
		int r = hand_out((struct subid_owner_name){ at, len }, each, data);

		if (r != 0)
			return r;
		at += len + 1;
	}
	return 0;
}

static int each_primary(const struct subid_users *users, uint32_t gid,
			int (*each)(void *data, const char *name), void *data)
{
	for (size_t i = 0; i < users->n; i++) {
		const struct subid_account *account = &users->accounts[i];
		struct subid_owner_name one = { account->name, account->name_len };
		int r;

		r = account->gid == gid ? hand_out(one, each, data) : 0;
		if (r != 0)
			return r;
	}
	return 0;
}

/* A group that only the name service knows. */
static int find_in_nss(const struct subid_users *users, const char *group,
		       int (*each)(void *data, const char *name), void *data,
		       uint32_t *ret_gid)
{
	for (size_t size = 4096; size <= (size_t)SUBID_NSS_BUFFER_MAX * 16; size *= 2) {
		auto_free char *buffer = malloc(size);
		struct group entry = { .gr_mem = NULL };
		struct subid_question question = {
			.kind = SUBID_GID,
			.name = group,
			.group = &entry,
			.buffer = buffer,
			.size = size,
		};
		bool found;
		int r;

		if (buffer == NULL)
			return -ENOMEM;
		if (subid_id_parse(group, strlen(group), &question.id) == 0)
			question.name = NULL;
		r = subid_beyond_ask(users, &question, &found);
		if (r == ERANGE)
			continue;
		r = found && subid_nss_is_name(entry.gr_name, entry.gr_passwd,
					       entry.gr_gid)
			? SUBID_UNKNOWN
			: subid_nss_status(r, found ? &entry : NULL);
		if (r == -ECONNREFUSED && !users->elsewhere)
			r = SUBID_UNKNOWN;
		for (char **name = entry.gr_mem; r == 0 && *name != NULL; name++)
			r = each(data, *name);
		if (r == 0)
			*ret_gid = entry.gr_gid;
		return r;
	}
	return -ERANGE;
}

/* A group of the local file, the first of several, by a pass over it. */
static bool find_local(const struct subid_users *users, const char *group,
		       struct subid_group *ret)
{
	size_t pos = 0, len = strlen(group);
	uint32_t gid;
	bool by_id = subid_id_parse(group, len, &gid) == 0;

	while (subid_group_next(users, &pos, ret))
		if (by_id
			? ret->gid == gid
			: ret->name.len == len && memcmp(ret->name.text, group, len) == 0)
			return true;
	return false;
}

/*
 * Hands each member that group(5), if local is its line, or the name service lists to
 * each(); not those whose primary group it is.  Returns as subid_users_members() does.
 */
static int hand_out_group(const struct subid_users *users, const char *group,
			  const struct subid_group *local,
			  int (*each)(void *data, const char *name), void *data,
			  uint32_t *ret_gid)
{
	if (local != NULL) {
		*ret_gid = local->gid;
		return each_listed(local->members, each, data);
	}
	return users->nss_groups ? find_in_nss(users, group, each, data, ret_gid)
				 : SUBID_UNKNOWN;
}

int subid_users_members(const struct subid_users *users, const char *group,
			int (*each)(void *data, const char *name), void *data)
{
	struct subid_group local;
	uint32_t gid = 0;
	bool is_local = find_local(users, group, &local);
	int r = hand_out_group(users, group, is_local ? &local : NULL, each, data, &gid);

	return r == 0 ? each_primary(users, gid, each, data) : r;
}

/* A group, found or not. */
struct subid_known_group {
	char *asked;
	int answer; /* 0, or SUBID_UNKNOWN */
	uint32_t gid;
	char **names; /* of its members, in order */
	size_t n;
};

/*
 * For many questions: the groups of the local file and those that were asked for, each
 * by a hash.  Threat: a policy has as many rules about groups as a site has groups, and
 * who asks about each owner would read the file once for each of them.
 */
struct subid_group_index {
	struct subid_group *list; /* in the order of the file */
	size_t n;
	size_t mask;
	uint32_t *slots[3]; /* open addressing; number + 1, or 0 */
};

enum { BY_NAME, BY_GID, BY_ASKED };

/* So many questions cost less than an index. */
#define GROUPS_FEW 8

static void index_free(struct subid_group_index **index)
{
	if (*index == NULL)
		return;
	free((*index)->list);
	free((*index)->slots[0]);
	free(*index);
	*index = NULL;
}

static size_t hash_gid(uint32_t gid)
{
	return (size_t)((gid * 0x9e3779b97f4a7c15) >> 32);
}

static uint32_t *name_slot(const struct subid_group_index *index, const char *name,
			   size_t len)
{
	for (size_t h = subid_table_hash(name, len);; h++) {
		uint32_t *slot = &index->slots[BY_NAME][h & index->mask];
		const struct subid_group *group;

		if (*slot == 0)
			return slot;
		group = &index->list[*slot - 1];
		if (group->name.len == len && memcmp(group->name.text, name, len) == 0)
			return slot;
	}
}

static uint32_t *gid_slot(const struct subid_group_index *index, uint32_t gid)
{
	for (size_t h = hash_gid(gid);; h++) {
		uint32_t *slot = &index->slots[BY_GID][h & index->mask];

		if (*slot == 0 || index->list[*slot - 1].gid == gid)
			return slot;
	}
}

static uint32_t *asked_slot(const struct subid_members *members, const char *asked)
{
	const struct subid_group_index *index = members->index;

	for (size_t h = subid_table_hash(asked, strlen(asked));; h++) {
		uint32_t *slot = &index->slots[BY_ASKED][h & index->mask];

		if (*slot == 0 || strcmp(members->groups[*slot - 1].asked, asked) == 0)
			return slot;
	}
}

/* Room for so many groups, and as many questions. */
static int make_slots(struct subid_members *members, size_t room)
{
	struct subid_group_index *index = members->index;
	size_t n_slots = 16;

	while (n_slots < room * 2)
		n_slots *= 2;
	free(index->slots[0]);
	index->slots[0] = calloc(n_slots * 3, sizeof(*index->slots[0]));
	if (index->slots[0] == NULL)
		return -ENOMEM;
	index->slots[BY_GID] = index->slots[0] + n_slots;
	index->slots[BY_ASKED] = index->slots[BY_GID] + n_slots;
	index->mask = n_slots - 1;
	/* the first of several is the one that is found */
	for (size_t i = index->n; i-- > 0;) {
		*name_slot(index, index->list[i].name.text, index->list[i].name.len) =
		    (uint32_t)i + 1;
		*gid_slot(index, index->list[i].gid) = (uint32_t)i + 1;
	}
	for (size_t i = 0; i < members->n; i++)
		*asked_slot(members, members->groups[i].asked) = (uint32_t)i + 1;
	return 0;
}

static int make_index(struct subid_members *members, const struct subid_users *users)
{
	struct subid_group_index *index = calloc(1, sizeof(*index));
	struct subid_group group;
	size_t pos = 0;

	members->index = index;
	if (index == NULL)
		return -ENOMEM;
	while (subid_group_next(users, &pos, &group)) {
		if (array_grow(&index->list, index->n, sizeof(*index->list)) < 0)
			return -ENOMEM;
		index->list[index->n++] = group;
	}
	return make_slots(members, index->n + 2 * (size_t)GROUPS_FEW);
}

/* Sees to it that there is an index where one is worth it, with room for one question
 * more.  Without memory there is none. */
static int update_index(struct subid_members *members, const struct subid_users *users)
{
	int r = 0;

	if (members->n >= GROUPS_FEW && members->index == NULL)
		r = make_index(members, users);
	else if (members->index != NULL && members->n * 2 > members->index->mask)
		r = make_slots(members, members->n * 2);
	if (r < 0)
		index_free(&members->index);
	return r;
}

static bool find_by_index(const struct subid_group_index *index, const char *group,
			  struct subid_group *ret)
{
	size_t len = strlen(group);
	uint32_t gid, i;

	i = subid_id_parse(group, len, &gid) == 0 ? *gid_slot(index, gid)
						  : *name_slot(index, group, len);
	if (i != 0)
		*ret = index->list[i - 1];
	return i != 0;
}

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
	index_free(&members->index);
	*members = (struct subid_members){ .n = 0 };
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Room doubles at each power of two. */
static int keep_name(void *data, const char *name)
{
	struct subid_known_group *group = data;
	char *copy;

	if (array_grow(&group->names, group->n, sizeof(*group->names)) < 0)
		return -ENOMEM;
	copy = strdup(name);
	if (copy == NULL)
		return -ENOMEM;
	group->names[group->n++] = copy;
	return 0;
}

static int look_up(const struct subid_members *members, const struct subid_users *users,
		   const char *name, struct subid_known_group *ret)
{
	struct subid_group local;
	bool is_local;
	__attribute__((cleanup(group_free))) struct subid_known_group group = {
		.asked = strdup(name),
	};

	if (group.asked == NULL)
		return -ENOMEM;
	is_local = members->index != NULL ? find_by_index(members->index, name, &local)
					  : find_local(users, name, &local);
	group.answer = hand_out_group(users, name, is_local ? &local : NULL, keep_name,
				      &group, &group.gid);
	if (group.answer < 0)
		return group.answer;
	if (group.n > 0)
		qsort(group.names, group.n, sizeof(*group.names), by_bytes);
	*ret = group;
	group = (struct subid_known_group){ .asked = NULL };
	return 0;
}

static bool was_asked(const struct subid_members *members, const char *name, size_t *ret)
{
	if (members->index != NULL) {
		uint32_t number = *asked_slot(members, name);

		*ret = number - 1;
		return number != 0;
	}
	for (*ret = 0; *ret < members->n; (*ret)++)
		if (strcmp(members->groups[*ret].asked, name) == 0)
			return true;
	return false;
}

static int find_known(struct subid_members *members, const struct subid_users *users,
		      const char *name, const struct subid_known_group **ret)
{
	size_t i;
	int r;

	if (was_asked(members, name, &i)) {
		*ret = &members->groups[i];
		return 0;
	}
	r = update_index(members, users);
	if (r < 0)
		return r;
	if (array_grow(&members->groups, members->n, sizeof(*members->groups)) < 0)
		return -ENOMEM;
	r = look_up(members, users, name, &members->groups[members->n]);
	if (r != 0)
		return r;
	*ret = &members->groups[members->n++];
	if (members->index != NULL)
		*asked_slot(members, name) = (uint32_t)members->n;
	return 0;
}

static bool lists(const struct subid_known_group *group, const char *name)
{
	return group->n > 0 && bsearch(&name, group->names, group->n,
				       sizeof(*group->names), by_bytes) != NULL;
}

/* What initgroups(3) would give to the name. */
static int ask_for_groups(const char *name, const struct subid_owner *owner, uint32_t gid)
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
		return ask_for_groups(name, owner, group->gid);
	return SUBID_ABSENT;
}

int subid_members_ask(struct subid_members *members, const struct subid_users *users,
		      const struct subid_owner *owner, const char *group)
{
	size_t n = owner->has_account ? owner->n - 1 : owner->n;
	const struct subid_known_group *known;
	int r = find_known(members, users, group, &known);

	if (r != 0 || known->answer != 0)
		return r != 0 ? r : known->answer;
	if (owner->has_account && owner->gid == known->gid)
		return 0;
	r = SUBID_ABSENT;
	for (size_t i = 0; r == SUBID_ABSENT && i < n; i++)
		r = ask_name(users, owner, owner->spellings[i], known);
	return r;
}
