/* SPDX-License-Identifier: MIT */
/*
 * Rules about what each account holds in all.
 */
#include <string.h>

#include "libsubid/audit/private.h"

/* How many entries an account has in a table, under all its names. */
static size_t entries_of(const struct audit *audit, enum subid_kind kind, size_t owner)
{
	const struct audit_table *view = &audit->tables[kind];

	return view->begin[owner + 1] - view->begin[owner];
}

/* Has policy switched one of the tables off, or could it not be read? */
static bool is_off(const struct audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		if (audit->in->policy->window[kind].count == 0 ||
		    audit->in->tables[kind] == NULL)
			return true;
	return false;
}

/* Nobody reads more commands than this. */
#define GRANTS_MAX 8

/* Adds the commands that grant an account the same ids of the missing kind, if such do.
 */
static void add_grants(struct audit *audit, struct audit_finding *finding,
		       enum subid_kind missing, size_t owner, const struct subid_set *ids)
{
	/* a name that is wrong in one table need not be wrong in both */
	if (!audit->owners[owner].account || audit->owners[owner].digit ||
	    ids->n > GRANTS_MAX)
		return;
	for (size_t i = 0; i < ids->n; i++)
		if (!audit_is_free(audit, missing, owner, ids->ranges[i]))
			return;
	for (size_t i = 0; i < ids->n; i++)
		audit_add_fix(audit, finding,
			      (struct audit_fix){
				  .verb = AUDIT_FIX_GRANT,
				  .kind = (int)missing,
				  .owner = audit_owner_text(audit, owner),
				  .range = ids->ranges[i],
			      });
}

static int say_one_sided(struct audit *audit, enum subid_kind kind, size_t owner)
{
	enum subid_kind missing = kind == SUBID_UID ? SUBID_GID : SUBID_UID;
	const struct audit_table *view = &audit->tables[kind];
	size_t entry = view->order[view->begin[owner]];
	struct audit_finding finding = audit_at_entry(audit, kind, entry);
	auto_set struct subid_set ids = { .n = 0 };
	const char *remedy = audit_advise_broken(audit, missing, owner);
	int r;

	if (audit_skips(audit, &finding))
		return 0;
	r = audit_owned_ranges(audit, kind, owner, &ids);
	if (r < 0)
		return r;
	if (remedy == NULL)
		add_grants(audit, &finding, missing, owner, &ids);
	if (remedy == NULL && finding.n_fixes == 0)
		remedy = audit_advise_anew(audit, &finding, owner);
	audit_add_finding(
	    audit, &finding, remedy,
	    "%.*s has %llu %ss (line %zu) and no %ss: a container needs both, and does"
	    " not start, or runs with a single id",
	    NAME(finding.owner), (unsigned long long)subid_set_size(&ids),
	    subid_kind_name(kind), finding.line, subid_kind_name(missing));
	return 0;
}

int audit_find_one_sided(struct audit *audit)
{
	int r = 0;

	if (audit->alike || is_off(audit))
		return 0;
	for (size_t i = 0; r == 0 && i < audit->n_owners; i++) {
		size_t uids = entries_of(audit, SUBID_UID, i);
		size_t gids = entries_of(audit, SUBID_GID, i);

		if (audit->owners[i].hold || (uids > 0) == (gids > 0))
			continue;
		r = say_one_sided(audit, uids > 0 ? SUBID_UID : SUBID_GID, i);
	}
	return r;
}

/* Are an account's lines in both tables the same, one by one? */
static bool has_same_lines(const struct audit *audit, size_t owner)
{
	const struct audit_table *uid = &audit->tables[SUBID_UID];
	const struct audit_table *gid = &audit->tables[SUBID_GID];
	size_t n = entries_of(audit, SUBID_UID, owner);

	if (entries_of(audit, SUBID_GID, owner) != n)
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t u = uid->order[uid->begin[owner] + i];
		size_t g = gid->order[gid->begin[owner] + i];

		if (!id_range_equal(uid->table->entries[u].range,
				    gid->table->entries[g].range))
			return false;
	}
	return true;
}

