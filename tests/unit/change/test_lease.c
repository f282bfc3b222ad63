/* SPDX-License-Identifier: MIT */
/*
 * Leases, given and taken back.
 *
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup
 */
#include "faults.h"
#include "libsubid/change/private.h"
#include "support.h"

#define UID  (1U << SUBID_UID)
#define GID  (1U << SUBID_GID)
#define BOTH SUBID_BOTH_KINDS

enum verb { GRANT, REVOKE, REUSE, UNHOLD };

struct row {
	const char *what;
	enum verb verb;
	const char *name; /* NULL: web */
	unsigned int kinds;
	uint32_t count;
	struct id_range range;
	bool another;
	const char *user;	  /* whose store; NULL: root's */
	const char *uid, *gid;	  /* the store before; NULL: none */
	struct id_range held[3];  /* of both kinds; {0}: 100000:100 */
	struct id_range held_gid; /* of gids instead */
	struct id_range avoid;	  /* of uids */
	int answer;
	const char *changes;
	const char *uid_after, *gid_after; /* NULL: as before */
};

static const struct row rows[] = {
	{ "the first", GRANT, .kinds = BOTH, .count = 10,
	  .changes = "uid 100000:10, gid 100000:10", .uid_after = "alice/web:100000:10\n",
	  .gid_after = "alice/web:100000:10\n" },
	{ "in a user's own store", GRANT, .kinds = UID, .count = 10, .user = "alice",
	  .changes = "uid 100000:10", .uid_after = "web:100000:10\n" },
	{ "behind the others, whoever has them", GRANT, .kinds = UID, .count = 10,
	  .uid = "alice/db:100000:10\nbob/web:100010:5\n", .changes = "uid 100015:10",
	  .uid_after = "alice/db:100000:10\nbob/web:100010:5\nalice/web:100015:10\n" },
	{ "in the first gap", GRANT, .kinds = UID, .count = 10,
	  .uid = "alice/a:100000:10\nalice/b:100015:5\n", .changes = "uid 100020:10",
	  .uid_after = "alice/a:100000:10\nalice/b:100015:5\nalice/web:100020:10\n" },
	{ "clear of lines that are no leases", GRANT, .kinds = UID, .count = 10,
	  .uid = "# x:0303240:10\nalice/a:100010:0x5:\n", .changes = "uid 100015:10",
	  .uid_after = "# x:0303240:10\nalice/a:100010:0x5:\nalice/web:100015:10\n" },
	{ "clear of what rests", GRANT, .kinds = UID, .count = 10,
	  .uid = "!released:100000:20\n", .changes = "uid 100020:10",
	  .uid_after = "!released:100000:20\nalice/web:100020:10\n" },
	{ "clear of what is in use", GRANT, .kinds = UID, .count = 10,
	  .avoid = { 99990, 40 }, .changes = "uid 100030:10",
	  .uid_after = "alice/web:100030:10\n" },
	{ "the same numbers of both kinds", GRANT, .kinds = BOTH, .count = 10,
	  .avoid = { 99990, 40 }, .changes = "uid 100030:10, gid 100030:10",
	  .uid_after = "alice/web:100030:10\n", .gid_after = "alice/web:100030:10\n" },
	{ "one place each, if there is none for both", GRANT, .kinds = BOTH, .count = 10,
	  .held = { { 100000, 10 } }, .held_gid = { 200000, 10 },
	  .changes = "uid 100000:10, gid 200000:10", .uid_after = "alice/web:100000:10\n",
	  .gid_after = "alice/web:200000:10\n" },
	{ "all that the owner holds", GRANT, .kinds = UID, .count = 100,
	  .changes = "uid 100000:100", .uid_after = "alice/web:100000:100\n" },
	{ "more than the owner holds", GRANT, .kinds = UID, .count = 101,
	  .answer = SUBID_FULL, .changes = "" },
	{ "never in two pieces", GRANT, .kinds = UID, .count = 11,
	  .held = { { 100000, 10 }, { 100020, 10 } }, .answer = SUBID_FULL,
	  .changes = "" },
	{ "over lines that adjoin", GRANT, .kinds = UID, .count = 11,
	  .held = { { 100000, 10 }, { 100010, 10 } }, .changes = "uid 100000:11",
	  .uid_after = "alice/web:100000:11\n" },
	{ "no room for one of the kinds: none", GRANT, .kinds = BOTH, .count = 10,
	  .held = { { 100000, 10 } }, .held_gid = { 200000, 5 }, .answer = SUBID_FULL,
	  .changes = "" },
	{ "of an owner that holds nothing", GRANT, .kinds = UID, .count = 1,
	  .held = { { 0, 1 } }, .avoid = { 0, 1 }, .answer = SUBID_FULL, .changes = "" },

	/* what the container has */
	{ "enough", GRANT, .kinds = BOTH, .count = 10, .uid = "alice/web:100000:10\n",
	  .gid = "alice/web:100000:10\n", .answer = SUBID_ENOUGH,
	  .changes = "uid 100000:10, gid 100000:10" },
	{ "enough under another name of the owner", GRANT, .kinds = UID, .count = 10,
	  .uid = "1000/web:100000:12\n", .answer = SUBID_ENOUGH,
	  .changes = "uid 100000:12" },
	{ "another's of that name is not its own", GRANT, .kinds = UID, .count = 10,
	  .uid = "bob/web:100000:10\n", .changes = "uid 100010:10",
	  .uid_after = "bob/web:100000:10\nalice/web:100010:10\n" },
	{ "the other kind follows", GRANT, .kinds = BOTH, .count = 10,
	  .uid = "alice/a:100000:10\nalice/web:100010:10\n", .gid = "",
	  .changes = "gid 100010:10", .gid_after = "alice/web:100010:10\n" },
	{ "or takes what there is", GRANT, .kinds = BOTH, .count = 10,
	  .uid = "alice/web:100000:10\n", .gid = "alice/a:100000:10\n",
	  .changes = "gid 100010:10",
	  .gid_after = "alice/a:100000:10\nalice/web:100010:10\n" },
	{ "another", GRANT, .kinds = UID, .count = 10, .another = true,
	  .uid = "alice/web:100000:10\n", .changes = "uid 100010:10",
	  .uid_after = "alice/web:100000:10\nalice/web:100010:10\n" },
	{ "more than it has", GRANT, .kinds = UID, .count = 11,
	  .uid = "alice/web:100000:10\n", .changes = "uid 100010:11",
	  .uid_after = "alice/web:100000:10\nalice/web:100010:11\n" },

	/* just these */
	{ "a range", GRANT, .kinds = BOTH, .range = { 100050, 5 },
	  .changes = "uid 100050:5, gid 100050:5", .uid_after = "alice/web:100050:5\n",
	  .gid_after = "alice/web:100050:5\n" },
	{ "a range that it has", GRANT, .kinds = UID, .range = { 100050, 5 },
	  .uid = "alice/web:100050:5\n", .answer = SUBID_ENOUGH,
	  .changes = "uid 100050:5" },
	{ "a range beyond the owner's", GRANT, .kinds = UID, .range = { 100098, 3 },
	  .answer = SUBID_DENIED, .changes = "uid 100098:3" },
	{ "a range of another container", GRANT, .kinds = UID, .range = { 100050, 5 },
	  .uid = "alice/a:100054:1\n", .answer = SUBID_TAKEN, .changes = "uid 100050:5" },
	{ "a range in use", GRANT, .kinds = UID, .range = { 100050, 5 },
	  .avoid = { 100050, 1 }, .answer = SUBID_TAKEN, .changes = "uid 100050:5" },

	/* what is not asked properly */
	{ "no ids", GRANT, .kinds = UID, .answer = -EINVAL },
	{ "the id that is none", GRANT, .kinds = UID, .range = { UINT32_MAX, 1 },
	  .answer = -EINVAL },
	{ "a path", GRANT, "../x", UID, 1, .answer = -EINVAL },
	{ "a second field", GRANT, "x:1", UID, 1, .answer = -EINVAL },
	{ "a second line", GRANT, "x\ny", UID, 1, .answer = -EINVAL },
	{ "a hold", GRANT, "!released", UID, 1, .answer = -EINVAL },
	{ "no name", GRANT, "", UID, 1, .answer = -EINVAL },

	/* back */
	{ "taken back", REVOKE, .kinds = BOTH,
	  .uid = "alice/web:100000:10\nalice/webb:100010:10\n",
	  .gid = "alice/web:100000:10\n", .changes = "uid 100000:10, gid 100000:10",
	  .uid_after = "alice/webb:100010:10\n!released:100000:10\n",
	  .gid_after = "!released:100000:10\n" },
	{ "for the next", REUSE, .kinds = UID, .uid = "alice/web:100000:10\n",
	  .changes = "uid 100000:10", .uid_after = "" },
	{ "a part", REUSE, .kinds = UID, .range = { 100005, 5 },
	  .uid = "alice/web:100000:10\n", .changes = "uid 100005:5",
	  .uid_after = "alice/web:100000:5\n" },
	{ "by any name of the owner", REUSE, .kinds = UID, .uid = "1000/web:100000:10\n",
	  .changes = "uid 100000:10", .uid_after = "" },
	{ "out of a user's store", REUSE, .kinds = UID, .user = "alice",
	  .uid = "web:100000:10\nalice/web:1:1\n", .changes = "uid 100000:10",
	  .uid_after = "alice/web:1:1\n" },
	{ "nothing there", REVOKE, .kinds = BOTH, .uid = "bob/web:100000:10\n",
	  .answer = SUBID_ABSENT, .changes = "" },
	{ "what rests, given back", UNHOLD, .kinds = BOTH, .range = { 100000, 5 },
	  .uid = "!released:100000:10\n", .changes = "uid 100000:5",
	  .uid_after = "!released:100005:5\n" },
};

