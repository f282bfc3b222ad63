/* SPDX-License-Identifier: MIT */
/*
 * The command line: its words, which are all that a caller says, read as plain decimal
 * numbers; and what is said about it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/newidmap/private.h"

int usage(const struct idmap_kind *kind)
{
	(void)fprintf(stderr,
		      "usage: %s <pid>|fd:<N> <inside> <outside> <count>"
		      " [<inside> <outside> <count>]...\n",
		      kind->prog);
	return EXIT_FAILURE;
}

int help(const struct idmap_kind *kind)
{
	const char *id = subid_kind_name(kind->table);

	(void)printf("usage: %s <pid>|fd:<N> <inside> <outside> <count>\n"
		     "                 [<inside> <outside> <count>]...\n\n"
		     "Writes the %s_map of a process of yours in a new user namespace:"
		     " count ids,\nfrom inside on within it, are the ids from outside on"
		     " here.  All of those\nmust be yours by %s/%s, or be your own %s"
		     " alone.\n\n"
		     "  <pid>      the process\n"
		     "  fd:<N>     descriptor N, an open directory /proc/PID\n"
		     "  --help     show this\n"
		     "  --version  show the version\n\n"
		     "Exit status: 0 written, 1 not.  See %s(1) and subid(7).\n",
		     kind->prog, id, SUBID_SYSCONFDIR, subid_kind_table(kind->table), id,
		     kind->prog);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int version(const struct idmap_kind *kind)
{
	(void)printf("%s (subid) %s\n", kind->prog, SUBID_VERSION);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

bool parse_id(const char *text, uint32_t *ret)
{
	return subid_id_parse(text, strnlen(text, 11), ret) == 0;
}

/* The triples behind the target. */
int parse_map(struct call *call, int n_words, char *const words[])
{
	size_t a, b;

	if (n_words <= 0 || n_words % 3 != 0)
		return usage(call->kind);
	if (n_words / 3 > SUBID_MAP_LINES_MAX)
		return fail(call->kind,
			    "%d map lines, but the kernel takes at most %d"
			    " (user_namespaces(7)): join neighbouring ranges",
			    n_words / 3, SUBID_MAP_LINES_MAX);
	for (int i = 0; i < n_words; i += 3) {
		struct subid_map_line *line = &call->lines[call->n];
		uint32_t count;

		for (int word = i; word < i + 3; word++) {
			uint32_t ignored;

			if (!parse_id(words[word], &ignored))
				return fail(call->kind,
					    "'%.40s': not a decimal number from 0 to"
					    " 4294967295",
					    words[word]);
		}
		(void)parse_id(words[i], &line->inside.start);
		(void)parse_id(words[i + 1], &line->outside.start);
		(void)parse_id(words[i + 2], &count);
		line->inside.count = line->outside.count = count;
		if (!id_range_valid(line->inside) || !id_range_valid(line->outside))
			return fail(call->kind,
				    "%s %s %s: a range has at least one id, and none"
				    " beyond 4294967294",
				    words[i], words[i + 1], words[i + 2]);
		call->n++;
	}
	if (subid_map_overlaps(call->lines, call->n, &a, &b))
		return fail(call->kind,
			    "%s %s %s overlaps %s %s %s: no id may be mapped twice",
			    words[3 * a], words[3 * a + 1], words[3 * a + 2],
			    words[3 * b], words[3 * b + 1], words[3 * b + 2]);
	return 0;
}
