/* SPDX-License-Identifier: MIT */
/*
 * What is taken, and what becomes of it while the locks are waited for.
 *
 * wrap: subid_lock_take
 */
#include "libsubid/change/private.h"

#include "txn_support.h"

#define STORE (&SUBID_STATEDIR[1])

static void put_path(int dir, const char *path, const char *text)
{
	char copy[256];

	(void)strcpy(copy, path);
	for (char *c = strchr(copy, '/'); c != NULL; c = strchr(c + 1, '/')) {
		*c = '\0';
		put_dir(dir, copy);
		*c = '/';
	}
	if (text != NULL)
		put_file(dir, path, text);
}

/* "u 100000:10 200000:5, g 100000:10" */
static const char *ids_text(const struct subid_leased *leased, char *buf)
{
	char *at = buf;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		at += sprintf(at, "%s%c", kind == 0 ? "" : ", ", "ug"[kind]);
		for (size_t i = 0; i < leased->ids.of[kind].n; i++)
			at += sprintf(at, " %u:%u", leased->ids.of[kind].ranges[i].start,
				      leased->ids.of[kind].ranges[i].count);
	}
	return buf;
}

/* What is beneath the root directory, and what is made of it. */
static const struct {
	const char *what;
	const char *files[3][2]; /* path, text; "->" in front: a link to there */
	const char *ids;
	size_t unread;
} rows[] = {
	{ "nothing", { { NULL, NULL } }, "u, g", 0 },
	{ "a store without files", { { "/", NULL } }, "u, g", 0 },
	{ "leases",
	  { { "/subuid", "alice/web:100000:10\nbob/x:100010:5\n" },
	    { "/subgid", "alice/web:200000:10\n" } },
	  "u 100000:15, g 200000:10",
	  0 },
	{ "what rests", { { "/subgid", "!released:100000:10\n" } }, "u, g 100000:10", 0 },
	{ "a number that readers differ on",
	  { { "/subuid", "alice/web:0100000:9\n" } },
	  "u 32768:9 100000:9, g",
	  0 },
	{ "no lease, but ids", { { "/subuid", "#\nalice:7:7\n" } }, "u 7:7, g", 0 },
	{ "a stopped container",
	  { { "var/lib/lxc/c1/config", "lxc.idmap = b 0 300000 3\n" } },
	  "u 300000:3, g 300000:3",
	  0 },
	{ "a stopped container and leases",
	  { { "var/lib/lxc/c1/config", "lxc.idmap = u 0 100005 10\n" },
	    { "/subuid", "alice/web:100000:10\n" } },
	  "u 100000:15, g",
	  0 },
	{ "a damaged runtime",
	  { { "var/lib/containers/storage/vfs-containers/containers.json", "[" },
	    { "/subuid", "alice/web:100000:10\n" } },
	  "u 100000:10, g",
	  1 },
	{ "a user's store and home",
	  { { "home/alice/.local/state/subid/subuid", "web:100000:10\n" },
	    { "home/alice/.local/share/lxc/c1/config", "lxc.idmap = u 0 100005 9\n" } },
	  "u, g",
	  0 },
	{ "a link of an image that would lead out of it",
	  { { "srv/subid/subuid", "alice/web:100000:10\n" },
	    { "var/lib/subid", "->/srv/subid" } },
	  "u 100000:10, g",
	  0 },
	{ "no directory", { { "var/lib/subid", "" } }, "u, g", 0 },
};

static void put_files(int root, const char *const files[3][2])
{
	char path[256];

	for (size_t i = 0; i < 3 && files[i][0] != NULL; i++) {
		(void)snprintf(path, sizeof(path), "%s%s",
			       files[i][0][0] == '/' ? STORE : "", files[i][0]);
		if (files[i][1] == NULL || strncmp(files[i][1], "->", 2) != 0) {
			put_path(root, path, files[i][1]);
			continue;
		}
		put_path(root, path, NULL);
		assert_int_equal(symlinkat(files[i][1] + 2, root, path), 0);
	}
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subid_leased found = { .runtimes.n = 0 };
		const char *file = "";
		char name[16], buf[512];
		int root;

		(void)snprintf(name, sizeof(name), "root%zu", i);
		root = open_new_dir(etc_of(state), name);
		put_files(root, rows[i].files);
		if (subid_leased_read(root, &found, &file) != 0 || file != NULL)
			fail_msg("%s: fails", rows[i].what);
		assert_row(rows[i].what, "what containers have", ids_text(&found, buf),
			   rows[i].ids);
		assert_int_equal(found.runtimes.n_unread, rows[i].unread);
		subid_leased_free(&found);
		assert_int_equal(close(root), 0);
	}
}

