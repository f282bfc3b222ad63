/* SPDX-License-Identifier: MIT */
/*
 * Rules about lines that share ids: of two owners, of one owner, of an owner and a hold,
 * and lines that are written twice.
 *
 * Each pair is a finding.  A table may have many more pairs than lines, so only the first
 * PAIRS_MAX of a rule are looked at one by one; the others are counted, by binary search.
 * Only pairs that concern the rule are looked at, so that the work of a rule is that of
 * sorting, and many lines of one owner do not hide pairs of another.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

#define PAIRS_MAX 10000

/*
 * Lines in the order of their starts: each is its start, and its entry below.  Lines of
 * the same class make no pair; without classes, any two do.
 */
struct lines {
	uint64_t *list;
	size_t n;
	uint32_t *class;
	uint32_t *next; /* the next line of another class */
};

struct pairs {
	struct audit *audit;
	struct audit_table *view;
	enum subid_kind kind;
	void (*say)(struct audit *audit, struct audit_finding *finding, size_t first,
		    size_t second);
	size_t looked_at;
};

static void free_lines(struct lines *lines)
{
	free(lines->list);
	free(lines->class);
	free(lines->next);
}

#define auto_lines __attribute__((cleanup(free_lines)))

static uint32_t entry_of(uint64_t line)
{
	return (uint32_t)line;
}

static struct id_range range_of(const struct audit_table *view, uint64_t line)
{
	return view->table->entries[entry_of(line)].range;
}

static const struct audit_owner *owner_of(const struct audit *audit,
					  const struct audit_table *view, uint64_t line)
{
	return &audit->owners[view->owner[entry_of(line)]];
}

static int compare_numbers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* All lines of a table in order, once for all rules. */
static int sort_lines(struct audit_table *view)
{
	const struct subid_table *table = view->table;
	bool sorted = true;

	if (view->by_start != NULL)
		return 0;
	view->by_start = reallocarray(NULL, table->n + 1, sizeof(*view->by_start));
	if (view->by_start == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < table->n; i++) {
		view->by_start[i] = (uint64_t)table->entries[i].range.start << 32 | i;
		sorted &= i == 0 || view->by_start[i - 1] < view->by_start[i];
	}
	if (!sorted)
		qsort(view->by_start, table->n, sizeof(*view->by_start), compare_numbers);
	return 0;
}

static bool begins_before(const void *line, const void *end)
{
	return *(const uint64_t *)line >> 32 < *(const uint64_t *)end;
}

/* How many pairs share ids, of whatever classes. */
static size_t count_pairs(const struct audit_table *view, const uint64_t *list, size_t n)
{
	size_t pairs = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t end = id_range_end(range_of(view, list[i]));

		pairs += array_search(&list[i + 1], n - i - 1, sizeof(*list), &end,
				      begins_before);
	}
	return pairs;
}

/* LXD's package writes the same range for root and for its own account. */
static bool is_lxd(const struct audit *audit, const struct audit_table *view, size_t a,
		   size_t b)
{
	struct subid_owner_name other = audit_owner_text(audit, view->owner[b]);
	const struct subid_special_owner *special =
	    subid_special_owner(other.text, other.len);

	return special != NULL && special->shares_with_root &&
	       owner_name_is(audit_owner_text(audit, view->owner[a]), "root") &&
	       id_range_equal(view->table->entries[a].range,
			      view->table->entries[b].range);
}

/* Reports the pair; false when no more are to be looked at. */
static bool look_at(struct pairs *pairs, uint64_t x, uint64_t y)
{
	const struct audit_table *view = pairs->view;
	uint32_t a = entry_of(entry_of(x) < entry_of(y) ? x : y);
	uint32_t b = entry_of(entry_of(x) < entry_of(y) ? y : x);
	struct audit_finding finding;

	pairs->looked_at++;
	if (is_lxd(pairs->audit, view, a, b) || is_lxd(pairs->audit, view, b, a))
		return pairs->looked_at < PAIRS_MAX;
	finding = audit_at_entry(pairs->audit, pairs->kind, a);
	finding.other_line = subid_table_line(view->table, &view->table->entries[b]);
	finding.range = id_range_common(range_of(view, x), range_of(view, y));
	if (!audit_skips(pairs->audit, &finding))
		pairs->say(pairs->audit, &finding, a, b);
	return pairs->looked_at < PAIRS_MAX;
}

