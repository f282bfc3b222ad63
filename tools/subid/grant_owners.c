/* SPDX-License-Identifier: MIT */
/*
 * To whom subid grant gives when only the accounts can tell: a group, or all.
 */
#include <errno.h>
#include <search.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/grant.h"

/* With more owners than these, an index costs less than it saves. */
#define OWNERS_FEW 8

/* Who is meant by a group, or by all. */
struct choice {
	const struct cli *cli;
	struct cli_names *owners;
	struct subid_txn *txn;
	const char *group;
	bool all;
	size_t passed_over; /* whom policy does not give any */
	size_t n_members;
	void *uids; /* of those that were looked at: a tree, see tsearch(3) */
};

/* A key of the tree is no pointer but a uid. */
static int by_uid(const void *a, const void *b)
{
	return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static void free_no_key(void *key)
{
	(void)key;
}

/*
 * Notes whose name it is.  SUBID_ENOUGH if another name of the same uid was here before:
 * a uid gets what it gets once.  Threat: an image may have any number of names for one
 * uid; to look up all of them for each of them would take for ever.
 */
static int note_uid(struct choice *choice, const char *name)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	int r = subid_owner_find_plain(subid_txn_users(choice->txn), name, &owner);
	const void *key = (const void *)(uintptr_t)owner.uid;

	if (r < 0)
		return r;
	if (r > 0)
		return 0; /* no account */
	if (tfind(key, &choice->uids, by_uid) != NULL)
		return SUBID_ENOUGH;
	return tsearch(key, &choice->uids, by_uid) == NULL ? -ENOMEM : 0;
}

/*
 * Adds an owner that nobody has named, if policy gives to it.  selected: somebody
 * has named a group that it is in, which makes up for a uid that is not of people,
 * but not for rules that leave it out.
 */
static int add_if_given(struct choice *choice, const char *name, bool selected)
{
	auto_owner struct subid_owner owner = { .has_account = false };
	struct subid_decision decision;
	bool given;
	int r = note_uid(choice, name);

	if (r != 0)
		return r < 0 ? r : 0;
	r = subid_owner_find(subid_txn_users(choice->txn), name, &owner);
	if (r == SUBID_INVALID)
		return cli_names_add(choice->owners, name); /* to be complained of */
	if (r == 0 || r == SUBID_UNKNOWN)
		r = subid_txn_decide(choice->txn, &owner, &decision);
	if (r < 0)
		return r;
	given = decision.verdict == SUBID_VERDICT_GIVE ||
		(decision.verdict == SUBID_VERDICT_NONE && selected &&
		 !subid_conf_gives(subid_txn_conf(choice->txn)));
	choice->passed_over += !given && (selected || decision.rule != NULL);
	return given ? cli_names_add(choice->owners, name) : 0;
}

static int add_member(void *data, const char *name)
{
	struct choice *choice = data;
	int r =
	    choice->n_members++ == OWNERS_FEW ? subid_txn_prepare_bulk(choice->txn) : 0;

	return r == 0 ? add_if_given(choice, name, true) : r;
}

static int add_all(struct choice *choice)
{
	const struct subid_users *users = subid_txn_users(choice->txn);
	int r = subid_txn_prepare_bulk(choice->txn);

	for (size_t i = 0; r == 0 && i < subid_users_count(users); i++) {
		const struct subid_account *account = subid_users_at(users, i);
		auto_free char *name = strndup(account->name, account->name_len);

		r = name == NULL ? -ENOMEM : add_if_given(choice, name, false);
	}
	return r;
}

/* The owners that only the accounts can tell. */
static int add_accounts(struct choice *choice)
{
	int r = 0;

	if (choice->group != NULL)
		r = subid_users_members(subid_txn_users(choice->txn), choice->group,
					add_member, choice);
	if (r == SUBID_UNKNOWN)
		return cli_complain(EXIT_NO, "%s: no such group", choice->group);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", choice->group, strerror(-r));
	if (choice->all)
		r = add_all(choice);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "--all: %s", strerror(-r));
	if (choice->passed_over > 0 && !choice->cli->quiet)
		(void)cli_complain(0,
				   "%zu passed over, to whom %s/" SUBID_CONF_FILE
				   " gives no ids ('subid policy explain OWNER')",
				   choice->passed_over, choice->cli->etc_name);
	return EXIT_DONE;
}

int grant_owners_choose(const struct cli *cli, struct cli_names *owners,
			struct subid_txn *txn, const char *group, bool all)
{
	struct choice choice = { cli, owners, txn, group, all, 0, 0, NULL };
	int status = add_accounts(&choice);

	tdestroy(choice.uids, free_no_key);
	if (status == EXIT_DONE && group != NULL && owners->n == 0 &&
	    choice.passed_over == 0 && !cli->quiet)
		(void)cli_complain(0, "%s: nobody is in it, nothing was done", group);
	return status;
}
