/* SPDX-License-Identifier: MIT */
/*
 * What the rules about leases share: audit_leases.c puts those of all stores in order,
 * audit_lease_rules.c and audit_live_leases.c say what is wrong.  Inside the library
 * only.
 *
 * Threat: a user's store says what the user likes.  It is about the user's own
 * containers alone: nothing in it is held against anybody else, the rules work through
 * it in one go, and it makes one finding at most, of level info.
 */
#pragma once

#include "audit_private.h"

/* Somebody whose containers have leases, by one spelling in one store. */
struct lease_lessor {
	const struct subid_audit_store *store;
	const char *name;
	uint32_t uid; /* whose containers they are: root's, too, of those that act for
			 root; SUBID_ID_NONE: there is no such account */
	bool unsure;  /* it could not be found out */
	struct subid_set held[SUBID_KINDS]; /* by lines of the tables */
};

struct lease_row {
	const struct subid_lease *lease;
	uint32_t lessor; /* index */
};

struct lease_view {
	struct lease_lessor *lessors;
	size_t n_lessors;
	struct lease_row *rows; /* by the lessor's uid, kind and start */
	size_t n;
};

/* Makes it of what there is.  0 or -ENOMEM; free it in any case. */
int audit_lease_view(struct subid_audit *audit, struct lease_view *view);
void audit_lease_view_free(struct lease_view *view);

static inline const struct lease_lessor *audit_lessor(const struct lease_view *view,
						      const struct lease_row *row)
{
	return &view->lessors[row->lessor];
}

/* The rows of a uid and kind: from *ret_begin to the one returned. */
const struct lease_row *audit_lease_rows(const struct lease_view *view, uint32_t uid,
					 enum subid_kind kind,
					 const struct lease_row **ret_begin);
