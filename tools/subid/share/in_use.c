/* SPDX-License-Identifier: MIT */
/*
 * Who still has a store mounted: a container keeps its mount until it ends, whatever is
 * unmounted on the host.
 *
 * Threat: ids that are taken back while a mount shows them are written by whoever is
 * behind it, whoever gets them next.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/live/live.h"
#include "tools/subid/share/share.h"

#define NAMED_MAX 10

static bool has_ids(const struct subid_idmapped *mount, const struct subid_share *share)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (subid_set_meets(&mount->disk.of[kind], share->ids[kind], NULL))
			return true;
	return false;
}

static void name_mount(const struct subid_share *share,
		       const struct subid_idmapped *mount)
{
	if (mount->pid == 0)
		(void)cli_complain(0, "%s: is still mounted in %s", share->store,
				   mount->where);
	else
		(void)cli_complain(0,
				   "%s: is still mounted in %s of process %d: stop its"
				   " container",
				   share->store, mount->where, (int)mount->pid);
}

static int judge(const struct cli *cli, const struct subid_share *share,
		 const struct subid_idmapped_list *mounts)
{
	size_t n = 0;
	bool unknown = mounts->partial;

	for (size_t i = 0; i < mounts->n; i++) {
		unknown |= !mounts->list[i].known;
		if (has_ids(&mounts->list[i], share) && n++ < NAMED_MAX)
			name_mount(share, &mounts->list[i]);
	}
	if (n > 0)
		return cli_complain(EXIT_NO, "%s: nothing was changed", share->store);
	if (unknown && !cli->quiet)
		(void)cli_complain(0,
				   "warning: %s: this kernel does not tell whether a"
				   " container still has it mounted: stop those that used"
				   " it before 'subid unhold'",
				   share->store);
	return EXIT_DONE;
}

int share_check_unused(const struct cli *cli, const struct subid_share *share)
{
	auto_close int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_idmapped struct subid_idmapped_list mounts = { .n = 0 };
	auto_live struct subid_live live = { .n = 0 };
	int r = proc < 0 ? -errno : subid_live_read(proc, SUBID_LIVE_QUICK, &live);

	if (r == 0)
		r = subid_idmapped_read(proc, &live, &mounts);
	return r == 0 ? judge(cli, share, &mounts)
		      : cli_complain(EXIT_UNABLE,
				     "%s: cannot see whether a container still has it"
				     " mounted: %s",
				     share->store, strerror(-r));
}
