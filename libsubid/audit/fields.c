/* SPDX-License-Identifier: MIT */
/*
 * What is wrong with the text of a line.
 */
#include "libsubid/audit/private.h"

#include <string.h>

static unsigned int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned int)(c - 'a') + 10 : 16;
}

static struct audit_field read_field(const char *text, size_t len)
{
	struct audit_field field = { .text = text, .len = len };
	unsigned int base = 10;
	size_t i = 0, digits;

	while (i < len && audit_is_blank(text[i]))
		i++;
	if (i < len && (text[i] == '+' || text[i] == '-'))
		field.negative = text[i++] == '-';
	digits = i;
	if (len - i > 2 && text[i] == '0' && (text[i + 1] | 0x20) == 'x' &&
	    digit_of(text[i + 2]) < 16) {
		base = 16;
		i += 2;
	}
	for (; i < len && digit_of(text[i]) < base; i++)
		if (__builtin_mul_overflow(field.value, base, &field.value) ||
		    __builtin_add_overflow(field.value, digit_of(text[i]), &field.value))
			field.value = UINT64_MAX;
	field.number = i > digits;
	field.whole = field.number && i == len;
	field.plain = digits == 0 && i == len && len > 0 && (text[0] != '0' || len == 1);
	field.negative &= field.value > 0;
	return field;
}

size_t audit_split(const char *text, size_t len, struct audit_field ret[3])
{
	const char *end = text + len;
	size_t n = 0;

	for (;;) {
		const char *colon = memchr(text, ':', (size_t)(end - text));
		size_t field = (size_t)((colon == NULL ? end : colon) - text);

		if (n < 3)
			ret[n] = read_field(text, field);
		n++;
		if (colon == NULL)
			return n;
		text = colon + 1;
	}
}

/* The two numbers, once it is known that there are two fields for them. */
static unsigned int number_faults(const struct audit_field *start,
				  const struct audit_field *count)
{
	uint64_t end;
	bool wraps = __builtin_add_overflow(start->value, count->value, &end);
	bool empty = count->value == 0 && count->whole;
	unsigned int faults = 0;

	if (!start->number || !count->number)
		return BIT(FAULT_MALFORMED);
	if (!start->plain || !count->plain)
		faults |= BIT(FAULT_AMBIGUOUS);
	if (count->negative || wraps || (empty && start->value == 0 && start->whole))
		return faults | BIT(FAULT_EVERY_ID);
	if (empty)
		return faults | BIT(FAULT_EMPTY_RANGE);
	if (start->plain && count->plain && end > ID_COUNT_MAX)
		faults |= BIT(FAULT_BEYOND);
	/* shadow before 4.20 takes it as it stands, and it has every id there is */
	if ((faults & BIT(FAULT_BEYOND)) != 0 && start->value == 0)
		faults |= BIT(FAULT_EVERY_ID);
	return faults;
}

unsigned int audit_line_faults(const char *text, size_t len)
{
	unsigned int faults = len > SUBID_LINE_MAX ? BIT(FAULT_LONG) : 0;
	struct audit_field fields[3] = { { .len = 0 } };
	struct subid_line line;
	size_t n;

	if (subid_line_parse(text, len, &line) == 0)
		return faults;
	if (len == 0 || memchr(text, '\0', len) != NULL)
		return faults | BIT(FAULT_MALFORMED);
	if (audit_is_blank(text[0]) || audit_is_blank(text[len - 1]) ||
	    memchr(text, '\t', len) != NULL || memchr(text, '\r', len) != NULL)
		faults |= BIT(FAULT_BLANK);
	/* what is wrong apart from blanks at the ends */
	while (len > 0 && audit_is_blank(text[len - 1]))
		len--;
	while (len > 0 && audit_is_blank(*text)) {
		text++;
		len--;
	}
	if (len == 0)
		return faults;
	if (*text == '#')
		return faults | BIT(FAULT_COMMENT);
	n = audit_split(text, len, fields);
	if (n < 3 || fields[0].len == 0 || fields[1].len == 0 || fields[2].len == 0)
		return faults | BIT(FAULT_MALFORMED);
	if (n > 3)
		faults |= BIT(FAULT_EXTRA_FIELD);
	faults |= number_faults(&fields[1], &fields[2]);
	if (audit_is_blank(fields[0].text[fields[0].len - 1]))
		faults |= BIT(FAULT_BLANK);
	/* nothing else can be wrong but the owner */
	return faults == 0 ? BIT(FAULT_MALFORMED) : faults;
}
