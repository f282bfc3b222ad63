/* SPDX-License-Identifier: MIT */
/*
 * What the commands do around a transaction: what it works on, the commit, and who
 * hears of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "tools/subid/advice.h"

int cli_open_below(const char *root, const char *path)
{
	auto_close int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? -errno : beneath_open_dir(dir, path);
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
	(void)cli_complain(EXIT_UNABLE, "/proc: %s: running processes cannot be seen",
			   strerror(errno));
	return -2;
}

void cli_say_text(const char *text)
{
	const char *line = text, *next;

	for (; (next = strchr(line, '\n')) != NULL; line = next + 1)
		(void)cli_complain(0, "%.*s", (int)(next - line), line);
	(void)cli_complain(0, "%s", line);
}

int cli_say(int status, const struct subid_error *err)
{
	char text[SUBID_ERROR_TEXT_SIZE];

	(void)subid_error_text(err, text, sizeof(text));
	cli_say_text(text);
	return status;
}

int cli_status(int r)
{
	if (r == 0)
		return EXIT_DONE;
	return r < 0 || r == SUBID_BUSY ? EXIT_UNABLE : EXIT_NO;
}

static void warn(void *data, enum subid_note note, const char *text)
{
	const struct cli *cli = data;
	auto_free char *copy = strdup(text);
	char *line = copy, *next;

	if (copy == NULL || (note == SUBID_NOTE_REMARK && cli->quiet))
		return;
	for (; (next = strchr(line, '\n')) != NULL; line = next + 1) {
		*next = '\0';
		(void)cli_complain(0, "%s", line);
	}
	(void)cli_complain(0, "warning: %s", line);
}

int cli_open_system(struct cli *cli, bool grants, struct subid **ret)
{
	struct subid_error err = { .size = sizeof(err) };
	int etc = cli_open_etc(cli); /* how messages name it */

	if (etc < 0)
		return EXIT_UNABLE;
	if (grants)
		cli_warn_of_source(cli, etc);
	(void)close(etc); /* only read */
	if (subid_open(cli->root, ret, &err) < 0)
		return cli_say(EXIT_UNABLE, &err);
	subid_on_warning(*ret, warn, cli);
	return EXIT_DONE;
}

int cli_begin(struct subid *sys, unsigned int flags, struct subid_txn **ret)
{
	struct subid_error err = { .size = sizeof(err) };
	int r = subid_begin(sys, flags, SUBID_PATIENCE_MS, ret, &err);

	return r == 0 ? EXIT_DONE : cli_say(EXIT_UNABLE, &err);
}

int cli_unreadable(const struct cli *cli, const char *file, int r)
{
	char path[sizeof(cli->etc_name) + NAME_MAX], why[2 * PATH_MAX + 256];

	(void)snprintf(path, sizeof(path), "%s/%s", cli->etc_name, file);
	open_why_path(path, -r, why, sizeof(why));
	return cli_complain(EXIT_UNABLE, "%s: %s", path, why);
}

void cli_warn_of_source(const struct cli *cli, int etc)
{
	struct subid_sources sources;
	bool tables = false;

	if (cli->root != NULL || cli->quiet || subid_sources_read(etc, &sources) != 0 ||
	    sources.names[0][0] == '\0')
		return;
	for (size_t i = 0; i < sources.n; i++)
		tables |= sources.names[i][0] == '\0';
	(void)cli_complain(
	    0,
	    "warning: %s/nsswitch.conf says 'subid: %s': ranges come from there%s"
	    " %s/subuid and subgid have no effect%s",
	    cli->etc_name, sources.names[0], tables ? " first, and" : ", and",
	    cli->etc_name, tables ? " for owners of which it has any" : "");
}

/* Runs a program of the system's, quietly, if it is there.  False: it failed. */
static bool run_quietly(const char *path, char *const argv[])
{
	static char *no_environment[] = { NULL };
	posix_spawn_file_actions_t actions;
	int status = 0;
	pid_t pid;

	if (access(path, X_OK) != 0 || posix_spawn_file_actions_init(&actions) != 0)
		return true;
	if (posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0) !=
		0 ||
	    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) !=
		0 ||
	    posix_spawn(&pid, path, &actions, NULL, argv, no_environment) != 0)
		status = -1;
	(void)posix_spawn_file_actions_destroy(&actions);
	return status == 0 && waitpid(pid, &status, 0) >= 0 && status == 0;
}

static void warn_of_cache(const char *name)
{
	(void)cli_complain(0,
			   "warning: the cache of %s could not be invalidated: it is"
			   " outdated for a while",
			   name);
}

static void tell_caches(void)
{
	static char nscd[] = "nscd", invalidate[] = "-i", passwd[] = "passwd";
	static char group[] = "group", sss_cache[] = "sss_cache", both[] = "-UG";

	if (access("/run/nscd/socket", F_OK) == 0) {
		bool done = run_quietly("/usr/sbin/nscd",
					(char *[]){ nscd, invalidate, passwd, NULL });

		if (!run_quietly("/usr/sbin/nscd",
				 (char *[]){ nscd, invalidate, group, NULL }) ||
		    !done)
			warn_of_cache("nscd");
	}
	if (access("/var/lib/sss/pipes/nss", F_OK) == 0 &&
	    !run_quietly("/usr/sbin/sss_cache", (char *[]){ sss_cache, both, NULL }))
		warn_of_cache("SSSD");
}

/* The change is made, whatever became of its trace. */
static void warn_of_trace(const struct cli *cli, const struct subid_traced *traced)
{
	/* the log has a note of its own of what the audit did not take */
	if (cli->quiet || traced->audit == traced->changes ||
	    traced->log == traced->changes)
		return;
	(void)cli_complain(
	    0,
	    "warning: the change is made, but it left a trace neither in the"
	    " kernel's audit (%s) nor in the system's log (%s)",
	    strerror(-traced->audit_error), strerror(-traced->log_error));
}

int cli_commit(struct cli *cli, struct subid_txn *txn, bool *ret_raced)
{
	struct subid_error err = { .size = sizeof(err) };
	int r = subid_commit(txn, &err);
	struct subid_traced traced = { .size = sizeof(traced) };

	subid_traced(txn, &traced);
	cli->changed = traced.written;
	cli->no_pager = true; /* ssh -t would wait for somebody */
	if (r == 0)
		warn_of_trace(cli, &traced);
	if (traced.tables)
		tell_caches();
	if (r == 0 && traced.written && (traced.tables || cli->root != NULL))
		advise_generated(cli);
	if (ret_raced != NULL)
		*ret_raced = r == -EAGAIN;
	if (r == -EAGAIN && ret_raced != NULL)
		return EXIT_DONE;
	return r == 0 ? EXIT_DONE : cli_say(cli_status(r), &err);
}

void cli_conf_file(const struct cli *cli, const char *file, char *buf, size_t size)
{
	if (file[0] == '/')
		(void)snprintf(buf, size, "%s", file);
	else
		(void)snprintf(buf, size, "%s/%s", cli->etc_name, file);
}

unsigned int cli_kinds(bool uid, bool gid)
{
	if (uid == gid)
		return SUBID_BOTH_KINDS;
	return 1U << (uid ? SUBID_UID : SUBID_GID);
}

bool cli_parse_range(const struct cli *cli, const char *text, struct id_range *ret)
{
	if (cli_read_range(text, ret) == 0)
		return true;
	(void)cli_misused(
	    cli,
	    "invalid range '%s'; write START:COUNT or FIRST-LAST, in decimal,"
	    " with ids up to 4294967294; COUNT may be 64K or 1M",
	    text);
	return false;
}
