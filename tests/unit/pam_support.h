/* SPDX-License-Identifier: MIT */
/*
 * pam_subid.so on a machine of a test's own: PAM is not there, and what the module asks
 * of it, says to the log and to the user is kept here; /etc, /proc and /run are
 * directories of the test.
 *
 * A test that includes this file wraps, see the Makefile:
 *     open geteuid subid_users_open_named subid_source_read subid_text_read
 *     subid_txn_begin subid_txn_decide subid_txn_grant subid_txn_commit
 */
#pragma once

#include <fnmatch.h>

#include "inject.h"

#include "pam/give.c"
#include "pam/guard.c"
#include "pam/options.c"
#include "pam/pam_subid.c"
#include "pam/say.c"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static struct {
	int root;
	const char *user; /* PAM_USER */
	int item_answer;
	int in_group; /* what PAM answers of a user in a group */
	uid_t euid;
	char log[8192];	 /* "PRIORITY: message\n" each */
	char said[1024]; /* to the user */
	/* instead of what they would do; 0: just that */
	int begin_answer, decide_answer, grant_answer, commit_answer;
	int source_answer;
	enum subid_verdict verdict; /* with decide_answer < 0 */
	unsigned int begins;
	unsigned int moves; /* so many times somebody else gets on meanwhile */
} host;

/* --- PAM ---------------------------------------------------------------------------- */

static char handle;
#define HANDLE ((pam_handle_t *)(void *)&handle)

__attribute__((format(printf, 3, 0))) static void append(char *buf, size_t size,
							 const char *format, va_list args)
{
	size_t len = strlen(buf);

	(void)vsnprintf(buf + len, size - len, format, args);
	len = strlen(buf);
	(void)snprintf(buf + len, size - len, "\n");
}

void pam_syslog(const pam_handle_t *pamh, int priority, const char *format, ...)
{
	size_t len = strlen(host.log);
	va_list args;

	assert_ptr_equal(pamh, HANDLE);
	(void)snprintf(host.log + len, sizeof(host.log) - len, "%d: ", priority);
	va_start(args, format);
	append(host.log, sizeof(host.log), format, args);
	va_end(args);
}

int pam_prompt(pam_handle_t *pamh, int style, char **response, const char *format, ...)
{
	va_list args;

	assert_ptr_equal(pamh, HANDLE);
	assert_true(style == PAM_TEXT_INFO || style == PAM_ERROR_MSG);
	assert_null(response);
	va_start(args, format);
	append(host.said, sizeof(host.said), format, args);
	va_end(args);
	return PAM_CONV_ERR; /* nobody listens, which is no failure of the module */
}

int pam_get_item(const pam_handle_t *pamh, int type, const void **item)
{
	assert_ptr_equal(pamh, HANDLE);
	assert_int_equal(type, PAM_USER);
	*item = host.user;
	return host.item_answer;
}

struct passwd *pam_modutil_getpwnam(pam_handle_t *pamh, const char *name)
{
	static char numeric[] = "4242", another[] = "root";
	static struct passwd account;

	assert_ptr_equal(pamh, HANDLE);
	account = (struct passwd){ .pw_name = numeric, .pw_uid = 1005 };
	if (strcmp(name, "0") == 0) /* as a name service has it that takes uids */
		account = (struct passwd){ .pw_name = another };
	else if (strcmp(name, numeric) != 0)
		return NULL;
	return &account;
}

int pam_modutil_user_in_group_nam_nam(pam_handle_t *pamh, const char *user,
				      const char *group)
{
	assert_ptr_equal(pamh, HANDLE);
	assert_string_equal(user, host.user);
	assert_string_equal(group, "students");
	return host.in_group;
}

/* --- the system ------------------------------------------------------------------------
 */

FAULT(int, -errno, subid_users_open_named,
      (int etc, bool nss, struct subid_users **ret, const char **ret_file),
      (etc, nss, ret, ret_file))
FAULT(int, -errno, subid_text_read,
      (int dir, const char *name, bool follow, struct subid_text *ret),
      (dir, name, follow, ret))

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	static const char *const ours[] = { SUBID_SYSCONFDIR, SUBID_VENDORDIR, "/proc",
					    "/", SOURCE_FLAG };

	if (fault_is_due(path))
		return -1;
	for (size_t i = 0; i < ARRAY(ours); i++)
		if (strcmp(path, ours[i]) == 0)
			return openat(host.root, path[1] == '\0' ? "." : path + 1, flags,
				      0600);
	return __real_open(path, flags, 0600);
}

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return host.euid;
}

int __real_subid_source_read(int etc, char ret_name[SUBID_SOURCE_SIZE]);
int __wrap_subid_source_read(int etc, char ret_name[SUBID_SOURCE_SIZE]);
int __wrap_subid_source_read(int etc, char ret_name[SUBID_SOURCE_SIZE])
{
	return host.source_answer != 0 ? host.source_answer
				       : __real_subid_source_read(etc, ret_name);
}

