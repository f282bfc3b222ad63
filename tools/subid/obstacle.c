/* SPDX-License-Identifier: MIT */
/*
 * Who is in the way of ids that somebody wants.
 */
#include <string.h>

#include "tools/subid/cli.h"

int cli_txn_taken(const struct cli *cli, const struct subid_txn *txn, const char *what,
		  struct subid_change change)
{
	const char *id = subid_kind_name(change.kind);
	struct subid_obstacle obstacle;
	char file[CLI_CONF_FILE_SIZE];
	unsigned long long first, last;
	int r = subid_txn_explain(txn, change.kind, change.range, &obstacle);

	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", what, strerror(-r));
	first = r == 0 ? obstacle.ids.start : change.range.start;
	last = (r == 0 ? id_range_end(obstacle.ids) : id_range_end(change.range)) - 1;
	switch (r == 0 ? obstacle.what : SUBID_OBSTACLE_NEW) {
	case SUBID_OBSTACLE_LINE:
		return cli_complain(EXIT_NO, "%s: %s %llu-%llu: taken by %s/%s:%zu: %s",
				    what, id, first, last, cli->etc_name,
				    subid_kind_table(change.kind), obstacle.line,
				    obstacle.who);
	case SUBID_OBSTACLE_ACCOUNT:
		return cli_complain(EXIT_NO, "%s: %s %llu: is %s %s's own", what, id,
				    first, change.kind == SUBID_UID ? "account" : "group",
				    obstacle.who[0] == '\0' ? "somebody" : obstacle.who);
	case SUBID_OBSTACLE_LIVE:
		return cli_complain(EXIT_NO,
				    "%s: %s %llu-%llu: mapped by a live user namespace"
				    " (process %d, %s): stop it first",
				    what, id, first, last, (int)obstacle.pid,
				    obstacle.who);
	case SUBID_OBSTACLE_RESERVED:
		return cli_complain(EXIT_NO,
				    "%s: %s %llu-%llu: set aside for %s, and never given:"
				    " choose others",
				    what, id, first, last, obstacle.who);
	case SUBID_OBSTACLE_CONF:
		cli_conf_file(cli, obstacle.file, file, sizeof(file));
		return cli_complain(EXIT_NO, "%s: %s %llu-%llu: reserved by %s:%zu%s%s",
				    what, id, first, last, file, obstacle.line,
				    obstacle.who[0] == '\0' ? "" : ": ", obstacle.who);
	case SUBID_OBSTACLE_CUSTOM:
		return cli_complain(
		    EXIT_NO,
		    "%s: %s %llu-%llu: set aside for %s: choose others, or,"
		    " if nothing here uses them so, widen the window in"
		    " %s/login.defs, or allow conventional-ids in"
		    " %s/" SUBID_CONF_FILE,
		    what, id, first, last, obstacle.who, cli->etc_name, cli->etc_name);
	case SUBID_OBSTACLE_AVOIDED:
		return cli_complain(EXIT_NO,
				    "%s: %s %llu-%llu: a container has them, or they rest"
				    " since it was taken away (" SUBID_STATEDIR
				    ", or what LXC, LXD, podman or nspawn has written"
				    " down)",
				    what, id, first, last);
	case SUBID_OBSTACLE_BEFORE:
		return cli_complain(EXIT_NO,
				    "%s: %s %llu-%llu: taken from somebody by the last"
				    " change of %s/%s, and process %d (%s) keeps a user"
				    " namespace out of sight, which may have them: end it"
				    " first",
				    what, id, first, last, cli->etc_name,
				    subid_kind_table(change.kind), (int)obstacle.pid,
				    obstacle.who);
	case SUBID_OBSTACLE_NEW:
		break;
	}
	return cli_complain(EXIT_NO, "%s: %s %llu-%llu: given just now, by this command",
			    what, id, first, last);
}
