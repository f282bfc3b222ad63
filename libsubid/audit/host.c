/* SPDX-License-Identifier: MIT */
/*
 * Facts about the machine around the tables, see audit.h.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"
#include "libsubid/tables/tables.h"

/*
 * Whether the process that a lock names is the one that created it.  After a crash and
 * a boot another process has its number soon, and everybody waits for that one: so a
 * process that began after the lock is not its owner.
 */
#define SLACK 2 /* seconds: the file's clock is coarser than the process's */

/* Did the process begin after that time?  Not known: no. */
static bool began_after(pid_t pid, long long time)
{
	int64_t began = process_began_at(pid);

	return began >= 0 && began > time + SLACK;
}

/* Fills all of a lock but its file, which is there, or makes that ENOENT. */
static void look_at_lock(int etc, const char *name, enum subid_kind kind, bool image,
			 struct audit_host_lock *lock)
{
	int r = subid_lock_look(etc, kind, &lock->holder);
	struct stat st;

	if (r == SUBID_ABSENT) /* released meanwhile */
		lock->file.error = ENOENT;
	else if (r < 0)
		lock->error = -r;
	if (image) {
		/* running processes are not the image's */
		lock->holder.alive = false;
		lock->holder.program[0] = '\0';
	}
	lock->recycled = lock->holder.alive &&
			 fstatat(etc, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			 began_after(lock->holder.pid, st.st_mtime);
}

/* Where helpers are looked for. */
static const char *const path_directories[] = {
	"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
};

static const char *const helper_names[SUBID_KINDS] = { "newuidmap", "newgidmap" };
static const char *const backup_names[SUBID_KINDS] = { "subuid-", "subgid-" };
static const char *const lock_names[SUBID_KINDS] = { "subuid.lock", "subgid.lock" };

static void note_unread(struct audit_host *host, int error)
{
	if (error == 0 || error == ENOENT || error == ENOTDIR || error == ENODATA)
		return;
	host->n_unread++;
	if (host->unread_error == 0)
		host->unread_error = error;
}

static int read_file(const struct audit_host_options *options, struct audit_host *host,
		     const char *name, struct audit_host_file *ret)
{
	int r = host_file_at(options->etc, name, host->etc, host->root_uid, ret);

	note_unread(host, ret->error);
	return r;
}

static int read_walk(const struct audit_host_options *options, struct audit_host *host,
		     const char *path, struct audit_path_walk *ret, int *ret_fd)
{
	int r = path_walk(options, host->root_uid, path, ret, ret_fd);

	if (r == 0)
		note_unread(host, ret->files[ret->n - 1].error);
	return r;
}

/* Who counts as root: in an image, the user who unpacked it. */
static void read_root(const struct audit_host_options *options, struct audit_host *host)
{
	struct stat st;

	host->image = options->image;
	if (!options->image || fstat(options->root, &st) < 0)
		return;
	host->root_uid = st.st_uid;
	host->root_gid = st.st_gid;
}

static bool is_mount_point(int dir, const char *name)
{
	struct statx st;

	return statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &st) == 0 &&
	       (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

static int read_tables(const struct audit_host_options *options, struct audit_host *host)
{
	struct statvfs fs;
	int r = 0;

	host->read_only = !options->image && fstatvfs(options->etc, &fs) == 0 &&
			  (fs.f_flag & ST_RDONLY) != 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		const char *name = subid_kind_table(kind);
		auto_close int fd = -1;
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/%s", options->etc_path, name);
		host->mounted[kind] = is_mount_point(options->etc, name);
		r = read_file(options, host, name, &host->tables[kind]);
		if (r == 0)
			r = read_walk(options, host, path, &host->walks[kind], &fd);
		if (r == 0)
			r = read_file(options, host, backup_names[kind],
				      &host->backups[kind]);
	}
	return r;
}

static int read_locks(const struct audit_host_options *options, struct audit_host *host)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct audit_host_lock *lock = &host->locks[kind];
		int r = read_file(options, host, lock_names[kind], &lock->file);

		if (r < 0)
			return r;
		if (lock->file.error != 0)
			continue;
		look_at_lock(options->etc, lock_names[kind], kind, options->image, lock);
		note_unread(host, lock->error);
	}
	return 0;
}

