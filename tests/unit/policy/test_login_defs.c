/* SPDX-License-Identifier: MIT */
#include "libsubid/policy/policy.h"

#include "support.h"

#define LAST	      4294967294U
#define NO_ID	      4294967295U
#define ARRAY(a)      (sizeof(a) / sizeof((a)[0]))
#define TEXT(literal) (literal), sizeof(literal) - 1

/* One number, to see whether a line is read as shadow's getdef.c reads it. */
static const struct {
	const char *text;
	size_t size;
	uint32_t min;
} numbers[] = {
	{ TEXT(""), 100000 },
	{ TEXT("SUB_UID_MIN 5\n"), 5 },
	{ TEXT("SUB_UID_MIN 5"), 5 },
	{ TEXT("SUB_UID_MIN\t\t   5\n"), 5 },
	{ TEXT("  \tSUB_UID_MIN 5\n"), 5 },
	{ TEXT("SUB_UID_MIN 5  \t \n"), 5 },
	{ TEXT("SUB_UID_MIN 5\r\n"), 5 },
	{ TEXT("SUB_UID_MIN \"5\"\n"), 5 },
	{ TEXT("SUB_UID_MIN \" 5\"\n"), 5 },
	{ TEXT("SUB_UID_MIN \"5\n"), 5 },
	{ TEXT("SUB_UID_MIN 5\"\n"), 5 },
	{ TEXT("SUB_UID_MIN \"5\" # was 6\n"), 5 }, /* the quote ends the value */
	{ TEXT("SUB_UID_MIN \"5\"6\n"), 5 },
	{ TEXT("SUB_UID_MIN 0\n"), 0 },
	{ TEXT("SUB_UID_MIN 00\n"), 0 },
	{ TEXT("SUB_UID_MIN 010\n"), 8 },
	{ TEXT("SUB_UID_MIN 0x10\n"), 16 },
	{ TEXT("SUB_UID_MIN 0X1f\n"), 31 },
	{ TEXT("SUB_UID_MIN 600100000\n"), 600100000 }, /* MIN = MAX */
	/* the last line wins */
	{ TEXT("SUB_UID_MIN 5\nSUB_UID_MIN 6\n"), 6 },
	{ TEXT("SUB_UID_MIN 6\n\n# x\nSUB_UID_MIN 5"), 5 },
	/* what is no line about it */
	{ TEXT("#SUB_UID_MIN 5\n"), 100000 },
	{ TEXT("# SUB_UID_MIN 5\n"), 100000 },
	{ TEXT("  # SUB_UID_MIN 5\n"), 100000 },
	{ TEXT("SUB_UID_MIN\n"), 100000 }, /* shadow: only one field */
	{ TEXT("SUB_UID_MIN   \n"), 100000 },
	{ TEXT("SUB_UID_MIN 5\nSUB_UID_MIN\n"), 5 },
	{ TEXT("sub_uid_min 5\n"), 100000 },
	{ TEXT("SUB_UID_MI 5\n"), 100000 },
	{ TEXT("SUB_UID_MINI 5\n"), 100000 },
	{ TEXT("XSUB_UID_MIN 5\n"), 100000 },
	{ TEXT("SUB_UID_MIN=5\n"), 100000 },
	{ TEXT("SUB_UID_MIN5\n"), 100000 },
	{ TEXT("\"SUB_UID_MIN\" 5\n"), 100000 },
	{ TEXT("MAIL_DIR /var/mail\nUMASK 022\n\n\n"), 100000 },
	{ TEXT("\0SUB_UID_MIN 5\n"), 100000 },
	/* the size counts, not what lies behind */
	{ "SUB_UID_MIN 56", 13, 5 },
};

static void test_numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(numbers); i++) {
		struct subid_policy policy = subid_policy_default, want = policy;
		struct subid_place place = { .line = 77 };
		int r =
		    subid_policy_parse(numbers[i].text, numbers[i].size, &policy, &place);

		if (r != 0 || policy.window[SUBID_UID].min != numbers[i].min)
			fail_msg("case %zu, \"%.*s\": answer %d, %u", i,
				 (int)numbers[i].size, numbers[i].text, r,
				 policy.window[SUBID_UID].min);
		/* and nothing else has changed */
		want.window[SUBID_UID].min = numbers[i].min;
		assert_memory_equal(&policy, &want, sizeof(policy));
		assert_int_equal(place.line, 77);
	}
}

