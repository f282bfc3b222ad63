/* SPDX-License-Identifier: MIT */
/*
 * wrap: openat __openat_2 fstat read __read_chk readlinkat __readlinkat_chk write
 * wrap: fchmod fchown fsync fdatasync renameat renameat2 linkat unlinkat fcntl
 * wrap: fgetxattr fsetxattr fremovexattr flistxattr fdopendir readdir
 * wrap: malloc calloc realloc reallocarray strdup strndup sendfile
 */
#include "libsubid/core/files.h"

#include <dirent.h>
#include <sys/sendfile.h>

#include "faults.h"

FAULT(ssize_t, -1, sendfile, (int to, int from, off_t *at, size_t size),
      (to, from, at, size))

#define OLD_UID "alice:100000:65536\n"
#define OLD_GID "# kept\nalice:100000:65536"
#define NEW_UID OLD_UID "bob:165536:65536\n"
#define NEW_GID OLD_GID "\nbob:165536:65536\n"

static int replace_one(int dir, const char *name, const char *text)
{
	auto_replacement struct subid_replacement *replacement = NULL;
	int r = subid_replacement_open(dir, name, &replacement);

	if (r == 0)
		r = subid_replacement_write(replacement, text, strlen(text));
	return r == 0 ? subid_replacements_commit(&replacement, 1) : r;
}

/* As a transaction does it: both tables, a line at a time. */
static int replace_both(int dir)
{
	auto_replacement struct subid_replacement *uid = NULL, *gid = NULL;
	struct subid_replacement *replacements[2];
	int r = subid_replacement_open(dir, "subuid", &uid);

	if (r == 0)
		r = subid_replacement_write(uid, OLD_UID, strlen(OLD_UID));
	if (r == 0)
		r = subid_replacement_write(uid, &NEW_UID[strlen(OLD_UID)],
					    strlen(NEW_UID) - strlen(OLD_UID));
	if (r == 0)
		r = subid_replacement_open(dir, "subgid", &gid);
	if (r == 0)
		r = subid_replacement_write(gid, NEW_GID, strlen(NEW_GID));
	replacements[0] = uid;
	replacements[1] = gid;
	return r == 0 ? subid_replacements_commit(replacements, 2) : r;
}

static mode_t mode_of(int dir, const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode;
}

static void test_new_content_and_backup(void **state)
{
	int etc = etc_of(state);

	put_file(etc, "subuid", OLD_UID);
	put_file(etc, "subuid-", "older\n");
	assert_int_equal(replace_one(etc, "subuid", NEW_UID), 0);
	assert_file(etc, "subuid", NEW_UID);
	assert_file(etc, "subuid-", OLD_UID);
	assert_false(is_there(etc, "subuid+"));
	assert_false(is_there(etc, "subuid="));
}

static void test_missing_file_is_made(void **state)
{
	int etc = etc_of(state);
	mode_t mask = umask(077);

	assert_int_equal(replace_one(etc, "subuid", NEW_UID), 0);
	(void)umask(mask);
	assert_file(etc, "subuid", NEW_UID);
	assert_int_equal(mode_of(etc, "subuid"), S_IFREG | 0644);
	assert_false(is_there(etc, "subuid-"));
}

static void test_mode_is_kept(void **state)
{
	static const mode_t modes[] = { 0600, 0640, 0644, 0444, 0664 };
	int etc = etc_of(state);

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		put_file(etc, "subuid", OLD_UID);
		assert_int_equal(fchmodat(etc, "subuid", modes[i], 0), 0);
		assert_int_equal(replace_one(etc, "subuid", NEW_UID), 0);
		assert_int_equal(mode_of(etc, "subuid"), S_IFREG | modes[i]);
		assert_file(etc, "subuid", NEW_UID);
		assert_int_equal(unlinkat(etc, "subuid", 0), 0);
	}
}

