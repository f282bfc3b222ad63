/* SPDX-License-Identifier: MIT */
/*
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup
 */
#include "libsubid/live/live.h"

#include "faults.h"
#include "libsubid/live/private.h"

#define IDS_OF_ROOT "Name:\tx\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t \n"

static void put_namespace(int proc, const char *pid, const char *ns, const char *uid_map,
			  const char *gid_map)
{
	put_process(proc, &(struct fake_process){ .pid = pid,
						  .ns = ns,
						  .uid_map = uid_map,
						  .gid_map = gid_map,
						  .status = IDS_OF_ROOT,
						  .comm = "program\n" });
}

/* A set as a text, "1000:5 2000:1". */
static const char *set_text(const struct subid_set *set, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < set->n; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%u:%u",
					 i == 0 ? "" : " ", set->ranges[i].start,
					 set->ranges[i].count);
	assert_true(used < size);
	return buf;
}

static void assert_taken(int proc, const char *uids, const char *gids, size_t unread)
{
	struct subid_set taken[SUBID_KINDS] = { { .n = 0 }, { .n = 0 } };
	size_t n_unread = 99;
	char buf[256];

	assert_int_equal(subid_userns_taken(proc, taken, &n_unread), 0);
	assert_string_equal(set_text(&taken[SUBID_UID], buf, sizeof(buf)), uids);
	assert_string_equal(set_text(&taken[SUBID_GID], buf, sizeof(buf)), gids);
	assert_int_equal(n_unread, unread);
	subid_set_free(&taken[SUBID_UID]);
	subid_set_free(&taken[SUBID_GID]);
}

/* The kernel has words of its own for a process that goes while it is looked at. */
static void test_gone_at_the_map(void **state)
{
	struct subid_live_map map = { .n = 0 };
	int proc = etc_of(state);

	put_namespace(proc, "9", "user:[5]", "0 1000 1\n", "0 1000 1\n");
	faults.only = "openat";
	faults_arm(1, EINVAL);
	assert_int_equal(proc_read_map(proc, 9, SUBID_UID, &map), -ESRCH);
	assert_true(faults_disarm());
	faults_arm(1, EACCES);
	assert_int_equal(proc_read_map(proc, 9, SUBID_UID, &map), -EACCES);
	assert_true(faults_disarm());
}

static void test_nothing_runs(void **state)
{
	int proc = etc_of(state);

	put_self(proc);
	assert_taken(proc, "", "", 0);
	put_namespace(proc, "1", "user:[4026531837]", "0 0 4294967295\n",
		      "0 0 4294967295\n");
	assert_taken(proc, "", "", 0);
}

static void test_what_namespaces_map(void **state)
{
	int proc = etc_of(state);

	put_self(proc);
	put_namespace(
	    proc, "10", "user:[5]",
	    "         0     100000      65536\n      1000       1000          1\n",
	    "0 300000 65536\n");
	put_namespace(proc, "11", "user:[6]", "0 165536 10\n", "0 200000 1\n");
	/* not yet mapped */
	put_namespace(proc, "12", "user:[7]", "", "");
	/* ids that mean nothing here */
	put_namespace(proc, "13", "user:[8]", "0 4294967295 1\n", "0 4294967295 1\n");
	assert_taken(proc, "1000:1 100000:65546", "200000:1 300000:65536", 0);
}

/* The caller's set keeps what it had. */
static void test_added_to_what_is_there(void **state)
{
	int proc = etc_of(state);
	struct subid_set taken[SUBID_KINDS] = { { .n = 0 }, { .n = 0 } };
	size_t unread;
	char buf[64];

	put_self(proc);
	put_namespace(proc, "10", "user:[5]", "0 100000 10\n", "0 1 1\n");
	assert_int_equal(
	    subid_set_insert(&taken[SUBID_UID], (struct id_range){ 100010, 5 }), 0);
	assert_int_equal(subid_userns_taken(proc, taken, &unread), 0);
	assert_string_equal(set_text(&taken[SUBID_UID], buf, sizeof(buf)), "100000:15");
	assert_string_equal(set_text(&taken[SUBID_GID], buf, sizeof(buf)), "1:1");
	subid_set_free(&taken[SUBID_UID]);
	subid_set_free(&taken[SUBID_GID]);
}

