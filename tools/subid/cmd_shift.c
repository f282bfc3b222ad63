/* SPDX-License-Identifier: MIT */
/*
 * subid shift: files of one range of ids become those of another.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/subid/shift.h"
#include "tools/subid/trace_files.h"

enum {
	OPTION_FROM = 256 * 2,
	OPTION_TO,
	OPTION_OWNER,
	OPTION_CROSS,
	OPTION_LEAVE,
	OPTION_FORCE,
	OPTION_VERIFY,
};

static const struct cli_option options[] = {
	{ 'u', "uid", NULL, "only uids; gids stay as they are" },
	{ 'g', "gid", NULL, "only gids; uids stay as they are" },
	{ OPTION_FROM, "from", "MAP", "the ids that the files have" },
	{ OPTION_TO, "to", "MAP", "the ids that they get" },
	{ OPTION_OWNER, "owner", "OWNER", "find what OWNER's containers left" },
	{ OPTION_CROSS, "cross", NULL, "enter other mounts, too" },
	{ OPTION_LEAVE, "leave", NULL, "leave ids outside of --from as they are" },
	{ OPTION_FORCE, "force", NULL, "also while the ids are in use" },
	{ OPTION_VERIFY, "verify", NULL, "find what is left of --from; change nothing" },
	{ 'n', "dry-run", NULL, "count; change nothing" },
};

static void show_progress(void *data, uint64_t entries, uint64_t total)
{
	const struct shift *shift = data;

	if (shift->cli->quiet || !isatty(STDERR_FILENO))
		return;
	if (total > 0)
		(void)fprintf(stderr, "\rsubid: %llu of %llu entries\033[K",
			      (unsigned long long)entries, (unsigned long long)total);
	else
		(void)fprintf(stderr, "\rsubid: %llu entries counted\033[K",
			      (unsigned long long)entries);
}

static void end_progress(const struct shift *shift)
{
	if (!shift->cli->quiet && isatty(STDERR_FILENO))
		(void)fputs("\r\033[K", stderr);
}

/*
 * Threat: with --from host, a slip of the hand gives the host's own files away.  The
 * directories of the host itself are none that one shifts.
 */
static int check_not_host(const struct shift *shift, int tree)
{
	static const char *const own[] = {
		"/",	 "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/proc",
		"/root", "/run", "/sbin", "/srv", "/sys", "/tmp",  "/usr", "/var",
	};
	struct stat st, other;

	if (!shift->from.host)
		return EXIT_DONE;
	if (fstat(tree, &st) < 0)
		return cli_complain(EXIT_UNABLE, "%s: %s", shift->tree, strerror(errno));
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (stat(own[i], &other) == 0 && other.st_dev == st.st_dev &&
		    other.st_ino == st.st_ino)
			return cli_complain(EXIT_NO,
					    "%s: is %s of this host: --from host is for"
					    " images",
					    shift->tree, own[i]);
	return EXIT_DONE;
}

