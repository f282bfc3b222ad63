/* SPDX-License-Identifier: MIT */
/*
 * subid share: the maps of mounts, the names of mount points, the way to a directory and
 * what it is recognised by.
 */
#include "tools/subid/share/share.h"

#include "support.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))
#define LAST	 4294967294U

static void print_map(const struct subid_map_line *lines, size_t n, char *buf,
		      size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n && used < size; i++) {
		assert_int_equal(lines[i].inside.count, lines[i].outside.count);
		used += (size_t)snprintf(buf + used, size - used, "%s%u %u %u",
					 i == 0 ? "" : ", ", lines[i].inside.start,
					 lines[i].outside.start, lines[i].inside.count);
	}
}

/* A store, a container's map, and the map of the mount: disk, shown, count. */
static const struct {
	const char *what;
	struct id_range store;
	struct subid_map_line layout[4];
	int answer;
	const char *map;
} maps[] = {
	{ "one range each",
	  { 900000, 65536 },
	  { { { 0, 65536 }, { 100000, 65536 } } },
	  0,
	  "900000 100000 65536" },
	{ "the store has fewer",
	  { 900000, 1000 },
	  { { { 0, 65536 }, { 100000, 65536 } } },
	  0,
	  "900000 100000 1000" },
	{ "the container has fewer",
	  { 900000, 65536 },
	  { { { 0, 10 }, { 100000, 10 } } },
	  0,
	  "900000 100000 10" },
	{ "rootless podman: the user, then the range",
	  { 900000, 65536 },
	  { { { 0, 1 }, { 1001, 1 } }, { { 1, 65536 }, { 100000, 65536 } } },
	  0,
	  "900000 1001 1, 900001 100000 65535" },
	{ "a hole inside is a hole on the disk",
	  { 900000, 65536 },
	  { { { 0, 10 }, { 100000, 10 } }, { { 1000, 5 }, { 200000, 5 } } },
	  0,
	  "900000 100000 10, 901000 200000 5" },
	{ "a line beyond the store is left out",
	  { 900000, 100 },
	  { { { 0, 10 }, { 100000, 10 } }, { { 100, 5 }, { 200000, 5 } } },
	  0,
	  "900000 100000 10" },
	{ "the last ids",
	  { LAST - 9, 10 },
	  { { { 0, 20 }, { 100000, 20 } } },
	  0,
	  "4294967285 100000 10" },
	{ "the last id is shown",
	  { 900000, 10 },
	  { { { 0, 10 }, { LAST - 9, 10 } } },
	  0,
	  "900000 4294967285 10" },
	{ "no line", { 900000, 10 }, { { { 0, 0 }, { 0, 0 } } }, SUBID_ABSENT, "" },
	{ "nothing that the store has",
	  { 900000, 10 },
	  { { { 10, 5 }, { 100000, 5 } } },
	  SUBID_ABSENT,
	  "" },
	{ "root's id is never shown",
	  { 900000, 10 },
	  { { { 0, 1 }, { 0, 1 } }, { { 1, 5 }, { 100000, 5 } } },
	  SUBID_DENIED,
	  "" },
	{ "nor is an id of the store",
	  { 900000, 10 },
	  { { { 0, 5 }, { 900009, 5 } } },
	  SUBID_TAKEN,
	  "" },
	{ "nor one behind what the store shows",
	  { 900000, 10 },
	  { { { 0, 65536 }, { 890000, 65536 } } },
	  SUBID_TAKEN,
	  "" },
	{ "beside the store is fine",
	  { 900000, 10 },
	  { { { 0, 5 }, { 900010, 5 } } },
	  0,
	  "900000 900010 5" },
};

static void test_maps(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(maps); i++) {
		for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
			struct share_map map = { .n = { 0 } };
			char buf[256];
			size_t n = 0;
			int r;

			while (n < 4 && maps[i].layout[n].inside.count > 0)
				n++;
			r = share_map_make(kind, maps[i].store, maps[i].layout, n, &map);
			print_map(map.lines[kind], map.n[kind], buf, sizeof(buf));
			if (r != maps[i].answer || strcmp(buf, maps[i].map) != 0)
				fail_msg("%s: %d, '%s'", maps[i].what, r, buf);
			assert_int_equal(map.n[1 - kind], 0);
		}
	}
}

