/* SPDX-License-Identifier: MIT */
/*
 * newuidmap and newgidmap: one program, told apart by a constant.
 */
#pragma once

#include "libsubid/core/core.h"

struct idmap_kind {
	enum subid_kind table;
	const char *prog;     /* as messages name it */
	const char *map_file; /* in /proc/PID */
	int cap;	      /* the capability that writes it, capabilities(7) */
};

int newidmap_main(const struct idmap_kind *kind, int argc, char *argv[]);
