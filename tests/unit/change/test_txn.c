/* SPDX-License-Identifier: MIT */
/*
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup
 */
#include "faults.h"
#include "txn_support.h"

#define BOB "bob:1000000:10\n"

static int try_begin(int etc, int proc, bool dry_run, struct subid_txn **ret,
		     struct subid_failure *failure)
{
	struct subid_txn_options options = { .etc = etc,
					     .proc = proc,
					     .dry_run = dry_run };

	return subid_txn_begin(&options, ret, failure);
}

static int grant(struct subid_txn *txn, const char *name, unsigned int kinds,
		 struct id_range range)
{
	struct subid_owner owner;
	struct subid_changes changes;
	struct grant_request request = { .owner = &owner,
					 .kinds = kinds,
					 .range = range };
	int r = subid_owner_find(subid_txn_users(txn), name, &owner);

	if (r < 0)
		return r;
	r = subid_txn_grant(txn, &request, &changes);
	subid_owner_free(&owner);
	return r;
}

static int grant_alice(struct subid_txn *txn)
{
	return grant(txn, "alice", SUBID_BOTH_KINDS, (struct id_range){ 0, 0 });
}

static void put_world(int etc)
{
	put_file(etc, "login.defs", SMALL);
	put_file(etc, "passwd", PASSWD);
	put_file(etc, "group", "people:x:5000:alice,bob\n");
	/* new files: one that was truncated a moment ago is waited for */
	put_or_remove(etc, "subuid", NULL);
	put_or_remove(etc, "subgid", NULL);
	put_file(etc, "subuid", BOB);
	put_file(etc, "subgid", BOB);
}

static ino_t inode_of(int etc, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(etc, name, &st, 0), 0);
	return st.st_ino;
}

static void test_commit(void **state)
{
	int etc = etc_of(state);
	struct subid_txn *txn;

	put_world(etc);
	txn = begin(etc, -1);
	assert_true(is_there(etc, "subuid.lock"));
	assert_int_equal(subid_txn_policy(txn)->window[SUBID_GID].min, 1000000);
	assert_int_equal(subid_users_count(subid_txn_users(txn)), 7);
	assert_int_equal(grant_alice(txn), 0);
	assert_file(etc, "subuid", BOB);
	commit_and_free(&txn);
	assert_null(txn);
	assert_file(etc, "subuid", BOB "alice:1000010:10\n");
	assert_file(etc, "subgid", BOB "alice:1000010:10\n");
	assert_file(etc, "subuid-", BOB);
	assert_file(etc, "subgid-", BOB);
	assert_false(is_there(etc, "subuid.lock"));
	assert_false(is_there(etc, "subgid.lock"));
	subid_txn_free(&txn);
}

static void test_rollback(void **state)
{
	int etc = etc_of(state);
	struct subid_txn *txn;

	put_world(etc);
	txn = begin(etc, -1);
	assert_int_equal(grant_alice(txn), 0);
	subid_txn_free(&txn);
	assert_file(etc, "subuid", BOB);
	assert_file(etc, "subgid", BOB);
	assert_false(is_there(etc, "subuid+"));
	assert_false(is_there(etc, "subuid-"));
	assert_false(is_there(etc, "subuid.lock"));
}

/* A table in which nothing changes is not written. */
static void test_only_what_changed_is_written(void **state)
{
	int etc = etc_of(state);
	struct subid_txn *txn;
	ino_t uid, gid;

	put_world(etc);
	uid = inode_of(etc, "subuid");
	gid = inode_of(etc, "subgid");
	txn = begin(etc, -1);
	commit_and_free(&txn);
	assert_int_equal(inode_of(etc, "subuid"), uid);
	assert_int_equal(inode_of(etc, "subgid"), gid);
	assert_false(is_there(etc, "subuid-"));
	txn = begin(etc, -1);
	assert_int_equal(grant(txn, "alice", 1 << SUBID_GID, (struct id_range){ 0, 0 }),
			 0);
	commit_and_free(&txn);
	assert_int_equal(inode_of(etc, "subuid"), uid);
	assert_int_not_equal(inode_of(etc, "subgid"), gid);
	assert_file(etc, "subuid", BOB);
	assert_file(etc, "subgid", BOB "alice:1000010:10\n");
}