static void test_shows(void **state)
{
	const struct subid_map_line layout[] = { { { 0, 1 }, { 1001, 1 } },
						 { { 1, 10 }, { 100000, 10 } } };
	struct share_map map = { .n = { 0 } };

	(void)state;
	assert_int_equal(
	    share_map_make(SUBID_GID, (struct id_range){ 900000, 5 }, layout, 2, &map),
	    0);
	assert_int_equal(share_map_shows(&map, SUBID_GID, 900000), 1001);
	assert_int_equal(share_map_shows(&map, SUBID_GID, 900004), 100003);
	assert_int_equal(share_map_shows(&map, SUBID_GID, 900005), SUBID_ID_NONE);
	assert_int_equal(share_map_shows(&map, SUBID_GID, 0), SUBID_ID_NONE);
	assert_int_equal(share_map_shows(&map, SUBID_UID, 900000), SUBID_ID_NONE);
}

static const struct {
	const char *what;
	uint32_t own;
	struct id_range all[3];
	int answer;
	const char *map;
} podmans[] = {
	{ "one range", 1001, { { 100000, 65536 } }, 0, "0 1001 1, 1 100000 65536" },
	{ "two",
	  1001,
	  { { 100000, 10 }, { 300000, 5 } },
	  0,
	  "0 1001 1, 1 100000 10, 11 300000 5" },
	{ "none", 1001, { { 0, 0 } }, 0, "0 1001 1" },
	{ "the own id among them", 100005, { { 100000, 10 } }, SUBID_TAKEN, "" },
	{ "all ids there are", 0, { { 1, LAST } }, 0, "0 0 1, 1 1 4294967294" },
};

static void test_podman(void **state)
{
	static struct subid_map_line lines[SUBID_MAP_LINES_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY(podmans); i++) {
		struct id_range all[3];
		struct subid_set set = { .ranges = all };
		char buf[256];
		size_t n = 0;
		int r;

		memcpy(all, podmans[i].all, sizeof(all));
		while (set.n < 3 && all[set.n].count > 0)
			set.n++;
		r = share_podman_layout(podmans[i].own, &set, lines, &n);
		print_map(lines, n, buf, sizeof(buf));
		if (r != podmans[i].answer || strcmp(buf, podmans[i].map) != 0)
			fail_msg("%s: %d, '%s'", podmans[i].what, r, buf);
	}
}

static void test_podman_many(void **state)
{
	static struct subid_map_line lines[SUBID_MAP_LINES_MAX];
	static struct id_range all[SUBID_MAP_LINES_MAX];
	struct subid_set set = { .ranges = all, .n = SUBID_MAP_LINES_MAX };
	size_t n;

	(void)state;
	for (size_t i = 0; i < set.n; i++)
		all[i] = (struct id_range){ (uint32_t)(100000 + 10 * i), 5 };
	assert_int_equal(share_podman_layout(1, &set, lines, &n), SUBID_FULL);
	set.n--;
	assert_int_equal(share_podman_layout(1, &set, lines, &n), 0);
	assert_int_equal(n, SUBID_MAP_LINES_MAX);
}

static const struct {
	struct share_name store, target;
	bool podman;
	const char *path; /* NULL: refused */
} points[] = {
	{ { "root", 0, "p" }, { "bob", 1001, NULL }, false, "bob/@all/root/p" },
	{ { "root", 0, "p" }, { "bob", 1001, NULL }, true, "bob/@podman/root/p" },
	{ { "root", 0, "p" }, { "bob", 1001, "c1" }, false, "bob/c1/root/p" },
	{ { "alice", 1000, "p" }, { "DOM\\bob", 1001, "c1" }, false, "1001/c1/alice/p" },
	{ { "a b", 1000, "p" }, { "1000", 5, NULL }, false, "5/@all/1000/p" },
	{ { "..", 1000, "p" }, { ".x", 5, NULL }, false, "5/@all/1000/p" },
	{ { "shares", SUBID_ID_NONE, "p" },
	  { "7", SUBID_ID_NONE, NULL },
	  false,
	  "7/@all/shares/p" },
	{ { "a b", SUBID_ID_NONE, "p" }, { "bob", 1001, NULL }, false, NULL },
	{ { "root", 0, "p" }, { "..", SUBID_ID_NONE, NULL }, false, NULL },
};

