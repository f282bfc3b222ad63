/* SPDX-License-Identifier: MIT */
/*
 * A set as a text, to compare with.
 */
#pragma once

#include <stdio.h>

#include "libsubid/core/core.h"

/* A set's ranges, "start:count start:count". */
static inline const char *show(const struct subid_set *set)
{
	static char text[1024];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < set->n && at < sizeof(text) - 32; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%u:%u",
				       i > 0 ? " " : "", set->ranges[i].start,
				       set->ranges[i].count);
	return text;
}
