/* SPDX-License-Identifier: MIT */
/*
 * Commands that mend what is found.  They are data until somebody prints them; this is
 * the one place that makes command lines of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"

/* More commands than this are no help: then the range is better moved as a whole. */
#define COMMANDS_MAX 8

/* Of an account with more lines nobody finds out what a command would leave. */
#define LINES_MAX 1000

static bool is_safe(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (printable_unsafe(text + i, len - i) > 0)
			return false;
	return true;
}

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
	bool safe = is_safe(text, strlen(text));

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
	bool safe = is_safe(fix->owner.text, fix->owner.len) &&
		    is_safe(container, strlen(container));

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
	if (fix->owner.len > 0) {
		(void)fputc(' ', out);
		put_owner(out, fix);
	}
}

/* The deletion of lines, by sed(1). */
static void put_delete(FILE *out, const struct audit_fix *fix)
{
	if (fix->line > 0)
		(void)fprintf(out, "sed -i %zud ", fix->line);
	else
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
	auto_free char *command = audit_fix_command(&fix, NULL);

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

/* Of both kinds, if the account has some of the ids in both. */
static bool cuts_both(const struct subid_sets *before, enum subid_kind kind,
		      struct id_range range)
{
	return subid_set_meets(&before->of[kind == SUBID_UID ? SUBID_GID : SUBID_UID],
			       range, NULL);
}

/* What is left without the cuts, each made in one kind or in both. */
static int make_cuts(const struct subid_sets *before, enum subid_kind kind,
		     const struct subid_set *cuts, struct subid_sets *after)
{
	auto_sets struct subid_sets gone = { .of = { { .n = 0 } } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < cuts->n; i++)
		for (enum subid_kind k = 0; r == 0 && k < SUBID_KINDS; k++)
			if (k == kind || cuts_both(before, kind, cuts->ranges[i]))
				r = subid_set_insert(&gone.of[k], cuts->ranges[i]);
	return r == 0 ? subid_sets_subtract(before, &gone, after) : r;
}

static bool is_even(const struct subid_sets *sets)
{
	return (sets->of[SUBID_UID].n > 0) == (sets->of[SUBID_GID].n > 0);
}

/* Would the cuts make an account one-sided, or unequal, that is not? */
static bool does_harm(const struct subid_sets *before, const struct subid_sets *after)
{
	return (is_even(before) && !is_even(after)) ||
	       (audit_is_equal(&before->of[SUBID_UID], &before->of[SUBID_GID]) &&
		!audit_is_equal(&after->of[SUBID_UID], &after->of[SUBID_GID]));
}

void audit_add_cuts(struct audit *audit, struct audit_finding *finding, size_t entry,
		    const struct subid_set *cuts)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const struct audit_table *view = &audit->tables[kind];
	size_t same = audit->owners[view->owner[entry]].same;
	auto_sets struct subid_sets before = { .of = { { .n = 0 } } };
	auto_sets struct subid_sets after = { .of = { { .n = 0 } } };
	int r = 0;

	if (cuts->n > COMMANDS_MAX)
		return;
	for (enum subid_kind k = 0; r == 0 && k < SUBID_KINDS; k++) {
		const uint32_t *begin = audit->tables[k].begin;

		if (begin[same + 1] - begin[same] > LINES_MAX)
			return;
		r = audit_owned_ranges(audit, k, same, &before.of[k]);
	}
	if (r == 0)
		r = make_cuts(&before, kind, cuts, &after);
	if (r < 0)
		audit->error = r;
	if (r < 0 || does_harm(&before, &after))
		return;
	for (size_t i = 0; i < cuts->n; i++)
		audit_add_fix(audit, finding,
			      (struct audit_fix){
				  .verb = AUDIT_FIX_REVOKE,
				  .kind = cuts_both(&before, kind, cuts->ranges[i])
					      ? -1
					      : (int)kind,
				  .owner = audit_owner_text(audit, view->owner[entry]),
				  .range = cuts->ranges[i],
				  .reuse = true,
			      });
}

const char *audit_revoke_and_grant(struct audit *audit, struct subid_owner_name owner,
				   struct id_range range)
{
	return audit_text(audit, "%s, then %s",
			  audit_command(audit,
					(struct audit_fix){
					    .verb = AUDIT_FIX_REVOKE,
					    .kind = -1,
					    .owner = owner,
					    .range = range,
					}),
			  audit_command(audit, (struct audit_fix){
						   .verb = AUDIT_FIX_GRANT,
						   .kind = -1,
						   .owner = owner,
						   .another = range.count > 0,
					       }));
}

const char *audit_move_remedy(struct audit *audit, const struct audit_finding *finding,
			      struct id_range range)
{
	return audit_text(
	    audit, "move the range of line %zu of %s, if no file has its ids yet: %s",
	    finding->line, finding->file,
	    audit_revoke_and_grant(audit, finding->owner, range));
}
