/* SPDX-License-Identifier: MIT */
/*
 * A line as fields and numbers, whatever is wrong with it.  Inside the library only.
 */
#pragma once

#include "audit_private.h"

/* A field of a line, and what it means as a number. */
struct audit_field {
	const char *text;
	size_t len;
	bool plain;	/* decimal, without sign, blank or leading zero */
	bool number;	/* some program reads a number from it */
	bool whole;	/* and nothing of it is left */
	bool negative;	/* below 0 */
	uint64_t value; /* in decimal, behind 0x in hexadecimal; saturated */
};

/* Splits at colons; returns how many fields there are, the first three into ret. */
size_t audit_split(const char *text, size_t len, struct audit_field ret[3]);

static inline bool audit_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}
