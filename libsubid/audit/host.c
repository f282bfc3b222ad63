/* SPDX-License-Identifier: MIT */
#include "libsubid/audit/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

/* Where helpers are looked for. */
static const char *const path_directories[] = {
	"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
};

static const char *const helper_names[SUBID_KINDS] = { "newuidmap", "newgidmap" };
static const char *const backup_names[SUBID_KINDS] = { "subuid-", "subgid-" };
static const char *const lock_names[SUBID_KINDS] = { "subuid.lock", "subgid.lock" };

static void note_unread(struct subid_host *host, int error)
{
	if (error == 0 || error == ENOENT || error == ENOTDIR || error == ENODATA)
		return;
	host->n_unread++;
	if (host->unread_error == 0)
		host->unread_error = error;
}

static int read_file(const struct subid_host_options *options, struct subid_host *host,
		     const char *name, struct subid_host_file *ret)
{
	int r = host_file_at(options->etc, name, host->etc, host->root_uid, ret);

	note_unread(host, ret->error);
	return r;
}

static int read_way(const struct subid_host_options *options, struct subid_host *host,
		    const char *path, struct subid_host_way *ret, int *ret_fd)
{
	int r = host_way_walk(options, host->root_uid, path, ret, ret_fd);

	if (r == 0)
		note_unread(host, ret->files[ret->n - 1].error);
	return r;
}

/* Who plays root's part: in an image, whoever has unpacked it. */
static void read_root(const struct subid_host_options *options, struct subid_host *host)
{
	struct stat st;

	host->image = options->image;
	if (!options->image || fstat(options->root, &st) < 0)
		return;
	host->root_uid = st.st_uid;
	host->root_gid = st.st_gid;
}

static int read_tables(const struct subid_host_options *options, struct subid_host *host)
{
	int r = 0;

	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++) {
		const char *name = subid_kind_table(kind);
		auto_close int fd = -1;
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/%s", options->etc_path, name);
		r = read_file(options, host, name, &host->tables[kind]);
		if (r == 0)
			r = read_way(options, host, path, &host->ways[kind], &fd);
		if (r == 0)
			r = read_file(options, host, backup_names[kind],
				      &host->backups[kind]);
	}
	return r;
}

static int read_locks(const struct subid_host_options *options, struct subid_host *host)
{
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		struct subid_host_lock *lock = &host->locks[kind];
		int r = read_file(options, host, lock_names[kind], &lock->file);

		if (r < 0)
			return r;
		if (lock->file.error != 0)
			continue;
		host_lock_look(options->etc, lock_names[kind], kind, options->image,
			       lock);
		note_unread(host, lock->error);
	}
	return 0;
}

static bool is_known(const struct subid_host *host, enum subid_kind kind,
		     const struct subid_host_file *file)
{
	for (size_t i = 0; i < host->n_helpers; i++) {
		const struct subid_host_helper *helper = &host->helpers[i];
		const struct subid_host_file *known =
		    &helper->way.files[helper->way.n - 1];

		if (helper->kind == kind && known->dev == file->dev &&
		    known->ino == file->ino)
			return true;
	}
	return false;
}

static void free_helper(struct subid_host_helper *helper)
{
	free(helper->path);
	host_way_free(&helper->way);
}

/* What a shell passes over in PATH is no helper. */
static bool is_program(const struct subid_host_file *file)
{
	return file->error == 0 && S_ISREG(file->mode) && (file->mode & 0111) != 0;
}

static int add_helper(const struct subid_host_options *options, struct subid_host *host,
		      const char *directory, enum subid_kind kind)
{
	__attribute__((cleanup(free_helper))) struct subid_host_helper helper = {
		.kind = kind,
	};
	struct subid_host_helper *grown;
	auto_close int fd = -1;
	struct statvfs fs;
	int r;

	if (asprintf(&helper.path, "%s%s/%s", options->prefix, directory,
		     helper_names[kind]) < 0) {
		helper.path = NULL;
		return -ENOMEM;
	}
	host_make_printable(helper.path);
	r = read_way(options, host, helper.path + host->prefix_len, &helper.way, &fd);
	if (r < 0 || !is_program(&helper.way.files[helper.way.n - 1]) ||
	    is_known(host, kind, &helper.way.files[helper.way.n - 1]))
		return r;
	r = host_caps_look(fd, &helper.caps);
	if (r < 0)
		return r;
	note_unread(host, helper.caps.error);
	helper.nosuid =
	    !options->image && fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0;
	grown = reallocarray(host->helpers, host->n_helpers + 1, sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	host->helpers = grown;
	host->helpers[host->n_helpers++] = helper;
	helper = (struct subid_host_helper){ .path = NULL };
	return 0;
}

/* A directory with nothing but etc in it is no system, and lacks no helper. */
static int find_programs(const struct subid_host_options *options,
			 struct subid_host *host, const char *directory)
{
	struct subid_host_way way = { .n = 0 };
	auto_close int fd = -1;
	int r = host_way_walk(options, host->root_uid, directory, &way, &fd);

	if (r == 0 && fd >= 0)
		host->has_programs |= S_ISDIR(way.files[way.n - 1].mode);
	host_way_free(&way);
	return r;
}

static int read_helpers(const struct subid_host_options *options, struct subid_host *host)
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

static int read_source(const struct subid_host_options *options, struct subid_host *host)
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
		    subid_source_probe(host->source.name, &host->source_missing);
	return 0;
}

/* Rules name paths as the system that they are for has them. */
static int read_watches(const struct subid_host_options *options, struct subid_host *host)
{
	size_t n = SUBID_KINDS + host->n_helpers, skip = host->prefix_len;
	auto_free struct host_watch *watches = calloc(n, sizeof(*watches));
	int r;

	if (watches == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < SUBID_KINDS; i++)
		watches[i].path = host->tables[i].path + skip;
	for (size_t i = 0; i < host->n_helpers; i++)
		watches[SUBID_KINDS + i] = (struct host_watch){
			.path = host->helpers[i].path + skip,
			.programs = true,
		};
	host->has_audit =
	    faccessat(options->etc, "audit/rules.d", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	r = host_watch_read(options->etc, !options->image, watches, n,
			    &host->rules_error);
	note_unread(host, host->rules_error);
	for (size_t i = 0; i < SUBID_KINDS; i++)
		host->watched[i] = watches[i].watched;
	for (size_t i = 0; i < host->n_helpers; i++)
		host->helpers[i].watched = watches[SUBID_KINDS + i].watched;
	return r;
}

void subid_host_free(struct subid_host *host)
{
	free(host->etc);
	subid_text_free(&host->shadow);
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		host_file_free(&host->tables[kind]);
		host_way_free(&host->ways[kind]);
		host_file_free(&host->backups[kind]);
		host_file_free(&host->locks[kind].file);
	}
	for (size_t i = 0; i < host->n_helpers; i++)
		free_helper(&host->helpers[i]);
	free(host->helpers);
	*host = (struct subid_host){ .etc = NULL };
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

static int read_all(const struct subid_host_options *options, struct subid_host *host)
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
	return r == 0 ? read_watches(options, host) : r;
}

int subid_host_read(const struct subid_host_options *options, struct subid_host *ret)
{
	auto_host struct subid_host host = { .etc = NULL };
	struct subid_host_options absolute = *options;
	auto_free char *prefix = NULL;
	int r = make_prefix(options->prefix, &prefix);

	absolute.prefix = prefix;
	if (r == 0)
		r = read_all(&absolute, &host);
	if (r < 0)
		return r;
	*ret = host;
	host = (struct subid_host){ .etc = NULL };
	return 0;
}
