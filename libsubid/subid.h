/* SPDX-License-Identifier: MIT */
/*
 * libsubid-ng: the whole library.  Include it as <subid-ng/subid.h>; what each folder
 * does is said in its own header, from the bottom up:
 */
#pragma once

#include "libsubid/accounts/accounts.h" /* owners, users, groups */
#include "libsubid/audit/audit.h"	/* what is wrong, and what to do about it */
#include "libsubid/change/change.h"	/* the only way to change the tables */
#include "libsubid/core/core.h"		/* ranges and sets of ids, texts, opening files */
#include "libsubid/live/live.h"		/* running processes and their namespaces */
#include "libsubid/maps/maps.h"		/* uid_map and gid_map */
#include "libsubid/policy/policy.h" /* login.defs, subid.conf, reserved ids, sources */
#include "libsubid/runtimes/runtimes.h" /* what container runtimes have written down */
#include "libsubid/tables/tables.h"	/* /etc/subuid and /etc/subgid, their locks */