static void test_two_commits(void **state)
{
	int etc = etc_of(state);
	struct subid_failure failure;
	struct subid_txn *txn;

	put_world(etc);
	txn = begin(etc, -1);
	assert_int_equal(grant_alice(txn), 0);
	assert_int_equal(subid_txn_commit(txn, &failure), 0);
	assert_file(etc, "subuid", BOB "alice:1000010:10\n");
	assert_int_equal(
	    grant(txn, "late", SUBID_BOTH_KINDS, (struct id_range){ 1000050, 5 }), 0);
	commit_and_free(&txn);
	assert_file(etc, "subuid", BOB "alice:1000010:10\nlate:1000050:5\n");
	assert_file(etc, "subgid", BOB "alice:1000010:10\nlate:1000050:5\n");
}

/* What a commit has written is taken in the same transaction too. */
static void test_hold_behind_commit(void **state)
{
	int etc = etc_of(state);
	struct subid_failure failure;
	struct subid_changes changes;
	struct subid_txn *txn;

	put_world(etc);
	txn = begin(etc, -1);
	assert_int_equal(grant_alice(txn), 0);
	assert_int_equal(subid_txn_commit(txn, &failure), 0);
	assert_int_equal(subid_txn_hold(txn, SUBID_BOTH_KINDS,
					(struct id_range){ 1000010, 10 }, &changes),
			 SUBID_TAKEN);
	subid_txn_free(&txn);
}

static void test_dry_run(void **state)
{
	int etc = etc_of(state);
	struct subid_txn *real, *dry = NULL;
	struct subid_failure failure;

	put_world(etc);
	assert_int_equal(try_begin(etc, -1, true, &dry, &failure), 0);
	assert_false(is_there(etc, ".pwd.lock"));
	assert_int_equal(subid_txn_commit(dry, &failure), 0);
	assert_int_equal(grant_alice(dry), 0);
	assert_int_equal(subid_txn_commit(dry, &failure), -EPERM);
	subid_txn_free(&dry);
	assert_file(etc, "subuid", BOB);
	assert_file(etc, "subgid", BOB);
	/* it waits for nobody and keeps nobody waiting */
	real = begin(etc, -1);
	assert_int_equal(try_begin(etc, -1, true, &dry, &failure), 0);
	subid_txn_free(&dry);
	assert_true(is_there(etc, "subuid.lock"));
	subid_txn_free(&real);
}

static void test_busy(void **state)
{
	int etc = etc_of(state);
	struct subid_txn *first, *second = NULL;
	struct subid_failure failure;

	put_world(etc);
	first = begin(etc, -1);
	assert_int_equal(try_begin(etc, -1, false, &second, &failure), SUBID_BUSY);
	assert_null(second);
	assert_string_equal(failure.holder.file, ".pwd.lock");
	assert_int_equal(failure.holder.pid, getpid());
	assert_string_equal(failure.holder.program, "test_txn");
	subid_txn_free(&first);
	put_file(etc, "subgid.lock", "nonsense");
	assert_int_equal(try_begin(etc, -1, false, &second, &failure), SUBID_BUSY);
	assert_string_equal(failure.holder.file, "subgid.lock");
	assert_int_equal(failure.holder.pid, -1);
}

/* What begin answers when a file is not what it should be, and whose fault it is. */
static void assert_begin_fails(int etc, int proc, int expected, const char *file)
{
	struct subid_txn *txn = NULL;
	struct subid_failure failure = { .file = NULL };

	assert_int_equal(try_begin(etc, proc, false, &txn, &failure), expected);
	assert_null(txn);
	assert_string_equal(failure.file, file);
	assert_false(is_there(etc, "subuid.lock"));
	assert_false(is_there(etc, "subgid.lock"));
}