/* Looks at pairs until there have been enough. */
static void look_at_pairs(struct pairs *pairs, const struct lines *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		uint64_t end = id_range_end(range_of(pairs->view, lines->list[i]));

		for (size_t j = i + 1; j < lines->n && lines->list[j] >> 32 < end;) {
			if (lines->class != NULL && lines->class[i] == lines->class[j]) {
				j = lines->next[j];
				continue;
			}
			if (!look_at(pairs, lines->list[i], lines->list[j]))
				return;
			j++;
		}
	}
}

/* The pairs that were not looked at, n in all, are one finding. */
static void report_rest(struct pairs *pairs, size_t n)
{
	size_t rest = n - pairs->looked_at;
	struct audit_finding finding = {
		.kind = (int)pairs->kind,
		.file = subid_kind_table(pairs->kind),
		.count = rest,
	};

	if (rest > 0)
		audit_add_finding(
		    pairs->audit, &finding, NULL,
		    "%zu more pairs of lines share ids: mend the first ones, and"
		    " run the audit again",
		    rest);
}

/* The next line of another class than each: one pass from the end. */
static int find_next(struct lines *lines)
{
	lines->next = reallocarray(NULL, lines->n + 1, sizeof(*lines->next));
	if (lines->next == NULL)
		return -ENOMEM;
	for (size_t i = lines->n; i-- > 0;) {
		bool same = i + 1 < lines->n && lines->class[i + 1] == lines->class[i];

		lines->next[i] = same ? lines->next[i + 1] : (uint32_t)i + 1;
	}
	return 0;
}

/* The lines that grant ids, each in the class of its account; or all, by whether they do.
 */
static int pick_lines(const struct audit *audit, const struct audit_table *view,
		      bool with_holds, struct lines *ret)
{
	size_t n = view->table->n;

	ret->list = reallocarray(NULL, n + 1, sizeof(*ret->list));
	ret->class = reallocarray(NULL, n + 1, sizeof(*ret->class));
	if (ret->list == NULL || ret->class == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct audit_owner *owner =
		    owner_of(audit, view, view->by_start[i]);

		if (owner->hold && !with_holds)
			continue;
		ret->class[ret->n] = with_holds ? owner->hold : owner->same;
		ret->list[ret->n++] = view->by_start[i];
	}
	return find_next(ret);
}

/* The lines that grant ids, account by account: those of owner i begin at view->begin[i].
 */
static int group_lines(const struct audit *audit, const struct audit_table *view,
		       struct lines *ret)
{
	auto_free uint32_t *at = calloc(audit->n_owners + 1, sizeof(*at));

	ret->n = view->table->n;
	ret->list = reallocarray(NULL, ret->n + 1, sizeof(*ret->list));
	if (ret->list == NULL || at == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ret->n; i++) {
		uint32_t account = owner_of(audit, view, view->by_start[i])->same;

		ret->list[view->begin[account] + at[account]++] = view->by_start[i];
	}
	return 0;
}

/* How many pairs are of one account each. */
static int count_own_pairs(const struct pairs *pairs, size_t *ret)
{
	const struct audit_table *view = pairs->view;
	auto_lines struct lines lines = { .n = 0 };
	int r = group_lines(pairs->audit, view, &lines);

	*ret = 0;
	for (size_t i = 0; r == 0 && i < pairs->audit->n_owners; i++)
		if (!pairs->audit->owners[i].hold)
			*ret += count_pairs(view, lines.list + view->begin[i],
					    view->begin[i + 1] - view->begin[i]);
	return r;
}

static int find_owner_pairs(struct pairs *pairs)
{
	auto_lines struct lines lines = { .n = 0 };
	size_t own;
	int r = pick_lines(pairs->audit, pairs->view, false, &lines);

	if (r < 0)
		return r;
	look_at_pairs(pairs, &lines);
	if (pairs->looked_at < PAIRS_MAX)
		return 0;
	r = count_own_pairs(pairs, &own);
	if (r == 0)
		report_rest(pairs, count_pairs(pairs->view, lines.list, lines.n) - own);
	return r;
}

