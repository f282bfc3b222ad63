/* SPDX-License-Identifier: MIT */
/*
 * Which ids are set aside, and for whom.  Grants and the audit ask here, both: what the
 * one gives, the other must not call an error.
 */
#pragma once

#include "conf.h"
#include "users.h"

/* Ids that are set aside for one. */
struct subid_aside {
	struct id_range range;
	const char *by;			       /* who has them; the site's reason */
	const struct subid_conf_reserve *site; /* NULL: not by the site's policy */
	bool custom;			       /* of subid_conventions() */
};

/* All of one kind. */
struct subid_asides {
	struct subid_aside *list; /* subid_reserved(), the conventions, the site's */
	size_t n;
	struct subid_set never;	  /* of them, for nobody: all but the conventions' */
	struct subid_set custom;  /* the conventions' */
	struct subid_set windows; /* from which the site gives ids: see below */
};

/*
 * Lists what is set aside.  Of the conventions it is what lies outside of the windows
 * of login.defs and of each "give" of subid.conf: who has put a window there wants
 * these ids given.  conf: NULL for none; its texts are pointed to.  The caller releases
 * *ret with subid_asides_free(), also after a failure.  Returns 0 or -ENOMEM.
 */
int subid_asides_list(const struct subid_policy *policy, const struct subid_conf *conf,
		      enum subid_kind kind, struct subid_asides *ret) SUBID_WARN_UNUSED;

/* The first in the list that has one of the ids, of the conventions or of the others;
 * NULL if there is none. */
const struct subid_aside *subid_asides_meet(const struct subid_asides *asides,
					    struct id_range range, bool custom);

/* Does the site accept, of the audit, that lines of this owner have such ids? */
bool subid_asides_accepted(const struct subid_conf *conf,
			   const struct subid_spelling *owner);

void subid_asides_free(struct subid_asides *asides);
