/* SPDX-License-Identifier: MIT */
#include "tools/subid-ldap/entry.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

enum what { OWNER, CLAIM, POOL };

/* "attribute=value" words; what is broken then, or NULL. */
static const struct {
	enum what what;
	const char *values[10];
	const char *broken;
} entries[] = {
	{ OWNER, { "cn=alice" }, NULL },
	{ OWNER, { "CN=alice", "subidstate=pending", "SUBIDTICKET=t" }, NULL },
	{ OWNER,
	  { "cn=alice", "subidState=granted", "subidTicket=t", "subUidNumber=100000",
	    "subUidCount=65536", "subGidNumber=100000", "subGidCount=65536" },
	  NULL },
	{ OWNER, { "cn=alice", "other=1", "description=x" }, NULL },
	{ OWNER, { "subidState=pending", "subidTicket=t" }, "it has no name" },
	{ OWNER, { "cn=alice", "cn=bob" }, "it has two names" },
	{ OWNER, { "cn=a:b" }, "its name can be no owner's" },
	{ OWNER, { "cn=a\nb" }, "its name can be no owner's" },
	{ OWNER, { "cn=" }, "its name can be no owner's" },
	{ OWNER, { "cn=alice", "subidState=Granted" }, "its state is not known" },
	{ OWNER, { "cn=alice", "subidState=" }, "its state is not known" },
	{ OWNER,
	  { "cn=alice", "subidState=pending", "subidState=pending", "subidTicket=t" },
	  "it has two states" },
	{ OWNER,
	  { "cn=alice", "subidState=pending" },
	  "it is pending, and has no ticket" },
	{ OWNER,
	  { "cn=alice", "subidState=pending", "subidTicket=t", "subidTicket=u" },
	  "its ticket is none" },
	{ OWNER,
	  { "cn=alice", "subidTicket=123456789012345678901234567890123" },
	  "its ticket is none" },
	{ OWNER, { "cn=alice", "subidState=free" }, "it has a claim's state" },
	{ OWNER, { "cn=alice", "subUidNumber=1" }, "it has a range, and no state" },
	{ OWNER,
	  { "cn=alice", "subidState=granted", "subidTicket=t", "subUidNumber=100000",
	    "subUidCount=65536" },
	  "it is granted, and has no valid ranges" },
	{ OWNER,
	  { "cn=alice", "subidState=granted", "subidTicket=t", "subUidNumber=4294967290",
	    "subUidCount=65536", "subGidNumber=100000", "subGidCount=65536" },
	  "it is granted, and has no valid ranges" },
	{ OWNER,
	  { "cn=alice", "subidState=granted", "subidTicket=t", "subUidNumber=100000",
	    "subUidCount=0", "subGidNumber=100000", "subGidCount=65536" },
	  "it is granted, and has no valid ranges" },
	{ OWNER, { "cn=alice", "subUidNumber=-1" }, "it has a wrong number" },
	{ OWNER, { "cn=alice", "subUidNumber=0x10" }, "it has a wrong number" },
	{ OWNER,
	  { "cn=alice", "subUidNumber=99999999999999999999" },
	  "it has a wrong number" },
	{ OWNER,
	  { "cn=alice", "subUidNumber=1", "subUidNumber=2" },
	  "it has a number twice" },
	{ CLAIM, { "subidBlock=100000", "subidState=free" }, NULL },
	{ CLAIM, { "subidBlock=0", "subidState=reserved" }, NULL },
	{ CLAIM,
	  { "subidBlock=100000", "subidState=granted", "subidOwner=a", "subidTicket=t" },
	  NULL },
	{ CLAIM, { "subidState=free" }, "it has no subidBlock" },
	{ CLAIM, { "subidBlock=100000" }, "it has no state that a claim can have" },
	{ CLAIM,
	  { "subidBlock=1", "subidState=pending" },
	  "it has no state that a claim can have" },
	{ CLAIM,
	  { "subidBlock=1", "subidState=granted", "subidOwner=a" },
	  "it is granted to nobody" },
	{ POOL,
	  { "cn=main", "subidFirst=10", "subidLast=19", "subidBlockSize=5",
	    "subidNext=10" },
	  NULL },
	{ POOL,
	  { "cn=main", "subidFirst=0", "subidLast=9", "subidBlockSize=5", "subidNext=0" },
	  NULL },
	{ POOL,
	  { "cn=main", "subidFirst=10", "subidLast=9", "subidBlockSize=5",
	    "subidNext=10" },
	  "it is no pool: subidFirst, subidLast, subidBlockSize and subidNext" },
	{ POOL,
	  { "cn=main", "subidFirst=10", "subidLast=19", "subidNext=10" },
	  "it is no pool: subidFirst, subidLast, subidBlockSize and subidNext" },
	{ POOL,
	  { "cn=main", "subidFirst=10", "subidLast=19", "subidBlockSize=5" },
	  "it is no pool: subidFirst, subidLast, subidBlockSize and subidNext" },
};

