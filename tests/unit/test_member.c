/* SPDX-License-Identifier: MIT */
#include "libsubid/member.h"

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
	assert_int_equal(subid_users_load(etc, false, &users), 0);
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

/* The running system's name service: root is in root's group, and not in 4's. */
static void test_name_service(void **state)
{
	int etc = etc_of(state);
	auto_users struct subid_users *users = NULL;
	auto_members struct subid_members members = { .n = 0 };
	auto_owner struct subid_owner owner = { .n = 0 };

	put_file(etc, "nsswitch.conf", "passwd: files other\ngroup: files other\n");
	put_file(etc, "passwd", "root:x:0:7777::/:/bin/sh\n");
	put_file(etc, "group", "mine:x:7777:\nothers:x:7778:\n");
	assert_int_equal(subid_users_load(etc, true, &users), 0);
	assert_int_equal(subid_owner_find(users, "root", &owner), 0);
	assert_int_equal(subid_members_ask(&members, users, &owner, "mine"), 0);
	assert_int_equal(subid_members_ask(&members, users, &owner, "others"),
			 SUBID_ABSENT);
	/* a group that only the name service has */
	assert_int_equal(subid_members_ask(&members, users, &owner, "root"),
			 SUBID_ABSENT);
	assert_int_equal(
	    subid_members_ask(&members, users, &owner, "no group has this name"),
	    SUBID_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_members),
		scratch_test(test_name_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
