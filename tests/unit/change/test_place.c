/* SPDX-License-Identifier: MIT */
/*
 * Where there is room for a grant or a lease.
 *
 * wrap: malloc realloc reallocarray
 */
#include "libsubid/change/private.h"

#include "inject.h"

FAULT(void *, NULL, malloc, (size_t size), (size))
FAULT(void *, NULL, realloc, (void *old, size_t size), (old, size))
FAULT(void *, NULL, reallocarray, (void *old, size_t n, size_t size), (old, n, size))

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define SMALL                                                                            \
	{                                                                                \
		100, 100                                                                 \
	}

/* What is asked of one kind, what is there, and what is not free. */
struct kind_case {
	bool asked;
	uint32_t count;
	struct id_range window;
	struct id_range has[2], taken[3], also[1];
};

#define ASKED .asked = true, .count = 10, .window = { 100, 100 }

static const struct {
	const char *what;
	struct kind_case kind[SUBID_KINDS];
	bool another;
	const char *places; /* or "full" */
} cases[] = {
	{ "both, and all is free",
	  { { ASKED }, { ASKED } },
	  false,
	  "uid 100:10 gid 100:10" },
	{ "the same numbers, at the first gap of both",
	  { { ASKED, .taken = { { 100, 15 } } }, { ASKED, .taken = { { 120, 10 } } } },
	  false,
	  "uid 130:10 gid 130:10" },
	{ "two places, as there is no one place",
	  { { ASKED, .taken = { { 100, 90 } } }, { ASKED, .taken = { { 110, 90 } } } },
	  false,
	  "uid 190:10 gid 100:10" },
	{ "no room for one of them",
	  { { ASKED, .taken = { { 105, 90 } } }, { ASKED } },
	  false,
	  "full" },
	{ "what is there is kept",
	  { { ASKED, .has = { { 150, 10 } } }, { ASKED, .has = { { 160, 10 } } } },
	  false,
	  "" },
	{ "what is there is enough in two pieces",
	  { { ASKED, .has = { { 150, 5 }, { 170, 5 } } },
	    { ASKED, .has = { { 150, 10 } } } },
	  false,
	  "" },
	{ "too little is there",
	  { { ASKED, .has = { { 150, 9 } }, .taken = { { 150, 9 } } },
	    { ASKED, .has = { { 150, 9 } }, .taken = { { 150, 9 } } } },
	  false,
	  "uid 100:10 gid 100:10" },
	{ "another",
	  { { ASKED, .has = { { 100, 10 } }, .taken = { { 100, 10 } } },
	    { ASKED, .has = { { 100, 10 } }, .taken = { { 100, 10 } } } },
	  true,
	  "uid 110:10 gid 110:10" },
	{ "the same numbers as the other kind has",
	  { { ASKED, .has = { { 150, 10 } }, .taken = { { 150, 10 } } }, { ASKED } },
	  false,
	  "gid 150:10" },
	{ "the same numbers, in two pieces",
	  { { ASKED, .has = { { 150, 5 }, { 170, 5 } } }, { ASKED } },
	  false,
	  "gid 150:5 gid 170:5" },
	{ "what is lacking of the same numbers",
	  { { ASKED, .has = { { 150, 10 } } }, { ASKED, .has = { { 155, 5 } } } },
	  false,
	  "gid 150:5" },
	{ "the same numbers are not free",
	  { { ASKED, .has = { { 150, 10 } } }, { ASKED, .taken = { { 159, 1 } } } },
	  false,
	  "gid 100:10" },
	{ "the same numbers are others' by convention",
	  { { ASKED, .has = { { 150, 10 } } }, { ASKED, .also = { { 150, 1 } } } },
	  false,
	  "gid 100:10" },
	{ "the same numbers are too few",
	  { { ASKED, .has = { { 150, 10 } } },
	    { .asked = true, .count = 11, .window = SMALL } },
	  false,
	  "gid 100:11" },
	{ "one kind alone leaves room for the other",
	  { { ASKED },
	    { .window = SMALL, .taken = { { 105, 1 } }, .has = { { 105, 1 } } } },
	  false,
	  "uid 106:10" },
	{ "one kind alone, and no place with room for the other",
	  { { ASKED, .taken = { { 100, 10 } } },
	    { .window = SMALL, .taken = { { 105, 95 } } } },
	  false,
	  "uid 110:10" },
	{ "the policy gives none of one kind",
	  { { ASKED }, { .asked = true, .window = SMALL } },
	  false,
	  "uid 100:10" },
	{ "windows with nothing in common",
	  { { ASKED }, { .asked = true, .count = 10, .window = { 500, 20 } } },
	  false,
	  "uid 100:10 gid 500:10" },
	{ "the last ids that there are",
	  { { .asked = true, .count = 10, .window = { 4294967285, 10 } },
	    { .asked = true, .count = 10, .window = { 4294967285, 10 } } },
	  false,
	  "uid 4294967285:10 gid 4294967285:10" },
	{ "nothing is asked for",
	  { { .window = SMALL }, { .window = SMALL } },
	  true,
	  "" },
};

/* The sets of a case. */
struct sets {
	struct subid_set has, taken, also;
};

static void fill(struct subid_set *set, const struct id_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(subid_set_insert(set, ranges[i]), 0);
}

static void make(const struct kind_case from[SUBID_KINDS], struct sets sets[SUBID_KINDS],
		 struct place places[SUBID_KINDS])
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		sets[kind] = (struct sets){ .has = { .n = 0 } };
		fill(&sets[kind].has, from[kind].has, ARRAY(from[kind].has));
		fill(&sets[kind].taken, from[kind].taken, ARRAY(from[kind].taken));
		fill(&sets[kind].also, from[kind].also, ARRAY(from[kind].also));
		places[kind] = (struct place){
			.asked = from[kind].asked,
			.count = from[kind].count,
			.window = from[kind].window,
			.has = &sets[kind].has,
			.taken = &sets[kind].taken,
			.also = sets[kind].also.n > 0 ? &sets[kind].also : NULL,
		};
	}
}

