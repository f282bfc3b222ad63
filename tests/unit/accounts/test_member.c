/* SPDX-License-Identifier: MIT */
/*
 * wrap: getgrouplist
 */
#include "libsubid/accounts/accounts.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *owner;
	const char *group;
	int answer;
} rows[] = {
	{ "alice", "students", 0 }, /* listed */
	{ "bob", "students", 0 },   /* primary */
	{ "carl", "students", SUBID_ABSENT },
	{ "alice", "5000", 0 }, /* by gid */
	{ "bob", "5000", 0 },
	{ "carl", "5000", SUBID_ABSENT },
	{ "alice", "nosuch", SUBID_UNKNOWN },
	{ "alice", "9999", SUBID_UNKNOWN },
	{ "alice", "student", SUBID_UNKNOWN },
	{ "alice", "05000", SUBID_UNKNOWN },
	/* by another name of the uid: listed, and its primary group */
	{ "carl", "cooks", 0 },
	{ "karl", "cooks", 0 },
	{ "carl", "karls", 0 },
	{ "1002", "karls", 0 },
	{ "carl", "empty", SUBID_ABSENT },
	/* a number in the list of members is a name, not a uid */
	{ "alice", "numbers", SUBID_ABSENT },
	/* who has no account may be listed all the same */
	{ "containers", "cooks", 0 },
	{ "containers", "students", SUBID_ABSENT },
	{ "4242", "cooks", SUBID_ABSENT },
};

static const char passwd[] = "root:x:0:0::/:/bin/sh\n"
			     "alice:x:1000:1000::/:/bin/sh\n"
			     "bob:x:1001:5000::/:/bin/sh\n"
			     "carl:x:1002:1002::/:/bin/sh\n"
			     "karl:x:1002:6000::/:/bin/sh\n";

static const char group[] = "students:x:5000:zoe,alice,,alicia\n"
			    "cooks:x:5001:karl,containers\n"
			    "empty:x:5002:\n"
			    "karls:x:6000:\n"
			    "numbers:x:5003:1000\n";

static void test_members(void **state)
{
	int etc = etc_of(state);
	auto_users struct subid_users *users = NULL;
	auto_members struct subid_members members = { .n = 0 };

	put_file(etc, "passwd", passwd);
	put_file(etc, "group", group);
	assert_int_equal(subid_users_load(etc, false, &users, NULL), 0);
	/* twice: looked up, and known */
	for (size_t i = 0; i < 2 * ARRAY(rows); i++) {
		auto_owner struct subid_owner owner = { .n = 0 };
		const char *name = rows[i / 2].owner;
		int r = subid_owner_find(users, name, &owner);

		assert_true(r == 0 || r == SUBID_UNKNOWN);
		r = subid_members_ask(&members, users, &owner, rows[i / 2].group);
		if (r != rows[i / 2].answer)
			fail_msg("%s in %s: %d", name, rows[i / 2].group, r);
	}
	/* each group once */
	assert_int_equal(members.n, 10);
}

/* A group with more members than any buffer starts with. */
static void test_large_group(void **state)
{
	enum { MEMBERS = 2000 };
	int etc = etc_of(state);
	auto_users struct subid_users *users = NULL;
	auto_members struct subid_members members = { .n = 0 };
	char *text = malloc(MEMBERS * 8 + 32), *end = text;

	assert_non_null(text);
	end += sprintf(end, "large:x:5000:");
	for (int i = MEMBERS; i > 0; i--)
		end += sprintf(end, "u%d%s", i * 2, i > 1 ? "," : "\n");
	put_file(etc, "group", text);
	free(text);
	assert_int_equal(subid_users_load(etc, false, &users, NULL), 0);
	for (int i = 1; i <= MEMBERS * 2 + 1; i++) {
		auto_owner struct subid_owner owner = { .n = 0 };
		char name[16];

		(void)snprintf(name, sizeof(name), "u%d", i);
		assert_int_equal(subid_owner_find(users, name, &owner), SUBID_UNKNOWN);
		assert_int_equal(subid_members_ask(&members, users, &owner, "large"),
				 i % 2 == 0 ? 0 : SUBID_ABSENT);
	}
}

/* What the name service says of somebody's groups: many, 7778 the last. */
#define MANY 100
static unsigned int asked;

int __wrap_getgrouplist(const char *user, gid_t gid, gid_t *groups, int *n);
int __wrap_getgrouplist(const char *user, gid_t gid, gid_t *groups, int *n)
{
	int room = *n;

	(void)user;
	asked++;
	*n = MANY;
	if (room < MANY)
		return -1;
	for (int i = 0; i < MANY - 1; i++)
		groups[i] = gid;
	groups[MANY - 1] = 7778;
	return MANY;
}