/* A store that is there and cannot be read: not known is not nothing. */
static void test_what_cannot_be_read(void **state)
{
	struct subid_leased found = { .runtimes.n = 77 };
	int root = etc_of(state);
	const char *file;
	char path[64];

	put_path(root, "var/lib/", NULL);
	assert_int_equal(symlinkat("subid", root, STORE), 0);
	assert_int_equal(subid_leased_read(root, &found, &file), -ELOOP);
	assert_string_equal(file, SUBID_STATEDIR);
	assert_int_equal(unlinkat(root, STORE, 0), 0);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		(void)snprintf(path, sizeof(path), "%s/%s", STORE,
			       subid_kind_table(kind));
		put_path(root, path, NULL);
		put_dir(root, path);
		assert_int_equal(subid_leased_read(root, &found, &file), -EINVAL);
		assert_string_equal(file + 1, path);
		assert_int_equal(unlinkat(root, path, AT_REMOVEDIR), 0);
		assert_int_equal(symlinkat("elsewhere", root, path), 0);
		assert_int_equal(subid_leased_read(root, &found, &file), -ELOOP);
		assert_string_equal(file + 1, path);
		assert_int_equal(unlinkat(root, path, 0), 0);
	}
	assert_int_equal(found.runtimes.n, 77);
}

static int try_begin(int etc, int root, struct subid_txn **ret, const char **ret_file)
{
	struct subid_txn_options options = {
		.etc = etc, .proc = -1, .leased = root >= 0, .root = root
	};
	struct subid_failure failure;
	int r = subid_txn_begin(&options, ret, &failure);

	*ret_file = failure.file;
	return r;
}

/* A transaction gives none of them, if it is asked to look. */
static void test_txn(void **state)
{
	int root = etc_of(state), etc = open_new_dir(root, "etc");
	struct subid_txn *txn = NULL;
	struct subid_conflict conflict;
	const char *file;

	put_file(etc, "login.defs", SMALL);
	put_file(etc, "passwd", PASSWD);
	put_path(root, "var/lib/subid/subuid", "gone/web:1000000:10\n");
	put_path(root, "var/lib/lxc/c1/config", "lxc.idmap = g 0 1000015 5\n");
	for (int with = 0; with < 2; with++) {
		struct subid_changes changes = { .n = 0 };
		struct subid_owner owner;
		struct grant_request request = { .owner = &owner,
						 .kinds = SUBID_BOTH_KINDS };
		char buf[128];

		assert_int_equal(try_begin(etc, with ? root : -1, &txn, &file), 0);
		assert_null(file);
		assert_int_equal(subid_txn_leased(txn)->runtimes.n, with);
		owner = find_owner(txn, "alice");
		assert_int_equal(subid_txn_explain(txn, SUBID_GID,
						   (struct id_range){ 1000010, 10 },
						   &conflict),
				 with ? 0 : SUBID_ABSENT);
		assert_int_equal(subid_txn_grant(txn, &request, &changes), 0);
		assert_string_equal(changes_text(&changes, buf, sizeof(buf)),
				    with ? "uid 1000020:10, gid 1000020:10"
					 : "uid 1000000:10, gid 1000000:10");
		subid_owner_free(&owner);
		subid_txn_free(&txn);
	}
	assert_int_equal(conflict.what, SUBID_CONFLICT_AVOIDED);
	assert_int_equal(conflict.ids.start, 1000015);
	assert_string_equal(conflict.who, "a container");
	/* not known: no transaction, and no lock is left */
	assert_int_equal(unlinkat(root, "var/lib/subid/subuid", 0), 0);
	assert_int_equal(symlinkat("x", root, "var/lib/subid/subuid"), 0);
	assert_int_equal(try_begin(etc, root, &txn, &file), -ELOOP);
	assert_string_equal(file, SUBID_STATEDIR "/subuid");
	assert_null(txn);
	assert_false(is_there(etc, "subuid.lock"));
	assert_int_equal(close(etc), 0);
}

/* --- what others do while the locks are waited for --------------------------------- */

static struct {
	int etc, root;
	void (*change)(void);
} meanwhile;

int __real_subid_lock_take(int etc, int timeout_ms, const struct subid_lock_wait *wait,
			   struct subid_lock **ret, struct subid_holder *ret_holder);
int __wrap_subid_lock_take(int etc, int timeout_ms, const struct subid_lock_wait *wait,
			   struct subid_lock **ret, struct subid_holder *ret_holder);
