/* SPDX-License-Identifier: MIT */
/*
 * Who keeps out of sight what somebody asks for, and what root can do about it.
 */
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "tools/subid/cli.h"

void cli_hider_text(const struct subid_hider *hider, char *buf, size_t size)
{
	const struct passwd *user =
	    hider->uid == SUBID_ID_NONE ? NULL : getpwuid(hider->uid);
	char whose[64] = "";

	if (user != NULL)
		(void)snprintf(whose, sizeof(whose), " of %.32s (uid %u)", user->pw_name,
			       hider->uid);
	else if (hider->uid != SUBID_ID_NONE)
		(void)snprintf(whose, sizeof(whose), " of uid %u", hider->uid);
	if (hider->pid == 0)
		(void)snprintf(buf, size, "a process%s", whose);
	else
		(void)snprintf(buf, size, "process %d (%s)%s", (int)hider->pid,
			       hider->program[0] == '\0' ? "of unknown name"
							 : hider->program,
			       whose);
}

int cli_unseen_is_wrong(int status, const char *what, const struct subid_unseen *unseen)
{
	char who[CLI_HIDER_SIZE];

	cli_hider_text(&unseen->first, who, sizeof(who));
	return cli_complain(
	    status,
	    "%s: %s: the ids that it has cannot be seen: %s%s: run this as"
	    " root, in the host's namespaces",
	    what, who, strerror(-unseen->first.error),
	    unseen->n > 1 ? ", and of more" : "");
}

int cli_hidden_is_wrong(int status, const char *what, const struct subid_unseen *unseen,
			const char *but)
{
	char who[CLI_HIDER_SIZE], more[48] = "";

	cli_hider_text(&unseen->first, who, sizeof(who));
	if (unseen->n_hidden > 1)
		(void)snprintf(more, sizeof(more), " (and there are %zu more)",
			       unseen->n_hidden - 1);
	return cli_complain(status,
			    "%s: %s keeps a user namespace out of sight%s, which may have"
			    " ids that were taken back: %s",
			    what, who, more, but);
}

void cli_warn_of_hidden(const struct cli *cli, const struct subid_unseen *unseen)
{
	if (unseen->n_hidden > 0 && !cli->quiet)
		(void)cli_hidden_is_wrong(0, "warning", unseen,
					  "none of the last change's are given; end the"
					  " process, and see 'subid audit'");
}