static void test_owner_is_kept(void **state)
{
	int etc = etc_of(state);
	struct stat before, after;

	put_file(etc, "subuid", OLD_UID);
	if (geteuid() == 0)
		assert_int_equal(fchownat(etc, "subuid", 12, 34, 0), 0);
	/* a write takes such bits away, unless root's */
	assert_int_equal(fchmodat(etc, "subuid", geteuid() == 0 ? 06644 : 0664, 0), 0);
	assert_int_equal(fstatat(etc, "subuid", &before, 0), 0);
	assert_int_equal(replace_one(etc, "subuid", NEW_UID), 0);
	assert_int_equal(fstatat(etc, "subuid", &after, 0), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_uid, after.st_uid);
	assert_int_equal(before.st_gid, after.st_gid);
	assert_int_equal(before.st_mode, after.st_mode);
}

/* linux/posix_acl_xattr.h, little endian: u::rw- u:1:r-- g::r-- m::r-- o::--- */
static const unsigned char acl[] = {
	2, 0, 0,    0,	  1,	0,    6,  0, 0xff, 0xff, 0xff, 0xff, 2,	   0,	 4,
	0, 1, 0,    0,	  0,	4,    0,  4, 0,	   0xff, 0xff, 0xff, 0xff, 16,	 0,
	4, 0, 0xff, 0xff, 0xff, 0xff, 32, 0, 0,	   0,	 0xff, 0xff, 0xff, 0xff,
};

/* False where the file system has no such attributes. */
static bool put_xattr(int dir, const char *file, const char *name, const void *value,
		      size_t size)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	int r = fsetxattr(fd, name, value, size, 0);

	assert_true(r == 0 || errno == EOPNOTSUPP);
	assert_int_equal(close(fd), 0);
	if (r < 0)
		print_message("kernel: this file system has no %s\n", name);
	return r == 0;
}

static void assert_xattr(int dir, const char *file, const char *name, const void *value,
			 size_t size)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	char got[256];

	assert_int_equal(fgetxattr(fd, name, got, sizeof(got)), size);
	assert_memory_equal(got, value, size);
	assert_int_equal(close(fd), 0);
}

static void test_extended_attributes_are_kept(void **state)
{
	int etc = etc_of(state);
	bool user, has_acl;

	put_file(etc, "subuid", OLD_UID);
	user = put_xattr(etc, "subuid", "user.first", "one", 3) &&
	       put_xattr(etc, "subuid", "user.empty", "", 0);
	has_acl = put_xattr(etc, "subuid", "system.posix_acl_access", acl, sizeof(acl));
	assert_int_equal(replace_one(etc, "subuid", NEW_UID), 0);
	assert_file(etc, "subuid", NEW_UID);
	if (user) {
		assert_xattr(etc, "subuid", "user.first", "one", 3);
		assert_xattr(etc, "subuid", "user.empty", "", 0);
	}
	if (has_acl)
		assert_xattr(etc, "subuid", "system.posix_acl_access", acl, sizeof(acl));
}

/* A directory may hand new files an ACL; the old file had none. */
static void test_inherited_acl_gives_nobody_more(void **state)
{
	const struct scratch *scratch = *state;
	char value[256];
	int fd;

	put_file(scratch->fd, "subuid", OLD_UID);
	if (setxattr(scratch->path, "system.posix_acl_default", acl, sizeof(acl), 0) <
	    0) {
		print_message("kernel: this file system has no default ACL\n");
		return;
	}
	assert_int_equal(replace_one(scratch->fd, "subuid", NEW_UID), 0);
	fd = openat(scratch->fd, "subuid", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fgetxattr(fd, "system.posix_acl_access", value, sizeof(value)),
			 -1);
	assert_int_equal(errno, ENODATA);
	assert_int_equal(close(fd), 0);
}

