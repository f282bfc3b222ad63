/* SPDX-License-Identifier: MIT */
/*
 * Those who try again and again get a lock by luck: among dozens, somebody has none for
 * a quarter of a minute.  The kernel keeps a queue of those who wait in fcntl(2), but
 * there no time limit ends the waiting, only a signal with a handler, which a library
 * may not have in somebody else's process.  So a child waits.  The lock belongs to the
 * open file description, which both share: when the child has it, so has the parent.
 */
#include "libsubid/tables/private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsubid/core/core.h"

/* Linux 5.4, missing in older headers of the C library */
#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/*
 * The child.  Whoever ends its parent ends it, too: what the parent has open is kept by
 * nobody.
 */
_Noreturn static void wait_in_turn(int fd, pid_t parent)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	_exit(fcntl(fd, F_OFD_SETLKW, &lock) == 0 ? 0 : 1);
}

/*
 * A child that is nobody's business but ours: it sends no SIGCHLD, is no answer to a
 * wait(2) that others do, and has none of the process's handlers.  Its pidfd or -errno.
 */
static int send_child(int fd)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_FILES | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
	};
	const pid_t parent = getpid();
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		wait_in_turn(fd, parent);
	return pid < 0 ? -errno : pidfd;
}

int subid_lock_queue(int fd, int timeout_ms)
{
	auto_close int child = send_child(fd);
	struct pollfd wait = { .fd = child, .events = POLLIN };
	int64_t end = lock_clock_ms() + timeout_ms, left = timeout_ms;
	siginfo_t ended = { .si_code = 0 };
	int r = 0;

	if (child < 0)
		return child;
	while (r == 0 && left > 0) {
		r = poll(&wait, 1, (int)left);
		if (r < 0 && errno == EINTR)
			r = 0;
		left = end - lock_clock_ms();
	}
	/* the lock may be had at this moment still; how the child ended tells */
	if (r <= 0)
		(void)syscall(SYS_pidfd_send_signal, child, SIGKILL, NULL, 0);
	do
		r = waitid(P_PIDFD, (id_t)child, &ended, WEXITED | __WALL);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	if (ended.si_code == CLD_EXITED)
		return ended.si_status == 0 ? 0 : -ENOLCK;
	return left > 0 ? -ECANCELED : SUBID_BUSY;
}