static const struct {
	const char *text;
	bool yes;
} flags[] = {
	{ "SUB_UID_DETERMINISTIC yes\n", true },
	{ "SUB_UID_DETERMINISTIC YES\n", true },
	{ "SUB_UID_DETERMINISTIC Yes\r\n", true },
	{ "SUB_UID_DETERMINISTIC \"yes\"\n", true },
	{ "SUB_UID_DETERMINISTIC \"yes\" # until 2030\n", true },
	{ "SUB_UID_DETERMINISTIC no\n", false },
	{ "SUB_UID_DETERMINISTIC y\n", false },
	{ "SUB_UID_DETERMINISTIC yess\n", false },
	{ "SUB_UID_DETERMINISTIC yes please\n", false },
	{ "SUB_UID_DETERMINISTIC true\n", false },
	{ "SUB_UID_DETERMINISTIC 1\n", false },
	{ "SUB_UID_DETERMINISTIC \"\"\n", false },
	{ "SUB_UID_DETERMINISTIC\n", false },
	{ "#SUB_UID_DETERMINISTIC yes\n", false },
	{ "SUB_UID_DETERMINISTIC yes\nSUB_UID_DETERMINISTIC no\n", false },
	{ "SUB_UID_DETERMINISTIC no\nSUB_UID_DETERMINISTIC yes\n", true },
	{ "SUB_UID_DETERMINISTIC yes\nSUB_UID_DETERMINISTIC\n", true },
	{ "SUB_UID_DETERMINISTIC yes\nSUB_UID_DETERMINISTIC \"\"\n", false },
};

static void test_flags(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(flags); i++) {
		struct subid_policy policy = subid_policy_default;
		struct subid_place place;
		int r = subid_policy_parse(flags[i].text, strlen(flags[i].text), &policy,
					   &place);

		if (r != 0 || policy.window[SUBID_UID].deterministic != flags[i].yes)
			fail_msg("\"%s\": answer %d, %d", flags[i].text, r,
				 policy.window[SUBID_UID].deterministic);
	}
}

/* Each key reaches its own field. */
static void test_all_keys(void **state)
{
	static const char text[] = "SUB_UID_MIN 11\nSUB_UID_MAX 12\nSUB_UID_COUNT 13\n"
				   "SUB_UID_DETERMINISTIC yes\n"
				   "SUB_UID_STORE_BY_UID no\n"
				   "UNSAFE_SUB_UID_DETERMINISTIC_WRAP yes\n"
				   "SUB_GID_MIN 21\nSUB_GID_MAX 22\nSUB_GID_COUNT 23\n"
				   "SUB_GID_DETERMINISTIC no\n"
				   "SUB_GID_STORE_BY_UID yes\n"
				   "UNSAFE_SUB_GID_DETERMINISTIC_WRAP no\n"
				   "UID_MIN 31\nUID_MAX 32\n"
				   "GID_MIN 41\nGID_MAX 42\nGRANT_AUX_GROUP_SUBIDS yes\n";
	struct subid_policy policy = subid_policy_default;
	struct subid_window uid, gid;
	struct subid_place place;

	(void)state;
	assert_int_equal(subid_policy_parse(text, sizeof(text) - 1, &policy, &place), 0);
	uid = policy.window[SUBID_UID];
	gid = policy.window[SUBID_GID];
	assert_int_equal(uid.min, 11);
	assert_int_equal(uid.max, 12);
	assert_int_equal(uid.count, 13);
	assert_true(uid.deterministic && uid.wrap && !uid.store_by_uid);
	assert_int_equal(gid.min, 21);
	assert_int_equal(gid.max, 22);
	assert_int_equal(gid.count, 23);
	assert_true(!gid.deterministic && !gid.wrap && gid.store_by_uid);
	assert_int_equal(policy.uid_min, 31);
	assert_int_equal(policy.uid_max, 32);
	assert_int_equal(policy.gid_min, 41);
	assert_int_equal(policy.gid_max, 42);
	assert_true(policy.grant_aux_group_subids);
}

static void test_defaults(void **state)
{
	(void)state;
	for (int kind = 0; kind < SUBID_KINDS; kind++) {
		struct subid_window window = subid_policy_default.window[kind];

		assert_int_equal(window.min, 100000);
		assert_int_equal(window.max, 600100000);
		assert_int_equal(window.count, 65536);
		assert_false(window.deterministic || window.wrap || window.store_by_uid);
	}
	assert_int_equal(subid_policy_default.uid_min, 1000);
	assert_int_equal(subid_policy_default.uid_max, 60000);
	assert_int_equal(subid_policy_default.gid_min, 1000);
	assert_int_equal(subid_policy_default.gid_max, 60000);
	assert_false(subid_policy_default.grant_aux_group_subids);
}

