/* SPDX-License-Identifier: MIT */
#pragma once

#include <endian.h>
#include <string.h>
#include <sys/types.h>

#include "libsubid/core/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One line of /etc/subuid or /etc/subgid, "owner:start:count" (subuid(5)): our
 * strict reading, which alone authorises, and every other reader's, which only
 * keeps ids out of our hands.
 */

/* Owners of the lines that keep ids out of all hands; no account can be called
 * so, because useradd(8) and its like refuse '!'. */
#define SUBID_OWNER_RELEASED "!released" /* taken from somebody, at rest */
#define SUBID_OWNER_RESERVED "!reserved" /* kept free by the administrator */

/* A line in our reading.  owner points into the text and is not terminated. */
struct subid_line {
	const char *owner;
	size_t owner_len;
	struct id_range range;
};

/* The most that the readers of one line can differ. */
#define SUBID_READINGS_MAX 16

/* Of the longest line that shadow reads, without its newline; it drops longer ones. */
#define SUBID_LINE_MAX 1023

/* The longest range text that a line can end with: ":4294967294:4294967295\n" */
#define SUBID_LINE_TAIL_MAX 24

/* The longest owner for whom shadow reads every line: the newline is not counted. */
#define SUBID_LINE_OWNER_MAX (SUBID_LINE_MAX - (SUBID_LINE_TAIL_MAX - 1))

/*
 * May owner stand at the head of a line?  Not empty; no ':', newline, other
 * control byte or DEL; no blank at either end; no '#' at the start, which some
 * readers take for a comment.  A blank inside and bytes over 127 are fine:
 * domain accounts have them.  Whether such an account exists is another
 * question.
 */
bool subid_owner_valid(const char *owner, size_t len);

/* Is this one of the two owners that hold ids for nobody? */
bool subid_owner_is_hold(const char *owner, size_t len);

/*
 * Reads a line strictly.  text: len bytes without the newline.  An entry has a
 * valid owner, then two numbers in decimal without sign, blank or leading zero,
 * at least one id, and none beyond 4294967294.  Returns 0 or SUBID_INVALID:
 * such a line (comment, blank or broken) authorises nothing.
 */
int subid_line_parse(const char *text, size_t len, struct subid_line *ret);

/*
 * The ids that any reader might take from a line, whatever its owner: octal,
 * hexadecimal, signs, blanks, wrapped and negative counts, trailing junk; also
 * from a comment, since shadow reads "#x:1:2" as an entry of "#x".  Each range
 * in ret is cut to the ids that exist.  Returns how many there are; 0 if nobody
 * can take anything from it.
 */
size_t subid_line_readings(const char *text, size_t len,
			   struct id_range ret[SUBID_READINGS_MAX]);

/*
 * Writes ":start:count\n" into buf, which is not terminated.  Returns the
 * number of bytes, at most SUBID_LINE_TAIL_MAX.
 */
size_t subid_line_format_tail(struct id_range range, char buf[SUBID_LINE_TAIL_MAX]);

/*
 * The loops that every line of every file goes through, eight bytes at a time
 * (SWAR: a word as a vector of bytes).  Inside the library only.
 */

/* A call would cost as much as what it does. */
#define SCAN_INLINE static inline __attribute__((always_inline))

#define EACH_BYTE(byte) ((uint64_t)(byte)*0x0101010101010101)

SCAN_INLINE uint64_t scan_load(const char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return le64toh(word); /* the first byte is the lowest */
}

/* How many bytes lie below the first whose top bit is set in mask, not 0. */
SCAN_INLINE unsigned int scan_first(uint64_t mask)
{
	return (unsigned int)__builtin_ctzll(mask) / 8;
}

/*
 * Sets the top bit of each byte of word that is byte, or, for the second, lower, both
 * under 128; other bits, the bytes over 127 of word, and bytes above the first that is
 * right, are anything.  scan_stops() is to look at them, or at several of them ored.
 */
SCAN_INLINE uint64_t scan_equal(uint64_t word, unsigned char byte)
{
	return (word ^ EACH_BYTE(byte)) - EACH_BYTE(1);
}

SCAN_INLINE uint64_t scan_lower(uint64_t word, unsigned char byte)
{
	return word - EACH_BYTE(byte);
}

/* For scan_first(): a byte over 127 is none that was asked for. */
SCAN_INLINE uint64_t scan_stops(uint64_t word, uint64_t found)
{
	return found & ~word & EACH_BYTE(0x80);
}

