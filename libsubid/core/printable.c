/* SPDX-License-Identifier: MIT */
#include "libsubid/core/printable.h"
#include "libsubid/core/core.h"

void printable_ascii(char *text, size_t len, char lowest)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < lowest || text[i] > '~')
			text[i] = '?';
}

void printable_copy(char *buf, size_t size, const char *text, size_t len)
{
	if (len >= size)
		len = size - 1;
	memcpy(buf, text, len);
	printable_ascii(buf, len, ' ');
	buf[len] = '\0';
}

static bool is_trailing(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* How many bytes the UTF-8 character at text has; 1 for a byte that begins none. */
static size_t length_of(const char *text, size_t len)
{
	static const struct {
		unsigned char from, to, second, last;
		size_t length;
	} rows[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	const unsigned char *c = (const unsigned char *)text;

	for (size_t i = 0; c[0] >= 0x80 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t n = rows[i].length;

		if (c[0] < rows[i].from || c[0] > rows[i].to)
			continue;
		if (len < n || c[1] < rows[i].second || c[1] > rows[i].last ||
		    (n > 2 && !is_trailing(c[2])) || (n > 3 && !is_trailing(c[3])))
			return 1;
		return n;
	}
	return 1;
}

/* May a terminal act on this character, which is whole, or a byte that is none? */
static bool is_unsafe(const unsigned char *c, size_t length)
{
	switch (length) {
	case 1: /* C0, and C1 for a terminal that reads bytes */
		return c[0] < ' ' || (c[0] >= 127 && c[0] < 0xa0);
	case 2:
		return c[0] == 0xc2 && c[1] < 0xa0; /* C1 */
	case 3: /* U+202A to U+202E, U+2066 to U+2069 */
		return c[0] == 0xe2 && ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
					(c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9));
	default:
		return false;
	}
}

size_t printable_next(const char *text, size_t len, bool *ret_safe)
{
	size_t length = length_of(text, len);

	*ret_safe = !is_unsafe((const unsigned char *)text, length);
	return length;
}

bool printable_is_safe(const char *text, size_t len)
{
	bool safe = true;

	for (size_t i = 0; safe && i < len;)
		i += printable_next(text + i, len - i, &safe);
	return safe;
}

char *printable_text(const char *text, size_t len)
{
	char *copy = malloc(len + 1), *end = copy;

	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < len;) {
		bool safe;
		size_t length = printable_next(text + i, len - i, &safe);

		if (safe)
			end = mempcpy(end, text + i, length);
		else
			*end++ = text[i] == '\n' ? ' ' : '?';
		i += length;
	}
	*end = '\0';
	return copy;
}