static void say_unequal(struct audit *audit, size_t owner, const struct subid_set *uids,
			const struct subid_set *gids)
{
	const struct audit_table *view = &audit->tables[SUBID_UID];
	size_t entry = view->order[view->begin[owner]];
	struct audit_finding finding = audit_at_entry(audit, SUBID_UID, entry);
	const char *remedy;
	size_t i = 0;

	finding.kind = -1;
	if (audit_skips(audit, &finding))
		return;
	remedy = audit_advise_anew(audit, &finding, owner);
	/* the first range in which the two differ */
	while (i < uids->n && i < gids->n &&
	       id_range_equal(uids->ranges[i], gids->ranges[i]))
		i++;
	if (i < uids->n && i < gids->n)
		audit_add_finding(
		    audit, &finding, remedy,
		    "%.*s has uids %u-%llu where its gids are %u-%llu: some"
		    " programs, kubelet among them, take the same numbers for"
		    " both",
		    NAME(finding.owner), FIRST_LAST(uids->ranges[i]),
		    FIRST_LAST(gids->ranges[i]));
	else
		audit_add_finding(
		    audit, &finding, remedy,
		    "%.*s has %llu uids and %llu gids: some programs, kubelet"
		    " among them, take the same numbers for both",
		    NAME(finding.owner), (unsigned long long)subid_set_size(uids),
		    (unsigned long long)subid_set_size(gids));
}

int audit_find_unequal(struct audit *audit)
{
	int r = 0;

	if (audit->alike || is_off(audit))
		return 0;
	for (size_t i = 0; r == 0 && i < audit->n_owners; i++) {
		auto_set struct subid_set uids = { .n = 0 }, gids = { .n = 0 };

		if (audit->owners[i].hold || entries_of(audit, SUBID_UID, i) == 0 ||
		    entries_of(audit, SUBID_GID, i) == 0 || has_same_lines(audit, i))
			continue;
		r = audit_owned_ranges(audit, SUBID_UID, i, &uids);
		if (r == 0)
			r = audit_owned_ranges(audit, SUBID_GID, i, &gids);
		if (r == 0 && !audit_is_equal(&uids, &gids))
			say_unequal(audit, i, &uids, &gids);
	}
	return r;
}

/* An image may need as many: nobody's 65534, and all before it; the owner's own id is 0
 * inside. */
#define WANTED 65534
#define GIVEN  65536

static const char *remedy_for_pieces(struct audit *audit, struct audit_finding *finding,
				     size_t owner)
{
	if (!audit_can_grant(audit, owner, GIVEN))
		return "see first to the account, or to room in the window";
	audit_advise(audit, finding,
		     (struct audit_fix){
			 .verb = AUDIT_FIX_GRANT,
			 .kind = -1,
			 .owner = finding->owner,
			 .another = true,
			 .count = GIVEN,
		     });
	return "grant a range in one piece";
}

static void say_small(struct audit *audit, struct audit_finding *finding, size_t owner,
		      uint64_t size, size_t pieces)
{
	const char *remedy = remedy_for_pieces(audit, finding, owner);

	(void)pieces;
	audit_add_finding(audit, finding, remedy,
			  "%.*s has %llu %s%s, and its own id is 0 inside: an image "
			  "whose files have ids"
			  " beyond them, nobody's 65534 among them, cannot be unpacked",
			  NAME(finding->owner), (unsigned long long)size,
			  subid_kind_name((enum subid_kind)finding->kind),
			  size == 1 ? "" : "s");
}

static void say_fragmented(struct audit *audit, struct audit_finding *finding,
			   size_t owner, uint64_t size, size_t pieces)
{
	const char *remedy = remedy_for_pieces(audit, finding, owner);

	audit_add_finding(
	    audit, finding, remedy,
	    "%.*s has %llu %ss in %zu pieces, none of %u: programs that use one line"
	    " alone have too few",
	    NAME(finding->owner), (unsigned long long)size,
	    subid_kind_name((enum subid_kind)finding->kind), pieces, WANTED);
}

/* Does a line have as many ids as are wanted? If not, their sum, which is usually enough
 * to know. */
static bool has_large_line(const struct audit *audit, enum subid_kind kind, size_t owner,
			   uint64_t *ret_sum)
{
	const struct audit_table *view = &audit->tables[kind];

	*ret_sum = 0;
	for (size_t i = view->begin[owner]; i < view->begin[owner + 1]; i++) {
		uint32_t count = view->table->entries[view->order[i]].range.count;

		if (count >= WANTED)
			return true;
		*ret_sum += count;
	}
	return false;
}

