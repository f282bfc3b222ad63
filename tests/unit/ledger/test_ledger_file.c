/* SPDX-License-Identifier: MIT */
/*
 * The ledger's file: torn, damaged, hostile, written by several, and each call that
 * fails.
 *
 * wrap: fstat fchmod fchown fdatasync renameat linkat unlinkat read __read_chk
 * wrap: readlinkat __readlinkat_chk fgetxattr fsetxattr fremovexattr flistxattr fdopendir
 * wrap: readdir malloc calloc realloc reallocarray strdup strndup openat __openat_2 write
 * wrap: fsync renameat2 fcntl pread pwrite ftruncate __pread_chk
 */
#include <stdlib.h>
#include <sys/wait.h>

#include "faults.h"
#include "libsubid/ledger/ledger.h"

FAULT(ssize_t, -1, pread, (int fd, void *buf, size_t size, off_t at), (fd, buf, size, at))
FAULT_TWIN(ssize_t, -1, __pread_chk, "pread",
	   (int fd, void *buf, size_t size, off_t at, size_t room),
	   (fd, buf, size, at, room))
FAULT(int, -1, ftruncate, (int fd, off_t size), (fd, size))

ssize_t __real_pwrite(int fd, const void *buf, size_t size, off_t at);
ssize_t __wrap_pwrite(int fd, const void *buf, size_t size, off_t at);
ssize_t __wrap_pwrite(int fd, const void *buf, size_t size, off_t at)
{
	if (!fault_is_due("pwrite"))
		return __real_pwrite(fd, buf, size, at);
	return faults.shortens ? __real_pwrite(fd, buf, size / 2, at) : -1;
}

#define LOCK_MS 20

static struct ledger_entry entry(uint32_t start, const char *owner,
				 enum ledger_state state)
{
	return (struct ledger_entry){
		.range = { start, 10 },
		.owner = { owner, strlen(owner) },
		.state = (uint8_t)state,
		.since = 1764490000,
		.uid = SUBID_ID_NONE,
		.door_in = LEDGER_OURS,
	};
}

/* One range of both kinds, and digests that are made of it. */
static int append(struct ledger_file *file, uint32_t start, const char *owner,
		  enum ledger_state state)
{
	auto_ledger_news struct ledger_news news = {
		.has_tables = true,
		.tables = { start, start + 1 },
		.now = 5,
	};
	struct ledger_entry e = entry(start, owner, state);

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		int r = ledger_add(&news.of[kind], &e);

		if (r < 0)
			return r;
	}
	return ledger_append(file, &news, true);
}

static int open_and_append(int dir, uint32_t start, const char *owner,
			   enum ledger_state state)
{
	auto_ledger_file struct ledger_file file = LEDGER_CLOSED;
	int r = ledger_open(dir, SUBID_ID_NONE, false, &file);

	if (r == 0)
		r = ledger_lock(&file, LOCK_MS);
	return r == 0 ? append(&file, start, owner, state) : r;
}

/* "0+10 alice h, ..." of uids, and the same of gids. */
static const char *text_of(const struct ledger_file *file)
{
	static char bufs[SUBID_KINDS][4000];

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct ledger_list *list =
		    &file->parts[LEDGER_LINES].ledger.of[kind];
		char *buf = bufs[kind];
		size_t used = 0;

		buf[0] = '\0';
		for (size_t i = 0; i < list->n; i++) {
			const struct ledger_entry *e = &list->entries[i];

			used += (size_t)snprintf(
			    buf + used, sizeof(bufs[kind]) - used, "%s%u+%u %.*s %c",
			    i == 0 ? "" : ", ", e->range.start, e->range.count,
			    (int)e->owner.len, e->owner.text, "hlc"[e->state]);
			assert_true(used < sizeof(bufs[kind]));
		}
	}
	assert_string_equal(bufs[SUBID_UID], bufs[SUBID_GID]);
	return bufs[SUBID_UID];
}

