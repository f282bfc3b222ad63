/* SPDX-License-Identifier: MIT */
/*
 * What the rules find: texts, the findings that are kept, and those that are only
 * counted because the site accepts them or because they are too many.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/printable.h"

#define CHUNK_SIZE (64 << 10)

/* Memory that is freed all at once, with the report. */
struct audit_chunk {
	struct audit_chunk *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) char bytes[];
};

void *audit_alloc(struct audit *audit, size_t size)
{
	struct audit_chunk *chunk = audit->memory;
	void *start;

	size = (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) *
	       _Alignof(max_align_t);
	if (chunk == NULL || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK_SIZE ? size : CHUNK_SIZE;

		chunk = calloc(1, sizeof(*chunk) + room);
		if (chunk == NULL) {
			audit->error = -ENOMEM;
			return NULL;
		}
		chunk->size = room;
		chunk->next = audit->memory;
		audit->memory = chunk;
	}
	start = chunk->bytes + chunk->used;
	chunk->used += size;
	return start;
}

/* Threat: names from the tables and of processes end on root's terminal and in
 * mails: what a terminal may act on becomes '?'. */
__attribute__((format(printf, 2, 0))) static const char *
make_text(struct audit *audit, const char *format, va_list args)
{
	char *text, *copy;
	size_t size;

	if (vasprintf(&text, format, args) < 0) {
		audit->error = -ENOMEM;
		return "";
	}
	for (char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		printable_ascii(line, strcspn(line, "\n"), ' ');
	}
	size = strlen(text) + 1;
	copy = audit_alloc(audit, size);
	if (copy != NULL)
		memcpy(copy, text, size);
	free(text);
	return copy == NULL ? "" : copy;
}

const char *audit_text(struct audit *audit, const char *format, ...)
{
	const char *text;
	va_list args;

	va_start(args, format);
	text = make_text(audit, format, args);
	va_end(args);
	return text;
}

const char *audit_join(struct audit *audit, const char *a, const char *with,
		       const char *b)
{
	return *a == '\0' ? b : audit_text(audit, "%s%s%s", a, with, b);
}

static bool is_same(struct subid_owner_name spelling, const char *text)
{
	return spelling.len == strlen(text) &&
	       memcmp(spelling.text, text, spelling.len) == 0;
}

/* Does the site accept it? Then it is counted. */
static bool is_accepted(struct audit *audit, const struct audit_finding *finding)
{
	const struct audit_input *in = audit->in;
	size_t cases = finding->count == 0 ? 1 : finding->count;

	if (!audit->accepts)
		return false;
	for (size_t i = 0; i < in->n_accepted; i++) {
		const struct subid_acceptance *accepted = &in->accepted[i];

		if (strcmp(accepted->rule, audit->rule->name) != 0 ||
		    (accepted->owner != NULL &&
		     !is_same(finding->owner, accepted->owner)))
			continue;
		audit->report->accepted += cases;
		audit->report->accepted_by[i] += cases;
		return true;
	}
	return false;
}

bool audit_skips(struct audit *audit, const struct audit_finding *finding)
{
	size_t i = finding->kind < 0 ? SUBID_KINDS : (size_t)finding->kind;

	if (is_accepted(audit, finding))
		return true;
	if (audit->of_rule[i] <= AUDIT_FLOOD)
		return false;
	audit->flood[i] += finding->count == 0 ? 1 : finding->count;
	return true;
}

/* Of a flood, the last finding stands for all that came after it. */
void audit_end_rule(struct audit *audit)
{
	for (size_t i = 0; i <= SUBID_KINDS; i++) {
		struct audit_finding *last;
		int kind = i == SUBID_KINDS ? -1 : (int)i;

		if (audit->flood[i] == 0)
			continue;
		last = audit->findings + audit->n_findings;
		while ((--last)->kind != kind)
			;
		last->count += audit->flood[i];
		audit->report->counts[audit->rule->level] += audit->flood[i];
	}
}

void audit_begin_rule(struct audit *audit, const struct audit_rule *rule)
{
	audit->rule = rule;
	memset(audit->of_rule, 0, sizeof(audit->of_rule));
	memset(audit->flood, 0, sizeof(audit->flood));
	audit->accepts = false;
	for (size_t i = 0; i < audit->in->n_accepted; i++)
		audit->accepts |= strcmp(audit->in->accepted[i].rule, rule->name) == 0;
}

static int make_room(struct audit *audit)
{
	if (array_grow(&audit->findings, audit->n_findings, sizeof(*audit->findings)) < 0)
		audit->error = -ENOMEM;
	return audit->error;
}

static const pid_t *copy_pids(struct audit *audit, const pid_t *pids, size_t n)
{
	pid_t *copy = n == 0 ? NULL : audit_alloc(audit, n * sizeof(*copy));

	if (copy != NULL)
		memcpy(copy, pids, n * sizeof(*copy));
	return copy;
}

/* Threat: an owner like "x';reboot;'" in a command that root pastes.  In quotes
 * everything is harmless except a quote. A name that looks like an option, or is printed
 * changed or cut, would name something else. */
static bool can_be_quoted(struct subid_owner_name name)
{
	size_t digits = 0;
	uint32_t id;

	if (name.len > NAME_SHOWN)
		return false;
	while (digits < name.len && name.text[digits] >= '0' && name.text[digits] <= '9')
		digits++;
	/* "007" is not a uid, and no command accepts it as a name */
	if (digits > 0 && digits == name.len &&
	    (subid_id_parse(name.text, name.len, &id) != 0 || id == SUBID_ID_NONE))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.text[i] < ' ' || name.text[i] > '~' || name.text[i] == '\'')
			return false;
	return name.len == 0 || name.text[0] != '-';
}

void audit_add_finding(struct audit *audit, const struct audit_finding *finding,
		       const char *remedy, const char *reason, ...)
{
	struct audit_finding *kept;
	va_list args;

	if (audit_skips(audit, finding) || make_room(audit) < 0)
		return;
	audit->of_rule[finding->kind < 0 ? SUBID_KINDS : finding->kind]++;
	kept = &audit->findings[audit->n_findings++];
	*kept = *finding;
	kept->rule = audit->rule;
	if (kept->count == 0)
		kept->count = 1;
	audit->report->counts[kept->rule->level] += kept->count;
	kept->pids = copy_pids(audit, finding->pids, finding->n_pids);
	if (kept->pids == NULL)
		kept->n_pids = 0;
	va_start(args, reason);
	kept->reason = make_text(audit, reason, args);
	va_end(args);
	if (!can_be_quoted(kept->owner) || !can_be_quoted(kept->other)) {
		remedy = NULL;
		kept->n_fixes = 0;
	}
	kept->remedy_is_fixes = remedy == NULL && kept->n_fixes > 0;
	kept->remedy = remedy == NULL ? kept->rule->remedy : remedy;
}

struct audit_finding audit_at_entry(const struct audit *audit, enum subid_kind kind,
				    size_t entry)
{
	const struct subid_table *table = audit->in->tables[kind];
	const struct subid_entry *e = &table->entries[entry];

	return (struct audit_finding){
		.kind = (int)kind,
		.file = subid_kind_table(kind),
		.line = subid_table_line(table, e),
		.owner = { subid_table_owner(table, e), e->owner_len },
		.range = e->range,
	};
}

void audit_findings_free(struct audit *audit)
{
	struct audit_chunk *next;

	for (struct audit_chunk *chunk = audit->memory; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(audit->findings);
}
