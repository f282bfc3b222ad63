/* SPDX-License-Identifier: MIT */
/*
 * What is in the picture of the id space: lanes of bars over an axis in pieces.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "tools/subid/report/html.h"

#define PIECE_WIDTH_MIN 16.0
#define GAP_EMPTY	28.0
#define GAP_HAD		70.0
#define CUT_SHARE	10   /* a stretch is left out if it is more than a tenth */
#define CUT_RATIO	100  /* and, if it is in use, so much larger than the smallest */
#define SMALL		1024 /* that is no account's, but a range */

/* What is drawn: n - 1 stretches between the bounds. */
struct cuts {
	const uint64_t *bounds;
	size_t n;
	const struct subid_set *used;
	uint64_t smallest; /* stretch that is in use, accounts apart */
	size_t cuts[AXIS_PIECES - 1];
	size_t n_cuts;
};

static uint64_t length(const struct cuts *plan, size_t i)
{
	return plan->bounds[i + 1] - plan->bounds[i];
}

static bool is_had(const struct cuts *plan, size_t i)
{
	return subid_set_meets(
	    plan->used, id_range_between(plan->bounds[i], plan->bounds[i] + 1), NULL);
}

static bool is_cut(const struct cuts *plan, size_t i)
{
	for (size_t c = 0; c < plan->n_cuts; c++)
		if (plan->cuts[c] == i)
			return true;
	return false;
}

static uint64_t smallest(const struct cuts *plan)
{
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i + 1 < plan->n; i++)
		if (length(plan, i) >= SMALL && length(plan, i) < least &&
		    is_had(plan, i))
			least = length(plan, i);
	return least;
}

/* The longest stretch that may be left out, of at least so many ids; n: none. */
static size_t longest(const struct cuts *plan, uint64_t least)
{
	size_t found = plan->n;

	for (size_t i = 0; i + 1 < plan->n; i++) {
		if (length(plan, i) < least || is_cut(plan, i) ||
		    (is_had(plan, i) && length(plan, i) / CUT_RATIO < plan->smallest))
			continue;
		found = i;
		least = length(plan, i) + 1;
	}
	return found;
}

/* The longest stretches, as long as they are long beside what is left. */
static void choose_cuts(struct cuts *plan)
{
	uint64_t span = plan->bounds[plan->n - 1] - plan->bounds[0];

	plan->smallest = smallest(plan);
	while (plan->n_cuts < AXIS_PIECES - 1) {
		size_t cut = longest(plan, span / CUT_SHARE + 1);

		if (cut == plan->n)
			return;
		span -= length(plan, cut);
		plan->cuts[plan->n_cuts++] = cut;
	}
}

/* A piece of many ids gets more room, but by far not in proportion. */
static double weight_of(const struct axis_piece *piece)
{
	double bits = 1;

	for (uint64_t size = piece->end - piece->first; size > 1; size /= 2)
		bits++;
	return bits * bits;
}

static void place_pieces(struct axis *axis, double left, double width)
{
	double room = width - PIECE_WIDTH_MIN * (double)axis->n, sum = 0;

	for (size_t i = 0; i < axis->n; i++) {
		sum += weight_of(&axis->pieces[i]);
		room -= axis->pieces[i].gap;
	}
	for (size_t i = 0; i < axis->n; i++) {
		struct axis_piece *piece = &axis->pieces[i];

		piece->x = left;
		piece->width = PIECE_WIDTH_MIN + room * weight_of(piece) / sum;
		left += piece->width + piece->gap;
	}
}

static struct axis make_pieces(const uint64_t *bounds, size_t n,
			       const struct subid_set *used, double left, double width)
{
	struct cuts plan = { .bounds = bounds, .n = n, .used = used };
	struct axis axis = { .n = 0 };
	uint64_t first = bounds[0];

	choose_cuts(&plan);
	for (size_t i = 0; i < n; i++) {
		bool last = i + 1 == n, had;

		/* two stretches that are left out may stand side by side */
		if ((!last && !is_cut(&plan, i)) || axis.n == AXIS_PIECES)
			continue;
		had = !last && is_had(&plan, i);
		axis.pieces[axis.n++] = (struct axis_piece){
			.first = first,
			.end = bounds[i] > first ? bounds[i] : first + 1,
			.gap = last  ? 0
			       : had ? GAP_HAD
				     : GAP_EMPTY,
			.is_had = had,
		};
		if (!last)
			first = bounds[i + 1];
	}
	place_pieces(&axis, left, width);
	return axis;
}