static void fill(struct dir_entry *entry, enum what what, const char *const *values)
{
	static void (*const ends[])(struct dir_entry *) = { dir_owner_end, dir_claim_end,
							    dir_pool_end };

	*entry = (struct dir_entry){ .uid = 0 };
	for (; *values != NULL; values++) {
		char attribute[64];
		size_t len = strcspn(*values, "=");

		(void)snprintf(attribute, sizeof(attribute), "%.*s", (int)len, *values);
		dir_entry_take(entry, attribute, *values + len + 1,
			       strlen(*values + len + 1));
	}
	ends[what](entry);
}

static void test_entries(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(entries); i++) {
		struct dir_entry entry;

		fill(&entry, entries[i].what, entries[i].values);
		if (entries[i].broken == NULL && entry.broken != NULL)
			fail_msg("entry %zu: %s", i, entry.broken);
		if (entries[i].broken != NULL) {
			assert_non_null(entry.broken);
			assert_string_equal(entry.broken, entries[i].broken);
		}
	}
}

/* Bytes that are no text are no name, and nothing is written beyond an array. */
static void test_hostile_values(void **state)
{
	static const char *const attributes[] = { "cn",		 "uid",
						  "subidOwner",	 "subidState",
						  "subidTicket", "subidBlock",
						  "subidNext",	 "uidNumber" };
	char bytes[5000];

	(void)state;
	for (int c = 0; c < 256; c++)
		for (size_t i = 0; i < ARRAY(attributes); i++) {
			struct dir_entry entry = { .uid = 0 };

			memset(bytes, c, sizeof(bytes));
			dir_entry_take(&entry, attributes[i], bytes, sizeof(bytes));
			dir_entry_take(&entry, attributes[i], bytes, 0);
			assert_int_equal(entry.name[0], 0);
			assert_int_equal(entry.login[0], 0);
			assert_int_equal(entry.ticket[0], 0);
		}
}

static void test_accounts(void **state)
{
	struct dir_entry entry = { .uid = 0 };

	(void)state;
	dir_entry_take(&entry, "uid", "a:b", 3);
	dir_entry_take(&entry, "uid", "alice", 5);
	dir_entry_take(&entry, "uid", "other", 5);
	dir_entry_take(&entry, "uidNumber", "1000", 4);
	assert_string_equal(entry.login, "alice");
	assert_int_equal(entry.uid, 1000);
}

static void test_escape(void **state)
{
	char buf[64];

	(void)state;
	assert_true(dir_escape_dn("al-i_c.e@EX", buf, sizeof(buf)));
	assert_string_equal(buf, "al-i_c.e@EX");
	assert_true(dir_escape_dn("a,b=c\\ *()\x01\xff", buf, sizeof(buf)));
	assert_string_equal(buf, "a\\2cb\\3dc\\5c\\20\\2a\\28\\29\\01\\ff");
	assert_false(dir_escape_dn("", buf, sizeof(buf)));
	assert_true(dir_escape_filter("abc", buf, 6));
	assert_false(dir_escape_filter("abcd", buf, 6));
	assert_false(dir_escape_filter(",,", buf, 6));
}

