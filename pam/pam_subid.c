/* SPDX-License-Identifier: MIT */
/*
 * pam_subid.so: a range of subordinate ids at the first login, pam_subid(8).
 * open_session() is to be read from top to bottom; the rules are in module.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "libsubid/cleanup.h"
#include "module.h"

/* How often the patience for the locks begins anew because others get on. */
#define PATIENCE_TIMES 10

/* No account is called longer (useradd(8)), and some readers drop long lines. */
#define NAME_LENGTH_MAX 256

/* Threat: a login name that is a number must not be taken for the uid of somebody
 * else; its account can have a range by its own uid. */
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

/* The account behind PAM_USER.  0, or > 0 when there is none that could have a
 * range, or -errno. */
static int find_owner(const struct session *session, const struct subid_users *users,
		      const char *name, struct subid_owner *ret)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_LENGTH_MAX)
		return SUBID_INVALID;
	if (strspn(name, "0123456789") == len)
		return find_number(session, users, name, ret);
	return subid_owner_find(users, name, ret);
}

/* Has the owner any id of each kind?  0: yes; SUBID_ABSENT: no; -errno. */
static int look(int etc, const struct subid_owner *owner)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		auto_text struct subid_text text = { .bytes = NULL };
		auto_free struct subid_holding *holdings = NULL;
		size_t n = 0;
		int r = subid_text_read(etc, subid_kind_table(kind), false, &text);

		if (r == 0)
			r = subid_holdings(&text, owner->spellings, owner->n, &holdings,
					   &n);
		if (r < 0 && r != -ENOENT)
			return r;
		if (n == 0)
			return SUBID_ABSENT;
	}
	return 0;
}

/* For rules about groups: all accounts, read once a rule asks. */
struct groups {
	int etc;
	struct subid_users *users;
	struct subid_members members;
};

static void groups_free(struct groups *groups)
{
	subid_users_free(&groups->users);
	subid_members_free(&groups->members);
}

static int in_group(void *data, const struct subid_owner *owner, const char *group)
{
	struct groups *groups = data;
	int r = 0;

	if (groups->users == NULL)
		r = subid_users_load(groups->etc, true, &groups->users);
	if (r < 0)
		return r;
	return subid_members_ask(&groups->members, groups->users, owner, group);
}

static int load_conf(const struct session *session, struct subid_conf *ret,
		     struct subid_conf_place *place)
{
	if (session->options.conf != NULL)
		return subid_conf_load_file(session->options.conf, ret, place);
	return subid_conf_load(session->etc, SUBID_VENDORDIR, true, ret, place);
}

/* What policy says, without a lock: 0 to give; > 0 not; -errno; said. */
static int ask_policy(const struct session *session, const struct subid_owner *owner,
		      struct groups *groups)
{
	struct subid_candidate candidate = { owner, in_group, groups };
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct subid_failure failure = { .file = "login.defs" };
	struct subid_conf_place place;
	struct subid_decision decision;
	struct subid_policy policy;
	int r;

	r = subid_policy_load(session->etc, true, &policy, &failure.place);
	if (r == 0) {
		r = load_conf(session, &conf, &place);
		if (r != 0) {
			failure.place = place.place;
			(void)memcpy(failure.conf, place.file, sizeof(failure.conf));
		}
	}
	if (r == 0) {
		failure.file = "group";
		r = subid_conf_decide(&conf, &policy, &candidate, &decision);
	}
	if (r != 0) {
		say_failure(session, r, &failure);
		return r < 0 ? r : -EINVAL;
	}
	if (decision.verdict == SUBID_VERDICT_GIVE)
		return 0;
	if (decision.rule != NULL)
		say(session, LOG_DEBUG, "no range, by %s:%zu", decision.rule->file,
		    decision.rule->line);
	else
		say(session, LOG_DEBUG, "no range: no rule of the policy fits");
	return SUBID_OFF;
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

/*
 * Begins a transaction.  Hundreds of first logins at once wait for each other; so
 * patience ends only when nothing has moved for that long.
 */
static int begin(const struct session *session, int proc, struct subid_txn **ret,
		 struct subid_failure *failure)
{
	struct subid_txn_options options = {
		.etc = session->etc,
		.proc = proc,
		.nss = true,
		.timeout_ms = session->options.timeout_ms,
		.vendor = SUBID_VENDORDIR,
		.conf = session->options.conf,
	};
	struct progress before, now = look_at_progress(session->etc);
	int r;

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
static int give(const struct session *session, const char *name)
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
		return r;
	}
	r = find_owner(session, subid_txn_users(txn), name, &owner);
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

static int give_guarded(const struct session *session, const char *name)
{
	struct guard guard;
	int r;

	guard_begin(&guard);
	r = give(session, name);
	guard_end(&guard);
	return r;
}

/* Of required_for=GROUP: must this user have a range to log in? */
static bool is_required(const struct session *session, const struct subid_owner *owner,
			struct groups *groups)
{
	const char *group = session->options.required_for;
	int r = group == NULL ? SUBID_ABSENT : in_group(groups, owner, group);

