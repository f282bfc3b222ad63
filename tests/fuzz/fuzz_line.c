/* SPDX-License-Identifier: MIT */
/*
 * One line, against two other readers of it: a strict one that is slow and plain,
 * and what C programs do, strtoul(3) on whatever stands between the colons.
 */
#include "libsubid/tables/tables.h"

#include <limits.h>

#include "fuzz.h"

/* The value of a number in decimal as we allow it, or -1. */
static int64_t plain_number(const char *text, size_t len)
{
	char copy[16], again[16];
	unsigned long long value;

	if (len == 0 || len > 10)
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (strlen(copy) != len || strspn(copy, "0123456789") != len)
		return -1;
	value = strtoull(copy, NULL, 10);
	(void)snprintf(again, sizeof(again), "%llu", value);
	return value <= UINT32_MAX && strcmp(copy, again) == 0 ? (int64_t)value : -1;
}

static bool plain_parse(const char *text, size_t len, struct subid_line *ret)
{
	size_t colons[2], n = 0;
	int64_t start, count;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != ':')
			continue;
		if (n == 2)
			return false;
		colons[n++] = i;
	}
	if (n < 2 || colons[0] == 0)
		return false;
	for (size_t i = 0; i < colons[0]; i++)
		if ((unsigned char)text[i] < 32 || text[i] == 127)
			return false;
	if (text[0] == '#' || text[0] == ' ' || text[colons[0] - 1] == ' ')
		return false;
	start = plain_number(text + colons[0] + 1, colons[1] - colons[0] - 1);
	count = plain_number(text + colons[1] + 1, len - colons[1] - 1);
	if (start < 0 || count < 1 || start + count - 1 > 4294967294)
		return false;
	ret->owner = text;
	ret->owner_len = colons[0];
	ret->range = (struct id_range){ (uint32_t)start, (uint32_t)count };
	return true;
}

static bool reaches(const struct id_range *readings, size_t n, struct id_range r)
{
	struct subid_set set = { .ranges = NULL };
	bool result;

	for (size_t i = 0; i < n; i++)
		must(subid_set_insert(&set, readings[i]) == 0);
	result = r.count == 0 || subid_set_contains(&set, r);
	subid_set_free(&set);
	return result;
}

/* shadow before 4.20: the ids from start to start + count - 1, in 64 bits. */
static struct id_range wide(unsigned long start, unsigned long count)
{
	unsigned long last = start + count - 1;

	if (last < start)
		return (struct id_range){ .count = 0 };
	return id_range_between(start, last == ULONG_MAX ? last : last + 1);
}

/* uid_t and unsigned int, which lose what does not fit. */
static struct id_range narrow(unsigned long start, unsigned long count)
{
	return id_range_between((uint32_t)start,
				(uint64_t)(uint32_t)start + (uint32_t)count);
}

/* A field in a base, as far as it is a number; *whole stays if that is all of it. */
static bool take(const char *text, int base, unsigned long *ret, bool *whole)
{
	char *end;

	*ret = strtoul(text, &end, base);
	*whole &= *end == '\0' || *end == ':';
	return end > text;
}

static void check_readers(char *line, const struct id_range *readings, size_t n)
{
	static const int bases[] = { 0, 10 };
	char *start = strchr(line, ':'), *count;

	if (start == NULL)
		return;
	*start++ = '\0';
	count = strchr(start, ':');
	if (count == NULL)
		return;
	*count++ = '\0';
	for (int i = 0; i < 4; i++) {
		unsigned long first, number;
		bool whole = true;

		if (!take(start, bases[i / 2], &first, &whole) ||
		    !take(count, bases[i % 2], &number, &whole))
			continue;
		/* shadow takes whole fields alone */
		must(!whole || reaches(readings, n, wide(first, number)));
		must(reaches(readings, n, narrow(first, number)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct id_range readings[SUBID_READINGS_MAX];
	struct subid_line line, plain;
	struct subid_text text;
	char tail[SUBID_LINE_TAIL_MAX];
	size_t n;

	if (memchr(data, '\n', size) != NULL)
		return 0;
	text = make_text(data, size);
	n = subid_line_readings(text.bytes, size, readings);
	must(n <= SUBID_READINGS_MAX);
	for (size_t i = 0; i < n; i++)
		must(id_range_valid(readings[i]));
	if (subid_line_parse(text.bytes, size, &line) == 0) {
		must(plain_parse(text.bytes, size, &plain));
		must(line.owner == plain.owner && line.owner_len == plain.owner_len);
		must(id_range_equal(line.range, plain.range));
		must(subid_owner_valid(line.owner, line.owner_len));
		must(reaches(readings, n, line.range));
		n = subid_line_format_tail(line.range, tail);
		must(n == size - line.owner_len + 1 && tail[n - 1] == '\n');
		must(memcmp(tail, text.bytes + line.owner_len, n - 1) == 0);
	} else {
		must(!plain_parse(text.bytes, size, &plain));
	}
	n = subid_line_readings(text.bytes, size, readings);
	check_readers(text.bytes, readings, n);
	subid_text_free(&text);
	return 0;
}
