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
	{ "\xe2\x80", "\xe2?", "??" },
	{ "\xc2", "\xc2", "?" },
	{ "\xf0\x9f\x98", "\xf0??", "???" },
	/* C1 as lone bytes: a terminal in 8 bits acts on CSI and OSC */
	{ "\x9b\x33\x31m", "?31m", "?31m" },
	{ "a\x80\x9d\x9f\xa0", "a???\xa0", "a????" },
	{ "\xe9\x9b", "\xe9?", "??" },
	/* no C1: U+00D6, U+201B, U+1F600, which have such bytes in them */
	{ "\xc3\x96\xe2\x80\x9b\xf0\x9f\x98\x80", "\xc3\x96\xe2\x80\x9b\xf0\x9f\x98\x80",
	  "?????????" },
	/* overlong, a surrogate, beyond U+10FFFF: no characters, so bytes */
	{ "\xc0\x9b\xe0\x80\x9b", "\xc0?\xe0??", "?????" },
	{ "\xed\xa0\x80", "\xed\xa0?", "???" },
	{ "\xf4\x90\x80\x80", "\xf4???", "????" },
};

static void text_is_made_safe(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_free char *line =
		    printable_text(cases[i].text, strlen(cases[i].text));
		char ascii[32];

		assert_string_equal(line, cases[i].line);
		assert_true(printable_is_safe(line, strlen(line)));
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
	bool safe;

	(void)state;

	assert_true(printable_is_safe("\n", 0));
	assert_int_equal(printable_next("\xc2\x9b", 1, &safe), 1);
	assert_true(safe);
	assert_int_equal(printable_next("\xe2\x80\xaa", 2, &safe), 1);
	assert_true(safe);
	assert_int_equal(printable_next("\xe2\x80\xaa", 3, &safe), 3);
	assert_false(safe);
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
