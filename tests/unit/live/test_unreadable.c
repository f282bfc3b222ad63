/* SPDX-License-Identifier: MIT */
#include "libsubid/live/live.h"

#include "support.h"

/* What a snapshot has, and who is to be named. */
struct unreadable_case {
	const char *name;
	struct subid_live_userns spaces[4]; /* behind the caller's, up to inode 0 */
	struct subid_live_mount covered[3]; /* the same */
	size_t n_unread;
	size_t n, n_hidden;
	pid_t pid;
	uint32_t uid;
	uint64_t userns;
};

#define ERROR                                                                            \
	{                                                                                \
		{ .error = -EACCES },                                                    \
		{                                                                        \
			.error = -EACCES                                                 \
		}                                                                        \
	}

/* pids 10 and 11 are in the caller's namespace, as uids 0 and 1001; 20 in the first of
 * the others, 30 in the second */
static const struct unreadable_case cases[] = {
	{ .name = "nothing", .spaces = { { .inode = 5, .n = 1 } }, .uid = SUBID_ID_NONE },
	{ .name = "a process that could not be looked at",
	  .n_unread = 2,
	  .n = 2,
	  .pid = 11,
	  .uid = 1001 },
	{ .name = "a namespace that one is in",
	  .spaces = { { .inode = 5,
			.n = 1,
			.owner = 1002,
			.holder = 20,
			.maps = ERROR } },
	  .n = 1,
	  .pid = 20,
	  .uid = 1002,
	  .userns = 5 },
	{ .name = "a mount that one in a namespace in a namespace sees",
	  .spaces = { { .inode = 5, .n = 1, .owner = 1002 },
		      { .inode = 6, .n = 1, .owner = 100000, .parent = 1 },
		      { .inode = 7,
			.holder = 30,
			.owner = SUBID_ID_NONE,
			.maps = ERROR } },
	  .n_hidden = 1,
	  .pid = 30,
	  .uid = 1002,
	  .userns = 7 },
	{ .name = "of gids alone, by one that has ended",
	  .spaces = { { .inode = 5,
			.holder = 99,
			.maps = { { .n = 0 }, { .error = -EIO } } } },
	  .n_hidden = 1,
	  .pid = 99,
	  .uid = SUBID_ID_NONE,
	  .userns = 5 },
	{ .name = "of other kinds",
	  .covered = { { .inode = 8, .pid = 11, .error = -EACCES },
		       { .inode = 9, .pid = 10, .error = -EACCES } },
	  .n_hidden = 2,
	  .pid = 11,
	  .uid = 1001 },
	{ .name = "where a process is in it comes first",
	  .spaces = { { .inode = 5, .holder = 11, .maps = ERROR },
		      { .inode = 6,
			.n = 1,
			.owner = 1002,
			.holder = 30,
			.maps = ERROR } },
	  .covered = { { .inode = 8, .pid = 11, .error = -EACCES } },
	  .n = 1,
	  .n_hidden = 2,
	  .pid = 30,
	  .uid = 1002,
	  .userns = 6 },
};

static struct subid_live make_live(struct unreadable_case *c,
				   struct subid_live_userns spaces[5],
				   struct subid_live_process processes[4])
{
	struct subid_live live = {
		.userns = spaces,
		.n = 1,
		.processes = processes,
		.n_processes = 4,
		.n_unread = c->n_unread,
		.unread_error = -EACCES,
		.unread_pid = 11,
		.covered = c->covered,
	};

	spaces[0] = (struct subid_live_userns){ .inode = 1, .parent = SUBID_LIVE_NONE };
	while (live.n < 5 && c->spaces[live.n - 1].inode != 0) {
		spaces[live.n] = c->spaces[live.n - 1];
		live.n++;
	}
	processes[0] = (struct subid_live_process){ 10, 0, 0, 0 };
	processes[1] = (struct subid_live_process){ 11, 1001, 1001, 0 };
	processes[2] = (struct subid_live_process){ 20, SUBID_ID_NONE, SUBID_ID_NONE, 1 };
	processes[3] = (struct subid_live_process){ 30, SUBID_ID_NONE, SUBID_ID_NONE, 2 };
	while (live.n_covered < 3 && c->covered[live.n_covered].inode != 0)
		live.n_covered++;
	return live;
}

