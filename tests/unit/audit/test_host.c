/* SPDX-License-Identifier: MIT */
/*
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup
 */
#include "libsubid/audit/private.h"

#include "audit_walk.h"
#include "faults.h"
#include "libsubid/core/core.h"

#define ARRAY(a) (sizeof(a) / sizeof((a)[0]))

/* An image with nothing wrong in it: etc, usr/bin and two helpers. */
struct image {
	int etc;
	int bin;
	struct audit_host_options options;
};

static void put_program(int dir, const char *name)
{
	put_file(dir, name, "#!\n");
	assert_int_equal(fchmodat(dir, name, 0755, 0), 0);
}

static struct image make_image(void **state)
{
	int root = etc_of(state);
	struct image image;

	image.etc = open_new_dir(root, "etc");
	put_dir(root, "usr");
	image.bin = open_new_dir(root, "usr/bin");
	put_file(image.etc, "subuid", "alice:100000:65536\n");
	put_file(image.etc, "subgid", "alice:100000:65536\n");
	put_program(image.bin, "newuidmap");
	put_program(image.bin, "newgidmap");
	image.options = (struct audit_host_options){
		.etc = image.etc,
		.etc_path = "/etc",
		.root = root,
		.prefix = "/image",
		.image = true,
	};
	return image;
}

static void close_image(struct image *image)
{
	(void)close(image->etc);
	(void)close(image->bin);
}

#define auto_image __attribute__((cleanup(close_image)))

static void put_link(int dir, const char *name, const char *target)
{
	(void)unlinkat(dir, name, 0);
	assert_int_equal(symlinkat(target, dir, name), 0);
}

static void test_image(void **state)
{
	auto_image struct image image = make_image(state);
	auto_host struct audit_host host = { .etc = NULL };
	struct stat st;

	put_file(image.etc, "shadow", "alice:!:1::::::\n");
	assert_int_equal(fchmodat(image.etc, "subgid", 0604, 0), 0);
	assert_int_equal(audit_host_read(&image.options, &host), 0);
	assert_int_equal(fstat(image.options.root, &st), 0);
	assert_string_equal(host.etc, "/image/etc");
	assert_true(host.image && host.has_programs);
	assert_int_equal(host.root_uid, st.st_uid);
	assert_int_equal(host.root_gid, st.st_gid);
	assert_int_equal(host.shadow.size, 16);
	assert_string_equal(host.tables[SUBID_UID].path, "/image/etc/subuid");
	assert_null(host.tables[SUBID_UID].target);
	assert_int_equal(host.tables[SUBID_UID].error, 0);
	assert_int_equal(host.tables[SUBID_UID].mode, S_IFREG | 0644);
	assert_int_equal(host.tables[SUBID_UID].links, 1);
	assert_int_equal(host.tables[SUBID_UID].uid, getuid());
	assert_int_equal(host.tables[SUBID_UID].acl, AUDIT_ACL_NOBODY);
	assert_false(host.tables[SUBID_UID].group_writes);
	assert_int_equal(host.tables[SUBID_GID].mode, S_IFREG | 0604);
	assert_walk(&host.walks[SUBID_GID], "/image /image/etc /image/etc/subgid",
		    __LINE__);
	assert_int_equal(host.walks[SUBID_GID].files[2].ino, host.tables[SUBID_GID].ino);
	assert_string_equal(host.backups[SUBID_UID].path, "/image/etc/subuid-");
	assert_int_equal(host.backups[SUBID_UID].error, ENOENT);
	assert_int_equal(host.locks[SUBID_GID].file.error, ENOENT);
	assert_int_equal(host.n_helpers, 2);
	assert_int_equal(host.helpers[0].kind, SUBID_UID);
	assert_string_equal(host.helpers[1].path, "/image/usr/bin/newgidmap");
	assert_walk(&host.helpers[1].walk,
		    "/image /image/usr /image/usr/bin /image/usr/bin/newgidmap",
		    __LINE__);
	assert_int_equal(host.helpers[0].caps.error, ENODATA);
	assert_int_equal(host.source.line, 0);
	assert_false(host.source_invalid || host.watched[0] || host.watched[1] ||
		     host.helpers[0].watched);
	assert_int_equal(host.n_unread, 0);
}

/* Shadow's libsubid of 4.20, wherever a system has libraries; the switch back is a file.
 */