int __wrap_subid_lock_take(int etc, int timeout_ms, const struct subid_lock_wait *wait,
			   struct subid_lock **ret, struct subid_holder *ret_holder)
{
	if (meanwhile.change != NULL)
		meanwhile.change();
	return __real_subid_lock_take(etc, timeout_ms, wait, ret, ret_holder);
}

static void put_meanwhile(const char *name, const char *text)
{
	/* replaced, as useradd does: another file, though perhaps of the same size */
	put_file(meanwhile.etc, "new", text);
	assert_int_equal(renameat(meanwhile.etc, "new", meanwhile.etc, name), 0);
}

static void add_line(void)
{
	put_meanwhile("subuid", "bob:1000000:10\n");
}

static void remove_line(void)
{
	put_meanwhile("subuid", "");
}

static void add_account(void)
{
	put_meanwhile("passwd", PASSWD "new:x:1000000:1000000::/:/bin/sh\n");
}

static void add_group(void)
{
	put_meanwhile("group", "new:x:1000009:\n");
}

static void raise_window(void)
{
	put_meanwhile("login.defs", "SUB_UID_MIN 2000000\nSUB_UID_MAX 2000099\n"
				    "SUB_GID_MIN 2000000\nSUB_GID_MAX 2000099\n"
				    "SUB_UID_COUNT 10\nSUB_GID_COUNT 10\n");
}

static void reserve(void)
{
	put_meanwhile("subid.conf", "reserve uid 1000000:5\n");
}

static void lease(void)
{
	put_path(meanwhile.root, "var/lib/subid/subuid", "gone/web:1000000:10\n");
}

static void stop_looking(void)
{
	/* nothing that runs is looked at under the locks: it would fail now */
	assert_int_equal(unlinkat(meanwhile.etc, "proc/self/ns/user", 0), 0);
}

static const struct {
	const char *what;
	void (*change)(void);
	const char *uids; /* the table at first */
	const char *gives;
} meanwhiles[] = {
	{ "nothing", NULL, "", "uid 1000000:10, gid 1000000:10" },
	{ "a line comes", add_line, "", "uid 1000010:10, gid 1000010:10" },
	{ "a line goes, which a container may have had", remove_line,
	  "carol:1000000:10\n", "uid 1000010:10, gid 1000010:10" },
	{ "another line comes in its place", add_line, "carol:1000005:10\n",
	  "uid 1000015:10, gid 1000015:10" },
	{ "an account comes", add_account, "", "uid 1000001:10, gid 1000001:10" },
	{ "a group comes", add_group, "", "uid 1000010:10, gid 1000010:10" },
	{ "the window moves", raise_window, "", "uid 2000000:10, gid 2000000:10" },
	{ "ids are reserved", reserve, "", "uid 1000005:10, gid 1000005:10" },
	{ "a lease comes", lease, "", "uid 1000010:10, gid 1000010:10" },
	{ "what runs cannot be seen any more", stop_looking, "",
	  "uid 1000000:10, gid 1000000:10" },
};