/* What cannot be meant: the line and key of it, and nothing read. */
static const struct {
	const char *text;
	size_t line;
	const char *key;
} invalid[] = {
	{ "SUB_UID_MIN five\n", 1, "SUB_UID_MIN" },
	{ "SUB_UID_MIN -5\n", 1, "SUB_UID_MIN" },
	{ "SUB_UID_MIN +5\n", 1, "SUB_UID_MIN" },
	{ "SUB_UID_MIN 5x\n", 1, "SUB_UID_MIN" },
	{ "SUB_UID_MIN 5 6\n", 1, "SUB_UID_MIN" },
	{ "SUB_UID_MIN 5 # five\n", 1, "SUB_UID_MIN" },
	{ "SUB_UID_MIN \"\"\n", 1, "SUB_UID_MIN" },
	{ "SUB_UID_MIN 0x\n", 1, "SUB_UID_MIN" },
	{ "SUB_UID_MIN 08\n", 1, "SUB_UID_MIN" },
	{ "SUB_UID_MIN 4294967296\n", 1, "SUB_UID_MIN" },
	{ "SUB_UID_MIN 18446744073709551617\n", 1, "SUB_UID_MIN" },
	{ "SUB_UID_MIN 99999999999999999999999999999999999999\n", 1, "SUB_UID_MIN" },
	{ "SUB_UID_MIN 0000000000000000000000000000000000000005\n", 1, "SUB_UID_MIN" },
	{ "# x\n\nSUB_GID_COUNT many\nUID_MIN few\n", 3, "SUB_GID_COUNT" },
	{ "SUB_UID_MAX x\nSUB_UID_MAX 5\n", 1,
	  "SUB_UID_MAX" }, /* the first that is wrong */
	{ "UID_MIN 5\nUID_MAX \"60000 \"x\nUID_MAX ten", 3, "UID_MAX" },
	{ "SUB_UID_MIN 1000\nSUB_UID_MAX 999\n", 0, "SUB_UID_MIN" },
	{ "SUB_GID_MIN 600100001\n", 0, "SUB_GID_MIN" },
	{ "SUB_UID_MAX 99999\n", 0, "SUB_UID_MIN" },
	{ "SUB_UID_MIN 4294967295\nSUB_UID_MAX 4294967295\n", 0, "SUB_UID_MIN" },
};

/* To useradd the id that is none is the end of the window, and so it is to us. */
static void test_beyond(void **state)
{
	static const char text[] = "SUB_GID_MAX 0xffffffff\nSUB_UID_MAX 4294967294\n";
	struct subid_policy policy = subid_policy_default;
	struct subid_place place;

	(void)state;
	assert_int_equal(subid_policy_parse(text, strlen(text), &policy, &place), 0);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		assert_int_equal(policy.window[kind].max, NO_ID - 1);
		assert_int_equal(policy.window[kind].beyond, kind == SUBID_GID);
	}
}

static void test_invalid(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(invalid); i++) {
		struct subid_policy policy = { .uid_min = 77 }, before;
		struct subid_place place = { .line = 77 };
		int r;

		/* the text is about the usual values */
		policy = subid_policy_default;
		before = policy;
		r = subid_policy_parse(invalid[i].text, strlen(invalid[i].text), &policy,
				       &place);
		if (r != SUBID_INVALID || place.line != invalid[i].line ||
		    strcmp(place.key, invalid[i].key) != 0 || place.why == NULL ||
		    place.why[0] == '\0')
			fail_msg("\"%s\": answer %d, line %zu, key %s", invalid[i].text,
				 r, place.line, place.key);
		assert_memory_equal(&policy, &before, sizeof(policy));
	}
}

/* The edges of a window, and a window that is not used. */
static void test_windows(void **state)
{
	static const char *const texts[] = {
		"SUB_UID_MAX 4294967294\nSUB_GID_MAX 4294967294\n",
		"SUB_UID_MIN 4294967294\nSUB_UID_MAX 4294967294\n",
		"SUB_UID_MIN 100000\nSUB_UID_MAX 100000\n",
		"SUB_UID_MIN 0\nSUB_UID_MAX 0\n",
		"SUB_UID_COUNT 0\nSUB_UID_MIN 5\nSUB_UID_MAX 4\n",
		"SUB_UID_COUNT 0\nSUB_UID_MAX 4294967295\n",
		"SUB_UID_COUNT 4294967295\n",
		"SUB_UID_MIN 6\nSUB_UID_MAX 5\nSUB_UID_MIN 5\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(texts); i++) {
		struct subid_policy policy = subid_policy_default;
		struct subid_place place;

		if (subid_policy_parse(texts[i], strlen(texts[i]), &policy, &place) != 0)
			fail_msg("\"%s\": line %zu, %s %s", texts[i], place.line,
				 place.key, place.why);
	}
}