/* Thousands of processes share a namespace: of two, one map is read. */
static void test_a_map_is_read_once(void **state)
{
	struct subid_set taken[SUBID_KINDS] = { { .n = 0 }, { .n = 0 } };
	int proc = etc_of(state);
	unsigned int reads;
	size_t unread;
	char pid[16];

	put_self(proc);
	for (int i = 100; i < 150; i++) {
		(void)snprintf(pid, sizeof(pid), "%d", i);
		put_namespace(proc, pid, i % 2 == 0 ? "user:[5]" : "user:[4026531837]",
			      "0 100000 10\n", "0 100000 10\n");
	}
	/* as many calls as can be counted before one fails */
	faults.only = "read";
	faults_arm(1000, EIO);
	assert_int_equal(subid_userns_taken(proc, taken, &unread), 0);
	reads = 1000 - faults.calls_left;
	(void)faults_disarm();
	/* two maps of the caller's and of the other namespace, each at once */
	assert_int_equal(reads, 4);
	subid_set_free(&taken[SUBID_UID]);
	subid_set_free(&taken[SUBID_GID]);
}

/* More namespaces than a small table of them holds. */
static void test_many_namespaces(void **state)
{
	struct subid_set taken[SUBID_KINDS] = { { .n = 0 }, { .n = 0 } };
	int proc = etc_of(state);
	char pid[16], ns[32], map[32];
	size_t unread;

	put_self(proc);
	for (unsigned int i = 0; i < 1000; i++) {
		(void)snprintf(pid, sizeof(pid), "%u", 1000 + i);
		(void)snprintf(ns, sizeof(ns), "user:[%u]", 4026532000U + i / 2);
		(void)snprintf(map, sizeof(map), "0 %u 1\n", 100000 + i / 2 * 2);
		put_namespace(proc, pid, ns, map, map);
	}
	assert_int_equal(subid_userns_taken(proc, taken, &unread), 0);
	assert_int_equal(unread, 0);
	assert_int_equal(taken[SUBID_UID].n, 500);
	assert_int_equal(subid_set_size(&taken[SUBID_GID]), 500);
	for (uint32_t i = 0; i < 500; i++)
		assert_true(subid_set_contains(&taken[SUBID_UID],
					       (struct id_range){ 100000 + i * 2, 1 }));
	subid_set_free(&taken[SUBID_UID]);
	subid_set_free(&taken[SUBID_GID]);
}

static void test_vanished_and_other_names(void **state)
{
	int proc = etc_of(state);

	put_self(proc);
	put_namespace(proc, "10", NULL, "0 1 1\n", "0 1 1\n");
	put_namespace(proc, "11", "user:[5]", NULL, "0 2 1\n");
	put_namespace(proc, "12", "user:[6]", "0 3 1\n", NULL);
	put_namespace(proc, "sys", "user:[7]", "0 4 1\n", "0 4 1\n");
	put_namespace(proc, "0x", "user:[8]", "0 5 1\n", "0 5 1\n");
	put_file(proc, "13", "no directory");
	/* what one map still said of the third may be another process's; the last is
	 * no process */
	assert_taken(proc, "", "", 1);
}

/* The first process of a namespace vanishes: the second is asked. */
static void test_next_process_of_a_namespace(void **state)
{
	int proc = etc_of(state);

	put_self(proc);
	put_namespace(proc, "10", "user:[5]", "0 100000 10\n", "0 100000 10\n");
	put_namespace(proc, "11", "user:[5]", NULL, NULL);
	put_namespace(proc, "12", "user:[5]", NULL, NULL);
	put_namespace(proc, "9", "user:[5]", NULL, NULL);
	assert_taken(proc, "100000:10", "100000:10", 0);
}