static void test_wrong_login_defs(void **state)
{
	int etc = etc_of(state);
	struct subid_txn *txn = NULL;
	struct subid_failure failure;

	put_world(etc);
	put_file(etc, "login.defs", "# first\nSUB_GID_COUNT many\n");
	assert_int_equal(try_begin(etc, -1, false, &txn, &failure), SUBID_INVALID);
	assert_null(txn);
	assert_string_equal(failure.file, "login.defs");
	assert_int_equal(failure.place.line, 2);
	assert_string_equal(failure.place.key, "SUB_GID_COUNT");
	assert_non_null(failure.place.why);
	put_file(etc, "login.defs", "SUB_UID_MIN 5\nSUB_UID_MAX 4\n");
	assert_int_equal(try_begin(etc, -1, false, &txn, &failure), SUBID_INVALID);
	assert_int_equal(failure.place.line, 0);
	assert_string_equal(failure.place.key, "SUB_UID_MIN");
	assert_false(is_there(etc, "subuid.lock"));
}

static void test_what_cannot_be_read(void **state)
{
	static const char *const names[] = { "login.defs", "subuid", "subgid", "passwd" };
	int etc = etc_of(state);

	for (size_t i = 0; i < 4; i++) {
		put_world(etc);
		assert_int_equal(unlinkat(etc, names[i], 0), 0);
		put_dir(etc, names[i]);
		assert_begin_fails(etc, -1, -EINVAL, names[i]);
		assert_int_equal(unlinkat(etc, names[i], AT_REMOVEDIR), 0);
	}
	for (size_t i = 1; i < 3; i++) {
		put_world(etc);
		assert_int_equal(renameat(etc, names[i], etc, "elsewhere"), 0);
		assert_int_equal(symlinkat("elsewhere", etc, names[i]), 0);
		assert_begin_fails(etc, -1, -ELOOP, names[i]);
		assert_int_equal(unlinkat(etc, names[i], 0), 0);
	}
	put_world(etc);
	assert_true(unlinkat(etc, ".pwd.lock", 0) == 0 || errno == ENOENT);
	put_dir(etc, ".pwd.lock");
	assert_begin_fails(etc, -1, -EINVAL, ".pwd.lock");
}

/* A map that cannot be read may map anything: nothing is given. */
static void test_unreadable_proc(void **state)
{
	int etc = etc_of(state), proc = open_new_dir(etc, "proc");

	put_world(etc);
	assert_begin_fails(etc, proc, -ENOENT, "/proc");
	put_self(proc);
	put_process(proc, &(struct fake_process){ .pid = "5",
						  .ns = "user:[6]",
						  .uid_map = "what?",
						  .gid_map = "0 5 1\n" });
	assert_begin_fails(etc, proc, -EACCES, "/proc");
	assert_int_equal(close(proc), 0);
}

static void test_commit_fails(void **state)
{
	int etc = etc_of(state);
	struct subid_failure failure;
	struct subid_txn *txn;

	put_world(etc);
	txn = begin(etc, -1);
	assert_int_equal(grant(txn, "alice", 1 << SUBID_GID, (struct id_range){ 0, 0 }),
			 0);
	faults.only = "openat";
	faults_arm(1, EROFS);
	assert_int_equal(subid_txn_commit(txn, &failure), -EROFS);
	assert_true(faults_disarm());
	assert_string_equal(failure.file, "subgid");
	faults.only = "fsync";
	faults_arm(1, EIO);
	assert_int_equal(subid_txn_commit(txn, &failure), -EIO);
	assert_true(faults_disarm());
	assert_null(failure.file);
	assert_file(etc, "subgid", BOB);
	/* the disk is well again: nothing is lost */
	commit_and_free(&txn);
	assert_file(etc, "subgid", BOB "alice:1000010:10\n");
}

