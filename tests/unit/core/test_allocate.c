/* SPDX-License-Identifier: MIT */
#include "libsubid/change/change.h"
#include "libsubid/core/range.h"

#include "model.h"

#define LAST	 4294967294U
#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define FULL	 UINT32_MAX /* no id: there is no room */

/* What is asked of one kind, and what is taken there. */
struct kind_case {
	struct id_range taken[3];
	struct id_range window;
	uint32_t count;
};

/* login.defs' window, SUB_UID_MIN to SUB_UID_MAX. */
#define USUAL                                                                            \
	{                                                                                \
		100000, 600000001                                                        \
	}
#define NOTHING                                                                          \
	{                                                                                \
		{                                                                        \
			0, 0                                                             \
		}                                                                        \
	}

static const struct {
	const char *name;
	struct kind_case kind[SUBID_KINDS];
	uint32_t from;
	uint32_t start; /* or FULL */
} cases[] = {
	/* the cases of shadow's tests/subids, by their numbers */
	{ "02 empty",
	  { { NOTHING, USUAL, 65536 }, { NOTHING, USUAL, 65536 } },
	  0,
	  100000 },
	{ "05 gap at the start",
	  { { { { 110000, 10000 } }, USUAL, 10000 },
	    { { { 110000, 10000 } }, USUAL, 10000 } },
	  0,
	  100000 },
	{ "06 gap in the middle",
	  { { { { 100000, 100000 }, { 210000, 10000 } }, USUAL, 10000 },
	    { { { 100000, 100000 }, { 210000, 10000 } }, USUAL, 10000 } },
	  0,
	  200000 },
	{ "07 gap at the end",
	  { { { { 100000, 599990001 } }, USUAL, 10000 },
	    { { { 100000, 599990001 } }, USUAL, 10000 } },
	  0,
	  600090001 },
	{ "08 no subuids",
	  { { { { 109999, 600100000 } }, USUAL, 10000 },
	    { { { 110000, 600100000 } }, USUAL, 10000 } },
	  0,
	  FULL },
	{ "09 no subgids",
	  { { { { 110000, 600100000 } }, USUAL, 10000 },
	    { { { 109999, 600100000 } }, USUAL, 10000 } },
	  0,
	  FULL },
	{ "08, 09 with room for both",
	  { { { { 110000, 600100000 } }, USUAL, 10000 },
	    { { { 110000, 600100000 } }, USUAL, 10000 } },
	  0,
	  100000 },
	{ "14 window smaller than the count",
	  { { NOTHING, { 100000, 1 }, 2 }, { NOTHING, { 100000, 1 }, 2 } },
	  0,
	  FULL },
	{ "18 one id, one wanted",
	  { { NOTHING, { 100000, 1 }, 1 }, { NOTHING, { 100000, 1 }, 1 } },
	  0,
	  100000 },
	{ "18 one id, taken",
	  { { { { 100000, 1 } }, { 100000, 1 }, 1 }, { NOTHING, { 100000, 1 }, 1 } },
	  0,
	  FULL },
	{ "63, 64 lines behind the window",
	  { { { { 100000, 599990001 }, { 600100002, 10000 } }, USUAL, 10000 },
	    { { { 100000, 599990001 } }, USUAL, 10000 } },
	  0,
	  600090001 },
	{ "65 subuids alone, lines before the window",
	  { { { { 90000, 5000 } }, USUAL, 10000 }, { NOTHING, USUAL, 0 } },
	  0,
	  100000 },
	{ "65 subgids alone",
	  { { NOTHING, USUAL, 0 }, { { { 100000, 599990001 } }, USUAL, 10000 } },
	  0,
	  600090001 },
	{ "65 the same numbers of both",
	  { { { { 90000, 5000 } }, USUAL, 10000 },
	    { { { 100000, 599990001 } }, USUAL, 10000 } },
	  0,
	  600090001 },

	/* edges of the window and of what is taken */
	{ "no kind", { { NOTHING, USUAL, 0 }, { NOTHING, USUAL, 0 } }, 0, FULL },
	{ "the whole window",
	  { { { { 99, 1 }, { 110, 1 } }, { 100, 10 }, 10 }, { NOTHING, USUAL, 0 } },
	  0,
	  100 },
	{ "one more than the window",
	  { { NOTHING, { 100, 10 }, 11 }, { NOTHING, USUAL, 0 } },
	  0,
	  FULL },
	{ "first id taken",
	  { { { { 90, 11 } }, { 100, 10 }, 9 }, { NOTHING, USUAL, 0 } },
	  0,
	  101 },
	{ "first id taken, too little left",
	  { { { { 90, 11 } }, { 100, 10 }, 10 }, { NOTHING, USUAL, 0 } },
	  0,
	  FULL },
	{ "last id taken",
	  { { { { 109, 5 } }, { 100, 10 }, 9 }, { NOTHING, USUAL, 0 } },
	  0,
	  100 },
	{ "last id taken, too little left",
	  { { { { 109, 5 } }, { 100, 10 }, 10 }, { NOTHING, USUAL, 0 } },
	  0,
	  FULL },
	{ "gap one too small, then one that fits",
	  { { { { 104, 2 }, { 110, 2 } }, { 100, 17 }, 5 }, { NOTHING, USUAL, 0 } },
	  0,
	  112 },
	{ "gap that just fits",
	  { { { { 104, 2 }, { 111, 2 } }, { 100, 17 }, 5 }, { NOTHING, USUAL, 0 } },
	  0,
	  106 },
	{ "one range over the whole window",
	  { { { { 0, LAST } }, { 100, 10 }, 1 }, { NOTHING, USUAL, 0 } },
	  0,
	  FULL },
	{ "id 0", { { NOTHING, { 0, 1 }, 1 }, { NOTHING, { 0, 1 }, 1 } }, 0, 0 },
	{ "empty window",
	  { { NOTHING, { 100, 0 }, 1 }, { NOTHING, USUAL, 0 } },
	  0,
	  FULL },
	{ "the last id",
	  { { { { 0, LAST } }, { 0, UINT32_MAX }, 1 }, { NOTHING, USUAL, 0 } },
	  0,
	  LAST },
	{ "all ids",
	  { { NOTHING, { 0, UINT32_MAX }, UINT32_MAX }, { NOTHING, USUAL, 0 } },
	  0,
	  0 },
	{ "all ids but one",
	  { { { { 0, 1 } }, { 0, UINT32_MAX }, UINT32_MAX }, { NOTHING, USUAL, 0 } },
	  0,
	  FULL },
	{ "a sum beyond 32 bits",
	  { { { { 4294967200U, 1 } }, { 4294967000U, 295 }, 200 },
	    { NOTHING, USUAL, 0 } },
	  4294967200U,
	  FULL },

	/* two kinds that differ */
	{ "windows that share one place",
	  { { NOTHING, { 100, 20 }, 10 }, { NOTHING, { 110, 20 }, 10 } },
	  0,
	  110 },
	{ "windows that share too little",
	  { { NOTHING, { 100, 20 }, 10 }, { NOTHING, { 111, 20 }, 10 } },
	  0,
	  FULL },
	{ "windows apart",
	  { { NOTHING, { 100, 20 }, 1 }, { NOTHING, { 200, 20 }, 1 } },
	  0,
	  FULL },
	{ "counts that differ",
	  { { { { 110, 10 } }, { 100, 100 }, 10 }, { { { 115, 1 } }, { 100, 100 }, 20 } },
	  0,
	  120 },
	{ "the larger count decides at the end",
	  { { NOTHING, { 100, 100 }, 10 }, { { { 100, 81 } }, { 100, 100 }, 20 } },
	  0,
	  FULL },
	{ "gaps in turn",
	  { { { { 100, 10 }, { 120, 10 }, { 140, 10 } }, { 100, 100 }, 10 },
	    { { { 110, 10 }, { 130, 10 }, { 150, 10 } }, { 100, 100 }, 10 } },
	  0,
	  160 },
	{ "one kind's room is the other's wall",
	  { { { { 100, 50 } }, { 100, 100 }, 10 },
	    { { { 150, 50 } }, { 100, 100 }, 10 } },
	  0,
	  FULL },

	/* from a place on */
	{ "from below the window",
	  { { NOTHING, { 100, 50 }, 10 }, { NOTHING, { 100, 50 }, 10 } },
	  99,
	  100 },
	{ "from within it",
	  { { NOTHING, { 100, 50 }, 10 }, { NOTHING, { 100, 50 }, 10 } },
	  101,
	  101 },
	{ "from the last place",
	  { { NOTHING, { 100, 50 }, 10 }, { NOTHING, { 100, 50 }, 10 } },
	  140,
	  140 },
	{ "from behind the last place",
	  { { NOTHING, { 100, 50 }, 10 }, { NOTHING, { 100, 50 }, 10 } },
	  141,
	  FULL },
	{ "from behind the window",
	  { { NOTHING, { 100, 50 }, 10 }, { NOTHING, { 100, 50 }, 10 } },
	  UINT32_MAX,
	  FULL },
	{ "from inside a taken range",
	  { { { { 100, 10 }, { 111, 5 } }, { 100, 50 }, 10 }, { NOTHING, USUAL, 0 } },
	  105,
	  116 },
	{ "from its last id",
	  { { { { 100, 10 } }, { 100, 50 }, 10 }, { NOTHING, USUAL, 0 } },
	  109,
	  110 },
	{ "from right behind it",
	  { { { { 100, 10 } }, { 100, 50 }, 10 }, { NOTHING, USUAL, 0 } },
	  110,
	  110 },
	{ "from right before a taken range",
	  { { { { 110, 10 } }, { 100, 50 }, 10 }, { NOTHING, USUAL, 0 } },
	  100,
	  100 },
};

