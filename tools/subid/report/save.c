/* SPDX-License-Identifier: MIT */
#include "tools/subid/report/save.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/core/files.h"
#include "tools/subid/cli.h"

static int fail_to_save(const char *name, int error)
{
	return cli_complain(EXIT_UNABLE, "%s: %s%s", name, strerror(error),
			    error == ENOSPC || error == EROFS || error == EDQUOT
				? ": the report is not written, the old file is as it was"
				: "");
}

/* Threat: a device or a pipe, named by mistake, would be replaced by a file. */
static int check_target(const char *name)
{
	struct stat st;

	if (lstat(name, &st) < 0)
		return errno == ENOENT ? EXIT_DONE : fail_to_save(name, errno);
	if (S_ISREG(st.st_mode))
		return EXIT_DONE;
	return cli_complain(EXIT_UNABLE, "%s: not a regular file: not replaced", name);
}

static ssize_t write_some(void *replacement, const char *bytes, size_t size)
{
	int r = subid_replacement_write(replacement, bytes, size);

	if (r == 0)
		return (ssize_t)size;
	errno = -r;
	return 0; /* a failure, to stdio */
}

/* Writes the report into the replacement; 0 or an errno. */
static int fill(struct subid_replacement *replacement, report_writer *write,
		const void *data)
{
	FILE *out =
	    fopencookie(replacement, "w", (cookie_io_functions_t){ .write = write_some });
	int error;

	if (out == NULL)
		return errno;
	errno = 0;
	error = -write(data, out);
	if (error == 0 && (fflush(out) != 0 || ferror(out)))
		error = errno == 0 ? EIO : errno;
	if (fclose(out) != 0 && error == 0)
		error = errno;
	return error;
}

/* The directory of a file, and its name there. */
static int open_directory(const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	auto_free char *copy = strdup(path);
	int fd;

	if (copy == NULL)
		return -ENOMEM;
	*ret_name = slash == NULL ? path : slash + 1;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int report_save(const char *path, report_writer *write, const void *data)
{
	auto_close int dir = -1; /* until the replacement has been released */
	auto_replacement struct subid_replacement *replacement = NULL;
	const char *name;
	int error, status;

	status = check_target(path);
	if (status != EXIT_DONE)
		return status;
	dir = open_directory(path, &name);
	error = dir < 0 ? -dir : -subid_replacement_open_alone(dir, name, &replacement);
	if (error == 0)
		error = fill(replacement, write, data);
	if (error == 0)
		error = -subid_replacements_commit(&replacement, 1);
	return error == 0 ? EXIT_DONE : fail_to_save(path, error);
}
