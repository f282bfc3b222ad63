/* SPDX-License-Identifier: MIT */
/*
 * A file replaced as a whole, durably, or several at once: at every instant each
 * name leads to the old file or to the new one, never to a part.
 *
 * Calling sequence, under the lock that keeps other writers away:
 *     subid_draft_open()   for each file; the new bytes go to "NAME+"
 *     subid_draft_write()  as often as needed; it fits subid_table_print()
 *     subid_drafts_commit()
 *     subid_draft_free()   without a commit it removes the draft again
 */
#pragma once

#include "base.h"

#ifdef __cplusplus
extern "C" {
#endif

struct subid_draft; /* opaque */

/*
 * Opens a draft for the file name (at most 200 bytes) in the directory dir, which
 * stays the caller's and open.  It gets the mode, owner, group and extended
 * attributes (SELinux label, ACL) of the file, or is 0644 and the caller's when
 * there is none yet.  A draft of a dead process is overwritten.
 *
 * Returns 0 or -errno: -ELOOP when the file is a link, which is not followed,
 * -EINVAL when it is not a regular file.  Other hard links of the file keep its
 * old content.
 */
int subid_draft_open(int dir, const char *name,
		     struct subid_draft **ret) SUBID_WARN_UNUSED;

/* Appends bytes.  data is a struct subid_draft *.  0 or -errno. */
int subid_draft_write(void *data, const void *bytes, size_t size) SUBID_WARN_UNUSED;

/*
 * Puts all n drafts in their places, or none: written to disk, then renamed
 * over the old files one after the other, then the directory written to disk.
 * If one step fails, those already done are undone.  "NAME-" is a copy of the
 * old file; if it cannot be made, that is no failure.
 *
 * Returns 0: all is durable.  -errno: every name leads to its old file.
 * -ENOTRECOVERABLE: undoing failed as well, so that some names lead to new
 * files and some to old ones, each whole.
 */
int subid_drafts_commit(struct subid_draft *const drafts[], size_t n) SUBID_WARN_UNUSED;

void subid_draft_free(struct subid_draft **draft);

#define auto_draft __attribute__((cleanup(subid_draft_free)))

#ifdef __cplusplus
}
#endif