static void grant_meanwhile(int root, const char *what, const char *gives)
{
	struct subid_txn_options options = {
		.etc = meanwhile.etc,
		.proc = openat(meanwhile.etc, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.leased = true,
		.root = root,
	};
	struct subid_txn *txn = NULL;
	struct subid_failure failure;
	struct subid_changes changes;
	struct subid_owner owner;
	struct grant_request request = { .owner = &owner, .kinds = SUBID_BOTH_KINDS };
	char buf[128];
	int r = subid_txn_begin(&options, &txn, &failure);

	if (r != 0)
		fail_msg("%s: begins with %d, %s", what, r, failure.file);
	owner = find_owner(txn, "alice");
	assert_int_equal(subid_txn_grant(txn, &request, &changes), 0);
	assert_row(what, "what is given", changes_text(&changes, buf, sizeof(buf)),
		   gives);
	subid_owner_free(&owner);
	subid_txn_free(&txn);
	assert_int_equal(close(options.proc), 0);
}

static void test_meanwhile(void **state)
{
	for (size_t i = 0; i < sizeof(meanwhiles) / sizeof(meanwhiles[0]); i++) {
		int root, proc;
		char name[16];

		(void)snprintf(name, sizeof(name), "root%zu", i);
		root = open_new_dir(etc_of(state), name);
		meanwhile.root = root;
		meanwhile.etc = open_new_dir(root, "etc");
		meanwhile.change = meanwhiles[i].change;
		put_file(meanwhile.etc, "login.defs", SMALL);
		put_file(meanwhile.etc, "passwd", PASSWD);
		put_file(meanwhile.etc, "group", "");
		put_file(meanwhile.etc, "subuid", meanwhiles[i].uids);
		put_file(meanwhile.etc, "subgid", "");
		put_path(root, STORE, NULL);
		put_dir(root, STORE);
		proc = open_new_dir(meanwhile.etc, "proc");
		put_self(proc);
		assert_int_equal(close(proc), 0);
		grant_meanwhile(root, meanwhiles[i].what, meanwhiles[i].gives);
		assert_int_equal(close(meanwhile.etc), 0);
		assert_int_equal(close(root), 0);
	}
	meanwhile.change = NULL;
}

/* --- ids that do not exist in the user namespace that we run in ----------------------
 */

static const struct {
	const char *what, *uids, *gids; /* the maps of our namespace */
	const char *gives;		/* to alice; NULL: there is no room */
	struct id_range held;
	int hold; /* what comes of holding them */
} inside[] = {
	{ "the initial namespace",
	  "0 0 4294967295\n",
	  "0 0 4294967295\n",
	  "uid 1000000:10, gid 1000000:10",
	  { 1000050, 10 },
	  0 },
	{ "a part of the window",
	  "0 5 2000\n1000020 9000000 70\n",
	  "0 5 2000\n1000000 9000000 99\n",
	  "uid 1000020:10, gid 1000020:10",
	  { 1000015, 10 },
	  SUBID_TAKEN },
	{ "each kind by its own map",
	  "0 0 2000\n1000000 1000000 15\n",
	  "0 0 2000\n1000060 1000060 15\n",
	  "uid 1000000:10, gid 1000060:10",
	  { 1000000, 10 },
	  SUBID_TAKEN },
	{ "no id of the window",
	  "0 3001 1\n1 100000 65536\n",
	  "0 3001 1\n1 100000 65536\n",
	  NULL,
	  { 60000, 10 },
	  0 },
	{ "ids that mean nothing outside are not there",
	  "0 3001 1\n1000000 4294967295 10\n1000010 100000 10\n",
	  "0 0 4294967295\n",
	  "uid 1000010:10, gid 1000010:10",
	  { 1000000, 10 },
	  SUBID_TAKEN },
};

static void test_inside(void **state)
{
	for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
		struct subid_txn *txn;
		struct subid_changes changes;
		struct subid_owner owner;
		struct grant_request request = { .owner = &owner,
						 .kinds = SUBID_BOTH_KINDS };
		char name[16], buf[128];
		int etc, proc, r;

		(void)snprintf(name, sizeof(name), "etc%zu", i);
		etc = open_new_dir(etc_of(state), name);
		put_file(etc, "login.defs", SMALL);
		put_file(etc, "passwd", PASSWD);
		proc = open_new_dir(etc, "proc");
		put_process(proc, &(struct fake_process){ .pid = "self",
							  .ns = "user:[4026531837]",
							  .uid_map = inside[i].uids,
							  .gid_map = inside[i].gids });
		txn = begin(etc, proc);
		owner = find_owner(txn, "alice");
		r = subid_txn_grant(txn, &request, &changes);
		assert_int_equal(r, inside[i].gives == NULL ? SUBID_FULL : 0);
		assert_row(inside[i].what, "what is given",
			   r == 0 ? changes_text(&changes, buf, sizeof(buf)) : NULL,
			   inside[i].gives);
		subid_owner_free(&owner);
		subid_txn_free(&txn);
		txn = begin(etc, proc);
		r = subid_txn_hold(txn, SUBID_BOTH_KINDS, inside[i].held, &changes);
		if (r != inside[i].hold)
			fail_msg("%s: hold answers %d", inside[i].what, r);
		subid_txn_free(&txn);
		assert_int_equal(close(proc), 0);
		assert_int_equal(close(etc), 0);
	}
}

