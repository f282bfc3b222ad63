/* SPDX-License-Identifier: MIT */
/*
 * Rules about ids.  Each asks the set of all ids first, which is small when the lines
 * adjoin, and goes through the lines only when there is something to be found.
 */
#include <string.h>

#include "audit_private.h"

/*
 * Hands each entry that shares ids with r to say(), with the finding that begins there,
 * whose range is what they share; holds are left out, which give nothing to anybody.
 */
static int find_meeting(struct subid_audit *audit, struct id_range r,
			void (*say)(struct subid_audit *audit,
				    struct subid_finding *finding, const void *data),
			const void *data)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];

		if (!subid_set_meets(&view->table->ids, r, NULL))
			continue;
		for (size_t i = 0; i < view->table->n; i++) {
			struct subid_finding finding;

			if (!id_range_overlaps(view->table->entries[i].range, r) ||
			    audit->owners[view->owner[i]].hold ||
			    audit_floods(audit, (int)kind))
				continue;
			finding = audit_at_entry(audit, kind, i);
			finding.range = id_range_common(finding.range, r);
			if (!audit_skips(audit, &finding))
				say(audit, &finding, data);
		}
	}
	return 0;
}

/* The command that takes just the finding's ids from its owner. */
static const char *cut_command(struct subid_audit *audit,
			       const struct subid_finding *finding)
{
	return audit_text(audit, "subid revoke %s --range %u:%u --reuse '%.*s'",
			  finding->kind == SUBID_UID ? "-u" : "-g", finding->range.start,
			  finding->range.count, SPELLING(finding->owner));
}

static void say_includes_root(struct subid_audit *audit, struct subid_finding *finding,
			      const void *data)
{
	(void)data;
	finding->fix = cut_command(audit, finding);
	audit_report(audit, finding, finding->fix,
		     "%.*s may map %s 0: a container of %.*s can be root on the host",
		     SPELLING(finding->owner), finding->kind == SUBID_UID ? "uid" : "gid",
		     SPELLING(finding->owner));
}

int audit_find_includes_root(struct subid_audit *audit)
{
	return find_meeting(audit, (struct id_range){ 0, 1 }, say_includes_root, NULL);
}

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
				finding.other = (struct subid_spelling){
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
	if (overlap->owners > 2) {
		audit_report(
		    audit, finding,
		    "give each of these owners a range of its own: subid revoke OWNER"
		    " --range RANGE, then subid grant OWNER",
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
		" --range %u:%u '%.*s', subid grant '%.*s', and give its files the new"
		" ids",
		SPELLING(finding->other), finding->range.start, finding->range.count,
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
		struct subid_spelling hold = finding->owner;
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

/* Account ids in a range, but for root's and for the owner's own. */
static struct id_range first_foreign(const struct subid_set *accounts,
				     struct id_range range, uint32_t own, uint64_t *ret_n)
{
	struct id_range first = { .count = 0 };
	uint64_t n = 0;
	size_t low = 0, high = accounts->n;

	/* the first that ends behind the range's start */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (id_range_end(accounts->ranges[middle]) <= range.start)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < accounts->n; low++) {
		struct id_range parts[2], rest[2];
		struct id_range common = id_range_common(accounts->ranges[low], range);
		size_t n_parts;

		if (common.count == 0)
			break;
		n_parts = subid_range_without(common, (struct id_range){ 0, 1 }, parts);
		for (size_t i = 0; i < n_parts; i++) {
			size_t n_rest = subid_range_without(
			    parts[i], (struct id_range){ own, own != SUBID_ID_NONE },
			    rest);

			for (size_t j = 0; j < n_rest; j++) {
				if (first.count == 0)
					first = rest[j];
				n += rest[j].count;
			}
		}
	}
	*ret_n = n;
	return first;
}

static void say_overlap_account(struct subid_audit *audit, struct subid_finding *finding,
				uint64_t n)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const char *what = kind == SUBID_UID ? "account" : "group";
	char name[64] = "", *copy;

	if (subid_users_name(audit->in->users, kind, finding->range.start, name,
			     sizeof(name))) {
		copy = audit_alloc(audit, sizeof(name));
		if (copy != NULL)
			finding->other =
			    (struct subid_spelling){ strcpy(copy, name), strlen(name) };
	}
	finding->fix = cut_command(audit, finding);
	audit_report(
	    audit, finding,
	    n == finding->range.count
		? finding->fix
		: audit_text(audit,
			     "%s, and so on for the others; or move the range: subid"
			     " revoke '%.*s', then subid grant '%.*s'",
			     finding->fix, SPELLING(finding->owner),
			     SPELLING(finding->owner)),
	    "%s %u is %s %s's own%s, and lies in the range of %.*s (line %zu), who can "
	    "act"
	    " as that %s",
	    subid_kind_name(kind), finding->range.start, what,
	    name[0] == '\0' ? "somebody" : name,
	    n == 1 ? ""
		   : audit_text(audit, ", as are %llu more ids of %ss",
				(unsigned long long)n - 1, what),
	    SPELLING(finding->owner), finding->line, what);
}

int audit_find_overlap_account(struct subid_audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];

		for (size_t i = 0; view->meets_accounts && i < view->table->n; i++) {
			const struct audit_owner *owner = &audit->owners[view->owner[i]];
			struct id_range range = view->table->entries[i].range, first;
			struct subid_finding finding;
			uint64_t n;

			if (owner->hold || !subid_set_meets(&view->accounts, range, NULL))
				continue;
			first = first_foreign(&view->accounts, range,
					      kind == SUBID_UID ? owner->uid : owner->gid,
					      &n);
			if (n == 0)
				continue;
			finding = audit_at_entry(audit, kind, i);
			finding.range = first;
			if (!audit_skips(audit, &finding))
				say_overlap_account(audit, &finding, n);
		}
	}
	return 0;
}

