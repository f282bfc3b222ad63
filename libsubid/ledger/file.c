/* SPDX-License-Identifier: MIT */
/*
 * The ledger as a file: read, appended to, written anew.  ledger.h has its form.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "libsubid/core/files.h"
#include "libsubid/ledger/ledger.h"

#define LOCK_FILE    "ledger.lock"
#define TAIL_MIN     (32U << 10) /* shorter tails are left as they are */
#define TAIL_SHARE   8		 /* and those shorter than this part of the file */
#define POLL_NS	     2000000
#define NS_PER_MS    1000000
#define DRAFT_PREFIX LEDGER_FILE "."

/* Which byte of the lock file: of who appends, and of who writes anew. */
enum { LOCK_APPEND, LOCK_COMPACT };

static void forget(struct ledger_file *file)
{
	subid_sets_free(&file->seen);
	ledger_free(&file->ledger);
	for (size_t i = 0; i < sizeof(file->texts) / sizeof(file->texts[0]); i++) {
		free(file->texts[i]);
		file->texts[i] = NULL;
	}
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

void ledger_news_free(struct ledger_news *news)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		ledger_list_free(&news->of[kind]);
}

/* --- who may write it -----------------------------------------------------------------
 */

static int check_trust(const struct ledger_file *file, const struct stat *st)
{
	bool ours =
	    st->st_uid == 0 || st->st_uid == geteuid() || st->st_uid == file->trusted;

	return ours && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0 ? 0 : -EPERM;
}

/* Opens a file of the directory, not through a link, and nothing but a regular file. */
static int open_file(const struct ledger_file *file, const char *name, int flags,
		     struct stat *st)
{
	auto_close int fd = -1;
	int r;

	if (is_special(file->dir, name, false))
		return -EINVAL;
	fd = openat(file->dir, name,
		    flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, st) < 0)
		return -errno;
	r = S_ISREG(st->st_mode) ? check_trust(file, st) : -EINVAL;
	if (r < 0)
		return r;
	r = fd;
	fd = -1;
	return r;
}

static bool is_same(const struct ledger_file *file, const struct stat *st)
{
	return file->exists && st->st_dev == file->device && st->st_ino == file->inode;
}

/* --- reading --------------------------------------------------------------------------
 */

/* What the lines of a file say. */
struct reading {
	struct ledger_file *file;
	struct ledger body, tail;
	uint64_t ended; /* what the body's last line says; UINT64_MAX: there was none */
	bool salvage;	/* lines come from anywhere */
};

static void reading_free(struct reading *reading)
{
	ledger_free(&reading->body);
	ledger_free(&reading->tail);
}

