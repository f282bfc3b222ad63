/* SPDX-License-Identifier: MIT */
/*
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup
 */
#include "libsubid/live/live.h"

#include "faults.h"
#include "set_support.h"

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

/* *ret_unread: of the snapshot. */
static int read_in_use(int proc, uint32_t user, struct subid_sets *ret,
		       size_t *ret_unread)
{
	auto_live struct subid_live live = { .n = 0 };
	struct subid_unreadable unreadable;
	int r = subid_live_read(proc, SUBID_LIVE_THOROUGH, &live);

	if (r == 0)
		r = subid_live_in_use(proc, &live, user, ret);
	if (r < 0)
		return r;
	subid_live_unreadable(-1, &live, &unreadable);
	*ret_unread = unreadable.n + unreadable.n_hidden;
	return 0;
}

/* *ret_unread: of the snapshot, and now. */
static int find_uses(int proc, uint32_t user, const struct subid_sets *wanted,
		     struct subid_use **ret, size_t *ret_n, size_t *ret_unread)
{
	auto_live struct subid_live live = { .n = 0 };
	struct subid_unreadable unreadable;
	int r = subid_live_read(proc, SUBID_LIVE_THOROUGH, &live);

	if (r == 0)
		r = subid_uses_find(proc, &live, user, wanted, ret, ret_n, ret_unread);
	if (r < 0)
		return r;
	subid_live_unreadable(-1, &live, &unreadable);
	*ret_unread += unreadable.n + unreadable.n_hidden;
	return 0;
}

static void assert_in_use(int proc, const char *uids, const char *gids, size_t unread)
{
	struct subid_sets in_use = { .of = { { .n = 0 } } };
	size_t n_unread = 99;
	char buf[256];

	assert_int_equal(read_in_use(proc, SUBID_ID_NONE, &in_use, &n_unread), 0);
	assert_string_equal(set_text(&in_use.of[SUBID_UID], buf, sizeof(buf)), uids);
	assert_string_equal(set_text(&in_use.of[SUBID_GID], buf, sizeof(buf)), gids);
	assert_int_equal(n_unread, unread);
	subid_sets_free(&in_use);
}

static void test_nothing_runs(void **state)
{
	int proc = etc_of(state);

	put_self(proc);
	assert_in_use(proc, "", "", 0);
	put_namespace(proc, "1", "user:[4026531837]", "0 0 4294967295\n",
		      "0 0 4294967295\n");
	assert_in_use(proc, "", "", 0);
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
	assert_in_use(proc, "1000:1 100000:65546", "200000:1 300000:65536", 0);
}

/* The caller's set keeps what it had. */
static void test_added_to_what_is_there(void **state)
{
	int proc = etc_of(state);
	struct subid_sets in_use = { .of = { { .n = 0 } } };
	size_t unread;
	char buf[64];

	put_self(proc);
	put_namespace(proc, "10", "user:[5]", "0 100000 10\n", "0 1 1\n");
	assert_int_equal(
	    subid_set_insert(&in_use.of[SUBID_UID], (struct id_range){ 100010, 5 }), 0);
	assert_int_equal(read_in_use(proc, SUBID_ID_NONE, &in_use, &unread), 0);
	assert_string_equal(set_text(&in_use.of[SUBID_UID], buf, sizeof(buf)),
			    "100000:15");
	assert_string_equal(set_text(&in_use.of[SUBID_GID], buf, sizeof(buf)), "1:1");
	subid_sets_free(&in_use);
}

/* Thousands of processes share a namespace: of two, one map is read. */
static void test_a_map_is_read_once(void **state)
{
	struct subid_sets in_use = { .of = { { .n = 0 } } };
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
	assert_int_equal(read_in_use(proc, SUBID_ID_NONE, &in_use, &unread), 0);
	reads = 1000 - faults.calls_left;
	(void)faults_disarm();
	/* two maps of the caller's and of the other namespace, each at once */
	assert_int_equal(reads, 4);
	subid_sets_free(&in_use);
}

