/* SPDX-License-Identifier: MIT */
/*
 * Paths step by step, and who may write a file by its access list or capabilities.
 */
#include "libsubid/audit/private.h"

#include <linux/capability.h>

#include "audit_walk.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

static void put_link(int dir, const char *name, const char *target)
{
	(void)unlinkat(dir, name, 0);
	assert_int_equal(symlinkat(target, dir, name), 0);
}

static const struct {
	const char *path, *walk;
	const char *name, *target; /* a link that is made first */
} walks[] = {
	{ "/", "/i", NULL, NULL },
	{ "/a/b/file", "/i /i/a /i/a/b /i/a/b/file", NULL, NULL },
	{ "//a/.//b/./file/", "/i /i/a /i/a/b /i/a/b/file", NULL, NULL },
	{ "/a/../a/b/../b/file", "/i /i/a /i/a/b /i/a/b/file", NULL, NULL },
	{ "/../../a/b/file", "/i /i/a /i/a/b /i/a/b/file", NULL, NULL },
	{ "/a/b/..", "/i /i/a /i/a/b /i/a", NULL, NULL },
	{ "/a/none/file", "/i /i/a /i/a/none!2", NULL, NULL },
	{ "/a/b/file/x", "/i /i/a /i/a/b /i/a/b/file!20", NULL, NULL },
	/* links */
	{ "/a/link", "/i /i/a /i/a/b /i/a/b/file", "a/link", "b/file" },
	{ "/a/link", "/i /i/a /i/a/b /i/a/b/file", "a/link", "/a/b/file" },
	{ "/a/link/file", "/i /i/a /i/a/b /i/a/b/file", "a/link", "../a/b" },
	{ "/link/file", "/i /i/a /i/a/b /i/a/b/file", "link", "/a/b/" },
	{ "/link", "/i /i", "link", "/" },
	{ "/link", "/i /i", "link", "." },
	{ "/link/a/b/file", "/i /i/a /i/a/b /i/a/b/file", "link", "/" },
	/* that would lead out */
	{ "/a/link/etc/passwd", "/i /i/a /i/etc!2", "a/link", "../../../../../../.." },
	{ "/a/link", "/i /i/a /i/etc!2", "a/link", "/etc/passwd" },
	{ "/a/link/passwd", "/i /i/a /i/proc!2", "a/link", "/proc/self/root/etc" },
	/* names that are not for a terminal */
	{ "/a/link", "/i /i/a /i/a/x?[2J?y!2", "a/link", "x\033[2J\ny" },
	/* that lead nowhere */
	{ "/a/link", "/i /i/a /i/a/none!2", "a/link", "none" },
	{ "/a/link", "/i /i/a /i/a/link!40", "a/link", "link" },
	{ "/a/link", "/i /i/a /i/a/link!40", "a/link", "/a/link/x" },
};

static void test_walks(void **state)
{
	int root = etc_of(state);
	const struct audit_host_options options = { .root = root, .prefix = "/i" };

	put_dir(root, "a");
	put_dir(root, "a/b");
	put_file(root, "a/b/file", "");
	for (size_t i = 0; i < ARRAY(walks); i++) {
		struct audit_path_walk walk = { .n = 0 };
		int fd;

		if (walks[i].name != NULL)
			put_link(root, walks[i].name, walks[i].target);
		assert_int_equal(path_walk(&options, 0, walks[i].path, &walk, &fd), 0);
		assert_walk(&walk, walks[i].walk, (int)i);
		assert_int_equal(fd >= 0, walk.files[walk.n - 1].error == 0);
		if (fd >= 0)
			(void)close(fd);
		path_walk_free(&walk);
	}
}

