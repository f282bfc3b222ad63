/* SPDX-License-Identifier: MIT */
#include "tools/subid/container_view.h"

#include "libsubid/core/core.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

#define HEAD(name)                                                                       \
	"Name:\t" name "\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t7\nNgid:\t0\n"      \
	"Pid:\t7\nPPid:\t3\nTracerPid:\t0\n"
#define IDS "Uid:\t1000\t100000\t1\t2\nGid:\t5\t100006\t7\t8\nFDSize:\t64\nGroups:\t1 2\n"

static const struct {
	const char *status;
	int answer;
	pid_t inside;
	const char *command;
} statuses[] = {
	{ HEAD("init") IDS "NStgid:\t7\t1\nNSpid:\t7\t1\nNSpgid:\t7\t1\n", 0, 1, "init" },
	{ HEAD("nested") IDS "NSpid:\t7\t12\t2\n", 0, 2, "nested" },
	{ HEAD("outside") IDS "NSpid:\t7\n", 0, 7, "outside" },
	{ HEAD("old kernel") IDS, 0, 7, "old kernel" },
	{ HEAD("a\\nUid:\\\\") IDS, 0, 7, "a\nUid:\\" },
	{ HEAD("x\\") IDS, 0, 7, "x\\" },
	{ HEAD("\x1b[2J\xff") IDS, 0, 7, "\x1b[2J\xff" },
	{ HEAD("") IDS, 0, 7, "" },
	{ HEAD("0123456789012345678901234567890123456789012345678901234567890123456789")
	      IDS,
	  0, 7, "012345678901234567890123456789012345678901234567890123456789012" },
	{ HEAD("no ids"), SUBID_INVALID, 0, NULL },
	{ HEAD("x") "Uid:\t1\nGid:\t1\t1\t1\t1\n", SUBID_INVALID, 0, NULL },
	{ HEAD("x") "Uid:\t1\t-1\t1\t1\nGid:\t1\t1\t1\t1\n", SUBID_INVALID, 0, NULL },
	{ HEAD("x") IDS "NSpid:\t7\t4294967295\n", SUBID_INVALID, 0, NULL },
	{ HEAD("x") IDS "NSpid:\t7\tx\n", 0, 7, "x" },
	{ "Name:\tx\n" IDS, SUBID_INVALID, 0, NULL },
	{ "", SUBID_INVALID, 0, NULL },
};

static void test_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(statuses); i++) {
		struct container_process got;

		assert_int_equal(container_process_parse(statuses[i].status,
							 strlen(statuses[i].status),
							 &got),
				 statuses[i].answer);
		if (statuses[i].answer != 0)
			continue;
		assert_int_equal(got.pid, 7);
		assert_int_equal(got.parent, 3);
		assert_int_equal(got.inside, statuses[i].inside);
		assert_int_equal(got.ids[SUBID_UID], 100000);
		assert_int_equal(got.ids[SUBID_GID], 100006);
		assert_string_equal(got.command, statuses[i].command);
	}
}

/* This process, and one that is not there. */
static void test_read(void **state)
{
	auto_close int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct container_process got;

	(void)state;
	assert_int_equal(container_process_read(proc, getpid(), &got), 0);
	assert_int_equal(got.pid, getpid());
	assert_int_equal(got.parent, getppid());
	assert_int_equal(got.ids[SUBID_UID], geteuid());
	assert_string_equal(got.command, "test_container_");
	assert_int_equal(container_process_read(proc, INT32_MAX, &got), -ENOENT);
	assert_int_equal(container_open_root(proc, INT32_MAX, 0), -ESRCH);
	assert_int_equal(container_open_root(proc, getpid(), 1), -ESRCH);
}

