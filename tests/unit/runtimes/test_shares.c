/* SPDX-License-Identifier: MIT */
/*
 * Records of stores of shared files: what is understood of them, and what is refused; and
 * that their ids count as taken.
 */
#include "libsubid/runtimes/private.h"
#include "support.h"

#define HEAD  "subid share 1\nstore root/pictures\nstate ready\n"
#define IDS   "uid 900000 65536\ngid 910000 65536\n"
#define PLACE "inode 12 1700000000\ndevice 8 1\nfilesystem ext4 uuid:0a1b\n"
#define DIR_  "dir /srv/a b\n"
#define GOOD  HEAD IDS PLACE DIR_
#define MOUNT "mount rw lxc bob/c1/root/pictures bob/c1\n"

static const struct {
	const char *what;
	const char *text;
	int answer;
} cases[] = {
	{ "no mount", GOOD "end\n", 0 },
	{ "two mounts", GOOD MOUNT "mount ro podman a/@podman/r/p DOM\\a b\nend\n", 0 },
	{ "begun",
	  "subid share 1\nstore a/b\nstate begun\n" IDS
	  "inode 0 0\ndevice 0 0\nfilesystem - -\n" DIR_ "end\n",
	  0 },
	{ "nothing", "", SUBID_INVALID },
	{ "cut before the end", GOOD, SUBID_INVALID },
	{ "cut in the last line", GOOD "end", SUBID_INVALID },
	{ "more behind it", GOOD "end\nend\n", SUBID_INVALID },
	{ "another version", "subid share 2\nstore a/b\n", SUBID_INVALID },
	{ "another order",
	  "subid share 1\nstate ready\nstore a/b\n" IDS PLACE DIR_ "end\n",
	  SUBID_INVALID },
	{ "a store without an owner",
	  "subid share 1\nstore b\nstate ready\n" IDS PLACE DIR_ "end\n", SUBID_INVALID },
	{ "an unknown state",
	  "subid share 1\nstore a/b\nstate no\n" IDS PLACE DIR_ "end\n", SUBID_INVALID },
	{ "root's ids", HEAD "uid 0 65536\ngid 1 1\n" PLACE DIR_ "end\n", SUBID_INVALID },
	{ "the id that is none", HEAD "uid 4294967295 1\ngid 1 1\n" PLACE DIR_ "end\n",
	  SUBID_INVALID },
	{ "no ids", HEAD "uid 5 0\ngid 1 1\n" PLACE DIR_ "end\n", SUBID_INVALID },
	{ "a count beyond 32 bits", HEAD "uid 5 4294967296\ngid 1 1\n" PLACE DIR_ "end\n",
	  SUBID_INVALID },
	{ "a number with a sign", HEAD "uid +5 1\ngid 1 1\n" PLACE DIR_ "end\n",
	  SUBID_INVALID },
	{ "a leading zero", HEAD "uid 05 1\ngid 1 1\n" PLACE DIR_ "end\n",
	  SUBID_INVALID },
	{ "a third number", HEAD "uid 5 1 1\ngid 1 1\n" PLACE DIR_ "end\n",
	  SUBID_INVALID },
	{ "a number beyond 64 bits",
	  HEAD IDS "inode 18446744073709551616 0\ndevice 8 1\nfilesystem a b\n" DIR_
		   "end\n",
	  SUBID_INVALID },
	{ "a path that is not absolute", HEAD IDS PLACE "dir srv\nend\n", SUBID_INVALID },
	{ "a path that a terminal acts on", HEAD IDS PLACE "dir /srv\033[2J\nend\n",
	  SUBID_INVALID },
	{ "a mount that leads up", GOOD "mount rw lxc bob/../x bob\nend\n",
	  SUBID_INVALID },
	{ "a mount at the root", GOOD "mount rw lxc /etc bob\nend\n", SUBID_INVALID },
	{ "a mount at nothing", GOOD "mount rw lxc bob/ bob\nend\n", SUBID_INVALID },
	{ "a mount for nobody", GOOD "mount rw lxc bob \nend\n", SUBID_INVALID },
	{ "a mount of an unknown mode", GOOD "mount rx lxc bob bob\nend\n",
	  SUBID_INVALID },
};

static int parse(const char *bytes, size_t size, struct subid_share *ret)
{
	/* a copy that ends where it ends, for the sanitizer to see */
	char *copy = malloc(size + 1);
	struct subid_text text = { .bytes = copy, .size = size };
	int r;

	memcpy(copy, bytes, size);
	copy[size] = '\0';
	r = subid_share_parse(&text, ret);
	free(copy);
	return r;
}