static int find(const struct kind_case kinds[SUBID_KINDS], uint32_t from,
		uint32_t *ret_start)
{
	auto_set struct subid_set uids = { .ranges = NULL }, gids = uids;
	struct subid_set *taken[SUBID_KINDS] = { &uids, &gids };
	struct subid_want want[SUBID_KINDS];

	for (int kind = 0; kind < SUBID_KINDS; kind++) {
		for (size_t i = 0; i < ARRAY(kinds[kind].taken); i++)
			assert_int_equal(
			    subid_set_insert(taken[kind], kinds[kind].taken[i]), 0);
		want[kind] = (struct subid_want){
			.taken = taken[kind],
			.window = kinds[kind].window,
			.count = kinds[kind].count,
		};
	}
	return subid_find_gap(want, from, ret_start);
}

/* Each case as it is, and with the kinds exchanged. */
static void test_find_gap(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY(cases); i++) {
		const struct kind_case *kind = cases[i / 2].kind;
		struct kind_case kinds[SUBID_KINDS] = { kind[i % 2], kind[1 - i % 2] };
		uint32_t want = cases[i / 2].start, start = FULL;
		int r = find(kinds, cases[i / 2].from, &start);

		/* an answer of no leaves the output alone */
		if (r != (want == FULL ? SUBID_FULL : 0) || start != want)
			fail_msg("%s, %s first: answer %d, %u", cases[i / 2].name,
				 i % 2 == 0 ? "uid" : "gid", r, start);
	}
}

