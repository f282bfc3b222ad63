/* SPDX-License-Identifier: MIT */
#include "libsubid/runtimes/private.h"
#include "support.h"

/* Tokens, one letter each: { } [ ] k(ey) s(tring) n(umber) w(ord) . ! (bad) */
static const struct {
	const char *text, *tokens;
} rows[] = {
	{ "{}", "{}." },
	{ " [ ]\n", "[]." },
	{ "1", "n." },
	{ "\"a\"", "s." },
	{ "null", "w." },
	{ "{\"a\":1,\"b\":[true,\"x\",{}]}", "{knk[ws{}]}." },
	{ "[1,-0,0.5,1e9,-2E+3,10.25e-1]", "[nnnnnn]." },
	{ "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"]", "[s]." },
	{ "[[[]],[]]", "[[[]][]]." },
	/* and what is none */
	{ "", "!" },
	{ " ", "!" },
	{ "{", "{!" },
	{ "[1", "[n!" },
	{ "[1,]", "[n!" },
	{ "[,1]", "[!" },
	{ "[1 2]", "[n!" },
	{ "{\"a\"}", "{!" },
	{ "{\"a\":}", "{k!" },
	{ "{\"a\":1,}", "{kn!" },
	{ "{a:1}", "{!" },
	{ "{1:1}", "{!" },
	{ "[}", "[!" },
	{ "{]", "{!" },
	{ "[]]", "[]!" },
	{ "1 1", "n!" },
	{ "01", "n!" },
	{ "-", "!" },
	{ "1.", "!" },
	{ "1e", "!" },
	{ ".5", "!" },
	{ "+1", "!" },
	{ "tru", "!" },
	{ "truee", "w!" },
	{ "\"a", "!" },
	{ "\"\\", "!" },
	{ "\"\\x\"", "!" },
	{ "\"\\u12g4\"", "!" },
	{ "\"a\nb\"", "!" },
	{ "'a'", "!" },
};

static void test_rows(void **state)
{
	static const char letters[] = {
		[JSON_END] = '.',	 [JSON_BAD] = '!',    [JSON_OBJECT] = '{',
		[JSON_OBJECT_END] = '}', [JSON_ARRAY] = '[',  [JSON_ARRAY_END] = ']',
		[JSON_KEY] = 'k',	 [JSON_STRING] = 's', [JSON_NUMBER] = 'n',
		[JSON_WORD] = 'w',
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t size = strlen(rows[i].text), n = 0;
		char *copy = malloc(size == 0 ? 1 : size), got[64];
		struct json json;
		enum json_token token;

		memcpy(copy, rows[i].text, size);
		json = json_open(copy, size);
		do {
			token = json_next(&json);
			got[n++] = letters[token];
		} while (token != JSON_END && token != JSON_BAD);
		got[n] = '\0';
		if (token == JSON_BAD)
			assert_int_equal(json_next(&json), JSON_BAD);
		free(copy);
		if (strcmp(got, rows[i].tokens) != 0)
			fail_msg("%s: %s, not %s", rows[i].text, got, rows[i].tokens);
	}
}

static void test_text(void **state)
{
	const char text[] = "{\"key\":\"va\\nl\",\"n\":-12.5}";
	struct json json = json_open(text, sizeof(text) - 1);

	(void)state;
	(void)json_next(&json);
	assert_int_equal(json_next(&json), JSON_KEY);
	assert_true(json_is(&json, "key"));
	assert_false(json_is(&json, "ke"));
	assert_int_equal(json_next(&json), JSON_STRING);
	assert_true(json_is(&json, "va\\nl"));
	assert_int_equal(json_next(&json), JSON_KEY);
	assert_int_equal(json_next(&json), JSON_NUMBER);
	assert_true(json_is(&json, "-12.5"));
}

static void test_skip(void **state)
{
	const char text[] = "{\"a\":[1,{\"b\":[]}],\"c\":2}";
	struct json json = json_open(text, sizeof(text) - 1);

	(void)state;
	(void)json_next(&json);
	(void)json_next(&json);
	assert_true(json_skip(&json));
	assert_int_equal(json_next(&json), JSON_KEY);
	assert_true(json_is(&json, "c"));
	assert_true(json_skip(&json));
	assert_int_equal(json_next(&json), JSON_OBJECT_END);
	assert_int_equal(json_next(&json), JSON_END);
	json = json_open("[", 1);
	assert_false(json_skip(&json));
}

/* As deep as it may be, and one deeper. */
static void test_depth(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 2];

	(void)state;
	for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
		struct json json = json_open(text, 2 * depth);
		enum json_token token;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		do
			token = json_next(&json);
		while (token != JSON_END && token != JSON_BAD);
		assert_int_equal(token, depth < JSON_DEPTH_MAX ? JSON_END : JSON_BAD);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
