/* SPDX-License-Identifier: MIT */
#pragma once

#include "tools/subid-ldap/site.h"
#include "tools/subid/rows.h"

extern const struct cli_command ldap_audit, ldap_list, ldap_grant, ldap_revoke, ldap_hold,
    ldap_unhold;

/* Both kinds have the same row, but for their kind.  The status. */
int rows_add_both(struct range_list *list, const char *owner,
		  const struct id_range range[SUBID_KINDS], const char *state);
