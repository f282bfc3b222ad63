/* SPDX-License-Identifier: MIT */
/*
 * The text of a trace.  Threat: an owner's name comes from a table, an account or
 * a command line, and the text is read by programs that look for fields in it: no
 * byte of a name may begin a field, a line or a record.
 */
#include <stdio.h>
#include <string.h>
#include <syslog.h>

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

/* journalctl(1) finds all changes by this. */
#define ID_OF_CHANGE "5a1d4b0e8c4f4c0b9d3c7e2f6a9b1857"

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

/* The line for people: on one line, whatever the name is. */
static void add_text(struct subid_message *text, const struct subid_event *event)
{
	message_add(text, "%s ", actions[event->action].says);
	message_add_name(text, event->owner, event->owner_len);
	if (event->uid != SUBID_NO_UID)
		message_add(text, " (uid %u)", event->uid);
	if (subid_trace_has_place(event))
		message_add(text, ": %s %u-%llu", subid_kind_name(event->kind),
			    event->range.start,
			    (unsigned long long)id_range_end(event->range) - 1);
	else if (event->range.count > 0)
		message_add(text, ": %u %ss", event->range.count,
			    subid_kind_name(event->kind));
	else
		message_add(text, ": %ss", subid_kind_name(event->kind));
	if (event->result != 0)
		message_add(text, ": failed: %s", reason(event->result));
	if (event->unlogged > 0)
		message_add(text, " (and %u times before)", event->unlogged);
}

void subid_trace_line(const struct subid_event *event, struct log_line *ret)
{
	*ret = (struct log_line){
		.program = event->program,
		.id = ID_OF_CHANGE,
		.priority = event->result == 0 ? LOG_NOTICE : LOG_WARNING,
	};
	add_text(&ret->text, event);
	log_field_print(ret, "SUBID_ACTION", "%s", actions[event->action].op);
	log_field(ret, "SUBID_OWNER", event->owner, event->owner_len);
	if (event->uid != SUBID_NO_UID)
		log_field_print(ret, "SUBID_UID", "%u", event->uid);
	log_field_print(ret, "SUBID_KIND", "%s", subid_kind_name(event->kind));
	if (subid_trace_has_place(event))
		log_field_print(ret, "SUBID_START", "%u", event->range.start);
	if (event->range.count > 0)
		log_field_print(ret, "SUBID_COUNT", "%u", event->range.count);
	log_field_print(ret, "SUBID_RESULT", "%s",
			event->result == 0 ? "success" : "failed");
	if (event->result != 0)
		log_field_print(ret, "SUBID_REASON", "%s", reason(event->result));
	if (event->unlogged > 0)
		log_field_print(ret, "SUBID_UNLOGGED", "%u", event->unlogged);
	if (event->audit_error != 0) {
		log_field_print(ret, "SUBID_AUDIT", "%s", reason(event->audit_error));
		(void)snprintf(ret->note, sizeof(ret->note), " (no audit record: %s)",
			       reason(event->audit_error));
	}
}