static void test_unreadable(void **state)
{
	static const char *const maps[] = { "what?",	"0 1",	    "0 1 1 1\n",
					    "0 1 -1\n", "0 01 1\n", "\n" };
	int proc = etc_of(state);

	put_self(proc);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		put_file(proc, "self/comm", "x");
		put_process(proc, &(struct fake_process){ .pid = "10",
							  .uid_map = maps[i],
							  .gid_map = "0 1 1\n" });
		if (i == 0)
			assert_int_equal(symlinkat("user:[5]", proc, "10/ns/user"), 0);
		assert_taken(proc, "", "", 1);
	}
	/* a namespace that is none */
	put_namespace(proc, "11", "mnt:[5]", "0 7 1\n", "0 7 1\n");
	assert_taken(proc, "", "", 2);
}

static void test_no_proc(void **state)
{
	struct subid_set taken[SUBID_KINDS] = { { .n = 0 }, { .n = 0 } };
	struct subid_use *uses = NULL;
	int proc = etc_of(state);
	size_t n = 99, unread = 99;

	assert_int_equal(subid_userns_taken(-1, taken, &unread), -EBADF);
	assert_int_equal(subid_userns_taken(proc, taken, &unread), -ENOENT);
	assert_int_equal(subid_userns_uses(proc, taken, &uses, &n, &unread), -ENOENT);
	put_process(proc, &(struct fake_process){ .pid = "self", .ns = "user:[1]" });
	assert_int_equal(subid_userns_taken(proc, taken, &unread), -ENOENT);
	put_process(proc, &(struct fake_process){ .pid = "self", .uid_map = "?" });
	assert_int_equal(subid_userns_taken(proc, taken, &unread), -EPROTO);
	assert_int_equal(unlinkat(proc, "self/ns/user", 0), 0);
	put_process(proc, &(struct fake_process){ .pid = "self", .ns = "pid:[1]" });
	assert_int_equal(subid_userns_taken(proc, taken, &unread), -EPROTO);
	assert_null(uses);
	assert_int_equal(n, 99);
	assert_int_equal(unread, 99);
}

/* The namespace of a process may be hidden, while its map may be read. */
static void test_hidden_namespace(void **state)
{
	int proc = etc_of(state);

	put_self(proc);
	put_namespace(proc, "10", "user:[5]", "0 100000 10\n", "0 0 4294967295\n");
	faults.only = "readlinkat";
	faults_arm(2, EACCES);
	/* a map that is not ours is another's; one that is, we take for ours */
	assert_taken(proc, "100000:10", "", 0);
	assert_true(faults_disarm());
}

/* Our own namespace must be known: all others are told from it. */
static void test_own_namespace_is_hidden(void **state)
{
	struct subid_set taken[SUBID_KINDS] = { { .n = 0 }, { .n = 0 } };
	int proc = etc_of(state);
	size_t unread;

	put_self(proc);
	faults.only = "readlinkat";
	faults_arm(1, EACCES);
	assert_int_equal(subid_userns_taken(proc, taken, &unread), -EACCES);
	assert_true(faults_disarm());
}

/* A use as a text, "12 program uid 100000:1 ns 5"; in the order of pids. */
static const char *uses_text(struct subid_use *uses, size_t n, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (pid_t pid = 0; pid < 100; pid++) {
		for (size_t i = 0; i < n; i++) {
			if (uses[i].pid != pid)
				continue;
			used += (size_t)snprintf(
			    buf + used, size - used, "%d %s %s %u:%u ns %u\n", (int)pid,
			    uses[i].program, subid_kind_name(uses[i].kind),
			    uses[i].ids.start, uses[i].ids.count,
			    (unsigned int)uses[i].userns);
			assert_true(used < size);
		}
	}
	return buf;
}

