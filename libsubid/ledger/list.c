/* SPDX-License-Identifier: MIT */
/*
 * What the ledger knows: for each range of ids who had it last.  Lists of ranges that do
 * not overlap, laid over each other and compared, each in one pass.
 */
#include "libsubid/ledger/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void ledger_list_free(struct ledger_list *list)
{
	free(list->entries);
	*list = (struct ledger_list){ .n = 0 };
}

void ledger_free(struct ledger *ledger)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		ledger_list_free(&ledger->of[kind]);
}

int ledger_add(struct ledger_list *list, const struct ledger_entry *entry)
{
	if (array_grow(&list->entries, list->n, sizeof(*list->entries)) < 0)
		return -ENOMEM;
	list->entries[list->n++] = *entry;
	return 0;
}

static bool same_owner(const struct subid_owner_name *a, const struct subid_owner_name *b)
{
	return owner_name_compare(a, b) == 0;
}

/* Adds the ids from start to before end as entry has them; one that goes on where the
 * last one ended, and says the same, is one with it. */
static int add_piece(struct ledger_list *list, const struct ledger_entry *entry,
		     uint64_t start, uint64_t end)
{
	struct ledger_entry *last = list->n == 0 ? NULL : &list->entries[list->n - 1];
	struct ledger_entry piece = *entry;

	piece.range = id_range_between(start, end);
	if (last == NULL || id_range_end(last->range) != start ||
	    last->seq != piece.seq || last->state != piece.state ||
	    last->since != piece.since || last->until != piece.until ||
	    last->uid != piece.uid || last->door_in != piece.door_in ||
	    last->door_out != piece.door_out || !same_owner(&last->owner, &piece.owner))
		return ledger_add(list, &piece);
	last->range = id_range_between(last->range.start, end);
	return 0;
}

/* --- in order ------------------------------------------------------------------------
 */

static bool is_in_order(const struct ledger_list *list)
{
	for (size_t i = 1; i < list->n; i++)
		if (id_range_end(list->entries[i - 1].range) >
		    list->entries[i].range.start)
			return false;
	return true;
}

/* An entry's place in the order of who has the ids. */
struct rank {
	uint64_t seq;
	size_t index;
};