/* An editor saves a table, or takes it away for a moment, while we have the lock. */
static void test_changed_without_the_lock(void **state)
{
	static const char mine[] = BOB "alice:1000010:10\n";
	static const struct {
		const char *name, *at_begin, *at_commit, *after;
		int r;
	} rows[] = {
		{ "another line", BOB, BOB "x:5:5\n", BOB "x:5:5\n", -ESTALE },
		{ "another byte", BOB, "bab" BOB, "bab" BOB, -ESTALE },
		{ "gone", BOB, NULL, NULL, -ESTALE },
		{ "emptied", BOB, "", "", -ESTALE },
		{ "not there when it was read", NULL, BOB, BOB, -ESTALE },
		{ "new and empty", NULL, "", "", -ESTALE },
		{ "saved as it was", BOB, BOB, mine, 0 },
		{ "never there", NULL, NULL, "alice:1000010:10\n", 0 },
	};
	int etc = etc_of(state);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_txn struct subid_txn *txn = NULL;
		struct subid_failure failure;

		put_world(etc);
		put_or_remove(etc, "subgid", rows[i].at_begin);
		txn = begin(etc, -1);
		assert_int_equal(grant(txn, "alice", SUBID_BOTH_KINDS,
				       (struct id_range){ 1000010, 10 }),
				 0);
		put_or_remove(etc, "subgid", rows[i].at_commit);
		if (subid_txn_commit(txn, &failure) != rows[i].r)
			fail_msg("%s: not %d", rows[i].name, rows[i].r);
		assert_row_file(rows[i].name, etc, "subuid", rows[i].r == 0 ? mine : BOB);
		assert_row_file(rows[i].name, etc, "subgid", rows[i].after);
		if (rows[i].r != 0)
			assert_string_equal(failure.file, "subgid");
	}
}

/* After a call that failed in its middle nothing may reach the tables. */
static void test_failed_call_cannot_be_committed(void **state)
{
	int etc = etc_of(state);
	unsigned int turn;

	for (turn = 1;; turn++) {
		struct subid_failure failure;
		struct subid_txn *txn;
		int r;

		put_world(etc);
		txn = begin(etc, -1);
		faults_arm(turn, EIO);
		r = grant(txn, "alice", SUBID_BOTH_KINDS, (struct id_range){ 0, 0 });
		if (!faults_disarm()) {
			assert_int_equal(r, 0);
			subid_txn_free(&txn);
			break;
		}
		assert_int_equal(r, -ENOMEM);
		r = subid_txn_commit(txn, &failure);
		/* the owner may not even have been found */
		assert_true(r == -ECANCELED || r == 0);
		subid_txn_free(&txn);
		assert_file(etc, "subuid", BOB);
		assert_file(etc, "subgid", BOB);
	}
	assert_true(turn > 5);
}

static void test_failed_call_is_canceled(void **state)
{
	int etc = etc_of(state);
	struct subid_failure failure;
	struct subid_changes changes;
	struct subid_owner owner;
	struct grant_request request = { .owner = &owner, .kinds = SUBID_BOTH_KINDS };
	struct subid_txn *txn;

	put_world(etc);
	txn = begin(etc, -1);
	assert_int_equal(
	    grant(txn, "late", SUBID_BOTH_KINDS, (struct id_range){ 1000050, 5 }), 0);
	owner = find_owner(txn, "alice");
	faults.lasting = true;
	faults_arm(1, 0);
	assert_int_equal(subid_txn_grant(txn, &request, &changes), -ENOMEM);
	assert_true(faults_disarm());
	subid_owner_free(&owner);
	/* not even what went well before */
	assert_int_equal(subid_txn_commit(txn, &failure), -ECANCELED);
	subid_txn_free(&txn);
	assert_file(etc, "subuid", BOB);
}

static void assert_explained(const struct subid_txn *txn, enum subid_kind kind,
			     struct id_range range, const struct subid_conflict *expected)
{
	struct subid_conflict conflict;

	assert_int_equal(subid_txn_explain(txn, kind, range, &conflict), 0);
	assert_int_equal(conflict.what, expected->what);
	assert_int_equal(conflict.line, expected->line);
	assert_string_equal(conflict.who, expected->who);
	assert_int_equal(conflict.pid, expected->pid);
	assert_true((conflict.file == NULL) == (expected->file == NULL));
	if (expected->file != NULL)
		assert_string_equal(conflict.file, expected->file);
	assert_int_equal(conflict.ids.start, expected->ids.start);
	assert_int_equal(conflict.ids.count, expected->ids.count);
}

