/* SPDX-License-Identifier: MIT */
#include <linux/capability.h>

#include "tools/newidmap/private.h"

int main(int argc, char *argv[])
{
	static const struct idmap_kind gid = {
		.table = SUBID_GID,
		.prog = "newgidmap",
		.map_file = "gid_map",
		.cap = CAP_SETGID,
	};

	return newidmap_main(&gid, argc, argv);
}