static int compare_ranks(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq > y->seq ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int compare_points(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Where entries begin and end, cut the ids into pieces, which have one entry each. */
struct pieces {
	uint64_t *points; /* n + 1 of them, ascending */
	size_t n;
	size_t *owner; /* of each piece: the index of an entry; SIZE_MAX: nobody's */
	size_t *next; /* the first piece from here on that is nobody's, or nearer to it */
	struct rank *ranks;
};

static void pieces_free(struct pieces *pieces)
{
	free(pieces->points);
	free(pieces->owner);
	free(pieces->next);
	free(pieces->ranks);
}

static int cut_pieces(const struct ledger_list *list, struct pieces *pieces)
{
	size_t n = 0;

	pieces->points = calloc(list->n, 2 * sizeof(*pieces->points));
	pieces->owner = calloc(list->n, 2 * sizeof(*pieces->owner));
	pieces->next = calloc(list->n, 2 * sizeof(*pieces->next));
	pieces->ranks = calloc(list->n, sizeof(*pieces->ranks));
	if (pieces->points == NULL || pieces->owner == NULL || pieces->next == NULL ||
	    pieces->ranks == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < list->n; i++) {
		pieces->points[2 * i] = list->entries[i].range.start;
		pieces->points[2 * i + 1] = id_range_end(list->entries[i].range);
		pieces->ranks[i] = (struct rank){ list->entries[i].seq, i };
	}
	qsort(pieces->points, 2 * list->n, sizeof(*pieces->points), compare_points);
	qsort(pieces->ranks, list->n, sizeof(*pieces->ranks), compare_ranks);
	for (size_t i = 0; i < 2 * list->n; i++)
		if (n == 0 || pieces->points[n - 1] != pieces->points[i])
			pieces->points[n++] = pieces->points[i];
	pieces->n = n - 1;
	for (size_t i = 0; i < n; i++) {
		pieces->owner[i] = SIZE_MAX;
		pieces->next[i] = i;
	}
	return 0;
}

/* The first piece from i on that is nobody's yet; the way there is made shorter. */
static size_t first_free(struct pieces *pieces, size_t i)
{
	while (pieces->next[i] != i) {
		pieces->next[i] = pieces->next[pieces->next[i]];
		i = pieces->next[i];
	}
	return i;
}

static bool is_point_before(const void *point, const void *key)
{
	return *(const uint64_t *)point < *(const uint64_t *)key;
}

static void take_pieces(struct pieces *pieces, const struct ledger_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct ledger_entry *entry = &list->entries[pieces->ranks[i].index];
		uint64_t start = entry->range.start, end = id_range_end(entry->range);
		size_t at = array_search(pieces->points, pieces->n + 1, sizeof(start),
					 &start, is_point_before);

		for (at = first_free(pieces, at);
		     at < pieces->n && pieces->points[at] < end;
		     at = first_free(pieces, at)) {
			pieces->owner[at] = pieces->ranks[i].index;
			pieces->next[at] = at + 1;
		}
	}
}

int ledger_sort(struct ledger_list *list)
{
	__attribute__((cleanup(pieces_free))) struct pieces pieces = { .n = 0 };
	struct ledger_list sorted = { .n = 0 };
	int r;

	if (is_in_order(list))
		return 0;
	r = cut_pieces(list, &pieces);
	if (r == 0)
		take_pieces(&pieces, list);
	for (size_t i = 0; r == 0 && i < pieces.n; i++)
		if (pieces.owner[i] != SIZE_MAX)
			r = add_piece(&sorted, &list->entries[pieces.owner[i]],
				      pieces.points[i], pieces.points[i + 1]);
	if (r < 0) {
		ledger_list_free(&sorted);
		return r;
	}
	ledger_list_free(list);
	*list = sorted;
	return 0;
}

/* --- over each other -----------------------------------------------------------------
 */

int ledger_overlay(const struct ledger_list *base, const struct ledger_list *top,
		   struct ledger_list *ret)
{
	auto_ledger_list struct ledger_list both = { .n = 0 };
	uint64_t from = 0; /* up to here all is done */
	size_t k = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < base->n; i++) {
		const struct ledger_entry *entry = &base->entries[i];
		uint64_t end = id_range_end(entry->range);

		if (from < entry->range.start)
			from = entry->range.start;
		while (r == 0 && from < end) {
			const struct ledger_entry *over =
			    k < top->n ? &top->entries[k] : NULL;
			uint64_t until = over != NULL && over->range.start < end
					     ? over->range.start
					     : end;

			if (until > from)
				r = add_piece(&both, entry, from, until);
			from = until > from ? until : from;
			if (r == 0 && over != NULL && over->range.start < end) {
				r = ledger_add(&both, over);
				k++;
				if (id_range_end(over->range) > from)
					from = id_range_end(over->range);
			}
		}
	}
	for (; r == 0 && k < top->n; k++)
		r = ledger_add(&both, &top->entries[k]);
	if (r < 0)
		return r;
	*ret = both;
	both = (struct ledger_list){ .n = 0 };
	return 0;
}

/* --- beside each other ---------------------------------------------------------------
 */

/* What is to be written of some ids that lines give to owner, or nobody (NULL), and of
 * which the ledger knows something, or nothing.  False: nothing. */
static bool has_changed(const struct ledger_entry *line, const struct ledger_entry *known,
			enum ledger_door door, int64_t now, struct ledger_entry *ret)
{
	bool odd = line != NULL && line->owner.len == 0;

	/* a broken line must not hide whose the ids were */
	if (odd && known != NULL && known->state != LEDGER_CLEARED &&
	    known->owner.len > 0)
		line = NULL;
	if (line == NULL) {
		if (known == NULL || known->state != LEDGER_HAS)
			return false;
		*ret = *known;
		ret->state = LEDGER_LEFT;
		ret->until = now;
		ret->door_out = (uint8_t)door;
		ret->seq = 0;
		return true;
	}
	if (known != NULL && known->state == LEDGER_HAS &&
	    same_owner(&known->owner, &line->owner))
		return false;
	*ret = (struct ledger_entry){
		.owner = line->owner,
		.since = now,
		.uid = line->uid,
		.state = LEDGER_HAS,
		.door_in = (uint8_t)door,
	};
	return true;
}

/* The entry of a list that has the id at, where *i has come to; else NULL, and in that
 * case, and at its end, *end is moved to where that changes. */
static const struct ledger_entry *entry_at(const struct ledger_list *list, size_t *i,
					   uint64_t at, uint64_t *end)
{
	const struct ledger_entry *entry;
	uint64_t changes;

	while (*i < list->n && id_range_end(list->entries[*i].range) <= at)
		++*i;
	if (*i == list->n)
		return NULL;
	entry = &list->entries[*i];
	changes =
	    entry->range.start <= at ? id_range_end(entry->range) : entry->range.start;
	if (changes < *end)
		*end = changes;
	return entry->range.start <= at ? entry : NULL;
}

