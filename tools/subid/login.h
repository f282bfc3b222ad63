/* SPDX-License-Identifier: MIT */
/*
 * subid grant --login: what pam_subid.so has done for a login, in a process that is no
 * more the host's.
 *
 *     subid grant --login=NAME version=VERSION [ARGUMENT...]
 *
 * NAME is the user as the service calls him, an ARGUMENT one of conf=FILE, count=N,
 * min_uid=UID, required_for=GROUP, timeout=SECONDS and debug, which mean what
 * pam_subid(8) says of them.  It does nothing if VERSION is not its own.
 *
 * The answer goes to standard output in one write of at most LOGIN_ANSWER_MAX bytes,
 * after the last lock is released:
 *
 *     subid VERSION         always the first line
 *     log PRIORITY TEXT     for the log, as syslog(3) counts priorities
 *     tell TEXT             for the user
 *     warn TEXT             for the user, as an error
 *     answer WORD           always the last line: success, ignore, error or unknown
 *
 * An answer without its last line is none.
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
	const char *stuck;	       /* why no lock may be taken, or NULL */
	int etc;		       /* the configuration directory */
	int turn;		       /* locked, while at work; -1: none */
	uint64_t stamp;		       /* of what was read, before it was */
	bool remember;		       /* the answer is the same until that is another */
	char answer[LOGIN_ANSWER_MAX]; /* so far */
	size_t len;
};

/* Runs the command, with the arguments after the name.  The exit status. */
int login_run(const char *name, int argc, char *argv[]);

/* Reads the arguments.  False after a complaint about one that is wrong. */
bool login_parse(int argc, char *argv[], struct login *ret);

/*
 * Sets back what this process has from the host, before anything else is done.  NULL, or
 * what of it cannot be set back: then no lock may be taken.
 */
const char *login_reset(void);

/* Leaves the cgroups in which another than root has a say.  Likewise. */
const char *login_leave_cgroups(void);

/*
 * Waits until less than four logins are at work.  0, or SUBID_BUSY after a line for the
 * log.
 */
int login_take_turn(struct login *login);

/* Notes what the answer will depend on. */
void login_note_stamp(struct login *login);

/* Keeps the answer, which is whole, for the next login, if it may be remembered. */
void login_remember(const struct login *login);

/* A line for the log; nothing at LOG_DEBUG without the argument debug. */
void login_log(struct login *login, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line for the user; word: "tell" or "warn". */
void login_tell(struct login *login, const char *word, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Ends the answer. */
void login_end(struct login *login, enum login_result result);

/* Writes the answer.  The exit status. */
int login_send(const struct login *login, enum login_result result);

/* Why no range was granted, with r of a function of the library: as it says. */
void login_log_error(struct login *login, int r, const struct subid_error *err);

/* What was granted, also for the user. */
void login_log_granted(struct login *login, uint32_t uid,
		       const struct subid_list *changes);

/* That ranges come from elsewhere, once after each boot. */
void login_log_source(struct login *login, const char *source);

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

/* Leaves the trace of a range that is refused, where login_grant() did not. */
void login_trace_refused(const struct login *login, const struct subid_owner *owner,
			 int result);

/* The account of login->name, as subid_owner_find() has it, also for a name that is a
 * number. */
int login_find_owner(const struct login *login, const struct subid_users *users,
		     struct subid_owner *ret);
