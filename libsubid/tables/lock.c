/* SPDX-License-Identifier: MIT */
/*
 * .pwd.lock is locked with an open file description lock (fcntl(2), F_OFD_SETLK).
 * It excludes, and is excluded by, the record lock of glibc's lckpwdf(), which
 * needs SIGALRM to end its waiting and so cannot be used in somebody else's
 * process.
 *
 * A table's lock is a hard link, as shadow makes it: the file appears with the
 * pid already in it, and link(2) fails if another was there first.  An unnamed
 * file (O_TMPFILE) is linked, so that a kill in between leaves nothing behind.
 */
#include "libsubid/tables/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "libsubid/core/core.h"
#include "libsubid/core/printable.h"

#define FILE_LOCK      ".pwd.lock"
#define NO_PID_MS      200 /* for whoever makes a lock file first and fills it then */
#define CLOCKS_APART_S 2   /* of a file system, and of ticks */
#define WAIT_SAID_MS   1000
#define POLL_MIN_NS    1000000 /* 1 ms */
#define POLL_RANGE_NS  8000000 /* and up to 8 more, so that waiters spread out */

struct subid_lock {
	int etc; /* our own descriptor: the caller's may be closed before us */
	int fd;	 /* of .pwd.lock */
	bool held[SUBID_KINDS]; /* the tables' lock files are ours */
};

static const char *const lock_files[SUBID_KINDS] = { "subuid.lock", "subgid.lock" };

/* Our own pid in a lock that we do not hold is that of a dead namesake. */
static bool is_alive(pid_t pid)
{
	return pid != getpid() && (kill(pid, 0) == 0 || errno != ESRCH);
}

int64_t process_began_at(pid_t pid)
{
	char path[sizeof("/proc/4294967295/stat")], text[1024];
	unsigned long long ticks;
	struct timespec real, boot;
	auto_close int fd = -1;
	const char *at;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	at = strrchr(text, ')'); /* of the name, which may have anything in it */
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		return -1;
	ticks = strtoull(at + 1, NULL, 10);
	(void)clock_gettime(CLOCK_REALTIME, &real); /* cannot fail, nor the next */
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	return real.tv_sec - boot.tv_sec +
	       (int64_t)(ticks / (uint64_t)sysconf(_SC_CLK_TCK));
}

/*
 * After a power cut a lock file is still there, and its pid may be somebody else's: a
 * process that began after the file was written.  Its name says nothing: it chooses that
 * itself, and shadow's library is in other programs than shadow's.  Clocks may be set in
 * between: so this is asked only with .pwd.lock in hand, which who really is at work
 * would have.
 */
