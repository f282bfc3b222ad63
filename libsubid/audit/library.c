/* SPDX-License-Identifier: MIT */
/*
 * The libsubid that podman, buildah and toolbox find: shadow's passes over owners without
 * an account from 4.20 on, whose library has a name of its own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/files.h"

#define LIBRARY "libsubid.so.6"
/* what subid-compat enable writes */
#define COMPAT_CONF "ld.so.conf.d/00-subid-compat.conf"

/* 0: it is there; else an error number, ENOENT if it is not. */
static int look_at(int directory, const char *name)
{
	return faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

static int look_below(int directory, const char *name)
{
	auto_close int below =
	    openat(directory, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return below < 0 ? errno == ENOTDIR || errno == ELOOP ? ENOENT : errno
			 : look_at(below, LIBRARY);
}

/* Also in a directory that is named by a machine: x86_64-linux-gnu. */
static int look_in(int root, const char *path)
{
	int fd = beneath_open_dir(root, path), error;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (dir == NULL) {
		error = fd < 0 ? -fd : errno;
		if (fd >= 0)
			(void)close(fd);
		return error;
	}
	error = look_at(fd, LIBRARY);
	while (error == ENOENT && (errno = 0, entry = readdir(dir)) != NULL)
		if (strstr(entry->d_name, "-linux-") != NULL)
			error = look_below(fd, entry->d_name);
	if (error == ENOENT && errno != 0)
		error = errno;
	(void)closedir(dir);
	return error;
}

int audit_look_for_library(const struct audit_host_options *options,
			   struct audit_host *host)
{
	int error = look_at(options->etc, COMPAT_CONF);

	if (error == 0)
		return 0;
	if (error == ENOENT)
		error = look_in(options->root, "usr/lib64");
	if (error == ENOENT)
		error = look_in(options->root, "usr/lib");
	host->passes_over = error == 0;
	return error;
}

/* podman's; Docker and others read the tables themselves. */
static bool is_passed_over(const struct audit *audit, enum subid_kind kind, size_t entry)
{
	size_t owner = audit->tables[kind].owner[entry];
	struct subid_owner_name text = audit_owner_text(audit, owner);

	return !audit->owners[owner].account && !audit->owners[owner].hold &&
	       text_is(text.text, text.len, "containers");
}

static void say_passed_over(struct audit *audit, struct audit_finding *finding)
{
	const char *note = "switch subid's library on, which counts it, or make an"
			   " account of this name, which nobody logs in to";

	audit_advise_run(audit, finding, "subid-compat enable");
	audit_add_finding(audit, finding, note,
			  "there is no account containers: " LIBRARY
			  ", of shadow 4.20 or later, passes over its lines, and 'podman"
			  " run --userns=auto' finds no ids");
}

int audit_find_owner_passed_over(struct audit *audit)
{
	if (audit->in->host == NULL || !audit->in->host->passes_over)
		return 0;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct audit_table *view = &audit->tables[kind];

		for (size_t i = 0; i < view->table->n; i++) {
			struct audit_finding finding;

			if (!is_passed_over(audit, kind, i))
				continue;
			finding = audit_at_entry(audit, kind, i);
			if (!audit_skips(audit, &finding))
				say_passed_over(audit, &finding);
			break;
		}
	}
	return 0;
}
