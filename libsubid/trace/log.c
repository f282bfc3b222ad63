/* SPDX-License-Identifier: MIT */
/*
 * Lines for the journal or syslog: their text, composed by pure functions, and sending
 * it.  Not by openlog(3) and syslog(3), which keep state in the process, and may wait
 * for a receiver for ever.  The receiver learns the sender's pid and uid from the
 * kernel.
 *
 * Threat: an owner's name comes from a table, an account or a command line, and the
 * text is read by programs that look for fields in it: no byte of a name may begin a
 * field, a line or a record.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include "libsubid/core/core.h"
#include "libsubid/trace/trace.h"

/* By action: the audit's word, and what the line begins with. */
static const struct {
	const char *op, *says;
} actions[] = {
	[SUBID_ADD] = { "add", "range for" },
	[SUBID_REMOVE] = { "remove", "range taken from" },
	[SUBID_HOLD] = { "hold", "range held as" },
	[SUBID_UNHOLD] = { "unhold", "range no longer held as" },
	[SUBID_MAP] = { "map", "map for" },
};

static const char *const answers[] = {
	[SUBID_DENIED] = "denied",
	[SUBID_FULL] = "full",
	[SUBID_UNKNOWN] = "unknown",
	[SUBID_TAKEN] = "taken",
	[SUBID_BUSY] = "busy",
	[SUBID_INVALID] = "invalid",
	[SUBID_OFF] = "off",
	[SUBID_ENOUGH] = "enough",
	[SUBID_ABSENT] = "absent",
	[SUBID_IN_USE] = "in use",
	[SUBID_FORBIDDEN] = "forbidden",
};

#define N_ANSWERS (sizeof(answers) / sizeof(answers[0]))

/* journalctl(1) finds all changes, or all refusals, by these. */
#define ID_OF_CHANGE  "5a1d4b0e8c4f4c0b9d3c7e2f6a9b1857"
#define ID_OF_REFUSAL "c2f60d9b17e34a58b6f1a04d83e5729c"

void subid_trace_add(struct subid_message *message, const char *format, ...)
{
	size_t room = sizeof(message->bytes) - message->size;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(message->bytes + message->size, room, format, args);
	va_end(args);
	if (n > 0)
		message->size += (size_t)n < room ? (size_t)n : room - 1;
}

static void add_bytes(struct subid_message *message, const void *bytes, size_t len)
{
	size_t room = sizeof(message->bytes) - message->size;

	len = len < room ? len : room;
	memcpy(message->bytes + message->size, bytes, len);
	message->size += len;
}

size_t subid_trace_name_len(const struct subid_event *event)
{
	return event->owner_len < SUBID_TRACE_NAME_MAX ? event->owner_len
						       : SUBID_TRACE_NAME_MAX;
}

/* Refused before ids were chosen, it has none: at most how many were asked for. */
bool subid_trace_has_place(const struct subid_event *event)
{
	return event->range.start != SUBID_NO_PLACE;
}

/* Why not, in a word: "ENOSPC", "taken". */
static const char *reason(int result)
{
	const char *name = result < 0
			       ? strerrorname_np(-result)
			       : ((size_t)result < N_ANSWERS ? answers[result] : NULL);

	return name == NULL ? "unknown" : name;
}

const char *subid_trace_op(enum subid_action action)
{
	return actions[action].op;
}

/*
 * The line for people.  It has no byte that begins another line, and in the name
 * none that ends it.  Threat: a log is shown on terminals, and to many U+009B, which
 * has no byte below ' ' in UTF-8, begins a command; so a name is ASCII here.  The
 * journal and the audit have it as it is.
 */
static void add_says(struct subid_message *message, const struct subid_event *event)
{
	size_t begin;

	subid_trace_add(message, "%s \"", actions[event->action].says);
	begin = message->size;
	add_bytes(message, event->owner, subid_trace_name_len(event));
	for (char *c = message->bytes + begin; c < message->bytes + message->size; c++)
		if (*c < ' ' || *c > '~' || *c == '"')
			*c = '?';
	subid_trace_add(message, "\"");
	if (event->uid != SUBID_NO_UID)
		subid_trace_add(message, " (uid %u)", event->uid);
	if (subid_trace_has_place(event))
		subid_trace_add(message, ": %s %u-%llu", subid_kind_name(event->kind),
				event->range.start,
				(unsigned long long)id_range_end(event->range) - 1);
	else if (event->range.count > 0)
		subid_trace_add(message, ": %u %ss", event->range.count,
				subid_kind_name(event->kind));
	else
		subid_trace_add(message, ": %ss", subid_kind_name(event->kind));
	if (event->target > 0)
		subid_trace_add(message, " in process %d", (int)event->target);
	if (event->result != 0)
		subid_trace_add(message, ": failed: %s", reason(event->result));
	if (event->unlogged > 0)
		subid_trace_add(message, " (and %u times before)", event->unlogged);
}

