/* SPDX-License-Identifier: MIT */
/*
 * One line of /etc/subuid or /etc/subgid, "owner:start:count" (subuid(5)): our
 * strict reading, which alone authorises, and every other reader's, which only
 * keeps ids out of our hands.
 */
#pragma once

#include "range.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
