/* SPDX-License-Identifier: MIT */
/*
 * The maps of a namespace without a process: a child enters it and ends, and until it
 * is waited for /proc shows the maps beside its pid.
 *
 * Threat: who rules in that namespace may signal whoever enters it, and may trace it if
 * its memory, which is a copy of the caller's, is not guarded.
 *
 *  1. Nothing that the child says is believed, nor waited for: it may be stopped or
 *     killed at any moment.  /proc tells which namespace it came to.
 *  2. The child is not dumpable, so that to trace it takes privilege over the
 *     namespace of the caller.  Entering sets that to fs.suid_dumpable: with 1, by which
 *     everything may be traced, none is entered.
 *  3. The child makes system calls alone, with all signals blocked: it may be a copy of
 *     one thread of many, and none of the host's handlers is to run in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsubid/live/private.h"

/* May a process that has changed its ids be traced by its user? */
static bool is_tracing_free(int proc)
{
	char text[2];
	ssize_t n = proc_read_at(proc, "sys/fs/suid_dumpable", text, sizeof(text));

	return n > 0 && text[0] == '1';
}

static _Noreturn void enter_and_end(int ns)
{
	if (prctl(PR_SET_DUMPABLE, 0) == 0)
		(void)setns(ns, CLONE_NEWUSER);
	_exit(0);
}

/*
 * A child without an exit signal: the host's SIGCHLD is not for it, and the host's
 * wait(2) does not see it.  All arguments are 0, so their order, which differs between
 * machines, is all the same.
 */
static pid_t start_inside(int ns)
{
	sigset_t every, before;
	pid_t pid;

	(void)sigfillset(&every);
	(void)pthread_sigmask(SIG_BLOCK, &every, &before);
	pid = (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
	if (pid == 0)
		enter_and_end(ns);
	if (pid < 0)
		pid = -errno;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

/* Returns when it has ended; it can still be looked at. */
static int await_end(pid_t pid)
{
	siginfo_t info = { .si_code = 0 };
	int r;

	do
		r = waitid(P_PID, (id_t)pid, &info,
			   WEXITED | WSTOPPED | WNOWAIT | __WALL);
	while (r < 0 && errno == EINTR);
	if (r == 0 && (info.si_code == CLD_STOPPED || info.si_code == CLD_TRAPPED)) {
		(void)kill(pid, SIGKILL);
		do
			r = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | __WALL);
		while (r < 0 && errno == EINTR);
	}
	return r < 0 ? -errno : 0;
}

static int read_maps(int proc, pid_t pid, struct subid_live_userns *userns)
{
	int r = proc_is_in(proc, pid, userns->inode);

	if (r == -ESRCH)
		return -EPERM; /* it did not come so far */
	for (enum subid_kind kind = 0; r == 0 && kind < SUBID_KINDS; kind++)
		r = proc_read_map(proc, pid, kind, &userns->maps[kind]);
	if (r == 0)
		userns->setgroups = proc_read_setgroups(proc, pid);
	return r;
}

int live_read_inside(int proc, struct subid_live_userns *userns, int ns)
{
	pid_t pid = is_tracing_free(proc) ? -EPERM : start_inside(ns);
	int r = pid < 0 ? pid : await_end(pid);

	if (r == 0)
		r = read_maps(proc, pid, userns);
	if (pid > 0)
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			;
	for (enum subid_kind kind = 0; r < 0 && kind < SUBID_KINDS; kind++) {
		live_map_free(&userns->maps[kind]);
		userns->maps[kind].error = r;
	}
	return r == -ENOMEM ? r : 0;
}