/* The ids that count as somebody's: "0+20 40+10". */
static const char *seen_of(const struct ledger_file *file)
{
	static char buf[4000];
	const struct subid_set *set = &file->parts[LEDGER_LINES].seen.of[SUBID_UID];
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < set->n; i++)
		used += (size_t)snprintf(buf + used, sizeof(buf) - used, "%s%u+%u",
					 i == 0 ? "" : " ", set->ranges[i].start,
					 set->ranges[i].count);
	return buf;
}

static void assert_ledger(int dir, bool damaged, const char *text, const char *seen)
{
	for (int whole = 0; whole < 2; whole++) {
		auto_ledger_file struct ledger_file file = LEDGER_CLOSED;

		assert_int_equal(ledger_open(dir, SUBID_ID_NONE, whole == 1, &file), 0);
		assert_int_equal(file.damaged, damaged);
		assert_string_equal(seen_of(&file), seen);
		if (file.whole)
			assert_string_equal(text_of(&file), text);
		assert_true(file.whole || whole == 0);
	}
}

static void compact(int dir)
{
	auto_ledger_file struct ledger_file file = LEDGER_CLOSED;

	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), 0);
	assert_int_equal(ledger_compact(&file, LOCK_MS), 0);
}

static void test_append_and_compact(void **state)
{
	int dir = etc_of(state);
	struct stat st;

	assert_ledger(dir, false, "", "");
	assert_int_equal(open_and_append(dir, 0, "alice", LEDGER_HAS), 0);
	assert_int_equal(fstatat(dir, LEDGER_FILE, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(fstatat(dir, "ledger.lock", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(open_and_append(dir, 20, "bob", LEDGER_HAS), 0);
	assert_ledger(dir, false, "0+10 alice h, 20+10 bob h", "0+10 20+10");
	for (int turn = 0; turn < 2; turn++) {
		assert_int_equal(open_and_append(dir, 0, "alice", LEDGER_LEFT), 0);
		assert_int_equal(open_and_append(dir, 20, "bob", LEDGER_CLEARED), 0);
		assert_ledger(dir, false, "0+10 alice l, 20+10 bob c", "0+10");
		compact(dir);
		assert_ledger(dir, false, "0+10 alice l, 20+10 bob c", "0+10");
		assert_int_equal(open_and_append(dir, 20, "carol", LEDGER_HAS), 0);
		assert_ledger(dir, false, "0+10 alice l, 20+10 carol h", "0+10 20+10");
	}
	assert_false(is_there(dir, "ledger-"));
}

/* What the part about leases says of uids: "0+10 alice/web h; 0+10". */
static const char *leases_of(const struct ledger_file *file)
{
	const struct ledger_part *part = &file->parts[LEDGER_LEASES];
	const struct ledger_list *list = &part->ledger.of[SUBID_UID];
	const struct subid_set *seen = &part->seen.of[SUBID_UID];
	static char buf[500];
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < list->n; i++)
		used += (size_t)snprintf(
		    buf + used, sizeof(buf) - used, "%u+%u %.*s %c, ",
		    list->entries[i].range.start, list->entries[i].range.count,
		    (int)list->entries[i].owner.len, list->entries[i].owner.text,
		    "hlc"[list->entries[i].state]);
	for (size_t i = 0; i < seen->n; i++)
		used += (size_t)snprintf(buf + used, sizeof(buf) - used, "%s%u+%u",
					 i == 0 ? "" : " ", seen->ranges[i].start,
					 seen->ranges[i].count);
	return buf;
}

static int append_lease(int dir, uint32_t start, const char *owner,
			enum ledger_state state)
{
	auto_ledger_file struct ledger_file file = LEDGER_CLOSED;
	auto_ledger_news struct ledger_news news = {
		.about = LEDGER_LEASES,
		.has_tables = true,
		.has_backups = true,
		.tables = { start, start + 1 },
		.backups = { 9, 10 },
		.now = 6,
	};
	struct ledger_entry e = entry(start, owner, state);
	int r = ledger_open(dir, SUBID_ID_NONE, false, &file);

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = ledger_add(&news.of[kind], &e);
	if (r == 0)
		r = ledger_lock(&file, LOCK_MS);
	return r == 0 ? ledger_append(&file, &news, true) : r;
}

static void assert_leases(int dir, const char *whole, const char *seen)
{
	auto_ledger_file struct ledger_file file = LEDGER_CLOSED;

	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), 0);
	assert_string_equal(leases_of(&file) + (file.whole ? strlen(whole) : 0), seen);
	assert_int_equal(ledger_read(&file, true), 0);
	assert_memory_equal(leases_of(&file), whole, strlen(whole));
	assert_string_equal(leases_of(&file) + strlen(whole), seen);
}

/* The two parts know nothing of each other: the same ids, and states of their own. */
static void test_leases(void **state)
{
	int dir = etc_of(state);
	auto_text struct subid_text text = { .bytes = NULL };

	assert_int_equal(open_and_append(dir, 0, "alice", LEDGER_HAS), 0);
	assert_leases(dir, "", "");
	assert_int_equal(subid_text_read(dir, LEDGER_FILE, false, &text), 0);
	assert_null(strstr(text.bytes, "\nR"));
	for (int turn = 0; turn < 3; turn++) {
		assert_int_equal(append_lease(dir, 0, "alice/web", LEDGER_HAS), 0);
		assert_int_equal(append_lease(dir, 30, "alice/db", LEDGER_HAS), 0);
		assert_leases(dir, "0+10 alice/web h, 30+10 alice/db h, ", "0+10 30+10");
		assert_ledger(dir, false, "0+10 alice h", "0+10");
		compact(dir);
		assert_leases(dir, "0+10 alice/web h, 30+10 alice/db h, ", "0+10 30+10");
		assert_ledger(dir, false, "0+10 alice h", "0+10");
		assert_int_equal(append_lease(dir, 0, "alice/web", LEDGER_CLEARED), 0);
		assert_int_equal(append_lease(dir, 30, "alice/db", LEDGER_LEFT), 0);
		assert_leases(dir, "0+10 alice/web c, 30+10 alice/db l, ", "30+10");
		if (turn == 1)
			compact(dir);
	}
	{
		auto_ledger_file struct ledger_file file = LEDGER_CLOSED;

		assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), 0);
		assert_int_equal(file.parts[LEDGER_LINES].n_states, 1);
		assert_int_equal(file.parts[LEDGER_LINES].backups[0], 0);
		assert_int_equal(file.parts[LEDGER_LEASES].n_states, 12);
		assert_int_equal(file.parts[LEDGER_LEASES].states[0].of[1], 31);
		assert_int_equal(file.parts[LEDGER_LEASES].states[1].of[0], 0);
		assert_int_equal(file.parts[LEDGER_LEASES].backups[1], 10);
	}
	/* without its first line it is damaged: what the others say is kept */
	subid_text_free(&text);
	assert_int_equal(subid_text_read(dir, LEDGER_FILE, false, &text), 0);
	text.bytes[3] = 'x';
	put_bytes(dir, LEDGER_FILE, text.bytes, text.size);
	assert_leases(dir, "0+10 alice/web c, 30+10 alice/db l, ", "30+10");
	assert_int_equal(append_lease(dir, 60, "bob/db", LEDGER_HAS), 0);
	assert_leases(dir, "0+10 alice/web c, 30+10 alice/db l, 60+10 bob/db h, ",
		      "30+10 60+10");
	assert_ledger(dir, false, "0+10 alice h", "0+10");
}

