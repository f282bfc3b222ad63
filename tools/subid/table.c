/* SPDX-License-Identifier: MIT */
#include "tools/subid/cli.h"

/* A line that gives nothing, but has ids to some reader: somebody should look at it. */
static void warn_of_odd_lines(const struct cli *cli, const struct subid_table *table)
{
	struct id_range readings[SUBID_READINGS_MAX];
	struct subid_line parsed;
	size_t pos = 0, len, number = 1;
	const char *text;

	if (table->malformed.n == 0 || cli->quiet)
		return;
	for (; subid_text_next(&table->text, &pos, &text, &len); number++) {
		if (subid_line_parse(text, len, &parsed) == 0 ||
		    subid_line_readings(text, len, readings) == 0)
			continue;
		(void)cli_complain(
		    0,
		    "%s/%s:%zu: warning: not a line \"owner:start:count\": it gives"
		    " nothing to anybody, but its ids are not given away",
		    cli->etc_name, subid_kind_table(table->kind), number);
		return;
	}
}

int cli_load_table(const struct cli *cli, int etc, enum subid_kind kind,
		   struct subid_table *ret)
{
	struct subid_failure failure = { .file = subid_kind_table(kind) };
	int r = subid_table_load(etc, kind, ret);

	if (r != 0)
		return cli_txn_failed(cli, r, &failure);
	warn_of_odd_lines(cli, ret);
	return EXIT_DONE;
}
