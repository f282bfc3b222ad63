/* SPDX-License-Identifier: MIT */
/*
 * Names for subordinate ids, as libnss_subid.so.2 gives them: "alice+100033" for an id
 * of alice's line, "alice+web+33" for the 34th id of what root has leased to her
 * container web.
 *
 * A name and its id lead to each other, or there is neither: a text that is not byte for
 * byte what its id would be called is no name.  Ids below SUBID_NAMES_MIN, those of
 * accounts and groups of the local files, and held ids have none.
 *
 * Only files of root's are read, none through a link, and never the name service: this
 * is what it calls, in any program, setuid ones too.
 */
#pragma once

#include "libsubid/lines/lines.h"

/* No id below has a name: such ids are accounts' and system services'. */
#define SUBID_NAMES_MIN 65536

/* A container's name has at most so many bytes. */
#define SUBID_NAMES_CONTAINER_MAX 100

/* The longest name, with its NUL: OWNER+CONTAINER+ID. */
#define SUBID_NAME_SIZE                                                                  \
	(SUBID_LINE_OWNER_MAX + 1 + SUBID_NAMES_CONTAINER_MAX + sizeof("+4294967294"))

/* Threat: a file that has grown out of all proportion fills the memory of each program
 * that lists a directory.  A million lines fit. */
#define SUBID_NAMES_FILE_MAX ((size_t)64 << 20)

struct subid_names; /* opaque: one kind of ids */

/*
 * Reads the table of a kind in etc, passwd, for gids also group, and the leases of that
 * kind in the directory state (-1: there are none).  Returns 0, and the caller releases
 * *ret with subid_names_free(); -errno: what could not be read has no known names.
 */
int subid_names_load(int etc, int state, enum subid_kind kind, struct subid_names **ret);

void subid_names_free(struct subid_names **names);

#define auto_names __attribute__((cleanup(subid_names_free)))

/* Writes the name of an id, terminated.  Returns its length; 0: it has none. */
size_t subid_names_of_id(const struct subid_names *names, uint32_t id,
			 char ret[SUBID_NAME_SIZE]);

/* The id of a name.  Returns 0 or SUBID_UNKNOWN. */
int subid_names_find(const struct subid_names *names, const char *name, size_t len,
		     uint32_t *ret_id);

/* Can this be a name?  Costs a look at its bytes, and no file. */
bool subid_names_possible(const char *name, size_t len);
