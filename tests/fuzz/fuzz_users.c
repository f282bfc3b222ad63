/* SPDX-License-Identifier: MIT */
/*
 * passwd, group and nsswitch.conf of any bytes, one behind the other with a line
 * "%%" between them; and the owners that are found by them.
 */
#include "fuzz.h"
#include "libsubid/accounts/accounts.h"
#include "libsubid/core/core.h"

#define SEPARATOR "%%\n"

/* Cuts off the part up to the separator, and leaves what is behind it. */
static void put_part(const char *name, const char **at, const char *end)
{
	size_t len = strlen(SEPARATOR);
	const char *stop = memmem(*at, (size_t)(end - *at), SEPARATOR, len);

	put_file(scratch_dir(), name, *at, (size_t)((stop == NULL ? end : stop) - *at));
	*at = stop == NULL ? end : stop + len;
}

static bool is_number(struct subid_owner_name s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.text[i] < '0' || s.text[i] > '9')
			return false;
	return true;
}

static bool same(struct subid_owner_name a, struct subid_owner_name b)
{
	return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

/* What header users.h promises of every owner with an account. */
static void check_owner(const struct subid_owner *owner)
{
	char decimal[16];

	must(owner->n > 0);
	(void)snprintf(decimal, sizeof(decimal), "%u", owner->uid);
	must(same(owner->spellings[owner->n - 1],
		  (struct subid_owner_name){ decimal, strlen(decimal) }));
	for (size_t i = 0; i + 1 < owner->n; i++) {
		must(!is_number(owner->spellings[i]));
		must(
		    subid_owner_valid(owner->spellings[i].text, owner->spellings[i].len));
		for (size_t j = 0; j < i; j++)
			must(!same(owner->spellings[i], owner->spellings[j]));
	}
}

static void check_account(const struct subid_users *users,
			  const struct subid_account *account)
{
	auto_free char *name = strndup(account->name, account->name_len);
	struct subid_owner_name spelling = { account->name, account->name_len };
	auto_owner struct subid_owner owner = { .n = 0 }, by_uid = { .n = 0 };
	int r = subid_owner_find(users, name, &owner);

	must(r == 0 || r == SUBID_INVALID || r == SUBID_UNKNOWN);
	if (r == 0)
		check_owner(&owner);
	/* a name with a NUL in it is another one */
	if (r == 0 && strlen(name) == account->name_len && !is_number(spelling))
		must(same(owner.spellings[0], spelling));
	if (r == SUBID_UNKNOWN)
		must(strlen(name) != account->name_len || is_number(spelling));
	must(subid_owner_of_uid(users, account->uid, &by_uid) == 0);
	check_owner(&by_uid);
	must(by_uid.uid == account->uid);
}

static void check_same(const struct subid_owner *a, const struct subid_owner *b)
{
	must(a->has_account == b->has_account && a->n == b->n);
	must(!a->has_account || (a->uid == b->uid && a->gid == b->gid));
	for (size_t i = 0; i < a->n; i++)
		must(same(a->spellings[i], b->spellings[i]));
}

/* Whoever reads only the lines that are asked for finds the same. */
static void check_open(const struct subid_users *users)
{
	auto_users struct subid_users *opened = NULL;

	must(subid_users_open(scratch_dir(), false, &opened, NULL) == 0);
	for (size_t i = 0; i < subid_users_count(users) && i < 8; i++) {
		const struct subid_account *account = subid_users_at(users, i);
		auto_free char *name = strndup(account->name, account->name_len);
		auto_owner struct subid_owner a = { .n = 0 }, b = { .n = 0 };
		auto_owner struct subid_owner c = { .n = 0 }, d = { .n = 0 };

		must(subid_owner_find(users, name, &a) ==
		     subid_owner_find(opened, name, &b));
		check_same(&a, &b);
		must(subid_owner_of_uid(users, account->uid, &c) == 0);
		must(subid_owner_of_uid(opened, account->uid, &d) == 0);
		check_same(&c, &d);
	}
}

/* Returns a sum over all answers, to compare two ways of finding them. */
static uint64_t check_users(struct subid_users *users)
{
	auto_set struct subid_set uids = { .ranges = NULL }, gids = { .ranges = NULL };
	uint64_t sum = 0;

	must(subid_users_taken(users, SUBID_UID, &uids) == 0);
	must(subid_users_taken(users, SUBID_GID, &gids) == 0);
	for (size_t i = 0; i < subid_users_count(users); i++) {
		const struct subid_account *account = subid_users_at(users, i);
		auto_owner struct subid_owner owner = { .n = 0 };
		char name[8];

		if (account->uid != UINT32_MAX)
			must(subid_set_contains(&uids,
						(struct id_range){ account->uid, 1 }));
		if (account->gid != UINT32_MAX)
			must(subid_set_contains(&gids,
						(struct id_range){ account->gid, 1 }));
		if (i >= 32)
			continue;
		check_account(users, account);
		must(subid_owner_of_uid(users, account->uid, &owner) == 0);
		for (size_t k = 0; k < owner.n; k++)
			sum += owner.spellings[k].len * (k + 1) + owner.gid;
		must(
		    subid_users_name(users, SUBID_UID, account->uid, name, sizeof(name)));
		must(strlen(name) < sizeof(name));
		(void)subid_users_name(users, SUBID_GID, account->gid, name,
				       sizeof(name));
	}
	return sum;
}

/*
 * Has every account a name that an owner may go by, and that no account before it has?
 * Others are in groups unnamed, or are listed though their name is another's.
 */
static bool all_named(const struct subid_users *users)
{
	for (size_t i = 0; i < subid_users_count(users); i++) {
		const struct subid_account *account = subid_users_at(users, i);
		struct subid_account first;

		if (!subid_owner_valid(account->name, account->name_len) ||
		    subid_owner_is_hold(account->name, account->name_len) ||
		    is_number(
			(struct subid_owner_name){ account->name, account->name_len }))
			return false;
		must(
		    subid_users_by_name(users, account->name, account->name_len, &first));
		if (first.name != account->name)
			return false;
	}
	return true;
}

/* Looks for one of an owner's login names. */
static int is_member(void *data, const char *name)
{
	const struct subid_owner *owner = data;

	for (size_t i = 0; i + 1 < owner->n; i++)
		if (same(owner->spellings[i],
			 (struct subid_owner_name){ name, strlen(name) }))
			return 1;
	return 0;
}

/* Who is in a group is who is listed for it, asked one by one or all at once. */
static void check_groups(const struct subid_users *users)
{
	static const char *const groups[] = { "people", "100", "people" };
	auto_members struct subid_members members = { .n = 0 };
	bool named = all_named(users);

	for (size_t i = 0; i < subid_users_count(users) && i < 8; i++) {
		auto_owner struct subid_owner owner = { .n = 0 };
		uint32_t uid = subid_users_at(users, i)->uid;

		must(subid_owner_of_uid(users, uid, &owner) == 0);
		for (size_t g = 0; g < 3; g++) {
			int r = subid_users_members(users, groups[g], is_member, &owner);

			int asked = subid_members_ask(&members, users, &owner, groups[g]);

			must((r == SUBID_UNKNOWN) == (asked == SUBID_UNKNOWN));
			must(!named || (r == 1) == (asked == 0));
		}
	}
	must(members.n <= 2);
}

static int check_member(void *data, const char *name)
{
	must(name[0] != '\0');
	++*(size_t *)data;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	auto_users struct subid_users *users = NULL, *with_nss = NULL;
	const char *at = (const char *)data, *end = at + size;
	size_t members = 0;
	uint64_t sum;

	put_part("passwd", &at, end);
	put_part("group", &at, end);
	put_part("nsswitch.conf", &at, end);
	/* the machine's own name service is configured, but not asked */
	must(subid_users_load(scratch_dir(), true, &with_nss, NULL) == 0);
	(void)subid_users_ask_others(with_nss);
	must(subid_users_load(scratch_dir(), false, &users, NULL) == 0);
	must(!subid_users_ask_others(users));
	must(subid_users_count(users) == subid_users_count(with_nss));
	check_open(users);
	sum = check_users(users);
	(void)subid_users_members(users, "people", check_member, &members);
	(void)subid_users_members(users, "100", check_member, &members);
	check_groups(users);
	must(subid_users_index(users) == 0);
	check_groups(users);
	must(check_users(users) == sum);
	return 0;
}
