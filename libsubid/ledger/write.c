/* SPDX-License-Identifier: MIT */
/*
 * The ledger's file, added to: at its end, or as a whole where there is none that could
 * be added to.
 */
#include "libsubid/ledger/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/files.h"

void ledger_news_free(struct ledger_news *news)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		ledger_list_free(&news->of[kind]);
}

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

/* A walk through the entries of both kinds in the order of their ids. */
struct walk {
	const struct ledger_list *of; /* SUBID_KINDS of them */
	size_t at[SUBID_KINDS];
};

/* The next entry, and the kinds that have it: both where they say the same.  NULL: there
 * is none. */
static struct ledger_entry *next_entry(struct walk *walk, unsigned int *ret_kinds)
{
	const struct ledger_list *uids = &walk->of[SUBID_UID];
	const struct ledger_list *gids = &walk->of[SUBID_GID];
	size_t i = walk->at[SUBID_UID], k = walk->at[SUBID_GID];
	struct ledger_entry *uid = i < uids->n ? &uids->entries[i] : NULL;
	struct ledger_entry *gid = k < gids->n ? &gids->entries[k] : NULL;
	bool first = gid == NULL || (uid != NULL && uid->range.start <= gid->range.start);

	if (uid == NULL && gid == NULL)
		return NULL;
	*ret_kinds = uid != NULL && gid != NULL && say_the_same(uid, gid)
			 ? SUBID_BOTH_KINDS
			 : 1U << (first ? SUBID_UID : SUBID_GID);
	walk->at[SUBID_UID] += (*ret_kinds & (1U << SUBID_UID)) != 0;
	walk->at[SUBID_GID] += (*ret_kinds & (1U << SUBID_GID)) != 0;
	return first ? uid : gid;
}

static int add_records(struct lines *lines, enum ledger_about about,
		       const struct ledger_list of[SUBID_KINDS])
{
	struct ledger_record record = { .word = LEDGER_RANGE, .about = about };
	struct walk walk = { .of = of };
	const struct ledger_entry *entry;
	int r = 0;

	while (r == 0 && (entry = next_entry(&walk, &record.kinds)) != NULL) {
		record.entry = *entry;
		r = add_line(lines, &record);
	}
	return r;
}

/* Numbers what is new: seq rises by one with each record. */
static uint64_t number(const struct ledger_list of[SUBID_KINDS], uint64_t seq)
{
	struct walk walk = { .of = of };
	struct ledger_entry *entry;
	unsigned int kinds;

	while ((entry = next_entry(&walk, &kinds)) != NULL) {
		entry->seq = ++seq;
		if (kinds == SUBID_BOTH_KINDS)
			of[SUBID_GID].entries[walk.at[SUBID_GID] - 1].seq = seq;
	}
	return seq;
}

/* Who hid something; each numbered, if seq is not NULL. */
static int add_hiders(struct lines *lines, const struct subid_set *hiders, uint64_t *seq)
{
	struct ledger_record record = { .word = LEDGER_HIDER };
	int r = 0;

	for (size_t i = 0; r == 0 && i < hiders->n; i++) {
		record.entry.range = hiders->ranges[i];
		record.entry.seq = seq == NULL ? 0 : ++*seq;
		r = add_line(lines, &record);
	}
	return r;
}

static int add_search(struct lines *lines, const struct ledger_news *news, uint64_t *seq)
{
	struct ledger_record record = { .word = LEDGER_SEARCHED, .upto = news->upto };
	int r = add_hiders(lines, &news->hiders, seq);

	record.entry.since = news->now;
	record.entry.seq = ++*seq;
	return r == 0 ? add_line(lines, &record) : r;
}

