/* SPDX-License-Identifier: MIT */
/*
 * wrap: malloc calloc realloc reallocarray read __read_chk fstat
 */
#include "libsubid/names/names.h"

#include "inject.h"
#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

FAULT(void *, NULL, malloc, (size_t size), (size))
FAULT(void *, NULL, calloc, (size_t n, size_t size), (n, size))
FAULT(void *, NULL, realloc, (void *old, size_t size), (old, size))
FAULT(void *, NULL, reallocarray, (void *old, size_t n, size_t size), (old, n, size))
FAULT(int, -1, fstat, (int fd, struct stat *st), (fd, st))
FAULT(ssize_t, -1, read, (int fd, void *buf, size_t size), (fd, buf, size))
FAULT_TWIN(ssize_t, -1, __read_chk, "read", (int fd, void *buf, size_t size, size_t room),
	   (fd, buf, size, room))

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "alice:x:1000:1000::/home/alice:/bin/sh\n"
			     "al:x:1000:1000::/home/alice:/bin/sh\n"
			     "carol:x:1002:1002::/:/bin/sh\n"
			     "inside:x:100500:100501::/:/bin/sh\n"
			     "odd:x: 100502:+100503::/:/bin/sh\n"
			     "alice+100600:x:1003:1003::/:/bin/sh\n"
			     "alice+web+6:x:1004:1004::/:/bin/sh\n"
			     "+nis:x:100700:100700::/:/bin/sh\n"
			     "short:x\n";
static const char group[] = "root:x:0:\n"
			    "alice:x:1000:\n"
			    "live:x:100510:alice\n"
			    "alice+100601:x:1003:\n";
static const char table[] = "# whose ids are whose\n"
			    "alice:100000:65536\n"
			    "bob:165536:65536\n"
			    "1002:231072:1000\n"
			    "1009:240000:1000\n"
			    "bob:100010:10\n"
			    "!released:300000:1000\n"
			    "alice:300500:1000\n"
			    "!reserved:310000:1000\n"
			    "low:1000:70000\n"
			    "a/b:400000:1000\n"
			    "-rf:410000:1000\n"
			    "+x:420000:1000\n"
			    "DOM+eve:430000:1000\n"
			    "DOM:431000:1000\n"
			    "DOM+eve+b:432000:1000\n"
			    "frank smith:440000:1000\n"
			    "alice+web:450000:1000\n"
			    "grace:0460000:1000\n"
			    "last:4294967290:5\n";
static const char leases[] = "alice/web:110000:1000\n"
			     "alice/db:112000:100\n"
			     "alice/db:111000:100\n"
			     "alice/db:111050:100\n"
			     "bob/web:113000:100\n"
			     "alice/we+b:114000:100\n"
			     "nobodys/web:500000:100\n"
			     "1002/web:231100:100\n"
			     "carol/web:231200:100\n"
			     "DOM/eve+b:431000:10\n"
			     "DOM+eve/b:430000:10\n"
			     "alice/big:120000:100000\n"
			     "alice/no good:115000:10\n"
			     "alice/:115100:10\n"
			     "alice:115200:10\n"
			     "alice/web/x:115300:10\n"
			     "!released:115400:10\n"
			     "DOM+eve+b/c:432000:10\n";