static void test_library(void **state)
{
	static const struct {
		const char *path;
		bool passes_over;
	} cases[] = {
		{ "usr/lib/libsubid.so.5", false },
		{ "usr/lib/subid-compat/libsubid.so.6", false },
		{ "usr/lib/libsubid.so.6", true },
		{ "usr/lib/s390x-linux-gnu/libsubid.so.6", true },
		{ "usr/lib64/libsubid.so.6", true },
	};

	for (size_t i = 0; i < ARRAY(cases); i++) {
		auto_image struct image image = make_image(state);
		auto_host struct audit_host host = { .etc = NULL };
		auto_host struct audit_host ours = { .etc = NULL };
		char path[64];

		for (const char *at = cases[i].path;
		     (at = strchr(at + 1, '/')) != NULL;) {
			(void)snprintf(path, sizeof(path), "%.*s",
				       (int)(at - cases[i].path), cases[i].path);
			(void)mkdirat(image.options.root, path, 0755);
		}
		put_file(image.options.root, cases[i].path, "");
		assert_int_equal(audit_host_read(&image.options, &host), 0);
		if (host.passes_over != cases[i].passes_over)
			fail_msg("%s: %d", cases[i].path, host.passes_over);
		put_dir(image.options.root, "etc/ld.so.conf.d");
		put_file(image.etc, "ld.so.conf.d/00-subid-compat.conf", "");
		assert_int_equal(audit_host_read(&image.options, &ours), 0);
		assert_false(ours.passes_over);
		assert_int_equal(
		    unlinkat(image.etc, "ld.so.conf.d/00-subid-compat.conf", 0), 0);
		assert_int_equal(unlinkat(image.etc, "ld.so.conf.d", AT_REMOVEDIR), 0);
		assert_int_equal(unlinkat(image.options.root, cases[i].path, 0), 0);
	}
}

/* Only etc: no system, and no directory that is missing is a failure. */
static void test_bare_etc(void **state)
{
	const struct audit_host_options options = {
		.etc = etc_of(state),
		.etc_path = "/etc",
		.root = etc_of(state),
		.prefix = "",
		.image = true,
	};
	auto_host struct audit_host host = { .etc = NULL };

	put_file(options.etc, "sbin", "no directory");
	assert_int_equal(audit_host_read(&options, &host), 0);
	assert_false(host.has_programs);
	assert_int_equal(host.n_helpers, 0);
	assert_int_equal(host.tables[SUBID_UID].error, ENOENT);
	assert_string_equal(host.tables[SUBID_UID].path, "/etc/subuid");
	assert_walk(&host.walks[SUBID_UID], "/ /etc!2", __LINE__);
	assert_int_equal(host.n_unread, 0);
}

static void test_rules_files(void **state)
{
	auto_image struct image image = make_image(state);
	struct audit_host host;

	put_dir(image.etc, "audit");
	put_dir(image.etc, "audit/rules.d");
	put_file(image.etc, "audit/audit.rules", "-w /etc/subuid -p wa\n");
	put_file(image.etc, "audit/rules.d/10.rules", "-w /usr/bin/newgidmap -p wa\n");
	put_file(image.etc, "audit/rules.d/20.rules.old", "-w /etc/subgid -p wa\n");
	put_file(image.etc, "audit/rules.d/.rules", "-w /etc/subgid -p wa\n");
	put_dir(image.etc, "audit/rules.d/dir.rules");
	assert_int_equal(mkfifoat(image.etc, "audit/rules.d/fifo.rules", 0644), 0);
	assert_int_equal(audit_host_read(&image.options, &host), 0);
	assert_true(host.watched[SUBID_UID]);
	assert_false(host.watched[SUBID_GID]);
	assert_false(host.helpers[0].watched);
	assert_true(host.helpers[1].watched);
	audit_host_free(&host);
	/* too large to be meant */
	{
		int fd = openat(image.etc, "audit/audit.rules", O_WRONLY | O_CLOEXEC);

		assert_int_equal(ftruncate(fd, 1LL << 40), 0);
		(void)close(fd);
	}
	/* and a link, which might lead out of the image */
	assert_int_equal(renameat(image.etc, "audit/rules.d", image.etc, "elsewhere"), 0);
	put_link(image.etc, "audit/rules.d", "../elsewhere");
	assert_int_equal(audit_host_read(&image.options, &host), 0);
	assert_false(host.watched[SUBID_UID] || host.helpers[1].watched);
	audit_host_free(&host);
}