double axis_x(const struct axis *axis, uint64_t id)
{
	const struct axis_piece *piece = &axis->pieces[0];

	if (id <= piece->first)
		return piece->x;
	for (size_t i = 0; i < axis->n; i++) {
		uint64_t next = i + 1 < axis->n ? axis->pieces[i + 1].first : 0;

		piece = &axis->pieces[i];
		if (id <= piece->end)
			return piece->x + piece->width * (double)(id - piece->first) /
					      (double)(piece->end - piece->first);
		if (id < next)
			return piece->x + piece->width +
			       piece->gap * (double)(id - piece->end) /
				   (double)(next - piece->end);
	}
	return piece->x + piece->width;
}

uint64_t axis_step(const struct axis_piece *piece, double room)
{
	static const uint64_t factors[] = { 1, 2, 5 };
	double per_id = piece->width / (double)(piece->end - piece->first);
	uint64_t ten = 1;

	for (;; ten *= 10)
		for (size_t i = 0; i < 3; i++)
			if ((double)(ten * factors[i]) * per_id >= room)
				return ten * factors[i];
}

static struct subid_owner_name name_entry(const struct audit_shown *shown,
					  enum subid_kind kind, const struct bar *bar,
					  char buf[128])
{
	const struct subid_table *table = shown->input->tables[kind];
	const struct subid_entry *entry = &table->entries[bar->index];

	(void)buf;
	return (struct subid_owner_name){ .text = subid_table_owner(table, entry),
					  .len = entry->owner_len };
}

static struct subid_owner_name name_account(const struct audit_shown *shown,
					    enum subid_kind kind, const struct bar *bar,
					    char buf[128])
{
	buf[0] = '\0';
	if (bar->range.count == 1)
		(void)subid_users_name(shown->input->users, kind, bar->range.start, buf,
				       128);
	return (struct subid_owner_name){ .text = buf, .len = strlen(buf) };
}

/* Bars count the leases of all stores through. */
static struct subid_owner_name name_lease(const struct audit_shown *shown,
					  enum subid_kind kind, const struct bar *bar,
					  char buf[128])
{
	const struct audit_store *store = shown->input->stores;
	size_t i = bar->index;

	(void)kind;
	for (; i >= store->leases.n; store++)
		i -= store->leases.n;
	(void)snprintf(buf, 128, "%.60s/%.60s", store->leases.list[i].owner,
		       store->leases.list[i].name);
	return (struct subid_owner_name){ .text = buf, .len = strlen(buf) };
}

static struct subid_owner_name name_userns(const struct audit_shown *shown,
					   enum subid_kind kind, const struct bar *bar,
					   char buf[128])
{
	const struct subid_live_userns *userns = &shown->input->live->userns[bar->index];
	size_t len;

	(void)kind;
	if (!subid_users_name(shown->input->users, SUBID_UID, userns->owner, buf, 64))
		(void)snprintf(buf, 64, "uid %u", userns->owner);
	len = strlen(buf);
	if (userns->container[0] != '\0')
		(void)snprintf(buf + len, 128 - len, "/%s", userns->container);
	return (struct subid_owner_name){ .text = buf, .len = strlen(buf) };
}

static struct subid_owner_name name_nobody(const struct audit_shown *shown,
					   enum subid_kind kind, const struct bar *bar,
					   char buf[128])
{
	(void)shown, (void)kind, (void)bar, (void)buf;
	return (struct subid_owner_name){ .text = "", .len = 0 };
}

static int compare_bars(const void *a, const void *b)
{
	const struct bar *x = a, *y = b;

	if (x->range.start != y->range.start)
		return x->range.start < y->range.start ? -1 : 1;
	return x->range.count > y->range.count ? -1 : x->range.count < y->range.count;
}

static void sort_bars(struct lane *lane)
{
	if (lane->n > 1)
		qsort(lane->bars, lane->n, sizeof(*lane->bars), compare_bars);
}

static int add_bar(struct lane *lane, struct id_range range, size_t index)
{
	if (range.count == 0)
		return 0;
	if (array_grow(&lane->bars, lane->n, sizeof(*lane->bars)) < 0)
		return -ENOMEM;
	lane->bars[lane->n++] = (struct bar){ .range = range, .index = (uint32_t)index };
	return 0;
}

