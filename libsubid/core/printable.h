/* SPDX-License-Identifier: MIT */
/*
 * Text that others chose.
 *
 * Threat: names come from files, from processes and from whoever typed them, and end on
 * root's terminal, in logs and in mails.  Control characters, C1 controls, in UTF-8
 * or as lone bytes, and marks that change the direction of writing would show something
 * else than what is there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Replaces bytes that are not ASCII from lowest to '~' by '?', in place.  lowest: ' ', or
 * '!' where a blank would begin another word.
 */
void printable_ascii(char *text, size_t len, char lowest);

/* The same for a copy, with blanks, cut to size bytes with its NUL. */
void printable_copy(char *buf, size_t size, const char *text, size_t len);

/* How many bytes the next character of text has, which is not empty: one of UTF-8, or a
 * byte that belongs to none.  *ret_safe: no terminal acts on it. */
size_t printable_next(const char *text, size_t len, bool *ret_safe);

/* Is all of it safe? */
bool printable_is_safe(const char *text, size_t len);

/*
 * A copy with a blank for a newline, and '?' for all else that a terminal may act on.
 * The caller frees it; NULL when out of memory.
 */
char *printable_text(const char *text, size_t len);
