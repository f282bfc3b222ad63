/* SPDX-License-Identifier: MIT */
/*
 * How the tests of facts about files look at a path that was walked.
 */
#pragma once

#include "libsubid/audit/private.h"

#include "support.h"

/* The paths of a walk on one line, "!" and the error behind the last. */
static inline void assert_walk(const struct audit_path_walk *walk, const char *expected,
			       int line)
{
	char text[1024] = "";

	for (size_t i = 0; i < walk->n; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
			       i == 0 ? "" : " ", walk->files[i].path);
	if (walk->files[walk->n - 1].error != 0)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "!%d",
			       walk->files[walk->n - 1].error);
	if (strcmp(text, expected) != 0)
		fail_msg("line %d: \"%s\", not \"%s\"", line, text, expected);
	for (size_t i = 0; i + 1 < walk->n; i++)
		assert_true(S_ISDIR(walk->files[i].mode));
}
