/* SPDX-License-Identifier: MIT */
/*
 * Opening what may be missing; inside the library only.
 */
#pragma once

/*
 * openat(2).  Returns the descriptor or -errno; -ENOENT only if there is nothing of
 * that name, -ENOLINK for a link that leads nowhere.
 *
 * Threat: a policy or a list of accounts that its administrator keeps elsewhere, when
 * that place is not mounted, must not count as one that says nothing.
 */
int file_open(int dir, const char *name, int flags);
