/* SPDX-License-Identifier: MIT */
/*
 * What userns.c and userns_session.c share.
 */
#pragma once

#include "live_private.h"
#include "userns.h"

#define USERNS_NOBODY UINT32_MAX

/* A process's comm, or "". */
void userns_read_program(int proc, pid_t pid, char ret[16]);

/* Adds a row to the n uses, with what its process is called.  0 or -ENOMEM. */
int userns_add_use(int proc, struct subid_use use, struct subid_use **uses, size_t *n);

/* Does the process but hold a rootless session of the user?  USERNS_NOBODY: never. */
bool userns_is_of_session(int proc, uint32_t user, pid_t pid);
