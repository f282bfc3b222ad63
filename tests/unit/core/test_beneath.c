/* SPDX-License-Identifier: MIT */
/*
 * wrap: syscall
 */
#include "libsubid/core/core.h"
#include "libsubid/core/files.h"

#include <sys/syscall.h>

#include "support.h"

/* Is this the kernel before Linux 5.6? */
static bool is_old;

long __real_syscall(long number, int dir, const char *path, struct open_how *how,
		    size_t size);
long __wrap_syscall(long number, int dir, const char *path, struct open_how *how,
		    size_t size);
long __wrap_syscall(long number, int dir, const char *path, struct open_how *how,
		    size_t size)
{
	assert_int_equal(number, SYS_openat2);
	if (!is_old)
		return __real_syscall(number, dir, path, how, size);
	errno = ENOSYS;
	return -1;
}

/* a/b, a file, and links: each from within, but for "out" */
static int put_tree(void **state)
{
	int root = open_new_dir(etc_of(state), "root");

	put_dir(etc_of(state), "outside");
	put_dir(root, "a");
	put_dir(root, "a/b");
	put_file(root, "a/file", "");
	assert_int_equal(symlinkat("a", root, "link"), 0);
	assert_int_equal(symlinkat("/a/b", root, "absolute"), 0);
	assert_int_equal(symlinkat("b", root, "a/last"), 0);
	assert_int_equal(symlinkat("../outside", root, "out"), 0);
	assert_int_equal(symlinkat("nowhere", root, "dangling"), 0);
	return root;
}

/* Is fd, which is closed, the directory called so, and fit to be read? */
static bool is_directory(int root, int fd, const char *name)
{
	struct stat st, wanted;

	assert_int_equal(fstatat(root, name, &wanted, 0), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(fcntl(fd, F_GETFL) & (O_PATH | O_ACCMODE), O_RDONLY);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(close(fd), 0);
	return st.st_dev == wanted.st_dev && st.st_ino == wanted.st_ino;
}

static void assert_opens(const char *path, int root, int fd, int error, const char *name)
{
	const char *kernel = is_old ? "old" : "new";

	if (error != 0 && fd != -error)
		fail_msg("'%s', %s kernel: %d", path, kernel, fd);
	if (error == 0 && (fd < 0 || !is_directory(root, fd, name)))
		fail_msg("'%s', %s kernel: %d, not %s", path, kernel, fd, name);
}

#define NAME_OF_64  "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define NAME_OF_256 NAME_OF_64 NAME_OF_64 NAME_OF_64 NAME_OF_64

/* What is opened below the root; old_error: where the old kernel's answer is another. */
static const struct {
	const char *path, *name;
	int error, old_error;
} below[] = {
	{ "a", "a", 0, 0 },
	{ "a/b", "a/b", 0, 0 },
	{ "/a/b", "a/b", 0, 0 },
	{ "//a///b//", "a/b", 0, 0 },
	{ "./a/./b/.", "a/b", 0, 0 },
	{ "/", ".", 0, 0 },
	{ ".", ".", 0, 0 },
	{ "", NULL, ENOENT, ENOENT },
	{ "nil", NULL, ENOENT, ENOENT },
	{ "a/nil/b", NULL, ENOENT, ENOENT },
	{ "a/file", NULL, ENOTDIR, ENOTDIR },
	{ "a/file/b", NULL, ENOTDIR, ENOTDIR },
	{ NAME_OF_256, NULL, ENAMETOOLONG, ENAMETOOLONG },
	{ "a/" NAME_OF_256 "/b", NULL, ENAMETOOLONG, ENAMETOOLONG },
	/* links lead nowhere but below */
	{ "link", "a", 0, ELOOP },
	{ "link/b", "a/b", 0, ELOOP },
	{ "absolute", "a/b", 0, ELOOP },
	{ "a/last/", "a/b", 0, ELOOP },
	{ "dangling", NULL, ENOENT, ELOOP },
	{ "out", NULL, ENOENT, ELOOP },
	{ "out/.", NULL, ENOENT, ELOOP },
	/* and ".." not above */
	{ "a/..", ".", 0, EXDEV },
	{ "..", ".", 0, EXDEV },
	{ "../outside", NULL, ENOENT, EXDEV },
	{ "a/../../outside", NULL, ENOENT, EXDEV },
};

static void test_open_dir(void **state)
{
	int root = put_tree(state);

	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		is_old = false;
		assert_opens(below[i].path, root, beneath_open_dir(root, below[i].path),
			     below[i].error, below[i].name);
		is_old = true;
		assert_opens(below[i].path, root, beneath_open_dir(root, below[i].path),
			     below[i].old_error, below[i].name);
	}
	assert_int_equal(close(root), 0);
	assert_int_equal(beneath_open_dir(root, "a"), -EBADF);
}

/* A file, with either kernel; the old one follows no link to it, nor opens a link itself.
 */
static void test_reach(void **state)
{
	int root = put_tree(state), fd;

	assert_int_equal(symlinkat("file", root, "a/to_file"), 0);
	for (int kernel = 0; kernel < 2; kernel++) {
		is_old = kernel == 0;
		fd = beneath_reach(root, "a/file", O_RDONLY, RESOLVE_BENEATH);
		assert_true(fd >= 0);
		assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
		assert_int_equal(close(fd), 0);
		assert_int_equal(beneath_reach(root, "a/nil", O_RDONLY, 0), -ENOENT);
	}
	is_old = true;
	assert_int_equal(beneath_reach(root, "a/to_file", O_RDONLY, 0), -ELOOP);
	assert_int_equal(beneath_reach(root, "a/to_file", O_PATH, 0), -ELOOP);
	assert_int_equal(beneath_reach(root, "link/file", O_RDONLY, 0), -ELOOP);
	assert_int_equal(beneath_reach(root, "../outside", O_PATH, 0), -EXDEV);
	assert_int_equal(close(root), 0);
}

/* One part, on the running system: links are followed. */
static void test_enter(void **state)
{
	int root = put_tree(state);

	for (int kernel = 0; kernel < 2; kernel++) {
		is_old = kernel == 0;
		assert_opens("a", root, beneath_enter(root, "a"), 0, "a");
		assert_opens("link", root, beneath_enter(root, "link"), 0, "a");
		assert_opens("out", root, beneath_enter(root, "out"), 0, "../outside");
		assert_opens("nil", root, beneath_enter(root, "nil"), ENOENT, NULL);
		assert_opens("file", root, beneath_enter(root, "a/file"), ENOTDIR, NULL);
	}
	assert_int_equal(close(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_open_dir),
		scratch_test(test_reach),
		scratch_test(test_enter),
	};

	return cmocka_run_group_tests_name("beneath", tests, NULL, NULL);
}
