/* SPDX-License-Identifier: MIT */
/*
 * Rows that wait until what they say is true.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/subid/cli.h"

int cli_rows_add(struct cli_rows *rows, const char *owner, struct subid_change change,
		 const char *state)
{
	if (rows->n == rows->room) {
		size_t room = rows->room * 2 + 16;
		struct cli_row *grown = reallocarray(rows->list, room, sizeof(*grown));

		if (grown == NULL)
			return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
		rows->list = grown;
		rows->room = room;
	}
	rows->list[rows->n++] = (struct cli_row){
		.owner = owner,
		.owner_len = strlen(owner),
		.kind = change.kind,
		.range = change.range,
		.state = state,
	};
	return EXIT_DONE;
}

int cli_rows_print(const struct cli *cli, const struct cli_rows *rows)
{
	struct cli_output *output = cli_output_open(cli);

	if (output == NULL)
		return cli_complain(EXIT_UNABLE, "%s", strerror(ENOMEM));
	for (size_t i = 0; i < rows->n; i++)
		cli_output_row(output, &rows->list[i]);
	return cli_output_close(output);
}

void cli_rows_free(struct cli_rows *rows)
{
	free(rows->list);
	*rows = (struct cli_rows){ .n = 0 };
}
