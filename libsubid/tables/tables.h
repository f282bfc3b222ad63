/* SPDX-License-Identifier: MIT */
/*
 * The tables /etc/subuid and /etc/subgid: in memory, their owners, and the locks that go
 * before a change.
 */
#pragma once

#include <sys/types.h>

#include "libsubid/lines/lines.h"

/* --- A table in memory --- */

/*
 * The file's bytes once, and entries that point into them: a line that authorises.  Other
 * lines are kept byte for byte.  range.count is 0 once the entry has been removed.
 */
struct subid_entry {
	uint32_t offset; /* of the line in the file; see subid_table_line() */
	uint32_t owner_len : 31;
	uint32_t changed : 1;
	struct id_range range;
};

/* Read freely, change through functions. */
struct subid_table {
	enum subid_kind kind;
	bool exists;  /* there is such a file; if not, the table is empty */
	bool changed; /* since it was read, or committed */
	bool stale;   /* changed since it was read: ids is not up to date */
	struct subid_text text;
	struct subid_entry *entries; /* in the order of the file, then new ones */
	size_t n;
	size_t room;
	size_t first_changed; /* no entry before it was; n if none was */
	struct subid_set
	    malformed; /* what other readers take from lines that are no entries */
	uint32_t *malformed_lines; /* offsets of those lines in text, in its order */
	size_t n_malformed;
	struct subid_set ids;	 /* of the entries as they were read */
	struct subid_set shared; /* see subid_table_shared() */
	bool shared_known;
	char *added; /* owners of new entries; offsets from text.size on */
	size_t added_size;
	size_t added_room;
	uint32_t *buckets; /* subid_table_index() */
	uint32_t *chain;
	size_t bucket_mask;
};

/*
 * Reads a table from the configuration directory etc.  A file that does not exist is an
 * empty table.  Returns 0, and the caller releases the table with subid_table_free(); or
 * what subid_text_read() fails with.
 */
int subid_table_load(int etc, enum subid_kind kind, struct subid_table *ret);

/*
 * The same from bytes that were read already, a backup's or through a link; *text becomes
 * the table's, also on failure.  Returns 0 or -ENOMEM.
 */
int subid_table_from_text(enum subid_kind kind, struct subid_text *text,
			  struct subid_table *ret);

/*
 * The same for a table that most often has the same bytes as another, which is loaded
 * already: subgid beside subuid.  Then its lines are not read again.
 */
int subid_table_load_like(int etc, const struct subid_table *other, enum subid_kind kind,
			  struct subid_table *ret);

/*
 * Has the file of a kind the same bytes as a table that is loaded, and not changed since?
 * Then there is no need to load it for reading.  Returns 0 with *ret set, or what
 * subid_text_read() fails with.
 */
int subid_table_is_alike(int etc, enum subid_kind kind, const struct subid_table *table,
			 bool *ret);

void subid_table_free(struct subid_table *table);

#define auto_table __attribute__((cleanup(subid_table_free)))

/* The owner of an entry, entry->owner_len bytes, not terminated. */
const char *subid_table_owner(const struct subid_table *table,
			      const struct subid_entry *entry);

/*
 * The number of the line, from 1, that an entry has in the file; 0: a new one.  Costs a
 * binary search, as does the next.
 */
size_t subid_table_line(const struct subid_table *table, const struct subid_entry *entry);

/* The same for one of malformed_lines, by its index. */
size_t subid_table_malformed_line(const struct subid_table *table, size_t malformed);

/*
 * Adds an entry at the end, on a line of its own.  The owner is copied; it and the range
 * must be valid.  Returns 0, -EINVAL, -EFBIG or -ENOMEM.
 */
int subid_table_add(struct subid_table *table, const char *owner, size_t len,
		    struct id_range range) SUBID_WARN_UNUSED;

/*
 * Takes cut out of one entry: the line goes, or shrinks, or, when cut lies in its middle,
 * keeps the lower part while a new entry at the end gets the upper.  Returns 0, also when
 * the two do not meet, or what subid_table_add() fails with.
 */
int subid_table_cut(struct subid_table *table, size_t index,
		    struct id_range cut) SUBID_WARN_UNUSED;

/*
 * The ids that entries have, whoever owns them, into *ret, which must be empty; sorted.
 * Returns 0 or -ENOMEM.
 */
int subid_table_granted(const struct subid_table *table,
			struct subid_set *ret) SUBID_WARN_UNUSED;

/* The same with what other readers take from lines that are no entries. */
int subid_table_taken(const struct subid_table *table,
		      struct subid_set *ret) SUBID_WARN_UNUSED;

/*
 * Ids that more than one entry may have: all that two had when they were counted, which
 * is when it is asked for the first time, and again after an entry was added.  NULL: out
 * of memory.  Who has added entries with ids that no other one has may set shared_known
 * back to what it was.
 */
const struct subid_set *subid_table_shared(struct subid_table *table);

/*
 * Finds the line, entry or not, from which some reader takes the most of the ids of r,
 * the first of several.  Returns its number, from 1, and sets *ret_text and *ret_len to
 * the line; or 0.  Slow: for explaining a refusal.
 */
size_t subid_table_who_has(const struct subid_table *table, struct id_range r,
			   const char **ret_text, size_t *ret_len);

/*
 * Hands the table as it now stands to sink, piece by piece and in order: lines that were
 * not changed, as they were.  sink returns 0, or -errno, which ends it.
 */