static void assert_searched(const struct ledger_file *file, uint64_t seq, uint64_t n)
{
	assert_int_equal(file->searched, seq);
	assert_int_equal(subid_set_size(&file->hiders), n);
	assert_int_equal(n > 0,
			 subid_set_contains(&file->hiders, (struct id_range){ 1000, 1 }));
	assert_int_equal(n > 0,
			 subid_set_contains(&file->hiders, (struct id_range){ 1005, 2 }));
}

/* What is known of the tables outlives all that. */
static void test_states(void **state)
{
	auto_ledger_file struct ledger_file file = LEDGER_CLOSED;
	auto_ledger_news struct ledger_news news = {
		.has_backups = true,
		.backups = { 7, 8 },
		.searched = true,
		.upto = 38,
	};
	int dir = etc_of(state);

	assert_int_equal(subid_set_add(&news.hiders, (struct id_range){ 1000, 1 }), 0);
	assert_int_equal(subid_set_add(&news.hiders, (struct id_range){ 1005, 2 }), 0);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(open_and_append(dir, i * 10, "alice", LEDGER_HAS), 0);
	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), 0);
	assert_int_equal(file.searched, 0);
	assert_int_equal(ledger_lock(&file, LOCK_MS), 0);
	assert_int_equal(ledger_append(&file, &news, false), 0);
	/* what was appended is known without reading it again */
	assert_searched(&file, 39, 3);
	for (int turn = 0; turn < 3; turn++) {
		ledger_close(&file);
		assert_int_equal(ledger_open(dir, SUBID_ID_NONE, turn == 1, &file), 0);
		assert_searched(&file, 39, 3);
		assert_int_equal(file.parts[LEDGER_LINES].backups[0], 7);
		assert_int_equal(file.parts[LEDGER_LINES].backups[1], 8);
		assert_int_equal(file.parts[LEDGER_LINES].n_states, LEDGER_STATES_MAX);
		for (size_t i = 0; i < LEDGER_STATES_MAX; i++) {
			assert_int_equal(file.parts[LEDGER_LINES].states[i].of[0],
					 190 - i * 10);
			assert_int_equal(file.parts[LEDGER_LINES].states[i].of[1],
					 191 - i * 10);
			assert_int_equal(file.parts[LEDGER_LINES].states[i].time, 5);
		}
		assert_int_equal(file.seq, 44);
		assert_int_equal(ledger_compact(&file, LOCK_MS), 0);
	}
	/* the next search, from which nobody has hidden anything */
	subid_set_free(&news.hiders);
	news.upto = 44;
	for (int turn = 0; turn < 2; turn++) {
		ledger_close(&file);
		assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), 0);
		assert_int_equal(ledger_lock(&file, LOCK_MS), 0);
		assert_int_equal(ledger_append(&file, &news, false), 0);
		assert_searched(&file, 45, 0);
		ledger_close(&file);
		assert_int_equal(ledger_open(dir, SUBID_ID_NONE, turn == 1, &file), 0);
		assert_searched(&file, 45, 0);
		assert_int_equal(ledger_compact(&file, LOCK_MS), 0);
	}
}