static bool is_of_a_namesake(int etc, const char *file, pid_t pid)
{
	int64_t began = process_began_at(pid);
	struct stat st;

	return began >= 0 && fstatat(etc, file, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       began > st.st_mtim.tv_sec + CLOCKS_APART_S;
}

static void holder_set(struct subid_holder *holder, const char *file, pid_t pid)
{
	char path[sizeof("/proc/4294967295/comm")];
	auto_close int fd = -1;

	*holder = (struct subid_holder){ .file = file, .pid = pid };
	if (pid <= 0)
		return;
	holder->alive = is_alive(pid);
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* Threat: a process names itself, and the name ends on a terminal. */
	if (fd < 0 || read(fd, holder->program, sizeof(holder->program) - 1) < 0)
		return;
	holder->program[strcspn(holder->program, "\n")] = '\0';
	printable_ascii(holder->program, strlen(holder->program), ' ');
}

/*
 * The pid that a lock file holds, in decimal, perhaps with a NUL or newline
 * after it: 0 if there is no such file, -1 if there is no pid in it.
 */
static pid_t read_lock_pid(int etc, const char *file)
{
	auto_close int fd = -1;
	char buf[16];
	uint32_t pid;
	ssize_t n;

	if (is_special(etc, file, false))
		return -1;
	fd = openat(etc, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	n = read(fd, buf, sizeof(buf));
	while (n > 0 && (buf[n - 1] == '\0' || buf[n - 1] == '\n'))
		n--;
	if (n <= 0 || subid_id_parse(buf, (size_t)n, &pid) != 0 || pid == 0 ||
	    pid > INT32_MAX)
		return -1;
	return (pid_t)pid;
}

/* Whoever has .pwd.lock: the kernel knows a record lock's pid, not an OFD's. */
static void find_file_holder(int etc, int fd, struct subid_holder *holder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	pid_t pid = 0;

	if (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK &&
	    lock.l_pid > 0)
		pid = lock.l_pid;
	for (enum subid_kind kind = 0; pid == 0 && kind < SUBID_KINDS; kind++)
		pid = read_lock_pid(etc, lock_files[kind]);
	holder_set(holder, FILE_LOCK, pid > 0 ? pid : 0);
}

/* An unnamed file in etc that holds our pid; -errno. */
static int make_pid_file(int etc)
{
	auto_close int fd = -1;
	char text[16];
	size_t size = (size_t)snprintf(text, sizeof(text), "%d", (int)getpid()) + 1;
	ssize_t n;
	int made;

	fd = openat(etc, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	n = write(fd, text, size);
	if (n != (ssize_t)size)
		return n < 0 ? -errno : -ENOSPC;
	if (fdatasync(fd) < 0)
		return -errno;
	made = fd;
	fd = -1;
	return made;
}

/* As shadow does: a lock counts if its file has both names.  If not, it goes. */
static int check_linked(int etc, const char *file, int fd)
{
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;

	if (r == 0 && st.st_nlink != 2)
		r = -EIO;
	if (r < 0)
		(void)unlinkat(etc, file, 0);
	return r;
}

/* The pid file with a name, where there are no unnamed files; then linked. */
static int link_named(int etc, const char *file)
{
	char name[32], text[16];
	size_t size = (size_t)snprintf(text, sizeof(text), "%d", (int)getpid()) + 1;
	auto_close int fd = -1;
	ssize_t n;
	int r;

	(void)snprintf(name, sizeof(name), "%.6s.%d", file, (int)getpid());
	(void)unlinkat(etc, name, 0); /* of a dead process with our pid */
	fd = openat(etc, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	n = write(fd, text, size);
	if (n != (ssize_t)size)
		r = n < 0 ? -errno : -ENOSPC;
	else if (fdatasync(fd) < 0 || linkat(etc, name, etc, file, 0) < 0)
		r = -errno;
	else
		r = check_linked(etc, file, fd);
	(void)unlinkat(etc, name, 0);
	return r;
}

static int link_pid_file(int etc, const char *file)
{
	char path[sizeof("/proc/self/fd/4294967295")];
	auto_close int fd = make_pid_file(etc);

	if (fd == -EOPNOTSUPP || fd == -EISDIR)
		return link_named(etc, file);
	if (fd < 0)
		return fd;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, etc, file, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	/* without /proc */
	if (errno == ENOENT)
		return link_named(etc, file);
	return -errno;
}

/*
 * One try at a table's lock.  .pwd.lock is ours by now, so that two of us cannot
 * both find a lock stale and the second remove the first one's.
 */
static int try_table_lock(int etc, const char *file, struct subid_holder *holder)
{
	int r = link_pid_file(etc, file);
	pid_t pid;

	if (r != -EEXIST)
		return r;
	pid = read_lock_pid(etc, file);
	if (pid < 0 || (pid > 0 && is_alive(pid) && !is_of_a_namesake(etc, file, pid))) {
		holder_set(holder, file, pid);
		return SUBID_BUSY;
	}
	if (pid > 0 && unlinkat(etc, file, 0) < 0 && errno != ENOENT)
		return -errno;
	r = link_pid_file(etc, file);
	if (r != -EEXIST)
		return r;
	holder_set(holder, file, 0);
	return SUBID_BUSY;
}

int subid_lock_look(int etc, enum subid_kind kind, struct subid_holder *ret)
{
	pid_t pid = read_lock_pid(etc, lock_files[kind]);

	if (pid == 0)
		return SUBID_ABSENT;
	if (pid < 0 &&
	    faccessat(etc, lock_files[kind], R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	holder_set(ret, lock_files[kind], pid);
	return 0;
}

static int try_file_lock(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EAGAIN || errno == EACCES ? SUBID_BUSY : -errno;
}

/* A clock that nobody sets. */
static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Shorter, the longer it is that one has waited: so who came early is soon served. */
static void pause_a_little(int64_t waited_ms)
{
	int64_t seconds = waited_ms / 1000;
	long range = POLL_RANGE_NS >> (seconds < 3 ? seconds : 3);
	struct timespec pause;

	/* the clock's low digits differ from process to process */
	(void)clock_gettime(CLOCK_MONOTONIC, &pause);
	pause.tv_sec = 0;
	pause.tv_nsec = POLL_MIN_NS + pause.tv_nsec % range;
	(void)nanosleep(&pause, NULL); /* woken early: tries early */
}

/* The lock still missing: .pwd.lock first, then the tables in order. */
static int try_next(struct subid_lock *lock, bool *file_held, struct subid_holder *holder)
{
	int r = 0;

	if (!*file_held)
		r = try_file_lock(lock->fd);
	if (r != 0)
		return r;
	*file_held = true;
	for (enum subid_kind kind = 0; kind < SUBID_KINDS; kind++) {
		if (lock->held[kind])
			continue;
		r = try_table_lock(lock->etc, lock_files[kind], holder);
		if (r != 0)
			return r;
		lock->held[kind] = true;
	}
	return 0;
}

/*
 * Opens .pwd.lock, created if it is not there; -errno.  Threat: opening a fifo waits
 * for a reader that never comes, past every time limit.
 */
static int open_file_lock(int etc)
{
	auto_close int fd = -1;
	struct stat st;
	int opened;

	if (is_special(etc, FILE_LOCK, false))
		return -EINVAL;
	fd = openat(etc, FILE_LOCK,
		    O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		    0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	opened = fd;
	fd = -1;
	return opened;
}

/* Tries until they are had, or it has lasted too long. */
static int try_for(struct subid_lock *lock, int timeout_ms,
		   const struct subid_lock_wait *wait, bool *file_held,
		   struct subid_holder *holder)
{
	int64_t start = now_ms(), no_pid = -1, waited;
	bool said = wait == NULL || wait->waiting == NULL;
	int r;

	*holder = (struct subid_holder){ .file = FILE_LOCK };
	while ((r = try_next(lock, file_held, holder)) == SUBID_BUSY) {
		waited = now_ms() - start;
		if (!*file_held || holder->pid >= 0)
			no_pid = -1;
		else if (no_pid < 0)
			no_pid = waited;
		/* nothing will remove it, so waiting is no use */
		if (waited >= timeout_ms || (no_pid >= 0 && waited - no_pid >= NO_PID_MS))
			return r;
		if (!said && waited >= WAIT_SAID_MS) {
			if (!*file_held)
				find_file_holder(lock->etc, lock->fd, holder);
			wait->waiting(wait->data, holder);
			said = true;
		}
		pause_a_little(waited);
	}
	return r;
}

int subid_lock_take(int etc, int timeout_ms, const struct subid_lock_wait *wait,
		    struct subid_lock **ret, struct subid_holder *ret_holder)
{
	auto_lock struct subid_lock *lock = malloc(sizeof(*lock));
	bool file_held = false;
	int r;

	if (lock == NULL)
		return -ENOMEM;
	*lock = (struct subid_lock){ .fd = -1 };
	lock->etc = fcntl(etc, F_DUPFD_CLOEXEC, 0);
	if (lock->etc < 0)
		return -errno;
	lock->fd = open_file_lock(etc);
	if (lock->fd < 0)
		return lock->fd;
	r = try_for(lock, timeout_ms, wait, &file_held, ret_holder);
	/* once: looking costs more than trying, for all who wait */
	if (r == SUBID_BUSY && !file_held)
		find_file_holder(lock->etc, lock->fd, ret_holder);
	if (r != 0)
		return r;
	*ret = lock;
	lock = NULL;
	return 0;
}

void subid_lock_release(struct subid_lock **lock)
{
	struct flock none = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	if (*lock == NULL)
		return;
	for (int kind = SUBID_KINDS - 1; kind >= 0; kind--)
		if ((*lock)->held[kind])
			(void)unlinkat((*lock)->etc, lock_files[kind], 0);
	/* closing would not do while a child that another thread has forked meanwhile
	 * still has the file open; if it cannot be unlocked it was not locked */
	if ((*lock)->fd >= 0) {
		(void)fcntl((*lock)->fd, F_OFD_SETLK, &none);
		(void)close((*lock)->fd);
	}
	if ((*lock)->etc >= 0)
		(void)close((*lock)->etc);
	free(*lock);
	*lock = NULL;
}
