/* SPDX-License-Identifier: MIT */
/*
 * Who uses the ids of a shift now.  Threat: a container that runs makes files with the
 * old ids where the shift has been already, and moves what it is about to look at.
 */
#include <errno.h>
#include <string.h>

#include "tools/subid/shift.h"

#define SHOWN 10
#define AGAIN "nothing was changed: stop these first, or use --force"

static int cannot_see(const struct shift *shift, const char *why)
{
	return cli_complain(EXIT_UNABLE,
			    "%s: cannot see whether the ids are in use: %s (--force)",
			    shift->tree, why);
}

static void complain_of(const struct shift *shift, const struct subid_use *use)
{
	const char *kind = subid_kind_name(use->kind);

	if (use->about_to_write)
		(void)cli_complain(0, "%s: process %d (%s) is about to map %s %u",
				   shift->tree, (int)use->pid, use->program, kind,
				   use->ids.start);
	else if (use->userns != 0)
		(void)cli_complain(
		    0, "%s: user namespace %llu (%sprocess %d, %s) maps %s %u",
		    shift->tree, (unsigned long long)use->userns,
		    use->hidden ? "kept alive by a descriptor or mount of " : "",
		    (int)use->pid, use->program, kind, use->ids.start);
	else
		(void)cli_complain(0, "%s: process %d (%s) runs with %s %u", shift->tree,
				   (int)use->pid, use->program, kind, use->ids.start);
}

static int complain_of_all(const struct shift *shift, const struct subid_use *uses,
			   size_t n)
{
	for (size_t i = 0; uses != NULL && i < n && i < SHOWN; i++)
		complain_of(shift, &uses[i]);
	if (n > SHOWN)
		(void)cli_complain(0, "%s: and %zu more", shift->tree, n - SHOWN);
	return n == 0
		   ? EXIT_DONE
		   : cli_complain(EXIT_NO, "%s: the ids are in use: " AGAIN, shift->tree);
}

static int check_unseen(const struct shift *shift, int proc,
			const struct subid_live *live, size_t unread)
{
	struct subid_unreadable unseen;
	char who[128];

	subid_live_unreadable(proc, live, &unseen);
	if (unseen.n == 0 && unread > 0)
		return cannot_see(shift, strerror(EACCES));
	(void)snprintf(who, sizeof(who), "process %d (%s)", (int)unseen.first.pid,
		       unseen.first.program);
	if (unseen.n > 0)
		return cannot_see(shift, who);
	if (unseen.n_hidden > 0 && !shift->cli->quiet)
		(void)cli_complain(0,
				   "warning: %s: %s hides a user namespace, which may"
				   " use the ids",
				   shift->tree, who);
	return EXIT_DONE;
}

static int check_processes(const struct shift *shift, const struct subid_sets *ids)
{
	auto_live struct subid_live live = { .n = 0 };
	auto_free struct subid_use *pending = NULL, *uses = NULL;
	auto_close int proc = cli_open_proc(shift->cli);
	size_t n = 0, unread = 0;
	int r, status;

	if (proc < 0)
		return proc == -1 ? EXIT_DONE : EXIT_UNABLE;
	/* first what is about to be mapped: it may be by the time that maps are read */
	r = subid_uses_about_to_write(proc, ids, &pending, &n);
	if (r < 0)
		return cannot_see(shift, strerror(-r));
	status = complain_of_all(shift, pending, n);
	if (status != EXIT_DONE)
		return status;
	r = subid_live_read(proc, SUBID_LIVE_THOROUGH, &live);
	if (r == 0)
		r = subid_uses_find(proc, &live, SUBID_ID_NONE, ids, &uses, &n, &unread);
	if (r < 0)
		return cannot_see(shift, strerror(-r));
	status = complain_of_all(shift, uses, n);
	return status == EXIT_DONE ? check_unseen(shift, proc, &live, unread) : status;
}

static int check_mounts(const struct shift *shift, int tree, const struct subid_sets *ids)
{
	auto_free char *where = NULL;
	int r = storage_find_mount(ids, tree, &where);

	if (r < 0)
		return cannot_see(shift, strerror(-r));
	if (r == 0)
		return EXIT_DONE;
	return cli_complain(EXIT_NO, "%s: the idmapped mount on %s %s: " AGAIN,
			    shift->tree, where,
			    r == SUBID_IN_USE ? "uses the ids" : "may use the ids");
}

int shift_check_uses(const struct shift *shift, int tree)
{
	auto_sets struct subid_sets ids = { .of = { { .n = 0 } } };
	int r = 0, status;

	/* the host's own ids are always in use */
	if (!shift->from.host)
		r = subid_sets_unite(&ids, &shift->from.ids);
	if (r == 0 && !shift->to.host)
		r = subid_sets_unite(&ids, &shift->to.ids);
	if (r < 0)
		return cli_complain(EXIT_UNABLE, "%s", strerror(-r));
	status = check_processes(shift, &ids);
	return status == EXIT_DONE ? check_mounts(shift, tree, &ids) : status;
}
