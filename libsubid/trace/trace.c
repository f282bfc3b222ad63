/* SPDX-License-Identifier: MIT */
/*
 * The text of a trace.  Threat: an owner's name comes from a table, an account or
 * a command line, and the text is read by programs that look for fields in it: no
 * byte of a name may begin a field, a line or a record.
 */
#include <errno.h>
#include <libaudit.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "libsubid/core/child.h"
#include "libsubid/trace/trace.h"

/* By action: the audit's word, and what the line begins with. */
static const struct {
	const char *op, *says;
} actions[] = {
	[SUBID_ADD] = { "add", "range for" },
	[SUBID_REMOVE] = { "remove", "range taken from" },
	[SUBID_HOLD] = { "hold", "range held as" },
	[SUBID_UNHOLD] = { "unhold", "range no longer held as" },
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

/* Refused before ids were chosen, it has none: at most how many were asked for. */
static bool has_place(const struct subid_event *event)
{
	return event->range.start != SUBID_NO_PLACE;
}

const char *subid_trace_reason(int result)
{
	const char *name = result < 0
			       ? strerrorname_np(-result)
			       : ((size_t)result < N_ANSWERS ? answers[result] : NULL);

	return name == NULL ? "unknown" : name;
}

static const char *kinds_of(const struct subid_event *event)
{
	return event->told == SUBID_TOLD_BOTH ? "uid+gid" : subid_kind_name(event->kind);
}

/* The line for people: on one line, whatever the name is. */
static void add_text(struct subid_message *text, const struct subid_event *event)
{
	message_add(text, "%s ", actions[event->action].says);
	message_add_name(text, event->owner, event->owner_len);
	if (event->uid != SUBID_NO_UID)
		message_add(text, " (uid %u)", event->uid);
	if (has_place(event))
		message_add(text, ": %s %u-%llu", kinds_of(event), event->range.start,
			    (unsigned long long)id_range_end(event->range) - 1);
	else if (event->range.count > 0)
		message_add(text, ": %u %ss", event->range.count, kinds_of(event));
	else
		message_add(text, ": %ss", kinds_of(event));
	if (event->result != 0)
		message_add(text, ": failed: %s", subid_trace_reason(event->result));
	if (event->unlogged > 0)
		message_add(text, " (and %u times before)", event->unlogged);
}

void subid_trace_line(const struct subid_event *event, struct log_line *ret)
{
	*ret = (struct log_line){
		.program = event->program,
		.id = SUBID_TRACE_ID,
		.priority = event->result == 0 ? LOG_NOTICE : LOG_WARNING,
	};
	add_text(&ret->text, event);
	log_field_print(ret, "SUBID_ACTION", "%s", actions[event->action].op);
	log_field(ret, "SUBID_OWNER", event->owner, event->owner_len);
	if (event->uid != SUBID_NO_UID)
		log_field_print(ret, "SUBID_UID", "%u", event->uid);
	log_field_print(ret, "SUBID_KIND", "%s", kinds_of(event));
	if (has_place(event))
		log_field_print(ret, "SUBID_START", "%u", event->range.start);
	if (event->range.count > 0)
		log_field_print(ret, "SUBID_COUNT", "%u", event->range.count);
	log_field_print(ret, "SUBID_RESULT", "%s",
			event->result == 0 ? "success" : "failed");
	if (event->result != 0)
		log_field_print(ret, "SUBID_REASON", "%s",
				subid_trace_reason(event->result));
	if (event->unlogged > 0)
		log_field_print(ret, "SUBID_UNLOGGED", "%u", event->unlogged);
	if (event->audit_error != 0) {
		log_field_print(ret, "SUBID_AUDIT", "%s",
				subid_trace_reason(event->audit_error));
		(void)snprintf(ret->note, sizeof(ret->note), " (no audit record: %s)",
			       subid_trace_reason(event->audit_error));
	}
}

/*
 * Records for the kernel's audit, through libaudit.
 *
 * One record a call: libaudit has no call for many, and building datagrams of many
 * by hand would be the netlink protocol again.  A record takes four system calls,
 * about 10 us; where nobody listens, the kernel is asked once and the rest of a long
 * list is not sent.
 *
 * Threat: the kernel makes a sender wait when its queue is full, which a stopped
 * auditd causes: up to a minute for each record, in a sleep that no signal
 * ends.  libaudit itself waits 40 seconds for a missing answer.  The caller holds
 * locks that others need.  So a child sends, and the caller waits for the child
 * for a limited time:
 *
 *  - The child keeps nothing but its socket and its pipe.  A lock is not released
 *    while a descriptor of its file is open anywhere, and a child in that sleep
 *    outlives SIGKILL.
 *  - It does not allocate memory (core/child.h).  audit_encode_nv_string(3) does, and
 *    reads an unencoded value up to its NUL whatever the length is; hence
 *    audit_encode_value(3).
 */

static const int types[SUBID_KINDS] = { AUDIT_USER_MGMT, AUDIT_GRP_MGMT };

/* So many are sent before the kernel is asked whether it keeps any of them. */
#define MANY 64

/*
 * As libaudit; also ', because the kernel puts the whole text between two of them,
 * and all beyond ASCII, which libaudit 3 does not see where char is unsigned.
 */
static bool needs_encoding(const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)value[i] > '~' || value[i] == '\'')
			return true;
	return audit_value_needs_encoding(value, (unsigned int)len) != 0;
}