/* Trees: "pid<parent ..." in, "pid ..." with a dot for each ancestor out. */
static const struct {
	const char *name;
	pid_t pairs[9][2];
	const char *order;
} trees[] = {
	{ "none", { { 0, 0 } }, "" },
	{ "one", { { 5, 1 } }, "5" },
	{ "in order", { { 5, 1 }, { 6, 5 }, { 7, 6 }, { 8, 5 } }, "5 .6 ..7 .8" },
	{ "children by pid, children before their parent",
	  { { 9, 20 }, { 20, 1 }, { 3, 20 }, { 4, 3 }, { 21, 9 } },
	  "20 .3 ..4 .9 ..21" },
	{ "two trees", { { 7, 1 }, { 8, 7 }, { 5, 2 }, { 9, 5 } }, "5 .9 7 .8" },
	{ "up by more than one",
	  { { 1, 0 }, { 2, 1 }, { 3, 2 }, { 4, 3 }, { 5, 1 }, { 6, 0 } },
	  "1 .2 ..3 ...4 .5 6" },
	{ "its own parent", { { 5, 5 }, { 6, 5 } }, "5 .6" },
	{ "a circle", { { 5, 6 }, { 6, 5 }, { 7, 6 } }, "5 .6 ..7" },
	{ "a circle beside a tree", { { 5, 6 }, { 6, 5 }, { 8, 1 } }, "8 5 .6" },
};

static void test_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(trees); i++) {
		struct container_process processes[9] = { { .pid = 0 } };
		auto_free struct container_place *places = NULL;
		char got[128] = "";
		size_t n = 0;

		for (; n < 9 && trees[i].pairs[n][0] != 0; n++) {
			processes[n].pid = trees[i].pairs[n][0];
			processes[n].parent = trees[i].pairs[n][1];
		}
		assert_int_equal(container_order(processes, n, &places), 0);
		for (size_t j = 0; j < n; j++) {
			const struct container_place *place = &places[j];

			(void)snprintf(got + strlen(got), sizeof(got) - strlen(got),
				       "%s%.*s%d", j == 0 ? "" : " ", (int)place->depth,
				       "......", (int)processes[place->index].pid);
			assert_true(place->parent == SIZE_MAX ? place->depth == 0
							      : place->parent < j);
			if (place->parent != SIZE_MAX)
				assert_int_equal(
				    processes[places[place->parent].index].pid,
				    processes[place->index].parent);
		}
		print_message("%s\n", trees[i].name);
		assert_string_equal(got, trees[i].order);
	}
}

/* A chain as long as there can be processes: no recursion, no square. */
static void test_long_chain(void **state)
{
	enum { N = 200000 };
	struct container_process *chain = calloc(N, sizeof(*chain));
	auto_free struct container_place *places = NULL;

	(void)state;
	assert_non_null(chain);
	for (int i = 0; i < N; i++) {
		chain[i].pid = N - i;
		chain[i].parent = N - i - 1;
	}
	assert_int_equal(container_order(chain, N, &places), 0);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(places[i].index, N - 1 - i);
		assert_int_equal(places[i].depth, i);
	}
	free(chain);
}

static void put(int dir, const char *name, const char *content)
{
	auto_close int fd =
	    openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
}

static const char *name_of(const struct container_names *names, uint32_t id, char *buf,
			   size_t size)
{
	size_t len = 0;
	const char *name = container_names_find(names, id, &len);

	if (name == NULL)
		return NULL;
	(void)snprintf(buf, size, "%.*s", (int)len, name);
	return buf;
}

static void test_names(void **state)
{
	static const char lines[] = "root:x:0:0:root:/root:/bin/sh\n"
				    "toor:x:0:0::/:\n"
				    "+nis:x:7:7::/:\n"
				    "#comment:x:8:8::/:\n"
				    "1000:x:9:9::/:\n"
				    "www-data:x:33:33::/:\n"
				    "broken:x\n"
				    ":x:10:10::/:\n"
				    "neg:x:-1:1::/:\n"
				    "oct:x:010:1::/:\n"
				    "esc\x1b[2J:x:11:11::/:\n"
				    "last:x:4294967294:1::/:";
	static const struct {
		uint32_t id;
		const char *name;
	} cases[] = {
		{ 0, "root" },	       { 33, "www-data" },
		{ 11, "esc\x1b[2J" },  { 7, NULL },
		{ 8, NULL },	       { 9, NULL },
		{ 10, NULL },	       { 4294967294U, "last" },
		{ 1, NULL },	       { 1000, NULL },
		{ 4294967295U, NULL },
	};
	struct subid_text text = { .bytes = strdup(lines), .size = strlen(lines) };
	struct container_names names;
	char buf[64];

	(void)state;
	assert_int_equal(container_names_parse(&text, &names), 0);
	assert_null(text.bytes);
	for (size_t i = 0; i < ARRAY(cases); i++) {
		const char *name = name_of(&names, cases[i].id, buf, sizeof(buf));

		if (cases[i].name == NULL)
			assert_null(name);
		else
			assert_string_equal(name, cases[i].name);
	}
	container_names_free(&names);
	assert_null(container_names_find(&names, 0, &(size_t){ 0 }));
}

