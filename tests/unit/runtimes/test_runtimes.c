/* SPDX-License-Identifier: MIT */
/*
 * What the runtimes have written down: the parsers, row by row; the walk, over a
 * hand-made root and a hostile home.
 */
#include "libsubid/runtimes/private.h"
#include "support.h"

typedef int parser(struct runtime_scan *scan, const struct subid_text *text,
		   const char *name);

static int podman(struct runtime_scan *scan, const struct subid_text *text,
		  const char *name)
{
	(void)name;
	return runtime_podman_parse(scan, text);
}

struct row {
	const char *what;
	parser *parse;
	const char *text;
	const char *found; /* "u 100000:65536 c1, ..." */
	int answer;
	bool user;
};

#define MAP(id, size) "[{\"container_id\":0,\"host_id\":" #id ",\"size\":" #size "}]"
#define LXD(id)                                                                          \
	"'[{\"Isuid\":true,\"Isgid\":false,\"Hostid\":" #id ",\"Nsid\":0,"               \
	"\"Maprange\":65536},{\"Isuid\":false,\"Isgid\":true,\"Hostid\":" #id            \
	",\"Nsid\":0,\"Maprange\":65536}]'"

static const struct row rows[] = {
	{ .what = "LXC",
	  runtime_lxc_parse,
	  "lxc.include = /x\nlxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 200000 10\n",
	  "u 100000:65536 c1, g 200000:10 c1" },
	{ .what = "both kinds in one",
	  runtime_lxc_parse,
	  "lxc.idmap = b 0 5 6",
	  "u 5:6 c1, g 5:6 c1" },
	{ .what = "as LXC 1 had it, blanks",
	  runtime_lxc_parse,
	  "\t lxc.id_map=u\t0  7 8 \n#lxc.idmap = u 0 1 1\n",
	  "u 7:8 c1" },
	{ .what = "what is no map",
	  runtime_lxc_parse,
	  "lxc.idmapx = u 0 1 1\nx.lxc.idmap = u 0 1 1\nlxc.idmap u 0 1 1\nlxc.idmap =\n",
	  "" },
	{ .what = "a damaged line, and the rest",
	  runtime_lxc_parse,
	  "lxc.idmap = u 0 1\nlxc.idmap = u 0 -1 1\nlxc.idmap = x 0 1 1\nlxc.idmap = g 0 "
	  "9 1",
	  "g 9:1 c1",
	  SUBID_INVALID },
	{ .what = "the id that is none",
	  runtime_lxc_parse,
	  "lxc.idmap = u 0 4294967295 1",
	  "",
	  SUBID_INVALID },
	{ .what = "no ids", runtime_lxc_parse, "lxc.idmap = u 0 1 0", "", SUBID_INVALID },

	{ .what = "podman",
	  podman,
	  "[{\"id\":\"abc\",\"names\":[\"web\",\"b\"],\"uidmap\":" MAP(
	      100000, 10) ",\"gidmap\":" MAP(200000, 10) "}]",
	  "u 100000:10 web, g 200000:10 web" },
	{ .what = "podman: maps before names",
	  podman,
	  "[{\"uidmap\":" MAP(1, 2) ",\"flags\":{\"a\":[1,{}]},\"names\":[\"w\"]},"
				    "{\"id\":\"abc\",\"uidmap\":" MAP(3, 4) "},{}]",
	  "u 1:2 w, u 3:4 abc" },
	{ .what = "podman: none of its own",
	  podman,
	  "[{\"id\":\"a\",\"names\":null,\"uidmap\":null,\"gidmap\":[]}]",
	  "" },
	{ .what = "podman: none at all", podman, " [ ] \n", "" },
	{ .what = "podman: a user's, counted from its own ids",
	  podman,
	  "[{\"names\":[\"w\"],\"uidmap\":" MAP(0, 4) ",\"gidmap\":" MAP(9, 9) "}]",
	  "u 1000:1 w, u 100000:2 w, u 300000:1 w, g 200008:2 w",
	  .user = true },
	{ .what = "podman: a user's, beyond what it has",
	  podman,
	  "[{\"names\":[\"w\"],\"uidmap\":" MAP(13, 4294967280) "}]",
	  "",
	  .user = true },
	{ .what = "podman: cut short",
	  podman,
	  "[{\"names\":[\"w\"],\"uidmap\":" MAP(1, 2),
	  "u 1:2 w",
	  SUBID_INVALID },
	{ .what = "podman: not an array", podman, "{}", "", SUBID_INVALID },
	{ .what = "podman: more behind it", podman, "[] []", "", SUBID_INVALID },
	{ .what = "podman: a number that is none",
	  podman,
	  "[{\"uidmap\":" MAP(1.5, 2) "}]",
	  "",
	  SUBID_INVALID },
	{ .what = "podman: a negative one",
	  podman,
	  "[{\"uidmap\":" MAP(-1, 2) "}]",
	  "",
	  SUBID_INVALID },
	{ .what = "podman: one beyond 32 bits",
	  podman,
	  "[{\"uidmap\":" MAP(1, 4294967296) "}]",
	  "",
	  SUBID_INVALID },
	{ .what = "podman: a text where a map should be",
	  podman,
	  "[{\"uidmap\":\"x\"}]",
	  "",
	  SUBID_INVALID },
	{ .what = "podman: a name that a terminal acts on",
	  podman,
	  "[{\"names\":[\"a\177b\"],\"uidmap\":" MAP(1, 2) "}]",
	  "u 1:2 a?b" },
	{ .what = "podman: bytes that are no UTF-8",
	  podman,
	  "[{\"names\":[\"a\377\300b\"],\"uidmap\":" MAP(1, 2) "}]",
	  "u 1:2 a??b" },
	{ .what = "podman: a key twice, and both count",
	  podman,
	  "[{\"names\":[\"w\"],\"uidmap\":" MAP(1, 2) ",\"uidmap\":" MAP(5, 6) "}]",
	  "u 1:2 w, u 5:6 w" },
	{ .what = "podman: what stands before the damage",
	  podman,
	  "[{\"names\":[\"w\"],\"uidmap\":" MAP(1,
						2) "},{\"names\":[\"x\"],\"uidmap\":\1",
	  "u 1:2 w",
	  SUBID_INVALID },
	{ .what = "podman: deeper than any container",
	  podman,
	  "[{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1",
	  "",
	  SUBID_INVALID },
	{ .what = "podman: nothing", podman, "", "", SUBID_INVALID },

	{ .what = "LXD",
	  runtime_lxd_parse,
	  "container:\n  config:\n    volatile.idmap.base: \"1065536\"\n"
	  "    volatile.idmap.current: " LXD(1065536) "\n",
	  "u 1065536:65536 c1, g 1065536:65536 c1" },
	{ .what = "LXD: both kinds in one, and the other keys",
	  runtime_lxd_parse,
	  "volatile.idmap.next: '[{\"Isuid\":true,\"Isgid\":true,\"Hostid\":1,"
	  "\"Nsid\":0,\"Maprange\":2}]'\nvolatile.last_state.idmap: '[]'",
	  "u 1:2 c1, g 1:2 c1" },
	{ .what = "LXD: damaged, and the rest",
	  runtime_lxd_parse,
	  "volatile.idmap.current: none\nvolatile.idmap.next: '[{]'\n"
	  "volatile.last_state.idmap: " LXD(7),
	  "u 7:65536 c1, g 7:65536 c1",
	  SUBID_INVALID },
	{ .what = "LXD: not a key of a map",
	  runtime_lxd_parse,
	  "user.volatile.idmap.next: x\nvolatile.idmap.nextx: '[]'\n",
	  "" },
};

