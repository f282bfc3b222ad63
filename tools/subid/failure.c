/* SPDX-License-Identifier: MIT */
/*
 * Why a transaction failed, and what can be done about it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tools/subid/cli.h"

static int lock_is_busy(const struct cli *cli, const struct subid_holder *holder)
{
	const char *etc = cli->etc_name;

	if (holder->pid < 0)
		return cli_complain(
		    EXIT_UNABLE,
		    "%s/%s: locked, but no pid is in it: see whether useradd,"
		    " usermod or the like runs, and remove it if not",
		    etc, holder->file);
	if (holder->pid == 0)
		return cli_complain(EXIT_UNABLE,
				    "%s/%s: locked by another process for more than %d s:"
				    " try again later",
				    etc, holder->file, SUBID_LOCK_PATIENCE_MS / 1000);
	return cli_complain(
	    EXIT_UNABLE,
	    "%s/%s: locked by process %d (%s) for more than %d s: try again"
	    " when it is done",
	    etc, holder->file, (int)holder->pid,
	    holder->program[0] == '\0' ? "of unknown name" : holder->program,
	    SUBID_LOCK_PATIENCE_MS / 1000);
}

/* What to do about an error, where it is not plain. */
static const char *advice(int error)
{
	switch (error) {
	case EACCES:
	case EPERM:
		return geteuid() == 0
			   ? ": is it immutable (lsattr), or forbidden by policy?"
			   : ": run this as root";
	case ELOOP:
		return ": it is a symbolic link, which neither this nor useradd follows:"
		       " replace it by a copy of the file it leads to";
	case ENOLINK:
		return ": it is a symbolic link that leads nowhere: what it means cannot "
		       "be"
		       " known";
	case EBUSY:
	case EXDEV: /* it gets no second name in the directory */
		return ": is a file mounted on it? It cannot be replaced then: mount the"
		       " directory instead";
	case ENOSPC:
	case EDQUOT:
		return ": nothing was changed; make room and try again";
	case ESTALE:
		return ": somebody has saved it meanwhile without the lock that useradd"
		       " takes, too: nothing was changed; try again";
	case EINVAL:
		return ": it is not a regular file";
	default:
		return "";
	}
}

/* The site's policy, which is more than one file. */
static int conf_is_wrong(const struct cli *cli, int r,
			 const struct subid_failure *failure)
{
	const struct subid_place *place = &failure->place;
	char file[CLI_CONF_FILE_SIZE];

	cli_conf_file(cli, failure->conf, file, sizeof(file));
	if (r < 0)
		return cli_complain(EXIT_UNABLE,
				    "%s: %s%s: nothing is given until it can"
				    " be read",
				    file, strerror(-r), advice(-r));
	if (place->line == 0)
		return cli_complain(EXIT_UNABLE,
				    "%s: %s %s: nothing is given until it is put right",
				    file, place->key, place->why);
	return cli_complain(EXIT_UNABLE,
			    "%s:%zu: %s %s: nothing is given until it is put right", file,
			    place->line, place->key, place->why);
}

int cli_txn_failed(const struct cli *cli, int r, const struct subid_failure *failure)
{
	const char *etc = cli->etc_name;
	const char *file = failure->file;

	if (r == SUBID_BUSY)
		return lock_is_busy(cli, &failure->holder);
	if (file != NULL && strcmp(file, SUBID_CONF_FILE) == 0)
		return conf_is_wrong(cli, r, failure);
	if (r == SUBID_INVALID && failure->place.line > 0)
		return cli_complain(EXIT_UNABLE,
				    "%s/%s:%zu: %s %s: nothing is given until"
				    " it is put right",
				    etc, file, failure->place.line, failure->place.key,
				    failure->place.why);
	if (r == SUBID_INVALID)
		return cli_complain(
		    EXIT_UNABLE, "%s/%s: %s %s: nothing is given until it is put right",
		    etc, file, failure->place.key, failure->place.why);
	if (r == -ENOTRECOVERABLE)
		return cli_complain(
		    EXIT_UNABLE,
		    "%s: only one of subuid and subgid could be replaced, and"
		    " not be put back: compare them with subuid- and subgid-"
		    " or subuid+ and subgid+",
		    etc);
	if (file == NULL)
		return cli_complain(EXIT_UNABLE,
				    "%s: subuid and subgid were not changed: %s%s", etc,
				    strerror(-r), advice(-r));
	if (failure->unseen.n > 0)
		return cli_unseen_is_wrong(EXIT_UNABLE, file, &failure->unseen);
	if (file[0] == '/')
		return cli_complain(EXIT_UNABLE, "%s%s: %s%s",
				    cli->root == NULL ? "" : cli->root, file,
				    strerror(-r), advice(-r));
	return cli_complain(EXIT_UNABLE, "%s/%s: %s%s", etc, file, strerror(-r),
			    advice(-r));
}
