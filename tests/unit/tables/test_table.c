/* SPDX-License-Identifier: MIT */
/*
 * Tables as they are loaded, and their lines.
 *
 * wrap: reallocarray realloc malloc read __read_chk
 */
#include <sys/wait.h>

#include "file_faults.h"
#include "table_support.h"

static void test_file_that_is_not_there(void **state)
{
	auto_table struct subid_table table = { .exists = true };
	auto_set struct subid_set taken = { .ranges = NULL };
	struct id_range all = { 0, UINT32_MAX };
	const char *text;
	size_t len;

	assert_int_equal(subid_table_load(etc_of(state), SUBID_GID, &table), 0);
	assert_int_equal(table.kind, SUBID_GID);
	assert_false(table.exists);
	assert_false(table.changed);
	assert_int_equal(table.n, 0);
	assert_string_equal(print(&table), "");
	assert_int_equal(subid_table_first(&table, "a", 1), 0);
	assert_int_equal(subid_table_taken(&table, &taken), 0);
	assert_int_equal(taken.n, 0);
	assert_int_equal(subid_table_who_has(&table, all, &text, &len), 0);

	/* and it can be begun */
	assert_int_equal(subid_table_add(&table, "a", 1, (struct id_range){ 5, 9 }), 0);
	assert_true(table.changed);
	assert_string_equal(print(&table), "a:5:9\n");
	assert_int_equal(subid_table_index(&table), 0);
	assert_int_equal(subid_table_first(&table, "a", 1), 0);
}

static void test_each_kind_has_its_file(void **state)
{
	auto_table struct subid_table uids = { .exists = false }, gids = uids;

	put_file(etc_of(state), "subuid", "a:5:9\n");
	put_file(etc_of(state), "subgid", "b:6:9\nc:7:9\n");
	assert_int_equal(subid_table_load(etc_of(state), SUBID_UID, &uids), 0);
	assert_int_equal(subid_table_load(etc_of(state), SUBID_GID, &gids), 0);
	assert_int_equal(uids.n, 1);
	assert_int_equal(gids.n, 2);
	assert_int_equal(uids.kind, SUBID_UID);
	assert_int_equal(gids.kind, SUBID_GID);
	assert_true(uids.exists);
}

/* No link and no pipe is a table, and the output is not touched. */
static void test_no_ordinary_table(void **state)
{
	struct subid_table table = { .n = 77 };
	int etc = etc_of(state);

	put_file(etc, "target", "a:5:9\n");
	assert_int_equal(symlinkat("target", etc, "subuid"), 0);
	assert_int_equal(subid_table_load(etc, SUBID_UID, &table), -ELOOP);
	assert_int_equal(mkfifoat(etc, "subgid", 0600), 0);
	assert_int_equal(subid_table_load(etc, SUBID_GID, &table), -EINVAL); /* at once */
	assert_int_equal(table.n, 77);
}