static int find_held_pairs(struct pairs *pairs)
{
	auto_lines struct lines lines = { .n = 0 };
	int r = pick_lines(pairs->audit, pairs->view, true, &lines);
	size_t all, held = 0, granted = 0;

	if (r < 0)
		return r;
	look_at_pairs(pairs, &lines);
	if (pairs->looked_at < PAIRS_MAX)
		return 0;
	/* pairs of two holds and pairs of two grants do not count */
	all = count_pairs(pairs->view, lines.list, lines.n);
	for (size_t i = 0; i < lines.n; i++)
		if (lines.class[i] == 0)
			lines.list[granted++] = lines.list[i];
	all -= count_pairs(pairs->view, lines.list, granted);
	for (size_t i = 0; i < lines.n; i++)
		if (owner_of(pairs->audit, pairs->view, pairs->view->by_start[i])->hold)
			lines.list[held++] = pairs->view->by_start[i];
	report_rest(pairs, all - count_pairs(pairs->view, lines.list, held));
	return 0;
}

static int find_own_pairs(struct pairs *pairs)
{
	const struct audit_table *view = pairs->view;
	auto_lines struct lines lines = { .n = 0 };
	size_t n;
	int r = group_lines(pairs->audit, view, &lines);

	for (size_t i = 0; r == 0 && i < pairs->audit->n_owners; i++) {
		struct lines own = {
			.list = lines.list + view->begin[i],
			.n = view->begin[i + 1] - view->begin[i],
		};

		if (!pairs->audit->owners[i].hold && pairs->looked_at < PAIRS_MAX)
			look_at_pairs(pairs, &own);
	}
	if (r < 0 || pairs->looked_at < PAIRS_MAX)
		return r;
	r = count_own_pairs(pairs, &n);
	if (r == 0)
		report_rest(pairs, n);
	return r;
}

/* Calls say() for each pair of lines that find() finds, with the finding that begins
 * there and the second entry. */
static int find_pairs(struct audit *audit, int (*find)(struct pairs *pairs),
		      void (*say)(struct audit *audit, struct audit_finding *finding,
				  size_t first, size_t second))
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		struct audit_table *view = &audit->tables[kind];
		struct pairs pairs = {
			.audit = audit,
			.view = view,
			.kind = kind,
			.say = say,
		};

		if (view->disjoint)
			continue;
		r = sort_lines(view);
		if (r == 0)
			r = find(&pairs);
	}
	return r;
}

static struct subid_owner_name second_owner(const struct audit *audit,
					    const struct audit_finding *finding,
					    size_t second)
{
	return audit_owner_text(audit, audit->tables[finding->kind].owner[second]);
}

/* Of two the one to be moved: who has an account and no runtime's pool, and then who
 * comes later in the table, so that it is the same one for all lines of the two. */
static size_t to_be_moved(const struct audit *audit, const struct audit_finding *finding,
			  size_t first, size_t second)
{
	const struct audit_table *view = &audit->tables[finding->kind];
	const struct subid_entry *entries = view->table->entries;
	const struct audit_owner *a = &audit->owners[view->owner[first]];
	const struct audit_owner *b = &audit->owners[view->owner[second]];

	if (audit_is_pool(entries[first].range) != audit_is_pool(entries[second].range))
		return audit_is_pool(entries[first].range) ? second : first;
	if (a->account != b->account)
		return a->account ? first : second;
	return view->order[view->begin[a->same]] > view->order[view->begin[b->same]]
		   ? first
		   : second;
}

static void say_overlap_owners(struct audit *audit, struct audit_finding *finding,
			       size_t first, size_t second)
{
	size_t moved = to_be_moved(audit, finding, first, second);
	const char *remedy;

	finding->other = second_owner(audit, finding, second);
	remedy = audit_advise_move(audit, finding, (enum subid_kind)finding->kind, moved);
	audit_add_finding(
	    audit, finding, remedy,
	    "%ss %u-%llu belong to %.*s (line %zu) and to %.*s (line %zu): a process "
	    "that escapes from a container of one can reach the processes and files of "
	    "the other",
	    subid_kind_name((enum subid_kind)finding->kind), FIRST_LAST(finding->range),
	    NAME(finding->owner), finding->line, NAME(finding->other),
	    finding->other_line);
}

int audit_find_overlap_owners(struct audit *audit)
{
	return find_pairs(audit, find_owner_pairs, say_overlap_owners);
}

static void say_self_overlap(struct audit *audit, struct audit_finding *finding,
			     size_t first, size_t second)
{
	audit_advise_apart(audit, finding, first, second);
	audit_add_finding(
	    audit, finding,
	    audit_text(audit,
		       "in %s, shorten or delete one of the lines %zu and %zu, so"
		       " that each id stands once",
		       finding->file, finding->line, finding->other_line),
	    "%.*s has %ss %u-%llu twice, in lines %zu and %zu", NAME(finding->owner),
	    subid_kind_name((enum subid_kind)finding->kind), FIRST_LAST(finding->range),
	    finding->line, finding->other_line);
}

