/* SPDX-License-Identifier: MIT */
/*
 * Text that others chose.
 *
 * Threat: names come from files, from processes and from whoever typed them, and end on
 * root's terminal, in logs and in mails.  Control characters, C1 controls in UTF-8 and
 * marks that change the direction of writing would show something else than what is
 * there.
 */
#pragma once

#include <stddef.h>

/*
 * Replaces bytes that are not ASCII from lowest to '~' by '?', in place.  lowest: ' ', or
 * '!' where a blank would begin another word.
 */
void printable_ascii(char *text, size_t len, char lowest);

/* The same for a copy, with blanks, cut to size bytes with its NUL. */
void printable_copy(char *buf, size_t size, const char *text, size_t len);

/* How many bytes at text a terminal may act on; 0: none.  UTF-8 is let through. */
size_t printable_unsafe(const char *text, size_t len);

/*
 * A copy with a blank for a newline, and '?' for all else that a terminal may act on.
 * The caller frees it; NULL when out of memory.
 */
char *printable_text(const char *text, size_t len);