static int priority(const struct subid_event *event)
{
	return event->result == 0 ? LOG_NOTICE : LOG_WARNING;
}

/* With a newline in it, a field has its length before it: 64 bits, the lowest first. */
static void add_field(struct subid_message *message, const char *key, const char *value,
		      size_t len)
{
	uint64_t length = htole64(len);

	if (memchr(value, '\n', len) == NULL) {
		subid_trace_add(message, "%s=", key);
	} else {
		subid_trace_add(message, "%s\n", key);
		add_bytes(message, &length, sizeof(length));
	}
	add_bytes(message, value, len);
	add_bytes(message, "\n", 1);
}

void subid_trace_journal_text(const struct subid_event *event, pid_t self,
			      struct subid_message *ret)
{
	ret->size = 0;
	subid_trace_add(ret, "MESSAGE=");
	add_says(ret, event);
	subid_trace_add(ret, "\nMESSAGE_ID=%s\nPRIORITY=%d\nSYSLOG_FACILITY=%d\n",
			event->action == SUBID_MAP ? ID_OF_REFUSAL : ID_OF_CHANGE,
			priority(event), LOG_AUTHPRIV >> 3);
	subid_trace_add(ret, "SYSLOG_IDENTIFIER=%s\nSYSLOG_PID=%d\n", event->program,
			(int)self);
	subid_trace_add(ret, "SUBID_ACTION=%s\n", actions[event->action].op);
	add_field(ret, "SUBID_OWNER", event->owner, subid_trace_name_len(event));
	if (event->uid != SUBID_NO_UID)
		subid_trace_add(ret, "SUBID_UID=%u\n", event->uid);
	subid_trace_add(ret, "SUBID_KIND=%s\n", subid_kind_name(event->kind));
	if (subid_trace_has_place(event))
		subid_trace_add(ret, "SUBID_START=%u\n", event->range.start);
	if (event->range.count > 0)
		subid_trace_add(ret, "SUBID_COUNT=%u\n", event->range.count);
	subid_trace_add(ret, "SUBID_RESULT=%s\n",
			event->result == 0 ? "success" : "failed");
	if (event->result != 0)
		subid_trace_add(ret, "SUBID_REASON=%s\n", reason(event->result));
	if (event->target > 0)
		subid_trace_add(ret, "SUBID_TARGET=%d\n", (int)event->target);
	if (event->unlogged > 0)
		subid_trace_add(ret, "SUBID_UNLOGGED=%u\n", event->unlogged);
	if (event->audit_error != 0)
		subid_trace_add(ret, "SUBID_AUDIT=%s\n", reason(event->audit_error));
}

void subid_trace_syslog_text(const struct subid_event *event, pid_t self,
			     struct subid_message *ret)
{
	ret->size = 0;
	subid_trace_add(ret, "<%d>%s[%d]: ", LOG_AUTHPRIV | priority(event),
			event->program, (int)self);
	add_says(ret, event);
	if (event->audit_error != 0)
		subid_trace_add(ret, " (no audit record: %s)",
				reason(event->audit_error));
}

struct timespec subid_trace_deadline(int ms)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* always there on Linux */
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

int subid_trace_left_ms(const struct timespec *deadline)
{
	struct timespec now = subid_trace_deadline(0);
	long long ms = (long long)(deadline->tv_sec - now.tv_sec) * 1000 +
		       (deadline->tv_nsec - now.tv_nsec) / 1000000;

	return ms > 0 ? (int)ms : 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	auto_close int fd = -1;
	int connected;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	connected = fd;
	fd = -1;
	return connected;
}

int subid_log_open(const char *journal, const char *syslog, struct subid_log *ret)
{
	int fd = connect_to(journal);
	bool native = fd >= 0;

	if (fd < 0)
		fd = connect_to(syslog);
	if (fd < 0)
		return fd;
	*ret = (struct subid_log){ .fd = fd, .native = native };
	return 0;
}

int subid_log_send(const struct subid_log *log, const struct subid_event *event,
		   int patience_ms)
{
	struct timespec deadline = subid_trace_deadline(patience_ms);
	struct subid_message message;

	if (log->native)
		subid_trace_journal_text(event, getpid(), &message);
	else
		subid_trace_syslog_text(event, getpid(), &message);
	for (;;) {
		struct pollfd wait = { .fd = log->fd, .events = POLLOUT };
		int ms;

		if (send(log->fd, message.bytes, message.size,
			 MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		ms = subid_trace_left_ms(&deadline);
		if (ms == 0)
			return -EAGAIN;
		(void)poll(&wait, 1, ms); /* whatever it says, send(2) knows */
	}
}
