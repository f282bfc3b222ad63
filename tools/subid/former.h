/* SPDX-License-Identifier: MIT */
/* Who had ids that nobody has now, as the ledger says. */
#pragma once

#include "tools/subid/cli.h"

#define FORMER_SIZE	  1200 /* OWNER/NAME */
#define FORMER_WORDS_SIZE (FORMER_SIZE + CLI_TIME_SIZE + 16)

/* Its rows of what nobody has now, in the order of the ids, of which none is in two. */
struct former_rows {
	struct subid_row *list;
	size_t n;
};

/* Zeroed at first; former_free() ends it. */
struct former {
	bool looked;
	struct subid_list *ledger;
	struct former_rows owners[SUBID_KINDS], containers[SUBID_KINDS];
};

/*
 * Who had an id: "alice", or "alice/web", into buf, and words: "alice had it until ...";
 * both empty: nobody is known.  The ledger is read once, however many ids are asked
 * about; not to be able to is said, and keeps no other answer back.  0 or -ENOMEM.
 */
int former_find(struct former *former, struct subid *sys, enum subid_kind kind,
		uint32_t id, char buf[FORMER_SIZE], char words[FORMER_WORDS_SIZE]);

void former_free(struct former *former);