static void assert_uses(int proc, struct id_range uids, struct id_range gids,
			const char *expected, size_t unread)
{
	const struct subid_set wanted[SUBID_KINDS] = {
		{ .ranges = &uids, .n = uids.count > 0 },
		{ .ranges = &gids, .n = gids.count > 0 },
	};
	struct subid_use *uses = NULL;
	size_t n, n_unread;
	char buf[512];

	assert_int_equal(subid_userns_uses(proc, wanted, &uses, &n, &n_unread), 0);
	assert_string_equal(uses_text(uses, n, buf, sizeof(buf)), expected);
	assert_int_equal(n_unread, unread);
	free(uses);
}

#define RANGE(start, count)                                                              \
	(struct id_range)                                                                \
	{                                                                                \
		start, count                                                             \
	}
#define NONE RANGE(0, 0)

static void test_who_uses_ids(void **state)
{
	int proc = etc_of(state);

	put_self(proc);
	put_namespace(proc, "10", "user:[5]", "0 100000 65536\n", "0 200000 65536\n");
	put_namespace(proc, "11", "user:[6]", "0 300000 10\n", "0 100005 10\n");
	put_process(proc,
		    &(struct fake_process){
			.pid = "12",
			.ns = "user:[4026531837]",
			.status = "Name:\tx\nUid:\t0\t100007\t0\t0\nGid:\t1\t1\t1\t1\n"
				  "Groups:\t4 24 400000 \nNgid:\t0\n",
			.comm = "ev\033[1m\xff\n",
		    });
	put_process(proc,
		    &(struct fake_process){
			.pid = "13",
			.ns = "user:[4026531837]",
			.status = "Name:\tx\nUid:\t0\t0\t0\t0\nGid:\t1\t1\t1\t100007\n"
				  "Groups:\t \n",
			.comm = "a name of 15 by\n",
		    });
	assert_uses(proc, RANGE(100007, 1), NONE,
		    "10 program uid 100007:1 ns 5\n12 ev?[1m? uid 100007:1 ns 0\n", 0);
	assert_uses(proc, RANGE(100000, 65536), NONE,
		    "10 program uid 100000:65536 ns 5\n12 ev?[1m? uid 100007:1 ns 0\n",
		    0);
	assert_uses(
	    proc, NONE, RANGE(100007, 1),
	    "11 program gid 100007:1 ns 6\n13 a name of 15 by gid 100007:1 ns 0\n", 0);
	assert_uses(proc, NONE, RANGE(399999, 2), "12 ev?[1m? gid 400000:1 ns 0\n", 0);
	assert_uses(proc, RANGE(300000, 1), RANGE(265535, 1),
		    "10 program gid 265535:1 ns 5\n11 program uid 300000:1 ns 6\n", 0);
	assert_uses(proc, RANGE(500000, 10), RANGE(100015, 1), "", 0);
	assert_uses(proc, RANGE(99999, 1), RANGE(265536, 1), "", 0);
	assert_uses(proc, NONE, NONE, "", 0);
}

