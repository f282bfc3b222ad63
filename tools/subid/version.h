/* SPDX-License-Identifier: MIT */
#pragma once

#include "tools/subid/cli.h"
#include "tools/subid/runtime_config.h"

/*
 * Asks an installed program, found in PATH, for its version.  False if there is
 * none, or it does not say so within a few seconds.
 */
bool cli_ask_version(const char *program, struct subid_version *ret);
