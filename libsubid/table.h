/* SPDX-License-Identifier: MIT */
/*
 * A table, /etc/subuid or /etc/subgid, in memory: the file's bytes once, and
 * entries that point into them.  Lines that are not entries in our strict
 * reading (see line.h) are kept as they are, byte for byte.
 */
#pragma once

#include "file.h"
#include "line.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A line that authorises.  range.count is 0 once the entry has been removed. */
struct subid_entry {
	uint32_t offset; /* of the line in the file; see subid_table_line() */
	uint32_t owner_len : 31;
	uint32_t changed : 1;
	struct id_range range;
};

/* What subid_table_load() makes; read freely, change through functions. */
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
	struct subid_set odd; /* what other readers take from lines that are no entries */
	uint32_t *odd_lines;  /* offsets of those lines in text, in its order */
	size_t n_odd;
	size_t odd_room;
	struct subid_set ids; /* of the entries as they were read */
	char *added;	      /* owners of new entries; offsets from text.size on */
	size_t added_size;
	size_t added_room;
	uint32_t *buckets; /* subid_table_index() */
	uint32_t *chain;
	size_t bucket_mask;
};

/*
 * Reads a table from the configuration directory etc.  A file that does not
 * exist is an empty table.  Returns 0 or what subid_text_read() fails with.
 * The caller releases the table with subid_table_free().
 */
int subid_table_load(int etc, enum subid_kind kind, struct subid_table *ret);

/*
 * The same from bytes that were read already, a backup's or through a link; *text
 * becomes the table's, also on failure.  Returns 0 or -ENOMEM.
 */
int subid_table_from_text(enum subid_kind kind, struct subid_text *text,
			  struct subid_table *ret);

/*
 * The same for a table that most often has the same bytes as another, which is
 * loaded already: subgid beside subuid.  Then its lines are not read again.
 */
int subid_table_load_like(int etc, const struct subid_table *other, enum subid_kind kind,
			  struct subid_table *ret);

/*
 * Has the file of a kind the same bytes as a table that is loaded, and not changed since?
 * Then who only looks need not load it.  Costs no memory.  Returns 0 with *ret set, or
 * what subid_text_read() fails with.
 */
int subid_table_is_alike(int etc, enum subid_kind kind, const struct subid_table *table,
			 bool *ret);

void subid_table_free(struct subid_table *table);

#define auto_table __attribute__((cleanup(subid_table_free)))

/* The owner of an entry, entry->owner_len bytes, not terminated. */
const char *subid_table_owner(const struct subid_table *table,
			      const struct subid_entry *entry);

/*
 * The number of the line, from 1, that an entry of table has in the file; 0: a new
 * one.  Costs a binary search, as does the next.
 */
size_t subid_table_line(const struct subid_table *table, const struct subid_entry *entry);

/* The same for one of odd_lines, by its index. */
size_t subid_table_odd_line(const struct subid_table *table, size_t odd);

/*
 * Goes through the entries of owner, spelt just so, without those removed:
 *     for (i = subid_table_first(t, owner, len); i < t->n; i = subid_table_after(t, i))
 * Each answers an index into t->entries, or t->n when there is none (any more).
 * Entries may be cut, and added, on the way.
 */
size_t subid_table_first(const struct subid_table *table, const char *owner, size_t len);
size_t subid_table_after(const struct subid_table *table, size_t index);

/*
 * Makes the walk above as fast as a hash look-up, for many owners at once;
 * it then goes from the last entry to the first.  Returns 0 or -ENOMEM.
 */
int subid_table_index(struct subid_table *table);

/*
 * Adds an entry at the end, on a line of its own.  The owner is copied; it and
 * the range must be valid.  Returns 0, -EINVAL, -EFBIG or -ENOMEM.
 */
int subid_table_add(struct subid_table *table, const char *owner, size_t len,
		    struct id_range range) SUBID_WARN_UNUSED;

/*
 * Takes cut out of one entry: the line goes, or shrinks, or, when cut lies in
 * its middle, keeps the lower part while a new entry at the end gets the upper.
 * Returns 0, also when the two do not meet, or what subid_table_add() fails with.
 */
int subid_table_cut(struct subid_table *table, size_t index,
		    struct id_range cut) SUBID_WARN_UNUSED;

/*
 * The ids that entries have, whoever owns them, into *ret, which must be empty; sorted.
 * Returns 0 or -ENOMEM.
 */
int subid_table_granted(const struct subid_table *table,
			struct subid_set *ret) SUBID_WARN_UNUSED;

/*
 * The same with what other readers take from lines that are no entries.
 */
int subid_table_taken(const struct subid_table *table,
		      struct subid_set *ret) SUBID_WARN_UNUSED;

/*
 * Finds the line, entry or not, from which some reader takes the most of the ids
 * of r, the first of several.  Returns its number, from 1, and sets *ret_text and
 * *ret_len to the line; or 0.  Slow: for explaining a refusal.
 */
size_t subid_table_who_has(const struct subid_table *table, struct id_range r,
			   const char **ret_text, size_t *ret_len);

/*
 * Hands the table as it now stands to sink, piece by piece and in order: lines
 * that were not changed, as they were.  sink answers 0 or -errno, which ends it.
 */
int subid_table_print(const struct subid_table *table,
		      int (*sink)(void *data, const void *bytes, size_t size),
		      void *data);

/* A hash of an owner's bytes, for tables of them. */
size_t subid_table_hash(const char *owner, size_t len);

/* An owner as lines may spell it. */
struct subid_spelling {
	const char *text;
	size_t len;
};

/* Ids that an owner holds, and the line that says so. */
struct subid_holding {
	struct id_range range;
	size_t line;
};

/*
 * The ids that one or another of the n spellings has, inserted into *ret, a
 * sorted set.  0 or -ENOMEM.
 */
int subid_table_holdings(const struct subid_table *table,
			 const struct subid_spelling *spellings, size_t n,
			 struct subid_set *ret) SUBID_WARN_UNUSED;

/*
 * The entries in text, a table's bytes, whose owner is one of the n spellings,
 * in the order of the lines; without reading the rest closely, so that one
 * look-up in a large table is cheap.  The caller frees *ret, which is NULL when
 * *ret_n is 0.  Returns 0 or -ENOMEM.
 */
int subid_holdings(const struct subid_text *text, const struct subid_spelling *spellings,
		   size_t n, struct subid_holding **ret, size_t *ret_n);

#ifdef __cplusplus
}
#endif
