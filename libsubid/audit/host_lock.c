/* SPDX-License-Identifier: MIT */
/*
 * Whether the process that a lock names is the one that took it.  After a crash and
 * a boot its number is soon another's, and everybody waits for that one: so a
 * process that began when the lock was there already is not its owner.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "libsubid/audit/private.h"
#include "libsubid/core/core.h"

#define SLACK	    2  /* seconds: the file's clock is coarser than the process's */
#define FIELD_START 22 /* of /proc/PID/stat, in ticks since the boot */

/* Sets *ret to the seconds from the boot to the start of a process. */
static bool find_start(pid_t pid, long long *ret)
{
	char path[sizeof("/proc/4294967295/stat")], text[1024];
	auto_close int fd = -1;
	const char *field;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	/* Threat: a process names itself, blanks and parentheses included; its name,
	 * the second field, ends with the last of them. */
	field = strrchr(text, ')');
	for (int i = 2; field != NULL && i < FIELD_START; i++)
		field = strchr(field + 1, ' ');
	if (field == NULL)
		return false;
	*ret = strtoll(field, NULL, 10) / sysconf(_SC_CLK_TCK);
	return true;
}

/* Did the process begin after that time?  Not known: no. */
static bool began_after(pid_t pid, long long time)
{
	struct timespec now, boot;
	long long start;

	if (!find_start(pid, &start))
		return false;
	(void)clock_gettime(CLOCK_REALTIME, &now); /* neither can fail */
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	return now.tv_sec - boot.tv_sec + start > time + SLACK;
}

void host_lock_look(int etc, const char *name, enum subid_kind kind, bool image,
		    struct subid_host_lock *lock)
{
	int r = subid_lock_look(etc, kind, &lock->holder);
	struct stat st;

	if (r == SUBID_ABSENT) /* let go meanwhile */
		lock->file.error = ENOENT;
	else if (r < 0)
		lock->error = -r;
	if (image) {
		/* what runs here is nothing of the image's */
		lock->holder.alive = false;
		lock->holder.program[0] = '\0';
	}
	lock->recycled = lock->holder.alive &&
			 fstatat(etc, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			 began_after(lock->holder.pid, st.st_mtime);
}