static void print_found(const struct subid_runtime_state *state, char *buf)
{
	*buf = '\0';
	for (size_t i = 0; i < state->n; i++)
		buf += sprintf(buf, "%s%c %u:%u %s", i == 0 ? "" : ", ",
			       state->list[i].kind == SUBID_UID ? 'u' : 'g',
			       state->list[i].range.start, state->list[i].range.count,
			       state->list[i].name);
}

static void test_rows(void **state)
{
	static const struct id_range uids[] = { { 1000, 1 },
						{ 100000, 2 },
						{ 300000, 10 } };
	static const struct id_range gids[] = { { 1000, 1 }, { 200000, 10 } };
	struct subid_runtime_place place = { .dir = -1,
					     .session = { uids, gids },
					     .n_session = { 3, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		auto_runtime_state struct subid_runtime_state found = { .n = 0 };
		struct runtime_scan scan = { .place = &place,
					     .runtime = "test",
					     .state = &found };
		/* bytes that end where they end, for the sanitizer to see */
		size_t size = strlen(rows[i].text);
		char *bytes = malloc(size + 1);
		struct subid_text text = { .bytes = bytes, .size = size };
		char buf[1024];
		int r;

		memcpy(bytes, rows[i].text, size + 1);
		place.user = rows[i].user;
		r = rows[i].parse(&scan, &text, "c1");
		free(bytes);
		print_found(&found, buf);
		if (r != rows[i].answer || strcmp(buf, rows[i].found) != 0)
			fail_msg("%s: %d, '%s'", rows[i].what, r, buf);
	}
}

static void put_path(int dir, const char *path, const char *text)
{
	char copy[256];

	(void)strcpy(copy, path);
	for (char *c = strchr(copy, '/'); c != NULL; c = strchr(c + 1, '/')) {
		*c = '\0';
		put_dir(dir, copy);
		*c = '/';
	}
	put_file(dir, path, text);
}

static void test_root(void **state)
{
	auto_runtime_state struct subid_runtime_state found = { .n = 0 };
	auto_sets struct subid_sets ids = { .of = { { .n = 0 } } };
	int dir = etc_of(state);
	struct subid_runtime_place place = { .dir = dir, .trusted = true };
	char buf[1024];

	assert_int_equal(subid_runtime_read(&place, &found), 0);
	assert_int_equal(found.n + found.n_unread, 0);
	put_path(dir, "var/lib/lxc/c1/config", "lxc.idmap = u 0 1 2\n");
	put_path(dir, "var/lib/lxc/empty/x", "");
	put_path(dir, "var/lib/lxc/.c/config", "lxc.idmap = u 0 9 9\n");
	put_path(dir, "var/lib/incus/storage-pools/p/containers/c2/backup.yaml",
		 "volatile.idmap.current: " LXD(10));
	put_path(dir, "var/lib/containers/storage/vfs-containers/containers.json",
		 "[{\"names\":[\"c3\"],\"uidmap\":" MAP(20, 5) "}]");
	put_path(dir, "var/lib/containers/storage/vfs-layers/containers.json", "no");
	put_path(dir, "var/lib/machines/m/x", "");
	assert_int_equal(subid_runtime_read(&place, &found), 0);
	print_found(&found, buf);
	assert_string_equal(buf, "u 1:2 c1, u 10:65536 c2, g 10:65536 c2, u 20:5 c3");
	assert_string_equal(found.list[0].runtime, "lxc");
	assert_string_equal(found.list[1].runtime, "incus");
	assert_string_equal(found.list[3].runtime, "podman");
	assert_int_equal(found.n_unread, 0);
	assert_int_equal(subid_runtime_ids(&found, &ids), 0);
	assert_int_equal(subid_set_size(&ids.of[SUBID_UID]), 2 + 65536);
	assert_int_equal(subid_set_size(&ids.of[SUBID_GID]), 65536);
}

/* podman create --rm, from 4.4 on: beside the others, alone, and where a reboot ends it.
 */
static void test_podman_lists(void **state)
{
	auto_runtime_state struct subid_runtime_state found = { .n = 0 };
	int dir = etc_of(state);
	struct subid_runtime_place place = { .dir = dir, .trusted = true };
	char buf[1024];

	put_path(dir, "var/lib/containers/storage/vfs-containers/containers.json",
		 "[{\"names\":[\"c1\"],\"uidmap\":" MAP(20, 5) "}]");
	put_path(dir,
		 "var/lib/containers/storage/vfs-containers/volatile-containers.json",
		 "[{\"names\":[\"c2\"],\"uidmap\":" MAP(30001, 500) "}]");
	put_path(dir,
		 "run/containers/storage/overlay-containers/volatile-containers.json",
		 "[{\"names\":[\"c3\"],\"uidmap\":" MAP(70, 5) "}]");
	assert_int_equal(subid_runtime_read(&place, &found), 0);
	print_found(&found, buf);
	assert_string_equal(buf, "u 20:5 c1, u 30001:500 c2, u 70:5 c3");
	assert_int_equal(found.n_unread, 0);
	subid_runtime_state_free(&found);

	/* one that is damaged hides neither itself nor the other */
	put_file(dir, "var/lib/containers/storage/vfs-containers/containers.json", "[{");
	assert_int_equal(subid_runtime_read(&place, &found), 0);
	print_found(&found, buf);
	assert_string_equal(buf, "u 30001:500 c2, u 70:5 c3");
	assert_int_equal(found.n_unread, 1);
	subid_runtime_state_free(&found);

	assert_int_equal(unlinkat(dir,
				  "var/lib/containers/storage/vfs-containers/"
				  "containers.json",
				  0),
			 0);
	assert_int_equal(subid_runtime_read(&place, &found), 0);
	print_found(&found, buf);
	assert_string_equal(buf, "u 30001:500 c2, u 70:5 c3");
	assert_int_equal(found.n_unread, 0);
}

/* LXD's links beside its pools: of a container whose pool is there, of one whose pool is
 * not mounted; and what is no container. */
static void test_lxd_links(void **state)
{
	auto_runtime_state struct subid_runtime_state found = { .n = 0 };
	int dir = etc_of(state);
	struct subid_runtime_place place = { .dir = dir, .trusted = true };
	char buf[1024];

	put_path(dir, "var/lib/lxd/storage-pools/p/containers/c1/backup.yaml",
		 "volatile.idmap.current: " LXD(10));
	put_path(dir, "var/lib/lxd/containers/lxc-monitord.log", "");
	assert_int_equal(symlinkat("/var/lib/lxd/storage-pools/p/containers/c1", dir,
				   "var/lib/lxd/containers/c1"),
			 0);
	assert_int_equal(subid_runtime_read(&place, &found), 0);
	print_found(&found, buf);
	assert_string_equal(buf, "u 10:65536 c1, g 10:65536 c1");
	assert_int_equal(found.n_unread, 0);
	assert_int_equal(symlinkat("/var/lib/lxd/storage-pools/q/containers/c2", dir,
				   "var/lib/lxd/containers/c2"),
			 0);
	put_path(dir, "var/lib/lxd/storage-pools/p/containers/c3/x", "");
	assert_int_equal(symlinkat("/var/lib/lxd/storage-pools/p/containers/c3", dir,
				   "var/lib/lxd/containers/c3"),
			 0);
	subid_runtime_state_free(&found);
	assert_int_equal(subid_runtime_read(&place, &found), 0);
	assert_int_equal(found.n_unread, 2);
	assert_int_equal(found.error, SUBID_ABSENT);
	assert_int_equal(
	    strncmp(found.unread, "var/lib/lxd/containers/c", strlen(found.unread) - 1),
	    0);
}

/* What a user may put where root reads. */
static void test_hostile_home(void **state)
{
	auto_runtime_state struct subid_runtime_state found = { .n = 0 };
	int dir = etc_of(state), fd;
	struct subid_runtime_place place = { .dir = dir, .user = true };
	char buf[1024];

	put_file(dir, "secret", "lxc.idmap = u 0 1 2\n");
	put_path(dir, ".local/share/lxc/good/config", "lxc.idmap = u 0 7 7\n");
	put_path(dir, ".local/share/lxc/link/x", "");
	put_path(dir, ".local/share/lxc/pipe/x", "");
	put_path(dir, ".local/share/lxc/huge/config", "");
	assert_int_equal(
	    symlinkat("../../../../secret", dir, ".local/share/lxc/link/config"), 0);
	assert_int_equal(symlinkat("good", dir, ".local/share/lxc/dirlink"), 0);
	assert_int_equal(mkfifoat(dir, ".local/share/lxc/pipe/config", 0600), 0);
	fd = openat(dir, ".local/share/lxc/huge/config", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)RUNTIME_FILE_MAX + 1), 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(subid_runtime_read(&place, &found), 0);
	print_found(&found, buf);
	assert_string_equal(buf, "u 7:7 good");
	assert_int_equal(found.n_unread, 4);
	assert_true(found.error != 0 && found.unread[0] != '\0');
	/* one's own files one may keep elsewhere */
	subid_runtime_state_free(&found);
	place.trusted = true;
	assert_int_equal(subid_runtime_read(&place, &found), 0);
	assert_int_equal(found.n, 3);
	assert_int_equal(found.n_unread, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),	 scratch_test(test_root),
		scratch_test(test_podman_lists), scratch_test(test_lxd_links),
		scratch_test(test_hostile_home),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
