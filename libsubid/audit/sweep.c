/* SPDX-License-Identifier: MIT */
/*
 * Which lines of a table share ids: one sweep over the lines in the order of their
 * starts.  What overlaps is found cluster by cluster, a cluster being lines that
 * hang together by ids they share.  Its pairs are told one by one; where they would
 * be too many to read, those of two owners become one, and where even the owners are
 * too many, all of the cluster.  So the work stays near that of sorting.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"

#define PAIRS_MAX  1000 /* of one cluster, told one by one */
#define OWNERS_MAX 8	/* of a larger cluster, told by pairs of owners */

/* A line in the order of starts: the start above, the entry's index below. */
typedef uint64_t sorted_line;

struct sweep {
	const struct subid_audit *audit;
	struct audit_table *view;
	sorted_line *lines;
	size_t room; /* of view->overlaps */
};

static uint32_t entry_of(sorted_line line)
{
	return (uint32_t)line;
}

static struct id_range range_of(const struct sweep *sweep, sorted_line line)
{
	return sweep->view->table->entries[entry_of(line)].range;
}

static uint32_t spelling_of(const struct sweep *sweep, uint32_t entry)
{
	return sweep->view->owner[entry];
}

static uint32_t account_of(const struct sweep *sweep, uint32_t entry)
{
	return sweep->audit->owners[spelling_of(sweep, entry)].same;
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool is_called(const struct sweep *sweep, uint32_t entry, const char *name)
{
	struct subid_owner_name text =
	    audit_owner_text(sweep->audit, spelling_of(sweep, entry));

	return text.len == strlen(name) && memcmp(text.text, name, text.len) == 0;
}

/* LXD's package writes its range for root and for its own account, on purpose. */
static bool is_lxd(const struct sweep *sweep, uint32_t a, uint32_t b)
{
	struct subid_owner_name text =
	    audit_owner_text(sweep->audit, spelling_of(sweep, b));
	const struct subid_special_owner *special =
	    subid_special_owner(text.text, text.len);

	return is_called(sweep, a, "root") && special != NULL &&
	       special->shares_with_root;
}

/* Do two lines share their ids because somebody meant it so? */
static bool is_meant(const struct sweep *sweep, uint32_t a, uint32_t b)
{
	const struct subid_entry *entries = sweep->view->table->entries;

	return id_range_equal(entries[a].range, entries[b].range) &&
	       (is_lxd(sweep, a, b) || is_lxd(sweep, b, a));
}

static int add_overlap(struct sweep *sweep, struct audit_overlap overlap)
{
	struct audit_table *view = sweep->view;
	const struct subid_entry *entries = view->table->entries;
	const struct audit_owner *owners = sweep->audit->owners;
	bool hold_a = owners[spelling_of(sweep, overlap.a)].hold;
	bool hold_b = owners[spelling_of(sweep, overlap.b)].hold;

	overlap.held = hold_a || hold_b;
	overlap.duplicate =
	    id_range_equal(entries[overlap.a].range, entries[overlap.b].range) &&
	    spelling_of(sweep, overlap.a) == spelling_of(sweep, overlap.b);
	if ((hold_a && hold_b && !overlap.duplicate) ||
	    is_meant(sweep, overlap.a, overlap.b))
		return 0;
	if (view->n_overlaps == sweep->room) {
		size_t room = sweep->room * 2 + 16;
		struct audit_overlap *grown =
		    reallocarray(view->overlaps, room, sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		view->overlaps = grown;
		sweep->room = room;
	}
	view->overlaps[view->n_overlaps++] = overlap;
	return 0;
}

static struct audit_overlap pair_of(const struct sweep *sweep, sorted_line x,
				    sorted_line y)
{
	uint32_t a = entry_of(x), b = entry_of(y);

	return (struct audit_overlap){
		.a = a < b ? a : b,
		.b = a < b ? b : a,
		.common = id_range_common(range_of(sweep, x), range_of(sweep, y)),
		.pairs = 1,
		.lines = 2,
		.owners = account_of(sweep, a) == account_of(sweep, b) ? 1 : 2,
	};
}

/* How many of n lines, in order, begin before end. */
static size_t begin_before(const sorted_line *lines, size_t n, uint64_t end)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (lines[middle] >> 32 < end)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How many pairs of lines overlap in all. */
static size_t count_pairs(const struct sweep *sweep, const sorted_line *lines, size_t n)
{
	size_t pairs = 0;

	for (size_t i = 0; i < n; i++)
		pairs += begin_before(&lines[i + 1], n - i - 1,
				      id_range_end(range_of(sweep, lines[i])));
	return pairs;
}

static int tell_pairs(struct sweep *sweep, const sorted_line *lines, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		uint64_t end = id_range_end(range_of(sweep, lines[i]));

		for (size_t j = i + 1; r == 0 && j < n && lines[j] >> 32 < end; j++)
			r = add_overlap(sweep, pair_of(sweep, lines[i], lines[j]));
	}
	return r;
}

/* The lines of one account, or of two, from those of a cluster; how many. */
static size_t pick(const struct sweep *sweep, const sorted_line *lines, size_t n,
		   uint32_t a, uint32_t b, sorted_line *ret)
{
	size_t picked = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t account = account_of(sweep, entry_of(lines[i]));

		if (account == a || account == b)
			ret[picked++] = lines[i];
	}
	return picked;
}