static int read_bytes(int fd, uint64_t from, uint64_t size, char **ret)
{
	auto_free char *bytes = malloc(size + 1);
	uint64_t done = 0;

	if (bytes == NULL)
		return -ENOMEM;
	while (done < size) {
		ssize_t n = pread(fd, bytes + done, size - done, (off_t)(from + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO; /* it is only ever added to */
		done += (uint64_t)n;
	}
	bytes[size] = '\0';
	*ret = bytes;
	bytes = NULL;
	return 0;
}

static int add_range(struct ledger *to, const struct ledger_record *record)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if ((record->kinds & (1U << kind)) != 0)
			r = ledger_add(&to->of[kind], &record->entry);
	return r;
}

static void add_state(struct ledger_file *file, const struct ledger_record *record)
{
	size_t n =
	    file->n_states < LEDGER_STATES_MAX ? file->n_states : LEDGER_STATES_MAX - 1;

	memmove(file->states + 1, file->states, n * sizeof(*file->states));
	file->n_states = n + 1;
	file->states[0].time = record->entry.since;
	memcpy(file->states[0].of, record->of, sizeof(record->of));
}

/* Ids without an owner: all that is left of records that are lost. */
static int add_seen(struct reading *reading, const struct ledger_record *record)
{
	struct ledger_record nameless = *record;
	int r = 0;

	if (reading->salvage) {
		nameless.entry.state = LEDGER_LEFT;
		nameless.entry.seq = 0;
		return add_range(&reading->body, &nameless);
	}
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		if ((record->kinds & (1U << kind)) != 0)
			r = subid_set_add(&reading->file->seen.of[kind],
					  record->entry.range);
	return r;
}

/* What one record says; tail: it is one of the tail's. */
static int take_record(struct reading *reading, const struct ledger_record *record,
		       bool tail)
{
	struct ledger_file *file = reading->file;

	if (record->word != LEDGER_SEEN && record->word != LEDGER_END &&
	    record->entry.seq > file->seq)
		file->seq = record->entry.seq;
	switch (record->word) {
	case LEDGER_RANGE:
		return add_range(tail ? &reading->tail : &reading->body, record);
	case LEDGER_SEEN:
		return add_seen(reading, record);
	case LEDGER_TABLES:
		add_state(file, record);
		break;
	case LEDGER_BACKUPS:
		memcpy(file->backups, record->of, sizeof(file->backups));
		break;
	case LEDGER_SEARCHED:
		file->searched = record->entry.seq;
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
static int unite_seen(struct subid_set *seen, const struct ledger_list *tail)
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

/* Puts together what was read. */
static int unite(struct reading *reading, bool whole)
{
	struct ledger_file *file = reading->file;
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		struct ledger_list *body = &reading->body.of[kind];
		struct ledger_list *tail = &reading->tail.of[kind];

		r = ledger_sort(tail);
		if (r == 0 && !whole)
			r = unite_seen(&file->seen.of[kind], tail);
		if (r < 0 || !whole)
			continue;
		/* in a file that is right it is in order */
		r = ledger_sort(body);
		if (r == 0)
			r = ledger_overlay(body, tail, &file->ledger.of[kind]);
		subid_set_free(&file->seen.of[kind]);
		if (r == 0)
			r = unite_seen(&file->seen.of[kind], &file->ledger.of[kind]);
	}
	file->whole = whole;
	return r;
}

static int read_damaged(struct reading *reading, int fd, uint64_t size)
{
	auto_free char *text = NULL;
	int r = read_bytes(fd, 0, size, &text);

	if (r == 0)
		r = salvage(reading, text, size);
	if (r == 0)
		r = unite(reading, true);
	if (r < 0)
		return r;
	reading->file->damaged = true;
	reading->file->searched = 0;
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
	r = read_bytes(fd, first, head->index + (whole ? head->body : 0), &texts[0]);
	if (r == 0)
		r = read_bytes(fd, base, tail, &texts[1]);
	if (r == 0)
		r = read_base(reading, texts[0], head->index + (whole ? head->body : 0));
	if (r == 0 && whole && reading->ended == UINT64_MAX)
		r = SUBID_INVALID;
	if (r == 0)
		r = read_tail(reading, texts[1], tail, &right);
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
	size_t part = size < LEDGER_HEAD_MAX ? size : LEDGER_HEAD_MAX;
	auto_free char *start = NULL;
	struct ledger_head head;
	const char *end;
	int r;

	if (size > SUBID_FILE_SIZE_MAX)
		return -EFBIG;
	forget(file);
	r = read_bytes(fd, 0, part, &start);
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

int ledger_read(struct ledger_file *file, bool whole)
{
	auto_close int fd = -1;
	struct stat st;

	fd = open_file(file, LEDGER_FILE, O_RDONLY, &st);
	if (fd == -ENOENT) {
		forget(file);
		file->whole = true;
		return 0;
	}
	if (fd < 0)
		return fd;
	if (is_same(file, &st) && (uint64_t)st.st_size == file->size &&
	    (file->whole || !whole))
		return 0;
	return read_all(file, fd, &st, whole);
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
	r = check_trust(&file, &st);
	if (r == 0)
		r = ledger_read(&file, whole);
	if (r < 0)
		return r;
	*ret = file;
	file = (struct ledger_file)LEDGER_CLOSED;
	return 0;
}

/* --- the locks ------------------------------------------------------------------------
 */

/* Locks a byte of the lock file, waiting for it: SUBID_BUSY. */
static int lock_byte(int fd, int byte, int timeout_ms)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	int64_t waited = 0;

	for (;;) {
		struct flock lock = {
			.l_type = F_WRLCK,
			.l_whence = SEEK_SET,
			.l_start = byte,
			.l_len = 1,
		};

		if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
			return 0;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return -errno;
		if (waited >= (int64_t)timeout_ms * NS_PER_MS)
			return SUBID_BUSY;
		(void)nanosleep(&pause, NULL); /* a signal only looks earlier */
		waited += POLL_NS;
	}
}

/*
 * Threat: whoever may open the lock file may lock it, and then nobody is given ids.  So
 * it is root's alone, and one that others may open is not used.
 */
static int open_lock(const struct ledger_file *file)
{
	struct stat st;
	int fd = open_file(file, LOCK_FILE, O_RDWR | O_CREAT, &st);

	if (fd >= 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		(void)close(fd); /* nothing was written */
		return -EPERM;
	}
	return fd;
}

int ledger_lock(struct ledger_file *file, int timeout_ms)
{
	int r;

	if (file->lock >= 0)
		return 0;
	file->lock = open_lock(file);
	if (file->lock < 0) {
		r = file->lock;
		file->lock = -1;
		return r;
	}
	r = lock_byte(file->lock, LOCK_APPEND, timeout_ms);
	if (r == 0)
		r = ledger_read(file, file->whole);
	if (r != 0)
		ledger_unlock(file);
	return r;
}

void ledger_unlock(struct ledger_file *file)
{
	if (file->lock >= 0)
		(void)close(file->lock); /* it has no content */
	file->lock = -1;
}

/* --- writing --------------------------------------------------------------------------
 */

/* Lines to be written, one behind the other. */
struct lines {
	char *bytes;
	size_t size, room;
	uint64_t n;
};

static void lines_free(struct lines *lines)
{
	free(lines->bytes);
}

#define auto_lines __attribute__((cleanup(lines_free)))

static int add_line(struct lines *lines, const struct ledger_record *record)
{
	if (lines->room - lines->size < LEDGER_LINE_MAX) {
		size_t room = lines->room * 2 + 8 * (size_t)LEDGER_LINE_MAX;
		char *grown = realloc(lines->bytes, room);

		if (grown == NULL)
			return -ENOMEM;
		lines->bytes = grown;
		lines->room = room;
	}
	lines->size += ledger_record_print(record, lines->bytes + lines->size);
	lines->n++;
	return 0;
}

static bool say_the_same(const struct ledger_entry *a, const struct ledger_entry *b)
{
	return id_range_equal(a->range, b->range) && a->seq == b->seq &&
	       a->since == b->since && a->until == b->until && a->uid == b->uid &&
	       a->state == b->state && a->door_in == b->door_in &&
	       a->door_out == b->door_out &&
	       owner_name_compare(&a->owner, &b->owner) == 0;
}

/* Adds the records of both kinds in the order of their ids, one for both where they say
 * the same; *seq, if it is not NULL, goes up with each, and is its number. */
static int add_records(struct lines *lines, const struct ledger_list of[SUBID_KINDS],
		       uint64_t *seq)
{
	const struct ledger_list *uids = &of[SUBID_UID], *gids = &of[SUBID_GID];
	size_t i = 0, k = 0;
	int r = 0;

	while (r == 0 && (i < uids->n || k < gids->n)) {
		const struct ledger_entry *uid = i < uids->n ? &uids->entries[i] : NULL;
		const struct ledger_entry *gid = k < gids->n ? &gids->entries[k] : NULL;
		bool both = uid != NULL && gid != NULL && say_the_same(uid, gid);
		bool first =
		    gid == NULL || (uid != NULL && uid->range.start <= gid->range.start);
		struct ledger_record record = {
			.word = LEDGER_RANGE,
			.kinds = both ? SUBID_BOTH_KINDS
				      : 1U << (first ? SUBID_UID : SUBID_GID),
			.entry = first ? *uid : *gid,
		};

		if (seq != NULL)
			record.entry.seq = ++*seq;
		r = add_line(lines, &record);
		i += both || first;
		k += both || !first;
	}
	return r;
}

/* The same of what is new, with the rest of it. */
static int add_news(struct lines *lines, const struct ledger_news *news, uint64_t *seq)
{
	struct ledger_record record = { .word = LEDGER_SEARCHED };
	int r = add_records(lines, news->of, seq);

	record.entry.since = news->now;
	if (r == 0 && news->searched) {
		record.entry.seq = ++*seq;
		r = add_line(lines, &record);
	}
	if (r == 0 && news->has_tables) {
		record.word = LEDGER_TABLES;
		record.entry.seq = ++*seq;
		memcpy(record.of, news->tables, sizeof(record.of));
		r = add_line(lines, &record);
	}
	if (r == 0 && news->has_backups) {
		record.word = LEDGER_BACKUPS;
		record.entry.seq = ++*seq;
		memcpy(record.of, news->backups, sizeof(record.of));
		r = add_line(lines, &record);
	}
	return r;
}

/* The index: ids of both kinds, sorted. */
static int add_index(struct lines *lines, const struct ledger_file *file)
{
	struct ledger_record record = { .word = LEDGER_SEEN };
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		record.kinds = 1U << kind;
		for (size_t i = 0; r == 0 && i < file->seen.of[kind].n; i++) {
			record.entry.range = file->seen.of[kind].ranges[i];
			r = add_line(lines, &record);
		}
	}
	record.word = LEDGER_TABLES;
	for (size_t i = file->n_states; r == 0 && i > 0; i--) {
		record.entry.since = file->states[i - 1].time;
		memcpy(record.of, file->states[i - 1].of, sizeof(record.of));
		r = add_line(lines, &record);
	}
	record.word = LEDGER_BACKUPS;
	memcpy(record.of, file->backups, sizeof(record.of));
	return r == 0 ? add_line(lines, &record) : r;
}

/* Writes all that is known, which was read whole, into a draft of a new file. */
static int write_base(const struct ledger_file *file,
		      struct subid_replacement *replacement)
{
	auto_lines struct lines index = { .n = 0 }, body = { .n = 0 };
	struct ledger_record end = { .word = LEDGER_END };
	struct ledger_head head = { .seq = file->seq, .searched = file->searched };
	char first[LEDGER_HEAD_MAX];
	int r = add_index(&index, file);

	if (r == 0)
		r = add_records(&body, file->ledger.of, NULL);
	end.entry.seq = body.n;
	if (r == 0)
		r = add_line(&body, &end);
	if (r < 0)
		return r;
	head.index = index.size;
	head.body = body.size;
	r = subid_replacement_write(replacement, first, ledger_head_print(&head, first));
	if (r == 0)
		r = subid_replacement_write(replacement, index.bytes, index.size);
	return r == 0 ? subid_replacement_write(replacement, body.bytes, body.size) : r;
}

/* A file that is not there or damaged, or must not be added to: as a whole, with news. */
static int write_anew(struct ledger_file *file, const struct ledger_news *news)
{
	auto_replacement struct subid_replacement *replacement = NULL;
	auto_lines struct lines lines = { .n = 0 };
	uint64_t seq = file->seq;
	int r = add_news(&lines, news, &seq);

	if (r == 0)
		r = ledger_read(file, true);
	if (r == 0)
		r = subid_replacement_open_alone(file->dir, LEDGER_FILE, &replacement);
	if (r == 0)
		r = write_base(file, replacement);
	if (r == 0)
		r = subid_replacement_write(replacement, lines.bytes, lines.size);
	return r == 0 ? subid_replacements_commit(&replacement, 1) : r;
}

static int write_at(int fd, const char *bytes, size_t size, uint64_t at)
{
	while (size > 0) {
		ssize_t n = pwrite(fd, bytes, size, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		bytes += n;
		size -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

/* Adds lines where the last whole one ends; what is behind it was cut off. */
static int write_tail(struct ledger_file *file, const struct lines *lines, bool sync)
{
	auto_close int fd = -1;
	struct stat st;
	int r = 0;

	fd = open_file(file, LEDGER_FILE, O_WRONLY, &st);
	if (fd < 0)
		return fd;
	if (!is_same(file, &st))
		return -ESTALE; /* somebody writes without the lock */
	if ((uint64_t)st.st_size != file->size && ftruncate(fd, (off_t)file->size) < 0)
		return -errno;
	r = write_at(fd, lines->bytes, lines->size, file->size);
	if (r == 0 && sync && fdatasync(fd) < 0)
		r = -errno;
	if (r < 0 && ftruncate(fd, (off_t)file->size) < 0)
		return r; /* what stays in the file quarantines ids, no more */
	return r;
}

int ledger_append(struct ledger_file *file, const struct ledger_news *news, bool sync)
{
	auto_lines struct lines lines = { .n = 0 };
	uint64_t seq = file->seq, before = file->size;
	int r;

	if (file->lock < 0)
		return -EINVAL;
	if (!file->exists || file->damaged) {
		r = write_anew(file, news);
	} else {
		r = add_news(&lines, news, &seq);
		if (r == 0 && lines.n > 0)
			r = write_tail(file, &lines, sync);
	}
	if (r == 0)
		r = ledger_read(file, false);
	if (r == 0)
		file->before = before;
	return r;
}

void ledger_take_back(struct ledger_file *file)
{
	auto_close int fd = -1;
	struct stat st;

	if (file->lock < 0 || file->before == 0)
		return;
	fd = open_file(file, LEDGER_FILE, O_WRONLY, &st);
	if (fd >= 0 && is_same(file, &st) && (uint64_t)st.st_size == file->size &&
	    ftruncate(fd, (off_t)file->before) < 0)
		return; /* what stays in the file quarantines ids, no more */
}

/* --- written anew ---------------------------------------------------------------------
 */

bool ledger_is_long(const struct ledger_file *file)
{
	return file->tail > TAIL_MIN + file->size / TAIL_SHARE;
}

/* Drafts that were left behind by a kill; with both locks there can be no other. */
static void remove_drafts(const struct ledger_file *file)
{
	int fd = openat(file->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		if (fd >= 0)
			(void)close(fd); /* it is only read */
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		const char *rest = entry->d_name + sizeof(DRAFT_PREFIX) - 1;

		if (strncmp(entry->d_name, DRAFT_PREFIX, sizeof(DRAFT_PREFIX) - 1) == 0 &&
		    strspn(rest, "0123456789abcdef") == 8 &&
		    (rest[8] == '\0' || strcmp(rest + 8, "=") == 0))
			(void)unlinkat(file->dir, entry->d_name, 0); /* only litter */
	}
	(void)closedir(dir);
}

/* Adds what others have appended since the draft was made; false: they wrote it anew. */
static int copy_rest(const struct ledger_file *file, uint64_t from,
		     struct subid_replacement *replacement)
{
	auto_free char *bytes = NULL;
	auto_close int fd = -1;
	struct stat st;
	int r;

	fd = open_file(file, LEDGER_FILE, O_RDONLY, &st);
	if (fd < 0)
		return fd;
	if (!is_same(file, &st) || file->size < from)
		return -ESTALE;
	r = read_bytes(fd, from, file->size - from, &bytes);
	return r == 0 ? subid_replacement_write(replacement, bytes, file->size - from)
		      : r;
}

static int compact(struct ledger_file *file, int timeout_ms)
{
	auto_replacement struct subid_replacement *replacement = NULL;
	uint64_t size, inode;
	int r = ledger_read(file, true);

	if (r < 0 || !file->exists || file->damaged)
		return r;
	size = file->size;
	inode = file->inode;
	r = subid_replacement_open_alone(file->dir, LEDGER_FILE, &replacement);
	if (r == 0)
		r = write_base(file, replacement);
	if (r == 0)
		r = subid_replacement_sync(replacement);
	if (r == 0)
		r = ledger_lock(file, timeout_ms);
	if (r == 0 && (file->inode != inode || file->damaged))
		r = -ESTALE;
	if (r == 0)
		r = copy_rest(file, size, replacement);
	if (r == 0)
		r = subid_replacements_commit(&replacement, 1);
	if (r == 0)
		remove_drafts(file);
	return r;
}

int ledger_compact(struct ledger_file *file, int timeout_ms)
{
	auto_close int lock = open_lock(file);
	int r = lock < 0 ? lock : lock_byte(lock, LOCK_COMPACT, 0);

	if (r == 0)
		r = compact(file, timeout_ms);
	ledger_unlock(file);
	/* a process that is at it, or has just written it, does as well */
	return r == -ESTALE || r == SUBID_BUSY ? 0 : r;
}
