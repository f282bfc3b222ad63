/* SPDX-License-Identifier: MIT */
/*
 * subid audit --output: a report in a file that others read at any moment.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/report/report.h"

#define MODE_NEW 0644

static int fail(const char *name, int error)
{
	return cli_complain(EXIT_UNABLE, "%s: %s%s", name, strerror(error),
			    error == ENOSPC || error == EROFS || error == EDQUOT
				? ": the report is not written, the old file is as it was"
				: "");
}

/* Threat: a device or a pipe, named by mistake, would be replaced by a file. */
static int check_target(const char *name, struct stat *ret)
{
	if (lstat(name, ret) < 0) {
		ret->st_mode = MODE_NEW;
		return errno == ENOENT ? EXIT_DONE : fail(name, errno);
	}
	if (S_ISREG(ret->st_mode))
		return EXIT_DONE;
	return cli_complain(EXIT_UNABLE, "%s: not a regular file: not replaced", name);
}

/* Who may read less of the old file may read no more of the new one; 0 or an errno. */
static int set_mode(int fd, const struct stat *old)
{
	mode_t mode = MODE_NEW & old->st_mode;

	if ((mode & S_IROTH) == 0 && (mode & S_IRGRP) != 0 &&
	    fchown(fd, (uid_t)-1, old->st_gid) != 0)
		mode &= ~(mode_t)S_IRGRP; /* another group is not meant */
	return fchmod(fd, mode) == 0 ? 0 : errno;
}

/* Writes the form into the open file; 0 or an errno. */
static int fill(int fd, const struct stat *old, const struct audit_shown *shown,
		int (*write_form)(const struct audit_shown *shown, FILE *out))
{
	FILE *out = fdopen(fd, "w");
	int error;

	if (out == NULL) {
		error = errno;
		(void)close(fd); /* nothing is written yet */
		return error;
	}
	errno = 0;
	error = -write_form(shown, out);
	if (error == 0 && (fflush(out) != 0 || ferror(out)))
		error = errno == 0 ? EIO : errno;
	if (error == 0)
		error = set_mode(fileno(out), old);
	if (error == 0 && fsync(fileno(out)) != 0)
		error = errno;
	if (fclose(out) != 0 && error == 0)
		error = errno;
	return error;
}

/* Makes the new name last through a power cut; 0 or an errno. */
static int sync_directory(const char *name)
{
	auto_free char *copy = strdup(name);
	auto_close int dir = -1;

	if (copy == NULL)
		return ENOMEM;
	dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 || fsync(dir) < 0 ? errno : 0;
}

int report_save(const char *name, const struct audit_shown *shown,
		int (*write_form)(const struct audit_shown *shown, FILE *out))
{
	auto_free char *draft = NULL;
	int fd, error, status;
	struct stat old;

	status = check_target(name, &old);
	if (status != EXIT_DONE)
		return status;
	/* not NAME's suffix: node_exporter reads every *.prom in its directory */
	if (asprintf(&draft, "%s.XXXXXX", name) < 0)
		return fail(name, ENOMEM);
	fd = mkostemp(draft, O_CLOEXEC);
	if (fd < 0)
		return fail(name, errno);
	error = fill(fd, &old, shown, write_form);
	if (error == 0 && rename(draft, name) != 0)
		error = errno;
	if (error != 0) {
		(void)unlink(draft); /* the first failure is what matters */
		return fail(name, error);
	}
	error = sync_directory(name);
	return error == 0 ? EXIT_DONE : fail(name, error);
}
