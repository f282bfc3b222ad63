/* SPDX-License-Identifier: MIT */
/*
 * The rootless sessions of users, see subid_userns_taken_beside().
 */
#include <stdio.h>
#include <string.h>

#include "libsubid/live/private.h"

/* The processes of rootless sessions, by their comm. */
static const char *const session_programs[] = {
	"podman pause", "catatonit",	   "podman",   "conmon",
	"buildah",	"slirp4netns",	   "pasta",    "pasta.avx2",
	"rootlessport", "fuse-overlayfs",  "netavark", "aardvark-dns",
	"rootlesskit",	"rootlesskit-doc",
};

/* Runs the process as that user alone: real, effective, saved and for files? */
static bool runs_as(int proc, uint32_t user, pid_t pid)
{
	/* the line is among the first; groups may follow without end */
	char status[4096], wanted[64];
	ssize_t n = proc_read(proc, pid, "status", status, sizeof(status) - 1);

	if (n < 0)
		return false;
	status[n] = '\0';
	(void)snprintf(wanted, sizeof(wanted), "\nUid:\t%u\t%u\t%u\t%u\n", user, user,
		       user, user);
	return strstr(status, wanted) != NULL;
}

bool userns_is_of_session(int proc, uint32_t user, pid_t pid)
{
	char program[16];

	if (user == USERNS_NOBODY)
		return false;
	proc_read_program(proc, pid, program);
	for (size_t i = 0; i < sizeof(session_programs) / sizeof(session_programs[0]);
	     i++)
		if (strcmp(program, session_programs[i]) == 0)
			return runs_as(proc, user, pid);
	return false;
}
