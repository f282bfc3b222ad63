/* SPDX-License-Identifier: MIT */
/*
 * The way of a first login, after pam_subid.so has seen that the account lacks a range:
 * decide() is to be read from top to bottom.
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
#include "libsubid/policy/policy.h"
#include "tools/subid/login.h"

#define TIMEOUT_DEFAULT_MS 3000
#define TIMEOUT_MAX_S	   60

/* --- arguments ------------------------------------------------------------------- */

/* The value of an argument "key=value"; NULL if it is about another key. */
static const char *value_of(const char *argument, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(argument, key, len) != 0 || argument[len] != '=')
		return NULL;
	return argument + len + 1;
}

static bool read_number(const char *value, uint32_t max, uint32_t *ret)
{
	return subid_id_parse(value, strlen(value), ret) == 0 && *ret <= max;
}

static bool take(struct login *login, const char *argument)
{
	const char *value;
	uint32_t seconds;

	if (strcmp(argument, "debug") == 0) {
		login->debug = true;
		return true;
	}
	if ((value = value_of(argument, "version")) != NULL) {
		login->version = value;
		return true;
	}
	if ((value = value_of(argument, "count")) != NULL)
		return read_number(value, UINT32_MAX, &login->count) && login->count > 0;
	if ((value = value_of(argument, "min_uid")) != NULL)
		return read_number(value, UINT32_MAX, &login->min_uid);
	if ((value = value_of(argument, "timeout")) != NULL) {
		if (!read_number(value, TIMEOUT_MAX_S, &seconds))
			return false;
		login->timeout_ms = (int)seconds * 1000;
		return true;
	}
	if ((value = value_of(argument, "conf")) != NULL) {
		login->conf = value;
		return value[0] == '/';
	}
	login->required_for = value_of(argument, "required_for");
	return login->required_for != NULL && login->required_for[0] != '\0';
}

bool login_parse(int argc, char *argv[], struct login *ret)
{
	ret->timeout_ms = TIMEOUT_DEFAULT_MS;
	for (int i = 0; i < argc; i++) {
		if (take(ret, argv[i]))
			continue;
		(void)cli_complain(EXIT_USAGE,
				   "grant --login: argument '%s' is not known or has a"
				   " wrong value",
				   argv[i]);
		return false;
	}
	return true;
}

/* --- who it is, and what there is -------------------------------------------------- */