int subid_table_print(const struct subid_table *table,
		      int (*sink)(void *data, const void *bytes, size_t size),
		      void *data);

/* --- The owners of a table: by name, and by id --- */

/*
 * Goes through the entries of an owner of exactly this name, without those removed:
 *     for (i = subid_table_first(t, owner, len); i < t->n; i = subid_table_after(t, i))
 * Each returns an index into t->entries, or t->n when there is none (any more).  Entries
 * may be cut, and added, on the way.
 */
size_t subid_table_first(const struct subid_table *table, const char *owner, size_t len);
size_t subid_table_after(const struct subid_table *table, size_t index);

/*
 * Makes the walk above as fast as a hash look-up, for many owners at once; it then goes
 * from the last entry to the first.  Returns 0 or -ENOMEM.
 */
int subid_table_index(struct subid_table *table);

/* A hash of an owner's bytes, for tables of them. */
size_t subid_table_hash(const char *owner, size_t len);

/*
 * The ids that an owner of one of the n names has, inserted into *ret, a sorted set.
 * Returns 0 or -ENOMEM.
 */
int subid_table_owned(const struct subid_table *table,
		      const struct subid_owner_name *names, size_t n,
		      struct subid_set *ret) SUBID_WARN_UNUSED;

/* A table's entries in the order of their ids, for many look-ups: for each process, or
 * each file.  The table must live longer. */
struct subid_id_index {
	const struct subid_table *table;
	struct subid_id_index_row *rows; /* inside the library */
	size_t n;
};

/* Returns 0, and the caller releases *ret with subid_id_index_free(); -ENOMEM. */
int subid_id_index_make(const struct subid_table *table, struct subid_id_index *ret);

void subid_id_index_free(struct subid_id_index *index);

#define auto_id_index __attribute__((cleanup(subid_id_index_free)))

/* The first line that has an id, of those that authorise or hold; NULL: none. */
const struct subid_entry *subid_id_index_find(const struct subid_id_index *index,
					      uint32_t id);

/*
 * All of them, as indexes into the table's entries, in the order of the file.  Returns 0,
 * and the caller frees *ret, which is NULL when *ret_n is 0; or -ENOMEM.
 */
int subid_id_index_all(const struct subid_id_index *index, uint32_t id, uint32_t **ret,
		       size_t *ret_n);

/* The inside of a table, for the files of this folder. */

#define TABLE_OWNER_LEN_MAX 0x7fffffff

static inline bool table_is_new(const struct subid_table *table,
				const struct subid_entry *entry)
{
	return entry->offset >= table->text.size;
}

/* subid_table_owner(), where each entry is asked. */
static inline const char *table_owner_of(const struct subid_table *table,
					 const struct subid_entry *entry)
{
	if (table_is_new(table, entry))
		return table->added + (entry->offset - table->text.size);
	return table->text.bytes + entry->offset;
}

/* Puts entry i, which is in no chain yet, into the index. */
void subid_table_link(struct subid_table *table, size_t i);

/* --- The locks --- */

/*
 * Those that shadow's tools take before they change a table: a write lock on .pwd.lock,
 * as lckpwdf(3) takes it, then subuid.lock and subgid.lock, which hold the pid of their
 * owner.  useradd(8), usermod(8) and userdel(8) wait for us, and we for them.
 */

struct subid_lock; /* opaque */

/* The process that has a lock, as far as it is known. */
struct subid_holder {
	const char *file; /* ".pwd.lock", "subuid.lock" or "subgid.lock" */
	pid_t pid;	  /* 0: not known; -1: the lock file holds no pid */
	char program[16]; /* its comm, proc(5), '?' for bytes beyond ASCII; or "" */
	bool alive;	  /* there is such a process, and it is not the caller */
};

struct subid_lock_wait {
	void (*waiting)(const void *data, const struct subid_holder *holder);
	const void *data;
};

/*
 * Takes all three locks in the configuration directory etc, trying again and again for
 * timeout_ms milliseconds (0: once; SUBID_PATIENCE_MS as shadow does), the more
 * often the longer it has waited.  No signal and no child is used, so that it works in
 * any process and thread.  A table's lock whose owner is dead, or began after the lock
 * was made, is taken over; one without a pid in it is not, as with shadow, and not waited
 * for, as nothing would remove it.  wait: NULL, or who is told, after a second, for whom
 * it waits.
 *
 * Returns 0, and the caller releases *ret with subid_lock_release(); SUBID_BUSY with
 * *ret_holder set; -errno: -EACCES and -EROFS are the usual ones, -EINVAL means that
 * .pwd.lock is no regular file.
 */
int subid_lock_take(int etc, int timeout_ms, const struct subid_lock_wait *wait,
		    struct subid_lock **ret,
		    struct subid_holder *ret_holder) SUBID_WARN_UNUSED;

/*
 * Finds out who has the lock of a table, without taking any.  Returns 0 with *ret set;
 * SUBID_ABSENT when there is no lock file; -errno, -EACCES when it may not be read.
 */
int subid_lock_look(int etc, enum subid_kind kind, struct subid_holder *ret);

/* When a process began, in seconds of the real-time clock; -1 if unknown. */
int64_t process_began_at(pid_t pid);

/* Unlocks, in reverse order, and sets *lock to NULL. */
void subid_lock_release(struct subid_lock **lock);

#define auto_lock __attribute__((cleanup(subid_lock_release)))