void subid_trace_add_value(struct subid_message *text, const char *key, const char *value,
			   size_t len)
{
	char encoded[2 * SUBID_MESSAGE_NAME_MAX + 1] = "";

	len = len < SUBID_MESSAGE_NAME_MAX ? len : SUBID_MESSAGE_NAME_MAX;
	if (!needs_encoding(value, len)) {
		message_add(text, " %s=\"%.*s\"", key, (int)len, value);
		return;
	}
	message_add(text, " %s=%s", key,
		    audit_encode_value(encoded, value, (unsigned int)len));
}

void subid_trace_audit_text(const struct subid_event *event, struct subid_message *ret)
{
	ret->size = 0;
	message_add(ret, "op=%s-%s-range", actions[event->action].op,
		    subid_kind_table(event->kind));
	subid_trace_add_value(ret, "acct", event->owner, event->owner_len);
	message_add(ret, " id=%u", event->uid);
	if (has_place(event))
		message_add(ret, " subid-start=%u", event->range.start);
	if (event->range.count > 0)
		message_add(ret, " subid-count=%u", event->range.count);
}

/*
 * 0 or -errno.  Only more than 0 from libaudit means sent: 0 is its answer to who may
 * not send, and in a user namespace.
 */
static int send_record(int fd, const struct subid_event *event)
{
	struct subid_message text;
	int r;

	if (event->text == NULL)
		subid_trace_audit_text(event, &text);
	r = audit_log_user_message(fd, types[event->kind],
				   event->text == NULL ? text.bytes : event->text->bytes,
				   NULL, NULL, "", event->result == 0);
	if (r == 0)
		return errno == ECONNREFUSED ? -ECONNREFUSED : -EPERM;
	return r < 0 ? r : 0;
}

/* What the child reports after each record. */
struct progress {
	uint32_t taken;
	int error;
};

struct job {
	int fd;
	const struct subid_event *events;
	size_t n;
};

static int send_all(const void *data, int writer)
{
	const struct job *job = data;
	struct progress now = { .taken = 0 };
	int r = 0;

	while (r == 0 && now.taken < job->n && now.error == 0) {
		now.error = send_record(job->fd, &job->events[now.taken]);
		now.taken += now.error == 0;
		/* switched off, the kernel accepts each record and drops it */
		if (now.taken == MANY && job->n > MANY && audit_is_enabled(job->fd) == 0)
			now.taken = (uint32_t)job->n;
		r = child_send(writer, &now, sizeof(now));
	}
	return r;
}

/* Reads what the child reports, until it ends.  0, -ETIME, or another -errno. */
static int receive(int reader, const struct subid_patience *patience,
		   struct progress *progress)
{
	int64_t deadline = deadline_in(patience->all_ms);
	struct pollfd wait = { .fd = reader, .events = POLLIN };

	for (;;) {
		int left = deadline_left_ms(deadline);
		int r = poll(&wait, 1, left < patience->one_ms ? left : patience->one_ms);
		ssize_t n;

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r == 0 ? -ETIME : -errno;
		/* a pipe takes and gives so few bytes together */
		n = read(reader, progress, sizeof(*progress));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return progress->error;
		if (left == 0)
			return -ETIME;
	}
}

int subid_audit_send(const struct subid_event *events, size_t n,
		     const struct subid_patience *patience, size_t *ret_taken)
{
	auto_close int fd = audit_open();
	const struct job job = { .fd = fd, .events = events, .n = n };
	struct progress progress = { .taken = 0 };
	struct child child;
	int r;

	*ret_taken = 0;
	if (fd < 0)
		return errno == EINVAL || errno == EAFNOSUPPORT ? -EPROTONOSUPPORT
								: -errno;
	r = child_start_unseen(send_all, &job, fd, &child);
	if (r < 0)
		return r;
	r = receive(child.reader, patience, &progress);
	(void)child_end(&child, r == -ETIME); /* what it has sent is what counts */
	*ret_taken = progress.taken;
	if (r == 0 && progress.taken < n)
		r = -EIO; /* the child was killed */
	return r;
}
