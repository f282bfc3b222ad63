/* SPDX-License-Identifier: MIT */
#include "tools/subid/directory.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static int parse_as(enum directory_question question, const char *text, size_t size,
		    struct directory_ranges *ret)
{
	struct subid_text bytes = { .bytes = malloc(size + 1), .size = size };

	assert_non_null(bytes.bytes);
	memcpy(bytes.bytes, text, size);
	bytes.bytes[size] = '\0';
	return directory_parse(question, &bytes, ret);
}

static int parse(const char *text, size_t size, struct directory_ranges *ret)
{
	return parse_as(DIRECTORY_LIST, text, size, ret);
}

static void test_right(void **state)
{
	static const char text[] = "bob uid 200000 265535 65536 granted\n"
				   "ann\\x20lee gid 100000 165535 65536 granted\n"
				   "!released uid 1 1 1 released\n"
				   "ann\\x20lee uid 100000 165535 65536 new\n";
	auto_directory struct directory_ranges ranges = { .n = 0 };
	const struct directory_range *found;
	size_t n;

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1, &ranges), 0);
	assert_int_equal(ranges.n, 3);
	found = directory_of(&ranges, "ann lee", &n);
	assert_non_null(found);
	assert_int_equal(n, 2);
	assert_int_equal(found[0].kind, SUBID_UID);
	assert_int_equal(found[0].range.start, 100000);
	assert_int_equal(found[1].kind, SUBID_GID);
	found = directory_of(&ranges, "bob", &n);
	assert_non_null(found);
	assert_int_equal(n, 1);
	assert_null(directory_of(&ranges, "bo", &n));
	assert_int_equal(n, 0);
	assert_null(directory_of(&ranges, "zoe", &n));
}

static void test_claims(void **state)
{
	static const char text[] = "- uid 200000 265535 65536 free\n"
				   "!released uid 1 1 1 released\n"
				   "ann\\x20lee uid 100000 165535 65536 granted\n";
	auto_directory struct directory_ranges ranges = { .n = 0 };

	(void)state;
	assert_int_equal(parse_as(DIRECTORY_CLAIMS, text, sizeof(text) - 1, &ranges), 0);
	assert_int_equal(ranges.n, 3);
	assert_int_equal(parse_as(DIRECTORY_CLAIMS, "a uid 1 1 0 x\n", 14, &ranges),
			 -EPROTO);
}

static void test_nothing(void **state)
{
	auto_directory struct directory_ranges ranges = { .n = 7 };
	size_t n;

	(void)state;
	assert_int_equal(parse("", 0, &ranges), 0);
	assert_int_equal(ranges.n, 0);
	assert_null(directory_of(&ranges, "alice", &n));
}

static void test_wrong(void **state)
{
	static const char *const texts[] = {
		"alice uid 1 1 1 granted",
		"alice uid 1 1 1\n",
		"alice uid 1 1 1 granted more\n",
		"alice pid 1 1 1 granted\n",
		"alice uid x 1 1 granted\n",
		"alice uid 1 1 0 granted\n",
		"alice uid 4294967295 1 1 granted\n",
		"alice uid 4294967290 1 65536 granted\n",
		"a\\x3ab uid 1 1 1 granted\n",
		"a\\x00 uid 1 1 1 granted\n",
		"a\\y uid 1 1 1 granted\n",
		"a\\x4 uid 1 1 1 granted\n",
		" uid 1 1 1 granted\n",
		"\n",
		"a\\x0ab uid 1 1 1 granted\n",
		"a uid 1 1 1 granted\nrubbish\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(texts); i++) {
		struct directory_ranges ranges = { .n = 7 };

		if (parse(texts[i], strlen(texts[i]), &ranges) != -EPROTO)
			fail_msg("taken: %s", texts[i]);
		assert_int_equal(ranges.n, 7);
	}
	{
		struct directory_ranges ranges = { .n = 7 };
		static const char nul[] = "a uid 1 1 1 granted\n\0b uid 1 1 1 granted\n";

		assert_int_equal(parse(nul, sizeof(nul) - 1, &ranges), -EPROTO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_claims),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
