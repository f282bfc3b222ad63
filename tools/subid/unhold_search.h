/* SPDX-License-Identifier: MIT */
/*
 * "subid unhold --search": are there files that have the ids which are to be freed?
 */
#pragma once

#include "tools/subid/cli.h"

/*
 * Looks through the n directories, each on its own file system.  EXIT_DONE if no file has
 * one of the ids; else the status, after a complaint that names the first ones.
 */
int unhold_search(const struct cli *cli, char *const dirs[], size_t n, unsigned int kinds,
		  struct id_range range);
