/* SPDX-License-Identifier: MIT */
/*
 * The auditor's rules about ranges: what triggers each, and what just does not.
 */
#include "audit_support.h"

#define GOOD	"alice:100000:65536\n"
#define GOOD2	"bob:165536:65536\n"
#define EVE(id) "eve:x:" id ":" id "::/home/eve:/bin/bash\n"

/* Ids below the usual window, so that outside-window says nothing. */
#define LOW "UID_MAX 1100\nGID_MAX 1100\nSUB_UID_MIN 1\nSUB_GID_MIN 1\n"
#define ALL LOW "SUB_UID_MAX 4294967294\nSUB_GID_MAX 4294967294\n"
#define OFF "SUB_GID_COUNT 0\n"

static const struct audit_case cases[] = {
	{ .name = "root's id",
	  .tables = { "alice:0:1\n", NULL },
	  .defs = "SUB_UID_MIN 0\n",
	  .expected = "critical includes-root uid 1 alice 0:1\n"
		      "error window-meets-accounts uid\n"
		      "info small uid 1 alice 0:1\n" },
	{ .name = "root's gid, for root",
	  .tables = { NULL, "root:0:1\n" },
	  .expected = "critical includes-root gid 1 root 0:1\n"
		      "warning outside-window gid 1 root 0:1\n"
		      "info small gid 1 root 0:1\n" },

	{ .name = "ids of an account",
	  .tables = { "alice:200000:65536\n", NULL },
	  .passwd = EVE("200000"),
	  .expected = "critical overlap-account uid 1 alice/eve 200000:1\n" },
	{ .name = "the last of the range",
	  .tables = { "alice:200000:65536\n", NULL },
	  .passwd = EVE("265535"),
	  .expected = "critical overlap-account uid 1 alice/eve 265535:1\n" },
	{ .name = "just before and just behind",
	  .tables = { "alice:200000:65536\n", NULL },
	  .passwd = EVE("199999") "fay:x:265536:1::/:/bin/sh\n",
	  .expected = "" },
	{ .name = "ids of a group, and one that is somebody's primary",
	  .tables = { NULL, "alice:200000:65536\nbob:300000:65536\n" },
	  .passwd = "eve:x:1005:300001::/:/bin/sh\n",
	  .group = "team:x:200001:\n",
	  .expected = "critical overlap-account gid 1 alice/team 200001:1\n"
		      "critical overlap-account gid 2 bob 300001:1\n" },
	{ .name = "a group's id is no uid",
	  .tables = { "alice:200000:65536\n", NULL },
	  .group = "team:x:200001:\n",
	  .expected = "" },
	{ .name = "several accounts in one range are one finding",
	  .tables = { "alice:200000:65536\n", NULL },
	  .passwd =
	      EVE("200003") "fay:x:200004:1::/:/bin/sh\ngus:x:200009:1::/:/bin/sh\n",
	  .expected = "critical overlap-account uid 1 alice/eve 200003:2\n" },
	{ .name = "one's own and another's",
	  .tables = { "dora:200000:65536\n", NULL },
	  .passwd = "dora:x:200003:1::/:/bin/sh\n" EVE("200004"),
	  .expected = "critical overlap-account uid 1 dora/eve 200004:1\n"
		      "error own-id-inside uid 1 dora 200003:1\n" },
	{ .name = "a hold gives nothing to anybody",
	  .tables = { "!reserved:0:2000\n!released:60001:10\n", NULL },
	  .expected = "" },

	{ .name = "systemd's",
	  .tables = { "alice:60001:1\nbob:61184:1\ncarol:65519:1\n", NULL },
	  .defs = "SUB_UID_MIN 60001\n",
	  .expected = "error overlap-reserved uid 1 alice 60001:1\n"
		      "error overlap-reserved uid 2 bob 61184:1\n"
		      "error overlap-reserved uid 3 carol 65519:1\n"
		      "info small uid 1 alice 60001:1\n"
		      "info small uid 2 bob 61184:1\n"
		      "info small uid 3 carol 65519:1\n" },
	{ .name = "between systemd's",
	  .tables = { "alice:60706:10\nbob:61183:1\ncarol:65520:14\n", NULL },
	  .defs = "SUB_UID_MIN 60001\n",
	  .expected = "info small uid 1 alice 60706:10\n"
		      "info small uid 2 bob 61183:1\n"
		      "info small uid 3 carol 65520:14\n" },
	{ .name = "nobody's, and the 16-bit no id",
	  .tables = { "alice:65534:1\nbob:65535:1\ncarol:65536:1\n", NULL },
	  .defs = "SUB_UID_MIN 60001\n",
	  .expected = "critical overlap-account uid 1 alice/nobody 65534:1\n"
		      "error overlap-reserved uid 1 alice 65534:1\n"
		      "error overlap-reserved uid 2 bob 65535:1\n"
		      "info small uid 1 alice 65534:1\n"
		      "info small uid 2 bob 65535:1\n"
		      "info small uid 3 carol 65536:1\n" },
	{ .name = "foreign images'",
	  .tables = { "alice:2147352575:1\nbob:2147352576:65536\n", NULL },
	  .defs = "SUB_UID_MAX 4294967294\n",
	  .expected = "error overlap-reserved uid 2 bob 2147352576:65536\n"
		      "info small uid 1 alice 2147352575:1\n" },
	{ .name = "conventions that the window overrules",
	  .tables = { "alice:524288:65536\nbob:2147483648:65536\n", NULL },
	  .defs = "SUB_UID_MAX 4294967294\n",
	  .expected = "" },
	{ .name = "conventions beyond the window",
	  .tables = { "alice:524288:65536\nbob:2147483648:65536\ncarol:500:1\n"
		      "carol:458752:65536\n",
		      NULL },
	  .defs = "SUB_UID_MAX 524287\n",
	  .expected = "error overlap-reserved uid 1 alice 524288:65536\n"
		      "error overlap-reserved uid 2 bob 2147483648:65536\n"
		      "error overlap-reserved uid 3 carol 500:1\n"
		      "warning outside-window uid 1 alice 524288:65536\n"
		      "warning outside-window uid 2 bob 2147483648:65536\n"
		      "warning outside-window uid 3 carol 500:1\n"
		      "warning window-low uid 100000:424288\n" },

	{ .name = "uids without gids",
	  .tables = { GOOD GOOD2, GOOD2 },
	  .expected = "error one-sided uid 1 alice 100000:65536\n" },
	{ .name = "gids without uids, under another spelling",
	  .tables = { "1002:165536:65536\n", GOOD2 GOOD },
	  .expected = "error one-sided gid 2 alice 100000:65536\n" },
	{ .name = "one kind is switched off",
	  .tables = { GOOD, "" },
	  .defs = OFF,
	  .expected = "" },
	{ .name = "holds may be of one kind",
	  .tables = { "!released:100000:65536\n", "" },
	  .expected = "" },

	{ .name = "uids and gids differ",
	  .tables = { GOOD GOOD2, "alice:300000:65536\n" GOOD2 },
	  .expected = "warning unequal - 1 alice 100000:65536\n" },
	{ .name = "by one id",
	  .tables = { GOOD GOOD2, GOOD "bob:165536:65537\n" },
	  .expected = "warning unequal - 2 bob 165536:65536\n" },
	{ .name = "more of one than of the other",
	  .tables = { GOOD, GOOD "alice:300000:65536\n" },
	  .expected = "warning unequal - 1 alice 100000:65536\n" },
	{ .name = "the same ids in other lines, order and spelling",
	  .tables = { "alice:100000:131072\n"
		      "bob:300000:65536\nbob:400000:65536\n",
		      "1002:400000:65536\n1002:300000:65536\n1001:165536:65536\n"
		      "1001:100000:65536\n" },
	  .expected = "" },
	{ .name = "unequal, but one kind is switched off",
	  .tables = { GOOD, "alice:300000:65536\n" },
	  .defs = OFF,
	  .expected = "" },

	{ .name = "the edges of the window",
	  .tables = { GOOD "bob:600034465:65536\n", NULL },
	  .expected = "" },
	{ .name = "one id before",
	  .tables = { "alice:99999:65537\n", NULL },
	  .expected = "warning outside-window uid 1 alice 99999:65537\n" },
	{ .name = "one id behind",
	  .tables = { "bob:600034466:65536\n", NULL },
	  .expected = "error overlap-reserved uid 1 bob 600100001:1\n"
		      "warning outside-window uid 1 bob 600034466:65536\n" },

	{ .name = "nobody's 65534 inside, where the owner's own id is 0, and one less",
	  .tables = { "alice:100000:65534\nbob:165536:65533\n", NULL },
	  .expected = "info small uid 2 bob 165536:65533\n" },
	{ .name = "all lines of an account count, under any spelling",
	  .tables = { "alice:100000:100\n1001:165536:65536\n", NULL },
	  .expected = "warning two-spellings uid 2+1 1001/alice 165536:65536\n" },
	{ .name = "what stands twice is there once",
	  .tables = { "alice:100000:40000\nalice:100000:40000\n", NULL },
	  .expected = "warning self-overlap uid 1+2 alice 100000:40000\n"
		      "info duplicate-line uid 2+1 alice 100000:40000\n"
		      "info small uid 1 alice 100000:40000\n" },

	{ .name = "lines that adjoin",
	  .tables = { "alice:100000:65536\nbob:400000:65536\nalice:165536:65536\n",
		      NULL },
	  .expected = "info mergeable uid 1+3 alice 100000:131072\n" },
	{ .name = "nearly, or of two owners",
	  .tables = { "alice:100000:65536\nalice:165537:65536\nbob:231073:65536\n",
		      NULL },
	  .expected = "" },
	{ .name = "three that adjoin are two pairs",
	  .tables = { "alice:100000:40000\nalice:140000:40000\nalice:180000:40000\n",
		      NULL },
	  .expected = "info mergeable uid 1+2 alice 100000:80000\n"
		      "info mergeable uid 2+3 alice 140000:80000\n" },
	{ .name = "in reverse they are mapped in another order",
	  .tables = { "alice:165536:65536\nalice:100000:65536\n", NULL },
	  .expected = "" },

	{ .name = "enough in pieces",
	  .tables = { "alice:100000:40000\nalice:200000:40000\n", NULL },
	  .expected = "info fragmented uid 1 alice 100000:40000\n" },
	{ .name = "just enough, and just not",
	  .tables = { "alice:100000:32768\nalice:200000:32768\n"
		      "bob:300000:32766\nbob:400000:32767\n",
		      NULL },
	  .expected = "info small uid 3 bob 300000:32766\n"
		      "info fragmented uid 1 alice 100000:32768\n" },
	{ .name = "pieces that adjoin are one",
	  .tables = { "alice:140000:40000\nalice:100000:40000\n", NULL },
	  .expected = "" },
	{ .name = "one piece is large enough",
	  .tables = { "alice:100000:40000\nalice:200000:65536\n", NULL },
	  .expected = "" },

	{ .name = "a tenth of the window is left",
	  .tables = { "!reserved:100000:17694720\n", NULL },
	  .defs = "SUB_UID_MAX 19760799\n",
	  .expected = "" },
	{ .name = "less than a tenth",
	  .tables = { "!reserved:100000:17760256\n", NULL },
	  .defs = "SUB_UID_MAX 19760799\n",
	  .expected = "info window-filling uid 100000:19660800\n" },
	{ .name = "twenty grants",
	  .tables = { "!reserved:100000:18350080\n", NULL },
	  .defs = "SUB_UID_MAX 19760799\n",
	  .expected = "info window-filling uid 100000:19660800\n" },
	{ .name = "nineteen",
	  .tables = { "!reserved:100000:18415616\n", NULL },
	  .defs = "SUB_UID_MAX 19760799\n",
	  .expected = "warning window-low uid 100000:19660800\n" },
	{ .name = "the last one",
	  .tables = { "!reserved:100000:19595264\n", NULL },
	  .defs = "SUB_UID_MAX 19760799\n",
	  .expected = "warning window-low uid 100000:19660800\n" },
	{ .name = "one id too few for it",
	  .tables = { "!reserved:100000:19595265\n", NULL },
	  .defs = "SUB_UID_MAX 19760799\n",
	  .expected = "error window-full uid 100000:19660800\n" },
	{ .name = "grants of another size",
	  .tables = { "!reserved:100000:17760256\n", NULL },
	  .defs = "SUB_UID_MAX 19760799\nSUB_UID_COUNT 32768\n",
	  .expected = "info window-filling uid 100000:19660800\n" },
	{ .name = "nothing is to be given",
	  .tables = { GOOD, NULL },
	  .defs = "SUB_UID_MAX 6653599\nSUB_UID_COUNT 0\n",
	  .expected = "" },
	{ .name = "all of the window",
	  .tables = { "alice:1:4294967294\n", NULL },
	  .defs = ALL,
	  .expected = "critical overlap-account uid 1 alice/daemon 1:1\n"
		      "error own-id-inside uid 1 alice 1001:1\n"
		      "error overlap-reserved uid 1 alice 60001:513\n"
		      "error window-full uid 1:4294967294\n"
		      "error window-meets-accounts uid\n"
		      "error window-meets-accounts gid\n" },
};