/* The number of an account's ids, its pieces, and whether one has as many as wanted. */
static int count_pieces(const struct audit *audit, enum subid_kind kind, size_t owner,
			uint64_t *ret_size, size_t *ret_pieces, bool *ret_large)
{
	auto_set struct subid_set ids = { .n = 0 };
	int r = audit_owned_ranges(audit, kind, owner, &ids);

	if (r < 0)
		return r;
	*ret_size = subid_set_size(&ids);
	*ret_pieces = ids.n;
	*ret_large = false;
	for (size_t i = 0; i < ids.n; i++)
		*ret_large |= ids.ranges[i].count >= WANTED;
	return 0;
}

/* What an account has in a table, if it has no piece of WANTED ids. */
struct pieces {
	bool lacks;
	uint64_t size;
	size_t n;
};

static int look_at_pieces(const struct audit *audit, enum subid_kind kind, size_t owner,
			  bool few, struct pieces *ret)
{
	size_t n = entries_of(audit, kind, owner);
	bool large = false;
	int r = 0;

	*ret = (struct pieces){ .lacks = false };
	/* a single line may be small, but is not in pieces; and the sum of lines that
	 * share nothing is what there is */
	if (n == 0 || (n == 1 && !few) ||
	    has_large_line(audit, kind, owner, &ret->size) ||
	    (few && ret->size >= WANTED && audit->tables[kind].disjoint))
		return 0;
	if (n > 1)
		r = count_pieces(audit, kind, owner, &ret->size, &ret->n, &large);
	ret->lacks = !large;
	return r;
}

/* Calls say() for each account without a piece of WANTED ids: few: that has fewer in
 * total, else that has as many.
 */
static int find_pieces(struct audit *audit, bool few,
		       void (*say)(struct audit *audit, struct audit_finding *finding,
				   size_t owner, uint64_t size, size_t pieces))
{
	for (size_t i = 0; i < audit->n_owners; i++) {
		struct pieces pieces = { .lacks = false };

		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			const struct audit_table *view = &audit->tables[kind];
			struct audit_finding finding;
			int r = 0;

			if (kind == SUBID_UID || !audit->alike)
				r = look_at_pieces(audit, kind, i, few, &pieces);
			if (r < 0)
				return r;
			if (!pieces.lacks || (pieces.size < WANTED) != few ||
			    audit->owners[i].hold || audit_floods(audit, (int)kind))
				continue;
			finding =
			    audit_at_entry(audit, kind, view->order[view->begin[i]]);
			if (!audit_skips(audit, &finding))
				say(audit, &finding,
				    view->owner[view->order[view->begin[i]]], pieces.size,
				    pieces.n);
		}
	}
	return 0;
}

int audit_find_small(struct audit *audit)
{
	return find_pieces(audit, true, say_small);
}

int audit_find_fragmented(struct audit *audit)
{
	return find_pieces(audit, false, say_fragmented);
}

static void say_mergeable(struct audit *audit, struct audit_finding *finding,
			  size_t first, size_t second)
{
	struct id_range r = finding->range;

	audit_advise_join(audit, finding, first, second, r.count);
	audit_add_finding(
	    audit, finding,
	    audit_text(audit, "write one line, %.*s:%u:%u, in place of lines %zu and %zu",
		       NAME(finding->owner), r.start, r.count, finding->line,
		       finding->other_line),
	    "lines %zu and %zu of %.*s adjoin and could be one, %u-%llu: programs"
	    " that use only the first line get fewer ids than there are",
	    finding->line, finding->other_line, NAME(finding->owner), FIRST_LAST(r));
}

/* Adjacent lines of one owner name, in the order of the file. */
int audit_find_mergeable(struct audit *audit)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];
		const struct subid_entry *entries = view->table->entries;

		for (size_t i = 1; i < view->table->n; i++) {
			uint32_t a = view->order[i - 1], b = view->order[i];
			struct audit_finding finding;

			if (view->owner[a] != view->owner[b] ||
			    id_range_end(entries[a].range) != entries[b].range.start ||
			    id_range_end(entries[b].range) - entries[a].range.start >
				ID_COUNT_MAX ||
			    audit->owners[view->owner[a]].hold ||
			    audit_floods(audit, (int)kind))
				continue;
			finding = audit_at_entry(audit, kind, a);
			finding.other_line = subid_table_line(view->table, &entries[b]);
			finding.range = id_range_between(entries[a].range.start,
							 id_range_end(entries[b].range));
			if (!audit_skips(audit, &finding))
				say_mergeable(audit, &finding, a, b);
		}
	}
	return 0;
}
