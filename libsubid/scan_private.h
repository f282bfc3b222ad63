/* SPDX-License-Identifier: MIT */
/*
 * The loops that every line of every file goes through, eight bytes at a time
 * (SWAR: a word as a vector of bytes).  Inside the library only.
 */
#pragma once

#include <endian.h>
#include <string.h>

#include "line.h"

#define EACH_BYTE(byte) ((uint64_t)(byte)*0x0101010101010101)

static inline uint64_t scan_load(const char *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return le64toh(word); /* the first byte is the lowest */
}

/* How many bytes lie below the first whose top bit is set in mask, not 0. */
static inline unsigned int scan_first(uint64_t mask)
{
	return (unsigned int)__builtin_ctzll(mask) / 8;
}

/* The top bit of each byte that is ':', a control character or DEL. */
static inline uint64_t scan_stops(uint64_t word)
{
	uint64_t low = word & EACH_BYTE(0x7f);
	uint64_t colon = word ^ EACH_BYTE(':');
	uint64_t no_colon = ((colon & EACH_BYTE(0x7f)) + EACH_BYTE(0x7f)) | colon;
	/* + 1 makes DEL the lowest, and the controls 1 to 32, in seven bits */
	uint64_t no_control =
	    (((low + EACH_BYTE(1)) & EACH_BYTE(0x7f)) + EACH_BYTE(0x5f)) | word;

	return ~(no_colon & no_control) & EACH_BYTE(0x80);
}

/* The first byte from at on that is ':', a control character or DEL; or end. */
static inline const char *scan_field(const char *at, const char *end)
{
	while (end - at >= 8) {
		uint64_t stops = scan_stops(scan_load(at));

		if (stops != 0)
			return at + scan_first(stops);
		at += 8;
	}
	while (at < end && *at != ':' && (unsigned char)*at >= ' ' && *at != 0x7f)
		at++;
	return at;
}

/* The number that eight digits mean, each as its value, the first the lowest. */
static inline uint64_t scan_eight(uint64_t digits)
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
static inline bool scan_id(const char **at, const char *end, uint32_t *ret)
{
	const char *start = *at, *p = start;
	const char *limit = end - start > 11 ? start + 11 : end;
	uint64_t value = 0;

	if (end - start >= 8) {
		uint64_t digits = scan_load(start) ^ EACH_BYTE('0');
		uint64_t others = (digits + EACH_BYTE(0x76)) | digits;

		others &= EACH_BYTE(0x80);
		if (others != 0) {
			unsigned int n = scan_first(others);

			/* fewer than eight: zeros come in front of them */
			*at = start + n;
			*ret = n == 0 ? 0 : (uint32_t)scan_eight(digits << (8 - n) * 8);
			return n > 0 && (n == 1 || *start != '0');
		}
		value = scan_eight(digits);
		p += 8;
	}
	while (p < limit && (unsigned char)(*p - '0') <= 9)
		value = value * 10 + (unsigned char)(*p++ - '0');
	*at = p;
	*ret = (uint32_t)value;
	return p > start && p - start <= 10 && value <= UINT32_MAX &&
	       (*start != '0' || p - start == 1);
}

/* The first such byte from at on, or end: memchr(3) for fields of a few bytes. */
static inline const char *scan_byte(const char *at, const char *end, char byte)
{
	while (end - at >= 8) {
		uint64_t differ = scan_load(at) ^ EACH_BYTE(byte);
		uint64_t unlike = ((differ & EACH_BYTE(0x7f)) + EACH_BYTE(0x7f)) | differ;

		unlike = ~unlike & EACH_BYTE(0x80);
		if (unlike != 0)
			return at + scan_first(unlike);
		at += 8;
	}
	while (at < end && *at != byte)
		at++;
	return at;
}

/* subid_set_add(), at once for what adjoins the last range, as most does. */
static inline int scan_add(struct subid_set *set, struct id_range r)
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
static inline bool scan_line(const char *text, const char *end, struct subid_line *ret,
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
