/* SPDX-License-Identifier: MIT */
/*
 * Reading whole files fast: the loops that every byte of the tables, passwd and group
 * goes through when they are loaded, eight bytes at a time (SWAR: a word as a vector of
 * bytes).  Inside the library only.
 *
 * It is only for loading, which each grant and each audit does.  A loop over bytes takes
 * half as many instructions again, and then a grant beside 10,000 accounts takes more
 * than the 5 million that it may.  The helpers and getsubids, which look for one owner,
 * do without.
 */
#pragma once

#include <endian.h>
#include <string.h>

#include "libsubid/core/range.h"

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
 * A number of up to seven digits as it stands in the text, with the byte after it:
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

/* A number as strtoul(3) takes it, which glibc reads passwd and group with. */
static inline bool scan_loose_id(const char *at, size_t len, uint32_t *ret)
{
	const char *end = at + len, *digits;
	uint64_t value = 0;
	bool negative = false;

	while (at < end && (*at == ' ' || (*at >= '\t' && *at <= '\r')))
		at++;
	if (at < end && (*at == '+' || *at == '-'))
		negative = *at++ == '-';
	for (digits = at; at < end && *at >= '0' && *at <= '9'; at++)
		if ((value = value * 10 + (unsigned char)(*at - '0')) > UINT32_MAX)
			return false;
	*ret = negative ? -(uint32_t)value : (uint32_t)value;
	return at > digits && at == end;
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

/* After the next newline from at on; or end. */
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
