/* SPDX-License-Identifier: MIT */
/*
 * Files that others have made, opened without being led astray, and files that others
 * read, replaced durably.  Inside the project only.
 */
#pragma once

#include <linux/openat2.h>

#include "libsubid/core/range.h"

/* --- opening what lies below a directory that is not ours --- */

/* openat2(2), with RESOLVE_NO_MAGICLINKS and resolve: a descriptor or -errno. */
int beneath_open(int dir, const char *path, uint64_t flags, uint64_t resolve);

/* The same also before Linux 5.6, where no link is followed at all: -ELOOP. */
int beneath_reach(int dir, const char *path, uint64_t flags, uint64_t resolve);

/*
 * The same, to read, of a regular file alone: else -EINVAL.  Threat: a device does
 * things when it is opened, and a fifo makes wait; so what it is comes first.
 */
int beneath_open_regular(int dir, const char *path, uint64_t resolve);

/*
 * Opens the directory path below root, to read.  Threat: links of an image may lead to
 * what is ours; they lead nowhere but below it.  A kernel before Linux 5.6, which cannot
 * see to that, follows none at all (-ELOOP), nor ".." (-EXDEV).  A descriptor, or -errno.
 */
int beneath_open_dir(int root, const char *path);

/*
 * Opens the directory name in dir, one part of a path, to read; links are followed, but
 * those of /proc, where the kernel can tell.  A descriptor, or -errno.
 */
int beneath_enter(int dir, const char *name);

/* --- replacing --- */

/*
 * A file is replaced as a whole, durably, or several at once: at every instant each name
 * leads to the old file or to the new one, never to a part.
 *
 * Calling sequence, under the lock that keeps other writers away:
 *     subid_replacement_open()     for each file; the new bytes go to "NAME+"
 *     subid_replacement_write()    as often as needed; it fits subid_table_print()
 *     subid_replacements_commit()
 *     subid_replacement_free()     without a commit it removes "NAME+" again
 */

struct subid_replacement; /* opaque */

/*
 * Opens a replacement for the file name (at most 200 bytes) in the directory dir, which
 * stays the caller's and open.  It gets the mode, owner, group and extended attributes
 * (SELinux label, ACL) of the file, or is 0644 and the caller's when there is none yet.
 * One that a dead process has left is overwritten.
 *
 * Returns 0 or -errno: -ELOOP when the file is a link, which is not followed, -EINVAL
 * when it is not a regular file.  Other hard links of the file keep its old content.
 */
int subid_replacement_open(int dir, const char *name,
			   struct subid_replacement **ret) SUBID_WARN_UNUSED;

/*
 * The same for a file that no lock guards and that has readers of its own, such as a
 * report: the new bytes go to a name that is nobody else's, no copy of the old file is
 * kept, and of the old file's attributes the new one gets the group and as much of the
 * mode as 0644 has, never more.
 */
int subid_replacement_open_alone(int dir, const char *name,
				 struct subid_replacement **ret) SUBID_WARN_UNUSED;

/* Appends bytes.  data is a struct subid_replacement *.  0 or -errno. */
int subid_replacement_write(void *data, const void *bytes, size_t size) SUBID_WARN_UNUSED;

/* Makes the new file's time of modification the present, and mark, below a thousand
 * million, its nanoseconds: by them the file is known again.  What file systems keep no
 * nanoseconds lose it. */
void subid_replacement_mark(struct subid_replacement *replacement, uint32_t mark);

/* Writes to disk what was appended so far, so that the commit takes less time.  0 or
 * -errno. */
int subid_replacement_sync(struct subid_replacement *replacement) SUBID_WARN_UNUSED;

/*
 * Puts all n replacements in their places, or none: written to disk, then renamed over
 * the old files one after the other, then the directory written to disk.  If one step
 * fails, those already done are undone.  "NAME-" is a copy of the old file; if it cannot
 * be made, that is no failure.
 *
 * Returns 0: all is durable.  -errno: every name leads to its old file.
 * -ENOTRECOVERABLE: undoing failed as well, so that some names lead to new files and some
 * to old ones, each whole.
 */
int subid_replacements_commit(struct subid_replacement *const replacements[],
			      size_t n) SUBID_WARN_UNUSED;

void subid_replacement_free(struct subid_replacement **replacement);

#define auto_replacement __attribute__((cleanup(subid_replacement_free)))

/*
 * Why a file of the system's configuration cannot be opened, read or replaced, for an
 * error number, and what to do about it: "Permission denied: run this as root".  In words
 * of ours where the system's would lead astray.
 */
const char *open_why(int error);

/* What to do, or what is missing, when not all processes can be looked at; what: "this",
 * "the audit".  As root it is never to become root. */
void sight_remedy(const char *what, char *buf, size_t size);

#define SIGHT_REMEDY_SIZE 160

/* The same, and where a link leads that path is. */
void open_why_path(const char *path, int error, char *buf, size_t size);
