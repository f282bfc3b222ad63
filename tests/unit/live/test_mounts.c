/* SPDX-License-Identifier: MIT */
#include "libsubid/live/live.h"

#include "live_support.h"

/*
 * What hides in descriptors and mounts of a hand-made /proc is no namespace; but a mount
 * of one that cannot be opened is listed, with maps that are not known.
 */
static void test_things_that_look_like_namespaces(void **state)
{
	static const char mountinfo[] = "1 0 0:4 user:[77] /x rw - nsfs nsfs rw\n"
					"1 0 0:4 user:[78] \\057etc\\ rw - nsfs nsfs rw\n"
					"short - nsfs \n"
					" - nsfs nsfs\n"
					"1 0 0:4 net:[5] /fifo rw - nsfs nsfs rw\n"
					"no newline - nsfs ";
	int proc = etc_of(state);
	struct subid_live live;

	put_self(proc);
	put_namespace(proc, "10", OWN, "0 0 1\n");
	assert_int_equal(symlinkat("mnt:[9]", proc, "10/ns/mnt"), 0);
	put_file(proc, "10/mountinfo", mountinfo);
	put_dir(proc, "10/fd");
	put_dir(proc, "10/root");
	assert_int_equal(mkfifoat(proc, "10/root/fifo", 0600), 0);
	put_file(proc, "10/root/x", "");
	assert_int_equal(symlinkat("user:[79]", proc, "10/fd/3"), 0);
	assert_int_equal(symlinkat("user:[80]", proc, "10/fd/4"), 0);
	assert_int_equal(mkfifoat(proc, "10/fd/user:[80]", 0600), 0);
	put_file(proc, "10/fd/net:[81]", "no namespace");
	assert_int_equal(symlinkat("net:[81]", proc, "10/fd/5"), 0);
	live = look(proc);
	assert_int_equal(live.n, 3);
	for (size_t i = 1; i < live.n; i++) {
		assert_int_equal(live.userns[i].inode, 76 + i);
		assert_int_equal(live.userns[i].held, SUBID_HELD_BY_MOUNT);
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			assert_int_not_equal(live.userns[i].maps[kind].error, 0);
	}
	assert_true(live.partial);
	subid_live_free(&live);
}

/* What cannot be opened here is no riddle if something else leads to it. */
static void test_covered_mounts(void **state)
{
	static const char mountinfo[] = "1 0 0:4 user:[77] /x rw - nsfs nsfs rw\n"
					"1 0 0:4 user:[5] /x rw - nsfs nsfs rw\n"
					"1 0 0:4 net:[81] /x rw - nsfs nsfs rw\n"
					"1 0 0:4 net:[81] /y rw - nsfs nsfs rw\n"
					"1 0 0:4 uts:[82] /x rw - nsfs nsfs rw\n";
	int proc = etc_of(state);
	struct subid_live live;

	put_self(proc);
	put_namespace(proc, "10", OWN, "0 0 1\n");
	assert_int_equal(symlinkat("mnt:[9]", proc, "10/ns/mnt"), 0);
	put_namespace(proc, "11", OWN, "0 0 1\n");
	assert_int_equal(symlinkat("mnt:[8]", proc, "11/ns/mnt"), 0);
	put_namespace(proc, "12", "user:[5]", "0 100000 10\n");
	put_file(proc, "10/mountinfo", mountinfo);
	put_file(proc, "11/mountinfo", mountinfo);
	live = look(proc);
	assert_int_equal(live.n, 3);
	assert_int_equal(find(&live, 5)->maps[SUBID_UID].error, 0);
	assert_int_equal(find(&live, 77)->maps[SUBID_UID].error, -EACCES);
	assert_true(find(&live, 77)->holder == 10 || find(&live, 77)->holder == 11);
	/* each once, by the first that sees it */
	assert_int_equal(live.n_covered, 2);
	for (size_t i = 0; i < live.n_covered; i++) {
		assert_int_equal(live.covered[i].inode, 81 + i);
		assert_int_equal(live.covered[i].pid, find(&live, 77)->holder);
		assert_int_equal(live.covered[i].error, -EACCES);
		assert_false(live.covered[i].is_user);
	}
	assert_true(live.partial);
	subid_live_free(&live);
}

/* More than a set of inodes has room for at first. */
static void test_very_many_mounts(void **state)
{
	enum { N = 1000 };
	static char mountinfo[N * 64];
	int proc = etc_of(state);
	struct subid_live live;
	size_t size = 0;

	for (int i = 0; i < N; i++)
		size += (size_t)snprintf(mountinfo + size, 64,
					 "1 0 0:4 %s:[%d] /x rw - nsfs nsfs rw\n",
					 i % 2 == 0 ? "user" : "net", 1000 + i);
	put_self(proc);
	put_namespace(proc, "10", OWN, "0 0 1\n");
	assert_int_equal(symlinkat("mnt:[9]", proc, "10/ns/mnt"), 0);
	put_file(proc, "10/mountinfo", mountinfo);
	live = look(proc);
	assert_int_equal(live.n, 1 + N / 2);
	assert_int_equal(live.n_covered, N / 2);
	subid_live_free(&live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_things_that_look_like_namespaces,
						scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_covered_mounts, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_very_many_mounts, scratch_setup,
						scratch_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
