/* SPDX-License-Identifier: MIT */
/*
 * wrap: reallocarray realloc malloc read __read_chk
 */
#include "libsubid/table.h"

#include <sys/mman.h>
#include <sys/wait.h>

#include "model.h"

#define LAST	      4294967294U
#define ARRAY(a)      (sizeof(a) / sizeof((a)[0]))
#define TEXT(literal) (literal), sizeof(literal) - 1
#define TEN	      "aaaaaaaaaa"
#define LONG	      TEN TEN TEN TEN TEN TEN "aaaaa" /* 65 bytes */

/* Allocations left until one fails; 0: none does. */
static unsigned int until_failure;

static bool is_to_fail(void)
{
	return until_failure > 0 && --until_failure == 0;
}

void *__wrap_reallocarray(void *pointer, size_t n, size_t size);
void *__real_reallocarray(void *pointer, size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);

void *__wrap_reallocarray(void *pointer, size_t n, size_t size)
{
	return is_to_fail() ? NULL : __real_reallocarray(pointer, n, size);
}

void *__wrap_malloc(size_t size)
{
	return is_to_fail() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *pointer, size_t size);
void *__real_realloc(void *pointer, size_t size);

void *__wrap_realloc(void *pointer, size_t size)
{
	return is_to_fail() ? NULL : __real_realloc(pointer, size);
}

/* How read(2) goes from now on. */
static struct {
	bool by_byte;		  /* one byte at a time */
	unsigned int interrupted; /* so many calls fail with EINTR */
	unsigned int calls_left;  /* until it fails with EIO; 0: never */
} reads;

ssize_t __wrap_read(int fd, void *buf, size_t size);
ssize_t __real_read(int fd, void *buf, size_t size);
ssize_t __wrap___read_chk(int fd, void *buf, size_t size, size_t room);

ssize_t __wrap_read(int fd, void *buf, size_t size)
{
	if (reads.interrupted > 0) {
		reads.interrupted--;
		errno = EINTR;
		return -1;
	}
	if (reads.calls_left > 0 && --reads.calls_left == 0) {
		errno = EIO;
		return -1;
	}
	return __real_read(fd, buf, reads.by_byte && size > 0 ? 1 : size);
}

/* What the compiler makes of read() where it knows the buffer. */
ssize_t __wrap___read_chk(int fd, void *buf, size_t size, size_t room)
{
	assert_true(size <= room);
	return __wrap_read(fd, buf, size);
}

static int reset_faults(void **state)
{
	memset(&reads, 0, sizeof(reads));
	until_failure = 0;
	return scratch_teardown(state);
}

static void load(int etc, const char *text, struct subid_table *ret)
{
	put_file(etc, "subuid", text);
	assert_int_equal(subid_table_load(etc, SUBID_UID, ret), 0);
}

/* Where a table is printed to. */
struct paper {
	char text[8192];
	size_t len;
	size_t calls_left; /* until it is full; 0: never */
};

static int write_on(void *data, const void *bytes, size_t size)
{
	struct paper *paper = data;

	if (paper->calls_left > 0 && --paper->calls_left == 0)
		return -ENOSPC;
	assert_true(size > 0);
	assert_true(paper->len + size < sizeof(paper->text));
	memcpy(paper->text + paper->len, bytes, size);
	paper->len += size;
	paper->text[paper->len] = '\0';
	return 0;
}

static const char *print(const struct subid_table *table)
{
	static struct paper paper;

	paper = (struct paper){ .len = 0 };
	assert_int_equal(subid_table_print(table, write_on, &paper), 0);
	return paper.text;
}

/* A set's ranges, "start:count start:count". */
static const char *show(const struct subid_set *set)
{
	static char text[1024];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < set->n && at < sizeof(text) - 32; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u:%u",
				       i > 0 ? " " : "", set->ranges[i].start,
				       set->ranges[i].count);
	return text;
}

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

