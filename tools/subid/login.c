/* SPDX-License-Identifier: MIT */
/*
 * A first login, after pam_subid.so has seen that the account has no range.  Read
 * decide() from top to bottom.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "libsubid/policy/policy.h"
#include "tools/subid/login.h"

/* How often waiting for the locks starts over because other logins make progress. */
#define PATIENCE_TIMES 10

/* --- arguments ------------------------------------------------------------------- */

bool login_parse(int argc, char *argv[], struct login *ret)
{
	static const char version[] = "version=";

	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], version, strlen(version)) == 0) {
			ret->version = argv[i] + strlen(version);
			continue;
		}
		if (login_option_read(&ret->options, argv[i]))
			continue;
		(void)cli_complain(
		    EXIT_USAGE,
		    "grant --login: argument '%s': unknown, or its value is"
		    " not valid",
		    argv[i]);
		return false;
	}
	return true;
}

/* --- the account -------------------------------------------------- */

/*
 * The account's canonical name: the name service may accept other spellings, which must
 * not be written into a table.  The caller frees *ret_own.
 * Threat: a number must not be taken for the uid of somebody else.
 */
static const char *canonical_name(const char *typed, char **ret_own)
{
	const struct passwd *account =
	    login_name_is_number(typed) ? NULL : getpwnam(typed);

	if (account == NULL || strcmp(account->pw_name, typed) == 0)
		return typed; /* whether there is such an account is seen later */
	*ret_own = strdup(account->pw_name);
	return *ret_own;
}

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

	if (len == 0 || len > LOGIN_NAME_LENGTH_MAX)
		return SUBID_INVALID;
	if (login_name_is_number(login->name))
		return find_number(users, login->name, ret);
	return subid_owner_find(users, login->name, ret);
}

/* --- policy ------------------------------------------------------------------------ */

/* For rules about groups: all accounts, read when the first such rule is met. */
struct groups {
	int etc;
	const char *file; /* that could not be read */
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
		r = subid_users_load(groups->etc, true, &groups->users, &groups->file);
	if (r < 0)
		return r;
	return subid_members_ask(&groups->members, groups->users, owner, group);
}

int login_load_conf(const struct login *login, struct subid_conf *ret)
{
	const struct subid_conf_source source = {
		.path = login->options.conf,
		.etc = login->etc,
		.vendor = SUBID_VENDORDIR,
		.follow = true,
	};
	struct subid_conf_place place;

	return subid_conf_load(&source, NULL, ret, &place);
}

/*
 * Does the policy refuse a range to this account?  Decided without a lock.  If it cannot
 * be decided the answer is no, and the transaction then explains what is wrong.
 */
static bool is_refused(struct login *login, const struct subid_owner *owner,
		       struct groups *groups)
{
	struct subid_candidate candidate = { owner, in_group, groups };
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct subid_decision decision;
	struct subid_policy policy;
	struct subid_place place;

	if (subid_policy_load(login->etc, true, &policy, &place) != 0 ||
	    login_load_conf(login, &conf) != 0 ||
	    subid_conf_decide(&conf, &policy, &candidate, &decision) != 0 ||
	    decision.verdict == SUBID_VERDICT_GIVE)
		return false;
	if (decision.rule != NULL) {
		login_log(login, LOG_DEBUG, "no range, by %s:%zu", decision.rule->file,
			  decision.rule->line);
		(void)snprintf(login->reason, sizeof(login->reason), "%s",
			       decision.rule->reason);
	} else
		login_log(login, LOG_DEBUG, "no range: no rule of the policy fits");
	return true;
}

/* Must this user have a range to log in (required_for=GROUP)? */
static bool is_required(struct login *login, const struct subid_owner *owner,
			struct groups *groups)
{
	const char *group = login->options.required_for;
	int r = group == NULL ? SUBID_ABSENT : in_group(groups, owner, group);

	if (r < 0)
		login_log(login, LOG_ERR, "required_for=%s: " SUBID_SYSCONFDIR "/%s: %s",
			  group, groups->file, strerror(-r));
	if (r == SUBID_UNKNOWN)
		login_log(login, LOG_ERR, "required_for=%s: no such group", group);
	return r == 0;
}

/* --- the grant -----------------------------------------------------------------------
 */