static struct subid_owner_name names[] = { { "alice", 5 }, { "1000", 4 } };
static const struct subid_owner alice = {
	.has_account = true, .uid = 1000, .gid = 1000, .spellings = names, .n = 2
};

static void print_changes(const struct subid_changes *changes, char *buf)
{
	*buf = '\0';
	for (size_t i = 0; i < changes->n; i++)
		buf +=
		    sprintf(buf, "%s%s %u:%u", i == 0 ? "" : ", ",
			    subid_kind_name(changes->list[i].kind),
			    changes->list[i].range.start, changes->list[i].range.count);
}

static int grant_of(struct subid_txn *txn, const struct row *row,
		    struct subid_changes *ret)
{
	auto_set struct subid_set uids = { .n = 0 }, gids = { .n = 0 };
	auto_set struct subid_set avoid_uids = { .n = 0 };
	struct subid_sets held = { .of = { { .n = 0 } } },
			  avoid = { .of = { { .n = 0 } } };
	struct id_range all = { 100000, 100 };
	int r = 0;

	for (size_t i = 0; i < 3; i++)
		r = r == 0 ? subid_set_insert(&uids, row->held[i]) : r;
	if (r == 0 && uids.n == 0)
		r = subid_set_insert(&uids, all);
	if (r == 0 && row->held_gid.count > 0)
		r = subid_set_insert(&gids, row->held_gid);
	else if (r == 0)
		r = subid_set_unite(&gids, &uids);
	if (r == 0)
		r = subid_set_insert(&avoid_uids, row->avoid);
	if (r < 0)
		return r;
	held.of[SUBID_UID] = uids;
	held.of[SUBID_GID] = gids;
	avoid.of[SUBID_UID] = avoid_uids;
	return subid_lease_grant(txn,
				 &(struct subid_lease_request){
				     .owner = &alice,
				     .name = row->name == NULL ? "web" : row->name,
				     .held = &held,
				     .avoid = &avoid,
				     .kinds = row->kinds,
				     .count = row->count,
				     .range = row->range,
				     .another = row->another,
				 },
				 ret);
}

