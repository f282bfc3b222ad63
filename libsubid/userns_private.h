/* SPDX-License-Identifier: MIT */
/*
 * What userns.c and userns_session.c share.
 */
#pragma once

#include "userns.h"

#define USERNS_NOBODY UINT32_MAX

/* A small file of a process, at once; its size or -errno. */
ssize_t userns_read_proc(int proc, const char *pid, const char *name, char *buf,
			 size_t size);

/* A process's comm, or "". */
void userns_read_program(int proc, const char *pid, char ret[16]);

/* Does the process but hold a rootless session of the user?  USERNS_NOBODY: never. */
bool userns_is_of_session(int proc, uint32_t user, const char *pid);