static void test_no_extended_attributes(void **state)
{
	static const int errors[] = { EOPNOTSUPP, EIO };
	int etc = etc_of(state);

	for (size_t i = 0; i < 2; i++) {
		put_file(etc, "subuid", OLD_UID);
		faults.only = "flistxattr";
		faults_arm(1, (unsigned int)errors[i]);
		assert_int_equal(replace_one(etc, "subuid", NEW_UID),
				 errors[i] == EOPNOTSUPP ? 0 : -errors[i]);
		assert_true(faults_disarm());
		assert_file(etc, "subuid", errors[i] == EOPNOTSUPP ? NEW_UID : OLD_UID);
	}
}

static void test_what_is_no_file(void **state)
{
	int etc = etc_of(state);

	put_file(etc, "target", OLD_UID);
	assert_int_equal(symlinkat("target", etc, "link"), 0);
	assert_int_equal(symlinkat("nowhere", etc, "dangling"), 0);
	put_dir(etc, "directory");
	assert_int_equal(mkfifoat(etc, "fifo", 0600), 0);
	assert_int_equal(replace_one(etc, "link", NEW_UID), -ELOOP);
	assert_int_equal(replace_one(etc, "dangling", NEW_UID), -ELOOP);
	assert_int_equal(replace_one(etc, "directory", NEW_UID), -EINVAL);
	assert_int_equal(replace_one(etc, "fifo", NEW_UID), -EINVAL);
	assert_file(etc, "target", OLD_UID);
	assert_true(S_ISLNK(mode_of(etc, "link")));
	assert_false(is_there(etc, "link+"));
	assert_false(is_there(etc, "directory+"));
	assert_false(is_there(etc, "fifo+"));
}

static void test_name_length(void **state)
{
	int etc = etc_of(state);
	char name[202];

	memset(name, 'n', sizeof(name));
	name[201] = '\0';
	assert_int_equal(replace_one(etc, name, "x"), -ENAMETOOLONG);
	name[200] = '\0';
	assert_int_equal(replace_one(etc, name, "x"), 0);
	assert_file(etc, name, "x");
}

/* What a killed run may leave behind, and what somebody may plant. */
static void test_litter_is_overwritten(void **state)
{
	int etc = etc_of(state);

	put_file(etc, "subuid", OLD_UID);
	put_file(etc, "subuid+", "half a dra");
	put_file(etc, "subuid=", "aside");
	assert_int_equal(replace_one(etc, "subuid", NEW_UID), 0);
	assert_file(etc, "subuid", NEW_UID);
	assert_file(etc, "subuid-", OLD_UID);
	assert_false(is_there(etc, "subuid+"));
	assert_false(is_there(etc, "subuid="));
}

static void test_planted_link_is_not_followed(void **state)
{
	int etc = etc_of(state);

	put_file(etc, "shadow", "root:secret\n");
	put_file(etc, "subuid", OLD_UID);
	assert_int_equal(symlinkat("shadow", etc, "subuid+"), 0);
	assert_int_equal(symlinkat("shadow", etc, "subuid-"), 0);
	assert_int_equal(replace_one(etc, "subuid", NEW_UID), 0);
	assert_file(etc, "shadow", "root:secret\n");
	assert_file(etc, "subuid", NEW_UID);
	assert_true(S_ISREG(mode_of(etc, "subuid")));
	assert_file(etc, "subuid-", OLD_UID);
}

static void test_left_without_commit(void **state)
{
	int etc = etc_of(state);
	struct subid_replacement *replacement = NULL;

	put_file(etc, "subuid", OLD_UID);
	assert_int_equal(subid_replacement_open(etc, "subuid", &replacement), 0);
	assert_int_equal(subid_replacement_write(replacement, "x", 1), 0);
	assert_true(is_there(etc, "subuid+"));
	subid_replacement_free(&replacement);
	assert_null(replacement);
	assert_false(is_there(etc, "subuid+"));
	assert_file(etc, "subuid", OLD_UID);
	subid_replacement_free(&replacement);
}