static int run(struct subid_txn *txn, const struct row *row, struct subid_changes *ret)
{
	const char *name = row->name == NULL ? "web" : row->name;

	switch (row->verb) {
	case GRANT:
		return grant_of(txn, row, ret);
	case UNHOLD:
		return subid_txn_unhold(txn, row->kinds, row->range, ret);
	default:
		return subid_lease_revoke(txn, &alice, name, row->kinds, row->range,
					  row->verb == REUSE, ret);
	}
}

static void put(int dir, const char *name, const char *text)
{
	if (text != NULL)
		put_file(dir, name, text);
	else
		assert_true(unlinkat(dir, name, 0) == 0 || errno == ENOENT);
}

/* A store that no ledger knows. */
static void forget(int dir)
{
	static const char *const files[] = { "ledger", "subuid-", "subgid-" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		put(dir, files[i], NULL);
}

static void test_rows(void **state)
{
	int dir = etc_of(state);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct subid_lease_options options = { .state = dir, .user = row->user };
		auto_txn struct subid_txn *txn = NULL;
		struct subid_changes changes = { .n = 0 };
		struct subid_failure failure;
		char text[256];
		int r;

		forget(dir);
		put(dir, "subuid", row->uid);
		put(dir, "subgid", row->gid);
		assert_int_equal(subid_lease_begin(&options, &txn, &failure), 0);
		r = run(txn, row, &changes);
		if (r != row->answer)
			fail_msg("%s: %d, not %d", row->what, r, row->answer);
		if (r < 0)
			continue;
		print_changes(&changes, text);
		if (strcmp(text, row->changes) != 0)
			fail_msg("%s: '%s', not '%s'", row->what, text, row->changes);
		assert_int_equal(subid_txn_commit(txn, &failure), 0);
		assert_int_equal(subid_txn_traced(txn).changes, 0);
		assert_file(dir, "subuid", row->uid_after ? row->uid_after : row->uid);
		assert_file(dir, "subgid", row->gid_after ? row->gid_after : row->gid);
	}
	assert_false(is_there(dir, "subuid.lock"));
}