static bool is_known(const struct audit_host *host, enum subid_kind kind,
		     const struct audit_host_file *file)
{
	for (size_t i = 0; i < host->n_helpers; i++) {
		const struct audit_host_helper *helper = &host->helpers[i];
		const struct audit_host_file *known =
		    &helper->walk.files[helper->walk.n - 1];

		if (helper->kind == kind && known->dev == file->dev &&
		    known->ino == file->ino)
			return true;
	}
	return false;
}

static void free_helper(struct audit_host_helper *helper)
{
	free(helper->path);
	path_walk_free(&helper->walk);
}

/* A file that a shell ignores in PATH is not a helper. */
static bool is_program(const struct audit_host_file *file)
{
	return file->error == 0 && S_ISREG(file->mode) && (file->mode & 0111) != 0;
}

static int add_helper(const struct audit_host_options *options, struct audit_host *host,
		      const char *directory, enum subid_kind kind)
{
	__attribute__((cleanup(free_helper))) struct audit_host_helper helper = {
		.kind = kind,
	};
	auto_close int fd = -1;
	struct statvfs fs;
	int r;

	if (asprintf(&helper.path, "%s%s/%s", options->prefix, directory,
		     helper_names[kind]) < 0) {
		helper.path = NULL;
		return -ENOMEM;
	}
	host_make_printable(helper.path);
	r = read_walk(options, host, helper.path + host->prefix_len, &helper.walk, &fd);
	if (r < 0 || !is_program(&helper.walk.files[helper.walk.n - 1]) ||
	    is_known(host, kind, &helper.walk.files[helper.walk.n - 1]))
		return r;
	r = host_caps_look(fd, &helper.caps);
	if (r < 0)
		return r;
	note_unread(host, helper.caps.error);
	helper.nosuid =
	    !options->image && fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0;
	if (array_grow(&host->helpers, host->n_helpers, sizeof(*host->helpers)) < 0)
		return -ENOMEM;
	host->helpers[host->n_helpers++] = helper;
	helper = (struct audit_host_helper){ .path = NULL };
	return 0;
}

/* A directory with nothing but etc is not a whole system, and no helper is missing. */
static int find_programs(const struct audit_host_options *options,
			 struct audit_host *host, const char *directory)
{
	struct audit_path_walk walk = { .n = 0 };
	auto_close int fd = -1;
	int r = path_walk(options, host->root_uid, directory, &walk, &fd);

	if (r == 0 && fd >= 0)
		host->has_programs |= S_ISDIR(walk.files[walk.n - 1].mode);
	path_walk_free(&walk);
	return r;
}

static int read_helpers(const struct audit_host_options *options, struct audit_host *host)
{
	const size_t n = sizeof(path_directories) / sizeof(path_directories[0]);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = find_programs(options, host, path_directories[i]);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++)
		for (size_t i = 0; r == 0 && i < n; i++)
			r = add_helper(options, host, path_directories[i], kind);
	return r;
}

static void close_module(void **module)
{
	if (*module != NULL)
		(void)dlclose(*module);
}

/*
 * Would shadow's tools use the module of a source, not ""?  Loads its code.  Returns 0;
 * -ELIBACC when there is no such module, or it cannot be loaded; SUBID_INVALID when it
 * lacks one of the functions that shadow calls, whose name is then in *ret_missing.
 */
static int probe_source(const char *source, const char **ret_missing)
{
	static const char *const functions[] = {
		"shadow_subid_has_range",
		"shadow_subid_list_owner_ranges",
		"shadow_subid_find_subid_owners",
		"shadow_subid_free",
	};
	__attribute__((cleanup(close_module))) void *module = NULL;
	char file[sizeof("libsubid_.so") + SUBID_SOURCE_SIZE];

	(void)snprintf(file, sizeof(file), "libsubid_%s.so", source);
	module = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (module == NULL)
		return -ELIBACC;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		if (dlsym(module, functions[i]) != NULL)
			continue;
		*ret_missing = functions[i];
		return SUBID_INVALID;
	}
	return 0;
}

