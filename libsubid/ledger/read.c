/* SPDX-License-Identifier: MIT */
/*
 * The ledger's file, opened and read.  ledger.h has its form.
 */
#include "libsubid/ledger/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/files.h"

static void forget(struct ledger_file *file)
{
	for (enum ledger_about about = 0; about < LEDGER_PARTS; about++) {
		subid_sets_free(&file->parts[about].seen);
		ledger_free(&file->parts[about].ledger);
	}
	for (size_t i = 0; i < sizeof(file->texts) / sizeof(file->texts[0]); i++) {
		free(file->texts[i]);
		file->texts[i] = NULL;
	}
	subid_set_free(&file->hiders);
	*file = (struct ledger_file){
		.dir = file->dir,
		.trusted = file->trusted,
		.lock = file->lock,
	};
}

void ledger_close(struct ledger_file *file)
{
	ledger_unlock(file);
	forget(file);
	file->dir = -1;
}

bool ledger_is_same(const struct ledger_file *file, const struct stat *st)
{
	return file->exists && st->st_dev == file->device && st->st_ino == file->inode;
}

/* --- reading -----------------------------------------------------------------------
 */

/* What the lines of a file say. */
struct reading {
	struct ledger_file *file;
	struct ledger body[LEDGER_PARTS], tail[LEDGER_PARTS];
	struct subid_set hiders; /* of the search that comes next in the tail */
	uint64_t ended; /* what the body's last line says; UINT64_MAX: there was none */
	bool salvage;	/* lines come from anywhere */
};

static void reading_free(struct reading *reading)
{
	for (enum ledger_about about = 0; about < LEDGER_PARTS; about++) {
		ledger_free(&reading->body[about]);
		ledger_free(&reading->tail[about]);
	}
	subid_set_free(&reading->hiders);
}