/* A file that is not an ordinary one is refused, and the output is not touched. */
static void test_no_ordinary_file(void **state)
{
	int etc = etc_of(state);
	struct subid_table table = { .n = 77 };
	struct subid_text text = { .size = 77 };

	put_file(etc, "target", "a:5:9\n");
	assert_int_equal(symlinkat("target", etc, "subuid"), 0);
	assert_int_equal(subid_table_load(etc, SUBID_UID, &table), -ELOOP);
	assert_int_equal(subid_text_read(etc, "subuid", false, &text), -ELOOP);
	assert_int_equal(subid_text_read(etc, "absent", false, &text), -ENOENT);
	assert_int_equal(symlinkat("absent", etc, "dangling"), 0);
	assert_int_equal(subid_text_read(etc, "dangling", true, &text), -ENOLINK);
	assert_int_equal(subid_text_read(etc, "dangling", false, &text), -ELOOP);
	put_dir(etc, "directory");
	assert_int_equal(subid_text_read(etc, "directory", true, &text), -EINVAL);
	assert_int_equal(mkfifoat(etc, "subgid", 0600), 0);
	assert_int_equal(subid_table_load(etc, SUBID_GID, &table), -EINVAL); /* at once */
	assert_int_equal(table.n, 77);
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

/* Comments, odd lines and all: what is not changed is printed as it was. */
static const char *const untouched[] = {
	"",
	"\n",
	"\n\n\n",
	"a:5:9",
	"a:5:9\n",
	"\na:5:9\n\n",
	"# comment\na:5:9\n# end",
	"a:05:9\r\nb:1:2:3\n :::\nc:5:9 \n",
	"#x:1:2\n!released:7:7\n!reserved:8:8\n",
	"a:5:9\na:5:9\na:5:9\n",
};

static void test_print_unchanged(void **state)
{
	for (size_t i = 0; i < ARRAY(untouched); i++) {
		auto_table struct subid_table table = { .exists = false };

		load(etc_of(state), untouched[i], &table);
		if (table.changed || strcmp(print(&table), untouched[i]) != 0)
			fail_msg("case %zu: \"%s\"", i, print(&table));
	}
}

/* NUL bytes go through as well. */
static void test_print_zero_bytes(void **state)
{
	static const char text[] = "a\0b:5:9\n\0\na:5:9\0x\nb:7:7\n\0";
	auto_table struct subid_table table = { .exists = false };
	struct paper paper = { .len = 0 };

	put_bytes(etc_of(state), "subuid", text, sizeof(text) - 1);
	assert_int_equal(subid_table_load(etc_of(state), SUBID_UID, &table), 0);
	assert_int_equal(table.n, 1);
	assert_string_equal(show(&table.odd), "5:9");
	assert_int_equal(subid_table_cut(&table, 0, (struct id_range){ 8, 1 }), 0);
	assert_int_equal(subid_table_print(&table, write_on, &paper), 0);
	assert_int_equal(paper.len, sizeof(text) - 1 + 7); /* a newline, b:9:5 and one */
	assert_memory_equal(paper.text, "a\0b:5:9\n\0\na:5:9\0x\nb:7:1\n\0\nb:9:5\n",
			    paper.len);
}

/*
 * Cuts and additions, and the file's text after them.  cut: out of every entry
 * of owner; add: for the same one.
 */
struct edit_case {
	const char *before;
	const char *owner;
	struct id_range cut;
	struct id_range add;
	const char *after;
	const char *taken;
};

static const struct edit_case edits[] = {
	/* at the end of the file */
	{ "", "a", { 0, 0 }, { 5, 9 }, "a:5:9\n", "5:9" },
	{ "b:50:9\n", "a", { 0, 0 }, { 5, 9 }, "b:50:9\na:5:9\n", "5:9 50:9" },
	{ "b:50:9", "a", { 0, 0 }, { 5, 9 }, "b:50:9\na:5:9\n", "5:9 50:9" },
	{ "# x", "a", { 0, 0 }, { 5, 9 }, "# x\na:5:9\n", "5:9" },
	{ "\n", "a", { 0, 0 }, { 5, 9 }, "\na:5:9\n", "5:9" },
	{ "b:0:0", "a", { 0, 0 }, { 5, 9 }, "b:0:0\na:5:9\n", "0:4294967295" },
	{ "b:5:1\n",
	  "a",
	  { 0, 0 },
	  { LAST, 1 },
	  "b:5:1\na:4294967294:1\n",
	  "5:1 4294967294:1" },
	/* the whole line */
	{ "a:100:10\n", "a", { 100, 10 }, { 0, 0 }, "", "" },
	{ "a:100:10", "a", { 100, 10 }, { 0, 0 }, "", "" },
	{ "a:100:10\n", "a", { 0, UINT32_MAX }, { 0, 0 }, "", "" },
	{ "b:5:9\na:100:10\n# x\n", "a", { 90, 30 }, { 0, 0 }, "b:5:9\n# x\n", "5:9" },
	{ "b:5:9\na:100:10", "a", { 100, 10 }, { 0, 0 }, "b:5:9\n", "5:9" },
	{ "a:100:10\nb:5:9", "a", { 100, 10 }, { 0, 0 }, "b:5:9", "5:9" },
	{ "\n\na:100:10\n\n\n", "a", { 100, 10 }, { 0, 0 }, "\n\n\n\n", "" },
	{ "a:100:10\na:100:10\n", "a", { 100, 10 }, { 0, 0 }, "", "" },
	/* its start (28 and 32 of shadow's tests/subids) */
	{ "foo:100000:10000\n",
	  "foo",
	  { 100000, 6000 },
	  { 0, 0 },
	  "foo:106000:4000\n",
	  "106000:4000" },
	{ "foo:100000:10000\n",
	  "foo",
	  { 100000, 9999 },
	  { 0, 0 },
	  "foo:109999:1\n",
	  "109999:1" },
	{ "foo:100000:10000\n",
	  "foo",
	  { 5000, 95001 },
	  { 0, 0 },
	  "foo:100001:9999\n",
	  "100001:9999" },
	/* its middle (29): the lower part stays, the upper one goes to the end */
	{ "foo:100000:10000\nfoo:200000:10000\n",
	  "foo",
	  { 205000, 2001 },
	  { 0, 0 },
	  "foo:100000:10000\nfoo:200000:5000\nfoo:207001:2999\n",
	  "100000:10000 200000:5000 207001:2999" },
	{ "foo:100000:10000\n",
	  "foo",
	  { 100001, 5999 },
	  { 0, 0 },
	  "foo:100000:1\nfoo:106000:4000\n",
	  "100000:1 106000:4000" },
	{ "foo:100000:10000\n",
	  "foo",
	  { 105000, 4999 },
	  { 0, 0 },
	  "foo:100000:5000\nfoo:109999:1\n",
	  "100000:5000 109999:1" },
	{ "a:100:10", "a", { 105, 1 }, { 0, 0 }, "a:100:5\na:106:4\n", "100:5 106:4" },
	{ "a:100:10\nb:5:9",
	  "a",
	  { 105, 1 },
	  { 0, 0 },
	  "a:100:5\nb:5:9\na:106:4\n",
	  "5:9 100:5 106:4" },
	{ "a:100:10\na:200:10\n# x",
	  "a",
	  { 105, 100 },
	  { 0, 0 },
	  "a:100:5\na:205:5\n# x",
	  "100:5 205:5" },
	/* its end (30, 33) */
	{ "foo:100000:10000\n",
	  "foo",
	  { 100001, 9999 },
	  { 0, 0 },
	  "foo:100000:1\n",
	  "100000:1" },
	{ "foo:100000:10000",
	  "foo",
	  { 109999, 1 },
	  { 0, 0 },
	  "foo:100000:9999\n",
	  "100000:9999" },
	{ "foo:100000:10000\n",
	  "foo",
	  { 105000, 15001 },
	  { 0, 0 },
	  "foo:100000:5000\n",
	  "100000:5000" },
	/* over two lines (34) */
	{ "foo:100000:10000\nfoo:200000:10000\n",
	  "foo",
	  { 109999, 100002 },
	  { 0, 0 },
	  "foo:100000:9999\n",
	  "100000:9999" },
	/* beside it (31), of another owner, of a line that is no entry */
	{ "a:100:10\n", "a", { 110, 10 }, { 0, 0 }, "a:100:10\n", "100:10" },
	{ "a:100:10\n", "a", { 90, 10 }, { 0, 0 }, "a:100:10\n", "100:10" },
	{ "a:100:10\n", "a", { 105, 0 }, { 0, 0 }, "a:100:10\n", "100:10" },
	{ "b:100:10\n", "a", { 100, 10 }, { 0, 0 }, "b:100:10\n", "100:10" },
	{ "ab:100:10\na:200:5\n",
	  "a",
	  { 100, 10 },
	  { 0, 0 },
	  "ab:100:10\na:200:5\n",
	  "100:10 200:5" },
	{ "a:0100:10\n", "a", { 64, 100 }, { 0, 0 }, "a:0100:10\n", "64:10 100:10" },
	{ "#a:100:10\n", "a", { 100, 10 }, { 0, 0 }, "#a:100:10\n", "100:10" },
	{ "a:100:10 \n", "a", { 100, 10 }, { 0, 0 }, "a:100:10 \n", "100:10" },
	/* both, with odd lines around */
	{ "# 1\na:100:10\n\n# 2\na:0x9:1\nb:5:2",
	  "a",
	  { 105, 1 },
	  { 300, 1 },
	  "# 1\na:100:5\n\n# 2\na:0x9:1\nb:5:2\na:106:4\na:300:1\n",
	  "0:1 5:2 9:1 100:5 106:4 300:1" },
	{ "a:100:10\n# x", "a", { 100, 10 }, { 100, 10 }, "# x\na:100:10\n", "100:10" },
	{ "a:100:10", "a", { 100, 10 }, { 100, 10 }, "a:100:10\n", "100:10" },
	/* the last ids */
	{ "a:1:4294967294\n",
	  "a",
	  { 2, 4294967292U },
	  { 0, 0 },
	  "a:1:1\na:4294967294:1\n",
	  "1:1 4294967294:1" },
};

static void cut_all(struct subid_table *table, const char *owner, struct id_range cut)
{
	size_t len = strlen(owner);

	for (size_t i = subid_table_first(table, owner, len); i < table->n;
	     i = subid_table_after(table, i))
		assert_int_equal(subid_table_cut(table, i, cut), 0);
}

/* With an index the lines of an owner may come in another order, no more. */
static void test_edit(void **state)
{
	for (size_t i = 0; i < 2 * ARRAY(edits); i++) {
		const struct edit_case *c = &edits[i / 2];
		bool indexed = i % 2 == 1;
		auto_table struct subid_table table = { .exists = false };
		auto_set struct subid_set taken = { .ranges = NULL };

		load(etc_of(state), c->before, &table);
		if (indexed)
			assert_int_equal(subid_table_index(&table), 0);
		cut_all(&table, c->owner, c->cut);
		if (c->add.count > 0)
			assert_int_equal(
			    subid_table_add(&table, c->owner, strlen(c->owner), c->add),
			    0);
		if (strcmp(print(&table), c->after) != 0)
			fail_msg("case %zu, %s, index %d: \"%s\"", i / 2, c->before,
				 indexed, print(&table));
		if (c->add.count == 0 &&
		    table.changed != (strcmp(c->before, c->after) != 0))
			fail_msg("case %zu, %s: changed %d", i / 2, c->before,
				 table.changed);
		assert_int_equal(subid_table_taken(&table, &taken), 0);
		if (strcmp(show(&taken), c->taken) != 0)
			fail_msg("case %zu, %s: taken %s", i / 2, c->before,
				 show(&taken));
	}
}

/* A new entry may be cut like any other, and is then not printed at all. */
static void test_cut_new_entry(void **state)
{
	auto_table struct subid_table table = { .exists = false };

	load(etc_of(state), "b:5:9\n", &table);
	assert_int_equal(subid_table_add(&table, "a", 1, (struct id_range){ 100, 10 }),
			 0);
	cut_all(&table, "a", (struct id_range){ 103, 2 });
	assert_string_equal(print(&table), "b:5:9\na:100:3\na:105:5\n");
	cut_all(&table, "a", (struct id_range){ 0, 104 });
	assert_string_equal(print(&table), "b:5:9\na:105:5\n");
	cut_all(&table, "a", (struct id_range){ 0, 1000 });
	assert_string_equal(print(&table), "b:5:9\n");
	assert_int_equal(subid_table_first(&table, "a", 1), table.n);
}

/* Entries changed in any order are printed in that of the file. */
static void test_cut_in_any_order(void **state)
{
	static const char *const orders[] = { "01234", "43210", "20413", "3",
					      "41",    "14",	"" };

	for (size_t i = 0; i < ARRAY(orders); i++) {
		auto_table struct subid_table table = { .exists = false };
		char want[128], *at = want;

		load(etc_of(state),
		     "a:100:10\n#\na:200:10\na:300:10\n\na:400:10\na:500:9", &table);
		for (const char *o = orders[i]; *o != '\0'; o++)
			assert_int_equal(
			    subid_table_cut(
				&table, (size_t)(*o - '0'),
				(struct id_range){ ((uint32_t)(*o - '0') + 1) * 100, 1 }),
			    0);
		for (unsigned int k = 0; k < 5; k++) {
			bool cut = strchr(orders[i], (int)('0' + k)) != NULL;

			at += sprintf(at, "a:%u:%u%s", (k + 1) * 100 + cut,
				      (k == 4 ? 9U : 10U) - cut,
				      k == 4 && !cut ? "" : "\n");
			at += sprintf(at, "%s", k == 0 ? "#\n" : k == 2 ? "\n" : "");
		}
		if (strcmp(print(&table), want) != 0)
			fail_msg("order %s: \"%s\"", orders[i], print(&table));
	}
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
		assert_int_equal(like.n_odd, alone.n_odd);
		for (size_t k = 0; k < like.n_odd; k++)
			assert_int_equal(like.odd_lines[k], alone.odd_lines[k]);
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

static void test_add_refuses(void **state)
{
	static const struct {
		const char *owner;
		struct id_range range;
	} cases[] = {
		{ "", { 5, 9 } },	    { "a:b", { 5, 9 } },
		{ "a\n", { 5, 9 } },	    { "#a", { 5, 9 } },
		{ " a", { 5, 9 } },	    { "a", { 5, 0 } },
		{ "a", { UINT32_MAX, 1 } }, { "a", { LAST, 2 } },
		{ "a", { 1, UINT32_MAX } },
	};
	auto_table struct subid_table table = { .exists = false };

	load(etc_of(state), "b:5:9\n", &table);
	for (size_t i = 0; i < ARRAY(cases); i++) {
		int r = subid_table_add(&table, cases[i].owner, strlen(cases[i].owner),
					cases[i].range);

		if (r != -EINVAL || table.changed || table.n != 1)
			fail_msg("case %zu: %d", i, r);
	}
	assert_string_equal(print(&table), "b:5:9\n");
}

/* The owner is copied: the caller's bytes may go, also when they are the table's. */
static void test_add_copies_owner(void **state)
{
	auto_table struct subid_table table = { .exists = false };
	char owner[] = "alice";

	load(etc_of(state), "", &table);
	assert_int_equal(subid_table_add(&table, owner, 5, (struct id_range){ 1, 1 }), 0);
	memcpy(owner, "xxxxx", 5);
	for (uint32_t i = 1; i < 100; i++) {
		const struct subid_entry *last = &table.entries[table.n - 1];

		assert_int_equal(subid_table_add(&table, subid_table_owner(&table, last),
						 last->owner_len,
						 (struct id_range){ i * 2 + 1, 1 }),
				 0);
	}
	for (size_t i = 0; i < table.n; i++) {
		const struct subid_entry *entry = &table.entries[i];

		assert_int_equal(entry->owner_len, 5);
		assert_memory_equal(subid_table_owner(&table, entry), "alice", 5);
		assert_int_equal(subid_table_line(&table, entry), 0);
		assert_int_equal(entry->range.start, i * 2 + 1);
	}
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
	assert_int_equal(table.n_odd, ARRAY(want));
	for (size_t i = 0; i < table.n_odd; i++) {
		size_t pos = table.odd_lines[i], len;
		const char *line;

		assert_int_equal(subid_table_odd_line(&table, i), want[i]);
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
		assert_int_equal(table.n_odd, 1);
		assert_int_equal(subid_set_size(&table.odd), subid_set_size(&loaded.odd));
	}
}

static void test_who_has(void **state)
{
	static const char text[] = "# ids\nalice:100:10\n\nbob:0200:10\nalice:105:10\n"
				   "carol:300:10:x\n#d:400:1\nd:500:0\nend:600:1";
	static const struct {
		struct id_range range;
		size_t line;
		const char *text;
	} cases[] = {
		{ { 99, 1 }, 0, "" },
		{ { 99, 2 }, 2, "alice:100:10" },
		{ { 109, 1 }, 2, "alice:100:10" },
		{ { 110, 1 }, 5, "alice:105:10" },
		{ { 115, 1 }, 0, "" },
		{ { 127, 1 }, 0, "" },
		{ { 128, 1 }, 4, "bob:0200:10" }, /* to a reader of octal */
		{ { 200, 1 }, 4, "bob:0200:10" }, /* to one of decimal */
		{ { 309, 1 }, 6, "carol:300:10:x" },
		{ { 400, 1 }, 7, "#d:400:1" },
		{ { 500, 50 }, 0, "" },
		{ { 600, 1 }, 9, "end:600:1" },
		{ { 100, 0 }, 0, "" },
		{ { 0, UINT32_MAX }, 2, "alice:100:10" },
		{ { 104, 10 }, 5, "alice:105:10" }, /* more of them */
		{ { 205, 96 }, 4, "bob:0200:10" },
	};
	auto_table struct subid_table table = { .exists = false };

	load(etc_of(state), text, &table);
	for (size_t i = 0; i < ARRAY(cases); i++) {
		const char *line = "";
		size_t len = 0, number;

		number = subid_table_who_has(&table, cases[i].range, &line, &len);
		if (number != cases[i].line)
			fail_msg("%u:%u: line %zu", cases[i].range.start,
				 cases[i].range.count, number);
		if (number > 0 && (len != strlen(cases[i].text) ||
				   memcmp(line, cases[i].text, len) != 0))
			fail_msg("%u:%u: \"%.*s\"", cases[i].range.start,
				 cases[i].range.count, (int)len, line);
	}
}

static void test_holdings(void **state)
{
	static const char text[] =
	    "# "
	    "alice:1:1\nalice:100:10\nbob:200:10\n1000:300:10\nalice:0400:1\nalicex:500:"
	    "1\n"
	    "alic:600:1\nal:700:1\nalice:800:10 \n10000:900:1\nALICE:950:1\nalice:1000:1";
	static const struct {
		struct subid_spelling spellings[3];
		size_t n;
		struct subid_holding want[4];
		size_t n_want;
	} cases[] = {
		{ { { "alice", 5 } }, 1, { { { 100, 10 }, 2 }, { { 1000, 1 }, 12 } }, 2 },
		{ { { "1000", 4 } }, 1, { { { 300, 10 }, 4 } }, 1 },
		{ { { "alice", 5 }, { "1000", 4 } },
		  2,
		  { { { 100, 10 }, 2 }, { { 300, 10 }, 4 }, { { 1000, 1 }, 12 } },
		  3 },
		{ { { "1000", 4 }, { "al", 2 }, { "alice", 5 } },
		  3,
		  { { { 100, 10 }, 2 },
		    { { 300, 10 }, 4 },
		    { { 700, 1 }, 8 },
		    { { 1000, 1 }, 12 } },
		  4 },
		{ { { "bob", 3 }, { "bob", 3 } }, 2, { { { 200, 10 }, 3 } }, 1 },
		{ { { "alicexx", 5 } },
		  1,
		  { { { 100, 10 }, 2 }, { { 1000, 1 }, 12 } },
		  2 },
		{ { { "carol", 5 } }, 1, { { { 0, 0 }, 0 } }, 0 },
		{ { { "a", 1 } }, 1, { { { 0, 0 }, 0 } }, 0 },
		{ { { "alice:100", 9 } }, 1, { { { 0, 0 }, 0 } }, 0 },
		{ { { "alice", 5 } }, 0, { { { 0, 0 }, 0 } }, 0 },
	};
	struct subid_text table = { .bytes = NULL };

	put_file(etc_of(state), "subuid", text);
	assert_int_equal(subid_text_read(etc_of(state), "subuid", false, &table), 0);
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct subid_holding *got = NULL;
		size_t n = 77;

		assert_int_equal(
		    subid_holdings(&table, cases[i].spellings, cases[i].n, &got, &n), 0);
		if (n != cases[i].n_want || (n == 0 && got != NULL))
			fail_msg("case %zu: %zu holdings", i, n);
		for (size_t k = 0; k < n; k++)
			if (!id_range_equal(got[k].range, cases[i].want[k].range) ||
			    got[k].line != cases[i].want[k].line)
				fail_msg("case %zu: %u:%u in line %zu", i,
					 got[k].range.start, got[k].range.count,
					 got[k].line);
		free(got);
	}
	subid_text_free(&table);
}

/* More holdings than the first guess has room for, and one spelling in many. */
static void test_many_holdings(void **state)
{
	char text[4096], *at = text;
	struct subid_text table;
	struct subid_spelling alice = { "alice", 5 };
	struct subid_holding *got = NULL;
	size_t n = 0;

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		at += sprintf(at, "%s:%u:1\n", i % 2 == 0 ? "alice" : "bob", i * 10);
	table = (struct subid_text){ .bytes = text, .size = (size_t)(at - text) };
	assert_int_equal(subid_holdings(&table, &alice, 1, &got, &n), 0);
	assert_int_equal(n, 50);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(got[i].range.start, i * 20);
		assert_int_equal(got[i].line, i * 2 + 1);
	}
	free(got);
}