/* --- power cuts and damage ------------------------------------------------------------
 */

/* The tail cut off at each byte: what was whole counts, and the next record follows it.
 */
static void test_torn(void **state)
{
	auto_text struct subid_text text = { .bytes = NULL };
	int dir = etc_of(state);
	size_t first, second;

	assert_int_equal(open_and_append(dir, 0, "alice", LEDGER_HAS), 0);
	compact(dir);
	assert_int_equal(subid_text_read(dir, LEDGER_FILE, false, &text), 0);
	first = text.size;
	subid_text_free(&text);
	assert_int_equal(open_and_append(dir, 20, "bob", LEDGER_HAS), 0);
	assert_int_equal(subid_text_read(dir, LEDGER_FILE, false, &text), 0);
	second = first +
		 (size_t)((char *)memchr(text.bytes + first, '\n', text.size - first) -
			  (text.bytes + first)) +
		 1;
	for (size_t size = first; size < text.size; size++) {
		bool has_bob = size >= second;

		put_bytes(dir, LEDGER_FILE, text.bytes, size);
		assert_ledger(dir, false,
			      has_bob ? "0+10 alice h, 20+10 bob h" : "0+10 alice h",
			      has_bob ? "0+10 20+10" : "0+10");
		assert_int_equal(open_and_append(dir, 40, "carol", LEDGER_HAS), 0);
		assert_ledger(dir, false,
			      has_bob ? "0+10 alice h, 20+10 bob h, 40+10 carol h"
				      : "0+10 alice h, 40+10 carol h",
			      has_bob ? "0+10 20+10 40+10" : "0+10 40+10");
	}
	/* a file system may give zeros for what was not written */
	put_bytes(dir, LEDGER_FILE, text.bytes, text.size);
	{
		int fd = openat(dir, LEDGER_FILE, O_WRONLY | O_CLOEXEC);

		assert_int_equal(ftruncate(fd, (off_t)text.size + 5000), 0);
		assert_int_equal(close(fd), 0);
	}
	assert_ledger(dir, false, "0+10 alice h, 20+10 bob h", "0+10 20+10");
	assert_int_equal(open_and_append(dir, 40, "carol", LEDGER_HAS), 0);
	assert_ledger(dir, false, "0+10 alice h, 20+10 bob h, 40+10 carol h",
		      "0+10 20+10 40+10");
}