static int add_entries(struct picture *picture)
{
	const struct subid_table *table = picture->shown->input->tables[picture->kind];
	int r = 0;

	for (size_t i = 0; table != NULL && r == 0 && i < table->n; i++) {
		const struct subid_entry *entry = &table->entries[i];
		bool held = subid_owner_is_hold(subid_table_owner(table, entry),
						entry->owner_len);

		r = add_bar(&picture->lanes[held ? LANE_HELD : LANE_GRANTS], entry->range,
			    i);
	}
	return r;
}

/* What a user holds, into an empty set. */
static int add_held(const struct picture *picture, const char *user,
		    struct subid_set *ret)
{
	const struct audit_input *input = picture->shown->input;
	auto_owner struct subid_owner owner = { .has_account = false };
	int r = subid_owner_find(input->users, user, &owner);

	if (r < 0 || r == SUBID_INVALID)
		return r == -ENOMEM ? r : 0;
	return subid_table_owned(input->tables[picture->kind], owner.spellings, owner.n,
				 ret);
}

/* Threat: in a user's own store there may be anything; what the user does not hold is
 * not drawn. */
static int add_leases(struct picture *picture)
{
	const struct audit_input *input = picture->shown->input;
	size_t index = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < input->n_stores; i++) {
		const struct audit_store *store = &input->stores[i];
		auto_set struct subid_set held = { .n = 0 };

		if (store->user != NULL && input->tables[picture->kind] != NULL)
			r = add_held(picture, store->user, &held);
		for (size_t j = 0; r == 0 && j < store->leases.n; j++, index++) {
			const struct subid_lease *lease = &store->leases.list[j];

			if (lease->kind == picture->kind &&
			    (store->user == NULL ||
			     subid_set_contains(&held, lease->range)))
				r = add_bar(&picture->lanes[LANE_LEASES], lease->range,
					    index);
		}
	}
	return r;
}

static int add_accounts(struct picture *picture)
{
	auto_set struct subid_set ids = { .n = 0 };
	int r = subid_users_taken(picture->shown->input->users, picture->kind, &ids);

	for (size_t i = 0; r == 0 && i < ids.n; i++)
		r = add_bar(&picture->lanes[LANE_ACCOUNTS], ids.ranges[i], i);
	return r == -ENOMEM ? r : 0; /* failed look-ups are reported elsewhere */
}

static int add_live(struct picture *picture)
{
	const struct subid_live *live = picture->shown->input->live;
	int r = 0;

	/* the first is the host's own, which has every id */
	for (size_t i = 1; live != NULL && i < live->n; i++) {
		const struct subid_live_map *map = &live->userns[i].maps[picture->kind];

		for (size_t k = 0; r == 0 && k < map->n; k++)
			r = add_bar(&picture->lanes[LANE_LIVE], map->lines[k].outside, i);
	}
	return r;
}

/* What more than one of the bars have, which are sorted. */
static int find_shared(const struct lane *lane, struct subid_set *ret)
{
	struct id_range seen = { .count = 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < lane->n; i++) {
		r = subid_set_add(ret, id_range_common(seen, lane->bars[i].range));
		if (id_range_end(lane->bars[i].range) > id_range_end(seen))
			seen = lane->bars[i].range;
	}
	return r;
}

/* What more than one line has, or a line and an account, or two leases. */
static int add_shared(struct picture *picture)
{
	static const int lines[] = { LANE_GRANTS, LANE_HELD, LANE_ACCOUNTS };
	auto_set struct subid_set shared = { .n = 0 };
	struct lane all = { .n = 0 };
	int r = 0;

	for (size_t k = 0; k < sizeof(lines) / sizeof(lines[0]); k++)
		for (size_t i = 0; r == 0 && i < picture->lanes[lines[k]].n; i++)
			r = add_bar(&all, picture->lanes[lines[k]].bars[i].range, 0);
	sort_bars(&all);
	if (r == 0)
		r = find_shared(&all, &shared);
	free(all.bars);
	if (r == 0)
		r = find_shared(&picture->lanes[LANE_LEASES], &shared);
	subid_set_sort(&shared);
	for (size_t i = 0; r == 0 && i < shared.n; i++)
		r = add_bar(&picture->lanes[LANE_SHARED], shared.ranges[i], i);
	return r;
}