static int read_source(const struct audit_host_options *options, struct audit_host *host)
{
	auto_text struct subid_text text = { .bytes = NULL };
	int r = subid_text_read_max(options->etc, "nsswitch.conf", !options->image,
				    SUBID_SETTINGS_SIZE_MAX, &text);

	if (r < 0) {
		note_unread(host, -r);
		return r == -ENOMEM ? r : 0;
	}
	host->source_invalid = subid_source_parse(&text, &host->source) != 0;
	if (!options->image && host->source.name[0] != '\0')
		host->source_error =
		    probe_source(host->source.name, &host->source_missing);
	return 0;
}

/* Rules have paths as seen in the system that they are for. */
static int read_watches(const struct audit_host_options *options, struct audit_host *host)
{
	size_t n = SUBID_KINDS + host->n_helpers, skip = host->prefix_len;
	auto_free struct watched_path *watches = calloc(n, sizeof(*watches));
	int r;

	if (watches == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < SUBID_KINDS; i++)
		watches[i].path = host->tables[i].path + skip;
	for (size_t i = 0; i < host->n_helpers; i++)
		watches[SUBID_KINDS + i] = (struct watched_path){
			.path = host->helpers[i].path + skip,
			.programs = true,
		};
	host->has_audit =
	    faccessat(options->etc, "audit/rules.d", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	r = kernel_audit_rules_read(options->etc, !options->image, watches, n,
				    &host->rules_error);
	note_unread(host, host->rules_error);
	for (size_t i = 0; i < SUBID_KINDS; i++)
		host->watched[i] = watches[i].watched;
	for (size_t i = 0; i < host->n_helpers; i++)
		host->helpers[i].watched = watches[SUBID_KINDS + i].watched;
	return r;
}

void audit_host_free(struct audit_host *host)
{
	free(host->etc);
	subid_text_free(&host->shadow);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		host_file_free(&host->tables[kind]);
		path_walk_free(&host->walks[kind]);
		host_file_free(&host->backups[kind]);
		host_file_free(&host->locks[kind].file);
	}
	for (size_t i = 0; i < host->n_helpers; i++)
		free_helper(&host->helpers[i]);
	free(host->helpers);
	*host = (struct audit_host){ .etc = NULL };
}

/* The prefix without a slash at its end, and absolute where it can be had. */
static int make_prefix(const char *prefix, char **ret)
{
	bool is_relative = prefix[0] != '\0' && prefix[0] != '/';
	auto_free char *here = is_relative ? getcwd(NULL, 0) : NULL;
	size_t len = strlen(prefix);

	while (len > 0 && prefix[len - 1] == '/')
		len--;
	if (asprintf(ret, "%s%s%.*s", here == NULL ? "" : here, here == NULL ? "" : "/",
		     (int)len, prefix) < 0) {
		*ret = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int read_all(const struct audit_host_options *options, struct audit_host *host)
{
	int r;

	if (asprintf(&host->etc, "%s%s", options->prefix, options->etc_path) < 0) {
		host->etc = NULL;
		return -ENOMEM;
	}
	host_make_printable(host->etc);
	host->prefix_len = strlen(options->prefix);
	read_root(options, host);
	r = subid_text_read(options->etc, "shadow", !options->image, &host->shadow);
	if (r == -ENOMEM)
		return r;
	r = read_tables(options, host);
	if (r == 0)
		r = read_locks(options, host);
	if (r == 0)
		r = read_helpers(options, host);
	if (r == 0)
		r = read_source(options, host);
	note_unread(host, audit_look_for_library(options, host));
	return r == 0 ? read_watches(options, host) : r;
}

int audit_host_read(const struct audit_host_options *options, struct audit_host *ret)
{
	auto_host struct audit_host host = { .etc = NULL };
	struct audit_host_options absolute = *options;
	auto_free char *prefix = NULL;
	int r = make_prefix(options->prefix, &prefix);

	absolute.prefix = prefix;
	if (r == 0)
		r = read_all(&absolute, &host);
	if (r < 0)
		return r;
	*ret = host;
	host = (struct audit_host){ .etc = NULL };
	return 0;
}