/* What else there is of news, and goes behind the ranges. */
static int add_facts(struct lines *lines, const struct ledger_news *news, uint64_t *seq)
{
	struct ledger_record record = { .about = news->about };
	int r = news->searched ? add_search(lines, news, seq) : 0;

	record.entry.since = news->now;
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

/* The ids of both kinds, sorted, in one line where they are the same. */
static int add_ids(struct lines *lines, enum ledger_about about,
		   const struct subid_sets *seen)
{
	const struct subid_set *uids = &seen->of[SUBID_UID], *gids = &seen->of[SUBID_GID];
	struct ledger_record record = { .word = LEDGER_SEEN, .about = about };
	size_t i = 0, k = 0;
	int r = 0;

	while (r == 0 && (i < uids->n || k < gids->n)) {
		bool both = i < uids->n && k < gids->n &&
			    id_range_equal(uids->ranges[i], gids->ranges[k]);
		bool uid =
		    both || k == gids->n ||
		    (i < uids->n && uids->ranges[i].start <= gids->ranges[k].start);

		record.entry.range = uid ? uids->ranges[i] : gids->ranges[k];
		record.kinds =
		    both ? SUBID_BOTH_KINDS : 1U << (uid ? SUBID_UID : SUBID_GID);
		i += uid;
		k += both || !uid;
		r = add_line(lines, &record);
	}
	return r;
}

/* The index of one part; of leases that nobody has ever looked at, nothing. */
static int add_index(struct lines *lines, enum ledger_about about,
		     const struct ledger_part *part)
{
	struct ledger_record record = { .word = LEDGER_TABLES, .about = about };
	int r = add_ids(lines, about, &part->seen);

	for (size_t i = part->n_states; r == 0 && i > 0; i--) {
		record.entry.since = part->states[i - 1].time;
		memcpy(record.of, part->states[i - 1].of, sizeof(record.of));
		r = add_line(lines, &record);
	}
	if (r < 0 || (about == LEDGER_LEASES && part->n_states == 0))
		return r;
	record.word = LEDGER_BACKUPS;
	memcpy(record.of, part->backups, sizeof(record.of));
	return add_line(lines, &record);
}

/* Writes all that is known, which was read whole, into a draft of a new file. */
int ledger_write_base(const struct ledger_file *file,
		      struct subid_replacement *replacement)
{
	auto_lines struct lines index = { .n = 0 }, body = { .n = 0 };
	struct ledger_record end = { .word = LEDGER_END };
	struct ledger_head head = { .seq = file->seq, .searched = file->searched };
	char first[LEDGER_HEAD_MAX];
	int r = 0;

	/* what a grant reads without the body */
	for (enum ledger_about about = 0; r == 0 && about < LEDGER_PARTS; about++) {
		r = add_index(&index, about, &file->parts[about]);
		if (r == 0)
			r = add_records(&body, about, file->parts[about].ledger.of);
	}
	if (r == 0)
		r = add_hiders(&index, &file->hiders, NULL);
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

/* A part with news of it, in memory; its owners' names are those of both. */
static int add_to(const struct ledger_part *part, const struct ledger_list *news,
		  struct ledger_part *next)
{
	int r = subid_sets_unite(&next->seen, &part->seen);

	next->n_states = part->n_states;
	memcpy(next->states, part->states, sizeof(next->states));
	memcpy(next->backups, part->backups, sizeof(next->backups));
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		r = ledger_overlay(&part->ledger.of[kind], &news[kind],
				   &next->ledger.of[kind]);
		if (r == 0)
			r = ledger_unite_seen(&next->seen.of[kind], &news[kind]);
	}
	return r;
}

static void next_free(struct ledger_file *next)
{
	for (enum ledger_about about = 0; about < LEDGER_PARTS; about++) {
		ledger_free(&next->parts[about].ledger);
		subid_sets_free(&next->parts[about].seen);
	}
	subid_set_free(&next->hiders);
}

/* A file that is not there, or damaged: as a whole, with news. */
static int write_anew(struct ledger_file *file, const struct ledger_news *news)
{
	auto_replacement struct subid_replacement *replacement = NULL;
	auto_lines struct lines facts = { .n = 0 };
	__attribute__((cleanup(next_free))) struct ledger_file next = { .exists = true };
	static const struct ledger_list nothing[SUBID_KINDS];
	uint64_t seq;
	int r = ledger_read(file, true);

	if (r < 0)
		return r;
	next.searched = file->searched;
	next.seq = number(news->of, file->seq);
	r = subid_set_unite(&next.hiders, &file->hiders);
	for (enum ledger_about about = 0; r == 0 && about < LEDGER_PARTS; about++)
		r = add_to(&file->parts[about], about == news->about ? news->of : nothing,
			   &next.parts[about]);
	seq = next.seq;
	if (r == 0)
		r = add_facts(&facts, news, &seq);
	if (r == 0)
		r = subid_replacement_open_alone(file->dir, LEDGER_FILE, &replacement);
	if (r == 0)
		r = ledger_write_base(&next, replacement);
	if (r == 0)
		r = subid_replacement_write(replacement, facts.bytes, facts.size);
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

	fd = ledger_open_file(file, LEDGER_FILE, O_WRONLY, &st);
	if (fd < 0)
		return fd;
	if (!ledger_is_same(file, &st))
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
		seq = number(news->of, seq);
		r = add_records(&lines, news->about, news->of);
		if (r == 0)
			r = add_facts(&lines, news, &seq);
		if (r == 0 && lines.n > 0)
			r = write_tail(file, &lines, sync);
	}
	/* an index may be long: what it says is known already */
	if (r == 0 && (lines.n == 0 || ledger_note(file, news, seq, lines.size) < 0))
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
	fd = ledger_open_file(file, LEDGER_FILE, O_WRONLY, &st);
	if (fd >= 0 && ledger_is_same(file, &st) && (uint64_t)st.st_size == file->size &&
	    ftruncate(fd, (off_t)file->before) < 0)
		return; /* what stays in the file quarantines ids, no more */
}