/* A table that is a link, a second name of it, locks, a source. */
static void test_odd_files(void **state)
{
	auto_image struct image image = make_image(state);
	auto_host struct audit_host host = { .etc = NULL };

	put_file(image.etc, "real", "");
	put_link(image.etc, "subuid", "/etc/real");
	assert_int_equal(linkat(image.etc, "subgid", image.etc, "second", 0), 0);
	assert_int_equal(fchmodat(image.etc, "second", 0666, 0), 0);
	assert_int_equal(mkfifoat(image.etc, "subgid-", 0644), 0);
	put_file(image.etc, "subuid.lock", "1");
	put_dir(image.etc, "subgid.lock");
	assert_int_equal(mkfifoat(image.etc, "shadow", 0644), 0);
	put_file(image.etc, "nsswitch.conf", "\nsubid: no-such-source files\n");
	assert_int_equal(audit_host_read(&image.options, &host), 0);
	assert_true(S_ISLNK(host.tables[SUBID_UID].mode));
	assert_string_equal(host.tables[SUBID_UID].target, "/etc/real");
	assert_walk(&host.walks[SUBID_UID], "/image /image/etc /image/etc/real",
		    __LINE__);
	assert_int_equal(host.tables[SUBID_GID].links, 2);
	assert_true(host.tables[SUBID_GID].group_writes);
	assert_true(S_ISFIFO(host.backups[SUBID_GID].mode));
	assert_int_equal(host.locks[SUBID_UID].file.error, 0);
	assert_int_equal(host.locks[SUBID_UID].holder.pid, 1);
	assert_false(host.locks[SUBID_UID].holder.alive); /* an image's */
	assert_int_equal(host.locks[SUBID_GID].holder.pid, -1);
	assert_int_equal(host.shadow.size, 0);
	assert_int_equal(host.source.line, 2);
	assert_string_equal(host.source.name, "no-such-source");
	assert_string_equal(host.source.second, "files");
	assert_int_equal(host.source_error, 0); /* not tried */
	assert_false(host.source_invalid);
}

/* The same as a running system. */
static void test_running(void **state)
{
	auto_image struct image image = make_image(state);
	auto_host struct audit_host host = { .etc = NULL };

	image.options.image = false;
	image.options.prefix = "";
	put_file(image.etc, "subuid.lock", "1");
	put_file(image.etc, "subgid.lock", "2147483647");
	put_file(image.etc, "nsswitch.conf", "subid: no-such-source\n");
	assert_int_equal(audit_host_read(&image.options, &host), 0);
	assert_int_equal(host.root_uid, 0);
	assert_true(host.locks[SUBID_UID].holder.alive);
	assert_false(host.locks[SUBID_UID].recycled);
	assert_false(host.locks[SUBID_GID].recycled);
	assert_false(host.locks[SUBID_GID].holder.alive);
	assert_int_equal(host.source_error, -ELIBACC);
	assert_string_equal(host.walks[SUBID_UID].files[0].path, "/");
}

/* What people read is absolute, however they named the image. */
static void test_prefixes(void **state)
{
	auto_image struct image image = make_image(state);
	auto_free char *here = getcwd(NULL, 0);
	char path[5000];
	const char *const prefixes[][2] = {
		{ "/", "/etc/subuid" },
		{ "/image//", "/image/etc/subuid" },
		{ "image/", path },
	};

	assert_non_null(here);
	(void)snprintf(path, sizeof(path), "%s/image/etc/subuid", here);
	for (size_t i = 0; i < ARRAY(prefixes); i++) {
		auto_host struct audit_host host = { .etc = NULL };

		image.options.prefix = prefixes[i][0];
		assert_int_equal(audit_host_read(&image.options, &host), 0);
		assert_string_equal(host.tables[SUBID_UID].path, prefixes[i][1]);
		assert_string_equal(host.helpers[0].path + host.prefix_len,
				    "/usr/bin/newuidmap");
	}
}

/* A process that began after the lock has only its number. */
static void test_recycled(void **state)
{
	auto_image struct image image = make_image(state);
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	struct audit_host host;
	pid_t parent = getppid();
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)parent);
	put_file(image.etc, "subuid.lock", text);
	put_file(image.etc, "subgid.lock", "2147483647");
	assert_int_equal(utimensat(image.etc, "subuid.lock", old, 0), 0);
	assert_int_equal(utimensat(image.etc, "subgid.lock", old, 0), 0);
	for (int i = 0; i < 2; i++) {
		image.options.image = i == 1;
		assert_int_equal(audit_host_read(&image.options, &host), 0);
		assert_int_equal(host.locks[SUBID_UID].holder.alive, i == 0);
		assert_int_equal(host.locks[SUBID_UID].recycled, i == 0);
		assert_false(host.locks[SUBID_GID].recycled);
		audit_host_free(&host);
	}
}

