/* SPDX-License-Identifier: MIT */
#include "tools/subid/safe.h"

#include <stdlib.h>
#include <string.h>

/* How many bytes at text a terminal may act on: controls, and marks that turn the
 * direction of writing, U+202A to U+202E and U+2066 to U+2069. */
static size_t unsafe_len(const char *text, size_t len)
{
	unsigned char c[3] = { 0 };

	memcpy(c, text, len < sizeof(c) ? len : sizeof(c));
	if (c[0] < ' ' || c[0] == 127)
		return 1;
	if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
		return 2;
	if (c[0] != 0xe2)
		return 0;
	if ((c[1] == 0x80 && c[2] >= 0xaa && c[2] <= 0xae) ||
	    (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9))
		return 3;
	return 0;
}

void cli_print_safe(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t unsafe = unsafe_len(text + i, len - i);

		if (unsafe == 0)
			(void)putc_unlocked(text[i], out);
		else
			(void)putc_unlocked(text[i] == '\n' ? ' ' : '?', out);
		i += unsafe == 0 ? 1 : unsafe;
	}
}

bool cli_is_safe(const char *text)
{
	for (; *text != '\0'; text++)
		if (unsafe_len(text, strlen(text)) > 0)
			return false;
	return true;
}

char *cli_safe_copy(const char *text, size_t len)
{
	char *copy = NULL;
	size_t size;
	FILE *out = open_memstream(&copy, &size);

	if (out == NULL)
		return NULL;
	cli_print_safe(out, text, len);
	if (fclose(out) == 0)
		return copy;
	free(copy);
	return NULL;
}
