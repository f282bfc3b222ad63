/* SPDX-License-Identifier: MIT */
/*
 * wrap: malloc
 */
#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"
#include "support.h"

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

static bool no_memory;

void *__wrap_malloc(size_t size)
{
	return no_memory ? NULL : __real_malloc(size);
}

/* text, as a line for a terminal; as ASCII */
static const struct {
	const char *text, *line, *ascii;
} cases[] = {
	{ "", "", "" },
	{ "alice", "alice", "alice" },
	{ "a b\tc", "a b?c", "a b?c" },
	{ "a\nb", "a b", "a?b" },
	{ "\x1b[2J", "?[2J", "?[2J" },
	{ "\x7f", "?", "?" },
	{ "j\xc3\xb6rg", "j\xc3\xb6rg", "j??rg" },
	/* C1: U+0080, U+009B, U+009F; U+00A0 is none */
	{ "\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "???\xc2\xa0", "????????" },
	/* U+202A, U+202E; U+202F is none */
	{ "\xe2\x80\xaa\xe2\x80\xae\xe2\x80\xaf", "??\xe2\x80\xaf", "?????????" },
	/* U+2066, U+2069; U+206A is none */
	{ "\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa", "??\xe2\x81\xaa", "?????????" },
	/* cut in the middle of a character */
	{ "\xe2\x80", "\xe2\x80", "??" },
	{ "\xc2", "\xc2", "?" },
};

static void text_is_made_safe(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_free char *line =
		    printable_text(cases[i].text, strlen(cases[i].text));
		char ascii[32];

		assert_string_equal(line, cases[i].line);
		assert_int_equal(printable_unsafe(line, strlen(line)), 0);
		printable_copy(ascii, sizeof(ascii), cases[i].text,
			       strlen(cases[i].text));
		assert_string_equal(ascii, cases[i].ascii);
	}
	no_memory = true;
	assert_null(printable_text("a", 1));
	no_memory = false;
}

static void bytes_beyond_the_length_are_not_read(void **state)
{
	auto_free char *line = NULL;

	(void)state;
	assert_int_equal(printable_unsafe("\n", 0), 0);
	assert_int_equal(printable_unsafe("\xc2\x9b", 1), 0);
	assert_int_equal(printable_unsafe("\xe2\x80\xaa", 2), 0);
	line = printable_text("ab\n", 2);
	assert_string_equal(line, "ab");
}

static void copies_are_cut(void **state)
{
	char buf[4] = "xxx", text[] = "a b\x80";

	(void)state;
	printable_copy(buf, sizeof(buf), "ab\ncd", 5);
	assert_string_equal(buf, "ab?");
	printable_copy(buf, 1, "ab", 2);
	assert_string_equal(buf, "");
	printable_ascii(text, strlen(text), '!');
	assert_string_equal(text, "a?b?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_made_safe),
		cmocka_unit_test(bytes_beyond_the_length_are_not_read),
		cmocka_unit_test(copies_are_cut),
	};

	return cmocka_run_group_tests_name("printable", tests, NULL, NULL);
}