static void unmake(struct sets sets[SUBID_KINDS], struct place places[SUBID_KINDS])
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		subid_set_free(&sets[kind].has);
		subid_set_free(&sets[kind].taken);
		subid_set_free(&sets[kind].also);
	}
	places_free(places);
}

static const char *show(const struct place places[SUBID_KINDS], char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = '\0';
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_set *gives = &places[kind].gives;

		for (size_t i = 0; i < gives->n; i++)
			at += (size_t)snprintf(buf + at, size - at, "%s%s %u:%u",
					       at > 0 ? " " : "", subid_kind_name(kind),
					       gives->ranges[i].start,
					       gives->ranges[i].count);
	}
	return buf;
}

static int find(struct place places[SUBID_KINDS], bool another, struct place_hint *hint)
{
	int r;

	(void)places_need(places, another);
	r = places_like_other(places);
	return r == 0 ? places_in_gap(places, hint) : r;
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct place_hint hint = { .start = 0 };
		struct place places[SUBID_KINDS];
		struct sets sets[SUBID_KINDS];
		char got[200];

		/* a search with and without a hint finds the same */
		for (int with = 0; with < 2; with++) {
			int r;

			make(cases[i].kind, sets, places);
			r = find(places, cases[i].another, with ? &hint : NULL);
			if (strcmp(r == SUBID_FULL ? "full"
						   : show(places, got, sizeof(got)),
				   cases[i].places) != 0)
				fail_msg("%s: found %s (%d), not %s", cases[i].what, got,
					 r, cases[i].places);
			assert_true(r == 0 || r == SUBID_FULL);
			unmake(sets, places);
		}
	}
}

/* Many searches go on where the last one ended; for something else they begin anew. */
static void test_hint(void **state)
{
	static const struct {
		uint32_t count;
		const char *places;
	} searches[] = {
		{ 10, "uid 100:10 gid 100:10" }, { 10, "uid 115:10 gid 115:10" },
		{ 10, "uid 125:10 gid 125:10" }, { 5, "uid 110:5 gid 110:5" },
		{ 10, "uid 135:10 gid 135:10" }, { 60, "full" },
		{ 55, "uid 145:55 gid 145:55" }, { 1, "full" },
	};
	const struct kind_case one = { ASKED, .taken = { { 114, 1 } } };
	const struct kind_case both[SUBID_KINDS] = { one, one };
	struct place_hint hint = { .start = 0 };
	struct place places[SUBID_KINDS];
	struct sets sets[SUBID_KINDS];
	char got[200];

	(void)state;
	make(both, sets, places);
	/* the one id at 114 was somebody's and is nobody's now: below the hint */
	for (size_t i = 0; i < ARRAY(searches); i++) {
		int r;

		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
			places[kind].count = searches[i].count;
		if (i == 3)
			for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
				subid_set_free(&sets[kind].taken);
				fill(&sets[kind].taken,
				     (struct id_range[]){ { 100, 10 }, { 115, 20 } }, 2);
			}
		r = find(places, true, &hint);
		assert_string_equal(r == SUBID_FULL ? "full"
						    : show(places, got, sizeof(got)),
				    searches[i].places);
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			assert_int_equal(
			    subid_set_unite(&sets[kind].taken, &places[kind].gives), 0);
			subid_set_free(&places[kind].gives);
		}
	}
	unmake(sets, places);
}

static void test_is_free(void **state)
{
	const struct kind_case from[SUBID_KINDS] = {
		{ ASKED, .taken = { { 100, 10 } }, .also = { { 150, 10 } } },
		{ ASKED },
	};
	static const struct {
		struct id_range ids[2];
		bool free;
	} rows[] = {
		{ { { 110, 40 } }, true },
		{ { { 109, 1 } }, false },
		{ { { 110, 41 } }, false },
		{ { { 120, 1 }, { 159, 1 } }, false },
		{ { { 120, 1 }, { 160, 1 } }, true },
		{ { { 0, 0 } }, true },
	};
	struct place places[SUBID_KINDS];
	struct sets sets[SUBID_KINDS];

	(void)state;
	make(from, sets, places);
	for (size_t i = 0; i < ARRAY(rows); i++) {
		struct subid_set ids = { .n = 0 };

		fill(&ids, rows[i].ids, ARRAY(rows[i].ids));
		assert_int_equal(place_is_free(&places[SUBID_UID], &ids), rows[i].free);
		assert_true(place_is_free(&places[SUBID_GID], &ids));
		subid_set_free(&ids);
	}
	unmake(sets, places);
}

/* Out of memory at each call in turn: said, and nothing is found. */
static void test_memory(void **state)
{
	const struct kind_case from[SUBID_KINDS] = {
		{ ASKED, .has = { { 150, 10 } }, .taken = { { 150, 10 } } },
		{ ASKED, .taken = { { 155, 1 } } },
	};
	int r = -ENOMEM;

	(void)state;
	for (unsigned int turn = 1; r != 0; turn++) {
		struct place places[SUBID_KINDS];
		struct sets sets[SUBID_KINDS];

		make(from, sets, places);
		faults_arm(turn, ENOMEM);
		r = find(places, false, NULL);
		assert_int_equal(faults_disarm(), r != 0);
		if (r != 0)
			assert_int_equal(r, -ENOMEM);
		else
			assert_true(turn > 1);
		unmake(sets, places);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_hint),
		cmocka_unit_test(test_is_free),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
