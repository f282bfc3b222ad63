/* SPDX-License-Identifier: MIT */
/*
 * Maps that are about to be written, see subid_userns_pending().
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

#define STATUS_MAX  (1 << 20) /* it lists up to 65536 groups */
#define CMDLINE_MAX (1 << 16) /* 340 ranges are less */
#define ID_DIGITS   10

struct search {
	int proc;
	uint64_t own; /* the caller's user namespace */
	const struct subid_set *wanted;
	char *buffer; /* of STATUS_MAX + 1 */
	struct subid_use *uses;
	size_t n;
};

static void close_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

static DIR *open_dir(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL && fd >= 0)
		(void)close(fd); /* nothing was read */
	return dir;
}

/* The kinds of maps that the capabilities of somebody who is not root let it write. */
static unsigned int writable_kinds(const char *status)
{
	const char *uid = strstr(status, "\nUid:\t"),
		   *cap = strstr(status, "\nCapPrm:\t");
	unsigned long long permitted;

	if (uid == NULL || cap == NULL || strtoul(uid + 6, NULL, 10) == 0)
		return 0;
	permitted = strtoull(cap + 9, NULL, 16);
	return (unsigned int)(permitted >> CAP_SETUID & 1) << SUBID_UID |
	       (unsigned int)(permitted >> CAP_SETGID & 1) << SUBID_GID;
}

/* Is a file of a procfs open in the process?  One that cannot be looked at is. */
static bool has_proc_open(int proc, pid_t pid)
{
	__attribute__((cleanup(close_dir))) DIR *dir = NULL;
	const struct dirent *entry;
	char path[32];

	(void)snprintf(path, sizeof(path), "%d/fd", (int)pid);
	dir = open_dir(proc, path);
	if (dir == NULL)
		return !proc_vanished(-errno);
	for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0) {
		auto_close int fd = -1;
		struct statfs fs;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		/* follows the link, and opens nothing */
		fd = openat(dirfd(dir), entry->d_name, O_PATH | O_CLOEXEC);
		if (fd < 0 && proc_vanished(-errno))
			continue; /* closed meanwhile */
		if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type == PROC_SUPER_MAGIC)
			return true;
	}
	return errno != 0 && !proc_vanished(-errno);
}

/* The next argument as an id or a count; false when it is none. */
static bool take_number(const char **at, const char *end, uint32_t *ret)
{
	size_t len = strnlen(*at, (size_t)(end - *at));

	if (len == 0 || len > ID_DIGITS || subid_id_parse(*at, len, ret) != 0)
		return false;
	*at += len + 1;
	return true;
}

/*
 * The first of the wanted ids that "PROGRAM PID INSIDE OUTSIDE COUNT..." asks for.  The
 * caller has written these words; but only the helper itself could change them now.
 * 1, 0 if it asks for none, -EINVAL if it may ask for any.
 */
static int asks_for(const char *words, size_t size, const struct subid_set *wanted,
		    struct id_range *ret)
{
	const char *at = words, *end = words + size;

	if (size == 0 || words[size - 1] != '\0')
		return -EINVAL;
	for (int i = 0; i < 2 && at < end; i++)
		at += strlen(at) + 1;
	while (at < end) {
		uint32_t inside, outside, count;

		if (!take_number(&at, end, &inside) || at >= end ||
		    !take_number(&at, end, &outside) || at >= end ||
		    !take_number(&at, end, &count))
			return -EINVAL;
		if (subid_set_meets(wanted, (struct id_range){ outside, count }, ret))
			return 1;
	}
	return 0;
}

static int judge(struct search *search, pid_t pid)
{
	struct subid_use use = { .pid = pid, .pending = true };
	unsigned int kinds;
	ssize_t size = proc_read(search->proc, pid, "status", search->buffer, STATUS_MAX);

	if (size < 0)
		return (int)size;
	search->buffer[size] = '\0';
	kinds = writable_kinds(search->buffer);
	if (kinds == 0 || proc_is_in(search->proc, pid, search->own) == -ESRCH ||
	    !has_proc_open(search->proc, pid))
		return 0;
	size = proc_read(search->proc, pid, "cmdline", search->buffer, CMDLINE_MAX);
	if (size < 0)
		return (int)size;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		const struct subid_set *wanted = &search->wanted[kind];
		int r;

		if ((kinds & (1U << kind)) == 0 || wanted->n == 0)
			continue;
		r = size == CMDLINE_MAX
			? -EINVAL
			: asks_for(search->buffer, (size_t)size, wanted, &use.ids);
		if (r < 0)
			use.ids = wanted->ranges[0];
		use.kind = kind;
		if (r != 0)
			return userns_add_use(search->proc, use, &search->uses,
					      &search->n);
	}
	return 0;
}

static int search_all(struct search *search)
{
	__attribute__((cleanup(close_dir))) DIR *dir = open_dir(search->proc, ".");
	const struct dirent *entry;

	if (dir == NULL)
		return -errno;
	for (errno = 0; (entry = readdir(dir)) != NULL; errno = 0) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		int r = pid > 0 ? judge(search, pid) : 0;

		if (r < 0 && !proc_vanished(r))
			return r;
	}
	return -errno;
}

int subid_userns_pending(int proc, const struct subid_set wanted[SUBID_KINDS],
			 struct subid_use **ret, size_t *ret_n)
{
	auto_free char *buffer = malloc(STATUS_MAX + 1);
	struct search search = { .proc = proc, .wanted = wanted, .buffer = buffer };
	char link[64];
	ssize_t n;
	int r;

	if (buffer == NULL)
		return -ENOMEM;
	n = readlinkat(proc, "self/ns/user", link, sizeof(link) - 1);
	if (n < 0)
		return -errno;
	link[n] = '\0';
	search.own = proc_namespace(link, "user");
	r = search_all(&search);
	if (r < 0) {
		free(search.uses);
		return r;
	}
	*ret = search.uses;
	*ret_n = search.n;
	return 0;
}