static void test_cases(void **state)
{
	audit_run_cases(etc_of(state), cases, sizeof(cases) / sizeof(cases[0]));
}

/* What the site keeps free, subid.conf(5). */
static void test_site_reserve(void **state)
{
	static const struct {
		unsigned int kinds;
		struct id_range range;
		const char *expected;
	} sites[] = {
		{ 3, { 99999, 1 }, "" },
		{ 3, { 165536, 5 }, "" },
		{ 2, { 100000, 1 }, "" },
		{ 1, { 165535, 5 }, "error overlap-reserved uid 1 alice 165535:1\n" },
		{ 3, { 90000, 10010 }, "error overlap-reserved uid 1 alice 100000:10\n" },
	};
	static const struct audit_case c = { .tables = { GOOD, NULL } };

	for (size_t i = 0; i < sizeof(sites) / sizeof(sites[0]); i++) {
		struct subid_conf_reserve site = {
			.kinds = sites[i].kinds,
			.range = sites[i].range,
			.reason = "LDAP's",
			.file = "/etc/subid.conf",
			.line = 7,
		};
		const struct subid_conf conf = { .reserved = &site, .n_reserved = 1 };
		struct audit_world world;
		auto_report struct audit_report report = { .n = 0 };
		char *found;

		audit_world_make(etc_of(state), &c, &world);
		world.input.conf = &conf;
		assert_int_equal(audit_check(&world.input, &report), 0);
		audit_assert_sound(&report);
		found = audit_print_all(&report);
		assert_string_equal(found, sites[i].expected);
		free(found);
		if (report.n > 0)
			assert_non_null(strstr(report.findings[0].reason,
					       "LDAP's\" (/etc/subid.conf:7)"));
		audit_report_free(&report);
		audit_world_free(&world);
	}
}

/* How full the windows are, in numbers. */
static void test_use(void **state)
{
	static const struct audit_case c = {
		.tables = { GOOD "!released:300000:10\n#\n", GOOD },
		.defs = "SUB_UID_MAX 299999\nSUB_GID_MAX 299999\n",
	};
	struct audit_world world;
	auto_report struct audit_report report = { .n = 0 };
	const struct audit_window_use *uids = &report.use[SUBID_UID];

	audit_world_make(etc_of(state), &c, &world);
	assert_int_equal(audit_check(&world.input, &report), 0);
	assert_int_equal(uids->ids, 200000);
	assert_int_equal(uids->free, 200000 - 65536);
	assert_int_equal(uids->slots, 2);
	assert_int_equal(uids->granted, 65536);
	assert_int_equal(uids->held, 10);
	assert_int_equal(uids->grants, 1);
	assert_int_equal(uids->lines, 3);
	assert_int_equal(report.owners, 1);
	assert_int_equal(report.unsure, 0);
	audit_world_free(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_cases),
		scratch_test(test_site_reserve),
		scratch_test(test_use),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