/* Its first process stands for a namespace, and for the others in it. */
static void test_one_row_for_a_namespace(void **state)
{
	static const char status[] = "Name:\tx\nUid:\t100000\t100000\t100000\t100000\n"
				     "Gid:\t100000\t100000\t100000\t100000\n";
	const struct subid_set wanted[SUBID_KINDS] = {
		{ .ranges = &(struct id_range){ 100000, 10 }, .n = 1 },
		{ .ranges = &(struct id_range){ 100000, 10 }, .n = 1 },
	};
	int proc = etc_of(state);
	struct subid_use *uses;
	size_t n, unread;
	char pid[32];

	put_self(proc);
	for (int i = 20; i < 70; i++) {
		(void)snprintf(pid, sizeof(pid), "%d", i);
		put_process(proc, &(struct fake_process){ .pid = pid,
							  .ns = "user:[5]",
							  .uid_map = "0 100000 10\n",
							  .gid_map = "0 100000 10\n",
							  .status = status,
							  .comm = "inside\n" });
	}
	assert_int_equal(subid_userns_uses(proc, wanted, &uses, &n, &unread), 0);
	assert_int_equal(n, 1);
	assert_int_equal(uses[0].userns, 5);
	free(uses);
	/* outside of it, each process is a row of its own */
	for (int i = 20; i < 70; i++) {
		(void)snprintf(pid, sizeof(pid), "%d/ns/user", i);
		assert_int_equal(unlinkat(proc, pid, 0), 0);
		assert_int_equal(symlinkat("user:[4026531837]", proc, pid), 0);
	}
	assert_int_equal(subid_userns_uses(proc, wanted, &uses, &n, &unread), 0);
	assert_int_equal(n, 50);
	assert_int_equal(unread, 0);
	free(uses);
}

static void test_who_cannot_be_looked_at(void **state)
{
	int proc = etc_of(state);

	put_self(proc);
	put_namespace(proc, "10", "user:[5]", "what?", "0 1 1\n");
	put_process(proc,
		    &(struct fake_process){ .pid = "11", .ns = "user:[4026531837]" });
	put_process(proc, &(struct fake_process){ .pid = "12",
						  .ns = "user:[4026531837]",
						  .status = "Name:\tUid:\t100000\n" });
	put_process(proc,
		    &(struct fake_process){ .pid = "13", .ns = "user:[4026531837]" });
	put_dir(proc, "13/status");
	/* 11 has ended meanwhile; 10 and 13 may use anything */
	assert_uses(proc, RANGE(100000, 1), NONE, "", 2);
}

/* Whatever fails: an answer without a failure and without gaps is complete. */
static void test_every_call_fails_in_turn(void **state)
{
	struct id_range want = { 100005, 1 };
	const struct subid_set wanted[SUBID_KINDS] = { { .ranges = &want, .n = 1 },
						       { .ranges = &want, .n = 1 } };
	int proc = etc_of(state);
	unsigned int turn;

	put_self(proc);
	put_namespace(proc, "10", "user:[5]", "0 100000 10\n", "0 200000 10\n");
	put_namespace(proc, "11", "user:[6]", "0 300000 10\n", "0 100000 10\n");
	for (turn = 1;; turn++) {
		struct subid_set taken[SUBID_KINDS] = { { .n = 0 }, { .n = 0 } };
		size_t n = 0, unread = 0, unread_uses = 0;
		struct subid_use *uses = NULL;
		bool struck, struck_twice;
		char buf[64];
		int r;

		faults_arm(turn, EIO);
		r = subid_userns_taken(proc, taken, &unread);
		struck = faults_disarm();
		if (r == 0 && unread == 0) {
			assert_string_equal(set_text(&taken[0], buf, sizeof(buf)),
					    "100000:10 300000:10");
			assert_string_equal(set_text(&taken[1], buf, sizeof(buf)),
					    "100000:10 200000:10");
		}
		assert_true(r == 0 || r == -EIO || r == -ENOMEM);
		assert_true(struck || (r == 0 && unread == 0));
		subid_set_free(&taken[SUBID_UID]);
		subid_set_free(&taken[SUBID_GID]);
		faults_arm(turn, EIO);
		r = subid_userns_uses(proc, wanted, &uses, &n, &unread_uses);
		struck_twice = faults_disarm();
		if (r == 0 && unread_uses == 0)
			assert_int_equal(n, 2);
		assert_true(r == 0 || r == -EIO || r == -ENOMEM);
		if (r == 0)
			free(uses);
		if (!struck && !struck_twice)
			break;
	}
	assert_true(turn > 20);
}

