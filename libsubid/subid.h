/* SPDX-License-Identifier: MIT */
/*
 * libsubid-ng: the whole library.  Include it as <subid-ng/subid.h>; what each
 * part does is said in its own header, from the bottom up:
 */
#pragma once

#include "allocate.h" /* where there is room */
#include "audit.h"    /* what is wrong, and what to do about it */
#include "base.h"     /* answers and kinds */
#include "conf.h"     /* the site's policy */
#include "decide.h"   /* what the policy means for an owner */
#include "file.h"     /* a file's bytes and lines */
#include "host.h"     /* facts about the machine around the tables */
#include "idmap.h"    /* the text of uid_map and gid_map */
#include "inside.h"   /* a process as its container sees it */
#include "layout.h"   /* how ids lie in maps */
#include "lease.h"    /* a range for each container */
#include "leased.h"   /* what containers have, whatever the tables say */
#include "line.h"     /* one line of a table */
#include "live.h"     /* what runs: namespaces and processes */
#include "lock.h"     /* the locks that shadow's tools take too */
#include "member.h"   /* who is in a group */
#include "policy.h"   /* login.defs */
#include "range.h"    /* ranges and sets of ids */
#include "replace.h"  /* a file replaced as a whole */
#include "runtime.h"  /* what container runtimes have written down */
#include "setup.h"    /* what a container runtime is to be told */
#include "source.h"   /* where ranges come from */
#include "table.h"    /* a table in memory */
#include "txn.h"      /* the only way to change the tables */
#include "userns.h"   /* the live user namespaces */
#include "users.h"    /* owner <-> uid */
#include "whose.h"    /* whose is an id */