/* Loaded beside another: the same as loaded alone, whatever the other has. */
static void test_load_like(void **state)
{
	static const char *const texts[] = {
		"",
		"a:5:9\n",
		"a:5:9\nb:7:8\n",
		"a:5:9\nb:7:9\n",
		"a:5:9\n# b:0:0\nb:07:8",
		"a:5:9",
	};
	int etc = etc_of(state);

	for (size_t i = 0; i < 2 * ARRAY(texts) * ARRAY(texts); i++) {
		auto_table struct subid_table other = { .exists = false };
		auto_table struct subid_table alone = other, like = other;
		auto_set struct subid_set want = { .ranges = NULL }, got = want;
		const char *text = texts[i / 2 % ARRAY(texts)];
		bool changes = i % 2 == 1;

		load(etc, texts[i / 2 / ARRAY(texts)], &other);
		put_file(etc, "subgid", text);
		if (changes && other.n > 0)
			assert_int_equal(
			    subid_table_cut(&other, 0, other.entries[0].range), 0);
		assert_int_equal(subid_table_load(etc, SUBID_GID, &alone), 0);
		assert_int_equal(subid_table_load_like(etc, &other, SUBID_GID, &like), 0);
		assert_true(like.exists);
		assert_false(like.changed);
		assert_int_equal(like.kind, SUBID_GID);
		assert_int_equal(like.n, alone.n);
		for (size_t k = 0; k < like.n; k++)
			assert_memory_equal(&like.entries[k], &alone.entries[k],
					    sizeof(like.entries[k]));
		assert_int_equal(like.n_malformed, alone.n_malformed);
		for (size_t k = 0; k < like.n_malformed; k++)
			assert_int_equal(like.malformed_lines[k],
					 alone.malformed_lines[k]);
		assert_int_equal(subid_table_taken(&alone, &want), 0);
		assert_int_equal(subid_table_taken(&like, &got), 0);
		assert_int_equal(got.n, want.n);
		assert_string_equal(print(&like), text);
		/* each has its own entries and lines */
		cut_all(&like, "a", (struct id_range){ 0, 1000 });
		assert_int_equal(
		    subid_table_add(&like, "c", 1, (struct id_range){ 1, 1 }), 0);
		subid_table_free(&other);
		assert_null(strstr(print(&like), "a:5:9"));
		assert_non_null(strstr(print(&like), "c:1:1\n"));
	}
}

/* The other one's file is not there, or this one's. */
static void test_load_like_absent(void **state)
{
	auto_table struct subid_table other = { .exists = false }, like = other;

	assert_int_equal(subid_table_load(etc_of(state), SUBID_UID, &other), 0);
	assert_int_equal(subid_table_load_like(etc_of(state), &other, SUBID_GID, &like),
			 0);
	assert_false(like.exists);
	subid_table_free(&like);
	put_file(etc_of(state), "subgid", "a:5:9\n");
	assert_int_equal(subid_table_load_like(etc_of(state), &other, SUBID_GID, &like),
			 0);
	assert_true(like.exists);
	assert_int_equal(like.n, 1);
	assert_int_equal(unlinkat(etc_of(state), "subgid", 0), 0);
	assert_int_equal(symlinkat("subuid", etc_of(state), "subgid"), 0);
	subid_table_free(&like);
	assert_int_equal(subid_table_load_like(etc_of(state), &other, SUBID_GID, &like),
			 -ELOOP);
}

static void test_line_numbers(void **state)
{
	static const size_t want[] = { 2, 3, 5, 8 };
	auto_table struct subid_table table = { .exists = false };

	load(etc_of(state), "# 1\na:2:1\na:3:1\n# 4\nb:5:1\n\nc:07:1\nd:8:1", &table);
	assert_int_equal(table.n, ARRAY(want));
	for (size_t i = 0; i < table.n; i++)
		assert_int_equal(subid_table_line(&table, &table.entries[i]), want[i]);
}

/* Where the lines are that are no entries, and that entries which come later, or go,
 * change no number. */
static void test_odd_lines(void **state)
{
	static const size_t want[] = { 1, 4, 6, 7 };
	static const char *const heads[] = { "# 1", "# 4", "", "c:07:1" };
	auto_table struct subid_table table = { .exists = false };

	load(etc_of(state), "# 1\na:2:1\na:3:1\n# 4\nb:5:1\n\nc:07:1\nd:8:1", &table);
	assert_int_equal(subid_table_add(&table, "e", 1, (struct id_range){ 9, 1 }), 0);
	cut_all(&table, "a", (struct id_range){ 2, 1 });
	assert_int_equal(table.n_malformed, ARRAY(want));
	for (size_t i = 0; i < table.n_malformed; i++) {
		size_t pos = table.malformed_lines[i], len;
		const char *line;

		assert_int_equal(subid_table_malformed_line(&table, i), want[i]);
		assert_true(subid_text_next(&table.text, &pos, &line, &len));
		assert_int_equal(len, strlen(heads[i]));
		assert_memory_equal(line, heads[i], len);
	}
	assert_int_equal(subid_table_line(&table, &table.entries[3]), 8);
}

