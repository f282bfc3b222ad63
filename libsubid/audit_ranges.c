/* SPDX-License-Identifier: MIT */
/*
 * Rules about ids.  Each asks the set of all ids first, which is small when the lines
 * adjoin, and goes through the lines only when there is something to be found.
 */
#include <errno.h>
#include <string.h>

#include "audit_private.h"

/*
 * Hands each entry that shares ids with r to say(), with the finding that begins there,
 * whose range is what they share; holds are left out, which give nothing to anybody.
 */
static int find_meeting(struct subid_audit *audit, struct id_range r,
			void (*say)(struct subid_audit *audit,
				    struct subid_finding *finding, size_t entry))
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
				say(audit, &finding, i);
		}
	}
	return 0;
}

/* Reports with commands that cut, or else with what is to be decided. */
#define CUT_OR_MOVE(audit, finding, entry)                                               \
	((finding)->fix != NULL                                                          \
	     ? (finding)->fix                                                            \
	     : audit_move_remedy(                                                        \
		   audit, finding,                                                       \
		   (audit)->tables[(finding)->kind].table->entries[entry].range))

static void say_includes_root(struct subid_audit *audit, struct subid_finding *finding,
			      size_t entry)
{
	finding->fix =
	    audit_cut_commands(audit, (enum subid_kind)finding->kind, entry,
			       &(struct subid_set){ .ranges = &finding->range, .n = 1 });
	audit_report(audit, finding, CUT_OR_MOVE(audit, finding, entry),
		     "%.*s may map %s 0: a container of %.*s can be root on the host",
		     SPELLING(finding->owner), finding->kind == SUBID_UID ? "uid" : "gid",
		     SPELLING(finding->owner));
}

int audit_find_includes_root(struct subid_audit *audit)
{
	return find_meeting(audit, (struct id_range){ 0, 1 }, say_includes_root);
}

/* More pieces than are told of. */
#define PIECES_MAX 16

/*
 * Account ids in a range, but for root's and for the owner's own: the first pieces of
 * them into an empty set, and in *ret_n how many ids there are.
 */
static int foreign_ids(const struct subid_set *accounts, struct id_range range,
		       uint32_t own, struct subid_set *ret, uint64_t *ret_n)
{
	uint64_t n = 0;
	size_t low = 0, high = accounts->n;
	int r = 0;

	/* the first that ends behind the range's start */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (id_range_end(accounts->ranges[middle]) <= range.start)
			low = middle + 1;
		else
			high = middle;
	}
	for (; r == 0 && low < accounts->n; low++) {
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

			for (size_t j = 0; r == 0 && j < n_rest; j++) {
				if (ret->n < PIECES_MAX)
					r = subid_set_add(ret, rest[j]);
				n += rest[j].count;
			}
		}
	}
	*ret_n = n;
	return r;
}

static void say_overlap_account(struct subid_audit *audit, struct subid_finding *finding,
				size_t entry, const struct subid_set *foreign, uint64_t n)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const char *what = kind == SUBID_UID ? "account" : "group";
	char name[64] = "", *copy;

	finding->range = foreign->ranges[0];
	if (subid_users_name(audit->in->users, kind, finding->range.start, name,
			     sizeof(name))) {
		copy = audit_alloc(audit, sizeof(name));
		if (copy != NULL) {
			memcpy(copy, name, sizeof(name));
			finding->other = (struct subid_spelling){ copy, strlen(copy) };
		}
	}
	finding->fix = audit_cut_commands(audit, kind, entry, foreign);
	audit_report(
	    audit, finding, CUT_OR_MOVE(audit, finding, entry),
	    "%s %u is %s %s's own%s, and lies in the range of %.*s (line %zu), who can"
	    " act as that %s",
	    subid_kind_name(kind), finding->range.start, what,
	    name[0] == '\0' ? "somebody" : name,
	    n == 1 ? ""
		   : audit_text(audit, ", as are %llu more ids of %ss",
				(unsigned long long)n - 1, what),
	    SPELLING(finding->owner), finding->line, what);
}

/* One line, of which some id is an account's. */
static int check_accounts(struct subid_audit *audit, enum subid_kind kind, size_t entry)
{
	const struct audit_table *view = &audit->tables[kind];
	const struct audit_owner *owner = &audit->owners[view->owner[entry]];
	struct subid_finding finding = audit_at_entry(audit, kind, entry);
	auto_set struct subid_set foreign = { .n = 0 };
	uint64_t n;
	int r = foreign_ids(&view->accounts, finding.range,
			    kind == SUBID_UID ? owner->uid : owner->gid, &foreign, &n);

	if (r == 0 && n > 0 && !audit_skips(audit, &finding))
		say_overlap_account(audit, &finding, entry, &foreign, n);
	return r;
}

int audit_find_overlap_account(struct subid_audit *audit)
{
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];

		for (size_t i = 0; r == 0 && view->meets_accounts && i < view->table->n;
		     i++)
			if (!audit->owners[view->owner[i]].hold &&
			    subid_set_meets(&view->accounts,
					    view->table->entries[i].range, NULL))
				r = check_accounts(audit, kind, i);
	}
	return r;
}

/*
 * Ids that only the auditor minds, and only outside of the window, as those of
 * subid_conventions().
 */