/* Pieces below, at and above the size of the buffer, in this order. */
static void test_large_content(void **state)
{
	static const size_t pieces[] = { 1, 65535, 1, 65536, 65537, 200000, 3 };
	int etc = etc_of(state);
	struct subid_replacement *replacement = NULL;
	char *text = malloc(1 << 20);
	size_t size = 0;

	for (size_t i = 0; i < 1 << 20; i++)
		text[i] = (char)('a' + i % 23);
	assert_int_equal(subid_replacement_open(etc, "subuid", &replacement), 0);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		assert_int_equal(
		    subid_replacement_write(replacement, text + size, pieces[i]), 0);
		size += pieces[i];
	}
	assert_int_equal(subid_replacements_commit(&replacement, 1), 0);
	subid_replacement_free(&replacement);
	text[size] = '\0';
	assert_file(etc, "subuid", text);
	free(text);
}

static void test_large_content_on_full_disk(void **state)
{
	int etc = etc_of(state);
	char *text = malloc(100000);

	memset(text, 'x', 99999);
	text[99999] = '\0';
	put_file(etc, "subuid", OLD_UID);
	faults.only = "write";
	faults_arm(1, ENOSPC);
	assert_int_equal(replace_one(etc, "subuid", text), -ENOSPC);
	assert_true(faults_disarm());
	assert_file(etc, "subuid", OLD_UID);
	faults.shortens = true;
	faults_arm(1, 0);
	assert_int_equal(replace_one(etc, "subuid", text), 0);
	assert_true(faults_disarm());
	assert_file(etc, "subuid", text);
	free(text);
}

/* A signal that comes in between is no reason to give up. */
static void test_interrupted_write(void **state)
{
	int etc = etc_of(state);

	put_file(etc, "subuid", OLD_UID);
	faults.only = "write";
	faults_arm(1, EINTR);
	assert_int_equal(replace_one(etc, "subuid", NEW_UID), 0);
	assert_true(faults_disarm());
	assert_file(etc, "subuid", NEW_UID);
}

/* write(2) that takes nothing, and says so again and again: not for ever. */
static void test_write_of_nothing(void **state)
{
	int etc = etc_of(state);

	put_file(etc, "subuid", OLD_UID);
	faults.only = "write";
	faults.shortens = true;
	faults.lasting = true;
	faults_arm(1, 0);
	assert_int_equal(replace_one(etc, "subuid", NEW_UID), -ENOSPC);
	assert_true(faults_disarm());
	assert_file(etc, "subuid", OLD_UID);
}

/* One way of making every call fail in turn. */
struct sweep {
	const char *only;
	unsigned int error;
	bool lasting;
	bool shortens;
	int noreplace_error;
	bool no_uid, no_gid; /* no such file at first */
};

static bool is_text(int dir, const char *name, const char *expected)
{
	char *text = get_file(dir, name);
	bool same =
	    expected == NULL ? text == NULL : text != NULL && strcmp(text, expected) == 0;

	free(text);
	return same;
}