/* More namespaces than a small table of them holds. */
static void test_many_namespaces(void **state)
{
	struct subid_sets in_use = { .of = { { .n = 0 } } };
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
	assert_int_equal(read_in_use(proc, SUBID_ID_NONE, &in_use, &unread), 0);
	assert_int_equal(unread, 0);
	assert_int_equal(in_use.of[SUBID_UID].n, 500);
	assert_int_equal(subid_set_size(&in_use.of[SUBID_GID]), 500);
	for (uint32_t i = 0; i < 500; i++)
		assert_true(subid_set_contains(&in_use.of[SUBID_UID],
					       (struct id_range){ 100000 + i * 2, 1 }));
	subid_sets_free(&in_use);
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
	assert_in_use(proc, "", "", 1);
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
	assert_in_use(proc, "100000:10", "100000:10", 0);
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
		assert_in_use(proc, "", "", 1);
	}
	/* a namespace that is none */
	put_namespace(proc, "11", "mnt:[5]", "0 7 1\n", "0 7 1\n");
	assert_in_use(proc, "", "", 2);
}

static void test_no_proc(void **state)
{
	struct subid_sets in_use = { .of = { { .n = 0 } } };
	struct subid_use *uses = NULL;
	int proc = etc_of(state);
	size_t n = 99, unread = 99;

	assert_int_equal(read_in_use(-1, SUBID_ID_NONE, &in_use, &unread), -EBADF);
	assert_int_equal(read_in_use(proc, SUBID_ID_NONE, &in_use, &unread), -ENOENT);
	assert_int_equal(find_uses(proc, SUBID_ID_NONE, &in_use, &uses, &n, &unread),
			 -ENOENT);
	put_process(proc, &(struct fake_process){ .pid = "self", .ns = "user:[1]" });
	assert_int_equal(read_in_use(proc, SUBID_ID_NONE, &in_use, &unread), -ENOENT);
	put_process(proc, &(struct fake_process){ .pid = "self", .uid_map = "?" });
	assert_int_equal(read_in_use(proc, SUBID_ID_NONE, &in_use, &unread), -EPROTO);
	assert_int_equal(unlinkat(proc, "self/ns/user", 0), 0);
	put_process(proc, &(struct fake_process){ .pid = "self", .ns = "pid:[1]" });
	assert_int_equal(read_in_use(proc, SUBID_ID_NONE, &in_use, &unread), -EPROTO);
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
	assert_in_use(proc, "100000:10", "", 0);
	assert_true(faults_disarm());
}