/* One file under several names is one helper; what cannot run is none. */
static void test_helpers(void **state)
{
	auto_image struct image image = make_image(state);
	auto_host struct audit_host host = { .etc = NULL };
	int root = image.options.root;

	put_link(root, "bin", "usr/bin");
	put_dir(root, "sbin");
	put_link(root, "sbin/newuidmap", "../usr/bin/newuidmap");
	put_file(root, "sbin/newgidmap", "not executable");
	put_dir(root, "usr/local");
	put_dir(root, "usr/local/bin");
	put_program(root, "usr/local/bin/newgidmap");
	put_dir(root, "usr/sbin");
	put_dir(root, "usr/sbin/newuidmap");
	put_dir(root, "usr/local/sbin");
	put_link(root, "usr/local/sbin/newuidmap", "/usr/bin/none");
	assert_int_equal(mkfifoat(root, "usr/sbin/newgidmap", 0755), 0);
	assert_int_equal(audit_host_read(&image.options, &host), 0);
	assert_int_equal(host.n_helpers, 3);
	assert_string_equal(host.helpers[0].path, "/image/usr/bin/newuidmap");
	assert_string_equal(host.helpers[1].path, "/image/usr/local/bin/newgidmap");
	assert_string_equal(host.helpers[2].path, "/image/usr/bin/newgidmap");
	/* by a link, the first that is found counts */
	audit_host_free(&host);
	assert_int_equal(unlinkat(image.bin, "newgidmap", 0), 0);
	put_link(root, "usr/local/bin/newuidmap", "/sbin/newuidmap");
	assert_int_equal(audit_host_read(&image.options, &host), 0);
	assert_int_equal(host.n_helpers, 2);
	assert_string_equal(host.helpers[0].path, "/image/usr/local/bin/newuidmap");
	assert_walk(&host.helpers[0].walk,
		    "/image /image/usr /image/usr/local /image/usr/local/bin /image/sbin"
		    " /image/usr/bin /image/usr/bin/newuidmap",
		    __LINE__);
}

/* Everything there is to look at, for the sweeps. */
static void fill(struct image *image)
{
	put_link(image->etc, "subuid", "real");
	put_file(image->etc, "real", "");
	put_file(image->etc, "shadow", "x");
	put_file(image->etc, "subuid.lock", "1");
	put_file(image->etc, "nsswitch.conf", "subid: files\n");
	put_dir(image->etc, "audit");
	put_dir(image->etc, "audit/rules.d");
	put_file(image->etc, "audit/audit.rules", "-w /etc/subuid\n");
	put_file(image->etc, "audit/rules.d/x.rules", "-w /etc/subgid\n");
}

static void test_no_memory(void **state)
{
	auto_image struct image image = make_image(state);
	struct audit_host host = { .n_helpers = 77 };
	unsigned int turn;

	fill(&image);
	for (turn = 1;; turn++) {
		int r;

		faults_arm(turn, ENOMEM);
		r = audit_host_read(&image.options, &host);
		if (!faults_disarm()) {
			assert_int_equal(r, 0);
			break;
		}
		/* the kernel may lack memory as well: for a call that is a fact */
		if (r == 0)
			audit_host_free(&host);
		else
			assert_int_equal(r, -ENOMEM);
	}
	assert_true(turn > 60);
	audit_host_free(&host);
}

/* What cannot be looked at is a fact, whatever fails. */
static void test_every_call_fails(void **state)
{
	static const char *const functions[] = {
		"openat",    "fstat",	"read",	     "readlinkat",
		"faccessat", "readdir", "fdopendir",
	};
	auto_image struct image image = make_image(state);

	fill(&image);
	for (size_t i = 0; i < ARRAY(functions); i++) {
		faults.only = functions[i];
		for (unsigned int turn = 1;; turn++) {
			struct audit_host host;

			faults_arm(turn, EIO);
			assert_int_equal(audit_host_read(&image.options, &host), 0);
			audit_host_free(&host);
			if (!faults_disarm())
				break;
		}
	}
}

static int setup(void **state)
{
	return faults_reset(state) != 0 ? -1 : scratch_setup(state);
}

#define host_test(function)                                                              \
	{                                                                                \
#function, function, setup, scratch_teardown, NULL                       \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		host_test(test_image),
		host_test(test_bare_etc),
		host_test(test_library),
		host_test(test_rules_files),
		host_test(test_odd_files),
		host_test(test_running),
		host_test(test_prefixes),
		host_test(test_recycled),
		host_test(test_helpers),
		host_test(test_no_memory),
		host_test(test_every_call_fails),
	};

	/* files have the modes that the tests give them */
	(void)umask(022);
	return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
