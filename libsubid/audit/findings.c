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
#include "libsubid/core/core.h"
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

/* What nobody sees: a byte order mark, and blanks of no width. */
static bool is_invisible(const char *at, size_t len)
{
	return len == 3 &&
	       (memcmp(at, "\xef\xbb\xbf", 3) == 0 ||
		(memcmp(at, "\xe2\x80", 2) == 0 && (unsigned char)at[2] >= 0x8b &&
		 (unsigned char)at[2] <= 0x8f));
}

/*
 * Threat: names from the tables and of processes end on root's terminal and in mails.
 * Letters of UTF-8 stay; each byte of what a terminal may act on, or nobody sees, is
 * written as \xHH, so that it can be found.  to has room for four times len and a NUL.
 */
static void show_bytes(char *to, const char *from, size_t len)
{
	while (len > 0) {
		bool safe;
		size_t n = printable_next(from, len, &safe);

		if (n == 1)
			safe = (*from >= ' ' && *from <= '~') || *from == '\n';
		else
			safe &= !is_invisible(from, n);
		for (size_t i = 0; i < n; i++) {
			if (safe)
				*to++ = from[i];
			else
				to += sprintf(to, "\\x%02x", (unsigned char)from[i]);
		}
		from += n;
		len -= n;
	}
	*to = '\0';
}

__attribute__((format(printf, 2, 0))) static const char *
make_text(struct audit *audit, const char *format, va_list args)
{
	char *text, *copy;
	size_t size;

	if (vasprintf(&text, format, args) < 0) {
		audit->error = -ENOMEM;
		return "";
	}
	size = strlen(text);
	copy = audit_alloc(audit, size * 4 + 1);
	if (copy != NULL)
		show_bytes(copy, text, size);
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
		     !owner_name_is(finding->owner, accepted->owner)))
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
	for (size_t i = 0, n; i < name.len; i += n) {
		bool safe;

		n = printable_next(name.text + i, name.len - i, &safe);
		safe &= n > 1 ? !is_invisible(name.text + i, n)
			      : name.text[i] >= ' ' && name.text[i] <= '~' &&
				    name.text[i] != '\'';
		if (!safe)
			return false;
	}
	return name.len == 0 || name.text[0] != '-';
}

