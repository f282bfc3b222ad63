/* SPDX-License-Identifier: MIT */
/*
 * What "grant" is asked for, on a host and in the directory: one table of options.
 */
#pragma once

#include "tools/subid/cli.h"

struct grant_options {
	bool uid, gid, another, all, force_unknown, own, reuse_left, restore, dry_run;
	bool keep_going;
	uint32_t count;	       /* 0: by the policy */
	uint32_t align;	       /* 0: of any */
	struct id_range range; /* count 0: any */
	const char *from, *group;
};

#define N_GRANT_OPTIONS 15
extern const struct cli_option grant_option_rows[N_GRANT_OPTIONS];

/* Takes an option of the table.  The status, after a complaint. */
int grant_options_take(const struct cli *cli, struct grant_options *options, int letter);

/* Looks for options that exclude each other; operands: how many.  Likewise. */
int grant_options_check(const struct cli *cli, const struct grant_options *options,
			int operands);