/* What is understood is printed as it was. */
static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_share struct subid_share share = { .text = NULL };
		auto_text struct subid_text printed = { .bytes = NULL };
		int r = parse(cases[i].text, strlen(cases[i].text), &share);

		if (r != cases[i].answer)
			fail_msg("%s: %d", cases[i].what, r);
		if (r != 0)
			continue;
		assert_int_equal(subid_share_print(&share, &printed), 0);
		assert_string_equal(printed.bytes, cases[i].text);
	}
}

/* Of a good record, each part that is cut off is none. */
static void test_cut(void **state)
{
	static const char whole[] = GOOD MOUNT "end\n";

	(void)state;
	for (size_t size = 0; size < sizeof(whole) - 1; size++) {
		auto_share struct subid_share share = { .text = NULL };

		assert_int_equal(parse(whole, size, &share), SUBID_INVALID);
	}
}

static void test_values(void **state)
{
	auto_share struct subid_share share = { .text = NULL };
	static const char text[] = GOOD "mount ro podman a/@podman/r/p DOM\\a b\nend\n";

	(void)state;
	assert_int_equal(parse(text, sizeof(text) - 1, &share), 0);
	assert_string_equal(share.store, "root/pictures");
	assert_int_equal(share.state, SUBID_SHARE_READY);
	assert_int_equal(share.ids[SUBID_GID].start, 910000);
	assert_string_equal(share.dir, "/srv/a b");
	assert_int_equal(share.place.born, 1700000000);
	assert_string_equal(share.place.identity, "uuid:0a1b");
	assert_int_equal(share.n_mounts, 1);
	assert_true(share.mounts[0].read_only);
	assert_string_equal(share.mounts[0].target, "DOM\\a b");
	assert_string_equal(share.mounts[0].point, "a/@podman/r/p");
}

static void test_nul(void **state)
{
	auto_share struct subid_share share = { .text = NULL };
	char text[] = GOOD "end\n";

	(void)state;
	*strstr(text, "pictures") = '\0';
	assert_int_equal(parse(text, sizeof(text) - 1, &share), SUBID_INVALID);
}

static int put_shares(int dir)
{
	int shares;

	put_dir(dir, "var");
	put_dir(dir, "var/lib");
	put_dir(dir, "var/lib/subid");
	shares = open_new_dir(dir, "var/lib/subid/shares");
	put_file(shares, "900000", GOOD MOUNT "end\n");
	put_file(shares, "900000-", GOOD "end\n");
	put_file(shares, "900000+", "half");
	put_file(shares, ".lock", "");
	return shares;
}

/* Read by root's programs: whole, and as ids that are taken. */
static void test_directory(void **state)
{
	auto_shares struct subid_shares shares = { .n = 0 };
	auto_runtime_state struct subid_runtime_state taken = { .n = 0 };
	int dir = etc_of(state), records = put_shares(dir);
	struct subid_runtime_place place = { .dir = dir, .trusted = true };

	assert_int_equal(subid_shares_read(dir, &shares), 0);
	assert_int_equal(shares.n, 1);
	assert_int_equal(shares.n_unread, 0);
	assert_int_equal(subid_runtime_read(&place, &taken), 0);
	assert_int_equal(taken.n, 2);
	assert_string_equal(taken.list[0].runtime, "share");
	assert_string_equal(taken.list[0].name, "root/pictures");
	assert_int_equal(taken.list[0].range.start, 900000);
	assert_int_equal(taken.list[1].range.start, 910000);
	assert_int_equal(taken.n_unread, 0);
	/* a home has none */
	place.user = true;
	subid_runtime_state_free(&taken);
	assert_int_equal(subid_runtime_read(&place, &taken), 0);
	assert_int_equal(taken.n, 0);
	assert_int_equal(close(records), 0);
}

static void test_damage(void **state)
{
	auto_shares struct subid_shares shares = { .n = 0 };
	int dir = etc_of(state), records = put_shares(dir);

	put_file(records, "1", "no record");
	assert_int_equal(symlinkat("900000", records, "2"), 0);
	assert_int_equal(mkfifoat(records, "3", 0600), 0);
	assert_int_equal(subid_shares_read(dir, &shares), 0);
	/* root may keep a record elsewhere; a pipe is none */
	assert_int_equal(shares.n, 2);
	assert_int_equal(shares.n_unread, 2);
	assert_true(shares.error != 0 && shares.unread[0] != '\0');
	assert_int_equal(close(records), 0);
}

static void test_none(void **state)
{
	auto_shares struct subid_shares shares = { .n = 0 };

	assert_int_equal(subid_shares_read(etc_of(state), &shares), 0);
	assert_int_equal(shares.n + shares.n_unread, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),  cmocka_unit_test(test_cut),
		cmocka_unit_test(test_values), cmocka_unit_test(test_nul),
		scratch_test(test_directory),  scratch_test(test_damage),
		scratch_test(test_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
