/* SPDX-License-Identifier: MIT */
/*
 * Giving a range under the locks, and who it is for.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <security/pam_modutil.h>
#include <string.h>
#include <sys/stat.h>

#include "libsubid/core/core.h"
#include "module.h"

/* How often the patience for the locks begins anew because others get on. */
#define PATIENCE_TIMES 10

/* The account of a name that is a number can have a range by its uid. */
static int find_number(const struct session *session, const struct subid_users *users,
		       const char *name, struct subid_owner *ret)
{
	const struct passwd *account = pam_modutil_getpwnam(session->pamh, name);

	if (account == NULL)
		return SUBID_UNKNOWN;
	if (strcmp(account->pw_name, name) != 0)
		return SUBID_INVALID;
	return subid_owner_of_uid(users, account->pw_uid, ret);
}

int session_owner(const struct session *session, const struct subid_users *users,
		  const char *name, struct subid_owner *ret)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_LENGTH_MAX)
		return SUBID_INVALID;
	if (is_number(name))
		return find_number(session, users, name, ret);
	return subid_owner_find(users, name, ret);
}

/* When the tables were last replaced, to see whether others get on. */
struct progress {
	struct stat tables[SUBID_KINDS];
};

static struct progress look_at_progress(int etc)
{
	struct progress now = { .tables = { { .st_ino = 0 }, { .st_ino = 0 } } };

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		(void)fstatat(etc, subid_kind_table(kind), &now.tables[kind],
			      AT_SYMLINK_NOFOLLOW); /* or none yet */
	return now;
}

static bool is_progress(const struct progress *a, const struct progress *b)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (a->tables[kind].st_ino != b->tables[kind].st_ino ||
		    a->tables[kind].st_mtim.tv_nsec != b->tables[kind].st_mtim.tv_nsec ||
		    a->tables[kind].st_mtim.tv_sec != b->tables[kind].st_mtim.tv_sec)
			return true;
	return false;
}

static struct subid_txn_options options_of(const struct session *session, int proc)
{
	return (struct subid_txn_options){
		.etc = session->etc,
		.proc = proc,
		.nss = true,
		.by_login = true,
		.timeout_ms = session->options.timeout_ms,
		.vendor = SUBID_VENDORDIR,
		.conf = session->options.conf,
	};
}

void session_trace_refused(const struct session *session, const struct subid_owner *owner,
			   int result)
{
	const struct subid_txn_options options = options_of(session, -1);
	const struct subid_refused refused = {
		.owner = owner->spellings[0].text,
		.owner_len = owner->spellings[0].len,
		.uid = owner->uid,
		.kinds = SUBID_BOTH_KINDS,
		.range = { UINT32_MAX, session->options.count },
		.result = result,
	};

	subid_txn_trace_refused(&options, &refused, 1);
}

/*
 * Begins a transaction, which keeps off what containers have.  Hundreds of first logins
 * at once wait for each other; so patience ends only when nothing has moved for that
 * long.
 */
static int begin(const struct session *session, int proc, struct subid_txn **ret,
		 struct subid_failure *failure)
{
	struct subid_txn_options options = options_of(session, proc);
	struct progress before, now = look_at_progress(session->etc);
	auto_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	*failure = (struct subid_failure){ .file = "/" };
	if (root < 0)
		return -errno;
	options.leased = true;
	options.root = root;
	for (int times = 0; times < PATIENCE_TIMES; times++) {
		before = now;
		r = subid_txn_begin(&options, ret, failure);
		now = look_at_progress(session->etc);
		if (r != SUBID_BUSY || !is_progress(&before, &now))
			break;
	}
	return r;
}

/* Gives a range, under the locks.  0 if the owner has one in the end; said. */
static int give(const struct session *session, const char *name,
		const struct subid_owner *known)
{
	auto_txn struct subid_txn *txn = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_close int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct subid_failure failure = { .file = "/proc" };
	struct subid_request request = {
		.owner = &owner,
		.kinds = SUBID_BOTH_KINDS,
		.count = session->options.count,
	};
	struct subid_decision decision = { .verdict = SUBID_VERDICT_NONE };
	struct subid_changes changes = { .n = 0 };
	int r = proc < 0 ? -errno : begin(session, proc, &txn, &failure);

	if (r != 0) {
		say_failure(session, r, &failure);
		session_trace_refused(session, known, r);
		return r;
	}
	say_hidden(session, subid_txn_unseen(txn));
	say_unread(session, &subid_txn_leased(txn)->runtimes);
	r = session_owner(session, subid_txn_users(txn), name, &owner);
	if (r == 0)
		r = subid_txn_decide(txn, &owner, &decision);
	if (r == 0 && decision.verdict != SUBID_VERDICT_GIVE)
		r = SUBID_FORBIDDEN;
	if (r == 0)
		r = subid_txn_grant(txn, &request, &changes);
	if (r == SUBID_ENOUGH)
		return 0; /* another login was quicker */
	if (r != 0) {
		say_refusal(session, txn, r, &changes);
		return r;
	}
	r = subid_txn_commit(txn, &failure);
	if (r != 0)
		say_failure(session, r, &failure);
	else
		say_given(session, &owner, &changes);
	return r;
}

int session_give(const struct session *session, const char *name,
		 const struct subid_owner *owner)
{
	struct guard guard;
	int r;

	guard_begin(&guard);
	r = give(session, name, owner);
	guard_end(&guard);
	return r;
}
