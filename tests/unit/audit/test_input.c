/* SPDX-License-Identifier: MIT */
/*
 * Reading what an audit looks at, from an image: what is there, and what cannot be read.
 */
#include "libsubid/audit/audit.h"

#include "support.h"

#define FILES 8

struct image {
	const char *name;
	/* in etc, in turn with their text; NULL: a directory of that name */
	const char *files[FILES][2];
	const char *found;   /* rules of the findings about lines, one a word */
	const char *missing; /* the first sentence, after DIR; NULL: none */
	const char *message; /* likewise */
	bool failed;
};

#define ACCOUNTS                                                                         \
	{ "passwd", "root:x:0:0::/:/bin/sh\nalice:x:1001:1001::/:/bin/sh\n" },           \
	{                                                                                \
		"group", "root:x:0:\nalice:x:1001:\n"                                    \
	}
#define GOOD "alice:100000:65536\n"

static const struct image images[] = {
	{ .name = "nothing wrong",
	  .files = { ACCOUNTS, { "subuid", GOOD }, { "subgid", GOOD } },
	  .found = "" },
	{ .name = "no tables", .files = { ACCOUNTS }, .found = "" },
	{ .name = "two different tables",
	  .files = { ACCOUNTS, { "subuid", GOOD }, { "subgid", GOOD "#\n" } },
	  .found = "comment " },
	{ .name = "a directory in a table's place",
	  .files = { ACCOUNTS, { "subuid", NULL }, { "subgid", GOOD } },
	  .found = "",
	  .missing = "/etc/subuid could not be read: Invalid argument",
	  .message = "/etc/subuid: it is not a regular file",
	  .failed = true },
	{ .name = "a policy that is wrong",
	  .files = { ACCOUNTS, { "login.defs", "SUB_UID_MIN x\n" } },
	  .found = "window-invalid " },
	{ .name = "a policy that cannot be read",
	  .files = { ACCOUNTS, { "login.defs", NULL } },
	  .found = "",
	  .missing = "/etc/login.defs could not be read: Invalid argument",
	  .message = "/etc/login.defs: it is not a regular file",
	  .failed = true },
	{ .name = "what the site accepts",
	  .files = { ACCOUNTS,
		     { "subuid", GOOD },
		     { "subgid", GOOD "#\n" },
		     { "subid.conf", "accept comment \"why\"\n" } },
	  .found = "" },
	{ .name = "an unknown rule",
	  .files = { ACCOUNTS, { "subid.conf", "accept coment \"why\"\n" } },
	  .found = "",
	  .message = "/etc/subid.conf:1: warning: accepts 'coment'" },
	{ .name = "a policy of the site's that is wrong",
	  .files = { ACCOUNTS, { "subid.conf", "acept x\n" } },
	  .found = "",
	  .missing = "/etc/subid.conf:1: ",
	  .message = "/etc/subid.conf:1: ",
	  .failed = true },
};

static void make_image(int root, const struct image *image)
{
	int etc = open_new_dir(root, "etc");

	for (size_t i = 0; i < FILES && image->files[i][0] != NULL; i++) {
		if (image->files[i][1] == NULL)
			put_dir(etc, image->files[i][0]);
		else
			put_file(etc, image->files[i][0], image->files[i][1]);
	}
	(void)close(etc);
}

/* No sentence, or one that begins so after the image's name. */
static void assert_first(const struct image *image,
			 const struct audit_sentences *sentences, const char *expected)
{
	const char *text = sentences->n == 0 ? NULL : sentences->list[0];

	if ((text == NULL) != (expected == NULL))
		fail_msg("%s: %s", image->name, text == NULL ? "no sentence" : text);
	if (text == NULL)
		return;
	if (strncmp(text, "IMAGE", 5) != 0 ||
	    strncmp(text + 5, expected, strlen(expected)) != 0)
		fail_msg("%s: %s", image->name, text);
}

static void audit_image(int top, const struct image *image,
			const struct audit_options *options, struct audit_report *ret)
{
	struct subid_error err = { .size = sizeof(err) };
	auto_system struct subid *sys = NULL;
	int root = open_new_dir(top, "image");

	make_image(root, image);
	assert_int_equal(subid_open_at(root, "IMAGE", &sys, &err), 0);
	assert_int_equal(audit_system(sys, options, ret, &err), 0);
	(void)close(root);
}

