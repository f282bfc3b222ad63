/* SPDX-License-Identifier: MIT */
/*
 * The trace of an event whose owner's name is hostile: no name may begin a field, a
 * line or a record.  And the small texts that others write: nsswitch.conf, and the
 * lock files of shadow's tools.
 */
#include <ctype.h>
#include <endian.h>
#include <errno.h>

#include "libsubid/policy/policy.h"
#include "libsubid/tables/tables.h"
#include "libsubid/trace/trace.h"

#include "fuzz.h"

/* A field of the journal's protocol, KEY=VALUE\n or KEY\nSIZE VALUE\n; behind it. */
static const char *next_field(const char *at, const char *end, const char **ret_key,
			      size_t *ret_key_len)
{
	const char *stop = at;
	uint64_t size;

	while (stop < end && (isupper((unsigned char)*stop) || *stop == '_' ||
			      isdigit((unsigned char)*stop)))
		stop++;
	must(stop > at && stop < end && (*stop == '=' || *stop == '\n'));
	*ret_key = at;
	*ret_key_len = (size_t)(stop - at);
	if (*stop++ == '=') {
		stop = memchr(stop, '\n', (size_t)(end - stop));
		must(stop != NULL);
		return stop + 1;
	}
	must((size_t)(end - stop) > sizeof(size));
	memcpy(&size, stop, sizeof(size));
	size = le64toh(size);
	stop += sizeof(size);
	must(size < (uint64_t)(end - stop) && stop[size] == '\n');
	return stop + size + 1;
}

static void journal_text(const struct subid_event *event, struct subid_message *ret)
{
	struct log_line line;

	subid_trace_line(event, &line);
	log_journal_message(&line, 7, ret);
}

/* The fields are those of an event with a harmless name, in the same order. */
static void check_journal(const struct subid_event *event)
{
	struct subid_message ours, harmless;
	struct subid_event plain = *event;
	const char *a, *b, *key_a, *key_b;
	size_t len_a, len_b;

	plain.owner = "alice";
	plain.owner_len = 5;
	journal_text(event, &ours);
	journal_text(&plain, &harmless);
	a = ours.bytes;
	b = harmless.bytes;
	while (b < harmless.bytes + harmless.size) {
		must(a < ours.bytes + ours.size);
		a = next_field(a, ours.bytes + ours.size, &key_a, &len_a);
		b = next_field(b, harmless.bytes + harmless.size, &key_b, &len_b);
		must(len_a == len_b && memcmp(key_a, key_b, len_a) == 0);
	}
	must(a == ours.bytes + ours.size);
}

static size_t count(const struct subid_message *message, const char *what)
{
	const char *at = message->bytes, *end = at + message->size;
	size_t n = 0;

	while ((at = memmem(at, (size_t)(end - at), what, strlen(what))) != NULL) {
		n++;
		at++;
	}
	return n;
}

static void check_lines(const struct subid_event *event)
{
	struct subid_message message;
	struct log_line line;

	subid_trace_audit_text(event, &message);
	must(message.size == strlen(message.bytes));
	for (size_t i = 0; i < message.size; i++)
		must(message.bytes[i] >= ' ' && message.bytes[i] <= '~');
	must(count(&message, " res=") == 0 && count(&message, " id=") == 1);
	must(count(&message, " acct=") == 1 && count(&message, "\"") % 2 == 0);
	subid_trace_line(event, &line);
	log_syslog_message(&line, 7, &message);
	for (size_t i = 0; i < message.size; i++)
		must(message.bytes[i] >= ' ' && message.bytes[i] <= '~');
	must(count(&message, "\"") == 2);
}

static void check_source(const struct subid_text *text)
{
	struct subid_source_line line;
	struct subid_sources sources;

	if (subid_sources_parse(text, &sources) == 0) {
		must(sources.n > 0 && sources.n <= SUBID_SOURCES_MAX);
		for (size_t i = 0; i < sources.n; i++)
			must(strchr(sources.names[i], '/') == NULL);
	}
	if (subid_source_parse(text, &line) != 0)
		return;
	must(strlen(line.name) < SUBID_SOURCE_SIZE);
	must(strlen(line.second) < SUBID_SOURCE_SIZE);
	must(strchr(line.name, '/') == NULL);
	must(line.line > 0 || line.name[0] == '\0');
}

static void check_lock(const struct subid_text *text)
{
	struct subid_holder holder = { .pid = 0 };

	put_file(scratch_dir(), "subuid.lock", text->bytes, text->size);
	(void)subid_lock_look(scratch_dir(), SUBID_UID, &holder);
	must(holder.pid >= -1);
	for (const char *c = holder.program; *c != '\0'; c++)
		must(*c >= ' ' && *c <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subid_text text = make_text(data, size);
	struct subid_event event = {
		.action = size % 2 == 0 ? SUBID_HOLD : SUBID_ADD,
		.range = { 100000, 65536 },
		.owner = text.bytes,
		.owner_len = size,
		.uid = size % 3 == 0 ? SUBID_NO_UID : 1000,
		.result = size % 5 == 0 ? 0 : -EPERM,
		.program = "subid",
	};

	if (size > 0 && memchr(data, '\0', size) == NULL &&
	    memchr(data, ':', size) == NULL && memchr(data, '\n', size) == NULL) {
		check_journal(&event);
		check_lines(&event);
	}
	check_source(&text);
	check_lock(&text);
	subid_text_free(&text);
	return 0;
}
