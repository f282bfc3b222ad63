/* SPDX-License-Identifier: MIT */
#pragma once

#include "libsubid/core/core.h"

/*
 * What container runtimes have written down: which ids their containers have, stopped
 * ones too.  One adapter for each runtime reads its state; no runtime is run or asked.
 *
 * A runtime that is not installed has written nothing.  State that is damaged, too large
 * or not for the caller to read is passed over and counted; what was understood of it is
 * kept.
 */

#define SUBID_RUNTIME_NAME_SIZE 128

/* Ids of a container, as the host sees them. */
struct subid_runtime_range {
	enum subid_kind kind;
	struct id_range range;
	const char *runtime; /* "lxc", "lxd", ...: a constant */
	/* of the container, as the runtime has it; bytes that are not printable ASCII
	 * are '?'; cut if longer */
	char name[SUBID_RUNTIME_NAME_SIZE];
};

/* What subid_runtime_read() found.  Zeroed, it is empty. */
struct subid_runtime_state {
	struct subid_runtime_range *list; /* grown by array_grow() */
	size_t n;
	size_t n_unread;  /* files and directories that could not be read, or not all */
	int error;	  /* of the first: -errno, if any could not be looked at; else
			     SUBID_INVALID for damage; SUBID_ABSENT: the storage of a
			     container is not mounted */
	char unread[256]; /* that one, beneath dir; cut if longer */
};

void subid_runtime_state_free(struct subid_runtime_state *state);

#define auto_runtime_state __attribute__((cleanup(subid_runtime_state_free)))

/* Whose state to read. */
struct subid_runtime_place {
	int dir;   /* the root directory for the state of root's runtimes, or a home */
	bool user; /* dir is a home: of those that the user runs */
	/* Threat: a user may put links, pipes and mounts in the place of the state
	 * that root reads.  Unless set, none is followed or crossed beneath dir. */
	bool trusted;
	/* for a user: the ids that its runtimes count from 0 on, of each kind: its own
	 * id, then its lines of the table in their order */
	const struct id_range *session[SUBID_KINDS];
	size_t n_session[SUBID_KINDS];
};

/*
 * Adds to *state what all runtimes have written down there.  Reads at most so many
 * files and bytes, whatever lies there.  Returns 0 or -ENOMEM.
 */
int subid_runtime_read(const struct subid_runtime_place *place,
		       struct subid_runtime_state *state) SUBID_WARN_UNUSED;

/* Adds the ids of all containers to *ret, which is sorted before and after.  0 or
 * -ENOMEM. */
int subid_runtime_ids(const struct subid_runtime_state *state,
		      struct subid_sets *ret) SUBID_WARN_UNUSED;

/*
 * Whose range Docker uses for its containers: "userns-remap" of daemon.json in docker,
 * its directory; follow: it may be a link.  dockerd runs as root, so that root's
 * namespaces may map it.  Returns 0 with a name in buf; SUBID_ABSENT; -ENOMEM.
 */
int subid_runtime_docker_remap(int docker, bool follow, char *buf, size_t size);

/*
 * Stores of shared files (subid share): directories with ids of their own, and for whose
 * containers they are mounted.  Only root writes these records.
 */
enum subid_share_state {
	SUBID_SHARE_BEGUN,  /* the ids are leased, or about to be; DIR is not ready */
	SUBID_SHARE_TAKING, /* a tree that was there is being given to the store */
	SUBID_SHARE_READY,
	SUBID_SHARE_ENDING, /* about to be forgotten: the ids may be taken back */
};

/* What a directory is, beside its path: it is recognised by that after a reboot. */
struct subid_share_place {
	uint64_t inode;
	uint64_t born; /* seconds since 1970; 0: the filesystem does not tell */
	uint32_t major, minor;
	const char *type;     /* of the filesystem: "ext4" */
	const char *identity; /* its UUID, or what statfs(2) tells; "-": nothing */
};

#define SUBID_SHARE_MOUNTS "/run/subid/share"

/* For whom a store is mounted. */
struct subid_share_mount {
	const char *target;  /* OWNER or OWNER/NAME */
	const char *runtime; /* as `subid config` calls it */
	const char *point;   /* where, beneath SUBID_SHARE_MOUNTS */
	bool read_only;
};

struct subid_share {
	const char *store; /* OWNER/STORE, as its lease is called */
	enum subid_share_state state;
	struct id_range ids[SUBID_KINDS];
	const char *dir;
	struct subid_share_place place; /* zero while it is begun */
	struct subid_share_mount *mounts;
	size_t n_mounts;
	char *text; /* that the texts are in; NULL: they are the caller's */
};

void subid_share_free(struct subid_share *share);

#define auto_share __attribute__((cleanup(subid_share_free)))

/* Reads a record, strictly.  Returns 0, and the caller frees *ret; SUBID_INVALID;
 * -ENOMEM. */
int subid_share_parse(const struct subid_text *text, struct subid_share *ret);

/* Writes one.  0, and the caller frees *ret, or -ENOMEM. */
int subid_share_print(const struct subid_share *share, struct subid_text *ret);

/* Zeroed, it is empty. */
struct subid_shares {
	struct subid_share *list; /* by store */
	size_t n;
	size_t n_unread; /* records that could not be read, or mean nothing */
	int error;	 /* of the first: as in struct subid_runtime_state */
	char unread[256];
};

void subid_shares_free(struct subid_shares *shares);

#define auto_shares __attribute__((cleanup(subid_shares_free)))

/* Reads all records beneath the root directory root.  Returns 0, and the caller frees
 * *ret; -ENOMEM.  What could not be read is counted. */
int subid_shares_read(int root, struct subid_shares *ret) SUBID_WARN_UNUSED;