/* Paths too long, at the start and by links that multiply. */
static void test_long_walks(void **state)
{
	const struct audit_host_options options = { .root = etc_of(state), .prefix = "" };
	struct audit_path_walk walk;
	char path[5000];
	int fd;

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(path_walk(&options, 0, path, &walk, &fd), 0);
	assert_walk(&walk, "/!36", __LINE__);
	path_walk_free(&walk);
	path[4000] = '\0';
	memset(path + 1, '/', 200);
	put_link(options.root, "l", path + 200);
	(void)strcpy(path, "/l");
	for (size_t i = 0; i < 100; i++)
		(void)strcat(path, "/l");
	assert_int_equal(path_walk(&options, 0, path, &walk, &fd), 0);
	assert_int_equal(walk.files[walk.n - 1].error, ENAMETOOLONG);
	path_walk_free(&walk);
}

#define ENTRY(tag, perm, id)                                                             \
	(tag), 0, (perm), 0, (id)&0xff, (id) >> 8 & 0xff, (id) >> 16 & 0xff,             \
	    (unsigned)(id) >> 24
#define LIST(...)                                                                        \
	{                                                                                \
		2, 0, 0, 0, __VA_ARGS__                                                  \
	}
#define USER_OBJ    ENTRY(0x01, 6, 0xffffffffU)
#define GROUP_OBJ   ENTRY(0x04, 4, 0xffffffffU)
#define GROUP_OBJ_W ENTRY(0x04, 6, 0xffffffffU)
#define OTHER	    ENTRY(0x20, 4, 0xffffffffU)
#define MASK_W	    ENTRY(0x10, 6, 0xffffffffU)

static const struct {
	uint32_t mode;
	unsigned char bytes[60];
	size_t size;
	bool group_writes;
	enum audit_acl_writer acl;
	uint32_t id;
} lists[] = {
	{ 0644, { 0 }, 0, false, AUDIT_ACL_NOBODY, 0 },
	{ 0664, { 0 }, 0, true, AUDIT_ACL_NOBODY, 0 },
	{ 0664, LIST(USER_OBJ, ENTRY(2, 6, 1000), GROUP_OBJ, MASK_W, OTHER), 44, false,
	  AUDIT_ACL_USER, 1000 },
	{ 0664, LIST(USER_OBJ, ENTRY(2, 4, 1000), GROUP_OBJ_W, MASK_W, OTHER), 44, true,
	  AUDIT_ACL_NOBODY, 0 },
	/* the mask lets nobody write */
	{ 0644, LIST(USER_OBJ, ENTRY(2, 6, 1000), GROUP_OBJ_W, OTHER), 36, false,
	  AUDIT_ACL_NOBODY, 0 },
	{ 0664, LIST(USER_OBJ, GROUP_OBJ, ENTRY(8, 2, 70000), MASK_W, OTHER), 44, false,
	  AUDIT_ACL_GROUP, 70000 },
	/* the first */
	{ 0664, LIST(ENTRY(2, 4, 1), ENTRY(2, 6, 2), ENTRY(2, 6, 3), ENTRY(8, 6, 4)), 36,
	  true, AUDIT_ACL_USER, 2 },
	/* root, or who plays its part, may anyhow */
	{ 0664, LIST(ENTRY(2, 6, 0), ENTRY(2, 6, 555), GROUP_OBJ), 28, false,
	  AUDIT_ACL_NOBODY, 0 },
	/* damaged */
	{ 0664, { 2, 0, 0, 0 }, 4, true, AUDIT_ACL_NOBODY, 0 },
	{ 0664, { 2, 0, 0 }, 3, true, AUDIT_ACL_DAMAGED, 0 },
	{ 0664, { 2 }, 1, true, AUDIT_ACL_DAMAGED, 0 },
	{ 0664, { 1, 0, 0, 0, ENTRY(2, 6, 1) }, 12, true, AUDIT_ACL_DAMAGED, 0 },
	{ 0664, LIST(ENTRY(2, 6, 1)), 11, true, AUDIT_ACL_DAMAGED, 0 },
	{ 0664, LIST(ENTRY(2, 6, 1)), 13, true, AUDIT_ACL_DAMAGED, 0 },
};

