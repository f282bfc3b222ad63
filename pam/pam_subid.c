/* SPDX-License-Identifier: MIT */
/*
 * pam_subid.so: a range of subordinate ids at the first login, pam_subid(8).
 * open_session() is to be read from top to bottom: look, run "subid grant --login", pass
 * on what it says; the rules are in module.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <security/pam_ext.h>
#include <security/pam_modutil.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "libsubid/policy/policy.h"
#include "module.h"

/* --- the look ------------------------------------------------------------------- */

/* What is known about the account without loading a module of nsswitch.conf. */
struct account {
	struct subid_users *users;
	struct subid_owner owner; /* local: by all its spellings */
	bool local;
	bool has_range;
};

static void account_free(struct account *account)
{
	subid_owner_free(&account->owner);
	subid_users_free(&account->users);
}

/* By its name alone, which is mostly enough, and does not need passwd. */
static bool has_by_name(int etc, const char *name)
{
	struct subid_owner_name one = { name, strlen(name) };
	const struct subid_owner owner = { .spellings = &one, .n = 1 };

	return subid_owner_valid(name, one.len) && !subid_owner_is_hold(name, one.len) &&
	       login_look(etc, &owner) == 0;
}

/*
 * What cannot be seen here, the program sees.  Names that passwd does not have are
 * looked for in the tables as they are: nothing is granted by that.
 */
static void look(const struct session *session, const char *name, struct account *ret)
{
	if (session->etc < 0 || login_name_is_number(name) ||
	    strlen(name) > LOGIN_NAME_LENGTH_MAX)
		return;
	ret->has_range = has_by_name(session->etc, name);
	if (ret->has_range ||
	    subid_users_open(session->etc, false, &ret->users, NULL) < 0 ||
	    subid_owner_find(ret->users, name, &ret->owner) != 0)
		return;
	ret->local = true;
	ret->has_range = login_look(session->etc, &ret->owner) == 0;
}

static int load_conf(const struct session *session, struct subid_conf *ret)
{
	const struct subid_conf_source source = {
		.path = session->options.login.conf,
		.etc = session->etc,
		.vendor = SUBID_VENDORDIR,
		.follow = true,
	};
	struct subid_conf_place place;

	return subid_conf_load(&source, NULL, ret, &place);
}

/* May the policy grant a range to this local account?  If the policy is wrong, the
 * program reports it. */
static bool may_be_given(const struct session *session, const struct subid_owner *owner)
{
	auto_conf struct subid_conf conf = { .n_rules = 0 };
	struct subid_policy policy;
	struct subid_place place;

	if (owner->uid < session->options.login.min_uid)
		return false;
	if (subid_policy_load(session->etc, true, &policy, &place) != 0 ||
	    (owner->uid >= policy.uid_min && owner->uid <= policy.uid_max) ||
	    load_conf(session, &conf) != 0)
		return true;
	/* rules for everyone are for these uids, too */
	for (size_t i = 0; i < conf.n_rules; i++)
		if (conf.rules[i].verb == SUBID_CONF_GIVE &&
		    conf.rules[i].whom != SUBID_CONF_EVERYONE)
			return true;
	return false;
}

/* --- the answer ------------------------------------------------------------------- */

static bool is_root(const char *name, const struct account *account)
{
	return account->local ? account->owner.uid == 0 : strcmp(name, "root") == 0;
}

/* Must this user have a range to log in?  Only here the name service is asked. */
static bool is_required(const struct session *session, const char *name)
{
	const char *group = session->options.login.required_for;

	return group != NULL &&
	       pam_modutil_user_in_group_nam_nam(session->pamh, name, group) == 1;
}

