/* SPDX-License-Identifier: MIT */
/*
 * Children that enter a namespace, for what can only be seen from inside.
 *
 * The maps of a user namespace without a process: a child enters it and ends, and until
 * it is waited for /proc shows the maps beside its pid.
 *
 * Threat: root of that namespace may signal whoever enters it, and may trace it if its
 * memory, which is a copy of the caller's, is not protected.
 *
 *  1. Nothing that the child says is believed or waited for: it may be stopped or killed
 *     at any moment.  /proc says which namespace it has entered.
 *  2. The child is not dumpable, so that tracing it takes privilege over the caller's
 *     namespace.  Entering sets that to fs.suid_dumpable: if it is 1, by which everything
 *     may be traced, no namespace is entered.
 *  3. The child makes system calls only, with all signals blocked: it may be a copy of
 *     one thread of many, and none of the caller's signal handlers may run in it.
 *
 * The mounts of a mount namespace whose processes are all in a chroot: a child enters it,
 * which puts it at the root, and waits while /proc shows the mounts beside its pid.  It
 * stays in the caller's user namespace, where no other user has a say.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "libsubid/live/private.h"

#define ENTER_MS 1000

/* May a process that has changed its ids be traced by its user? */
static bool is_tracing_free(int proc)
{
	char text[2];
	ssize_t n = proc_read_at(proc, "sys/fs/suid_dumpable", text, sizeof(text));

	return n > 0 && text[0] == '1';
}

/*
 * A child without an exit signal: the caller gets no SIGCHLD for it, and the caller's
 * wait(2) does not see it.  All arguments are 0, so that their order, which differs
 * between machines, does not matter.  0 in the child, its pid, or -errno.
 */
static pid_t start_unseen(void)
{
	sigset_t every, before;
	pid_t pid;

	(void)sigfillset(&every);
	(void)pthread_sigmask(SIG_BLOCK, &every, &before);
	pid = (pid_t)syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);
	if (pid < 0)
		pid = -errno;
	if (pid != 0)
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pid;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

/* --- user namespaces ---------------------------------------------------------------- */

static _Noreturn void enter_and_end(int ns)
{
	if (prctl(PR_SET_DUMPABLE, 0) == 0)
		(void)setns(ns, CLONE_NEWUSER);
	_exit(0);
}

/* Returns when it has ended; /proc still shows it. */
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

static int read_maps_of_child(int proc, pid_t pid, struct subid_live_userns *userns)
{
	int r = proc_is_in(proc, pid, userns->inode);

	if (r == -ESRCH)
		return -EPERM; /* it has not entered */
	if (r == 0)
		r = proc_read_maps(proc, pid, userns->maps);
	if (r == 0)
		userns->setgroups = proc_read_setgroups(proc, pid);
	return r;
}

int inside_read_maps(int proc, struct subid_live_userns *userns, int ns)
{
	pid_t pid = is_tracing_free(proc) ? -EPERM : start_unseen();
	int r;

	if (pid == 0)
		enter_and_end(ns);
	r = pid < 0 ? pid : await_end(pid);
	if (r == 0)
		r = read_maps_of_child(proc, pid, userns);
	if (pid > 0)
		reap(pid);
	if (r < 0)
		proc_free_maps(userns->maps, r);
	return proc_is_short(r) || pid == -EAGAIN ? r : 0;
}

/* --- mount namespaces --------------------------------------------------------------- */

/* Says whether it is there, and waits until the caller closes the other end, or ends. */
static _Noreturn void enter_and_wait(int ns, int to_parent)
{
	char said = setns(ns, CLONE_NEWNS) == 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (write(to_parent, &said, 1) == 1)
		while (read(to_parent, &said, 1) > 0)
			;
	_exit(0);
}

static int await_entry(int from_child)
{
	struct pollfd wait = { .fd = from_child, .events = POLLIN };
	char said = 0;
	int r;

	do
		r = poll(&wait, 1, ENTER_MS);
	while (r < 0 && errno == EINTR);
	return r == 1 && read(from_child, &said, 1) == 1 && said == 1 ? 0 : -EPERM;
}

int inside_enter_mounts(int ns, struct inside *ret)
{
	auto_close int here = -1, there = -1;
	int pair[2], r;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	here = pair[0];
	there = pair[1];
	pid = start_unseen();
	if (pid == 0) {
		(void)close(here);
		enter_and_wait(ns, there);
	}
	if (pid < 0)
		return pid;
	*ret = (struct inside){ .pid = pid, .fd = here };
	here = -1;
	(void)close(there);
	there = -1;
	r = await_entry(ret->fd);
	if (r < 0)
		inside_leave(ret);
	return r;
}

void inside_leave(struct inside *inside)
{
	if (inside->pid <= 0)
		return;
	(void)kill(inside->pid, SIGKILL);
	reap(inside->pid);
	(void)close(inside->fd); /* nothing was written */
	*inside = (struct inside){ .pid = 0, .fd = -1 };
}