/* The request; name: the owner's first spelling, terminated. */
static struct subid_request request_of(const struct login *login, const char *name)
{
	return (struct subid_request){
		.size = sizeof(struct subid_request),
		.owner = name,
		.flags = SUBID_UNASKED,
		.count = login->options.count,
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
	(void)note; /* all are logged: there is no quiet */
	login_log(data, LOG_WARNING, "%s", text);
}

/* *ret_begun: a refusal has left its trace. */
static int grant_once(struct login *login, struct subid *sys, const char *name,
		      uint32_t uid, bool *ret_begun, struct subid_error *err)
{
	const struct subid_request request = request_of(login, name);
	auto_txn struct subid_txn *txn = NULL;
	const struct subid_list *changes;
	int r = subid_begin(sys, SUBID_BY_LOGIN, (int)login->options.timeout_s * 1000,
			    &txn, err);

	if (r == 0)
		r = subid_grant(txn, &request, err);
	*ret_begun = txn != NULL && r != SUBID_BUSY;
	if (r == 0)
		r = subid_changes(txn, &changes);
	if (r == 0)
		r = subid_commit(txn, err);
	if (r == 0)
		login_log_granted(login, uid, changes);
	return r;
}

/*
 * Hundreds of first logins at the same time wait for each other, so it gives up only when
 * the tables have not changed for the whole timeout.
 */
static int grant(struct login *login, struct subid *sys, const char *name, uint32_t uid,
		 bool *ret_begun, struct subid_error *err)
{
	struct login_tables tables = { .st = { { .st_ino = 0 }, { .st_ino = 0 } } };
	int r = subid_use_policy(sys, login->options.conf);

	(void)login_tables_moved(login->etc, &tables);
	for (int times = 0; r >= 0 && times < PATIENCE_TIMES; times++) {
		r = grant_once(login, sys, name, uid, ret_begun, err);
		if (r != SUBID_BUSY || !login_tables_moved(login->etc, &tables))
			break;
	}
	return r;
}

int login_grant(struct login *login, const struct subid_owner *owner)
{
	auto_system struct subid *sys = NULL;
	auto_free char *name = name_of(owner);
	struct subid_error err = { .size = sizeof(err) };
	bool begun = false;
	int r = name == NULL ? -ENOMEM : login_directory(login, name, owner->uid);

	if (name != NULL && r != SUBID_ABSENT) {
		if (r != 0)
			login_trace_refused(login, owner, r);
		return r;
	}
	if (name != NULL)
		r = subid_open(NULL, &sys, &err);
	if (r == 0) {
		subid_on_warning(sys, warn, login);
		r = grant(login, sys, name, owner->uid, &begun, &err);
	}
	/* enough: another login was faster */
	if (r == 0 || r == SUBID_ENOUGH)
		return r;
	login_log_error(login, r, &err);
	if (!begun)
		login_trace_refused(login, owner, r);
	return r;
}

/* --- the answer -------------------------------------------------------------------- */

/* The answer without a range: the policy refuses it (r is 0), or r is what failed. */
static enum login_result without_range(struct login *login,
				       const struct subid_owner *owner,
				       struct groups *groups, int r)
{
	bool root = owner->uid == 0; /* must be able to log in and repair it */
	bool required = !root && is_required(login, owner, groups), failed = r != 0;

	if (required || (failed && !root && login->options.required_for == NULL)) {
		/* a failure has left its trace already */
		if (!failed)
			login_trace_refused(login, owner, SUBID_OFF);
		login_tell_denied(login, r);
		return LOGIN_ERROR;
	}
	return failed ? LOGIN_IGNORE : LOGIN_SUCCESS;
}

/* Logs what could not be read, and leaves the trace. */
static enum login_result failed(struct login *login, const struct subid_owner *owner,
				struct groups *groups, int r, const char *what,
				const char *why)
{
	login_log(login, LOG_ERR, "no range is granted: %s: %s", what, why);
	login_trace_refused(login, owner, r);
	return without_range(login, owner, groups, r);
}

static enum login_result for_owner(struct login *login, const struct subid_owner *owner)
{
	__attribute__((cleanup(groups_free))) struct groups groups = {
		.etc = login->etc,
		.file = "group",
	};
	int r;

