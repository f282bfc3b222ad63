/* SPDX-License-Identifier: MIT */
/*
 * What this process has from the host, set back to what a service has that init starts:
 * the host's limits, nice value or signals may be those of the user who called su, and
 * would keep the locks of the account database for as long as he likes.
 *
 * The uid of the login session (loginuid) stays: the audit says by it who it was.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsubid/core/core.h"
#include "tools/subid/login.h"

/* Of /proc/PID/status. */
struct status {
	unsigned long long capabilities; /* CapEff */
	unsigned int filters;		 /* seccomp's, at least so many */
	bool no_new_privs;
};

/* What a number in the file is, behind "NAME:"; 0 if it is not there. */
static unsigned long long number_of(const char *text, const char *name, int base)
{
	const char *at = strstr(text, name);

	return at == NULL ? 0 : strtoull(at + strlen(name), NULL, base);
}

/* 0 or -errno. */
static int read_status(const char *pid, struct status *ret)
{
	auto_text struct subid_text text = { .bytes = NULL };
	char path[32];
	int r;

	(void)snprintf(path, sizeof(path), "/proc/%s/status", pid);
	r = subid_text_read_max(AT_FDCWD, path, false, 1 << 16, &text);
	if (r < 0)
		return r;
	ret->capabilities = number_of(text.bytes, "\nCapEff:", 16);
	ret->no_new_privs = number_of(text.bytes, "\nNoNewPrivs:", 10) != 0;
	ret->filters = (unsigned int)number_of(text.bytes, "\nSeccomp_filters:", 10);
	if (ret->filters == 0 && number_of(text.bytes, "\nSeccomp:", 10) != 0)
		ret->filters = 1; /* before Linux 5.9 they are not counted */
	return 0;
}

/*
 * What a process can never get rid of.  What init has, too, is the container's, and
 * nothing that a service or a user has added.
 */
static const char *find_restriction(void)
{
	static const struct {
		unsigned int capability;
		const char *why;
	} needed[] = {
		{ CAP_CHOWN, "it lacks CAP_CHOWN" },
		{ CAP_DAC_OVERRIDE, "it lacks CAP_DAC_OVERRIDE" },
		{ CAP_FOWNER, "it lacks CAP_FOWNER" },
	};
	struct status own, init = { .filters = 0 };

	if (read_status("self", &own) < 0)
		return "/proc/self/status cannot be read";
	(void)read_status("1", &init); /* or nothing is excused */
	if (own.filters > init.filters)
		return "a seccomp filter restricts it";
	if (own.no_new_privs && !init.no_new_privs)
		return "no_new_privs is set";
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if ((own.capabilities & 1ULL << needed[i].capability) == 0)
			return needed[i].why;
	return NULL;
}

#define UNLIMITED RLIM_INFINITY

/* What init's children have, and what is enough if it cannot be had. */
static const struct {
	__rlimit_resource_t limit;
	rlim_t soft, hard, enough;
	const char *why;
} limits[] = {
	{ RLIMIT_CPU, UNLIMITED, UNLIMITED, UNLIMITED,
	  "the limit on processor time (RLIMIT_CPU) cannot be lifted" },
	{ RLIMIT_FSIZE, UNLIMITED, UNLIMITED, UNLIMITED,
	  "the limit on the size of files (RLIMIT_FSIZE) cannot be lifted" },
	{ RLIMIT_DATA, UNLIMITED, UNLIMITED, UNLIMITED,
	  "the limit on data (RLIMIT_DATA) cannot be lifted" },
	{ RLIMIT_AS, UNLIMITED, UNLIMITED, UNLIMITED,
	  "the limit on memory (RLIMIT_AS) cannot be lifted" },
	{ RLIMIT_RSS, UNLIMITED, UNLIMITED, 0, NULL },
	{ RLIMIT_LOCKS, UNLIMITED, UNLIMITED, UNLIMITED,
	  "the limit on locks (RLIMIT_LOCKS) cannot be lifted" },
	{ RLIMIT_STACK, 8 << 20, UNLIMITED, 1 << 20,
	  "the limit on the stack (RLIMIT_STACK) cannot be lifted" },
	{ RLIMIT_NOFILE, 1024, 4096, 256,
	  "the limit on open files (RLIMIT_NOFILE) cannot be lifted" },
	{ RLIMIT_NPROC, UNLIMITED, UNLIMITED, 0, NULL },
	{ RLIMIT_CORE, 0, UNLIMITED, 0, NULL },
	{ RLIMIT_RTTIME, UNLIMITED, UNLIMITED, 0, NULL },
};

static const char *reset_limits(void)
{
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit limit = { limits[i].soft, limits[i].hard };

		if (setrlimit(limits[i].limit, &limit) == 0)
			continue;
		/* as high as it goes */
		if (getrlimit(limits[i].limit, &limit) == 0) {
			limit.rlim_cur = limit.rlim_max < limits[i].soft ? limit.rlim_max
									 : limits[i].soft;
			(void)setrlimit(limits[i].limit, &limit);
		}
		if (limit.rlim_cur < limits[i].enough)
			return limits[i].why;
	}
	return NULL;
}

/*
 * All but SIGKILL and SIGSTOP.  By the system call: glibc's functions refuse the two
 * signals that it uses itself, and its posix_spawn(3) leaves these ignored.
 */
static void reset_signals(void)
{
	/* the kernel's struct sigaction: a handler, flags, a restorer, a mask; SIG_DFL is
	 * 0 */
	const unsigned long usual[8] = { 0 };
	sigset_t none;

	for (int i = 1; i < _NSIG; i++)
		if (i != SIGPIPE && i != SIGXFSZ)
			(void)syscall(SYS_rt_sigaction, i, usual, NULL, _NSIG / 8);
	/* who has gone is no reason to end in the middle */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Nothing that has low priority may hold a lock that others wait for. */
static const char *reset_priority(void)
{
	const struct sched_param usual = { .sched_priority = 0 };
	cpu_set_t all;

	if (setpriority(PRIO_PROCESS, 0, 0) < 0 && getpriority(PRIO_PROCESS, 0) > 0)
		return "its nice value cannot be set back";
	if (sched_setscheduler(0, SCHED_OTHER, &usual) < 0 &&
	    sched_getscheduler(0) != SCHED_OTHER)
		return "its scheduling policy cannot be set back";
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		      IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0));
	memset(&all, 0xff, sizeof(all));
	(void)sched_setaffinity(0, sizeof(all), &all);
	return NULL;
}

/* What the kernel would choose first when memory is short. */
static void reset_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "0",
		     1); /* it could be ended, at no worse a moment than others */
	(void)close(fd);
}

const char *login_reset(void)
{
	const char *why;

	reset_signals();
	(void)setsid(); /* or it has one */
	(void)umask(022);
	(void)prctl(PR_SET_NAME, "subid"); /* run by descriptor, it is called by that */
	/* descriptors that a child of ours has no use for */
	(void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	if (chdir("/") < 0)
		return "its working directory cannot be set back";
	/* before anything that a filter may end it for */
	why = find_restriction();
	if (why == NULL)
		why = reset_limits();
	if (why == NULL)
		why = reset_priority();
	if (why != NULL)
		return why;
	reset_oom_score();
	if (setresgid(0, 0, 0) < 0)
		return "its group cannot be set back";
	(void)setgroups(0, NULL); /* root's rights do not come from them */
	(void)personality(PER_LINUX);
	/* with an empty one it has none of the user's keys; kernels may lack them */
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	return NULL;
}