/*
 * Ids that only the auditor minds: a window that has them says that the site wants
 * it so, and the grants keep off what subid_reserved() lists anyway.
 */
static const struct subid_reserved by_convention[] = {
	{ { 1, 999 }, "system accounts, which packages make" },
	{ { 524288, 1879048191 - 524288 + 1 }, "systemd-nspawn's containers" },
	{ { 2147483648, 4294967294 - 2147483648 + 1 }, "FreeIPA's subordinate ids" },
};

struct claim {
	struct id_range range;
	const char *by;
};

/* The rows of both tables that hold for a kind; returns how many. */
#define CLAIMS_MAX 32

static size_t list_claims(const struct subid_audit *audit, enum subid_kind kind,
			  struct claim ret[CLAIMS_MAX])
{
	const struct subid_window *window = &audit->in->policy->window[kind];
	struct id_range inside = id_range_between(window->min, (uint64_t)window->max + 1);
	size_t n_reserved, n = 0;
	const struct subid_reserved *reserved = subid_reserved(&n_reserved);

	for (size_t i = 0; i < n_reserved && n < CLAIMS_MAX; i++)
		/* id 0 is includes-root's */
		if (reserved[i].range.start != 0)
			ret[n++] = (struct claim){ reserved[i].range, reserved[i].by };
	for (size_t i = 0; i < sizeof(by_convention) / sizeof(by_convention[0]); i++) {
		struct id_range parts[2];
		size_t n_parts =
		    subid_range_without(by_convention[i].range, inside, parts);

		for (size_t j = 0; j < n_parts && n < CLAIMS_MAX; j++)
			ret[n++] = (struct claim){ parts[j], by_convention[i].by };
	}
	return n;
}

/* The first claim on ids of a range, cut to them; without a name if there is none. */
static struct claim first_claim(const struct claim *claims, size_t n,
				struct id_range range)
{
	for (size_t i = 0; i < n; i++)
		if (id_range_overlaps(claims[i].range, range))
			return (struct claim){ id_range_common(claims[i].range, range),
					       claims[i].by };
	return (struct claim){ .by = NULL };
}

static void say_reserved(struct subid_audit *audit, struct subid_finding *finding,
			 struct claim claim)
{
	finding->range = claim.range;
	finding->fix = cut_command(audit, finding);
	audit_report(
	    audit, finding,
	    audit_text(audit,
		       "%s; or move the range: subid revoke '%.*s', then subid grant"
		       " '%.*s'",
		       finding->fix, SPELLING(finding->owner), SPELLING(finding->owner)),
	    "%ss %u-%llu in the range of %.*s (line %zu) are set aside for %s, and may"
	    " be in use at any moment",
	    subid_kind_name((enum subid_kind)finding->kind), FIRST_LAST(finding->range),
	    SPELLING(finding->owner), finding->line, claim.by);
}