	/* a process that can be stopped or frozen must not hold a place, nor any lock */
	if (login->stuck == NULL && login_take_turn(login) != 0) {
		login_trace_refused(login, owner, SUBID_BUSY);
		return without_range(login, owner, &groups, SUBID_BUSY);
	}
	r = login_look(login->etc, owner);
	login->remember = r == 0 || owner->uid < login->options.min_uid;
	if (r == 0)
		return LOGIN_SUCCESS;
	if (r < 0)
		return failed(login, owner, &groups, r, "the tables", open_why(-r));
	if (owner->uid < login->options.min_uid)
		return without_range(login, owner, &groups, 0);
	if (r == SUBID_DENIED)
		login_log(login, LOG_NOTICE,
			  "the ids of its lines do not exist in this user namespace"
			  " (/proc/self/uid_map, gid_map): they do not count");
	r = login_ask_sources(login, owner);
	if (r < 0) {
		login_trace_refused(login, owner, r);
		return without_range(login, owner, &groups, r);
	}
	if (r == 0) {
		login->remember = true;
		return LOGIN_SUCCESS;
	}
	if (is_refused(login, owner, &groups)) {
		login->remember = true;
		return without_range(login, owner, &groups, 0);
	}
	if (login->stuck != NULL) {
		login_log(login, LOG_ERR, "no range this time: %s", login->stuck);
		login_trace_refused(login, owner, -EPERM);
		return without_range(login, owner, &groups, -EPERM);
	}
	r = login_grant(login, owner);
	login->remember = r == SUBID_OFF || r == SUBID_ENOUGH;
	return r == 0 || r == SUBID_ENOUGH ? LOGIN_SUCCESS
					   : without_range(login, owner, &groups, r);
}

/* The answer if the account cannot be looked up; then its groups cannot either. */
static enum login_result for_unknown(struct login *login)
{
	/* root must be able to log in and repair it, whatever nsswitch.conf says */
	if (strcmp(login->typed, "root") == 0 || login->options.required_for != NULL)
		return LOGIN_IGNORE;
	login_tell_denied(login, -EIO);
	return LOGIN_ERROR;
}

/* Looked up by name, since no line may be able to name the account. */
static bool is_listed(const char *name, const char *group)
{
	const struct passwd *account = getpwnam(name);
	gid_t gid = account == NULL ? (gid_t)-1 : account->pw_gid;
	const struct group *entry = getgrnam(group);

	if (entry == NULL)
		return false;
	for (char *const *member = entry->gr_mem; *member != NULL; member++)
		if (strcmp(*member, name) == 0)
			return true;
	return entry->gr_gid == gid;
}

/* The answer for a name that cannot have a range. */
static enum login_result for_nobody(struct login *login, int r)
{
	login_log(login, LOG_NOTICE, "no range is granted: %s",
		  r == SUBID_UNKNOWN ? "no such account" : "invalid owner name");
	if (login->options.required_for == NULL)
		return LOGIN_UNKNOWN;
	return is_listed(login->name, login->options.required_for) ? LOGIN_ERROR
								   : LOGIN_IGNORE;
}

static enum login_result decide(struct login *login)
{
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	const char *file = "passwd";
	int r;

	r = subid_users_open(login->etc, true, &users, &file);
	if (r < 0) {
		login_log(login, LOG_ERR,
			  "cannot be looked up: " SUBID_SYSCONFDIR "/%s: %s", file,
			  strerror(-r));
		return for_unknown(login);
	}
	r = login_find_owner(login, users, &owner);
	if (r == 0)
		return for_owner(login, &owner);
	if (r > 0)
		return for_nobody(login, r);
	login_log(login, LOG_ERR, "cannot be looked up: %s", strerror(-r));
	return for_unknown(login);
}

/* Everything between reading the arguments and writing the answer. */
static enum login_result work(struct login *login)
{
	auto_free char *own = NULL;
	auto_close int etc = open(SUBID_SYSCONFDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	login->etc = etc;
	if (etc >= 0)
		login_note_stamp(login);
	login->name = canonical_name(login->typed, &own);
	if (etc >= 0 && login->name != NULL)
		return decide(login);
	login_log(login, LOG_ERR, SUBID_SYSCONFDIR ": %s", strerror(errno));
	return for_unknown(login);
}

int login_run(const char *name, int argc, char *argv[])
{
	struct login login = {
		.typed = name,
		.etc = -1,
		.turn = -1,
		.options = LOGIN_OPTIONS,
	};
	enum login_result result;

	if (!login_parse(argc, argv, &login))
		return EXIT_USAGE;
	if (getuid() != 0 || geteuid() != 0)
		return cli_complain(EXIT_UNABLE, "grant --login: only for services of"
						 " root");
	login.stuck = login_reset();
	if (login.stuck == NULL)
		login.stuck = login_leave_cgroups();
	login.len = (size_t)snprintf(login.answer, sizeof(login.answer), "subid %s\n",
				     SUBID_VERSION);
	if (login.version != NULL && strcmp(login.version, SUBID_VERSION) != 0) {
		(void)!write(STDOUT_FILENO, login.answer, login.len);
		return EXIT_USAGE;
	}
	result = work(&login);
	/* before the turn ends, and so that others find it when the module has the answer
	 */
	login_end(&login, result);
	login_remember(&login);
	if (login.turn >= 0)
		(void)close(login.turn);
	return login_send(&login, result);
}
