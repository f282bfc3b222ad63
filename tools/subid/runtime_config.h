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
struct subid_version {
	unsigned int major;
	unsigned int minor;
};

/*
 * Finds the first number of the form "5.0" or "252" in what a program said when it
 * was asked for its version.  False if there is none.
 */
bool subid_version_parse(const char *text, struct subid_version *ret);

/* Whose ids they are.  All of it stays the caller's. */
struct subid_share {
	const char *name;			  /* of the owner, as a line spells it */
	const char *container;			  /* NULL: all that the owner has */
	bool has_account;			  /* own is known */
	uint32_t own[SUBID_KINDS];		  /* its uid and primary gid */
	const struct subid_set *all[SUBID_KINDS]; /* what its lines give, sorted */
	const struct subid_set *ids[SUBID_KINDS]; /* what the container shall have */
	bool doubled; /* some line of the owner has ids of another of its lines */
};

struct subid_setup {
	struct subid_map_line maps[SUBID_KINDS][SUBID_MAP_LINES_MAX];
	size_t n[SUBID_KINDS]; /* lines of maps, in host ids */
	char *text;	       /* to paste: whole lines */
	char *remarks;	       /* where it goes, what else there is to do: lines */
	char *refusal;	       /* why not, a phrase; or NULL */
};

void subid_setup_free(struct subid_setup *setup);

#define auto_setup __attribute__((cleanup(subid_setup_free)))

struct setup_draft; /* inside the library */

/* A row of the table. */
struct subid_setup_runtime {
	const char *name;    /* "lxc" */
	const char *title;   /* "LXC" */
	const char *program; /* that says its version with --version, or NULL */
	bool is_json;	     /* the text is */
	bool keeps;	     /* can map the owner's own uid */
	bool roots;	     /* takes ids out of root's lines alone */
	bool one_range;	     /* wants one range, of the same numbers for uid and gid */
	bool one_map;	     /* has one map for all containers */
	void (*write)(struct setup_draft *draft);
};

/* All of them; *ret_n is how many. */
const struct subid_setup_runtime *subid_setup_runtimes(size_t *ret_n);

/* The row of that name; NULL if there is none. */
const struct subid_setup_runtime *subid_setup_find(const char *name);

/*
 * Makes the text for share.  keep: what the owner's own uid and gid shall be
 * inside, or SUBID_ID_NONE.  Returns 0, and the caller releases *ret with
 * subid_setup_free(); SUBID_DENIED, with ret->refusal set, to be released too, when the
 * runtime cannot do that, or the share has not got what it takes; -ENOMEM.
 */
int subid_setup_make(const struct subid_setup_runtime *runtime,
		     const struct subid_share *share, uint32_t keep,
		     struct subid_version version, struct subid_setup *ret);

/*
 * What setup.c (the table, and what a runtime cannot do) and setup_text.c (the
 * texts) share.  Inside the library only.
 */

/* A text that is being made. */
struct setup_draft {
	const struct subid_share *share;
	const struct subid_setup_runtime *runtime;
	const struct subid_setup *setup; /* its maps are there */
	struct subid_version version;
	uint32_t keep;
	struct id_range range; /* for runtimes that want one */
	FILE *text;
	FILE *remarks;
};

void setup_write_lxc(struct setup_draft *draft);
void setup_write_lxd(struct setup_draft *draft);
void setup_write_podman(struct setup_draft *draft);
void setup_write_docker(struct setup_draft *draft);
void setup_write_oci(struct setup_draft *draft);
void setup_write_nspawn(struct setup_draft *draft);

/* Does podman run as an ordinary user, in that user's own namespace? */
static inline bool setup_is_rootless(const struct subid_share *share)
{
	return share->has_account && share->own[SUBID_UID] != 0;
}
