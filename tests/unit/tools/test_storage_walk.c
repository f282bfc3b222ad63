/* SPDX-License-Identifier: MIT */
/*
 * Ways through a tree of one's own, which needs no privilege: to plan, and to verify.
 */
#include "tools/subid/storage/private.h"

#include "support.h"

#define NEW 4000000000U

/* The caller's own ids become others. */
static void make_map(struct storage_map *ret)
{
	auto_sets struct subid_sets from = { .of = { { .n = 0 } } };
	auto_sets struct subid_sets to = { .of = { { .n = 0 } } };
	const uint32_t own[SUBID_KINDS] = { getuid(), getgid() };
	struct storage_refusal why;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		assert_int_equal(
		    subid_set_insert(&from.of[kind], (struct id_range){ own[kind], 1 }),
		    0);
		assert_int_equal(
		    subid_set_insert(&to.of[kind], (struct id_range){ NEW, 10 }), 0);
	}
	assert_int_equal(storage_map_make(&from, &to, ret, &why), 0);
}

static void touch(int dir, const char *name)
{
	int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	(void)close(fd);
}

static int make_dir(int dir, const char *name)
{
	int fd;

	assert_int_equal(mkdirat(dir, name, 0755), 0);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void plan(int tree, struct storage_report *ret)
{
	auto_storage_map struct storage_map map = { .of = { { .n = 0 } } };
	const struct storage_job job = { .tree = tree, .map = &map };

	make_map(&map);
	assert_int_equal(storage_plan(&job, ret), 0);
}

static void verify(int tree, struct storage_report *ret)
{
	auto_storage_map struct storage_map map = { .of = { { .n = 0 } } };
	const struct storage_job job = { .tree = tree, .map = &map };

	make_map(&map);
	assert_int_equal(storage_verify(&job, ret), 0);
}

static bool found(const struct storage_report *report, enum storage_what what,
		  const char *path)
{
	for (size_t i = 0; i < report->n; i++)
		if (report->list[i].what == what &&
		    strcmp(report->list[i].path, path) == 0)
			return true;
	return false;
}

static void test_counts(void **state)
{
	struct scratch *scratch = *state;
	auto_storage_report struct storage_report report = { .n = 0 };
	auto_storage_report struct storage_report left = { .n = 0 };
	auto_close int inner = make_dir(scratch->fd, "inner");

	touch(scratch->fd, "a");
	touch(inner, "\xff\n");
	assert_int_equal(mkfifoat(inner, "fifo", 0600), 0);
	assert_int_equal(symlinkat("/etc", inner, "link"), 0);
	assert_int_equal(linkat(scratch->fd, "a", inner, "b", 0), 0);
	plan(scratch->fd, &report);
	/* the tree, inner, a (twice), and three more */
	assert_int_equal(report.entries, 6);
	assert_int_equal(report.shifted, 6);
	assert_int_equal(report.already, 0);
	assert_int_equal(report.n, 0);
	assert_false(storage_report_refuses(&report, 0));
	verify(scratch->fd, &left);
	assert_int_equal(left.found[STORAGE_UID], 6);
	assert_int_equal(left.found[STORAGE_GID], 6);
	assert_int_equal(left.n, 12);
	assert_true(found(&left, STORAGE_UID, "."));
	assert_true(found(&left, STORAGE_GID, "inner/\xff\n"));
	assert_true(found(&left, STORAGE_UID, "inner/link"));
}

static void test_names_elsewhere(void **state)
{
	struct scratch *scratch = *state;
	auto_storage_report struct storage_report report = { .n = 0 };
	auto_close int tree = make_dir(scratch->fd, "tree");

	touch(tree, "a");
	touch(tree, "b");
	assert_int_equal(linkat(tree, "a", scratch->fd, "outside", 0), 0);
	assert_int_equal(linkat(tree, "b", tree, "c", 0), 0);
	plan(tree, &report);
	assert_int_equal(report.found[STORAGE_LINKED], 1);
	assert_true(found(&report, STORAGE_LINKED, "a"));
	assert_true(storage_report_refuses(&report, 0));
	assert_true(storage_report_refuses(&report, STORAGE_LEAVE));
	assert_false(storage_report_refuses(&report, STORAGE_LINKED_TOO));
}

/* Many files with two names each: more than a table has room for at first. */
static void test_many_links(void **state)
{
	struct scratch *scratch = *state;
	auto_storage_report struct storage_report report = { .n = 0 };

	for (int i = 0; i < 500; i++) {
		char name[16], other[16];

		(void)snprintf(name, sizeof(name), "a%d", i);
		(void)snprintf(other, sizeof(other), "b%d", i);
		touch(scratch->fd, name);
		assert_int_equal(linkat(scratch->fd, name, scratch->fd, other, 0), 0);
	}
	plan(scratch->fd, &report);
	assert_int_equal(report.entries, 501);
	assert_int_equal(report.found[STORAGE_LINKED], 0);
}

/* So many directories one in the other that the upper ones are closed, and a path that
 * is longer than what is shown. */
static void test_deep(void **state)
{
	struct scratch *scratch = *state;
	auto_storage_report struct storage_report report = { .n = 0 };
	char name[101];
	int at = dup(scratch->fd);
	const struct storage_finding *last;

	(void)memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	for (int i = 0; i < 150; i++) {
		int below = make_dir(at, name);

		touch(at, "z");
		(void)close(at);
		at = below;
	}
	(void)close(at);
	verify(scratch->fd, &report);
	assert_int_equal(report.entries, 301);
	assert_int_equal(report.found[STORAGE_UID], 301);
	last = &report.list[report.n - 1];
	assert_int_equal(strncmp(last->path, ".../xxx", 7), 0);
	assert_true(strlen(last->path) > 4000 && strlen(last->path) < 4300);
	/* removed here, since nftw(3) takes no path that long */
	at = dup(scratch->fd);
	for (int i = 0; i < 150; i++) {
		int below = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		assert_int_equal(unlinkat(at, "z", 0), 0);
		(void)close(at);
		at = below;
	}
	for (int i = 0; i < 150; i++) {
		int above = openat(at, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		assert_int_equal(unlinkat(above, name, AT_REMOVEDIR), 0);
		(void)close(at);
		at = above;
	}
	(void)close(at);
}

/* All are counted, but not all kept. */
static void test_many_findings(void **state)
{
	struct scratch *scratch = *state;
	auto_storage_report struct storage_report report = { .n = 0 };

	for (int i = 0; i < 600; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "%d", i);
		touch(scratch->fd, name);
	}
	verify(scratch->fd, &report);
	assert_int_equal(report.found[STORAGE_UID], 601);
	assert_int_equal(report.found[STORAGE_GID], 601);
	assert_int_equal(report.n, STORAGE_FINDINGS_MAX);
}

static void test_open(void **state)
{
	struct scratch *scratch = *state;
	char path[64];
	int fd = make_dir(scratch->fd, "tree");

	(void)close(fd);
	touch(scratch->fd, "file");
	assert_int_equal(symlinkat("tree", scratch->fd, "link"), 0);
	(void)snprintf(path, sizeof(path), "%s/tree", scratch->path);
	fd = storage_open(path);
	assert_true(fd >= 0);
	(void)close(fd);
	(void)snprintf(path, sizeof(path), "%s/link", scratch->path);
	assert_int_equal(storage_open(path), -ELOOP);
	(void)snprintf(path, sizeof(path), "%s/link/", scratch->path);
	assert_int_equal(storage_open(path), -ELOOP);
	(void)snprintf(path, sizeof(path), "%s/file", scratch->path);
	assert_int_equal(storage_open(path), -ENOTDIR);
	(void)snprintf(path, sizeof(path), "%s/none", scratch->path);
	assert_int_equal(storage_open(path), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_counts),	  scratch_test(test_names_elsewhere),
		scratch_test(test_many_links),	  scratch_test(test_deep),
		scratch_test(test_many_findings), scratch_test(test_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