static void test_explain(void **state)
{
	static const struct {
		enum subid_kind kind;
		struct id_range range;
		struct subid_conflict conflict;
	} rows[] = {
		{ SUBID_UID,
		  { 1000005, 10 },
		  { SUBID_CONFLICT_LINE, { 1000005, 5 }, 2, "bob:1000000:10", 0, NULL } },
		{ SUBID_UID,
		  { 1999990, 100 },
		  { SUBID_CONFLICT_LINE,
		    { 2000000, 5 },
		    3,
		    "o?[1m:2000000:5?",
		    0,
		    NULL } },
		{ SUBID_UID,
		  { 995, 6 },
		  { SUBID_CONFLICT_ACCOUNT, { 1000, 1 }, 0, "alice", 0, NULL } },
		{ SUBID_GID,
		  { 4990, 100 },
		  { SUBID_CONFLICT_ACCOUNT, { 5000, 1 }, 0, "people", 0, NULL } },
		{ SUBID_UID,
		  { 2999990, 100 },
		  { SUBID_CONFLICT_LIVE, { 3000000, 7 }, 0, "ev?l", 77, NULL } },
		{ SUBID_GID,
		  { 3000010, 1 },
		  { SUBID_CONFLICT_LIVE, { 3000010, 1 }, 0, "ev?l", 77, NULL } },
		{ SUBID_UID,
		  { 65530, 10 },
		  { SUBID_CONFLICT_RESERVED, { 65534, 1 }, 0, "nobody", 0, NULL } },
		{ SUBID_GID,
		  { 60514, 1 },
		  { SUBID_CONFLICT_RESERVED,
		    { 60514, 1 },
		    0,
		    "systemd-nspawn's mapped users",
		    0,
		    NULL } },
		{ SUBID_GID,
		  { 700000, 200000 },
		  { SUBID_CONFLICT_CONF,
		    { 700005, 95 },
		    2,
		    "NFS s?rver",
		    0,
		    "subid.conf" } },
		{ SUBID_UID,
		  { 700000, 200000 },
		  { SUBID_CONFLICT_CONF,
		    { 700005, 95 },
		    2,
		    "NFS s?rver",
		    0,
		    "subid.conf" } },
		{ SUBID_UID,
		  { 800000, 1 },
		  { SUBID_CONFLICT_CONF,
		    { 800000, 1 },
		    1,
		    "",
		    0,
		    "subid.conf.d/a.conf" } },
		{ SUBID_GID,
		  { 400000, 10 },
		  { SUBID_CONFLICT_NEW, { 400005, 5 }, 0, "", 0, NULL } },
		{ SUBID_GID,
		  { 3000000, 7 },
		  { SUBID_CONFLICT_CUSTOM,
		    { 3000000, 7 },
		    0,
		    "systemd-nspawn's containers",
		    0,
		    NULL } },
		{ SUBID_GID,
		  { 524280, 10 },
		  { SUBID_CONFLICT_CUSTOM,
		    { 524288, 2 },
		    0,
		    "systemd-nspawn's containers",
		    0,
		    NULL } },
		{ SUBID_UID,
		  { 2147483648, 1 },
		  { SUBID_CONFLICT_CUSTOM,
		    { 2147483648, 1 },
		    0,
		    "FreeIPA's subordinate ids",
		    0,
		    NULL } },
	};
	int etc = etc_of(state), proc = open_new_dir(etc, "proc");
	struct subid_conflict conflict;
	struct subid_txn *txn;

	put_world(etc);
	put_file(etc, "subid.conf", "\nreserve 700005-700099 \"NFS s\xc3rver\"\n");
	put_dir(etc, "subid.conf.d");
	put_file(etc, "subid.conf.d/a.conf", "reserve uid 800000:1");
	put_file(etc, "subuid", "# first\n" BOB "o\033[1m:2000000:5\r\n");
	put_self(proc);
	put_process(proc, &(struct fake_process){ .pid = "77",
						  .ns = "user:[6]",
						  .uid_map = "0 3000000 7\n",
						  .gid_map = "0 3000007 7\n",
						  .status = "Name:\tx\nUid:\t1 1 1 1\n",
						  .comm = "ev\033l\n" });
	txn = begin(etc, proc);
	assert_int_equal(
	    grant(txn, "alice", SUBID_BOTH_KINDS, (struct id_range){ 400005, 7 }), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_explained(txn, rows[i].kind, rows[i].range, &rows[i].conflict);
	assert_int_equal(subid_txn_explain(txn, SUBID_UID,
					   (struct id_range){ 1000010, 90 }, &conflict),
			 SUBID_ABSENT);
	/* of the other kind alone */
	assert_explained(txn, SUBID_GID, (struct id_range){ 800000, 1 },
			 &(struct subid_conflict){ SUBID_CONFLICT_CUSTOM,
						   { 800000, 1 },
						   0,
						   "systemd-nspawn's containers",
						   0,
						   NULL });
	subid_txn_free(&txn);
	assert_int_equal(close(proc), 0);
}

/* The container has ended since, or /proc cannot be read any more. */
/* Under the locks nothing of /proc is looked at any more, but the name of a program. */
static void test_explain_what_has_gone(void **state)
{
	static const struct subid_conflict known = { .what = SUBID_CONFLICT_LIVE,
						     .ids = { 3000000, 7 },
						     .pid = 77 };
	int etc = etc_of(state), proc = open_new_dir(etc, "proc");
	struct id_range range = { 3000000, 7 };
	struct subid_txn *txn;

	put_self(proc);
	put_process(proc, &(struct fake_process){ .pid = "77",
						  .ns = "user:[6]",
						  .uid_map = "0 3000000 7\n",
						  .gid_map = "" });
	txn = begin(etc, proc);
	assert_int_equal(unlinkat(proc, "77/ns/user", 0), 0);
	assert_int_equal(unlinkat(proc, "self/ns/user", 0), 0);
	assert_explained(txn, SUBID_UID, range, &known);
	subid_txn_free(&txn);
	assert_int_equal(close(proc), 0);
}

/* What no process is in may be hidden: nothing is given that lines had before. */
static void test_hidden_namespace(void **state)
{
	static const struct subid_conflict before = {
		.what = SUBID_CONFLICT_BEFORE,
		.ids = { 1000000, 5 },
		.who = "hi?er",
		.pid = 5,
	};
	static const struct id_range gone = { 1000000, 10 };
	int etc = etc_of(state), proc = open_new_dir(etc, "proc");
	struct subid_txn *txn;

	put_world(etc);
	put_file(etc, "subuid", "");
	put_file(etc, "subgid", "");
	put_file(etc, "subuid-", "carol:1000000:5\n");
	put_self(proc);
	put_process(proc, &(struct fake_process){ .pid = "5",
						  .ns = "user:[4026531837]",
						  .uid_map = "0 0 4294967295\n",
						  .gid_map = "0 0 4294967295\n",
						  .comm = "hi\033er\n" });
	txn = begin(etc, proc);
	assert_int_equal(subid_txn_unseen(txn)->n_hidden, 0);
	assert_int_equal(grant(txn, "bob", 1U << SUBID_UID, gone), 0);
	subid_txn_free(&txn);

	assert_int_equal(symlinkat("mnt:[9]", proc, "5/ns/mnt"), 0);
	put_file(proc, "5/mountinfo", "1 0 0:4 user:[77] /x rw - nsfs nsfs rw\n");
	txn = begin(etc, proc);
	assert_int_equal(subid_txn_unseen(txn)->n, 0);
	assert_int_equal(subid_txn_unseen(txn)->n_hidden, 1);
	assert_int_equal(subid_txn_unseen(txn)->first.pid, 5);
	assert_int_equal(subid_txn_unseen(txn)->first.userns, 77);
	assert_int_equal(grant(txn, "bob", 1U << SUBID_UID, gone), SUBID_TAKEN);
	assert_explained(txn, SUBID_UID, gone, &before);
	/* of gids, none had any */
	assert_int_equal(grant(txn, "bob", 1U << SUBID_GID, gone), 0);
	subid_txn_free(&txn);

	/* what was before must be known */
	assert_int_equal(unlinkat(etc, "subuid-", 0), 0);
	put_dir(etc, "subuid-");
	assert_begin_fails(etc, proc, -EINVAL, "subuid-");
	assert_int_equal(close(proc), 0);
}

/* A line longer than the message has room for. */
static void test_explain_a_long_line(void **state)
{
	int etc = etc_of(state);
	struct subid_conflict conflict;
	struct subid_txn *txn;
	char line[600];

	memset(line, 'a', sizeof(line));
	(void)strcpy(line + 500, ":1000000:10\n");
	put_file(etc, "subuid", line);
	txn = begin(etc, -1);
	assert_int_equal(
	    subid_txn_explain(txn, SUBID_UID, (struct id_range){ 1000000, 1 }, &conflict),
	    0);
	assert_int_equal(conflict.line, 1);
	line[sizeof(conflict.who) - 1] = '\0';
	assert_string_equal(conflict.who, line);
	subid_txn_free(&txn);
}

static void test_free_ids(void **state)
{
	int etc = etc_of(state);
	struct subid_txn *txn;

	put_world(etc);
	put_file(etc, "subuid",
		 "x:999990:20\nx:1000005:10\nx:1000090:50\nx:1000040:5:\n");
	put_file(etc, "subgid", "x:1:1\n");
	txn = begin(etc, -1);
	assert_int_equal(
	    subid_txn_free_ids(
		txn, SUBID_UID,
		subid_window_range(&subid_txn_policy(txn)->window[SUBID_UID])),
	    100 - 15 - 10 - 5);
	assert_int_equal(
	    subid_txn_free_ids(
		txn, SUBID_GID,
		subid_window_range(&subid_txn_policy(txn)->window[SUBID_GID])),
	    100);
	/* behind 1000090:50 there is nothing, between 1000045 and it the most */
	assert_int_equal(
	    subid_txn_largest_gap(
		txn, SUBID_UID,
		subid_window_range(&subid_txn_policy(txn)->window[SUBID_UID])),
	    45);
	assert_int_equal(
	    subid_txn_largest_gap(
		txn, SUBID_GID,
		subid_window_range(&subid_txn_policy(txn)->window[SUBID_GID])),
	    100);
	assert_int_equal(grant_alice(txn), 0);
	assert_int_equal(
	    subid_txn_free_ids(
		txn, SUBID_UID,
		subid_window_range(&subid_txn_policy(txn)->window[SUBID_UID])),
	    100 - 15 - 10 - 5 - 10);
	assert_int_equal(
	    subid_txn_free_ids(
		txn, SUBID_GID,
		subid_window_range(&subid_txn_policy(txn)->window[SUBID_GID])),
	    90);
	subid_txn_free(&txn);
}

/* Begin, grant and commit, as `subid grant` does it. */
static int whole_grant(int etc, int proc)
{
	auto_txn struct subid_txn *txn = NULL;
	struct subid_failure failure;
	int r = try_begin(etc, proc, false, &txn, &failure);

	if (r == 0)
		r = grant_alice(txn);
	return r == 0 ? subid_txn_commit(txn, &failure) : r;
}

static int whole_revoke(int etc, int proc)
{
	auto_txn struct subid_txn *txn = NULL;
	auto_owner struct subid_owner owner = { .has_account = false };
	struct subid_failure failure;
	struct subid_changes changes;
	int r = try_begin(etc, proc, false, &txn, &failure);

	if (r == 0)
		r = subid_owner_find(subid_txn_users(txn), "bob", &owner);
	if (r == 0)
		r = subid_txn_revoke(txn, &owner, SUBID_BOTH_KINDS,
				     (struct id_range){ 1000003, 3 }, false, &changes);
	return r == 0 ? subid_txn_commit(txn, &failure) : r;
}

static int whole_hold(int etc, int proc)
{
	auto_txn struct subid_txn *txn = NULL;
	struct subid_failure failure;
	struct subid_changes changes;
	int r = try_begin(etc, proc, false, &txn, &failure);

	if (r == 0)
		r = subid_txn_prepare_bulk(txn);
	if (r == 0)
		r = subid_txn_hold(txn, SUBID_BOTH_KINDS, (struct id_range){ 1000010, 9 },
				   &changes);
	if (r == 0)
		r = subid_txn_unhold(txn, SUBID_BOTH_KINDS,
				     (struct id_range){ 1000013, 3 }, &changes);
	return r == 0 ? subid_txn_commit(txn, &failure) : r;
}

struct sweep {
	int (*change)(int etc, int proc);
	const char *after;
	unsigned int error;
	bool lasting;
	int noreplace_error;
	int unnamed_error;
};

static unsigned int run_sweep(int etc, int proc, const struct sweep *sweep)
{
	unsigned int turn;

	for (turn = 1;; turn++) {
		char *uid, *gid;
		bool struck, uid_new, gid_new;
		int r;

		assert_true(turn < 2000);
		put_world(etc);
		faults.lasting = sweep->lasting;
		faults.noreplace_error = sweep->noreplace_error;
		faults.unnamed_error = sweep->unnamed_error;
		faults_arm(turn, sweep->error);
		r = sweep->change(etc, proc);
		struck = faults_disarm();
		uid = get_file(etc, "subuid");
		gid = get_file(etc, "subgid");
		uid_new = strcmp(uid, sweep->after) == 0;
		gid_new = strcmp(gid, sweep->after) == 0;
		if ((!uid_new && strcmp(uid, BOB) != 0) ||
		    (!gid_new && strcmp(gid, BOB) != 0))
			fail_msg("%s, turn %u: not whole", faults.function, turn);
		free(uid);
		free(gid);
		if (r > 0 || (r == 0 ? !uid_new || !gid_new
				     : r != -ENOTRECOVERABLE && (uid_new || gid_new)))
			fail_msg("%s, turn %u: answer %d, subuid %s, subgid %s",
				 faults.function, turn, r, uid_new ? "new" : "old",
				 gid_new ? "new" : "old");
		if (!struck) {
			assert_int_equal(r, 0);
			break;
		}
		/* whatever was left behind: the next one goes well */
		put_world(etc);
		assert_int_equal(sweep->change(etc, proc), 0);
		assert_file(etc, "subuid", sweep->after);
		assert_file(etc, "subgid", sweep->after);
		assert_false(is_there(etc, "subuid.lock"));
		assert_false(is_there(etc, "subgid.lock"));
		assert_false(is_there(etc, "subuid+"));
		assert_false(is_there(etc, "subgid="));
	}
	(void)faults_reset(NULL);
	return turn - 1;
}

static void test_every_call_fails_in_turn(void **state)
{
	static const struct sweep sweeps[] = {
		{ whole_grant, BOB "alice:1000010:10\n", EIO, false, 0, 0 },
		{ whole_grant, BOB "alice:1000010:10\n", ENOSPC, true, 0, 0 },
		{ whole_grant, BOB "alice:1000010:10\n", EIO, false, EINVAL, EOPNOTSUPP },
		{ whole_grant, BOB "alice:1000010:10\n", EIO, true, EINVAL, EOPNOTSUPP },
		{ whole_revoke, "bob:1000000:3\nbob:1000006:4\n!released:1000003:3\n",
		  EIO, false, 0, 0 },
		{ whole_hold, BOB "!reserved:1000010:3\n!reserved:1000016:3\n", EIO,
		  false, 0, 0 },
	};
	int etc = etc_of(state), proc = open_new_dir(etc, "proc");

	put_self(proc);
	put_process(proc, &(struct fake_process){ .pid = "77",
						  .ns = "user:[6]",
						  .uid_map = "0 3000000 7\n",
						  .gid_map = "0 3000007 7\n" });
	for (size_t i = 0; i < sizeof(sweeps) / sizeof(sweeps[0]); i++)
		assert_true(run_sweep(etc, proc, &sweeps[i]) > 60);
	assert_int_equal(close(proc), 0);
}

static int setup(void **state)
{
	return faults_reset(state) != 0 ? -1 : scratch_setup(state);
}

#define txn_test(function)                                                               \
	{                                                                                \
#function, function, setup, scratch_teardown, NULL                       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		txn_test(test_commit),
		txn_test(test_rollback),
		txn_test(test_only_what_changed_is_written),
		txn_test(test_two_commits),
		txn_test(test_hold_behind_commit),
		txn_test(test_dry_run),
		txn_test(test_busy),
		txn_test(test_wrong_login_defs),
		txn_test(test_what_cannot_be_read),
		txn_test(test_unreadable_proc),
		txn_test(test_hidden_namespace),
		txn_test(test_commit_fails),
		txn_test(test_changed_without_the_lock),
		txn_test(test_failed_call_cannot_be_committed),
		txn_test(test_failed_call_is_canceled),
		txn_test(test_explain),
		txn_test(test_explain_what_has_gone),
		txn_test(test_explain_a_long_line),
		txn_test(test_free_ids),
		txn_test(test_every_call_fails_in_turn),
	};

	return cmocka_run_group_tests_name("txn", tests, NULL, NULL);
}