/* What the two lines of a pair differ in. */
enum by { BY_NOTHING, BY_ACCOUNT, BY_HOLD };

static uint32_t class_of(const struct sweep *sweep, sorted_line line, enum by by)
{
	uint32_t account = account_of(sweep, entry_of(line));

	if (by == BY_HOLD)
		return sweep->audit->owners[account].hold;
	return by == BY_ACCOUNT ? account : 0;
}

/*
 * The first two lines that overlap and differ, to stand for pairs of them: each line
 * is held against the one of another class that reaches farthest.
 */
static int tell_first(struct sweep *sweep, const sorted_line *lines, size_t n, enum by by,
		      size_t pairs, size_t owners)
{
	const sorted_line *farthest = NULL, *other = NULL; /* of another class than it */

	for (const sorted_line *line = lines; line < lines + n; line++) {
		uint64_t end = id_range_end(range_of(sweep, *line));
		const sorted_line *met = farthest;

		if (met != NULL && by != BY_NOTHING &&
		    class_of(sweep, *met, by) == class_of(sweep, *line, by))
			met = other;
		if (met != NULL && id_range_end(range_of(sweep, *met)) > *line >> 32 &&
		    !is_meant(sweep, entry_of(*met), entry_of(*line))) {
			struct audit_overlap overlap = pair_of(sweep, *met, *line);

			overlap.pairs = pairs;
			overlap.lines = n;
			overlap.owners = owners;
			return add_overlap(sweep, overlap);
		}
		if (farthest == NULL || end > id_range_end(range_of(sweep, *farthest))) {
			if (farthest != NULL &&
			    class_of(sweep, *farthest, by) != class_of(sweep, *line, by))
				other = farthest;
			farthest = line;
		} else if (class_of(sweep, *farthest, by) != class_of(sweep, *line, by) &&
			   (other == NULL ||
			    end > id_range_end(range_of(sweep, *other)))) {
			other = line;
		}
	}
	return 0;
}

/* A large cluster of few owners: each two of them once, and each for itself. */
static int tell_owners(struct sweep *sweep, const sorted_line *lines, size_t n,
		       const uint32_t *owners, size_t n_owners, sorted_line *scratch)
{
	size_t own[OWNERS_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_owners; i++) {
		size_t picked = pick(sweep, lines, n, owners[i], owners[i], scratch);

		own[i] = count_pairs(sweep, scratch, picked);
		if (own[i] > 0)
			r = tell_first(sweep, scratch, picked, BY_NOTHING, own[i], 1);
	}
	for (size_t i = 0; r == 0 && i < n_owners; i++) {
		for (size_t j = i + 1; r == 0 && j < n_owners; j++) {
			size_t picked =
			    pick(sweep, lines, n, owners[i], owners[j], scratch);
			size_t pairs =
			    count_pairs(sweep, scratch, picked) - own[i] - own[j];

			if (pairs > 0)
				r = tell_first(sweep, scratch, picked, BY_ACCOUNT, pairs,
					       2);
		}
	}
	return r;
}

