/* SPDX-License-Identifier: MIT */
/*
 * What `subid shift` and `subid share` leave: a record in the kernel's audit, and a line
 * in the system's log.  Changes of the tables leave theirs in the library.
 */
#pragma once

#include <limits.h>

#include "libsubid/core/core.h"

enum files_action {
	FILES_SHIFT_BEGUN, /* it may be killed, or lose power, before it says its end */
	FILES_SHIFTED,
	FILES_STORE_CREATED,
	FILES_STORE_DESTROYED,
	FILES_STORE_MOUNTED,
	FILES_STORE_UNMOUNTED,
};

/* What happened, or failed.  Names and paths are any bytes; NULL: none. */
struct files_event {
	enum files_action action;
	const char *path;
	const char *store;  /* "OWNER/STORE" */
	const char *target; /* for whom it is mounted */
	const struct subid_sets *from, *to;
	bool from_host, to_host;
	uint64_t entries; /* of a shift: how many were changed */
	int result;	  /* 0, -errno, an enum subid_answer, or FILES_FAILED */
};

/* The result of what failed, of which only messages say why. */
#define FILES_FAILED INT_MIN

/* The result of a command that ended with that status. */
int files_trace_result(int status);

/* Leaves it.  That a receiver does not take it is no failure. */
void files_trace(const struct files_event *event);

/* The same as texts: of the audit's record, and the line. */
struct log_line;
struct subid_message;
void files_trace_text(const struct files_event *event, struct subid_message *ret);
void files_trace_line(const struct files_event *event, int audit_error,
		      struct log_line *ret);