/* Our own namespace must be known: all others are told from it. */
static void test_own_namespace_is_hidden(void **state)
{
	struct subid_sets in_use = { .of = { { .n = 0 } } };
	int proc = etc_of(state);
	size_t unread;

	put_self(proc);
	faults.only = "readlinkat";
	faults_arm(1, EACCES);
	assert_int_equal(read_in_use(proc, SUBID_ID_NONE, &in_use, &unread), -EACCES);
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
	const struct subid_sets wanted = { .of = {
					       { .ranges = &uids, .n = uids.count > 0 },
					       { .ranges = &gids, .n = gids.count > 0 },
					   } };
	struct subid_use *uses = NULL;
	size_t n, n_unread;
	char buf[512];

	assert_int_equal(find_uses(proc, SUBID_ID_NONE, &wanted, &uses, &n, &n_unread),
			 0);
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
	const struct subid_sets
	    wanted = { .of = {
			   { .ranges = &(struct id_range){ 100000, 10 }, .n = 1 },
			   { .ranges = &(struct id_range){ 100000, 10 }, .n = 1 },
		       } };
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
	assert_int_equal(find_uses(proc, SUBID_ID_NONE, &wanted, &uses, &n, &unread), 0);
	assert_int_equal(n, 1);
	assert_int_equal(uses[0].userns, 5);
	free(uses);
	/* outside of it, each process is a row of its own */
	for (int i = 20; i < 70; i++) {
		(void)snprintf(pid, sizeof(pid), "%d/ns/user", i);
		assert_int_equal(unlinkat(proc, pid, 0), 0);
		assert_int_equal(symlinkat("user:[4026531837]", proc, pid), 0);
	}
	assert_int_equal(find_uses(proc, SUBID_ID_NONE, &wanted, &uses, &n, &unread), 0);
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
	const struct subid_sets wanted = { .of = { { .ranges = &want, .n = 1 },
						   { .ranges = &want, .n = 1 } } };
	int proc = etc_of(state);
	unsigned int turn;

	put_self(proc);
	put_namespace(proc, "10", "user:[5]", "0 100000 10\n", "0 200000 10\n");
	put_namespace(proc, "11", "user:[6]", "0 300000 10\n", "0 100000 10\n");
	for (turn = 1;; turn++) {
		struct subid_sets in_use = { .of = { { .n = 0 } } };
		size_t n = 0, unread = 0, unread_uses = 0;
		struct subid_use *uses = NULL;
		bool struck, struck_twice;
		char buf[64];
		int r;

		faults_arm(turn, EIO);
		r = read_in_use(proc, SUBID_ID_NONE, &in_use, &unread);
		struck = faults_disarm();
		if (r == 0 && unread == 0) {
			assert_string_equal(set_text(&in_use.of[0], buf, sizeof(buf)),
					    "100000:10 300000:10");
			assert_string_equal(set_text(&in_use.of[1], buf, sizeof(buf)),
					    "100000:10 200000:10");
		}
		assert_true(r == 0 || r == -EIO || r == -ENOMEM);
		assert_true(struck || (r == 0 && unread == 0));
		subid_sets_free(&in_use);
		faults_arm(turn, EIO);
		r = find_uses(proc, SUBID_ID_NONE, &wanted, &uses, &n, &unread_uses);
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

#define SESSION_MAP "0 1000 1\n1 100000 10\n"
#define ALICE	    "1000\t1000\t1000\t1000"
#define NO_CAPS	    "CapPrm:\t0000000000000400\nNoNewPrivs:\t1\n"
#define ALL_CAPS    "CapPrm:\t000001ffffffffff\nNoNewPrivs:\t0\n"

/* A process in a namespace that may be the session of uid 1000. */
struct session_case {
	const char *name;
	const char *uid_map; /* NULL: as a session's */
	const char *uids, *more;
	const char *own; /* the type of namespace that is its own */
	bool passed_over;
};

static const struct session_case session_cases[] = {
	{ "holds the session", NULL, ALICE, ALL_CAPS, NULL, true },
	{ "its map in another order", "1 100000 10\n0 1000 1\n", ALICE, ALL_CAPS, NULL,
	  true },
	{ "a container without a map of its own", NULL, ALICE, ALL_CAPS, "pid", false },
	{ "on the host's processes", NULL, ALICE, ALL_CAPS, "ipc", false },
	{ "and on its IPC", NULL, ALICE, ALL_CAPS, "uts", false },
	{ "a container that may gain privileges", NULL, ALICE,
	  "CapPrm:\t0000000000000000\nNoNewPrivs:\t0\n", "pid", false },
	{ "one that can set its gids", NULL, ALICE,
	  "CapPrm:\t0000000000000040\nNoNewPrivs:\t1\n", "pid", false },
	{ "one that can set its uids", NULL, ALICE,
	  "CapPrm:\t0000000000000080\nNoNewPrivs:\t1\n", "pid", false },
	{ "of which nothing is known", NULL, ALICE, "", "pid", false },
	{ "a helper that has shut itself in", NULL, ALICE, NO_CAPS, "pid", true },
	{ "runs as another id of the map", NULL, "100000\t100000\t100000\t100000",
	  NO_CAPS, NULL, false },
	{ "one of its ids is another", NULL, "1000\t1000\t100000\t1000", NO_CAPS, NULL,
	  false },
	{ "begins like the user", NULL, "10001000\t1000\t1000\t1000", NO_CAPS, NULL,
	  false },
	{ "another user's", NULL, "1001\t1001\t1001\t1001", NO_CAPS, NULL, false },
	{ "root is not the user", "0 100000 10\n1000 1000 1\n", ALICE, NO_CAPS, NULL,
	  false },
	{ "root is another user", "0 1001 1\n1 100000 10\n", ALICE, NO_CAPS, NULL,
	  false },
	{ "more than the user", "0 1000 2\n2 100000 10\n", ALICE, NO_CAPS, NULL, false },
};

static void put_links(int proc, const char *pid, const char *own)
{
	static const char *const types[] = { "pid", "ipc", "uts" };

	for (size_t i = 0; i < 3; i++) {
		char path[32], link[32];
		bool is_own = own != NULL && strcmp(own, types[i]) == 0;

		(void)snprintf(path, sizeof(path), "%s/ns/%s", pid, types[i]);
		(void)snprintf(link, sizeof(link), "%s:[%d]", types[i], is_own ? 99 : 9);
		assert_int_equal(symlinkat(link, proc, path), 0);
	}
}

static void put_session(int proc, const char *pid, const struct session_case *c)
{
	const char *map = c->uid_map == NULL ? SESSION_MAP : c->uid_map;
	char status[256];

	(void)snprintf(status, sizeof(status), "Name:\tx\nUid:\t%s\nGid:\t1\n%s", c->uids,
		       c->more);
	put_process(proc, &(struct fake_process){ .pid = pid,
						  .ns = "user:[5000]",
						  .uid_map = map,
						  .gid_map = map,
						  .status = status,
						  .comm = "podman\n" });
	put_links(proc, pid, c->own);
}

static void assert_session(int proc, const char *name, bool passed_over)
{
	const struct id_range want = { 100005, 1 };
	const struct subid_sets wanted = {
		.of[SUBID_GID] = { .ranges = (struct id_range[]){ want }, .n = 1 }
	};
	auto_sets struct subid_sets in_use = { .of = { { .n = 0 } } };
	struct subid_use *uses = NULL;
	size_t unread, n;

	assert_int_equal(read_in_use(proc, 1000, &in_use, &unread), 0);
	assert_int_equal(unread, 0);
	if (subid_sets_empty(&in_use) != passed_over)
		fail_msg("%s: %zu ranges", name, in_use.of[SUBID_UID].n);
	assert_int_equal(find_uses(proc, 1000, &wanted, &uses, &n, &unread), 0);
	assert_int_equal(n, passed_over ? 0 : 1);
	free(uses);
	/* to others it counts */
	assert_int_equal(find_uses(proc, SUBID_ID_NONE, &wanted, &uses, &n, &unread), 0);
	assert_int_equal(n, 1);
	free(uses);
	assert_int_equal(find_uses(proc, 1001, &wanted, &uses, &n, &unread), 0);
	assert_int_equal(n, 1);
	free(uses);
}

/* A user's rootless session, and what is not one. */
static void test_sessions(void **state)
{
	for (size_t i = 0; i < sizeof(session_cases) / sizeof(session_cases[0]); i++) {
		char name[16];
		int proc;

		(void)snprintf(name, sizeof(name), "proc%zu", i);
		proc = open_new_dir(etc_of(state), name);
		put_self(proc);
		put_links(proc, "self", NULL);
		put_session(proc, "100", &session_cases[i]);
		assert_session(proc, session_cases[i].name, session_cases[i].passed_over);
		close(proc);
	}
}

/* One other process in it, and it is no session. */
static void test_session_with_a_container(void **state)
{
	int proc = etc_of(state);

	put_self(proc);
	put_links(proc, "self", NULL);
	put_session(proc, "100", &session_cases[0]);
	assert_session(proc, "alone", true);
	put_session(proc, "101", &session_cases[2]);
	assert_session(proc, "with a container", false);
}

static int setup(void **state)
{
	return faults_reset(state) != 0 ? -1 : scratch_setup(state);
}

/* Whose files are root's may run as anybody: its status says so.  Who is in another
 * namespace than the caller's has no id here. */
static void test_ids_of_processes(void **state)
{
	struct subid_live_process processes[] = {
		{ .pid = 1, .uid = 0, .gid = 0 },
		{ .pid = 2, .uid = 138001, .gid = 138002 },
		{ .pid = 3, .uid = 0, .gid = 0 },
		{ .pid = 4, .uid = 65534, .gid = 65534 },
		{ .pid = 5, .uid = 0, .gid = 0 }, /* gone */
		{ .pid = 6, .uid = SUBID_ID_NONE, .gid = SUBID_ID_NONE },
		{ .pid = 7, .uid = 200000, .gid = 200000, .userns = 1 },
	};
	struct subid_live_userns userns[] = { { .n = 6 }, { .first = 6, .n = 1 } };
	const struct subid_live live = {
		.userns = userns,
		.n = 2,
		.processes = processes,
		.n_processes = 7,
	};
	auto_sets struct subid_sets ids = { .of = { { .n = 0 } } };
	int proc = etc_of(state);

	put_process(proc,
		    &(struct fake_process){
			.pid = "1",
			.status = "Name:\tinit\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n" });
	put_process(proc, &(struct fake_process){
			      .pid = "3",
			      .status = "Name:\tagent\nUid:\t1500\t1501\t1502\t1503\n"
					"Gid:\t1600\t1600\t1600\t4294967295\n" });
	put_process(proc, &(struct fake_process){ .pid = "4", .status = "Name:\tx\n" });
	assert_int_equal(subid_set_insert(&ids.of[SUBID_UID], (struct id_range){ 7, 1 }),
			 0);
	assert_int_equal(subid_live_ids(proc, &live, &ids), 0);
	assert_string_equal(show(&ids.of[SUBID_UID]), "0:1 7:1 1500:4 138001:1");
	assert_string_equal(show(&ids.of[SUBID_GID]), "0:1 1600:1 138002:1");
	/* could not look is not nothing there */
	put_dir(proc, "5");
	put_dir(proc, "5/status");
	assert_int_equal(subid_live_ids(proc, &live, &ids), -EISDIR);
}

/* Who maps an id, from the snapshot alone. */
static void test_mapper(void **state)
{
	static struct subid_map_line all[] = { { { 0, 100000 }, { 0, 100000 } } };
	static struct subid_map_line one[] = { { { 0, 10 }, { 500, 10 } } };
	struct subid_live_userns userns[] = {
		{ .maps = { { .lines = all, .n = 1 } } },
		{ .maps = { { .lines = all, .n = 1 } }, .holder = 8 }, /* transparent */
		{ .maps = { { .n = 0 }, { .lines = one, .n = 1 } },
		  .holder = 9,
		  .inode = 99,
		  .n = 1 },
	};
	const struct subid_live live = { .userns = userns, .n = 3 };
	struct subid_use use = { .pid = 77 };
	int proc = etc_of(state);

	put_process(proc, &(struct fake_process){ .pid = "9", .comm = "sle\033p\n" });
	assert_int_equal(
	    subid_live_mapper(proc, &live, SUBID_UID, (struct id_range){ 505, 1 }, &use),
	    SUBID_ABSENT);
	assert_int_equal(
	    subid_live_mapper(proc, &live, SUBID_GID, (struct id_range){ 510, 1 }, &use),
	    SUBID_ABSENT);
	assert_int_equal(use.pid, 77);
	assert_int_equal(
	    subid_live_mapper(proc, &live, SUBID_GID, (struct id_range){ 509, 5 }, &use),
	    0);
	assert_int_equal(use.pid, 9);
	assert_int_equal(use.ids.start, 509);
	assert_int_equal(use.ids.count, 1);
	assert_string_equal(use.program, "sle?p");
}

#define uses_test(function)                                                              \
	{                                                                                \
#function, function, setup, scratch_teardown, NULL                       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		uses_test(test_nothing_runs),
		uses_test(test_what_namespaces_map),
		uses_test(test_added_to_what_is_there),
		uses_test(test_a_map_is_read_once),
		uses_test(test_many_namespaces),
		uses_test(test_vanished_and_other_names),
		uses_test(test_next_process_of_a_namespace),
		uses_test(test_unreadable),
		uses_test(test_no_proc),
		uses_test(test_hidden_namespace),
		uses_test(test_own_namespace_is_hidden),
		uses_test(test_who_uses_ids),
		uses_test(test_one_row_for_a_namespace),
		uses_test(test_who_cannot_be_looked_at),
		uses_test(test_sessions),
		uses_test(test_session_with_a_container),
		scratch_test(test_ids_of_processes),
		scratch_test(test_mapper),
		uses_test(test_every_call_fails_in_turn),
	};

	return cmocka_run_group_tests_name("uses", tests, NULL, NULL);
}