int audit_find_overlap_reserved(struct subid_audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];
		struct claim claims[CLAIMS_MAX];
		size_t n = list_claims(audit, kind, claims), met = 0;

		/* those that concern no line at all are not asked for each */
		for (size_t i = 0; i < n; i++)
			if (subid_set_meets(&view->table->ids, claims[i].range, NULL))
				claims[met++] = claims[i];
		for (size_t i = 0; met > 0 && i < view->table->n; i++) {
			struct subid_finding finding;
			struct claim claim =
			    first_claim(claims, met, view->table->entries[i].range);

			if (claim.by == NULL || audit->owners[view->owner[i]].hold)
				continue;
			finding = audit_at_entry(audit, kind, i);
			if (!audit_skips(audit, &finding))
				say_reserved(audit, &finding, claim);
		}
	}
	return 0;
}

static void say_outside(struct subid_audit *audit, struct subid_finding *finding)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const struct subid_window *window = &audit->in->policy->window[kind];
	const char *key = kind == SUBID_UID ? "UID" : "GID";

	audit_report(
	    audit, finding,
	    audit_text(
		audit,
		"if no file has these ids yet: subid revoke --range %u:%u '%.*s', then"
		" subid grant '%.*s'; or widen the window in login.defs",
		finding->range.start, finding->range.count, SPELLING(finding->owner),
		SPELLING(finding->owner)),
	    "%ss %u-%llu of %.*s (line %zu) are not within SUB_%s_MIN to SUB_%s_MAX, "
	    "%u-%u:"
	    " whoever gives ids by the window does not expect them there",
	    subid_kind_name(kind), FIRST_LAST(finding->range), SPELLING(finding->owner),
	    finding->line, key, key, window->min, window->max);
}

int audit_find_outside_window(struct subid_audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_window *window = &audit->in->policy->window[kind];
		const struct audit_table *view = &audit->tables[kind];
		struct id_range inside =
		    id_range_between(window->min, (uint64_t)window->max + 1);
		bool all = true;

		for (size_t i = 0; i < view->table->ids.n; i++)
			all &= id_range_contains(inside, view->table->ids.ranges[i]);
		for (size_t i = 0; !all && i < view->table->n; i++) {
			struct subid_finding finding;

			if (id_range_contains(inside, view->table->entries[i].range) ||
			    audit->owners[view->owner[i]].hold ||
			    audit_floods(audit, (int)kind))
				continue;
			finding = audit_at_entry(audit, kind, i);
			if (!audit_skips(audit, &finding))
				say_outside(audit, &finding);
		}
	}
	return 0;
}

static void say_mergeable(struct subid_audit *audit, struct subid_finding *finding)
{
	struct id_range r = finding->range;

	audit_report(
	    audit, finding,
	    audit_text(audit, "in %s, write one line %.*s:%u:%u instead", finding->file,
		       SPELLING(finding->owner), r.start, r.count),
	    "lines %zu and %zu of %.*s adjoin and could be one, %u-%llu: programs"
	    " that use only the first line get fewer ids than there are",
	    finding->line, finding->other_line, SPELLING(finding->owner), FIRST_LAST(r));
}

/* Lines of one spelling that adjoin, in the order of the file. */
int audit_find_mergeable(struct subid_audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];
		const struct subid_entry *entries = view->table->entries;

		for (size_t i = 1; i < view->table->n; i++) {
			uint32_t a = view->order[i - 1], b = view->order[i];
			struct subid_finding finding;

			if (view->owner[a] != view->owner[b] ||
			    id_range_end(entries[a].range) != entries[b].range.start ||
			    id_range_end(entries[b].range) - entries[a].range.start >
				ID_COUNT_MAX ||
			    audit->owners[view->owner[a]].hold)
				continue;
			finding = audit_at_entry(audit, kind, a);
			finding.other_line = subid_table_line(view->table, &entries[b]);
			finding.range = id_range_between(entries[a].range.start,
							 id_range_end(entries[b].range));
			if (!audit_skips(audit, &finding))
				say_mergeable(audit, &finding);
		}
	}
	return 0;
}