static void test_access_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(lists); i++) {
		struct audit_host_file file = { .mode = S_IFREG | lists[i].mode };
		void *bytes = malloc(lists[i].size + 1);

		/* at the end of its memory, so that a read beyond is found */
		assert_non_null(bytes);
		bytes = realloc(bytes, lists[i].size > 0 ? lists[i].size : 1);
		memcpy(bytes, lists[i].bytes, lists[i].size);
		host_file_set_acl(&file, bytes, lists[i].size, 555);
		free(bytes);
		if (file.group_writes != lists[i].group_writes ||
		    file.acl != lists[i].acl || file.acl_id != lists[i].id)
			fail_msg("case %zu: group %d, list %d, id %u", i,
				 file.group_writes, (int)file.acl, file.acl_id);
	}
}

static const struct {
	unsigned char bytes[28];
	size_t size;
	struct audit_host_caps want;
} caps[] = {
	/* cap_setuid+ep, as setcap(8) writes it */
	{ { 1, 0, 0, 2, 0x80 }, 20, { 0, 1 << 7, true, 0 } },
	/* cap_setgid+p */
	{ { 0, 0, 0, 2, 0x40 }, 20, { 0, 1 << 6, false, 0 } },
	/* only inheritable */
	{ { 1, 0, 0, 2, 0, 0, 0, 0, 0x80 }, 20, { 0, 0, true, 0 } },
	/* cap_setuid,cap_setfcap,cap_checkpoint_restore+ep */
	{ { 1, 0, 0, 2, 0x80, 0, 0, 0x80, 0, 0, 0, 0, 0, 1 },
	  20,
	  { 0, 1U << 7 | 1U << 31 | 1ULL << 40, true, 0 } },
	/* of a user namespace whose root is 100000 */
	{ { 1, 0, 0, 3, 0x80, [20] = 0xa0, 0x86, 1 }, 24, { 0, 1 << 7, true, 100000 } },
	/* the oldest form */
	{ { 1, 0, 0, 1, 0x80 }, 12, { 0, 1 << 7, true, 0 } },
	/* damaged */
	{ { 0 }, 0, { EINVAL, 0, false, 0 } },
	{ { 1, 0, 0 }, 3, { EINVAL, 0, false, 0 } },
	{ { 1, 0, 0, 2 }, 4, { EINVAL, 0, false, 0 } },
	{ { 1, 0, 0, 2, 0x80 }, 19, { EINVAL, 0, false, 0 } },
	{ { 1, 0, 0, 2, 0x80 }, 24, { EINVAL, 0, false, 0 } },
	{ { 1, 0, 0, 3, 0x80 }, 20, { EINVAL, 0, false, 0 } },
	{ { 1, 0, 0, 1, 0x80 }, 20, { EINVAL, 0, false, 0 } },
	{ { 1, 0, 0, 0, 0x80 }, 0, { EINVAL, 0, false, 0 } },
	{ { 1, 0, 0, 0, 0x80 }, 20, { EINVAL, 0, false, 0 } },
	{ { 1, 0, 0, 4, 0x80 }, 24, { EINVAL, 0, false, 0 } },
	{ { 1, 0, 0, 0xff, 0x80 }, 24, { EINVAL, 0, false, 0 } },
	{ { 1, 0, 0, 3, 0x80 }, 28, { EINVAL, 0, false, 0 } },
};

static void test_capabilities(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY(caps); i++) {
		struct audit_host_caps got = host_caps_parse(caps[i].bytes, caps[i].size);

		if (got.error != caps[i].want.error ||
		    got.permitted != caps[i].want.permitted ||
		    got.effective != caps[i].want.effective ||
		    got.rootid != caps[i].want.rootid)
			fail_msg("case %zu: error %d, %llx, %d, %u", i, got.error,
				 (unsigned long long)got.permitted, got.effective,
				 got.rootid);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		scratch_test(test_walks),
		scratch_test(test_long_walks),
		cmocka_unit_test(test_access_lists),
		cmocka_unit_test(test_capabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
