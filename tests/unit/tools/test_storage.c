/* SPDX-License-Identifier: MIT */
/*
 * What becomes of ids, of the bytes in which the kernel keeps them, and of modes: pure.
 */
#include <endian.h>
#include <linux/capability.h>

#include "tools/subid/storage/private.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* --- maps ----------------------------------------------------------------------------
 */

#define RANGES_MAX 3

static void fill(struct subid_set *set, const struct id_range ranges[RANGES_MAX])
{
	for (size_t i = 0; i < RANGES_MAX && ranges[i].count > 0; i++)
		assert_int_equal(subid_set_insert(set, ranges[i]), 0);
}

static const struct {
	const char *name;
	struct id_range from[RANGES_MAX], to[RANGES_MAX];
	int answer;
	struct {
		uint32_t id, becomes;
		enum storage_place place;
	} ids[6];
} maps[] = {
	{ "one range",
	  { { 100000, 65536 } },
	  { { 300000, 65536 } },
	  0,
	  { { 100000, 300000, STORAGE_FROM },
	    { 165535, 365535, STORAGE_FROM },
	    { 99999, 99999, STORAGE_OUTSIDE },
	    { 165536, 165536, STORAGE_OUTSIDE },
	    { 300000, 300000, STORAGE_TO },
	    { 365536, 365536, STORAGE_OUTSIDE } } },
	{ "adjoining ranges",
	  { { 100, 10 } },
	  { { 110, 10 } },
	  0,
	  { { 109, 119, STORAGE_FROM },
	    { 110, 110, STORAGE_TO },
	    { 119, 119, STORAGE_TO },
	    { 120, 120, STORAGE_OUTSIDE } } },
	{ "the last ids",
	  { { 4294967285, 10 } },
	  { { 0, 10 } },
	  0,
	  { { 4294967294, 9, STORAGE_FROM },
	    { 4294967295, 4294967295, STORAGE_OUTSIDE },
	    { 0, 0, STORAGE_TO } } },
	{ "cut on both sides",
	  { { 100, 3 }, { 200, 3 } },
	  { { 10, 2 }, { 20, 1 }, { 30, 5 } },
	  0,
	  { { 101, 11, STORAGE_FROM },
	    { 102, 20, STORAGE_FROM },
	    { 200, 30, STORAGE_FROM },
	    { 202, 32, STORAGE_FROM },
	    { 34, 34, STORAGE_TO },
	    { 103, 103, STORAGE_OUTSIDE } } },
	{ "overlap by one", { { 100, 10 } }, { { 109, 10 } }, SUBID_TAKEN, { { 0 } } },
	{ "one inside", { { 100, 10 } }, { { 50, 100 } }, SUBID_TAKEN, { { 0 } } },
	{ "the same", { { 100, 10 } }, { { 100, 10 } }, SUBID_ABSENT, { { 0 } } },
	{ "too few", { { 100, 10 } }, { { 200, 9 } }, SUBID_FULL, { { 0 } } },
	{ "none", { { 0 } }, { { 200, 9 } }, SUBID_ABSENT, { { 0 } } },
	{ "none to take", { { 100, 1 } }, { { 0 } }, SUBID_FULL, { { 0 } } },
};

static void check_ids(const struct storage_map *map, size_t i)
{
	for (size_t k = 0; k < ARRAY(maps[i].ids); k++)
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			uint32_t becomes = 1;

			if (k > 0 && maps[i].ids[k].place == 0 && maps[i].ids[k].id == 0)
				break;
			assert_int_equal(
			    storage_map_id(map, kind, maps[i].ids[k].id, &becomes),
			    maps[i].ids[k].place);
			assert_int_equal(becomes, maps[i].ids[k].becomes);
		}
}

static void test_maps(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(maps); i++) {
		auto_sets struct subid_sets from = { .of = { { .n = 0 } } };
		auto_sets struct subid_sets to = { .of = { { .n = 0 } } };
		auto_storage_map struct storage_map map = { .of = { { .n = 0 } } };
		struct storage_refusal why;

		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			fill(&from.of[kind], maps[i].from);
			fill(&to.of[kind], maps[i].to);
		}
		assert_int_equal(storage_map_make(&from, &to, &map, &why),
				 maps[i].answer);
		if (maps[i].answer == 0)
			check_ids(&map, i);
	}
}

