/* SPDX-License-Identifier: MIT */
/*
 * What the checks have said: on the way from the child to the parent, and printed.
 */
#pragma once

#include "tools/subid/doctor/doctor.h"

/* Its texts are bytes as the child wrote them. */
struct doctor_result {
	enum doctor_level level;
	const char *check, *what, *why, *command; /* the last two may be "" */
};

struct doctor_results {
	struct doctor_result *list;
	size_t n;
	const char *last; /* the check that was begun last; NULL: all have ended */
};

/* Marks that a check begins, or with NULL, that all have ended; by the child. */
void doctor_begin(struct doctor *d, const char *check);

/* Reads what came; *ret points into text.  0 or -ENOMEM. */
int doctor_results_read(const struct subid_text *text, struct doctor_results *ret);

/* Adds one.  0 or -ENOMEM. */
int doctor_results_add(struct doctor_results *results, struct doctor_result result);

/* Prints them, the causes first.  The status of the command. */
int doctor_results_print(struct cli *cli, const char *owner, const char *runtime,
			 const struct doctor_results *results);