/* A kind that is not wanted needs no set. */
static void test_kind_not_wanted(void **state)
{
	const struct subid_set none = { .ranges = NULL };
	const struct subid_want uids[SUBID_KINDS] = {
		[SUBID_UID] = { .taken = &none, .window = { 5, 5 }, .count = 5 },
	};
	const struct subid_want gids[SUBID_KINDS] = {
		[SUBID_GID] = { .taken = &none, .window = { 6, 5 }, .count = 5 },
	};
	uint32_t start = 0;

	(void)state;
	assert_int_equal(subid_find_gap(uids, 0, &start), 0);
	assert_int_equal(start, 5);
	assert_int_equal(subid_find_gap(gids, 0, &start), 0);
	assert_int_equal(start, 6);
}

/* The answer by trying each id in turn. */
struct plain_want {
	struct model taken;
	struct id_range window;
	uint32_t count;
};

static bool has_room(const struct plain_want *want, uint64_t start)
{
	if (want->count == 0)
		return true;
	if (start < want->window.start ||
	    start + want->count > (uint64_t)want->window.start + want->window.count)
		return false;
	for (uint64_t id = start; id < start + want->count; id++)
		if (id - want->taken.base < MODEL_IDS &&
		    want->taken.has[id - want->taken.base])
			return false;
	return true;
}

