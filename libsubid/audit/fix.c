/* SPDX-License-Identifier: MIT */
/*
 * The commands that take ids out of an owner's ranges.  They are for a machine to run,
 * so they must mend what they are for and break nothing: an owner whose uids and gids
 * are the same keeps them so.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/audit/private.h"

/* Threat: a file of an image may be called "; rm -rf /", and what we print is meant
 * to be pasted into root's shell. */
const char *audit_quoted(struct subid_audit *audit, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-+,:@%=";
	const char *quoted = "'";

	if (text[strspn(text, plain)] == '\0')
		return text;
	while (*text != '\0') {
		size_t len = strcspn(text, "'");

		quoted = audit_text(audit, "%s%.*s%s", quoted, (int)len, text,
				    text[len] == '\'' ? "'\\''" : "");
		text += len + (text[len] == '\'');
	}
	return audit_text(audit, "%s'", quoted);
}

/* More commands than this are no help: then the range is better moved as a whole. */
#define COMMANDS_MAX 8

/* Of an account with more lines nobody finds out what a command would leave. */
#define LINES_MAX 1000

int audit_owned_ranges(const struct subid_audit *audit, enum subid_kind kind,
		       size_t owner, struct subid_set *ret)
{
	const struct audit_table *view = &audit->tables[kind];
	int r = 0;

	for (size_t i = view->begin[owner]; r == 0 && i < view->begin[owner + 1]; i++)
		r = subid_set_add(ret, view->table->entries[view->order[i]].range);
	subid_set_sort(ret);
	return r;
}

bool audit_is_equal(const struct subid_set *a, const struct subid_set *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->ranges, b->ranges,
						    a->n * sizeof(*a->ranges)) == 0);
}

/* What an account has of both kinds. */
struct both {
	struct subid_set of[SUBID_KINDS];
};

static void free_both(struct both *both)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		subid_set_free(&both->of[kind]);
}

#define auto_both __attribute__((cleanup(free_both)))

/* Of both kinds, if the account has some of the ids in both. */
static bool cuts_both(const struct both *before, enum subid_kind kind,
		      struct id_range range)
{
	return subid_set_meets(&before->of[kind == SUBID_UID ? SUBID_GID : SUBID_UID],
			       range, NULL);
}

/* What is left without the cuts, each made in one kind or in both. */
static int make_cuts(const struct both *before, enum subid_kind kind,
		     const struct subid_set *cuts, struct both *after)
{
	auto_both struct both gone = { .of = { { .n = 0 } } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < cuts->n; i++)
		for (enum subid_kind k = 0; r == 0 && k < SUBID_KINDS; k++)
			if (k == kind || cuts_both(before, kind, cuts->ranges[i]))
				r = subid_set_insert(&gone.of[k], cuts->ranges[i]);
	for (enum subid_kind k = 0; r == 0 && k < SUBID_KINDS; k++)
		r = subid_set_subtract(&before->of[k], &gone.of[k], &after->of[k]);
	return r;
}

static bool is_even(const struct both *both)
{
	return (both->of[SUBID_UID].n > 0) == (both->of[SUBID_GID].n > 0);
}

/* Would the cuts make an account one-sided, or unequal, that is not? */
static bool does_harm(const struct both *before, const struct both *after)
{
	return (is_even(before) && !is_even(after)) ||
	       (audit_is_equal(&before->of[SUBID_UID], &before->of[SUBID_GID]) &&
		!audit_is_equal(&after->of[SUBID_UID], &after->of[SUBID_GID]));
}

const char *audit_cut_commands(struct subid_audit *audit, enum subid_kind kind,
			       size_t entry, const struct subid_set *cuts)
{
	const struct audit_table *view = &audit->tables[kind];
	const struct subid_entry *e = &view->table->entries[entry];
	struct subid_owner_name owner = { subid_table_owner(view->table, e),
					  e->owner_len };
	size_t same = audit->owners[view->owner[entry]].same;
	auto_both struct both before = { .of = { { .n = 0 } } };
	auto_both struct both after = { .of = { { .n = 0 } } };
	const char *commands = "";
	int r = 0;

	if (cuts->n > COMMANDS_MAX)
		return NULL;
	for (enum subid_kind k = 0; r == 0 && k < SUBID_KINDS; k++) {
		const uint32_t *begin = audit->tables[k].begin;

		if (begin[same + 1] - begin[same] > LINES_MAX)
			return NULL;
		r = audit_owned_ranges(audit, k, same, &before.of[k]);
	}
	if (r == 0)
		r = make_cuts(&before, kind, cuts, &after);
	if (r < 0)
		audit->error = r;
	if (r < 0 || does_harm(&before, &after))
		return NULL;
	for (size_t i = 0; i < cuts->n; i++)
		commands = audit_text(
		    audit, "%s%ssubid revoke %s--range %u:%u --reuse '%.*s'", commands,
		    i == 0 ? "" : "\n",
		    cuts_both(&before, kind, cuts->ranges[i]) ? ""
		    : kind == SUBID_UID			      ? "-u "
							      : "-g ",
		    cuts->ranges[i].start, cuts->ranges[i].count, SPELLING(owner));
	return commands;
}

const char *audit_move_remedy(struct subid_audit *audit,
			      const struct subid_finding *finding, struct id_range range)
{
	return audit_text(audit,
			  "move the range of line %zu of %s, if no file has its ids yet:"
			  " subid revoke --range %u:%u '%.*s', then subid grant"
			  " --another '%.*s'",
			  finding->line, finding->file, range.start, range.count,
			  SPELLING(finding->owner), SPELLING(finding->owner));
}