/* The walk's answers as one number that does not depend on their order. */
static uint64_t walk(const struct subid_table *table, const char *owner, size_t *ret_n)
{
	uint64_t sum = 0;

	*ret_n = 0;
	for (size_t i = subid_table_first(table, owner, strlen(owner)); i < table->n;
	     i = subid_table_after(table, i)) {
		assert_memory_equal(subid_table_owner(table, &table->entries[i]), owner,
				    strlen(owner));
		assert_int_equal(table->entries[i].owner_len, strlen(owner));
		sum += ((uint64_t)i + 1) * 1000003 * (i + 7);
		(*ret_n)++;
	}
	return sum;
}

/* What several spellings have, together, with and without an index. */
static void test_table_holdings(void **state)
{
	static const char text[] =
	    "a:100:10\n1000:110:5\nab:200:1\n" LONG ":300:1\na:90:5\n"
	    "b:400:1\n1000:0500:1\na:105:20\n";
	static const struct {
		struct subid_spelling spellings[3];
		size_t n;
		const char *want;
	} cases[] = {
		{ { { "a", 1 } }, 1, "90:5 100:25" },
		{ { { "1000", 4 } }, 1, "110:5" },
		{ { { "1000", 4 }, { "a", 1 } }, 2, "90:5 100:25" },
		{ { { "1000", 4 }, { "b", 1 } }, 2, "110:5 400:1" },
		{ { { "ab", 2 }, { "b", 1 }, { "x", 1 } }, 3, "200:1 400:1" },
		{ { { LONG, 65 } }, 1, "300:1" }, /* as long as "a", modulo 64 */
		{ { { LONG, 65 }, { "a", 1 } }, 2, "90:5 100:25 300:1" },
		{ { { "x", 1 } }, 1, "" },
		{ { { "a", 1 } }, 0, "" },
		{ { { "a:1", 3 } }, 1, "" },
	};

	for (size_t i = 0; i < 2 * ARRAY(cases); i++) {
		auto_table struct subid_table table = { .exists = false };
		auto_set struct subid_set got = { .ranges = NULL };
		int r;

		load(etc_of(state), text, &table);
		if (i % 2 == 1)
			assert_int_equal(subid_table_index(&table), 0);
		r = subid_table_holdings(&table, cases[i / 2].spellings, cases[i / 2].n,
					 &got);
		if (r != 0 || strcmp(show(&got), cases[i / 2].want) != 0)
			fail_msg("case %zu, index %zu: answer %d, %s", i / 2, i % 2, r,
				 show(&got));
		/* what is cut is held no more, and what was there is added to */
		cut_all(&table, "a", (struct id_range){ 0, 1000 });
		r = subid_table_holdings(&table, &cases[0].spellings[0], 1, &got);
		assert_int_equal(r, 0);
		assert_string_equal(show(&got), cases[i / 2].want);
		until_failure = 1;
		subid_set_free(&got);
		r = subid_table_holdings(&table, cases[3].spellings, 2, &got);
		until_failure = 0;
		assert_int_equal(r, -ENOMEM);
	}
}