/* As loaded from a file of these bytes; the text changes hands, also on failure. */
static void test_from_text(void **state)
{
	static const char bytes[] = "a:5:9\nb:07:8\nc:20:1";
	auto_table struct subid_table loaded = { .exists = false };
	int r = -ENOMEM;

	load(etc_of(state), bytes, &loaded);
	for (unsigned int turn = 1; r != 0; turn++) {
		auto_table struct subid_table table = { .exists = false };
		auto_text struct subid_text text = { .bytes = strdup(bytes),
						     .size = sizeof(bytes) - 1 };

		until_failure = turn;
		r = subid_table_from_text(SUBID_GID, &text, &table);
		until_failure = 0;
		assert_null(text.bytes);
		assert_true(r == 0 || r == -ENOMEM);
		assert_int_equal(table.n, r == 0 ? loaded.n : 0);
		if (r != 0)
			continue;
		assert_true(turn > 1);
		assert_int_equal(table.kind, SUBID_GID);
		assert_true(table.exists);
		assert_string_equal(print(&table), bytes);
		assert_int_equal(table.n_malformed, 1);
		assert_int_equal(subid_set_size(&table.malformed),
				 subid_set_size(&loaded.malformed));
	}
}

/* The bytes of the other file, without loading it. */
static void test_is_alike(void **state)
{
	static const struct {
		const char *uid, *gid;
		bool alike;
	} cases[] = {
		{ "", "", true },
		{ "a:1:2\n", "a:1:2\n", true },
		{ "a:1:2\n", "a:1:3\n", false },
		{ "a:1:2\n", "a:1:2", false },
		{ "a:1:2\n", "", false },
	};
	auto_table struct subid_table table = { .exists = false };
	int etc = etc_of(state);
	bool alike = true;

	for (size_t i = 0; i < ARRAY(cases); i++) {
		load(etc, cases[i].uid, &table);
		put_file(etc, "subgid", cases[i].gid);
		assert_int_equal(subid_table_is_alike(etc, SUBID_GID, &table, &alike), 0);
		assert_int_equal(alike, cases[i].alike);
		subid_table_free(&table);
	}
	load(etc, "a:1:2\n", &table);
	put_file(etc, "subgid", "a:1:2\n");
	reads.by_byte = true;
	assert_int_equal(subid_table_is_alike(etc, SUBID_GID, &table, &alike), 0);
	assert_true(alike);
	memset(&reads, 0, sizeof(reads));
	reads.calls_left = 1;
	assert_int_equal(subid_table_is_alike(etc, SUBID_GID, &table, &alike), -EIO);
	memset(&reads, 0, sizeof(reads));
	until_failure = 1;
	assert_int_equal(subid_table_is_alike(etc, SUBID_GID, &table, &alike), -ENOMEM);
	until_failure = 0;
	assert_int_equal(unlinkat(etc, "subgid", 0), 0);
	assert_int_equal(subid_table_is_alike(etc, SUBID_GID, &table, &alike), -ENOENT);
	assert_int_equal(symlinkat("subuid", etc, "subgid"), 0);
	assert_int_equal(subid_table_is_alike(etc, SUBID_GID, &table, &alike), -ELOOP);
}

/* Every allocation made to fail in turn: -ENOMEM, and what was there stays. */
static void test_load_no_memory(void **state)
{
	static const char text[] = "a:100:10\nb:0x9:1\nc:5:9\nd:0:9:\n";
	int etc = etc_of(state), r = -ENOMEM;
	unsigned int turn;

	put_file(etc, "subuid", text);
	for (turn = 1; r != 0; turn++) {
		struct subid_table table = { .n = 77 };

		until_failure = turn;
		r = subid_table_load(etc, SUBID_UID, &table);
		until_failure = 0;
		if (r == 0) {
			subid_table_free(&table);
			continue;
		}
		assert_int_equal(r, -ENOMEM);
		assert_int_equal(table.n, 77);
	}
	assert_true(turn > 3);

	put_file(etc, "subgid", text);
	for (turn = 1, r = -ENOMEM; r != 0; turn++) {
		auto_table struct subid_table table = { .exists = false }, like = table;

		load(etc, text, &table);
		until_failure = turn;
		r = subid_table_load_like(etc, &table, SUBID_GID, &like);
		until_failure = 0;
		assert_true(r == 0 || r == -ENOMEM);
		assert_int_equal(like.n, r == 0 ? table.n : 0);
	}
	assert_true(turn > 3);
}