/* Is each range that one side names in the other?  What a line that is lost said may be
 * missing; what another said may not, nor may ids appear that none had. */
static void assert_salvaged(const struct ledger_file *file, size_t lost_max)
{
	const struct subid_set *set = &file->parts[LEDGER_LINES].seen.of[SUBID_UID];
	size_t found = 0;

	for (uint32_t start = 0; start < 60; start += 20)
		found += subid_set_contains(set, (struct id_range){ start, 10 });
	assert_true(found + lost_max >= 3);
	for (uint32_t id = 0; id < 100; id++)
		if (subid_set_meets(set, (struct id_range){ id, 1 }, NULL))
			assert_true(id < 60 && id % 20 < 10);
}

/* Each byte changed: one line is lost, no other; it is mended as a whole. */
static void test_damaged(void **state)
{
	auto_text struct subid_text text = { .bytes = NULL };
	int dir = etc_of(state);

	assert_int_equal(open_and_append(dir, 0, "alice", LEDGER_HAS), 0);
	assert_int_equal(open_and_append(dir, 20, "bob", LEDGER_LEFT), 0);
	compact(dir);
	assert_int_equal(open_and_append(dir, 40, "carol", LEDGER_HAS), 0);
	assert_int_equal(subid_text_read(dir, LEDGER_FILE, false, &text), 0);
	for (size_t i = 0; i < text.size; i++) {
		auto_ledger_file struct ledger_file file = LEDGER_CLOSED;

		text.bytes[i] = (char)(text.bytes[i] ^ 1);
		put_bytes(dir, LEDGER_FILE, text.bytes, text.size);
		text.bytes[i] = (char)(text.bytes[i] ^ 1);
		assert_int_equal(ledger_open(dir, SUBID_ID_NONE, true, &file), 0);
		assert_salvaged(&file, 1);
		if (file.damaged)
			assert_int_equal(file.searched, 0);
		assert_int_equal(ledger_lock(&file, LOCK_MS), 0);
		assert_int_equal(append(&file, 80, "dora", LEDGER_CLEARED), 0);
		assert_false(file.damaged);
		ledger_close(&file);
		assert_int_equal(ledger_open(dir, SUBID_ID_NONE, true, &file), 0);
		assert_false(file.damaged);
		assert_salvaged(&file, 1);
	}
	/* all at once: records without the head, an empty file, one of something else */
	put_bytes(dir, LEDGER_FILE, text.bytes + 3, text.size - 3);
	assert_ledger(dir, true, "0+10 alice h, 20+10 bob l, 40+10 carol h",
		      "0+10 20+10 40+10");
	put_file(dir, LEDGER_FILE, "");
	assert_ledger(dir, true, "", "");
	put_file(dir, LEDGER_FILE, "alice:100000:65536\n");
	assert_ledger(dir, true, "", "");
}