static int read_passwd(int root, char *buf, size_t size)
{
	auto_text struct subid_text text = { .bytes = NULL };
	int r = container_read_file(root, SUBID_UID, CONTAINER_FILE_MAX, &text);

	if (r == 0)
		(void)snprintf(buf, size, "%s", text.bytes);
	return r;
}

/* What may lie at etc/passwd beneath a root that is not ours. */
static void test_hostile_files(void **state)
{
	struct scratch *scratch = *state;
	auto_close int root = -1;
	char got[64] = "";

	put(scratch->fd, "secret", "secret:x:0:0::/:\n");
	assert_int_equal(mkdirat(scratch->fd, "root", 0755), 0);
	root = openat(scratch->fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(read_passwd(root, got, sizeof(got)), -ENOENT);
	assert_int_equal(mkdirat(root, "etc", 0755), 0);
	assert_int_equal(read_passwd(root, got, sizeof(got)), -ENOENT);

	put(root, "etc/passwd", "root:x:0:0::/:\n");
	assert_int_equal(read_passwd(root, got, sizeof(got)), 0);
	assert_string_equal(got, "root:x:0:0::/:\n");
	assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);

	/* links: out of the root by dots, absolute, through /proc */
	assert_int_equal(symlinkat("../../secret", root, "etc/passwd"), 0);
	assert_int_equal(read_passwd(root, got, sizeof(got)), -ENOENT);
	assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);
	assert_int_equal(symlinkat("/etc/shadow", root, "etc/passwd"), 0);
	assert_int_equal(read_passwd(root, got, sizeof(got)), -ENOENT);
	put(root, "etc/shadow", "inside:x:0:0::/:\n");
	assert_int_equal(read_passwd(root, got, sizeof(got)), 0);
	assert_string_equal(got, "inside:x:0:0::/:\n");
	assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);
	assert_int_equal(symlinkat("passwd", root, "etc/passwd"), 0);
	assert_int_equal(read_passwd(root, got, sizeof(got)), -ELOOP);
	assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);

	/* what is no file */
	assert_int_equal(mkdirat(root, "etc/passwd", 0755), 0);
	assert_int_equal(read_passwd(root, got, sizeof(got)), -EINVAL);
	assert_int_equal(unlinkat(root, "etc/passwd", AT_REMOVEDIR), 0);
	assert_int_equal(mkfifoat(root, "etc/passwd", 0666), 0);
	assert_int_equal(read_passwd(root, got, sizeof(got)), -EINVAL);
	assert_int_equal(unlinkat(root, "etc/passwd", 0), 0);

	/* the largest that is read, and one byte more; one with holes is as large */
	put(root, "etc/passwd", "root:x:0:0::/:\n");
	{
		auto_close int fd = openat(root, "etc/passwd", O_WRONLY | O_CLOEXEC);

		assert_int_equal(ftruncate(fd, CONTAINER_FILE_MAX), 0);
		assert_int_equal(read_passwd(root, got, sizeof(got)), 0);
		assert_int_equal(ftruncate(fd, CONTAINER_FILE_MAX + 1), 0);
		assert_int_equal(read_passwd(root, got, sizeof(got)), -EFBIG);
		assert_int_equal(ftruncate(fd, 1 << 30), 0);
		assert_int_equal(read_passwd(root, got, sizeof(got)), -EFBIG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status), cmocka_unit_test(test_read),
		cmocka_unit_test(test_order),  cmocka_unit_test(test_long_chain),
		cmocka_unit_test(test_names),  scratch_test(test_hostile_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
