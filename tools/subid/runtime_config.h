/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdio.h>

#include "libsubid/maps/maps.h"

/*
 * What a container runtime is to be told, so that a container gets the ids that an
 * owner or a lease has: the text to paste, for each runtime one.  Pure; the rows are
 * in setup.c, and a new runtime is one more of them.
 */

/* "5.0.2"; major 0: not known, and then it is taken for a recent one. */
struct runtime_version {
	unsigned int major;
	unsigned int minor;
};

/*
 * Finds the first number of the form "5.0" or "252" in what a program said when it
 * was asked for its version.  False if there is none.
 */
bool runtime_version_parse(const char *text, struct runtime_version *ret);

/* Whose ids they are.  All of it stays the caller's. */
struct runtime_config_ids {
	const char *name;			  /* of the owner, as a line spells it */
	const char *container;			  /* NULL: all that the owner has */
	bool has_account;			  /* own is known */
	uint32_t own[SUBID_KINDS];		  /* its uid and primary gid */
	const struct subid_set *all[SUBID_KINDS]; /* what its lines give, sorted */
	const struct subid_set *ids[SUBID_KINDS]; /* what the container shall have */
	bool doubled; /* some line of the owner has ids of another of its lines */
};

struct runtime_config {
	struct subid_map_line maps[SUBID_KINDS][SUBID_MAP_LINES_MAX];
	size_t n[SUBID_KINDS]; /* lines of maps, in host ids */
	char *text;	       /* to paste: whole lines */
	char *remarks;	       /* where it goes, what else there is to do: lines */
	char *refusal;	       /* why not, a phrase; or NULL */
};

void runtime_config_free(struct runtime_config *setup);

#define auto_runtime_config __attribute__((cleanup(runtime_config_free)))

struct runtime_config_draft; /* inside the library */

/* A row of the table. */
struct runtime_config_row {
	const char *name;    /* "lxc" */
	const char *title;   /* "LXC" */
	const char *program; /* that says its version with --version, or NULL */
	bool is_json;	     /* the text is */
	bool keeps;	     /* can map the owner's own uid */
	bool roots;	     /* takes ids out of root's lines alone */
	bool one_range;	     /* wants one range, of the same numbers for uid and gid */
	bool one_map;	     /* has one map for all containers */
	void (*write)(struct runtime_config_draft *draft);
};

/* All of them; *ret_n is how many. */
const struct runtime_config_row *runtime_config_rows(size_t *ret_n);

/* The row of that name; NULL if there is none. */
const struct runtime_config_row *runtime_config_find(const char *name);

/*
 * Makes the text for share.  keep: what the owner's own uid and gid shall be
 * inside, or SUBID_ID_NONE.  Returns 0, and the caller releases *ret with
 * runtime_config_free(); SUBID_DENIED, with ret->refusal set, to be released too, when
 * the runtime cannot do that, or the share has not got what it takes; -ENOMEM.
 */
int runtime_config_make(const struct runtime_config_row *runtime,
			const struct runtime_config_ids *share, uint32_t keep,
			struct runtime_version version, struct runtime_config *ret);

/*
 * What setup.c (the table, and what a runtime cannot do) and setup_text.c (the
 * texts) share.  Inside the library only.
 */

/* A text that is being made. */
struct runtime_config_draft {
	const struct runtime_config_ids *share;
	const struct runtime_config_row *runtime;
	const struct runtime_config *setup; /* its maps are there */
	struct runtime_version version;
	uint32_t keep;
	struct id_range range; /* for runtimes that want one */
	FILE *text;
	FILE *remarks;
};

void runtime_config_write_lxc(struct runtime_config_draft *draft);
void runtime_config_write_lxd(struct runtime_config_draft *draft);
void runtime_config_write_podman(struct runtime_config_draft *draft);
void runtime_config_write_docker(struct runtime_config_draft *draft);
void runtime_config_write_oci(struct runtime_config_draft *draft);
void runtime_config_write_nspawn(struct runtime_config_draft *draft);

/* Does podman run as an ordinary user, in that user's own namespace? */
static inline bool runtime_config_is_rootless(const struct runtime_config_ids *share)
{
	return share->has_account && share->own[SUBID_UID] != 0;
}
