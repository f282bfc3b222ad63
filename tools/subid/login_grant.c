/* SPDX-License-Identifier: MIT */
/*
 * Granting a range to who logs in, under the locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

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

/* The range that is asked for; name: the owner's first spelling, terminated. */
static struct subid_request request_of(const struct login *login, const char *name)
{
	return (struct subid_request){
		.size = sizeof(struct subid_request),
		.owner = name,
		.flags = SUBID_UNASKED,
		.count = login->count,
	};
}

static char *name_of(const struct subid_owner *owner)
{
	return strndup(owner->spellings[0].text, owner->spellings[0].len);
}

void login_trace_refused(const struct login *login, const struct subid_owner *owner,
			 int result)
{
	auto_system struct subid *sys = NULL;
	auto_free char *name = name_of(owner);
	const struct subid_request request = request_of(login, name);

	if (name != NULL && subid_open(NULL, &sys, NULL) == 0)
		subid_trace_refused(sys, SUBID_BY_LOGIN, &request, owner->uid, result);
}

static void warn(void *data, enum subid_note note, const char *text)
{
	(void)note; /* nobody asked for quiet */
	login_log(data, LOG_WARNING, "%s", text);
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

static int grant(struct login *login, struct subid_txn *txn, uint32_t uid,
		 const char *name)
{
	const struct subid_request request = request_of(login, name);
	struct subid_error err = { .size = sizeof(err) };
	const struct subid_list *changes;
	int r = subid_grant(txn, &request, &err);

	if (r == SUBID_ENOUGH)
		return 0; /* another login was quicker */
	if (r != 0) {
		login_log_refusal(login, r, &err);
		return r;
	}
	r = subid_changes(txn, &changes);
	if (r == 0)
		r = subid_commit(txn, &err);
	if (r != 0)
		login_log_error(login, &err);
	else
		login_log_granted(login, uid, changes);
	return r;
}

int login_grant(struct login *login, const struct subid_owner *owner)
{
	auto_system struct subid *sys = NULL;
	auto_txn struct subid_txn *txn = NULL;
	auto_free char *name = name_of(owner);
	struct subid_error err = { .size = sizeof(err) };
	int r = name == NULL ? -ENOMEM : subid_open(NULL, &sys, &err);

	if (r == 0) {
		subid_on_warning(sys, warn, login);
		r = begin(login, sys, &txn, &err);
	}
	if (r == 0)
		return grant(login, txn, owner->uid, name);
	login_log_error(login, &err);
	login_trace_refused(login, owner, r);
	return r;
}
