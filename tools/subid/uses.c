/* SPDX-License-Identifier: MIT */
/*
 * Who uses ids that are to be taken away.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/cli.h"

#define USES_SHOWN 10
#define UNCHANGED  "nothing was changed: stop these first, or use --force"
#define HELD	   "taken back, but the ids are held: 'subid unhold' frees them"

static void print_use(const char *name, const struct subid_use *use)
{
	const char *id = subid_kind_name(use->kind);
	unsigned long long last = id_range_end(use->ids) - 1;

	if (use->about_to_write)
		(void)cli_complain(0,
				   "%s: in use: process %d (%s) is about to map %s"
				   " %u-%llu",
				   name, (int)use->pid, use->program, id, use->ids.start,
				   last);
	else if (use->userns != 0)
		(void)cli_complain(0,
				   "%s: in use: user namespace %llu (%sprocess %d, %s)"
				   " maps %s %u-%llu",
				   name, (unsigned long long)use->userns,
				   use->hidden ? "kept alive by a descriptor or mount of "
					       : "",
				   (int)use->pid, use->program, id, use->ids.start, last);
	else
		(void)cli_complain(0, "%s: in use: process %d (%s) runs with %s %u", name,
				   (int)use->pid, use->program, id, use->ids.start);
	if (use->reaper != 0)
		(void)cli_complain(0,
				   "%s: process %d has ended, but its parent, process %d,"
				   " has not waited for it: end that",
				   name, (int)use->pid, (int)use->reaper);
}

/* Of what could not be looked into: the status, after a complaint or a warning.  done:
 * the ids are taken back and held by now. */
static int check_seen(const struct cli *cli, const char *name,
		      const struct subid_unreadable *unseen, bool reuse, bool done)
{
	if (unseen->n > 0)
		return cli_unseen_is_wrong(EXIT_UNABLE, name, unseen);
	if (unseen->n_hidden > 0 && reuse)
		return cli_hidden_is_wrong(
		    EXIT_UNABLE, name, unseen,
		    done ? HELD
			 : "nothing was changed: end the process, or do without"
			   " --reuse, or use --force");
	if (unseen->n_hidden > 0 && !cli->quiet)
		(void)cli_hidden_is_wrong(0, "warning", unseen,
					  "end the process before 'subid unhold'");
	return EXIT_DONE;
}

/* The ids of changes; to be freed also after a failure. */
static int sets_of(const struct subid_changes *changes, struct subid_sets *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < changes->n; i++)
		r = subid_set_insert(&ret->of[changes->list[i].kind],
				     changes->list[i].range);
	return r;
}

static int find_uses(int proc, uint32_t session, const struct subid_sets *wanted,
		     const struct subid_live *live, struct subid_use **ret, size_t *ret_n)
{
	size_t unread = 0;
	int r = subid_uses_find(proc, live, session, wanted, ret, ret_n, &unread);

	return r == 0 && unread > 0 ? -EACCES : r;
}

/* The status, after a complaint that names them if there are any; what: to be done. */
static int complain_of(const char *name, const struct subid_use *uses, size_t n,
		       const char *what)
{
	for (size_t i = 0; i < n && i < USES_SHOWN; i++)
		print_use(name, &uses[i]);
	if (n > USES_SHOWN)
		(void)cli_complain(0, "%s: and %zu more", name, n - USES_SHOWN);
	return n == 0 ? EXIT_DONE : cli_complain(EXIT_NO, "%s: %s", name, what);
}

static int cannot_see(const char *name, int r)
{
	return cli_complain(EXIT_UNABLE, "%s: cannot see whether the ids are in use: %s",
			    name, strerror(-r));
}

static int check_pending(int proc, const char *name, const struct subid_sets *wanted,
			 const char *what)
{
	auto_free struct subid_use *uses = NULL;
	size_t n = 0;
	int r;

	/* a user frees ids of nobody else's */
	if (geteuid() != 0)
		return EXIT_DONE;
	r = subid_uses_about_to_write(proc, wanted, &uses, &n);
	return r < 0 ? cannot_see(name, r) : complain_of(name, uses, n, what);
}

int cli_check_pending(int proc, const char *name, const struct subid_changes *changes)
{
	auto_sets struct subid_sets wanted = { .of = { { .n = 0 } } };
	int r = sets_of(changes, &wanted);

	return r < 0 ? cannot_see(name, r)
		     : check_pending(proc, name, &wanted, UNCHANGED);
}

static int check_unused(const struct cli *cli, int proc, uint32_t session,
			const char *name, const struct subid_changes *changes, bool reuse,
			bool done)
{
	const char *what = done ? HELD : UNCHANGED;
	auto_sets struct subid_sets wanted = { .of = { { .n = 0 } } };
	auto_live struct subid_live live = { .n = 0 };
	auto_free struct subid_use *uses = NULL;
	struct subid_unreadable unseen = { .n = 0 };
	size_t n = 0;
	int status = EXIT_DONE, r = sets_of(changes, &wanted);

	/* first what is about to be mapped: it may be by the time that maps are read */
	if (r == 0)
		status = check_pending(proc, name, &wanted, what);
	if (status != EXIT_DONE)
		return status;
	if (r == 0)
		r = subid_live_read(proc, SUBID_LIVE_THOROUGH, &live);
	if (r == 0)
		r = find_uses(proc, session, &wanted, &live, &uses, &n);
	if (r < 0)
		return cannot_see(name, r);
	status = complain_of(name, uses, n, what);
	if (status != EXIT_DONE)
		return status;
	subid_live_unreadable(proc, &live, &unseen);
	if (unseen.n + unseen.n_hidden > 0)
		status = check_seen(cli, name, &unseen, reuse, done);
	return status;
}

int cli_check_unused(const struct cli *cli, int proc, uint32_t session, const char *name,
		     const struct subid_changes *changes, bool reuse)
{
	return proc < 0 ? EXIT_DONE
			: check_unused(cli, proc, session, name, changes, reuse, false);
}

int cli_free_held(struct cli *cli, struct subid_txn *txn, int proc, uint32_t session,
		  const char *name, const struct subid_changes *changes)
{
	int r = 0, status = check_unused(cli, proc, session, name, changes, true, true);

	for (size_t i = 0; r == 0 && status == EXIT_DONE && i < changes->n; i++) {
		const struct subid_change *change = &changes->list[i];
		struct subid_changes freed;

		/* what somebody else has too is not held, or was before */
		if (!change->shared)
			r = subid_txn_unhold(txn, 1U << change->kind, change->range,
					     &freed);
		/* two equal lines are held as one */
		if (r == SUBID_ABSENT)
			r = 0;
	}
	if (r < 0)
		status = cli_complain(EXIT_UNABLE, "%s: %s", name, strerror(-r));
	if (status == EXIT_DONE)
		status = cli_commit(cli, txn);
	/* "in use" has said it */
	return status == EXIT_UNABLE ? cli_complain(status, "%s: %s", name, HELD)
				     : status;
}
