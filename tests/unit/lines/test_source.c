/* SPDX-License-Identifier: MIT */
#include "libsubid/tables/tables.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* 50 bytes, the longest name that there may be */
#define LONGEST "12345678901234567890123456789012345678901234567890"

static const struct {
	const char *text;
	int answer;
	size_t line;
	const char *name, *second;
} lines[] = {
	{ "", 0, 0, "", "" },
	{ "passwd: files\ngroup: files\n", 0, 0, "", "" },
	{ "subid: sss\n", 0, 1, "sss", "" },
	{ "subid:sss", 0, 1, "sss", "" },
	{ "SubID: sss\n", 0, 1, "sss", "" },
	{ "passwd: files\n\nsubid:\t sss\r\n", 0, 3, "sss", "" },
	{ "subid: files\n", 0, 1, "", "" },
	{ "subid: filesx\n", 0, 1, "filesx", "" },
	{ "subid: file\n", 0, 1, "file", "" },
	{ "subid: sss files\n", 0, 1, "sss", "files" },
	{ "subid: files sss\n", 0, 1, "", "sss" },
	{ "subid: sss \t files ldap\n", 0, 1, "sss", "files" },
	{ "subid: sss [NOTFOUND=return] files\n", 0, 1, "sss", "[NOTFOUND=return]" },
	{ "subid: sss # files\n", 0, 1, "sss", "" },
	{ "subid: sss \r\n", 0, 1, "sss", "" },
	{ "subid: sss " LONGEST "1\n", 0, 1, "sss", LONGEST },
	{ "subid: " LONGEST "\n", 0, 1, LONGEST, "" },
	/* the first line counts */
	{ "subid: sss\nsubid: files\n", 0, 1, "sss", "" },
	/* what names no source */
	{ "subid: " LONGEST "1 files\n", SUBID_INVALID, 1, "", "files" },
	{ "subid: ../x\n", SUBID_INVALID, 1, "", "" },
	{ "subid: [NOTFOUND=return] sss\n", SUBID_INVALID, 1, "", "sss" },
	{ "x\nsubid: \n", SUBID_INVALID, 2, "", "" },
	/* what is no line about it */
	{ "subid:", 0, 0, "", "" },
	{ "#subid: sss\n", 0, 0, "", "" },
	{ " subid: sss\n", 0, 0, "", "" },
	{ "subids: sss\n", 0, 0, "", "" },
};

static void test_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(lines); i++) {
		struct subid_text text = { (char *)(uintptr_t)lines[i].text,
					   strlen(lines[i].text) };
		struct subid_source_line got;
		int r;

		memset(&got, 'x', sizeof(got));
		r = subid_source_parse(&text, &got);
		if (r != lines[i].answer || got.line != lines[i].line ||
		    strcmp(got.name, lines[i].name) != 0 ||
		    strcmp(got.second, lines[i].second) != 0)
			fail_msg("\"%s\": answer %d, line %zu, \"%s\", \"%s\"",
				 lines[i].text, r, got.line, got.name, got.second);
	}
}

static void test_sources(void **state)
{
	static const struct {
		const char *text;
		int answer;
		const char *names; /* with a blank between them; files is - */
	} cases[] = {
		{ "", 0, "-" },
		{ "passwd: sss\n", 0, "-" },
		{ "subid: files\n", 0, "-" },
		{ "x\nSubId:\tsss files\r\n", 0, "sss -" },
		{ "subid: files sss ldap\n", 0, "- sss ldap" },
		{ "subid: sss # files\n", 0, "sss" },
		{ "subid: sss [NOTFOUND=return] files\n", 0, "sss" },
		{ "subid: sss\nsubid: files\n", 0, "sss" },
		{ "subid: a b c d e f g h\n", 0, "a b c d e f g h" },
		{ "subid: a b c d e f g h i\n", SUBID_INVALID, "" },
		{ "subid: \n", SUBID_INVALID, "" },
		{ "subid: sss ../x\n", SUBID_INVALID, "" },
		{ "subid: sss " LONGEST "1\n", SUBID_INVALID, "" },
		{ "subid: [NOTFOUND=return] sss\n", SUBID_INVALID, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct subid_text text = { (char *)(uintptr_t)cases[i].text,
					   strlen(cases[i].text) };
		struct subid_sources got = { .n = 0 };
		char names[600] = "";
		int r = subid_sources_parse(&text, &got);

		for (size_t k = 0; k < got.n; k++) {
			(void)strcat(names, k == 0 ? "" : " ");
			(void)strcat(names, got.names[k][0] == '\0' ? "-" : got.names[k]);
		}
		if (r != cases[i].answer || strcmp(names, cases[i].names) != 0)
			fail_msg("\"%s\": answer %d, \"%s\"", cases[i].text, r, names);
	}
}

static void test_read(void **state)
{
	struct subid_sources got = { .names = { "kept" } };
	int etc = etc_of(state);

	put_file(etc, "nsswitch.conf", "subid: a/b\n");
	assert_int_equal(subid_sources_read(etc, &got), SUBID_INVALID);
	assert_string_equal(got.names[0], "kept");
	put_file(etc, "nsswitch.conf", "subid: sss files\n");
	assert_int_equal(subid_sources_read(etc, &got), 0);
	assert_string_equal(got.names[0], "sss");
	assert_int_equal(unlinkat(etc, "nsswitch.conf", 0), 0);
	assert_int_equal(subid_sources_read(etc, &got), 0);
	assert_string_equal(got.names[0], "");
	put_dir(etc, "nsswitch.conf");
	assert_int_equal(subid_sources_read(etc, &got), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_sources),
		scratch_test(test_read),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