/* The id and its only name, "" if it has none: of a uid, and of a gid. */
static const struct {
	uint32_t id;
	const char *uid, *gid;
} cases[] = {
	{ 100000, "alice+100000", "alice+100000" },
	{ 100033, "alice+100033", "alice+100033" },
	{ 119999, "alice+119999", "alice+119999" },
	{ 165536, "bob+165536", "bob+165536" }, /* there need be no account */
	{ 99999, "", "" },
	/* the first line that has it */
	{ 100010, "alice+100010", "alice+100010" },
	/* a number is an account's name, or stays one */
	{ 231072, "carol+231072", "carol+231072" },
	{ 240000, "1009+240000", "1009+240000" },
	/* of nobody's */
	{ 300000, "", "" },
	{ 300500, "", "" }, /* held before it was alice's */
	{ 301000, "alice+301000", "alice+301000" },
	{ 310000, "", "" },
	{ 250000, "", "" },
	/* ids that are too low, and that do not exist */
	{ 0, "", "" },
	{ 1000, "", "" },
	{ 65535, "", "" },
	{ 65536, "low+65536", "low+65536" },
	{ 4294967294U, "last+4294967294", "last+4294967294" },
	{ 4294967295U, "", "" },
	/* those of accounts and groups; what is none to glibc either */
	{ 100500, "", "alice+100500" },
	{ 100501, "alice+100501", "" },
	{ 100502, "", "alice+100502" },
	{ 100503, "alice+100503", "" },
	{ 100510, "alice+100510", "" },
	{ 100700, "alice+100700", "alice+100700" },
	/* names that accounts and groups have */
	{ 100600, "", "alice+100600" },
	{ 100601, "alice+100601", "" },
	/* owners whom a name would lead astray */
	{ 400000, "", "" },
	{ 410000, "", "" },
	{ 420000, "", "" },
	{ 440000, "frank smith+440000", "frank smith+440000" },
	/* no line to us, whatever others read */
	{ 460000, "", "" },
	/* leased */
	{ 110000, "alice+web+0", "alice+web+0" },
	{ 110033, "alice+web+33", "alice+web+33" },
	{ 110999, "alice+web+999", "alice+web+999" },
	{ 111000, "alice+db+0", "alice+db+0" },
	{ 111099, "alice+db+99", "alice+db+99" },
	{ 111100, "alice+db+100", "alice+db+100" },
	{ 111149, "alice+db+149", "alice+db+149" },
	{ 111150, "alice+111150", "alice+111150" },
	{ 112000, "alice+db+150", "alice+db+150" },
	{ 112099, "alice+db+249", "alice+db+249" },
	{ 114000, "alice+we+b+0", "alice+we+b+0" },
	/* by somebody else than the line's owner; not of any line; by a number */
	{ 113000, "alice+113000", "alice+113000" },
	{ 500000, "", "" },
	{ 231100, "carol+231100", "carol+231100" },
	{ 231201, "carol+web+1", "carol+web+1" },
	/* one account is called like one of these */
	{ 110006, "alice+110006", "alice+web+6" },
	{ 110007, "alice+web+7", "alice+web+7" },
	/* "DOM+eve+b+3" can be read in two ways: the first is one's, the other has none
	 */
	{ 431003, "DOM+eve+b+3", "DOM+eve+b+3" },
	{ 430003, "DOM+eve+430003", "DOM+eve+430003" },
	{ 430011, "DOM+eve+430011", "DOM+eve+430011" },
	{ 432003, "DOM+eve+b+c+3", "DOM+eve+b+c+3" },
	{ 432500, "DOM+eve+b+432500", "DOM+eve+b+432500" },
	{ 450000, "alice+web+450000", "alice+web+450000" },
	/* the lease has more than the owner */
	{ 120000, "alice+big+0", "alice+big+0" },
	{ 165535, "alice+big+45535", "alice+big+45535" },
	{ 165540, "bob+165540", "bob+165540" },
	/* what is no lease */
	{ 115000, "alice+115000", "alice+115000" },
	{ 115100, "alice+115100", "alice+115100" },
	{ 115200, "alice+115200", "alice+115200" },
	{ 115300, "alice+115300", "alice+115300" },
	{ 115400, "alice+115400", "alice+115400" },
};

static const char *const no_names[] = {
	"",
	"+",
	"alice",
	"alice+",
	"+100033",
	"alice+0100033",
	"alice++100033",
	"alice+-100033",
	"alice+ 100033",
	"alice+100033 ",
	"alice+100033x",
	"alice+0x186e1",
	"alice+4295067329", /* 100033 and 2^32 */
	"alice+18446744073709651649",
	"alice+99999999999999999999999999",
	"Alice+100033",
	"al+100033", /* another name of hers */
	"1000+100033",
	"bob+100033",
	"bob+100010",	/* not the first line that has it */
	"alice+110033", /* leased: alice+web+33 */
	"alice+web+033",
	"alice+web+1000",
	"alice+web+110033",
	"alice/web+33",
	"alice+web",
	"alice+db+250",
	"bob+web+0",
	"nobodys+web+0",
	"!released+300000",
	"!released+301000",
	"!reserved+310000",
	"low+1000",
	"root+0",
	"root+100033",
	"alice+100500",
	"a/b+400000",
	"-rf+410000",
	"+x+420000",
	"1002+231072",
	"1002+web+0",
	"carol+web+100",
	"DOM+eve+b+10",
	"alice+no good+0",
	"alice++0",
	"alice+web+x+0",
	"grace+460000",
	"grace+155648",
	"last+4294967295",
};

static void put_files(int etc)
{
	int state = open_new_dir(etc, "state");

	put_file(etc, "passwd", passwd);
	put_file(etc, "group", group);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		put_file(etc, subid_kind_table(kind), table);
		put_file(state, subid_kind_table(kind), leases);
	}
	(void)close(state);
}

static int load(int etc, enum subid_kind kind, struct subid_names **ret)
{
	int state = openat(etc, "state", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	r = subid_names_load(etc, state, kind, ret);
	if (state >= 0)
		(void)close(state);
	return r;
}

static void test_both_ways(void **state)
{
	put_files(etc_of(state));
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		auto_names struct subid_names *names = NULL;

		assert_int_equal(load(etc_of(state), kind, &names), 0);
		for (size_t i = 0; i < ARRAY(cases); i++) {
			const char *wanted =
			    kind == SUBID_UID ? cases[i].uid : cases[i].gid;
			char name[SUBID_NAME_SIZE] = "";
			size_t len = subid_names_of_id(names, cases[i].id, name);
			uint32_t id = 0;

			if (len != strlen(wanted) ||
			    (len > 0 && strcmp(name, wanted) != 0))
				fail_msg("%s %u is '%s', not '%s'", subid_kind_name(kind),
					 cases[i].id, len == 0 ? "" : name, wanted);
			if (len == 0)
				continue;
			assert_true(subid_names_possible(name, len));
			assert_int_equal(subid_names_find(names, name, len, &id), 0);
			assert_int_equal(id, cases[i].id);
		}
	}
}