static void test_points(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(points); i++) {
		struct share_point point;
		int r = share_point_name(&points[i].store, &points[i].target,
					 points[i].podman, &point);

		assert_int_equal(r, points[i].path == NULL ? -EINVAL : 0);
		if (r == 0)
			assert_string_equal(point.path, points[i].path);
	}
}

static void test_valid_dirs(void **state)
{
	static const char *const good[] = { "/srv", "/srv/a b", "//srv//x/", "/...",
					    "/a..b" };
	static const char *const bad[] = { "",	      "srv",	 "/",	     "//",
					   "/srv/..", "/../srv", "/srv/./x", "/a\nb",
					   "/a\033b", "/." };

	(void)state;
	for (size_t i = 0; i < ARRAY(good); i++)
		assert_true(share_dir_valid(good[i]));
	for (size_t i = 0; i < ARRAY(bad); i++)
		assert_false(share_dir_valid(bad[i]));
}

static const struct {
	const char *what;
	struct subid_share_place recorded, found;
	bool same;
} places[] = {
	{ "the same",
	  { 5, 9, 8, 1, "ext4", "uuid:1" },
	  { 5, 9, 8, 1, "ext4", "uuid:1" },
	  true },
	{ "another device number, after a boot",
	  { 5, 9, 7, 0, "ext4", "uuid:1" },
	  { 5, 9, 7, 3, "ext4", "uuid:1" },
	  true },
	{ "another UUID",
	  { 5, 9, 8, 1, "ext4", "uuid:1" },
	  { 5, 9, 8, 1, "ext4", "uuid:2" },
	  false },
	{ "another type",
	  { 5, 9, 8, 1, "ext4", "uuid:1" },
	  { 5, 9, 8, 1, "xfs", "uuid:1" },
	  false },
	{ "another inode",
	  { 5, 9, 8, 1, "ext4", "uuid:1" },
	  { 6, 9, 8, 1, "ext4", "uuid:1" },
	  false },
	{ "the inode again, but made later",
	  { 5, 9, 8, 1, "ext4", "uuid:1" },
	  { 5, 10, 8, 1, "ext4", "uuid:1" },
	  false },
	{ "a newer kernel tells the UUID: the device decides",
	  { 5, 9, 8, 1, "xfs", "fsid:7" },
	  { 5, 9, 8, 1, "xfs", "uuid:1" },
	  true },
	{ "and another device",
	  { 5, 9, 8, 1, "xfs", "fsid:7" },
	  { 5, 9, 8, 2, "xfs", "uuid:1" },
	  false },
	{ "nothing but the device is known",
	  { 5, 0, 0, 40, "tmpfs", "-" },
	  { 5, 0, 0, 41, "tmpfs", "-" },
	  false },
	{ "an id of the filesystem, another device",
	  { 5, 9, 0, 40, "btrfs", "fsid:7" },
	  { 5, 9, 0, 41, "btrfs", "fsid:7" },
	  true },
};

static void test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(places); i++) {
		const char *differs =
		    share_place_differs(&places[i].recorded, &places[i].found);

		if ((differs == NULL) != places[i].same)
			fail_msg("%s: %s", places[i].what,
				 differs == NULL ? "the same" : differs);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),   cmocka_unit_test(test_shows),
		cmocka_unit_test(test_podman), cmocka_unit_test(test_podman_many),
		cmocka_unit_test(test_points), cmocka_unit_test(test_valid_dirs),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
