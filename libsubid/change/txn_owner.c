/* SPDX-License-Identifier: MIT */
/*
 * How the lines of a grant name their owner.
 */
#include "libsubid/accounts/accounts.h"
#include "libsubid/change/private.h"

/*
 * Threat: unshare of util-linux takes the digits at the head of an owner for a uid: a
 * range of the account "1002foo" would be uid 1002's as well.
 */
static bool begins_like_uid(const struct subid_owner_name *owner)
{
	return owner->text[0] >= '0' && owner->text[0] <= '9';
}

/*
 * Threat: to some programs a number in a line is the account of that name, to others
 * the one with that uid: both could use the range.
 */
static bool is_anothers_name(const struct subid_txn *txn,
			     const struct subid_owner_name *owner, uint32_t uid)
{
	struct subid_account account;

	return subid_users_by_name(txn->users, owner->text, owner->len, &account) &&
	       account.uid != uid;
}

const struct subid_owner_name *subid_txn_line_owner(const struct subid_txn *txn,
						    const struct subid_owner *owner,
						    enum subid_kind kind)
{
	const struct subid_owner_name *number = &owner->spellings[owner->n - 1];

	if (!owner->has_account)
		return &owner->spellings[0];
	if (begins_like_uid(&owner->spellings[0]) ||
	    (txn->policy.window[kind].store_by_uid &&
	     !is_anothers_name(txn, number, owner->uid)))
		return number;
	return &owner->spellings[0];
}

int subid_txn_check_owner(const struct subid_txn *txn, const struct subid_owner *of)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_owner_name *owner =
		    subid_txn_line_owner(txn, of, kind);
		uint32_t uid;

		if (owner->len > SUBID_LINE_OWNER_MAX ||
		    (begins_like_uid(owner) &&
		     (subid_id_parse(owner->text, owner->len, &uid) != 0 ||
		      is_anothers_name(txn, owner, uid))))
			return SUBID_INVALID;
	}
	return 0;
}