/* Every id of random ranges, beside the n-th of two lists. */
static void test_maps_by_counting(void **state)
{
	unsigned int seed = 1;

	(void)state;
	for (size_t turn = 0; turn < 500; turn++) {
		auto_sets struct subid_sets from = { .of = { { .n = 0 } } };
		auto_sets struct subid_sets to = { .of = { { .n = 0 } } };
		auto_storage_map struct storage_map map = { .of = { { .n = 0 } } };
		uint32_t lists[2][200], n[2] = { 0, 0 };
		struct storage_refusal why;

		for (uint32_t id = 0; id < 200; id++) {
			int whose = rand_r(&seed) % 3;
			struct subid_sets *sets = whose == 0 ? &from : &to;

			if (whose == 2)
				continue;
			lists[whose][n[whose]++] = id;
			assert_int_equal(subid_set_insert(&sets->of[SUBID_UID],
							  (struct id_range){ id, 1 }),
					 0);
		}
		if (storage_map_make(&from, &to, &map, &why) == SUBID_FULL) {
			assert_true(n[0] > n[1]);
			assert_int_equal(why.from_n, n[0]);
			assert_int_equal(why.to_n, n[1]);
			continue;
		}
		for (uint32_t i = 0; i < n[0]; i++) {
			uint32_t becomes;

			assert_int_equal(
			    storage_map_id(&map, SUBID_UID, lists[0][i], &becomes),
			    STORAGE_FROM);
			assert_int_equal(becomes, lists[1][i]);
		}
	}
}

/* Without the other side, a map knows what is in from, and changes nothing. */
static void test_map_of_one_side(void **state)
{
	auto_sets struct subid_sets from = { .of = { { .n = 0 } } };
	auto_storage_map struct storage_map map = { .of = { { .n = 0 } } };
	struct storage_refusal why;
	uint32_t becomes;

	(void)state;
	fill(&from.of[SUBID_UID], (struct id_range[RANGES_MAX]){ { 5, 5 } });
	assert_int_equal(storage_map_make(&from, NULL, &map, &why), 0);
	assert_int_equal(storage_map_id(&map, SUBID_UID, 9, &becomes), STORAGE_FROM);
	assert_int_equal(becomes, 9);
	assert_int_equal(storage_map_id(&map, SUBID_GID, 9, &becomes), STORAGE_OUTSIDE);
}

/* A grant may have moved one kind alone: the other stays as it is. */
static void test_map_of_one_kind(void **state)
{
	auto_sets struct subid_sets from = { .of = { { .n = 0 } } };
	auto_sets struct subid_sets to = { .of = { { .n = 0 } } };
	auto_storage_map struct storage_map map = { .of = { { .n = 0 } } };
	struct storage_refusal why;
	uint32_t becomes;

	(void)state;
	fill(&from.of[SUBID_UID], (struct id_range[RANGES_MAX]){ { 5, 5 } });
	fill(&from.of[SUBID_GID], (struct id_range[RANGES_MAX]){ { 5, 5 } });
	fill(&to.of[SUBID_UID], (struct id_range[RANGES_MAX]){ { 50, 5 } });
	fill(&to.of[SUBID_GID], (struct id_range[RANGES_MAX]){ { 5, 5 } });
	assert_int_equal(storage_map_make(&from, &to, &map, &why), 0);
	assert_int_equal(storage_map_id(&map, SUBID_UID, 9, &becomes), STORAGE_FROM);
	assert_int_equal(becomes, 54);
	assert_int_equal(storage_map_id(&map, SUBID_GID, 9, &becomes), STORAGE_KEPT);
	assert_int_equal(storage_map_id(&map, SUBID_GID, 0, &becomes), STORAGE_KEPT);
	assert_int_equal(becomes, 0);
}

/* --- ACLs ----------------------------------------------------------------------------
 */

#define NO_ID UINT32_MAX

/* Users 100 to 109 become 200 to 209; groups 100 to 109 become 300 to 309. */
static uint32_t translate(void *data, enum subid_kind kind, uint32_t id)
{
	unsigned int *asked = data;

	++*asked;
	if (id < 100 || id > 109)
		return id;
	return id + (kind == SUBID_UID ? 100 : 200);
}

struct acl_row {
	uint16_t tag, permissions;
	uint32_t id;
};

