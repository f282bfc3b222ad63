/* SPDX-License-Identifier: MIT */
/*
 * What every other header of the library relies on: the one convention for
 * answers, and the two kinds of id.
 *
 * What a function returns, everywhere in this library:
 *     0   done, or yes
 *   < 0   -errno: something failed, nothing was changed; pass it on
 *   > 0   an enum subid_answer: nothing failed, the answer is no; act on it
 * Outputs come last, are named ret or ret_x, and are set only on 0, except
 * where a header says that they explain an answer.  Predicates that cannot
 * fail return bool.
 *
 * A _free() function takes what a call has made, and what is zeroed (or a pointer
 * that is NULL), and leaves it empty; auto_NAME calls it at the end of the scope.
 * So set to zero what a call may leave unset, before it is declared so.
 *
 * The library never prints, exits, or keeps state of its own, and leaves the
 * process's signals, environment, umask and working directory alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are part of the ABI: a closed list, new ones at the end. */
enum subid_answer {
	SUBID_DENIED = 1, /* the owner does not hold these ids */
	SUBID_FULL,	  /* the window has no gap of that size */
	SUBID_UNKNOWN,	  /* there is no such account or group */
	SUBID_TAKEN,	  /* somebody has one of these ids */
	SUBID_BUSY,	  /* another process holds a lock, and patience ran out */
	SUBID_INVALID,	  /* a text that is not what it should be */
	SUBID_OFF,	  /* policy gives no ids of this kind, or none to this owner */
	SUBID_ENOUGH,	  /* the owner already has what was asked for */
	SUBID_ABSENT,	  /* there is nothing of the kind to take away */
	SUBID_IN_USE,	  /* a process or a user namespace uses these ids */
	SUBID_FORBIDDEN,  /* the site's policy never gives this owner any */
};

/* uid and gid are one thing seen twice: a parameter, and an index into tables. */
enum subid_kind {
	SUBID_UID,
	SUBID_GID,
};

#define SUBID_KINDS 2

/* "uid" or "gid". */
const char *subid_kind_name(enum subid_kind kind);

/* The table's name in the configuration directory: "subuid" or "subgid". */
const char *subid_kind_table(enum subid_kind kind);

#define SUBID_WARN_UNUSED __attribute__((warn_unused_result))

#ifdef __cplusplus
}
#endif
