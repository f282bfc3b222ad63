/* SPDX-License-Identifier: MIT */
/*
 * What somebody may have meant.
 */
#include <string.h>

#include "tools/subid/cli.h"

#define WORD_MAX 32

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many letters are to be changed, put in, left out or exchanged with the next. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1] = { { 0 } };
	size_t m = strlen(a), n = strlen(b);

	if (m > WORD_MAX || n > WORD_MAX)
		return WORD_MAX;
	for (size_t j = 0; j <= n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= m; i++) {
		size_t *now = rows[i % 3], *last = rows[(i + 2) % 3];
		const size_t *before = rows[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= n; j++) {
			now[j] = least(least(last[j], now[j - 1]) + 1,
				       last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return rows[m % 3][n];
}

const char *cli_nearest(const char *typed, const char *const *names, size_t n)
{
	const char *nearest = NULL;
	size_t best = strlen(typed) < 4 ? 1 : 2;

	for (size_t i = 0; i < n; i++) {
		size_t away = distance(typed, names[i]);

		if (strlen(typed) > 1 && strncmp(typed, names[i], strlen(typed)) == 0)
			return names[i];
		if (away <= best && away < strlen(names[i])) {
			nearest = names[i];
			best = away - (away > 0);
		}
	}
	return nearest;
}

const char *cli_other_word(const char *name)
{
	static const char *const words[][2] = {
		{ "add", "grant" },
		{ "create", "grant" },
		{ "del", "revoke" },
		{ "delete", "revoke" },
		{ "remove", "revoke" },
		{ "rm", "revoke" },
		{ "undo", "grant --restore" },
		{ "restore", "grant --restore" },
		{ "history", "list --released" },
		{ "log", "list --released" },
		{ "ls", "list" },
		{ "check", "audit" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(name, words[i][0]) == 0)
			return words[i][1];
	return NULL;
}