static uint32_t try_each(const struct plain_want want[SUBID_KINDS], uint32_t from,
			 uint32_t base)
{
	if (want[SUBID_UID].count == 0 && want[SUBID_GID].count == 0)
		return FULL;
	for (uint64_t id = from > base ? from : base; id < (uint64_t)base + MODEL_IDS;
	     id++)
		if (has_room(&want[SUBID_UID], id) && has_room(&want[SUBID_GID], id))
			return (uint32_t)id;
	return FULL;
}

static void draw_want(struct draw *numbers, uint32_t base, struct plain_want *plain,
		      struct subid_set *taken, struct subid_want *want)
{
	uint32_t first = draw(numbers, MODEL_IDS / 2), n = draw(numbers, 7);

	*plain = (struct plain_want){
		.taken = { .base = base },
		.window = { base + first, draw(numbers, MODEL_IDS - first + 1) },
		.count = draw(numbers, 12),
	};
	while (n-- > 0) {
		struct id_range r = draw_range(numbers, base, 7);

		model_put(&plain->taken, r, true);
		assert_int_equal(subid_set_insert(taken, r), 0);
	}
	*want = (struct subid_want){
		.taken = taken,
		.window = plain->window,
		.count = plain->count,
	};
}

static void test_find_gap_against_model(void **state)
{
	struct draw numbers = { .state = 31415926 };
	unsigned int found = 0, full = 0;

	(void)state;
	for (unsigned int turn = 0; turn < 40000; turn++) {
		uint32_t base = model_bases[turn % MODEL_BASES], from, start = FULL;
		auto_set struct subid_set uids = { .ranges = NULL }, gids = uids;
		struct plain_want plain[SUBID_KINDS];
		struct subid_want want[SUBID_KINDS];
		uint32_t expected;
		int r;

		draw_want(&numbers, base, &plain[SUBID_UID], &uids, &want[SUBID_UID]);
		draw_want(&numbers, base, &plain[SUBID_GID], &gids, &want[SUBID_GID]);
		from = draw(&numbers, 3) == 0 ? base + draw(&numbers, MODEL_IDS) : 0;
		expected = try_each(plain, from, base);
		r = subid_find_gap(want, from, &start);
		if (r != (expected == FULL ? SUBID_FULL : 0) || start != expected)
			fail_msg("turn %u: from %u, %u of %u:%u and %u of %u:%u: answer "
				 "%d, %u instead of %u",
				 turn, from, want[0].count, want[0].window.start,
				 want[0].window.count, want[1].count,
				 want[1].window.start, want[1].window.count, r, start,
				 expected);
		found += r == 0;
		full += r != 0;
	}
	assert_true(found > 5000);
	assert_true(full > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find_gap),
		cmocka_unit_test(test_kind_not_wanted),
		cmocka_unit_test(test_find_gap_against_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
