/* SPDX-License-Identifier: MIT */
/*
 * The line that a refusal leaves in the system's log, and how many one user may
 * leave.
 */
#pragma once

#include "libsubid/trace_private.h"
#include "newidmap.h"

/* Where refusals are counted. */
struct refusals {
	int fd;		  /* -1: nowhere */
	bool are_counted; /* what cannot be counted leaves no line */
};

/*
 * Opens the counts, which takes the privilege of a program that is setuid root; one
 * with a file capability has no place for them.  The descriptor is closed when
 * the program ends.
 */
struct refusals refusals_open(void);

/*
 * Leaves a line, if the user has not left too many.  Called with no privilege
 * left.  target: the directory /proc/PID.  Nothing depends on what becomes of it.
 */
void refusals_log(const struct refusals *refusals, struct subid_event event, int target);
