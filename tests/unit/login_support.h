/* SPDX-License-Identifier: MIT */
/*
 * subid grant --login on a machine of a test's own: what it has for the log and the user
 * is kept here; /etc, /proc and /run are directories of the test.
 *
 * A test that includes this file wraps, see the Makefile:
 *     open mkdir getpwnam getgrnam subid_users_open subid_sources_read
 *     subid_text_read subid_txn_begin subid_txn_decide subid_txn_grant
 *     subid_txn_commit
 */
#pragma once

#include <fnmatch.h>

#include "inject.h"

#include "libsubid/change/change.h"
#include "libsubid/core/printable.h"
#include "tools/subid/login.c"
#include "tools/subid/login_answer.c"
#include "tools/subid/login_words.c"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static struct {
	int root;
	const char *user; /* as typed */
	bool remember;	  /* the answer may be */
	bool in_group;	  /* the name service has it in students */
	char log[8192];	  /* "PRIORITY: message\n" each */
	char said[1024];  /* to the user */
	/* instead of what they would do; 0: just that */
	int begin_answer, decide_answer, grant_answer, commit_answer;
	int source_answer;
	enum subid_verdict verdict; /* with decide_answer < 0 */
	unsigned int begins;
	unsigned int moves; /* so many times somebody else gets on meanwhile */
} host;

/* --- the name service ------------------------------------------------------------ */

struct passwd *__wrap_getpwnam(const char *name);
struct passwd *__wrap_getpwnam(const char *name)
{
	static char numeric[] = "4242", another[] = "root", alice[] = "alice";
	static struct passwd account;

	account = (struct passwd){ .pw_name = numeric, .pw_uid = 1005 };
	if (strcmp(name, "0") == 0) /* as a name service has it that takes uids */
		account = (struct passwd){ .pw_name = another };
	else if (strcasecmp(name, alice) == 0) /* or that does not tell letters apart */
		account =
		    (struct passwd){ .pw_name = alice, .pw_uid = 1000, .pw_gid = 1000 };
	else if (strcmp(name, numeric) != 0)
		return NULL;
	return &account;
}

struct group *__wrap_getgrnam(const char *name);
struct group *__wrap_getgrnam(const char *name)
{
	static char *members[2];
	static struct group group = { .gr_gid = 7100, .gr_mem = members };

	members[0] = host.in_group ? (char *)(uintptr_t)host.user : NULL;
	return strcmp(name, "students") == 0 ? &group : NULL;
}

int cli_complain(int status, const char *format, ...)
{
	(void)format;
	return status;
}

/* --- the system ------------------------------------------------------------------------
 */

FAULT(int, -errno, subid_users_open,
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
	if (strcmp(path, LOGIN_DIR) == 0)
		return openat(host.root, "logins", flags);
	for (size_t i = 0; i < ARRAY(ours); i++)
		if (strcmp(path, ours[i]) == 0)
			return openat(host.root, path[1] == '\0' ? "." : path + 1, flags,
				      0600);
	return __real_open(path, flags, 0600);
}

int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode)
{
	if (strcmp(path, LOGIN_DIR) == 0)
		return mkdirat(host.root, "logins", mode);
	assert_string_equal(path, LOGIN_RUN_DIR);
	return 0;
}

int __real_subid_sources_read(int etc, struct subid_sources *ret);
int __wrap_subid_sources_read(int etc, struct subid_sources *ret);
int __wrap_subid_sources_read(int etc, struct subid_sources *ret)
{
	return host.source_answer != 0 ? host.source_answer
				       : __real_subid_sources_read(etc, ret);
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

int __real_subid_txn_grant(struct subid_txn *txn, const struct grant_request *request,
			   struct subid_changes *ret);
int __wrap_subid_txn_grant(struct subid_txn *txn, const struct grant_request *request,
			   struct subid_changes *ret);
int __wrap_subid_txn_grant(struct subid_txn *txn, const struct grant_request *request,
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

/* What the answer has for the log, as "PRIORITY: user: text", and for the user. */
static inline void take_answer(const char *user, char *answer)
{
	char *line = strsep(&answer, "\n"), shown[64];

	(void)snprintf(shown, sizeof(shown), "%s", user);
	printable_ascii(shown, strlen(shown), '!');
	while ((line = strsep(&answer, "\n")) != NULL && *line != '\0') {
		size_t len = strlen(host.log);

		if (strncmp(line, "log ", 4) == 0)
			(void)snprintf(host.log + len, sizeof(host.log) - len,
				       "%c: %s: %s\n", line[4], shown, line + 6);
		else
			(void)snprintf(host.said + strlen(host.said),
				       sizeof(host.said) - strlen(host.said), "%s\n",
				       line + 5);
	}
}

/* Logs in; arguments are divided by blanks.  What was said before is forgotten. */
static inline enum login_result log_in(const char *user, const char *arguments)
{
	struct login login = { .typed = user,
			       .turn = -1,
			       .answer = "subid\n",
			       .len = 6,
			       .options = LOGIN_OPTIONS };
	char text[256], *rest = text, *word, *argv[8];
	enum login_result result;
	int argc = 0;

	(void)snprintf(text, sizeof(text), "%s", arguments);
	while ((word = strsep(&rest, " ")) != NULL && *word != '\0')
		argv[argc++] = word;
	host.log[0] = host.said[0] = '\0';
	host.user = user;
	host.begins = 0;
	assert_true(login_parse(argc, argv, &login));
	result = work(&login);
	host.remember = login.remember;
	if (login.turn >= 0)
		assert_int_equal(close(login.turn), 0);
	(void)faults_disarm();
	take_answer(user, login.answer);
	return result;
}

static inline void assert_like(const char *what, const char *got, const char *glob)
{
	if (fnmatch(glob, got, 0) != 0)
		fail_msg("%s: \"%s\", not like \"%s\"", what, got, glob);
}
