/* SPDX-License-Identifier: MIT */
/*
 * Files read as a whole, and their lines.
 *
 * wrap: reallocarray realloc malloc read __read_chk
 */
#include "file_faults.h"
#include "libsubid/core/core.h"

#define ARRAY(a)      (sizeof(a) / sizeof((a)[0]))
#define TEXT(literal) (literal), sizeof(literal) - 1

/* A file that is not an ordinary one is refused, and the output is not touched. */
static void test_no_ordinary_file(void **state)
{
	int etc = etc_of(state);
	struct subid_text text = { .size = 77 };

	put_file(etc, "target", "a:5:9\n");
	assert_int_equal(symlinkat("target", etc, "subuid"), 0);
	assert_int_equal(subid_text_read(etc, "subuid", false, &text), -ELOOP);
	assert_int_equal(subid_text_read(etc, "absent", false, &text), -ENOENT);
	assert_int_equal(symlinkat("absent", etc, "dangling"), 0);
	assert_int_equal(subid_text_read(etc, "dangling", true, &text), -ENOLINK);
	assert_int_equal(subid_text_read(etc, "dangling", false, &text), -ELOOP);
	put_dir(etc, "directory");
	assert_int_equal(subid_text_read(etc, "directory", true, &text), -EINVAL);
	assert_int_equal(mkfifoat(etc, "subgid", 0600), 0);
	/* at once */
	assert_int_equal(subid_text_read(etc, "subgid", false, &text), -EINVAL);
	assert_int_equal(text.size, 77);

	assert_int_equal(subid_text_read(etc, "subuid", true, &text), 0);
	assert_int_equal(text.size, 6);
	assert_string_equal(text.bytes, "a:5:9\n");
	subid_text_free(&text);
	assert_null(text.bytes);
	assert_int_equal(text.size, 0);
}

static void test_file_too_large(void **state)
{
	struct subid_text text = { .size = 77 };
	int fd = openat(etc_of(state), "huge", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	if (ftruncate(fd, (off_t)SUBID_FILE_SIZE_MAX + 1) < 0) {
		(void)close(fd);
		skip(); /* no such large files here */
	}
	assert_int_equal(close(fd), 0);
	assert_int_equal(subid_text_read(etc_of(state), "huge", false, &text), -EFBIG);
	assert_int_equal(text.size, 77);
}

/* Bytes that come slowly, with interruptions, or not at all. */
static void test_read(void **state)
{
	static const char bytes[] = "a:5:9\n\0b:7:8\n";
	int etc = etc_of(state);
	struct subid_text text = { .size = 77 };

	put_bytes(etc, "subuid", bytes, sizeof(bytes) - 1);
	reads.by_byte = true;
	reads.interrupted = 3;
	assert_int_equal(subid_text_read(etc, "subuid", false, &text), 0);
	assert_int_equal(reads.interrupted, 0);
	assert_int_equal(text.size, sizeof(bytes) - 1);
	assert_memory_equal(text.bytes, bytes, sizeof(bytes)); /* and a NUL */
	subid_text_free(&text);
	text.size = 77;
	for (unsigned int calls = 1; calls <= sizeof(bytes); calls++) {
		reads.calls_left = calls;
		assert_int_equal(subid_text_read(etc, "subuid", false, &text), -EIO);
		assert_int_equal(text.size, 77);
	}
}

/* A file that is larger than it was said to be, as those of /proc are. */
static void test_read_growing_file(void **state)
{
	int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = -ENOMEM;
	struct subid_text text = { .size = 77 };
	struct stat st;
	unsigned int turn;

	(void)state;
	assert_true(proc >= 0);
	assert_int_equal(fstatat(proc, "status", &st, 0), 0);
	assert_int_equal(st.st_size, 0);
	for (turn = 1; r != 0; turn++) {
		until_failure = turn;
		r = subid_text_read(proc, "status", false, &text);
		until_failure = 0;
		assert_true(r == 0 || r == -ENOMEM);
		assert_true((r == 0) == (text.size != 77));
	}
	assert_true(turn > 9); /* it grew */
	assert_true(text.size > 100);
	assert_memory_equal(text.bytes, "Name:", 5);
	assert_non_null(
	    strstr(text.bytes, "nonvoluntary_ctxt_switches:")); /* its last line */
	assert_int_equal(text.bytes[text.size - 1], '\n');
	assert_int_equal(strlen(text.bytes), text.size);
	subid_text_free(&text);
	(void)close(proc);
}

static void test_lines_of_text(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *lines[4];
	} cases[] = {
		{ TEXT(""), { NULL } },
		{ TEXT("\n"), { "", NULL } },
		{ TEXT("\n\n"), { "", "", NULL } },
		{ TEXT("a"), { "a", NULL } },
		{ TEXT("a\n"), { "a", NULL } },
		{ TEXT("a\nb"), { "a", "b", NULL } },
		{ TEXT("a\n\nb\n"), { "a", "", "b", NULL } },
		{ TEXT("\na"), { "", "a", NULL } },
		{ TEXT("a\r\nb"), { "a\r", "b", NULL } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct subid_text text = { .bytes = strdup(cases[i].text),
					   .size = cases[i].size };
		const char *line = NULL;
		size_t pos = 0, len = 0, n = 0;

		while (subid_text_next(&text, &pos, &line, &len)) {
			const char *want = cases[i].lines[n++];

			if (want == NULL || len != strlen(want) ||
			    memcmp(line, want, len) != 0)
				fail_msg("case %zu, line %zu: \"%.*s\"", i, n, (int)len,
					 line);
		}
		if (cases[i].lines[n] != NULL)
			fail_msg("case %zu: %zu lines", i, n);
		subid_text_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_no_ordinary_file),
		scratch_test(test_file_too_large),
		cmocka_unit_test_setup_teardown(test_read, scratch_setup, reset_faults),
		cmocka_unit_test_setup_teardown(test_read_growing_file, scratch_setup,
						reset_faults),
		cmocka_unit_test(test_lines_of_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
