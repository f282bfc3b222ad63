/* SPDX-License-Identifier: MIT */
/*
 * Granting a range to who logs in, under the locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/policy/policy.h"
#include "tools/subid/login.h"

/* How often the patience for the locks begins anew because others get on. */
#define PATIENCE_TIMES 10

/* No account is called longer (useradd(8)), and some readers drop long lines. */
#define NAME_LENGTH_MAX 256

/*
 * Threat: a login name that is a number must not be taken for the uid of somebody else.
 * Its account can have a range by its uid.
 */
static int find_number(const struct subid_users *users, const char *name,
		       struct subid_owner *ret)
{
	const struct passwd *account = getpwnam(name);

	if (account == NULL)
		return SUBID_UNKNOWN;
	if (strcmp(account->pw_name, name) != 0)
		return SUBID_INVALID;
	return subid_owner_of_uid(users, account->pw_uid, ret);
}

int login_find_owner(const struct login *login, const struct subid_users *users,
		     struct subid_owner *ret)
{
	size_t len = strlen(login->name);

	if (len == 0 || len > NAME_LENGTH_MAX)
		return SUBID_INVALID;
	if (login->name[strspn(login->name, "0123456789")] == '\0')
		return find_number(users, login->name, ret);
	return subid_owner_find(users, login->name, ret);
}

void login_trace_refused(const struct login *login, const struct subid_owner *owner,
			 int result)
{
	auto_system struct subid *sys = NULL;
	const struct subid_refused refused = {
		.owner = owner->spellings[0].text,
		.owner_len = owner->spellings[0].len,
		.uid = owner->uid,
		.kinds = SUBID_BOTH_KINDS,
		.range = { UINT32_MAX, login->count },
		.result = result,
	};

	if (subid_open(NULL, &sys, NULL) == 0)
		subid_trace_refused(sys, SUBID_BY_LOGIN, &refused, 1);
}

/*
 * Begins a transaction, which avoids what containers have.  Hundreds of first logins
 * at once wait for each other; so patience ends only when nothing has moved for that
 * long.
 */
static int begin(const struct login *login, struct subid *sys, struct subid_txn **ret,
		 struct subid_error *err)
{
	struct login_tables tables = { .st = { { .st_ino = 0 }, { .st_ino = 0 } } };
	int r = subid_use_policy(sys, login->conf);

	(void)login_tables_moved(login->etc, &tables);
	for (int times = 0; r >= 0 && times < PATIENCE_TIMES; times++) {
		r = subid_begin(sys, SUBID_BY_LOGIN, login->timeout_ms, ret, err);
		if (r != SUBID_BUSY || !login_tables_moved(login->etc, &tables))
			break;
	}
	return r;
}

/* What policy says under the locks, and the range. */
static int grant(struct login *login, struct subid_txn *txn, struct subid_owner *owner,
		 struct subid_changes *ret)
{
	struct subid_decision decision = { .verdict = SUBID_VERDICT_NONE };
	struct subid_request request = {
		.owner = owner,
		.kinds = SUBID_BOTH_KINDS,
		.count = login->count,
	};
	int r = login_find_owner(login, subid_txn_users(txn), owner);

	if (r == 0)
		r = subid_txn_decide(txn, owner, &decision);
	if (r == 0 && decision.verdict != SUBID_VERDICT_GIVE)
		r = SUBID_FORBIDDEN;
	return r == 0 ? subid_txn_grant(txn, &request, ret) : r;
}

int login_grant(struct login *login, const struct subid_owner *known)
{
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	struct subid_error err = { .size = sizeof(err) };
	struct subid_failure failure;
	struct subid_changes changes = { .n = 0 };
	int r = subid_open(NULL, &sys, &err);

	if (r == 0)
		r = begin(login, sys, &txn, &err);
	if (r != 0) {
		login_log_error(login, &err);
		login_trace_refused(login, known, r);
		return r;
	}
	login_log_hidden(login, subid_txn_unseen(txn));
	login_log_unread(login, &subid_txn_leased(txn)->runtimes);
	r = grant(login, txn, &owner, &changes);
	if (r == SUBID_ENOUGH)
		return 0; /* another login was quicker */
	if (r != 0) {
		login_log_refusal(login, txn, r, &changes);
		return r;
	}
	r = subid_txn_commit(txn, &failure);
	if (r != 0)
		login_log_failure(login, r, &failure);
	else
		login_log_granted(login, &owner, &changes);
	return r;
}