static void test_loaded(void **state)
{
	auto_leases struct subid_leases leases = { .list = NULL };
	int dir = etc_of(state);

	put_file(dir, "subuid",
		 "alice/web:1:2\n# no\nalice/../x:3:1\nalice:4:1\n!released:5:1\n"
		 "/x:1:1\nalice/:1:1\n alice/x:1:1\nbob/a/b:1:1\nbob/db:7:8");
	put_file(dir, "subgid", "web:9:1\na/../x:9:1\na/b:3:3\n");
	assert_int_equal(subid_leases_load(dir, NULL, &leases), 0);
	assert_int_equal(leases.n, 3);
	assert_string_equal(leases.list[0].owner, "alice");
	assert_string_equal(leases.list[0].name, "web");
	assert_int_equal(leases.list[0].range.count, 2);
	assert_string_equal(leases.list[1].owner, "bob");
	assert_string_equal(leases.list[1].name, "db");
	assert_int_equal(leases.list[1].kind, SUBID_UID);
	assert_string_equal(leases.list[2].name, "b");
	assert_int_equal(unlinkat(dir, "subuid", 0), 0);
	assert_int_equal(subid_leases_load(dir, "carol", &leases), 0);
	assert_int_equal(leases.n, 4);
	assert_string_equal(leases.list[3].owner, "carol");
	assert_string_equal(leases.list[3].name, "web");
	assert_int_equal(leases.list[3].kind, SUBID_GID);
}

/* What a user may put in the place of a file, and what becomes of the rest. */
static void test_hostile_files(void **state)
{
	auto_leases struct subid_leases leases = { .list = NULL };
	int dir = etc_of(state), fd;

	put_file(dir, "subuid", "web:1:1\n");
	assert_int_equal(symlinkat("subuid", dir, "subgid"), 0);
	assert_int_equal(subid_leases_load(dir, "a", &leases), -ELOOP);
	assert_int_equal(leases.n, 0);
	assert_int_equal(leases.n_texts, 0);
	assert_int_equal(unlinkat(dir, "subgid", 0), 0);
	assert_int_equal(mkfifoat(dir, "subgid", 0600), 0);
	assert_int_equal(subid_leases_load(dir, "a", &leases), -EINVAL);
	assert_int_equal(unlinkat(dir, "subgid", 0), 0);
	put_file(dir, "subgid", "");
	fd = openat(dir, "subgid", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)SUBID_LEASE_SIZE_MAX + 1), 0);
	assert_int_equal(subid_leases_load(dir, "a", &leases), -EFBIG);
	assert_int_equal(close(fd), 0);
	assert_int_equal(leases.n, 0);
}

