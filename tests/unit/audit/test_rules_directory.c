/* SPDX-License-Identifier: MIT */
/*
 * The auditor's rules about the site's directory: what triggers each, and what just does
 * not.  The pool is 200000-399999 in blocks of 100.
 */
#include "audit_support.h"

#define ROOM 4

struct directory_case {
	const char *name;
	const char *tables[SUBID_KINDS];
	struct audit_directory_range ranges[ROOM]; /* in order; owner NULL: no more */
	const char *why;
	bool none; /* there is no directory */
	const char *expected;
};

#define BOTH(owner, start, count)                                                        \
	{ owner, SUBID_UID, { start, count } },                                          \
	{                                                                                \
		owner, SUBID_GID,                                                        \
		{                                                                        \
			start, count                                                     \
		}                                                                        \
	}
#define SAME(text)                                                                       \
	{                                                                                \
		text, text                                                               \
	}

static const struct directory_case cases[] = {
	{ .name = "as the directory has it",
	  .tables = SAME("alice:200000:100\n"),
	  .ranges = { BOTH("alice", 200000, 100) },
	  .expected = "" },
	{ .name = "a part of it, too",
	  .tables = SAME("alice:200000:100\nalice:200050:5\n"),
	  .ranges = { BOTH("alice", 200000, 100) },
	  .expected = "" },
	{ .name = "by the uid",
	  .tables = SAME("1001:200000:100\n"),
	  .ranges = { BOTH("alice", 200000, 100) },
	  .expected = "" },
	{ .name = "in two lines",
	  .tables = SAME("alice:200000:50\nalice:200050:50\n"),
	  .ranges = { BOTH("alice", 200000, 100) },
	  .expected = "" },
	{ .name = "what nobody has there",
	  .tables = { "alice:200000:100\n", "" },
	  .expected = "error directory-differs uid 1 alice 200000:100\n" },
	{ .name = "what another one has there",
	  .tables = { "alice:200000:100\nbob:200100:100\n", "" },
	  .ranges = { { "bob", SUBID_UID, { 200000, 200 } } },
	  .expected = "error directory-differs uid 1 alice 200000:100\n"
		      "warning directory-missing uid bob 200000:200\n" },
	{ .name = "one id more",
	  .tables = { "alice:200000:101\n", "" },
	  .ranges = { { "alice", SUBID_UID, { 200000, 100 } } },
	  .expected = "error directory-differs uid 1 alice 200000:101\n" },
	{ .name = "one kind of the two",
	  .tables = { "alice:200000:100\n", "" },
	  .ranges = { BOTH("alice", 200000, 100) },
	  .expected = "warning directory-missing gid alice 200000:100\n" },
	{ .name = "a range of the host's own beside it",
	  .tables = { "alice:200000:100\nalice:500000:100\n", "" },
	  .ranges = { { "alice", SUBID_UID, { 200000, 100 } } },
	  .expected = "warning directory-own uid 2 alice 500000:100\n" },
	{ .name = "a range of the host's own alone",
	  .tables = { "alice:500000:100\n", "" },
	  .ranges = { { "bob", SUBID_UID, { 200000, 100 } } },
	  .expected = "" },
	{ .name = "instead of it",
	  .tables = { "alice:500000:100\n", "" },
	  .ranges = { { "alice", SUBID_UID, { 200000, 100 } } },
	  .expected = "warning directory-own uid 1 alice 500000:100\n"
		      "warning directory-missing uid alice 200000:100\n" },
	{ .name = "held ids are nobody's",
	  .tables = SAME("!released:200000:100\n!reserved:200100:100\n"),
	  .expected = "" },
	{ .name = "half in the pool",
	  .tables = { "alice:199999:2\n", "" },
	  .expected = "error directory-differs uid 1 alice 199999:2\n" },
	{ .name = "a directory that could not be asked has no say",
	  .tables = SAME("alice:200000:100\n"),
	  .why = "cannot be asked",
	  .expected = "" },
	{ .name = "nor has none",
	  .tables = SAME("alice:200000:100\n"),
	  .none = true,
	  .expected = "" },
	{ .name = "a table that could not be read",
	  .tables = { "alice:200000:100\n", NULL },
	  .ranges = { BOTH("alice", 200000, 100) },
	  .expected = "" },
};

/* Of all findings those of these rules. */
static char *found_of(const struct audit_report *report)
{
	char *all = audit_print_all(report), *ours = calloc(1, strlen(all) + 1);
	char *at = all;

	assert_non_null(ours);
	while (*at != '\0') {
		char *end = strchr(at, '\n') + 1;

		if (memmem(at, (size_t)(end - at), " directory-", 11) != NULL)
			(void)strncat(ours, at, (size_t)(end - at));
		at = end;
	}
	free(all);
	return ours;
}

static void check(int dir, const struct directory_case *c)
{
	const struct audit_case texts = { .tables = { c->tables[0], c->tables[1] } };
	struct subid_conf_pool pool = { .range = { 200000, 200000 }, .block = 100 };
	struct subid_conf conf = { .pools = &pool, .n_pools = 1 };
	struct audit_directory directory = { .ranges = c->ranges, .why = c->why };
	auto_report struct audit_report report = { .n = 0 };
	struct audit_world world;
	char *found;

	while (directory.n < ROOM && c->ranges[directory.n].owner != NULL)
		directory.n++;
	audit_world_make(dir, &texts, &world);
	world.input.conf = &conf;
	world.input.directory = c->none ? NULL : &directory;
	assert_int_equal(audit_check(&world.input, &report), 0);
	audit_assert_sound(&report);
	found = found_of(&report);
	if (strcmp(found, c->expected) != 0)
		fail_msg("%s: found:\n%s", c->name, found);
	free(found);
	audit_world_free(&world);
}

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(etc_of(state), &cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