/* Random changes of two tables, one indexed: they stay the same. */
static void test_index_changes_no_answer(void **state)
{
	static const char *const owners[] = {
		"a", "b", "ab", "alice", "1000", "!released"
	};
	struct draw numbers = { .state = 1414213 };

	for (unsigned int turn = 0; turn < 60; turn++) {
		auto_table struct subid_table plain = { .exists = false },
					      indexed = plain;
		char text[1024], *at = text;
		uint32_t lines = draw(&numbers, 20);

		text[0] = '\0';
		while (lines-- > 0)
			at += sprintf(at, "%s:%u:%u\n",
				      owners[draw(&numbers, ARRAY(owners))],
				      draw(&numbers, 400), 1 + draw(&numbers, 40));
		load(etc_of(state), text, &plain);
		load(etc_of(state), text, &indexed);
		assert_int_equal(subid_table_index(&indexed), 0);
		for (unsigned int step = 0; step < 60; step++) {
			const char *owner = owners[draw(&numbers, ARRAY(owners))];
			struct id_range r = { draw(&numbers, 400),
					      1 + draw(&numbers, 40) };
			size_t n_plain, n_indexed, len = strlen(owner);

			if (draw(&numbers, 2) == 0) {
				assert_int_equal(subid_table_add(&plain, owner, len, r),
						 0);
				assert_int_equal(subid_table_add(&indexed, owner, len, r),
						 0);
			} else {
				auto_set struct subid_set left = { .ranges = NULL };

				cut_all(&plain, owner, r);
				cut_all(&indexed, owner, r);
				for (size_t i = 0; i < indexed.n; i++)
					if (indexed.entries[i].owner_len == len &&
					    memcmp(subid_table_owner(&indexed,
								     &indexed.entries[i]),
						   owner, len) == 0)
						assert_int_equal(
						    subid_set_insert(
							&left, indexed.entries[i].range),
						    0);
				if (subid_set_meets(&left, r, NULL))
					fail_msg(
					    "turn %u, step %u: %s keeps ids of %u:%u",
					    turn, step, owner, r.start, r.count);
			}
			/* a cut may split lines in another order: compare the ids */
			for (size_t k = 0; k < ARRAY(owners); k++) {
				(void)walk(&plain, owners[k], &n_plain);
				(void)walk(&indexed, owners[k], &n_indexed);
				if (n_plain != n_indexed)
					fail_msg("turn %u, step %u: %zu and %zu of %s",
						 turn, step, n_plain, n_indexed,
						 owners[k]);
			}
		}
		for (size_t k = 0; k < ARRAY(owners); k++) {
			size_t n, again;
			uint64_t before = walk(&indexed, owners[k], &n), after;

			assert_int_equal(subid_table_index(&indexed), 0);
			after = walk(&indexed, owners[k], &again);
			assert_int_equal(n, again);
			assert_int_equal(before, after);
		}
	}
}