/* Edits name lines, and nobody. */
static bool has_only_edits(const struct audit_finding *finding)
{
	for (size_t i = 0; i < finding->n_fixes; i++)
		if (finding->fixes[i].verb != AUDIT_FIX_EDIT)
			return false;
	return finding->n_fixes > 0;
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
	if (!has_only_edits(kept) &&
	    (!can_be_quoted(kept->owner) || !can_be_quoted(kept->other))) {
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

/*
 * Commands that mend what is found.  They are data until somebody prints them; this is
 * the one place that makes command lines of them.
 */

static void put_bytes(FILE *out, const char *text, size_t len, bool safe)
{
	for (; len > 0; text++, len--) {
		unsigned char c = (unsigned char)*text;

		if (!safe && (c < ' ' || c > '~'))
			(void)fprintf(out, "\\%03o", c);
		else if (!safe && (c == '\'' || c == '\\'))
			(void)fprintf(out, "\\%c", c);
		else if (c == '\'')
			(void)fputs("'\\''", out);
		else
			(void)fputc(c, out);
	}
}

/*
 * One word for a shell.  Threat: an owner like "x';reboot;'", or a file of an image that
 * is called "; rm -rf /", in what root pastes; and a byte that is left out names another
 * directory.  So bytes that a terminal acts on are written as bash takes them.
 */
static void put_word(FILE *out, const char *text)
{
	bool safe = printable_is_safe(text, strlen(text));

	(void)fputs(safe ? "'" : "$'", out);
	put_bytes(out, text, strlen(text), safe);
	(void)fputc('\'', out);
}

/* The same, without quotes where none are needed. */
static void put_path(FILE *out, const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-+,:@%=";

	if (path[strspn(path, plain)] == '\0')
		(void)fputs(path, out);
	else
		put_word(out, path);
}

/* OWNER or OWNER/NAME, one word too. */
static void put_owner(FILE *out, const struct audit_fix *fix)
{
	const char *container = fix->container == NULL ? "" : fix->container;
	bool safe = printable_is_safe(fix->owner.text, fix->owner.len) &&
		    printable_is_safe(container, strlen(container));

	(void)fputs(safe ? "'" : "$'", out);
	put_bytes(out, fix->owner.text, fix->owner.len, safe);
	if (fix->container != NULL)
		(void)fputc('/', out);
	put_bytes(out, container, strlen(container), safe);
	(void)fputc('\'', out);
}

static void put_own(FILE *out, const struct audit_fix *fix, const char *root)
{
	static const char *const verbs[] = {
		[AUDIT_FIX_GRANT] = "grant",
		[AUDIT_FIX_REVOKE] = "revoke",
		[AUDIT_FIX_UNHOLD] = "unhold",
		[AUDIT_FIX_RENAME] = "rename",
	};

	(void)fputs("subid", out);
	if (root != NULL) {
		(void)fputs(" --root ", out);
		put_word(out, root);
	}
	(void)fprintf(out, " %s", verbs[fix->verb]);
	if (fix->kind >= 0)
		(void)fputs(fix->kind == SUBID_UID ? " -u" : " -g", out);
	if (fix->range.count > 0)
		(void)fprintf(out, "%s %u:%u",
			      fix->verb == AUDIT_FIX_UNHOLD ? "" : " --range",
			      fix->range.start, fix->range.count);
	if (fix->another)
		(void)fputs(" --another", out);
	if (fix->count > 0)
		(void)fprintf(out, " --count %u", fix->count);
	if (fix->reuse)
		(void)fputs(" --reuse", out);
	if (fix->force)
		(void)fputs(" --force", out);
	if (fix->owner.len > 0) {
		(void)fputc(' ', out);
		put_owner(out, fix);
	}
	if (fix->verb == AUDIT_FIX_RENAME) {
		(void)fputc(' ', out);
		put_word(out, fix->text);
	}
}

/* The deletion of lines, by sed(1). */
static void put_delete(FILE *out, const struct audit_fix *fix)
{
	(void)fprintf(out, "sed -i '/^[[:space:]]*%s/d' ", fix->text);
	put_path(out, fix->path);
}

static void put_other(FILE *out, const struct audit_fix *fix)
{
	switch (fix->verb) {
	case AUDIT_FIX_CHOWN:
		if (fix->uid == 0 && fix->gid == 0)
			(void)fputs("chown root:root ", out);
		else
			(void)fprintf(out, "chown %u:%u ", fix->uid, fix->gid);
		break;
	case AUDIT_FIX_CHMOD:
		(void)fprintf(out, "chmod %s ", fix->text);
		break;
	case AUDIT_FIX_SETCAP:
		(void)fprintf(out, "setcap %s ", *fix->text == '\0' ? "-r" : fix->text);
		break;
	case AUDIT_FIX_CLEAR_ACL:
		(void)fputs("setfacl -b ", out);
		break;
	case AUDIT_FIX_DELETE:
		put_delete(out, fix);
		return;
	case AUDIT_FIX_APPEND:
		(void)fputs("echo ", out);
		put_word(out, fix->text);
		(void)fputs(" >>", out);
		break;
	case AUDIT_FIX_EDIT:
		/* bytes are bytes, whatever the locale */
		(void)fprintf(out, "%ssed -i '%s' ",
			      strstr(fix->text, "\\x") == NULL ? "" : "LC_ALL=C ",
			      fix->text);
		break;
	case AUDIT_FIX_RUN:
		(void)fputs(fix->text, out);
		return;
	default:
		(void)fputs("augenrules --load", out);
		return;
	}
	put_path(out, fix->path);
}

char *audit_fix_command(const struct audit_fix *fix, const char *root)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool failed;

	if (out == NULL)
		return NULL;
	if (audit_fix_is_own(fix))
		put_own(out, fix, root);
	else
		put_other(out, fix);
	failed = ferror(out) != 0;
	if (fclose(out) == 0 && !failed)
		return text;
	free(text);
	return NULL;
}

const char *audit_command(struct audit *audit, struct audit_fix fix)
{
	auto_free char *command = audit_fix_command(&fix, audit->in->root);

	if (command == NULL)
		audit->error = -ENOMEM;
	return command == NULL ? "" : audit_text(audit, "%s", command);
}

const char *audit_commands(struct audit *audit, const struct audit_fix *fixes, size_t n)
{
	const char *commands = "";

	for (size_t i = 0; i < n; i++)
		commands =
		    audit_join(audit, commands, "\n", audit_command(audit, fixes[i]));
	return commands;
}

const char *audit_in_etc(struct audit *audit, const char *name)
{
	const struct audit_host *host = audit->in->host;

	return audit_text(audit, "%s/%s", host == NULL ? SUBID_SYSCONFDIR : host->etc,
			  name);
}

const char *audit_quoted(struct audit *audit, const char *path)
{
	char *text = NULL;
	const char *quoted = "";
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out != NULL)
		put_path(out, path);
	if (out == NULL || fclose(out) != 0)
		audit->error = -ENOMEM;
	else
		quoted = audit_text(audit, "%s", text);
	free(text);
	return quoted;
}

void audit_add_fix(struct audit *audit, struct audit_finding *finding,
		   struct audit_fix fix)
{
	size_t n = finding->n_fixes;
	struct audit_fix *grown = audit_alloc(audit, (n + 1) * sizeof(*grown));

	if (grown == NULL)
		return;
	if (n > 0)
		memcpy(grown, finding->fixes, n * sizeof(*grown));
	grown[n] = fix;
	finding->fixes = grown;
	finding->n_fixes = n + 1;
}