static size_t print_acl(const struct acl_row *rows, size_t n, uint8_t *ret)
{
	uint32_t version = htole32(2);
	uint8_t *at = ret + sizeof(version);

	(void)memcpy(ret, &version, sizeof(version));
	for (size_t i = 0; i < n; i++, at += 8) {
		uint16_t words[2] = { htole16(rows[i].tag),
				      htole16(rows[i].permissions) };
		uint32_t id = htole32(rows[i].id);

		(void)memcpy(at, words, sizeof(words));
		(void)memcpy(at + sizeof(words), &id, sizeof(id));
	}
	return (size_t)(at - ret);
}

#define ACL_ROWS 7

static const struct {
	struct acl_row before[ACL_ROWS], after[ACL_ROWS];
	size_t n;
	int answer;
	unsigned int asked;
} acls[] = {
	{ { { 1, 7, NO_ID }, { 4, 5, NO_ID }, { 32, 0, NO_ID } }, { { 0 } }, 3, 0, 0 },
	{ { { 1, 7, NO_ID },
	    { 2, 6, 100 },
	    { 4, 5, NO_ID },
	    { 8, 4, 100 },
	    { 16, 7, NO_ID },
	    { 32, 0, NO_ID } },
	  { { 1, 7, NO_ID },
	    { 2, 6, 200 },
	    { 4, 5, NO_ID },
	    { 8, 4, 300 },
	    { 16, 7, NO_ID },
	    { 32, 0, NO_ID } },
	  6,
	  1,
	  2 },
	/* others' ids stay, and their order is kept */
	{ { { 1, 7, NO_ID },
	    { 2, 1, 5 },
	    { 2, 2, 109 },
	    { 2, 4, 150 },
	    { 4, 5, NO_ID },
	    { 16, 7, NO_ID },
	    { 32, 0, NO_ID } },
	  { { 1, 7, NO_ID },
	    { 2, 1, 5 },
	    { 2, 4, 150 },
	    { 2, 2, 209 },
	    { 4, 5, NO_ID },
	    { 16, 7, NO_ID },
	    { 32, 0, NO_ID } },
	  7,
	  1,
	  3 },
	{ { { 1, 7, NO_ID }, { 2, 1, 99 }, { 4, 5, NO_ID }, { 8, 1, 110 } },
	  { { 0 } },
	  4,
	  0,
	  2 },
	/* somebody has 203 already */
	{ { { 1, 7, NO_ID }, { 2, 7, 103 }, { 2, 0, 203 }, { 4, 5, NO_ID } },
	  { { 0 } },
	  4,
	  -EEXIST,
	  2 },
	/* a group of that number is another's */
	{ { { 1, 7, NO_ID }, { 2, 7, 103 }, { 4, 5, NO_ID }, { 8, 1, 203 } },
	  { { 1, 7, NO_ID }, { 2, 7, 203 }, { 4, 5, NO_ID }, { 8, 1, 203 } },
	  4,
	  1,
	  2 },
	{ { { 0 } }, { { 0 } }, 0, 0, 0 },
};

static void test_acls(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(acls); i++) {
		uint8_t acl[4 + 8 * ACL_ROWS], wanted[sizeof(acl)];
		size_t size = print_acl(acls[i].before, acls[i].n, acl);
		unsigned int asked = 0;

		assert_int_equal(acl_translate(acl, size, translate, &asked),
				 acls[i].answer);
		assert_int_equal(asked, acls[i].asked);
		(void)print_acl(acls[i].answer == 1 ? acls[i].after : acls[i].before,
				acls[i].n, wanted);
		if (acls[i].answer >= 0)
			assert_memory_equal(acl, wanted, size);
	}
}

static void test_broken_acls(void **state)
{
	static const struct acl_row rows[] = { { 1, 7, NO_ID }, { 2, 7, 100 } };
	uint8_t acl[4 + 8 * ARRAY(rows)];
	size_t size = print_acl(rows, ARRAY(rows), acl);
	unsigned int asked = 0;

	(void)state;
	for (size_t n = 0; n < size; n++)
		assert_int_equal(acl_translate(acl, n, translate, &asked),
				 n % 8 == 4 ? 0 : -EINVAL);
	acl[0] = 1;
	assert_int_equal(acl_translate(acl, size, translate, &asked), -EINVAL);
	assert_int_equal(asked, 0);
}

/* --- capabilities --------------------------------------------------------------------
 */

static struct caps caps_of(uint32_t magic, size_t size, uint32_t root)
{
	struct caps caps = { .size = size };
	uint32_t words[6] = { htole32(magic), htole32(0x2000), htole32(1),
			      htole32(2),     htole32(3),      htole32(root) };