/* A line that is missing in the middle of the tail is damage, too. */
static void test_missing_line(void **state)
{
	auto_text struct subid_text text = { .bytes = NULL };
	int dir = etc_of(state);
	char *bob;
	size_t len;

	assert_int_equal(open_and_append(dir, 0, "alice", LEDGER_HAS), 0);
	assert_int_equal(open_and_append(dir, 20, "bob", LEDGER_HAS), 0);
	assert_int_equal(open_and_append(dir, 40, "carol", LEDGER_HAS), 0);
	assert_int_equal(subid_text_read(dir, LEDGER_FILE, false, &text), 0);
	bob = strstr(text.bytes, "bob");
	assert_non_null(bob);
	while (bob[-1] != '\n')
		bob--;
	len = strcspn(bob, "\n") + 1;
	memmove(bob, bob + len, text.size - (size_t)(bob - text.bytes) - len);
	put_bytes(dir, LEDGER_FILE, text.bytes, text.size - len);
	assert_ledger(dir, true, "0+10 alice h, 40+10 carol h", "0+10 40+10");
}

/* --- hostile --------------------------------------------------------------------------
 */

static void test_not_ours(void **state)
{
	auto_ledger_file struct ledger_file file = LEDGER_CLOSED;
	int dir = etc_of(state);

	assert_int_equal(open_and_append(dir, 0, "alice", LEDGER_HAS), 0);
	/* others could write it, or put another in its place */
	assert_int_equal(fchmodat(dir, LEDGER_FILE, 0664, 0), 0);
	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), -EPERM);
	assert_int_equal(fchmodat(dir, LEDGER_FILE, 0646, 0), 0);
	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), -EPERM);
	assert_int_equal(fchmodat(dir, LEDGER_FILE, 0644, 0), 0);
	assert_int_equal(fchmod(dir, 0777), 0);
	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), -EPERM);
	assert_int_equal(fchmod(dir, 0755), 0);
	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), 0);
	/* others could hold its lock */
	assert_int_equal(fchmodat(dir, "ledger.lock", 0644, 0), 0);
	assert_int_equal(ledger_lock(&file, LOCK_MS), -EPERM);
	assert_int_equal(fchmodat(dir, "ledger.lock", 0600, 0), 0);
	assert_int_equal(ledger_lock(&file, LOCK_MS), 0);
	ledger_close(&file);
	/* it is another's */
	if (geteuid() == 0) {
		assert_int_equal(fchownat(dir, LEDGER_FILE, 4711, 0, 0), 0);
		assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), -EPERM);
		assert_int_equal(ledger_open(dir, 4711, false, &file), 0);
	}
}

static void test_no_regular_file(void **state)
{
	auto_ledger_file struct ledger_file file = LEDGER_CLOSED;
	int dir = etc_of(state);

	assert_int_equal(symlinkat("elsewhere", dir, LEDGER_FILE), 0);
	put_file(dir, "elsewhere", "");
	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), -ELOOP);
	assert_int_equal(unlinkat(dir, LEDGER_FILE, 0), 0);
	assert_int_equal(mkfifoat(dir, LEDGER_FILE, 0644), 0);
	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), -EINVAL);
	assert_int_equal(unlinkat(dir, LEDGER_FILE, 0), 0);
	put_dir(dir, LEDGER_FILE);
	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), -EINVAL);
	assert_int_equal(unlinkat(dir, LEDGER_FILE, AT_REMOVEDIR), 0);
	assert_int_equal(symlinkat("elsewhere", dir, "ledger.lock"), 0);
	assert_int_equal(open_and_append(dir, 0, "alice", LEDGER_HAS), -ELOOP);
	assert_file(dir, "elsewhere", "");
}

/* --- several --------------------------------------------------------------------------
 */

