/* SPDX-License-Identifier: MIT */
/*
 * What several unit tests share: a directory of one's own for each test, files in
 * it, and processes in a hand-made /proc.  So no test needs root or meets the
 * machine's own files.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h> /* needs those above */

/* A test's directory; as the state of a test with scratch_setup(). */
struct scratch {
	int fd;
	int next_fd; /* the lowest that is free, to see what is left open */
	char path[32];
};

static inline int lowest_free_fd(void)
{
	int fd = dup(STDIN_FILENO);

	(void)close(fd);
	return fd;
}

static inline int scratch_setup(void **state)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	assert_non_null(scratch);
	(void)strcpy(scratch->path, "/tmp/subid-unit.XXXXXX");
	assert_non_null(mkdtemp(scratch->path));
	scratch->fd = open(scratch->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(scratch->fd >= 0);
	scratch->next_fd = lowest_free_fd();
	*state = scratch;
	return 0;
}

static inline int scratch_remove(const char *path, const struct stat *st, int type,
				 struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline int scratch_teardown(void **state)
{
	struct scratch *scratch = *state;

	if (lowest_free_fd() != scratch->next_fd)
		fail_msg("a file was left open");
	(void)close(scratch->fd);
	assert_int_equal(nftw(scratch->path, scratch_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(scratch);
	return 0;
}

/* A test that gets a struct scratch. */
#define scratch_test(function)                                                           \
	cmocka_unit_test_setup_teardown(function, scratch_setup, scratch_teardown)

static inline int etc_of(void **state)
{
	const struct scratch *scratch = *state;

	return scratch->fd;
}

static inline void put_bytes(int dir, const char *name, const void *bytes, size_t size)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(close(fd), 0);
}

/* Makes the file, or gives it a new content. */
static inline void put_file(int dir, const char *name, const char *text)
{
	put_bytes(dir, name, text, strlen(text));
}

/* A file's content; the caller frees it.  NULL: there is none. */
static inline char *get_file(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	char *text;

	if (fd < 0) {
		assert_int_equal(errno, ENOENT);
		return NULL;
	}
	assert_int_equal(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(text);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	assert_int_equal(close(fd), 0);
	return text;
}

/* The file holds just this text; NULL: there is no such file. */
#define assert_file(dir, name, expected)                                                 \
	do {                                                                             \
		char *assert_file_text = get_file(dir, name);                            \
		const char *assert_file_expected = (expected);                           \
                                                                                         \
		if (assert_file_expected == NULL)                                        \
			assert_null(assert_file_text);                                   \
		else if (assert_file_text == NULL)                                       \
			fail_msg("no file %s", name);                                    \
		else                                                                     \
			assert_string_equal(assert_file_text, assert_file_expected);     \
		free(assert_file_text);                                                  \
	} while (0)

static inline bool is_there(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline void put_dir(int dir, const char *name)
{
	assert_true(mkdirat(dir, name, 0755) == 0 || errno == EEXIST);
}

/* Opens a new directory beneath dir; the caller closes it. */
static inline int open_new_dir(int dir, const char *name)
{
	int fd;

	put_dir(dir, name);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/*
 * A process in a hand-made /proc.  pid: its name there, "self" for the caller;
 * each field may be NULL for a file that is not there.
 */
struct fake_process {
	const char *pid;
	const char *ns; /* what ns/user leads to, "user:[123]" */
	const char *uid_map, *gid_map;
	const char *status;
	const char *comm;
};

static inline void put_process(int proc, const struct fake_process *process)
{
	const struct {
		const char *name, *text;
	} files[] = {
		{ "uid_map", process->uid_map },
		{ "gid_map", process->gid_map },
		{ "status", process->status },
		{ "comm", process->comm },
	};
	char path[64];

	put_dir(proc, process->pid);
	(void)snprintf(path, sizeof(path), "%s/ns", process->pid);
	put_dir(proc, path);
	(void)snprintf(path, sizeof(path), "%s/ns/user", process->pid);
	if (process->ns != NULL)
		assert_int_equal(symlinkat(process->ns, proc, path), 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", process->pid, files[i].name);
		if (files[i].text != NULL)
			put_file(proc, path, files[i].text);
	}
}

/* The caller itself, in the initial namespace. */
static inline void put_self(int proc)
{
	put_process(proc, &(struct fake_process){
			      .pid = "self",
			      .ns = "user:[4026531837]",
			      .uid_map = "         0          0 4294967295\n",
			      .gid_map = "         0          0 4294967295\n",
			  });
}
