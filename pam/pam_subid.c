/* SPDX-License-Identifier: MIT */
/*
 * pam_subid.so: a range of subordinate ids at the first login, pam_subid(8).
 * open_session() is to be read from top to bottom; the rules are in module.h.
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
#include "module.h"

/* Has the owner any id of each kind?  0: yes; SUBID_ABSENT: no; -errno. */
static int look(int etc, const struct subid_owner *owner)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		auto_text struct subid_text text = { .bytes = NULL };
		auto_free struct subid_owned_range *holdings = NULL;
		size_t n = 0;
		int r = subid_text_read(etc, subid_kind_table(kind), false, &text);

		if (r == 0)
			r = subid_owned_ranges(&text, owner->spellings, owner->n,
					       &holdings, &n);
		if (r < 0 && r != -ENOENT)
			return r;
		if (n == 0)
			return SUBID_ABSENT;
	}
	return 0;
}

/* The same for the name alone and its uid: most often enough, and without a pass over
 * passwd for other names of the uid. */
static bool has_by_name(int etc, const struct subid_users *users, const char *name)
{
	auto_owner struct subid_owner owner = { .has_account = false };

	return subid_owner_find_plain(users, name, &owner) == 0 && owner.has_account &&
	       look(etc, &owner) == 0;
}

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
		r = subid_users_load_named(groups->etc, true, &groups->users,
					   &groups->file);
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
		r = subid_conf_decide(&conf, &policy, &candidate, &decision);
		failure.file = groups->file;
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

/* Of required_for=GROUP: must this user have a range to log in? */
static bool is_required(const struct session *session, const struct subid_owner *owner,
			struct groups *groups)
{
	const char *group = session->options.required_for;
	int r = group == NULL ? SUBID_ABSENT : in_group(groups, owner, group);

	if (r < 0)
		say(session, LOG_ERR, "required_for=%s: " SUBID_SYSCONFDIR "/%s: %s",
		    group, groups->file, strerror(-r));
	if (r == SUBID_UNKNOWN)
		say(session, LOG_ERR, "required_for=%s: there is no such group", group);
	return r == 0;
}

/* What is answered when there is no range for want of policy's, or by a failure. */
static int answer(const struct session *session, const struct subid_owner *owner,
		  struct groups *groups, bool failed)
{
	bool root = owner->uid == 0; /* somebody has to put it right */
	bool required = !root && is_required(session, owner, groups);

	if (required || (failed && !root && session->options.required_for == NULL)) {
		/* a failure has left its own */
		if (!failed)
			session_trace_refused(session, owner, SUBID_OFF);
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

/* The same when it cannot be found out who that is: so nobody is found in a group. */
static int answer_unknown(const struct session *session, const char *name)
{
	/* whom nsswitch.conf cannot make another: somebody has to put it right */
	if (strcmp(name, "root") == 0)
		return PAM_IGNORE;
	return session->options.required_for == NULL ? PAM_SESSION_ERR : PAM_IGNORE;
}

static int for_owner(const struct session *session, const char *name,
		     const struct subid_owner *owner)
{
	__attribute__((cleanup(groups_free))) struct groups groups = {
		.etc = session->etc,
		.file = "group",
	};
	char source[SUBID_SOURCE_SIZE];
	int r = look(session->etc, owner);

	if (r == 0)
		return PAM_SUCCESS;
	if (r < 0) {
		say(session, LOG_ERR, "no range is given: the tables: %s", strerror(-r));
		session_trace_refused(session, owner, r);
		return answer(session, owner, &groups, true);
	}
	if (owner->uid < session->options.min_uid)
		return answer(session, owner, &groups, false);
	r = subid_source_read(session->etc, source);
	if (r != 0) {
		say(session, LOG_ERR, "no range is given: nsswitch.conf: %s",
		    r < 0 ? strerror(-r) : "'subid:' names no source");
		session_trace_refused(session, owner, r);
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
		r = session_give(session, name, owner);
		if (r == 0)
			return PAM_SUCCESS;
		return answer(session, owner, &groups, true);
	}
	if (r < 0)
		session_trace_refused(session, owner, r);
	return answer(session, owner, &groups, r < 0);
}

static int open_session(struct session *session, const char *name)
{
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	auto_close int etc = open(SUBID_SYSCONFDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *file = "passwd";
	int r;

	if (etc < 0) {
		say(session, LOG_ERR, SUBID_SYSCONFDIR ": %s", strerror(errno));
		return answer_unknown(session, name);
	}
	session->etc = etc;
	r = subid_users_open_named(etc, true, &users, &file);
	if (r < 0) {
		say(session, LOG_ERR, "cannot be looked up: " SUBID_SYSCONFDIR "/%s: %s",
		    file, strerror(-r));
		return answer_unknown(session, name);
	}
	if (!is_number(name) && strlen(name) <= NAME_LENGTH_MAX &&
	    has_by_name(etc, users, name))
		return PAM_SUCCESS; /* without a lock, a write, or a look at policy */
	r = session_owner(session, users, name, &owner);
	if (r == 0)
		return for_owner(session, name, &owner);
	if (r < 0) {
		say(session, LOG_ERR, "cannot be looked up: %s", strerror(-r));
		return answer_unknown(session, name);
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
