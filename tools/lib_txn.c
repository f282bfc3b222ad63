/* SPDX-License-Identifier: MIT */
/*
 * What the commands do around a transaction, and how they explain its answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "libsubid/cleanup.h"

/* Before Linux 5.6: part by part, and no link at all. */
static int walk_below(int dir, const char *path)
{
	int at = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_MAX + 1];

	for (size_t len; at >= 0 && *path != '\0'; path += len) {
		bool last = strchr(path + strspn(path, "/"), '/') == NULL;
		int next;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 0)
			break;
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, path);
		next = openat(at, name,
			      (last ? O_RDONLY : O_PATH) | O_DIRECTORY | O_NOFOLLOW |
				  O_CLOEXEC);
		(void)close(at); /* a directory */
		at = next;
	}
	return at;
}

int cli_open_below(const char *root, const char *path)
{
	auto_close int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	if (dir < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	if (fd < 0 && errno == ENOSYS)
		fd = walk_below(dir, path);
	return fd < 0 ? -errno : fd;
}

int cli_open_etc(struct cli *cli)
{
	int n, fd;

	if (cli->root == NULL)
		n = snprintf(cli->etc_name, sizeof(cli->etc_name), "%s",
			     SUBID_SYSCONFDIR);
	else
		n = snprintf(cli->etc_name, sizeof(cli->etc_name), "%s/etc", cli->root);
	if (n < 0 || (size_t)n >= sizeof(cli->etc_name)) {
		(void)cli_complain(EXIT_UNABLE, "--root: the name is too long");
		return -1;
	}
	fd = cli->root == NULL
		 ? open(SUBID_SYSCONFDIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
		 : cli_open_below(cli->root, "etc");
	if (fd >= 0)
		return fd;
	(void)cli_complain(EXIT_UNABLE, "%s: %s", cli->etc_name,
			   strerror(cli->root == NULL ? errno : -fd));
	return -1;
}

int cli_open_proc(const struct cli *cli)
{
	int fd;

	if (cli->root != NULL)
		return -1;
	fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	(void)cli_complain(EXIT_UNABLE, "/proc: %s: what runs cannot be seen",
			   strerror(errno));
	return -2;
}

struct subid_txn_options cli_txn_options(const struct cli *cli, int etc, int proc,
					 bool dry_run)
{
	return (struct subid_txn_options){
		.etc = etc,
		.proc = proc,
		.nss = cli->root == NULL,
		.dry_run = dry_run,
		.timeout_ms = SUBID_LOCK_PATIENCE_MS,
		.vendor = cli->root == NULL ? SUBID_VENDORDIR : NULL,
	};
}

void cli_warn_of_source(const struct cli *cli, int etc)
{
	char source[SUBID_SOURCE_SIZE];

	if (cli->root != NULL || cli->quiet || subid_source_read(etc, source) != 0 ||
	    source[0] == '\0')
		return;
	(void)cli_complain(0,
			   "warning: %s/nsswitch.conf says 'subid: %s': ranges come from"
			   " there, and what %s/subuid and subgid say has no effect",
			   cli->etc_name, source, cli->etc_name);
}

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
		    " %s/login.defs, or accept overlap-reserved in"
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

/* Runs a program of the system's, quietly.  It has what it needs or is not there. */
static void run_quietly(const char *path, char *const argv[], const char *name)
{
	static char *no_environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	int status = 0;
	pid_t pid;

	if (access(path, X_OK) != 0 || posix_spawn_file_actions_init(&actions) != 0)
		return;
	if (posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0) !=
		0 ||
	    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) !=
		0 ||
	    posix_spawn(&pid, path, &actions, NULL, argv, no_environment) != 0)
		status = -1;
	(void)posix_spawn_file_actions_destroy(&actions);
	if (status == 0 && (waitpid(pid, &status, 0) < 0 || status != 0))
		status = -1;
	if (status != 0)
		(void)cli_complain(0,
				   "warning: %s could not be told of the change: its"
				   " cache is old until it looks again",
				   name);
}

static void tell_caches(void)
{
	static char nscd[] = "nscd", invalidate[] = "-i", passwd[] = "passwd";
	static char group[] = "group", sss_cache[] = "sss_cache", both[] = "-UG";

	if (access("/run/nscd/socket", F_OK) == 0) {
		run_quietly("/usr/sbin/nscd",
			    (char *[]){ nscd, invalidate, passwd, NULL }, "nscd");
		run_quietly("/usr/sbin/nscd", (char *[]){ nscd, invalidate, group, NULL },
			    "nscd");
	}
	if (access("/var/lib/sss/pipes/nss", F_OK) == 0)
		run_quietly("/usr/sbin/sss_cache", (char *[]){ sss_cache, both, NULL },
			    "SSSD");
}

/* The change is made, whatever became of its trace. */
static void warn_of_trace(const struct cli *cli, const struct subid_txn *txn)
{
	struct subid_traced traced = subid_txn_traced(txn);

	/* the log has a note of its own of what the audit did not take */
	if (cli->quiet || traced.audit == traced.changes || traced.log == traced.changes)
		return;
	(void)cli_complain(
	    0,
	    "warning: the change is made, but it left a trace neither in the"
	    " kernel's audit (%s) nor in the system's log (%s)",
	    strerror(-traced.audit_error), strerror(-traced.log_error));
}

int cli_commit(struct cli *cli, struct subid_txn *txn)
{
	bool changed = subid_txn_changed(txn);
	struct subid_failure failure;
	int r = subid_txn_commit(txn, &failure);

	if (r != 0)
		return cli_txn_failed(cli, r, &failure);
	cli->changed = changed;
	warn_of_trace(cli, txn);
	if (changed && cli->root == NULL && !cli->store)
		tell_caches();
	return EXIT_DONE;
}

int cli_commit_both(struct cli *cli, struct subid_txn *txn, struct cli *other_cli,
		    struct subid_txn *other)
{
	int status = txn == NULL ? EXIT_DONE : cli_commit(cli, txn);

	if (status != EXIT_DONE || other == NULL)
		return status;
	return cli_say_part(cli, cli_commit(other_cli, other));
}

int cli_say_part(const struct cli *cli, int status)
{
	if (status == EXIT_DONE || !cli->changed)
		return status;
	return cli_complain(status,
			    "%s: its part of the change is made all the same:"
			    " 'subid list' shows it",
			    cli->etc_name);
}

unsigned int cli_kinds(bool uid, bool gid)
{
	if (uid == gid)
		return SUBID_BOTH_KINDS;
	return 1U << (uid ? SUBID_UID : SUBID_GID);
}

bool cli_parse_range(const struct cli *cli, const char *text, struct id_range *ret)
{
	if (subid_range_parse(text, ret) == 0)
		return true;
	(void)cli_misused(cli,
			  "'%s' is no range: write START:COUNT or FIRST-LAST, in decimal,"
			  " with ids up to 4294967294",
			  text);
	return false;
}