int ledger_read_bytes(int fd, uint64_t from, uint64_t size, char **ret)
{
	auto_free char *bytes = NULL;
	size_t done = 0;

	if (size >= SIZE_MAX)
		return -EFBIG; /* for this machine */
	bytes = malloc((size_t)size + 1);
	if (bytes == NULL)
		return -ENOMEM;
	while (done < size) {
		ssize_t n =
		    pread(fd, bytes + done, (size_t)size - done, (off_t)(from + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO; /* it is only ever added to */
		done += (size_t)n;
	}
	bytes[size] = '\0';
	*ret = bytes;
	bytes = NULL;
	return 0;
}

static int add_range(struct ledger to[LEDGER_PARTS], const struct ledger_record *record)
{
	struct ledger *part = &to[record->about];
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if ((record->kinds & (1U << kind)) != 0)
			r = ledger_add(&part->of[kind], &record->entry);
	return r;
}

static void add_state(struct ledger_part *part, const struct ledger_record *record)
{
	size_t n =
	    part->n_states < LEDGER_STATES_MAX ? part->n_states : LEDGER_STATES_MAX - 1;

	memmove(part->states + 1, part->states, n * sizeof(*part->states));
	part->n_states = n + 1;
	part->states[0].time = record->entry.since;
	memcpy(part->states[0].of, record->of, sizeof(record->of));
}

/* Ids without an owner: all that is left of records that are lost. */
static int add_seen(struct reading *reading, const struct ledger_record *record)
{
	struct ledger_record nameless = *record;
	int r = 0;

	if (reading->salvage) {
		nameless.entry.state = LEDGER_LEFT;
		nameless.entry.seq = 0;
		return add_range(reading->body, &nameless);
	}
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if ((record->kinds & (1U << kind)) != 0)
			r = subid_set_add(
			    &reading->file->parts[record->about].seen.of[kind],
			    record->entry.range);
	return r;
}

/* What one record says; tail: it is one of the tail's. */
static int take_record(struct reading *reading, const struct ledger_record *record,
		       bool tail)
{
	struct ledger_file *file = reading->file;
	struct ledger_part *part = &file->parts[record->about];

	if (record->word != LEDGER_SEEN && record->word != LEDGER_END &&
	    record->entry.seq > file->seq)
		file->seq = record->entry.seq;
	switch (record->word) {
	case LEDGER_RANGE:
		return add_range(tail ? reading->tail : reading->body, record);
	case LEDGER_SEEN:
		return add_seen(reading, record);
	case LEDGER_TABLES:
		add_state(part, record);
		break;
	case LEDGER_BACKUPS:
		memcpy(part->backups, record->of, sizeof(part->backups));
		break;
	case LEDGER_HIDER:
		return subid_set_add(tail ? &reading->hiders : &file->hiders,
				     record->entry.range);
	case LEDGER_SEARCHED:
		file->searched = record->upto + 1;
		subid_set_free(&file->hiders);
		file->hiders = reading->hiders;
		reading->hiders = (struct subid_set){ .n = 0 };
		break;
	case LEDGER_END:
		reading->ended = record->entry.seq;
		break;
	}
	return 0;
}

/* The next line of a text; false at its end, and at one without a newline. */
static bool next_line(char *text, size_t size, size_t *pos, char **ret, size_t *ret_len)
{
	char *end = *pos >= size ? NULL : memchr(text + *pos, '\n', size - *pos);

	if (end == NULL)
		return false;
	*ret = text + *pos;
	*ret_len = (size_t)(end - *ret);
	*pos += *ret_len + 1;
	return true;
}

/* The lines of index and body, each of which must be right.  SUBID_INVALID if not. */
static int read_base(struct reading *reading, char *text, size_t size)
{
	size_t pos = 0, len;
	char *line;
	int r = 0;

	while (r == 0 && next_line(text, size, &pos, &line, &len)) {
		struct ledger_record record;

		r = ledger_record_parse(line, len, &record);
		if (r == 0)
			r = take_record(reading, &record, false);
	}
	return r == 0 && pos != size ? SUBID_INVALID : r;
}

/*
 * The lines of the tail.  What was cut off by a power cut, or a full disk, at its end was
 * never true; a line that is wrong among others, or missing, is damage: SUBID_INVALID.
 */
static int read_tail(struct reading *reading, char *text, size_t size, size_t *ret_whole)
{
	size_t pos = 0, whole = 0, len;
	bool wrong = false;
	char *line;

	while (next_line(text, size, &pos, &line, &len)) {
		struct ledger_record record;
		uint64_t last = reading->file->seq;
		int r = ledger_record_parse(line, len, &record);

		if (r != 0) {
			wrong = true;
			continue;
		}
		if (wrong || record.word == LEDGER_SEEN || record.word == LEDGER_END ||
		    record.entry.seq != last + 1)
			return SUBID_INVALID;
		r = take_record(reading, &record, true);
		if (r < 0)
			return r;
		whole = pos;
	}
	*ret_whole = whole;
	return 0;
}

/* Every line of a damaged file that is right. */
static int salvage(struct reading *reading, char *text, size_t size)
{
	size_t pos = 0, len;
	char *line;
	int r = 0;

	forget(reading->file);
	reading_free(reading);
	reading->salvage = true;
	while (r == 0 && next_line(text, size, &pos, &line, &len)) {
		struct ledger_record record;

		if (ledger_record_parse(line, len, &record) == 0)
			r = take_record(reading, &record, true);
	}
	return r;
}

/* Ids that are somebody's or left, of what the tail says over what the index does. */
int ledger_unite_seen(struct subid_set *seen, const struct ledger_list *tail)
{
	auto_set struct subid_set cleared = { .n = 0 }, more = { .n = 0 };
	auto_set struct subid_set kept = { .n = 0 };
	int r = ledger_ids(tail, LEDGER_CLEARED, 0, &cleared);

	subid_set_sort(seen);
	if (r == 0 && cleared.n > 0) {
		r = subid_set_subtract(seen, &cleared, &kept);
		if (r == 0) {
			subid_set_free(seen);
			*seen = kept;
			kept = (struct subid_set){ .n = 0 };
		}
	}
	for (size_t i = 0; r == 0 && i < tail->n; i++)
		if (tail->entries[i].state != LEDGER_CLEARED)
			r = subid_set_add(&more, tail->entries[i].range);
	subid_set_sort(&more);
	return r == 0 ? subid_set_unite(seen, &more) : r;
}

/* One kind of one part; whole: into ledger, too. */
static int unite_kind(struct ledger_part *part, enum subid_kind kind,
		      struct ledger_list *body, struct ledger_list *tail, bool whole)
{
	int r = ledger_sort(tail);

	if (r == 0 && !whole)
		r = ledger_unite_seen(&part->seen.of[kind], tail);
	if (r < 0 || !whole)
		return r;
	/* in a file that is right it is in order */
	r = ledger_sort(body);
	if (r == 0)
		r = ledger_overlay(body, tail, &part->ledger.of[kind]);
	subid_set_free(&part->seen.of[kind]);
	return r == 0 ? ledger_unite_seen(&part->seen.of[kind], &part->ledger.of[kind])
		      : r;
}

/* Puts together what was read. */
static int unite(struct reading *reading, bool whole)
{
	int r = 0;

	for (enum ledger_about about = 0; about < LEDGER_PARTS; about++)
		for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
			r = unite_kind(&reading->file->parts[about], kind,
				       &reading->body[about].of[kind],
				       &reading->tail[about].of[kind], whole);
	subid_set_sort(&reading->file->hiders);
	reading->file->whole = whole;
	return r;
}

static int read_damaged(struct reading *reading, int fd, uint64_t size)
{
	auto_free char *text = NULL;
	int r = ledger_read_bytes(fd, 0, size, &text);

	if (r == 0)
		r = salvage(reading, text, (size_t)size);
	if (r == 0)
		r = unite(reading, true);
	if (r < 0)
		return r;
	reading->file->damaged = true;
	reading->file->searched = 0;
	subid_set_free(&reading->file->hiders);
	reading->file->texts[0] = text;
	text = NULL;
	return 0;
}

/* The parts of a file whose first line is right; SUBID_INVALID if they are not. */
static int read_parts(struct reading *reading, int fd, uint64_t size, size_t first,
		      const struct ledger_head *head, bool whole)
{
	struct ledger_file *file = reading->file;
	char **texts = file->texts;
	uint64_t base = first + head->index + head->body, tail;
	size_t right = 0;
	int r;

	if (base > size)
		return SUBID_INVALID;
	tail = size - base;
	file->seq = head->seq;
	file->searched = head->searched;
	r = ledger_read_bytes(fd, first, head->index + (whole ? head->body : 0),
			      &texts[0]);
	if (r == 0)
		r = ledger_read_bytes(fd, base, tail, &texts[1]);
	if (r == 0)
		r = read_base(reading, texts[0],
			      (size_t)(head->index + (whole ? head->body : 0)));
	if (r == 0 && whole && reading->ended == UINT64_MAX)
		r = SUBID_INVALID;
	if (r == 0)
		r = read_tail(reading, texts[1], (size_t)tail, &right);
	if (r == 0)
		r = unite(reading, whole);
	file->size = base + right;
	file->tail = right;
	return r;
}

static int read_all(struct ledger_file *file, int fd, const struct stat *st, bool whole)
{
	__attribute__((cleanup(reading_free))) struct reading reading = {
		.file = file,
		.ended = UINT64_MAX,
	};
	uint64_t size = (uint64_t)st->st_size;
	size_t part = (size_t)(size < LEDGER_HEAD_MAX ? size : LEDGER_HEAD_MAX);
	auto_free char *start = NULL;
	struct ledger_head head;
	const char *end;
	int r;

	if (size > SUBID_FILE_SIZE_MAX)
		return -EFBIG;
	forget(file);
	r = ledger_read_bytes(fd, 0, part, &start);
	if (r < 0)
		return r;
	end = memchr(start, '\n', part);
	r = end == NULL ? SUBID_INVALID
			: ledger_head_parse(start, (size_t)(end - start), &head);
	if (r == 0)
		r = read_parts(&reading, fd, size, (size_t)(end - start) + 1, &head,
			       whole);
	if (r > 0)
		r = read_damaged(&reading, fd, size);
	if (r < 0) {
		forget(file);
		return r;
	}
	file->exists = true;
	file->device = st->st_dev;
	file->inode = st->st_ino;
	if (file->damaged)
		file->size = size;
	return 0;
}

int ledger_note(struct ledger_file *file, const struct ledger_news *news, uint64_t seq,
		uint64_t size)
{
	struct ledger_record tables = { .entry.since = news->now };
	struct ledger_part *part = &file->parts[news->about];
	int r = 0;

	if (news->searched) {
		subid_set_free(&file->hiders);
		file->searched = news->upto + 1;
		r = subid_set_unite(&file->hiders, &news->hiders);
	}
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = ledger_unite_seen(&part->seen.of[kind], &news->of[kind]);
	if (r < 0)
		return r;
	memcpy(tables.of, news->tables, sizeof(tables.of));
	if (news->has_tables)
		add_state(part, &tables);
	if (news->has_backups)
		memcpy(part->backups, news->backups, sizeof(part->backups));
	file->seq = seq;
	file->size += size;
	file->tail += size;
	file->whole = false; /* owners of news are the caller's */
	for (enum ledger_about about = 0; about < LEDGER_PARTS; about++)
		ledger_free(&file->parts[about].ledger);
	return 0;
}

int ledger_read(struct ledger_file *file, bool whole)
{
	auto_close int fd = -1;
	struct stat st;

	fd = ledger_open_file(file, LEDGER_FILE, O_RDONLY, &st);
	if (fd == -ENOENT) {
		forget(file);
		file->whole = true;
		return 0;
	}
	if (fd < 0)
		return fd;
	if (ledger_is_same(file, &st) && (uint64_t)st.st_size == file->size &&
	    (file->whole || !whole))
		return 0;
	return read_all(file, fd, &st, whole);
}

int ledger_lock(struct ledger_file *file, int timeout_ms)
{
	int r;

	if (file->lock >= 0)
		return 0;
	file->lock = ledger_open_lock(file);
	if (file->lock < 0) {
		r = file->lock;
		file->lock = -1;
		return r;
	}
	r = ledger_lock_byte(file->lock, LOCK_APPEND, timeout_ms);
	if (r == 0)
		r = ledger_read(file, file->whole);
	if (r != 0)
		ledger_unlock(file);
	return r;
}

int ledger_open(int dir, uint32_t trusted, bool whole, struct ledger_file *ret)
{
	auto_ledger_file struct ledger_file file = {
		.dir = dir,
		.trusted = trusted,
		.lock = -1,
	};
	struct stat st;
	int r;

	if (fstat(dir, &st) < 0)
		return -errno;
	r = ledger_check_trust(&file, &st);
	if (r == 0)
		r = ledger_read(&file, whole);
	if (r < 0)
		return r;
	*ret = file;
	file = (struct ledger_file)LEDGER_CLOSED;
	return 0;
}
