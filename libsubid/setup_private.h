/* SPDX-License-Identifier: MIT */
/*
 * What setup.c (the table, and what a runtime cannot do) and setup_text.c (the
 * texts) share.  Inside the library only.
 */
#pragma once

#include <stdio.h>

#include "setup.h"

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
