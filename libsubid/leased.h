/* SPDX-License-Identifier: MIT */
/*
 * Which ids the containers of root and of root's store have, whatever the tables say:
 * usermod and userdel take lines away without asking, and the container is still there.
 *
 * Threat: what users keep in their homes has no say here: it could keep ids from all
 * others.
 */
#pragma once

#include "runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What subid_leased_read() found.  Zeroed, it is empty. */
struct subid_leased {
	/* sorted: of leases, of leases at rest, and of what runtimes has */
	struct subid_set ids[SUBID_KINDS];
	struct subid_runtime_state runtimes; /* of root's, with what told nothing */
};

void subid_leased_free(struct subid_leased *leased);

#define auto_leased __attribute__((cleanup(subid_leased_free)))

/*
 * Reads root's store of leases (lease.h) and what root's runtimes have written down
 * (runtime.h), with no lock: each file is the old one or the new one.  root: the root
 * directory, of an image too, whose links lead nowhere but below it; O_PATH will do.
 * A store that is not there has nothing.
 *
 * Returns 0; -errno with the file that it is about, named from root, in *ret_file, a
 * constant or NULL: what containers have is not known then.
 */
int subid_leased_read(int root, struct subid_leased *ret,
		      const char **ret_file) SUBID_WARN_UNUSED;

#ifdef __cplusplus
}
#endif