static const struct subid_reserved by_convention[] = {
	{ { 1, 999 }, "system accounts, which packages make" },
	{ { 524288, 1879048191 - 524288 + 1 }, "systemd-nspawn's containers" },
};

struct claim {
	struct id_range range;
	const char *by;
	bool wide; /* a convention: too much to be cut out by a command */
};

/* What of a convention lies outside of the window; returns in how many pieces. */
static size_t claim_outside(const struct subid_reserved *convention,
			    struct id_range window, struct claim ret[2])
{
	struct id_range parts[2];
	size_t n = subid_range_without(convention->range, window, parts);

	for (size_t i = 0; i < n; i++)
		ret[i] = (struct claim){ parts[i], convention->by, true };
	return n;
}

/*
 * The rows of both tables that hold for a kind, and what the site keeps free; in the
 * report's memory, *ret_n of them.  NULL for want of memory.
 */
static struct claim *list_claims(struct subid_audit *audit, enum subid_kind kind,
				 size_t *ret_n)
{
	const struct subid_window *window = &audit->in->policy->window[kind];
	struct id_range inside = id_range_between(window->min, (uint64_t)window->max + 1);
	const size_t n_here = sizeof(by_convention) / sizeof(by_convention[0]);
	size_t n_reserved, n_convention, n = 0;
	const struct subid_reserved *conventions = subid_conventions(&n_convention);
	const struct subid_reserved *reserved = subid_reserved(&n_reserved);
	struct claim *claims = audit_alloc(
	    audit, (n_reserved + 2 * (n_here + n_convention) + audit->in->n_reserved) *
		       sizeof(*claims));

	if (claims == NULL)
		return NULL;
	for (size_t i = 0; i < n_reserved; i++)
		/* id 0 is includes-root's */
		if (reserved[i].range.start != 0)
			claims[n++] =
			    (struct claim){ reserved[i].range, reserved[i].by, false };
	for (size_t i = 0; i < n_here; i++)
		n += claim_outside(&by_convention[i], inside, &claims[n]);
	for (size_t i = 0; i < n_convention; i++)
		n += claim_outside(&conventions[i], inside, &claims[n]);
	for (size_t i = 0; i < audit->in->n_reserved; i++) {
		const struct subid_conf_reserve *site = &audit->in->reserved[i];

		if ((site->kinds >> kind & 1) != 0)
			claims[n++] = (struct claim){
				site->range,
				audit_text(audit, "\"%s\" (%s:%zu)", site->reason,
					   site->file, site->line),
				false,
			};
	}
	*ret_n = n;
	return claims;
}

static void say_reserved(struct subid_audit *audit, struct subid_finding *finding,
			 size_t entry, const struct subid_set *claimed,
			 struct claim first)
{
	enum subid_kind kind = (enum subid_kind)finding->kind;
	const char *remedy;

	if (!first.wide)
		finding->fix = audit_cut_commands(audit, kind, entry, claimed);
	remedy = CUT_OR_MOVE(audit, finding, entry);
	if (first.wide)
		remedy = audit_text(audit,
				    "%s; or, if nothing here uses them so, accept it in"
				    " subid.conf: accept overlap-reserved:%.*s \"why\"",
				    remedy, SPELLING(finding->owner));
	audit_report(
	    audit, finding, remedy,
	    "%ss %u-%llu in the range of %.*s (line %zu) are set aside for %s, and may"
	    " be in use at any moment%s",
	    subid_kind_name(kind), FIRST_LAST(finding->range), SPELLING(finding->owner),
	    finding->line, first.by,
	    claimed->n == 1 ? "" : "; and more of its ids are set aside, too");
}

/* One line, against the claims on any line. */
static int check_claims(struct subid_audit *audit, enum subid_kind kind, size_t entry,
			const struct claim *claims, size_t n)
{
	struct id_range range = audit->tables[kind].table->entries[entry].range;
	struct subid_finding finding = { .kind = (int)kind };
	auto_set struct subid_set claimed = { .n = 0 };
	struct claim first = { .by = NULL };
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct id_range common = id_range_common(claims[i].range, range);

		if (common.count == 0)
			continue;
		if (first.by == NULL) {
			finding = audit_at_entry(audit, kind, entry);
			if (audit_skips(audit, &finding))
				return 0;
			finding.range = common;
			first.by = claims[i].by;
		}
		first.wide |= claims[i].wide;
		r = subid_set_insert(&claimed, common);
	}
	if (r == 0 && first.by != NULL)
		say_reserved(audit, &finding, entry, &claimed, first);
	return r;
}

int audit_find_overlap_reserved(struct subid_audit *audit)
{
	int r = 0;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];
		size_t n, met = 0;
		struct claim *claims = list_claims(audit, kind, &n);

		if (claims == NULL)
			return -ENOMEM;
		/* those that concern no line at all are not asked for each */
		for (size_t i = 0; i < n; i++)
			if (subid_set_meets(&view->table->ids, claims[i].range, NULL))
				claims[met++] = claims[i];
		for (size_t i = 0; r == 0 && met > 0 && i < view->table->n; i++)
			if (!audit->owners[view->owner[i]].hold)
				r = check_claims(audit, kind, i, claims, met);
	}
	return r;
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
		" subid grant --another '%.*s'; or widen the window in login.defs",
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
