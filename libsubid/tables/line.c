/* SPDX-License-Identifier: MIT */
/*
 * A line: our strict reading, every other reader's, and the lines of one owner.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/tables/private.h"
#include "libsubid/tables/tables.h"

bool subid_owner_valid(const char *owner, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (owner[i] == ':' || (unsigned char)owner[i] < ' ' || owner[i] == 0x7f)
			return false;
	return len > 0 && owner[0] != '#' && owner[0] != ' ' && owner[len - 1] != ' ';
}

static bool is_owner(const char *text, size_t len, const char *owner)
{
	return len == strlen(owner) && memcmp(text, owner, len) == 0;
}

bool subid_owner_is_hold(const char *owner, size_t len)
{
	return is_owner(owner, len, SUBID_OWNER_RELEASED) ||
	       is_owner(owner, len, SUBID_OWNER_RESERVED);
}

int subid_line_parse(const char *text, size_t len, struct subid_line *ret)
{
	const char *end = text + len, *start = memchr(text, ':', len), *count;
	struct id_range range;

	if (start++ == NULL)
		return SUBID_INVALID;
	count = memchr(start, ':', (size_t)(end - start));
	if (count++ == NULL || !subid_owner_valid(text, (size_t)(start - 1 - text)) ||
	    subid_id_parse(start, (size_t)(count - 1 - start), &range.start) != 0 ||
	    subid_id_parse(count, (size_t)(end - count), &range.count) != 0 ||
	    !id_range_valid(range))
		return SUBID_INVALID;
	*ret = (struct subid_line){
		.owner = text,
		.owner_len = (size_t)(start - 1 - text),
		.range = range,
	};
	return 0;
}

/*
 * The other readers.  Between them they call strtoul() with base 0 and 10,
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

static char *put_number(char *end, uint32_t number)
{
	do
		*--end = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	return end;
}

size_t subid_line_format_tail(struct id_range range, char buf[SUBID_LINE_TAIL_MAX])
{
	char text[SUBID_LINE_TAIL_MAX], *end = text + sizeof(text), *p = end;

	*--p = '\n';
	p = put_number(p, range.count);
	*--p = ':';
	p = put_number(p, range.start);
	*--p = ':';
	memcpy(buf, p, (size_t)(end - p));
	return (size_t)(end - p);
}

/*
 * The names of one owner, in order.  Threat: lines times names is a time that whoever
 * fills an image's passwd and tables chooses; so a name is looked up.
 */
static int compare_names(const void *a, const void *b)
{
	return owner_name_compare(a, b);
}

int owner_names_sort(const struct subid_owner_name *names, size_t n,
		     struct subid_owner_name **ret)
{
	struct subid_owner_name *sorted = reallocarray(NULL, n + 1, sizeof(*sorted));

	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = names[i];
	qsort(sorted, n, sizeof(*sorted), compare_names);
	*ret = sorted;
	return 0;
}

int subid_owned_ranges(const struct subid_text *text,
		       const struct subid_owner_name *names, size_t n,
		       struct subid_owned_range **ret, size_t *ret_n)
{
	auto_free struct subid_owner_name *sorted = NULL;
	auto_free struct subid_owned_range *found = NULL;
	size_t n_found = 0, pos = 0, len;
	const char *text_line;

	if (owner_names_sort(names, n, &sorted) < 0)
		return -ENOMEM;
	for (size_t number = 1; subid_text_next(text, &pos, &text_line, &len); number++) {
		const char *colon = memchr(text_line, ':', len);
		struct subid_line line;

		if (colon == NULL ||
		    !owner_names_have(sorted, n, text_line,
				      (size_t)(colon - text_line)) ||
		    subid_line_parse(text_line, len, &line) != 0)
			continue;
		if (array_grow(&found, n_found, sizeof(*found)) < 0)
			return -ENOMEM;
		found[n_found++] = (struct subid_owned_range){
			.range = line.range,
			.line = number,
		};
	}
	*ret = found;
	*ret_n = n_found;
	found = NULL;
	return 0;
}