	if (r < 0 || r == SUBID_UNKNOWN)
		say(session, LOG_ERR, "required_for=%s: %s", group,
		    r < 0 ? strerror(-r) : "there is no such group");
	return r == 0;
}

/* What is answered when there is no range for want of policy's, or by a failure. */
static int answer(const struct session *session, const struct subid_owner *owner,
		  struct groups *groups, bool failed)
{
	bool required = is_required(session, owner, groups);

	if (required || (failed && session->options.required_for == NULL)) {
		if (required && !session->silent)
			(void)pam_error(session->pamh,
					"You have no subordinate ids, which %s need.",
					session->options.required_for);
		return PAM_SESSION_ERR;
	}
	return failed ? PAM_IGNORE : PAM_SUCCESS;
}

/* The same for who can have none, by name. */
static int answer_nobody(const struct session *session, const char *name)
{
	const char *group = session->options.required_for;

	if (group == NULL)
		return PAM_USER_UNKNOWN;
	return pam_modutil_user_in_group_nam_nam(session->pamh, name, group) == 1
		   ? PAM_SESSION_ERR
		   : PAM_IGNORE;
}

static int for_owner(const struct session *session, const char *name,
		     const struct subid_owner *owner)
{
	__attribute__((cleanup(groups_free))) struct groups groups = {
		.etc = session->etc,
	};
	char source[SUBID_SOURCE_SIZE];
	int r = look(session->etc, owner);

	if (r == 0)
		return PAM_SUCCESS; /* without a lock, a write, or a look at policy */
	if (r < 0) {
		say(session, LOG_ERR, "no range is given: the tables: %s", strerror(-r));
		return answer(session, owner, &groups, true);
	}
	if (owner->uid < session->options.min_uid)
		return answer(session, owner, &groups, false);
	r = subid_source_read(session->etc, source);
	if (r != 0) {
		say(session, LOG_ERR, "no range is given: nsswitch.conf: %s",
		    r < 0 ? strerror(-r) : "'subid:' names no source");
		return answer(session, owner, &groups, true);
	}
	if (source[0] != '\0') {
		say_source(session, source);
		return PAM_SUCCESS;
	}
	r = ask_policy(session, owner, &groups);
	if (r == 0 && geteuid() != 0) {
		say(session, LOG_NOTICE, "no range is given: the service is not root");
		r = -EPERM;
	} else if (r == 0) {
		r = give_guarded(session, name);
		if (r == 0)
			return PAM_SUCCESS;
		return answer(session, owner, &groups, true);
	}
	return answer(session, owner, &groups, r < 0);
}

static int open_session(struct session *session, const char *name)
{
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_close int etc = open(SUBID_SYSCONFDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (etc < 0) {
		say(session, LOG_ERR, SUBID_SYSCONFDIR ": %s", strerror(errno));
		return PAM_SESSION_ERR;
	}
	session->etc = etc;
	r = subid_users_open(etc, true, &users);
	if (r == 0)
		r = find_owner(session, users, name, &owner);
	if (r == 0)
		return for_owner(session, name, &owner);
	if (r < 0) {
		say(session, LOG_ERR, "cannot be looked up: %s", strerror(-r));
		return PAM_SESSION_ERR;
	}
	say(session, LOG_NOTICE, "no range is given: %s",
	    r == SUBID_UNKNOWN ? "there is no such account"
			       : "no owner of ranges can be called so");
	return answer_nobody(session, name);
}

int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct session session = { .pamh = pamh };
	const void *item = NULL;
	const char *name;

	if (!options_parse(pamh, argc, argv, &session.options))
		return PAM_IGNORE;
	session.silent = ((unsigned int)flags & PAM_SILENT) != 0 || session.options.quiet;
	if (pam_get_item(pamh, PAM_USER, &item) != PAM_SUCCESS || item == NULL) {
		pam_syslog(pamh, LOG_ERR, "the service has not said who logs in");
		return PAM_SESSION_ERR;
	}
	name = item;
	(void)snprintf(session.shown, sizeof(session.shown), "%s", name);
	for (char *c = session.shown; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			*c = '?';
	return open_session(&session, name);
}

int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv; /* ranges stay */
	return PAM_SUCCESS;
}

/* The other types: nothing to say. */
int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}

int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}

int pam_sm_chauthtok(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_IGNORE;
}
