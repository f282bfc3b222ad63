/* SPDX-License-Identifier: MIT */
/*
 * systemd-nspawn --private-users=pick gives a directory tree to the 65536 ids that it
 * has picked, from a multiple of 65536 on; so the owner of the tree tells which they are.
 */
#include <string.h>

#include "libsubid/runtimes/private.h"

#define NSPAWN_COUNT 65536

static int read_machine(struct runtime_scan *scan, const char *path, const char *name)
{
	struct id_range ids = { .count = NSPAWN_COUNT };
	struct stat st;
	int r = runtime_stat(scan, path, &st);

	if (r < 0 || !S_ISDIR(st.st_mode))
		return r;
	ids.start = st.st_uid / NSPAWN_COUNT * NSPAWN_COUNT;
	if (ids.start > 0)
		r = runtime_add(scan, SUBID_UID, ids, name, strlen(name));
	ids.start = st.st_gid / NSPAWN_COUNT * NSPAWN_COUNT;
	if (r == 0 && ids.start > 0)
		r = runtime_add(scan, SUBID_GID, ids, name, strlen(name));
	return r;
}

int runtime_nspawn_read(struct runtime_scan *scan)
{
	if (scan->place->user)
		return 0; /* only root runs it */
	return runtime_each(scan, "var/lib/machines", read_machine);
}