/* Who is asked: daemon is an account of every system, and not in our file. */
static void test_who_is_asked(void **state)
{
	static const struct {
		const char *sources;
		const char *owner;
		int answer;
		unsigned int asked; /* twice: once for want of room */
	} cases[] = {
		{ "files", "alice", SUBID_ABSENT, 0 },
		{ "files systemd", "alice", SUBID_ABSENT, 0 },
		{ "files systemd", "daemon", 0, 2 },
		{ "files other", "alice", 0, 2 },
		{ "files other", "daemon", 0, 2 },
		{ "files other", "no account has this name", SUBID_ABSENT, 0 },
	};
	int etc = etc_of(state);

	put_file(etc, "passwd", "alice:x:1000:1000::/:/bin/sh\n");
	put_file(etc, "group", "others:x:7778:\nmine:x:7777:\n");
	for (size_t i = 0; i < ARRAY(cases); i++) {
		auto_users struct subid_users *users = NULL;
		auto_members struct subid_members members = { .n = 0 };
		auto_owner struct subid_owner owner = { .n = 0 };
		char conf[64];
		int r;

		(void)snprintf(conf, sizeof(conf), "passwd: %s\ngroup: %s\n",
			       cases[i].sources, cases[i].sources);
		put_file(etc, "nsswitch.conf", conf);
		assert_int_equal(subid_users_load(etc, true, &users, NULL), 0);
		(void)subid_owner_find(users, cases[i].owner, &owner);
		asked = 0;
		r = subid_members_ask(&members, users, &owner, "others");
		if (r != cases[i].answer || asked != cases[i].asked)
			fail_msg("%s, %s: %d, asked %u times", cases[i].sources,
				 cases[i].owner, r, asked);
		assert_int_equal(subid_members_ask(&members, users, &owner, "mine"),
				 SUBID_ABSENT);
	}
}

/* The running system's name service: groups that it alone knows. */
static void test_name_service(void **state)
{
	int etc = etc_of(state);
	auto_users struct subid_users *users = NULL;
	auto_members struct subid_members members = { .n = 0 };
	auto_owner struct subid_owner owner = { .n = 0 };

	put_file(etc, "nsswitch.conf", "passwd: files other\ngroup: files other\n");
	put_file(etc, "passwd", "root:x:0:7777::/:/bin/sh\n");
	put_file(etc, "group", "mine:x:7777:\nothers:x:7778:\n");
	assert_int_equal(subid_users_load(etc, true, &users, NULL), 0);
	assert_int_equal(subid_owner_find(users, "root", &owner), 0);
	assert_int_equal(subid_members_ask(&members, users, &owner, "mine"), 0);
	assert_int_equal(subid_members_ask(&members, users, &owner, "others"), 0);
	/* a group that only the name service has */
	assert_int_equal(subid_members_ask(&members, users, &owner, "root"),
			 SUBID_ABSENT);
	assert_int_equal(
	    subid_members_ask(&members, users, &owner, "no group has this name"),
	    SUBID_UNKNOWN);
}

/* A policy with many rules about groups: by name and by gid, of which several lines may
 * have the same, known and unknown, each asked twice; as a pass over the file has it. */
static void test_many_groups(void **state)
{
	enum { GROUPS = 300 };
	int etc = etc_of(state);
	auto_users struct subid_users *users = NULL;
	auto_owner struct subid_owner owner = { .n = 0 };
	auto_members struct subid_members many = { .n = 0 };
	char file[GROUPS * 40] = "", *at = file;
	int answers[3] = { 0 };

	for (int i = 0; i < GROUPS; i++)
		at += sprintf(at, "g%d:x:%d:%s\n", i % 250, 5000 + i % 270,
			      i % 3 == 0 ? "alice" : "bob");
	put_file(etc, "passwd", passwd);
	put_file(etc, "group", file);
	assert_int_equal(subid_users_load(etc, false, &users, NULL), 0);
	assert_int_equal(subid_owner_find(users, "alice", &owner), 0);
	for (int i = 0; i < 4 * GROUPS; i++) {
		auto_members struct subid_members one = { .n = 0 };
		char name[32];
		int r;

		(void)snprintf(name, sizeof(name), i % 2 == 0 ? "g%d" : "%d",
			       i / 4 + (i % 2 == 0 ? 0 : 5000));
		r = subid_members_ask(&one, users, &owner, name);
		assert_int_equal(subid_members_ask(&many, users, &owner, name), r);
		answers[r == 0 ? 0 : r == SUBID_ABSENT ? 1 : 2]++;
	}
	assert_int_equal(many.n, 2 * GROUPS);
	for (size_t i = 0; i < ARRAY(answers); i++)
		assert_true(answers[i] > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_members),	 scratch_test(test_large_group),
		scratch_test(test_who_is_asked), scratch_test(test_name_service),
		scratch_test(test_many_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
