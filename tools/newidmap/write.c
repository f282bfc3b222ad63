/* SPDX-License-Identifier: MIT */
/*
 * What is done to the namespace once all is decided, through the descriptor of the
 * target: rules 5 and 7 of newidmap.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <string.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/newidmap/private.h"

static bool has_map(const struct call *call)
{
	auto_close int fd =
	    openat(call->target, call->kind->map_file, O_RDONLY | O_CLOEXEC);
	char byte;

	return fd >= 0 && read(fd, &byte, 1) > 0;
}

/* The kernel's one word for many reasons. */
static const char *why_not_permitted(const struct call *call)
{
	if (has_map(call))
		return "it is written already, and can be only once";
	if (!has_capability(call->kind->cap))
		return "Operation not permitted: this program needs to be installed"
		       " setuid root or with its file capability, on a file system that"
		       " is not nosuid, and not to be traced";
	if (maps_root(call) && !has_capability(CAP_SETFCAP))
		return "Operation not permitted: id 0 can be mapped only with"
		       " CAP_SETFCAP, which this program has when setuid root";
	return "Operation not permitted: the process is not in a user namespace that you"
	       " made from this one";
}

static int explain_write(const struct call *call, int error)
{
	const char *why = strerror(error);

	if (error == EPERM)
		why = why_not_permitted(call);
	else if (error == EACCES)
		why = "Permission denied: the process is not dumpable (prctl(2)), or in a"
		      " user namespace that is not yours";
	else if (error == ENOENT || error == ESRCH)
		why = "the process has ended";
	return fail(call->kind, "write to %s failed: %s", call->kind->map_file, why);
}

/*
 * Rule 5; a namespace that is denied already stays so.  A file that is not there
 * is a failure, too: every kernel with this file system has had it since 3.19,
 * so it is the process that has gone.
 */
int deny_setgroups(const struct call *call)
{
	static const char deny[] = "deny";
	auto_close int fd = openat(call->target, "setgroups", O_RDWR | O_CLOEXEC);
	char state[16] = "";

	if (fd < 0 || pread(fd, state, sizeof(state) - 1, 0) < 0)
		return explain_write(call, errno);
	if (strncmp(state, deny, strlen(deny)) == 0)
		return 0;
	/* at position 0 still; the kernel refuses pwrite(2) here with ESPIPE */
	if (write(fd, deny, strlen(deny)) < 0)
		return explain_write(call, errno);
	return 0;
}

/* Rule 7. */
int write_map(const struct call *call)
{
	char text[SUBID_MAP_LINES_MAX * SUBID_MAP_LINE_SIZE];
	size_t size = subid_map_print(call->lines, call->n, text);
	auto_close int fd = -1;
	ssize_t n;

	if (size >= (size_t)sysconf(_SC_PAGESIZE))
		return fail(call->kind,
			    "the map has %zu bytes, but the kernel takes less than a page"
			    " of %ld: join neighbouring ranges",
			    size, sysconf(_SC_PAGESIZE));
	fd = openat(call->target, call->kind->map_file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return explain_write(call, errno);
	n = write(fd, text, size);
	if (n != (ssize_t)size)
		return explain_write(call, n < 0 ? errno : EIO);
	return 0;
}