static void test_no_names(void **state)
{
	auto_names struct subid_names *names = NULL;
	char text[SUBID_NAME_SIZE * 2];
	uint32_t id = 7;

	put_files(etc_of(state));
	assert_int_equal(load(etc_of(state), SUBID_UID, &names), 0);
	for (size_t i = 0; i < ARRAY(no_names); i++)
		if (subid_names_find(names, no_names[i], strlen(no_names[i]), &id) !=
		    SUBID_UNKNOWN)
			fail_msg("'%s' is %u", no_names[i], id);
	/* with a NUL in it, and longer than any */
	assert_int_equal(subid_names_find(names, "alice\0+100033", 13, &id),
			 SUBID_UNKNOWN);
	memset(text, '+', sizeof(text));
	memcpy(text + sizeof(text) - 6, "100033", 6);
	for (size_t len = 8; len <= sizeof(text); len += 97)
		assert_int_equal(
		    subid_names_find(names, text + sizeof(text) - len, len, &id),
		    SUBID_UNKNOWN);
	assert_int_equal(id, 7);
}

static void test_every_id(void **state)
{
	auto_names struct subid_names *names = NULL;
	char name[SUBID_NAME_SIZE];
	unsigned int named = 0;

	put_files(etc_of(state));
	assert_int_equal(load(etc_of(state), SUBID_UID, &names), 0);
	for (uint32_t id = 0; id < 500200; id++) {
		size_t len = subid_names_of_id(names, id, name);
		uint32_t back = 0;

		named += len > 0;
		if (len > 0 &&
		    (subid_names_find(names, name, len, &back) != 0 || back != id))
			fail_msg("%u is %s, which is %u", id, name, back);
	}
	assert_true(named > 100000);
}

/* What is no file of that sort is a failure, and what is not there is empty. */
static void test_files(void **state)
{
	static const struct {
		const char *file;
		int without[SUBID_KINDS], link[SUBID_KINDS];
	} files[] = {
		{ "passwd", { -ENOENT, -ENOENT }, { -ELOOP, -ELOOP } },
		{ "group", { 0, -ENOENT }, { 0, -ELOOP } },
		{ "subuid", { 0, 0 }, { -ELOOP, 0 } },
		{ "subgid", { 0, 0 }, { 0, -ELOOP } },
		{ "state/subuid", { 0, 0 }, { -ELOOP, 0 } },
		{ "state/subgid", { 0, 0 }, { 0, -ELOOP } },
	};
	int etc = etc_of(state);

	for (size_t i = 0; i < ARRAY(files); i++) {
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			auto_names struct subid_names *names = NULL, *others = NULL;

			put_files(etc);
			assert_int_equal(renameat(etc, files[i].file, etc, "target"), 0);
			assert_int_equal(load(etc, kind, &names), files[i].without[kind]);
			assert_int_equal(symlinkat("target", etc, files[i].file), 0);
			assert_int_equal(load(etc, kind, &others), files[i].link[kind]);
			assert_int_equal(unlinkat(etc, files[i].file, 0), 0);
		}
	}
}

/* Nobody has ids, and nobody has leases. */
static void test_empty(void **state)
{
	auto_names struct subid_names *names = NULL, *bare = NULL;
	char name[SUBID_NAME_SIZE];
	uint32_t id;

	assert_int_equal(subid_names_load(etc_of(state), -1, SUBID_UID, &bare), 0);
	assert_int_equal(subid_names_of_id(bare, 100033, name), 0);
	assert_int_equal(subid_names_find(bare, "alice+100033", 12, &id), SUBID_UNKNOWN);
	put_files(etc_of(state));
	assert_int_equal(subid_names_load(etc_of(state), -1, SUBID_UID, &names), 0);
	assert_true(subid_names_of_id(names, 110033, name) > 0);
	assert_string_equal(name, "alice+110033");
}

/* Each step fails in turn, until none does. */
static void test_faults(void **state)
{
	put_files(etc_of(state));
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		int r = -1;

		for (unsigned int turn = 1; r != 0; turn++) {
			auto_names struct subid_names *names = NULL;
			bool struck;

			faults_arm(turn, ENOMEM);
			r = load(etc_of(state), kind, &names);
			struck = faults_disarm();
			/* sorting does without the memory that it would like */
			if (r != 0 || strcmp(faults.function, "malloc") != 0)
				assert_int_equal(r, struck ? -ENOMEM : 0);
			if (struck)
				r = -1;
			else
				assert_true(turn > 20);
			assert_true((r == 0) <= (names != NULL));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_both_ways), scratch_test(test_no_names),
		scratch_test(test_every_id),  scratch_test(test_files),
		scratch_test(test_empty),     scratch_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