	(void)memcpy(caps.bytes, words, sizeof(words));
	return caps;
}

static const struct {
	uint32_t magic;
	size_t size;
	uint32_t root;
	int answer;
	uint32_t has, set;
	uint32_t new_magic;
	size_t new_size;
} capabilities[] = {
	/* v2 is root's of the host; of a container it must be v3 */
	{ 0x02000000, 20, 9, 0, 0, 0, 0x02000000, 20 },
	{ 0x02000001, 20, 0, 0, 0, 100000, 0x03000001, 24 },
	{ 0x03000000, 24, 100000, 0, 100000, 300000, 0x03000000, 24 },
	{ 0x03000001, 24, 100000, 0, 100000, 0, 0x02000001, 20 },
	{ 0x03000000, 24, 0, 0, 0, 0, 0x02000000, 20 },
	{ 0x03000000, 20, 0, -EINVAL, 0, 0, 0, 0 },
	{ 0x02000000, 24, 0, -EINVAL, 0, 0, 0, 0 },
	{ 0x01000000, 12, 0, -EINVAL, 0, 0, 0, 0 },
	{ 0x04000000, 24, 0, -EINVAL, 0, 0, 0, 0 },
	{ 0x02000000, 0, 0, -EINVAL, 0, 0, 0, 0 },
	{ 0x02000000, 3, 0, -EINVAL, 0, 0, 0, 0 },
};

static void test_capabilities(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(capabilities); i++) {
		struct caps caps = caps_of(capabilities[i].magic, capabilities[i].size,
					   capabilities[i].root);
		struct caps wanted =
		    caps_of(capabilities[i].new_magic, capabilities[i].new_size,
			    capabilities[i].set);
		uint32_t root = 1;

		assert_int_equal(caps_root(&caps, &root), capabilities[i].answer);
		if (capabilities[i].answer != 0)
			continue;
		assert_int_equal(root, capabilities[i].has);
		caps_set_root(&caps, capabilities[i].set);
		assert_int_equal(caps.size, wanted.size);
		assert_memory_equal(caps.bytes, wanted.bytes, wanted.size);
	}
}

/* --- records -------------------------------------------------------------------------
 */

static struct record some_record(void)
{
	return (struct record){
		.bits = 06000,
		.before = { 100000, 100001 },
		.after = { 300000, 300001 },
		.caps = caps_of(0x03000000, 24, 100000),
		.root = 300000,
	};
}

static void test_records(void **state)
{
	struct record record = some_record(), got;
	uint8_t bytes[RECORD_SIZE], again[RECORD_SIZE];

	(void)state;
	record_print(&record, bytes);
	assert_int_equal(record_parse(bytes, sizeof(bytes), &got), 0);
	assert_int_equal(got.bits, 06000);
	assert_int_equal(got.before[SUBID_GID], 100001);
	assert_int_equal(got.after[SUBID_UID], 300000);
	assert_int_equal(got.root, 300000);
	record_print(&got, again);
	assert_memory_equal(bytes, again, sizeof(bytes));
}

/* Each byte in which a number would be one that no record has. */
static void test_broken_records(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} wrong[] = {
		{ 0, 'x' },		/* not ours */
		{ 4, 1 },		/* bits other than setuid and setgid */
		{ 5, 0x0e },		/* the sticky bit */
		{ 28, 25 },		/* capabilities of 25 bytes */
		{ 28, 20 },		/* of revision 3 without root id */
		{ 29, 1 },   { 35, 9 }, /* of another revision */
	};
	struct record record = some_record(), got;
	uint8_t bytes[RECORD_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY(wrong); i++) {
		record_print(&record, bytes);
		bytes[wrong[i].at] = wrong[i].byte;
		assert_int_equal(record_parse(bytes, sizeof(bytes), &got), SUBID_INVALID);
	}
	record_print(&record, bytes);
	for (size_t size = 0; size < sizeof(bytes); size++)
		assert_int_equal(record_parse(bytes, size, &got), SUBID_INVALID);
}

/* --- what becomes of an entry --------------------------------------------------------
 */

enum { NOTHING, OTHER, BEFORE, AFTER };