static void test_load(void **state)
{
	int etc = etc_of(state);
	struct subid_policy policy = { .uid_min = 77 };
	struct subid_place place = { .line = 77 };

	/* without the file */
	assert_int_equal(subid_policy_load(etc, true, &policy, &place), 0);
	assert_memory_equal(&policy, &subid_policy_default, sizeof(policy));
	/* what it does not say is the default, whatever was there before */
	policy.uid_min = policy.uid_max = 77;
	put_file(etc, "login.defs", "UID_MAX 5000\n");
	assert_int_equal(subid_policy_load(etc, true, &policy, &place), 0);
	assert_int_equal(policy.uid_min, 1000);
	assert_int_equal(policy.uid_max, 5000);
	assert_int_equal(place.line, 77);
	/* wrong */
	put_file(etc, "login.defs", "UID_MAX 4000\nUID_MIN x\n");
	assert_int_equal(subid_policy_load(etc, true, &policy, &place), SUBID_INVALID);
	assert_int_equal(policy.uid_max, 5000);
	assert_int_equal(place.line, 2);
	assert_string_equal(place.key, "UID_MIN");
	/* behind a link, as distributions with a read-only /etc have it */
	put_file(etc, "real", "UID_MAX 3000\n");
	assert_int_equal(unlinkat(etc, "login.defs", 0), 0);
	assert_int_equal(symlinkat("real", etc, "login.defs"), 0);
	assert_int_equal(subid_policy_load(etc, true, &policy, &place), 0);
	assert_int_equal(policy.uid_max, 3000);
	/* which in an image may lead out of it */
	policy.uid_max = 77;
	assert_int_equal(subid_policy_load(etc, false, &policy, &place), -ELOOP);
	assert_int_equal(policy.uid_max, 77);
	policy.uid_max = 3000;
	/* elsewhere, and that is not there */
	assert_int_equal(unlinkat(etc, "real", 0), 0);
	assert_int_equal(subid_policy_load(etc, true, &policy, &place), -ENOLINK);
	assert_int_equal(policy.uid_max, 3000);
	/* not to be read: no policy, rather than the default */
	assert_int_equal(unlinkat(etc, "login.defs", 0), 0);
	put_dir(etc, "login.defs");
	assert_int_equal(subid_policy_load(etc, true, &policy, &place), -EINVAL);
	assert_int_equal(policy.uid_max, 3000);
}

#define USUAL 1000, 100000, 600100000, 65536

static const struct {
	uint32_t uid_min, min, max, count;
	bool wrap;
	uint32_t uid;
	int answer;
	uint32_t start;
} places[] = {
	{ USUAL, false, 999, SUBID_OFF, 0 },
	{ USUAL, false, 0, SUBID_OFF, 0 },
	{ USUAL, true, 999, SUBID_OFF, 0 },
	{ USUAL, false, 1000, 0, 100000 },
	{ USUAL, false, 1001, 0, 165536 },
	{ USUAL, false, 60000, SUBID_FULL, 0 },
	/* (600100000 - 100000 + 1) / 65536 = 9155 places */
	{ USUAL, false, 1000 + 9154, 0, 100000 + 9154 * 65536 },
	{ USUAL, false, 1000 + 9155, SUBID_FULL, 0 },
	{ USUAL, true, 1000 + 9154, 0, 100000 + 9154 * 65536 },
	{ USUAL, true, 1000 + 9155, 0, 100000 },
	{ USUAL, true, 1000 + 9156, 0, 165536 },
	{ USUAL, true, 1000 + 2 * 9155, 0, 100000 },
	{ USUAL, false, NO_ID, SUBID_FULL, 0 },
	{ USUAL, true, NO_ID, 0, 100000 + (NO_ID - 1000U) % 9155 * 65536 },
	/* a place that just fits, and one id too few */
	{ 1000, 100, 109, 10, false, 1000, 0, 100 },
	{ 1000, 100, 108, 10, false, 1000, SUBID_FULL, 0 },
	{ 1000, 100, 108, 10, true, 1000, SUBID_FULL, 0 },
	{ 1000, 100, 119, 10, false, 1001, 0, 110 },
	{ 1000, 100, 118, 10, false, 1001, SUBID_FULL, 0 },
	{ 1000, 100, 118, 10, true, 1001, 0, 100 },
	/* MIN = MAX */
	{ 1000, 100, 100, 1, false, 1000, 0, 100 },
	{ 1000, 100, 100, 1, false, 1001, SUBID_FULL, 0 },
	{ 1000, 100, 100, 1, true, 1001, 0, 100 },
	{ 1000, 100, 100, 2, false, 1000, SUBID_FULL, 0 },
	/* no ids at all */
	{ 1000, 100, 100, 0, false, 1000, SUBID_OFF, 0 },
	{ 1000, 100, 100, 0, true, 999, SUBID_OFF, 0 },
	/* sums that would not fit in 32 bits */
	{ 0, 0, LAST, NO_ID, false, 0, 0, 0 },
	{ 0, 0, LAST, NO_ID, false, 1, SUBID_FULL, 0 },
	{ 0, 0, LAST, 1, false, LAST, 0, LAST },
	{ 0, 0, LAST, 1, false, NO_ID, SUBID_FULL, 0 },
	{ 0, 0, LAST, 1, true, NO_ID, 0, 0 },
	{ 0, 1, LAST, 65536, false, 65534, 0, 1 + 65534U * 65536 },
	{ 0, 1, LAST, 65536, false, 65535, SUBID_FULL, 0 },
	{ 0, 0, LAST, 65536, false, 65536, SUBID_FULL, 0 }, /* 2^32 ids further */
	{ 0, LAST, LAST, 1, false, 0, 0, LAST },
	{ NO_ID, 100, 109, 10, false, NO_ID, 0, 100 },
	{ NO_ID, 100, 109, 10, false, LAST, SUBID_OFF, 0 },
};

