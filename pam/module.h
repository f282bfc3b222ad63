/* SPDX-License-Identifier: MIT */
/*
 * What the files of pam_subid.so share.  It runs in strangers' processes, some of
 * them with threads.  Whoever changes it keeps these rules:
 *
 *  1. Nothing of the host is changed: no signal's action, environment, umask,
 *     working directory, descriptor, and no memory that outlives a call.
 *  2. Nothing is printed but through pam_syslog(3), pam_info(3) and pam_error(3),
 *     and to the user only without PAM_SILENT.
 *  3. Names are hostile until subid_owner_valid() has seen them, and go into
 *     messages only as session.shown.
 *  4. What cannot be read or understood gives nothing.
 *  5. It is always the effective uid that counts: atd opens sessions with uid 1.
 *  6. An account that has its ranges costs no lock and no write.
 */
#pragma once

#include <security/pam_modules.h>
#include <signal.h>
#include <string.h>

#include "libsubid/subid.h"

/* Of the module's line in the service file, pam_subid(8). */
struct options {
	const char *conf;	  /* conf=FILE, or NULL */
	const char *required_for; /* required_for=GROUP, or NULL */
	uint32_t count;		  /* count=N; 0: as policy says */
	uint32_t min_uid;	  /* min_uid=UID */
	int timeout_ms;		  /* timeout=SECONDS */
	bool quiet;
	bool debug;
};

/* One call of pam_sm_open_session(). */
struct session {
	pam_handle_t *pamh;
	struct options options;
	bool silent;	/* PAM_SILENT or quiet: say nothing to the user */
	char shown[64]; /* the user's name, for messages */
	int etc;	/* the configuration directory */
};

/* Reads the module's arguments.  False after a log line about one that is wrong. */
bool options_parse(pam_handle_t *pamh, int argc, const char **argv, struct options *ret);

/* No account is called longer (useradd(8)), and some readers drop long lines. */
#define NAME_LENGTH_MAX 256

/* Threat: a login name that is a number must not be taken for the uid of somebody
 * else. */
static inline bool is_number(const char *name)
{
	return name[strspn(name, "0123456789")] == '\0';
}

/*
 * The account behind PAM_USER.  0, or > 0 when there is none that could have a
 * range, or -errno.
 */
int session_owner(const struct session *session, const struct subid_users *users,
		  const char *name, struct subid_owner *ret);

/* Leaves the trace of a range that is refused, but by session_give(), which does so. */
void session_trace_refused(const struct session *session, const struct subid_owner *owner,
			   int result);

/*
 * Gives a range, under the locks.  0 if the owner has one in the end; otherwise it
 * has been said why not.
 */
int session_give(const struct session *session, const char *name,
		 const struct subid_owner *owner);

/* Logs; nothing at LOG_DEBUG without the option debug. */
void say(const struct session *session, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Logs why a transaction could not begin or be committed, as txn.h has it. */
void say_failure(const struct session *session, int r,
		 const struct subid_failure *failure);

/* Logs who hides namespaces, if anybody does. */
void say_hidden(const struct session *session, const struct subid_unseen *unseen);

/* Logs what of the runtimes' state told nothing, if there is any. */
void say_unread(const struct session *session,
		const struct subid_runtime_state *runtimes);

/* Logs why no range was given: another answer of subid_txn_grant() than 0. */
void say_refusal(const struct session *session, const struct subid_txn *txn, int r,
		 const struct subid_changes *changes);

/* Logs what was given, and tells the user. */
void say_given(const struct session *session, const struct subid_owner *owner,
	       const struct subid_changes *changes);

/* Logs, once after each boot, that ranges come from elsewhere. */
void say_source(const struct session *session, const char *source);

/*
 * The calling thread while it works on the tables: not to be cancelled, not to be
 * killed by a limit on the size of files, and not to write the host's messages into
 * a table.
 */
struct guard {
	sigset_t mask;	  /* of the host */
	bool was_pending; /* SIGXFSZ, before us */
	int cancel_state;
	int filled[3]; /* standard descriptors that were closed; -1 */
};

void guard_begin(struct guard *ret);
void guard_end(const struct guard *guard);
