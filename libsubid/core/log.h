/* SPDX-License-Identifier: MIT */
/*
 * A line in the system's log, the journal or syslog, and how many of them a user may
 * cause.  Inside the project only.
 */
#pragma once

#include <sys/types.h>
#include <time.h>

#include "libsubid/core/core.h"

#define SUBID_JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SUBID_SYSLOG_SOCKET  "/dev/log"

/* Longer names are cut: no line of a table has room for one. */
#define SUBID_MESSAGE_NAME_MAX 1024

/* Holds any line of ours: at most two names, each byte as two. */
#define SUBID_MESSAGE_SIZE 8192

struct subid_message {
	size_t size;
	char bytes[SUBID_MESSAGE_SIZE];
};

/* Adds text, terminated; what has no room is cut. */
__attribute__((format(printf, 2, 3))) void message_add(struct subid_message *message,
						       const char *format, ...);

/* The same of a name that others chose, in quotes: '?' for all that could end them or the
 * line, and for all that is not ASCII. */
void message_add_name(struct subid_message *message, const char *name, size_t len);

struct log_line {
	const char *program;
	const char *id;		     /* by which journalctl(1) finds lines of one kind */
	int priority;		     /* LOG_NOTICE, ... */
	struct subid_message text;   /* for people */
	struct subid_message fields; /* for the journal alone, by log_field() */
	char note[64];		     /* after the text for syslog, which has no fields */
};

/* Adds a field; value may be any bytes. */
void log_field(struct log_line *line, const char *key, const char *value, size_t len);
__attribute__((format(printf, 3, 4))) void
log_field_print(struct log_line *line, const char *key, const char *format, ...);

/* The line as a datagram of journald's native protocol, systemd.journal-fields(7). */
void log_journal_message(const struct log_line *line, pid_t self,
			 struct subid_message *ret);

/* The line as a datagram for /dev/log; without the time, which the receiver knows. */
void log_syslog_message(const struct log_line *line, pid_t self,
			struct subid_message *ret);

struct subid_log {
	int fd;
	bool native; /* journald's protocol; else syslog's */
};

/*
 * Opens a way to the log: the socket journal, or else syslog.  The caller closes fd.
 * Returns 0, or -errno of the last that was tried.
 */
int subid_log_open(const char *journal, const char *syslog, struct subid_log *ret);

/*
 * Hands a line to the log.  A receiver that is slow is waited for, at most patience_ms;
 * 0: not at all.  No signal is raised.  Returns 0 or -errno, -EAGAIN if it did not take
 * it in time.
 */
int subid_log_send(const struct subid_log *log, const struct log_line *line,
		   int patience_ms);

/* A moment of CLOCK_MONOTONIC, in ms, and how many are left until then; never below 0. */
int64_t deadline_in(int ms);
int deadline_left_ms(int64_t deadline);

/* A rate limit for each user: a burst at once, then one each interval. */
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
 * The file of the slots: an array of them, in native byte order, never longer than 512
 * KiB. A uid's slot is uid modulo SUBID_RATE_LIMIT_SLOTS, so that the users of one
 * domain, and all local ones, do not meet.  Users who share a slot share one allowance,
 * which one of them can use up for the other; the next line says how many were
 * suppressed, not whose.
 */
#define SUBID_RATE_LIMIT_SLOTS 65536

/*
 * The same for a user, whose slot is in the file fd.  What cannot be counted is not
 * allowed.  SIGXFSZ must be blocked or ignored: a limit on the size of files would
 * raise it.
 */
bool subid_rate_limit_allow_user(int fd, uint32_t uid, uint32_t *ret_suppressed);
