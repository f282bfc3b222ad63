/* SPDX-License-Identifier: MIT */
/*
 * What the site's directory has for the owners of this host's lines, for the audit.
 */
#pragma once

#include "libsubid/audit/audit.h"
#include "tools/subid/directory.h"

struct audit_asked {
	struct directory_ranges ranges;
	struct audit_directory_range *rows;
	struct audit_directory answer;
};

void audit_asked_free(struct audit_asked *asked);

#define auto_asked __attribute__((cleanup(audit_asked_free)))

/* Asks it.  NULL: subid.conf names none, or cannot be read, which the audit says. */
const struct audit_directory *audit_ask_directory(const struct cli *cli,
						  struct audit_asked *ret);
