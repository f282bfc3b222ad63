/* SPDX-License-Identifier: MIT */
/*
 * A line as every other reader might take it.
 */
#include <string.h>

#include "libsubid/lines/lines.h"

/*
 * Between them the other readers call strtoul() with base 0 and 10,
 * atoi(), Go's ParseInt() and shell arithmetic, in 32 and 64 bits.  What follows
 * takes a number in every base that its text allows, up to the first byte that
 * does not belong; a superset of what any one of them does.
 */
#define VALUES_MAX 4

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct number {
	uint64_t magnitude;
	bool negative;
	bool whole; /* nothing of the field is left: a reader that looks is content */
};

static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'z')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'Z')
		return (unsigned int)(c - 'A') + 10;
	return 36;
}

/* Saturates where a reader would. */
static bool read_digits(const char *text, const char *end, unsigned int base,
			struct number *ret)
{
	uint64_t value = 0;
	const char *p;

	for (p = text; p < end && digit_value(*p) < base; p++)
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit_value(*p), &value))
			value = UINT64_MAX;
	ret->magnitude = value;
	ret->whole = p == end || *p == '\0'; /* which ends a line in C */
	return p > text;
}

static void add_number(struct number numbers[VALUES_MAX], size_t *n, struct number number)
{
	for (size_t i = 0; i < *n; i++)
		if (numbers[i].magnitude == number.magnitude) {
			numbers[i].whole |= number.whole;
			return;
		}
	numbers[(*n)++] = number;
}

/* Every value that a reader might take from a field; returns how many. */
static size_t read_numbers(const char *text, const char *end,
			   struct number ret[VALUES_MAX])
{
	struct number number = { .negative = false };
	size_t n = 0;

	while (text < end && is_blank(*text))
		text++;
	if (text < end && (*text == '+' || *text == '-'))
		number.negative = *text++ == '-';
	if (read_digits(text, end, 10, &number))
		add_number(ret, &n, number);
	if (end - text < 2 || text[0] != '0')
		return n;
	if (read_digits(text, end, 8, &number))
		add_number(ret, &n, number);
	text += 2;
	if ((text[-1] | 0x20) == 'x' && read_digits(text, end, 16, &number))
		add_number(ret, &n, number);
	if ((text[-1] | 0x20) == 'b' && read_digits(text, end, 2, &number))
		add_number(ret, &n, number);
	if ((text[-1] | 0x20) == 'o' && read_digits(text, end, 8, &number))
		add_number(ret, &n, number);
	return n;
}

/*
 * What one reader makes of one start and one count.  A start that does not fit
 * wraps in 32 bits, as it does when it is stored in a uid_t.  A negative count
 * reaches to the end of the ids, and so does 0 from start 0: shadow before 4.20
 * compares with start + count - 1, which is then the largest number there is.  It
 * takes whole fields alone: to the other readers 0 is no id, also that of "0x9".
 */
static size_t reading(struct number start, struct number count, struct id_range ret[2])
{
	uint64_t first = start.negative ? -start.magnitude : start.magnitude;
	uint64_t end, length = count.magnitude;
	size_t n = 0;

	first = (uint32_t)first;
	if ((count.negative && length > 0) ||
	    (length == 0 && first == 0 && start.whole && count.whole))
		length = ID_COUNT_MAX;
	if (length > (uint64_t)UINT32_MAX + 1)
		length = (uint64_t)UINT32_MAX + 1;
	end = first + length;
	ret[n] = id_range_between(first, end);
	n += ret[n].count > 0;
	/* a wrapped start goes on from 0: -5 and 10 ids reach 0 to 4 */
	if ((start.negative || start.magnitude > UINT32_MAX) && end > UINT32_MAX) {
		ret[n] = id_range_between(0, end - UINT32_MAX - 1);
		n += ret[n].count > 0;
	}
	return n;
}

size_t subid_line_readings(const char *text, size_t len,
			   struct id_range ret[SUBID_READINGS_MAX])
{
	const char *end = text + len, *start, *count, *rest;
	struct number starts[VALUES_MAX], counts[VALUES_MAX];
	size_t n_starts, n_counts, n = 0;

	start = memchr(text, ':', len);
	if (start == NULL)
		return 0;
	start++;
	count = memchr(start, ':', (size_t)(end - start));
	if (count == NULL)
		return 0;
	count++;
	rest = memchr(count, ':', (size_t)(end - count));
	n_starts = read_numbers(start, count - 1, starts);
	n_counts = read_numbers(count, rest == NULL ? end : rest, counts);
	for (size_t i = 0; i < n_starts; i++) {
		for (size_t j = 0; j < n_counts; j++) {
			struct id_range found[2];
			size_t k = reading(starts[i], counts[j], found);

			/* more than the array holds: nobody gets any of it */
			if (n + k > SUBID_READINGS_MAX) {
				ret[0] = id_range_between(0, ID_COUNT_MAX);
				return 1;
			}
			memcpy(&ret[n], found, k * sizeof(found[0]));
			n += k;
		}
	}
	return n;
}
