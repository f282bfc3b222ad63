/* SPDX-License-Identifier: MIT */
/*
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup
 */
#include "libsubid/live/live.h"

#include "faults.h"
#include "live_support.h"

static void test_what_there_is(void **state)
{
	int proc = etc_of(state);
	const struct subid_live_userns *ns;
	struct subid_live live;

	put_self(proc);
	put_namespace(proc, "1", OWN, "0 0 4294967295\n");
	put_namespace(proc, "20", "user:[5]", "0 100000 10\n");
	put_namespace(proc, "9", "user:[5]", "0 100000 10\n");
	put_namespace(proc, "30", "user:[6]", "0 5001 1\n");
	put_file(proc, "30/setgroups", "deny\n");
	put_namespace(proc, "31", "user:[7]", "0 5001 1\n");
	put_file(proc, "31/setgroups", "allow\n");
	live = look(proc);
	assert_int_equal(live.n, 4);
	assert_int_equal(live.n_processes, 5);
	assert_int_equal(live.userns[0].inode, 4026531837);
	assert_int_equal(live.processes[live.userns[0].first].uid, geteuid());
	ns = find(&live, 5);
	assert_int_equal(ns->n, 2);
	for (size_t i = 0; i < ns->n; i++) {
		assert_ptr_equal(&live.userns[live.processes[ns->first + i].userns], ns);
		assert_int_equal(live.processes[ns->first + i].uid, SUBID_ID_NONE);
	}
	assert_int_equal(ns->maps[SUBID_UID].n, 1);
	assert_int_equal(ns->maps[SUBID_GID].lines[0].outside.start, 100000);
	assert_int_equal(ns->held, SUBID_HELD_BY_PROCESS);
	assert_int_equal(find(&live, 6)->setgroups, SUBID_SETGROUPS_DENY);
	assert_int_equal(find(&live, 7)->setgroups, SUBID_SETGROUPS_ALLOW);
	subid_live_free(&live);
}

/* A map may have lines for more than a page. */
static void test_the_largest_map(void **state)
{
	int proc = etc_of(state);
	char map[SUBID_MAP_LINES_MAX * 36 + 1];
	size_t used = 0;
	struct subid_live live;

	put_self(proc);
	for (unsigned int i = 0; i < SUBID_MAP_LINES_MAX; i++)
		used += (size_t)snprintf(map + used, sizeof(map) - used,
					 "%10u %10u %10u\n", i * 2, 1000000 + i * 2, 1U);
	put_namespace(proc, "10", "user:[5]", map);
	live = look(proc);
	assert_int_equal(find(&live, 5)->maps[SUBID_UID].n, SUBID_MAP_LINES_MAX);
	assert_int_equal(find(&live, 5)->maps[SUBID_GID].lines[339].outside.start,
			 1000678);
	subid_live_free(&live);
}

/* Whose link may not be read: told by the maps. */
static void test_guessed(void **state)
{
	static const struct {
		const char *own, *other;
		size_t found; /* namespaces beside the caller's */
		size_t lines; /* of its map */
	} rows[] = {
		{ "0 0 4294967295\n", "0 0 4294967295\n", 0, 0 },
		{ "0 0 4294967295\n", "0 100000 65536\n", 1, 1 },
		/* the caller is in a namespace itself: one around it, of the same ids */
		{ "0 0 65536\n", "0 0 4294967295\n", 0, 0 },
		{ "0 0 1\n", "0 0 4294967295\n", 0, 0 },
		{ "0 100000 65536\n", "0 0 65536\n", 0, 0 },
		/* whose ids mean nothing here */
		{ "0 100000 65536\n", "0 4294967295 4294967295\n", 1, 0 },
		/* one beside it that has some of them, but not all */
		{ "0 0 65536\n", "0 0 65535\n", 1, 1 },
		{ "0 100000 65536\n", "0 1000 65536\n", 1, 1 },
		/* without a map the caller knows nothing */
		{ "", "0 0 4294967295\n", 1, 1 },
	};
	int proc = etc_of(state);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subid_live live;

		put_process(proc, &(struct fake_process){ .pid = "self",
							  .ns = i == 0 ? OWN : NULL,
							  .uid_map = rows[i].own,
							  .gid_map = rows[i].own });
		put_namespace(proc, "10", i == 0 ? "user:[5]" : NULL, rows[i].other);
		faults.only = "readlinkat";
		faults_arm(2, EACCES);
		live = look(proc);
		assert_true(faults_disarm());
		assert_int_equal(live.n, 1 + rows[i].found);
		if (rows[i].found == 1) {
			assert_true((live.userns[1].inode & SUBID_LIVE_GUESSED) != 0);
			assert_int_equal(live.userns[1].maps[SUBID_UID].n, rows[i].lines);
			assert_int_equal(live.userns[1].owner, SUBID_ID_NONE);
			assert_true(live.partial);
		}
		assert_int_equal(live.n_processes, 1);
		subid_live_free(&live);
	}
}