int __real_subid_txn_begin(const struct subid_txn_options *options,
			   struct subid_txn **ret, struct subid_failure *failure);
int __wrap_subid_txn_begin(const struct subid_txn_options *options,
			   struct subid_txn **ret, struct subid_failure *failure);
int __wrap_subid_txn_begin(const struct subid_txn_options *options,
			   struct subid_txn **ret, struct subid_failure *failure)
{
	char name[32];

	host.begins++;
	if (host.moves > 0) {
		host.moves--;
		(void)snprintf(name, sizeof(name), "new.%u", host.moves);
		put_file(options->etc, name, "");
		assert_int_equal(renameat(options->etc, name, options->etc, "subgid"), 0);
	}
	if (host.begin_answer == 0)
		return __real_subid_txn_begin(options, ret, failure);
	*failure =
	    (struct subid_failure){ .file = "subuid", .holder = { .file = "subuid" } };
	return host.begin_answer;
}

int __real_subid_txn_decide(struct subid_txn *txn, const struct subid_owner *owner,
			    struct subid_decision *ret);
int __wrap_subid_txn_decide(struct subid_txn *txn, const struct subid_owner *owner,
			    struct subid_decision *ret);
int __wrap_subid_txn_decide(struct subid_txn *txn, const struct subid_owner *owner,
			    struct subid_decision *ret)
{
	if (host.decide_answer < 0)
		return host.decide_answer;
	if (host.decide_answer == 0)
		return __real_subid_txn_decide(txn, owner, ret);
	*ret = (struct subid_decision){ .verdict = SUBID_VERDICT_NONE };
	return 0;
}

int __real_subid_txn_grant(struct subid_txn *txn, const struct subid_request *request,
			   struct subid_changes *ret);
int __wrap_subid_txn_grant(struct subid_txn *txn, const struct subid_request *request,
			   struct subid_changes *ret);
int __wrap_subid_txn_grant(struct subid_txn *txn, const struct subid_request *request,
			   struct subid_changes *ret)
{
	static const struct subid_change taken = {
		.kind = SUBID_GID,
		.range = { 200000, 10 },
	};

	if (host.grant_answer == 0)
		return __real_subid_txn_grant(txn, request, ret);
	*ret = (struct subid_changes){ &taken, 1 };
	return host.grant_answer;
}

int __real_subid_txn_commit(struct subid_txn *txn, struct subid_failure *failure);
int __wrap_subid_txn_commit(struct subid_txn *txn, struct subid_failure *failure);
int __wrap_subid_txn_commit(struct subid_txn *txn, struct subid_failure *failure)
{
	if (host.commit_answer == 0)
		return __real_subid_txn_commit(txn, failure);
	*failure = (struct subid_failure){ .file = NULL };
	return host.commit_answer;
}

/* --- a login
 * ------------------------------------------------------------------------------ */

static inline void put(const char *path, const char *text)
{
	put_file(host.root, path, text);
}

static int host_setup(void **state)
{
	int proc;

	if (scratch_setup(state) != 0 || faults_reset(state) != 0)
		return -1;
	memset(&host, 0, sizeof(host));
	host.root = etc_of(state);
	put_dir(host.root, "etc");
	put_dir(host.root, "run");
	proc = open_new_dir(host.root, "proc");
	put_self(proc);
	(void)close(proc);
	put("etc/passwd", "root:x:0:0::/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n"
			  "bob:x:1001:1001::/:/bin/sh\n4242:x:1005:1005::/:/bin/sh\n"
			  "system:x:100:100::/:/bin/sh\n");
	put("etc/group", "students:x:7100:bob\n");
	put("etc/subuid", "");
	put("etc/subgid", "");
	put("etc/login.defs", "UID_MIN 1000\n");
	return 0;
}

static int host_teardown(void **state)
{
	return faults_reset(state) != 0 ? -1 : scratch_teardown(state);
}

/* A test on such a machine. */
#define host_test(function)                                                              \
	cmocka_unit_test_setup_teardown(function, host_setup, host_teardown)

/* Opens a session; options are divided by blanks.  What was said before is forgotten. */
static inline int log_in(const char *user, const char *options, int flags)
{
	char text[256], *rest = text, *word;
	const char *argv[8];
	int argc = 0, answer;

	(void)snprintf(text, sizeof(text), "%s", options);
	while ((word = strsep(&rest, " ")) != NULL && *word != '\0')
		argv[argc++] = word;
	host.log[0] = host.said[0] = '\0';
	host.user = user;
	host.begins = 0;
	answer = pam_sm_open_session(HANDLE, flags, argc, argv);
	(void)faults_disarm();
	return answer;
}

static inline void assert_like(const char *what, const char *got, const char *glob)
{
	if (fnmatch(glob, got, 0) != 0)
		fail_msg("%s: \"%s\", not like \"%s\"", what, got, glob);
}
