/* SPDX-License-Identifier: MIT */
/*
 * The lines of /etc/subuid and /etc/subgid (subuid(5)), what an owner has by them, and
 * what has the ranges in their stead.
 *
 * A line is "owner:start:count".  Our strict reading of it alone authorises; what every
 * other reader might make of it only keeps ids from being granted.
 */
#pragma once

#include "libsubid/core/core.h"

/* --- A line --- */

/* Owners of lines that hold ids for nobody; no account can have such a name, because
 * useradd(8) and its like refuse '!'. */
#define SUBID_OWNER_RELEASED "!released" /* had an owner, now quarantined */
#define SUBID_OWNER_RESERVED "!reserved" /* kept free by the administrator */

/* Is this one of these two? */
bool subid_owner_is_hold(const char *owner, size_t len);

/* A line in our reading.  owner points into the text and is not terminated. */
struct subid_line {
	const char *owner;
	size_t owner_len;
	struct id_range range;
};

#define SUBID_LINE_MAX	     1023 /* shadow drops longer lines, newline not counted */
#define SUBID_LINE_TAIL_MAX  24	  /* ":4294967294:4294967295\n" */
#define SUBID_LINE_OWNER_MAX (SUBID_LINE_MAX - (SUBID_LINE_TAIL_MAX - 1))

/*
 * Reads a line strictly.  text: len bytes without the newline.  A valid owner, then two
 * numbers in decimal without sign, blank or leading zero, at least one id, and none
 * beyond 4294967294.  Returns 0 or SUBID_INVALID: such a line (comment, blank or
 * malformed) authorises nothing.
 */
int subid_line_parse(const char *text, size_t len, struct subid_line *ret);

/* Writes ":start:count\n" into buf, not terminated.  Returns the number of bytes. */
size_t subid_line_format_tail(struct id_range range, char buf[SUBID_LINE_TAIL_MAX]);

/* --- An owner and the ranges of its lines --- */

/* A name by which a line may call an owner; not terminated. */
struct subid_owner_name {
	const char *text;
	size_t len;
};

static inline bool owner_name_is(struct subid_owner_name name, const char *text)
{
	return text_is(name.text, name.len, text);
}

/* By length, then by bytes; for qsort(3). */
static inline int owner_name_compare(const void *a, const void *b)
{
	const struct subid_owner_name *x = a, *y = b;

	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->text, y->text, x->len);
}

/* A copy of an owner's names, in order; the caller frees *ret.  0 or -ENOMEM. */
int owner_names_sort(const struct subid_owner_name *names, size_t n,
		     struct subid_owner_name **ret);

static inline bool owner_name_is_before(const void *name, const void *key)
{
	return owner_name_compare(name, key) < 0;
}

/* Is it one of the n that are in order? */
static inline bool owner_names_have(const struct subid_owner_name *sorted, size_t n,
				    const char *text, size_t len)
{
	const struct subid_owner_name one = { text, len };
	size_t i = array_search(sorted, n, sizeof(*sorted), &one, owner_name_is_before);

	return i < n && owner_name_compare(&sorted[i], &one) == 0;
}

/* Ids that an owner has, and the number of the line that says so. */
struct subid_owned_range {
	struct id_range range;
	size_t line;
};

/*
 * The lines of text, a table's bytes, whose owner has one of the n names, in their order;
 * other lines are not read closely, so that one look-up in a large table is cheap.  The
 * caller frees *ret, which is NULL when *ret_n is 0.  Returns 0 or -ENOMEM.
 */
int subid_owned_ranges(const struct subid_text *text,
		       const struct subid_owner_name *names, size_t n,
		       struct subid_owned_range **ret, size_t *ret_n);

/* --- Ranges from elsewhere --- */

/*
 * nsswitch.conf may name sources in a line "subid: NAME...", in order: "files" for the
 * tables, or a module, libsubid_NAME.so; FreeIPA's is libsubid_sss.so.  The first that
 * has a range of an owner decides; one that does not know the owner, or has none, is
 * passed over; one that fails ends in no.  shadow, which has that line since 4.10, asks
 * the first alone.
 */

/* The line "subid:" as it is written. */
struct subid_source_line {
	size_t line;			/* from 1; 0: there is none */
	char name[SUBID_SOURCE_SIZE];	/* the first word; "" for the tables */
	char second[SUBID_SOURCE_SIZE]; /* the next, cut if longer; "": none */
};

/*
 * Finds that line in the text of nsswitch.conf.  Returns 0; SUBID_INVALID, with
 * *ret set but for its name, when the first word is no part of a file name, or
 * too long.
 */
int subid_source_parse(const struct subid_text *text, struct subid_source_line *ret);

/* The most sources that a line may name. */
#define SUBID_SOURCES_MAX 8

/* Its sources, in order; "": the tables. */
struct subid_sources {
	size_t n;
	char names[SUBID_SOURCES_MAX][SUBID_SOURCE_SIZE];
};

/*
 * Finds them in the text of nsswitch.conf; without such a line, the tables.  An action in
 * brackets ends the list.  Returns 0; SUBID_INVALID for a name that is no part of a file
 * name, or too long, or too many of them.
 */
int subid_sources_parse(const struct subid_text *text, struct subid_sources *ret);

/* Reads them from etc/nsswitch.conf.  The same, or -errno. */
int subid_sources_read(int etc, struct subid_sources *ret);

/*
 * Asks the module of a source, not "", for the ranges of an owner.  Loads code
 * into the process, as every name service does; the caller sees to it that no
 * privilege is in effect.  The caller frees *ret; its lines are 0.  Ranges that
 * are not valid are left out.
 *
 * Returns 0, with *ret_n 0 if there are none or the owner is not known to it;
 * -ELIBACC when there is no such module, or it lacks what shadow 4.SUBID_SHADOW requires;
 * -EIO when it could not find out; -ENOMEM.  shadow goes on with the tables then; we
 * do not, because they are not what the administrator has named.
 */
int subid_source_ranges(const char *source, const char *owner, enum subid_kind kind,
			struct subid_owned_range **ret, size_t *ret_n);

/*
 * Asks it whether an owner has each of n ranges, as shadow's newuidmap does, whatever it
 * lists: those are added to *ret_has, sorted.  Returns as subid_source_ranges().
 */
int subid_source_check(const char *source, const char *owner, enum subid_kind kind,
		       const struct id_range *ranges, size_t n,
		       struct subid_set *ret_has);

/*
 * Asks it for the uids of the owners of an id, as above; the caller frees *ret, which is
 * not set when *ret_n is 0.
 */
int subid_source_owners(const char *source, enum subid_kind kind, uint32_t id,
			uid_t **ret, size_t *ret_n);