/* A user's rootless session, and what is not one. */
static void test_beside_a_session(void **state)
{
	static const struct {
		const char *comm, *uids;
		bool passed_over;
	} rows[] = {
		{ "catatonit\n", "1000\t1000\t1000\t1000", true },
		{ "podman pause\n", "1000\t1000\t1000\t1000", true },
		{ "sleep\n", "1000\t1000\t1000\t1000", false },
		{ "catatonit\n", "100000\t100000\t100000\t100000", false },
		{ "catatonit\n", "1000\t1000\t100000\t1000", false },
		{ "catatonit\n", "1001\t1001\t1001\t1001", false },
		{ "catatonit", "10001000\t1000\t1000\t1000", false },
	};
	int proc = etc_of(state);

	put_self(proc);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_set struct subid_set uids = { .n = 0 }, gids = { .n = 0 };
		auto_set struct subid_set all = { .n = 0 };
		struct subid_set taken[SUBID_KINDS] = { { .n = 0 }, { .n = 0 } },
				 wanted[2];
		struct subid_use *uses = NULL;
		char status[128], pid[16], ns[32];
		size_t unread, n;

		(void)snprintf(status, sizeof(status), "Name:\tx\nUid:\t%s\nGid:\t1\n",
			       rows[i].uids);
		(void)snprintf(pid, sizeof(pid), "%zu", 100 + i);
		(void)snprintf(ns, sizeof(ns), "user:[%zu]", 5000 + i);
		put_process(proc, &(struct fake_process){
				      .pid = pid,
				      .ns = ns,
				      .uid_map = "0 1000 1\n1 100000 10\n",
				      .gid_map = "0 1000 1\n1 100000 10\n",
				      .status = status,
				      .comm = rows[i].comm,
				  });
		assert_int_equal(subid_userns_taken_beside(proc, 1000, taken, &unread),
				 0);
		assert_int_equal(unread, 0);
		uids = taken[SUBID_UID];
		gids = taken[SUBID_GID];
		if ((uids.n == 0) != rows[i].passed_over)
			fail_msg("row %zu: %zu ranges", i, uids.n);
		assert_int_equal(subid_set_insert(&all, (struct id_range){ 100005, 1 }),
				 0);
		wanted[SUBID_UID] = wanted[SUBID_GID] = all;
		assert_int_equal(
		    subid_userns_uses_beside(proc, 1000, wanted, &uses, &n, &unread), 0);
		assert_int_equal(n, rows[i].passed_over ? 0 : 1);
		free(uses);
		/* to others it counts */
		assert_int_equal(subid_userns_uses(proc, wanted, &uses, &n, &unread), 0);
		assert_int_equal(n, 1);
		free(uses);
		(void)snprintf(ns, sizeof(ns), "%s/ns/user", pid);
		assert_int_equal(unlinkat(proc, ns, 0), 0);
	}
}

static int setup(void **state)
{
	return faults_reset(state) != 0 ? -1 : scratch_setup(state);
}

#define userns_test(function)                                                            \
	{                                                                                \
#function, function, setup, scratch_teardown, NULL                       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		userns_test(test_gone_at_the_map),
		userns_test(test_nothing_runs),
		userns_test(test_what_namespaces_map),
		userns_test(test_added_to_what_is_there),
		userns_test(test_a_map_is_read_once),
		userns_test(test_many_namespaces),
		userns_test(test_vanished_and_other_names),
		userns_test(test_next_process_of_a_namespace),
		userns_test(test_unreadable),
		userns_test(test_no_proc),
		userns_test(test_hidden_namespace),
		userns_test(test_own_namespace_is_hidden),
		userns_test(test_who_uses_ids),
		userns_test(test_one_row_for_a_namespace),
		userns_test(test_who_cannot_be_looked_at),
		userns_test(test_beside_a_session),
		userns_test(test_every_call_fails_in_turn),
	};

	return cmocka_run_group_tests_name("userns", tests, NULL, NULL);
}
