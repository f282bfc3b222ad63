/* SPDX-License-Identifier: MIT */
/*
 * What runtime.c (the table, and what a runtime cannot do) and runtime_text.c (the
 * texts) share.  Inside the library only.
 */
#pragma once

#include <stdio.h>

#include "runtime.h"

/* A text that is being made. */
struct runtime_draft {
	const struct subid_share *share;
	const struct subid_runtime *runtime;
	const struct subid_setup *setup; /* its maps are there */
	struct subid_version version;
	uint32_t keep;
	struct id_range range; /* for runtimes that want one */
	FILE *text;
	FILE *remarks;
};

void runtime_write_lxc(struct runtime_draft *draft);
void runtime_write_lxd(struct runtime_draft *draft);
void runtime_write_podman(struct runtime_draft *draft);
void runtime_write_docker(struct runtime_draft *draft);
void runtime_write_oci(struct runtime_draft *draft);
void runtime_write_nspawn(struct runtime_draft *draft);

/* Does podman run as an ordinary user, in that user's own namespace? */
static inline bool runtime_is_rootless(const struct subid_share *share)
{
	return share->has_account && share->own[SUBID_UID] != 0;
}
