/* SPDX-License-Identifier: MIT */
/*
 * What the files about the ledger's file share.
 */
#pragma once

#include "libsubid/core/files.h"
#include "libsubid/ledger/ledger.h"

#include <sys/stat.h>

/* --- lock.c -----------------------------------------------------------------------
 */

/* 0; -EPERM: another can write it. */
int ledger_check_trust(const struct ledger_file *file, const struct stat *st);

/* Opens a file of the directory, not through a link, and nothing but a regular file that
 * only who may can write.  A descriptor, or -errno. */
int ledger_open_file(const struct ledger_file *file, const char *name, int flags,
		     struct stat *st);

/* Which byte of the lock file: of who appends, and of who writes anew. */
enum { LOCK_APPEND, LOCK_COMPACT };

int ledger_open_lock(const struct ledger_file *file);

/* Locks a byte of the lock file, waiting for it: SUBID_BUSY. */
int ledger_lock_byte(int fd, int byte, int timeout_ms);

/* --- read.c -----------------------------------------------------------------------
 */

/* Is this the file that was read? */
bool ledger_is_same(const struct ledger_file *file, const struct stat *st);

int ledger_read_bytes(int fd, uint64_t from, uint64_t size, char **ret);

/* Finds in *seen, which need not be sorted, what is somebody's or left once list, in
 * order, is over it.  0 or -ENOMEM. */
int ledger_unite_seen(struct subid_set *seen, const struct ledger_list *list);

/* Takes down what was appended in size bytes, up to seq, as if it had been read.  0;
 * -ENOMEM: it must be read. */
int ledger_note(struct ledger_file *file, const struct ledger_news *news, uint64_t seq,
		uint64_t size);

/* --- write.c ----------------------------------------------------------------------
 */

/* Writes all that is known, which was read whole, into a draft of a new file. */
int ledger_write_base(const struct ledger_file *file,
		      struct subid_replacement *replacement);