static void test_who_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct unreadable_case copy = cases[i], *c = &copy;
		struct subid_live_userns spaces[5];
		struct subid_live_process processes[4];
		struct subid_live live = make_live(c, spaces, processes);
		struct subid_unreadable found;

		print_message("%s\n", c->name);
		subid_live_unreadable(-1, &live, &found);
		assert_int_equal(found.n, c->n);
		assert_int_equal(found.n_hidden, c->n_hidden);
		assert_int_equal(found.first.pid, c->pid);
		assert_int_equal(found.first.uid, c->uid);
		assert_int_equal(found.first.userns, c->userns);
		assert_int_equal(found.first.error != 0, c->n + c->n_hidden > 0);
	}
}

/* Each process once, and no more than there is room for. */
static void test_hiders(void **state)
{
	struct unreadable_case c = {
		.spaces = { { .inode = 5, .holder = 10, .maps = ERROR },
			    { .inode = 6, .holder = 10, .maps = ERROR },
			    { .inode = 7, .holder = 99, .maps = ERROR } },
		.covered = { { .inode = 8, .pid = 99, .error = -EACCES },
			     { .inode = 9, .pid = 11, .error = -EACCES } },
	};
	static const pid_t expected[] = { 10, 99, 11 };
	struct subid_live_userns spaces[5];
	struct subid_live_process processes[4];
	struct subid_live live = make_live(&c, spaces, processes);
	struct subid_hider hiders[4];

	(void)state;
	assert_int_equal(subid_live_hiders(-1, &live, hiders, 4), 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(hiders[i].pid, expected[i]);
	assert_int_equal(subid_live_hiders(-1, &live, hiders, 2), 2);
	assert_int_equal(subid_live_hiders(-1, &live, hiders, 0), 0);
}

/* All of them, each user once; and is one of them nobody whom we know? */
static void test_hiding(void **state)
{
	struct unreadable_case c = {
		.spaces = { { .inode = 5, .holder = 11, .maps = ERROR },
			    { .inode = 6, .holder = 11, .maps = ERROR },
			    { .inode = 7, .holder = 20, .owner = 1003, .maps = ERROR } },
		.covered = { { .inode = 8, .pid = 11, .error = -EACCES } },
	};
	struct subid_unlooked unlooked = { .uid = 1002, .n = 1, .pid = 20 };
	struct subid_live_userns spaces[5];
	struct subid_live_process processes[4];
	struct subid_live live = make_live(&c, spaces, processes);
	auto_set struct subid_set uids = { .n = 0 };

	(void)state;
	spaces[1].owner = 1003;
	live.unlooked = &unlooked;
	live.n_unlooked = 1;
	assert_int_equal(subid_live_hiding(-1, &live, &uids), 0);
	assert_int_equal(uids.n, 1);
	assert_int_equal(uids.ranges[0].start, 1001);
	assert_int_equal(uids.ranges[0].count, 3);
	subid_set_free(&uids);
	live.covered[0].pid = 99;
	assert_int_equal(subid_live_hiding(-1, &live, &uids), SUBID_ABSENT);
	assert_int_equal(subid_set_size(&uids), 3);
	subid_set_free(&uids);
	live.n_covered = 0;
	unlooked.uid = SUBID_ID_NONE;
	assert_int_equal(subid_live_hiding(-1, &live, &uids), SUBID_ABSENT);
	assert_int_equal(subid_set_size(&uids), 2);
	subid_set_free(&uids);
	live.n = 1;
	live.n_unlooked = 0;
	assert_int_equal(subid_live_hiding(-1, &live, &uids), 0);
	assert_int_equal(uids.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_named),
		cmocka_unit_test(test_hiders),
		cmocka_unit_test(test_hiding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