/* The answer when the program failed, which has been logged. */
static int without_program(const struct session *session, const char *name,
			   const struct account *account, enum helper_end end)
{
	const char *group = session->options.login.required_for;

	if (is_root(name, account))
		return PAM_IGNORE; /* root must be able to log in and repair it */
	if (group == NULL ? end == HELPER_UNUSABLE : !is_required(session, name))
		return PAM_IGNORE;
	if (!session->silent)
		(void)pam_error(session->pamh,
				"You have no subordinate ids, which %s need: the program"
				" that grants them %s. Ask the administrator of this"
				" host.",
				group == NULL ? "containers" : group,
				end == HELPER_UNUSABLE ? "cannot be run"
						       : "has not answered");
	return PAM_SESSION_ERR;
}

/* The program's answer, from now or remembered; or that of another login of this user. */
static enum helper_end ask(const struct session *session, const char *name,
			   struct answer *ret)
{
	char file[LOGIN_FILE_SIZE];
	struct stat seen;
	enum helper_end end = HELPER_AT_WORK;
	int64_t left_ms =
	    session->options.login.timeout_s * INT64_C(1000) + HELPER_EXTRA_MS;

	if (!recall_file(session, name, file))
		return helper_run(session, name, NULL, NULL, ret);
	while (end == HELPER_AT_WORK) {
		__attribute__((cleanup(account_free))) struct account now = {
			.users = NULL,
		};

		if (recall_answer(session, file, &seen, ret))
			return HELPER_ANSWERED;
		end = helper_run(session, name, file, &seen, ret);
		if (end != HELPER_AT_WORK)
			break;
		if (!recall_wait(file, &left_ms)) {
			say(session, LOG_WARNING,
			    "no range this time: another login of this user is not done"
			    " yet");
			return HELPER_FAILED;
		}
		look(session, name, &now);
		if (now.has_range)
			return HELPER_FAILED; /* which is seen again */
	}
	return end;
}

static int run_program(const struct session *session, const char *name,
		       const struct account *before)
{
	__attribute__((cleanup(account_free))) struct account now = { .users = NULL };
	struct answer answer;
	enum helper_end end = ask(session, name, &answer);
	int r;

	if (end == HELPER_ANSWERED) {
		r = answer_pass_on(session, answer.text);
		if (r >= 0)
			return r;
		end = r == -ENOTSUP ? HELPER_UNUSABLE : HELPER_FAILED;
		if (r == -ENOTSUP)
			say(session, LOG_ERR,
			    SUBID_HELPER " is of another version than this module,"
					 " " SUBID_VERSION ": no range is granted");
		else
			say(session, LOG_ERR,
			    SUBID_HELPER
			    " said half an answer: whether it gave a range is not"
			    " known");
	}
	/* it may have granted the range all the same */
	look(session, name, &now);
	return now.has_range ? PAM_SUCCESS : without_program(session, name, before, end);
}

/* No account has such a long name, and a program takes no argument of any length. */
static int answer_nobody(const struct session *session, const char *name)
{
	say(session, LOG_NOTICE, "no range is granted: invalid owner name");
	if (session->options.login.required_for == NULL)
		return PAM_USER_UNKNOWN;
	return is_required(session, name) ? PAM_SESSION_ERR : PAM_IGNORE;
}

static int open_session(struct session *session, const char *name)
{
	__attribute__((cleanup(account_free))) struct account account = { .users = NULL };
	auto_close int etc = open(SUBID_SYSCONFDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (strlen(name) > LOGIN_NAME_LENGTH_MAX)
		return answer_nobody(session, name);
	session->etc = etc;
	look(session, name, &account);
	if (account.has_range)
		return PAM_SUCCESS;
	if (account.local && !may_be_given(session, &account.owner) &&
	    (account.owner.uid == 0 || !is_required(session, name))) {
		say(session, LOG_DEBUG, "no range: no rule of the policy fits");
		return PAM_SUCCESS;
	}
	if (geteuid() != 0)
		return PAM_IGNORE; /* nothing could be done */
	return run_program(session, name, &account);
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
	printable_ascii(session.shown, strlen(session.shown), '!');
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
