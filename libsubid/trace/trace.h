/* SPDX-License-Identifier: MIT */
/*
 * What a change leaves behind: a record in the kernel's audit, and a line in the
 * system's log (the journal, or syslog).  Also the line that newuidmap and newgidmap
 * leave when they refuse a map.  For the library and the programs only.
 *
 * log.c, records.c and rate_limit.c are separate objects, so that the helpers do not
 * link libaudit.
 */
#pragma once

#include <sys/types.h>
#include <time.h>

#include "libsubid/core/core.h"

#ifdef __cplusplus
extern "C" {
#endif

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
	struct id_range range; /* start SUBID_NO_PLACE: no ids were chosen; count: how
				  many were requested, 0: unknown */
	const char *owner;     /* owner_len bytes of any value */
	size_t owner_len;
	uint32_t uid;	     /* the owner's, or SUBID_NO_UID */
	int result;	     /* 0, -errno or an enum subid_answer */
	const char *program; /* its name in the log */
	pid_t target;	     /* the process of a map; 0: unknown */
	uint32_t unlogged;   /* how many before this one were suppressed */
	int audit_error;     /* -errno: the kernel did not take its record */
};

/* Longer names are cut; a line of a table has no room for one. */
#define SUBID_TRACE_NAME_MAX 1024

/* Enough for any event: a name twice, or each byte of it as two. */
#define SUBID_TRACE_SIZE 8192

struct subid_message {
	size_t size;
	char bytes[SUBID_TRACE_SIZE];
};

/* Adds text, terminated.  Text without room is cut; SUBID_TRACE_SIZE is enough. */
__attribute__((format(printf, 2, 3))) void subid_trace_add(struct subid_message *message,
							   const char *format, ...);

/* For all texts of an event: the audit's word for the action, the length of the name,
 * whether ids were chosen. */
const char *subid_trace_op(enum subid_action action);
size_t subid_trace_name_len(const struct subid_event *event);
bool subid_trace_has_place(const struct subid_event *event);

/*
 * Our part of an audit record's text:
 *     op=add-subuid-range acct="alice" id=1000 subid-start=100000 subid-count=65536
 * A name with a byte that could end a field is written in hexadecimal.  libaudit
 * adds the program, ' exe="/usr/bin/subid" hostname=? addr=? terminal=? res=success'.
 */
void subid_trace_audit_text(const struct subid_event *event, struct subid_message *ret);

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

/*
 * A rate limit for each user: a burst at once, then one each interval.  For lines in
 * the log that a user can cause as often as he likes.  For the library and the
 * programs alone.
 */

#define SUBID_RATE_LIMIT_BURST	    10
#define SUBID_RATE_LIMIT_INTERVAL_S 6

/*
 * One slot, as it lies in memory that processes share; all 0 at the start.
 * Threat: a user may stop his process at any moment and continue it much later.  So
 * there is no lock, which a stopped process would keep, and nothing that was read
 * before the stop is written after it: both members change by atomic steps alone.
 */
struct subid_rate_limit {
	uint32_t full_s;     /* the clock's time when the burst is whole again */
	uint32_t suppressed; /* since it was last allowed */
};

/*
 * Is it allowed now, by now_s(), a clock that does not go back?  Counts it either way.
 * *ret_suppressed: how often it was not allowed since the last time it was, on true.
 */
bool subid_rate_limit_allow(struct subid_rate_limit *limit, uint32_t (*now_s)(void),
			    uint32_t *ret_suppressed);

/*
 * The file of the slots: an array of struct subid_rate_limit, native byte order, that
 * is never longer than SUBID_RATE_LIMIT_SLOTS * 8 bytes, 512 KiB, whatever the uid;
 * pages that no user needed are holes.  A uid's slot is uid modulo
 * SUBID_RATE_LIMIT_SLOTS:
 *
 *  - Uids less than SUBID_RATE_LIMIT_SLOTS apart have a slot each, so the users of one
 *    domain, and all local ones, do not meet.
 *  - Users who do share a slot share one allowance: together they get what one user
 *    gets, and one of them can use it up for the other.  None is lost from the count:
 *    the next line in that slot says how many were suppressed, but not whose.
 *  - All users together get at most a burst and one each interval for each slot.
 */
#define SUBID_RATE_LIMIT_SLOTS 65536

/*
 * The same for a user, whose slot is in the file fd.  What cannot be counted is not
 * allowed.  SIGXFSZ must be blocked or ignored: a limit on the size of files would
 * raise it.
 */
bool subid_rate_limit_allow_user(int fd, uint32_t uid, uint32_t *ret_suppressed);

#ifdef __cplusplus
}
#endif
