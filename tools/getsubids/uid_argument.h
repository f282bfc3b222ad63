/* SPDX-License-Identifier: MIT */
/*
 * A uid as argument: shadow before 4.20 lists the lines that have the number, from 4.20
 * on those of its account's name, too.
 */
#pragma once

#if SUBID_SHADOW >= 20
#define UID_ARGUMENT "a uid the lines of its name."
#else
#define UID_ARGUMENT "a uid only those."
#endif

/*
 * The login name whose lines are meant, or NULL: what was typed; the caller frees it.
 * Returns 0 or -errno.
 */
int uid_argument_name(int etc, const char *user, char **ret);