static void test_lock(void **state)
{
	auto_ledger_file struct ledger_file one = LEDGER_CLOSED, two = LEDGER_CLOSED;
	auto_ledger_news struct ledger_news none = { .now = 0 };
	int dir = etc_of(state);

	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, true, &one), 0);
	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, true, &two), 0);
	assert_int_equal(ledger_append(&one, &none, true), -EINVAL); /* not locked */
	assert_int_equal(ledger_lock(&one, LOCK_MS), 0);
	assert_int_equal(ledger_lock(&one, LOCK_MS), 0);
	assert_int_equal(ledger_lock(&two, LOCK_MS), SUBID_BUSY);
	assert_int_equal(append(&one, 0, "alice", LEDGER_HAS), 0);
	ledger_unlock(&one);
	/* what the first has written is read with the lock */
	assert_int_equal(ledger_lock(&two, LOCK_MS), 0);
	assert_string_equal(seen_of(&two), "0+10");
	assert_int_equal(append(&two, 20, "bob", LEDGER_HAS), 0);
	ledger_unlock(&two);
	/* what was compacted meanwhile, too */
	compact(dir);
	assert_int_equal(ledger_lock(&one, LOCK_MS), 0);
	assert_int_equal(append(&one, 40, "carol", LEDGER_HAS), 0);
	assert_ledger(dir, false, "0+10 alice h, 20+10 bob h, 40+10 carol h",
		      "0+10 20+10 40+10");
}

static void test_take_back(void **state)
{
	auto_ledger_file struct ledger_file file = LEDGER_CLOSED;
	int dir = etc_of(state);

	assert_int_equal(open_and_append(dir, 0, "alice", LEDGER_HAS), 0);
	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), 0);
	assert_int_equal(ledger_lock(&file, LOCK_MS), 0);
	assert_int_equal(append(&file, 20, "bob", LEDGER_HAS), 0);
	ledger_take_back(&file);
	ledger_unlock(&file);
	assert_ledger(dir, false, "0+10 alice h", "0+10");
	assert_int_equal(ledger_lock(&file, LOCK_MS), 0);
	assert_int_equal(append(&file, 40, "carol", LEDGER_HAS), 0);
	assert_ledger(dir, false, "0+10 alice h, 40+10 carol h", "0+10 40+10");
}

/* Processes append while another compacts: every record is found. */
static void test_crowd(void **state)
{
	int dir = etc_of(state);
	auto_ledger_file struct ledger_file file = LEDGER_CLOSED;
	pid_t children[5];

	for (uint32_t i = 0; i < 5; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] != 0)
			continue;
		for (uint32_t k = 0; k < 30; k++) {
			auto_ledger_file struct ledger_file own = LEDGER_CLOSED;
			int r = ledger_open(dir, SUBID_ID_NONE, false, &own);

			if (i == 4) {
				r = r == 0 ? ledger_compact(&own, 10000) : r;
			} else {
				if (r == 0)
					r = ledger_lock(&own, 10000);
				if (r == 0)
					r = append(&own, (i * 30 + k) * 20, "alice",
						   LEDGER_HAS);
			}
			if (r != 0)
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < 5; i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, true, &file), 0);
	assert_false(file.damaged);
	assert_int_equal(file.parts[LEDGER_LINES].ledger.of[SUBID_UID].n, 120);
	assert_int_equal(file.seq, 240);
}

/* Drafts that a kill left behind go with the next compaction; other files stay. */
static void test_litter(void **state)
{
	int dir = etc_of(state);

	assert_int_equal(open_and_append(dir, 0, "alice", LEDGER_HAS), 0);
	put_file(dir, "ledger.0123abcd", "x");
	put_file(dir, "ledger.0123abcd=", "x");
	put_file(dir, "ledger.0123abcde", "x");
	put_file(dir, "ledger.save", "x");
	compact(dir);
	assert_false(is_there(dir, "ledger.0123abcd"));
	assert_false(is_there(dir, "ledger.0123abcd="));
	assert_true(is_there(dir, "ledger.0123abcde"));
	assert_true(is_there(dir, "ledger.save"));
	assert_true(is_there(dir, "ledger.lock"));
}

static void test_is_long(void **state)
{
	auto_ledger_file struct ledger_file file = LEDGER_CLOSED;
	int dir = etc_of(state);

	assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file), 0);
	assert_int_equal(ledger_lock(&file, LOCK_MS), 0);
	for (uint32_t i = 0; i < 2000 && !ledger_is_long(&file); i++)
		assert_int_equal(append(&file, i * 20, "alice", LEDGER_HAS), 0);
	assert_true(ledger_is_long(&file));
	ledger_unlock(&file);
	assert_int_equal(ledger_compact(&file, LOCK_MS), 0);
	assert_int_equal(ledger_read(&file, false), 0);
	assert_false(ledger_is_long(&file));
}

