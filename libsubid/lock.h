/* SPDX-License-Identifier: MIT */
/*
 * The locks that shadow's tools take before they change a table: a write lock on
 * .pwd.lock, as lckpwdf(3) takes it, then subuid.lock and subgid.lock, which
 * hold the pid of their owner.  useradd(8), usermod(8) and userdel(8) wait for
 * us, and we for them.
 */
#pragma once

#include <sys/types.h>

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How long shadow's tools wait, in milliseconds. */
#define SUBID_LOCK_PATIENCE_MS 15000

struct subid_lock; /* opaque */

/* Who keeps us waiting, as far as it can be told. */
struct subid_holder {
	const char *file; /* ".pwd.lock", "subuid.lock" or "subgid.lock" */
	pid_t pid;	  /* 0: not known; -1: the lock file holds no pid */
	char program[16]; /* its comm, proc(5), '?' for bytes beyond ASCII; or "" */
	bool alive;	  /* there is such a process, and it is not the caller */
};

/*
 * Takes all three locks in the configuration directory etc, trying again and
 * again for timeout_ms milliseconds (0: once; SUBID_LOCK_PATIENCE_MS as shadow
 * does); who has waited for a third of that is served in turn, before Linux 5.5 by
 * trying more often.  No signal is used, so that it works in any process and thread;
 * while it waits in turn there is a child, which the process's own wait(2) does not
 * see.  A table's
 * lock whose owner is dead, or began after the lock was made, is taken over; one
 * without a pid in it is not, as with shadow.
 *
 * Returns 0, and the caller releases *ret with subid_lock_release(); SUBID_BUSY
 * with *ret_holder set; -errno: -EACCES and -EROFS are the usual ones,
 * -EINVAL means that .pwd.lock is no regular file.
 */
int subid_lock_take(int etc, int timeout_ms, struct subid_lock **ret,
		    struct subid_holder *ret_holder) SUBID_WARN_UNUSED;

/*
 * Looks who has the lock of a table, without taking any.  Returns 0 with *ret set;
 * SUBID_ABSENT when there is no lock file; -errno, -EACCES when it is not for us.
 */
int subid_lock_look(int etc, enum subid_kind kind, struct subid_holder *ret);

/* Unlocks, in reverse order, and sets *lock to NULL. */
void subid_lock_release(struct subid_lock **lock);

#define auto_lock __attribute__((cleanup(subid_lock_release)))

#ifdef __cplusplus
}
#endif
