/* SPDX-License-Identifier: MIT */
/*
 * Many spellings of one owner: looked up, not gone through.
 *
 * Threat: lines times names is a time that whoever fills an image's passwd and tables
 * chooses; with the names in order it is lines times its logarithm.
 */
#pragma once

#include <string.h>

#include "table.h"

/* Up to so many are compared one by one, which is faster. */
#define SPELLINGS_FEW 16

static inline int spelling_compare(const struct subid_spelling *a,
				   const struct subid_spelling *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->text, b->text, a->len);
}

/* A copy, in order; the caller frees *ret.  0 or -ENOMEM. */
int subid_spellings_sort(const struct subid_spelling *spellings, size_t n,
			 struct subid_spelling **ret);

/* Is it one of the n that are in order? */
bool subid_spellings_have(const struct subid_spelling *sorted, size_t n, const char *text,
			  size_t len);
