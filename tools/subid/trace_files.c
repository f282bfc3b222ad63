/* SPDX-License-Identifier: MIT */
/*
 * The trace of what happens to files.  Threat: paths and names are chosen by users, and
 * programs look for fields in both texts: subid_trace_add_value() and message_add_name()
 * keep each in its place.
 */
#include "tools/subid/trace_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "libsubid/trace/trace.h"
#include "tools/subid/cli.h"

/* A slow receiver is waited for so long; nobody waits for us meanwhile but another
 * `subid share`. */
static const struct subid_patience audit_patience = { 2000, 2000 };
#define LOG_PATIENCE_MS 250

/* Of longer lists, the rest is left out. */
#define RANGES_SHOWN 16
#define RANGES_SIZE  (SUBID_KINDS * RANGES_SHOWN * 24 + 16)

static const struct {
	const char *op, *says;
} actions[] = {
	[FILES_SHIFT_BEGUN] = { "shift-begin", "files are being shifted" },
	[FILES_SHIFTED] = { "shift-end", "files shifted" },
	[FILES_STORE_CREATED] = { "share-create", "store created:" },
	[FILES_STORE_DESTROYED] = { "share-destroy", "store destroyed:" },
	[FILES_STORE_MOUNTED] = { "share-mount", "store mounted:" },
	[FILES_STORE_UNMOUNTED] = { "share-umount", "store unmounted:" },
};

static bool same_sets(const struct subid_set *a, const struct subid_set *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->ranges, b->ranges,
						    a->n * sizeof(*a->ranges)) == 0);
}

static void add_set(char *text, const char *before, const struct subid_set *set)
{
	for (size_t i = 0; i < set->n && i <= RANGES_SHOWN; i++) {
		size_t used = strlen(text);
		const char *between = used > 0 ? "," : "";

		if (i == RANGES_SHOWN)
			(void)snprintf(text + used, RANGES_SIZE - used, ",...");
		else
			(void)snprintf(text + used, RANGES_SIZE - used, "%s%s%u:%u",
				       between, before, set->ranges[i].start,
				       set->ranges[i].count);
	}
}

/* "100000:65536,300000:10" if both kinds are the same, else "u100000:10,g200000:10". */
static void print_ids(const struct subid_sets *ids, bool host, char text[RANGES_SIZE])
{
	bool same = same_sets(&ids->of[SUBID_UID], &ids->of[SUBID_GID]);

	text[0] = '\0';
	if (host) {
		(void)snprintf(text, RANGES_SIZE, "host");
		return;
	}
	add_set(text, same ? "" : "u", &ids->of[SUBID_UID]);
	if (!same)
		add_set(text, "g", &ids->of[SUBID_GID]);
}

static void add_value(struct subid_message *text, const char *key, const char *value)
{
	if (value != NULL)
		subid_trace_add_value(text, key, value, strlen(value));
}

void files_trace_text(const struct files_event *event, struct subid_message *ret)
{
	char ids[RANGES_SIZE];

	ret->size = 0;
	message_add(ret, "op=%s", actions[event->action].op);
	add_value(ret, "acct", event->store);
	add_value(ret, "subid-for", event->target);
	add_value(ret, "path", event->path);
	if (event->from != NULL && event->to != NULL) {
		print_ids(event->from, event->from_host, ids);
		add_value(ret, "subid-from", ids);
		print_ids(event->to, event->to_host, ids);
		add_value(ret, "subid-to", ids);
	}
	if (event->action == FILES_SHIFTED)
		message_add(ret, " subid-entries=%" PRIu64, event->entries);
}

static void add_name(struct subid_message *text, const char *before, const char *name)
{
	if (name == NULL)
		return;
	message_add(text, " %s", before);
	message_add_name(text, name, strlen(name));
}

static void add_ids(const struct files_event *event, struct log_line *line)
{
	char from[RANGES_SIZE], to[RANGES_SIZE];

	if (event->from == NULL || event->to == NULL)
		return;
	print_ids(event->from, event->from_host, from);
	print_ids(event->to, event->to_host, to);
	message_add(&line->text, ": ids %s to %s", from, to);
	log_field_print(line, "SUBID_FROM", "%s", from);
	log_field_print(line, "SUBID_TO", "%s", to);
}

static void add_result(const struct files_event *event, int audit_error,
		       struct log_line *line)
{
	bool done = event->result == 0;
	const char *why = "";

	if (event->action == FILES_SHIFTED) {
		message_add(&line->text, ": %" PRIu64 " changed", event->entries);
		log_field_print(line, "SUBID_COUNT", "%" PRIu64, event->entries);
	}
	log_field_print(line, "SUBID_RESULT", "%s", done ? "success" : "failed");
	if (!done)
		message_add(&line->text, ": failed");
	if (!done && event->result != FILES_FAILED) {
		why = subid_trace_reason(event->result);
		message_add(&line->text, ": %s", why);
		log_field_print(line, "SUBID_REASON", "%s", why);
	}
	if (audit_error != 0) {
		why = subid_trace_reason(audit_error);
		log_field_print(line, "SUBID_AUDIT", "%s", why);
		(void)snprintf(line->note, sizeof(line->note), " (no audit record: %s)",
			       why);
	}
}

static void add_field(struct log_line *line, const char *key, const char *value)
{
	if (value != NULL)
		log_field(line, key, value, strlen(value));
}

void files_trace_line(const struct files_event *event, int audit_error,
		      struct log_line *ret)
{
	*ret = (struct log_line){
		.program = "subid",
		.id = SUBID_TRACE_ID,
		.priority = event->result == 0 ? LOG_NOTICE : LOG_WARNING,
	};
	message_add(&ret->text, "%s", actions[event->action].says);
	add_name(&ret->text, "", event->store);
	add_name(&ret->text, "for ", event->target);
	add_name(&ret->text, "in ", event->path);
	log_field_print(ret, "SUBID_ACTION", "%s", actions[event->action].op);
	add_field(ret, "SUBID_OWNER", event->store);
	add_field(ret, "SUBID_FOR", event->target);
	add_field(ret, "SUBID_PATH", event->path);
	add_ids(event, ret);
	add_result(event, audit_error, ret);
}

int files_trace_result(int status)
{
	return status == EXIT_DONE ? 0 : status == EXIT_NO ? SUBID_DENIED : FILES_FAILED;
}

void files_trace(const struct files_event *event)
{
	struct subid_log log = { .fd = -1 };
	struct subid_message text;
	struct log_line line;
	const struct subid_event record = { .result = event->result, .text = &text };
	size_t taken;
	int r;

	files_trace_text(event, &text);
	r = subid_audit_send(&record, 1, &audit_patience, &taken);
	files_trace_line(event, r, &line);
	if (subid_log_open(SUBID_JOURNAL_SOCKET, SUBID_SYSLOG_SOCKET, &log) == 0)
		(void)subid_log_send(&log, &line, LOG_PATIENCE_MS);
	cleanup_close(&log.fd);
}
