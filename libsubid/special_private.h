/* SPDX-License-Identifier: MIT */
/*
 * What must not even be opened.  Inside the library only.
 */
#pragma once

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

/*
 * Threat: a device node in a file's place does things when it is opened: a watchdog
 * begins to count, a tape winds back.  An image may have one anywhere.  So what stands
 * there is asked first; whoever can exchange it in between for a device is root already.
 * Links, where they are not followed, are for open(2) to refuse.
 */
static inline bool is_special(int dir, const char *name, bool follow)
{
	struct stat st;

	return fstatat(dir, name, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW) == 0 &&
	       !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode);
}