/* The first byte from at on that is ':', a control character or DEL; or end. */
SCAN_INLINE const char *scan_field(const char *at, const char *end)
{
	while (end - at >= 8) {
		uint64_t word = scan_load(at);
		uint64_t stops =
		    scan_stops(word, scan_equal(word, ':') | scan_lower(word, ' ') |
					 scan_equal(word, 0x7f));

		if (stops != 0)
			return at + scan_first(stops);
		at += 8;
	}
	while (at < end && *at != ':' && (unsigned char)*at >= ' ' && *at != 0x7f)
		at++;
	return at;
}

/* The number that eight digits mean, each as its value, the first the lowest. */
SCAN_INLINE uint64_t scan_eight(uint64_t digits)
{
	/* pairs of digits, then pairs of pairs, then the two halves */
	digits = digits * 10 + (digits >> 8);
	return (((digits & 0x000000ff000000ff) * 0x000f424000000064) +
		(((digits >> 16) & 0x000000ff000000ff) * 0x0000271000000001)) >>
	       32;
}

/*
 * A number of up to seven digits as it stands in the text, with the byte behind it:
 * the next one is mostly the same, and then need not be read.
 */
struct scan_seen {
	uint64_t text;
	uint64_t mask; /* of the bytes of a word that text is about */
	unsigned int digits;
	uint32_t id;
};

/* Nothing was seen: no word under this mask is like this text. */
#define SCAN_SEEN_NONE ((struct scan_seen){ .text = 1, .mask = 0 })

SCAN_INLINE bool scan_digit(const char **at, const char *end, uint64_t *value)
{
	if (*at == end || (unsigned char)(**at - '0') > 9)
		return false;
	*value = *value * 10 + (unsigned char)(*(*at)++ - '0');
	return true;
}

/*
 * Reads the digits at *at, up to the first other byte or end, and moves *at
 * there.  True for an id as subid_id_parse() takes it; if it is short, it is what
 * *seen has afterwards.  For an id that is mostly like the one seen already.
 */
SCAN_INLINE bool scan_id_like(const char **at, const char *end, struct scan_seen *seen,
			      uint32_t *ret)
{
	const char *start = *at;
	uint64_t value = 0;
	bool long_one;

	if (end - start >= 8) {
		uint64_t word = scan_load(start), digits, others;
		unsigned int n;

		if ((word & seen->mask) == seen->text) {
			*at = start + seen->digits;
			*ret = seen->id;
			return true;
		}
		digits = word ^ EACH_BYTE('0');
		others = ((digits + EACH_BYTE(0x76)) | digits) & EACH_BYTE(0x80);
		if (others != 0) {
			n = scan_first(others);
			*at = start + n;
			if (n == 0 || (*start == '0' && n > 1))
				return false;
			/* fewer than eight: zeros come in front of them */
			*ret = (uint32_t)scan_eight(digits << (8 - n) * 8);
			seen->mask = others ^ (others - 1);
			seen->text = word & seen->mask;
			seen->digits = n;
			seen->id = *ret;
			return true;
		}
		value = scan_eight(digits);
		*at = start + 8;
		/* ten at most */
		long_one = scan_digit(at, end, &value) && scan_digit(at, end, &value) &&
			   scan_digit(at, end, &value);
		*ret = (uint32_t)value;
		return !long_one && value <= UINT32_MAX && *start != '0';
	}
	while (scan_digit(at, end, &value))
		;
	*ret = (uint32_t)value;
	return *at > start && (*start != '0' || *at - start == 1);
}

/* The same for any id. */
SCAN_INLINE bool scan_id(const char **at, const char *end, uint32_t *ret)
{
	struct scan_seen seen = SCAN_SEEN_NONE;

	return scan_id_like(at, end, &seen, ret);
}

/* The first ':' or newline from at on; or end. */
SCAN_INLINE const char *scan_to_colon(const char *at, const char *end)
{
	while (end - at >= 8) {
		uint64_t word = scan_load(at);
		uint64_t stops =
		    scan_stops(word, scan_equal(word, ':') | scan_equal(word, '\n'));

		if (stops != 0)
			return at + scan_first(stops);
		at += 8;
	}
	while (at < end && *at != ':' && *at != '\n')
		at++;
	return at;
}

/* Behind the next newline from at on; or end. */
SCAN_INLINE const char *scan_to_next_line(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));

	return newline == NULL ? end : newline + 1;
}

