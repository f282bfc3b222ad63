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

int cli_check_unused(int proc, uint32_t session, const char *name,
		     const struct subid_changes *changes)
{
	auto_set struct subid_set uids = { .ranges = NULL }, gids = { .ranges = NULL };
	struct subid_set wanted[SUBID_KINDS];
	auto_free struct subid_use *uses = NULL;
	size_t n = 0, unread = 0;
	int r = 0;

	if (proc < 0)
		return EXIT_DONE;
	for (size_t i = 0; r == 0 && i < changes->n; i++)
		r = subid_set_insert(changes->list[i].kind == SUBID_UID ? &uids : &gids,
				     changes->list[i].range);
	wanted[SUBID_UID] = uids;
	wanted[SUBID_GID] = gids;
	if (r == 0)
		r = subid_userns_uses_beside(proc, session, wanted, &uses, &n, &unread);
	if (r < 0 || unread > 0)
		return cli_complain(EXIT_UNABLE,
				    "%s: cannot see whether the ids are in use: %s", name,
				    strerror(r < 0 ? -r : EACCES));
	for (size_t i = 0; i < n && i < USES_SHOWN; i++)
		print_use(name, &uses[i]);
	if (n > USES_SHOWN)
		(void)cli_complain(0, "%s: and %zu more", name, n - USES_SHOWN);
	if (n == 0)
		return EXIT_DONE;
	return cli_complain(EXIT_NO,
			    "%s: nothing was changed: stop these first, or use"
			    " --force",
			    name);
}