static int fill_lanes(struct picture *picture)
{
	struct lane *lanes = picture->lanes;
	int r;

	lanes[LANE_GRANTS] = (struct lane){ .label = "owners",
					    .of = "ranges",
					    .width_min = 1.5,
					    .name = name_entry,
					    .legend = true };
	lanes[LANE_LEASES] = (struct lane){ .label = "containers",
					    .of = "leases",
					    .width_min = 1.5,
					    .name = name_lease,
					    .nested = true };
	lanes[LANE_HELD] = (struct lane){ .label = "held",
					  .style = "held",
					  .of = "held ranges",
					  .width_min = 1.5,
					  .name = name_entry };
	lanes[LANE_ACCOUNTS] = (struct lane){
		.label = picture->kind == SUBID_UID ? "accounts" : "groups",
		.style = "account",
		.of = "runs of ids",
		.width_min = 1.5,
		.name = name_account,
	};
	lanes[LANE_LIVE] = (struct lane){ .label = "running",
					  .of = "maps",
					  .width_min = 1.5,
					  .name = name_userns,
					  .nested = true };
	lanes[LANE_SHARED] = (struct lane){
		.label = "shared",
		.style = "shared",
		.of = "shared ranges",
		.width_min = 3,
		.name = name_nobody,
		.trouble = true,
	};
	r = add_entries(picture);
	if (r == 0)
		r = add_leases(picture);
	if (r == 0)
		r = add_accounts(picture);
	if (r == 0)
		r = add_live(picture);
	for (size_t i = 0; i < LANES; i++)
		sort_bars(&lanes[i]);
	return r == 0 ? add_shared(picture) : r;
}

static int compare_bounds(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Where something begins or ends: the bars, and the window's ends. */
static uint64_t *find_bounds(const struct picture *picture, size_t *ret_n)
{
	const struct subid_window *window =
	    &picture->shown->input->policy->window[picture->kind];
	size_t n = 4, unique = 0;
	uint64_t *bounds;

	for (size_t lane = 0; lane < LANES; lane++)
		n += 2 * picture->lanes[lane].n;
	bounds = calloc(n, sizeof(*bounds));
	if (bounds == NULL)
		return NULL;
	n = 0;
	for (size_t lane = 0; lane < LANES; lane++) {
		for (size_t i = 0; i < picture->lanes[lane].n; i++) {
			bounds[n++] = picture->lanes[lane].bars[i].range.start;
			bounds[n++] = id_range_end(picture->lanes[lane].bars[i].range);
		}
	}
	bounds[n++] = window->min;
	bounds[n++] = window->min + 1ULL;
	bounds[n++] = window->max;
	bounds[n++] = window->max + 1ULL;
	qsort(bounds, n, sizeof(*bounds), compare_bounds);
	for (size_t i = 0; i < n; i++)
		if (unique == 0 || bounds[unique - 1] != bounds[i])
			bounds[unique++] = bounds[i];
	*ret_n = unique;
	return bounds;
}

static int make_axis(struct picture *picture)
{
	auto_free uint64_t *bounds = NULL;
	auto_set struct subid_set used = { .n = 0 };
	size_t n = 0;
	int r = 0;

	for (size_t lane = 0; lane < LANES; lane++)
		for (size_t i = 0; r == 0 && i < picture->lanes[lane].n; i++)
			r = subid_set_add(&used, picture->lanes[lane].bars[i].range);
	if (r == 0)
		bounds = find_bounds(picture, &n);
	if (bounds == NULL)
		return -ENOMEM;
	subid_set_sort(&used);
	picture->axis = make_pieces(bounds, n, &used, PICTURE_LEFT,
				    PICTURE_WIDTH - PICTURE_LEFT - PICTURE_RIGHT);
	return 0;
}

int picture_make(const struct audit_shown *shown, enum subid_kind kind,
		 struct picture *ret)
{
	int r;

	*ret = (struct picture){ .shown = shown, .kind = kind };
	r = fill_lanes(ret);
	return r == 0 ? make_axis(ret) : r;
}

void picture_free(struct picture *picture)
{
	for (size_t i = 0; i < LANES; i++)
		free(picture->lanes[i].bars);
}