static void remove_all(int etc)
{
	static const char *const names[] = { "subuid", "subuid+", "subuid-", "subuid=",
					     "subgid", "subgid+", "subgid-", "subgid=" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlinkat(etc, names[i], 0);
}

/* What r says is what the two names lead to. */
static void assert_true_answer(int etc, const struct sweep *sweep, int r,
			       unsigned int turn)
{
	const char *old_uid = sweep->no_uid ? NULL : OLD_UID;
	const char *old_gid = sweep->no_gid ? NULL : OLD_GID;
	bool uid_is_new = is_text(etc, "subuid", NEW_UID);
	bool gid_is_new = is_text(etc, "subgid", NEW_GID);
	bool uid_is_old = is_text(etc, "subuid", old_uid);
	bool gid_is_old = is_text(etc, "subgid", old_gid);
	bool right = r == 0 ? uid_is_new && gid_is_new
		     : r == -ENOTRECOVERABLE
			 ? (uid_is_new || uid_is_old) && (gid_is_new || gid_is_old)
			 : uid_is_old && gid_is_old;

	if (!right)
		fail_msg("%s, turn %u: answer %d, subuid %s, subgid %s", faults.function,
			 turn, r,
			 uid_is_new   ? "new"
			 : uid_is_old ? "old"
				      : "broken",
			 gid_is_new   ? "new"
			 : gid_is_old ? "old"
				      : "broken");
	if (r != 0 && r != -(int)sweep->error && r != -ENOTRECOVERABLE && r != -ENOMEM)
		fail_msg("%s, turn %u: answer %d instead of %d", faults.function, turn, r,
			 -(int)sweep->error);
}

/* Returns how many calls could be made to fail. */
static unsigned int run_sweep(int etc, const struct sweep *sweep)
{
	unsigned int turn;

	for (turn = 1;; turn++) {
		bool struck;
		int r;

		assert_true(turn < 1000);
		remove_all(etc);
		if (!sweep->no_uid)
			put_file(etc, "subuid", OLD_UID);
		if (!sweep->no_gid)
			put_file(etc, "subgid", OLD_GID);
		faults.only = sweep->only;
		faults.lasting = sweep->lasting;
		faults.shortens = sweep->shortens;
		faults.noreplace_error = sweep->noreplace_error;
		faults_arm(turn, sweep->error);
		r = replace_both(etc);
		struck = faults_disarm();
		assert_true_answer(etc, sweep, r, turn);
		if (!struck) {
			assert_int_equal(r, 0);
			break;
		}
		/* whatever is left behind, the next run goes well and cleans up */
		assert_int_equal(replace_both(etc), 0);
		assert_file(etc, "subuid", NEW_UID);
		assert_file(etc, "subgid", NEW_GID);
		assert_false(is_there(etc, "subuid+"));
		assert_false(is_there(etc, "subgid+"));
		assert_false(is_there(etc, "subuid="));
		assert_false(is_there(etc, "subgid="));
	}
	(void)faults_reset(NULL);
	return turn - 1;
}

static void test_every_call_fails_in_turn(void **state)
{
	static const unsigned int errors[] = { EIO, ENOSPC, EINTR };
	static const int noreplace_errors[] = { 0, EINVAL, ENOSYS };
	int etc = etc_of(state);

	for (unsigned int variant = 0; variant < 3 * 3 * 2 * 4; variant++) {
		const struct sweep sweep = {
			.error = errors[variant % 3],
			.noreplace_error = noreplace_errors[variant / 3 % 3],
			.lasting = variant / 9 % 2 == 1 && errors[variant % 3] != EINTR,
			.no_uid = (variant / 18 & 1) != 0,
			.no_gid = (variant / 18 & 2) != 0,
		};

		/* two opens, two syncs, two names, the directory: at the least */
		assert_true(run_sweep(etc, &sweep) >= 7);
	}
}

static void test_every_write_is_short_in_turn(void **state)
{
	const struct sweep sweep = { .only = "write", .shortens = true };

	assert_true(run_sweep(etc_of(state), &sweep) >= 2);
}

static void test_every_function_matters(void **state)
{
	static const struct {
		const char *function;
		bool none_yet;
		unsigned int at_least;
	} rows[] = {
		{ "openat", false, 8 },	  { "fstat", false, 8 },
		{ "fchmod", false, 4 },	  { "write", false, 2 },
		{ "fsync", false, 3 },	  { "fdatasync", false, 1 },
		{ "linkat", false, 2 },	  { "renameat", false, 4 },
		{ "unlinkat", false, 8 }, { "sendfile", false, 4 },
		{ "renameat2", true, 2 },
	};
	int etc = etc_of(state);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct sweep sweep = { .only = rows[i].function,
					     .error = EIO,
					     .no_uid = rows[i].none_yet,
					     .no_gid = rows[i].none_yet };
		unsigned int n = run_sweep(etc, &sweep);

		if (n < rows[i].at_least)
			fail_msg("%s: %u times", rows[i].function, n);
	}
}