/*
 * subid_set_add() for ids that mostly adjoin those before: they gather in *run, empty
 * at first, and what has gathered is for the caller to add when there are no more.
 */
SCAN_INLINE int scan_add(struct subid_set *set, struct id_range *run, struct id_range r)
{
	struct id_range done = *run;

	if (r.start == id_range_end(done) && id_range_end(r) <= ID_COUNT_MAX) {
		run->count += r.count;
		return 0;
	}
	*run = r;
	return subid_set_add(set, done);
}

/*
 * Reads an entry of a table, strictly (see line.h), from text up to a newline or
 * end, and sets *ret_stop there.  False for any other line, which may go further
 * than what was looked at.  count: that of the line before; most are the same.
 */
SCAN_INLINE bool scan_line(const char *text, const char *end, struct scan_seen *count,
			   struct subid_line *ret, const char **ret_stop)
{
	const char *colon = scan_field(text, end), *at = colon + 1;
	struct id_range range;

	if (colon == text || colon == end || *colon != ':' || *text == '#' ||
	    *text == ' ' || colon[-1] == ' ')
		return false;
	if (!scan_id(&at, end, &range.start) || at == end || *at++ != ':' ||
	    !scan_id_like(&at, end, count, &range.count) || (at < end && *at != '\n') ||
	    !id_range_valid(range))
		return false;
	ret->owner = text;
	ret->owner_len = (size_t)(colon - text);
	ret->range = range;
	*ret_stop = at;
	return true;
}

/*
 * A table, /etc/subuid or /etc/subgid, in memory: the file's bytes once, and
 * entries that point into them.  Lines that are not entries in our strict
 * reading (see line.h) are kept as they are, byte for byte.
 */

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
	struct subid_set
	    malformed; /* what other readers take from lines that are no entries */
	uint32_t *malformed_lines; /* offsets of those lines in text, in its order */
	size_t n_malformed;
	size_t malformed_room;
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

/* The same for one of malformed_lines, by its index. */
size_t subid_table_malformed_line(const struct subid_table *table, size_t malformed);

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
struct subid_owner_name {
	const char *text;
	size_t len;
};

/* Ids that an owner holds, and the line that says so. */
struct subid_owned_range {
	struct id_range range;
	size_t line;
};

/*
 * The ids that one or another of the n spellings has, inserted into *ret, a
 * sorted set.  0 or -ENOMEM.
 */
int subid_table_owned(const struct subid_table *table,
		      const struct subid_owner_name *spellings, size_t n,
		      struct subid_set *ret) SUBID_WARN_UNUSED;

/*
 * The entries in text, a table's bytes, whose owner is one of the n spellings,
 * in the order of the lines; without reading the rest closely, so that one
 * look-up in a large table is cheap.  The caller frees *ret, which is NULL when
 * *ret_n is 0.  Returns 0 or -ENOMEM.
 */
int subid_owned_ranges(const struct subid_text *text,
		       const struct subid_owner_name *spellings, size_t n,
		       struct subid_owned_range **ret, size_t *ret_n);

/*
 * Many spellings of one owner: looked up, not gone through.
 *
 * Threat: lines times names is a time that whoever fills an image's passwd and tables
 * chooses; with the names in order it is lines times its logarithm.
 */

/* Up to so many are compared one by one, which is faster. */
#define OWNER_NAMES_FEW 16

static inline int owner_name_compare(const struct subid_owner_name *a,
				     const struct subid_owner_name *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->text, b->text, a->len);
}

/* A copy, in order; the caller frees *ret.  0 or -ENOMEM. */
int subid_owner_names_sort(const struct subid_owner_name *spellings, size_t n,
			   struct subid_owner_name **ret);

/* Is it one of the n that are in order? */
bool subid_owner_names_have(const struct subid_owner_name *sorted, size_t n,
			    const char *text, size_t len);

/*
 * Whose is an id?  Asked of a table often: for each process, or each file.
 */

/* A table's entries in the order of their ids; the table must live longer. */
struct subid_id_index {
	const struct subid_table *table;
	struct subid_id_index_row *rows; /* inside the library */
	size_t n;
};

/* Returns 0, and the caller releases *ret with subid_id_index_free(); -ENOMEM. */
int subid_id_index_make(const struct subid_table *table, struct subid_id_index *ret);

void subid_id_index_free(struct subid_id_index *whose);

#define auto_id_index __attribute__((cleanup(subid_id_index_free)))