static void test_open_user(void **state)
{
	const struct scratch *scratch = *state;
	int dir = scratch->fd, fd;

	assert_int_equal(subid_lease_open_user("/nonexistent", getuid(), &fd),
			 SUBID_ABSENT);
	assert_int_equal(subid_lease_open_user(scratch->path, getuid(), &fd),
			 SUBID_ABSENT);
	put_dir(dir, ".local");
	put_dir(dir, ".local/state");
	put_dir(dir, "real");
	assert_int_equal(symlinkat("../../real", dir, ".local/state/subid"), 0);
	assert_int_equal(subid_lease_open_user(scratch->path, getuid(), &fd), -ELOOP);
	assert_int_equal(unlinkat(dir, ".local/state/subid", 0), 0);
	put_dir(dir, ".local/state/subid");
	assert_int_equal(subid_lease_open_user(scratch->path, getuid() + 1, &fd), -EPERM);
	assert_int_equal(subid_lease_open_user(scratch->path, getuid(), &fd), 0);
	assert_int_equal(close(fd), 0);
}

static const struct {
	const char *name;
	bool valid;
} container_names[] = {
	{ "web", true },  { "a", true },	   { "9", true },
	{ "_x", true },	  { "a.b-c_d@e+f", true }, { "", false },
	{ ".", false },	  { "..", false },	   { ".x", false },
	{ "-x", false },  { "a/b", false },	   { "a:b", false },
	{ "a b", false }, { "a\nb", false },	   { "!released", false },
	{ "#a", false },  { "\303\244", false },   { "a\033[2J", false },
};

static void test_names(void **state)
{
	char name[SUBID_LEASE_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < sizeof(container_names) / sizeof(container_names[0]); i++)
		if (subid_lease_name_valid(container_names[i].name,
					   strlen(container_names[i].name)) !=
		    container_names[i].valid)
			fail_msg("%s", container_names[i].name);
	assert_false(subid_lease_name_valid("a\0b", 3));
	memset(name, 'x', sizeof(name));
	assert_true(subid_lease_name_valid(name, SUBID_LEASE_NAME_MAX));
	assert_false(subid_lease_name_valid(name, SUBID_LEASE_NAME_MAX + 1));
	assert_int_equal(subid_lease_owner("alice/web"), 5);
	assert_int_equal(subid_lease_owner("alice"), 0);
	assert_int_equal(subid_lease_owner("a/../x"), 1);
}

static int lease_once(int dir)
{
	const struct row row = { .kinds = BOTH, .count = 10 };
	struct subid_lease_options options = { .state = dir };
	auto_txn struct subid_txn *txn = NULL;
	struct subid_changes changes;
	struct subid_failure failure;
	int r = subid_lease_begin(&options, &txn, &failure);

	if (r == 0)
		r = grant_of(txn, &row, &changes);
	return r == 0 ? subid_txn_commit(txn, &failure) : r;
}

/* Every call made to fail in turn: both files are as they were, or as they
 * should be. */
static void test_faults(void **state)
{
	int dir = etc_of(state);
	bool struck = true;

	for (unsigned int turn = 1; struck; turn++) {
		int r;

		forget(dir);
		put_file(dir, "subuid", "a/b:1:1\n");
		put_file(dir, "subgid", "a/c:1:1\n");
		faults_arm(turn, ENOSPC);
		r = lease_once(dir);
		struck = faults_disarm();
		if (r < 0) {
			assert_file(dir, "subuid", "a/b:1:1\n");
			assert_file(dir, "subgid", "a/c:1:1\n");
		} else {
			assert_file(dir, "subuid", "a/b:1:1\nalice/web:100000:10\n");
			assert_file(dir, "subgid", "a/c:1:1\nalice/web:100000:10\n");
		}
		(void)unlinkat(dir, "subuid.lock", 0);
		(void)unlinkat(dir, "subgid.lock", 0);
		assert_true(turn >= 1 && turn <= 300);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_rows),	  scratch_test(test_loaded),
		scratch_test(test_hostile_files), scratch_test(test_open_user),
		cmocka_unit_test(test_names),	  scratch_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