/* --- faults ---------------------------------------------------------------------------
 */

/* Each call fails in turn: -errno, and what was there before still is; afterwards all
 * works. */
static void sweep(int dir, int (*call)(int dir), bool is_first, bool lasting)
{
	unsigned int turn = 1, n = 0;
	bool struck;
	int r;

	for (;; turn++) {
		if (is_first)
			(void)unlinkat(dir, LEDGER_FILE, 0);
		faults.lasting = lasting;
		faults_arm(turn, EIO);
		r = call(dir);
		struck = faults_disarm();
		faults.lasting = false;
		if (!struck)
			break;
		n += r < 0;
		if (r == 0)
			continue; /* what failed did not matter */
		assert_true(r < 0);
		if (!is_first) {
			auto_ledger_file struct ledger_file file = LEDGER_CLOSED;

			assert_int_equal(ledger_open(dir, SUBID_ID_NONE, false, &file),
					 0);
			assert_false(file.damaged);
			assert_true(subid_set_contains(
			    &file.parts[LEDGER_LINES].seen.of[SUBID_UID],
			    (struct id_range){ 0, 10 }));
		}
	}
	assert_int_equal(r, 0);
	assert_true(turn > 10 && n > 5);
}

static int append_bob(int dir)
{
	return open_and_append(dir, 20, "bob", LEDGER_HAS);
}

static int compact_it(int dir)
{
	auto_ledger_file struct ledger_file file = LEDGER_CLOSED;
	int r = ledger_open(dir, SUBID_ID_NONE, false, &file);

	return r == 0 ? ledger_compact(&file, LOCK_MS) : r;
}

static void test_faults(void **state)
{
	int dir = etc_of(state);

	for (int lasting = 0; lasting < 2; lasting++) {
		sweep(dir, append_bob, true, lasting == 1);
		(void)unlinkat(dir, LEDGER_FILE, 0);
		assert_int_equal(open_and_append(dir, 0, "alice", LEDGER_HAS), 0);
		sweep(dir, append_bob, false, lasting == 1);
		sweep(dir, compact_it, false, lasting == 1);
	}
}

/* A write that stops half way: what it has written is cut off again. */
static void test_short_write(void **state)
{
	int dir = etc_of(state);

	assert_int_equal(open_and_append(dir, 0, "alice", LEDGER_HAS), 0);
	faults.shortens = true;
	faults.only = "pwrite";
	faults_arm(1, ENOSPC);
	assert_int_equal(append_bob(dir), 0); /* goes on with the rest */
	assert_true(faults_disarm());
	faults.shortens = false;
	faults_arm(1, ENOSPC);
	assert_int_equal(open_and_append(dir, 40, "carol", LEDGER_HAS), -ENOSPC);
	assert_true(faults_disarm());
	faults.only = NULL;
	assert_ledger(dir, false, "0+10 alice h, 20+10 bob h", "0+10 20+10");
}

static int teardown(void **state)
{
	(void)faults_reset(state);
	return scratch_teardown(state);
}

int main(void)
{
#define file_test(function)                                                              \
	cmocka_unit_test_setup_teardown(function, scratch_setup, teardown)
	const struct CMUnitTest tests[] = {
		file_test(test_append_and_compact),
		file_test(test_leases),
		file_test(test_states),
		file_test(test_torn),
		file_test(test_damaged),
		file_test(test_missing_line),
		file_test(test_not_ours),
		file_test(test_no_regular_file),
		file_test(test_lock),
		file_test(test_take_back),
		file_test(test_crowd),
		file_test(test_litter),
		file_test(test_is_long),
		file_test(test_faults),
		file_test(test_short_write),
	};

	return cmocka_run_group_tests_name("ledger_file", tests, NULL, NULL);
}
