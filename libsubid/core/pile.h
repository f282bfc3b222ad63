/* SPDX-License-Identifier: MIT */
/*
 * Texts one behind the other in one piece of memory, each terminated.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/*
 * Adds a copy of len bytes and a NUL.  pile: NULL at first, with *size, what is used of
 * it, and *room, what it has, both 0.  text does not point into it.  0, or -ENOMEM with
 * the pile as it was.
 */
static inline int pile_add(char **pile, size_t *size, size_t *room, const char *text,
			   size_t len)
{
	if (*pile == NULL || *room - *size < len + 1) {
		size_t wanted = *room * 2 + len + 1024;
		char *grown = realloc(*pile, wanted);

		if (grown == NULL)
			return -ENOMEM;
		*pile = grown;
		*room = wanted;
	}
	memcpy(*pile + *size, text, len);
	(*pile)[*size + len] = '\0';
	*size += len + 1;
	return 0;
}