/*
 * shadow's tools open the backup, and the replacement, to write.  Who has the old table
 * open then must not see it emptied.
 */
static void test_readers_keep_the_old_file(void **state)
{
	static const char *const names[] = { "subuid-", "subuid+", "subuid" };
	char text[sizeof(OLD_UID)] = "";
	int etc = etc_of(state), old, fd;

	put_file(etc, "subuid", OLD_UID);
	put_file(etc, "subgid", OLD_GID);
	old = openat(etc, "subuid", O_RDONLY);
	assert_true(old >= 0);
	assert_int_equal(replace_both(etc), 0);
	for (size_t i = 0; i < 3; i++) {
		fd = openat(etc, names[i], O_WRONLY | O_CREAT | O_TRUNC, 0600);
		assert_true(fd >= 0);
		close(fd);
		assert_int_equal(pread(old, text, sizeof(text), 0), strlen(OLD_UID));
		assert_string_equal(text, OLD_UID);
	}
	close(old);
}

/* What cannot be copied leaves the last backup, and nothing else. */
static void test_backup_cannot_be_made(void **state)
{
	int etc = etc_of(state);

	put_file(etc, "subuid", OLD_UID);
	put_file(etc, "subuid-", "older");
	put_file(etc, "subgid", OLD_GID);
	faults.only = "sendfile";
	faults.lasting = true;
	faults_arm(1, ENOSPC);
	assert_int_equal(replace_both(etc), 0);
	assert_true(faults_disarm());
	assert_file(etc, "subuid", NEW_UID);
	assert_file(etc, "subuid-", "older");
	assert_false(is_there(etc, "subuid+"));
	assert_false(is_there(etc, "subuid="));
}

/* The second renaming fails, and so does taking the first one back. */
static void test_not_recoverable(void **state)
{
	int etc = etc_of(state);

	put_file(etc, "subuid", OLD_UID);
	put_file(etc, "subgid", OLD_GID);
	faults.only = "renameat";
	faults.lasting = true;
	faults_arm(2, EIO);
	assert_int_equal(replace_both(etc), -ENOTRECOVERABLE);
	assert_true(faults_disarm());
	assert_file(etc, "subuid", NEW_UID);
	assert_file(etc, "subgid", OLD_GID);
	assert_file(etc, "subuid=", OLD_UID); /* not lost */
}

/* The directory cannot be written to disk: both names go back. */
static void test_directory_sync_fails(void **state)
{
	static const int noreplace_errors[] = { 0, EINVAL };
	int etc = etc_of(state);

	for (size_t i = 0; i < 2; i++) {
		put_file(etc, "subuid", OLD_UID);
		put_file(etc, "subgid", OLD_GID);
		faults.dir_sync_error = EIO;
		faults.noreplace_error = noreplace_errors[i];
		assert_int_equal(replace_both(etc), -EIO);
		assert_file(etc, "subuid", OLD_UID);
		assert_file(etc, "subgid", OLD_GID);
		assert_false(is_there(etc, "subuid+"));
		assert_false(is_there(etc, "subgid="));
	}
}

#define replace_test(function)                                                           \
	{                                                                                \
#function, function, setup, scratch_teardown, NULL                       \
	}

static int setup(void **state)
{
	return faults_reset(state) != 0 ? -1 : scratch_setup(state);
}

static int replace_alone(int dir, const char *name, const char *text)
{
	auto_replacement struct subid_replacement *replacement = NULL;
	int r = subid_replacement_open_alone(dir, name, &replacement);

	if (r == 0)
		r = subid_replacement_write(replacement, text, strlen(text));
	return r == 0 ? subid_replacements_commit(&replacement, 1) : r;
}

/* Nothing but the file: no copy of the old one, and nothing that was opened for it. */
static void assert_only(int dir, const char *name)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fdopendir(fd);
	const struct dirent *entry;

	assert_non_null(list);
	while ((entry = readdir(list)) != NULL)
		if (entry->d_name[0] != '.')
			assert_string_equal(entry->d_name, name);
	assert_int_equal(closedir(list), 0);
}

