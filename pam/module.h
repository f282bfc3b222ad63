/* SPDX-License-Identifier: MIT */
/*
 * What the files of pam_subid.so share.  The module runs in the processes of services,
 * some of which have threads, and only looks.  Every change is made by the program that
 * it runs, "subid grant --login" (tools/subid/login.h has the form of its answer). These
 * rules must be kept:
 *
 *  1. Nothing of the host is changed: no signal's action, environment, umask,
 *     working directory, descriptor, and no memory that outlives a call.
 *  2. Nothing is printed but through pam_syslog(3), pam_info(3) and pam_error(3),
 *     and to the user only without PAM_SILENT.
 *  3. Names are hostile until subid_owner_valid() has seen them, and go into
 *     messages only as session.shown.
 *  4. No lock is taken, no file is written, and no module of nsswitch.conf is loaded to
 *     see whether an account has its ranges.
 *  5. The effective uid decides, never the real one: atd opens sessions with uid 1.
 *  6. Between clone(2) and execveat(2) only async-signal-safe functions are called
 *     (signal-safety(7)): locks that other threads hold are copied as they are.
 *  7. The program is run only if nobody but root can change it.
 */
#pragma once

#include <security/pam_modules.h>
#include <string.h>
#include <sys/stat.h>

#include "libsubid/policy/policy.h"

/* Of the module's line in the service file, pam_subid(8). */
struct options {
	struct login_options login; /* the program is handed these */
	bool quiet;
};

/* One call of pam_sm_open_session(). */
struct session {
	pam_handle_t *pamh;
	struct options options;
	bool silent;	/* PAM_SILENT or quiet: say nothing to the user */
	char shown[64]; /* the user's name, for messages */
	int etc;	/* the configuration directory; -1: could not be opened */
};

/* Reads the module's arguments.  False after a log line about one that is wrong. */
bool options_parse(pam_handle_t *pamh, int argc, const char **argv, struct options *ret);

/* Logs; nothing at LOG_DEBUG without the option debug. */
void say(const struct session *session, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* How long the program may take beside its waiting for locks. */
#define HELPER_EXTRA_MS 5000

#define ANSWER_MAX 4096

/* What the program said, as far as it came. */
struct answer {
	char text[ANSWER_MAX + 1]; /* terminated */
	size_t len;
};

/* What became of the program. */
enum helper_end {
	HELPER_ANSWERED, /* it has ended, or its answer is whole */
	HELPER_UNUSABLE, /* it is not there, cannot be run, or others could change it */
	HELPER_FAILED,	 /* no process could be made, or it was waited for in vain */
	HELPER_AT_WORK,	 /* one is at work for the same user: not logged */
};

/*
 * Runs the program for name and takes its answer.  Anything but HELPER_ANSWERED has been
 * logged.  file: that of recall_file(), which is locked by the program; NULL: none.
 * seen: the file before; another is HELPER_AT_WORK, too.
 */
enum helper_end helper_run(const struct session *session, const char *name,
			   const char *file, const struct stat *seen, struct answer *ret);

/* The file in LOGIN_DIR of this user and these options; false if there can be none. */
bool recall_file(const struct session *session, const char *name,
		 char ret[LOGIN_FILE_SIZE]);

/*
 * What the program has answered before, as long as nothing has changed.  False if there
 * is nothing.  *ret_seen: the file that was looked into; st_ino 0: none.
 */
bool recall_answer(const struct session *session, const char *file, struct stat *ret_seen,
		   struct answer *ret);

/* Waits a while for the program that has the file locked, and takes that off *left_ms.
 * False when nothing of it is left. */
bool recall_wait(const char *file, int64_t *left_ms);

/* Has it its last line? */
bool answer_is_whole(const struct answer *answer);

/*
 * Passes on what the answer has for the log and the user.  Returns what PAM is to be
 * answered; -EPROTO if the answer is not whole; -ENOTSUP if it is of another version.
 */
int answer_pass_on(const struct session *session, char *text);

/*
 * The calling thread while it waits for the program: not to be cancelled, which would
 * leave descriptors behind, and not to have a pipe where others print to.
 */
struct guard {
	int cancel_state;
	int filled[3]; /* standard descriptors that were closed; -1 */
};

void guard_begin(struct guard *ret);
void guard_end(const struct guard *guard);