static void test_images(void **state)
{
	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		const struct audit_options options = { .only = NULL };
		auto_report struct audit_report report = { .n = 0 };
		char found[256] = "", top[16];
		int dir;

		(void)snprintf(top, sizeof(top), "%zu", i);
		dir = open_new_dir(etc_of(state), top);
		audit_image(dir, &images[i], &options, &report);
		(void)close(dir);
		for (size_t k = 0; k < report.n; k++)
			if (report.findings[k].line > 0)
				(void)snprintf(found + strlen(found),
					       sizeof(found) - strlen(found), "%s ",
					       report.findings[k].rule->name);
		if (strcmp(found, images[i].found) != 0)
			fail_msg("%s: %s", images[i].name, found);
		assert_first(&images[i], &report.facts->missing, images[i].missing);
		assert_first(&images[i], &report.facts->messages, images[i].message);
		assert_int_equal(report.facts->failed, images[i].failed);
		assert_null(report.facts->input.live);
		assert_string_equal(report.facts->place.etc_name, "IMAGE/etc");
	}
}

/* Without accounts there is nothing to audit. */
static void test_no_accounts(void **state)
{
	static const struct image image = { .files = { { "passwd", NULL } } };
	const struct audit_options options = { .only = NULL };
	auto_report struct audit_report report = { .n = 0 };
	struct subid_error err = { .size = sizeof(err) };
	auto_system struct subid *sys = NULL;
	char text[SUBID_ERROR_TEXT_SIZE];

	make_image(etc_of(state), &image);
	assert_int_equal(subid_open_at(etc_of(state), "IMAGE", &sys, &err), 0);
	assert_true(audit_system(sys, &options, &report, &err) < 0);
	(void)subid_error_text(&err, text, sizeof(text));
	assert_string_equal(text, "IMAGE/etc/passwd: it is not a regular file");
}

/* What the caller accepts comes before what the site does. */
static void test_accepted(void **state)
{
	static const struct image image = {
		.files = { ACCOUNTS,
			   { "subuid", GOOD "#\n" },
			   { "subid.conf", "accept comment \"why\"\n" } },
	};
	const struct subid_acceptance mine = { .rule = "comment", .reason = "" };
	const struct audit_options options = {
		.only = audit_rule_find("comment"),
		.accepted = &mine,
		.n_accepted = 1,
	};
	auto_report struct audit_report report = { .n = 0 };

	audit_image(etc_of(state), &image, &options, &report);
	assert_int_equal(report.n, 0);
	assert_int_equal(report.accepted, 1);
	assert_int_equal(report.facts->input.n_accepted, 2);
	assert_int_equal(report.accepted_by[0], 1);
	assert_int_equal(report.accepted_by[1], 0);
}

/* Root's store of an image; what is in it, or that it cannot be read, is reported. */
static void test_stores(void **state)
{
	static const struct image image = { .files = { ACCOUNTS } };
	const struct audit_options options = {
		.only = audit_rule_find("lease-broken"),
	};

	for (int broken = 0; broken < 2; broken++) {
		auto_report struct audit_report report = { .n = 0 };
		char top[16], file[] = "image/var/lib/subid/subuid";
		int dir;

		(void)snprintf(top, sizeof(top), "%d", broken);
		dir = open_new_dir(etc_of(state), top);
		put_dir(dir, "image");
		put_dir(dir, "image/var");
		put_dir(dir, "image/var/lib");
		put_dir(dir, "image/var/lib/subid");
		if (broken)
			put_dir(dir, file);
		else
			put_file(dir, file, "alice/c1:100000:10\nnonsense\n");
		audit_image(dir, &image, &options, &report);
		(void)close(dir);
		assert_int_equal(report.n, 1);
		assert_int_equal(report.findings[0].line, broken ? 0 : 2);
		assert_int_equal(report.facts->missing.n, broken);
		if (broken)
			assert_string_equal(report.facts->missing.list[0],
					    "the leases in IMAGE/var/lib/subid could not"
					    " be read: Invalid argument");
		assert_int_equal(report.facts->input.n_stores, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_images),
		scratch_test(test_no_accounts),
		scratch_test(test_accepted),
		scratch_test(test_stores),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
