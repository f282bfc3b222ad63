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

size_t printable_unsafe(const char *text, size_t len)
{
	unsigned char c[3] = { 0 };

	memcpy(c, text, len < sizeof(c) ? len : sizeof(c));
	if (len > 0 && (c[0] < ' ' || c[0] == 127))
		return 1;
	if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) /* C1 */
		return 2;
	if (c[0] != 0xe2)
		return 0;
	/* U+202A to U+202E, U+2066 to U+2069 */
	if ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
	    (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9))
		return 3;
	return 0;
}

char *printable_text(const char *text, size_t len)
{
	char *copy = malloc(len + 1), *end = copy;

	if (copy == NULL)
		return NULL;
	for (size_t i = 0; i < len;) {
		size_t unsafe = printable_unsafe(text + i, len - i);

		*end++ = unsafe == 0 ? text[i] : text[i] == '\n' ? ' ' : '?';
		i += unsafe == 0 ? 1 : unsafe;
	}
	*end = '\0';
	return copy;
}