static void test_step(void **state)
{
	const struct id_range range = { 100000, 65536 };
	const struct dir_request any = { .count = 0 }, more = { .count = 65537 };
	const struct dir_request same = { .range = range };
	const struct dir_request other = { .range = { 100000, 65535 } };
	struct dir_entry owner = { .state = DIR_NONE };

	(void)state;
	assert_int_equal(dir_step(NULL, &any), DIR_STEP_ADD);
	assert_int_equal(dir_step(&owner, &any), DIR_STEP_BEGIN);
	owner.state = DIR_PENDING;
	assert_int_equal(dir_step(&owner, &any), DIR_STEP_WAIT);
	owner.state = DIR_GRANTED;
	owner.range[SUBID_UID] = owner.range[SUBID_GID] = range;
	assert_int_equal(dir_step(&owner, &any), DIR_STEP_HAS);
	assert_int_equal(dir_step(&owner, &more), DIR_STEP_OTHER);
	assert_int_equal(dir_step(&owner, &same), DIR_STEP_HAS);
	assert_int_equal(dir_step(&owner, &other), DIR_STEP_OTHER);
	owner.range[SUBID_GID].start++;
	assert_int_equal(dir_step(&owner, &same), DIR_STEP_OTHER);
	owner.broken = "x";
	assert_int_equal(dir_step(&owner, &any), DIR_STEP_BROKEN);
}

static void test_blocks(void **state)
{
	const struct subid_conf_pool pool = { .range = { 1000, 100 }, .block = 10 };
	static const struct {
		struct id_range ids, cells;
	} cases[] = {
		{ { 1000, 1 }, { 1000, 10 } },	  { { 1009, 1 }, { 1000, 10 } },
		{ { 1009, 2 }, { 1000, 20 } },	  { { 1010, 10 }, { 1010, 10 } },
		{ { 1000, 100 }, { 1000, 100 } }, { { 0, 4294967295U }, { 1000, 100 } },
		{ { 1095, 100 }, { 1090, 10 } },
	};

	(void)state;
	assert_int_equal(dir_blocks(&pool, 0), 1);
	assert_int_equal(dir_blocks(&pool, 10), 1);
	assert_int_equal(dir_blocks(&pool, 11), 2);
	assert_int_equal(dir_blocks(&pool, 100), 10);
	assert_int_equal(dir_blocks(&pool, 101), 0);
	assert_int_equal(dir_blocks(&pool, UINT32_MAX), 0);
	for (size_t i = 0; i < ARRAY(cases); i++) {
		struct id_range got = dir_cells(&pool, cases[i].ids);

		assert_memory_equal(&got, &cases[i].cells, sizeof(got));
	}
	assert_int_equal(dir_cells(&pool, (struct id_range){ 0, 1000 }).count, 0);
	assert_int_equal(dir_cells(&pool, (struct id_range){ 1100, 1 }).count, 0);
}

/* Each owner has one master, whatever the order of the lines; a new one takes its share.
 */
static void test_masters(void **state)
{
	struct subid_conf_pool pools[] = {
		{ .name = "a", .master = "ldaps://a" },
		{ .name = "b", .master = "ldaps://b" },
		{ .name = "c", .master = "ldaps://c" },
	};
	struct subid_conf two = { .pools = pools, .n_pools = 2 };
	struct subid_conf three = { .pools = pools, .n_pools = 3 };
	struct subid_conf none = { .pools = pools, .n_pools = 0 };
	size_t of_a = 0, moved = 0, moved_among_old = 0;

	(void)state;
	none.directory.uris[0] = "ldaps://first";
	assert_string_equal(dir_master_of(&none, "alice"), "ldaps://first");
	for (int i = 0; i < 1000; i++) {
		struct subid_conf_pool turned[] = { pools[1], pools[0] };
		const struct subid_conf other = { .pools = turned, .n_pools = 2 };
		char name[16];
		const char *before, *after;

		(void)snprintf(name, sizeof(name), "user%d", i);
		before = dir_master_of(&two, name);
		after = dir_master_of(&three, name);
		assert_string_equal(before, dir_master_of(&other, name));
		of_a += before == pools[0].master;
		moved += before != after;
		moved_among_old += before != after && after != pools[2].master;
	}
	assert_true(of_a >= 400 && of_a <= 600);
	assert_true(moved >= 250 && moved <= 420);
	assert_int_equal(moved_among_old, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),	 cmocka_unit_test(test_hostile_values),
		cmocka_unit_test(test_accounts), cmocka_unit_test(test_escape),
		cmocka_unit_test(test_step),	 cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_masters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
