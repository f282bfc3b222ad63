/* SPDX-License-Identifier: MIT */
/*
 * Who keeps out of sight what somebody asks for, and what root can do about it.
 */
#include <errno.h>

#include "tools/subid/cli.h"

int cli_unseen_is_wrong(int status, const char *what,
			const struct subid_unreadable *unseen)
{
	struct subid_error err = { .size = sizeof(err) };

	(void)error_unseen(&err, -EACCES, what, unseen);
	return cli_say(status, &err);
}

int cli_hidden_is_wrong(int status, const char *what,
			const struct subid_unreadable *unseen, const char *but)
{
	struct subid_error err = { .size = sizeof(err) };

	(void)error_hidden(&err, -EACCES, what, unseen, but);
	return cli_say(status, &err);
}

void cli_warn_of_hidden(const struct cli *cli, const struct subid_unreadable *unseen)
{
	if (unseen->n_hidden > 0 && !cli->quiet)
		(void)cli_hidden_is_wrong(0, "warning", unseen,
					  "none of the last change's are given; end the"
					  " process, and see 'subid audit'");
}
