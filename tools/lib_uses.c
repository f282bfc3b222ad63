/* SPDX-License-Identifier: MIT */
/*
 * Who uses ids that are to be taken away.
 */
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "libsubid/cleanup.h"

#define USES_SHOWN 10

static void print_use(const char *name, const struct subid_use *use)
{
	const char *id = subid_kind_name(use->kind);
	unsigned long long last = id_range_end(use->ids) - 1;

	if (use->userns != 0)
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
}

/* Of what could not be looked into: the status, after a complaint or a warning. */
static int check_seen(const struct cli *cli, const char *name,
		      const struct subid_unseen *unseen, bool reuse)
{
	if (unseen->n > 0)
		return cli_unseen_is_wrong(EXIT_UNABLE, name, unseen);
	if (unseen->n_hidden > 0 && reuse)
		return cli_hidden_is_wrong(EXIT_UNABLE, name, unseen,
					   "nothing was changed: end the process, or do"
					   " without --reuse, or use --force");
	if (unseen->n_hidden > 0 && !cli->quiet)
		(void)cli_hidden_is_wrong(0, "warning", unseen,
					  "end the process before 'subid unhold'");
	return EXIT_DONE;
}

static int find_uses(int proc, uint32_t session, const struct subid_changes *changes,
		     const struct subid_live *live, struct subid_use **ret, size_t *ret_n)
{
	auto_set struct subid_set uids = { .ranges = NULL }, gids = { .ranges = NULL };
	struct subid_set wanted[SUBID_KINDS];
	size_t unread = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < changes->n; i++)
		r = subid_set_insert(changes->list[i].kind == SUBID_UID ? &uids : &gids,
				     changes->list[i].range);
	wanted[SUBID_UID] = uids;
	wanted[SUBID_GID] = gids;
	if (r == 0)
		r = subid_userns_uses_of(proc, live, session, wanted, ret, ret_n,
					 &unread);
	return r == 0 && unread > 0 ? -EACCES : r;
}

int cli_check_unused(const struct cli *cli, int proc, uint32_t session, const char *name,
		     const struct subid_changes *changes, bool reuse)
{
	auto_live struct subid_live live = { .n = 0 };
	auto_free struct subid_use *uses = NULL;
	struct subid_unseen unseen = { .n = 0 };
	size_t n = 0;
	int status = EXIT_DONE, r;

	if (proc < 0)
		return EXIT_DONE;
	r = subid_live_read(proc, SUBID_LIVE_THOROUGH, &live);
	if (r == 0)
		r = find_uses(proc, session, changes, &live, &uses, &n);
	if (r < 0)
		return cli_complain(EXIT_UNABLE,
				    "%s: cannot see whether the ids are in use: %s", name,
				    strerror(-r));
	for (size_t i = 0; i < n && i < USES_SHOWN; i++)
		print_use(name, &uses[i]);
	if (n > USES_SHOWN)
		(void)cli_complain(0, "%s: and %zu more", name, n - USES_SHOWN);
	if (n > 0)
		return cli_complain(EXIT_NO,
				    "%s: nothing was changed: stop these first, or use"
				    " --force",
				    name);
	subid_userns_unseen(proc, &live, &unseen);
	if (unseen.n + unseen.n_hidden > 0)
		status = check_seen(cli, name, &unseen, reuse);
	return status;
}