/* Is there a directory above that root alone can enter? */
static bool is_closed(int tree)
{
	auto_close int at = openat(tree, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st, last = { .st_ino = 0 };

	for (int turn = 0; at >= 0 && turn < 4096; turn++) {
		int above;

		if (fstat(at, &st) < 0)
			return false;
		if (st.st_uid == 0 && (st.st_mode & 077) == 0)
			return true;
		if (st.st_ino == last.st_ino && st.st_dev == last.st_dev)
			return false;
		last = st;
		above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		(void)close(at); /* a directory */
		at = above;
	}
	return false;
}

/*
 * Threat: what was root's in a container is root's on the host after --to host; a setuid
 * file that the container made would run as root for whoever reaches it.
 */
static int check_reach(const struct shift *shift, int tree)
{
	if (!shift->to.host || is_closed(tree))
		return EXIT_DONE;
	return cli_complain(EXIT_NO,
			    "%s: with --to host, its setuid files would be root's: move"
			    " it into a directory that root alone can enter (mode 700),"
			    " or use --force",
			    shift->tree);
}

static int check(const struct shift *shift, int tree)
{
	int status = check_not_host(shift, tree);

	if (status != EXIT_DONE || shift->force || shift->action != SHIFT_DO)
		return status;
	status = check_reach(shift, tree);
	return status == EXIT_DONE ? shift_check_uses(shift, tree) : status;
}

static int job_failed(const struct shift *shift, const struct storage_report *report,
		      int r)
{
	bool inside = report->path != NULL && strcmp(report->path, ".") != 0;
	const char *slash = inside ? "/" : "", *path = inside ? report->path : "";
	const char *why = strerror(-r);

	if (r == -ESTALE)
		why = "was moved meanwhile";
	else if (r == -EINVAL)
		why = "its ACL or its capabilities are not understood, or it cannot have"
		      " these ids";
	else if (r == -ENOTSUP)
		why = "this needs /proc, and a file system with trusted.* attributes";
	(void)cli_complain(0, "%s%s%s: %s", shift->tree, slash, path, why);
	if (report->begun && report->shifted > 0)
		return cli_complain(EXIT_UNABLE,
				    "%s: %llu of its entries are shifted: the same"
				    " command again goes on",
				    shift->tree, (unsigned long long)report->shifted);
	return EXIT_UNABLE;
}

/* What a finished job comes to. */
static int judge(const struct shift *shift, const struct storage_report *report)
{
	if (shift->action != SHIFT_VERIFY)
		return storage_report_refuses(report, shift->flags) ? EXIT_NO : EXIT_DONE;
	for (enum storage_what what = 0; what < STORAGE_WHATS; what++)
		if (what != STORAGE_ACL_TWICE && report->found[what] > 0)
			return EXIT_NO;
	return EXIT_DONE;
}

static void trace(const struct shift *shift, enum files_action action, uint64_t entries,
		  int result)
{
	const struct files_event event = {
		.action = action,
		.path = shift->tree,
		.from = &shift->from.ids,
		.to = &shift->to.ids,
		.from_host = shift->from.host,
		.to_host = shift->to.host,
		.entries = entries,
		.result = result,
	};

	files_trace(&event);
}

static void trace_begin(void *data)
{
	struct shift *shift = data;

	shift->traced = true;
	trace(shift, FILES_SHIFT_BEGUN, 0, 0);
}

/* What changes nothing, as there was nothing to do, leaves nothing. */
static void trace_end(const struct shift *shift, const struct storage_report *report,
		      int r)
{
	if (shift->action == SHIFT_DO && (shift->traced || r != 0))
		trace(shift, FILES_SHIFTED, report->shifted, r);
}

static int carry_out(struct shift *shift, int tree, const struct storage_map *map)
{
	auto_storage_report struct storage_report report = { .n = 0 };
	const struct storage_job job = {
		.tree = tree,
		.map = map,
		.flags = shift->flags,
		.progress = show_progress,
		.begin = trace_begin,
		.data = shift,
	};
	int r;

	if (shift->action == SHIFT_VERIFY)
		r = storage_verify(&job, &report);
	else if (shift->action == SHIFT_COUNT)
		r = storage_plan(&job, &report);
	else
		r = storage_shift(&job, &report);
	end_progress(shift);
	trace_end(shift, &report, r);
	if (r < 0)
		return job_failed(shift, &report, r);
	return cli_say_dry_run(shift->cli, shift->action == SHIFT_COUNT,
			       shift_print(shift, &report, judge(shift, &report)));
}

static int cannot_open(const struct shift *shift, int r)
{
	const char *why = strerror(-r);

	if (r == -ELOOP)
		why = "no part of the path may be a symbolic link";
	if (r == -ENOSYS)
		why = "openat2(2) is needed, which Linux has since 5.6";
	return cli_complain(EXIT_UNABLE, "%s: %s", shift->tree, why);
}

static int shift_tree(struct shift *shift)
{
	auto_storage_map struct storage_map map = { .of = { { .n = 0 } } };
	auto_close int tree = storage_open(shift->tree);
	int status;

	if (tree < 0)
		return cannot_open(shift, tree);
	status = shift_map_make(shift, NULL, &map);
	if (status != EXIT_DONE)
		return status;
	status = check(shift, tree);
	if (status == EXIT_DONE)
		return carry_out(shift, tree, &map);
	if (shift->action == SHIFT_DO)
		trace(shift, FILES_SHIFTED, 0, files_trace_result(status));
	return status;
}

static void take_option(struct shift *shift, int letter, const char **owner,
			bool kinds[SUBID_KINDS])
{
	if (letter == OPTION_FROM)
		shift->from.text = optarg;
	else if (letter == OPTION_TO)
		shift->to.text = optarg;
	else if (letter == OPTION_OWNER)
		*owner = optarg;
	else if (letter == OPTION_CROSS)
		shift->flags |= STORAGE_CROSS;
	else if (letter == OPTION_LEAVE)
		shift->flags |= STORAGE_LEAVE;
	else if (letter == OPTION_FORCE)
		shift->force = true;
	else if (letter == OPTION_VERIFY)
		shift->action = SHIFT_VERIFY;
	else if (letter == 'u' || letter == 'g')
		kinds[letter == 'u' ? SUBID_UID : SUBID_GID] = true;
	else if (letter == 'n' && shift->action != SHIFT_VERIFY)
		shift->action = SHIFT_COUNT;
}

static int run(struct cli *cli, int argc, char *argv[])
{
	struct shift shift = { .cli = cli, .kind = SHIFT_BOTH, .action = SHIFT_DO };
	bool kinds[SUBID_KINDS] = { false };
	const char *owner = NULL;
	int letter, status;

	while ((letter = cli_next_option(cli, argc, argv)) != -1)
		take_option(&shift, letter, &owner, kinds);
	if (kinds[SUBID_UID] != kinds[SUBID_GID])
		shift.kind = kinds[SUBID_UID] ? SUBID_UID : SUBID_GID;
	if (shift.force)
		shift.flags |= STORAGE_LINKED_TOO;
	if (argc - optind != (owner == NULL))
		return cli_misused(cli, "shift: expected one TREE, or --owner OWNER");
	if (shift.from.text == NULL)
		return cli_misused(cli, "shift: missing --from MAP");
	if (owner == NULL && shift.to.text == NULL && shift.action != SHIFT_VERIFY)
		return cli_misused(cli, "shift: missing --to MAP");
	if (geteuid() != 0)
		return cli_complain(EXIT_NO,
				    "shift: only root can give files to other ids: ask"
				    " an administrator to run this command");
	shift.tree = argv[optind];
	status = owner == NULL ? shift_tree(&shift) : shift_list_owner(&shift, owner);
	subid_sets_free(&shift.from.ids);
	subid_sets_free(&shift.to.ids);
	return status;
}

const struct cli_command cmd_shift = {
	.name = "shift",
	.arguments = "TREE --from MAP --to MAP",
	.summary = "move the files of containers to other ids",
	CLI_OPTIONS(options),
	.text = "MAP is START:COUNT, FIRST-LAST, OWNER, OWNER/NAME or host (0 and on).\n",
	.examples = "    subid shift /srv/web --from 100000:65536 --to alice/web\n"
		    "    subid shift --owner alice --from 100000:65536",
	.run = run,
};
