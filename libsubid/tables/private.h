/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdint.h>
#include <time.h>

#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"

/*
 * A table's inside, for the files that share it: table.c (reading), table_owners.c
 * (whose entries), table_change.c, table_taken.c and table_print.c.
 */

#define TABLE_OWNER_LEN_MAX 0x7fffffff

static inline bool table_is_new(const struct subid_table *table,
				const struct subid_entry *entry)
{
	return entry->offset >= table->text.size;
}

/* subid_table_owner(), where each entry is asked. */
static inline const char *table_owner_of(const struct subid_table *table,
					 const struct subid_entry *entry)
{
	if (table_is_new(table, entry))
		return table->added + (entry->offset - table->text.size);
	return table->text.bytes + entry->offset;
}

/* Makes room for so many entries in all, which is more than there was.  0 or -ENOMEM. */
int subid_table_grow(struct subid_table *table, size_t room);

/* Puts entry i, which is in no chain yet, into the index. */
void subid_table_link(struct subid_table *table, size_t i);

/*
 * Waiting for a file's lock in turn.  Inside the library only.
 */

/*
 * Waits until fd, open to write, has a write lock on the whole file, as an open file
 * description (fcntl(2), F_OFD_SETLKW), for at most timeout_ms milliseconds.  Who asks
 * first is served first, in one queue with lckpwdf(3), since Linux 4.20.
 *
 * Returns 0; SUBID_BUSY when the time is over; -errno when nobody can be sent to wait
 * (-ENOSYS before Linux 5.5, -EAGAIN at a limit of processes): then try and try again.
 */
int subid_lock_queue(int fd, int timeout_ms) SUBID_WARN_UNUSED;

/* A clock that nobody sets, in milliseconds. */
static inline int64_t lock_clock_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
