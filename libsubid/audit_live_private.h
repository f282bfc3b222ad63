/* SPDX-License-Identifier: MIT */
/*
 * What the rules about namespaces share: audit_live.c judges each namespace once,
 * audit_live_rules.c says what is wrong.  Inside the library only.
 */
#pragma once

#include "audit_private.h"

/* Somebody who has made a namespace. */
struct live_holder {
	uint32_t uid;
	uint32_t gid; /* the primary, or SUBID_ID_NONE */
	struct subid_spelling name;
	struct subid_set held[SUBID_KINDS]; /* by lines of the tables */
};

/* What there is to say about one namespace. */
struct live_verdict {
	bool top; /* below the caller's, and its owner is known: it is judged */
	struct subid_set foreign[SUBID_KINDS]; /* mapped ids but for the owner's own */
	struct subid_set unheld[SUBID_KINDS];  /* of them, those that no line gives it */
	bool stale[SUBID_KINDS];	       /* all of which were the owner's before */
};

struct live_view {
	struct live_holder *holders; /* in the order of uids */
	size_t n_holders;
	struct live_verdict *verdicts; /* of each namespace */
	size_t n;
};

/* Judges what runs, which must be there.  0 or -ENOMEM; free it in any case. */
int audit_live_view(struct subid_audit *audit, struct live_view *view);
void audit_live_view_free(struct live_view *view);

/* Who made a namespace; NULL for a uid that made none. */
struct live_holder *audit_live_holder(const struct live_view *view, uint32_t uid);

/*
 * Is an id the holder's own: the uid, the primary gid, that of a group it is in?  Want
 * of memory ends the audit later.
 */
bool audit_live_is_own(struct subid_audit *audit, const struct live_holder *holder,
		       enum subid_kind kind, uint32_t id);

/* live-shared among the containers of one owner, by root's leases; own: by those of the
 * owner's own store.  0 or -ENOMEM. */
int audit_live_leases(struct subid_audit *audit, bool own);

/* How many processes a finding names at most. */
#define PIDS_SHOWN 8

/* "user namespace 4026532177 (lxc c1, process 312)", for a sentence. */
const char *audit_live_describe(struct subid_audit *audit,
				const struct subid_live_userns *ns);

/* The finding that a rule about a namespace begins with. */
struct subid_finding audit_at_userns(const struct subid_audit *audit,
				     const struct subid_live_userns *ns,
				     pid_t pids[PIDS_SHOWN]);

/* "stop the container, or: kill 312", or how else to end it. */
const char *audit_live_how_to_stop(struct subid_audit *audit,
				   const struct subid_live_userns *ns);