/*
 * A cut in the middle of several overlapping lines adds entries while the walk
 * goes on and the index grows: it still reaches every line.
 */
static void test_walk_while_index_grows(void **state)
{
	for (unsigned int lines = 1; lines <= 40; lines++) {
		auto_table struct subid_table table = { .exists = false };
		auto_set struct subid_set taken = { .ranges = NULL };
		char text[1024], *at = text;

		for (unsigned int i = 0; i < lines; i++)
			at += sprintf(at, "a:%u:100\n", 100 + i);
		load(etc_of(state), text, &table);
		assert_int_equal(subid_table_index(&table), 0);
		/* parts that are new entries, then parts of those */
		cut_all(&table, "a", (struct id_range){ 145, 1 });
		cut_all(&table, "a", (struct id_range){ 165, 1 });
		cut_all(&table, "a", (struct id_range){ 155, 1 });
		cut_all(&table, "a", (struct id_range){ 175, 1 });
		assert_int_equal(subid_table_taken(&table, &taken), 0);
		for (uint32_t id = 145; id <= 175; id += 10)
			if (subid_set_meets(&taken, (struct id_range){ id, 1 }, NULL))
				fail_msg("%u lines: %u was not cut from each", lines, id);
	}
}

/* Many owners, so that buckets are shared and the index is as large as they. */
static void test_index_of_many(void **state)
{
	enum { OWNERS = 3000 };
	auto_table struct subid_table table = { .exists = false };
	char *text = malloc(OWNERS * 40), *at = text;

	assert_non_null(text);
	for (unsigned int i = 0; i < OWNERS; i++)
		at += sprintf(at, "user%u:%u:1\n", i % (OWNERS / 2), i);
	load(etc_of(state), text, &table);
	free(text);
	assert_int_equal(subid_table_index(&table), 0);
	assert_true(table.bucket_mask + 1 >= OWNERS); /* about one entry in each */
	for (unsigned int i = 0; i < OWNERS / 2; i++) {
		char owner[16];
		size_t n, first;

		(void)snprintf(owner, sizeof(owner), "user%u", i);
		first = subid_table_first(&table, owner, strlen(owner));
		assert_true(first == i || first == i + OWNERS / 2);
		(void)walk(&table, owner, &n);
		assert_int_equal(n, 2);
	}
	assert_int_equal(subid_table_first(&table, "user", 4), table.n);
	assert_int_equal(subid_table_first(&table, "user30000", 9), table.n);
}

