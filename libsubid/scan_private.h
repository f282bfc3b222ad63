/* SPDX-License-Identifier: MIT */
/*
 * The loops that every line of every file goes through, eight bytes at a time
 * (SWAR: a word as a vector of bytes).  Inside the library only.
 */
#pragma once

#include <endian.h>
#include <string.h>

#include "line.h"

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
 * Sets the top bit of each byte of word that is byte, or, for the second, lower;
 * other bits, and bytes above the first that is right, are anything.
 */
SCAN_INLINE uint64_t scan_equal(uint64_t word, unsigned char byte)
{
	uint64_t differ = word ^ EACH_BYTE(byte);

	return (differ - EACH_BYTE(1)) & ~differ;
}

SCAN_INLINE uint64_t scan_lower(uint64_t word, unsigned char byte)
{
	return (word - EACH_BYTE(byte)) & ~word;
}

/* The first byte from at on that is ':', a control character or DEL; or end. */
SCAN_INLINE const char *scan_field(const char *at, const char *end)
{
	while (end - at >= 8) {
		uint64_t word = scan_load(at);
		uint64_t stops = (scan_equal(word, ':') | scan_lower(word, ' ') |
				  scan_equal(word, 0x7f)) &
				 EACH_BYTE(0x80);

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
 * Reads the digits at *at, up to the first other byte or end, and moves *at
 * there.  True for an id as subid_id_parse() takes it.
 */
SCAN_INLINE bool scan_id(const char **at, const char *end, uint32_t *ret)
{
	const char *start = *at, *p = start, *limit;
	uint64_t value = 0;

	if (end - start >= 8) {
		uint64_t digits = scan_load(start) ^ EACH_BYTE('0');
		uint64_t others = ((digits + EACH_BYTE(0x76)) | digits) & EACH_BYTE(0x80);

		if (others != 0) {
			unsigned int n = scan_first(others);

			if (n == 0)
				return false;
			*at = start + n;
			/* fewer than eight: zeros come in front of them */
			*ret = (uint32_t)scan_eight(digits << (8 - n) * 8);
			return *start != '0' || n == 1;
		}
		value = scan_eight(digits);
		p += 8;
	}
	limit = end - start > 11 ? start + 11 : end;
	while (p < limit && (unsigned char)(*p - '0') <= 9)
		value = value * 10 + (unsigned char)(*p++ - '0');
	*at = p;
	*ret = (uint32_t)value;
	return p > start && p - start <= 10 && value <= UINT32_MAX &&
	       (*start != '0' || p - start == 1);
}

/* The first ':' or newline from at on; or end. */
SCAN_INLINE const char *scan_to_colon(const char *at, const char *end)
{
	while (end - at >= 8) {
		uint64_t word = scan_load(at);
		uint64_t stops =
		    (scan_equal(word, ':') | scan_equal(word, '\n')) & EACH_BYTE(0x80);

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

/* subid_set_add(), at once for what adjoins the last range, as most does. */
SCAN_INLINE int scan_add(struct subid_set *set, struct id_range r)
{
	if (set->n > 0 && r.start == id_range_end(set->ranges[set->n - 1]) &&
	    id_range_end(r) <= ID_COUNT_MAX) {
		set->ranges[set->n - 1].count += r.count;
		return 0;
	}
	return subid_set_add(set, r);
}

/*
 * Reads an entry of a table, strictly (see line.h), from text up to a newline or
 * end, and sets *ret_stop there.  False for any other line, which may go further
 * than what was looked at.
 */
SCAN_INLINE bool scan_line(const char *text, const char *end, struct subid_line *ret,
			   const char **ret_stop)
{
	const char *colon = scan_field(text, end), *at = colon + 1;
	struct id_range range;

	if (colon == text || colon == end || *colon != ':' || *text == '#' ||
	    *text == ' ' || colon[-1] == ' ')
		return false;
	if (!scan_id(&at, end, &range.start) || at == end || *at++ != ':' ||
	    !scan_id(&at, end, &range.count) || (at < end && *at != '\n') ||
	    !id_range_valid(range))
		return false;
	ret->owner = text;
	ret->owner_len = (size_t)(colon - text);
	ret->range = range;
	*ret_stop = at;
	return true;
}
