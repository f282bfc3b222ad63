/* SPDX-License-Identifier: MIT */
/*
 * Text that others chose, on somebody's terminal.
 *
 * Threat: names come from files and from whoever typed them, and end on root's terminal
 * and in mails: what a terminal may act on, C1 controls in UTF-8 and marks that turn the
 * direction of writing included, would show something else than what is there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Prints a newline as a blank, and '?' for all else that a terminal may act on. */
void cli_print_safe(FILE *out, const char *text, size_t len);

/* Would cli_print_safe() print it as it is? */
bool cli_is_safe(const char *text);

/* A copy of len bytes as cli_print_safe() prints them, which the caller frees; NULL for
 * want of memory. */
char *cli_safe_copy(const char *text, size_t len);