/* FNV-1a's published values, folded. */
/* Every byte counts, and none behind the owner is looked at. */
static void test_hash(void **state)
{
	char *page =
	    mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(page != MAP_FAILED);
	assert_int_equal(mprotect(page + 4096, 4096, PROT_NONE), 0);
	for (size_t len = 0; len < 40; len++) {
		char *owner = page + 4096 - len;
		size_t hash;

		memset(owner, 'x', len);
		hash = subid_table_hash(owner, len);
		assert_int_equal(subid_table_hash(owner, len), hash);
		for (size_t i = 0; i < len; i++) {
			owner[i] = 'y';
			assert_int_not_equal(subid_table_hash(owner, len), hash);
			owner[i] = 'x';
		}
		if (len > 0)
			assert_int_not_equal(subid_table_hash(owner, len - 1), hash);
	}
	assert_int_equal(munmap(page, 8192), 0);
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

static void test_print_fails(void **state)
{
	auto_table struct subid_table table = { .exists = false };
	struct paper paper;
	size_t calls = 0;
	int r;

	load(etc_of(state), "# x\na:100:10\n# y\nb:5:9\n# z", &table);
	cut_all(&table, "a", (struct id_range){ 105, 1 });
	cut_all(&table, "b", (struct id_range){ 5, 1 });
	do {
		paper = (struct paper){ .calls_left = ++calls };
		r = subid_table_print(&table, write_on, &paper);
		assert_true(r == 0 || r == -ENOSPC);
	} while (r != 0);
	assert_int_equal(calls, 11); /* 10 pieces */
	assert_string_equal(paper.text, "# x\na:100:5\n# y\nb:6:8\n# z\na:106:4\n");
}

/* Every allocation made to fail in turn: -ENOMEM, and the table is what it was. */
static void test_no_memory(void **state)
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

	for (turn = 1, r = -ENOMEM; r != 0; turn++) {
		auto_table struct subid_table table = { .exists = false };
		auto_set struct subid_set taken = { .ranges = NULL };
		size_t n = 0;

		load(etc, text, &table);
		assert_int_equal(subid_table_index(&table), 0);
		until_failure = turn;
		for (uint32_t i = 0; i < 120 && (i == 0 || r == 0); i++)
			r = subid_table_add(&table, "e", 1,
					    (struct id_range){ 1000 + i * 4, 3 });
		for (uint32_t i = 0; r == 0 && i < 120; i++)
			r = subid_table_cut(&table, 2 + i,
					    (struct id_range){ 1001 + i * 4, 1 });
		if (r == 0)
			r = subid_table_cut(&table, 0, (struct id_range){ 105, 1 });
		if (r == 0)
			r = subid_table_index(&table);
		if (r == 0)
			r = subid_table_taken(&table, &taken);
		until_failure = 0;
		assert_true(r == 0 || r == -ENOMEM);
		/* all lines are there, with the index or without one */
		(void)walk(&table, "a", &n);
		assert_true(n == 1 || n == 2);
		assert_non_null(strstr(print(&table), "c:5:9\nd:0:9:\n"));
	}
	assert_true(turn > 6);
}

