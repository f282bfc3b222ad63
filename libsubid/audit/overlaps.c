/* SPDX-License-Identifier: MIT */
/*
 * Rules about lines that share ids, from what the sweep found.
 */
#include "libsubid/audit/private.h"

enum relation { OWNERS, SELF, HELD, DUPLICATE };

static bool is_related(const struct audit_overlap *overlap, enum relation relation)
{
	switch (relation) {
	case OWNERS:
		return overlap->owners > 1 && !overlap->held;
	case SELF:
		return overlap->owners == 1 && !overlap->held;
	case HELD:
		return overlap->held && overlap->owners > 1;
	case DUPLICATE:
		return overlap->duplicate;
	}
	return false;
}

/* Hands each overlap of a kind to say(), with the finding that begins there. */
static int find_overlaps(struct subid_audit *audit, enum relation relation,
			 void (*say)(struct subid_audit *audit,
				     struct subid_finding *finding,
				     const struct audit_overlap *overlap))
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];

		for (size_t i = 0; i < view->n_overlaps; i++) {
			const struct audit_overlap *overlap = &view->overlaps[i];
			const struct subid_entry *b = &view->table->entries[overlap->b];
			struct subid_finding finding;

			if (!is_related(overlap, relation))
				continue;
			finding = audit_at_entry(audit, kind, overlap->a);
			finding.other_line = subid_table_line(view->table, b);
			if (overlap->owners > 1)
				finding.other = (struct subid_owner_name){
					subid_table_owner(view->table, b),
					b->owner_len,
				};
			finding.range = overlap->common;
			finding.count =
			    overlap->owners > 2 ? overlap->lines : overlap->pairs;
			if (!audit_skips(audit, &finding))
				say(audit, &finding, overlap);
		}
	}
	return 0;
}

/* " and in 4 more places", of an overlap that stands for several. */
static const char *and_more(struct subid_audit *audit,
			    const struct audit_overlap *overlap)
{
	if (overlap->pairs == 1)
		return "";
	return audit_text(audit, ", and %zu more pairs of their lines do",
			  overlap->pairs - 1);
}

static void say_overlap_owners(struct subid_audit *audit, struct subid_finding *finding,
			       const struct audit_overlap *overlap)
{
	struct id_range moved =
	    audit->tables[finding->kind].table->entries[overlap->b].range;

	if (overlap->owners > 2) {
		audit_report(
		    audit, finding,
		    "give each of these owners a range of its own: subid revoke OWNER"
		    " --range RANGE, then subid grant --another OWNER",
		    "%zu lines of %zu owners share %ss, beginning with %u-%llu, which"
		    " both %.*s (line %zu) and %.*s (line %zu) have",
		    overlap->lines, overlap->owners,
		    subid_kind_name((enum subid_kind)finding->kind),
		    FIRST_LAST(finding->range), SPELLING(finding->owner), finding->line,
		    SPELLING(finding->other), finding->other_line);
		return;
	}
	audit_report(
	    audit, finding,
	    audit_text(
		audit,
		"move one of the two, say %.*s: stop its containers, then subid revoke"
		" --range %u:%u '%.*s', subid grant --another '%.*s', and give its files"
		" the new ids",
		SPELLING(finding->other), moved.start, moved.count,
		SPELLING(finding->other), SPELLING(finding->other)),
	    "%ss %u-%llu belong to %.*s (line %zu) and to %.*s (line %zu)%s: what escapes"
	    " from a container of the one reaches the processes and files of the other",
	    subid_kind_name((enum subid_kind)finding->kind), FIRST_LAST(finding->range),
	    SPELLING(finding->owner), finding->line, SPELLING(finding->other),
	    finding->other_line, and_more(audit, overlap));
}

int audit_find_overlap_owners(struct subid_audit *audit)
{
	return find_overlaps(audit, OWNERS, say_overlap_owners);
}

static void say_self_overlap(struct subid_audit *audit, struct subid_finding *finding,
			     const struct audit_overlap *overlap)
{
	audit_report(
	    audit, finding,
	    audit_text(audit,
		       "in %s, shorten or delete one of the lines %zu and %zu, so"
		       " that each id stands once",
		       finding->file, finding->line, finding->other_line),
	    "%.*s has %ss %u-%llu twice, in lines %zu and %zu%s",
	    SPELLING(finding->owner), subid_kind_name((enum subid_kind)finding->kind),
	    FIRST_LAST(finding->range), finding->line, finding->other_line,
	    and_more(audit, overlap));
}

int audit_find_self_overlap(struct subid_audit *audit)
{
	return find_overlaps(audit, SELF, say_self_overlap);
}

static void say_overlap_held(struct subid_audit *audit, struct subid_finding *finding,
			     const struct audit_overlap *overlap)
{
	/* the owner is whoever has them, the other the hold */
	if (subid_owner_is_hold(finding->owner.text, finding->owner.len)) {
		struct subid_owner_name hold = finding->owner;
		size_t line = finding->line;

		finding->owner = finding->other;
		finding->line = finding->other_line;
		finding->other = hold;
		finding->other_line = line;
	}
	finding->fix = audit_text(audit, "subid unhold %s %u:%u",
				  finding->kind == SUBID_UID ? "-u" : "-g",
				  finding->range.start, finding->range.count);
	audit_report(
	    audit, finding, audit_text(audit, "if the grant is right: %s", finding->fix),
	    "%ss %u-%llu are given to %.*s (line %zu) and held at the same time (%.*s,"
	    " line %zu)%s",
	    subid_kind_name((enum subid_kind)finding->kind), FIRST_LAST(finding->range),
	    SPELLING(finding->owner), finding->line, SPELLING(finding->other),
	    finding->other_line, and_more(audit, overlap));
}

int audit_find_overlap_held(struct subid_audit *audit)
{
	return find_overlaps(audit, HELD, say_overlap_held);
}

static void say_duplicate(struct subid_audit *audit, struct subid_finding *finding,
			  const struct audit_overlap *overlap)
{
	/* the second is the one that is too much */
	size_t first = finding->line;

	finding->line = finding->other_line;
	finding->other_line = first;
	audit_report(
	    audit, finding,
	    audit_text(audit, "delete line %zu of %s", finding->line, finding->file),
	    "line %zu is the same as line %zu%s", finding->line, first,
	    and_more(audit, overlap));
}

int audit_find_duplicate_line(struct subid_audit *audit)
{
	return find_overlaps(audit, DUPLICATE, say_duplicate);
}