/* The entry is 100000:100000 (before) or 300000:300000 (after), or somebody else's. */
static const struct {
	const char *name;
	uint32_t id;
	mode_t mode;
	size_t caps; /* 24 of root 100000; 0: none */
	int record;  /* none, or written between these ids: see above */
	/* what is wanted */
	bool owner, restore, finish, privileged;
	mode_t becomes;
	uint32_t root; /* of its capabilities; 0: none */
} entries[] = {
	{ "plain", 100000, 0100644, 0, 0, true, false, false, false, 0100644, 0 },
	{ "setuid", 100000, 0104755, 0, 0, true, false, false, true, 0104755, 0 },
	{ "sticky", 100000, 0101755, 0, 0, true, false, false, false, 0101755, 0 },
	{ "a directory keeps its bits", 100000, 0042775, 0, 0, true, false, false, false,
	  0042775, 0 },
	{ "caps", 100000, 0100755, 24, 0, true, true, false, true, 0100755, 300000 },
	{ "done", 300000, 0104755, 0, 0, false, false, false, true, 0104755, 0 },
	{ "somebody else's", 7, 0104755, 0, 0, false, false, false, true, 0104755, 0 },
	{ "killed before the owner changed", 100000, 0106755, 24, AFTER, true, true, true,
	  true, 0106755, 300000 },
	{ "the capabilities had gone by then", 100000, 0106755, 0, AFTER, true, true,
	  true, true, 0106755, 300000 },
	{ "a bit was taken since by its owner", 100000, 0100755, 0, AFTER, true, true,
	  true, true, 0100755, 300000 },
	{ "killed after it changed", 300000, 0100755, 0, AFTER, false, true, true, true,
	  0106755, 300000 },
	{ "killed before the record went", 300000, 0106755, 0, AFTER, false, true, true,
	  true, 0106755, 300000 },
	{ "a record of the past", 300000, 0100755, 0, OTHER, false, false, true, false,
	  0100755, 0 },
	{ "of another shift", 100000, 0100755, 0, OTHER, true, false, true, false,
	  0100755, 0 },
};

static void ignore(void *data, enum storage_what what, enum storage_place place,
		   uint32_t id)
{
	(void)data;
	(void)what;
	(void)place;
	(void)id;
}

static void make_map(struct storage_map *ret)
{
	auto_sets struct subid_sets from = { .of = { { .n = 0 } } };
	auto_sets struct subid_sets to = { .of = { { .n = 0 } } };
	struct storage_refusal why;

	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		fill(&from.of[kind], (struct id_range[RANGES_MAX]){ { 100000, 65536 } });
		fill(&to.of[kind], (struct id_range[RANGES_MAX]){ { 300000, 65536 } });
	}
	assert_int_equal(storage_map_make(&from, &to, ret, &why), 0);
}

static struct entry entry_of(size_t i)
{
	struct entry entry = {
		.fd = -1,
		.mode = entries[i].mode,
		.ids = { entries[i].id, entries[i].id },
		.has_record = entries[i].record != NOTHING,
		.record = some_record(),
	};

	entry.record.before[SUBID_GID] = 100000;
	entry.record.after[SUBID_GID] = 300000;
	if (entries[i].record == OTHER)
		entry.record.before[SUBID_UID] = entry.record.after[SUBID_UID] = 5;
	if (entries[i].caps > 0)
		entry.caps = caps_of(0x03000000, entries[i].caps, 100000);
	return entry;
}

static void test_entries(void **state)
{
	auto_storage_map struct storage_map map = { .of = { { .n = 0 } } };

	(void)state;
	make_map(&map);
	for (size_t i = 0; i < ARRAY(entries); i++) {
		struct entry entry = entry_of(i);
		struct change change;
		uint32_t root = 0;

		assert_int_equal(change_plan(&entry, &map, ignore, NULL, &change), 0);
		if (change.owner != entries[i].owner ||
		    change.restore != entries[i].restore ||
		    change.finish != entries[i].finish ||
		    change.privileged != entries[i].privileged ||
		    change.mode != entries[i].becomes)
			fail_msg("%s: owner %d restore %d finish %d privileged %d %o",
				 entries[i].name, change.owner, change.restore,
				 change.finish, change.privileged, change.mode);
		if (change.caps.size > 0)
			assert_int_equal(caps_root(&change.caps, &root), 0);
		assert_int_equal(root, entries[i].root);
		change_free(&change);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_maps_by_counting),
		cmocka_unit_test(test_map_of_one_side),
		cmocka_unit_test(test_map_of_one_kind),
		cmocka_unit_test(test_acls),
		cmocka_unit_test(test_broken_acls),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_broken_records),
		cmocka_unit_test(test_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
