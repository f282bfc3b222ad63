/* SPDX-License-Identifier: MIT */
/*
 * What the auditor reads of files: access lists, file capabilities, audit rules; and
 * a path with a link of any target, against the kernel's own walk.
 */
#include <endian.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "libsubid/audit/private.h"

#include "fuzz.h"

static void check_acl(const struct subid_text *text)
{
	struct audit_host_file open = { .mode = S_IFREG | 0664 };
	struct audit_host_file masked = { .mode = S_IFREG | 0644 };
	uint32_t id;

	host_file_set_acl(&open, text->bytes, text->size, 77);
	host_file_set_acl(&masked, text->bytes, text->size, 77);
	must(masked.acl == AUDIT_ACL_NOBODY && !masked.group_writes);
	if (open.acl != AUDIT_ACL_USER && open.acl != AUDIT_ACL_GROUP)
		return;
	must(open.acl_id != 0 && open.acl_id != 77);
	id = htole32(open.acl_id);
	must(memmem(text->bytes, text->size, &id, sizeof(id)) != NULL);
}

/* Written anew, the capabilities are the same. */
static void check_caps(const struct subid_text *text)
{
	struct audit_host_caps caps = host_caps_parse(text->bytes, text->size), again;
	struct vfs_ns_cap_data data = { 0 };

	if (caps.error != 0) {
		must(caps.permitted == 0 && !caps.effective);
		return;
	}
	data.magic_etc = htole32((uint32_t)VFS_CAP_REVISION_3 |
				 (caps.effective ? VFS_CAP_FLAGS_EFFECTIVE : 0));
	data.data[0].permitted = htole32((uint32_t)(caps.permitted & UINT32_MAX));
	data.data[1].permitted = htole32((uint32_t)(caps.permitted >> 32));
	data.rootid = htole32(caps.rootid);
	again = host_caps_parse(&data, sizeof(data));
	must(again.error == 0 && again.permitted == caps.permitted &&
	     again.effective == caps.effective && again.rootid == caps.rootid);
}

static bool is_watched(const void *bytes, size_t size, bool programs)
{
	struct watched_path watch = { .path = "/etc/subuid", .programs = programs };
	struct subid_text text = make_text(bytes, size);

	kernel_audit_rules_parse(&text, &watch, 1);
	subid_text_free(&text);
	return watch.watched;
}

/* More rules watch no less; what does not name the path watches nothing. */
static void check_rules(const struct subid_text *text)
{
	static const char rule[] = "\n-w /etc/subuid -p wa";
	struct subid_text more = make_text(text->bytes, text->size);
	bool watched = is_watched(text->bytes, text->size, false);

	must(!watched || is_watched(text->bytes, text->size, true));
	must(!watched || memmem(text->bytes, text->size, "/etc", 4) != NULL);
	more.bytes = realloc(more.bytes, text->size + sizeof(rule));
	must(more.bytes != NULL);
	memcpy(more.bytes + text->size, rule, sizeof(rule));
	must(is_watched(more.bytes, text->size + sizeof(rule) - 1, false));
	subid_text_free(&more);
}

/* The root of the walks: a/b/file, and back, a link up to the root. */
static int make_root(void)
{
	static int root = -1;

	if (root >= 0)
		return root;
	must(mkdirat(scratch_dir(), "root", 0700) == 0);
	root = openat(scratch_dir(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(root >= 0 && mkdirat(root, "a", 0700) == 0 &&
	     mkdirat(root, "a/b", 0700) == 0 &&
	     symlinkat("../..", root, "a/b/back") == 0);
	put_file(root, "a/b/file", "", 0);
	return root;
}

/* Where the kernel gets, that is where we get. */
static void check_way(const struct subid_text *text)
{
	int root = make_root();
	const struct audit_host_options options = { .root = root, .prefix = "/i" };
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	struct audit_path_walk walk;
	struct stat ours, theirs;
	int fd;
	long kernels;

	(void)unlinkat(root, "a/link", 0);
	if (text->size > 1000 || symlinkat(text->bytes, root, "a/link") < 0)
		return;
	must(path_walk(&options, 0, "/a/link", &walk, &fd) == 0);
	kernels = syscall(SYS_openat2, root, "/a/link", &how, sizeof(how));
	must(kernels < 0 || fd >= 0);
	if (kernels >= 0) {
		must(fstat((int)kernels, &theirs) == 0 && fstat(fd, &ours) == 0);
		must(ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev);
		(void)close((int)kernels);
	}
	must(walk.n > 0 && (fd >= 0) == (walk.files[walk.n - 1].error == 0));
	for (size_t i = 0; i < walk.n; i++)
		must(strncmp(walk.files[i].path, "/i", 2) == 0);
	if (fd >= 0)
		(void)close(fd);
	path_walk_free(&walk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct subid_text text = make_text(data, size);

	check_acl(&text);
	check_caps(&text);
	check_rules(&text);
	check_way(&text);
	subid_text_free(&text);
	return 0;
}
