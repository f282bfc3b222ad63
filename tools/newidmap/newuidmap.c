/* SPDX-License-Identifier: MIT */
#include <linux/capability.h>

#include "tools/newidmap/private.h"

int main(int argc, char *argv[])
{
	static const struct idmap_kind uid = {
		.table = SUBID_UID,
		.prog = "newuidmap",
		.map_file = "uid_map",
		.cap = CAP_SETUID,
	};

	return newidmap_main(&uid, argc, argv);
}