/* For each kind by its own window: the other one has none. */
static void test_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY(places); i++) {
		enum subid_kind kind = i % 2 == 0 ? SUBID_UID : SUBID_GID;
		struct subid_policy policy = { .uid_min = places[i / 2].uid_min };
		struct id_range want = { places[i / 2].start, places[i / 2].count };
		struct id_range got = { 77, 77 };
		int r;

		policy.window[kind] = (struct subid_window){
			.min = places[i / 2].min,
			.max = places[i / 2].max,
			.count = places[i / 2].count,
			.wrap = places[i / 2].wrap,
		};
		r = subid_policy_place(&policy, kind, places[i / 2].uid, &got);
		if (r != 0)
			want = (struct id_range){ 77, 77 };
		if (r != places[i / 2].answer || !id_range_equal(got, want))
			fail_msg("case %zu, %s, uid %u: answer %d, %u:%u", i / 2,
				 subid_kind_name(kind), places[i / 2].uid, r, got.start,
				 got.count);
	}
}

/* Ids of others, their first and last, and those beside them. */
static void test_reserved(void **state)
{
	static const struct {
		uint32_t id;
		bool is_reserved;
	} ids[] = {
		{ 0, true },	       { 1, false },	     { 1000, false },
		{ 60000, false },      { 60001, true },	     { 60513, true },
		{ 60514, true },       { 60577, true },	     { 60578, true },
		{ 60705, true },       { 60706, false },     { 61183, false },
		{ 61184, true },       { 65519, true },	     { 65520, false },
		{ 65533, false },      { 65534, true },	     { 65535, true },
		{ 65536, false },      { 100000, false },    { 524288, false },
		{ 2147352575, false }, { 2147352576, true }, { 2147418111, true },
		{ 2147418112, false }, { LAST, false },
	};
	size_t n = 0;
	const struct subid_reserved *rows = subid_reserved(&n);

	(void)state;
	assert_true(n > 0);
	for (size_t i = 0; i < ARRAY(ids); i++) {
		struct id_range id = { ids[i].id, 1 };
		bool found = false;

		for (size_t k = 0; k < n; k++)
			found |=
			    !rows[k].conventional && id_range_contains(rows[k].range, id);
		if (found != ids[i].is_reserved)
			fail_msg("%u: reserved %d", ids[i].id, found);
	}
	for (size_t k = 0; k < n; k++) {
		assert_true(id_range_valid(rows[k].range));
		assert_true(strlen(rows[k].by) > 0);
	}
}

static void test_names_of_kinds(void **state)
{
	(void)state;
	assert_string_equal(subid_kind_name(SUBID_UID), "uid");
	assert_string_equal(subid_kind_name(SUBID_GID), "gid");
	assert_string_equal(subid_kind_table(SUBID_UID), "subuid");
	assert_string_equal(subid_kind_table(SUBID_GID), "subgid");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),	       cmocka_unit_test(test_flags),
		cmocka_unit_test(test_all_keys),       cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_beyond),	       cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_windows),	       scratch_test(test_load),
		cmocka_unit_test(test_place),	       cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_names_of_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