/* The first line that has an id, of those that authorise or hold; NULL: none. */
const struct subid_entry *subid_id_index_find(const struct subid_id_index *whose,
					      uint32_t id);

/*
 * The locks that shadow's tools take before they change a table: a write lock on
 * .pwd.lock, as lckpwdf(3) takes it, then subuid.lock and subgid.lock, which
 * hold the pid of their owner.  useradd(8), usermod(8) and userdel(8) wait for
 * us, and we for them.
 */

/* How long shadow's tools wait, in milliseconds. */
#define SUBID_LOCK_PATIENCE_MS 15000

struct subid_lock; /* opaque */

/* Who keeps us waiting, as far as it can be told. */
struct subid_holder {
	const char *file; /* ".pwd.lock", "subuid.lock" or "subgid.lock" */
	pid_t pid;	  /* 0: not known; -1: the lock file holds no pid */
	char program[16]; /* its comm, proc(5), '?' for bytes beyond ASCII; or "" */
	bool alive;	  /* there is such a process, and it is not the caller */
};

/*
 * Takes all three locks in the configuration directory etc, trying again and
 * again for timeout_ms milliseconds (0: once; SUBID_LOCK_PATIENCE_MS as shadow
 * does); who has waited for a third of that is served in turn, before Linux 5.5 by
 * trying more often.  No signal is used, so that it works in any process and thread;
 * while it waits in turn there is a child, which the process's own wait(2) does not
 * see.  A table's
 * lock whose owner is dead, or began after the lock was made, is taken over; one
 * without a pid in it is not, as with shadow.
 *
 * Returns 0, and the caller releases *ret with subid_lock_release(); SUBID_BUSY
 * with *ret_holder set; -errno: -EACCES and -EROFS are the usual ones,
 * -EINVAL means that .pwd.lock is no regular file.
 */
int subid_lock_take(int etc, int timeout_ms, struct subid_lock **ret,
		    struct subid_holder *ret_holder) SUBID_WARN_UNUSED;

/*
 * Looks who has the lock of a table, without taking any.  Returns 0 with *ret set;
 * SUBID_ABSENT when there is no lock file; -errno, -EACCES when it is not for us.
 */
int subid_lock_look(int etc, enum subid_kind kind, struct subid_holder *ret);

/* Unlocks, in reverse order, and sets *lock to NULL. */
void subid_lock_release(struct subid_lock **lock);

#define auto_lock __attribute__((cleanup(subid_lock_release)))

/*
 * A file replaced as a whole, durably, or several at once: at every instant each
 * name leads to the old file or to the new one, never to a part.
 *
 * Calling sequence, under the lock that keeps other writers away:
 *     subid_replacement_open()   for each file; the new bytes go to "NAME+"
 *     subid_replacement_write()  as often as needed; it fits subid_table_print()
 *     subid_replacements_commit()
 *     subid_replacement_free()   without a commit it removes the draft again
 */

struct subid_replacement; /* opaque */

/*
 * Opens a draft for the file name (at most 200 bytes) in the directory dir, which
 * stays the caller's and open.  It gets the mode, owner, group and extended
 * attributes (SELinux label, ACL) of the file, or is 0644 and the caller's when
 * there is none yet.  A draft of a dead process is overwritten.
 *
 * Returns 0 or -errno: -ELOOP when the file is a link, which is not followed,
 * -EINVAL when it is not a regular file.  Other hard links of the file keep its
 * old content.
 */
int subid_replacement_open(int dir, const char *name,
			   struct subid_replacement **ret) SUBID_WARN_UNUSED;

/* Appends bytes.  data is a struct subid_replacement *.  0 or -errno. */
int subid_replacement_write(void *data, const void *bytes, size_t size) SUBID_WARN_UNUSED;

/*
 * Puts all n drafts in their places, or none: written to disk, then renamed
 * over the old files one after the other, then the directory written to disk.
 * If one step fails, those already done are undone.  "NAME-" is a copy of the
 * old file; if it cannot be made, that is no failure.
 *
 * Returns 0: all is durable.  -errno: every name leads to its old file.
 * -ENOTRECOVERABLE: undoing failed as well, so that some names lead to new
 * files and some to old ones, each whole.
 */
int subid_replacements_commit(struct subid_replacement *const drafts[],
			      size_t n) SUBID_WARN_UNUSED;

void subid_replacement_free(struct subid_replacement **draft);

#define auto_replacement __attribute__((cleanup(subid_replacement_free)))

#ifdef __cplusplus
}
#endif