/* How many accounts the lines are of; the first OWNERS_MAX of them into owners. */
static size_t count_owners(const struct sweep *sweep, const sorted_line *lines, size_t n,
			   uint32_t owners[OWNERS_MAX], sorted_line *scratch)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		scratch[i] = account_of(sweep, entry_of(lines[i]));
	qsort(scratch, n, sizeof(*scratch), compare_numbers);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && scratch[i] == scratch[i - 1])
			continue;
		if (count < OWNERS_MAX)
			owners[count] = (uint32_t)scratch[i];
		count++;
	}
	return count;
}

static int tell_clusters(struct sweep *sweep, const sorted_line *lines, size_t n);

/*
 * A large cluster of many owners: all of it once.  Where holds tie it together, what
 * hangs together without them is told for itself, and once what is held and given.
 */
static int tell_all(struct sweep *sweep, const sorted_line *lines, size_t n,
		    size_t n_owners, sorted_line *scratch)
{
	size_t granted = 0, held = 0, pairs = count_pairs(sweep, lines, n);
	int r;

	for (size_t i = 0; i < n; i++) {
		if (class_of(sweep, lines[i], BY_HOLD) == 0)
			scratch[granted++] = lines[i];
		else
			scratch[n + held++] = lines[i];
	}
	if (held == 0)
		return tell_first(sweep, lines, n, BY_ACCOUNT, pairs, n_owners);
	pairs -= count_pairs(sweep, scratch, granted);
	pairs -= count_pairs(sweep, scratch + n, held);
	r = tell_clusters(sweep, scratch, granted);
	return r == 0 ? tell_first(sweep, lines, n, BY_HOLD, pairs, 2) : r;
}

static int tell_cluster(struct sweep *sweep, const sorted_line *lines, size_t n)
{
	size_t pairs = count_pairs(sweep, lines, n), n_owners;
	uint32_t owners[OWNERS_MAX];
	sorted_line *scratch;
	int r;

	if (pairs <= PAIRS_MAX)
		return tell_pairs(sweep, lines, n);
	scratch = reallocarray(NULL, n, 2 * sizeof(*scratch));
	if (scratch == NULL)
		return -ENOMEM;
	n_owners = count_owners(sweep, lines, n, owners, scratch);
	if (n_owners <= OWNERS_MAX)
		r = tell_owners(sweep, lines, n, owners, n_owners, scratch);
	else
		r = tell_all(sweep, lines, n, n_owners, scratch);
	free(scratch);
	return r;
}

/* Cluster by cluster of lines in order. */
static int tell_clusters(struct sweep *sweep, const sorted_line *lines, size_t n)
{
	size_t behind;
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i = behind) {
		uint64_t end = id_range_end(range_of(sweep, lines[i]));

		for (behind = i + 1; behind < n && lines[behind] >> 32 < end; behind++)
			if (id_range_end(range_of(sweep, lines[behind])) > end)
				end = id_range_end(range_of(sweep, lines[behind]));
		if (behind - i > 1)
			r = tell_cluster(sweep, &lines[i], behind - i);
	}
	return r;
}

/* Do no two lines share an id?  Then the set of all has as many as the lines. */
static bool is_disjoint(const struct subid_table *table)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < table->n; i++)
		sum += table->entries[i].range.count;
	return sum == subid_set_size(&table->ids);
}

static void sort_lines(struct sweep *sweep)
{
	const struct subid_table *table = sweep->view->table;
	bool sorted = true;

	for (size_t i = 0; i < table->n; i++) {
		sweep->lines[i] = (uint64_t)table->entries[i].range.start << 32 | i;
		sorted &= i == 0 || sweep->lines[i - 1] < sweep->lines[i];
	}
	if (!sorted)
		qsort(sweep->lines, table->n, sizeof(*sweep->lines), compare_numbers);
}

int audit_find_overlaps(const struct subid_audit *audit, struct audit_table *view)
{
	struct sweep sweep = { .audit = audit, .view = view };
	size_t n = view->table->n;
	int r;

	view->disjoint = is_disjoint(view->table);
	if (view->disjoint)
		return 0;
	sweep.lines = reallocarray(NULL, n, sizeof(*sweep.lines));
	if (sweep.lines == NULL)
		return -ENOMEM;
	sort_lines(&sweep);
	r = tell_clusters(&sweep, sweep.lines, n);
	free(sweep.lines);
	if (r == 0)
		audit_merge_kin(audit, view);
	return r;
}