/* Under a sanitizer memory is not what it is elsewhere. */
#if defined(__SANITIZE_ADDRESS__)
#define LIMITS_MEMORY false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define LIMITS_MEMORY false
#endif
#endif
#ifndef LIMITS_MEMORY
#define LIMITS_MEMORY true
#endif

#define MILLION 1000000

/* Of this process now, in kilobytes, as proc(5) calls it. */
static size_t memory(const char *what)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	size_t kilobytes = 0;

	assert_non_null(status);
	while (fgets(line, sizeof(line), status) != NULL)
		if (strncmp(line, what, strlen(what)) == 0)
			kilobytes = strtoul(line + strlen(what), NULL, 10);
	(void)fclose(status);
	assert_true(kilobytes > 0);
	return kilobytes;
}

struct loaded {
	int answer;
	size_t n;
	size_t kilobytes; /* that it took more, at the worst moment */
};

/* Loads in a child, which has had no larger moment before. */
static struct loaded load_in_child(int etc)
{
	struct loaded loaded = { .answer = -ECHILD };
	int status, pipes[2];
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct subid_table table = { .exists = false };
		size_t before = memory("VmRSS:");

		loaded.answer = subid_table_load(etc, SUBID_UID, &table);
		if (loaded.answer == 0)
			loaded.answer = subid_table_index(&table);
		loaded.n = table.n;
		loaded.kilobytes = memory("VmHWM:") - before;
		_exit(write(pipes[1], &loaded, sizeof(loaded)) != sizeof(loaded));
	}
	(void)close(pipes[1]);
	assert_int_equal(read(pipes[0], &loaded, sizeof(loaded)), sizeof(loaded));
	(void)close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return loaded;
}

/* A line is OWNERi:START:TAIL. */
struct million_case {
	const char *owner, *start, *tail;
	size_t entries;
};

static void put_million_lines(int etc, const struct million_case *c)
{
	int fd = openat(etc, "subuid", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	FILE *file = fdopen(fd, "w");

	assert_non_null(file);
	for (unsigned int i = 0; i < MILLION; i++)
		assert_true(fprintf(file, "%s%u:%s%u:%s\n", c->owner, i, c->start,
				    100000 + i * 4000, c->tail) > 0);
	assert_int_equal(fclose(file), 0);
}

/* A million lines, entries or not, take at most 64 MB, at the worst moment too. */
static void test_memory_of_a_million_lines(void **state)
{
	static const struct million_case cases[] = {
		{ "user", "", "4000", MILLION },
		{ "user", "0", "7", 0 }, /* octal to some */
		{ "#user", "", "1:comment", 0 },
	};

	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct loaded loaded;

		put_million_lines(etc_of(state), &cases[i]);
		loaded = load_in_child(etc_of(state));
		if (loaded.answer != 0 || loaded.n != cases[i].entries)
			fail_msg("case %zu: answer %d, %zu entries", i, loaded.answer,
				 loaded.n);
		/* the file alone has 20 MB: the measure is one */
		if (LIMITS_MEMORY &&
		    (loaded.kilobytes > 64 << 10 || loaded.kilobytes < 20 << 10))
			fail_msg("case %zu: %zu kB", i, loaded.kilobytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_file_that_is_not_there),
		scratch_test(test_each_kind_has_its_file),
		scratch_test(test_no_ordinary_table),
		scratch_test(test_load_like),
		scratch_test(test_load_like_absent),
		scratch_test(test_line_numbers),
		scratch_test(test_odd_lines),
		scratch_test(test_from_text),
		scratch_test(test_is_alike),
		scratch_test(test_load_no_memory),
		scratch_test(test_memory_of_a_million_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