/* The old file's second name, when taking it away was what failed. */
static void remove_others(int dir, const char *name)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fdopendir(fd);
	const struct dirent *entry;

	assert_non_null(list);
	while ((entry = readdir(list)) != NULL)
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, name) != 0)
			assert_int_equal(unlinkat(dir, entry->d_name, 0), 0);
	assert_int_equal(closedir(list), 0);
}

/* A report: two at once, no copy, never open to more users than the old one. */
static void test_alone(void **state)
{
	static const struct {
		mode_t old, new;
	} modes[] = { { 0644, 0644 }, { 0600, 0600 },  { 0666, 0644 }, { 0755, 0644 },
		      { 0640, 0640 }, { 04400, 0400 }, { 0777, 0644 } };
	int etc = etc_of(state);
	auto_replacement struct subid_replacement *a = NULL, *b = NULL;
	mode_t mask = umask(077);

	assert_int_equal(replace_alone(etc, "report", "one"), 0);
	(void)umask(mask);
	assert_file(etc, "report", "one");
	assert_int_equal(mode_of(etc, "report"), S_IFREG | 0644);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(fchmodat(etc, "report", modes[i].old, 0), 0);
		assert_int_equal(replace_alone(etc, "report", "two"), 0);
		assert_int_equal(mode_of(etc, "report"), S_IFREG | modes[i].new);
	}
	assert_int_equal(subid_replacement_open_alone(etc, "report", &a), 0);
	assert_int_equal(subid_replacement_open_alone(etc, "report", &b), 0);
	assert_int_equal(subid_replacement_write(a, "a", 1), 0);
	assert_int_equal(subid_replacement_write(b, "bb", 2), 0);
	assert_int_equal(subid_replacements_commit(&a, 1), 0);
	assert_int_equal(subid_replacements_commit(&b, 1), 0);
	assert_file(etc, "report", "bb");
	assert_only(etc, "report");
}

/* Each call made to fail: the old one stays, alone, unless the new one is durable. */
static void test_alone_fails(void **state)
{
	int etc = etc_of(state);
	bool failed = true;
	unsigned int turn;

	for (turn = 1; failed; turn++) {
		int r;

		put_file(etc, "report", "old");
		faults_arm(turn, EIO);
		r = replace_alone(etc, "report", "new");
		failed = faults_disarm();
		assert_file(etc, "report", r == 0 ? "new" : "old");
		if (r < 0 || !failed)
			assert_only(etc, "report");
		else
			remove_others(etc, "report");
	}
	assert_true(turn > 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		replace_test(test_new_content_and_backup),
		replace_test(test_missing_file_is_made),
		replace_test(test_mode_is_kept),
		replace_test(test_owner_is_kept),
		replace_test(test_extended_attributes_are_kept),
		replace_test(test_inherited_acl_gives_nobody_more),
		replace_test(test_no_extended_attributes),
		replace_test(test_what_is_no_file),
		replace_test(test_name_length),
		replace_test(test_litter_is_overwritten),
		replace_test(test_planted_link_is_not_followed),
		replace_test(test_left_without_commit),
		replace_test(test_large_content),
		replace_test(test_large_content_on_full_disk),
		replace_test(test_interrupted_write),
		replace_test(test_write_of_nothing),
		replace_test(test_every_call_fails_in_turn),
		replace_test(test_every_write_is_short_in_turn),
		replace_test(test_every_function_matters),
		replace_test(test_readers_keep_the_old_file),
		replace_test(test_backup_cannot_be_made),
		replace_test(test_not_recoverable),
		replace_test(test_directory_sync_fails),
		replace_test(test_alone),
		replace_test(test_alone_fails),
	};

	return cmocka_run_group_tests_name("replace", tests, NULL, NULL);
}