int ledger_compare(const struct ledger_list *lines, const struct ledger_list *ledger,
		   enum ledger_door door, int64_t now, struct ledger_list *ret)
{
	size_t i = 0, k = 0;
	int r = 0;

	for (uint64_t at = 0, end; r == 0 && (i < lines->n || k < ledger->n); at = end) {
		const struct ledger_entry *line, *known;
		struct ledger_entry changed;

		end = (uint64_t)ID_COUNT_MAX + 1;
		line = entry_at(lines, &i, at, &end);
		known = entry_at(ledger, &k, at, &end);
		if (has_changed(line, known, door, now, &changed))
			r = add_piece(ret, &changed, at, end);
	}
	return r;
}

/* Is what is known more than that the owner of a line, which is gone, left the ids? */
static bool outweighs(const struct ledger_entry *known, const struct ledger_entry *line)
{
	if (known->state == LEDGER_HAS)
		return known->owner.len > 0 || line->owner.len == 0;
	return known->state == LEDGER_LEFT &&
	       (line->owner.len == 0 || same_owner(&known->owner, &line->owner));
}

int ledger_left(const struct ledger_list *lines, const struct ledger_list *known,
		struct ledger_list *ret)
{
	size_t i = 0, k = 0;
	int r = 0;

	for (uint64_t at = 0, end; r == 0 && i < lines->n; at = end) {
		const struct ledger_entry *entry, *other;

		end = (uint64_t)ID_COUNT_MAX + 1;
		entry = entry_at(lines, &i, at, &end);
		other = entry_at(known, &k, at, &end);
		if (entry == NULL || (other != NULL && outweighs(other, entry)))
			continue;
		r = add_piece(ret, entry, at, end);
	}
	return r;
}

int ledger_ids(const struct ledger_list *list, enum ledger_state state, uint64_t after,
	       struct subid_set *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->n; i++)
		if (list->entries[i].state == state && list->entries[i].seq > after)
			r = subid_set_add(ret, list->entries[i].range);
	return r;
}

static bool ends_before(const void *entry, const void *id)
{
	return id_range_end(((const struct ledger_entry *)entry)->range) <=
	       *(const uint32_t *)id;
}

size_t ledger_find(const struct ledger_list *list, uint32_t id)
{
	return array_search(list->entries, list->n, sizeof(*list->entries), &id,
			    ends_before);
}

/* --- what lines give ------------------------------------------------------------------
 */

/* More than anybody is given: a line with so many is a slip, and if all of its ids were
 * to rest once it is mended, there would be none to give. */
#define ODD_IDS_MAX (1U << 24)

/* In the list the seq is a rank: lines that authorise come before what only some readers
 * take from the others. */
static int add_odd(const struct subid_table *table, struct ledger_list *list)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < table->malformed.n; i++) {
		const struct ledger_entry odd = {
			.range = table->malformed.ranges[i],
			.owner = { "", 0 },
			.uid = SUBID_ID_NONE,
		};

		if (odd.range.count <= ODD_IDS_MAX)
			r = ledger_add(list, &odd);
	}
	return r;
}

int ledger_of_table(const struct subid_table *table, struct ledger_list *ret)
{
	auto_ledger_list struct ledger_list list = { .n = 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < table->n; i++) {
		const struct subid_entry *entry = &table->entries[i];
		const char *owner = subid_table_owner(table, entry);
		struct ledger_entry line = {
			.range = entry->range,
			.owner = { owner, entry->owner_len },
			.seq = 1,
			.uid = SUBID_ID_NONE,
		};

		if (entry->range.count == 0 ||
		    (owner[0] == '!' && subid_owner_is_hold(owner, entry->owner_len)))
			continue;
		if (line.owner.len > LEDGER_OWNER_MAX)
			line.owner.len = LEDGER_OWNER_MAX;
		r = ledger_add(&list, &line);
	}
	if (r == 0)
		r = add_odd(table, &list);
	if (r == 0)
		r = ledger_sort(&list);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct ledger_list){ .n = 0 };
	return 0;
}

/* Makes of a list what one laid over another is; 0 or -ENOMEM, and it is as it was. */
static int lay(const struct ledger_list *base, const struct ledger_list *top,
	       struct ledger_list *list)
{
	auto_ledger_list struct ledger_list both = { .n = 0 };
	struct ledger_list before = *list;
	int r = ledger_overlay(base, top, &both);

	if (r < 0)
		return r;
	*list = both;
	both = before;
	return 0;
}

int ledger_lay_over(struct ledger_list *list, const struct ledger_list *top)
{
	return lay(list, top, list);
}

int ledger_lay_under(struct ledger_list *list, const struct ledger_list *base)
{
	return lay(base, list, list);
}
