/* SPDX-License-Identifier: MIT */
/*
 * The trace that a change leaves: a record in the kernel's audit, and a line in
 * the system's log (the journal, or syslog).  Also the line that newuidmap and
 * newgidmap leave of a refusal.  For the library and the programs alone.
 *
 * What is written is composed by pure functions; two short ones, each in a file
 * of its own, send it.  The helpers link the log's, not the audit's.
 */
#pragma once

#include <time.h>

#include "range.h"

enum subid_action {
	SUBID_ADD,
	SUBID_REMOVE,
	SUBID_HOLD,
	SUBID_UNHOLD,
	SUBID_MAP, /* an id map, by a helper */
};

#define SUBID_NO_UID   UINT32_MAX
#define SUBID_NO_PLACE UINT32_MAX

/* What happened, or was refused. */
struct subid_event {
	enum subid_action action;
	enum subid_kind kind;
	struct id_range range; /* start SUBID_NO_PLACE: of ids that were not chosen, the
				  count that was asked for, 0: not known */
	const char *owner;     /* owner_len bytes, which may be any */
	size_t owner_len;
	uint32_t uid;	     /* the owner's; SUBID_NO_UID */
	int result;	     /* 0, -errno, an enum subid_answer */
	const char *program; /* as the log shall name it */
	pid_t target;	     /* of a map; 0: not known */
	uint32_t unlogged;   /* so many before this one left no line */
	int audit_error;     /* -errno: the kernel took no record of it */
};

/* Longer names are cut: no line of a table has room for one. */
#define SUBID_TRACE_NAME_MAX 1024

/* Holds any event: at most two names, each byte as two. */
#define SUBID_TRACE_SIZE 8192

struct subid_message {
	size_t size;
	char bytes[SUBID_TRACE_SIZE];
};

/*
 * The text of an audit record, terminated and of *ret's size without that byte:
 *     op=add-subuid-range acct="alice" id=1000 subid-start=100000
 *     subid-count=65536 exe="/usr/bin/subid" hostname=? addr=? terminal=?
 *     res=success
 * on one line.  A name with a byte that could end a field is written in
 * hexadecimal, as libaudit does it.  exe: NULL if it is not known.
 */
void subid_trace_audit_text(const struct subid_event *event, const char *exe,
			    struct subid_message *ret);

/* A datagram of journald's native protocol, systemd.journal-fields(7). */
void subid_trace_journal_text(const struct subid_event *event, pid_t self,
			      struct subid_message *ret);

/*
 * A datagram for /dev/log: the priority, the program, its pid, the message; no
 * time, which the receiver knows (and which we would need TZ for).
 */
void subid_trace_syslog_text(const struct subid_event *event, pid_t self,
			     struct subid_message *ret);

/* A moment of CLOCK_MONOTONIC, and how many ms are left until then; never below 0. */
struct timespec subid_trace_deadline(int ms);
int subid_trace_left_ms(const struct timespec *deadline);

#define SUBID_JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SUBID_SYSLOG_SOCKET  "/dev/log"

struct subid_log {
	int fd;
	bool native; /* journald's protocol; else syslog's */
};

/*
 * Opens a way to the log: the socket journal, or else syslog.  The caller closes
 * fd.  Returns 0, or -errno of the last that was tried.
 */
int subid_log_open(const char *journal, const char *syslog, struct subid_log *ret);

/*
 * Hands a line to the log.  A receiver that is slow is waited for, at most
 * patience_ms; 0: not at all.  No signal is raised.  Returns 0 or -errno, -EAGAIN
 * if it did not take it in time.
 */
int subid_log_send(const struct subid_log *log, const struct subid_event *event,
		   int patience_ms);

/*
 * Sends a record of each event to the kernel's audit.  How many it took is
 * *ret_taken, in any case.  Returns 0; -EPERM without CAP_AUDIT_WRITE;
 * -EPROTONOSUPPORT for a kernel without audit; -ECONNREFUSED in a user namespace;
 * -ETIME if the kernel made us wait for more than patience_ms at once, and there
 * was more to send; other -errno.  With auditing switched off the kernel takes a
 * record and drops it.
 */
int subid_audit_send(const struct subid_event *events, size_t n, int patience_ms,
		     size_t *ret_taken);