static bool is_number(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

/*
 * The account's own name: what was typed may be another spelling of it that the name
 * service takes, too, and must not be written into a table.  *ret_own is to be freed.
 * Threat: a number must not be taken for the uid of somebody else.
 */
static const char *canonical_name(const char *typed, char **ret_own)
{
	const struct passwd *account = is_number(typed) ? NULL : getpwnam(typed);

	if (account == NULL || strcmp(account->pw_name, typed) == 0)
		return typed; /* or it turns out later that there is none */
	*ret_own = strdup(account->pw_name);
	return *ret_own;
}

/* --- policy ------------------------------------------------------------------------ */

/* For rules about groups: all accounts, read once a rule asks. */
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

static int load_conf(const struct login *login, struct subid_conf *ret,
		     struct subid_conf_place *place)
{
	const struct subid_conf_source source = {
		.path = login->conf,
		.etc = login->etc,
		.vendor = SUBID_VENDORDIR,
		.follow = true,
	};

	return subid_conf_load(&source, NULL, ret, place);
}

/* What policy says, without a lock: 0 to give; > 0 not; -errno; said. */
static int ask_policy(struct login *login, const struct subid_owner *owner,
		      struct groups *groups)
{
	struct subid_candidate candidate = { owner, in_group, groups };
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct subid_failure failure = { .file = "login.defs" };
	struct subid_conf_place place;
	struct subid_decision decision;
	struct subid_policy policy;
	int r;

	r = subid_policy_load(login->etc, true, &policy, &failure.place);
	if (r == 0) {
		r = load_conf(login, &conf, &place);
		if (r != 0) {
			failure.place = place.place;
			(void)memcpy(failure.conf, place.file, sizeof(failure.conf));
		}
	}
	if (r == 0) {
		r = subid_conf_decide(&conf, &policy, &candidate, &decision);
		failure.file = groups->file;
	}
	if (r != 0) {
		login_log_failure(login, r, &failure);
		return r < 0 ? r : -EINVAL;
	}
	if (decision.verdict == SUBID_VERDICT_GIVE)
		return 0;
	if (decision.rule != NULL)
		login_log(login, LOG_DEBUG, "no range, by %s:%zu", decision.rule->file,
			  decision.rule->line);
	else
		login_log(login, LOG_DEBUG, "no range: no rule of the policy fits");
	return SUBID_OFF;
}

/* Of required_for=GROUP: must this user have a range to log in? */
static bool is_required(struct login *login, const struct subid_owner *owner,
			struct groups *groups)
{
	const char *group = login->required_for;
	int r = group == NULL ? SUBID_ABSENT : in_group(groups, owner, group);

	if (r < 0)
		login_log(login, LOG_ERR, "required_for=%s: " SUBID_SYSCONFDIR "/%s: %s",
			  group, groups->file, strerror(-r));
	if (r == SUBID_UNKNOWN)
		login_log(login, LOG_ERR, "required_for=%s: there is no such group",
			  group);
	return r == 0;
}

/* --- the answer -------------------------------------------------------------------- */

/* When there is no range because policy gives none, or by a failure. */
static enum login_result without_range(struct login *login,
				       const struct subid_owner *owner,
				       struct groups *groups, bool failed)
{
	bool root = owner->uid == 0; /* somebody has to put it right */
	bool required = !root && is_required(login, owner, groups);

	if (required || (failed && !root && login->required_for == NULL)) {
		/* a failure has left its own */
		if (!failed)
			login_trace_refused(login, owner, SUBID_OFF);
		if (required)
			login_tell(login, "warn",
				   "You have no subordinate ids, which %s need.",
				   login->required_for);
		return LOGIN_ERROR;
	}
	return failed ? LOGIN_IGNORE : LOGIN_SUCCESS;
}

/* Says why nothing could be found out, and leaves the trace. */
static enum login_result failed(struct login *login, const struct subid_owner *owner,
				struct groups *groups, int r, const char *what,
				const char *why)
{
	login_log(login, LOG_ERR, "no range is given: %s: %s", what, why);
	login_trace_refused(login, owner, r);
	return without_range(login, owner, groups, true);
}

static enum login_result for_owner(struct login *login, const struct subid_owner *owner)
{
	__attribute__((cleanup(groups_free))) struct groups groups = {
		.etc = login->etc,
		.file = "group",
	};
	char source[SUBID_SOURCE_SIZE];
	int r;

	/* a stopped or frozen process must not have a turn, or any lock */
	if (login->stuck == NULL && login_take_turn(login) != 0) {
		login_trace_refused(login, owner, SUBID_BUSY);
		return without_range(login, owner, &groups, true);
	}
	r = login_look(login->etc, owner);
	login->remember = r == 0 || owner->uid < login->min_uid;
	if (r == 0)
		return LOGIN_SUCCESS;
	if (r < 0)
		return failed(login, owner, &groups, r, "the tables", strerror(-r));
	if (owner->uid < login->min_uid)
		return without_range(login, owner, &groups, false);
	r = subid_source_read(login->etc, source);
	if (r != 0)
		return failed(login, owner, &groups, r, "nsswitch.conf",
			      r < 0 ? strerror(-r) : "'subid:' names no source");
	if (source[0] != '\0') {
		login_log_source(login, source);
		login->remember = true;
		return LOGIN_SUCCESS;
	}
	r = ask_policy(login, owner, &groups);
	if (r == 0 && login->stuck != NULL) {
		login_log(login, LOG_ERR, "no range this time: %s", login->stuck);
		r = -EPERM;
	} else if (r == 0) {
		r = login_grant(login, owner);
		login->remember = r == SUBID_OFF;
		return r == 0 ? LOGIN_SUCCESS
			      : without_range(login, owner, &groups, true);
	}
	login->remember = r > 0;
	if (r < 0)
		login_trace_refused(login, owner, r);
	return without_range(login, owner, &groups, r < 0);
}

/* The same when it cannot be found out who that is: so nobody is found in a group. */
static enum login_result for_unknown(const struct login *login)
{
	/* whom nsswitch.conf cannot make another: somebody has to put it right */
	if (strcmp(login->typed, "root") == 0 || login->required_for != NULL)
		return LOGIN_IGNORE;
	return LOGIN_ERROR;
}

/* By name: the account may be one that no line can name. */
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

/* Nobody of that name can have a range. */
static enum login_result for_nobody(struct login *login, int r)
{
	login_log(login, LOG_NOTICE, "no range is given: %s",
		  r == SUBID_UNKNOWN ? "there is no such account"
				     : "no owner of ranges can be called so");
	if (login->required_for == NULL)
		return LOGIN_UNKNOWN;
	return is_listed(login->name, login->required_for) ? LOGIN_ERROR : LOGIN_IGNORE;
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

/* All of it, but for what is read of the arguments, and the answer. */
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
	struct login login = { .typed = name, .etc = -1, .turn = -1 };
	enum login_result result;

	if (!login_parse(argc, argv, &login))
		return EXIT_USAGE;
	if (getuid() != 0 || geteuid() != 0)
		return cli_complain(EXIT_UNABLE, "grant --login: only root's services"
						 " ask for that");
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
