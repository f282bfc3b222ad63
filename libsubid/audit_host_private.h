/* SPDX-License-Identifier: MIT */
/*
 * What the rules about files share: audit_host.c, audit_helper.c, audit_policy.c.
 * It is in audit_file.c.
 */
#pragma once

#include "audit_private.h"

/* A text for a command, quoted if a shell would read it otherwise. */
const char *audit_quoted(struct subid_audit *audit, const char *text);

/* NAME in the directory of the tables, for a sentence. */
const char *audit_in_etc(struct subid_audit *audit, const char *name);

/* Is uid, or gid, root's, or that of whoever plays its part? */
bool audit_is_root(const struct subid_host *host, uint32_t uid);
bool audit_is_roots_group(const struct subid_host *host, uint32_t gid);

/* "a; b" from a and b, with what stands between them; b alone if a is "". */
const char *audit_join(struct subid_audit *audit, const char *a, const char *with,
		       const char *b);

/*
 * How others than root can write a file or directory: "mode 0666: everybody can
 * write it", with the commands that end it in *ret_remedy.  NULL: they cannot, or
 * it could not be found out.
 */
const char *audit_who_writes(struct subid_audit *audit,
			     const struct subid_host_file *file, const char **ret_remedy);

/*
 * The same for directory i on a way: how somebody can put another file in the place of
 * the next.  In a sticky directory only its owner can.
 */
const char *audit_who_replaces(struct subid_audit *audit,
			       const struct subid_host_way *way, size_t i,
			       const char **ret_remedy);

/* How many lines of the table give ids to somebody; 0 also without a table. */
size_t audit_count_grants(const struct subid_audit *audit, enum subid_kind kind);
