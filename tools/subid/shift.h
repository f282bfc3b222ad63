/* SPDX-License-Identifier: MIT */
/*
 * What the files of the command "shift" share: its operands and its output.
 */
#pragma once

#include "tools/subid/cli.h"
#include "tools/subid/storage/storage.h"

/* An operand that says which ids: START:COUNT, FIRST-LAST, OWNER, OWNER/NAME or "host".
 */
struct shift_side {
	const char *text; /* as it was typed; NULL: not given */
	bool host;	  /* the ids from 0 on, as many as the other side has */
	struct subid_sets ids;
};

/* Which kinds are shifted: an enum subid_kind alone, or both. */
#define SHIFT_BOTH (-1)

enum shift_action {
	SHIFT_DO,
	SHIFT_COUNT,
	SHIFT_VERIFY,
};

/* A shift as the command line has it. */
struct shift {
	struct cli *cli;
	const char *tree;
	struct shift_side from, to;
	int kind;	    /* or SHIFT_BOTH; ids of the other one stay */
	unsigned int flags; /* of storage.h */
	bool force;
	enum shift_action action;
	bool traced; /* that it begins */
};

/*
 * Reads both sides, and makes the map; to.text NULL: of from alone.  owner: whose
 * containers are looked at, or NULL: then shift.kind becomes that alone of which the
 * owner has not the ids of from any more, and nothing goes to ids that it does not have.
 * The status, after a complaint if it is not EXIT_DONE.
 */
int shift_map_make(struct shift *shift, const char *owner, struct storage_map *ret);

/*
 * Says what a job has found and done; done: it was not refused.  status: what it comes
 * to.  Returns that, or EXIT_UNABLE after a complaint.
 */
int shift_print(const struct shift *shift, const struct storage_report *report,
		int status);

/* Refuses a shift of ids that a process or a mount uses.  The status, after a complaint.
 */
int shift_check_uses(const struct shift *shift, int tree);

/* "subid shift --owner": what a user's containers have left.  The status. */
int shift_list_owner(struct shift *shift, const char *owner);
