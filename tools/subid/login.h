/* SPDX-License-Identifier: MIT */
/*
 * subid grant --login: the program that pam_subid.so runs for a login, so that nothing
 * happens in the process of the service.
 *
 *     subid grant --login=NAME version=VERSION [ARGUMENT...]
 *
 * NAME is the user's name as the service has it; an ARGUMENT is one of struct
 * login_options, with the meaning of pam_subid(8).  It does nothing if VERSION is not its
 * own.
 *
 * The answer is written to standard output once, at most LOGIN_ANSWER_MAX bytes, after
 * the last lock is released:
 *
 *     subid VERSION         always the first line
 *     log PRIORITY TEXT     for the log, as syslog(3) counts priorities
 *     tell TEXT             for the user
 *     warn TEXT             for the user, as an error
 *     answer WORD           always the last line: success, ignore, error or unknown
 *
 * An answer without its last line is incomplete, and not believed.
 */
#pragma once

#include "tools/subid/cli.h"

#define LOGIN_ANSWER_MAX 4096

/* What the module returns to PAM. */
enum login_result {
	LOGIN_SUCCESS, /* PAM_SUCCESS */
	LOGIN_IGNORE,  /* PAM_IGNORE */
	LOGIN_ERROR,   /* PAM_SESSION_ERR */
	LOGIN_UNKNOWN, /* PAM_USER_UNKNOWN */
};

struct login {
	const char *typed;   /* NAME */
	const char *name;    /* the account's own name; hostile like any other */
	const char *version; /* version=VERSION */
	struct login_options options;
	const char *stuck;	       /* why it must not take a lock, or NULL */
	int etc;		       /* the configuration directory */
	int turn;		       /* the place of this login, locked; -1: none */
	uint64_t stamp;		       /* login_stamp() before anything was read */
	bool remember;		       /* the answer holds until the stamp changes */
	bool told;		       /* the user knows of the grant */
	char reason[128];	       /* the site's, for the policy's no; or "" */
	char answer[LOGIN_ANSWER_MAX]; /* so far */
	size_t len;
};

/* Runs the command, with the arguments after the name.  The exit status. */
int login_run(const char *name, int argc, char *argv[]);

/* Reads the arguments.  False after an error message about one that is wrong. */
bool login_parse(int argc, char *argv[], struct login *ret);

/* The policy's statements.  The answers of subid_conf_load(). */
int login_load_conf(const struct login *login, struct subid_conf *ret);

/*
 * Resets what this process inherited from the host.  Called first.  NULL, or what could
 * not be reset: then it must not take a lock.
 */
const char *login_reset(void);

/* Leaves each cgroup that somebody else than root controls.  Returns likewise. */
const char *login_leave_cgroups(void);

/*
 * Waits until fewer than four logins are at work.  0, or SUBID_BUSY after a line for the
 * log.
 */
int login_take_turn(struct login *login);

/* Records the stamp of the files that the answer will depend on. */
void login_note_stamp(struct login *login);

/* Saves the complete answer for later logins, if it may be remembered. */
void login_remember(const struct login *login);

/* A line for the log; nothing at LOG_DEBUG without the argument debug. */
void login_log(struct login *login, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line for the user; word: "tell" or "warn". */
void login_tell(struct login *login, const char *word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Tells the user that there are no ids, why, and whom to ask.  r: what failed; 0: the
 * policy refuses them. */
void login_tell_denied(struct login *login, int r);

/* Ends the answer. */
void login_end(struct login *login, enum login_result result);

/* Writes the answer.  The exit status. */
int login_send(const struct login *login, enum login_result result);

/* Logs why no range was granted: r and err are from a function of the library. */
void login_log_error(struct login *login, int r, const struct subid_error *err);

/* Tells the user what was granted; logs it with the argument debug. */
void login_log_granted(struct login *login, uint32_t uid,
		       const struct subid_list *changes);

/* Logs that ranges come from another source, once after each boot. */
void login_log_source(struct login *login, const char *source);

/*
 * Asks the sources of ranges beside the tables.  0: the owner has one there, or the
 * tables are none of the sources; SUBID_ABSENT: none has one; -errno, after a line for
 * the log.
 */
int login_ask_sources(struct login *login, const struct subid_owner *owner);

/*
 * Grants a range under the locks.  0; SUBID_ENOUGH: the owner has one; else the reason is
 * in the answer.
 */
int login_grant(struct login *login, const struct subid_owner *owner);

/*
 * Brings the range that the site's directory has for an account, if subid.conf says that
 * a login asks there.  0; SUBID_ABSENT: it does not, or there is none; else the reason is
 * in the answer.
 */
int login_directory(struct login *login, const char *name, uint32_t uid);

/* Leaves the trace of a refused range, where login_grant() has not done so. */
void login_trace_refused(const struct login *login, const struct subid_owner *owner,
			 int result);

/* The account of login->name, as subid_owner_find() has it, also for a name that is a
 * number. */
int login_find_owner(const struct login *login, const struct subid_users *users,
		     struct subid_owner *ret);