static void test_holdings_no_memory(void **state)
{
	static char text[] = "a:1:1\na:2:1\na:3:1\na:4:1\na:5:1\na:6:1\na:7:1\na:8:1\n"
			     "a:9:1\na:10:1\n";
	struct subid_text table = { .bytes = text, .size = sizeof(text) - 1 };
	struct subid_spelling a = { "a", 1 };
	struct subid_holding *got = NULL;
	size_t n = 77;
	unsigned int turn;
	int r = -ENOMEM;

	(void)state;
	for (turn = 1; r != 0; turn++) {
		until_failure = turn;
		r = subid_holdings(&table, &a, 1, &got, &n);
		until_failure = 0;
		if (r == 0)
			continue;
		assert_int_equal(r, -ENOMEM);
		assert_null(got);
		assert_int_equal(n, 77);
	}
	assert_true(turn > 2); /* one at least has failed */
	assert_int_equal(n, 10);
	free(got);
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
		scratch_test(test_no_ordinary_file),
		scratch_test(test_file_too_large),
		cmocka_unit_test_setup_teardown(test_read, scratch_setup, reset_faults),
		cmocka_unit_test_setup_teardown(test_read_growing_file, scratch_setup,
						reset_faults),
		cmocka_unit_test(test_lines_of_text),
		scratch_test(test_print_unchanged),
		scratch_test(test_print_zero_bytes),
		scratch_test(test_edit),
		scratch_test(test_cut_new_entry),
		scratch_test(test_cut_in_any_order),
		scratch_test(test_load_like),
		scratch_test(test_load_like_absent),
		scratch_test(test_add_refuses),
		scratch_test(test_add_copies_owner),
		scratch_test(test_line_numbers),
		scratch_test(test_odd_lines),
		scratch_test(test_from_text),
		scratch_test(test_who_has),
		scratch_test(test_holdings),
		cmocka_unit_test(test_many_holdings),
		scratch_test(test_table_holdings),
		scratch_test(test_index_changes_no_answer),
		scratch_test(test_walk_while_index_grows),
		scratch_test(test_index_of_many),
		cmocka_unit_test(test_hash),
		scratch_test(test_is_alike),
		scratch_test(test_print_fails),
		scratch_test(test_no_memory),
		cmocka_unit_test(test_holdings_no_memory),
		scratch_test(test_memory_of_a_million_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