static void test_many(void **state)
{
	int proc = etc_of(state);
	char pid[16], ns[32], map[32];
	struct subid_live live;
	size_t n = 0;

	put_self(proc);
	for (unsigned int i = 0; i < 3000; i++) {
		(void)snprintf(pid, sizeof(pid), "%u", 1000 + i);
		(void)snprintf(ns, sizeof(ns), "user:[%u]", 100 + i % 300);
		(void)snprintf(map, sizeof(map), "0 %u 10\n", 100000 + i % 300 * 10);
		put_namespace(proc, pid, ns, map);
	}
	live = look(proc);
	assert_int_equal(live.n, 301);
	assert_int_equal(live.n_processes, 3000);
	for (size_t i = 1; i < live.n; i++) {
		const struct subid_live_userns *userns = &live.userns[i];

		assert_int_equal(userns->n, 10);
		assert_int_equal(userns->first, n);
		assert_int_equal(userns->maps[SUBID_UID].lines[0].outside.start,
				 100000 + (userns->inode - 100) * 10);
		for (size_t j = 0; j < userns->n; j++, n++)
			assert_int_equal(100 + (live.processes[n].pid - 1000) % 300,
					 userns->inode);
	}
	subid_live_free(&live);
}

/* Whatever fails: nothing leaks, and what is missing is told. */
static void test_every_call_fails_in_turn(void **state)
{
	int proc = etc_of(state);
	unsigned int turn;
	bool struck = true;

	put_self(proc);
	put_namespace(proc, "1", OWN, "0 0 4294967295\n");
	put_dir(proc, "1/fd");
	assert_int_equal(symlinkat("mnt:[9]", proc, "1/ns/mnt"), 0);
	put_file(proc, "1/mountinfo", "1 0 0:4 user:[77] /x rw - nsfs nsfs rw\n");
	put_namespace(proc, "10", "user:[5]", "0 100000 10\n");
	put_namespace(proc, "11", "user:[6]", "0 200000 1\n");
	for (turn = 1; struck; turn++) {
		struct subid_live live = { .n = 0 };
		size_t maps = 0, unread;
		int r;

		faults_arm(turn, EIO);
		r = subid_live_read(proc, SUBID_LIVE_THOROUGH, &live);
		struck = faults_disarm();
		assert_true(r == 0 || r == -EIO || r == -ENOMEM);
		assert_true(struck || r == 0);
		unread = live.n_unread;
		for (size_t i = 1; i < live.n; i++) {
			maps += live.userns[i].maps[SUBID_UID].n;
			unread += live.userns[i].maps[SUBID_UID].error != 0;
		}
		assert_true(r < 0 || unread > 0 || maps == 2);
		subid_live_free(&live);
	}
	assert_true(turn > 30);
}

static int setup(void **state)
{
	return faults_reset(state) != 0 ? -1 : scratch_setup(state);
}

#define live_test(function)                                                              \
	{                                                                                \
#function, function, setup, scratch_teardown, NULL                       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		live_test(test_what_there_is),
		live_test(test_the_largest_map),
		live_test(test_guessed),
		live_test(test_many),
		live_test(test_every_call_fails_in_turn),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