/* The owner's own uid and primary gid are in no range of its own. */
static void test_own_ids(void **state)
{
	static const char passwd[] = "wide:x:1000005:1000012::/:/bin/sh\n";
	int etc = etc_of(state);
	struct subid_txn *txn;
	struct subid_changes changes;
	struct subid_conflict conflict;
	struct subid_owner owner;
	struct grant_request request = { .owner = &owner, .kinds = SUBID_BOTH_KINDS };
	char buf[128];

	put_file(etc, "login.defs", SMALL);
	put_file(etc, "passwd", PASSWD);
	txn = begin(etc, -1);
	/* an account that nobody has listed when the transaction began */
	put_file(etc, "passwd", passwd);
	{
		auto_users struct subid_users *users = NULL;

		assert_int_equal(subid_users_load(etc, false, &users, NULL), 0);
		assert_int_equal(subid_owner_find(users, "wide", &owner), 0);
		assert_int_equal(subid_txn_grant(txn, &request, &changes), 0);
		assert_string_equal(changes_text(&changes, buf, sizeof(buf)),
				    "uid 1000013:10, gid 1000013:10");
		request.range = (struct id_range){ 1000000, 6 };
		assert_int_equal(subid_txn_grant(txn, &request, &changes), SUBID_TAKEN);
		assert_int_equal(
		    subid_txn_explain(txn, SUBID_UID, request.range, &conflict), 0);
		assert_int_equal(conflict.what, SUBID_CONFLICT_ACCOUNT);
		assert_int_equal(conflict.ids.start, 1000005);
		subid_owner_free(&owner);
	}
	subid_txn_free(&txn);
}

/* Is another program at work in a table? */
static void test_settled(void **state)
{
	static const struct {
		const char *what;
		struct table_moment moment;
		enum settled settled;
	} moments[] = {
		{ "no table and no backup", { false, false, 0, 0, 0, 0 }, TABLE_SETTLED },
		{ "empty, never had lines",
		  { false, false, 0, 0, 5, 9000 },
		  TABLE_SETTLED },
		{ "as long as its backup",
		  { false, false, 9, 9, 5, 9000 },
		  TABLE_SETTLED },
		{ "open", { true, false, 9, 9, 0, 0 }, TABLE_OPEN },
		{ "open, as we wrote it", { true, true, 0, 9, 5, 9000 }, TABLE_OPEN },
		{ "emptied now", { false, false, 0, 9, 0, 9000 }, TABLE_CHANGING },
		{ "half of it, now", { false, false, 4, 9, 999, 9000 }, TABLE_CHANGING },
		{ "half of it, a second ago",
		  { false, false, 4, 9, 1000, 9000 },
		  TABLE_SETTLED },
		{ "emptied a second ago",
		  { false, false, 0, 9, 1000, 9000 },
		  TABLE_SETTLED },
		{ "by us", { false, true, 0, 9, 0, 9000 }, TABLE_SETTLED },
		{ "by us, long ago", { false, true, 0, 9, 99999, 9000 }, TABLE_SETTLED },
		{ "a new file, as usermod writes",
		  { false, false, 0, 9, 0, 20 },
		  TABLE_SETTLED },
		{ "hardly new", { false, false, 0, 9, 0, 21 }, TABLE_CHANGING },
		{ "no time of birth",
		  { false, false, 0, 9, 0, INT64_MAX },
		  TABLE_CHANGING },
		{ "the clock was set back a little",
		  { false, false, 4, 9, -999, 9000 },
		  TABLE_CHANGING },
		{ "by an hour", { false, false, 4, 9, -3600000, 9000 }, TABLE_SETTLED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++)
		if (table_settled(&moments[i].moment) != moments[i].settled)
			fail_msg("%s: is %d", moments[i].what,
				 table_settled(&moments[i].moment));
}

/* Who has a table open for writing is not overtaken, and the next grant goes well. */
static void test_open_for_writing(void **state)
{
	static const char *const tables[] = { "subuid", "subgid" };
	int etc = etc_of(state);

	put_file(etc, "login.defs", SMALL);
	put_file(etc, "passwd", PASSWD);
	for (size_t i = 0; i < 2; i++) {
		struct subid_txn_options options = { .etc = etc, .proc = -1 };
		struct subid_failure failure;
		struct subid_txn *txn = NULL;
		int fd;

		put_file(etc, "subuid", "x:5:5\n");
		put_file(etc, "subgid", "x:5:5\n");
		fd = openat(etc, tables[i], O_WRONLY | O_APPEND | O_CLOEXEC);
		assert_true(fd >= 0);
		assert_int_equal(subid_txn_begin(&options, &txn, &failure), -ESTALE);
		assert_string_equal(failure.file, tables[i]);
		assert_non_null(failure.place.why);
		assert_false(is_there(etc, "subuid.lock"));
		assert_int_equal(close(fd), 0);
		txn = begin(etc, -1);
		subid_txn_free(&txn);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_rows),    scratch_test(test_what_cannot_be_read),
		scratch_test(test_txn),	    scratch_test(test_meanwhile),
		scratch_test(test_inside),  scratch_test(test_own_ids),
		scratch_test(test_settled), scratch_test(test_open_for_writing),
	};

	return cmocka_run_group_tests_name("taken", tests, NULL, NULL);
}
