/* SPDX-License-Identifier: MIT */
/*
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup
 */
#include "libsubid/live/live.h"

#include "faults.h"

#define OWN "user:[4026531837]"

static void put_namespace(int proc, const char *pid, const char *ns, const char *map)
{
	put_process(proc, &(struct fake_process){
			      .pid = pid, .ns = ns, .uid_map = map, .gid_map = map });
}

static void put_text(int proc, const char *pid, const char *name, const char *text,
		     size_t size)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/%s", pid, name);
	put_bytes(proc, path, text, size);
}

static struct subid_live look(int proc)
{
	struct subid_live live;

	assert_int_equal(subid_live_read(proc, SUBID_LIVE_THOROUGH, &live), 0);
	return live;
}

static const struct subid_live_userns *find(const struct subid_live *live, uint64_t inode)
{
	for (size_t i = 0; i < live->n; i++)
		if (live->userns[i].inode == inode)
			return &live->userns[i];
	fail_msg("no namespace %llu", (unsigned long long)inode);
	return NULL;
}

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

static void test_names(void **state)
{
#define COMMAND(text) text, sizeof(text) - 1
	static const struct {
		const char *command;
		size_t size;
		const char *group, *runtime, *container;
	} rows[] = {
		{ COMMAND("[lxc monitor] /var/lib/lxc c1\0"), "", "lxc", "c1" },
		{ COMMAND("[lxc monitor] /var/lib/lxd/containers c2\0"), "", "lxd",
		  "c2" },
		{ COMMAND("[lxc monitor] /var/lib/incus/x c2\0"), "", "incus", "c2" },
		{ COMMAND("[lxc monitor] \0"), "", "", "" },
		{ COMMAND("[lxc monitor]\0"), "", "", "" },
		{ COMMAND("/usr/bin/conmon\0-c\0ID\0-n\0pod1\0"), "", "podman", "pod1" },
		{ COMMAND("conmon\0--name=pod2\0"), "", "podman", "pod2" },
		{ COMMAND("conmon\0-n\0"), "0::/x\n", "podman", "" },
		{ COMMAND("conmon\0-n"), "", "podman", "" },
		{ COMMAND("systemd-nspawn\0--machine=m\0"), "", "nspawn", "m" },
		{ COMMAND("containerd-shim-runc-v2\0-id\0abcdefabcdef0123\0"), "",
		  "docker", "abcdefabcdef" },
		{ COMMAND("conmon\0-n\0ev\033[31m\xff il\0"), "", "podman",
		  "ev?[31m??il" },
		{ COMMAND("bash\0"), "0::/lxc.payload.c3\n", "lxc", "c3" },
		{ COMMAND("bash\0"), "1:a:/\n0::/x/libpod-0123456789abcdef.scope/y\n",
		  "podman", "0123456789ab" },
		{ COMMAND("bash\0"), "0::/docker-0123.scope\n", "docker", "0123" },
		{ COMMAND("bash\0"), "0::/docker-.scope\n", "", "" },
		{ COMMAND("bash\0"), "0::/docker-x.scop\n", "", "" },
		{ COMMAND("bash\0"), "0::/machine-m1.scope\n", "nspawn", "m1" },
		{ COMMAND(""), "0::/", "", "" },
	};
	int proc = etc_of(state);

	put_self(proc);
	put_namespace(proc, "5", OWN, "0 0 1\n");
	put_namespace(proc, "10", "user:[5]", "0 100000 10\n");
	put_file(proc, "10/stat", "10 (a) S 7 (b) R 5 0 0");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct subid_live live = look(proc);

		put_text(proc, "5", "cmdline", rows[i].command, rows[i].size);
		put_file(proc, "10/cgroup", rows[i].group);
		subid_live_name(proc, &live, 1);
		assert_string_equal(live.userns[1].runtime, rows[i].runtime);
		assert_string_equal(live.userns[1].container, rows[i].container);
		subid_live_free(&live);
	}
}

/* Longer than any buffer: cut, not overrun. */
static void test_long_names(void **state)
{
	static const char head[] = "conmon\0-n";
	static char command[9000];
	int proc = etc_of(state);
	struct subid_live live;

	memset(command, 'n', sizeof(command));
	memcpy(command, head, sizeof(head));
	put_self(proc);
	put_namespace(proc, "5", OWN, "0 0 1\n");
	put_namespace(proc, "10", "user:[5]", "0 100000 10\n");
	put_file(proc, "10/stat", "10 (a) S 5 0");
	put_text(proc, "5", "cmdline", command, sizeof(command));
	live = look(proc);
	subid_live_name(proc, &live, 0);
	subid_live_name(proc, &live, 1);
	assert_int_equal(strlen(live.userns[1].container),
			 sizeof(live.userns[1].container) - 1);
	assert_string_equal(live.userns[0].runtime, "");
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
		live_test(test_things_that_look_like_namespaces),
		live_test(test_covered_mounts),
		live_test(test_very_many_mounts),
		live_test(test_names),
		live_test(test_long_names),
		live_test(test_every_call_fails_in_turn),
	};

	return cmocka_run_group_tests_name("live", tests, NULL, NULL);
}
