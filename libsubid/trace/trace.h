/* SPDX-License-Identifier: MIT */
/*
 * What a change leaves behind: a record in the kernel's audit, and a line in the
 * system's log (the journal, or syslog).  For the library only.
 */
#pragma once

#include "libsubid/core/log.h"

enum subid_action {
	SUBID_ADD,
	SUBID_REMOVE,
	SUBID_HOLD,
	SUBID_UNHOLD,
};

#define SUBID_NO_UID   UINT32_MAX
#define SUBID_NO_PLACE UINT32_MAX

/* Which line of the log has the event. */
enum subid_told {
	SUBID_TOLD_ALONE,
	SUBID_TOLD_BOTH,   /* its own, which is the gids', too */
	SUBID_TOLD_BEFORE, /* that of the uids */
};

/* What happened, or was refused. */
struct subid_event {
	enum subid_action action;
	enum subid_kind kind;
	struct id_range range; /* start SUBID_NO_PLACE: no ids were chosen; count: how
				  many were requested, 0: unknown */
	const char *owner;     /* owner_len bytes of any value */
	size_t owner_len;
	uint32_t uid;			  /* the owner's, or SUBID_NO_UID */
	int result;			  /* 0, -errno or an enum subid_answer */
	const char *program;		  /* its name in the log */
	uint32_t unlogged;		  /* how many before this one were suppressed */
	int audit_error;		  /* -errno: the kernel did not take its record */
	enum subid_told told;		  /* by subid_trace_join() */
	const struct subid_message *text; /* of its audit record; NULL: of the above */
};

/*
 * Our part of an audit record's text:
 *     op=add-subuid-range acct="alice" id=1000 subid-start=100000 subid-count=65536
 * A name with a byte that could end a field is written in hexadecimal.  libaudit
 * adds the program, ' exe="/usr/bin/subid" hostname=? addr=? terminal=? res=success'.
 */
void subid_trace_audit_text(const struct subid_event *event, struct subid_message *ret);

/* Adds ' key="value"' to a record's text, encoded like a name there. */
void subid_trace_add_value(struct subid_message *text, const char *key, const char *value,
			   size_t len);

/* Why a result is none of success, in a word: "ENOSPC", "taken". */
const char *subid_trace_reason(int result);

/* journalctl(1) finds all changes by this. */
#define SUBID_TRACE_ID "5a1d4b0e8c4f4c0b9d3c7e2f6a9b1857"

/* The same of uids and of gids, but for what was suppressed before? */
bool subid_trace_same(const struct subid_event *uids, const struct subid_event *gids);

/* Marks events of uids and of gids that one line has; what is one act stands together. */
void subid_trace_join(struct subid_event *events, size_t n);

/* The line that an event leaves in the log; none if it was told before. */
void subid_trace_line(const struct subid_event *event, struct log_line *ret);

/* For how long one record is waited for, and all. */
struct subid_patience {
	int one_ms, all_ms;
};

/*
 * Sends a record of each event to the kernel's audit.  How many it took for certain
 * is *ret_taken, in any case.  Returns 0; -EPERM without CAP_AUDIT_WRITE;
 * -EPROTONOSUPPORT for a kernel without audit; -ECONNREFUSED in a user namespace;
 * -ETIME when the patience was at an end, and then one more may be on its way; -EIO
 * if the process that sends was killed; other -errno.  With auditing switched off
 * the kernel accepts a record and drops it.
 */
int subid_audit_send(const struct subid_event *events, size_t n,
		     const struct subid_patience *patience, size_t *ret_taken);