int audit_find_self_overlap(struct audit *audit)
{
	return find_pairs(audit, find_own_pairs, say_self_overlap);
}

static void say_overlap_held(struct audit *audit, struct audit_finding *finding,
			     size_t first, size_t second)
{
	const struct audit_table *view = &audit->tables[finding->kind];
	size_t hold = second, had = first;
	const char *remedy = "if the grant is right, end the hold";

	finding->other = second_owner(audit, finding, second);
	/* the owner is whoever has them, the other the hold */
	if (audit->owners[view->owner[first]].hold) {
		hold = first;
		had = second;
	}
	if (hold == first) {
		struct subid_owner_name name = finding->owner;
		size_t line = finding->line;

		finding->owner = finding->other;
		finding->line = finding->other_line;
		finding->other = name;
		finding->other_line = line;
	}
	if (audit->owners[view->owner[hold]].disabled)
		remedy = audit_advise_move(audit, finding, (enum subid_kind)finding->kind,
					   had);
	else
		audit_advise(audit, finding,
			     (struct audit_fix){
				 .verb = AUDIT_FIX_UNHOLD,
				 .kind = finding->kind,
				 .range = finding->range,
			     });
	audit_add_finding(
	    audit, finding, remedy,
	    "%ss %u-%llu are granted to %.*s (line %zu) and held at the same time (%.*s,"
	    " line %zu)",
	    subid_kind_name((enum subid_kind)finding->kind), FIRST_LAST(finding->range),
	    NAME(finding->owner), finding->line, NAME(finding->other),
	    finding->other_line);
}

int audit_find_overlap_held(struct audit *audit)
{
	return find_pairs(audit, find_held_pairs, say_overlap_held);
}

/* By owner name and range, then as in the file. */
static int compare_copies(const void *a, const void *b, void *data)
{
	const struct audit_table *view = data;
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	uint32_t owner_x = view->owner[entry_of(x)], owner_y = view->owner[entry_of(y)];
	uint32_t count_x = range_of(view, x).count, count_y = range_of(view, y).count;

	if (owner_x != owner_y)
		return owner_x < owner_y ? -1 : 1;
	if (count_x != count_y && x >> 32 == y >> 32)
		return count_x < count_y ? -1 : 1;
	return x < y ? -1 : x > y;
}

static bool is_copy(const struct audit_table *view, uint64_t x, uint64_t y)
{
	return view->owner[entry_of(x)] == view->owner[entry_of(y)] &&
	       id_range_equal(range_of(view, x), range_of(view, y));
}

/* Each line but the first of those that are the same.  Of all lines only those that
 * begin where another does are sorted once more. */
static int find_copies(struct pairs *pairs)
{
	struct audit_table *view = pairs->view;
	const uint64_t *all = view->by_start;
	auto_lines struct lines lines = { .n = 0 };
	size_t first = 0;

	lines.list = reallocarray(NULL, view->table->n + 1, sizeof(*lines.list));
	if (lines.list == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < view->table->n; i++)
		if ((i > 0 && all[i - 1] >> 32 == all[i] >> 32) ||
		    (i + 1 < view->table->n && all[i + 1] >> 32 == all[i] >> 32))
			lines.list[lines.n++] = all[i];
	if (lines.n > 1)
		qsort_r(lines.list, lines.n, sizeof(*lines.list), compare_copies, view);
	for (size_t i = 1; i < lines.n; i++) {
		if (!is_copy(view, lines.list[first], lines.list[i]))
			first = i;
		else if (!audit_floods(pairs->audit, (int)pairs->kind))
			(void)look_at(pairs, lines.list[first], lines.list[i]);
	}
	return 0;
}

static void say_duplicate(struct audit *audit, struct audit_finding *finding,
			  size_t first, size_t second)
{
	/* the second is the one to delete */
	size_t line = finding->line;

	(void)first;
	finding->line = finding->other_line;
	finding->other_line = line;
	audit_advise_once(audit, finding, second);
	audit_add_finding(
	    audit, finding,
	    audit_text(audit, "delete line %zu of %s", finding->line, finding->file),
	    "line %zu is the same as line %zu", finding->line, line);
}

int audit_find_duplicate_line(struct audit *audit)
{
	return find_pairs(audit, find_copies, say_duplicate);
}
