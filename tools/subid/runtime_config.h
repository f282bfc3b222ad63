/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdio.h>

#include "libsubid/maps/maps.h"

/*
 * The configuration that makes a container runtime use the ids of an owner or of a lease:
 * a text to paste.  Pure functions.  A new runtime is a row of the table in
 * runtime_config.c, and a function in runtime_config_text.c.
 */

/* --- how ids lie in maps: which map to write for the ids that a container has ----- */

/* One of the owner's own ids, which shall be seen inside too. */
struct subid_keep {
	uint32_t inside;  /* what it is inside; SUBID_ID_NONE: it is not */
	uint32_t outside; /* the owner's uid or gid */
	bool ascending;	  /* ranges in their order, as podman has a user's by itself */
};

/*
 * The map of a container that has all of ids, a sorted set: the largest range
 * first, of equal ones the lower, or in ascending order, from inside id 0 on.  An id that
 * is kept takes the place of what would lie there, or behind it; all others stay where
 * they are, so that the files of a container that is there already keep their owners.
 *
 * Returns 0 with the lines in ret, *ret_n of them, in the order of inside ids;
 * SUBID_TAKEN if the id to keep is among ids; SUBID_FULL if it takes more than
 * SUBID_MAP_LINES_MAX lines; SUBID_ABSENT for no ids.
 */
int subid_layout(const struct subid_set *ids, struct subid_keep keep,
		 struct subid_map_line ret[SUBID_MAP_LINES_MAX], size_t *ret_n);

/*
 * The same map as seen from the user namespace in which podman runs as an ordinary
 * user: there, 0 is the user, own, and the ids that the user holds, all, follow
 * from 1 on in ascending order.  Lines that adjoin on both sides become one.
 *
 * Returns 0 with lines and *n changed; SUBID_DENIED if an outside id is not in that
 * namespace, and then nothing is changed.
 */
int subid_layout_relative(const struct subid_set *all, uint32_t own,
			  struct subid_map_line *lines, size_t *n);

/* --- the texts --------------------------------------------------------------------- */

/* "5.0.2"; major 0: unknown, and then a recent one is assumed. */
struct runtime_version {
	unsigned int major;
	unsigned int minor;
};

/*
 * Finds the first number of the form "5.0" or "252" in the output of PROGRAM --version.
 * False if there is none.
 */
bool runtime_version_parse(const char *text, struct runtime_version *ret);

/* A directory of the host for the container: shared storage. */
struct runtime_config_mount {
	const char *source;
	const char *inside; /* where it goes: absolute */
	bool read_only;
};

/* The ids, and their owner.  All pointers stay the caller's. */
struct runtime_config_ids {
	const char *name;	      /* of the owner, as it is written in a line */
	const char *container;	      /* NULL: all ids of the owner */
	bool has_account;	      /* own is known */
	uint32_t own[SUBID_KINDS];    /* its uid and primary gid */
	const struct subid_sets *all; /* of its lines, sorted */
	const struct subid_sets *ids; /* for the container */
	bool doubled;		      /* two lines of the owner overlap */
	const struct runtime_config_mount *mounts;
	size_t n_mounts;
};

struct runtime_config {
	struct subid_map_line maps[SUBID_KINDS][SUBID_MAP_LINES_MAX];
	size_t n[SUBID_KINDS]; /* lines of maps, in host ids */
	char *text;	       /* to paste: whole lines */
	char *remarks;	       /* where it goes and what else to do: lines */
	char *refusal;	       /* the reason for a refusal, a phrase; or NULL */
};

void runtime_config_free(struct runtime_config *setup);

#define auto_runtime_config __attribute__((cleanup(runtime_config_free)))

struct runtime_config_draft;

/* A row of the table. */
struct runtime_config_row {
	const char *name;    /* "lxc" */
	const char *title;   /* "LXC" */
	const char *program; /* prints its version with --version, or NULL */
	bool is_json;	     /* the text is */
	bool keeps;	     /* can map the owner's own uid */
	bool roots;	     /* uses only ids of root's lines */
	bool one_range; /* needs one range, with the same numbers for uids and gids */
	bool one_map;	/* has one map for all containers */
	void (*write)(struct runtime_config_draft *draft);
};

/* All of them; *ret_n is how many. */
const struct runtime_config_row *runtime_config_rows(size_t *ret_n);

/* The row of that name; NULL if there is none. */
const struct runtime_config_row *runtime_config_find(const char *name);

/*
 * Makes the text for ids.  keep: the id inside for the owner's own uid and gid, or
 * SUBID_ID_NONE.  Returns 0, or SUBID_DENIED with ret->refusal set if the runtime cannot
 * do that or the ids do not suffice; in both cases the caller releases *ret with
 * runtime_config_free().  -ENOMEM.
 */
int runtime_config_make(const struct runtime_config_row *runtime,
			const struct runtime_config_ids *share, uint32_t keep,
			struct runtime_version version, struct runtime_config *ret);

/*
 * Shared by runtime_config.c (the table and the checks), runtime_config_text.c (the
 * texts) and runtime_config_mounts.c (their lines for shared storage) only.
 */

/* A text being written. */
struct runtime_config_draft {
	const struct runtime_config_ids *share;
	const struct runtime_config_row *runtime;
	const struct runtime_config *setup; /* with its maps */
	struct runtime_version version;
	uint32_t keep;
	struct id_range range; /* for runtimes that need one */
	FILE *text;
	FILE *remarks;
};

void runtime_config_write_lxc(struct runtime_config_draft *draft);
void runtime_config_write_lxd(struct runtime_config_draft *draft);
void runtime_config_write_podman(struct runtime_config_draft *draft);
void runtime_config_write_docker(struct runtime_config_draft *draft);
void runtime_config_write_oci(struct runtime_config_draft *draft);
void runtime_config_write_nspawn(struct runtime_config_draft *draft);

/* Of the mounts of draft->share; podman's begin with separator. */
void runtime_config_mounts_lxc(const struct runtime_config_draft *draft);
void runtime_config_mounts_lxd(const struct runtime_config_draft *draft,
			       const char *client);
void runtime_config_mounts_podman(const struct runtime_config_draft *draft,
				  const char *separator);
void runtime_config_mounts_docker(const struct runtime_config_draft *draft);
void runtime_config_mounts_oci(const struct runtime_config_draft *draft);
void runtime_config_mounts_nspawn(const struct runtime_config_draft *draft);

/* Does podman run as an ordinary user, in that user's own namespace? */
static inline bool runtime_config_is_rootless(const struct runtime_config_ids *share)
{
	return share->has_account && share->own[SUBID_UID] != 0;
}
